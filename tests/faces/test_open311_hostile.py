"""What is sent to hurt or to probe: a clear answer in the shape of the specification, nothing lost, nothing leaked."""

import gzip
import io
import json
import struct
import zipfile
import zlib
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from PIL import Image

from tests.city import City
from tests.core.test_files import photo_with_position
from tests.faces.test_open311 import V2, Api, described
from wasl.core.cases import journal
from wasl.core.cases.models import Case
from wasl.core.contacts.actions import original_of
from wasl.core.contacts.models import Attachment, Contact
from wasl.faces.open311 import clients

FORM = {"service_code": "water-leak", "lat": "23.58", "long": "58.40"}


@pytest.fixture
def api(city: City) -> Api:
    return Api(city)


@pytest.mark.parametrize(
    ("lat", "long"),
    [
        ("nan", "58.4"),
        ("inf", "-inf"),
        ("1e308", "58.4"),
        ("1e999", "58.4"),
        ("23.58", "-1e-999e"),
        ("2_3.5", "58.4"),
        ("0x17", "58.4"),
        ("23.58", "58.4; DROP TABLE cases_case"),
        ("91", "58.4"),
        ("23.58", "181"),
        ("0", "0"),
        ("58.40", "23.58"),
        ("-23.58", "58.40"),
        ("41.3", "-72.9"),
        ("9" * 5000, "58.4"),
    ],
)
def test_no_place_or_one_outside_the_city(api: Api, lat: str, long: str) -> None:
    for fmt in ("json", "xml"):
        said = described(api.post(f"requests.{fmt}", **{**FORM, "lat": lat, "long": long}))
        assert {code for code, _ in said} == {400}
    assert not Case.objects.exists()


def test_a_place_outside_says_so_and_what_to_do(api: Api) -> None:
    ((_code, sentence),) = described(api.post(**{**FORM, "lat": "24.5", "long": "54.4"}))
    assert "outside the city" in sentence
    assert "hotline" in sentence


@pytest.mark.req("J12")
def test_digits_of_any_script_in_places_and_phones(api: Api) -> None:
    case = api.report(lat="٢٣٫٥٨", long="۵۸.۴", phone="٩٢٣٤٥٦٧٨")
    assert (case.lat, case.lon) == (23.58, 58.4)
    assert case.requester is not None


def test_ten_megabytes_of_words_are_too_much(api: Api) -> None:
    for fmt in ("json", "xml"):
        ((code, _),) = described(api.post(f"requests.{fmt}", **FORM, description="x" * 10_000_000))
        assert code == 413
    raw = b"api_key=" + api.city.key.encode() + b"&description=" + b"x" * 10_000_000
    response = api.browser.post(f"{V2}/requests.json", raw, content_type="application/x-www-form-urlencoded")
    assert described(response)[0][0] == 413


def test_ten_thousand_fields_are_too_many(api: Api) -> None:
    raw = "&".join(f"attribute[a{n}]=1" for n in range(10_000))
    response = api.browser.post(f"{V2}/requests.json", raw, content_type="application/x-www-form-urlencoded")
    assert described(response)[0][0] == 413


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b'{"service_code": "water-leak"}'),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\xff\r\n\r\n"),
        ("application/x-www-form-urlencoded; charset=utf-7", b"+AHg-=1"),
        ("application/x-www-form-urlencoded; charset=nonsense", b"a=1"),
        ("text/xml", b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><x>&e;</x>"),
        ("", b"\x00\xff\xfe"),
    ],
)
def test_a_body_of_the_wrong_kind(api: Api, content_type: str, body: bytes) -> None:
    response = api.browser.generic(
        "POST", f"{V2}/requests.json", body, content_type or "x", headers={"X-API-Key": api.city.key}
    )
    assert {code for code, _ in described(response)} == {400}
    assert not Case.objects.exists()


SIGNS = "</description>&amp;]]><script>alert('x')</script>\"' \x00\x01\x0b\x1b\x7f\u2028 \ufffe \U0001f6b0 نص"


def test_signs_of_xml_and_unseen_characters_come_back_as_text_or_not_at_all(api: Api) -> None:
    from wasl.core.cases import actions

    case = api.report(description=SIGNS, first_name=SIGNS[:90], address_string=SIGNS)
    body = Contact.objects.get(case=case).body
    assert "\x00" not in body
    assert "\ufffe" not in body
    assert "<script>alert('x')</script>" in body
    actions.publish(case, by=api.city.dispatcher, text=body)
    root = ET.fromstring(api.get(f"requests/{case.number}.xml").content)
    assert root.findtext("request/description") == body
    assert api.get(f"requests/{case.number}.json").json()[0]["description"] == body
    assert ET.fromstring(api.get("servicerequestupdates.xml").content).findall("request_update")
    assert journal.verify().broken is None


def test_halves_of_characters_do_not_break_it(api: Api) -> None:
    raw = f"api_key={api.city.key}&service_code=water-leak&lat=23.58&long=58.4&description=%ED%A0%80a%00%FF%F0%9F"
    response = api.browser.post(f"{V2}/requests.json", raw, content_type="application/x-www-form-urlencoded")
    assert response.status_code == 201
    assert "\x00" not in Contact.objects.get(case__number=response.json()[0]["service_request_id"]).body
    for path in ("services/%ED%A0%80.xml", "services/%00.json", "requests/%00%01.xml", "tokens/%FF.json"):
        assert described(api.browser.get(f"{V2}/{path}"))[0][0] == 404
    assert described(api.post("requests.xml", service_code="\x00<&>"))[0][0] == 404


@pytest.mark.parametrize("name", ["service_code", "description", "lat", "email", "attribute[amount]", "media_url"])
@pytest.mark.parametrize("value", ["\x00", "{{7*7}}", "' OR 1=1 --", "../../etc/passwd", "\u202e" * 50, "%s%n", "[]"])
def test_odd_values_are_answered_in_shape(api: Api, name: str, value: str) -> None:
    response = api.post(**{**FORM, name: value})
    assert response.status_code in (201, 400, 404)
    if response.status_code != 201:
        described(response)


def test_names_of_fields_that_are_none(api: Api) -> None:
    response = api.post(
        **FORM, **{"attribute[": "x", "attribute[]": "x", "attribute": "x", "id": "1", "state": "closed"}
    )
    assert response.status_code == 201
    assert Case.objects.get().state == "dispatched"


def test_a_replayed_post_makes_nothing_twice_and_a_key_belongs_to_its_client(api: Api) -> None:
    numbers = {api.post(**FORM, idempotency_key="k").json()[0]["service_request_id"] for _ in range(5)}
    assert len(numbers) == 1
    from hashlib import sha256

    from wasl.core.organisation import queries as organisation
    from wasl.core.organisation.models import Client

    Client.objects.create(name="Another", key_digest=sha256(b"other").digest(), trusted=True)
    organisation.forget()
    other = api.post(**FORM, idempotency_key="k", api_key="other").json()[0]["service_request_id"]
    assert other not in numbers
    assert api.get("tokens/k.json", api_key="other").json()[0]["service_request_id"] == other
    # One client does not read or add to what another sent, unless it is public.
    Case.objects.filter(number=other).update(confidential=True)
    assert api.get(f"requests/{other}.json", api_key=api.city.key).status_code == 404
    assert api.post("servicerequestupdates.json", service_request_id=other, description="x").status_code == 404


def test_a_key_that_was_withdrawn_opens_nothing(api: Api) -> None:
    from wasl.core.organisation import queries as organisation

    client = api.city.client
    client.active = False
    client.save()
    organisation.forget()
    assert described(api.post(**FORM))[0][0] == 403
    assert described(api.get("requests.json", api_key=api.city.key))[0][0] == 403


def test_guessing_keys_is_slowed_down(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "BAD_KEYS", 3)
    statuses = [api.post(**{**FORM, "api_key": f"guess{n}"}).status_code for n in range(5)]
    assert statuses == [403, 403, 403, 429, 429]
    response = api.post("requests.xml", **{**FORM, "api_key": "guess"})
    assert int(response["Retry-After"]) >= 1
    assert described(response)[0][0] == 429
    # He who has a right key is not kept waiting by those who have not.
    assert api.post(**FORM).status_code == 201


def test_reading_without_end_is_slowed_down(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "READS", 3)
    assert [api.get("services.json").status_code for _ in range(5)] == [200, 200, 200, 429, 429]
    assert api.get("services.json", api_key=api.city.key).status_code == 200


def test_numbers_cannot_be_told_apart_by_asking(api: Api) -> None:
    """A number that is not public is answered as one that does not exist."""
    case = api.report()
    Case.objects.filter(pk=case.pk).update(confidential=True)
    hidden, none = (api.get(f"requests/{number}.json") for number in (case.number, "2600000000"))
    assert (hidden.status_code, hidden.content) == (none.status_code, none.content)


def _bomb() -> bytes:
    """A PNG of 30,000 x 30,000 pixels in some kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def _archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big", bytes(1_000_000))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bomb.png", _bomb()),
        ("picture.jpg", _archive()),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("cut.jpg", photo_with_position()[:200]),
        ("page.jpg", b"\xff\xd8\xff<html><script>alert(1)</script>"),
        ("program.jpg", b"MZ" + bytes(500)),
        ("packed.jpg", gzip.compress(bytes(100_000))),
        ("empty.jpg", b""),
    ],
)
def test_hostile_files_are_refused_with_a_sentence_and_nothing_is_made(api: Api, name: str, data: bytes) -> None:
    for fmt in ("json", "xml"):
        said = described(api.post(f"requests.{fmt}", **FORM, media=SimpleUploadedFile(name, data, "image/jpeg")))
        assert said[0][0] in (400, 413)
    assert not Case.objects.exists()
    assert not Attachment.objects.exists()


def test_a_picture_that_is_a_program_too_is_shown_as_pixels_only(api: Api) -> None:
    out = io.BytesIO()
    Image.new("P", (40, 40)).save(out, "GIF")
    data = out.getvalue() + b"/*<script>alert(document.cookie)</script>*/"
    case = api.report(media=SimpleUploadedFile("x.gif", data, "text/html"))
    Attachment.objects.update(public=True)
    url = api.get(f"requests/{case.number}.json").json()[0]["media_url"]
    response = api.browser.get(url.removeprefix("http://testserver"))
    body = response.getvalue()
    assert body.startswith(b"\xff\xd8\xff")
    assert b"script" not in body
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"


@pytest.mark.req("B9")
def test_the_position_in_a_photo_is_not_shown_and_the_original_is_sealed(api: Api) -> None:
    from django.core.files.storage import default_storage

    raw = photo_with_position()
    case = api.report(media=SimpleUploadedFile("street.jpg", raw, "image/jpeg"))
    kept = Attachment.objects.get(contact__case=case)
    assert original_of(kept).read() == raw
    with default_storage.open(kept.original) as sealed, default_storage.open(kept.shown) as shown:
        assert b"SecretCamera" not in sealed.read()
        assert b"SecretCamera" not in shown.read()
    entry = case.entries.get(seq=1)
    assert json.loads(entry.data)["files"] == [bytes(kept.sha256).hex()]


def test_too_many_files(api: Api) -> None:
    files = [SimpleUploadedFile(f"{n}.jpg", photo_with_position()) for n in range(6)]
    response = api.browser.post(f"{V2}/requests.json", {"api_key": api.city.key, **FORM, "media": files})
    assert described(response)[0][0] == 400


def test_a_length_beyond_all_measure_is_refused_before_it_is_read(city: City) -> None:
    response = Browser().post(
        f"{V2}/requests.json", b"x=1", content_type="multipart/form-data; boundary=x", CONTENT_LENGTH="900000000",
        headers={"X-API-Key": city.key},
    )  # fmt: skip
    assert described(response)[0][0] in (400, 413)


def test_an_error_inside_is_said_in_shape_and_recorded(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("wasl.faces.open311.telling.service", broken)
    response = api.get("services.xml")
    assert described(response)[0][0] == 500
    assert b"secret detail" not in response.content
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("name", ["service_code", "service_request_id", "status", "start_date", "page"])
def test_a_nul_among_what_is_asked_for(api: Api, name: str) -> None:
    assert api.get("requests.json", **{name: "\x00"}).status_code in (200, 400)
