"""The desk at work: the whole loop through its pages, stale screens, sealed identities, hostile words, lists."""

import json
import re
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.http import HttpResponse
from django.test import Client

from tests.city import POINTS, City
from tests.faces.test_desk_matrix import enter, jpeg
from wasl.core.cases import actions as cases
from wasl.core.cases.models import Case, Entry
from wasl.core.catalogue.models import Edition
from wasl.core.contacts import actions as contacts
from wasl.core.organisation import actions as organisation
from wasl.core.organisation import queries
from wasl.core.organisation.models import Area, Audit, Calendar, Post, Staff, Unit
from wasl.core.organisation.models import Client as System
from wasl.core.people.actions import Reach
from wasl.core.people.models import Person
from wasl.kernel import clock

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'{{ 7|add:7 }}"


def photo(name: str = "after.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, jpeg(), content_type="image/jpeg")


def do(client: Client, case: Case, slug: str, order: int = 0, **given: Any) -> HttpResponse:
    """Fill in the form of a verb as the page gives it, and send it."""
    query = f"?order={order}" if order else ""
    seen = Case.objects.get(pk=case.pk).version
    return client.post(f"/desk/case/{case.number}/do/{slug}/{query}", {"seen": seen, **given})  # type: ignore[return-value]  # the test client's response


FORM = {
    "medium": "phone",
    "phone": "٩٢٣٤٥٦٧٨",
    "name": "Maryam Al Balushi",
    "mail": "",
    "person_kind": "citizen",
    "language": "ar",
    "channel": "phone",
    "body": "The pipe has burst; water runs down the street.",
    "category": "water-leak",
    "kind": "",
    "urgency": "",
    "address": "Way 3312",
    "area": "bawshar",
    "lat": str(POINTS["bawshar"][0]),
    "lon": str(POINTS["bawshar"][1]),
    "key": "k1",
    "do": "send",
}


def filed(client: Client, **more: str) -> Case:
    response = client.post("/desk/report/", {**FORM, **more})
    assert response.status_code == 302, response.content.decode()[:3000]
    return Case.objects.get(number=response.headers["Location"].strip("/").split("/")[-1])


# --- the loop ---


def test_the_whole_loop_by_five_people(city: City) -> None:
    agent, second = enter(city.agent), enter(city.second_line)
    case = filed(agent)
    assert case.state == "dispatched"
    told = agent.get(f"/desk/report/{case.number}/").content.decode()
    assert re.search(r"\d{6}", told)
    order = case.orders.get(role="lead")
    officer = enter(city.officer_of(order.unit))
    assert case.number in officer.get("/desk/list/work/").content.decode().replace(" ", "")
    assert do(officer, case, "sign", order.pk).status_code == 302
    assert do(officer, case, "visit", order.pk, text="A joint has broken.", files=photo()).status_code == 302
    replied = do(
        officer, case, "reply", order.pk, outcome="fixed", text="The joint was replaced and tested.", files=photo()
    )
    assert replied.status_code == 302
    page = second.get(f"/desk/case/{case.number}/?from=replies").content.decode()
    assert "The joint was replaced and tested." in page
    assert "water runs down the street" in page
    assert do(second, case, "approve", text="", note="").status_code == 302
    assert Case.objects.get(pk=case.pk).state == "told"
    heard = do(enter(city.agent), case, "heard", verdict="solved", text="", rating="5")
    assert heard.status_code == 302
    case.refresh_from_db()
    assert (case.state, case.verdict, case.rating, case.unconfirmed) == ("closed", "solved", 5, False)
    story = second.get(f"/desk/case/{case.number}/part/story/").content.decode()
    for words in (
        "received",
        "signed for",
        "recorded on site",
        "reply approved",
        "the citizen confirms it is solved",
        "closed",
    ):
        assert words in story


def test_return_object_arbitrate_and_extend(city: City) -> None:
    told = city.report().dispatched_to()
    case, officer, dispatcher = told.case, enter(city.officer_of(told.order.unit)), enter(city.dispatcher)
    left = do(officer, case, "return", told.order.pk, reason="not-our-duty", text="", unit="roads")
    assert left.status_code == 302
    assert left.headers["Location"] == "/desk/list/work/", (
        "after returning it the case is out of sight; the list is shown"
    )
    assert do(dispatcher, case, "dispatch", unit=told.order.unit.code, text="It is yours.").status_code == 302
    order = told.order
    assert do(officer, case, "object", order.pk, text="It lies inside a plot.", unit="").status_code == 302
    assert "It lies inside a plot." in dispatcher.get(f"/desk/case/{case.number}/").content.decode()
    assert do(dispatcher, case, "arbitrate", unit=order.unit.code, text="The main is theirs.").status_code == 302
    order = told.order
    do(officer, case, "sign", order.pk)
    assert (
        do(
            officer, case, "extend", order.pk, duration="4wh", reason="contractor", text="The crew comes on Sunday."
        ).status_code
        == 302
    )
    supervisor = enter(city.supervisor)
    assert case.number in supervisor.get("/desk/list/extensions/").content.decode().replace(" ", "")
    before = Case.objects.get(pk=case.pk).due_result
    assert do(supervisor, case, "grant", order.pk, duration="4wh").status_code == 302
    after = Case.objects.get(pk=case.pk).due_result
    assert before is not None
    assert after is not None
    assert after > before


def test_a_stale_screen_shows_what_happened_and_keeps_the_words(city: City) -> None:
    told = city.report().registered()
    case = told.fresh()
    seen = case.version
    cases.flag(case, by=city.supervisor, flags={"supervised": True}, text="The press asks.")
    client = enter(city.dispatcher)
    url = f"/desk/case/{case.number}/do/dispatch/"
    given = {"seen": seen, "unit": "roads", "text": "My own words <b>"}
    part = client.post(url, given, headers={"HX-Request": "true"})
    page = part.content.decode()
    assert part.status_code == 409
    assert part.headers["HX-Retarget"] == "#verb"
    assert "flagged" in page
    assert "The press asks." in page
    assert "My own words &lt;b&gt;" in page
    assert Case.objects.get(pk=case.pk).state == "registered"
    whole = client.post(url, given)
    assert whole.status_code == 409
    assert "<html" in whole.content.decode()
    again = re.search(r'name="seen" value="(\d+)"', page)
    assert again
    assert client.post(url, {**given, "seen": again[1]}).status_code == 302


def test_a_guard_speaks_at_the_form(city: City) -> None:
    told = city.report().dispatched_to().replied()
    answer = do(enter(city.second_line), told.case, "close", text="")
    assert answer.status_code in (409, 422)
    author = city.officer_of(told.order.unit)
    Post.objects.create(staff=author, role="second_line", since=clock.now())
    refused = do(enter(author), told.fresh(), "review", text="")
    assert refused.status_code == 422
    assert "Somebody else than the author" in refused.content.decode()


def test_a_bad_file_is_a_sentence_and_nothing_is_lost(city: City) -> None:
    told = city.report().dispatched_to().signed()
    client = enter(city.officer_of(told.order.unit))
    evil = SimpleUploadedFile(
        "x.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", content_type="image/jpeg"
    )
    answer = do(
        client, told.case, "reply", told.order.pk, outcome="fixed", text="The words that I wrote stay.", files=evil
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "x.jpg" in page
    assert "The words that I wrote stay." in page


# --- identity ---


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
    part = agent.post(f"/desk/case/{told.case.number}/identity/", headers={"HX-Request": "true"})
    assert "مريم" in part.content.decode()
    assert (
        Entry.objects.filter(case=told.case, verb="case.identity_viewed", actor=f"staff:{city.agent.pk}").count() == 1
    )


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


# --- hostile words ---


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


def test_the_form_refuses_what_is_wrong_and_keeps_the_words(city: City) -> None:
    agent = enter(city.agent)
    for wrong in (
        {"phone": "12"},
        {"body": ""},
        {"lat": "95"},
        {"category": "nonsense"},
        {"area": "x"},
        {"do": "send", "category": ""},
        {"do": "answer", "answer": " "},
        {"body": "a" * 20_000},
    ):
        before = Case.objects.count()
        response = agent.post("/desk/report/", {**FORM, **wrong})
        assert response.status_code == 422, wrong
        assert "Maryam Al Balushi" in response.content.decode()
        assert Case.objects.count() == before


def test_a_form_sent_twice_makes_one_case(city: City) -> None:
    agent = enter(city.agent)
    assert filed(agent).pk == filed(agent).pk
    assert filed(enter(city.one("agent", number=1))).pk != filed(agent).pk, "another agent's key is another key"


def test_answered_at_once_and_only_registered(city: City) -> None:
    agent = enter(city.agent)
    assert filed(agent, do="answer", answer="The office opens at 7:30.", key="a").state == "answered"
    assert filed(agent, do="register", key="b").state == "registered"
    assert filed(agent, do="register", category="", key="c").state == "received"


def test_the_side_of_the_form_while_typing(city: City) -> None:
    first = filed(enter(city.agent))
    agent = enter(city.agent)
    side = agent.post("/desk/report/beside/", {**FORM, "body": "burst pipe water leak"}).content.decode()
    assert first.requester is not None
    assert first.requester.pseudonym in side
    assert "Maryam" not in side, "the name is not shown before it is asked for"
    assert first.number[2:8] in side, "the same person's and the nearby request"
    assert "Water Supply Company" in side
    assert "Due" in side
    chosen = agent.post("/desk/report/class/", {"body": "x", "pick": "water-leak"})
    assert 'value="water-leak" selected' in chosen.content.decode()
    assert chosen.headers["HX-Trigger-After-Settle"] == "classed"
    for given in (
        {"lat": "x", "lon": "nan"},
        {"category": "nope", "area": "nope", "kind": "nope"},
        {"phone": "\x00" * 50},
        {"lat": "95", "lon": "999", "category": "water-leak"},
    ):
        assert agent.post("/desk/report/beside/", given).status_code == 200


def test_the_receipt_is_for_the_one_who_filed(city: City) -> None:
    case = filed(enter(city.agent))
    assert enter(city.one("agent", number=1)).get(f"/desk/report/{case.number}/").status_code == 404


# --- lists ---


@pytest.mark.slow
def test_paging_shows_every_row_once(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasl.faces.desk.lists.PAGE", 3)
    made = [city.report(area=area).case.number for area in ("bawshar", "seeb", "muttrah", "amrat")] + [
        city.report().case.number for _ in range(4)
    ]
    client = enter(city.agent)
    for code in ("review", "all"):
        seen: list[str] = []
        url, page = f"/desk/list/{code}/", ""
        for _step in range(6):
            page = client.get(url).content.decode()
            seen += re.findall(r'href="/desk/case/(\d+)/\?from', page)
            older = re.search(r'href="(\?[^"]*after[^"]*)" rel="next"', page)
            if not older:
                break
            url = f"/desk/list/{code}/" + older[1].replace("&amp;", "&")
        assert sorted(seen) == sorted(made)
        newer = re.search(r'href="(\?[^"]*before[^"]*)" rel="prev"', page)
        assert newer
        back = client.get(f"/desk/list/{code}/" + newer[1].replace("&amp;", "&")).content.decode()
        assert re.findall(r'href="/desk/case/(\d+)/\?from', back) == seen[3:6]
    for nonsense in (
        "after=x",
        "after=|x",
        "after=2026|1",
        "before=|",
        "after=9999-99-99|3",
        "state=x&unit=y&category=z&area=q&kind=k&number=1",
    ):
        assert client.get(f"/desk/list/all/?{nonsense}").status_code == 200


def test_filters_and_clocks(city: City) -> None:
    water, sewage = (
        city.report("water-leak").dispatched_to(),
        city.report("sewage-overflow", area="seeb").dispatched_to(),
    )
    client = enter(city.supervisor)

    def shown(url: str) -> set[str]:
        return set(re.findall(r'href="/desk/case/(\d+)/\?from', client.get(url).content.decode()))

    assert shown("/desk/list/all/?area=seeb") == {sewage.case.number}
    assert shown("/desk/list/all/?category=water") == {water.case.number}
    assert shown(f"/desk/list/all/?unit={water.order.unit.code}") == {water.case.number}
    assert shown("/desk/list/all/?state=closed") == set()
    assert shown("/desk/list/overdue/") == set()
    with clock.later(timedelta(days=60)):
        assert shown("/desk/list/overdue/") == {water.case.number, sewage.case.number}
        page = client.get("/desk/board/").content.decode()
        assert "Overdue" in page


@pytest.mark.slow
def test_every_page_in_three_languages_and_both_directions(city: City) -> None:
    told = city.report().dispatched_to().replied()
    client = enter(city.second_line)
    for code, direction in (("ar", "rtl"), ("en", "ltr"), ("zh-hans", "ltr")):
        client.cookies["django_language"] = code
        for url in ("/desk/list/replies/", f"/desk/case/{told.case.number}/", "/desk/report/", "/desk/me/"):
            assert f'dir="{direction}"' in client.get(url).content.decode()[:400]


# --- signing in ---


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


# --- set-up ---


def test_a_unit_moves_with_all_below_it_and_never_below_itself(city: City) -> None:
    top, admin = queries.unit("technical-affairs"), city.administrator
    inner = Unit.objects.filter(parent=top).first()
    assert inner is not None
    goal = queries.unit("roads")
    client = enter(admin)
    start = {
        "do": "save",
        "code": top.code,
        "kind": top.kind,
        "delivery": "list",
        "name_en": "Technical",
        "name_ar": "",
        "name_zh": "",
        "mail": "",
        "phone": "",
        "calendar": "",
    }
    assert client.post(f"/desk/setup/units/{top.pk}/", {**start, "parent": goal.code}).status_code == 302
    top.refresh_from_db()
    inner.refresh_from_db()
    assert top.path == f"{goal.path}{top.pk}/"
    assert inner.path == f"{top.path}{inner.pk}/"
    facts = organisation.UnitFacts(code=goal.code, kind=goal.kind, names=goal.names, parent=inner)
    with pytest.raises(organisation.Refused, match="below itself"):
        organisation.save_unit(facts, by=admin, unit=goal)
    assert Audit.objects.filter(verb="unit.changed", row=top.pk, by=admin).count() == 1


def test_what_was_noted_is_only_added_to(city: City) -> None:
    organisation.make_client(by=city.administrator, name="x")
    for spoil in (lambda: Audit.objects.update(verb="no"), lambda: Audit.objects.all().delete()):
        with pytest.raises(DatabaseError, match="only ever added to"), transaction.atomic():
            spoil()


def test_a_unit_with_live_orders_does_not_shut(city: City) -> None:
    told = city.report().dispatched_to()
    client = enter(city.administrator)
    page = client.post(f"/desk/setup/units/{told.order.unit_id}/", {"do": "shut"}, follow=True).content.decode()
    assert "Orders are still with this unit" in page
    assert Unit.objects.get(pk=told.order.unit_id).active


@pytest.mark.slow
def test_an_account_is_made_given_a_post_and_shut(city: City) -> None:
    admin = enter(city.administrator)
    facts = {
        "do": "save",
        "username": "new.agent",
        "name_ar": "جديد",
        "name_en": "New",
        "name_zh": "",
        "email": "new@example.com",
        "phone": "",
        "language": "ar",
    }
    assert admin.post("/desk/setup/staff/new/", facts).status_code == 302
    made = Staff.objects.get(username="new.agent")
    assert not made.has_usable_password()
    url = f"/desk/setup/staff/{made.pk}/"
    assert admin.post(url, {"do": "post", "role": "agent", "unit": "", "area": "", "until": ""}).status_code == 302
    assert admin.post(url, {"do": "post", "role": "officer", "unit": "", "area": "", "until": ""}).status_code == 422
    page = admin.post(url, {"do": "link"}).content.decode()
    link = re.search(r"http://testserver(/account/password/reset/key/[^<\s]+)", page)
    assert link
    client = Client()
    form = client.get(link[1], follow=True)
    changed = client.post(
        form.redirect_chain[-1][0], {"password1": "a long new secret 9", "password2": "a long new secret 9"}
    )
    assert changed.status_code == 302
    session = Client()
    assert (
        session.post("/account/login/", {"login": "new.agent", "password": "a long new secret 9"}).headers["Location"]
        == "/desk/"
    )
    assert session.get("/desk/report/").status_code == 200
    assert admin.post(url, {"do": "shut"}).status_code == 302
    assert session.get("/desk/report/").status_code == 302
    assert Client().get(link[1], follow=True).status_code == 200
    own = admin.post(f"/desk/setup/staff/{city.administrator.pk}/", {"do": "shut"}, follow=True).content.decode()
    assert "Nobody shuts his own account" in own
    post = city.administrator.posts.get()
    assert (
        "Somebody must remain"
        in admin.post(
            f"/desk/setup/staff/{city.administrator.pk}/", {"do": "end", "post": post.pk}, follow=True
        ).content.decode()
    )
    stolen = city.agent.posts.get()
    assert admin.post(url, {"do": "end", "post": stolen.pk}).status_code == 404, "a post of somebody else"


def test_areas_are_checked_before_they_are_taken(city: City) -> None:
    admin = enter(city.administrator)

    def send(data: object) -> HttpResponse:
        file = SimpleUploadedFile("a.geojson", data if isinstance(data, bytes) else json.dumps(data).encode())
        return admin.post("/desk/setup/areas/", {"file": file})  # type: ignore[return-value]  # the test client's response

    square = [[[58.0, 23.0], [58.1, 23.0], [58.1, 23.1], [58.0, 23.1], [58.0, 23.0]]]

    def feature(**facts: Any) -> dict[str, Any]:
        return {"type": "Feature", "properties": facts, "geometry": {"type": "Polygon", "coordinates": square}}

    before = Area.objects.count()
    bad: list[object] = [
        b"\x00\xff",
        b"[" * 100_000,
        {},
        {"features": []},
        {"features": [feature()]},
        {"features": [feature(code="a")]},
    ]
    bad += [
        {"features": [feature(code="a", name_en="A", parent="nope")]},
        {"features": [feature(code="a", name_en="A")] * 2},
    ]
    bad += [
        {"features": [feature(code="a", name_en="A", parent="a")]},
        {"features": [{**feature(code="b", name_en="B"), "geometry": {"type": "Point", "coordinates": [1, 2]}}]},
    ]
    for data in bad:
        assert send(data).status_code == 422, data
        assert Area.objects.count() == before
    assert send({"features": [feature(code="new-area", name_en="New", parent="muscat")]}).status_code == 302
    assert Area.objects.get(code="new-area").parent == Area.objects.get(code="muscat")


def test_a_calendar_is_tried_before_it_counts(city: City) -> None:
    admin = enter(city.administrator)
    office = Calendar.objects.get(code="office")
    page = admin.get(f"/desk/setup/calendars/{office.pk}/").content.decode()
    assert "5 working days" in page
    facts = {
        "code": "night",
        "name_en": "Night",
        "timezone": "Asia/Muscat",
        "country": "OM",
        "week_sun": "20:00-23:00",
        "exceptions": "2026-12-24 20:00-21:00\n2026-12-25",
    }
    assert admin.post("/desk/setup/calendars/new/", {**facts, "do": "preview"}).status_code == 200
    assert not Calendar.objects.filter(code="night").exists()
    for wrong in (
        {"week_sun": "25:00-26:00"},
        {"week_sun": "10:00-09:00"},
        {"timezone": "Mars/Olympus"},
        {"exceptions": "no day"},
        {"country": "zz"},
        {"week_sun": "x"},
    ):
        assert admin.post("/desk/setup/calendars/new/", {**facts, **wrong, "do": "save"}).status_code == 422, wrong
    assert admin.post("/desk/setup/calendars/new/", {**facts, "do": "save"}).status_code == 302
    assert Calendar.objects.get(code="night").exceptions == {"2026-12-24": [["20:00", "21:00"]], "2026-12-25": []}


def test_the_catalogue_from_draft_to_publication(city: City) -> None:
    admin = enter(city.administrator)
    draft = admin.post("/desk/setup/catalogue/", {"note": "More reasons"})
    url = draft.headers["Location"]
    text = admin.get(f"{url}reasons.csv").content.decode()
    assert text.startswith("\ufefflist,code")
    bad = admin.post(f"{url}?sheet=reasons", {"do": "sheet", "file": SimpleUploadedFile("r.csv", b"list,code\nx,y\n")})
    assert bad.status_code == 422
    assert "are missing" in bad.content.decode()
    longer = text + "return,new-one,A new reason,سبب,理由,-,,,\r\n"
    assert (
        admin.post(
            f"{url}?sheet=reasons", {"do": "sheet", "file": SimpleUploadedFile("r.csv", longer.encode())}
        ).status_code
        == 302
    )
    page = admin.get(f"{url}?sheet=reasons").content.decode()
    assert "return/new-one" in page
    assert "What would change: 1 row" in page
    assert admin.post(url, {"do": "publish", "start": "2020-01-01T00:00"}).status_code == 422
    assert admin.post(url, {"do": "publish", "start": ""}).status_code == 302
    edition = Edition.objects.order_by("-number")[0]
    assert edition.published_by == city.administrator
    assert (
        admin.post(
            f"{url}?sheet=reasons", {"do": "sheet", "file": SimpleUploadedFile("r.csv", longer.encode())}
        ).status_code
        == 422
    )


def test_a_key_is_shown_once_and_can_be_taken_back(city: City) -> None:
    admin = enter(city.administrator)
    page = admin.post(
        "/desk/setup/clients/", {"do": "make", "name": "Partner", "unit": "", "trusted": "on"}
    ).content.decode()
    key = re.search(r'class="d-key" dir="ltr">([^<]+)<', page)
    assert key
    made = System.objects.get(name="Partner")
    assert bytes(made.key_digest) == sha256(key[1].encode()).digest()
    assert key[1] not in admin.get("/desk/setup/clients/").content.decode()
    assert key[1] not in admin.get("/desk/setup/audit/").content.decode()
    admin.post("/desk/setup/clients/", {"do": "shut", "client": made.pk})
    assert not System.objects.get(pk=made.pk).active


def test_words_of_messages_are_checked(city: City) -> None:
    admin = enter(city.administrator)
    url = "/desk/setup/templates/told/mail/"
    words = {f"subject_{c}": "About {{ number }}" for c in ("ar", "en", "zh")} | {
        f"body_{c}": "Look: {{ answer_url }}" for c in ("ar", "en", "zh")
    }
    assert admin.post(url, {**words, "do": "preview", "body_en": "{% include 'x' %}"}).status_code == 422
    assert admin.post(url, {**words, "do": "save", "body_zh": "{{ secret_key }}"}).status_code == 422
    assert admin.post(url, {**words, "do": "save"}).status_code == 302
    assert "Look: " in admin.get(url).content.decode()


def test_the_journal_page_proves(city: City) -> None:
    city.report().dispatched_to().replied()
    assert "Every chain holds" in enter(city.administrator).post("/desk/setup/journal/").content.decode()


def test_forgetting_is_shown_before_it_is_done(city: City) -> None:
    told = city.report().dispatched_to().replied().told().confirmed()
    person = told.case.requester
    assert person is not None
    admin = enter(city.administrator)
    given = {"person": person.pseudonym}
    page = admin.post("/desk/privacy/", {**given, "do": "person-preview"}).content.decode()
    assert f"Forget {person.pseudonym}" in page
    person.refresh_from_db()
    assert person.forgotten_at is None
    assert admin.post("/desk/privacy/", {**given, "do": "person-forget"}).status_code == 302
    assert Person.objects.get(pk=person.pk).forgotten_at is not None
    day = (clock.now() - timedelta(days=1)).date().isoformat()
    assert admin.post("/desk/privacy/", {"before": day, "do": "retention-preview"}).status_code == 200
    assert enter(city.supervisor).post("/desk/privacy/", {"before": day, "do": "retention-run"}).status_code == 403


def test_the_administrator_sees_how_messages_went_but_not_whose(city: City) -> None:
    told = city.report()
    admin = enter(city.administrator).get("/desk/messages/").content.decode()
    assert told.case.number not in admin.replace(" ", "")
    assert told.case.number in enter(city.supervisor).get("/desk/messages/").content.decode().replace(" ", "")
