"""An agent at the keyboard: a typical complaint in at most 40 seconds of work, drafts that survive, joins (E2, E11)."""

import time
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Page, expect

from tests.real.browser import Visit, pictures
from tests.real.hotline import Hotline, until

pytestmark = pytest.mark.timeout(600)
PATIENCE_MS = 60_000
# Whoever types for a living does 200 to 300 strokes a minute while he listens.
STROKES_A_MINUTE = 240
MOST_S = 40
# Which field is written in, as it happens; a field that is come back to was typed twice.
WATCH = """() => {
  window.written = [];
  document.addEventListener("input", (event) => {
    const name = event.target.name;
    if (window.written.at(-1) !== name) window.written.push(name);
  }, true);
}"""


def sign_in(page: Page, house: Hotline, username: str) -> None:
    """Sign in at the desk with the demo's password."""
    password = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == username)
    page.goto("/desk/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/account/" not in url)


def agent_of(house: Hotline) -> str:
    """The user name of an agent of the demo."""
    return str(next(one["username"] for one in house.demo["sign_ins"] if one["role"] == "agent"))


@dataclass
class Hands:
    """Types by keyboard alone and counts; `waited_s` is how long the hands had to wait for the page."""

    page: Page
    strokes: int = 0
    waited_s: float = 0.0
    pressed: list[str] = field(default_factory=list)

    def write(self, words: str) -> None:
        self.page.keyboard.type(words)
        self.strokes += len(words)

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        self.strokes += key.count("+") + 1
        self.pressed.append(key)

    def wait(self, selector: str) -> None:
        began = time.monotonic()
        expect(self.page.locator(selector).first).to_be_visible(timeout=PATIENCE_MS)
        self.waited_s += time.monotonic() - began

    @property
    def seconds(self) -> float:
        return self.strokes * 60 / STROKES_A_MINUTE + self.waited_s


CALLS = {
    "en": ("Salim Al Harthy", "A water pipe has burst, the street is flooded", "Way 3519, Al Khuwair, Bawshar"),
    "ar": ("سالم الحارثي", "انكسر أنبوب ماء والشارع مغمور بالماء", "سكة ٣٥١٩، الخوير، بوشر"),
}


@pytest.mark.req("E11", "E2", "E3")
@pytest.mark.parametrize("language", CALLS)
def test_a_typical_complaint_by_keyboard_within_40_seconds(house: Hotline, visit: Visit, language: str) -> None:
    name, words, address = CALLS[language]
    with visit(house.url, language=language) as page:
        sign_in(page, house, agent_of(house))
        page.goto("/desk/report/")
        expect(page.locator("#report-phone")).to_be_focused()
        page.evaluate(WATCH)
        hands = Hands(page)
        hands.write(f"9{time.time_ns() % 10**7:07}")
        hands.press("Tab")
        hands.write(name)
        hands.press("Tab")
        hands.press("Tab")
        expect(page.locator("#report-body")).to_be_focused()
        hands.write(words)
        hands.wait("#beside [data-key='Alt+1']")
        # What is shown beside the words never takes the cursor out of them.
        expect(page.locator("#report-body")).to_be_focused()
        hands.press("Alt+1")
        began = time.monotonic()
        expect(page.locator("#report-category")).not_to_have_value("", timeout=PATIENCE_MS)
        hands.waited_s += time.monotonic() - began
        expect(page.locator("#report-body")).to_be_focused()
        hands.press("Tab")
        expect(page.locator("#report-address")).to_be_focused()
        hands.write(address)
        hands.wait("#beside .w-due")
        page.screenshot(path=pictures() / f"agent-{language}-1440.png", full_page=True)
        written = page.evaluate("window.written")
        hands.press("Control+Enter")
        hands.wait(".d-filed .d-big")
        assert len(written) == len(set(written)), f"typed twice: {written}"
        assert hands.seconds <= MOST_S, f"{hands.seconds:.0f} s, {hands.strokes} strokes, {hands.waited_s:.1f} s waited"
        print(f"{language}: {hands.strokes} strokes, {hands.waited_s:.1f} s waited, {hands.seconds:.1f} s of work")
        page.screenshot(path=pictures() / f"filed-{language}-1440.png", full_page=True)


@pytest.mark.req("E2")
def test_a_draft_survives_a_closed_tab(house: Hotline, visit: Visit) -> None:
    words = f"The lamp is dark {time.time_ns()}"
    # The browser stays open: what a closed tab sends last goes on its way without it.
    with visit(house.url) as closed, visit(house.url) as page:
        sign_in(page, house, agent_of(house))
        sign_in(closed, house, agent_of(house))
        closed.goto("/desk/report/")
        closed.keyboard.type("92345678")
        closed.locator("#report-body").fill(words)
        # The tab closes before the form had time to save itself.
        closed.goto("about:blank")
        draft = page.locator("#begun li", has_text=words)
        until(lambda: page.goto("/desk/report/") is not None and draft.count() == 1, seconds=20, what="the draft")
        draft.locator("a").click()
        expect(page.locator("#report-body")).to_have_value(words)
        page.goto("/desk/report/")
        page.locator("#begun li", has_text=words).get_by_role("button").click()
        gone = page.locator("#begun li.d-quiet", has_text=words)
        expect(gone).to_be_visible(timeout=PATIENCE_MS)
        gone.get_by_role("button").click()
        expect(page.locator("#begun li:not(.d-quiet)", has_text=words)).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.req("E6")
def test_live_updates_and_presence_do_not_disturb_whoever_writes(house: Hotline, visit: Visit) -> None:
    with visit(house.url) as page, visit(house.url) as other:
        sign_in(page, house, agent_of(house))
        page.goto("/desk/report/")
        page.locator("#report-body").fill("A water pipe has burst in the street")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".d-big")).to_be_visible(timeout=PATIENCE_MS)
        number = page.url.rstrip("/").split("/")[-1]
        page.goto(f"/desk/case/{number}/")
        colleague = next(one["username"] for one in house.demo["sign_ins"] if one["role"] == "dispatcher")
        sign_in(other, house, colleague)
        other.goto(f"/desk/case/{number}/")
        expect(page.locator("#presence")).not_to_be_empty(timeout=PATIENCE_MS)
        page.keyboard.press("m")
        note = page.locator("#verb textarea")
        expect(note).to_be_focused(timeout=PATIENCE_MS)
        page.keyboard.type("Half a sent")
        other.keyboard.press("m")
        expect(other.locator("#verb textarea")).to_be_focused(timeout=PATIENCE_MS)
        other.keyboard.type("A colleague's note.")
        other.keyboard.press("Control+Enter")
        expect(page.locator("#story")).to_contain_text("A colleague's note.", timeout=PATIENCE_MS)
        expect(note).to_be_focused()
        page.keyboard.type("ence.")
        expect(note).to_have_value("Half a sentence.")
        # The words are still there when the tab is loaded again.
        page.reload()
        page.keyboard.press("m")
        expect(page.locator("#verb textarea")).to_have_value("Half a sentence.", timeout=PATIENCE_MS)
