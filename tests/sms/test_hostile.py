"""Octets made to harm, at both ends of a session: it answers, or hangs up, and never hangs, grows, or raises."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sms.pdus import any_pdu, damaged
from tests.sms.peers import HELLO, run, take_all
from wasl.channels.sms.smpp import joining, pdu, receipt
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.outcome import LIMITS, Limits, Outcome
from wasl.channels.sms.smpp.server import Client, Server, ServerSession
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.wire import Framer


class Wire(asyncio.Transport):
    """The end of a connection in memory: keeps what was written."""

    def __init__(self, protocol: Session) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = bytearray()
        self.closing = False
        self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing:
            self.closing = True
            self.protocol.loop.call_soon(self.protocol.connection_lost, None)

    abort = close

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def get_write_buffer_size(self) -> int:
        return 0


async def _admit(request: pdu.BindRequest, _caller: str) -> Client | int:
    return Client(request.system_id or "nobody")


def called() -> Session:
    """Our side of a bind to an operator, as bound."""
    session = Session(read_everything)
    session.sends, session.takes = True, (pdu.DeliverSm, pdu.DataSm)
    return session


def calling() -> Session:
    """Our side of a caller's connection, with nobody bound yet."""
    return ServerSession(Server(read_everything, _admit), read_everything, LIMITS)


STORE = joining.MemoryParts(limit=50)


async def read_everything(_session: Session, batch: Sequence[Request]) -> Sequence[Response]:
    """What an application does with what comes."""
    for one in batch:
        if isinstance(one, pdu.DeliverSm | pdu.DataSm):
            receipt.read(one, trust_text=True)
            await joining.join(one, "operator", STORE, now=0)
    return await take_all(_session, batch)


async def suffer(make: Callable[[], Session], chunks: Sequence[bytes]) -> None:
    """Give the chunks to a new session and see that it lives, or has hung up."""
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context))
    session = make()
    wire = Wire(session)
    session.connection_made(wire)
    outcomes: list[Outcome] = []
    if session.room():
        session.submit(HELLO, outcomes.append)
    for chunk in chunks:
        if wire.closing:
            break
        session.data_received(chunk)
        await asyncio.sleep(0)
    for _turn in range(20):
        await asyncio.sleep(0)
    assert not wire.paused
    if not wire.closing and not session._framer._rest:
        wire.written.clear()
        session.data_received(pdu.EnquireLink(sequence=77).encode())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        frames, error = Framer().feed(bytes(wire.written))
        assert error is None
        assert any(frame.sequence == 77 for frame in frames)
    wire.close()
    await session.closed
    for _turn in range(5):
        await asyncio.sleep(0)
    assert not failures
    assert len(outcomes) <= 2


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from((called, calling)),
    st.lists(damaged() | st.binary(max_size=100) | any_pdu.map(lambda one: one.encode()), max_size=12),
    st.booleans(),
)
def test_rubbish_and_damaged_pdus(make: Callable[[], Session], chunks: list[bytes], binds: bool) -> None:
    first = [pdu.BindTransceiver(sequence=1, system_id="x").encode()] if binds else []
    run(suffer(make, first + chunks))


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sampled_from((called, calling)), st.lists(any_pdu, max_size=20), st.integers(1, 50))
def test_anything_that_the_specification_allows_in_any_order(
    make: Callable[[], Session], pdus: list[pdu.SubmitSm], size: int
) -> None:
    stream = b"".join(one.encode() for one in pdus)
    run(suffer(make, [stream[at : at + size] for at in range(0, len(stream), size)]))


def test_answers_to_everything_at_once() -> None:
    answers = [
        kind(sequence=sequence, status=status).encode()
        for sequence in (0, 1, 2, 0xFFFFFFFF)
        for status in (0, 0x58, 0x412)
        for kind in (pdu.SubmitSmResp, pdu.GenericNack, pdu.BindReceiverResp, pdu.UnbindResp, pdu.EnquireLinkResp)
    ]
    run(suffer(called, answers))


def test_a_caller_that_never_ends_a_pdu_keeps_no_more_than_one() -> None:
    async def test() -> None:
        session = Session(take_all, limits=Limits(longest=1000))
        wire = Wire(session)
        session.connection_made(wire)
        session.data_received((1000).to_bytes(4, "big"))
        for _time in range(995):
            session.data_received(b"\0")
        assert len(session._framer._rest) == 999
        session.data_received(b"\0")
        assert not session._framer._rest
        wire.close()
        await session.closed

    run(test())
