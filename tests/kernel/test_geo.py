import time
from math import cos, nan, pi, radians, sin
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from wasl.kernel.geo import AreaIndex, AreaRefused, distance_m

pytestmark = pytest.mark.req("G3")

Geometry = dict[str, Any]


def box(west: float, south: float, east: float, north: float) -> Geometry:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


# Two areas side by side inside a third, near Muscat, and one far away.
CITY = AreaIndex.from_geojson(
    [
        ("governorate", box(58.0, 23.0, 58.8, 23.8)),
        ("seeb", box(58.0, 23.4, 58.3, 23.8)),
        ("bawshar", box(58.3, 23.4, 58.5, 23.8)),
        ("sohar", box(56.5, 24.2, 56.9, 24.5)),
    ]
)
# Metres of a degree of longitude at 23.5 N, by the same sphere.
LON_M = 111_195.08 * cos(radians(23.5))


def test_a_point_is_in_every_area_that_holds_it() -> None:
    assert CITY.locate(58.1, 23.5) == ["governorate", "seeb"]
    assert CITY.locate(58.7, 23.1) == ["governorate"]
    assert CITY.locate(56.7, 24.3) == ["sohar"]
    assert CITY.locate(0, 0) == []


def test_a_point_on_the_border_is_in_both() -> None:
    assert CITY.locate(58.3, 23.5) == ["governorate", "seeb", "bawshar"]


@pytest.mark.parametrize(("metres", "expected"), [(99, []), (101, ["bawshar"]), (50_000, ["bawshar"])])
def test_near_a_border(metres: float, expected: list[str]) -> None:
    assert CITY.near_border(58.3 - 100 / LON_M, 23.5, metres) == expected


def test_near_a_border_from_outside_nearest_first() -> None:
    at = 58.5 + 30 / LON_M
    assert CITY.near_border(at, 23.5, 40) == ["bawshar"]
    west_of_all = 58.0 - 20 / LON_M
    assert CITY.near_border(west_of_all, 23.5, 100) == ["governorate", "seeb"]
    index = AreaIndex.from_geojson([("far", box(1.002, 0, 2, 1)), ("near", box(1.001, 0, 2, 1))])
    assert index.near_border(1, 0.5, 300) == ["near", "far"]


def test_no_one_is_near_at_no_distance() -> None:
    assert CITY.near_border(58.1, 23.5, 0) == []
    assert CITY.near_border(10, 10, 1000) == []


@given(st.floats(-80, 80), st.floats(1, 5000), st.floats(0, 2 * pi))
def test_metres_are_metres_at_any_latitude(lat: float, metres: float, bearing: float) -> None:
    """A small area placed `metres` away in any direction is near at a hundredth more and not at a hundredth less."""
    metre = 1 / 111_195.08
    east, north = metres * sin(bearing) * metre / cos(radians(lat)), metres * cos(bearing) * metre
    tiny = 1e-9
    index = AreaIndex.from_geojson([("there", box(east - tiny, lat + north - tiny, east + tiny, lat + north + tiny))])
    assert index.near_border(0, lat, metres * 1.01 + 0.01) == ["there"]
    assert index.near_border(0, lat, metres * 0.99 - 0.01 if metres > 2 else 0) == []


def test_many_pieces_and_holes() -> None:
    ring = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]]
    hole = [[1, 1], [3, 1], [3, 3], [1, 3], [1, 1]]
    index = AreaIndex.from_geojson(
        [(7, {"type": "MultiPolygon", "coordinates": [[ring, hole], [[[9, 9], [9, 8], [8, 8]]]]})]
    )
    assert index.locate(0.5, 0.5) == [7]
    assert index.locate(2, 2) == []
    assert index.locate(8.9, 8.5) == [7]
    assert index.near_border(2, 2, 200_000) == [7]


def test_a_border_that_crosses_itself_keeps_every_piece() -> None:
    eight = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    index = AreaIndex.from_geojson([("eight", eight), ("sound", box(5, 5, 6, 6))])
    assert index.repaired == ("eight",)
    assert index.locate(0.2, 1) == index.locate(1.8, 1) == ["eight"]
    assert index.locate(1, 1.8) == []


def test_heights_and_unclosed_rings_are_taken() -> None:
    index = AreaIndex.from_geojson([("a", {"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5]]]})])
    assert index.locate(0.9, 0.5) == ["a"]


def test_no_areas_at_all() -> None:
    index: AreaIndex[str] = AreaIndex.from_geojson([])
    assert index.locate(1, 1) == index.near_border(1, 1, 10) == []


@pytest.mark.parametrize(
    ("code", "geometry"),
    [
        ("shape", {"type": "Point", "coordinates": [1, 2]}),
        ("shape", {}),
        ("shape", None),
        ("shape", [1, 2]),
        ("empty", {"type": "Polygon"}),
        ("empty", {"type": "Polygon", "coordinates": []}),
        ("empty", {"type": "Polygon", "coordinates": 5}),
        ("empty", {"type": "MultiPolygon", "coordinates": [[]]}),
        ("shape", {"type": "Polygon", "coordinates": [5]}),
        ("shape", {"type": "Polygon", "coordinates": ["ring"]}),
        ("shape", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], ["1", 1]]]}),
        ("shape", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [nan, 1]]]}),
        ("shape", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [True, 1]]]}),
        ("shape", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1]]]}),
        ("empty", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}),
        ("empty", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 0], [1, 1]]]}),
        ("empty", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [2, 2], [0, 0]]]}),
        ("range", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [23.5, 158.4]]]}),
        ("range", {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1e300, 1]]]}),
        ("size", {"type": "Polygon", "coordinates": [[[0, 0]] * 200_001]}),
        ("size", {"type": "MultiPolygon", "coordinates": [[[[0, 0], [1, 0], [1, 1]] * 40_000]] * 2}),
    ],
)
@pytest.mark.slow
def test_what_is_no_area_is_refused_with_a_sentence(code: str, geometry: Any) -> None:
    with pytest.raises(AreaRefused, match="zone-7") as refused:
        AreaIndex.from_geojson([("fine", box(0, 0, 1, 1)), ("zone-7", geometry)])
    assert refused.value.code == code
    assert str(refused.value.sentence).endswith(".")
    assert len(str(refused.value.sentence)) < 300


def test_the_sentence_is_translated_when_it_is_shown() -> None:
    with pytest.raises(AreaRefused) as refused:
        AreaIndex.from_geojson([("a", {"type": "Point"})])
    with translation.override("en"):
        assert "Polygon" in str(refused.value.sentence)


@pytest.mark.parametrize(("lon", "lat"), [(181, 0), (0, 91), (nan, 0), (0, nan), (float("inf"), 0)])
def test_positions_off_the_globe_are_refused(lon: float, lat: float) -> None:
    for ask in (
        lambda: CITY.locate(lon, lat),
        lambda: CITY.near_border(lon, lat, 5),
        lambda: distance_m((lon, lat), (0, 0)),
    ):
        with pytest.raises(ValueError, match="longitude"):
            ask()
    with pytest.raises(ValueError, match="no distance"):
        CITY.near_border(0, 0, -1)


def test_known_distances() -> None:
    assert distance_m((0, 0), (0, 1)) == pytest.approx(111_195, abs=1)
    assert distance_m((58.3829, 23.5880), (56.7075, 24.3643)) == pytest.approx(190_900, rel=0.01)
    assert distance_m((179.9, 0), (-179.9, 0)) == pytest.approx(22_239, abs=1)
    assert distance_m((0, 0), (180, 0)) == pytest.approx(pi * 6_371_008.8)


positions = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@given(positions, positions)
def test_a_distance_has_no_direction(a: tuple[float, float], b: tuple[float, float]) -> None:
    assert distance_m(a, b) == distance_m(b, a) >= 0
    assert distance_m(a, a) == 0


def test_a_long_border_is_asked_fast() -> None:
    ring = [[58 + 0.3 * cos(n / 5000 * pi), 23.5 + 0.3 * sin(n / 5000 * pi)] for n in range(10_000)]
    index = AreaIndex.from_geojson([(n, {"type": "Polygon", "coordinates": [ring]}) for n in range(3)])
    begin = time.perf_counter()
    for n in range(200):
        index.locate(58 + n / 1000, 23.5)
        index.near_border(58.2995 + n / 10_000, 23.5, 150)
    assert (time.perf_counter() - begin) / 200 < 0.01
