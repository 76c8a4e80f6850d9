"""Which unit is responsible: category × area × time, and the words for why.

Ties and near-border points go to a person (G2, G3).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wasl.core.catalogue.book import Book, DispatchRule
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Unit
from wasl.kernel import worktime


@dataclass(frozen=True, slots=True)
class Place:
    """Where a case is, as areas: the innermost one, all around it, and others nearer than the border distance."""

    area: Area | None = None
    around: frozenset[str] = frozenset()
    near: tuple[str, ...] = ()
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a case goes. `unit` is the proposal; `automatic` says that nobody need look; `why` is a code with details.

    `why`: rule · tie · near_border · no_rule · outside · recusal · inactive · no_place.
    """

    unit: Unit | None
    assist: tuple[Unit, ...]
    why: str
    automatic: bool = False
    rule: str = ""
    others: tuple[str, ...] = ()
    near: tuple[str, ...] = field(default=())

    def facts(self) -> dict[str, Any]:
        """As kept on the case and in the entry."""
        made: dict[str, Any] = {"why": self.why}
        if self.rule:
            made["rule"] = self.rule
        if self.others:
            made["others"] = list(self.others)
        if self.near:
            made["near"] = list(self.near)
        return made


def locate(lon: float | None, lat: float | None, area: Area | None = None) -> Place:
    """The areas of a point, or of an area that was named instead of a point."""
    index, known = organisation.areas()
    if lon is None or lat is None:
        return Place(area, _around(area)) if area else Place()
    inside = [known[code] for code in index.locate(lon, lat)]
    if not inside:
        return Place(outside=True)
    innermost = max(inside, key=organisation.depth_of)
    metres = float(organisation.the_city().near_border_m)
    beside = {area.code for area in inside if area.kind == innermost.kind} | set(index.near_border(lon, lat, metres))
    near = tuple(sorted(code for code in beside if known[code].kind == innermost.kind and code != innermost.code))
    return Place(innermost, _around(innermost), near)


def _around(area: Area | None) -> frozenset[str]:
    known = {a.pk: a for a in organisation.areas()[1].values()}
    codes = set()
    while area is not None:
        codes.add(area.code)
        area = known.get(area.parent_id) if area.parent_id else None
    return frozenset(codes)


def route(book: Book, category: str, place: Place, at: datetime, *, against: Unit | None = None) -> Decision:
    """The most specific rule that fits: depth of the category, then of the area, then named hours.

    Equally specific rules with different leads are a tie; the unit complained of, and all below it, never lead or
    assist (B22).
    """
    fits: list[tuple[tuple[int, int, bool], DispatchRule]] = []
    for depth, rule in book.dispatch_rules(category):
        if rule.area != "*" and rule.area not in place.around:
            continue
        if rule.hours != "*" and worktime.is_open(
            organisation.calendar_of(rule.hours.lstrip("!")), at
        ) == rule.hours.startswith("!"):
            continue
        area_depth = -1 if rule.area == "*" else organisation.depth_of(organisation.areas()[1][rule.area])
        fits.append(((depth, area_depth, rule.hours != "*"), rule))
    if not fits:
        return Decision(None, (), "no_rule" if place.area else "outside" if place.outside else "no_place")
    best = max(rank for rank, _ in fits)
    winners = [rule for rank, rule in fits if rank == best]
    rule = winners[0]
    lead = organisation.standing(organisation.unit(rule.lead))
    assist = tuple(unit for code in rule.assist if (unit := organisation.standing(organisation.unit(code))).active)
    if against is not None:
        against = organisation.standing(against)
        assist = tuple(unit for unit in assist if not unit.lies_under(against))
        if lead.lies_under(against):
            return Decision(None, (), "recusal", rule=rule.rule)
    if not lead.active:
        return Decision(None, (), "inactive", rule=rule.rule)
    if place.outside:
        return Decision(lead, assist, "outside", rule=rule.rule)
    leads = {winner.lead for winner in winners}
    if len(leads) > 1:
        return Decision(lead, assist, "tie", rule=rule.rule, others=tuple(sorted(leads - {rule.lead})))
    if any(_neighbour(book, category, code, at, against) != lead for code in place.near):
        return Decision(lead, assist, "near_border", rule=rule.rule, near=place.near)
    return Decision(lead, assist, "rule", automatic=rule.automatic, rule=rule.rule)


def _neighbour(book: Book, category: str, area: str, at: datetime, against: Unit | None) -> Unit | None:
    """Who would lead if the point lay in the area next to it; where it is the same unit, the border does not matter."""
    beside = organisation.areas()[1][area]
    return route(book, category, Place(beside, _around(beside)), at, against=against).unit
