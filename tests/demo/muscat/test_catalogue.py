"""What people of the demo city can report, where it goes, by when, and the reasons that are listed."""

import re
from itertools import product

import pytest

from tests.demo.muscat.sheets import (
    AREAS,
    CALENDARS,
    CATEGORIES,
    DEADLINES,
    DISPATCH,
    LANGUAGES,
    QUESTIONS,
    REASONS,
    UNITS,
    VALUES,
    WILAYAT,
)
from wasl.core.catalogue import book
from wasl.kernel.worktime import Duration

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

REASON_LISTS = {"return", "refuse", "suspend", "extend", "reclassify", "withdraw", "redo", "identity", "cause"}

REFUSALS = {"emergency", "court", "repeat", "secret", "beyond-duties", "unlawful"}

# Two places where the files leave the choice to a person on purpose: (category, area).
TIES = {("road-sand", "qurayyat"), ("wadi-dumping", "amrat")}

PARENT = {row["code"]: row["parent"] for row in CATEGORIES}

LEAVES = [row for row in CATEGORIES if row["code"] not in set(PARENT.values())]


def line_of(code: str) -> list[str]:
    """The category and all above it, from the root down."""
    found = [code]
    while PARENT[found[-1]]:
        found.append(PARENT[found[-1]])
        assert len(found) < 10, f"{code} is its own ancestor"
    return found[::-1]


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
