"""A unit's officer with a telephone: sign, record on site with photo, time and place, a bad line, reply (F8, G8)."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.real.browser import PHONE, Visit, pictures
from tests.real.hotline import Hotline
from tests.real.test_agent_browser import PATIENCE_MS, agent_of, sign_in
from tests.real.test_loop_browser import photo

pytestmark = pytest.mark.timeout(600)
HERE = {"latitude": 23.5803, "longitude": 58.4002, "accuracy": 9}


def shot(page: Page, name: str) -> None:
    """A picture of the page as it is; nothing may be wider than the screen."""
    page.wait_for_load_state()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE, f"{name} is {wide} px wide"
    page.screenshot(path=pictures() / f"{name}-360.png", full_page=True)


def dispatched(house: Hotline, visit: Visit) -> str:
    """The number of a request that was just sent to a unit by its rule."""
    # The form is sent while what stands beside it is still asked for: htmx calls that an error.
    with visit(house.url, expect_errors=True) as page:
        sign_in(page, house, agent_of(house))
        page.goto("/desk/report/")
        page.locator("#report-body").fill("A water pipe has burst in the street")
        page.locator("#report-address").fill(f"Way {time.time_ns() % 10**6}, Bawshar")
        page.locator("#report-category").select_option("water-leak")
        page.keyboard.press("Alt+Enter")
        expect(page.locator(".d-big")).to_be_visible(timeout=PATIENCE_MS)
        return page.url.rstrip("/").split("/")[-1]


def verb(page: Page, slug: str) -> None:
    """Open the form of a verb by its button, or from the menu."""
    offer = page.locator(f"#head a[href*='/do/{slug}/']").locator("visible=true")
    if not offer.count():
        page.click("#head .w-menu > summary")
    offer.first.click()
    expect(page.locator("#verb form")).to_be_visible(timeout=PATIENCE_MS)


def send(page: Page) -> None:
    page.click("#verb .d-form-foot button")
    expect(page.locator("#verb form")).to_have_count(0, timeout=PATIENCE_MS)


@pytest.mark.req("F8", "G8")
def test_an_officer_works_on_a_telephone_with_a_bad_line(house: Hotline, visit: Visit, tmp_path: Path) -> None:
    number = dispatched(house, visit)
    officer = next(one["username"] for one in house.demo["sign_ins"] if one["scope"] == "unit:water")
    with visit(house.url, width=PHONE, expect_errors=True) as page:
        page.context.grant_permissions(["geolocation"], origin=house.url)
        page.context.set_geolocation(HERE)  # type: ignore[arg-type]  # a plain dict of the three numbers
        sign_in(page, house, officer)
        page.goto("/desk/list/sign/")
        expect(page.locator(".d-row").first).to_be_visible(timeout=PATIENCE_MS)
        shot(page, "officer-list")
        page.goto(f"/desk/case/{number}/?from=work")
        expect(page.locator(".d-standard")).to_be_visible(timeout=PATIENCE_MS)
        shot(page, "officer-case")
        verb(page, "sign")
        send(page)
        page.goto(f"/desk/case/{number}/?from=work")
        verb(page, "visit")
        # The camera comes first, and the telephone opens it at once.
        first = page.locator("#verb form .w-field input, #verb form .w-field textarea").first
        assert first.get_attribute("type") == "file"
        assert first.get_attribute("capture") == "environment"
        first.set_input_files(photo(tmp_path, "before.jpg", gps=True))
        page.locator("#verb textarea").fill("The pipe is broken under the kerb.")
        page.click("#verb .d-position")
        expect(page.locator("#verb input[data-position]")).to_have_value("23.580300,58.400200,9", timeout=PATIENCE_MS)
        shot(page, "officer-visit")
        # The line breaks while it is sent: nothing is lost, and it says so.
        page.context.set_offline(True)
        page.click("#verb .d-form-foot button")
        expect(page.locator("#verb [data-unsent]")).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator("#verb textarea")).to_have_value("The pipe is broken under the kerb.")
        shot(page, "officer-offline")
        page.context.set_offline(False)
        send(page)
        expect(page.locator("#story")).to_contain_text("The pipe is broken under the kerb.", timeout=PATIENCE_MS)
        expect(page.locator("#story")).to_contain_text("±9 m")
        assert page.locator("#story li", has_text="The pipe is broken under the kerb.").count() == 1
        # The words survive a page that the telephone threw away.
        verb(page, "reply")
        page.locator("#verb textarea").fill("We changed the pipe on Thursday and tested it.")
        page.reload()
        verb(page, "reply")
        expect(page.locator("#verb textarea")).to_have_value("We changed the pipe on Thursday and tested it.")
        page.locator("#verb input[type=radio][value=fixed]").check()
        page.locator("#verb input[type=file]").set_input_files(photo(tmp_path, "after.jpg", gps=False))
        shot(page, "officer-reply")
        send(page)
        page.goto(f"/desk/case/{number}/")
        expect(page.locator("#story")).to_contain_text("We changed the pipe on Thursday", timeout=PATIENCE_MS)
        shot(page, "officer-done")
