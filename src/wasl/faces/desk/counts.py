"""Figures of the requests that somebody may see: by rows and columns of his choice, as a table, as CSV, on paper.

Source: O1 (by type, area, unit, time, channel). All figures of a table come from one query over `visible_to`.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncDay, TruncMonth, TruncWeek
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import queries
from wasl.core.cases.models import Case, Kind, Outcome, State, Urgency, Verdict
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.faces.desk import paper
from wasl.faces.desk.access import CASE_ROLES, desk
from wasl.faces.desk.lists.filters import Filters
from wasl.faces.desk.lists.listings import LISTINGS
from wasl.faces.desk.lists.pages import narrowing
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.sheets import CSV_MIME, Heading, Mark, write_csv
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.kernel.names import OWN_NAMES

MOST_COLUMNS = 40
"""Columns of a table; what is beyond is added up in the last one."""
USUAL_DAYS = 30
Key = Any


@dataclass(frozen=True)
class Dimension:
    """One way to classify: `by` is the expression that groups, `said` its words, `filters` the pairs of an address.

    `merged` brings values of the data base together under one key, as leaves of a subject.
    """

    label: str | Promise
    by: Any
    said: Callable[[Key], str]
    filters: Callable[[Key], list[tuple[str, str]]]
    merged: Callable[[Key], Key] = lambda key: key
    in_order: bool = False


def _subject(code: Key) -> Key:
    found = catalogue.in_force().category(code or "")
    return found.line[0] if found else code


def _category(code: Key) -> str:
    found = catalogue.in_force().category(code or "")
    return found.name if found else str(code or _("Not yet classified"))


def _area(pk: Key) -> str:
    return str(organisation.area_of(pk)) if pk else _("no area")


def _unit(pk: Key) -> str:
    return str(organisation.unit_of(pk)) if pk else _("no unit yet")


def _named(choices: Any, none: str | Promise = "–") -> Callable[[Key], str]:
    names = dict(choices)
    return lambda key: str(names.get(key, key) or none)


def _as(name: str) -> Callable[[Key], list[tuple[str, str]]]:
    return lambda key: [(name, str(key))] if key else []


def _span(days: Callable[[date], date]) -> Callable[[Key], list[tuple[str, str]]]:
    def pairs(key: Key) -> list[tuple[str, str]]:
        first = timezone.localtime(key).date()
        return [("since", first.isoformat()), ("until", days(first).isoformat())]

    return pairs


def _month_end(first: date) -> date:
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _day_words(key: Key) -> str:
    return dates.calendar_day(timezone.localtime(key).date())


def _month_words(key: Key) -> str:
    return dates.month(timezone.localtime(key).date())


DIMENSIONS: Mapping[str, Dimension] = {
    "subject": Dimension(gettext_lazy("Subject"), F("category"), _category, _as("category"), _subject),
    "category": Dimension(gettext_lazy("Category"), F("category"), _category, _as("category")),
    "kind": Dimension(gettext_lazy("Kind"), F("kind"), _named(Kind.choices), _as("kind")),
    "area": Dimension(
        gettext_lazy("Area"),
        F("area"),
        _area,
        lambda pk: [("area", organisation.area_of(pk).code)] if pk else [],
    ),
    "unit": Dimension(
        gettext_lazy("Unit"), F("unit"), _unit, lambda pk: [("unit", organisation.unit_of(pk).code)] if pk else []
    ),
    "medium": Dimension(gettext_lazy("Medium"), F("medium"), _named(Contact.Medium.choices), _as("medium")),
    "language": Dimension(gettext_lazy("Language"), F("language"), _named(OWN_NAMES.items()), _as("language")),
    "state": Dimension(gettext_lazy("State"), F("state"), _named(State.choices), _as("state")),
    "urgency": Dimension(gettext_lazy("Urgency"), F("urgency"), _named(Urgency.choices), _as("urgency")),
    "outcome": Dimension(
        gettext_lazy("Outcome"), F("outcome"), _named(Outcome.choices, gettext_lazy("none yet")), lambda key: []
    ),
    "verdict": Dimension(
        pgettext_lazy("column", "The citizen says"),
        F("verdict"),
        _named(Verdict.choices, gettext_lazy("no answer")),
        lambda key: [],
    ),
    "day": Dimension(gettext_lazy("Day"), TruncDay("received_at"), _day_words, _span(lambda d: d), in_order=True),
    "week": Dimension(
        gettext_lazy("Week"),
        TruncWeek("received_at"),
        lambda key: _("week from %(day)s") % {"day": _day_words(key)},
        _span(lambda d: d + timedelta(days=6)),
        in_order=True,
    ),
    "month": Dimension(
        gettext_lazy("Month"),
        TruncMonth("received_at"),
        _month_words,
        _span(_month_end),
        in_order=True,
    ),
}


@dataclass(frozen=True)
class Figure:
    """A number of the table and the list behind it (empty where no filter says it)."""

    count: int
    url: str = ""


@dataclass(frozen=True)
class Line:
    """One row: its words, its figures, its total."""

    words: str
    figures: list[Figure]
    total: Figure


@dataclass(frozen=True)
class Table:
    """Counted requests: rows by columns, with totals; `heads` are the words of the columns."""

    rows: Dimension
    columns: Dimension | None
    heads: list[str]
    lines: list[Line]
    totals: list[Figure]
    total: Figure


def count(cases: QuerySet[Case], rows: str, columns: str, base: list[tuple[str, str]]) -> Table:
    """Count `cases` by one or two dimensions, in one query; `base`: filters that the lists behind it begin with."""
    by_row, by_column = DIMENSIONS[rows], DIMENSIONS.get(columns)
    grouped = cases.order_by().annotate(row=by_row.by, **({"column": by_column.by} if by_column else {}))
    found = grouped.values("row", *(["column"] if by_column else [])).annotate(n=Count("pk"))
    cells: dict[tuple[Key, Key], int] = {}
    for one in found:
        key = (by_row.merged(one["row"]), by_column.merged(one["column"]) if by_column else None)
        cells[key] = cells.get(key, 0) + one["n"]
    row_sums, column_sums = _sums(cells, 0), _sums(cells, 1)
    row_keys = _sorted(by_row, row_sums)
    column_keys = _sorted(by_column, column_sums) if by_column else []
    shown, beyond = column_keys[:MOST_COLUMNS], set(column_keys[MOST_COLUMNS:])

    def figure(n: int, *pairs: tuple[str, str], plain: bool = True) -> Figure:
        return Figure(
            n, f"{reverse('desk:list', args=['all'])}?{urlencode(_merged(base, pairs))}" if n and plain else ""
        )

    def line(row: Key) -> Line:
        own = by_row.filters(row)
        figures = []
        for column in shown if by_column else []:
            other = by_column.filters(column) if by_column else []
            figures.append(figure(cells.get((row, column), 0), *own, *other, plain=bool(own and other)))
        if beyond:
            figures.append(Figure(sum(n for (r, c), n in cells.items() if r == row and c in beyond)))
        return Line(by_row.said(row), figures, figure(row_sums[row], *own, plain=bool(own)))

    heads = [by_column.said(column) for column in shown] if by_column else []
    totals = [Figure(column_sums[column]) for column in shown] if by_column else []
    if beyond:
        heads.append(_("the others"))
        totals.append(Figure(sum(column_sums[column] for column in beyond)))
    return Table(by_row, by_column, heads, [line(r) for r in row_keys], totals, figure(sum(cells.values())))


def _sums(cells: Mapping[tuple[Key, Key], int], place: int) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for key, n in cells.items():
        found[key[place]] = found.get(key[place], 0) + n
    return found


def _sorted(dimension: Dimension, sums: Mapping[Key, int]) -> list[Key]:
    if dimension.in_order:
        return sorted(sums)
    return sorted(sums, key=lambda key: (-sums[key], dimension.said(key)))


def _merged(base: list[tuple[str, str]], pairs: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    # What the figure itself says takes the place of a wider filter of the same name.
    names = {name for name, _value in pairs}
    return [*((n, v) for n, v in base if n not in names), *pairs]


# --- the page ---


class CountForm(forms.Form):
    """What stands in the rows and columns, and the period."""

    rows = forms.ChoiceField(label=gettext_lazy("Rows"), required=False)
    columns = forms.ChoiceField(label=gettext_lazy("Columns"), required=False)
    since = forms.DateField(
        label=gettext_lazy("Received from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=gettext_lazy("Received until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, chosen: "Chosen") -> None:
        super().__init__(
            auto_id="count-%s",
            initial={
                "rows": chosen.rows,
                "columns": chosen.columns,
                "since": chosen.filters.since,
                "until": chosen.filters.until,
            },
        )
        named = [(code, dimension.label) for code, dimension in DIMENSIONS.items()]
        self.fields["rows"] = forms.ChoiceField(label=_("Rows"), choices=named)
        self.fields["columns"] = forms.ChoiceField(label=_("Columns"), choices=[("", _("none")), *named])


@dataclass(frozen=True)
class Chosen:
    """What is to be counted: the list, its filters with the period, and the two dimensions."""

    listing: str
    filters: Filters
    rows: str
    columns: str

    @classmethod
    def read(cls, query: QueryDict) -> "Chosen":
        """From an address; without a period the last 30 days, unless the filters come from a list."""
        filters = Filters.read(query)
        listing = query.get("listing", "")
        if listing not in LISTINGS:
            listing = "all"
            if filters.since is None and filters.until is None and "rows" not in query:
                filters = replace(filters, since=timezone.localdate(clock.now()) - timedelta(days=USUAL_DAYS - 1))
        rows, columns = query.get("rows", "subject"), query.get("columns", "area" if "rows" not in query else "")
        rows = rows if rows in DIMENSIONS else "subject"
        return cls(listing, filters, rows, columns if columns in DIMENSIONS and columns != rows else "")

    def pairs(self) -> list[tuple[str, str]]:
        """As an address says it."""
        return [("listing", self.listing), ("rows", self.rows), ("columns", self.columns), *self.filters.pairs()]

    def words(self) -> str:
        """What is counted, in words."""
        said = [words for _name, _value, words in self.filters.words()]
        return " · ".join([str(LISTINGS[self.listing].label), *said])


def table_of(chosen: Chosen, staff: Staff) -> Table:
    """The table for this person. A list other than "all" has no address for its figures but its own."""
    cases = LISTINGS[chosen.listing].choose(staff) if chosen.listing != "all" else queries.visible_to(staff)
    made = count(chosen.filters.narrow(cases, staff), chosen.rows, chosen.columns, chosen.filters.pairs())
    return made if chosen.listing == "all" else _without_addresses(made)


def _without_addresses(table: Table) -> Table:
    def bare(figure: Figure) -> Figure:
        return Figure(figure.count)

    lines = [Line(line.words, [bare(f) for f in line.figures], bare(line.total)) for line in table.lines]
    return replace(table, lines=lines, total=bare(table.total))


@desk(roles=CASE_ROLES)
def counts(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The table on the screen."""
    chosen = Chosen.read(request.GET)
    query = urlencode(chosen.pairs())
    beside = [(n, v) for n, v in chosen.pairs() if n not in ("rows", "columns", "since", "until")]
    context = {
        "chosen": chosen,
        "table": table_of(chosen, staff),
        "form": CountForm(chosen),
        "beside": beside,
        "query": query,
        "chips": narrowing(QueryDict(query), chosen.filters)["chips"],
        "now": clock.now(),
    }
    return render(request, "desk/counts.html", desk_context(request, staff, "counts", **context))


@desk(roles=CASE_ROLES, optional=True)
def counts_csv(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The table as CSV: figures only, nothing of any person, so no second secret is asked for."""
    chosen = Chosen.read(request.GET)
    table = table_of(chosen, staff)
    out = io.StringIO()
    write_csv(
        out, [Heading(head) for head in _heads(table)], [row["cells"] for row in _plain(table)], _mark(chosen, staff)
    )
    response = HttpResponse(out.getvalue(), content_type=CSV_MIME)
    response.headers["Content-Disposition"] = 'attachment; filename="wasl-counts.csv"'
    return response


@desk(roles=CASE_ROLES, optional=True)
def counts_pdf(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The table on paper."""
    chosen = Chosen.read(request.GET)
    table = table_of(chosen, staff)
    data = {
        "title": _title(table),
        "words": chosen.words(),
        "heads": _heads(table),
        "rows": _plain(table),
        "note": _("Counted are the requests that the one who printed this may see."),
    }
    return paper.answer(paper.pdf("table", data, by=staff), "wasl-counts")


def _title(table: Table) -> str:
    if table.columns is None:
        return _("Requests by %(rows)s") % {"rows": table.rows.label}
    return _("Requests by %(rows)s and %(columns)s") % {"rows": table.rows.label, "columns": table.columns.label}


def _heads(table: Table) -> list[str]:
    return [str(table.rows.label), *table.heads, _("Total")]


def _plain(table: Table) -> list[dict[str, Any]]:
    rows = [
        {"cells": [one.words, *(f.count for f in one.figures), one.total.count], "total": False} for one in table.lines
    ]
    return [*rows, {"cells": [_("Total"), *(f.count for f in table.totals), table.total.count], "total": True}]


def _mark(chosen: Chosen, staff: Staff) -> Mark:
    line = _("%(what)s · counted by %(who)s, %(when)s") % {
        "what": chosen.words(),
        "who": staff,
        "when": dates.exact(clock.now()),
    }
    return Mark(line, [], chosen.words(), str(staff))
