"""Live updates against a real PostgreSQL: who hears what, what is caught up, and what happens when something breaks."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Self

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from starlette.types import Message, Scope

from wasl.faces.frame import live as live_module
from wasl.faces.frame.live import Live, Visitor, visitor_of
from wasl.kernel.rows import LIVE_CHANNEL

SOON_S = 5.0


def _anybody(_cookies: Mapping[str, str]) -> Visitor:
    return Visitor(None, SessionStore())


class Browser:
    """One page that listens, at the level of ASGI."""

    def __init__(
        self, app: Live, query: str, headers: Mapping[str, str] | None = None, client: str = "10.0.0.1"
    ) -> None:
        raw = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
        self.scope: Scope = {
            "type": "http", "method": "GET", "path": "/live", "query_string": query.encode(), "headers": raw,
            "client": (client, 1),
        }  # fmt: skip
        self.app = app
        self.status = 0
        self.text = ""
        self.ended = False
        self.stalled = False
        self._gone = asyncio.Event()
        self._more = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        await self.until(lambda: self.status != 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        assert self._task is not None
        if self.stalled:
            self._task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self._task, SOON_S)

    async def _run(self) -> None:
        await self.app(self.scope, self._receive, self._send)
        self.ended = True
        self._more.set()

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self.stalled:
            await asyncio.Event().wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            self.text += message["body"].decode()
        self._more.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(SOON_S):
            while not holds():
                await self._more.wait()
                self._more.clear()

    def heard(self) -> list[dict[str, Any]]:
        lines = self.text.split("\n")
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line != "data: {}"]

    @property
    def resyncs(self) -> int:
        return self.text.count("event: resync")


@pytest.fixture
def play(
    database_url: str,
) -> Callable[[Callable[[Live, Callable[..., Awaitable[None]]], Coroutine[Any, Any, None]]], None]:
    """Runs a scene with a listening `Live` and a `say(topics, seq)` that sends a notice as the core does."""

    def run(scene: Callable[[Live, Callable[..., Awaitable[None]]], Coroutine[Any, Any, None]]) -> None:
        async def main() -> None:
            app = Live(conninfo=database_url, allowed=lambda _v, topic: topic != "unit:13", identify=_anybody)
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:

                async def say(*topics: str, seq: int = 1) -> None:
                    payload = json.dumps({"topics": topics, "case": 12, "seq": seq, "verb": "order.signed"})
                    await connection.execute("SELECT pg_notify(%s, %s)", [LIVE_CHANNEL, payload])

                await asyncio.wait_for(app.ready(), SOON_S)
                try:
                    await asyncio.wait_for(scene(app, say), 30)
                finally:
                    await app.close()

        asyncio.run(main())

    return run


Play = Callable[[Callable[[Live, Callable[..., Awaitable[None]]], Coroutine[Any, Any, None]]], None]


@pytest.mark.req("K7")
@pytest.mark.slow
def test_a_page_hears_its_topics_and_nothing_else(play: Play) -> None:
    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12,unit:7") as page, Browser(app, "topics=case:99") as other:
            await say("case:12", "unit:3", "centre")
            await page.until(lambda: len(page.heard()) == 1)
            assert page.heard() == [{"topics": ["case:12"], "case": 12, "seq": 1, "verb": "order.signed"}]
            assert "id: 12.1\n" in page.text
            assert other.heard() == []

    play(scene)


@pytest.mark.slow
def test_topics_that_are_not_allowed_are_left_out(play: Play) -> None:
    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=unit:13") as page:
            assert page.status == 403
        async with Browser(app, "topics=unit:13,unit:7") as page:
            await say("unit:13")
            await say("unit:7", "unit:13", seq=2)
            await page.until(lambda: len(page.heard()) == 1)
            assert page.heard()[0]["topics"] == ["unit:7"]

    play(scene)


@pytest.mark.parametrize("query", ["", "topics=", "topics=%27;--", "topics=CASE:1", "topics=case:1%0Aid:3", "x=y"])
def test_nonsense_topics_are_refused(play: Play, query: str) -> None:
    async def scene(app: Live, _say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, query) as page:
            assert page.status == 400

    play(scene)


def test_a_page_that_comes_back_gets_what_it_missed(play: Play) -> None:
    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12") as page:
            for seq in (1, 2, 3):
                await say("case:12", seq=seq)
            await page.until(lambda: len(page.heard()) == 3)
        async with Browser(app, "topics=case:12", {"Last-Event-ID": "12.1"}) as again:
            await again.until(lambda: len(again.heard()) == 2)
            assert [news["seq"] for news in again.heard()] == [2, 3]
            assert again.resyncs == 0
        async with Browser(app, "topics=case:12", {"Last-Event-ID": "5.77"}) as stranger:
            await stranger.until(lambda: stranger.resyncs == 1)
        async with Browser(app, "topics=case:12&since=12.2") as fresh:
            await fresh.until(lambda: [news["seq"] for news in fresh.heard()] == [3])

    play(scene)


@pytest.mark.slow
def test_what_happened_while_the_page_was_drawn_is_told(play: Play) -> None:
    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12") as page:
            await say("case:12", seq=8)
            await page.until(lambda: len(page.heard()) == 1)
        async with Browser(app, "topics=case:12&age=0") as drawn_now:
            await drawn_now.until(lambda: len(drawn_now.heard()) == 1 or drawn_now.resyncs == 1)
        async with Browser(app, "topics=case:12&age=900000") as drawn_long_ago:
            await drawn_long_ago.until(lambda: drawn_long_ago.resyncs == 1)

    play(scene)


@pytest.mark.slow
def test_after_a_lost_data_base_connection_pages_are_told_to_reload(play: Play, database_url: str) -> None:
    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12") as page:
            before = page.resyncs
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
                await other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wasl live'"
                )
            await page.until(lambda: page.resyncs == before + 1)
            await say("case:12", seq=4)
            await page.until(lambda: any(news["seq"] == 4 for news in page.heard()))

    play(scene)


@pytest.mark.slow
def test_a_page_that_does_not_read_is_cut_off(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "MOST_WAITING", 20)
    monkeypatch.setattr(live_module, "SEND_PATIENCE_S", 0.5)

    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12") as slow, Browser(app, "topics=case:12") as quick:
            slow.stalled = True
            for seq in range(30):
                await say("case:12", seq=seq)
                await asyncio.sleep(0.02)
            await quick.until(lambda: len(quick.heard()) == 30)
            for _ in range(100):
                if app.pages == 1:
                    break
                await asyncio.sleep(0.05)
            assert app.pages == 1

    play(scene)


def test_a_page_that_leaves_is_forgotten(play: Play) -> None:
    async def scene(app: Live, _say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12,centre"):
            assert app.pages == 1
        assert app.pages == 0
        assert app._by_topic == {}

    play(scene)


@pytest.mark.slow
def test_the_number_of_pages_is_limited(database_url: str) -> None:
    async def main() -> None:
        app = Live(conninfo=database_url, allowed=lambda _v, _t: True, identify=_anybody, limit=3, limit_each=2)
        try:
            async with Browser(app, "topics=a"), Browser(app, "topics=a"):
                async with Browser(app, "topics=a") as third_of_one:
                    assert third_of_one.status == 429
                async with Browser(app, "topics=a", client="10.0.0.2") as other:
                    assert other.status == 200
                    async with Browser(app, "topics=a", client="10.0.0.3") as too_many:
                        assert too_many.status == 503
        finally:
            await app.close()

    asyncio.run(main())


def test_closing_ends_every_stream(database_url: str) -> None:
    async def main() -> None:
        app = Live(conninfo=database_url, allowed=lambda _v, _t: True, identify=_anybody)
        async with Browser(app, "topics=a") as page:
            await app.close()
            await page.until(lambda: page.ended)
            async with Browser(app, "topics=a") as late:
                assert late.status == 503

    asyncio.run(main())


@pytest.mark.slow
def test_a_notice_that_is_no_json_harms_nobody(play: Play, database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(app: Live, say: Callable[..., Awaitable[None]]) -> None:
        async with Browser(app, "topics=case:12") as page:
            async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as other:
                for payload in ("", "{", "[]", '{"topics": 3}', '"x"'):
                    await other.execute("SELECT pg_notify(%s, %s)", [LIVE_CHANNEL, payload])
            await say("case:12", seq=6)
            await page.until(lambda: any(news["seq"] == 6 for news in page.heard()))

    play(scene)
    assert "could not be read" in caplog.text


@pytest.mark.django_db
@pytest.mark.req("P6")
def test_the_visitor_is_the_one_of_the_session() -> None:
    staff = get_user_model().objects.create(username="salim", is_active=True)
    staff.set_password("a long enough word")
    staff.save()
    session = SessionStore()
    session[SESSION_KEY] = str(staff.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = staff.get_session_auth_hash()
    session.save()
    cookies = {"sessionid": str(session.session_key)}
    assert visitor_of(cookies).user == staff
    assert visitor_of({}).user is None
    assert visitor_of({"sessionid": "forged"}).user is None
    staff.set_password("another word altogether")
    staff.save()
    assert visitor_of(cookies).user is None
    staff.is_active = False
    staff.save()
    assert visitor_of(cookies).user is None
