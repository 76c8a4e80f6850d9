import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasl.kernel.phone import is_ordinary, is_short_code, masked, normalise

OMAN = "+96892345678"


@pytest.mark.parametrize(
    "text",
    [
        "92345678",
        "+968 9234 5678",
        "00968-9234-5678",
        "968 92345678",
        "٩٢٣٤٥٦٧٨",
        "\u200e+٩٦٨ ٩٢٣٤ ٥٦٧٨\u200f",
        "＋９６８ ９２３４５６７８",
        "tel:+968-9234-5678;ext=5",
        "92345678 ext. 12",
        "(9234) 5678",
        " 92345678\n",
    ],
)
def test_one_number_has_one_form(text: str) -> None:
    assert normalise(text, "OM") == OMAN


def test_the_region_reads_national_numbers() -> None:
    assert normalise("020 7946 0000", "GB") == "+442079460000"
    assert normalise("650-253-0000", "us") == "+16502530000"
    assert normalise("138 0013 8000", "CN") == "+8613800138000"
    assert normalise("+44 20 7946 0000", "OM") == "+442079460000"


@pytest.mark.parametrize(
    "text",
    ["", "abc", "+", "12345678", "call 92345678 now", "1" * 30, "9" * 5000, "+999123456789", "92345678/92345679"],
)
def test_other_text_is_no_number(text: str) -> None:
    assert normalise(text, "OM") is None


@pytest.mark.parametrize("code", ["1111", "9999", "90888", "90085", "999"])
def test_short_codes_are_untouched(code: str) -> None:
    assert normalise(code, "OM") == code
    assert is_short_code(code)
    assert masked(code) == code


def test_a_short_code_in_arabic_digits() -> None:
    assert normalise("٩٠٨٨٨", "OM") == "90888"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (OMAN, "+968 •••• 678"),
        ("+16502530123", "+1 •••• 123"),
        ("+442079460000", "+44 •••• 000"),
        ("92345678", "••••"),
        ("Ali", "••••"),
        ("", "••••"),
        ("+99912345678", "•••• 678"),
    ],
)
def test_what_may_be_shown(number: str, shown: str) -> None:
    assert masked(number) == shown


@given(st.integers(90_000_000, 99_999_999))
def test_the_form_is_stable(national: int) -> None:
    number = normalise(str(national), "OM")
    if number is not None:
        assert number == f"+968{national}"
        assert normalise(number, "OM") == number
        assert str(national)[:5] not in masked(number)


@given(st.text(max_size=80))
def test_any_text_may_be_asked(text: str) -> None:
    number = normalise(text, "OM")
    assert number is None or is_short_code(number) or re.fullmatch(r"\+[1-9][0-9]{6,14}", number)
    masked(text)


def test_only_ordinary_numbers_of_the_country_are_called_back() -> None:
    assert is_ordinary("+96892345678", "OM")
    assert is_ordinary("+96824123456", "OM")
    # A premium service, a number abroad, a service that is free of charge.
    assert not is_ordinary("+96890012345", "OM")
    assert not is_ordinary("+8613800138000", "OM")
    assert not is_ordinary("+96880012345", "OM")
    # A short code, which anybody can show, and none at all.
    assert not is_ordinary("1234", "OM")
    assert not is_ordinary("", "OM")
