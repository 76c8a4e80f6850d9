"""Services by category, and the ways on when nothing fits."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.faces.citizen import HOSTILE, other, post
from wasl.core.catalogue import queries as catalogue
from wasl.faces.portal.models import Draft
from wasl.faces.portal.services import in_words
from wasl.faces.portal.ways import ways
from wasl.kernel.worktime import Duration

pytestmark = pytest.mark.django_db


@pytest.mark.req("B8", "K4")
def test_every_service_stands_in_the_tree_and_has_its_page(city: City) -> None:
    browser = other()
    tree = browser.get(reverse("portal:services")).content.decode()
    leaves = catalogue.in_force().leaves
    for leaf in leaves:
        assert reverse("portal:service", args=[leaf.code]) in tree
    for leaf in leaves[::9]:
        page = browser.get(reverse("portal:service", args=[leaf.code])).content.decode()
        assert page.count("within ") >= 1
        for question in catalogue.in_force().form_of(leaf.code):
            assert question.ask["en"].split("'")[0] in page
    for code in ("water", "no-such", "x" * 300):
        assert browser.get(f"/services/{code}/").status_code == 404


@pytest.mark.req("B8", "K4")
def test_a_service_begins_its_report(city: City) -> None:
    browser = other()
    page = post(browser, reverse("portal:service_report", args=["water-leak"]), {"text": "Since this morning"})
    assert page.resolver_match.view_name == "portal:where"
    draft = Draft.objects.get(token=page.resolver_match.kwargs["token"])
    assert (draft.data["category"], draft.data["text"]) == ("water-leak", "Since this morning")
    assert browser.get(reverse("portal:service_report", args=["water-leak"])).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(reverse("portal:service_report", args=["water-leak"])).status_code == 403
    emergency = next((leaf.code for leaf in catalogue.in_force().leaves if leaf.emergency), None)
    assert emergency is not None
    page = post(other(), reverse("portal:service_report", args=[emergency]))
    assert page.resolver_match.view_name == "portal:danger"


@pytest.mark.req("B8")
@pytest.mark.parametrize(
    ("language", "text"), [("en", "street light is out"), ("ar", "انطفاء إنارة الشارع"), ("zh-hans", "路灯不亮")]
)
def test_own_words_find_a_service(city: City, language: str, text: str) -> None:
    page = other(language).get(reverse("portal:services"), {"q": text}).content.decode()
    found = page[: page.index('id="all"')]
    assert reverse("portal:service", args=["street-light-out"]) in found


@pytest.mark.req("B8")
def test_what_is_not_found_is_carried_into_the_report_and_to_mail(city: City) -> None:
    browser = other()
    page = browser.get(reverse("portal:services"), {"q": "zqxwv & 7"}).content.decode()
    assert "No service is called so" in page
    assert 'name="text" value="zqxwv &amp; 7"' in page
    assert "?body=zqxwv%20%26%207" in page
    answer = post(browser, reverse("portal:begin"), {"text": "zqxwv & 7"})
    assert Draft.objects.get(token=answer.resolver_match.kwargs["token"]).data["text"] == "zqxwv & 7"
    hostile = browser.get(reverse("portal:services"), {"q": HOSTILE + "\0"}).content.decode()
    assert "<script>alert" not in hostile


@pytest.mark.req("B8", "B15")
def test_only_ways_that_work_are_named(city: City, settings: object) -> None:
    assert {way.kind for way in ways()} == {"call", "abroad", "mail"}
    page = other().get(reverse("portal:reach")).content.decode()
    for absent in ("SMS", "fax", "Chat"):
        assert absent not in page.split("<main", 1)[1].split("</main", 1)[0]
    settings.WASL_WAYS = {  # type: ignore[attr-defined]  # pytest-django's settings
        "sms": "90888",
        "fax": "+968 24 000 103",
        "chat": "https://chat.example/1111",
        "office": {"en": "Al Khuwair, open 07:30-14:30", "ar": "الخوير"},
    }
    page = other().get(reverse("portal:services"), {"q": "zqxwv"}).content.decode()
    for said in ("sms:90888?body=zqxwv", "https://chat.example/1111", "+968 24 000 103", "Al Khuwair"):
        assert said in page
    assert "الخوير" in other("ar").get(reverse("portal:reach")).content.decode()


@pytest.mark.req("B15")
def test_contact_us_feeds_the_same_intake(city: City) -> None:
    page = other().get(reverse("portal:reach")).content.decode()
    assert f'action="{reverse("portal:begin")}"' in page
    for name in ("complaint", "suggestion", "feedback", "status"):
        assert reverse(f"portal:{name}") in page


def test_promises_are_said_in_words(city: City) -> None:
    assert in_words(Duration(1, "h")) == "1 hour"
    assert in_words(Duration(24, "h")) == "24 hours"
    assert in_words(Duration(5, "wd")) == "5 working days"
    assert in_words(Duration(4, "wh")) == "4 working hours"
    assert in_words(Duration(15, "min")) == "15 minutes"
