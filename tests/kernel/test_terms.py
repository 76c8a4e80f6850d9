"""Words of three languages as terms: forms that people do not tell apart are one, and every piece of a text is kept."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasl.kernel import terms


def stems(text: str) -> list[str]:
    return [stem for found in terms.terms(text) for stem in found.terms]


@pytest.mark.parametrize(
    "forms",
    [
        "شارع الشارع للشارع بالشارع والشارع",
        "مياه المياه بالمياه والمياه",
        "حفرة الحفرة حفره الحفره",
        "كهرباء الكهرباء كهربائية",
        "إنارة الإنارة اناره انارة",
        "سيارة سيارات السيارات سياره",
        "بلدية البلديه البلديات",
        "leak leaks leaking leaked",
        "pothole potholes POTHOLE Pothole's",
        "city cities",
    ],
)
def test_forms_of_one_word_are_one_term(forms: str) -> None:
    assert len({stems(form)[0] for form in forms.split()}) == 1


def test_words_that_say_nothing_have_no_term_but_a_place() -> None:
    assert stems("the water is in the street في الشارع") == ["water", "street", "شارع"]
    assert terms.vector("the water", "street") == "'water':2 'street':3"


def test_chinese_is_pairs_and_mixes_with_words() -> None:
    assert stems("12号楼路灯") == ["12", "号楼", "楼路", "路灯", "灯"]
    assert [terms.query(one) for one in terms.seek("路灯坏 灯")] == ["('路灯' <-> '灯坏')", "('灯':*)"]


@given(st.text(max_size=300))
@example("\u0640" * 50)
@example("ﷺ ﻻ ½ Ⅷ")
def test_terms_are_plain_and_places_fit(text: str) -> None:
    last = 0
    for found in terms.terms(text):
        assert last <= found.start < found.end <= len(text)
        last = found.end
        for stem in found.terms:
            assert not re.search(r"[\s'\\]", stem)
            assert stem
    terms.vector(text)
    for one in terms.seek(text):
        assert "''" not in terms.query(one, ["x"], loosely=True)


@given(st.text(max_size=400), st.text(max_size=20))
@example("Before. " * 60 + "zebra", "zebra")
@example("路灯不亮" * 100, "亮")
def test_an_excerpt_is_a_part_of_the_text(text: str, typed: str) -> None:
    pieces = terms.excerpt(text, terms.seek(typed))
    whole = "".join(words for words, _hit in pieces)
    assert len(whole) <= 243
    assert whole.strip("…") in text or text.strip("…") in whole
    assert not any(one[1] and two[1] for one, two in pairwise(pieces))


@given(st.text("abcdefg", min_size=2, max_size=9), st.data())
def test_one_slip_leaves_something_in_common(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from("abcdefg"))
    slipped = data.draw(
        st.sampled_from(
            [
                word[:place] + word[place + 1 :],
                word[:place] + letter + word[place:],
                word[:place] + letter + word[place + 1 :],
                word[:place] + word[place : place + 2][::-1] + word[place + 2 :],
            ]
        )
    )
    assert set(terms.slips(word)) & set(terms.slips(slipped))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("مريم بنت سالم البلوشي", ["مريم", "سالم", "بلوشي"]),
        ("Aisha Al-Balushi", ["aisha", "balushi"]),
        ("王小明", ["王小", "小明", "王小明"]),
        ("...", []),
    ],
)
def test_a_name_is_its_words_without_what_all_names_have(name: str, words: list[str]) -> None:
    assert terms.name_words(name) == words
