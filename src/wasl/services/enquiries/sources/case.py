"""The status of our own cases by acceptance number: the honest line that the portal says, in at most two parts of SMS.

Source: requirements L2, C8.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import F, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case, State
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.people.models import Address
from wasl.core.people.queries import index_of
from wasl.kernel import acceptance, seal
from wasl.kernel.names import local
from wasl.services.messages import queries as messages

COLUMNS = ("number", "status")
# Two parts carry 306 septets or 134 units; what a reply says around the status has some of them.
_ROOM_LATIN, _ROOM = 250, 110
_NEEDED = (
    "number", "pin_generation", "state", "outcome", "unit_id", "requester_id", "category", "confidential", "against_id",
    "registered_at", "due_result", "due_next", "redacted_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CaseFound:
    """A case, with the blind indexes of the telephone numbers that open it.

    They are its requester's, proved to be his or told of this case by SMS, and none that failed since: what somebody
    only typed opens nothing.
    """

    case: Case
    numbers: frozenset[bytes]
    public: bool

    def said(self, language: str) -> Mapping[str, str]:
        """Number and status. Direction marks would cost an English text half its room, and it needs none."""
        number = self.case.number
        shown = acceptance.grouped(number) if language == "en" else acceptance.in_text(number)
        return {"number": shown, "acceptance": shown, "status": self._status(language)}

    def belongs_to(self, number: str) -> bool:
        """Whether it is a number that opens it."""
        return index_of(Address.Medium.PHONE, number) in self.numbers

    def opens_with(self, pin: str) -> bool:
        """Whether it is the PIN on the receipt."""
        return seal.pin_matches(self.case.number, self.case.pin_generation, pin)

    @property
    def is_public(self) -> bool:
        """Whether the portal shows its status to everybody."""
        return self.public

    @property
    def mark(self) -> str:
        """There is one of a number."""
        return self.case.number

    def _status(self, language: str) -> str:
        text = _sentence(self.case)
        over = len(text) - (_ROOM_LATIN if text.isascii() else _ROOM)
        if over <= 0 or self.case.unit is None:
            return text
        # The date stays; the unit's name gives way, in signs that every alphabet of SMS has.
        case = copy.copy(self.case)
        name = local(self.case.unit.names, language)
        case.unit = copy.copy(self.case.unit)
        case.unit.names = {language: name[: max(12, len(name) - over - 2)].rstrip() + ".."}
        return _sentence(case)


def _sentence(case: Case) -> str:
    """As the page says it, but where that points below itself."""
    due = case.due_result or case.due_next
    if case.state == State.REFUSED:
        return _("It was not accepted. Its page gives the reason; so do we, on %(hotline)s.") % {
            "hotline": organisation.the_city().hotline
        }
    if case.state == State.SUSPENDED and due is not None:
        when = date_format(timezone.localtime(due), pgettext("date format of Django", "j F Y, H:i"))
        return _("It has to wait. Then %(unit)s must answer by %(when)s.") % {
            "unit": case.unit or _("the centre"),
            "when": when,
        }
    return cases.status_sentence(case)


def find(numbers: Iterable[str]) -> dict[str, list[CaseFound]]:
    """The cases of these acceptance numbers (in their one form): three queries, whatever their count."""
    held = list(Case.objects.filter(number__in=set(numbers), redacted_at__isnull=True).only(*_NEEDED))
    persons = {case.requester_id for case in held} - {None}
    reached: dict[int, list[Address]] = {}
    told: set[tuple[int, int]] = set()
    if persons:
        usable = Q(failed_at__isnull=True) | Q(verified_at__gt=F("failed_at"))
        rows = Address.objects.filter(usable, person__in=persons, medium=Address.Medium.PHONE)
        for row in rows.only("person_id", "look_up", "verified_at"):
            reached.setdefault(row.person_id, []).append(row)
        told = messages.told_addresses([case.pk for case in held])
    shown = _public_categories()
    found: dict[str, list[CaseFound]] = {}
    for case in held:
        if case.unit_id is not None:
            case.unit = organisation.unit_of(case.unit_id)
        public = (
            case.category in shown
            and not case.confidential
            and case.against_id is None
            and case.registered_at is not None
        )
        numbers_of = frozenset(
            bytes(row.look_up)
            for row in reached.get(case.requester_id or 0, ())
            if row.verified_at is not None or (case.pk, row.pk) in told
        )
        found[case.number] = [CaseFound(case, numbers_of, public)]
    return found


def _public_categories() -> frozenset[str]:
    try:
        return cases.public_categories()
    except catalogue.NotSetUp:
        return frozenset()
