"""An agent at a real browser: the telephone registers, rings, brings up the call's page, is answered and heard."""

import os
import signal
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright

from tests.real.browser import CHROMIUM, FLAGS, PATIENCE_MS
from tests.real.hotline import Hotline, strain, until
from tests.real.voice.carrier import Carrier, Heard
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, CALLER, decides, hears, in_menu, sentence

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]
# A microphone that beeps, no question whether it may be used, and addresses of this machine as they are.
SOUND = [
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@pytest.fixture
def page(playwright: Playwright, house: Hotline) -> Iterator[Page]:
    """Agent2's desk in a browser with a headset."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *SOUND])
    context = browser.new_context(base_url=house.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS * strain())
    context.add_cookies([{"name": "django_language", "value": "en", "url": house.url}])
    page = context.new_page()
    known = next(one for one in house.demo["sign_ins"] if one["username"] == "agent2")
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


@pytest.mark.req("E1", "D8")
def test_an_agent_answers_at_the_browser(house: Hotline, line: Carrier, desk: Inside, page: Page) -> None:
    window = seated(page)
    call = taken(house, line, page)
    window.wait_for_function("document.getElementById('caller').srcObject !== null")
    assert "678" in page.inner_text(".d-seat")
    # He walks about the desk: the call is in another window, and goes on.
    page.goto("/desk/list/all/")
    page.wait_for_selector('[data-seat="busy"]')
    page.keyboard.press("Alt+o")
    page.wait_for_url("**/desk/phone/call/**")
    page.keyboard.press("Alt+h")
    page.get_by_text("The caller hears music.").wait_for()
    page.keyboard.press("Alt+h")
    page.get_by_text("The caller hears music.").wait_for(state="detached")
    # The browser's microphone beeps: the caller hears it, and silence is not a conversation.
    time.sleep(6)
    page.keyboard.press("Alt+e")
    page.wait_for_selector('[data-seat="wrap_up"]')
    call.end(30)
    until(lambda: desk.call()["outcome"] == "answered", seconds=20, what="the end of the call")
    tail = call.sound()[-8 * 8000 :]
    assert float(abs(tail).max()) > 1000, "nothing of the agent was heard"


@pytest.mark.req("D11", "E5")
def test_a_browser_that_is_lost_gives_the_caller_to_the_next_agent(
    house: Hotline, line: Carrier, desk: Inside, page: Page
) -> None:
    seated(page)
    call = taken(house, line, page)
    # As if the computer had been switched off.
    page.context.close()
    call.told(sentence(house, "agent_lost", "en"), seconds=60)
    assert desk.state(name="agent2") == ["aside", "lost"]
    agent = line.phone(AGENT)
    desk.agent(name="anna", phone=agent.number)
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="the next agent has the call")
    assert hears(call) == {AGENT}
    kept = desk.call()
    assert not kept["ended"]
    assert [wait[0] for wait in kept["waits"]] == ["answered", "answered"]


@pytest.mark.req("D11", "E5")
def test_the_telephone_s_window_is_loaded_anew_in_the_middle_of_a_call(
    house: Hotline, line: Carrier, desk: Inside, page: Page
) -> None:
    window = seated(page)
    call = taken(house, line, page)
    # The browser asks whether he means it; he does.
    window.on("dialog", lambda dialog: dialog.accept())
    window.reload()
    window.wait_for_selector('body[data-line="connected"]')
    call.told(sentence(house, "agent_lost", "en"), seconds=60)
    until(lambda: desk.state(name="agent2") == ["aside", "lost"], seconds=20, what="his seat is set aside")
    # He is there again, and has the same caller, who was first in line.
    page.get_by_role("button", name="Ready for calls").click()
    page.wait_for_selector('[data-seat="offered"]', timeout=60_000)
    page.wait_for_url("**/desk/phone/call/**")
    page.keyboard.press("Alt+a")
    page.wait_for_selector('[data-seat="busy"]')
    kept = desk.call()
    assert kept["channel"] == call.leg
    assert [wait[0] for wait in kept["waits"]] == ["answered", "answered"]
    # Once the page of the call shows that he has it.
    page.locator('[data-key="Alt+e"]').first.click()
    call.end(30)


@pytest.mark.req("D11")
def test_a_second_window_of_the_telephone_leaves_the_call_alone(
    house: Hotline, line: Carrier, desk: Inside, page: Page
) -> None:
    seated(page)
    call = taken(house, line, page)
    second = page.context.new_page()
    second.goto("/desk/phone/")
    second.wait_for_selector('body[data-line="taken"]')
    second.reload()
    second.wait_for_selector('body[data-line="taken"]')
    second.close()
    # The browser's microphone beeps: the caller hears it still.
    time.sleep(6)
    assert desk.state(name="agent2")[0] == "busy"
    assert not desk.call()["ended"]
    page.keyboard.press("Alt+e")
    call.end(30)
    assert float(abs(call.sound()[-4 * 8000 :]).max()) > 1000, "nothing of the agent was heard"


@pytest.mark.req("D11")
def test_the_web_dies_in_the_middle_of_a_call(house: Hotline, line: Carrier, desk: Inside, page: Page) -> None:
    window = seated(page)
    call = taken(house, line, page)
    os.kill(house.processes()["web"], signal.SIGKILL)
    until(house.answers, seconds=60, what="the pages are served again")
    window.wait_for_selector('body[data-line="connected"]', timeout=90_000)
    assert desk.state(name="agent2")[0] == "busy", "what is heard does not go over the web"
    assert not desk.call()["ended"]
    page.goto("/desk/")
    page.wait_for_selector('[data-seat="busy"]')
    page.locator('[data-key="Alt+o"]').first.click()
    page.wait_for_url("**/desk/phone/call/**")
    page.locator('[data-key="Alt+e"]').first.click()
    page.wait_for_selector('[data-seat="wrap_up"]')
    call.end(30)


@pytest.mark.req("D11")
def test_while_nobody_decides_browsers_are_rung_and_answer(
    house: Hotline, line: Carrier, desk: Inside, page: Page
) -> None:
    window = seated(page)
    house.supervised("stop", "voice")
    try:
        call = line.call("1111")
        window.get_by_role("button", name="Answer").click(timeout=60_000)
        call.tone(CALLER)
        # The browser's microphone beeps.
        time.sleep(6)
        window.get_by_role("button", name="Hang up").click()
        call.end(30)
        assert float(abs(call.sound()[-4 * 8000 :]).max()) > 1000, "nothing of the agent was heard"
    finally:
        house.supervised("start", "voice")
        decides(house, desk)
