"""Open live pages: what 200 of them cost in processor time while 50 entries a second are written, against one core.

Each page is opened over HTTP by a signed-in person of some role, keeps its event stream open, and fetches the fragments
that name the topics it hears, at the pace of frontend/src/live.ts. The cost is that of the web process and PostgreSQL
together, less what the same entries cost with no page open.
"""

import asyncio
import random
import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.urls import reverse

from bench.making.house import cpu_s, web
from wasl.core.cases import actions
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import Case
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.kernel import clock

PAGES, ENTRIES_PER_S, CASES = 200, 50, 240
LIMIT_CORES = 1.0
# As in live.ts: seconds.
AGAIN_S, LONGEST_S, SPREAD = 1.0, 12.0, 0.25
MIX = (("agent", 30), ("dispatcher", 15), ("second_line", 25), ("supervisor", 10), ("leader", 5), ("officer", 75))
"""People with a list or board open; each of the others of the 200 looks at a case."""


def main(quick: bool) -> None:
    """Print what was fetched and what it cost; last, `live ratio R`: the limit over the cost."""
    seconds = 15.0 if quick else 40.0
    cases = _cases()
    people = _people()
    with web() as port:
        cookie = {staff.pk: _session(staff) for _, staff in people}
        pages = [
            Page(port, cookie[staff.pk], _first(role, number, cases)) for number, (role, staff) in enumerate(people)
        ]
        with _Writing(cases) as alone:
            time.sleep(3)
            before, written = _cost(), alone.written
            time.sleep(seconds)
            bare = (_cost() - before) / seconds
            print(f"no page open: {(alone.written - written) / seconds:.1f} entries/s, {bare:.2f} cores")
        cost = asyncio.run(_measure(pages, cases, seconds))
    cores = cost - bare
    print(f"{len(pages)} live pages cost {cores:.2f} cores, {1000 * cores / len(pages):.1f} ms a second each")
    print(f"limit {LIMIT_CORES} core")
    print(f"live ratio {LIMIT_CORES / max(cores, 0.001):.2f}")


def _cost() -> float:
    """Seconds of processor used so far by the web process and PostgreSQL."""
    try:
        return sum(cpu_s())
    finally:
        connection.close()


async def _measure(pages: "list[Page]", cases: list[Case], seconds: float) -> float:
    opening = asyncio.Semaphore(8)

    async def opened(page: Page) -> None:
        async with opening:
            await page.open()

    began = time.monotonic()
    await asyncio.gather(*(opened(page) for page in pages))
    streams = [asyncio.create_task(page.listen()) for page in pages]
    print(f"{len(pages)} pages opened in {time.monotonic() - began:.1f} s")
    with _Writing(cases) as writing:
        # Until every page has found its pace.
        await asyncio.sleep(20)
        for page in pages:
            page.events = page.fetched = 0
            page.took.clear()
        before, written = await asyncio.to_thread(_cost), writing.written
        await asyncio.sleep(seconds)
        cost = (await asyncio.to_thread(_cost) - before) / seconds
        rate = (writing.written - written) / seconds
    for stream in streams:
        stream.cancel()
    ended = [one for one in await asyncio.gather(*streams, return_exceptions=True) if isinstance(one, Exception)]
    if ended:
        raise RuntimeError(f"{len(ended)} pages failed, the first by {ended[0]!r}")
    took = sorted(one for page in pages for one in page.took)
    print(
        f"pages open: {rate:.1f} entries/s, {cost:.2f} cores; each second"
        f" {sum(p.events for p in pages) / seconds:.0f} events and {len(took) / seconds:.0f} fragments;"
        f" a fragment took p50 {1000 * took[len(took) // 2]:.0f} ms, p95 {1000 * took[len(took) * 19 // 20]:.0f} ms"
    )
    if rate < 0.9 * ENTRIES_PER_S:
        print(f"note: only {rate:.1f} of {ENTRIES_PER_S} entries/s could be written beside it")
    return cost


@dataclass
class _Fragment:
    url: str
    topics: frozenset[str]


class _Parts(HTMLParser):
    """Topics and fragments of a page, as live.ts and htmx read them."""

    def __init__(self) -> None:
        super().__init__()
        self.topics: set[str] = set()
        self.fragments: list[_Fragment] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.topics.update((known.get("data-live") or "").split())
        trigger, url = known.get("hx-trigger") or "", known.get("hx-get")
        topics = {
            part.strip().split()[0].removeprefix("live:").replace("-", ":", 1)
            for part in trigger.split(",")
            if part.strip().startswith("live:")
        }
        if url and topics:
            self.fragments.append(_Fragment(url, frozenset(topics)))


@dataclass(eq=False)
class Page:
    """One open page of the desk."""

    port: int
    cookie: str
    url: str
    events: int = 0
    fetched: int = 0
    took: list[float] = field(default_factory=list)
    parts: _Parts = field(default_factory=_Parts)

    async def open(self) -> None:
        """Fetch the page and learn what is live on it."""
        self.parts.feed((await self._get(self.url)).decode())
        if not self.parts.topics or not self.parts.fragments:
            raise RuntimeError(f"nothing is live on {self.url}")

    async def listen(self) -> None:
        """Hear the stream until cancelled, and fetch what changed."""
        topics = quote(",".join(sorted(self.parts.topics)))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        fired: dict[str, tuple[float, float]] = {}
        # Topics that will fetch; and all tasks, those too that fetch now: the loop alone keeps no task alive.
        waiting: set[str] = set()
        tasks: set[asyncio.Task[None]] = set()
        try:
            writer.write(self._head(f"/live?topics={topics}&age=0"))
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:20]:
                raise RuntimeError(f"{head[:80]!r}")
            async for line in reader:
                if not line.startswith(b"data: {") or b'"topics"' not in line:
                    continue
                self.events += 1
                text = line.decode()
                for topic in self.parts.topics:
                    if f'"{topic}"' in text and topic not in waiting:
                        waiting.add(topic)
                        task = asyncio.create_task(self._wake(topic, fired, waiting))
                        tasks.add(task)
                        task.add_done_callback(tasks.discard)
        finally:
            for task in tasks:
                task.cancel()
            writer.close()

    async def _wake(self, topic: str, fired: dict[str, tuple[float, float]], waiting: set[str]) -> None:
        at, pace = fired.get(topic, (float("-inf"), AGAIN_S))
        left = max(0.0, pace - (time.monotonic() - at))
        await asyncio.sleep(left + random.random() * SPREAD * pace)
        now = time.monotonic()
        fired[topic] = (now, min(LONGEST_S, 2 * pace) if now - at < 2 * pace else AGAIN_S)
        waiting.discard(topic)
        for fragment in self.parts.fragments:
            if topic in fragment.topics:
                began = time.monotonic()
                await self._get(fragment.url)
                self.took.append(time.monotonic() - began)

    def _head(self, url: str, more: str = "") -> bytes:
        return (
            f"GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Language: en\r\nAccept-Encoding: identity\r\n"
            f"Cookie: {settings.SESSION_COOKIE_NAME}={self.cookie}\r\n{more}\r\n"
        ).encode()

    async def _get(self, url: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            htmx = "" if url == self.url and not self.parts.topics else "HX-Request: true\r\n"
            writer.write(self._head(url.replace("&amp;", "&"), f"{htmx}Connection: close\r\n"))
            answer = await reader.read()
        finally:
            writer.close()
        if b" 200 " not in answer[:20]:
            raise RuntimeError(f"{url}: {answer[:80]!r}")
        return answer


class _Writing:
    """Writes entries at a steady pace from a thread of its own while a `with` block runs."""

    def __init__(self, cases: list[Case]) -> None:
        self.written = 0
        self._cases = cases
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        agent = Staff.objects.filter(posts__role="agent", posts__unit=None, posts__area=None)[0]
        begin = time.monotonic()
        while not self._stop.is_set():
            actions.note(random.choice(self._cases), by=agent, text="Called the unit; they are on their way.")
            self.written += 1
            self._stop.wait(max(0.0, begin + self.written / ENTRIES_PER_S - time.monotonic()))
        connection.close()


def _cases() -> list[Case]:
    agent = Staff.objects.filter(posts__role="agent", posts__unit=None, posts__area=None)[0]
    made = []
    for number in range(CASES):
        report = actions.Report(medium="web", body="Water", category="water-leak", place=(23.58, 58.40))
        case = actions.receive(report, by=THE_CITIZEN).case
        if number % 4:
            actions.register(case, by=agent)
        if number % 4 > 1:
            actions.dispatch(case, by=agent)
        made.append(Case.objects.get(pk=case.pk))
    return made


def _people() -> list[tuple[str, Staff]]:
    unit = Unit.objects.filter(orders__isnull=False).distinct()[0]
    roles = [role for role, count in MIX for _ in range(count)]
    roles += ["agent", "second_line"] * ((PAGES - len(roles)) // 2)
    found = []
    for number, role in enumerate(roles):
        staff = Staff.objects.create(username=f"live{number}", names={"en": f"Live {number}"}, language="en")
        Post.objects.create(staff=staff, role=role, unit=unit if role == "officer" else None, since=clock.now())
        found.append((role, staff))
    return found


def _first(role: str, number: int, cases: list[Case]) -> str:
    if number >= sum(count for _, count in MIX):
        return reverse("desk:case", args=[cases[number % len(cases)].number])
    if role in ("supervisor", "leader"):
        return reverse("desk:board")
    code = {"officer": "work", "agent": "review", "dispatcher": "dispatch", "second_line": "all"}[role]
    return reverse("desk:list", args=[code])


def _session(staff: Staff) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(staff.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = staff.get_session_auth_hash()
    session.create()
    return str(session.session_key)
