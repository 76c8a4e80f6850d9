"""A case as a list shows it, and reading what that needs for many cases at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact

FLAGS: Mapping[str, str | Promise] = {
    "emergency": gettext_lazy("emergency"),
    "critical": gettext_lazy("critical"),
    "urgent": gettext_lazy("urgent"),
    "confidential": gettext_lazy("confidential"),
    "supervised": gettext_lazy("under supervision"),
    "awaiting_citizen": gettext_lazy("waiting for the citizen"),
    "redone": gettext_lazy("done again"),
}


@dataclass
class Row:
    """A case as a list shows it: `words` are the reporter's first ones."""

    case: Case
    what: str
    words: str
    where: str
    flags: Sequence[str] = ()

    @property
    def start(self) -> datetime:
        """When the clock that is shown began, for the bar of time used."""
        return self.case.dispatched_at or self.case.received_at


def rows_of(cases: Iterable[Case]) -> list[Row]:
    """Rows for cases of one page, with one more query for their words."""
    cases = list(cases)
    first = (
        Contact.objects.filter(case__in=[c.pk for c in cases])
        .order_by("case_id", "at", "pk")
        .distinct("case_id")
        .values_list("case_id", "body")
    )
    words = dict(first)
    made = []
    for case in cases:
        flags = [
            name for name in ("emergency", "confidential", "supervised", "awaiting_citizen") if getattr(case, name)
        ]
        if case.urgency != "normal":
            flags.insert(0, case.urgency)
        if case.redos:
            flags.append("redone")
        made.append(Row(case, category_name(case), (words.get(case.pk) or "")[:240], case.address, flags))
    return made


def category_name(case: Case) -> str:
    """The category's name in the edition that the case stands in."""
    if not case.category:
        return _("Not yet classified")
    category = catalogue.of_number(case.edition).category(case.category)
    return category.name if category else case.category
