"""Webhooks: who is told what, signatures, patience with who does not answer, and addresses that are not called."""

import hmac
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from wasl.kernel import clock, seal
from wasl.services.exchange import calls
from wasl.services.exchange.models import Call, Handed, Login, Webhook
from wasl.services.texts.making import HOUSE, number_place, words_place
from wasl.services.texts.models import Client, Ended, Incoming, Klass, Operator, Text

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "whsec_test"


class Receiver(ThreadingHTTPServer):
    """A system that is called: what it got, and how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.delay = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/sms?x=1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(server.delay)
        server.got.append((dict(self.headers), body))
        self.send_response(server.status)
        self.send_header("Content-Length", "0")
        if server.status == 302:
            self.send_header("Location", "http://169.254.169.254/")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name it has
        pass


@contextmanager
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(autouse=True)
def _here(settings: Any) -> None:
    settings.WASL_OUTWARD_NETWORKS = ["127.0.0.1"]


def client(code: str = "evisa", **fields: Any) -> Client:
    facts = {"name": code, "sender": "1111", "told": True, **fields}
    return Client.objects.update_or_create(code=code, defaults=facts)[0]


def webhook(owner: Client, url: str) -> Webhook:
    made = Webhook(client=owner, url=url, made_at=clock.now())
    made.secret_sealed = seal.seal(SECRET, place=calls.secret_place(made.pk))
    made.save()
    return made


def ended(owner: Client, ref: str, state: str = "delivered") -> Ended:
    now = clock.now()
    text = Text.objects.create(
        client=owner, ref=ref, klass=Klass.CASE, number_sealed=b"x", look_up=b"x", hint="+968 •••• 001", sender="1111",
        words_sealed=b"x", parts=1, state=state, made_at=now, accepted_at=now, ended_at=now,
    )  # fmt: skip
    return Ended.objects.create(text=text, state=state, at=now)


def came_in(code: str, words: str) -> Incoming:
    operator, _new = Operator.objects.get_or_create(code="first", defaults={"name": "First"})
    made = Incoming(operator=operator, code=code, look_up=b"x", hint="+968 •••• 001", mark=b"x", session=1)
    made.at = clock.now()
    made.number_sealed = seal.seal("+96892000001", place=number_place(made.pk))
    made.words_sealed = seal.seal(words, place=words_place(made.pk))
    made.save()
    return made


def step(caller: calls.Caller, until: Any, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        if not caller.step():
            caller.rest(0.02)


@pytest.mark.req("J5", "R6")
def test_endings_and_incoming_texts_are_told_signed_to_whom_they_belong() -> None:
    with receiver() as server:
        own = client(codes=["90999"])
        hook = webhook(own, server.url)
        ended(own, "a")
        ended(own, "b", "failed")
        house = ended(client(HOUSE), "c")
        came_in("90999", "أين شحنتي؟")
        ours = came_in("90888", "SR 1")
        caller = calls.Caller()
        try:
            step(caller, lambda: len(server.got) == 2 and not Call.objects.exists())
        finally:
            caller.close()
        events = [event for _headers, body in server.got for event in json.loads(body)["events"]]
        assert sorted((one["event"], one["text"].get("ref", one["text"].get("text"))) for one in events) == [
            ("text.ended", "a"),
            ("text.ended", "b"),
            ("text.received", "أين شحنتي؟"),
        ]
        for headers, body in server.got:
            at, mac = (part.partition("=")[2] for part in headers["Wasl-Signature"].split(","))
            assert abs(time.time() - int(at)) < 60
            assert mac == hmac.new(SECRET.encode(), at.encode() + b"." + body, sha256).hexdigest()
        # What is the hotline's own stays for the hotline.
        assert [one.pk for one in Ended.objects.all()] == [house.pk]
        assert Incoming.objects.get(pk=ours.pk).state == "new"
        hook.refresh_from_db()
        assert (hook.last_said, hook.failing_since) == ("HTTP 200", None)


@pytest.mark.req("J5")
@pytest.mark.slow
def test_a_call_is_tried_again_for_a_day_then_given_up_and_shown() -> None:
    with receiver() as server:
        server.status = 500
        own = client()
        hook = webhook(own, server.url)
        ended(own, "a")
        waits = []
        for attempt in range(len(calls.BACK_OFF_S) + 1):
            if attempt:
                Call.objects.update(due_at=clock.now())
            caller = calls.Caller()
            try:
                step(caller, Call.objects.filter(attempts=attempt + 1).exists)
            finally:
                caller.close()
            waits.append((Call.objects.get().due_at - clock.now()).total_seconds())
        assert 86_400 * 0.8 < sum(calls.BACK_OFF_S) < 86_400 * 1.5
        assert waits[0] < 7 < waits[1]
        call = Call.objects.get()
        assert (call.state, call.said) == ("dead", "HTTP 500")
        hook.refresh_from_db()
        assert hook.failing_since is not None
        assert len(server.got) == len(calls.BACK_OFF_S) + 1
        # The same event each time, known by its id.
        assert len({body for _headers, body in server.got}) == 1
        with clock.later(timedelta(days=31)):
            calls.forget_old()
        assert not Call.objects.exists()


@pytest.mark.req("J5")
def test_a_slow_receiver_does_not_delay_another() -> None:
    with receiver() as slow, receiver() as fast:
        slow.delay = 3.0
        first, second = client("slow"), client("fast")
        webhook(first, slow.url)
        webhook(second, fast.url)
        for n in range(6):
            ended(first, f"s{n}")
            calls.gather()
        caller = calls.Caller()
        try:
            caller.step()
            began = time.monotonic()
            ended(second, "f")
            step(caller, lambda: fast.got)
            assert time.monotonic() - began < 2
            of_the_slow = [one for one in caller._air.values() if one.url == slow.url]
            assert 0 < len(of_the_slow) <= calls.EACH
        finally:
            caller.close()


@pytest.mark.req("J5")
def test_addresses_inside_the_house_are_not_called(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WASL_OUTWARD_NETWORKS = []
    with receiver() as server:
        for url in (
            server.url,
            f"http://localhost:{server.server_port}/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[::1]:1/",
            "http://[::ffff:127.0.0.1]:1/",
            "http://0.0.0.0:1/",
            "http://10.0.0.1/",
        ):
            heard, said = calls.make(calls.Due(1, 1, url, SECRET, b"{}", 0))
            assert not heard
            assert "not among the networks" in said, url
        # A name that is another address the second time it is asked: the connection goes to what was checked.
        asked: list[str] = []
        true = socket.getaddrinfo

        def turning(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "turning.example":
                return true(host, port, *args, **kwargs)
            asked.append(host)
            return true("127.0.0.1" if len(asked) > 1 else "192.0.2.1", port, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", turning)
        settings.WASL_OUTWARD_NETWORKS = ["192.0.2.0/24"]
        monkeypatch.setattr(calls, "TIMEOUT_S", 0.5)
        heard, _said = calls.make(calls.Due(1, 1, f"http://turning.example:{server.server_port}/", SECRET, b"{}", 0))
        assert not heard
        assert len(asked) == 1
        # A redirect is no answer, and is not followed.
        settings.WASL_OUTWARD_NETWORKS = ["127.0.0.1"]
        server.got.clear()
        server.status = 302
        assert calls.make(calls.Due(1, 1, server.url, SECRET, b"{}", 0)) == (False, "HTTP 302")
        assert len(server.got) == 1


@pytest.mark.req("J5")
def test_a_reference_that_pretends_to_be_smpp_s_gives_no_other_client_a_receipt() -> None:
    victim, other = client("victim"), client("other")
    login = Login.objects.create(client=victim, system_id="v", key_digest=b"x", made_at=clock.now())
    ended(other, f"smpp/{login.pk}/1/r1")
    ended(victim, f"smpp/{login.pk}/1/r999999999")
    ended(victim, f"smpp/{login.pk}/2/q1")
    ended(victim, f"smpp/{login.pk}/3/r2")
    assert calls.gather() == 4
    assert [one.text.ref for one in Handed.objects.all() if one.text] == [f"smpp/{login.pk}/3/r2"]
