"""Runs a WSGI application (Django) inside an ASGI server, in a fixed pool of threads.

A thread is held only while Django works: the request's body is complete before a thread takes it, and the answer is
complete before it is sent, so that a slow telephone never holds one. What Django streams is passed on in pieces.
"""

import asyncio
import signal
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from types import FrameType
from typing import IO, Any, TypeVar

from starlette.types import Receive, Scope, Send

WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
T = TypeVar("T")
# Bodies larger than this wait on disk.
IN_MEMORY_BYTES = 1_000_000
PATIENCE_S = 60.0
# A streamed answer goes in pieces of about this size, or what there is after this time.
PIECE_BYTES = 128_000
PIECE_S = 0.2


@dataclass
class _Answer:
    """What the application said; `rest` yields the pieces of a streamed body."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    rest: Iterator[bytes] | None = None
    close: Callable[[], None] = lambda: None

    def begin(self, status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], None]:
        """WSGI's `start_response`; the answered `write` of PEP 3333 is not offered, Django never calls it."""
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return _no_write


class Bridge:
    """The ASGI application around `application`.

    `threads` answer at the same time, at most `waiting` more requests wait for one; what comes beyond is told to come
    back (503). A body over `largest_body` bytes is refused (413) before Django sees it.
    """

    def __init__(
        self, application: WSGIApplication, *, threads: int, waiting: int = 1000, largest_body: int = 200_000_000
    ) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="django")
        self._room = threads + waiting
        self._inside = 0
        self._largest_body = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._inside >= self._room:
            return await _short(send, 503, b"The system is very busy. Please try again in a moment.")
        self._inside += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._inside -= 1
        return None

    def close(self) -> None:
        """Take no more requests; those at work are finished."""
        self._threads.shutdown(wait=False)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        environ = _environ(scope)
        with tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES) as body:
            try:
                length = await self._take(environ, body, receive)
            except _TooLarge:
                return await _short(send, 413, b"That is larger than the system takes.")
            if length is None:
                return None
            body.seek(0)
            environ["wsgi.input"] = body
            # A body that came in chunks has a length now.
            if length or "CONTENT_LENGTH" in environ:
                environ["CONTENT_LENGTH"] = str(length)
            answer = await self._in_thread(lambda: self._run(environ))
        try:
            await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
            if answer.rest is None:
                await send({"type": "http.response.body", "body": answer.body})
            else:
                await self._stream(answer.body, answer.rest, send)
        finally:
            if answer.rest is not None:
                await self._in_thread(answer.close)
        return None

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)

    async def _take(self, environ: dict[str, Any], body: IO[bytes], receive: Receive) -> int | None:
        """Write the request's body into `body`; its length, or None when the client went away or stopped sending."""
        announced = str(environ.get("CONTENT_LENGTH", ""))
        if announced.isascii() and announced.isdigit() and int(announced) > self._largest_body:
            raise _TooLarge
        length = 0
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    message = await receive()
            except TimeoutError:
                return None
            if message["type"] == "http.disconnect":
                return None
            piece = message.get("body", b"")
            length += len(piece)
            if length > self._largest_body:
                raise _TooLarge
            if piece:
                body.write(piece)
            if not message.get("more_body", False):
                return length

    def _run(self, environ: dict[str, Any]) -> _Answer:
        answer = _Answer()
        response = self._application(environ, answer.begin)
        answer.close = getattr(response, "close", answer.close)
        pieces = iter(response)
        try:
            answer.body, over = _gather(pieces)
        except BaseException:
            answer.close()
            raise
        if over:
            answer.close()
        else:
            answer.rest = pieces
        return answer

    async def _stream(self, first: bytes, pieces: Iterator[bytes], send: Send) -> None:
        piece, over = first, False
        while not over:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            piece, over = await self._in_thread(lambda: _gather(pieces))
        await send({"type": "http.response.body", "body": piece})


class _TooLarge(Exception):
    pass


def _gather(pieces: Iterator[bytes]) -> tuple[bytes, bool]:
    """The next pieces as one, and whether that was the last."""
    gathered = bytearray()
    until = time.monotonic() + PIECE_S
    for piece in pieces:
        gathered += piece
        if len(gathered) >= PIECE_BYTES or time.monotonic() > until:
            return bytes(gathered), False
    return bytes(gathered), True


def _no_write(_piece: bytes) -> None:
    raise NotImplementedError("write() of PEP 3333 is not offered")


async def _short(send: Send, status: int, words: bytes) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    if status == 503:
        headers.append((b"retry-after", b"5"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": words})


class _Errors:
    """`wsgi.errors`: Django logs by `logging`; nothing else writes here."""

    def write(self, text: str) -> int:
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        del lines

    def flush(self) -> None:
        pass


_ERRORS = _Errors()


def _environ(scope: Scope) -> dict[str, Any]:
    """WSGI's dictionary (PEP 3333) for an ASGI scope; texts are bytes read as Latin-1, as the standard wants it."""
    host, port = scope.get("server") or ("localhost", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port or 0),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": _ERRORS,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    client = scope.get("client")
    if client is not None:
        environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = client[0], str(client[1])
    for raw, value in scope["headers"]:
        # X_Real_IP would become the same name as X-Real-IP and let a client speak for a proxy.
        if b"_" in raw:
            continue
        name = raw.decode("latin-1").upper().replace("-", "_")
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            name = f"HTTP_{name}"
        text = value.decode("latin-1")
        if name in environ:
            text = f"{environ[name]}{';' if name == 'HTTP_COOKIE' else ','}{text}"
        environ[name] = text
    return environ


def before_the_end(act: Callable[[], None]) -> None:
    """Run `act` in the event loop as soon as SIGTERM or SIGINT comes, before the server reacts to it.

    A server waits for open streams before it tells the application of the shutdown; this is how they end in time.
    The handler that stood before is kept. Only the main thread may do this; in another one nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)
        if not callable(before):
            continue

        def handle(signum: int, frame: FrameType | None, before: Callable[..., Any] = before) -> None:
            loop.call_soon_threadsafe(act)
            before(signum, frame)

        signal.signal(number, handle)


async def lifespan(
    receive: Receive, send: Send, at_start: Callable[[], None], at_end: Callable[[], Awaitable[None]]
) -> None:
    """ASGI's lifespan: `at_start` when the server begins, `at_end` at the shutdown."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            at_start()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            with suppress(Exception):
                await at_end()
            await send({"type": "lifespan.shutdown.complete"})
            return
