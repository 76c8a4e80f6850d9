"""The columns that a list can show, and what each says of a row in print and in extractions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.faces.desk.lists.rows import FLAGS, Row
from wasl.kernel.names import OWN_NAMES

Value: TypeAlias = "str | int | datetime | None"
_MEDIA: Mapping[str, str | Promise] = dict(Contact.Medium.choices)


@dataclass(frozen=True)
class Part:
    """One plain value of a column: what it is called on its own, and how wide it is in a sheet, in characters."""

    label: str | Promise
    value: Callable[[Row], Value]
    width: int = 16


@dataclass(frozen=True)
class Column:
    """One column. What the screen lays into one cell (category, marks, first words) are several `parts` in a sheet."""

    code: str
    label: str | Promise
    parts: tuple[Part, ...]

    def text(self, row: Row) -> Value:
        """The value of a column that has only one."""
        return self.parts[0].value(row)


def _one(
    code: str, label: str | Promise, value: Callable[[Case], Value], width: int = 16, long: str | Promise = ""
) -> Column:
    return Column(code, label, (Part(long or label, lambda row: value(row.case), width),))


def _due(row: Row) -> Value:
    return None if row.case.state == "closed" else row.case.due_next


_KNOWN: tuple[Column, ...] = (
    Column("due", gettext_lazy("Due"), (Part(gettext_lazy("Due"), _due, 18),)),
    _one("number", gettext_lazy("Number"), lambda case: case.number, 14),
    Column(
        "what",
        gettext_lazy("What"),
        (
            Part(gettext_lazy("Category"), lambda row: row.what, 26),
            Part(gettext_lazy("Marks"), lambda row: ", ".join(str(FLAGS[f]) for f in row.flags), 18),
            Part(gettext_lazy("First words"), lambda row: row.words, 50),
        ),
    ),
    Column(
        "where",
        gettext_lazy("Where"),
        (
            Part(gettext_lazy("Address"), lambda row: row.where, 30),
            Part(gettext_lazy("Area"), lambda row: str(row.case.area or ""), 18),
        ),
    ),
    _one("unit", gettext_lazy("Unit"), lambda case: str(case.unit or ""), 28),
    _one("state", gettext_lazy("State"), lambda case: str(case.get_state_display()), 14),
    _one("received", gettext_lazy("Received"), lambda case: case.received_at, 18),
    _one("kind", gettext_lazy("Kind"), lambda case: str(case.get_kind_display()), 18),
    _one("urgency", gettext_lazy("Urgency"), lambda case: str(case.get_urgency_display()), 12),
    _one("medium", gettext_lazy("Medium"), lambda case: str(_MEDIA.get(case.medium, case.medium)), 12),
    _one("language", gettext_lazy("Language"), lambda case: OWN_NAMES.get(case.language[:2], case.language), 12),
    _one("owner", gettext_lazy("Answers for it"), lambda case: str(case.owner or ""), 22),
    _one("dispatched", pgettext_lazy("column", "Sent to the unit"), lambda case: case.dispatched_at, 18),
    _one("result", pgettext_lazy("column", "Result due"), lambda case: case.due_result, 18),
    _one("replied", pgettext_lazy("column", "Replied"), lambda case: case.replied_at, 18),
    _one("told", pgettext_lazy("column", "Told"), lambda case: case.told_at, 18),
    _one("closed", pgettext_lazy("column", "Closed"), lambda case: case.closed_at, 18),
    _one("outcome", gettext_lazy("Outcome"), lambda case: str(case.get_outcome_display()), 14),
    _one("verdict", pgettext_lazy("column", "The citizen says"), lambda case: str(case.get_verdict_display()), 20),
    _one("rating", pgettext_lazy("column", "Rating"), lambda case: case.rating, 8),
    _one("returns", pgettext_lazy("column", "Times returned"), lambda case: case.returns or None, 10),
    _one("redos", pgettext_lazy("column", "Times done again"), lambda case: case.redos or None, 10),
)
COLUMNS: dict[str, Column] = {column.code: column for column in _KNOWN}
USUAL = ("due", "number", "what", "where", "unit", "state", "received")


def chosen(codes: Iterable[str]) -> tuple[Column, ...]:
    """These columns in this order, unknown ones passed over; the number is always among them, since it opens a row."""
    found = tuple(COLUMNS[code] for code in dict.fromkeys(codes) if code in COLUMNS)
    if not found:
        return tuple(COLUMNS[code] for code in USUAL)
    return found if any(column.code == "number" for column in found) else (COLUMNS["number"], *found)


def others(shown: Iterable[Column]) -> tuple[Column, ...]:
    """Those that are not shown."""
    without = {column.code for column in shown}
    return tuple(column for column in _KNOWN if column.code not in without)
