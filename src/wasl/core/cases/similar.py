"""Open requests like one about to be made: of the same matter, a short way off. Nothing about people is read."""

from collections.abc import Collection
from dataclasses import dataclass
from math import cos, radians

from django.db.models import QuerySet

from wasl.core.cases import queries
from wasl.core.cases.models import Case, State
from wasl.kernel.geo import distance_m

_METRES_PER_DEGREE = 111_195.0
_MOST_READ = 200
# A citizen joins only what is still to be done. Where the unit says that it is done and somebody reports the same
# again, that is news which must not close together with the reply it contradicts.
_STILL_TO_DO = (
    State.REGISTERED, State.DISPATCHED, State.SIGNED, State.IN_PROGRESS, State.SUSPENDED, State.RETURNED,
    State.ARBITRATION, State.CONTESTED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Near:
    """A request and how far from the place it lies, in metres."""

    case: Case
    metres: float


def open_to_citizens() -> QuerySet[Case]:
    """Requests that a citizen may join his own to: public, still to be done, no emergency, joined to nothing.

    Source: docs/decisions/2026-11-22-citizens-join.md.
    """
    return queries.public(Case.objects.filter(state__in=_STILL_TO_DO, emergency=False, redacted_at__isnull=True))


def near(place: tuple[float, float], *, categories: Collection[str], within_m: float, limit: int = 5) -> list[Near]:
    """Requests that a citizen may join, of one of `categories`, at most `within_m` metres from `place`, nearest first.

    `place` is (latitude, longitude) in degrees WGS 84. Raises ValueError for a position off the globe. Of more than two
    hundred candidates the latest are measured. Source: requirements B6, F3; "duplicates are joined, never closed".
    """
    lat, lon = place
    here = (lon, lat)
    distance_m(here, here)
    high = within_m / _METRES_PER_DEGREE
    wide = high / max(cos(radians(lat)), 0.01)
    # By the index on category and latitude of open cases: a strip of one category, which holds few.
    found = (
        open_to_citizens()
        .filter(category__in=categories, lat__range=(lat - high, lat + high), lon__range=(lon - wide, lon + wide))
        .select_related("unit", "area")
        .order_by("-received_at")[:_MOST_READ]
    )
    measured = [Near(case, distance_m(here, (case.lon or 0.0, case.lat or 0.0))) for case in found]
    close = [one for one in measured if one.metres <= within_m]
    return sorted(close, key=lambda one: (one.metres, -one.case.pk))[:limit]


__all__ = ["Near", "near", "open_to_citizens"]
