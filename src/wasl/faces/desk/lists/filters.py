"""What narrows a list: read from the address, said in words, turned into a query. No page and no list is here."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import reduce
from operator import or_
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy

from wasl.core.cases import queries
from wasl.core.cases.models import OPEN_STATES, Case, Kind, State, Urgency, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.faces.frame import dates
from wasl.kernel import acceptance
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import OWN_NAMES

MANY = 40
"""Values of one filter, at most."""
MOST_HOURS = 24 * 60
OVER = "over"
MARKS: dict[str, str | Promise] = {
    "emergency": gettext_lazy("Emergency"),
    "confidential": gettext_lazy("Confidential"),
    "supervised": gettext_lazy("Under supervision"),
    "brief": gettext_lazy("To be reported to the leaders"),
    "awaiting_citizen": pgettext_lazy("list", "Waiting for the citizen"),
}
# What an address of a list may hold beside the filters, and a case page hands on.
PLACE = ("from", "view", "cols", "order", "after", "before")


_KNOWN: dict[str, Callable[[], Collection[str]]] = {
    "state": lambda: (*State.values, "open"),
    "category": lambda: catalogue.in_force().categories,
    "unit": organisation.units,
    "area": lambda: organisation.areas()[1],
    "kind": lambda: Kind.values,
    "urgency": lambda: Urgency.values,
    "medium": lambda: Contact.Medium.values,
    "language": lambda: OWN_NAMES,
    "mark": lambda: MARKS,
}


@dataclass(frozen=True)
class Filters:
    """What was chosen. Several values of one filter mean any of them; several filters mean all of them.

    `due` is "" or "over" or hours in digits; `since` and `until` are days of receipt in local time, both included;
    `mine`: the person answers for it, or signed for it.
    """

    number: str = ""
    state: tuple[str, ...] = ()
    category: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    area: tuple[str, ...] = ()
    kind: tuple[str, ...] = ()
    urgency: tuple[str, ...] = ()
    medium: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    mark: tuple[str, ...] = ()
    due: str = ""
    since: date | None = None
    until: date | None = None
    mine: bool = False

    @classmethod
    def read(cls, query: QueryDict) -> "Filters":
        """From the query of an address."""
        several = {
            name: tuple(dict.fromkeys(v for v in query.getlist(name)[:MANY] if v and v in known()))
            for name, known in _KNOWN.items()
        }
        return cls(
            number=query.get("number", "")[:40].replace("\x00", "").strip(),
            due=_due(query.get("due", "")),
            since=_day(query.get("since", "")),
            until=_day(query.get("until", "")),
            mine=query.get("mine", "") == "1",
            **several,
        )

    def pairs(self) -> list[tuple[str, str]]:
        """As an address says it: `read` of them gives the same filters."""
        found: list[tuple[str, str]] = []
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, tuple):
                found += [(part.name, one) for one in value]
            elif value:
                found.append((part.name, "1" if value is True else str(value)))
        return found

    def narrow(self, cases: QuerySet[Case], staff: Staff) -> QuerySet[Case]:
        """Only the cases that fit all."""
        if self.number:
            cases = cases.filter(number=acceptance.parse(self.number) or "-")
        if self.state:
            cases = cases.filter(state__in={*self.state} | ({*OPEN_STATES} if "open" in self.state else set()))
        if self.category:
            below = [c.code for c in catalogue.in_force().categories.values() if {*self.category} & {*c.line}]
            cases = cases.filter(category__in=below)
        if self.area:
            cases = cases.filter(area__in=_inner(self.area))
        for name in ("kind", "urgency", "medium"):
            if value := getattr(self, name):
                cases = cases.filter(**{f"{name}__in": value})
        if self.unit:
            cases = cases.filter(unit__in=organisation.under(organisation.unit(code).path for code in self.unit))
        cases = _any(cases, [Q(language__startswith=code) for code in self.language])
        cases = _any(cases, [Q(**{name: True}) for name in self.mark])
        return self._in_time(cases, staff)

    def _in_time(self, cases: QuerySet[Case], staff: Staff) -> QuerySet[Case]:
        if self.due:
            cases = queries.overdue(cases) if self.due == OVER else queries.due_within(cases, int(self.due))
        if self.since:
            cases = cases.filter(received_at__gte=_midnight(self.since))
        if self.until:
            cases = cases.filter(received_at__lt=_midnight(self.until + timedelta(days=1)))
        if self.mine:
            signed = WorkOrder.objects.filter(signed_by=staff, state__in=WorkOrder.LIVE).values("case")
            # A union and no "or": PostgreSQL would look at every case for that.
            cases = cases.filter(pk__in=Case.objects.filter(owner=staff).values("pk").union(signed))
        return cases

    def words(self) -> list[tuple[str, str, str]]:
        """(name in the address, value there, words for people) of each value that is set."""
        return [(name, value, self._said(name, value)) for name, value in self.pairs()]

    def _said(self, name: str, value: str) -> str:
        match name:
            case "since":
                return _("received from %(day)s") % {"day": _spoken(self.since)}
            case "until":
                return _("received until %(day)s") % {"day": _spoken(self.until)}
        return _SAID[name](value)


_SAID: dict[str, Callable[[str], str]] = {
    "number": str,
    "state": lambda v: pgettext("cases", "open") if v == "open" else str(State(v).label),
    "category": lambda v: catalogue.in_force().categories[v].name,
    "unit": lambda v: str(organisation.unit(v)),
    "area": lambda v: str(organisation.areas()[1][v]),
    "kind": lambda v: str(Kind(v).label),
    "urgency": lambda v: str(Urgency(v).label),
    "medium": lambda v: str(Contact.Medium(v).label),
    "language": lambda v: OWN_NAMES[v],
    "mark": lambda v: str(MARKS[v]),
    "due": lambda v: _("overdue") if v == OVER else due_words(int(v)),
    "mine": lambda v: pgettext("cases", "mine"),
}


def _any(cases: QuerySet[Case], fits: list[Q]) -> QuerySet[Case]:
    return cases.filter(reduce(or_, fits)) if fits else cases


def due_words(hours: int) -> str:
    """A number of hours as a filter says it."""
    return ngettext("due within %(n)s hour", "due within %(n)s hours", hours) % {"n": hours}


def kept(query: QueryDict) -> str:
    """The part of an address that says which list one comes from and how it was narrowed, to hand on."""
    names = {*PLACE, *(part.name for part in fields(Filters))}
    return urlencode([(k, v) for k, values in query.lists() if k in names for v in values[:MANY] if v])


def _due(text: str) -> str:
    if text == OVER:
        return OVER
    digits = to_ascii_digits(text[:8]).strip()
    return str(int(digits)) if digits.isdecimal() and 1 <= int(digits) <= MOST_HOURS else ""


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(to_ascii_digits(text[:12]).strip())
    except ValueError:
        return None
    # Nothing was received outside these years, and an instant beside the calendar's ends cannot be computed.
    return found if 2000 <= found.year <= 2999 else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - made aware on the spot


def _spoken(day: date | None) -> str:
    return dates.calendar_day(day) if day else ""


def _inner(codes: tuple[str, ...]) -> set[int]:
    known = organisation.areas()[1].values()
    found = {area.pk for area in known if area.code in codes}
    edge = found
    while edge:
        edge = {area.pk for area in known if area.parent_id in edge} - found
        found |= edge
    return found


__all__ = ["MARKS", "OVER", "Filters", "due_words", "kept"]
