"""An agent at a real browser: the telephone registers, rings, brings up the call's page, is answered and heard."""

import os
import re
import signal
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Playwright

from tests.real.hotline import Hotline, until
from tests.real.voice.browsers import desk_of, seated, taken
from tests.real.voice.carrier import Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, BOSS, CALLER, EXPERT, decides, hears, sentence

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]


@pytest.fixture
def page(playwright: Playwright, house: Hotline) -> Iterator[Page]:
    """Agent2's desk."""
    with desk_of("agent2", playwright, house) as page:
        yield page


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


@pytest.mark.req("D5", "D6", "E5")
def test_an_agent_asks_an_expert_and_leaves_the_caller_with_him(
    house: Hotline, line: Carrier, desk: Inside, page: Page
) -> None:
    expert = line.phone(EXPERT)
    seated(page)
    call = taken(house, line, page)
    call.tone(CALLER)
    desk.agent(name="nora", phone=expert.number, queues="none")
    # By the keyboard alone: the search, a name, and the first of what is found.
    page.keyboard.press("Alt+t")
    page.keyboard.type("nora")
    page.get_by_role("button", name=re.compile("Ask first.*nora")).focus()
    page.keyboard.press("Enter")
    page.get_by_text("You speak with nora; the caller waits.").wait_for()
    assert CALLER not in hears(expert)
    assert EXPERT not in hears(call)
    page.keyboard.press("Alt+j")
    page.get_by_text("You, the caller and nora hear each other.").wait_for()
    assert hears(expert) == {CALLER}
    assert hears(call) == {EXPERT}
    page.get_by_role("button", name="Leave the caller with him").click()
    page.wait_for_selector('[data-seat="wrap_up"]')
    assert hears(expert) == {CALLER}
    line.hang_up(call.name)
    call.end(20)
    until(lambda: desk.call()["outcome"] == "answered", seconds=20, what="the end of the call")


@pytest.mark.req("D8")
def test_a_supervisor_helps_from_the_board(
    house: Hotline, line: Carrier, desk: Inside, page: Page, playwright: Playwright
) -> None:
    boss = line.phone(BOSS)
    seated(page)
    call = taken(house, line, page)
    call.tone(CALLER)
    with desk_of("supervisor1", playwright, house) as board:
        board.goto("/desk/phones/")
        board.get_by_text("Take your seat to listen or help").wait_for()
        desk.agent(name="supervisor1", phone=boss.number, queues="none")
        board.reload()

        def helps(how: str) -> None:
            board.locator("#board-calls summary").click()
            board.locator(f"#board-calls button[value={how}]").click()
            board.wait_for_load_state()

        helps("listen")
        board.get_by_text("Your telephone will ring.").wait_for()
        until(lambda: boss.file.exists(), seconds=20, what="his telephone is rung")
        assert hears(boss) == {CALLER}
        assert BOSS not in hears(call)
        helps("barge")
        until(lambda: hears(call) == {BOSS}, seconds=20, what="the caller hears him")
        helps("take_over")
        until(lambda: desk.state(name="agent2")[0] == "wrap_up", seconds=20, what="the agent is let go")
        assert hears(boss) == {CALLER}
        line.hang_up(call.name)
        call.end(20)
        board.get_by_text("No call is on.").wait_for()


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
    os.kill(house.process("web"), signal.SIGKILL)
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
