"""Who reads whose name at the desk: the vault, searches by telephone, originals of photos."""

import pytest

from tests.city import City
from tests.faces.desk import do
from tests.faces.test_desk_matrix import enter, jpeg
from wasl.core.cases import actions
from wasl.core.cases.models import Entry
from wasl.core.contacts import actions as contacts
from wasl.core.people.actions import Reach

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_units_read_a_pseudonym_until_the_vault_is_opened_with_a_reason(city: City) -> None:
    told = city.report(
        reach=Reach(name="Maryam Hidden", phone="92345678", mail="hidden@example.com", channel="mail")
    ).dispatched_to()
    officer = enter(city.officer_of(told.order.unit))
    pages = [
        f"/desk/case/{told.case.number}/",
        "/desk/list/work/",
        f"/desk/search/?q={told.case.requester}",
        f"/desk/case/{told.case.number}/part/context/",
    ]
    for url in pages:
        text = officer.get(url).content.decode()
        assert "Maryam" not in text
        assert "2345678" not in text
        assert "hidden@" not in text
    shut = officer.post(f"/desk/case/{told.case.number}/identity/")
    assert shut.status_code == 403
    assert (
        do(officer, told.case, "identity", reason="contact-person", text="He must open the door for us.").status_code
        == 302
    )
    shown = officer.post(f"/desk/case/{told.case.number}/identity/").content.decode()
    assert "Maryam Hidden" in shown
    assert "+96892345678" in shown
    told.fresh()
    assert told.verbs()[-2:] == ["case.identity_asked", "case.identity_viewed"]


def test_each_view_by_the_centre_is_an_entry(city: City) -> None:
    told = city.report()
    agent = enter(city.agent)
    assert "مريم" not in agent.get(f"/desk/case/{told.case.number}/").content.decode()
    url, htmx = f"/desk/case/{told.case.number}/identity/", {"HX-Request": "true"}
    for given in ({}, {"reason": "curiosity"}):
        refused = agent.post(url, given, headers=htmx)
        assert refused.status_code == 409
        assert "مريم" not in refused.content.decode()
    part = agent.post(url, {"reason": "contact-person"}, headers=htmx)
    assert "مريم" in part.content.decode()
    assert (
        Entry.objects.filter(case=told.case, verb="case.identity_viewed", actor=f"staff:{city.agent.pk}").count() == 1
    )


@pytest.mark.slow
def test_search_by_telephone_is_for_those_who_may_read_identities(city: City) -> None:
    told = city.report(reach=Reach(phone="92345678")).dispatched_to()
    shown = told.case.number[2:8]
    assert shown in enter(city.agent).get("/desk/search/?q=٩٢٣٤ ٥٦٧٨").content.decode()
    assert shown not in enter(city.officer_of(told.order.unit)).get("/desk/search/?q=92345678").content.decode()
    assert shown in enter(city.agent).get(f"/desk/search/?q={told.case.requester}").content.decode()
    found = enter(city.agent).get(f"/desk/search/?q={told.case.number[:2]} {told.case.number[2:]}")
    assert found.headers["Location"] == f"/desk/case/{told.case.number}/"
    for text in ("", "\x00", "R-", "R-99999999999999999999", "' OR 1=1 --", "%"):
        assert enter(city.agent).get("/desk/search/", {"q": text}).status_code == 200


def test_originals_need_the_identity(city: City) -> None:
    told = city.report(attachments=[contacts.keep(jpeg(), "a.jpg")]).dispatched_to()
    file = told.case.contacts.get().attachments.get().pk
    officer = enter(city.officer_of(told.order.unit))
    shown = officer.get(f"/desk/file/{file}/shown/")
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    assert b"".join(shown).startswith(b"\xff\xd8")
    assert officer.get(f"/desk/file/{file}/original/").status_code == 403
    original = enter(city.agent).get(f"/desk/file/{file}/original/")
    assert original.headers["Content-Disposition"].startswith("attachment")
    assert b"".join(original) == jpeg()
    assert enter(city.administrator).get(f"/desk/file/{file}/shown/").status_code == 403


def test_originals_of_a_confidential_case_need_the_identity_whatever_they_are(city: City) -> None:
    told = city.report(attachments=[contacts.keep(b"%PDF-1.4\n%%EOF\n", "Maryam.pdf")]).dispatched_to()
    file = told.case.contacts.get().attachments.get().pk
    officer = enter(city.officer_of(told.order.unit))
    assert officer.get(f"/desk/file/{file}/original/").status_code == 200
    actions.flag(told.fresh(), by=city.agent, flags={"confidential": True})
    assert officer.get(f"/desk/file/{file}/original/").status_code == 403
    assert enter(city.agent).get(f"/desk/file/{file}/original/").status_code == 200
