"""Samples of real requests, played through a whole running hotline, become what the file says of them."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg
import pytest
from shapely.geometry import Point, shape

from tests.real.hotline import Hotline, run
from wasl.site.installation import PACKAGE, Installation
from wasl.site.replay import maps

SAMPLES = Path(__file__).parents[1] / "replay"
CITY = PACKAGE / "site" / "demo" / "muscat"
pytestmark = pytest.mark.timeout(900)


def sheet(name: str) -> list[dict[str, str]]:
    with (CITY / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def units_by_hand(request: maps.Request) -> tuple[set[str], bool | None]:
    """The leads of the most specific rules of the dispatch sheet, read without the house's own routing.

    And whether nobody need look. Which of the rules for certain hours holds now is left open here: each of their leads
    will do, and it is not said (None) whether somebody must look.
    """
    parent = {row["code"]: row["parent"] for row in sheet("categories")}
    line = [request.category]
    while parent[line[-1]]:
        line.append(parent[line[-1]])
    features = json.loads((CITY / "areas.geojson").read_text(encoding="utf-8"))["features"]
    point = Point(request.lon, request.lat)
    areas: dict[str, Any] = {
        feature["properties"]["code"]: shape(feature["geometry"]).area
        for feature in features
        if shape(feature["geometry"]).contains(point)
    }
    # The smaller the area, the nearer; "*" is everywhere.
    near = {code: place for place, code in enumerate(sorted(areas, key=areas.__getitem__))} | {"*": 99}
    fits = [
        ((line.index(row["category"]), near[row["area"]]), row)
        for row in sheet("dispatch")
        if row["category"] in line and row["area"] in near
    ]
    best = min(rank for rank, row in fits if row["hours"] == "*")
    winners = [row for rank, row in fits if rank == best and row["hours"] == "*"]
    leads = {row["lead"] for row in winners}
    at_hours = {row["lead"] for rank, row in fits if rank <= best and row["hours"] != "*"}
    if at_hours:
        return leads | at_hours, None
    return leads, len(leads) == 1 and winners[0]["automatic"] == "yes"


@pytest.mark.req("G2")
@pytest.mark.parametrize("name", ["new_haven", "baltimore"])
def test_a_sample_becomes_cases_as_the_file_says(house: Hotline, name: str, tmp_path: Path) -> None:
    file, receipts = SAMPLES / f"{name}_sample.csv", tmp_path / "receipts.csv"
    played = run("replay", file, "--map", name, "--data", house.data, "--receipts", receipts, timeout_s=300)
    assert played.returncode == 0, played.stdout + played.stderr
    assert "accepted 50 of 50" in played.stdout
    again = run("replay", file, "--map", name, "--data", house.data, "--receipts", tmp_path / "again", timeout_s=300)
    assert (tmp_path / "again").read_text() == receipts.read_text(), "a second run adds nothing"
    assert again.returncode == 0

    checked = run("replay", file, "--map", name, "--data", house.data, "--check", timeout_s=300)
    print("\n" + checked.stdout)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "50 of 50 rows have a case; 0 have none" in checked.stdout

    rules = maps.read(maps.shipped(name))
    with file.open(encoding=rules.encoding, newline="") as text:
        requests = [rules.request(row) for row in csv.DictReader(text)]
    with receipts.open(encoding="utf-8", newline="") as text:
        numbers = {int(row["row"]): row["service_request_id"] for row in csv.DictReader(text)}
    with psycopg.connect(Installation.at(house.data).cluster.url()) as connection:
        made = {
            number: (category, unit, dispatched)
            for number, category, unit, dispatched in connection.execute(
                "SELECT number, category, u.code, dispatched_at IS NOT NULL FROM cases_case c"
                " LEFT JOIN organisation_unit u ON u.id = c.unit_id WHERE number = ANY(%s)",
                [list(numbers.values())],
            )
        }
    assert len(made) == 50
    found, said = Counter(category for category, _, _ in made.values()), Counter(one.category for one in requests)
    assert found == said
    for line, request in enumerate(requests, 1):
        _, unit, dispatched = made[numbers[line]]
        leads, automatic = units_by_hand(request)
        assert unit in leads, f"row {line}: {request.category} went to {unit}, the sheet says {leads}"
        assert automatic in (None, dispatched), f"row {line}: {request.category}"


@pytest.mark.req("F2")
def test_the_check_finds_what_is_wrong(house: Hotline, tmp_path: Path) -> None:
    """A file with one category changed after it was played is not what became of it."""
    changed = tmp_path / "changed.toml"
    text = maps.shipped("new_haven").read_text(encoding="utf-8")
    changed.write_text(
        text.replace('default = "other-municipal"', 'default = "pothole"').replace('"road-sand"', '"litter"')
    )
    file = SAMPLES / "new_haven_sample.csv"
    assert run("replay", file, "--map", "new_haven", "--data", house.data, timeout_s=300).returncode == 0
    checked = run("replay", file, "--map", changed, "--data", house.data, "--check", timeout_s=300)
    assert checked.returncode == 1
    assert "WRONG category" in checked.stdout
