"""axe-core over every page that links lead to, for citizens and each role, in three languages, light and dark.

Pages are found by following links from where people begin, one of each address; what is never reached is named. What
only a form leads to is walked: a report of a danger from the first word to the verdict, and what the desk does to it.
"""

from urllib.parse import urlsplit

import httpx
import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Error, Page, expect

from tests.city import POINTS
from tests.real.axe import violations
from tests.real.browser import DESK, PHONE, Visit
from tests.real.hotline import Hotline
from tests.real.inside import ask

pytestmark = pytest.mark.timeout(1500)
LANGUAGES = ("ar", "en", "zh")
# Where each begins besides his first place, and the width of his screen.
PEOPLE: dict[str, tuple[int, list[str]]] = {
    "agent2": (DESK, ["/desk/case/{number}/do/note/", "/desk/search/?q=water", "/desk/nothing-here/"]),
    "officer-water-2": (PHONE, ["/desk/case/{number}/?from=work"]),
    "second2": (DESK, []),
    "supervisor1": (DESK, ["/desk/list/all/?state=open"]),
    "leader1": (PHONE, []),
    "admin1": (DESK, ["/desk/setup/templates/told/mail/"]),
}
PUBLIC = ["/", "/complaint/", "/verify/", "/account/login/", "/nothing-here/", "/demo/mail/"]
# Followed by nobody who only looks: they leave the house, end the session, or give a file.
LEFT_OUT = {
    "account_logout", "desk:file", "desk:sheet", "portal:draft_photo", "portal:case_file", "portal:areas",
    "set_language", "desk:practise",
}  # fmt: skip
MUST_BE_SEEN = {
    "desk:report", "desk:list", "desk:board", "desk:case", "desk:search", "desk:me", "desk:admin", "desk:units",
    "desk:unit", "desk:staff", "desk:areas", "desk:calendars", "desk:catalogue", "desk:edition", "desk:templates",
    "desk:template", "desk:clients", "desk:audit", "desk:journal", "desk:messages", "desk:privacy",
    "desk:questions", "desk:topics", "desk:new_topic", "desk:ideas", "desk:repair", "desk:account", "desk:care",
    "desk:sms", "desk:sms_texts", "desk:sms_incoming", "desk:sms_figures", "desk:sms_reviews", "desk:sms_operators",
    "desk:articles", "desk:article", "desk:article_version", "desk:phone_quality", "desk:phone_criteria",
    "desk:phone_scores", "portal:articles", "portal:article",
    "portal:home", "portal:begin", "portal:track", "portal:reach", "portal:verify",
    "portal:sms_accounting",
}  # fmt: skip


@pytest.fixture(scope="module")
def number(house: Hotline) -> str:
    """A case that was dispatched."""
    lat, lon = POINTS["bawshar"]
    answer = httpx.post(
        f"{house.url}/open311/v2/requests.json",
        data={"service_code": "water-leak", "lat": lat, "long": lon, "description": "الماء يجري في الشارع"},
        headers={"X-API-Key": house.demo["open311"]["key"]},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()[0]["service_request_id"])


def place(path: str) -> str:
    """The name of the address; the path itself where there is none."""
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        return path


def sign_in(page: Page, house: Hotline, username: str) -> None:
    """As one of the staff; his first place opens."""
    password = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == username)
    page.goto("/account/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.click("main form .btn-primary")
    page.wait_for_url("**/desk/**")


def walk(page: Page, starts: list[str]) -> tuple[set[str], list[str]]:
    """Open one page of each address that can be reached by links; gives the names, and what is wrong."""
    seen: set[str] = set()
    wrong: list[str] = []
    waiting = list(starts)
    while waiting:
        path = waiting.pop(0)
        name = place(path)
        if name in seen or name in LEFT_OUT:
            continue
        seen.add(name)
        try:
            answer = page.goto(path)
        except Error as error:
            if "Download is starting" in str(error):
                continue
            raise
        page.wait_for_load_state()
        if answer is None or (answer.status >= 400 and "nothing-here" not in path):
            wrong.append(f"{path}: {answer and answer.status}")
            continue
        seen.add(place(page.url))
        wrong += violations(page)
        links: list[str] = page.evaluate(
            "[...document.querySelectorAll('a[href]:not([download])')].filter(a => a.origin === location.origin)"
            ".map(a => a.pathname + a.search)"
        )
        waiting += [link for link in dict.fromkeys(links) if not link.startswith(("/static/", "/open311/", "/demo/"))]
    return seen, wrong


_seen: dict[str, set[str]] = {language: set() for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_portal(house: Hotline, visit: Visit, language: str, width: int) -> None:
    with visit(house.url, language=language, width=width, expect_errors=True) as page:
        seen, wrong = walk(page, PUBLIC)
    _seen[language] |= seen
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("username", PEOPLE)
def test_the_desk(house: Hotline, visit: Visit, number: str, language: str, username: str) -> None:
    width, starts = PEOPLE[username]
    with visit(house.url, language=language, width=width, expect_errors=True) as page:
        sign_in(page, house, username)
        begins = [urlsplit(page.url).path, *(path.format(number=number) for path in starts)]
        seen, wrong = walk(page, begins)
    _seen[language] |= seen
    assert not wrong, "\n".join(wrong)


GAS = {"ar": "رائحة غاز قوية في الممر", "en": "A strong smell of gas", "zh": "楼道里有很浓的煤气味"}
GO = "main form .btn-primary"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_danger_from_the_first_word_to_the_verdict(house: Hotline, visit: Visit, language: str) -> None:
    wrong: list[str] = []
    with visit(house.url, language=language, width=PHONE, expect_errors=True) as page:

        def judge(step: str) -> None:
            page.wait_for_url(f"**/{step}/")
            page.wait_for_load_state()
            wrong.extend(violations(page))

        page.goto("/report/")
        page.fill("#id_text", GAS[language])
        page.click(GO)
        page.check("#suggestions input[value=gas-leak]")
        judge("what")
        page.click(GO)
        judge("danger")
        expect(page.locator(".w-danger a[href^='tel:']")).to_be_visible()
        page.click("main form .btn")
        page.fill("#id_address", "Al Khuwair, Way 33")
        page.locator(".w-map-canvas").scroll_into_view_if_needed()
        expect(page.locator(".leaflet-container")).to_be_visible()
        judge("where")
        page.click(GO)
        judge("details")
        page.click("main form .btn-primary[value=go]")
        page.check("input[name=how][value=named]")
        page.check("input[name=channel][value=mail]")
        page.click(GO)
        expect(page.locator("#id_mail_error")).to_be_visible()
        judge("you")
        page.fill("#id_mail", "gas@example.com")
        page.click(GO)
        judge("check")
        page.click("main .btn-lg")
        judge("receipt")
        number = ask(house, "carry_to_the_answer")
        page.goto(f"/track/{number}/")
        judge(number)
        page.check("input[name=verdict][value=not_solved]")
        page.check("input[name=rating][value='1']")
        page.click("main form:has(input[name=verdict]) .btn-primary")
        expect(page.locator("input[name=verdict]")).to_have_count(0)
        wrong += violations(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_done_to_a_case(house: Hotline, visit: Visit, number: str, language: str) -> None:
    """The form of every verb that an officer and the centre have, in its place on the page of the case."""
    wrong: list[str] = []
    for username, width in (("officer-water-2", PHONE), ("supervisor1", DESK)):
        with visit(house.url, language=language, width=width, expect_errors=True) as page:
            sign_in(page, house, username)
            page.goto(f"/desk/case/{number}/")
            verbs = page.locator("#head a[hx-get]")
            assert verbs.count() > 3
            for at in range(verbs.count()):
                verb = verbs.nth(at)
                if "d-only-narrow" in (verb.get_attribute("class") or ""):
                    continue
                if not verb.is_visible():
                    page.click("#head .w-menu > summary")
                verb.click()
                expect(page.locator("#verb form")).to_be_visible()
                wrong += violations(page)
                page.goto(f"/desk/case/{number}/")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_was_seen(language: str) -> None:
    assert _seen[language], "run this file as a whole"
    assert MUST_BE_SEEN - _seen[language] == set()
