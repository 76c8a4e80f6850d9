"""A session towards operators that behave, are late, throttle, fall silent, send rubbish, or vanish."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from tests.sms.peers import HELLO, account, bound, by_hand, eventually, run, simulator, take_all
from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.client import BindRefused, Way, connect
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import Status
from wasl.channels.sms.smpp.outcome import Closed, Event, EventKind, Limits, Outcome, OutcomeKind, WindowFull
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.simulator import Habits

TEXT = pdu.DeliverSm(short_message=b"SR 1")


def kinds(events: list[Event]) -> list[EventKind]:
    return [event.kind for event in events]


@pytest.mark.req("J8")
@pytest.mark.parametrize("way", Way)
def test_binding_each_way(way: Way) -> None:
    received: list[Request] = []

    async def take(_session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        received.extend(batch)
        return await take_all(_session, batch)

    async def test() -> None:
        async with simulator() as (operator, port), bound(port, take, way=way) as session:
            if way is Way.RECEIVER:
                assert session.room() == 0
            else:
                assert await session.send(HELLO) == Outcome(OutcomeKind.ACCEPTED, 0, "1")
            operator.mo("96890000001", "90888", "مرحبا")
            if way is Way.TRANSMITTER:
                assert operator.counts["waiting"] == 1
            else:
                await eventually(lambda: operator.delivered)
                assert operator.delivered[0].kind is OutcomeKind.ACCEPTED
                assert isinstance(received[0], pdu.DeliverSm)
                assert received[0].short_message.decode("utf-16-be") == "مرحبا"
            await session.unbind()
            assert session.closed.result() == "unbound by us"

    run(test())


def test_a_text_that_comes_with_the_answer_to_the_bind_is_taken() -> None:
    async def test() -> None:
        async with by_hand(first=[pdu.DeliverSm(sequence=1)]) as (_session, peer):
            assert await peer.next() == pdu.DeliverSmResp(sequence=1)

    run(test())


def test_small_pdus_are_not_held_back() -> None:
    async def test() -> None:
        async with simulator() as (operator, port), bound(port) as session:
            for one in (session, operator.server.sessions[0]):
                assert one._transport is not None
                found = one._transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert found

    run(test())


def test_the_window_is_never_exceeded() -> None:
    async def test() -> None:
        async with by_hand(limits=Limits(window=3)) as (session, peer):
            outcomes: list[Outcome] = []
            for _time in range(3):
                session.submit(HELLO, outcomes.append)
            with pytest.raises(WindowFull):
                session.submit(HELLO, outcomes.append)
            waiting = asyncio.create_task(session.send(HELLO))
            submits = [await peer.next_of(pdu.SubmitSm) for _time in range(3)]
            await asyncio.sleep(0.02)
            assert not waiting.done()
            peer.send(submits[1].answer(message_id="b"))
            fourth = await peer.next_of(pdu.SubmitSm)
            peer.send(fourth.answer(message_id="d"), submits[0].answer(Status.RINVDSTADR))
            assert (await waiting).message_id == "d"
            await eventually(lambda: len(outcomes) == 2)
            assert outcomes == [
                Outcome(OutcomeKind.ACCEPTED, 0, "b"),
                Outcome(OutcomeKind.REJECTED, Status.RINVDSTADR),
            ]
            assert session.unanswered == 1

    run(test())


def test_no_answer_is_unknown_and_a_late_answer_is_told() -> None:
    async def test() -> None:
        async with by_hand(limits=Limits(response=0.1)) as (session, peer):
            outcomes: list[Outcome] = []
            session.submit(HELLO, outcomes.append)
            submit = await peer.next_of(pdu.SubmitSm)
            await eventually(lambda: outcomes)
            assert outcomes == [Outcome(OutcomeKind.UNKNOWN)]
            peer.send(submit.answer(message_id="7"), submit.answer(message_id="7"))
            await eventually(lambda: session.counters.strays)
            assert outcomes[1:] == [Outcome(OutcomeKind.ACCEPTED, 0, "7", late=True)]
            assert (session.counters.unknown, session.counters.late, session.counters.strays) == (1, 1, 1)

    run(test())


def test_what_was_in_flight_when_the_connection_ends_is_unknown_and_not_failed() -> None:
    async def test() -> None:
        events: list[Event] = []
        async with by_hand(events=events) as (session, peer):
            outcomes: list[Outcome] = []
            session.submit(HELLO, outcomes.append)
            asked = asyncio.create_task(session.ask(pdu.QuerySm(message_id="1")))
            await peer.next_of(pdu.QuerySm)
            peer.writer.transport.abort()
            with pytest.raises(Closed):
                await asked
            assert outcomes == [Outcome(OutcomeKind.UNKNOWN)]
            with pytest.raises(Closed):
                await session.send(HELLO)
            assert kinds(events) == [EventKind.BOUND, EventKind.CLOSED]

    run(test())


@pytest.mark.parametrize("status", [Status.RTHROTTLED, Status.RMSGQFUL])
def test_a_throttle_pauses_for_a_moment_and_once_for_all_in_flight(status: Status) -> None:
    async def test() -> None:
        events: list[Event] = []
        async with by_hand(limits=Limits(window=5, pause=0.2), events=events) as (session, peer):
            outcomes: list[Outcome] = []
            for _time in range(5):
                session.submit(HELLO, outcomes.append)
            for _time in range(5):
                peer.send((await peer.next_of(pdu.SubmitSm)).answer(status))
            await eventually(lambda: len(outcomes) == 5)
            assert {one.kind for one in outcomes} == {OutcomeKind.THROTTLED}
            assert kinds(events).count(EventKind.THROTTLED) == 1
            assert session.room() == 0
            began = session.loop.time()
            waiting = asyncio.create_task(session.send(HELLO))
            peer.send((await peer.next_of(pdu.SubmitSm)).answer(message_id="1"))
            assert (await waiting).kind is OutcomeKind.ACCEPTED
            assert 0.1 < session.loop.time() - began < 2

    run(test())


@pytest.mark.slow
def test_the_rate_counts_parts() -> None:
    async def test() -> None:
        bucket = TokenBucket(50, burst=1)
        async with simulator() as (_operator, port), bound(port, bucket=bucket) as session:
            began = session.loop.time()
            await session.send(HELLO, parts=10)
            await session.send(HELLO)
            assert 0.15 < session.loop.time() - began < 2
            for _time in range(10):
                await session.send(HELLO)
            assert session.loop.time() - began >= 0.36

    run(test())


def test_a_bucket_never_gives_more_than_its_rate() -> None:
    bucket = TokenBucket(100)
    now, gone = 0.0, 0
    while now < 10:
        if bucket.wait(now) == 0:
            bucket.take(1, now)
            gone += 1
        now += 0.001
    assert 990 <= gone <= 1011
    with pytest.raises(ValueError, match="more than 0"):
        TokenBucket(0)


@pytest.mark.req("J8")
@pytest.mark.slow
def test_a_peer_that_falls_silent_is_degraded_and_then_given_up() -> None:
    limits = Limits(enquire_every=0.05, enquire_answer=0.1, dead=0.4)

    async def test() -> None:
        events: list[Event] = []
        async with simulator() as (operator, port), bound(port, limits=limits, events=events) as session:
            await asyncio.sleep(0.3)
            assert kinds(events) == [EventKind.BOUND]
            operator.habits.silent = True
            await eventually(lambda: session.degraded)
            assert session.room() == 0
            assert await asyncio.shield(session.closed) == "no answer to enquire_link for 0.4 s"
            assert kinds(events) == [EventKind.BOUND, EventKind.DEGRADED, EventKind.CLOSED]

    run(test())


def test_a_peer_that_comes_back_is_tried_with_one_message() -> None:
    limits = Limits(window=5, slow=0.1, enquire_answer=5)

    async def test() -> None:
        events: list[Event] = []
        async with by_hand(limits=limits, events=events) as (session, peer):
            for _time in range(5):
                session.submit(HELLO, lambda _outcome: None)
            submits = [await peer.next_of(pdu.SubmitSm) for _time in range(5)]
            await eventually(lambda: session.degraded)
            assert session.room() == 0
            await peer.next_of(pdu.EnquireLink)
            peer.send(*(one.answer(message_id="1") for one in submits[:4]))
            peer.send(submits[4].answer(Status.RSYSERR))
            await eventually(lambda: not session.degraded)
            assert kinds(events)[1:] == [EventKind.DEGRADED, EventKind.RECOVERED]
            assert session.room() == 5

    run(test())


@pytest.mark.slow
def test_one_answer_that_never_comes_does_not_stop_the_others() -> None:
    async def test() -> None:
        limits = Limits(window=5, slow=0.1, response=1)
        async with simulator(Habits(receipts="none")) as (operator, port), bound(port, limits=limits) as session:
            operator.habits.forget = 1
            forgotten = asyncio.create_task(session.send(HELLO))
            await asyncio.sleep(0.02)
            operator.habits.forget = 0
            for _time in range(30):
                await session.send(HELLO)
                await asyncio.sleep(0.01)
            assert not session.degraded
            assert (await forgotten).kind is OutcomeKind.UNKNOWN

    run(test())


@pytest.mark.req("B10")
def test_a_text_is_answered_when_it_is_committed_and_not_before() -> None:
    committed = asyncio.Event()
    batches: list[int] = []

    async def commit(_session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        batches.append(len(batch))
        await committed.wait()
        return [one.answer() for one in batch]

    async def test() -> None:
        async with by_hand(commit) as (_session, peer):
            peer.send(*(pdu.DeliverSm(sequence=number) for number in range(1, 6)))
            await eventually(lambda: batches)
            peer.send(*(pdu.DeliverSm(sequence=number) for number in range(6, 9)), pdu.EnquireLink(sequence=99))
            # A sign of life is answered meanwhile; no text is.
            assert (await peer.next()).sequence == 99
            committed.set()
            answers = [await peer.next() for _time in range(8)]
            assert answers == [pdu.DeliverSmResp(sequence=number) for number in range(1, 9)]
            # What came meanwhile is one commit.
            assert batches == [5, 3]

    run(test())


def test_what_could_not_be_committed_comes_again() -> None:
    async def fail(_session: Session, _batch: Sequence[Request]) -> Sequence[Response]:
        raise RuntimeError("the data base is gone")

    async def too_few(_session: Session, _batch: Sequence[Request]) -> Sequence[Response]:
        return []

    async def test() -> None:
        for handler in (fail, too_few):
            async with by_hand(handler) as (_session, peer):
                peer.send(pdu.DeliverSm(sequence=4), pdu.DataSm(sequence=4))
                assert [(one.sequence, one.status) for one in (await peer.next(), await peer.next())] == [
                    (4, Status.RX_T_APPN),
                    (4, Status.RSYSERR),
                ]

    run(test())


@pytest.mark.slow
def test_a_burst_is_held_back_and_loses_nothing() -> None:
    taken = 0
    most = 0
    limits = Limits(inbound=50, enquire_every=0.05, enquire_answer=0.05, dead=0.3)

    async def slowly(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        nonlocal taken, most
        most = max(most, len(session._inbox))
        # Longer than `dead`: that we do not listen is not the peer's silence.
        await asyncio.sleep(0.5 if not taken else 0)
        taken += len(batch)
        return await take_all(session, batch)

    async def test() -> None:
        async with by_hand(slowly, limits=limits) as (session, peer):
            # More than the buffers of both sockets hold.
            for number in range(1, 6_001):
                peer.send(pdu.DeliverSm(sequence=number, short_message=b"x" * 140))
            answers = 0
            while answers < 6_000:
                answers += isinstance(await peer.next(), pdu.DeliverSmResp)
            assert taken == 6_000
            assert most < 2_000
            assert not session.degraded

    run(test())


@pytest.mark.parametrize(
    "rubbish", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\1" + bytes(12), b"\xff" * 100, b"\0\0\0\0" + bytes(50)]
)
def test_what_cannot_be_framed_ends_the_connection_with_a_word(rubbish: bytes) -> None:
    async def test() -> None:
        events: list[Event] = []
        async with by_hand(events=events) as (session, peer):
            peer.send(rubbish)
            answer = await peer.next()
            assert isinstance(answer, pdu.GenericNack)
            assert answer.status == Status.RINVCMDLEN
            with pytest.raises(EOFError):
                await peer.next()
            await eventually(session.closed.done)
            assert kinds(events) == [EventKind.BOUND, EventKind.GARBAGE, EventKind.CLOSED]

    run(test())


def test_what_is_framed_but_wrong_is_refused_and_the_session_goes_on() -> None:
    cut = bytearray(pdu.DeliverSm(sequence=5, short_message=b"hello").encode())
    cut[-6] = 99

    async def test() -> None:
        async with by_hand() as (session, peer):
            peer.send(bytes.fromhex("00000010000000210000000000000003"))  # submit_multi
            peer.send(bytes(cut))
            peer.send(pdu.SubmitSm(sequence=6), pdu.BindReceiver(sequence=7), pdu.Outbind(sequence=8))
            peer.send(pdu.SubmitSmResp(sequence=1234), pdu.GenericNack(sequence=0, status=3), TEXT)
            answers = [await peer.next() for _time in range(5)]
            assert answers == [
                pdu.GenericNack(sequence=3, status=Status.RINVCMDID),
                pdu.DeliverSmResp(sequence=5, status=Status.RINVMSGLEN),
                pdu.SubmitSmResp(sequence=6, status=Status.RINVBNDSTS),
                pdu.BindReceiverResp(sequence=7, status=Status.RINVBNDSTS),
                pdu.DeliverSmResp(sequence=0),
            ]
            assert (session.counters.malformed, session.counters.strays) == (2, 2)
            peer.send(*[bytes(cut)] * 20)
            await peer.hung_up()
            await eventually(session.closed.done)

    run(test())


def test_answers_of_the_wrong_kind_and_nacks() -> None:
    async def test() -> None:
        async with by_hand() as (session, peer):
            first, second = asyncio.create_task(session.send(HELLO)), asyncio.create_task(session.send(HELLO))
            submits = [await peer.next_of(pdu.SubmitSm) for _time in range(2)]
            peer.send(pdu.DataSmResp(sequence=submits[0].sequence, message_id="no"))
            peer.send(pdu.GenericNack(sequence=submits[0].sequence, status=Status.RINVCMDLEN))
            peer.send(submits[1].answer(0x0412))
            assert await first == Outcome(OutcomeKind.REJECTED, Status.RINVCMDLEN)
            assert await second == Outcome(OutcomeKind.REJECTED, 0x0412)
            assert session.counters.strays == 1

    run(test())


def test_questions_outside_the_window() -> None:
    async def test() -> None:
        async with by_hand(limits=Limits(window=1)) as (session, peer):
            session.submit(HELLO, lambda _outcome: None)
            asked = asyncio.create_task(session.ask(pdu.QuerySm(message_id="a")))
            query = await peer.next_of(pdu.QuerySm)
            peer.send(query.answer(message_id="a", state=2))
            assert await asked == pdu.QuerySmResp(sequence=query.sequence, message_id="a", state=2)
            with pytest.raises(TimeoutError):
                await session.ask(pdu.CancelSm(message_id="a"), 0.05)
            assert not session._questions

    run(test())


def test_an_unbind_by_the_peer_lets_what_it_sent_be_committed() -> None:
    async def slowly(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        await asyncio.sleep(0.1)
        return await take_all(session, batch)

    async def test() -> None:
        async with by_hand(slowly) as (session, peer):
            peer.send(TEXT, pdu.Unbind(sequence=2))
            assert [type(await peer.next()) for _time in range(2)] == [pdu.DeliverSmResp, pdu.UnbindResp]
            with pytest.raises(EOFError):
                await peer.next()
            assert await asyncio.shield(session.closed) == "unbound by the peer"

    run(test())


def test_leaving_waits_for_answers() -> None:
    async def test() -> None:
        async with by_hand() as (session, peer):
            outcomes: list[Outcome] = []
            session.submit(HELLO, outcomes.append)
            leaving = asyncio.create_task(session.unbind(2))
            submit = await peer.next_of(pdu.SubmitSm)
            await asyncio.sleep(0.05)
            peer.send(submit.answer(message_id="1"))
            peer.send((await peer.next_of(pdu.Unbind)).answer())
            await leaving
            assert outcomes == [Outcome(OutcomeKind.ACCEPTED, 0, "1")]

    run(test())


def test_leaving_a_silent_peer_ends_all_the_same() -> None:
    async def test() -> None:
        async with by_hand() as (session, _peer):
            outcomes: list[Outcome] = []
            session.submit(HELLO, outcomes.append)
            await session.unbind(0.2)
            assert outcomes == [Outcome(OutcomeKind.UNKNOWN)]

    run(test())


@pytest.mark.slow
def test_a_peer_that_asks_and_never_reads_is_cut_off() -> None:
    async def test() -> None:
        async with by_hand() as (session, peer):
            peer.writer.transport.set_write_buffer_limits(0)
            asks = pdu.EnquireLink(sequence=1).encode() * 4096

            async def ask() -> None:
                for _time in range(4000):
                    peer.writer.write(asks)
                    await peer.writer.drain()

            with pytest.raises(ConnectionError):
                await ask()
            assert await asyncio.shield(session.closed) == "the peer does not read"

    run(test())


@pytest.mark.slow
def test_refused_binds_and_no_answer() -> None:
    async def test() -> None:
        async with simulator(Habits(bind_status=Status.RINVPASWD)) as (operator, port):
            with pytest.raises(BindRefused, match="ESME_RINVPASWD") as raised:
                await connect(account(port), take_all)
            assert raised.value.for_good
            operator.habits.silent = True
            with pytest.raises(TimeoutError):
                await connect(account(port), take_all, limits=Limits(bind=0.1))
        with pytest.raises(OSError):  # the system's own words
            await connect(account(port), take_all)

    run(test())


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(account(1))


def test_a_handler_of_outcomes_that_fails_does_not_stop_the_session() -> None:
    def fail(_outcome: Outcome) -> None:
        raise RuntimeError("a mistake")

    async def test() -> None:
        async with simulator() as (_operator, port), bound(port) as session:
            session.submit(HELLO, fail)
            assert (await session.send(HELLO)).kind is OutcomeKind.ACCEPTED

    run(test())


def test_an_alert_is_told() -> None:
    async def test() -> None:
        events: list[Event] = []
        async with by_hand(events=events) as (_session, peer):
            peer.send(pdu.AlertNotification(sequence=3))
            await eventually(lambda: EventKind.ALERT in kinds(events))
            assert isinstance(events[-1].pdu, pdu.AlertNotification)

    run(test())


def test_sequence_numbers_begin_again() -> None:
    async def test() -> None:
        async with by_hand() as (session, peer):
            session._sequence = 0x7FFFFFFE
            for expected in (0x7FFFFFFF, 1):
                waiting = asyncio.create_task(session.send(HELLO))
                submit = await peer.next_of(pdu.SubmitSm)
                assert submit.sequence == expected
                peer.send(submit.answer(message_id="1"))
                await waiting

    run(test())
