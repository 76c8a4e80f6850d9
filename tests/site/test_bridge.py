"""Django as WSGI behind an ASGI server: what goes in, what comes out, and that slow clients hold no thread."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from starlette.types import Message, Scope

from wasl.site import bridge as bridge_module
from wasl.site.bridge import Bridge

Start = Callable[[str, list[tuple[str, str]]], object]


def _scope(**changes: Any) -> Scope:
    scope: Scope = {
        "type": "http", "method": "POST", "path": "/a/ب", "query_string": b"q=\xff", "http_version": "1.1",
        "scheme": "http", "headers": [], "client": ("10.0.0.1", 5), "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    return {**scope, **changes}


async def _ask(app: Bridge, scope: Scope, body: list[bytes]) -> tuple[int, dict[bytes, bytes], list[bytes]]:
    sent: list[Message] = []
    pieces = [{"type": "http.request", "body": piece, "more_body": True} for piece in body]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})
    left = iter(pieces)

    async def receive() -> Message:
        return next(left, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = sent[0]
    return start["status"], dict(start["headers"]), [message["body"] for message in sent[1:]]


def test_the_request_reaches_django_as_the_standard_says() -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start: Start) -> list[bytes]:
        seen.update(environ, read=environ["wsgi.input"].read())
        start("201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [b"one", b"two"]

    headers = [
        (b"content-type", b"text/x"), (b"content-length", b"6"), (b"cookie", b"a=1"), (b"cookie", b"b=2"),
        (b"x-forwarded-proto", b"https"), (b"x_forwarded_proto", b"forged"), (b"accept", b"a"), (b"accept", b"b"),
    ]  # fmt: skip

    async def scene() -> None:
        status, _headers, body = await _ask(Bridge(application, threads=1), _scope(headers=headers), [b"abc", b"def"])
        assert status == 201
        assert b"".join(body) == b"onetwo"

    asyncio.run(scene())
    assert seen["read"] == b"abcdef"
    assert seen["CONTENT_LENGTH"] == "6"
    assert seen["CONTENT_TYPE"] == "text/x"
    assert seen["HTTP_COOKIE"] == "a=1;b=2"
    assert seen["HTTP_ACCEPT"] == "a,b"
    assert seen["HTTP_X_FORWARDED_PROTO"] == "https"
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/a/ب"
    assert seen["QUERY_STRING"] == "q=\xff"
    assert seen["REMOTE_ADDR"] == "10.0.0.1"


def _echo(environ: dict[str, Any], start: Start) -> list[bytes]:
    start("200 OK", [])
    return [environ["wsgi.input"].read()]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_over_the_limit_is_refused_before_django_sees_it(announced: bool) -> None:
    async def scene() -> None:
        app = Bridge(_echo, threads=1, largest_body=10)
        headers = [(b"content-length", b"11")] if announced else []
        status, _headers, _body = await _ask(app, _scope(headers=headers), [b"123456", b"12345"])
        assert status == 413
        status, _headers, body = await _ask(app, _scope(), [b"1234567890"])
        assert (status, b"".join(body)) == (200, b"1234567890")

    asyncio.run(scene())


@pytest.mark.slow
def test_a_client_that_sends_slowly_holds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "PATIENCE_S", 0.5)

    async def scene() -> None:
        app = Bridge(_echo, threads=1)
        answered = asyncio.Event()

        async def never() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        async def send(_message: Message) -> None:
            answered.set()

        slow = [asyncio.create_task(app(_scope(), never, send)) for _ in range(5)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(0.4):
            status, _headers, _body = await _ask(app, _scope(), [b"quick"])
        assert status == 200
        # After its patience the server lets them go without an answer.
        await asyncio.wait_for(asyncio.gather(*slow), 3)
        assert not answered.is_set()

    asyncio.run(scene())


def test_when_too_many_wait_the_next_is_told_to_come_back() -> None:
    hold = threading.Event()

    def slow(_environ: dict[str, Any], start: Start) -> list[bytes]:
        hold.wait(5)
        start("200 OK", [])
        return [b"late"]

    async def scene() -> None:
        app = Bridge(slow, threads=1, waiting=1)
        first = [asyncio.create_task(_ask(app, _scope(), [])) for _ in range(2)]
        await asyncio.sleep(0.05)
        status, headers, _body = await _ask(app, _scope(), [])
        assert status == 503
        assert headers[b"retry-after"] == b"5"
        hold.set()
        assert [answer[0] for answer in await asyncio.gather(*first)] == [200, 200]

    asyncio.run(scene())


class _Streamed:
    """Looks like Django's StreamingHttpResponse."""

    streaming = True

    def __init__(self) -> None:
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(3):
            yield b"abc"

    def close(self) -> None:
        self.closed = True


def test_a_streamed_answer_is_sent_in_pieces_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "PIECE_BYTES", 4)
    answer = _Streamed()

    def application(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return answer

    async def scene() -> None:
        _status, _headers, body = await _ask(Bridge(application, threads=1), _scope(), [])
        assert b"".join(body) == b"abcabcabc"
        assert body == [b"abcabc", b"abc"]

    asyncio.run(scene())
    assert answer.closed


def test_a_streamed_answer_that_fits_in_one_piece_takes_one_turn() -> None:
    answer = _Streamed()

    def application(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return answer

    async def scene() -> None:
        _status, _headers, body = await _ask(Bridge(application, threads=1), _scope(), [])
        assert body == [b"abcabcabc"]

    asyncio.run(scene())
    assert answer.closed


def test_an_answer_is_closed_even_when_the_client_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge_module, "PIECE_BYTES", 4)
    answer = _Streamed()

    def application(_environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return answer

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body":
            raise OSError("gone")

    async def scene() -> None:
        with pytest.raises(OSError, match="gone"):
            await Bridge(application, threads=1)(_scope(), receive, send)

    asyncio.run(scene())
    assert answer.closed
