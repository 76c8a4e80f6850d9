import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasl.kernel.digits import to_ascii_digits


@pytest.mark.parametrize(
    "text",
    ["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "０１２３４５６７８９", "0123456789", "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗"],
)
def test_digits_of_any_script_become_ascii(text: str) -> None:
    assert to_ascii_digits(text) == "0123456789"


def test_words_around_digits_stay() -> None:
    assert to_ascii_digits("رقم ٢٦-٠٠٤٢ ½ ②") == "رقم 26-0042 ½ ②"


@given(st.text())
def test_length_and_other_characters_are_kept(text: str) -> None:
    result = to_ascii_digits(text)
    assert len(result) == len(text)
    for before, after in zip(text, result, strict=True):
        if unicodedata.category(before) == "Nd":
            assert after in "0123456789"
            assert unicodedata.decimal(before) == int(after)
        else:
            assert after == before


@given(st.text(alphabet=st.characters(categories=["Nd"]), min_size=1))
def test_the_value_is_kept(text: str) -> None:
    assert to_ascii_digits(text).isascii()
    assert int(to_ascii_digits(text)) == int(text)
