"""The files of the demo city of Muscat agree with each other; how they are loaded is not tested here."""

import csv
import json
import re
from collections.abc import Iterator
from datetime import date
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from django.template import Context, Engine
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

import wasl.site
from wasl.core.catalogue import book
from wasl.kernel import worktime
from wasl.kernel.worktime import Duration

FOLDER = Path(wasl.site.__file__).parent / "demo" / "muscat"
LANGUAGES = ("en", "ar", "zh")
ARABIC = re.compile("[\u0621-\u064a]")
HAN = re.compile("[\u4e00-\u9fff]")
LATIN_WORD = re.compile("[A-Za-z]{2,}")
CODE = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
KINDS = {
    "enquiry",
    "help",
    "complaint",
    "report",
    "suggestion",
    "observation",
    "praise",
    "repair",
    "review",
    "criticism",
    "information",
    "feedback",
}
URGENCIES = ("normal", "urgent", "critical")
UNIT_KINDS = {"centre", "municipality", "directorate", "department", "section", "utility", "police", "ministry"}
ROLES = {"agent", "dispatcher", "officer", "second_line", "supervisor", "leader", "administrator"}
REASON_LISTS = {"return", "refuse", "suspend", "extend", "reclassify", "withdraw", "redo", "identity"}
REFUSALS = {"emergency", "court", "repeat", "secret", "beyond-duties", "unlawful"}
CITIZEN_EVENTS = [
    "received",
    "registered",
    "refused",
    "asked",
    "answered",
    "joined",
    "dispatched",
    "interim",
    "extended",
    "suspended",
    "resumed",
    "reclassified",
    "told",
    "reminder",
    "closed",
    "redone",
    "reopened",
    "link",
]
STAFF_EVENTS = [
    "staff_order",
    "staff_returned",
    "staff_extension",
    "staff_extension_denied",
    "staff_due_soon",
    "staff_overdue",
    "staff_urged",
]
PLACEHOLDERS = {
    "number",
    "pin",
    "category",
    "unit",
    "due",
    "status",
    "reason",
    "result",
    "recourse",
    "track_url",
    "answer_url",
    "link_url",
    "city",
    "hotline",
    "receipt_hash",
    "case_url",
}
# Two places where the files leave the choice to a person on purpose: (category, area).
TIES = {("road-sand", "qurayyat"), ("wadi-dumping", "amrat")}
# Names that stay in Latin letters in Chinese, as people there write them.
LATIN_NAMES = {"Mwasalat", "Tajawob"}


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
PARENT = {row["code"]: row["parent"] for row in CATEGORIES}
LEAVES = [row for row in CATEGORIES if row["code"] not in set(PARENT.values())]
WILAYAT = [code for code, feature in AREAS.items() if feature["properties"]["kind"] == "wilayat"]
GEOMETRY: dict[str, BaseGeometry] = {code: shape(feature["geometry"]) for code, feature in AREAS.items()}


def line_of(code: str) -> list[str]:
    """The category and all above it, from the root down."""
    found = [code]
    while PARENT[found[-1]]:
        found.append(PARENT[found[-1]])
        assert len(found) < 10, f"{code} is its own ancestor"
    return found[::-1]


def sheets() -> Iterator[tuple[str, dict[str, str]]]:
    for name, table in {
        "units": UNITS,
        "categories": CATEGORIES,
        "questions": QUESTIONS,
        "values": VALUES,
        "reasons": REASONS,
    }.items():
        for row in table:
            yield name, row
    for code, feature in AREAS.items():
        yield f"areas {code}", feature["properties"]
    for calendar in CALENDARS.values():
        yield "calendars", calendar
    yield "city", CITY


def spoken() -> Iterator[tuple[str, str, str]]:
    """Every text of the files as (where, language, text), empty ones included."""
    for name, row in sheets():
        for column, text in row.items():
            if column[-3:] in ("_en", "_ar", "_zh") and isinstance(text, str):
                yield f"{name}/{column}/{row.get('code') or row.get('key')}", column[-2:], text
    for row in TEMPLATES:
        where = f"{row['event']}/{row['channel']}"
        plain = re.sub(r"{[{%].*?[%}]}", " ", row["body"])
        yield where, row["language"], plain
        if row["channel"] == "mail":
            yield f"{where}/subject", row["language"], re.sub(r"{{.*?}}", " ", row["subject"]) or "-"
    for row in STAFF:
        yield f"staff/{row['username']}", "en", row["name_en"]
        yield f"staff/{row['username']}", "ar", row["name_ar"]


def test_a_text_is_there_in_all_three_languages_or_in_none() -> None:
    for name, row in sheets():
        for stem in {column[:-3] for column in row if column.endswith("_en")}:
            there = [bool(row[f"{stem}_{language}"].strip()) for language in LANGUAGES]
            assert len(set(there)) == 1, f"{name}: {stem} of {row.get('code')} is not there in all languages"
            if stem in ("name", "ask"):
                assert all(there), f"{name}: {row.get('code')} has no {stem}"


def test_arabic_is_written_in_arabic_and_chinese_in_han() -> None:
    for where, language, text in spoken():
        if not text.strip():
            continue
        if language == "ar":
            assert ARABIC.search(text) or not text.strip(" -"), f"{where}: {text}"
            assert not HAN.search(text), f"{where}: {text}"
            assert not LATIN_WORD.search(text), f"{where}: {text}"
        elif language == "zh":
            assert HAN.search(text) or not LATIN_WORD.search(text), f"{where}: {text}"
            assert not ARABIC.search(text), f"{where}: {text}"
            assert set(LATIN_WORD.findall(text)) <= LATIN_NAMES, f"{where}: {text}"
        else:
            assert not ARABIC.search(text), f"{where}: {text}"
            assert not HAN.search(text), f"{where}: {text}"


def test_texts_carry_no_stray_spaces_or_half_width_signs() -> None:
    for where, language, text in spoken():
        if where.endswith(("/mail", "/sms", "subject")):
            continue
        assert text == text.strip(), f"{where}: {text!r}"
        assert "  " not in text, f"{where}: {text!r}"
        if "keywords" in where:
            continue
        if language == "ar":
            assert not re.search("[,;?]", text), f"{where}: Latin punctuation in {text}"
        if language == "zh":
            assert not re.search("[,;?!]", text), f"{where}: half-width punctuation in {text}"


def test_codes_are_unique_and_spelled_alike() -> None:
    for name, keys in (
        ("units", [r["code"] for r in UNITS]),
        ("categories", [r["code"] for r in CATEGORIES]),
        ("questions", [f"{r['category']} {r['code']}" for r in QUESTIONS]),
        ("values", [f"{r['category']} {r['question']} {r['key']}" for r in VALUES]),
        ("dispatch", [r["rule"] for r in DISPATCH]),
        ("deadlines", [r["rule"] for r in DEADLINES]),
        ("reasons", [f"{r['list']} {r['code']}" for r in REASONS]),
        ("staff", [r["username"] for r in STAFF]),
        ("staff mail", [r["mail"] for r in STAFF]),
        ("templates", [f"{r['event']} {r['channel']} {r['language']}" for r in TEMPLATES]),
    ):
        assert len(keys) == len(set(keys)), f"{name}: something stands twice"
    for row in (*UNITS, *CATEGORIES, *QUESTIONS, *REASONS):
        assert CODE.fullmatch(row["code"]), row["code"]


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


@pytest.mark.req("B19", "B20", "B21", "B22", "F6", "A9")
def test_categories_hold_what_the_sources_name() -> None:
    codes = {row["code"] for row in LEAVES}
    assert 90 <= len(codes) <= 130
    b19 = "gas-leak gas-installation gas-repair water-outage water-leak bus-service illegal-taxi sewage-overflow"
    b19 += " litter dirty-road public-toilets"
    b20 = "disorderly-parking posters-scribble illegal-advertising road-occupation green-occupation road-excavation"
    b20 += " facility-damage road-reinstatement"
    b21 = "disorderly-building illegal-building structure-change urban-services"
    b22 = "conduct-employee conduct-delay conduct-quality conduct-enforcement conduct-appraisal"
    assert set(f"{b19} {b20} {b21} {b22}".split()) <= codes
    assert {kind for row in LEAVES for kind in row["kinds"].split()} == KINDS, "a kind that no category takes"
    for row in CATEGORIES:
        code, line = row["code"], line_of(row["code"])
        assert 1 <= len(line) <= 3, code
        assert row["urgency"] in URGENCIES, code
        assert set(row["kinds"].split()) <= KINDS, code
        assert row["kinds"], code
        assert all(row[flag] in ("yes", "no") for flag in ("confidential", "conduct", "emergency", "public")), code
        assert not (row["confidential"] == "yes" and row["public"] == "yes"), f"{code} is confidential and public"
        assert not (row["conduct"] == "yes" and row["confidential"] == "no"), f"{code} would show who complains of whom"
        assert (row["emergency"] == "yes") == bool(row["script_en"]), f"{code}: an emergency and its script go together"
        assert all(row[f"keywords_{language}"] for language in LANGUAGES), code
    for row in LEAVES:
        assert row["standard_en"], f"{row['code']} promises nothing"
        if row["emergency"] == "yes":
            assert row["urgency"] == "critical", row["code"]
    gas = next(row for row in LEAVES if row["code"] == "gas-leak")
    assert "9999" in gas["script_ar"]


def test_questions_are_few_and_lists_have_values() -> None:
    assert {row["category"] for row in QUESTIONS} <= set(PARENT)
    assert len({row["category"] for row in QUESTIONS}) >= 35
    asked = {(row["category"], row["code"]): row for row in QUESTIONS}
    for row in QUESTIONS:
        assert row["datatype"] in book.DATATYPES
        assert row["required"] in ("yes", "no")
        assert int(row["order"]) > 0
        values = [v for v in VALUES if (v["category"], v["question"]) == (row["category"], row["code"])]
        assert bool(values) == row["datatype"].endswith("valuelist"), row["code"]
        assert [int(v["order"]) for v in values] == list(range(1, len(values) + 1))
    assert all((v["category"], v["question"]) in asked for v in VALUES)
    for leaf in LEAVES:
        codes = [row["code"] for line in line_of(leaf["code"]) for row in QUESTIONS if row["category"] == line]
        assert len(codes) <= 4, leaf["code"]
        assert len(codes) == len(set(codes)), f"{leaf['code']} is asked the same twice"
    assert sum(row["required"] == "yes" for row in QUESTIONS) <= len(QUESTIONS) / 5


def area_depth(code: str) -> int:
    """How deep an area lies; `*` is above all."""
    if code == "*":
        return -1
    parent: str = AREAS[code]["properties"]["parent"]
    return area_depth(parent) + 1 if parent else 0


def fired(category: str, area: str, open_now: set[str]) -> list[dict[str, str]]:
    """The most specific rules for a category in a wilayat while the calendars in `open_now` are open."""
    line, around = line_of(category), {"*", area, AREAS[area]["properties"]["parent"]}
    best: list[dict[str, str]] = []
    best_rank: tuple[int, int, bool] | None = None
    for rule in DISPATCH:
        hours = rule["hours"]
        applies = hours == "*" or (hours.lstrip("!") in open_now) != hours.startswith("!")
        if rule["category"] not in (*line, "*") or rule["area"] not in around or not applies:
            continue
        depth = line.index(rule["category"]) if rule["category"] in line else -1
        rank = (depth, area_depth(rule["area"]), hours != "*")
        if best_rank is None or rank > best_rank:
            best, best_rank = [rule], rank
        elif rank == best_rank:
            best.append(rule)
    return best


OPEN_NOW = [{"always"}, {"always", "field"}, {"always", "office", "field"}, {"always", "office"}]


@pytest.mark.req("G2")
def test_every_leaf_in_every_wilayat_has_one_rule_but_for_the_known_ties() -> None:
    units = {row["code"] for row in UNITS}
    for rule in DISPATCH:
        assert rule["category"] == "*" or rule["category"] in PARENT, rule["rule"]
        assert rule["area"] == "*" or rule["area"] in AREAS, rule["rule"]
        assert rule["hours"] == "*" or rule["hours"].lstrip("!") in CALENDARS, rule["rule"]
        assert {rule["lead"], *rule["assist"].split()} <= units, rule["rule"]
        assert rule["lead"] not in rule["assist"].split(), rule["rule"]
        assert rule["automatic"] in ("yes", "no"), rule["rule"]
    ties: set[tuple[str, str]] = set()
    used: set[str] = set()
    for leaf, area, open_now in product(LEAVES, WILAYAT, OPEN_NOW):
        rules = fired(leaf["code"], area, open_now)
        used |= {rule["rule"] for rule in rules}
        assert rules, f"nobody answers for {leaf['code']} in {area} while {open_now} are open"
        if len(rules) > 1:
            ties.add((leaf["code"], area))
            assert all(rule["automatic"] == "no" for rule in rules), "a tie must not dispatch itself"
            assert len({rule["lead"] for rule in rules}) > 1
    assert ties == TIES
    assert {rule["rule"] for rule in DISPATCH} == used, "a rule that never fires"


@pytest.mark.req("B22")
def test_conduct_goes_to_the_audit_alone() -> None:
    for leaf, area, open_now in product(LEAVES, WILAYAT, OPEN_NOW):
        if leaf["conduct"] == "yes":
            (rule,) = fired(leaf["code"], area, open_now)
            assert (rule["lead"], rule["assist"], rule["automatic"]) == ("audit", "", "no")


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


@pytest.mark.req("A9")
def test_deadlines_are_readable_and_keep_what_the_categories_promise() -> None:
    clocks = ("dispatch", "sign", "contact", "return", "result", "extension", "extension_supervisor")
    for row in DEADLINES:
        assert row["category"] == "*" or row["category"] in PARENT, row["rule"]
        assert row["kind"] == "*" or row["kind"] in KINDS, row["rule"]
        assert row["urgency"] in ("*", *URGENCIES), row["rule"]
        for clock in clocks:
            Duration.parse(row[clock])
        assert row["result"] != "-", row["rule"]
        for clock in ("supervision", "visit"):
            assert row[clock] == "-" or re.fullmatch(r"\d+(min|h|wh|wd)", row[clock]), row["rule"]
        assert all(re.fullmatch(r"\d{1,3}%|\+\d+(h|wh|wd)", urge) for urge in row["urge"].split()), row["rule"]
    rules = book.read(
        {
            "categories": CATEGORIES,
            "questions": QUESTIONS,
            "values": VALUES,
            "dispatch": DISPATCH,
            "deadlines": DEADLINES,
            "reasons": REASONS,
        },
        number=1,
        units=[row["code"] for row in UNITS],
        areas=AREAS,
        calendars=CALENDARS,
    )
    for leaf, urgency in product(LEAVES, URGENCIES):
        for kind in leaf["kinds"].split():
            assert rules.deadline(leaf["code"], kind, urgency).result
    said = {"hour": "h", "working": "wd"}
    for leaf in LEAVES:
        promise = re.search(r"within (\d+) (hour|working)", leaf["standard_en"])
        assert promise, leaf["code"]
        rule = rules.deadline(leaf["code"], leaf["kinds"].split()[0], leaf["urgency"])
        assert str(rule.result) == promise[1] + said[promise[2]], (
            f"{leaf['code']} promises {promise[0]} and has {rule.result}"
        )


def test_an_urgent_case_never_waits_longer_than_a_normal_one() -> None:
    hours = {"min": 1 / 60, "h": 1.0, "wh": 1.0, "wd": 24.0}
    rules = book.read({"categories": CATEGORIES, "deadlines": DEADLINES}, number=1)
    for leaf in LEAVES:
        for kind in leaf["kinds"].split():
            results = [rules.deadline(leaf["code"], kind, urgency).result for urgency in URGENCIES]
            lengths = [result.value * hours[result.unit] for result in results if result]
            assert lengths == sorted(lengths, reverse=True), f"{leaf['code']} {kind}: {results}"


def test_reasons_are_complete() -> None:
    assert {row["list"] for row in REASONS} == REASON_LISTS
    assert {row["code"] for row in REASONS if row["list"] == "refuse"} == REFUSALS
    for row in REASONS:
        assert bool(row["recourse_en"]) == (row["list"] == "refuse"), (
            f"{row['code']}: where to turn belongs to refusals"
        )
        longest = Duration.parse(row["max"])
        assert (longest is not None) == (row["list"] == "suspend"), (
            f"{row['code']}: every pause has an end, nothing else has"
        )


@pytest.mark.req("I3")
def test_every_event_has_words_on_each_channel_in_each_language() -> None:
    wanted = set(product((*CITIZEN_EVENTS, *STAFF_EVENTS), ("mail", "sms"), LANGUAGES))
    assert {(row["event"], row["channel"], row["language"]) for row in TEMPLATES} == wanted


def used_in(text: str) -> set[str]:
    named = set(re.findall(r"{{\s*(\w+)\s*}}", text))
    for test in re.findall(r"{%\s*if\s+(.*?)\s*%}", text):
        named |= set(test.split()) - {"and", "or", "not"}
    return named


FACTS: dict[str, dict[str, str]] = {
    "en": {
        "category": "Overflowing bin",
        "unit": "Cleaning, As Seeb",
        "due": "24 Nov 14:30",
        "status": "fixed",
        "reason": "Waiting for parts or material",
    },
    "ar": {
        "category": "حاوية قمامة ممتلئة",
        "unit": "دائرة النظافة - السيب",
        "due": "24/11 14:30",
        "status": "أُصلح العطل",
        "reason": "بانتظار قطع الغيار أو المواد",
    },
    "zh": {
        "category": "垃圾桶满溢",
        "unit": "锡卜环卫处",
        "due": "11月24日14:30",
        "status": "已解决",
        "reason": "等待配件或材料",
    },
}
SAME = {
    "number": "4821 0937 15",
    "pin": "739204",
    "result": "R",
    "recourse": "W",
    "city": "M",
    "hotline": "1111",
    "receipt_hash": "ab12",
    "track_url": "https://1111.example/t/4821093715",
    "answer_url": "https://1111.example/a/k3J9xQ2mVb7T",
    "link_url": "https://1111.example/l/k3J9xQ2mVb7T",
    "case_url": "https://1111.example/c/4821093715",
}
SEGMENT = {"en": 160, "ar": 67 * 2, "zh": 67 * 2}


def test_templates_use_known_names_and_render_to_short_messages() -> None:
    engine = Engine(autoescape=False)
    for row in TEMPLATES:
        where = f"{row['event']}/{row['channel']}/{row['language']}"
        assert used_in(row["body"]) | used_in(row["subject"]) <= PLACEHOLDERS, where
        template, facts = engine.from_string(row["body"]), {**SAME, **FACTS[row["language"]]}
        said = template.render(Context(facts))
        few = {
            name: fact
            for name, fact in facts.items()
            if name not in ("pin", "due", "unit", "status", "reason", "recourse")
        }
        for one in (said, template.render(Context(few))):
            assert "{" not in one, where
            assert "\n\n\n" not in one, f"{where} has a hole: {one}"
        if row["channel"] == "sms":
            assert not row["subject"], where
            assert len(said) <= SEGMENT[row["language"]], f"{where} has {len(said)} characters: {said}"
            assert "\n" not in said, where
        else:
            assert row["subject"], where
            assert "\n" not in row["subject"], where
        assert row["event"] == "link" or "{{ number }}" in row["body"], where


def test_the_right_links_are_in_the_right_messages() -> None:
    for row in TEMPLATES:
        names, event = used_in(row["body"]), row["event"]
        assert ("link_url" in names) == (event == "link"), event
        assert ("case_url" in names) == event.startswith("staff_"), event
        assert not ("answer_url" in names and event not in ("told", "reminder", "answered")), event
        assert "answer_url" in names or event not in ("told", "reminder"), event
        assert not ("pin" in names and event != "received"), f"{event} would repeat the PIN"
        if row["channel"] == "mail":
            assert "receipt_hash" in names or event != "received", event
            assert {"reason", "recourse"} <= names or event != "refused", event
            assert {"reason", "due"} <= names or event != "extended", event


def test_the_languages_of_a_message_say_the_same() -> None:
    for event, channel in {(row["event"], row["channel"]) for row in TEMPLATES}:
        named = [
            used_in(row["body"]) - {"hotline", "city"}
            for row in TEMPLATES
            if (row["event"], row["channel"]) == (event, channel)
        ]
        assert named[0] == named[1] == named[2], f"{event}/{channel}"
