"""What a draft of the rule book would have done to the requests of the last days: other units, other deadlines.

Nothing is changed; each request is routed by both books as it was received, by its area (so that what lies near a
border counts as inside it).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wasl.core.cases import routing
from wasl.core.cases.models import Case
from wasl.core.catalogue.book import Book, DeadlineRule
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Unit
from wasl.kernel import clock, worktime

MOST = 50_000
_CLOCKS = ("dispatch", "sign", "contact", "returning", "result")


@dataclass
class Impact:
    """Counts of requests received since `since`. A unit that is nothing is a person's decision at the centre."""

    days: int
    cases: int = 0
    moved: Counter[tuple[Unit | None, Unit | None]] = field(default_factory=Counter)
    deadlines: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    homeless: Counter[str] = field(default_factory=Counter)

    @property
    def elsewhere(self) -> int:
        """How many would have gone to another unit."""
        return self.moved.total()

    @property
    def timed(self) -> int:
        """How many would have another clock."""
        return len(self.deadlines) and self.deadlines.total()

    @property
    def without_category(self) -> int:
        """How many are of a category that the draft does not have or that has others below it."""
        return self.homeless.total()


def between(old: Book, new: Book, *, days: int) -> Impact:
    """What `new` instead of `old` would have meant for the requests received in the last `days`."""
    now = clock.now()
    made = Impact(days)
    rows = (
        Case.objects.filter(received_at__gte=now - timedelta(days=days))
        .exclude(category="")
        .order_by("-received_at")
        .values_list("category", "kind", "urgency", "area_id", "received_at")[:MOST]
    )
    areas = {area.pk: area for area in organisation.areas()[1].values()}
    hours = sorted({r.hours.lstrip("!") for book in (old, new) for r in book.dispatch if r.hours != "*"})
    routes: dict[Any, tuple[Unit | None, Unit | None]] = {}
    clocks: dict[Any, tuple[str, str] | None] = {}
    for category, kind, urgency, area_id, at in rows:
        made.cases += 1
        held = new.categories.get(category)
        if held is None or not held.leaf:
            made.homeless[category] += 1
            continue
        key = (category, area_id, _open(hours, at))
        if key not in routes:
            area = areas.get(area_id) if area_id else None
            place = routing.locate(None, None, area)
            routes[key] = (_lead(old, category, place, at), _lead(new, category, place, at))
        before, after = routes[key]
        if before != after:
            made.moved[before, after] += 1
        named = (category, kind, urgency)
        if named not in clocks:
            clocks[named] = _clocks(old, new, named)
        if (changed := clocks[named]) is not None:
            made.deadlines[category, *changed] += 1
    return made


def _open(hours: list[str], at: datetime) -> tuple[bool, ...]:
    return tuple(worktime.is_open(organisation.calendar_of(code), at) for code in hours)


def _lead(book: Book, category: str, place: routing.Place, at: datetime) -> Unit | None:
    try:
        decision = routing.route(book, category, place, at)
    except LookupError:
        return None
    return decision.unit if decision.why in ("rule", "near_border") else None


def _clocks(old: Book, new: Book, named: tuple[str, str, str]) -> tuple[str, str] | None:
    """The clocks that differ, as written in the sheets, before and after."""
    found: list[Mapping[str, str]] = []
    for book in (old, new):
        try:
            rule: DeadlineRule | None = book.deadline(*named)
        except LookupError:
            rule = None
        found.append({name: str(getattr(rule, name) or "") if rule else "" for name in _CLOCKS})
    before, after = found
    differ = [name for name in _CLOCKS if before[name] != after[name]]
    # The result is what people ask for; the others are told where it stays.
    name = "result" if "result" in differ else differ[0] if differ else ""
    return (before[name], after[name]) if name else None
