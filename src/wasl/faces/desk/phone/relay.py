"""SIP of the agents' browsers, `/phone/ws`: an ASGI websocket that lets a signed-in seat through to Asterisk.

Asterisk's own web server stays on loopback and shows nothing but SIP here (RFC 7118). A browser answers calls and never
begins one: who is called is decided by commands, so that nobody makes the house dial for him.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import aiohttp
from django.db import close_old_connections, connection
from starlette.types import Receive, Scope, Send

from wasl.core.organisation import rights, signin
from wasl.core.organisation.models import Staff
from wasl.faces.frame.live import Visitor, cookies_of, visitor_of
from wasl.services.calls import seats
from wasl.services.calls.models import Seat

log = logging.getLogger(__name__)

PATH = "/phone/ws"
PROTOCOL = "sip"
LARGEST = 65_536
ASK_S = 20.0
"""So often the page is asked whether it is there, and whether its sign-in still counts. Below `seats.PATIENCE`."""
PER_S, AT_ONCE = 40.0, 120
"""Messages that a page may send: a call takes about ten, and one more for each key that is pressed."""
MOST = 500
GONE, REPLACED, WRONG = 4001, 4002, 1008

_PING, _PONG = "\r\n\r\n", "\r\n"
_STARTS = re.compile(r"SIP/2\.0 [1-6][0-9]{2} [^\r\n]*|([A-Z]{3,12}) sips?:[^\s]+ SIP/2\.0")
_FIELD = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+)[ \t]*:[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_NAME_ADDR = re.compile(r'(?:[^<>";]*|"[^"<>]*"[ \t]*)<[^<>"]+>((?:[ \t]*;[^;<>"]+)*)[ \t]*')
"""RFC 3261, 20.39: an address in angle brackets, then parameters of the header. In them alone is the dialog's tag."""
_ALWAYS = frozenset({"REGISTER", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "OPTIONS"})


def may_pass(message: str) -> bool:
    """Whether a browser may send this: answers, its registration, and what belongs to a call that it was given.

    It must be exactly one message in the plainest form, so that Asterisk cannot read anything else in it: one start, no
    folded or half lines, and a body of the length that it says (RFC 3261, 7.5; RFC 7118, 5.3).
    """
    head, _blank, body = message.partition("\r\n\r\n")
    begins, *lines = head.split("\r\n")
    start = _STARTS.fullmatch(begins)
    fields = [_FIELD.fullmatch(line) for line in lines]
    if start is None or None in fields:
        return False
    values = [(found[1].lower(), found[2].strip()) for found in fields if found]
    lengths = [value for name, value in values if name in ("content-length", "l")]
    if lengths != [str(len(body.encode(errors="replace")))]:
        return False
    if start[1] == "INVITE":
        called = [_NAME_ADDR.fullmatch(value) for name, value in values if name in ("to", "t")]
        return len(called) == 1 and called[0] is not None and _has_tag(called[0][1])
    return start[1] is None or start[1] in _ALWAYS


def _has_tag(parameters: str) -> bool:
    return any(one.strip().lower().startswith("tag=") for one in parameters.split(";"))


@dataclass(frozen=True, slots=True)
class Sitting:
    """Who connects, and the sign-in at his seat that he connects with."""

    staff: int
    nonce: bytes


@dataclass(eq=False)
class _Line:
    """One connected page."""

    sitting: Sitting
    heard: bool = True
    code: int = 1000

    def __post_init__(self) -> None:
        self.over = asyncio.Event()

    def end(self, code: int) -> None:
        self.code = code
        self.over.set()


class Relay:
    """The ASGI application. `port` is Asterisk's on loopback; 0: there is none, and nobody is let in."""

    def __init__(self, port: int, *, identify: Callable[[Mapping[str, str]], Visitor] = visitor_of) -> None:
        self._port, self._identify = port, identify
        self._lines: dict[int, _Line] = {}
        # One is enough: each page is looked up every `ASK_S`, which takes milliseconds.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="phone")
        self._http: aiohttp.ClientSession | None = None
        self._closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one page until it leaves, signs out, or opens the telephone elsewhere."""
        if (await receive())["type"] != "websocket.connect":
            return None
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        if not self._port or self._closing or len(self._lines) >= MOST or not _own(scope, headers):
            return await _close(send, WRONG)
        cookies = cookies_of(headers.get("cookie", ""))
        sitting = await self._in_thread(self._sitting, cookies)
        if sitting is None:
            return await _close(send, WRONG)
        try:
            async with self._session().ws_connect(
                f"http://127.0.0.1:{self._port}/ws", protocols=(PROTOCOL,), max_msg_size=LARGEST, heartbeat=30
            ) as asterisk:
                await send({"type": "websocket.accept", "subprotocol": PROTOCOL})
                await self._serve(_Line(sitting), cookies, asterisk, receive, send)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("no telephone for seat %s: %s", sitting.staff, type(error).__name__)
            await _close(send, 1013)
        return None

    def end(self) -> None:
        """End all: the server is about to stop."""
        self._closing = True
        for line in list(self._lines.values()):
            line.end(1001)

    async def close(self) -> None:
        """For the server's shutdown."""
        self.end()
        if self._http is not None:
            await self._http.close()
        self._thread.submit(lambda: connection.close())
        self._thread.shutdown(wait=True)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=5))
        return self._http

    async def _in_thread(self, call: Callable[..., "Sitting | None"], *args: object) -> "Sitting | None":
        def run() -> Sitting | None:
            close_old_connections()
            return call(*args)

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)

    def _sitting(self, cookies: Mapping[str, str], heard: bool = False) -> Sitting | None:
        """Who this is, if he has taken his seat; `heard`: his page has just answered."""
        staff = self._identify(cookies).user
        if not isinstance(staff, Staff) or not rights.may(staff, "phone.answer") or signin.lacks_second_factor(staff):
            return None
        seat = Seat.objects.filter(staff=staff).exclude(state=Seat.State.OUT).first()
        if seat is None or not seat.nonce:
            return None
        if heard:
            seats.heard(staff)
        return Sitting(staff.pk, bytes(seat.nonce))

    async def _serve(
        self,
        line: _Line,
        cookies: Mapping[str, str],
        asterisk: aiohttp.ClientWebSocketResponse,
        receive: Receive,
        send: Send,
    ) -> None:
        before = self._lines.get(line.sitting.staff)
        if before is not None:
            before.end(REPLACED)
        self._lines[line.sitting.staff] = line
        tasks = [
            asyncio.create_task(work)
            for work in (
                _up(line, receive, asterisk), _down(asterisk, send), self._watch(line, cookies, send), line.over.wait(),
            )
        ]  # fmt: skip
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._lines.get(line.sitting.staff) is line:
                del self._lines[line.sitting.staff]
            await _close(send, line.code)

    async def _watch(self, line: _Line, cookies: Mapping[str, str], send: Send) -> None:
        """Ask whether the page is there: it is asked from here, for a page in the back has no clock of its own."""
        while True:
            heard, line.heard = line.heard, False
            if await self._in_thread(self._sitting, cookies, heard) != line.sitting:
                line.end(GONE)
                return
            await send({"type": "websocket.send", "text": _PING})
            await asyncio.sleep(ASK_S)


async def _up(line: _Line, receive: Receive, asterisk: aiohttp.ClientWebSocketResponse) -> None:
    left, at = float(AT_ONCE), time.monotonic()
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return None
        text = message.get("text")
        now = time.monotonic()
        left, at = min(float(AT_ONCE), left + (now - at) * PER_S) - 1, now
        if text is None or len(text) > LARGEST or left < 0:
            return line.end(WRONG)
        line.heard = True
        if text == _PONG:
            continue
        if not may_pass(text):
            log.warning("seat %s sent what no telephone of ours sends", line.sitting.staff)
            return line.end(WRONG)
        await asterisk.send_str(text)


async def _down(asterisk: aiohttp.ClientWebSocketResponse, send: Send) -> None:
    async for message in asterisk:
        if message.type == aiohttp.WSMsgType.TEXT:
            await send({"type": "websocket.send", "text": message.data})
        elif message.type == aiohttp.WSMsgType.BINARY:
            await send({"type": "websocket.send", "text": message.data.decode("utf-8", "replace")})


def _own(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a page of this house asks: another site's page would come with our cookies too."""
    host, origin = headers.get("host", ""), headers.get("origin", "")
    return bool(host) and origin in (f"https://{host}", f"http://{host}") and PROTOCOL in scope.get("subprotocols", ())


async def _close(send: Send, code: int) -> None:
    with suppress(OSError, RuntimeError):
        await send({"type": "websocket.close", "code": code})
