"""Browsers with a headset at the desk: who signs in, takes his seat, and has a call."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, Playwright

from tests.real.browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.real.hotline import Hotline, strain
from tests.real.voice.carrier import Carrier, Heard
from tests.real.voice.people import in_menu

# A microphone that beeps, no question whether it may be used, and addresses of this machine as they are.
SOUND = [
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@contextmanager
def desk_of(username: str, playwright: Playwright, house: Hotline) -> Iterator[Page]:
    """Somebody's desk in a browser of its own, with a headset."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *SOUND])
    context = browser.new_context(base_url=house.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS * strain())
    context.add_cookies([{"name": "django_language", "value": "en", "url": house.url}])
    page = context.new_page()
    known = next(one for one in house.demo["sign_ins"] if one["username"] == username)
    page.goto("/account/login/")
    page.fill("input[name=login]", known["username"])
    page.fill("input[name=password]", known["password"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/**")
    yield page
    context.close()
    browser.close()


def seated(page: Page) -> Page:
    """Take the seat; gives the telephone's window once it is connected, and makes the seat ready."""
    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Take my seat").or_(
            page.get_by_role("button", name="Open the telephone")
        ).first.click()
    window = opened.value
    window.wait_for_selector('body[data-line="connected"]')
    page.get_by_role("button", name="Ready for calls").click()
    page.wait_for_selector('[data-seat="ready"]')
    return window


def taken(house: Hotline, line: Carrier, page: Page) -> Heard:
    """Somebody calls, wants a person, and is answered by the one who sits here."""
    call = in_menu(house, line)
    call.key("0")
    page.wait_for_selector('[data-seat="offered"]', timeout=60_000)
    rang = time.monotonic()
    page.wait_for_url("**/desk/phone/call/**")
    page.wait_for_selector("#call")
    assert time.monotonic() - rang < 1.0 * strain(), "the call's page did not come up at once"
    page.keyboard.press("Alt+a")
    page.wait_for_selector('[data-seat="busy"]')
    return call
