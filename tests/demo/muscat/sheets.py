"""The files of the demo city as the tests of them read them: rows, areas, calendars, and what belongs together."""

import csv
import json
from pathlib import Path
from typing import Any

import wasl.site

FOLDER = Path(wasl.site.__file__).parent / "demo" / "muscat"

LANGUAGES = ("en", "ar", "zh")


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file, strict=True))
    assert all(None not in row and None not in row.values() for row in found), (
        f"{name}: a row has too many or too few cells"
    )
    return found


def loaded(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


UNITS, CATEGORIES, QUESTIONS, VALUES = rows("units"), rows("categories"), rows("questions"), rows("values")

DISPATCH, DEADLINES, REASONS, TEMPLATES, STAFF = (
    rows("dispatch"),
    rows("deadlines"),
    rows("reasons"),
    rows("templates"),
    rows("staff"),
)

AREAS = {feature["properties"]["code"]: feature for feature in loaded("areas.geojson")["features"]}

CALENDARS = {calendar["code"]: calendar for calendar in loaded("calendars.json")}

CITY = loaded("city.json")

WILAYAT = [code for code, feature in AREAS.items() if feature["properties"]["kind"] == "wilayat"]
