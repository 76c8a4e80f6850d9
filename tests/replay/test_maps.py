"""The maps of real requests lead each row to a category and a place of the demo city; sending is not tested here."""

import csv
import json
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from shapely.geometry import LineString, box, shape

import wasl.site
from wasl.site.replay import maps
from wasl.site.replay.maps import BadMap, RequestMap

HERE = Path(__file__).parent
CITY = Path(wasl.site.__file__).parent / "demo" / "muscat"
NAMES = ("new_haven", "baltimore")
# Degrees; at Muscat 300 m and a little more, twice the distance at which the centre is asked about a border.
CLEAR_OF_BORDERS = 0.003


def city(name: str) -> list[dict[str, str]]:
    with (CITY / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def sample(name: str) -> list[dict[str, str]]:
    with (HERE / f"{name}_sample.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def read_map(name: str) -> RequestMap:
    return maps.read(maps.shipped(name))


def test_every_category_is_one_that_a_case_can_have_and_asks_nothing_that_a_row_cannot_answer(
    read_map: RequestMap,
) -> None:
    parent = {row["code"]: row["parent"] for row in city("categories")}
    leaves = set(parent) - set(parent.values())
    assert read_map.categories <= leaves
    required = {row["category"] for row in city("questions") if row["required"] == "yes"}
    for code in read_map.categories:
        line = [code]
        while parent[line[-1]]:
            line.append(parent[line[-1]])
        assert not required & set(line), f"{code} has a required question"


def test_rows_are_placed_inside_a_wilayat_and_clear_of_its_borders(read_map: RequestMap) -> None:
    features = json.loads((CITY / "areas.geojson").read_text(encoding="utf-8"))["features"]
    wilayat = {f["properties"]["code"]: shape(f["geometry"]) for f in features if f["properties"]["kind"] == "wilayat"}
    found = []
    for shift in read_map.shifts:
        ground = box(shift.target.west, shift.target.south, shift.target.east, shift.target.north)
        (code,) = (code for code, polygon in wilayat.items() if polygon.buffer(-CLEAR_OF_BORDERS).contains(ground))
        found.append(code)
    assert sorted(found) == sorted(wilayat), "each wilayat gets its part, once"
    assert sum(shift.share for shift in read_map.shifts) == 100


def test_the_sample_is_mapped(name: str, read_map: RequestMap) -> None:
    rows = sample(name)
    assert len(rows) == 50
    made = [read_map.request(row) for row in rows]
    assert sum(request.category == read_map.default for request in made) / len(made) < 0.10
    assert len({request.category for request in made}) >= 25
    for request in made:
        assert any(
            shift.target.west <= request.lon <= shift.target.east
            and shift.target.south <= request.lat <= shift.target.north
            for shift in read_map.shifts
        )
        assert request.description
        assert request.created_at is not None
        assert request.created_at.tzinfo is not None
    assert made == [maps.read(maps.shipped(name)).request(row) for row in rows], "the same row becomes the same request"


@pytest.mark.parametrize(
    ("service", "description", "category"),
    [
        ("Potholes", "", "pothole"),
        ("  POT HOLES ", "", "pothole"),
        ("Hole in Sidewalk", "", "pavement-damage"),
        ("Street light out - pole 6274", "", "street-light-out"),
        ("stump", "", "tree-pruning"),
        ("Tree down across road", "", "tree-fallen"),
        ("SNOW RELATED", "", "road-sand"),
        ("Trash was not collected", "", "bins-overflow"),
        ("Illegally parked car", "", "disorderly-parking"),
        ("Red light runners", "", "traffic-behaviour"),
        ("Traffic light not working", "", "traffic-signal"),
        ("Dead cat", "", "dead-animal"),
        ("Lost Cat", "", "stray-cats"),
        ("Smell of gas", "", "gas-leak"),
        ("Public Space, Streets and Drains", "The storm drain is clogged.", "storm-drain"),
        ("Public Space, Streets and Drains", "", "dirty-road"),
        ("Please look", "There is graffiti on the wall", "posters-scribble"),
        ("Something else", "", "other-municipal"),
        ("Something else", "x" * 400 + " graffiti", "other-municipal"),
    ],
)
def test_new_haven_speaks_freely(service: str, description: str, category: str) -> None:
    assert maps.read(maps.shipped("new_haven")).category(service, description) == category


@pytest.mark.parametrize(
    ("service", "category"),
    [
        ("SW-Rat Rubout Proactive", "rodents"),
        ("SW-HGW", "vacant-plot"),
        ("WW-Sewer Water In Basement", "sewage-blockage"),
        ("WW-Storm Water In Basement", "street-flooding"),
        ("WW-Water Water In Basement", "water-leak"),
        ("WW-Water Meter Cover Missing or Damaged", "manhole-open"),
        ("FCPF-Trial Request-Parking", "parking-fine"),
        ("TRS-48 Hour Parking Complaint", "abandoned-vehicle"),
        ("ECC-Miscellaneous Request", "other-municipal"),
    ],
)
def test_baltimore_speaks_in_codes(service: str, category: str) -> None:
    assert maps.read(maps.shipped("baltimore")).category(service) == category


def test_a_shift_keeps_what_lies_side_by_side_together() -> None:
    read_map = maps.read(maps.shipped("new_haven"))
    first = read_map.shifts[0]
    assert first.source
    row = {
        "lat": str(first.source.south),
        "lng": str(first.source.west),
        "description": "",
        "service": "",
        "created_at": "",
    }
    assert read_map.place(row) == (first.target.west, first.target.south)
    middle_lon, middle_lat = first.source.at(0.5, 0.25)
    moved = read_map.place({**row, "lat": str(middle_lat), "lng": str(middle_lon)})
    assert moved == pytest.approx(first.target.at(0.5, 0.25))


@pytest.mark.parametrize("where", [("", ""), ("54.5", "-1.2"), ("nan", "-72.9"), ("north", "west"), ("inf", "-72.9")])
def test_a_row_without_a_usable_place_gets_one(where: tuple[str, str]) -> None:
    read_map = maps.read(maps.shipped("new_haven"))
    row = {"lat": where[0], "lng": where[1], "description": "d", "service": "s", "created_at": "t"}
    lon, lat = read_map.place(row)
    assert any(shift.target.clip(lon, lat) == (lon, lat) for shift in read_map.shifts)


def test_a_neighbourhood_lies_together_and_its_addresses_apart() -> None:
    read_map = maps.read(maps.shipped("baltimore"))
    row = {"Neighborhood": "Mill Hollow", "ZipCode": "21290", "ServiceRequestNum": "1"}
    points = [read_map.place({**row, "Address": f"{number} LANTERN ST"}) for number in range(100)]
    assert len(set(points)) > 90
    # 400 m around one point: at most 800 m, 0.0079 degrees of longitude at Muscat, from end to end.
    assert LineString(points).bounds[2] - LineString(points).bounds[0] <= 0.0079
    assert LineString(points).bounds[3] - LineString(points).bounds[1] <= 0.0073


def test_times_are_read_in_the_city_s_own_zone() -> None:
    row = {"CreatedDate": "07/01/2014 12:05:10 AM"}
    at = maps.read(maps.shipped("baltimore")).created_at(row)
    assert at
    assert at.astimezone(UTC) == datetime(2014, 7, 1, 4, 5, 10, tzinfo=UTC)
    assert maps.read(maps.shipped("baltimore")).created_at({"CreatedDate": "soon"}) is None


GOOD = """
[columns]
service = "s"
[place]
mode = "hash"
[[place.shift]]
to = [58.1, 23.5, 58.2, 23.6]
[services]
default = "litter"
"""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[services]", "[services"), "is not TOML"),
        (('mode = "hash"', 'mode = "guess"'), 'mode is "shift" or "hash"'),
        (('mode = "hash"', 'mode = "shift"'), "needs a `from`"),
        (("58.1, 23.5", "58.3, 23.5"), "is not a box"),
        (("58.1, 23.5", "23.5"), "is not a map"),
        (('service = "s"', 'colour = "s"'), "knows no colour"),
        (('service = "s"', 'lat = "s"'), "must name the column of the service"),
        (('default = "litter"', ""), "is not a map"),
        (('default = "litter"', 'default = "litter"\npatterns = [["(", "litter"]]'), "cannot be read"),
        (('mode = "hash"', 'mode = "hash"\n[file]\nzone = "Mars/Olympus"'), "is not a time zone"),
    ],
)
def test_a_bad_map_is_refused_with_a_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    path = tmp_path / "city.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert maps.read(path).category("anything") == "litter"
    broken = GOOD.replace(*change)
    if "[file]" in broken:
        broken = GOOD + '[file]\nzone = "Mars/Olympus"\n'
    path.write_text(broken, encoding="utf-8")
    with pytest.raises(BadMap, match=r"city\.toml") as refused:
        maps.read(path)
    assert sentence in str(refused.value)


def test_no_pattern_is_shadowed_by_an_equal_one(name: str) -> None:
    content = tomllib.loads(maps.shipped(name).read_text(encoding="utf-8"))
    texts = [text for text, _ in content["services"]["patterns"]]
    assert len(texts) == len(set(texts))
