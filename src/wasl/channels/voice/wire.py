"""HTTP/1.1 to Asterisk on this machine, as little of it as commands need, over connections that stay open.

A call costs half a dozen commands. aiohttp spent more on them than all the rest of the controller did on the call
(see docs/decisions/2026-11-23-ari-http.md), so they go past it; the websocket of events stays its.

Source: RFC 9112. Asterisk's server sends whole answers with a length, never chunks.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, cast

_IDLE_S: Final = 10.0
"""Asterisk hangs up after 15 s (`session_keep_alive`); a connection is used no more well before that."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class Wires:
    """Connections to one port of 127.0.0.1, `most` at a time; who finds none free waits for his turn."""

    def __init__(self, port: int, most: int) -> None:
        self._port, self._most = port, most
        self._free: list[_Wire] = []
        self._open: set[_Wire] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def ask(self, request: bytes, patience_s: float) -> Answer:
        """The answer to a whole request. Raises TimeoutError, and OSError when the connection is lost or not made."""
        async with asyncio.timeout(patience_s):
            wire = await self._take()
            try:
                return await wire.ask(request)
            finally:
                self._give_back(wire)

    def close(self) -> None:
        """End all connections; what is waited for on them fails."""
        for wire in list(self._open):
            wire.abort()

    async def _take(self) -> "_Wire":
        queue = self._waiting.append
        while True:
            now = asyncio.get_running_loop().time()
            while self._free:
                wire = self._free.pop()
                if wire.usable and now - wire.idle_since < _IDLE_S:
                    return wire
                wire.abort()
            if len(self._open) + self._opening < self._most:
                return await self._connect()
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            queue(turn)
            # Before whom he would be again, if somebody who has just come is faster.
            queue = self._waiting.appendleft
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._next()
                raise

    async def _connect(self) -> "_Wire":
        self._opening += 1
        try:
            _transport, wire = await asyncio.get_running_loop().create_connection(
                lambda: _Wire(self._lost), "127.0.0.1", self._port
            )
        except BaseException:
            self._next()
            raise
        finally:
            self._opening -= 1
        self._open.add(wire)
        return wire

    def _give_back(self, wire: "_Wire") -> None:
        if wire.usable:
            wire.idle_since = asyncio.get_running_loop().time()
            self._free.append(wire)
            self._next()
        else:
            wire.abort()

    def _lost(self, wire: "_Wire") -> None:
        self._open.discard(wire)
        self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


class _Wire(asyncio.Protocol):
    """One connection, with one question on it at a time."""

    def __init__(self, lost: Callable[["_Wire"], None]) -> None:
        self.idle_since = 0.0
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._held = b""
        self._last = False

    @property
    def usable(self) -> bool:
        """Whether another question may be asked."""
        return (
            self._transport is not None and not self._transport.is_closing() and self._answer is None and not self._last
        )

    async def ask(self, request: bytes) -> Answer:
        """Who waits no longer leaves a connection that is not usable any more."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("Asterisk hung up")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        answer = await self._answer
        self._answer = None
        return answer

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._held += data
        head, gap, body = self._held.partition(b"\r\n\r\n")
        if not gap:
            return
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if len(body) < size:
            return
        self._held = b""
        self._last = _LAST.search(head) is not None
        try:
            status = int(head.split(b" ", 2)[1])
        except (IndexError, ValueError):
            self.abort()
            return
        if self._answer is None or self._answer.done() or len(body) > size:
            # An answer to nothing: whose the next one is would not be known.
            self.abort()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(status, body[:size]))

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                error if isinstance(error, OSError) else ConnectionResetError("Asterisk hung up")
            )
        self._lost(self)
