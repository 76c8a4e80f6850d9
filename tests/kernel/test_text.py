import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasl.kernel.text import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("أحمد", "احمد"),
        ("إنارة", "انارة"),
        ("آثار", "اثار"),
        ("بلدية", "بلديه"),
        ("مستشفى", "مستشفي"),
        ("مسؤول", "مسوول"),
        ("شاطئ", "شاطي"),
        ("ماء", "ما"),
        ("مُحَمَّدٌ", "محمد"),
        ("مســقــط", "مسقط"),
        ("الرحمٰن", "الرحمن"),
        ("کتاب", "كتاب"),
        ("علی", "علي"),
        ("ﻻ", "لا"),
        ("شارع ١٢", "شارع 12"),
        ("شارع ۱۲", "شارع 12"),
        ("السيب\u200f", "السيب"),
        ("Café", "cafe"),
        ("STRASSE", "straße"),
        ("Ångström", "angstrom"),
        ("Łódź", "lodz"),
        ("Ｗａｄｉ", "wadi"),
        ("Al\u00a0Khuwair \n", " al khuwair"),
        ("Σίσυφος", "σισυφοσ"),
        ("路灯１", "路灯1"),
    ],
)
def test_spellings_that_people_do_not_tell_apart(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("سيب", "شيب"), ("路灯", "路燈"), ("cat", "cut"), ("が", "か"), ("हिन्दी", "हनद"), ("قلب", "كلب")]
)
def test_words_that_differ_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.one_of(st.text(), st.text(alphabet=st.characters(min_codepoint=0x600, max_codepoint=0x8FF))))
@example("ΐ\u0345")
@example("İ")
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_how_a_letter_is_composed_does_not_matter(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_the_short_way_of_ascii_is_no_other_way(text: str) -> None:
    assert fold(text + "é") == fold(text + "e")
