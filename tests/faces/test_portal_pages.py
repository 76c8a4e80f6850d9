"""The pages of the portal that everybody may open."""

import base64
import hashlib
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import POINTS, City
from tests.faces.citizen import other
from wasl.kernel import acceptance, clock

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("language", ["ar", "en", "zh-hans"])
@pytest.mark.parametrize(
    "name",
    [
        "home",
        "reach",
        "begin",
        "complaint",
        "suggestion",
        "feedback",
        "track",
        "status",
        "verify",
        "services",
        "public",
        "me",
    ],
)
def test_the_pages_stand_in_three_languages(city: City, language: str, name: str) -> None:
    browser = other(language)
    page = browser.get(reverse(f"portal:{name}"))
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"]
    assert " style=" not in page.content.decode().split("<body")[1]


def test_the_areas_are_served_as_shapes(city: City) -> None:
    page = Client().get("/areas.geojson")
    assert page["Content-Type"] == "application/geo+json"
    assert "max-age" in page["Cache-Control"]
    features = page.json()["features"]
    assert {f["properties"]["code"] for f in features} >= set(POINTS)
    assert {f["properties"]["parent"] for f in features} == {"", "muscat"}


@pytest.mark.req("P6")
def test_a_receipt_is_verified_and_a_false_one_is_not(city: City) -> None:
    from wasl.core.cases import journal

    told = city.report()
    receipt = bytes(told.case.entries.get(seq=1).hash).hex()
    url = reverse("portal:verify")
    good = other().post(url, {"number": told.case.number, "receipt": receipt}).content.decode()
    assert "w-status-good" in good
    for number, given in (
        (told.case.number, "0" * 64),
        (acceptance.make(999_996, 2026), receipt),
        (told.case.number, "zz"),
        ("x", receipt),
    ):
        page = other().post(url, {"number": number, "receipt": given}).content.decode()
        assert "w-status-good" not in page
    with clock.later(timedelta(days=1, hours=1)):
        roots = journal.take_roots()
        page = other().post(url, {"number": told.case.number, "receipt": receipt}).content.decode()
    assert bytes(roots[-1].hash).hex() in page


def test_the_honesty_line_counts_what_citizens_confirmed(city: City) -> None:
    from django.core.cache import cache

    from wasl.faces.portal.queries import honesty

    cache.delete("portal-honesty")
    city.report().dispatched_to().replied().told().confirmed()
    city.report().dispatched_to().replied().told().contested()
    city.report()
    found = honesty()
    assert (found.this_week, found.confirmed) == (3, 50)
    assert found.median_days == 0.0
    assert Client().get("/").status_code == 200
    cache.delete("portal-honesty")


def test_too_many_of_one_visitor_wait(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasl.faces.portal import access

    monkeypatch.setitem(access.LIMITS, "portal-report", (2, 3600))
    browser = other()
    for _ in range(2):
        assert browser.post(reverse("portal:begin"), {"text": "x"}).status_code == 302
    page = browser.post(reverse("portal:begin"), {"text": "x"})
    assert page.status_code == 429
    assert page["Retry-After"]


@pytest.mark.parametrize(
    "url",
    ["/report/%00/what/", "/track/%00/", "/answer/%00/", "/track/12345/", "/track/٢٦/", "/answer/" + "A" * 5000 + "/"],
)
def test_strange_addresses_are_not_found(city: City, url: str) -> None:
    assert Client().get(url).status_code == 404


@pytest.mark.req("P5")
@pytest.mark.parametrize("language", ["ar", "en"])
def test_styles_come_in_the_page_once(city: City, language: str) -> None:
    browser = Client()
    del browser.cookies["styles"]
    browser.cookies["django_language"] = language
    first, second = browser.get("/"), browser.get("/report/")
    css = re.findall("<style>(.*?)</style>", first.content.decode(), re.DOTALL)
    assert len(css) == 1
    digest = base64.b64encode(hashlib.sha256(css[0].encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{digest}';" in first.headers["Content-Security-Policy"]
    assert not re.search(r"url\((?!\"data:|/static/dist/)", css[0]), "a file that is not there from a page"
    assert 'rel="stylesheet"' not in first.content.decode()
    assert "<style" not in second.content.decode()
    assert 'rel="stylesheet"' in second.content.decode()
    assert "style-src 'self';" in second.headers["Content-Security-Policy"]
    assert first.cookies["styles"]["httponly"]
    # Another direction has other styles; both are known then. So has another release.
    for known in (b"<style>", b'rel="stylesheet"'):
        browser.cookies["django_language"] = "ar" if language == "en" else "en"
        assert known in browser.get("/").content
    browser.cookies["django_language"] = language
    assert b"<style>" not in browser.get("/").content
    browser.cookies["styles"] = "portal-0000000000.css"
    assert b"<style>" in browser.get("/").content
