"""The one address that takes a complete report from a device, and what makes the portal installable."""

import json
import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.city import POINTS, City
from tests.faces.citizen import HOSTILE, filled, other, photo, pin, post
from wasl.core.cases import actions
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.faces.frame import assets
from wasl.faces.portal import access, drafts
from wasl.faces.portal.models import Draft
from wasl.kernel import acceptance, clock

pytestmark = pytest.mark.django_db
LAT, LON = POINTS["bawshar"]
WHOLE = "/report/whole/"


def key() -> str:
    return secrets.token_urlsafe(24)


def report(**more: Any) -> dict[str, Any]:
    """What a device sends."""
    return {
        "key": key(),
        "text": "الماء يجري منذ الصباح",
        "category": "water-leak",
        "q-water-leak-amount": "burst",
        "address": "الخوير",
        "lat": str(LAT),
        "lon": str(LON),
        "accuracy": "12",
        "how": "named",
        "name": "مريم",
        "mail": "maryam@example.com",
        "channel": "mail",
        "language": "ar",
    } | more


@pytest.mark.req("B9", "F3", "K10")
def test_a_complete_report_with_photos_in_one_request(browser: Client) -> None:
    answer = browser.post(WHOLE, report(added=[photo(), photo("blue")]))
    assert answer.status_code == 200
    told = answer.json()
    case = Case.objects.get(number=acceptance.parse(told["number"]))
    assert told["pin"] == pin(case)
    assert case.answers == {"amount": "burst"}
    assert case.accuracy_m == 12
    assert case.channel == "mail"
    contact = Contact.objects.get(case=case)
    assert contact.attachments.count() == 2
    assert contact.body == "الماء يجري منذ الصباح"
    assert browser.get(told["receipt"]).status_code == 200
    assert browser.get(reverse("portal:case", args=[case.number])).status_code == 200
    draft = Draft.objects.get()
    assert draft.data == {"language": "ar"}
    assert "maryam" not in answer.content.decode()


@pytest.mark.req("F3")
def test_a_key_makes_one_case_however_often_it_comes(browser: Client) -> None:
    whole = report()
    first = browser.post(WHOLE, {**whole, "added": photo()}).json()
    # The first answer was lost, with the cookie that it set; the words were changed in between.
    again = other().post(WHOLE, {**whole, "text": "something else", "added": photo("blue")}).json()
    assert again == {**first, "repeated": True}
    assert Case.objects.count() == 1
    assert Contact.objects.get().body == whole["text"]
    with clock.later(timedelta(days=2)):
        assert drafts.purge_drafts() == 1
        later = other().post(WHOLE, whole).json()
        assert later["number"] == first["number"]
    assert Case.objects.count() == 1


@pytest.mark.req("F3", "C8")
def test_a_renewed_pin_is_not_given_to_an_old_key(browser: Client) -> None:
    whole = report()
    first = browser.post(WHOLE, whole).json()
    case = Case.objects.get()
    actions.renew_pin(case, by=THE_CITIZEN)
    for _ in range(2):
        again = other().post(WHOLE, whole).json()
        assert (again["number"], again["pin"]) == (first["number"], "")
        Draft.objects.all().delete()
    stranger = other()
    stranger.post(WHOLE, whole)
    assert pin(case) not in stranger.get(reverse("portal:case", args=[case.number])).content.decode()


def test_a_report_begun_on_the_pages_is_ended_by_the_device(browser: Client) -> None:
    token = filled(browser, until="details")
    post(browser, reverse("portal:details", args=[token]), {"text": "الماء", "do": "attach", "added": photo()})
    held = Draft.objects.get(token=token).data["photos"]
    whole = report(draft=token, kept=[str(held[0]["id"])], added=photo("blue"))
    told = browser.post(WHOLE, whole).json()
    assert told["receipt"] == reverse("portal:receipt", args=[token])
    assert Contact.objects.get().attachments.count() == 2
    # Pressing "Send" on the page that still stands open makes no second one.
    page = post(browser, reverse("portal:check", args=[token]))
    assert page.resolver_match.view_name == "portal:receipt"
    assert Case.objects.count() == 1


@pytest.mark.req("F3")
def test_sent_on_the_page_and_by_the_device_too_is_one_case_even_days_later(browser: Client) -> None:
    token = filled(browser)
    post(browser, reverse("portal:check", args=[token]))
    assert browser.post(WHOLE, report(draft=token)).json()["repeated"]
    with clock.later(timedelta(days=2)):
        drafts.purge_drafts()
        assert browser.post(WHOLE, report(draft=token)).json()["number"]
    assert Case.objects.count() == 1


def test_a_photo_taken_off_on_the_device_is_not_sent(browser: Client) -> None:
    token = filled(browser, until="details")
    post(browser, reverse("portal:details", args=[token]), {"text": "الماء", "do": "attach", "added": photo()})
    browser.post(WHOLE, report(draft=token))
    assert Contact.objects.get().attachments.count() == 0


@pytest.mark.req("P4")
def test_anothers_draft_is_not_taken(browser: Client) -> None:
    token = filled(browser)
    before = bytes(Draft.objects.get(token=token).sealed)
    told = other().post(WHOLE, report(draft=token, name="Mallory", mail="m@example.com")).json()
    draft = Draft.objects.get(token=token)
    assert draft.case is None
    assert bytes(draft.sealed) == before
    assert token not in told["receipt"]
    # Nor is what the device's draft is called enough to open it.
    stranger = other()
    assert stranger.get(told["receipt"]).status_code == 404
    token = told["receipt"].split("/")[2]
    assert stranger.post(WHOLE, report(draft=token)).json()["number"] != told["number"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"category": "no-such"}, "category"),
        ({"category": ""}, "category"),
        ({"text": ""}, "text"),
        ({"text": "x" * 5001}, "text"),
        ({"address": "", "lat": "", "lon": ""}, "__all__"),
        ({"lat": "51.5", "lon": "-0.1"}, "__all__"),
        ({"lat": "nan"}, "lat"),
        ({"how": ""}, "how"),
        ({"mail": "no mail"}, "mail"),
        ({"name": "a\0b"}, "name"),
        ({"q-water-leak-amount": "ocean"}, "q-water-leak-amount"),
        ({"channel": "pigeon"}, "channel"),
    ],
)
def test_what_the_pages_would_not_take_is_not_taken_here(browser: Client, wrong: dict[str, str], field: str) -> None:
    answer = browser.post(WHOLE, report(**wrong))
    assert answer.status_code == 422
    assert field in {problem["field"] for problem in answer.json()["problems"]}
    assert all(problem["said"] for problem in answer.json()["problems"])
    assert not Case.objects.exists()


@pytest.mark.parametrize("wrong", ["", "short", "x" * 65, "k" * 21 + "\n", "../" * 9, "ك" * 30, "a" * 22 + "\0"])
def test_a_key_that_could_be_guessed_is_refused(browser: Client, wrong: str) -> None:
    assert browser.post(WHOLE, report(key=wrong)).status_code == 400
    assert not Draft.objects.exists()


def test_a_hostile_file_keeps_the_report_back_with_a_sentence(browser: Client) -> None:
    whole = report(added=[photo(), SimpleUploadedFile("a.jpg", b"MZ\x90 not a picture")])
    answer = browser.post(WHOLE, whole)
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "added"
    assert not Case.objects.exists()
    again = browser.post(WHOLE, {**whole, "added": photo()})
    assert again.status_code == 200
    assert Contact.objects.get().attachments.count() == 1


def test_too_many_files_and_too_many_words_are_refused(browser: Client) -> None:
    colours = ["red", "blue", "green", "white", "black", "yellow", "pink"]
    assert browser.post(WHOLE, report(added=[photo(c) for c in colours])).status_code == 422
    assert browser.post(WHOLE, report(text="x" * 3_000_000)).status_code == 413
    assert browser.post(WHOLE, report() | {f"f{n}": "x" for n in range(600)}).status_code == 413
    assert not Case.objects.exists()


def test_words_of_a_report_are_never_told_back_as_html(browser: Client) -> None:
    answer = browser.post(WHOLE, report(text=HOSTILE, name=HOSTILE, address=HOSTILE))
    assert answer["Content-Type"] == "application/json"
    assert (
        "<script>" not in browser.get(answer.json()["receipt"]).content.decode().split("<body")[1].split("</main>")[0]
    )


@pytest.mark.req("P4")
def test_only_our_own_pages_can_send(city: City) -> None:
    del city
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(WHOLE, report()).status_code == 403
    token = strict.get(WHOLE)
    assert "Access-Control-Allow-Origin" not in token
    assert "no-store" in token["Cache-Control"]
    headers = {"X-CSRFToken": token.json()["csrf"]}
    assert strict.post(WHOLE, report(), headers={**headers, "Origin": "https://evil.example"}).status_code == 403
    assert strict.post(WHOLE, report(), headers=headers).status_code == 200
    assert strict.get(WHOLE, headers={"Origin": "https://evil.example"}).get("Access-Control-Allow-Origin") is None
    assert strict.put(WHOLE).status_code in (403, 405)


def test_a_flood_is_slowed_down_and_told_when_to_come_again(browser: Client) -> None:
    most, _ = access.LIMITS["portal-send"]
    for _ in range(most):
        browser.post(WHOLE, report(category=""))
    answer = browser.post(WHOLE, report())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0
    assert not Case.objects.exists()


# --- the page that the device keeps, the manifest, the worker ---


@pytest.mark.req("K10", "M7")
@pytest.mark.parametrize(
    ("language", "tag"), [("ar", 'lang="ar" dir="rtl"'), ("en", 'lang="en" dir="ltr"'), ("zh", 'lang="zh')]
)
@pytest.mark.slow
def test_the_page_a_device_keeps_is_of_nobody(browser: Client, language: str, tag: str) -> None:
    url = reverse("portal:offline", args=[language])
    filled(browser)
    browser.cookies["wasl_look"] = "dark.more.large"
    mine, theirs = browser.get(url), other().get(url)
    words = mine.content.decode()
    assert tag in words
    assert mine.content == theirs.content
    assert "csrfmiddlewaretoken" not in words
    assert not mine.cookies
    assert "مريم" not in words
    assert words.count('type="application/json"') == 2
    assert 'value="water-leak"' in words
    assert other().get(url, headers={"If-None-Match": mine["ETag"]}).status_code == 304
    assert other().get("/report/offline/xx/").status_code == 404


@pytest.mark.req("K10")
def test_the_manifest_names_the_city_in_three_languages(browser: Client) -> None:
    made = browser.get(reverse("portal:manifest", args=["ar"]))
    assert made["Content-Type"] == "application/manifest+json"
    found = json.loads(made.content)
    assert found["name"] == "مسقط"
    assert found["dir"] == "rtl"
    assert set(found["name_localized"]) == {"ar", "en", "zh-Hans"}
    assert found["display"] == "standalone"
    assert {icon["purpose"] for icon in found["icons"]} == {"any", "maskable"}
    assert "csrf" not in made.content.decode()
    page = browser.get("/").content.decode()
    assert reverse("portal:manifest", args=["ar"]) in page
    assert browser.get("/app/xx.webmanifest").status_code == 404


@pytest.mark.req("K10")
@pytest.mark.skipif(not assets.manifest(), reason="the front end is not built")
def test_the_worker_is_looked_at_anew_and_keeps_no_page_of_anybody(browser: Client) -> None:
    answer = browser.get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert answer["Cache-Control"] == "no-cache"
    told = json.loads(answer.content.decode().split("self.WASL=", 1)[1].split(";\n", 1)[0])
    kept = {path for files in told["files"].values() for path in files}
    assert all(path.startswith("/static/dist/") for path in kept)
    assert all((assets.DIST / path.rsplit("/", 1)[1]).is_file() for path in kept)
    assert set(told["pages"].values()) == {f"/report/offline/{language}/" for language in ("ar", "en", "zh")}


def test_how_to_install_it_is_told_with_a_qr_code(browser: Client) -> None:
    page = browser.get(reverse("portal:install")).content.decode()
    assert "w-qr" in page
    assert "Android" in page
    assert "iPhone" in page
    cache.clear()
