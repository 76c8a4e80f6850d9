"""The demo city in three languages: each text there in all of them, in its own letters, codes spelled alike."""

import re
from collections.abc import Iterator

from tests.demo.muscat.sheets import (
    AREAS,
    CALENDARS,
    CATEGORIES,
    CITY,
    DEADLINES,
    DISPATCH,
    LANGUAGES,
    QUESTIONS,
    REASONS,
    STAFF,
    TEMPLATES,
    UNITS,
    VALUES,
)

ARABIC = re.compile("[\u0621-\u064a]")

HAN = re.compile("[\u4e00-\u9fff]")

LATIN_WORD = re.compile("[A-Za-z]{2,}")

CODE = re.compile("[a-z0-9]+(-[a-z0-9]+)*")

# Names that stay in Latin letters in Chinese, as people there write them.
LATIN_NAMES = {"Mwasalat", "Tajawob"}


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
