"""The interface of other systems to the gateway, `/api/sms/v1/`: a lean ASGI application beside Django.

Texts are judged here and kept by `services.texts.writer`, many callers' in one transaction; 202 goes out when it has
committed. What is only read runs in two threads with Django. What the interface offers is told in `document`.
"""

import asyncio
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote, unquote

from django.db import close_old_connections, connection
from django.db.utils import InterfaceError, OperationalError
from django.utils import translation
from starlette.types import Receive, Scope, Send

from wasl.faces.exchange import answering, asking, beside, document
from wasl.faces.exchange.problems import STATUS, Problem
from wasl.kernel import clock
from wasl.services.exchange import queries as exchange
from wasl.services.exchange.models import Key
from wasl.services.texts import actions as texts
from wasl.services.texts import queries
from wasl.services.texts.making import Made, New, Refused, Taken, make
from wasl.services.texts.models import Client
from wasl.services.texts.writer import Away, Full, Writer

log = logging.getLogger(__name__)

PREFIX = "/api/sms/v1"
LARGEST_SINGLE, LARGEST_BULK = 200_000, 20_000_000
PATIENCE_S = 15.0
FRESH_S, STALE_S = 1.0, 5.0
"""Keys and settings are read anew when so old; while the data base is away they count a little longer."""
WRONG_KEYS, WRONG_KEYS_S = 30, 60.0
THREADS = 2
MOST_READS = 200
"""Requests that may wait for the two threads."""

T = TypeVar("T")
Answer = tuple[int, bytes, list[tuple[bytes, bytes]]]
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")
_ALWAYS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]


class Book:
    """Keys and settings as of a moment ago, for the event loop, which asks no data base itself."""

    def __init__(self) -> None:
        self.settings: queries.Settings
        self.keys: dict[bytes, exchange.Known] = {}
        self.used: set[int] = set()
        self.ported: dict[bytes, int] = {}

    def read(self) -> None:
        """Read anew, and note which keys were used; in a thread."""
        used, self.used = self.used, set()
        if used:
            Key.objects.filter(pk__in=used).update(last_used=clock.now())
        self.settings = queries.settings()
        self.keys = exchange.known_keys()


class Exchange:
    """The ASGI application. `where` is libpq's words for the data base."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._book = Book()
        self._writer: Writer | None = None
        self._read_at = -1e9
        self._reading: asyncio.Task[None] | None = None
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="exchange")
        self._inside = 0
        self._wrong: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # Sentences of this interface are English: programs read `type`, and their makers the rest.
        translation.activate("en")
        try:
            status, body, headers = await self._answer(scope, receive)
        except _Gone:
            return
        except Exception as error:  # noqa: BLE001  # logged by _refusal, and answered with 500
            refusal = _refusal(error)
            status, body, headers = refusal.status, refusal.encoded(), [_PROBLEM, *refusal.headers()]
        await send({"type": "http.response.start", "status": status, "headers": headers + _ALWAYS})
        await send({"type": "http.response.body", "body": body})

    async def close(self) -> None:
        """Keep what waits, and end."""
        if self._writer:
            await self._writer.close()
        meet = threading.Barrier(THREADS)

        def leave() -> None:
            meet.wait(5)
            connection.close()

        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, leave) for _one in range(THREADS)))
        self._threads.shutdown(wait=False)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:  # noqa: C901  # one line for each address
        path, method = scope["path"][len(PREFIX) :], scope["method"]
        if path == "/openapi.json" and method in ("GET", "HEAD"):
            return 200, document.encoded(), [_JSON]
        given = key = length = kind = b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                given = value
            elif name == b"idempotency-key":
                key = value
            elif name == b"content-length":
                length = value
            elif name == b"content-type":
                kind = value
        await self._fresh()
        known = self._who(scope, given)
        if path == "/texts":
            self._may(method, "POST", known, "send")
            body = await _body(receive, length, kind, LARGEST_SINGLE)
            return await self._single(known.client, body, key)
        if path == "/texts/bulk":
            self._may(method, "POST", known, "send")
            body = await _body(receive, length, kind, LARGEST_BULK)
            return await self._bulk(known.client, body)
        if path == "/balance":
            self._may(method, "GET", known, "status")
            return await self._in_thread(partial(answering.balance, known.client))
        if path.startswith("/texts/"):
            # The server has read the path's percent signs once already; its raw form tells "/" from "%2F".
            raw = scope.get("raw_path") or quote(scope["path"]).encode()
            ref = unquote(raw.split(b"?")[0].decode("latin-1")[len(PREFIX) + len("/texts/") :], errors="replace")
            if method == "DELETE":
                self._may(method, "DELETE", known, "send")
                return await self._in_thread(partial(answering.cancel, known.client, ref))
            self._may(method, "GET", known, "status", also="DELETE")
            return await self._in_thread(partial(answering.life, known.client, ref))
        if (found := beside.find(path)) is None:
            raise Problem(404, "path", "There is nothing at this address; see openapi.json.")
        route, parts = found
        self._may(method, route.method, known, route.scope)
        what = kind.split(b";")[0].strip().lower()
        taken = b"" if what in route.kinds else kind
        body = await _body(receive, length, taken, route.largest) if route.largest else b""
        return await self._in_thread(partial(beside.answer, route, known.client, body, what, parts))

    # --- who asks --------------------------------------------------------------------------------------------------

    def _who(self, scope: Scope, given: bytes) -> exchange.Known:
        caller = str((scope.get("client") or ("?",))[0])
        if given[:7].lower() == b"bearer ":
            known = self._book.keys.get(exchange.digest_of(given[7:].strip().decode("latin-1")))
            if known is not None and known.counts(clock.now()):
                self._book.used.add(known.id)
                return known
        now = time.monotonic()
        since, count = self._wrong.get(caller, (now, 0))
        if now - since > WRONG_KEYS_S:
            since, count = now, 0
        if count >= WRONG_KEYS:
            raise Problem(429, "keys", "Too many wrong keys came from your address.", retry_s=int(WRONG_KEYS_S))
        self._wrong[caller] = since, count + 1
        self._wrong.move_to_end(caller)
        while len(self._wrong) > 10_000:
            self._wrong.popitem(last=False)
        raise Problem(401, "key", "A valid key is needed: “Authorization: Bearer wasl_…”.")

    def _may(self, method: str, wanted: str, known: exchange.Known, scope: str, also: str = "") -> None:
        if method != wanted and not (method == "HEAD" and wanted == "GET"):
            raise Problem(405, "method", f"Only {' and '.join(filter(None, (wanted, also)))} is possible here.")
        if scope not in known.scopes:
            raise Problem(403, "scope", f"This key may not do that: it lacks the scope “{scope}”.")

    async def _fresh(self) -> None:
        age = time.monotonic() - self._read_at
        if age < FRESH_S:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        # A little old is good enough: nobody waits for what is read beside.
        if age > STALE_S:
            await asyncio.shield(self._reading)
            if time.monotonic() - self._read_at > STALE_S:
                raise Away

    async def _read(self) -> None:
        try:
            await self._in_thread(self._book.read)
        except Exception as error:  # noqa: BLE001  # told by the age of what is known
            log.warning("keys could not be read: %s", "".join(str(error).splitlines()[:1]))
        else:
            self._read_at = time.monotonic()

    # --- texts -----------------------------------------------------------------------------------------------------

    async def _single(self, client: Client, body: bytes, key: bytes) -> Answer:
        new = asking.text_of(asking.decoded(body), client, self._book.settings.region, _key(key))
        known = self._book.settings
        ported = (await self._ported([new])).get(new.number) if known.ported else None
        one = make(client, new, known, ported=ported)
        found = (await self._keep([one]))[0]
        if isinstance(found, Refused):
            raise found
        location = f"{PREFIX}/texts/{quote(one.ref, safe='')}".encode()
        return 202, _written(one, found), [_JSON, (b"location", location)]

    async def _bulk(self, client: Client, body: bytes) -> Answer:
        rows = asking.rows_of(body)
        found: list[Any] = [None] * len(rows)
        news: list[tuple[int, New]] = []
        for place, row in enumerate(rows):
            try:
                news.append((place, asking.text_of(row, client, self._book.settings.region)))
            except Problem as problem:
                found[place] = problem.body()
            if place % 100 == 99:
                await asyncio.sleep(0)
        ported = await self._ported([new for _place, new in news])
        made: list[tuple[int, Made]] = []
        for place, new in news:
            try:
                made.append((place, make(client, new, self._book.settings, ported=ported.get(new.number))))
            except Refused as refused:
                found[place] = _problem(refused).body()
            if place % 100 == 99:
                await asyncio.sleep(0)
        if made:
            answers = await self._keep([each for _place, each in made])
            for (place, kept), answer in zip(made, answers, strict=True):
                found[place] = _problem(answer).body() if isinstance(answer, Refused) else _taken(kept, answer)
        return 202, json.dumps({"texts": found}).encode(), [_JSON]

    async def _keep(self, made: list[Made]) -> list[Taken | Refused]:
        if self._writer is None:
            self._writer = Writer(self._where)
        try:
            return await self._writer.keep(made)
        except Full as error:
            raise Problem(429, "busy", "Too much waits to be kept. Please send it again.", retry_s=1) from error

    async def _ported(self, news: Iterable[New]) -> dict[str, int]:
        if not self._book.settings.ported:
            return {}
        return await self._in_thread(partial(texts.ported_of, [new.number for new in news]))

    # --- threads ---------------------------------------------------------------------------------------------------

    async def _in_thread(self, call: Callable[[], T]) -> T:
        if self._inside >= MOST_READS:
            raise Problem(429, "busy", "Too many questions wait. Please ask again.", retry_s=1)
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, _in_english, call)
        finally:
            self._inside -= 1


class _Gone(Exception):
    """Who asked has left."""


def _refusal(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refused):
        return _problem(error)
    if isinstance(error, OperationalError | InterfaceError | Away):
        return Problem(503, "away", "The data base is away. Please send the same again in a moment.", retry_s=2)
    log.error("a request of another system failed", exc_info=error)
    return Problem(500, "broken", "Something is broken here.")


def _in_english(call: Callable[[], T]) -> T:
    close_old_connections()
    with translation.override("en"):
        return call()


async def _body(receive: Callable[[], Awaitable[Any]], length: bytes, kind: bytes, largest: int) -> bytes:
    if kind and kind.split(b";")[0].strip().lower() not in (b"application/json", b"text/json"):
        raise Problem(415, "media", "The body is JSON: “Content-Type: application/json”.")
    if length.isdigit() and int(length) > largest:
        raise Problem(413, "size", f"A body has at most {largest:,} octets here.")
    pieces: list[bytes] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(PATIENCE_S):
                message = await receive()
        except TimeoutError as error:
            raise _Gone from error
        if message["type"] != "http.request":
            raise _Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > largest:
            raise Problem(413, "size", f"A body has at most {largest:,} octets here.")
        pieces.append(piece)
        if not message.get("more_body", False):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _key(given: bytes) -> str:
    key = given.decode("latin-1").strip()
    # The draft of the header writes it as a quoted string.
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if len(key) > 100:
        raise Problem(422, "ref", "A reference has at most 100 characters.", "Idempotency-Key")
    return key


def _taken(one: Made, taken: Taken) -> dict[str, Any]:
    return {"ref": one.ref, "id": str(taken.id), "parts": taken.parts, "known": taken.known}


def _written(one: Made, taken: Taken) -> bytes:
    """`_taken` as JSON; the reference alone can hold what must be escaped."""
    known = "true" if taken.known else "false"
    return f'{{"ref": {json.dumps(one.ref)}, "id": "{taken.id}", "parts": {taken.parts}, "known": {known}}}'.encode()


def _problem(refused: Refused) -> Problem:
    retry_s = {"day": answering.seconds_of_today(), "minute": 60, "again": 1}.get(refused.why, 0)
    return Problem(STATUS.get(refused.why, 422), refused.why, str(refused), retry_s=retry_s)
