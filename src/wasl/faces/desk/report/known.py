"""What stands beside the agent's form while he types: who, what, where to, by when, and what is known already.

Worked out from whatever has been typed so far; wrong input gives nothing, and nothing is written.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.utils.translation import get_language

from wasl.core.cases import clocks, queries, routing
from wasl.core.cases.intake import classify
from wasl.core.cases.models import OPEN_STATES, Case, Kind, Urgency
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Category
from wasl.core.catalogue.suggest import suggest
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.core.people import actions as people
from wasl.core.people.models import Person
from wasl.faces.desk import lists, numbers, story
from wasl.faces.desk.report.form import area_in
from wasl.kernel import clock
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.geo import distance_m
from wasl.kernel.names import code_of, local
from wasl.services.articles import queries as articles

NEARBY_M = 500
SUGGESTED = 9
MOST_ARTICLES = 4
# What was closed longer ago than this is another matter, though it be the same place.
SAME_MATTER_FOR = timedelta(days=90)


def beside(given: Mapping[str, Any], staff: Staff) -> dict[str, Any]:
    """The whole side of the form, for its template."""
    book = catalogue.in_force()
    text = given.get("body", "")[:4000]
    chosen = given.get("category", "")
    found = [s.category for s in suggest(book, text, limit=SUGGESTED)] if text.strip() else []
    category = book.categories.get(chosen)
    likely = category or (found[0] if found else None)
    point = point_of(given.get("lat", ""), given.get("lon", ""))
    named = organisation.areas()[1].get(given.get("area", ""))
    area = named or (area_in(given.get("address", "")[:300]) if point is None else None)
    place = routing.locate(point[1], point[0], area) if point else routing.locate(None, None, area)
    near = _near(likely, place, point, staff) if likely else []
    language = code_of(given.get("language") or get_language())
    told: dict[str, Any] = {
        "articles": [(one.version, one.version.titles.get(language)) for one in _articles(text, likely)],
        "suggestions": [c for c in found if c.code != chosen],
        "category": likely,
        "guessed": category is None,
        "script": local(likely.script) if likely else "",
        "standard": local(likely.standard) if likely else "",
        "place": place,
        "guessed_area": place.area if named is None and point is None else None,
        "outside": point is not None and place.area is None,
        "now": clock.now(),
        "near": near,
        **_person(given, likely, staff),
    }
    told["repeat_matter"] = bool(near) or bool(told["same_matter"])
    if likely:
        told |= _forecast(given, likely.code, place)
    return told


def _articles(text: str, likely: Category | None) -> list[articles.Found]:
    return articles.suggest(text, category=likely.code if likely else "", limit=MOST_ARTICLES)


def point_of(lat: str, lon: str) -> tuple[float, float] | None:
    """The point typed so far, if it is one on the globe."""
    try:
        point = float(lat), float(lon)
    except ValueError:
        return None
    return point if abs(point[0]) <= 90 and abs(point[1]) <= 180 else None


def matter_repeats(person: Person | None, case: Case, staff: Staff) -> bool:
    """Whether this case, just filed, is about a matter that came before: of the same person, or open nearby (E6)."""
    category = catalogue.in_force().categories.get(case.category)
    if category is None:
        return False
    point = (case.lat, case.lon) if case.lat is not None and case.lon is not None else None
    same = _same_matter(person, category, staff).exclude(pk=case.pk).exists() if person else False
    return same or any(
        row.case.pk != case.pk
        for row, _m in _near(category, routing.locate(case.lon, case.lat, case.area), point, staff)
    )


def _person(given: Mapping[str, Any], likely: Category | None, staff: Staff) -> dict[str, Any]:
    """The known person and his cases, those of the same matter apart (E6)."""
    reach = people.Reach(phone=to_ascii_digits(given.get("phone", "")[:40]), mail=given.get("mail", "")[:200])
    addresses = reach.addresses()
    person = people.known(addresses) if addresses else None
    told: dict[str, Any] = {"person": person, "reachable": bool(addresses), "earlier": [], "same_matter": []}
    if person is None:
        return told
    asked = numbers.prompt(person, staff)
    told |= {**asked, "why_number": asked["why"]}
    told.pop("why")  # the side has a `why` of its own: of the route
    if likely:
        same = _same_matter(person, likely, staff).select_related("unit", "area").order_by("-received_at")[:5]
        told["same_matter"] = lists.rows_of(list(same))
    own = {row.case.pk for row in told["same_matter"]}
    mine = queries.visible_to(staff).filter(requester=person)
    latest = mine.exclude(pk__in=own).select_related("unit", "area").order_by("-received_at")[:5]
    told["earlier"] = lists.rows_of(list(latest))
    return told


def _same_matter(person: Person, category: Category, staff: Staff) -> Any:
    mine = queries.visible_to(staff).filter(requester=person, category=category.code)
    return mine.filter(received_at__gte=clock.now() - SAME_MATTER_FOR)


def _forecast(given: Mapping[str, Any], code: str, place: routing.Place) -> dict[str, Any]:
    book, now = catalogue.in_force(), clock.now()
    try:
        against = organisation.unit(given.get("against", ""))
    except LookupError:
        against = None
    decision = routing.route(book, code, place, now, against=against)
    kind = given.get("kind", "") if given.get("kind", "") in Kind.values else ""
    urgency = given.get("urgency", "") if given.get("urgency", "") in Urgency.values else ""
    known = classify(book, code, kind, urgency)
    rule = book.deadline(code, known["kind"], known["urgency"])
    unit = decision.unit
    calendar = organisation.calendar_of_unit(unit)
    due = clocks.compute({"start": now.isoformat()}, rule, calendar)
    return {"decision": decision, "why": story.route_words(decision.facts()), "due": due}


def _near(
    category: Category, place: routing.Place, point: tuple[float, float] | None, staff: Staff
) -> list[tuple[lists.Row, int | None]]:
    """Open cases of this category around the point, nearest first, or in the area, the latest first."""
    cases = queries.visible_to(staff).filter(category=category.code, state__in=OPEN_STATES, head__isnull=True)
    if point is not None:
        lat, lon = point
        reach = NEARBY_M / 90_000
        cases = cases.filter(lat__range=(lat - reach, lat + reach), lon__range=(lon - reach, lon + reach))
        found = [
            (c, round(distance_m((lon, lat), (c.lon or 0.0, c.lat or 0.0))))
            for c in cases.select_related("unit", "area")[:50]
        ]
        close = [(c, d) for c, d in sorted(found, key=lambda pair: pair[1]) if d <= NEARBY_M]
        chosen: Sequence[tuple[Case, int | None]] = close[:5]
    elif place.area is not None:
        latest = cases.filter(area=place.area).select_related("unit", "area").order_by("-received_at")[:5]
        chosen = [(c, None) for c in latest]
    else:
        return []
    rows = lists.rows_of([c for c, _distance in chosen])
    return [(row, distance) for row, (_case, distance) in zip(rows, chosen, strict=True)]
