"""The demo city itself: its units, areas, calendars, and the people who hold posts."""

import re
from datetime import date
from itertools import combinations

import pytest
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from tests.demo.muscat.sheets import AREAS, CALENDARS, CITY, DISPATCH, LANGUAGES, STAFF, UNITS, WILAYAT
from wasl.kernel import worktime

UNIT_KINDS = {"centre", "municipality", "directorate", "department", "section", "utility", "police", "ministry"}

ROLES = {"agent", "dispatcher", "officer", "second_line", "supervisor", "leader", "administrator"}

GEOMETRY: dict[str, BaseGeometry] = {code: shape(feature["geometry"]) for code, feature in AREAS.items()}


@pytest.mark.req("A8")
def test_units_make_a_tree_with_the_outside_beside_it() -> None:
    kinds = {row["code"]: row["kind"] for row in UNITS}
    assert set(kinds.values()) == UNIT_KINDS
    for row in UNITS:
        assert not row["parent"] or row["parent"] in kinds, row["code"]
        assert row["calendar"] in CALENDARS, row["code"]
        assert row["delivery"] in ("list", "mail", "phone", "system"), row["code"]
        assert re.fullmatch(r"[a-z0-9.-]+@([a-z-]+\.)?example", row["mail"]), row["mail"]
        assert re.fullmatch(r"\+968\d{8}", row["phone"]), row["phone"]
        if row["kind"] in ("utility", "police", "ministry", "municipality"):
            assert not row["parent"], row["code"]
        else:
            assert row["parent"], row["code"]
        up = [row["code"]]
        while up[-1]:
            assert len(up) < 10, f"{row['code']} is its own ancestor"
            up.append(next(r["parent"] for r in UNITS if r["code"] == up[-1]))
    assert list(kinds.values()).count("centre") == 1


@pytest.mark.req("G3")
def test_areas_are_valid_and_share_borders_but_no_ground() -> None:
    assert len(WILAYAT) == 6
    for code, ground in GEOMETRY.items():
        assert ground.is_valid, code
        assert ground.geom_type == "Polygon", code
    for a, b in combinations(WILAYAT, 2):
        assert GEOMETRY[a].intersection(GEOMETRY[b]).area < 1e-9, f"{a} and {b} overlap"
    assert AREAS["muscat"]["properties"]["parent"] == ""
    assert all(AREAS[code]["properties"]["parent"] == "muscat" for code in WILAYAT)
    together = unary_union([GEOMETRY[code] for code in WILAYAT])
    assert together.symmetric_difference(GEOMETRY["muscat"]).area < 1e-9, "the governorate is not its wilayat together"
    assert together.geom_type == "Polygon", "there is a gap between wilayat"
    for a in WILAYAT:
        assert any(GEOMETRY[a].intersection(GEOMETRY[b]).length > 0.01 for b in WILAYAT if b != a), (
            f"{a} has no neighbour"
        )


@pytest.mark.parametrize(
    ("place", "lon", "lat", "wilayat"),
    [
        ("As Seeb fort", 58.19, 23.67, "seeb"),
        ("Al Mawaleh", 58.24, 23.60, "seeb"),
        ("Azaiba", 58.37, 23.60, "bawshar"),
        ("Old Bawshar", 58.40, 23.545, "bawshar"),
        ("Qurum", 58.475, 23.61, "bawshar"),
        ("Ruwi", 58.54, 23.59, "muttrah"),
        ("Muttrah corniche", 58.567, 23.62, "muttrah"),
        ("Old Muscat", 58.594, 23.614, "muscat-wilayat"),
        ("Yiti", 58.68, 23.53, "muscat-wilayat"),
        ("Al Amrat", 58.50, 23.48, "amrat"),
        ("Qurayyat", 58.91, 23.26, "qurayyat"),
    ],
)
def test_known_places_lie_in_their_wilayat(place: str, lon: float, lat: float, wilayat: str) -> None:
    assert [code for code in WILAYAT if GEOMETRY[code].contains(Point(lon, lat))] == [wilayat], place


def test_the_city_itself() -> None:
    assert {CITY["hotline"], CITY["second"]} == {"1111", "80077222"}
    assert CITY["default_language"] in CITY["languages"]
    assert set(CITY["languages"]) == set(LANGUAGES)
    assert CITY["bounds"] == pytest.approx(GEOMETRY["muscat"].bounds)
    assert GEOMETRY["muscat"].contains(Point(*CITY["centre"]))
    assert CITY["near_border_m"] > 0


@pytest.mark.slow
@pytest.mark.req("R2")
def test_calendars_can_be_worked_by() -> None:
    assert set(CALENDARS) == {"office", "field", "always"}
    for code, calendar in CALENDARS.items():
        assert calendar["timezone"] == CITY["timezone"], code
        assert set(calendar["weekly"]) == {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
        for day in (
            *calendar["weekly"].values(),
            *calendar["ramadan_weekly"].values(),
            *calendar["exceptions"].values(),
        ):
            worktime.windows(*day)
        assert all(date.fromisoformat(day) for day in calendar["exceptions"]), code
        if calendar["country"]:
            assert worktime.holidays_of(calendar["country"], 2027)
    office, field = CALENDARS["office"]["weekly"], CALENDARS["field"]["weekly"]
    assert not office["fri"]
    assert not office["sat"]
    assert not field["fri"]
    assert len(field["sat"]) == 2


@pytest.mark.req("A8")
def test_every_unit_that_receives_has_an_officer() -> None:
    staffed = {row["scope"].removeprefix("unit:") for row in STAFF if row["role"] == "officer"}
    receiving = {unit for rule in DISPATCH for unit in (rule["lead"], *rule["assist"].split())}
    assert receiving <= staffed
    parents = {row["parent"] for row in UNITS}
    assert {row["code"] for row in UNITS if row["code"] not in parents} <= receiving, (
        "a leaf unit that never receives anything"
    )


def test_staff_hold_posts_that_exist() -> None:
    units, held = {row["code"] for row in UNITS}, [row["role"] for row in STAFF]
    for row in STAFF:
        assert row["role"] in ROLES, row["username"]
        assert row["language"] in LANGUAGES, row["username"]
        what, _, code = row["scope"].partition(":")
        assert (
            (what, code) == ("centre", "") or (what == "unit" and code in units) or (what == "area" and code in AREAS)
        ), row["scope"]
        assert row["role"] != "officer" or what == "unit", row["username"]
    for role, least in {
        "agent": 3,
        "dispatcher": 2,
        "second_line": 2,
        "supervisor": 2,
        "leader": 2,
        "administrator": 1,
    }.items():
        assert held.count(role) >= least, role
    supervisors = {row["scope"] for row in STAFF if row["role"] == "supervisor"}
    assert "centre" in supervisors
    assert any(scope.startswith("unit:") for scope in supervisors)
