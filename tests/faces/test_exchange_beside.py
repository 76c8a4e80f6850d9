"""The interface of other systems beside sending: numbers checked at their counters, rows of their data sets."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.channels.sms import running
from tests.city import City
from tests.faces import exchange
from tests.faces.exchange import NUMBER, face
from tests.faces.test_alerts import person_of
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import City as TheCity
from wasl.core.people.models import Address
from wasl.faces.exchange import beside
from wasl.kernel import clock, seal
from wasl.services.enquiries.models import DataSet
from wasl.services.exchange import checks
from wasl.services.exchange.models import Check
from wasl.services.texts.actions import words_place
from wasl.services.texts.models import Text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
ASKED = {"number": NUMBER, "person": "civil/71234567", "language": "en"}


@pytest.mark.req("Q2", "R6")
def test_a_counter_checks_a_number(city: City) -> None:
    row = person_of(city, NUMBER, proved=False)
    with running() as house:
        house.operator()
        _client, secret = exchange.client()
        other = exchange.client("other")[1]
        with face(secret) as system:
            known = system.call("POST", "/numbers", ASKED)
            assert known.status_code == 202, known.text
            unknown = system.call("POST", "/numbers", {**ASKED, "number": "+96892000077"})
            said = known.json()
            assert said["person"] == "civil/71234567"
            assert said["number"] == "+968 •••• 001"
            assert said["state"] == "sent"
            # Whoever asks learns nothing of who has the number.
            assert set(said) == set(unknown.json())
            check = Check.objects.get(pk=int(said["id"]))
            text = Text.objects.get(ref=f"check:{check.pk}")
            words = seal.unseal(bytes(text.words_sealed or b""), place=words_place(text.pk))
            assert checks.digits_of(check) in words
            assert "evisa" in words
            assert text.secret
            assert NUMBER.encode() not in bytes(check.person_sealed) + bytes(check.look_up)
            place = f"/numbers/{said['id']}"
            wrong = system.call("POST", f"{place}/code", {"code": "000000"})
            assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:wasl:problem:code")
            right = system.call("POST", f"{place}/code", {"code": checks.digits_of(check)})
            assert right.json()["state"] == "verified"
            assert system.call("GET", place).json()["verified_at"]
            assert system.call("POST", f"{place}/code", {"code": checks.digits_of(check)}).status_code == 409
            assert Address.objects.get(pk=row.pk).verified_at
            for method, path, body in (("GET", place, None), ("POST", f"{place}/code", {"code": "1"})):
                assert system.call(method, path, body, other).status_code == 404


@pytest.mark.req("Q2")
def test_checks_are_few_scoped_and_over(city: City) -> None:
    with running() as house:
        house.operator()
        client, secret = exchange.client()
        sender = exchange.key(client, "sender", ["send"])
        with face(secret) as system:
            answers = [system.call("POST", "/numbers", ASKED) for _one in range(4)]
            assert [one.status_code for one in answers] == [202, 202, 202, 429]
            assert int(answers[-1].headers["retry-after"]) > 0
            place = f"/numbers/{answers[0].json()['id']}/code"
            tried = [system.call("POST", place, {"code": "000000"}).status_code for _one in range(6)]
            assert tried == [422] * 5 + [409]
            Check.objects.update(made_at=clock.now() - timedelta(minutes=11))
            late = Check.objects.order_by("-pk").first()
            assert late is not None
            code = {"code": checks.digits_of(late)}
            assert system.call("POST", f"/numbers/{late.pk}/code", code).status_code == 409
            assert system.call("POST", "/numbers", ASKED, sender).status_code == 403
            wrong: list[Any] = [
                {}, [], {"number": NUMBER}, {**ASKED, "x": "1"}, {**ASKED, "number": "90999"},
                {**ASKED, "language": "fr"}, {**ASKED, "person": "x" * 101}, {**ASKED, "person": 7},
            ]  # fmt: skip
            for bad in wrong:
                assert system.call("POST", "/numbers", bad).status_code == 422, bad
            assert system.call("GET", "/numbers").status_code == 405
            assert system.call("GET", "/numbers/9").status_code == 404
            assert system.call("GET", "/numbers/x").status_code == 404


@pytest.mark.req("J9", "R6")
def test_a_system_replaces_the_rows_of_its_data_set_at_once(city: City) -> None:
    client, secret = exchange.client()
    held = DataSet.objects.create(
        code="permits", names={"en": "Permits"}, columns=["status"], key=[{"kind": "number", "columns": ["permit"]}],
        system=client,
    )  # fmt: skip
    rows = [{"permit": 17, "status": "open"}, {"permit": "19", "status": None}]
    other, keyed = exchange.client("other")[1], exchange.key(client, "reader", ["status"])
    with face(secret) as system:
        first = system.call("PUT", "/data/permits", {"rows": rows})
        assert first.status_code == 200, first.text
        assert first.json() == {"rows": 2, "added": 2, "changed": 0, "gone": 0, "same": 0}
        csv = "permit;status\n17;shut\n٢٠;open\n".encode()
        headers = {"Content-Type": "text/csv; charset=utf-8"}
        part = system.call("POST", "/data/permits/rows", csv, headers=headers)
        assert part.json() == {"rows": 2, "added": 1, "changed": 1, "gone": 0, "same": 0}
        assert sorted(held.rows.values_list("key", flat=True)) == ["17", "19", "20"]
        # One wrong row: nothing is changed, and each is told.
        wrong = system.call("PUT", "/data/permits", {"rows": [rows[0], {"permit": "", "status": "x"}]})
        assert wrong.status_code == 422
        assert wrong.json()["rows"][0]["row"] == 2
        assert held.rows.count() == 3
        held.refresh_from_db()
        assert (held.rows_count, held.pushed_at is not None) == (3, True)
        hostile: list[Any] = [
            b"{", {"rows": {}}, {"rows": [1]}, {"rows": [{"permit": []}]}, {"rows": []}, {"rows": [{"a": "b"}]},
            {"rows": [{"permit": "1\0", "status": ""}]}, {"rows": [{"permit": "\ud800", "status": ""}]},
        ]  # fmt: skip
        for bad in hostile:
            assert system.call("PUT", "/data/permits", bad).status_code in (400, 422), bad
        assert system.call("PUT", "/data/permits", b"a\0b", headers=headers).status_code == 422
        assert system.call("PUT", "/data/permits", {"rows": rows}, other).status_code == 404
        assert system.call("PUT", "/data/permits", {"rows": rows}, keyed).status_code == 403
        assert held.rows.count() == 3


@pytest.mark.req("Q2")
def test_a_number_without_country_code_is_of_the_citys_country(city: City) -> None:
    TheCity.objects.update(region="CN")
    organisation.forget()
    client, _secret = exchange.client()
    asked = json.dumps({**ASKED, "number": "138 1234 5678"}).encode()
    found = beside.find("/numbers")
    assert found
    try:
        with running() as house:
            house.operator()
            status, said, _headers = beside.answer(found[0], client, asked, b"application/json", found[1])
        assert (status, json.loads(said)["number"]) == (202, "+86 •••• 678")
    finally:
        organisation.forget()
