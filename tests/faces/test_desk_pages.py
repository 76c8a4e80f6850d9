"""Pages of the desk in three languages, hostile words on them, signing in and out."""

import re

import pytest
from django.test import Client

from tests.city import City
from tests.faces.desk import HOSTILE, filed
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import actions as cases

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_words_are_never_markup(city: City) -> None:
    case = filed(enter(city.agent), body=HOSTILE, name=HOSTILE, address=HOSTILE, source=HOSTILE, key="h")
    second = enter(city.supervisor)
    cases.note(case, by=city.agent, text=HOSTILE)
    cases.publish(case, by=city.second_line, text=HOSTILE)
    for url in (
        f"/desk/case/{case.number}/",
        "/desk/list/all/",
        "/desk/list/all/side/",
        f"/desk/search/?q={HOSTILE}",
        f"/desk/case/{case.number}/do/note/",
    ):
        page = second.get(url).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "14" not in re.findall(r"onerror=alert\(1\)&gt;&quot;&#x27;(\d+)", page)


@pytest.mark.slow
def test_every_page_in_three_languages_and_both_directions(city: City) -> None:
    told = city.report().dispatched_to().replied()
    client = enter(city.second_line)
    for code, direction in (("ar", "rtl"), ("en", "ltr"), ("zh-hans", "ltr")):
        client.cookies["django_language"] = code
        for url in ("/desk/list/replies/", f"/desk/case/{told.case.number}/", "/desk/report/", "/desk/me/"):
            assert f'dir="{direction}"' in client.get(url).content.decode()[:400]


def test_sign_in_and_out(city: City) -> None:
    client = Client()
    assert client.get("/account/login/").status_code == 200
    bad = client.post("/account/login/", {"login": "agent1", "password": "wrong"})
    assert bad.status_code == 200
    good = client.post("/account/login/", {"login": "agent1", "password": city.password})
    assert good.headers["Location"] == "/desk/"
    assert client.get("/desk/").headers["Location"] == "/desk/report/"
    assert client.get("/account/2fa/").status_code == 200
    client.post("/account/logout/")
    assert client.get("/desk/").status_code == 302
    assert "/account/signup" not in client.get("/account/login/").content.decode()


def test_a_part_asked_for_after_signing_out_leads_to_the_sign_in() -> None:
    answer = Client().get("/desk/rail/", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/account/login/"


@pytest.mark.parametrize(
    "address",
    ["/desk/setup/roster/attendance/?day=0001-01-01", "/desk/phones/figures/?until=9999-12-31&since=9999-12-01",
     "/desk/report/?draft=%00", "/desk/list/all/?number=%00&since=0001-01-01", "/desk/sms/figures/?until=0001-01-01"],
)  # fmt: skip
def test_what_nobody_types_is_no_fault_of_ours(city: City, address: str) -> None:
    for staff in (city.administrator, city.supervisor, city.agent):
        assert enter(staff).get(address).status_code in (200, 302, 400, 403, 404)
