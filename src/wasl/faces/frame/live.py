"""Live updates: an ASGI application for `GET /live?topics=case:12,centre`, fed by one LISTEN connection per process.

The core sends `{"topics": [...], "case": 12, "seq": 9, "verb": "order.dispatched"}` on channel `wasl_live` inside the
transaction of a change; here it goes as server-sent events to the pages that asked for one of the topics and may see
it. An event says only that something changed: the page fetches the truth, so what is lost or doubled does no harm.

PostgreSQL hands notices to every listener in the order of commits, so the id of an event (case and entry) marks the
same place in every process: a page that comes back with `Last-Event-ID` gets what it missed, or `resync` when that is
too long ago. Which topics a page may hear is asked when it connects; a stream ends after `LIFE_S` and is asked again.
"""

import asyncio
import json
import logging
import random
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import Any, Protocol, cast
from urllib.parse import parse_qs

import psycopg
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import close_old_connections
from django.utils.crypto import constant_time_compare
from starlette.types import Receive, Scope, Send

from wasl.kernel.rows import LIVE_CHANNEL

log = logging.getLogger(__name__)

BEAT_S = 15.0
RETRY_MS = 3000
LIFE_S = 600.0
# A page gets news at once, and then what gathered meanwhile: nobody reads faster than this.
GATHER_S = 0.25
KEPT = 8192
# Key in a citizen's session: ids of the cases that this browser has opened by number and PIN or by a link.
OPENED_CASES = "opened_cases"
MOST_TOPICS = 64
MOST_WAITING = 256
SEND_PATIENCE_S = 20.0
_TOPIC = re.compile(r"[a-z][a-z_]{0,30}(?::[A-Za-z0-9_-]{1,40})?")
_RESYNC = b"event: resync\ndata: {}\n\n"
_BEAT = b": still here\n\n"


@dataclass(frozen=True)
class Visitor:
    """Who opened the page: the signed-in user, or None, and the browser's session (which may hold opened cases)."""

    user: AbstractBaseUser | None
    session: SessionBase


def visitor_of(cookies: Mapping[str, str]) -> Visitor:
    """The visitor behind a browser's cookies, by Django's sessions; asks the data base, so it runs in a thread.

    A session whose password has been changed since, or whose user is no longer active, counts as nobody's.
    """
    engine = import_module(settings.SESSION_ENGINE)
    session = cast("SessionBase", engine.SessionStore(cookies.get(settings.SESSION_COOKIE_NAME)))
    user: AbstractBaseUser | None = None
    if session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS:
        found = get_user_model()._default_manager.filter(pk=str(session.get(SESSION_KEY, ""))).first()
        if isinstance(found, AbstractBaseUser) and found.is_active:
            kept = str(session.get(HASH_SESSION_KEY, ""))
            hashes = [found.get_session_auth_hash(), *found.get_session_auth_fallback_hash()]
            if any(constant_time_compare(kept, one) for one in hashes):
                user = found
    return Visitor(user, session)


@dataclass(eq=False)
class _Page:
    """One open stream: what it may hear, what waits to be sent."""

    topics: frozenset[str]
    owner: str
    user: int | None = None
    waiting: deque[bytes] = field(default_factory=deque)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def give(self, message: bytes) -> None:
        if len(self.waiting) >= MOST_WAITING:
            # It does not read: it is cut off, and catches up when it comes back.
            self.end()
            return
        self.waiting.append(message)
        self.news.set()

    def end(self) -> None:
        self.ended = True
        self.news.set()


@dataclass(frozen=True)
class _Notice:
    """One notice as it came from PostgreSQL; `at` is the process's monotonic clock."""

    id: str
    topics: frozenset[str]
    said: Mapping[str, Any]
    at: float

    def message(self, heard: frozenset[str]) -> bytes:
        """The event for a page that hears `heard`: topics of others are not named."""
        told = {**self.said, "topics": sorted(self.topics & heard)}
        return f"id: {self.id}\ndata: {json.dumps(told, separators=(',', ':'))}\n\n".encode()


class Attendance(Protocol):
    """Is told who listens to what, in one of the threads of `Live`."""

    def came(self, user: int, topics: Iterable[str], /) -> None:
        """A page of this signed-in user begins to listen."""

    def still(self, present: Iterable[tuple[int, Iterable[str]]], /) -> None:
        """Every `BEAT_S`: the signed-in users of this process's pages, with the topics of each page."""


class Live:
    """The ASGI application.

    `conninfo` is libpq's; `allowed(visitor, topic)` says who may hear what and, like `identify` and `attendance`, runs
    in a thread of its own two; `limit` is the number of pages per process and `limit_each` per browser.
    """

    def __init__(
        self,
        *,
        conninfo: str,
        allowed: Callable[[Visitor, str], bool],
        identify: Callable[[Mapping[str, str]], Visitor] = visitor_of,
        attendance: Attendance | None = None,
        limit: int = 2000,
        limit_each: int = 24,
    ) -> None:
        self._conninfo = conninfo
        self._allowed = allowed
        self._identify = identify
        self._attendance = attendance
        self._limit = limit
        self._limit_each = limit_each
        self._pages: set[_Page] = set()
        self._by_topic: dict[str, set[_Page]] = {}
        self._kept: deque[_Notice] = deque(maxlen=KEPT)
        self._kept_since = time.monotonic()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="live")
        self._tasks: list[asyncio.Task[None]] = []
        self._listening = asyncio.Event()
        self._closing = False

    @property
    def pages(self) -> int:
        """How many pages are connected to this process."""
        return len(self._pages)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one page until it leaves, is too slow, or `LIFE_S` is over."""
        if scope["method"] not in {"GET", "HEAD"}:
            return await _refuse(send, 405, "only GET")
        query = parse_qs(scope["query_string"].decode("latin-1"))
        asked = _topics(query)
        if not asked or len(asked) > MOST_TOPICS:
            return await _refuse(send, 400, "name one to 64 topics")
        if self._closing or len(self._pages) >= self._limit:
            return await _refuse(send, 503, "too many pages are open")
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        user, heard = await self._who(headers, asked)
        if not heard:
            return await _refuse(send, 403, "none of these topics is open to you")
        owner = str(user) if user else str((scope.get("client") or ("?",))[0])
        if sum(page.owner == owner for page in self._pages) >= self._limit_each:
            return await _refuse(send, 429, "too many pages of this browser are open")
        if scope["method"] == "HEAD":
            return await _refuse(send, 200, "")
        self._start()
        page = _Page(heard, owner, user)
        # From here on nothing is missed: the page is entered before the past is looked up.
        self._enter(page)
        if user and self._attendance:
            self._in_thread(self._attendance.came, user, heard)
        try:
            await self._serve(page, self._missed(page, headers, query), receive, send)
        finally:
            self._leave(page)
        return None

    def end(self) -> None:
        """End all streams and open no more: the server is about to stop, and waits for none of them."""
        self._closing = True
        for page in list(self._pages):
            page.end()

    async def close(self) -> None:
        """End all streams and the listening; for the server's shutdown."""
        self.end()
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
        self._threads.shutdown(wait=False)

    async def ready(self) -> None:
        """Start listening and wait until PostgreSQL has confirmed it."""
        self._start()
        await self._listening.wait()

    def _in_thread(self, call: Callable[..., None], *args: Any) -> None:
        """Begin a call and let nobody wait for it; what goes wrong is logged."""

        def run() -> None:
            try:
                close_old_connections()
                call(*args)
            except Exception:
                log.exception("who listens could not be told")

        with suppress(RuntimeError):  # the threads were shut down with the server
            self._threads.submit(run)

    async def _who(self, headers: Mapping[str, str], asked: frozenset[str]) -> tuple[int | None, frozenset[str]]:
        cookies = cookies_of(headers.get("cookie", ""))

        def look_up() -> tuple[int | None, frozenset[str]]:
            close_old_connections()
            visitor = self._identify(cookies)
            user = visitor.user.pk if visitor.user else None
            return user, frozenset(topic for topic in asked if self._allowed(visitor, topic))

        return await asyncio.get_running_loop().run_in_executor(self._threads, look_up)

    async def _serve(self, page: _Page, missed: list[bytes], receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        watch = asyncio.create_task(_until_gone(page, receive))
        end_at = time.monotonic() + LIFE_S * random.uniform(0.8, 1.2)  # noqa: S311 - only to spread the load
        message = f"retry: {RETRY_MS}\n\n".encode() + b"".join(missed)
        try:
            while not page.ended:
                async with asyncio.timeout(SEND_PATIENCE_S):
                    await send({"type": "http.response.body", "body": message, "more_body": True})
                if time.monotonic() > end_at:
                    break
                await asyncio.sleep(GATHER_S)
                await page.news.wait()
                page.news.clear()
                message = b"".join(page.waiting)
                page.waiting.clear()
            async with asyncio.timeout(1):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (TimeoutError, OSError, RuntimeError):
            # Gone in the middle of a message; servers say so in different words.
            log.debug("a live page went away")
        finally:
            watch.cancel()

    def _missed(self, page: _Page, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> list[bytes]:
        """What the page should have heard since its last event, or since it was drawn (`age`, milliseconds ago)."""
        last = headers.get("last-event-id") or query.get("since", [""])[0]
        kept = list(self._kept)
        if last:
            place = next((n for n in range(len(kept) - 1, -1, -1) if kept[n].id == last), None)
            if place is None:
                return [_RESYNC]
            kept = kept[place + 1 :]
        else:
            age_text = query.get("age", ["0"])[0]
            age_s = (
                int(age_text) / 1000 + 1 if age_text.isascii() and age_text.isdigit() and len(age_text) < 10 else 1.0
            )
            drawn_at = time.monotonic() - age_s
            # Not listening for as long as the page is old: something may have been missed.
            if drawn_at < self._kept_since or (kept and len(kept) == KEPT and drawn_at < kept[0].at):
                return [_RESYNC]
            kept = [notice for notice in kept if notice.at >= drawn_at]
        return [notice.message(page.topics) for notice in kept if notice.topics & page.topics]

    def _enter(self, page: _Page) -> None:
        self._pages.add(page)
        for topic in page.topics:
            self._by_topic.setdefault(topic, set()).add(page)

    def _leave(self, page: _Page) -> None:
        self._pages.discard(page)
        for topic in page.topics:
            pages = self._by_topic.get(topic)
            if pages:
                pages.discard(page)
                if not pages:
                    del self._by_topic[topic]

    def _start(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._beat())]

    async def _beat(self) -> None:
        """A comment now and then keeps proxies from closing a quiet stream and finds pages that are gone."""
        while True:
            await asyncio.sleep(BEAT_S)
            for page in list(self._pages):
                if not page.waiting:
                    page.give(_BEAT)
            if self._attendance:
                self._in_thread(self._attendance.still, [(p.user, p.topics) for p in self._pages if p.user])

    async def _listen(self) -> None:
        pause_s = 0.2
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, connect_timeout=10, application_name="wasl live"
                ) as connection:
                    await connection.execute(f"LISTEN {LIVE_CHANNEL}")
                    pause_s = 0.2
                    self._kept.clear()
                    self._kept_since = time.monotonic()
                    self._listening.set()
                    for page in list(self._pages):
                        page.give(_RESYNC)
                    await self._hear(connection)
            except (psycopg.Error, OSError) as error:
                self._listening.clear()
                log.warning("live updates lost the data base (%s); again in %.1f s", type(error).__name__, pause_s)
                # Until it listens again nobody's past is known.
                self._kept.clear()
                self._kept_since = float("inf")
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - only to spread the load
            pause_s = min(10.0, pause_s * 2)

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            async for notify in connection.notifies(timeout=BEAT_S):
                self._tell(notify.payload)
            # A connection that died without a word is found by asking.
            await asyncio.wait_for(connection.execute("SELECT 1"), SEND_PATIENCE_S)

    def _tell(self, payload: str) -> None:
        notice = _read(payload)
        if notice is None:
            log.warning("a notice on %s could not be read", LIVE_CHANNEL)
            return
        self._kept.append(notice)
        drawn: dict[frozenset[str], bytes] = {}
        pages: set[_Page] = set()
        for topic in notice.topics:
            pages |= self._by_topic.get(topic, set())
        for page in pages:
            heard = notice.topics & page.topics
            message = drawn.get(heard)
            if message is None:
                message = drawn[heard] = notice.message(heard)
            page.give(message)


_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


async def _until_gone(page: _Page, receive: Receive) -> None:
    while True:
        if (await receive())["type"] == "http.disconnect":
            page.end()
            return


async def _refuse(send: Send, status: int, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    if status in {429, 503}:
        headers.append((b"retry-after", b"15"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": why.encode()})


def _topics(query: Mapping[str, list[str]]) -> frozenset[str]:
    names = [name for text in query.get("topics", []) for name in text.split(",")]
    return frozenset(name for name in names if _TOPIC.fullmatch(name))


def cookies_of(header: str) -> dict[str, str]:
    """What a browser sent as its cookies; nothing where that is not understood."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def _read(payload: str) -> _Notice | None:
    try:
        said = json.loads(payload)
        topics: Iterable[str] = said["topics"]
        return _Notice(f"{said.get('case', 0)}.{said.get('seq', 0)}", frozenset(topics), said, time.monotonic())
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
