"""What one edition of the rule book says, as immutable values, and how its sheets are read and checked.

Pure: knows no data base. Sheets are lists of rows with the column names of the CSV files (M7, P9).
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from django.utils.translation import gettext as _

from wasl.kernel.names import local
from wasl.kernel.worktime import Duration

Names = Mapping[str, str]
Sheets = Mapping[str, Sequence[Mapping[str, str]]]

COLUMNS: dict[str, tuple[str, ...]] = {
    "categories": (
        "code", "parent", "name_en", "name_ar", "name_zh", "keywords_en", "keywords_ar", "keywords_zh", "kinds",
        "urgency", "confidential", "conduct", "emergency", "public", "standard_en", "standard_ar", "standard_zh",
        "script_en", "script_ar", "script_zh",
    ),
    "questions": (
        "category", "code", "datatype", "required", "order", "ask_en", "ask_ar", "ask_zh", "hint_en", "hint_ar",
        "hint_zh",
    ),
    "values": ("category", "question", "key", "order", "name_en", "name_ar", "name_zh"),
    "dispatch": ("rule", "category", "area", "hours", "lead", "assist", "automatic", "note"),
    "deadlines": (
        "rule", "category", "kind", "urgency", "dispatch", "sign", "contact", "return", "result", "extension",
        "extension_supervisor", "urge", "supervision", "visit",
    ),
    "reasons": ("list", "code", "name_en", "name_ar", "name_zh", "max", "recourse_en", "recourse_ar", "recourse_zh"),
}  # fmt: skip
KINDS = (
    "enquiry", "help", "complaint", "report", "suggestion", "observation", "praise", "repair", "review", "criticism",
    "information", "feedback",
)  # fmt: skip
URGENCIES = ("normal", "urgent", "critical")
DATATYPES = ("string", "number", "datetime", "text", "singlevaluelist", "multivaluelist")


class Problem(str):
    """What is wrong, as a sentence; `line` of `sheet` as a spreadsheet counts (the header is 1), 0 for no row."""

    __slots__ = ("line", "sheet", "words")
    sheet: str
    line: int
    words: str

    def __new__(cls, sheet: str, line: int, words: str) -> Self:
        place = f"{sheet} row {line}" if line else sheet
        made = super().__new__(cls, f"{place}: {words}")
        made.sheet, made.line, made.words = sheet, line, words
        return made


class BadSheet(Exception):
    """The sheets do not make a book; `problems` says what is wrong, a `Problem` each where a sheet is to blame."""

    def __init__(self, problems: "Sequence[str | Problem]") -> None:
        super().__init__("; ".join(problems[:5]))
        self.problems = list(problems)


@dataclass(frozen=True, slots=True)
class Question:
    """One typed question of a category's form; served as an Open311 attribute."""

    category: str
    code: str
    datatype: str
    required: bool
    order: int
    ask: Names
    hint: Names
    values: tuple[tuple[str, Names], ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """A subject that people report; `depth` 0 is a root."""

    code: str
    parent: str
    names: Names
    keywords: Names
    kinds: tuple[str, ...]
    urgency: str
    confidential: bool
    conduct: bool
    emergency: bool
    public: bool
    standard: Names
    script: Names
    depth: int
    line: tuple[str, ...]
    leaf: bool

    @property
    def name(self) -> str:
        """The name in the language of the screen."""
        return local(self.names)


@dataclass(frozen=True, slots=True)
class DispatchRule:
    """category × area × time → lead and assisting units (G2). `*` and empty mean any."""

    rule: str
    category: str
    area: str
    hours: str
    lead: str
    assist: tuple[str, ...]
    automatic: bool


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """The clocks of a class of cases; `None` is no such clock."""

    rule: str
    category: str
    kind: str
    urgency: str
    dispatch: Duration | None
    sign: Duration | None
    contact: Duration | None
    returning: Duration | None
    result: Duration | None
    extension: Duration | None
    extension_supervisor: Duration | None
    urge: tuple[str, ...]
    supervision: str
    visit: str


@dataclass(frozen=True, slots=True)
class Reason:
    """A listed reason (to return, refuse, suspend …); `longest` caps a pause, `recourse` tells where else to turn."""

    list: str
    code: str
    names: Names
    longest: Duration | None
    recourse: Names

    @property
    def name(self) -> str:
        """The name in the language of the screen."""
        return local(self.names)


@dataclass(frozen=True)
class Book:
    """One edition, ready to be asked."""

    number: int
    categories: Mapping[str, Category]
    questions: Mapping[str, tuple[Question, ...]]
    dispatch: tuple[DispatchRule, ...]
    deadlines: tuple[DeadlineRule, ...]
    reasons: Mapping[tuple[str, str], Reason]
    _deadline_memo: dict[tuple[str, str, str], DeadlineRule] = field(default_factory=dict, compare=False, repr=False)

    def category(self, code: str) -> Category | None:
        """The category, or nothing for an unknown code."""
        return self.categories.get(code)

    def form_of(self, code: str) -> tuple[Question, ...]:
        """Questions of the category and all above it, in order."""
        category = self.categories[code]
        return tuple(q for line in category.line for q in self.questions.get(line, ()))

    def reasons_of(self, listed: str) -> list[Reason]:
        """The reasons on one list, in the order of the sheet."""
        return [r for (name, _), r in self.reasons.items() if name == listed]

    @cached_property
    def leaves(self) -> tuple[Category, ...]:
        """Categories that a case can be given."""
        return tuple(c for c in self.categories.values() if c.leaf)

    @cached_property
    def _dispatch_by_category(self) -> Mapping[str, tuple[DispatchRule, ...]]:
        table: dict[str, list[DispatchRule]] = {}
        for rule in self.dispatch:
            table.setdefault(rule.category, []).append(rule)
        return {k: tuple(v) for k, v in table.items()}

    def dispatch_rules(self, code: str) -> list[tuple[int, DispatchRule]]:
        """Rules that name the category or one above it, with the depth that they name; `*` counts as -1."""
        line = self.categories[code].line if code in self.categories else ()
        found = [(-1, rule) for rule in self._dispatch_by_category.get("*", ())]
        for depth, ancestor in enumerate(line):
            found += [(depth, rule) for rule in self._dispatch_by_category.get(ancestor, ())]
        return found

    def deadline(self, category: str, kind: str, urgency: str) -> DeadlineRule:
        """The most specific rule: category before kind before urgency; the first row of equals.

        Raises LookupError when not even a `*` row fits.
        """
        key = (category, kind, urgency)
        rule = self._deadline_memo.get(key)
        if rule is None:
            line = self.categories[category].line if category in self.categories else ()
            best: tuple[tuple[int, bool, bool], DeadlineRule] | None = None
            for row in self.deadlines:
                if row.kind not in ("*", kind) or row.urgency not in ("*", urgency):
                    continue
                if row.category != "*" and row.category not in line:
                    continue
                depth = -1 if row.category == "*" else line.index(row.category)
                rank = (depth, row.kind != "*", row.urgency != "*")
                if best is None or rank > best[0]:
                    best = (rank, row)
            if best is None:
                raise LookupError(f"no deadline rule for {category or '?'} / {kind} / {urgency}")
            rule = self._deadline_memo[key] = best[1]
        return rule


def _names(row: Mapping[str, str], prefix: str) -> dict[str, str]:
    return {language: row.get(f"{prefix}_{language}", "").strip() for language in ("en", "ar", "zh")}


def _yes(text: str) -> bool:
    return text.strip().lower() in ("yes", "true", "1")


def _any(text: str) -> str:
    return text.strip() or "*"


def _duration(text: str) -> Duration | None:
    return Duration.parse(text.strip() or "-")


def read(
    sheets: Sheets, *, number: int, units: Iterable[str] = (), areas: Iterable[str] = (), calendars: Iterable[str] = ()
) -> Book:
    """Make a book of the sheets.

    `units`, `areas`, `calendars` are the codes that exist; when given, references are checked against them.
    Raises BadSheet with every problem found, each naming sheet and row.
    """
    problems: list[Problem] = []
    known = {"units": set(units), "areas": set(areas), "calendars": set(calendars)}
    categories = _categories(sheets.get("categories", ()), problems)
    book = Book(
        number=number,
        categories=categories,
        questions=_questions(sheets.get("questions", ()), sheets.get("values", ()), categories, problems),
        dispatch=_dispatch(sheets.get("dispatch", ()), categories, known, problems),
        deadlines=_deadlines(sheets.get("deadlines", ()), categories, problems),
        reasons=_reasons(sheets.get("reasons", ()), problems),
    )
    for category in book.leaves:
        for kind in category.kinds:
            try:
                book.deadline(category.code, kind, category.urgency)
            except LookupError as error:
                problems.append(Problem("deadlines", 0, str(error)))
    if problems:
        raise BadSheet(problems)
    return book


def _categories(rows: Sequence[Mapping[str, str]], problems: list[Problem]) -> dict[str, Category]:
    by_code: dict[str, Mapping[str, str]] = {}
    lines: dict[str, int] = {}
    for line, row in enumerate(rows, 2):
        code = row.get("code", "").strip()
        if not code:
            problems.append(Problem("categories", line, _("There is no code.")))
        elif code in by_code:
            problems.append(Problem("categories", line, _("“%(what)s” stands twice.") % {"what": code}))
        else:
            by_code[code], lines[code] = row, line
    parents = {row.get("parent", "").strip() for row in rows}
    made: dict[str, Category] = {}
    for code, row in by_code.items():
        up: list[str] = [code]
        while (parent := by_code[up[-1]].get("parent", "").strip()) and parent in by_code and parent not in up:
            up.append(parent)
        if parent and parent not in by_code:
            problems.append(
                Problem("categories", lines[code], _("“%(what)s” is no category to lie below.") % {"what": parent})
            )
        elif parent in up:
            problems.append(Problem("categories", lines[code], _("It lies below itself.")))
        for kind in row.get("kinds", "").split():
            if kind not in KINDS:
                problems.append(
                    Problem("categories", lines[code], _("“%(what)s” is no kind of request.") % {"what": kind})
                )
        if (row.get("urgency", "").strip() or "normal") not in URGENCIES:
            problems.append(
                Problem("categories", lines[code], _("“%(what)s” is no urgency.") % {"what": row.get("urgency", "")})
            )
        made[code] = Category(
            code=code,
            parent=row.get("parent", "").strip(),
            names=_names(row, "name"),
            keywords=_names(row, "keywords"),
            kinds=tuple(row.get("kinds", "").split()) or ("complaint",),
            urgency=row.get("urgency", "").strip() or "normal",
            confidential=_yes(row.get("confidential", "")),
            conduct=_yes(row.get("conduct", "")),
            emergency=_yes(row.get("emergency", "")),
            public=_yes(row.get("public", "yes")),
            standard=_names(row, "standard"),
            script=_names(row, "script"),
            depth=len(up) - 1,
            line=tuple(reversed(up)),
            leaf=code not in parents,
        )
    return made


def _place(sheet: str, line: int, row: Mapping[str, str], problems: list[Problem]) -> int:
    text = row.get("order", "").strip() or "0"
    if text.isascii() and text.isdecimal() and len(text) < 7:
        return int(text)
    problems.append(Problem(sheet, line, _("“%(what)s” is no place in an order.") % {"what": text}))
    return 0


def _questions(
    rows: Sequence[Mapping[str, str]],
    values: Sequence[Mapping[str, str]],
    categories: Mapping[str, Category],
    problems: list[Problem],
) -> dict[str, tuple[Question, ...]]:
    choices: dict[tuple[str, str], list[tuple[int, str, Names]]] = {}
    for line, value in enumerate(values, 2):
        choices.setdefault((value["category"], value["question"]), []).append(
            (_place("values", line, value, problems), value["key"].strip(), _names(value, "name"))
        )
    made: dict[str, list[Question]] = {}
    for line, row in enumerate(rows, 2):
        category, code, datatype = row["category"].strip(), row["code"].strip(), row["datatype"].strip()
        if category not in categories:
            problems.append(Problem("questions", line, _("“%(what)s” is no category.") % {"what": category}))
        if datatype not in DATATYPES:
            problems.append(Problem("questions", line, _("“%(what)s” is no kind of answer.") % {"what": datatype}))
        listed = tuple((key, names) for _, key, names in sorted(choices.get((category, code), ()), key=lambda c: c[0]))
        if datatype.endswith("valuelist") and not listed:
            problems.append(Problem("questions", line, _("The list has no answers to choose from.")))
        made.setdefault(category, []).append(
            Question(
                category=category,
                code=code,
                datatype=datatype,
                required=_yes(row.get("required", "")),
                order=_place("questions", line, row, problems),
                ask=_names(row, "ask"),
                hint=_names(row, "hint"),
                values=listed,
            )
        )
    return {category: tuple(sorted(questions, key=lambda q: q.order)) for category, questions in made.items()}


def _dispatch(
    rows: Sequence[Mapping[str, str]],
    categories: Mapping[str, Category],
    known: Mapping[str, set[str]],
    problems: list[Problem],
) -> tuple[DispatchRule, ...]:
    made = []
    for line, row in enumerate(rows, 2):
        rule = DispatchRule(
            rule=row["rule"].strip(),
            category=_any(row["category"]),
            area=_any(row["area"]),
            hours=_any(row["hours"]),
            lead=row["lead"].strip(),
            assist=tuple(row.get("assist", "").split()),
            automatic=_yes(row.get("automatic", "")),
        )
        if rule.category != "*" and rule.category not in categories:
            problems.append(Problem("dispatch", line, _("“%(what)s” is no category.") % {"what": rule.category}))
        for unit in (rule.lead, *rule.assist):
            if known["units"] and unit not in known["units"]:
                problems.append(Problem("dispatch", line, _("“%(what)s” is no active unit.") % {"what": unit}))
        if known["areas"] and rule.area != "*" and rule.area not in known["areas"]:
            problems.append(Problem("dispatch", line, _("“%(what)s” is no area.") % {"what": rule.area}))
        if known["calendars"] and rule.hours != "*" and rule.hours.lstrip("!") not in known["calendars"]:
            problems.append(Problem("dispatch", line, _("“%(what)s” are no working hours.") % {"what": rule.hours}))
        made.append(rule)
    return tuple(made)


def _deadlines(
    rows: Sequence[Mapping[str, str]], categories: Mapping[str, Category], problems: list[Problem]
) -> tuple[DeadlineRule, ...]:
    made = []
    for line, row in enumerate(rows, 2):
        if _any(row["category"]) != "*" and row["category"].strip() not in categories:
            problems.append(Problem("deadlines", line, _("“%(what)s” is no category.") % {"what": row["category"]}))
        try:
            made.append(
                DeadlineRule(
                    rule=row["rule"].strip(),
                    category=_any(row["category"]),
                    kind=_any(row["kind"]),
                    urgency=_any(row["urgency"]),
                    dispatch=_duration(row["dispatch"]),
                    sign=_duration(row["sign"]),
                    contact=_duration(row["contact"]),
                    returning=_duration(row["return"]),
                    result=_duration(row["result"]),
                    extension=_duration(row["extension"]),
                    extension_supervisor=_duration(row["extension_supervisor"]),
                    urge=tuple(row.get("urge", "").split()),
                    supervision=row.get("supervision", "").strip(),
                    visit=row.get("visit", "").strip(),
                )
            )
        except ValueError as error:
            problems.append(Problem("deadlines", line, _("Not a duration: %(why)s") % {"why": error}))
    return tuple(made)


def _reasons(rows: Sequence[Mapping[str, str]], problems: list[Problem]) -> dict[tuple[str, str], Reason]:
    made = {}
    for line, row in enumerate(rows, 2):
        key = (row["list"].strip(), row["code"].strip())
        if key in made:
            problems.append(Problem("reasons", line, _("“%(what)s” stands twice.") % {"what": "/".join(key)}))
        try:
            longest = _duration(row.get("max", ""))
        except ValueError as error:
            problems.append(Problem("reasons", line, _("Not a duration: %(why)s") % {"why": error}))
            longest = None
        made[key] = Reason(
            list=key[0], code=key[1], names=_names(row, "name"), longest=longest, recourse=_names(row, "recourse")
        )
    return made


def from_csv(sheet: str, text: str) -> list[dict[str, str]]:
    """Rows of one CSV file; columns may stand in any order. Raises BadSheet for an unknown sheet or missing columns."""
    if sheet not in COLUMNS:
        raise BadSheet([f"there is no sheet {sheet}"])
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    missing = [c for c in COLUMNS[sheet] if c not in (reader.fieldnames or ())]
    if missing:
        raise BadSheet([f"{sheet}: the columns {', '.join(missing)} are missing"])
    return [{c: (row[c] or "") for c in COLUMNS[sheet]} for row in reader]


def to_csv(sheet: str, rows: Iterable[Mapping[str, Any]]) -> str:
    """One sheet as CSV with a header row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS[sheet], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
