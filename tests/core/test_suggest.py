"""What people write finds the category that they mean, in three languages and in any spelling."""

import pytest

from tests.city import City
from wasl.core.catalogue import queries
from wasl.core.catalogue.suggest import suggest


@pytest.mark.req("B6", "E2")
@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Water is leaking in our street since this morning and reaches the door of the school", "water-leak"),
        ("تسريب ماء قوي في الشارع أمام بيتي منذ الصباح، والماء يصل إلى باب المدرسة", "water-leak"),
        ("الماء مقطوع عن بيتنا من امس", "water-outage"),
        ("我家停水了", "water-outage"),
        ("路灯不亮", "street-light-out"),
        ("street light is out, the road is dark", "street-light-out"),
        ("gas leak in the kitchen", "gas-leak"),
        ("تسرّب غـاز", "gas-leak"),
        ("dead cat on the pavement", "dead-animal"),
        ("an officer asked me for a bribe", "conduct-integrity"),
    ],
)
def test_own_words_find_the_category(city: City, text: str, category: str) -> None:
    found = [s.category.code for s in suggest(queries.in_force(), text)]
    assert category in found[:2], found


@pytest.mark.parametrize("text", ["", "   ", "abc xyz", "\0", "١٢٣", "!!!", "في من على"])
def test_words_that_say_nothing_find_nothing(city: City, text: str) -> None:
    assert suggest(queries.in_force(), text) == []


def test_a_long_text_takes_no_time(city: City) -> None:
    assert len(suggest(queries.in_force(), "water leak pothole مياه 停水 " * 20_000)) == 6
