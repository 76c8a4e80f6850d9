"""Reporting without a signal in a real browser: the network is cut in mid-report, it is sent later, and one case
exists. And the service worker that makes it possible: it lets a new version in, and keeps nothing of anybody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.city import POINTS, City
from tests.real.browser import PHONE, Visit, pictures
from tests.real.hotline import until
from tests.real.test_portal_browser import GO, WORDS, a_photo, right
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.faces.portal import device
from wasl.kernel import acceptance, seal

pytestmark = pytest.mark.timeout(300)
LAT, LON = POINTS["bawshar"]
KEPT = """async () => {
  const names = await caches.keys();
  const found = [];
  for (const name of names) {
    for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
  }
  return [names, found];
}"""


@pytest.fixture
def site(committed_city: City, live_server: Any) -> Iterator[tuple[City, str]]:
    """The demo city on a real port."""
    cache.clear()
    yield committed_city, str(live_server.url)
    cache.clear()


def become(page: Page, asynchronous: str, argument: str) -> None:
    """Wait until the promise that the script gives is one of true; Playwright's own waiting takes any for true."""
    until(lambda: bool(page.evaluate(asynchronous, argument)), seconds=60, what=asynchronous)


def ready(page: Page, language: str = "en") -> None:
    """The service worker is in charge and has what it needs."""
    become(
        page,
        """async language => Boolean(navigator.serviceWorker.controller
          && await caches.match(`/report/offline/${language}/`) && await caches.match("/areas.geojson"))""",
        language,
    )


def online(page: Page, *, yes: bool) -> None:
    page.context.set_offline(not yes)


def where(page: Page, language: str = "en") -> None:
    """Begin a report with a signal, up to the page of the place."""
    page.goto("/")
    ready(page, language)
    page.fill("#id_text", WORDS[language])
    page.click(GO)
    page.check("#suggestions input[value=water-leak]")
    page.click(GO)
    page.wait_for_url("**/where/")


def rest(page: Page, photo: Path) -> None:
    """From the details to the list, on the page that the device keeps."""
    expect(page.locator("[data-part=details] h1")).to_be_visible()
    page.check("input[value=burst]")
    page.set_input_files("input[type=file]", photo)
    expect(page.locator("[data-photos] img")).to_be_visible()
    page.click("[data-part=form] .btn-primary")
    page.check("[data-part=you] input[value=named]")
    page.check("[data-part=you] input[value=mail]")
    page.fill("#id_name", "مريم")
    page.click("[data-part=form] .btn-primary")
    expect(page.locator("[data-complaint]")).to_be_visible()
    page.fill("#id_mail", "maryam@example.com")
    page.click("[data-part=form] .btn-primary")
    expect(page.locator("[data-part=check]")).to_contain_text("leak.jpg")
    page.click("[data-part=form] .btn-primary")
    expect(page.locator("[data-state]")).to_have_count(1)


def told(page: Page) -> Case:
    """The case whose number stands in the list, with its PIN."""
    expect(page.locator("[data-state=sent]")).to_have_count(1, timeout=30_000)
    numbers = page.locator("[data-state=sent] bdi").all_inner_texts()
    case = Case.objects.get(number=acceptance.parse(numbers[0]))
    assert numbers[1] == seal.pin_of(case.number, case.pin_generation)
    return case


@pytest.mark.req("B9", "K10", "F3")
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ar", "dark")])
def test_the_network_is_cut_in_mid_report_and_one_case_exists(
    site: tuple[City, str], visit: Visit, tmp_path: Path, language: str, theme: str
) -> None:
    _, url = site
    with visit(url, language=language, theme=theme, width=PHONE, expect_errors=True) as page:
        where(page, language)
        online(page, yes=False)
        page.fill("#id_address", "Al Khuwair, Way 33")
        page.click(GO)
        page.wait_for_url(f"**/report/offline/{language}/**")
        rest(page, a_photo(tmp_path))
        expect(page.locator("[data-state=waiting]")).to_have_count(1)
        assert not Case.objects.exists()
        page.screenshot(path=pictures() / f"offline-list-{language}-{theme}.png", full_page=True)
        # The browser is closed and opened again, still without a signal.
        context = page.context
        page.close()
        page = context.new_page()
        page.goto("/")
        page.wait_for_url("**/report/offline/**")
        expect(page.locator("[data-state=waiting]")).to_have_count(1)
        online(page, yes=True)
        case = told(page)
        page.screenshot(path=pictures() / f"offline-sent-{language}-{theme}.png", full_page=True)
        right(page)
        assert Case.objects.count() == 1
        assert case.address == "Al Khuwair, Way 33"
        assert case.answers == {"amount": "burst"}
        contact = Contact.objects.get(case=case)
        assert contact.body == WORDS[language]
        assert contact.attachments.count() == 1
        page.click("[data-state=sent] a")
        expect(page.locator(".w-receipt")).to_be_visible()


@pytest.mark.req("B9", "F3")
def test_the_first_answer_is_lost_and_one_case_exists(
    site: tuple[City, str], visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = site
    answer = device._receipt
    lost: list[int] = []

    def falls_silent(*args: Any, **kwargs: Any) -> Any:
        if not lost:
            lost.append(Case.objects.count())
            raise ConnectionError("the line went dead after the case was made")
        return answer(*args, **kwargs)

    with visit(url, width=PHONE, expect_errors=True) as page:
        where(page)
        online(page, yes=False)
        page.fill("#id_address", "Al Khuwair")
        page.click(GO)
        rest(page, a_photo(tmp_path))
        monkeypatch.setattr(device, "_receipt", falls_silent)
        online(page, yes=True)
        page.wait_for_timeout(1500)
        if not page.locator("[data-state=sent]").count():
            page.click("[data-do=send]")
        told(page)
        assert lost == [1]
        assert Case.objects.count() == 1


@pytest.mark.req("B9")
def test_two_wait_are_counted_changed_and_cancelled(site: tuple[City, str], visit: Visit, tmp_path: Path) -> None:
    _, url = site
    with visit(url, width=PHONE, expect_errors=True) as page:
        page.goto("/")
        ready(page)
        online(page, yes=False)
        for number in (1, 2):
            page.goto("/report/offline/en/#new")
            page.reload()
            page.fill("#id_text", f"street light number {number} is out")
            page.check("#suggestions input[value=street-light-out]")
            page.click("[data-part=form] .btn-primary")
            page.select_option("#id_area", "seeb")
            page.click("[data-part=form] .btn-primary")
            page.click("[data-part=form] .btn-primary")
            page.check("[data-part=you] input[value=anonymous]")
            page.click("[data-part=form] .btn-primary")
            page.click("[data-part=form] .btn-primary")
            expect(page.locator("[data-state=waiting]")).to_have_count(number)
        page.locator("[data-state=waiting] [data-do=drop]").first.click()
        expect(page.locator("[data-state=waiting]")).to_have_count(1)
        page.click("[data-state=waiting] [data-do=edit]")
        page.click("[data-do=go-what]")
        page.fill("#id_text", "street light number 2 is out and hangs down")
        for _ in range(5):
            page.click("[data-part=form] .btn-primary")
        expect(page.locator("[data-state=waiting]")).to_have_count(1)
        online(page, yes=True)
        case = told(page)
        assert Contact.objects.get(case=case).body.endswith("hangs down")
        assert Case.objects.count() == 1
        page.goto("/track/")
        expect(page.locator("#waiting a")).to_contain_text("1")


@pytest.mark.req("B9")
def test_what_was_typed_survives_a_closed_browser(site: tuple[City, str], visit: Visit, tmp_path: Path) -> None:
    _, url = site
    with visit(url, width=PHONE, expect_errors=True) as page:
        where(page)
        page.fill("#id_address", "Way 33, house 12")
        page.click(GO)
        page.fill("#id_text", "half a sent")
        page.set_input_files("#id_added", a_photo(tmp_path))
        page.wait_for_timeout(600)
        context, address = page.context, page.url
        page.close()
        page = context.new_page()
        page.goto("/report/")
        page.click(".w-kept-list a")
        page.goto(address)
        expect(page.locator("#id_text")).to_have_value("half a sent")
        expect(page.locator("#restored")).to_be_visible()
        assert page.evaluate("document.querySelector('#id_added').files.length") == 1
        page.check("input[value=burst]")
        page.click(GO)
        page.wait_for_url("**/you/")


@pytest.mark.req("P4", "K10")
def test_nothing_of_anybody_is_kept(site: tuple[City, str], visit: Visit, tmp_path: Path) -> None:
    city, url = site
    with visit(url, expect_errors=True) as page:
        where(page)
        page.fill("#id_address", "Al Khuwair")
        for name in ("where", "details"):
            page.wait_for_url(f"**/{name}/")
            page.click(GO)
        page.check("input[value=anonymous]")
        page.click(GO)
        page.click("main .btn-lg")
        expect(page.locator(".w-receipt")).to_be_visible()
        page.goto(reverse("portal:case", args=[Case.objects.get().number]))
        page.goto("/account/login/")
        page.fill("#id_login", "agent1")
        page.fill("#id_password", city.password)
        page.click("main [type=submit], main button.btn-primary")
        page.goto("/desk/")
        page.goto("/desk/list/review/")
        page.goto("/")
        names, kept = page.evaluate(KEPT)
        assert len(names) == 1
        personal = [path for path in kept if not path.startswith("/static/dist/")]
        assert sorted(personal) == ["/areas.geojson", "/report/offline/en/"]
        online(page, yes=False)
        # What belongs to somebody does not open without the server.
        for path in ("/desk/", "/desk/list/review/", reverse("portal:case", args=[Case.objects.get().number])):
            with pytest.raises(Exception, match="ERR_INTERNET_DISCONNECTED"):
                page.goto(path)


@pytest.mark.req("K10")
def test_a_new_version_takes_over_by_itself(
    site: tuple[City, str], visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = site
    with visit(url) as page:
        page.goto("/")
        ready(page)
        (before,), _ = page.evaluate(KEPT)
        monkeypatch.setattr(device, "_FILES", {**device._FILES, "en": (*device._FILES["en"], "icon-192.png")})
        page.goto("/contact/")
        become(
            page,
            "async before => { const found = await caches.keys(); return found.length === 1 && found[0] !== before; }",
            before,
        )
        _, kept = page.evaluate(KEPT)
        assert "/report/offline/en/" in kept
        assert any("icon-192" in path for path in kept)
        page.goto("/report/")
        expect(page.locator("#id_text")).to_be_visible()
