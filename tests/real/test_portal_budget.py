"""What a first visit to the portal weighs. How soon it shows is for `./wasl bench paint`."""

import pytest
from playwright.sync_api import Browser

from bench.making.visit import PAGES, first_visit
from tests.real.hotline import Hotline

pytestmark = pytest.mark.timeout(600)
MOST_BYTES = 150_000


@pytest.mark.req("P5")
@pytest.mark.parametrize("language", ["en", "ar", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_a_first_visit_is_light(browser: Browser, house: Hotline, path: str, language: str) -> None:
    made = first_visit(browser, f"{house.url}{path}", language)
    heavy = sorted(made.sizes.items(), key=lambda one: -one[1])[:4]
    assert made.bytes < MOST_BYTES, heavy
    assert made.first_paint < 1e9, "nothing is ever painted"
