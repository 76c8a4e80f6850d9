"""axe-core over portal and desk of a whole running hotline, in three languages, light and dark (WCAG 2.2 AA)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.city import POINTS
from tests.real.browser import DESK, PHONE, Visit
from tests.real.hotline import Hotline

pytestmark = pytest.mark.timeout(1500)
AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOKS = [(language, theme) for language in ("ar", "en", "zh") for theme in ("light", "dark")]
PUBLIC = [
    "/",
    "/report/",
    "/complaint/",
    "/track/",
    "/contact/",
    "/verify/",
    "/account/login/",
    "/nothing-here/",
    "/demo/mail/",
]
WORK = {
    "agent2": [
        "/desk/list/review/", "/desk/report/", "/desk/me/", "/desk/search/?q=water", "/desk/case/{number}/do/note/",
    ],
    "dispatcher2": ["/desk/board/", "/desk/list/dispatch/", "/desk/case/{number}/", "/desk/nothing-here/"],
    "officer-water-2": ["/desk/list/work/", "/desk/case/{number}/?from=work"],
    "second2": ["/desk/list/replies/", "/desk/list/waiting/"],
    "supervisor1": ["/desk/list/overdue/", "/desk/list/all/?state=open", "/desk/messages/"],
    "admin1": [
        "/desk/setup/", "/desk/setup/units/", "/desk/setup/units/new/", "/desk/setup/staff/", "/desk/setup/staff/new/",
        "/desk/setup/areas/", "/desk/setup/calendars/", "/desk/setup/calendars/new/", "/desk/setup/catalogue/",
        "/desk/setup/catalogue/1/", "/desk/setup/templates/", "/desk/setup/templates/told/mail/",
        "/desk/setup/clients/", "/desk/setup/audit/", "/desk/setup/journal/", "/desk/privacy/",
    ],
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


def violations(page: Page) -> Iterator[str]:
    """What axe finds, and whether the page is wider than the screen."""
    page.wait_for_load_state()
    # Run as the debugger does, which the content security policy does not touch.
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("tags => axe.run(document, {runOnly: tags})", RULES)
    for one in found["violations"]:
        for node in one["nodes"][:4]:
            why = (node.get("failureSummary") or "").replace("\n", " ")[:200]
            yield f"{one['id']} {page.url} {node['target']} {why}"
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if wide > screen:
        yield f"wide {page.url} {wide} px on {screen}"


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_portal(house: Hotline, visit: Visit, language: str, theme: str) -> None:
    wrong: list[str] = []
    for width in (PHONE, DESK):
        with visit(house.url, language=language, theme=theme, width=width, expect_errors=True) as page:
            for path in PUBLIC:
                page.goto(path)
                wrong += violations(page)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_desk(house: Hotline, visit: Visit, number: str, language: str, theme: str) -> None:
    wrong: list[str] = []
    for username, paths in WORK.items():
        width = PHONE if username.startswith("officer") else DESK
        password = next(one["password"] for one in house.demo["sign_ins"] if one["username"] == username)
        with visit(house.url, language=language, theme=theme, width=width, expect_errors=True) as page:
            page.goto("/account/login/")
            page.fill("input[name=login]", username)
            page.fill("input[name=password]", password)
            page.click("main form .btn-primary")
            page.wait_for_url("**/desk/**")
            for path in paths:
                answer = page.goto(path.format(number=number))
                if answer is None or (answer.status >= 400 and "nothing-here" not in path):
                    wrong.append(f"{username} {path}: {answer and answer.status}")
                wrong += violations(page)
    assert not wrong, "\n".join(wrong)
