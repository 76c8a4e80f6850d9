"""What the tests of sessions share: a loop with a time-out, a simulator, sessions to it, and peers told by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.client import Account, Way, connect
from wasl.channels.sms.smpp.codec import Pdu, Request, Response
from wasl.channels.sms.smpp.outcome import LIMITS, Event, Limits
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.session import Handler, Session
from wasl.channels.sms.smpp.simulator import Habits, Simulator
from wasl.channels.sms.smpp.wire import Address, Framer

__all__ = ["HELLO", "Peer", "account", "bound", "by_hand", "eventually", "run", "simulator", "take_all"]

T = TypeVar("T")

HELLO = pdu.SubmitSm(source=Address("1111"), destination=Address("96890000001", 1, 1), short_message=b"hello")


def run(test: Awaitable[T], seconds: float = 30) -> T:
    """Run a test in a loop of its own; nothing may be left over in it.

    In a thread of its own too: the browser of other tests leaves a running loop in the main one.
    """

    async def whole() -> T:
        found = await asyncio.wait_for(test, seconds)
        await eventually(lambda: asyncio.all_tasks() <= {asyncio.current_task()}, 2)
        return found

    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, whole()).result()


async def eventually(so: Callable[[], object], seconds: float = 10) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(seconds):
        while not so():  # noqa: ASYNC110  # many things change, and none of them tells
            await asyncio.sleep(0.005)


async def take_all(_session: Session, batch: Sequence[Request]) -> Sequence[Response]:
    """A handler that takes everything."""
    return [one.answer() for one in batch]


def account(port: int, way: Way = Way.TRANSCEIVER, system_id: str = "wasl") -> Account:
    return Account("127.0.0.1", port, system_id, "secret", way=way)


@asynccontextmanager
async def simulator(habits: Habits | None = None) -> AsyncIterator[tuple[Simulator, int]]:
    """A simulator that listens, and its port."""
    made = Simulator(habits or Habits(receipt_delay=0.01))
    port = await made.server.listen("127.0.0.1", 0)
    try:
        yield made, port
    finally:
        made.habits.silent, made.habits.latency = False, 0
        await made.server.close(0.5)


@asynccontextmanager
async def bound(
    port: int,
    handler: Handler = take_all,
    *,
    limits: Limits = LIMITS,
    way: Way = Way.TRANSCEIVER,
    bucket: TokenBucket | None = None,
    events: list[Event] | None = None,
) -> AsyncIterator[Session]:
    """A bound session; it is aborted afterwards if it still stands."""

    def heard(_session: Session, event: Event) -> None:
        if events is not None:
            events.append(event)

    session = await connect(account(port, way), handler, limits=limits, bucket=bucket, on_event=heard)
    try:
        yield session
    finally:
        session.abort("the test ends")
        await session.closed


class Peer:
    """An operator told by hand: what it received, PDU by PDU, and what it sends, octet by octet."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._framer = Framer()
        self._read: list[Pdu] = []

    async def next(self, seconds: float = 10) -> Pdu:
        """The next PDU received; EOFError when the other side hung up."""
        async with asyncio.timeout(seconds):
            while not self._read:
                data = await self.reader.read(65_536)
                if not data:
                    raise EOFError
                frames, error = self._framer.feed(data)
                assert error is None
                self._read += [pdu.read(frame) for frame in frames]
        return self._read.pop(0)

    async def next_of(self, kind: type[T]) -> T:
        """The next PDU of that kind; signs of life in between are answered."""
        while True:
            found = await self.next()
            if isinstance(found, kind):
                return found
            if isinstance(found, pdu.EnquireLink):
                self.send(found.answer())

    async def hung_up(self) -> None:
        """Read until the other side hangs up."""
        try:
            while True:
                await self.next()
        except (EOFError, ConnectionError):
            return

    def send(self, *pdus: Pdu | bytes) -> None:
        self.writer.write(b"".join(one if isinstance(one, bytes) else one.encode() for one in pdus))

    async def let_in(self, *first: Pdu) -> None:
        """Accept the bind that comes, and send the first PDUs in the same breath."""
        request = await self.next_of(pdu.BindRequest)
        self.send(request.answer(system_id="hand"), *first)


@asynccontextmanager
async def by_hand(
    handler: Handler = take_all,
    *,
    limits: Limits = LIMITS,
    events: list[Event] | None = None,
    first: Sequence[Pdu] = (),
) -> AsyncIterator[tuple[Session, Peer]]:
    """A bound session of ours, and the peer it is bound to."""
    called: asyncio.Future[Peer] = asyncio.get_running_loop().create_future()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        await peer.let_in(*first)
        called.set_result(peer)

    listener = await asyncio.start_server(call, "127.0.0.1", 0)
    async with listener, bound(listener.sockets[0].getsockname()[1], handler, limits=limits, events=events) as session:
        peer = await called
        try:
            yield session, peer
        finally:
            peer.writer.close()
            listener.close()
