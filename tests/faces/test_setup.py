"""The set-up: organisation, accounts, areas, calendars, catalogue, keys, messages, journal, privacy."""

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

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.catalogue.models import Edition
from wasl.core.organisation import actions as organisation
from wasl.core.organisation import queries
from wasl.core.organisation.models import Area, Audit, Calendar, Staff, Unit
from wasl.core.organisation.models import Client as System
from wasl.core.people.models import Person
from wasl.kernel import clock

pytestmark = pytest.mark.django_db


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


@pytest.mark.slow
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
        "email": "",
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert "new-one" in admin.get(f"{url}?sheet=reasons&only=changed").content.decode()
    page = admin.get(f"{url}changes/").content.decode()
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


@pytest.mark.slow
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
