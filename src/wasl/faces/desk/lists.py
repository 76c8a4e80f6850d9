"""Lists of cases: which there are, who has them on the rail, filters, and paging by key."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import queries
from wasl.core.cases.models import OPEN_STATES, Case, Kind, State, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import acceptance, clock

PAGE = 50
COUNTED = 999
SOON = timedelta(hours=24)
HOURS = (4, 24, 72)
_DUE_LABELS = {
    4: pgettext_lazy("list", "Due in 4 hours"),
    24: pgettext_lazy("list", "Due in 24 hours"),
    72: pgettext_lazy("list", "Due in 72 hours"),
}
S = State


@dataclass(frozen=True)
class Listing:
    """One list: `choose` gives the cases of a person; `roles` have it on their rail.

    `newest` orders by receipt, not by deadline.
    """

    code: str
    label: str | Promise
    icon: str
    choose: Callable[[Staff], QuerySet[Case]]
    roles: frozenset[str] = frozenset()
    key: str = ""
    empty: str | Promise = ""
    newest: bool = False
    urgent: bool = False
    counted: bool = True


def _in(*states: str) -> Callable[[Staff], QuerySet[Case]]:
    return lambda staff: queries.visible_to(staff).filter(state__in=states)


def _work(staff: Staff, *states: str) -> QuerySet[Case]:
    under = Q(pk__in=[])
    for path in rights.scopes(staff, "order.signed").unit_paths:
        under |= Q(unit__path__startswith=path)
    live = WorkOrder.objects.filter(under, case=OuterRef("pk"), state__in=states or WorkOrder.LIVE)
    return queries.visible_to(staff).filter(Exists(live))


def _to_close(staff: Staff) -> QuerySet[Case]:
    ripe = Q(state=S.TOLD) & (Q(due_centre__lte=clock.now()) | Q(attempts__gte=3))
    return queries.visible_to(staff).filter(Q(state__in=[S.CONFIRMED, S.ANSWERED, S.REFUSED]) | ripe)


def _waiting(staff: Staff) -> QuerySet[Case]:
    return queries.visible_to(staff).filter(Q(state=S.TOLD) | Q(awaiting_citizen=True, state__in=OPEN_STATES))


def _extensions(staff: Staff) -> QuerySet[Case]:
    asked = WorkOrder.objects.filter(case=OuterRef("pk"), state__in=WorkOrder.LIVE).exclude(
        extension_asked="", pause_asked={}
    )
    return queries.visible_to(staff).filter(Exists(asked))


def _unsigned(staff: Staff) -> QuerySet[Case]:
    return queries.visible_to(staff).filter(state=S.DISPATCHED)


def _due(hours: int) -> Callable[[Staff], QuerySet[Case]]:
    return lambda staff: queries.due_within(queries.visible_to(staff), hours)


def _overdue(staff: Staff) -> QuerySet[Case]:
    return queries.overdue(queries.visible_to(staff))


def _roles(text: str) -> frozenset[str]:
    return frozenset(text.split())


LISTINGS: dict[str, Listing] = {
    listing.code: listing
    for listing in (
        Listing(
            "work",
            pgettext_lazy("list", "Work list"),
            "list-check",
            _work,
            _roles("officer"),
            "g w",
            gettext_lazy("Requests that were sent to your unit appear here, the most urgent first."),
        ),
        Listing(
            "sign",
            pgettext_lazy("list", "To sign for"),
            "signature",
            lambda staff: _work(staff, "dispatched"),
            _roles("officer"),
            "g s",
            gettext_lazy("New orders that nobody of your unit has signed for appear here."),
            urgent=True,
        ),
        Listing(
            "review",
            pgettext_lazy("list", "New"),
            "inbox",
            _in(S.RECEIVED),
            _roles("agent dispatcher supervisor"),
            "g n",
            gettext_lazy("Reports of the web, Open311 and mail that nobody has read yet appear here."),
        ),
        Listing(
            "dispatch",
            pgettext_lazy("list", "To dispatch"),
            "send",
            _in(S.REGISTERED, S.RETURNED, S.CONTESTED),
            _roles("agent dispatcher supervisor"),
            "g d",
            gettext_lazy("Registered, returned and contested requests that need a unit appear here."),
        ),
        Listing(
            "arbitration",
            pgettext_lazy("list", "Disputed"),
            "scale",
            _in(S.ARBITRATION),
            _roles("dispatcher supervisor"),
            "g a",
            gettext_lazy("Requests that no unit takes appear here, with the words of both sides."),
            urgent=True,
        ),
        Listing(
            "replies",
            pgettext_lazy("list", "To review"),
            "clipboard-check",
            _in(S.REPLIED),
            _roles("second_line supervisor"),
            "g r",
            gettext_lazy("Replies of units appear here before the citizen is told."),
        ),
        Listing(
            "tell",
            pgettext_lazy("list", "To tell"),
            "speakerphone",
            _in(S.REVIEWED),
            _roles("second_line"),
            "g t",
            gettext_lazy("Approved replies that the citizen does not know yet appear here."),
        ),
        Listing(
            "close",
            pgettext_lazy("list", "To close"),
            "archive",
            _to_close,
            _roles("second_line"),
            "g c",
            gettext_lazy(
                "Requests that were answered, refused or confirmed, or whose time to answer is over, appear here."
            ),
        ),
        Listing(
            "waiting",
            pgettext_lazy("list", "Waiting"),
            "clock-pause",
            _waiting,
            _roles("second_line"),
            "g e",
            gettext_lazy("Requests that wait for the citizen's word appear here."),
            counted=False,
        ),
        Listing(
            "extensions",
            pgettext_lazy("list", "Extensions"),
            "clock-plus",
            _extensions,
            _roles("supervisor"),
            "g x",
            gettext_lazy("Units that ask for more time or for a pause appear here."),
        ),
        Listing(
            "overdue",
            pgettext_lazy("list", "Overdue"),
            "clock-exclamation",
            _overdue,
            _roles("dispatcher supervisor leader second_line"),
            "g o",
            gettext_lazy("Nothing is overdue. Requests of which a clock has run out appear here."),
            urgent=True,
        ),
        Listing(
            "unsigned",
            pgettext_lazy("list", "Unsigned"),
            "signature",
            _unsigned,
            frozenset(),
            "",
            gettext_lazy("Orders that no unit has signed for appear here."),
        ),
        *(
            Listing(
                f"due{hours}",
                _DUE_LABELS[hours],
                "calendar-due",
                _due(hours),
                _roles("leader") if hours == 24 else frozenset(),
                "",
                gettext_lazy("No clock runs out in this time."),
            )
            for hours in HOURS
        ),
        Listing(
            "all",
            pgettext_lazy("list", "All"),
            "list-details",
            queries.visible_to,
            _roles("agent dispatcher officer second_line supervisor leader"),
            "g l",
            gettext_lazy("Every request that you may see appears here."),
            newest=True,
            counted=False,
        ),
    )
}


def count_of(listing: Listing, staff: Staff) -> int:
    """How many cases it has for this person, at most `COUNTED`."""
    return listing.choose(staff).order_by()[:COUNTED].count()


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


@dataclass
class Page:
    """One page of a list: its rows and the addresses of its neighbours (empty for none)."""

    rows: list[Row]
    older_url: str = ""
    newer_url: str = ""
    filters: "Filters" = field(default_factory=lambda: Filters())

    @property
    def shown(self) -> int:
        """How many rows."""
        return len(self.rows)


@dataclass
class Filters:
    """What was chosen to narrow a list, read from the address; unknown values are passed over."""

    state: str = ""
    category: str = ""
    unit: str = ""
    area: str = ""
    kind: str = ""
    number: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filters":
        """From the query of an address."""
        book = catalogue.in_force()
        areas = organisation.areas()[1]

        def chosen(name: str, known: Any) -> str:
            value = query.get(name, "")
            return value if value in known else ""

        try:
            unit = organisation.unit(query.get("unit", "")).code
        except LookupError:
            unit = ""
        return cls(
            state=chosen("state", (*State.values, "open")),
            category=chosen("category", book.categories),
            unit=unit,
            area=chosen("area", areas),
            kind=chosen("kind", Kind.values),
            number=query.get("number", "")[:40].strip(),
        )

    def narrow(self, cases: QuerySet[Case]) -> QuerySet[Case]:
        """Only the cases that fit all."""
        if self.number:
            cases = cases.filter(number=acceptance.parse(self.number) or "-")
        if self.state:
            cases = cases.filter(state__in=OPEN_STATES) if self.state == "open" else cases.filter(state=self.state)
        if self.category:
            below = [c.code for c in catalogue.in_force().categories.values() if self.category in c.line]
            cases = cases.filter(category__in=below)
        if self.unit:
            cases = cases.filter(unit__path__startswith=organisation.unit(self.unit).path)
        if self.area:
            known = organisation.areas()[1]
            wanted = known[self.area].pk
            inner = [a.pk for a in known.values() if wanted in (a.pk, a.parent_id)]
            cases = cases.filter(area__in=inner)
        if self.kind:
            cases = cases.filter(kind=self.kind)
        return cases

    def words(self) -> list[tuple[str, str]]:
        """(name in the address, words for people) of each filter that is set."""
        found: list[tuple[str, str]] = []
        if self.number:
            found.append(("number", self.number))
        if self.state:
            found.append(("state", _("open") if self.state == "open" else str(State(self.state).label)))
        if self.category:
            found.append(("category", catalogue.in_force().categories[self.category].name))
        if self.unit:
            found.append(("unit", str(organisation.unit(self.unit))))
        if self.area:
            found.append(("area", str(organisation.areas()[1][self.area])))
        if self.kind:
            found.append(("kind", str(Kind(self.kind).label)))
        return found


def page_of(listing: Listing, staff: Staff, query: QueryDict) -> Page:
    """One page of `listing` for this person, filtered and placed by the address's query.

    Paging is by key: `after` and `before` hold instant and id of the row that the page follows or precedes, so a page
    costs the same wherever it lies and nothing is shown twice when rows move.
    """
    filters = Filters.read(query)
    cases = filters.narrow(listing.choose(staff)).select_related("unit", "area")
    column = "received_at" if listing.newest else "due_next"
    back = "before" in query
    descending = listing.newest != back
    cases = _placed(cases, column, query.get("before") or query.get("after") or "", descending)
    sign = "-" if descending else ""
    found = list(cases.order_by(f"{sign}{column}", f"{sign}id")[: PAGE + 1])
    more = len(found) > PAGE
    found = found[:PAGE]
    if back:
        found.reverse()
    page = Page(rows_of(found), filters=filters)
    if found and (more or back):
        page.older_url = _url(query, after=_key(found[-1], column))
    if found and ((back and more) or (not back and "after" in query)):
        page.newer_url = _url(query, before=_key(found[0], column))
    return page


def _key(case: Case, column: str) -> str:
    value = getattr(case, column)
    return f"{value.isoformat() if value else ''}|{case.pk}"


def _placed(cases: QuerySet[Case], column: str, key: str, descending: bool) -> QuerySet[Case]:
    at, _sep, pk = key.partition("|")
    if not pk.isdecimal() or len(pk) > 18:
        return cases
    number = int(pk)
    beyond = "lt" if descending else "gt"
    none = Q(**{f"{column}__isnull": True})
    if not at:
        here = none & Q(**{f"id__{beyond}": number})
        return cases.filter(here | ~none if descending else here)
    try:
        when = datetime.fromisoformat(at)
    except ValueError:
        return cases
    if when.tzinfo is None:
        return cases
    here = Q(**{f"{column}__{beyond}": when}) | Q(**{column: when, f"id__{beyond}": number})
    return cases.filter(here if descending else here | none)


def _url(query: QueryDict, **key: str) -> str:
    kept = {name: value for name, value in query.items() if name not in ("after", "before")}
    return "?" + urlencode({**kept, **key})
