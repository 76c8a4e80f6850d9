"""Areas on the map: which of them hold a point and which come near it; what an area stands for is not known here.

Positions are WGS 84 longitude and latitude in degrees, longitude first, as GeoJSON has them (RFC 7946). Metres near a
point are measured on a plane that touches the sphere there (equirectangular): exact to a thousandth within some
twenty kilometres, which is what borders of city areas need. Areas that cross the 180th meridian are cut there, as RFC
7946 section 3.1.9 asks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, isfinite, radians, sin, sqrt
from typing import Any, Generic, TypeVar, cast

import shapely
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.geometry.base import BaseGeometry

__all__ = ["AreaIndex", "AreaRefused", "distance_m"]

_EARTH_RADIUS_M = 6_371_008.8
_METRES_PER_DEGREE = radians(1) * _EARTH_RADIUS_M
# No drawn border needs more; a file with more is a mistake or an attack.
_MOST_POSITIONS = 200_000
# Closer to a pole than this a degree of longitude is no measure of anything.
_LEAST_COS = 0.01

Key = TypeVar("Key", bound=int | str)


class AreaRefused(ValueError):
    """A geometry that is no area; `sentence` says why, in the reader's language, `code` for programs.

    Codes: `shape` (not the structure of a Polygon or MultiPolygon), `range` (a position off the globe), `empty` (a ring
    of too few positions, or nothing left that has an inside), `size` (too many positions).
    """

    def __init__(self, code: str, sentence: str | Promise) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence

    def __str__(self) -> str:
        return str(self.sentence)


@dataclass(frozen=True, slots=True)
class AreaIndex(Generic[Key]):
    """Areas by key, ready to be asked in microseconds. Immutable; make one with `from_geojson`.

    `repaired` names the areas whose border crossed itself and was put right by taking every enclosed piece.
    """

    keys: tuple[Key, ...]
    shapes: tuple[BaseGeometry, ...]
    repaired: tuple[Key, ...]
    _tree: shapely.STRtree

    @classmethod
    def from_geojson(cls, features: Iterable[tuple[Key, Mapping[str, Any]]]) -> "AreaIndex[Key]":
        """Index pairs of (key, GeoJSON geometry): Polygon or MultiPolygon, in any order, overlapping as they like.

        An unclosed ring is closed, a height is dropped, a border that crosses itself is repaired (see `repaired`).
        Raises AreaRefused naming the area and the mistake.
        """
        keys: list[Key] = []
        shapes: list[BaseGeometry] = []
        repaired: list[Key] = []
        for key, geometry in features:
            area = _area(key, geometry)
            if not area.is_valid:
                area = _repaired(key, area)
                repaired.append(key)
            shapely.prepare(area)
            keys.append(key)
            shapes.append(area)
        return cls(tuple(keys), tuple(shapes), tuple(repaired), shapely.STRtree(shapes))

    def locate(self, lon: float, lat: float) -> list[Key]:
        """Keys of all areas that hold the point, their borders included, in the order of indexing.

        Raises ValueError for a position off the globe.
        """
        _on_globe(lon, lat)
        found = self._tree.query(Point(lon, lat), predicate="intersects")
        return [self.keys[number] for number in sorted(found.tolist())]

    def near_border(self, lon: float, lat: float, metres: float) -> list[Key]:
        """Keys of the areas that do not hold the point but come within `metres` of it, nearest first.

        Empty where no other area is near; a point on a common border is held by both areas, so `locate` names both.
        Raises ValueError for a position off the globe or a negative distance. Source: requirement G3.
        """
        _on_globe(lon, lat)
        if not (isfinite(metres) and metres >= 0):
            raise ValueError(f"{metres} is no distance in metres")
        shrink = max(cos(radians(lat)), _LEAST_COS)
        high = metres / _METRES_PER_DEGREE
        wide = high / shrink
        west, south, east, north = lon - wide, lat - high, lon + wide, lat + high
        point = Point(lon, lat)
        near: list[tuple[float, int]] = []
        for number in self._tree.query(shapely.box(west, south, east, north)).tolist():
            area = self.shapes[number]
            if area.intersects(point):
                continue
            # Only what lies around the point is projected: the cost does not grow with the length of the border.
            piece = shapely.clip_by_rect(area, west, south, east, north)
            if piece.is_empty:
                continue
            flat = shapely.transform(piece, lambda position: (position - (lon, lat)) * (shrink, 1.0))
            away = cast("float", flat.distance(Point(0, 0))) * _METRES_PER_DEGREE
            if away <= metres:
                near.append((away, number))
        return [self.keys[number] for _away, number in sorted(near)]


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two positions (lon, lat) on the sphere, at any distance (haversine; to 0.6 % of the ellipsoid).

    Raises ValueError for a position off the globe.
    """
    _on_globe(*a)
    _on_globe(*b)
    south, north = radians(a[1]), radians(b[1])
    chord = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(radians(b[0] - a[0]) / 2) ** 2
    return 2 * _EARTH_RADIUS_M * asin(sqrt(min(1.0, chord)))


def _on_globe(lon: float, lat: float) -> None:
    # Comparisons with NaN are false, so this refuses it too.
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise ValueError(f"{lon}, {lat} is no longitude and latitude")


def _refuse(code: str, key: object, sentence: str | Promise, **facts: object) -> AreaRefused:
    return AreaRefused(code, format_lazy(cast("str", sentence), area=key, **facts))


def _area(key: object, geometry: Any) -> BaseGeometry:
    """The shapely geometry of a GeoJSON one, valid or not."""
    kind = geometry.get("type") if isinstance(geometry, Mapping) else None
    if kind not in ("Polygon", "MultiPolygon"):
        raise _refuse(
            "shape",
            key,
            _("The area {area} is drawn as {kind}; an area has to be a Polygon or a MultiPolygon."),
            kind=str(kind)[:40] if kind else "?",
        )
    coordinates = geometry.get("coordinates")
    polygons = [coordinates] if kind == "Polygon" else coordinates
    if not _is_list(polygons) or not polygons:
        raise _refuse("empty", key, _("The area {area} has no border."))
    left = _MOST_POSITIONS
    made: list[Polygon] = []
    for rings in polygons:
        if not _is_list(rings) or not rings:
            raise _refuse("empty", key, _("The area {area} has no border."))
        clean = [_ring(key, ring, left) for ring in rings]
        left -= sum(len(ring) for ring in clean)
        if left < 0:
            raise _too_large(key)
        made.append(Polygon(clean[0], clean[1:]))
    return made[0] if kind == "Polygon" else MultiPolygon(made)


def _ring(key: object, ring: Any, most: int) -> list[tuple[float, float]]:
    if not _is_list(ring):
        raise _refuse("shape", key, _("The border of the area {area} is not a list of positions."))
    if len(ring) > most:
        raise _too_large(key)
    clean: list[tuple[float, float]] = []
    for position in ring:
        if not _is_list(position) or len(position) < 2 or not all(_is_number(value) for value in position[:2]):
            raise _refuse(
                "shape",
                key,
                _("The border of the area {area} has a position that is not [longitude, latitude]: {position}."),
                position=repr(position)[:60],
            )
        lon, lat = float(position[0]), float(position[1])
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise _refuse(
                "range",
                key,
                _(
                    "The border of the area {area} has the position {lon}, {lat}, which is not on the globe: longitude "
                    "(-180 to 180) comes first, then latitude (-90 to 90), both in degrees."
                ),
                lon=lon,
                lat=lat,
            )
        clean.append((lon, lat))
    if len(set(clean)) < 3:
        raise _refuse("empty", key, _("A border of the area {area} has fewer than three different positions."))
    return clean


def _repaired(key: object, area: BaseGeometry) -> BaseGeometry:
    """Every piece that the border encloses; lines and points that are left over have no inside and go."""
    pieces = [
        piece
        for piece in shapely.get_parts(shapely.make_valid(area, method="structure")).tolist()
        if isinstance(piece, Polygon) and piece.area > 0
    ]
    if not pieces:
        raise _refuse("empty", key, _("The border of the area {area} encloses nothing."))
    return pieces[0] if len(pieces) == 1 else MultiPolygon(pieces)


def _too_large(key: object) -> AreaRefused:
    return _refuse(
        "size",
        key,
        _("The border of the area {area} has more than {most} positions; simplify it."),
        most=_MOST_POSITIONS,
    )


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
