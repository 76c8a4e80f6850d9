"""GeoReport v2 as its clients use it: discovery, services, definitions, reports, searches, updates; in XML and JSON."""

import json
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client as Browser
from django.utils import timezone

from tests.city import City
from wasl.core.cases import actions, journal
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Attachment, Contact
from wasl.kernel import clock, seal
from wasl.services.messages.models import Message

V2 = "/open311/v2"


class Api:
    """A client system that speaks to the interface."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.browser = Browser(headers={"accept-language": "en"})

    def get(self, path: str, **query: Any) -> Any:
        return self.browser.get(f"{V2}/{path}", query)

    def post(self, path: str = "requests.json", *, idempotency_key: str = "", **fields: Any) -> Any:
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        form = {"api_key": self.city.key, **fields}
        return self.browser.post(f"{V2}/{path}", {k: v for k, v in form.items() if v is not None}, headers=headers)

    def report(self, **fields: Any) -> Case:
        form = {"service_code": "water-leak", "lat": "23.58", "long": "58.40", "description": "Water on the road."}
        response = self.post(**{**form, **fields})
        assert response.status_code == 201, response.content
        return Case.objects.get(number=response.json()[0]["service_request_id"])


@pytest.fixture
def api(city: City) -> Api:
    return Api(city)


def described(response: Any) -> list[tuple[int, str]]:
    """Code and sentence of each error of an answer, which must be in the shape of the specification."""
    assert response["Content-Type"].startswith(("application/json", "text/xml"))
    if response["Content-Type"].startswith("text/xml"):
        root = ET.fromstring(response.content)
        assert root.tag == "errors"
        return [(int(e.findtext("code") or 0), e.findtext("description") or "") for e in root]
    found = response.json()
    assert all(one.keys() == {"code", "description"} for one in found)
    assert all(one["code"] == response.status_code and one["description"] for one in found)
    return [(one["code"], one["description"]) for one in found]


@pytest.mark.req("B6")
def test_discovery_names_the_endpoint_and_its_formats(api: Api) -> None:
    root = ET.fromstring(api.browser.get("/open311/discovery.xml").content)
    assert root.tag == "discovery"
    assert root.findtext("endpoints/endpoint/url") == "http://testserver/open311/v2"
    assert [f.text for f in root.findall("endpoints/endpoint/formats/format")] == ["text/xml", "application/json"]
    assert api.get("discovery.json").json()["endpoints"][0]["specification"].endswith("GeoReport_v2")


def test_services_are_the_leaves_of_the_catalogue(api: Api) -> None:
    services = {one["service_code"]: one for one in api.get("services.json").json()}
    leaves = {c.code: c for c in catalogue.in_force().leaves}
    assert services.keys() == {code for code, c in leaves.items() if not (c.confidential or c.conduct)}
    leak = services["water-leak"]
    assert leak["metadata"] is True
    assert leak["type"] == "realtime"
    assert leak["service_name"] == "Water leak from the public network"
    assert leak["group"] == "Water supply"
    with_key = api.get("services.json", api_key=api.city.key).json()
    assert {one["service_code"] for one in with_key} == leaves.keys()


@pytest.mark.parametrize(
    ("header", "name"), [("ar", "تسرب مياه من الشبكة العامة"), ("zh-CN,en;q=0.5", "公共管网漏水、跑水")]
)
def test_names_are_in_the_language_asked_for(api: Api, header: str, name: str) -> None:
    response = api.browser.get(f"{V2}/services.json", headers={"accept-language": header})
    assert next(s for s in response.json() if s["service_code"] == "water-leak")["service_name"] == name
    assert response["Content-Language"] == header[:2]
    assert api.get("services.json", lang=header[:2]).json() == response.json()


def test_a_definition_has_the_questions_as_attributes(api: Api) -> None:
    found = api.get("services/water-leak.json").json()
    assert found["service_code"] == "water-leak"
    amount = found["attributes"][0]
    assert amount == {
        "variable": True, "code": "amount", "datatype": "singlevaluelist", "required": False,
        "datatype_description": None, "order": 1, "description": "How much water runs out?",
        "values": amount["values"],
    }  # fmt: skip
    assert {"key": "drops", "name": "Drops"} in amount["values"]
    root = ET.fromstring(api.get("services/water-leak.xml").content)
    assert root.tag == "service_definition"
    assert root.findtext("attributes/attribute/variable") == "true"
    assert root.findtext("attributes/attribute/values/value/key") == "drops"
    assert described(api.get("services/no-such.xml")) == [(404, "There is no service “no-such”.")]
    # A category that has others below it is none that can be reported.
    assert api.get("services/water.json").status_code == 404


@pytest.mark.req("B6", "F3", "G2")
def test_a_report_becomes_a_case_on_its_way(api: Api) -> None:
    response = api.post(
        "requests.json?extensions=true",
        service_code="water-leak", lat="23.58", long="58.40", description="Water on the road.", first_name="Aisha",
        last_name="Al Balushi", email="aisha@example.com", phone="92345678", address_string="Way 2211",
        lang="en", **{"attribute[amount]": "burst"},
    )  # fmt: skip
    assert response.status_code == 201, response.content
    (made,) = response.json()
    case = Case.objects.get(number=made["service_request_id"])
    assert made["extended_attributes"]["pin"] == seal.pin_of(case.number, 0)
    assert made["extended_attributes"]["receipt"] == bytes(case.entries.get(seq=1).hash).hex()
    assert "token" not in made
    assert (case.state, case.category, case.answers) == ("dispatched", "water-leak", {"amount": "burst"})
    assert case.unit is not None
    assert case.due_result is not None
    assert case.area is not None
    assert case.area.code == "bawshar"
    assert case.client == api.city.client
    contact = Contact.objects.get(case=case)
    assert (contact.medium, contact.body, contact.client) == ("open311", "Water on the road.", api.city.client)
    person = case.requester
    assert person is not None
    assert seal.unseal(bytes(person.name_sealed or b"")) == "Aisha Al Balushi"
    assert {a.medium for a in person.addresses.all()} == {"mail", "phone"}
    assert set(Message.objects.filter(case=case).values_list("event", flat=True)) == {"received", "staff_order"}
    assert journal.verify().broken is None


def test_a_report_in_xml_is_answered_in_xml(api: Api) -> None:
    response = api.post("requests.xml", service_code="water-leak", lat="23.58", long="58.40")
    assert response["Content-Type"] == "text/xml; charset=utf-8"
    root = ET.fromstring(response.content)
    assert root.tag == "service_requests"
    assert Case.objects.filter(number=root.findtext("request/service_request_id")).exists()


@pytest.mark.parametrize("where", [{"address_string": "By the mosque in Ghala"}, {"address_id": "seeb"}])
def test_an_address_or_an_area_is_place_enough(api: Api, where: dict[str, str]) -> None:
    case = api.report(lat=None, long=None, **where)
    assert (case.lat, case.lon) == (None, None)
    assert case.address == where.get("address_string", "")
    assert (case.area.code if case.area else None) == where.get("address_id")


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_the_key_may_come_in_a_header(api: Api, header: str) -> None:
    key = f"Bearer {api.city.key}" if header == "Authorization" else api.city.key
    form = {"service_code": "water-leak", "address_string": "Ghala"}
    assert api.browser.post(f"{V2}/requests.json", form, headers={header: key}).status_code == 201


def test_a_client_that_is_not_trusted_waits_for_the_centre(api: Api) -> None:
    client = api.city.client
    client.trusted = False
    client.save()
    from wasl.core.organisation import queries as organisation

    organisation.forget()
    case = api.report()
    assert case.state == "received"
    # It is not public before the centre has read it; its own client may ask for it.
    assert api.get(f"requests/{case.number}.json").status_code == 404
    assert api.get(f"requests/{case.number}.json", api_key=api.city.key).status_code == 200


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"service_code": None}, "service_code is missing"),
        ({"lat": None, "long": None}, "Say where it is"),
        ({"lat": None}, "together"),
        ({"address_id": "atlantis"}, "atlantis"),
        ({"email": "nobody"}, "email"),
        ({"phone": "call me"}, "phone"),
        ({"description": "x" * 4001}, "4000"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"media_url": "javascript:alert(1)"}, "media_url"),
        ({"attribute[amount]": "sea"}, "Choose from: drops"),
        ({"attribute[colour]": "red"}, "colour"),
    ],
)
def test_what_is_missing_or_wrong_is_said(api: Api, fields: dict[str, Any], sentence: str) -> None:
    form = {"service_code": "water-leak", "lat": "23.58", "long": "58.40", "description": "Water."}
    response = api.post(**{**form, **fields})
    assert response.status_code == 400
    assert any(sentence in said for _code, said in described(response))
    assert not Case.objects.exists()


def test_everything_that_is_wrong_is_said_at_once(api: Api) -> None:
    response = api.post(service_code="illegal-taxi", lat="999", long="58.4", email="x")
    assert len(described(response)) >= 3


def test_an_unknown_service_is_404_and_a_missing_key_403(api: Api) -> None:
    assert described(api.post(service_code="no-such", lat="23.58", long="58.4"))[0][0] == 404
    assert described(api.post(api_key=None, service_code="water-leak"))[0][0] == 403
    assert described(api.post("requests.xml", api_key="wrong", service_code="water-leak"))[0][0] == 403


def test_the_same_key_gives_the_same_answer_and_one_case(api: Api) -> None:
    form = {"service_code": "water-leak", "lat": "23.58", "long": "58.40", "description": "Once."}
    first, second = (api.post("requests.json?extensions=true", idempotency_key="a" * 200, **form) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert Case.objects.count() == 1
    token = api.get(f"tokens/{'a' * 200}.json", api_key=api.city.key)
    assert token.json()[0]["service_request_id"] == first.json()[0]["service_request_id"]
    assert described(api.get(f"tokens/{'a' * 200}.xml"))[0][0] == 404


@pytest.mark.req("F11")
def test_a_public_request_tells_what_and_when_but_not_who(api: Api) -> None:
    case = api.report(
        description="My neighbour Said, 99887766, floods the road.", first_name="Maryam", email="maryam@example.com",
        phone="92345678", address_string="House of Maryam",
    )  # fmt: skip
    shown = api.get(f"requests/{case.number}.json", extensions="true")
    (request,) = shown.json()
    assert request["status"] == "open"
    assert request["description"] is None
    assert request["address"] == "Bawshar"
    assert (request["lat"], request["long"]) == (23.58, 58.40)
    assert request["service_name"] == "Water leak from the public network"
    assert request["expected_datetime"] is not None
    assert request["requested_datetime"].endswith("+04:00")
    extended = request["extended_attributes"]
    assert (extended["state"], extended["next_action"], extended["outcome"]) == ("dispatched", "work", None)
    for secret in ("Said", "99887766", "Maryam", "maryam", "2345678", "R-"):
        assert secret not in shown.content.decode()
    actions.publish(case, by=api.city.dispatcher, text="A pipe broke on the main road.")
    assert api.get(f"requests/{case.number}.json").json()[0]["description"] == "A pipe broke on the main road."


def test_closed_is_closed_when_it_was_closed(api: Api) -> None:
    case = api.report()
    with clock.later(timedelta(hours=2)):
        told = api.city.report()
        told.case = case
        told.replied().told().confirmed()
    case.refresh_from_db()
    assert case.closed_at is not None
    with clock.later(timedelta(hours=3)):
        (request,) = api.get(f"requests/{case.number}.json", extensions="true").json()
    assert request["status"] == "closed"
    assert request["updated_datetime"] == timezone.localtime(case.closed_at).isoformat(timespec="seconds")
    assert request["status_notes"] == "fixed"
    assert request["extended_attributes"]["confirmed"] is True
    assert request["extended_attributes"]["next_action"] is None


def test_confidential_categories_and_complaints_about_units_are_not_public(api: Api) -> None:
    hidden = next(c.code for c in catalogue.in_force().leaves if c.confidential and not c.conduct)
    needed = {f"attribute[{q.code}]": "x" for q in catalogue.in_force().form_of(hidden) if q.required}
    case = api.report(service_code=hidden, **needed)
    assert case.confidential
    assert api.get(f"requests/{case.number}.json").status_code == 404
    assert api.get("requests.json").json() == []
    assert api.get("requests.json", service_request_id=case.number).json() == []
    assert api.get("servicerequestupdates.json").json() == []


def test_filters(api: Api) -> None:
    leak = api.report()
    with clock.later(timedelta(seconds=1)):
        hole = api.report(service_code="pothole")
    old = api.report()
    Case.objects.filter(pk=old.pk).update(received_at=clock.now() - timedelta(days=200))

    def numbers(**query: str) -> list[str]:
        return [one["service_request_id"] for one in api.get("requests.json", **query).json()]

    with clock.later(timedelta(seconds=2)):
        assert numbers() == [hole.number, leak.number]
        assert numbers(service_code="pothole") == [hole.number]
        assert numbers(service_code="pothole,water-leak") == [hole.number, leak.number]
        assert numbers(status="closed") == []
        assert numbers(status="open,closed") == [hole.number, leak.number]
        assert numbers(page_size="1") == [hole.number]
        assert numbers(page_size="1", page="2") == [leak.number]
        # Numbers override everything else.
        asked = {"service_request_id": f"{leak.number}, {old.number},99", "status": "closed", "page": "7"}
        asked |= {"start_date": "2020-01-01", "end_date": "2010-01-01", "service_code": "pothole"}
        assert numbers(**asked) == [leak.number, old.number]
    at = clock.now() - timedelta(days=200)
    assert numbers(start_date=(at - timedelta(days=1)).isoformat(), end_date=(at + timedelta(days=1)).isoformat()) == [
        old.number
    ]
    assert numbers(start_date=(at - timedelta(days=1)).isoformat()) == [old.number]
    assert numbers(end_date=(at + timedelta(days=1)).isoformat()) == [old.number]
    # A plus sign that the client did not escape.
    assert api.browser.get(f"{V2}/requests.json?start_date=2026-11-01T00:00:00+04:00").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-06-01T00:00:00Z"},
        {"start_date": "2026-06-01T00:00:00Z", "end_date": "2026-05-01T00:00:00Z"},
        {"start_date": "2026-06-01T00:00:00"},
        {"start_date": "0001-01-01T00:00:00+14:00"},
        {"end_date": "9999-12-31T23:59:59-14:00"},
        {"end_date": "0001-01-02T00:00:00Z"},
        {"start_date": "soon"},
        {"page_size": "1000000000"},
        {"page_size": "0"},
        {"page_size": "-1"},
        {"page": "9" * 400},
        {"page": "²"},
        {"lang": ["ar", "en"]},
    ],
)
@pytest.mark.parametrize("what", ["requests", "servicerequestupdates"])
def test_a_wrong_filter_is_400(api: Api, query: dict[str, Any], what: str) -> None:
    for fmt in ("json", "xml"):
        assert {code for code, _ in described(api.get(f"{what}.{fmt}", **query))} == {400}


@pytest.mark.parametrize("query", [{"status": "burning"}, {"extensions": "maybe"}])
def test_a_wrong_filter_of_requests_is_400(api: Api, query: dict[str, str]) -> None:
    assert {code for code, _ in described(api.get("requests.xml", **query))} == {400}


def test_updates_tell_what_happened_to_public_requests(api: Api) -> None:
    case = api.report(first_name="Maryam", email="maryam@example.com")
    order = case.orders.get(role="lead")
    officer = api.city.officer_of(order.unit)
    actions.sign_for(order, by=officer, seen=None)
    actions.note(case, by=api.city.agent, text="Secret note.")
    actions.publish(case, by=api.city.dispatcher, text="A pipe broke.")
    response = api.get("servicerequestupdates.json")
    found = response.json()
    assert [u["external_status_code"] for u in found] == [
        "case.registered", "case.dispatched", "order.signed", "case.published",
    ]  # fmt: skip
    assert found[-1]["description"] == "A pipe broke."
    assert {u["status"] for u in found} == {"open"}
    assert "Secret" not in response.content.decode()
    assert api.get("servicerequestupdates.json", end_date="2020-01-01T00:00:00Z").json() == []
    root = ET.fromstring(api.get("servicerequestupdates.xml").content)
    assert root.tag == "service_request_updates"
    assert root.findtext("request_update/service_request_id") == case.number


def test_a_client_adds_to_a_request_once(api: Api) -> None:
    case = api.report()
    form = {"service_request_id": case.number, "description": "It is worse today.", "update_id": "77"}
    first, second = (api.post("servicerequestupdates.json", **form) for _ in range(2))
    assert (first.status_code, first.content) == (201, second.content)
    contact = Contact.objects.get(case=case, body="It is worse today.")
    assert contact.client == api.city.client
    assert case.entries.filter(verb="case.added").count() == 1
    assert described(api.post("servicerequestupdates.xml", service_request_id="99", description="x"))[0][0] == 404
    assert described(api.post("servicerequestupdates.json", service_request_id=case.number))[0][0] == 400
    assert described(api.post("servicerequestupdates.json", **{**form, "api_key": "wrong"}))[0][0] == 403


def test_two_updates_without_a_key_are_two(api: Api) -> None:
    case = api.report()
    for _ in range(2):
        api.post("servicerequestupdates.json", service_request_id=case.number, description="Still.")
    assert case.entries.filter(verb="case.added").count() == 2


def test_a_duplicate_names_its_head(api: Api) -> None:
    head, other = api.report(), None
    client = api.city.client
    client.trusted = False
    client.save()
    from wasl.core.organisation import queries as organisation

    organisation.forget()
    other = api.report()
    actions.register(other, by=api.city.agent)
    actions.join(other, by=api.city.agent, head=head)
    (shown,) = api.get(f"requests/{other.number}.json", extensions="true").json()
    assert shown["extended_attributes"]["duplicate_of"] == head.number


def test_a_photo_is_shown_when_the_centre_released_it(api: Api) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    from tests.core.test_files import photo_with_position

    raw = photo_with_position()
    case = api.report(media=SimpleUploadedFile("a.jpg", raw, "image/jpeg"))
    photo = Attachment.objects.get(contact__case=case)
    address = f"{V2}/media/{photo.pk}.jpg"
    assert described(api.browser.get(address))[0][0] == 404
    assert api.get(f"requests/{case.number}.json").json()[0]["media_url"] is None
    Attachment.objects.update(public=True)
    url = api.get(f"requests/{case.number}.json").json()[0]["media_url"]
    assert url == f"http://testserver{address}"
    response = api.browser.get(address)
    body = response.getvalue()
    assert response["Content-Type"] == "image/jpeg"
    assert b"SecretCamera" not in body
    assert b"Exif" not in body
    assert body != raw


def test_other_methods_and_addresses(api: Api) -> None:
    response = api.browser.delete(f"{V2}/requests.json")
    assert described(response)[0][0] == 405
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert api.browser.options(f"{V2}/requests.json").status_code == 204
    assert api.browser.head(f"{V2}/services.json").status_code == 200
    for path in ("", "nothing", "services.yaml", "requests", "services/.xml"):
        assert described(api.browser.get(f"{V2}/{path}"))[0][0] == 404
    assert described(api.browser.get(f"{V2}/nothing.xml"))[0][0] == 404


def test_every_answer_is_public_to_pages_elsewhere_and_sets_no_cookie(api: Api) -> None:
    response = api.get("services.json")
    assert response["Access-Control-Allow-Origin"] == "*"
    assert response["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert not response.cookies


def test_the_document_describes_what_is_there(api: Api) -> None:
    document = api.get("openapi.json").json()
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "http://testserver/open311"}]
    west, south, east, north = api.city.made["city"]["bounds"]
    form = document["paths"]["/v2/requests.json"]["post"]["requestBody"]["content"]
    lat = form["application/x-www-form-urlencoded"]["schema"]["properties"]["lat"]
    assert (lat["minimum"], lat["maximum"]) == (south, north)
    assert west < east
    for path in document["paths"]:
        if "{" not in path:
            assert api.browser.get(f"/open311{path}").status_code == 200
    request = document["components"]["schemas"]["Request"]["properties"]
    case = api.report()
    shown = api.get(f"requests/{case.number}.json", extensions="true").json()[0]
    assert shown.keys() == request.keys()
    assert json.dumps(document)


def test_the_key_of_an_update_gives_nobody_a_pin(api: Api) -> None:
    theirs = api.city.report().dispatched_to().case
    added = api.post(
        "servicerequestupdates.json", idempotency_key="k", service_request_id=theirs.number, description="Worse."
    )
    assert added.status_code == 201
    case = api.report(idempotency_key="k")
    assert case.number != theirs.number
    again = api.post(
        "servicerequestupdates.json", idempotency_key="k", service_request_id=case.number, description="Here too."
    )
    assert again.status_code == 201, "a key is of one request"


def test_a_pin_that_was_renewed_is_given_to_the_citizen_alone(api: Api) -> None:
    form = {"service_code": "water-leak", "lat": "23.58", "long": "58.40", "description": "Once."}
    first = api.post("requests.json?extensions=true", idempotency_key="k", **form).json()[0]
    assert first["extended_attributes"]["pin"]
    actions.renew_pin(Case.objects.get(), by=THE_CITIZEN)
    second = api.post("requests.json?extensions=true", idempotency_key="k", **form).json()[0]
    assert second["service_request_id"] == first["service_request_id"]
    assert second["extended_attributes"]["pin"] is None


@pytest.mark.req("F11")
def test_a_public_place_is_a_street_and_a_corrected_text_is_gone(api: Api) -> None:
    case = api.report(lat="23.58123", long="58.40456")
    (shown,) = api.get(f"requests/{case.number}.json").json()
    assert (shown["lat"], shown["long"]) == (23.581, 58.405)
    for text in ("Said of house 7 complains.", "A pipe broke."):
        actions.publish(case, by=api.city.dispatcher, text=text)
    updates = api.get("servicerequestupdates.json").content.decode()
    page = Browser().get(f"/cases/{case.number}/").content.decode()
    for said in (updates, page):
        assert "A pipe broke." in said
        assert "house 7" not in said


def test_an_update_of_another_system_does_not_answer_for_the_citizen(api: Api) -> None:
    client = api.city.client
    client.trusted = False
    client.save()
    theirs, ours = api.city.report().registered().case, api.report()
    for case in (theirs, ours):
        actions.ask(case, by=api.city.agent, question="Which pipe?")
        form = {"service_request_id": case.number, "description": "Still."}
        assert api.post("servicerequestupdates.json", **form).status_code == 201
    assert Case.objects.get(pk=theirs.pk).awaiting_citizen
    assert not Case.objects.get(pk=ours.pk).awaiting_citizen
