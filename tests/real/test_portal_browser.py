"""The portal in a real browser: a citizen with a telephone, in Arabic, with scripts and without."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.city import POINTS, City
from tests.real.axe import violations
from tests.real.browser import PHONE, Visit, pictures, shoot
from wasl.core.cases import links
from wasl.core.cases.models import Case
from wasl.kernel import acceptance, seal

# Each walk looks at a dozen pages with axe-core.
pytestmark = pytest.mark.timeout(300)
# The words of the report, and the page's main button.
WORDS = {
    "ar": "تسريب ماء قوي في الشارع أمام بيتي منذ الصباح، والماء يصل إلى باب المدرسة",
    "en": "Water is leaking in our street since this morning and reaches the door of the school",
    "zh": "我家门口的公共管网从早上开始漏水，水已经流到学校门口",
}
GO = "main form .btn-primary"


@pytest.fixture
def site(committed_city: City, live_server: Any) -> Iterator[tuple[City, str]]:
    """The demo city on a real port."""
    cache.clear()
    yield committed_city, str(live_server.url)
    cache.clear()


def right(page: Page, theme: str = "light") -> None:
    """axe-core finds nothing wrong, and nothing is wider than the screen."""
    wrong = [*violations(page, (theme,))]
    assert not wrong, "\n".join(wrong)


def a_photo(folder: Path) -> Path:
    made = folder / "leak.jpg"
    picture = Image.new("RGB", (1600, 1200), (150, 160, 150))
    ImageDraw.Draw(picture).ellipse((400, 400, 1200, 1000), fill=(60, 110, 170))
    picture.save(made)
    return made


def report(page: Page, language: str, photo: Path, look: Any) -> Case:
    """Report from the first word to the receipt; `look` is called on every page."""
    page.goto("/")
    look("home")
    page.fill("#id_text", WORDS[language])
    page.click(GO)
    look("what")
    page.check("#suggestions input[value=water-leak]")
    page.click(GO)
    page.fill("#id_address", "Al Khuwair, Way 33 · الخوير، سكة ٣٣")
    look("where")
    page.click(GO)
    page.set_input_files("input[type=file]", photo)
    page.click("button[value=attach]")
    expect(page.locator(".w-files-draft img")).to_be_visible()
    page.check("input[value=burst]")
    look("details")
    page.click(GO)
    page.check("input[name=how][value=named]")
    page.check("input[name=channel][value=mail]")
    page.fill("#id_name", "مريم بنت سالم بن عبدالله الحارثية")
    page.click(GO)
    expect(page.locator("#id_mail_error")).to_be_visible()
    look("you-mended")
    page.fill("#id_mail", "maryam@example.com")
    page.click(GO)
    expect(page.locator("dl.w-answers")).to_be_visible()
    look("check")
    page.click("main .btn-lg")
    expect(page.locator(".w-big-number").first).to_be_visible()
    look("receipt")
    number = acceptance.parse(page.locator(".w-big-number").first.inner_text())
    return Case.objects.get(number=number)


@pytest.mark.req("B6", "F3", "K10", "M7")
@pytest.mark.parametrize(("language", "theme"), [("ar", "light"), ("ar", "dark"), ("en", "dark"), ("zh", "light")])
def test_a_report_on_a_telephone(
    site: tuple[City, str], visit: Visit, tmp_path: Path, language: str, theme: str
) -> None:
    _, url = site
    with visit(url, language=language, width=PHONE, theme=theme, expect_errors=True) as page:

        def look(name: str) -> None:
            page.wait_for_load_state()
            right(page, theme)
            page.screenshot(path=pictures() / f"portal-{name}-{language}-{theme}.png", full_page=True)

        case = report(page, language, a_photo(tmp_path), look)
        assert case.category == "water-leak"
        assert case.answers == {"amount": "burst"}
        page.goto(reverse("portal:case", args=[case.number]))
        look("case")
        for name in ("track", "reach", "verify", "complaint"):
            page.goto(reverse(f"portal:{name}"))
            look(name)


@pytest.mark.req("M7")
def test_a_report_without_any_script(site: tuple[City, str], visit: Visit, tmp_path: Path) -> None:
    _, url = site
    with visit(url, language="ar", width=PHONE, scripts=False, expect_errors=True) as page:
        case = report(page, "ar", a_photo(tmp_path), lambda name: None)
        assert case.contacts.get().attachments.count() == 1
        expect(page.locator("[data-print]")).to_be_hidden()


def test_an_empty_field_begins_on_the_side_of_the_page(site: tuple[City, str], visit: Visit) -> None:
    _, url = site
    with visit(url, language="ar", width=PHONE) as page:
        for address, field in (("/", "#id_text"), ("/complaint/", "#id_text"), ("/services/", "input[type=search]")):
            page.goto(address)
            found = page.locator(f"main {field}").first
            expect(found).to_have_css("direction", "rtl")
            found.fill("water")
            expect(found).to_have_css("direction", "ltr")


def test_suggestions_come_while_typing_and_the_position_is_taken(site: tuple[City, str], visit: Visit) -> None:
    _, url = site
    with visit(url, language="en", width=PHONE) as page:
        page.goto("/")
        page.click(GO)
        expect(page.locator("#suggestions input")).to_have_count(0)
        page.locator("#id_text").press_sequentially("street light is out, the road is dark", delay=5)
        page.check("#suggestions input[value=street-light-out]")
        page.click(GO)
        lat, lon = POINTS["bawshar"]
        page.context.grant_permissions(["geolocation"])
        page.context.set_geolocation({"latitude": lat, "longitude": lon, "accuracy": 20})
        page.locator(".leaflet-container").scroll_into_view_if_needed()
        page.click("[data-use-position]")
        expect(page.locator("#id_lat")).to_have_value(f"{lat:.6f}")
        page.click(GO)
        page.wait_for_url("**/details/")


def test_the_keyboard_alone_is_enough(site: tuple[City, str], visit: Visit) -> None:
    _, url = site
    with visit(url, language="en") as page:
        page.goto("/report/")
        page.focus("#id_text")
        page.keyboard.type("water leak")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/what/")
        page.focus("#suggestions input")
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.wait_for_url("**/where/")
        page.focus("#id_address")
        page.keyboard.type("Way 33")
        page.keyboard.press("Enter")
        page.wait_for_url("**/details/")


@pytest.mark.req("I1")
@pytest.mark.parametrize("language", ["ar", "en"])
def test_the_answer_from_the_mail(site: tuple[City, str], visit: Visit, language: str) -> None:
    city, url = site
    told = city.report().dispatched_to().replied().told()
    with visit(url, language=language, width=PHONE) as page:
        page.goto(reverse("portal:answer", args=[links.make(told.case)]))
        right(page)
        shoot(page, f"portal-answer-{language}", whole=True)
        page.check("input[name=verdict][value=solved]")
        page.check("input[name=rating][value='4']")
        page.click(GO)
        expect(page.locator("h1")).to_be_visible()
        right(page)
        case = told.fresh()
        assert (case.state, case.verdict, case.rating) == ("closed", "solved", 4)


def test_number_and_pin_open_the_page_of_the_case(site: tuple[City, str], visit: Visit) -> None:
    city, url = site
    told = city.report().dispatched_to().replied().told()
    with visit(url, language="ar", width=PHONE) as page:
        page.goto("/track/")
        page.fill("#id_number", acceptance.grouped(told.case.number))
        page.fill("#id_pin", seal.pin_of(told.case.number, 0))
        page.click(GO)
        expect(page.locator(".w-story > li").first).to_be_visible()
        right(page)
        shoot(page, "portal-case-told-ar", whole=True)
