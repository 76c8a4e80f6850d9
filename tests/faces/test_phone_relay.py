"""The way of SIP from an agent's browser to Asterisk: who is let through, what may pass, and who is sent away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Self

import pytest
from aiohttp import web
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from starlette.types import Message

from tests.city import City
from wasl.core.organisation.models import Staff
from wasl.faces.desk.phone import relay
from wasl.faces.frame.live import Visitor
from wasl.services.calls import seats
from wasl.services.calls.models import Profile, Seat

SOON_S = 5.0
HOST = "wasl.example"


def sip(begins: str, *lines: str, body: str = "", length: str = "") -> str:
    """One message as a browser sends it."""
    size = length or f"Content-Length: {len(body.encode())}"
    return "\r\n".join([begins, *lines, size, "", body])


def inviting(to: str, **more: str) -> str:
    return sip("INVITE sip:+96899999999@wasl.invalid SIP/2.0", f"To: {to}", **more)


REGISTER = sip("REGISTER sip:wasl.invalid SIP/2.0", "To: <sip:seat1@wasl.invalid>")
INVITE = inviting("<sip:+96899999999@wasl.invalid>")
OK = sip("SIP/2.0 200 OK", "To: <sip:a@b>")
BYE = "BYE sip:a@b SIP/2.0"


@pytest.mark.req("D9")
@pytest.mark.parametrize(
    ("message", "passes"),
    [
        (REGISTER, True),
        (OK, True),
        (sip("SIP/2.0 200 OK", "To: <sip:a@b>", body="v=0\r\n\r\no=- 中 1\r\n"), True),
        (sip(BYE), True),
        (inviting("<sip:a@b>;tag=abc"), True),
        (inviting('"Agent; seven" <sip:a@b;transport=ws> ; x=y ;TAG=abc'), True),
        (INVITE, False),
        (inviting("<sip:a@b>", body="To: <sip:a@b>;tag=in-the-body\r\n"), False),
        (INVITE.replace("INVITE", "REFER"), False),
        (INVITE.replace("INVITE", "MESSAGE"), False),
        (INVITE.replace("INVITE", "SUBSCRIBE"), False),
        ("GET /ari/channels HTTP/1.1\r\n\r\n", False),
        ("", False),
        ("\x00" * 50, False),
        # A tag of anything but the header is none.
        (inviting("<sip:a@b;tag=abc>"), False),
        (inviting('"x;tag=abc" <sip:a@b>'), False),
        (inviting('"<sip:a@b>;tag=abc" <sip:a@b>'), False),
        (inviting("sip:a@b;tag=abc"), False),
        # Which of two counts is not ours to guess.
        (inviting("<sip:a@b>;tag=abc\r\nTo: <sip:a@b>"), False),
        (inviting("<sip:a@b>;tag=abc\r\nt: <sip:a@b>"), False),
        (inviting("<sip:a@b>\r\n ;tag=abc"), False),
        # Asterisk takes what comes after a message for the next one.
        (OK + INVITE, False),
        (sip(BYE, body=INVITE, length="Content-Length: 0"), False),
        (sip(BYE, body=INVITE, length="Content-Length: 0\r\nl: 999"), False),
        (sip(BYE, body=INVITE, length="X: 0"), False),
        (sip(BYE, "X: a\n\nINVITE sip:a@b SIP/2.0"), False),
        (sip(BYE, "X: a\rContent-Length: 0"), False),
        (sip(BYE, "X: a\x00"), False),
        (sip(BYE, length="Content-Length: ٠"), False),
        (sip(f"{BYE} \udc80", "X: \udc80"), False),
    ],
)
def test_a_browser_answers_and_never_begins_a_call(message: str, passes: bool) -> None:
    assert relay.may_pass(message) is passes


class Page:
    """A browser's page at the level of ASGI."""

    def __init__(self, app: relay.Relay, headers: Mapping[str, str]) -> None:
        self.app = app
        self.scope: dict[str, Any] = {
            "type": "websocket", "path": relay.PATH, "subprotocols": ["sip"],
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }  # fmt: skip
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.said: list[Message] = []
        self._more = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self.to_app.put({"type": "websocket.connect"})
        self._task = asyncio.create_task(self.app(self.scope, self.to_app.get, self._send))
        await self.until(lambda: bool(self.said))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.to_app.put({"type": "websocket.disconnect", "code": 1000})
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self._task, SOON_S)

    async def _send(self, message: Message) -> None:
        self.said.append(dict(message))
        self._more.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not condition():
                self._more.clear()
                await self._more.wait()

    async def says(self, text: str) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": text})

    @property
    def accepted(self) -> bool:
        return bool(self.said[0]["type"] == "websocket.accept")

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.said if one["type"] == "websocket.send" and one["text"] != "\r\n\r\n"]

    @property
    def closed(self) -> int | None:
        return next((int(one["code"]) for one in self.said if one["type"] == "websocket.close"), None)


def own(**more: str) -> dict[str, str]:
    return {"host": HOST, "origin": f"https://{HOST}", "cookie": "", **more}


def run(staff: Staff | None, work: Callable[[relay.Relay, list[str]], Awaitable[None]]) -> None:
    """With an Asterisk that answers each message with itself."""
    heard: list[str] = []

    async def asterisk(request: web.Request) -> web.WebSocketResponse:
        wire = web.WebSocketResponse(protocols=("sip",))
        await wire.prepare(request)
        async for message in wire:
            heard.append(message.data)
            await wire.send_str(f"SIP/2.0 200 OK\r\n\r\n{message.data}")
        return wire

    async def whole() -> None:
        site = web.Application()
        site.router.add_get("/ws", asterisk)
        runner = web.AppRunner(site)
        await runner.setup()
        socket = web.TCPSite(runner, "127.0.0.1", 0)
        await socket.start()
        assert runner.addresses
        app = relay.Relay(runner.addresses[0][1], identify=lambda _cookies: Visitor(staff, SessionStore()))
        try:
            await work(app, heard)
        finally:
            await app.close()
            await runner.cleanup()

    asyncio.run(whole())


@pytest.fixture
def agent(committed_city: City) -> Staff:
    """Who has taken his seat."""
    staff = committed_city.agent
    Profile.objects.get_or_create(staff=staff)
    seats.sign_in(by=staff)
    return staff


pytestmark = pytest.mark.slow


def test_a_seat_speaks_with_asterisk(agent: Staff) -> None:
    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as page:
            assert page.accepted
            await page.says(REGISTER)
            await page.until(lambda: len(page.texts) == 1)
            assert heard == [REGISTER]
            await page.says("\r\n")
            await page.says(INVITE)
            await page.until(lambda: page.closed is not None)
            assert page.closed == relay.WRONG
            assert heard == [REGISTER], "Asterisk was told to call somebody"

    run(agent, work)


@pytest.mark.parametrize(
    "headers",
    [
        own(origin="https://evil.example"),
        own(origin=""),
        own(origin=f"https://{HOST}.evil.example"),
        own(host=""),
        own(origin="https://[not-an-address"),
        own(origin="null"),
        own(origin=f"https://x@{HOST}"),
    ],
)
def test_another_site_is_not_let_in(agent: Staff, headers: dict[str, str]) -> None:
    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, headers) as page:
            assert not page.accepted

    run(agent, work)


@pytest.mark.parametrize("who", ["nobody", "without a seat", "signed out", "another role"])
def test_only_a_seat_that_is_taken_is_let_in(committed_city: City, agent: Staff, who: str) -> None:
    if who == "signed out":
        seats.sign_out(by=agent)
    elif who == "without a seat":
        Seat.objects.all().delete()
    staff = {"nobody": None, "another role": committed_city.administrator}.get(who, agent)

    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as page:
            assert not page.accepted

    run(staff, work)


def test_the_newer_page_is_the_telephone(agent: Staff) -> None:
    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as first, Page(app, own()) as second:
            await first.until(lambda: first.closed is not None)
            assert first.closed == relay.REPLACED
            await second.says(REGISTER)
            await second.until(lambda: len(second.texts) == 1)

    run(agent, work)


def test_who_signs_out_elsewhere_is_sent_away(agent: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "ASK_S", 0.2)

    def sign_in_again() -> None:
        seats.sign_in(by=agent)
        connection.close()

    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as page:
            await asyncio.to_thread(sign_in_again)
            await page.until(lambda: page.closed is not None)
            assert page.closed == relay.GONE

    run(agent, work)


def test_a_page_that_answers_is_heard_of(agent: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "ASK_S", 0.2)
    before = Seat.objects.get(staff=agent).heard_at
    assert before

    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as page:
            for _n in range(4):
                await page.says("\r\n")
                await asyncio.sleep(0.2)

    run(agent, work)
    now = Seat.objects.get(staff=agent).heard_at
    assert now is not None
    assert now > before


def test_a_flood_ends_the_line(agent: Staff) -> None:
    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as page:
            for _n in range(relay.AT_ONCE * 3):
                await page.says("\r\n")
            await page.until(lambda: page.closed is not None)

    run(agent, work)


def test_what_is_too_large_ends_the_line(agent: Staff) -> None:
    async def work(app: relay.Relay, heard: list[str]) -> None:
        async with Page(app, own()) as page:
            await page.says(REGISTER + "x" * relay.LARGEST)
            await page.until(lambda: page.closed is not None)
            assert heard == []

    run(agent, work)


def test_without_asterisk_it_is_told_to_come_back(agent: Staff) -> None:
    async def work() -> None:
        app = relay.Relay(9, identify=lambda _cookies: Visitor(agent, SessionStore()))
        async with Page(app, own()) as page:
            assert not page.accepted
        await app.close()

    asyncio.run(work())
