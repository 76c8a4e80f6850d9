"""One page of a list for one person: filtered, in order, with its columns, placed by key and not by number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff
from wasl.faces.desk.lists import columns
from wasl.faces.desk.lists.columns import Column, Value
from wasl.faces.desk.lists.filters import Filters, kept
from wasl.faces.desk.lists.listings import Listing
from wasl.faces.desk.lists.rows import Row, rows_of
from wasl.faces.desk.saved.models import Layout
from wasl.faces.frame.templatetags.frame_tags import near_date

PAGE = 50


@dataclass(frozen=True)
class Order:
    """An order of rows: by this column of the case, which has an index, then by id."""

    label: str | Promise
    column: str
    descending: bool = False


ORDERS: dict[str, Order] = {
    "due": Order(pgettext_lazy("order", "The most urgent first"), "due_next"),
    "newest": Order(pgettext_lazy("order", "The latest first"), "received_at", descending=True),
    "oldest": Order(pgettext_lazy("order", "The oldest first"), "received_at"),
}


@dataclass(frozen=True)
class Shape:
    """How a person wants to see a list: columns in their order, and the order of rows."""

    columns: tuple[Column, ...]
    order: str

    @property
    def codes(self) -> str:
        """The columns as an address says them."""
        return ",".join(column.code for column in self.columns)


def shape_of(listing: Listing, staff: Staff, query: QueryDict) -> Shape:
    """As the address says, else as this person keeps this list, else as usual."""
    usual = "newest" if listing.newest else "due"
    codes, order = query.get("cols", "")[:300].split(","), query.get("order", "")
    if not any(codes) or not order:
        own = Layout.objects.filter(staff=staff, listing=listing.code).first()
        codes = codes if any(codes) else (own.columns if own else [])
        order = order or (own.order if own else "")
    return Shape(columns.chosen(codes), order if order in ORDERS else usual)


@dataclass
class Page:
    """One page of a list: its rows and the addresses of its neighbours (empty for none).

    `query` says the list as it is shown, for the addresses of its cases.
    """

    rows: list[Row]
    older_url: str = ""
    newer_url: str = ""
    filters: Filters = field(default_factory=Filters)
    shape: Shape = field(default_factory=lambda: Shape(columns.chosen(()), "due"))
    query: str = ""

    @property
    def shown(self) -> int:
        """How many rows."""
        return len(self.rows)

    @property
    def columns(self) -> Sequence[Column]:
        """The columns in their order."""
        return self.shape.columns

    def cells(self, row: Row) -> list[tuple[str, object, object]]:
        """The cells of a row: (code of the column, its label, its plain value)."""
        return [(c.code, c.label, _said(c.text(row))) for c in self.columns]


def _said(value: Value) -> object:
    return near_date(value) if isinstance(value, datetime) else "–" if value in (None, "") else value


def cases_of(listing: Listing, staff: Staff, filters: Filters, shape: Shape) -> QuerySet[Case]:
    """All cases of a list as this person sees it now, in order, with what its rows need."""
    related = ["unit", "area", *(["owner"] if any(c.code == "owner" for c in shape.columns) else [])]
    sort = ORDERS[shape.order]
    sign = "-" if sort.descending else ""
    # The shape of an area may be long and no list shows it.
    cases = filters.narrow(listing.choose(staff), staff).select_related(*related).defer("area__geometry")
    return cases.order_by(f"{sign}{sort.column}", f"{sign}id")


def page_of(listing: Listing, staff: Staff, query: QueryDict) -> Page:
    """One page of `listing` for this person, filtered and placed by the address's query.

    Paging is by key: `after` and `before` hold instant and id of the row that the page follows or precedes, so a page
    costs the same wherever it lies and nothing is shown twice when rows move.
    """
    filters, shape = Filters.read(query), shape_of(listing, staff, query)
    sort = ORDERS[shape.order]
    back = "before" in query
    descending = sort.descending != back
    cases = cases_of(listing, staff, filters, shape)
    cases = _placed(cases, sort.column, query.get("before") or query.get("after") or "", descending)
    sign = "-" if descending else ""
    # First which, from indexes alone where that is possible, and then all that is shown of those.
    places = list(cases.order_by(f"{sign}{sort.column}", f"{sign}id").values_list("pk", flat=True)[: PAGE + 1])
    more = len(places) > PAGE
    known = cases.in_bulk(places[:PAGE])
    found = [known[pk] for pk in places[:PAGE] if pk in known]
    if back:
        found.reverse()
    page = Page(rows_of(found), filters=filters, shape=shape, query=kept(query))
    if found and (more or back):
        page.older_url = address(query, after=_key(found[-1], sort.column))
    if found and ((back and more) or (not back and "after" in query)):
        page.newer_url = address(query, before=_key(found[0], sort.column))
    return page


def address(query: QueryDict, *, without: Sequence[tuple[str, str]] = (), **more: str) -> str:
    """The address's query from its beginning, `without` some pairs of it and with `more`."""
    left_out = {"after", "before", *more}
    pairs = [(k, v) for k, values in query.lists() for v in values if k not in left_out and v and (k, v) not in without]
    return "?" + urlencode([*pairs, *((k, v) for k, v in more.items() if v)])


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
