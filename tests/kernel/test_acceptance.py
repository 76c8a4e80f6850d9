import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wasl.kernel.acceptance import grouped, make, parse

serials = st.one_of(st.integers(1, 999_999), st.integers(1, 10**12))
years = st.integers(2000, 2099)
numbers = st.builds(make, serials, years)

pytestmark = pytest.mark.req("F3")


def test_a_known_number() -> None:
    number = make(4217, 2026)
    assert number == "2600421785"
    assert int(number) % 97 == 1
    assert grouped(number) == "26 004217 85"


@given(serials, years)
def test_a_made_number_is_read_back(serial: int, year: int) -> None:
    number = make(serial, year)
    assert number.isdigit()
    assert len(number) >= 10
    assert parse(number) == number
    assert int(number[2:-2]) == serial
    assert number == make(serial, year % 100)


@given(numbers, st.data())
def test_every_wrong_digit_is_caught(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from("0123456789"))
    assume(digit != number[place])
    assert parse(number[:place] + digit + number[place + 1 :]) is None


@given(numbers, st.data())
def test_every_swap_is_caught(number: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(number) - 2))
    second = data.draw(st.integers(first + 1, len(number) - 1))
    assume(number[first] != number[second])
    digits = list(number)
    digits[first], digits[second] = digits[second], digits[first]
    assert parse("".join(digits)) is None


def test_all_single_errors_and_all_swaps_of_one_number() -> None:
    number = make(123_456, 2026)
    wrong = {number[:i] + d + number[i + 1 :] for i in range(len(number)) for d in "0123456789"}
    for i in range(len(number)):
        for j in range(i):
            digits = list(number)
            digits[i], digits[j] = digits[j], digits[i]
            wrong.add("".join(digits))
    assert [text for text in wrong if parse(text)] == [number]


def test_serials_of_a_year_never_give_one_number_twice() -> None:
    assert len({make(serial, 2026) for serial in range(1, 20_001)}) == 20_000


@pytest.mark.parametrize(
    "shape",
    [
        "{y} {s} {c}",
        "{y}-{s}-{c}",
        " {y}{s}{c}\n",
        "{y}.{s}.{c}",
        "\u200f{y}\u00a0{s}\u00a0{c}\u200e",
        "{y}\u2013{s}\u2013{c}",
    ],
)
def test_people_write_it_in_groups(shape: str) -> None:
    number = make(4217, 2026)
    assert parse(shape.format(y=number[:2], s=number[2:-2], c=number[-2:])) == number


@given(numbers, st.sampled_from(["٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "０１２３４５６７８９"]))
def test_digits_of_other_scripts_are_read(number: str, script: str) -> None:
    assert parse(number.translate(str.maketrans("0123456789", script))) == number


@pytest.mark.parametrize("text", ["", "26", "abc", "2600421", "26 004217", "26²004217", "1" * 500, "SR 2600421753"])
def test_other_text_is_no_number(text: str) -> None:
    assert parse(text) is None


def test_a_padded_serial_is_not_a_second_spelling() -> None:
    body = "260004217"
    assert parse(f"{body}{98 - int(body) * 100 % 97:02d}") is None


@given(st.text(max_size=120))
def test_any_text_may_be_asked(text: str) -> None:
    found = parse(text)
    assert found is None or (found.isascii() and found.isdigit() and int(found) % 97 == 1)


def test_mistakes_of_the_caller_are_named() -> None:
    with pytest.raises(ValueError, match="begins at 1"):
        make(0, 2026)
    with pytest.raises(ValueError, match="not a year"):
        make(1, -1)
    with pytest.raises(ValueError, match="longer"):
        make(10**17, 2026)
    with pytest.raises(ValueError, match="not an acceptance number"):
        grouped("2600421700")
