"""axe-core over every page that links lead to, for citizens and each role, in three languages, light and dark.

Pages are found by following links from where people begin, one of each address; what is never reached is named.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Error, Page

from tests.city import POINTS
from tests.real.browser import DESK, PHONE, Visit
from tests.real.hotline import Hotline

pytestmark = pytest.mark.timeout(1500)
AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LANGUAGES = ("ar", "en", "zh")
# Colours are the same in every language: in the dark one is looked at.
DARK = "en"
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


def violations(page: Page, *, dark: bool) -> Iterator[str]:
    """What axe finds in light, which of the colours it finds too weak in the dark, and whether the page is too wide."""
    # Run as the debugger does, which the content security policy does not touch.
    page.evaluate(AXE.read_text())
    runs = [("light", {"type": "tag", "values": RULES}), ("dark", {"type": "rule", "values": _COLOURS})]
    for theme, only in runs if dark else runs[:1]:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        found: dict[str, Any] = page.evaluate(
            "only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", only
        )
        for one in found["violations"]:
            for node in one["nodes"][:4]:
                why = (node.get("failureSummary") or "").replace("\n", " ")[:200]
                yield f"{one['id']} {theme} {page.url} {node['target']} {why}"
    page.emulate_media(color_scheme="light")
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if wide > screen:
        yield f"wide {page.url} {wide} px on {screen}"


_COLOURS = ["color-contrast", "link-in-text-block"]


def place(path: str) -> str:
    """The name of the address; the path itself where there is none."""
    try:
        return resolve(urlsplit(path).path).view_name
    except Resolver404:
        return path


def walk(page: Page, starts: list[str], *, dark: bool) -> tuple[set[str], list[str]]:
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
        wrong += violations(page, dark=dark)
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
        seen, wrong = walk(page, PUBLIC, dark=language == DARK)
    _seen[language] |= seen
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("username", PEOPLE)
def test_the_desk(house: Hotline, visit: Visit, number: str, language: str, username: str) -> None:
    width, starts = PEOPLE[username]
    password = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == username)
    with visit(house.url, language=language, width=width, expect_errors=True) as page:
        page.goto("/account/login/")
        page.fill("input[name=login]", username)
        page.fill("input[name=password]", password)
        page.click("main form .btn-primary")
        page.wait_for_url("**/desk/**")
        begins = [urlsplit(page.url).path, *(path.format(number=number) for path in starts)]
        seen, wrong = walk(page, begins, dark=language == DARK)
    _seen[language] |= seen
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_was_seen(language: str) -> None:
    assert _seen[language], "run this file as a whole"
    assert MUST_BE_SEEN - _seen[language] == set()
