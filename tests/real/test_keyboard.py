"""Each main task done by keyboard alone in a real browser: nothing is clicked, filled or focused by the test.

At every stop of Tab the focus must be seen, and not hidden beneath another part (WCAG 2.2: 2.1.1, 2.4.7, 2.4.11).
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.real.browser import Visit
from tests.real.hotline import Hotline, until
from wasl.kernel import acceptance

pytestmark = pytest.mark.timeout(900)
PATIENCE_MS = 60_000
# More stops than any page has before what is looked for.
STOPS = 150
# Where the focus is: whether it matches, what it is, and what is wrong with the way it shows.
_HERE = """wanted => {
  const here = document.activeElement;
  if (!here || here === document.body) return [false, "", ""];
  const name = here.tagName.toLowerCase() + (here.id ? "#" + here.id : "") + " " + (here.getAttribute("name") ?? "")
    + " " + (here.textContent ?? "").trim().replace(/\\s+/g, " ").slice(0, 30);
  // A row shows it around its whole width, a choice beside its box.
  const shown = [[here], [here, "::after"], [here.nextElementSibling ?? here], [here.closest("label") ?? here]];
  const marks = ([one, part]) => {
    const style = getComputedStyle(one, part);
    return style.outlineStyle !== "none" || style.boxShadow !== "none";
  };
  const on = (from, size, most, share) => Math.max(from, 0) + (Math.min(from + size, most) - Math.max(from, 0)) * share;
  const at = box => [0.1, 0.5, 0.9].flatMap(x => [0.2, 0.5, 0.8].map(y => document.elementFromPoint(
    on(box.left, box.width, innerWidth, x), on(box.top, box.height, innerHeight, y))));
  const label = here.labels?.[0], boxes = [...here.getClientRects()].filter(box => box.width * box.height > 0);
  const seen = one => one && (here.contains(one) || label?.contains(one));
  let wrong = "";
  if (!boxes.length) wrong = "is not seen";
  else if (!shown.some(marks)) wrong = "does not show the focus";
  else if (!boxes.some(box => at(box).some(seen))) wrong = "lies beneath another part";
  return [here.matches(wanted), name, wrong];
}"""


@dataclass
class Keys:
    """Somebody without a mouse."""

    page: Page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def write(self, words: str) -> None:
        self.page.keyboard.type(words)

    def to(self, wanted: str, *, back: bool = False) -> None:
        """Press Tab until the focus is on what the selector names."""
        gone: list[str] = []
        for _ in range(STOPS):
            self.press("Shift+Tab" if back else "Tab")
            there, name, wrong = self.page.evaluate(_HERE, wanted)
            assert not wrong, f"{self.page.url}: {name} {wrong}"
            if there:
                return
            gone.append(name)
        pytest.fail(f"{self.page.url}: Tab never comes to {wanted}: {gone[:60]}")

    def go(self, wanted: str, *, back: bool = False) -> None:
        """Go to a link or button and press Enter; waits for the page that it leads to."""
        self.to(wanted, back=back)
        with self.page.expect_navigation(timeout=PATIENCE_MS):
            self.press("Enter")

    def choose(self, value: str) -> None:
        """In a group of radio buttons: the arrows, until the one of this value is chosen."""
        for _ in range(40):
            if self.page.evaluate("v => document.activeElement.value === v && document.activeElement.checked", value):
                return
            self.press("ArrowDown")
        pytest.fail(f"{self.page.url}: the arrows never come to {value}")

    def pick(self, value: str) -> None:
        """In a list of choices that drops down: the arrows, until this value is chosen."""
        self.press("Home")
        for _ in range(400):
            if self.page.evaluate("() => document.activeElement.value") == value:
                return
            self.press("ArrowDown")
        pytest.fail(f"{self.page.url}: the arrows never come to {value}")

    def focused(self, wanted: str) -> Locator:
        """What has the focus, once it is what the selector names."""
        found = self.page.locator(f"{wanted}:focus")
        expect(found).to_have_count(1, timeout=PATIENCE_MS)
        return found

    def leaves(self, *keys: str) -> None:
        """Press keys that lead to another page, and wait for it."""
        with self.page.expect_navigation(timeout=PATIENCE_MS):
            self.press(*keys)

    def place(self, second: str) -> None:
        """To a place of the rail by `g` and its letter; Escape leaves the field that the page began in."""
        self.press("Escape")
        self.leaves("g", second)

    def sign_in(self, house: Hotline, username: str) -> None:
        """Sign in at the desk."""
        password = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == username)
        self.page.goto("/desk/")
        self.to("input[name=login]")
        self.write(username)
        self.to("input[name=password]")
        self.write(password)
        self.leaves("Enter")
        assert "/desk/" in self.page.url

    def content(self) -> None:
        """Past the rail to the content, by the link that is there for this."""
        self.to(".w-skip")
        self.press("Enter")
        self.focused("main")

    def verb(self, key: str, number: str) -> None:
        """Open the form of a verb by its key; the cursor is in it then."""
        self.press(key)
        expect(self.page.locator("#verb form"), number).to_be_visible(timeout=PATIENCE_MS)
        until(lambda: bool(self.page.locator("#verb :focus").count()), seconds=20, what=f"the focus in {key}")

    def send(self) -> None:
        """Send the form of a verb, and wait for the page after it: there the focus is not lost."""
        self.leaves("Control+Enter")
        self.page.wait_for_load_state()


@contextmanager
def people(house: Hotline, visit: Visit, *usernames: str) -> Iterator[list[Keys]]:
    """Staff with a browser each, signed in."""
    with ExitStack() as stack:
        found = []
        for username in usernames:
            keys = Keys(stack.enter_context(visit(house.url, expect_errors=True)))
            keys.sign_in(house, username)
            found.append(keys)
        yield found


def row_of(keys: Keys, number: str) -> None:
    """From a list into the request of this number: the first row has a key, the others are come to."""
    link = f".d-row-link[href*='{number}']"
    if keys.page.locator(f"{link}[data-key=j]").count():
        keys.leaves("j")
    else:
        keys.go(link)


def reported(keys: Keys, words: str, where: str) -> tuple[str, str]:
    """A citizen reports; number and PIN."""
    keys.page.goto("/")
    keys.to("#id_text")
    keys.write(words)
    keys.go("main form .btn-primary")
    keys.to("#suggestions input")
    keys.press("Space")
    keys.choose("water-leak")
    keys.go("main form .btn-primary")
    keys.to("#id_address")
    keys.write(where)
    keys.to("[data-skip-map]")
    keys.press("Enter")
    keys.go("main form .btn-primary")
    keys.to("input[name$=amount]")
    keys.press("Space")
    keys.choose("burst")
    keys.go("main form .btn-primary[value=go]")
    keys.to("input[name=how]")
    keys.press("Space")
    keys.choose("anonymous")
    keys.go("main form .btn-primary")
    expect(keys.page.locator("dl.w-answers")).to_be_visible()
    keys.go("main .btn-lg")
    number = acceptance.parse(keys.page.locator(".w-big-number").first.inner_text())
    assert number
    return number, keys.page.locator(".w-pin").inner_text().strip()


@pytest.mark.req("B7")
def test_feedback_complaint_and_status_are_three_pages(house: Hotline, visit: Visit) -> None:
    headings = set()
    with visit(house.url, language="ar", expect_errors=True) as page:
        keys = Keys(page)
        for path in ("/feedback/", "/complaint/"):
            page.goto(path)
            headings.add(page.locator("main .w-kicker").inner_text())
            expect(page.locator("html")).to_have_attribute("dir", "rtl")
            keys.to("#id_text")
            keys.write("الماء يجري في الشارع")
            keys.go("main form .btn-primary")
            assert "/what/" in page.url
        page.goto("/track/")
        headings.add(page.locator("h1").inner_text())
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        keys.to("#id_number")
        keys.write(acceptance.grouped(acceptance.make(1, 26)))
        keys.to("#id_pin")
        keys.write("123456")
        keys.leaves("Enter")
        expect(page.locator("[role=alert]").first).to_be_visible()
    assert len(headings) == 3


@pytest.mark.req("M7", "E11", "F3", "G8", "B7")
def test_the_loop(house: Hotline, visit: Visit) -> None:
    with (
        visit(house.url) as page,
        people(house, visit, "agent1", "dispatcher1", "officer-water", "second1") as (
            agent,
            dispatcher,
            officer,
            second,
        ),
    ):
        number, pin = reported(Keys(page), "Water is leaking in our street", f"Way {time.time_ns() % 10**7}, Bawshar")

        # The agent takes it in from the queue of what came by the web.
        agent.place("n")
        row_of(agent, number)
        agent.verb("g", number)
        agent.send()

        dispatcher.place("d")
        row_of(dispatcher, number)
        dispatcher.verb("d", number)
        expect(dispatcher.page.locator("#verb select[name=unit]")).to_have_value("water")
        dispatcher.send()

        officer.place("s")
        row_of(officer, number)
        officer.verb("s", number)
        officer.send()
        officer.place("w")
        row_of(officer, number)
        officer.verb("a", number)
        if not officer.page.locator("#verb input[name=outcome]:focus").count():
            officer.to("#verb input[name=outcome]")
        officer.press("Space")
        officer.choose("fixed")
        officer.to("#verb textarea[name=text]")
        officer.write("We changed the pipe and tested it.")
        officer.send()

        second.place("r")
        row_of(second, number)
        second.verb("a", number)
        second.send()

        # The citizen reads it; the second line hears him say yes on the telephone, which closes it.
        citizen = Keys(page)
        page.goto("/track/")
        citizen.to("#id_number")
        citizen.write(number)
        citizen.to("#id_pin")
        citizen.write(pin)
        citizen.leaves("Enter")
        expect(page.locator("main")).to_contain_text("We changed the pipe and tested it.")

        second.press("/")
        second.focused(".w-search-field")
        second.write(number)
        second.leaves("Enter")
        second.verb("a", number)
        if not second.page.locator("#verb input[name=verdict]:focus").count():
            second.to("#verb input[name=verdict]")
        second.press("Space")
        second.choose("solved")
        second.send()
        expect(second.page.locator("#head .d-badges .w-badge").first).to_have_text("closed")


@pytest.mark.req("E11")
def test_an_agent_finds_registers_and_looks_at_what_he_can_press(house: Hotline, visit: Visit) -> None:
    with people(house, visit, "agent2") as (agent,):
        agent.place("f")
        agent.focused("#report-phone")
        agent.press("Escape")
        agent.to("#report-body")
        agent.write("A street light is dark near the market")
        agent.to("#report-address")
        agent.write(f"Way {time.time_ns() % 10**7}, Seeb")
        agent.to("#report-category")
        agent.pick("street-light-out")
        agent.leaves("Control+Enter")
        expect(agent.page.locator(".d-big")).to_be_visible()
        # What is not on a key is reached by Tab: the menu opens, Escape shuts it and gives the focus back.
        number = agent.page.url.rstrip("/").split("/")[-1]
        agent.press("/")
        agent.write(number)
        agent.leaves("Enter")
        agent.press("?")
        expect(agent.page.locator("#keys")).to_be_visible()
        assert agent.page.locator("#keys dt").count() > 8
        agent.press("Escape")
        expect(agent.page.locator("#keys")).to_be_hidden()
        agent.to("#head .w-menu > summary")
        agent.press("Enter")
        agent.to("#head .d-more a")
        agent.press("Escape")
        agent.focused("#head .w-menu > summary")


@pytest.mark.req("G8", "P5")
def test_a_supervisor_does_one_thing_to_several(house: Hotline, visit: Visit) -> None:
    street = time.time_ns() % 10**7
    with people(house, visit, "agent3", "supervisor1") as (agent, supervisor):
        for n in range(2):
            agent.page.goto("/desk/report/")
            agent.focused("#report-phone")
            agent.to("#report-body")
            agent.write("A deep pothole in the right lane")
            agent.to("#report-address")
            agent.write(f"Way {street + n}, Bawshar")
            agent.to("#report-category")
            agent.pick("pothole")
            agent.leaves("Control+Enter")
        supervisor.place("d")
        rows = supervisor.page.locator("[data-tick]")
        assert rows.count() >= 2
        supervisor.press("x")
        supervisor.focused("[data-tick]")
        supervisor.to("[data-tick]")
        supervisor.press("Space")
        expect(supervisor.page.locator("[data-tick]:checked")).to_have_count(2)
        expect(supervisor.page.locator("[data-tick-count]")).to_contain_text("2")
        supervisor.go("#bulk button[value=dispatch]")
        supervisor.leaves("Control+Enter")
        expect(supervisor.page.locator("main")).to_contain_text("2 requests were done.")


@pytest.mark.req("P5")
def test_an_administrator_changes_the_catalogue_and_publishes(house: Hotline, visit: Visit) -> None:
    with people(house, visit, "admin1") as (admin,):
        admin.content()
        admin.go("a[href$='/setup/catalogue/']")
        admin.to("input[name=note]")
        admin.write("By keyboard")
        admin.leaves("Enter")
        admin.press("/")
        admin.focused("main input[name=q]")
        admin.write("pothole")
        admin.leaves("Enter")
        admin.go("tbody tr a")
        admin.to("input[name=name_en]")
        was: Any = admin.page.locator("input[name=name_en]").input_value()
        admin.press("End")
        admin.write(" (any road)")
        admin.leaves("Control+Enter")
        expect(admin.page.locator("main")).to_contain_text(f"{was} (any road)")
        admin.content()
        admin.go("a[href$='/changes/']")
        expect(admin.page.locator("main")).to_contain_text("(any road)")
        admin.go("a[href$='?sheet=categories']", back=True)
        admin.go("button[value=publish]")
        expect(admin.page.locator("#toasts")).to_contain_text("The edition is published.")
        expect(admin.page.locator("tbody tr").first).to_contain_text("in force")
