"""Holds what became of a replayed file against what file, map and catalogue say of it. Reads only.

Every row is mapped and routed anew from the file; the case that its key led to must have that category, place, unit and
area, a number, a due date and a chain of its own. Counts are compared as whole tables.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from wasl.core.cases import intake, journal, routing
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation.models import Client
from wasl.kernel import acceptance
from wasl.site.replay.maps import Request

_BATCH = 500
_EXAMPLES = 5
REASONS = frozenset({"tie", "near_border", "no_rule", "outside", "recusal", "inactive", "no_place"})
"""Why a person decides although there is a category; see `routing.Decision`."""


@dataclass(frozen=True, slots=True)
class Played:
    """A row of the file as it was sent: its number, its key, what the map made of it, and where, as it was written."""

    line: int
    key: str
    request: Request
    lat: float
    lon: float


@dataclass
class Finding:
    """What the check found. `wrong` has sentences by kind; counters are by category and by unit (its code, or "")."""

    rows: int = 0
    cases: int = 0
    missing: list[int] = field(default_factory=list)
    automatic: int = 0
    by_person: Counter[str] = field(default_factory=Counter)
    categories_said: Counter[str] = field(default_factory=Counter)
    categories_found: Counter[str] = field(default_factory=Counter)
    units_said: Counter[str] = field(default_factory=Counter)
    units_found: Counter[str] = field(default_factory=Counter)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    entries: int = 0
    broken: str = ""

    @property
    def good(self) -> bool:
        """Whether all is as it must be. Rows without a case are for the reader: they were refused or not sent."""
        return (
            not self.wrong
            and not self.broken
            and self.categories_said == self.categories_found
            and self.units_said == self.units_found
        )

    def note(self, kind: str, sentence: str) -> None:
        """One more thing that is wrong."""
        self.wrong.setdefault(kind, []).append(sentence)


def check(rows: Iterable[Played], client: Client) -> Finding:
    """Compare the cases that `client` made from these rows with what the rows say."""
    found = Finding()
    waiting: list[Played] = []
    numbers: Counter[str] = Counter()
    for row in rows:
        waiting.append(row)
        if len(waiting) == _BATCH:
            _batch(waiting, client, found, numbers)
            waiting = []
    _batch(waiting, client, found, numbers)
    for number, times in numbers.items():
        if times > 1:
            found.note("number", f"{number} stands for {times} rows")
    proof = journal.verify()
    found.entries, found.broken = proof.entries, str(proof.broken or "")
    return found


def _batch(rows: list[Played], client: Client, found: Finding, numbers: Counter[str]) -> None:
    keys = {intake.scoped(row.key, client): row for row in rows}
    cases: dict[str, list[Case]] = {}
    for contact in Contact.objects.filter(idempotency_key__in=keys).select_related("case__unit", "case__area"):
        if contact.case is not None:
            cases.setdefault(str(contact.idempotency_key), []).append(contact.case)
    for key, row in keys.items():
        found.rows += 1
        mine = cases.get(key, [])
        if not mine:
            found.missing.append(row.line)
            continue
        if len(mine) > 1:
            found.note("double", f"row {row.line} has {len(mine)} cases")
        numbers[mine[0].number] += 1
        _row(row, mine[0], found)


def _row(row: Played, case: Case, found: Finding) -> None:
    found.cases += 1
    said = row.request.category
    found.categories_said[said] += 1
    found.categories_found[case.category] += 1
    place = routing.locate(row.lon, row.lat)
    decision = routing.route(catalogue.of_number(case.edition), said, place, case.received_at)
    unit = decision.unit.code if decision.unit else ""
    found.units_said[unit] += 1
    found.units_found[case.unit.code if case.unit else ""] += 1
    where = f"row {row.line}, {case.number}"
    if case.category != said:
        found.note("category", f"{where}: {case.category}, not {said}")
    if (case.unit.code if case.unit else "") != unit:
        found.note("unit", f"{where}: {case.unit.code if case.unit else 'none'}, not {unit or 'none'}")
    if (case.lat, case.lon) != (row.lat, row.lon):
        found.note("place", f"{where}: {case.lat}, {case.lon}, not {row.lat}, {row.lon}")
    if (case.area.code if case.area else "") != (place.area.code if place.area else ""):
        found.note("area", f"{where}: {case.area.code if case.area else 'none'}")
    if acceptance.parse(case.number) != case.number:
        found.note("number", f"{where}: is not a number that people can be given")
    if case.due_next is None:
        found.note("due date", f"{where}: has none")
    if case.dispatched_at is not None:
        found.automatic += 1
    elif case.route.get("why") in REASONS or (case.route.get("why") == "rule" and not decision.automatic):
        found.by_person[case.route["why"] if case.route["why"] != "rule" else "rule asks for a person"] += 1
    else:
        found.note("route", f"{where}: was not dispatched, and no reason is stated ({case.route})")


def told(found: Finding) -> list[str]:
    """The finding in lines for a terminal."""
    lines = [
        f"{found.cases:,} of {found.rows:,} rows have a case; {len(found.missing):,} have none"
        + (f" (rows {', '.join(map(str, found.missing[:10]))} …)" if found.missing else ""),
        f"dispatched by rule {found.automatic:,}; a person decides {found.by_person.total():,}"
        + (
            f" ({', '.join(f'{why} {count:,}' for why, count in found.by_person.most_common())})"
            if found.by_person
            else ""
        ),
        _tables("categories", found.categories_said, found.categories_found),
        _tables("units", found.units_said, found.units_found),
        f"journal: BROKEN: {found.broken}" if found.broken else f"journal: unbroken, {found.entries:,} entries",
    ]
    for kind, sentences in found.wrong.items():
        lines.append(f"WRONG {kind}: {len(sentences):,}")
        lines += [f"  {sentence}" for sentence in sentences[:_EXAMPLES]]
    return lines


def _tables(what: str, said: Counter[str], found: Counter[str]) -> str:
    if said == found:
        return f"{what}: {len(said):,}, counts equal the file's; the most: " + ", ".join(
            f"{code or 'none'} {count:,}" for code, count in said.most_common(6)
        )
    different = {code for code in said | found if said[code] != found[code]}
    return f"{what}: DIFFERENT: " + ", ".join(f"{code} {found[code]} not {said[code]}" for code in sorted(different))
