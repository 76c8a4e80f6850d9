"""The interface of other systems: handing texts in, one and many, how they stand, taking them back, bounds."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.channels import sms
from tests.channels.sms import running, until
from tests.faces import exchange
from tests.faces.exchange import NUMBER, face
from wasl.faces.exchange import beside as api_beside
from wasl.kernel import clock, seal
from wasl.kernel.links import conninfo
from wasl.services.dialogue.models import OptOut
from wasl.services.texts import queries
from wasl.services.texts.making import New, Refused, Taken, make
from wasl.services.texts.models import Klass, Queued, Text, Used
from wasl.services.texts.writer import Writer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.req("J5", "R6")
def test_a_text_is_handed_in_carried_and_read() -> None:
    with running() as house:
        house.operator()
        _client, secret = exchange.client()
        house.start()
        with face(secret) as system:
            answer = system.call("POST", "/texts", {"to": NUMBER, "text": "Your visa expires.", "ref": "visa/1"})
            assert answer.status_code == 202, answer.text
            assert answer.json()["parts"] == 1
            assert Text.objects.filter(ref="visa/1").exists()
            place = answer.headers["location"].removeprefix("/api/sms/v1")
            assert place == "/texts/visa%2F1"
            until(lambda: system.call("GET", place).json()["state"] == "delivered")
            life = system.call("GET", place).json()
            assert life["to"] == "+968 •••• 001"
            assert life["made_at"] <= life["accepted_at"] <= life["ended_at"]
            assert house.simulators["first"].obey('{"do": "sent"}')["sent"][0]["text"] == "Your visa expires."


@pytest.mark.req("J5")
def test_a_reference_names_one_text_and_a_key_of_idempotency_is_one() -> None:
    with running() as house:
        house.operator()
        _client, secret = exchange.client()
        with face(secret) as system:
            body = {"to": NUMBER, "text": "hello", "ref": "a"}
            first, again = system.call("POST", "/texts", body).json(), system.call("POST", "/texts", body).json()
            assert (first["known"], again["known"]) == (False, True)
            assert first["id"] == again["id"]
            other = system.call("POST", "/texts", {**body, "text": "other words"})
            assert (other.status_code, other.json()["type"]) == (409, "urn:wasl:problem:conflict")
            assert other.headers["content-type"] == "application/problem+json"
            # Fifty at once under one key are one text.
            plain = {"to": NUMBER, "text": "hello"}
            headers = {"Idempotency-Key": "k-1"}
            answers = system.many([("POST", "/texts", plain)] * 50, headers=headers)
            assert {one.status_code for one in answers} == {202}
            assert len({one.json()["id"] for one in answers}) == 1
            assert {one.json()["ref"] for one in answers} == {"k-1"}
            # Without any, each is a text of its own, under a reference that we make.
            ids = {system.call("POST", "/texts", plain).json()["ref"] for _one in range(2)}
            assert len(ids) == 2
            assert Text.objects.count() == Queued.objects.count() == 4


@pytest.mark.req("J5", "P8")
def test_a_reference_names_one_secret_text_also_when_its_words_are_gone() -> None:
    with running() as house:
        house.operator()
        _client, secret = exchange.client()
        house.start()
        with face(secret) as system:
            body = {"to": NUMBER, "text": "Your code is 1234", "ref": "a", "secret": True}
            system.call("POST", "/texts", body)
            until(lambda: system.call("GET", "/texts/a").json()["state"] == "delivered")
            assert Text.objects.get().words_sealed is None
            assert system.call("POST", "/texts", body).json()["known"]
            other = system.call("POST", "/texts", {**body, "text": "Your code is 5678"})
            assert (other.status_code, other.json()["type"]) == (409, "urn:wasl:problem:conflict")


@pytest.mark.req("J5")
def test_many_at_once_are_answered_one_by_one() -> None:
    with running() as house:
        house.operator(prefixes=["+968"])
        _client, secret = exchange.client(senders=["Customs"])
        with face(secret) as system:
            rows = [{"to": f"+9689200{n:04}", "text": f"parcel {n}", "ref": f"p{n}"} for n in range(995)]
            rows += [
                {"to": "nobody", "text": "x"},
                {"to": NUMBER, "text": "x", "from": "Police"},
                {"to": NUMBER, "text": ""},
                {"to": NUMBER, "text": "y", "ref": "p1"},
                {"to": NUMBER, "text": "z", "from": "Customs", "class": "bulk"},
            ]
            answer = system.call("POST", "/texts/bulk", {"texts": rows})
            assert answer.status_code == 202
            told = answer.json()["texts"]
            assert [one.get("ref") for one in told[:995]] == [f"p{n}" for n in range(995)]
            kinds = [one.get("type", "").rpartition(":")[2] for one in told[995:]]
            assert kinds == ["number", "sender", "invalid", "conflict", ""]
            assert Text.objects.count() == 996
            wrongs: list[Any] = [{"texts": []}, {"texts": rows * 2}, [], {"texts": [1]}, {"texts": rows, "more": 1}]
            for wrong in wrongs:
                found = system.call("POST", "/texts/bulk", wrong)
                if wrong == {"texts": [1]}:
                    assert found.json()["texts"][0]["status"] == 422
                else:
                    assert found.status_code == 422


@pytest.mark.req("J5")
def test_a_text_is_taken_back_until_it_has_gone() -> None:
    with running() as house:
        house.operator()
        _client, secret = exchange.client()
        with face(secret) as system:
            system.call("POST", "/texts", {"to": NUMBER, "text": "hello", "ref": "a"})
            assert system.call("GET", "/texts/a").json()["state"] == "queued"
            for _twice in range(2):
                answer = system.call("DELETE", "/texts/a")
                assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
            assert not Queued.objects.exists()
            house.start()
            system.call("POST", "/texts", {"to": NUMBER, "text": "hello", "ref": "b"})
            until(lambda: system.call("GET", "/texts/b").json()["state"] == "delivered")
            assert system.call("DELETE", "/texts/b").status_code == 409
            assert system.call("DELETE", "/texts/c").status_code == 404


@pytest.mark.req("J5")
def test_bounds_hold_whoever_hands_in_and_come_back_the_next_day() -> None:
    with running() as house:
        house.operator()
        client, secret = exchange.client(per_day=10)
        with face(secret) as first, face(secret) as second:
            calls = [("POST", "/texts", {"to": NUMBER, "text": "ن" * 71, "ref": f"a{n}"}) for n in range(4)]
            answers = first.many(calls)
            assert [one.status_code for one in answers] == [202] * 4
            more = [("POST", "/texts", {"to": NUMBER, "text": "x", "ref": f"b{n}"}) for n in range(4)]
            statuses = [one.status_code for one in second.many(more[:2]) + first.many(more[2:])]
            assert sorted(statuses) == [202, 202, 429, 429]
            refused = first.call("POST", "/texts", {"to": NUMBER, "text": "x", "ref": "c"})
            assert refused.json()["type"] == "urn:wasl:problem:day"
            assert 0 < int(refused.headers["retry-after"]) <= 86_400
            # What is there already is no new part.
            assert first.call("POST", "/texts", {"to": NUMBER, "text": "ن" * 71, "ref": "a0"}).json()["known"]
            told = first.call("GET", "/balance").json()
            assert (told["per_day"], told["used_today"], told["left_today"], told["waiting"]) == (10, 10, 0, 6)
        assert Used.objects.get(client=client).parts == 10
        Used.objects.update(day=clock.now().date() - timedelta(days=1))
        with face(secret) as system:
            assert system.call("POST", "/texts", {"to": NUMBER, "text": "x", "ref": "d"}).status_code == 202


@pytest.mark.req("J5")
def test_a_batch_over_midnight_leaves_the_bounds_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with running() as house:
        house.operator()
        client, _secret = exchange.client(per_day=1)
        known = queries.settings()
        midnight = datetime(2026, 12, 1, tzinfo=UTC)
        ticks = iter([midnight - timedelta(seconds=1)] * 2)

        async def hand_in() -> list[list[Taken | Refused]]:
            writer = Writer(conninfo())
            made = [make(client, New(f"{n}", NUMBER, "x", Klass.CASE), known, at=midnight) for n in range(3)]
            monkeypatch.setattr(clock, "now", lambda: next(ticks, midnight))
            found = [await writer.keep([one]) for one in made]
            await writer.close()
            return found

        found = [isinstance(one, Taken) for (one,) in asyncio.run(hand_in())]
        monkeypatch.undo()
        assert found == [True, True, False], "one on each day"
        assert Used.objects.filter(client=client).count() == 2


@pytest.mark.req("J5")
def test_the_bound_of_a_minute_is_another_one() -> None:
    with running() as house:
        house.operator()
        _client, secret = exchange.client(per_min=3)
        with face(secret) as system:
            answers = system.many([("POST", "/texts", {"to": NUMBER, "text": "x"})] * 5)
            assert sorted(one.status_code for one in answers) == [202, 202, 202, 429, 429]
            Used.objects.update(minute=1)
            assert system.call("POST", "/texts", {"to": NUMBER, "text": "x"}).status_code == 202


@pytest.mark.req("J1", "J5")
def test_who_said_stop_gets_no_alerts_but_answers_and_codes() -> None:
    with running() as house:
        house.operator()
        _client, secret = exchange.client()
        OptOut.objects.create(look_up=seal.index_of(NUMBER), what="alerts", at=clock.now())
        OptOut.objects.create(look_up=seal.index_of("+96892000002"), what="all", at=clock.now())
        OptOut.objects.create(look_up=seal.index_of("+96892000003"), what="all", at=clock.now(), ended_at=clock.now())
        with face(secret) as system:

            def told(number: str) -> dict[str, int]:
                return {
                    name: system.call("POST", "/texts", {"to": number, "text": "x", "class": name}).status_code
                    for name in ("urgent", "answer", "case", "alert", "bulk")
                }

            assert told(NUMBER) == {"urgent": 202, "answer": 202, "case": 202, "alert": 422, "bulk": 422}
            assert told("+96892000002") == {"urgent": 202, "answer": 202, "case": 422, "alert": 422, "bulk": 422}
            assert set(told("+96892000003").values()) == {202}


@pytest.mark.req("J5")
@pytest.mark.slow
def test_one_client_s_flood_does_not_delay_another() -> None:
    with running() as house:
        house.operator(per_s=200)
        _flood, loud = exchange.client("loud")
        _quiet, soft = exchange.client("soft")
        with face(loud) as system:
            rows = [{"to": f"+9689200{n:04}", "text": "news", "class": "case"} for n in range(1000)]
            for _one in range(3):
                assert system.call("POST", "/texts/bulk", {"texts": rows}).status_code == 202
            house.start()
            until(lambda: Text.objects.filter(state="delivered").count() > 100)
            for n in range(10):
                began = clock.now()
                body = {"to": "+96895000001", "text": f"{n}", "ref": f"s{n}", "class": "case"}
                assert system.call("POST", "/texts", body, soft).status_code == 202
                until(Text.objects.filter(ref=f"s{n}", state="delivered").exists, 5)
                assert (clock.now() - began).total_seconds() < 2
            assert Queued.objects.filter(client__code="loud").exists()


# --- attackers ----------------------------------------------------------------------------------------------------


@pytest.mark.req("J5", "P8")
def test_only_a_key_that_counts_opens_anything_and_only_what_it_is_for() -> None:
    with running() as house:
        house.operator()
        client, secret = exchange.client()
        now = clock.now()
        keys = {
            "": 401,
            "nonsense": 401,
            secret + "x": 401,
            exchange.key(client, "revoked", revoked_at=now): 401,
            exchange.key(client, "over", valid_until=now - timedelta(seconds=1)): 401,
            exchange.key(client, "early", valid_from=now + timedelta(hours=1)): 401,
            exchange.key(client, "reader", ["status"]): 403,
            exchange.key(sms.client("off", on=False), "off"): 401,
            secret: 202,
        }
        with face() as system:
            for key, status in keys.items():
                answer = system.call("POST", "/texts", {"to": NUMBER, "text": "x"}, key)
                assert answer.status_code == status, key
                if status == 401:
                    assert answer.headers["www-authenticate"].startswith("Bearer")
            assert system.call("GET", "/balance", None, "reader").status_code == 200
            assert system.call("DELETE", "/texts/1", None, "reader").status_code == 403
            writer = exchange.key(client, "writer", ["send"])
            until(lambda: system.call("POST", "/texts", {"to": NUMBER, "text": "x"}, writer).status_code == 202)
            assert system.call("GET", "/balance", None, writer).status_code == 403
            assert system.call("GET", "/texts/1", None, writer).status_code == 403
            # Whoever guesses is soon held off, without anybody else noticing.
            guesses = system.many([("GET", "/balance", None)] * 40, "guess")
            assert guesses[-1].status_code == 429
            assert system.call("GET", "/balance", None, secret).status_code == 200


@pytest.mark.req("J5")
def test_a_client_sees_and_takes_back_its_own_texts_only() -> None:
    with running() as house:
        house.operator()
        _one, first = exchange.client("one")
        _two, second = exchange.client("two")
        with face(first) as system:
            id_of = system.call("POST", "/texts", {"to": NUMBER, "text": "x", "ref": "mine"}).json()["id"]
            for ref in ("mine", id_of):
                assert system.call("GET", f"/texts/{ref}", None, second).status_code == 404
                assert system.call("DELETE", f"/texts/{ref}", None, second).status_code == 404
            # The same reference of two clients is two texts.
            assert not system.call("POST", "/texts", {"to": NUMBER, "text": "y", "ref": "mine"}, second).json()["known"]
            assert NUMBER not in system.call("GET", "/texts/mine").text


@pytest.mark.req("J5")
def test_what_is_no_request_is_refused_with_a_sentence() -> None:
    with running() as house:
        house.operator(prefixes=["+968"])
        _client, secret = exchange.client(best=Klass.CASE)
        fine = {"to": NUMBER, "text": "x"}
        wrong = [
            (b"{", 400),
            (b"\xff\xfe", 400),
            (b"[" * 100_000, 400),
            ([], 422),
            ("x", 422),
            ({"to": NUMBER}, 422),
            ({"text": "x"}, 422),
            ({**fine, "to": "+15555550123"}, 422),
            ({**fine, "to": ["+96892000001"]}, 422),
            ({**fine, "to": "+96892000001\r\nX: 1"}, 422),
            ({**fine, "more": 1}, 422),
            (b'{"to": "+96892000001", "text": "x", "\\ud800": 1}', 422),
            (b'{"to": "+96892000001", "text": "half \\ud83d"}', 422),
            ({**fine, "ref": "r" * 101}, 422),
            ({**fine, "ref": "a\0b"}, 422),
            ({**fine, "ref": "a\nb"}, 422),
            ({**fine, "ref": "smpp/1/1/r1"}, 422),
            ({**fine, "from": "NotOurs"}, 403),
            ({**fine, "from": "1111\0"}, 403),
            ({**fine, "class": "urgent"}, 403),
            ({**fine, "class": 1}, 422),
            ({**fine, "class": ["bulk"]}, 422),
            ({**fine, "secret": "yes"}, 422),
            ({**fine, "not_before": "tomorrow"}, 422),
            ({**fine, "not_before": "2026-11-22T10:00:00"}, 422),
            ({**fine, "not_before": "2999-01-01T00:00:00Z"}, 422),
            ({**fine, "text": "\0\0"}, 422),
            ({**fine, "text": "x" * 40_001}, 422),
            (b" " * 200_001, 413),
        ]
        with face(secret) as system:
            for body, status in wrong:
                answer = system.call("POST", "/texts", body)
                assert answer.status_code == status, (body if len(str(body)) < 200 else "long", answer.text)
                if status != 202:
                    assert answer.json()["detail"]
            headers = {"Content-Type": "text/plain"}
            assert system.call("POST", "/texts", fine, headers=headers).status_code == 415
            for path in ("", "/", "/nothing", "/texts/a/b", "/texts/" + "x" * 200, "/texts/%00", "/texts/%ff"):
                assert system.call("GET", path).status_code in (404, 405), path
            assert system.call("PUT", "/texts", fine).status_code == 405
            # A reference cannot write headers of ours.
            location = system.call("POST", "/texts", {**fine, "ref": "ä b/ü?#é"}).headers["location"]
            assert location.isascii()
            assert " " not in location
            assert system.call("GET", location.removeprefix("/api/sms/v1")).json()["ref"] == "ä b/ü?#é"


@pytest.mark.req("R6")
def test_the_document_is_there_without_a_key_and_names_every_address() -> None:
    with face() as system:
        found = system.call("GET", "/openapi.json", None, "").json()
        assert found["openapi"].startswith("3.1")
        texts = {"/texts", "/texts/bulk", "/texts/{ref}", "/balance"}
        beside = {"/numbers", "/numbers/{id}", "/numbers/{id}/code", "/data/{code}", "/data/{code}/rows"}
        assert set(found["paths"]) == texts | beside
        # Each address that is told is one that answers.
        for path in beside:
            assert api_beside.find(path.replace("{id}", "1").replace("{code}", "fines")) is not None, path
