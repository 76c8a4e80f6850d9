import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasl.kernel.mailaddress import masked, normalise


@pytest.mark.parametrize(
    "text",
    [
        "salim@example.om",
        " Salim@Example.OM ",
        "<salim@example.om>",
        "mailto:salim@example.om",
        "\u200esalim@example.om\u200f",
        "ｓａｌｉｍ＠example.om",
    ],
)
def test_one_address_has_one_form(text: str) -> None:
    assert normalise(text) == "salim@example.om"


def test_other_scripts() -> None:
    assert normalise("a١٢@example.om") == "a12@example.om"
    assert normalise("info@عمان.عمان") == "info@xn--mgb9awbf.xn--mgb9awbf"
    assert normalise("سالم@example.om") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "salim",
        "salim@",
        "@example.om",
        "salim@localhost",
        "salim@example..om",
        "salim@-example.om",
        "salim@10.0.0.1",
        ".salim@example.om",
        "sa..lim@example.om",
        "sa lim@example.om",
        '"sa lim"@example.om',
        "a@b@example.om",
        "salim@example.om\nBcc: all@example.om",
        "salim@example.om, other@example.om",
        "Salim <salim@example.om>",
        f"{'a' * 65}@example.om",
        f"a@{'b' * 64}.om",
        f"a@{'b.' * 130}om",
        "a" * 100_000,
    ],
)
def test_other_text_is_no_address(text: str) -> None:
    assert normalise(text) is None


def test_what_may_be_shown() -> None:
    assert masked("salim@example.om") == "s••••@example.om"
    assert masked("s@example.om") == "••••@example.om"
    assert masked("al@example.om") == "••••@example.om"
    assert masked("Salim bin Ali") == "••••"


@given(st.emails())
@pytest.mark.slow
def test_the_form_is_stable(text: str) -> None:
    address = normalise(text)
    if address is not None:
        assert normalise(address) == address
        assert address.isascii()


@given(st.text(max_size=80))
def test_any_text_may_be_asked(text: str) -> None:
    address = normalise(text)
    assert address is None or address.count("@") == 1
    masked(text)
