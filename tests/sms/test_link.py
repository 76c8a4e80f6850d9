"""Staying bound: binds that come and go, backlogs that move, rates that hold."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from tests.sms.peers import HELLO, account, eventually, run, simulator, take_all
from wasl.channels.sms.smpp.client import Account
from wasl.channels.sms.smpp.codes import Status
from wasl.channels.sms.smpp.link import MOST_THROTTLED, Link, Patience, Submission
from wasl.channels.sms.smpp.outcome import Event, EventKind, Limits, Outcome, OutcomeKind
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.simulator import Habits
from wasl.channels.sms.smpp.wire import Address

QUICK = Patience(first=0.05, longest=0.2, steady=0.1, backlog=0.2)
ALERT = Limits(enquire_every=0.1, enquire_answer=0.2, slow=0.3, dead=1.0, response=5, bind=0.5, pause=0.2)


class Desk:
    """Whoever holds the link: what he was told."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[object, Outcome]] = []
        self.backlog: list[object] = []
        self.events: list[Event] = []

    def outcome(self, one: Submission, outcome: Outcome) -> None:
        self.outcomes.append((one.tag, outcome))

    def given_back(self, backlog: Sequence[Submission]) -> None:
        self.backlog += [one.tag for one in backlog]

    def event(self, _account: Account, event: Event) -> None:
        self.events.append(event)

    def count(self, kind: OutcomeKind) -> int:
        return sum(outcome.kind is kind for _tag, outcome in self.outcomes)


@asynccontextmanager
async def link(
    ports: Sequence[int], desk: Desk, *, limits: Limits = ALERT, bucket: TokenBucket | None = None
) -> AsyncIterator[Link]:
    made = Link(
        [account(port) for port in ports],
        take_all,
        on_outcome=desk.outcome,
        on_backlog=desk.given_back,
        on_event=desk.event,
        limits=limits,
        patience=QUICK,
        bucket=bucket,
        backlog=1000,
    )
    made.start()
    try:
        await eventually(lambda: len(made.sessions) == len(ports))
        yield made
    finally:
        await made.stop(0.3)


def some(count: int, first: int = 0) -> list[Submission]:
    return [Submission(HELLO, number) for number in range(first, first + count)]


@pytest.mark.req("J8")
def test_messages_are_shared_out_among_all_binds() -> None:
    async def test() -> None:
        async with AsyncExitStack() as stack:
            operators = [await stack.enter_async_context(simulator(Habits(receipts="none"))) for _one in range(3)]
            desk = Desk()
            async with link([port for _operator, port in operators], desk) as made:
                assert made.room == 1000
                made.offer(some(300))
                await eventually(lambda: len(desk.outcomes) == 300)
                assert sorted(tag for tag, _outcome in desk.outcomes if isinstance(tag, int)) == list(range(300))
                assert all(operator.counts["accepted"] >= 30 for operator, _port in operators)
            assert [event.kind for event in desk.events].count(EventKind.CLOSED) == 3

    run(test())


@pytest.mark.req("J8")
@pytest.mark.slow
def test_the_backlog_of_a_bind_that_dies_goes_over_the_other() -> None:
    async def test() -> None:
        async with (
            simulator(Habits(latency=0.02, receipts="none")) as (first, one),
            simulator(Habits(latency=0.02, receipts="none")) as (second, two),
        ):
            desk = Desk()
            async with link([one, two], desk) as made:
                made.offer(some(400))
                await eventually(lambda: first.counts["accepted"] >= 30)
                await first.server.close(0)
                await eventually(lambda: len(desk.outcomes) == 400)
                # What was in flight on the dead one is unknown, at most its window; the rest arrived.
                assert desk.count(OutcomeKind.UNKNOWN) <= ALERT.window
                assert desk.count(OutcomeKind.ACCEPTED) + desk.count(OutcomeKind.UNKNOWN) == 400
                assert second.counts["accepted"] > 200
                assert not desk.backlog

    run(test())


@pytest.mark.req("J8")
@pytest.mark.slow
def test_an_operator_that_hangs_gives_the_backlog_back_soon() -> None:
    async def test() -> None:
        async with simulator(Habits(receipts="none")) as (operator, port):
            desk = Desk()
            async with link([port], desk) as made:
                operator.habits.silent = True
                made.offer(some(100))
                await eventually(lambda: desk.backlog)
                assert desk.backlog == list(range(ALERT.window, 100))
                assert made.room == 0
                # Neither lost nor sent twice: what was in flight is unknown when the connection is given up.
                await eventually(lambda: desk.count(OutcomeKind.UNKNOWN) == ALERT.window)
                operator.habits.silent = False
                await eventually(lambda: made.usable)
                made.offer(some(10))
                await eventually(lambda: desk.count(OutcomeKind.ACCEPTED) == 10)

    run(test())


@pytest.mark.slow
@pytest.mark.req("J8")
def test_in_the_usual_times_a_backlog_is_given_back_within_30_seconds() -> None:
    async def test() -> None:
        async with simulator(Habits(receipts="none")) as (operator, port):
            desk = Desk()
            made = Link([account(port)], take_all, on_outcome=desk.outcome, on_backlog=desk.given_back)
            made.start()
            await eventually(lambda: made.sessions)
            operator.habits.silent = True
            began = asyncio.get_running_loop().time()
            made.offer(some(100))
            await eventually(lambda: desk.backlog, 30)
            assert asyncio.get_running_loop().time() - began < 30
            assert len(desk.backlog) == 90
            await made.stop(0.1)

    run(test(), 60)


@pytest.mark.slow
@pytest.mark.parametrize(("limited", "seconds"), [(True, 6), (False, 9)])
def test_an_operator_that_takes_100_a_second(limited: bool, seconds: float) -> None:
    async def test() -> None:
        async with simulator(Habits(per_s=100, receipts="none")) as (operator, port):
            desk = Desk()
            limits = Limits(window=10)
            async with link([port], desk, limits=limits, bucket=TokenBucket(100) if limited else None) as made:
                began = asyncio.get_running_loop().time()
                made.offer(some(400))
                await eventually(lambda: len(desk.outcomes) == 400, 20)
                assert asyncio.get_running_loop().time() - began < seconds
                assert desk.count(OutcomeKind.ACCEPTED) == 400
                if limited:
                    assert operator.counts["throttled"] == 0
                # What was throttled came back into its place: nothing overtook anything.
                assert [tag for tag, _outcome in desk.outcomes] == list(range(400))

    run(test())


@pytest.mark.slow
def test_binding_is_tried_again_and_not_hammered() -> None:
    async def test() -> None:
        async with simulator(Habits(bind_status=Status.RSYSERR)) as (operator, port):
            desk = Desk()
            made = Link(
                [account(port)],
                take_all,
                on_outcome=desk.outcome,
                on_backlog=desk.given_back,
                limits=replace(ALERT, bind=2),
                patience=replace(QUICK, backlog=60),
            )
            made.start()
            made.offer(some(5))
            await asyncio.sleep(0.3)
            assert made.room == 0
            operator.habits.bind_status = 0
            await eventually(lambda: len(desk.outcomes) == 5)
            assert not desk.backlog
            await made.stop(0.3)

    run(test())


def test_what_can_never_be_sent_is_refused_and_the_rest_goes() -> None:
    async def test() -> None:
        async with simulator(Habits(receipts="none")) as (_operator, port):
            desk = Desk()
            async with link([port], desk) as made:
                bad = replace(HELLO, source=Address("سلطنة"))
                made.offer([Submission(bad, "bad"), *some(20)])
                await eventually(lambda: len(desk.outcomes) == 21)
                refused = [(tag, one.status) for tag, one in desk.outcomes if one.kind is OutcomeKind.REJECTED]
                assert refused == [("bad", Status.RINVPARLEN)]

    run(test())


def test_what_is_throttled_again_and_again_or_too_late_is_told_and_the_rest_goes() -> None:
    async def test() -> None:
        async with simulator(Habits(status=Status.RMSGQFUL, receipts="none")) as (operator, port):
            desk = Desk()
            async with link([port], desk, limits=replace(ALERT, pause=0.02, window=1)) as made:
                late = Submission(HELLO, "late", until=asyncio.get_running_loop().time() - 1)
                made.offer([Submission(HELLO, "full"), late])
                await eventually(lambda: len(desk.outcomes) == 2)
                assert [tag for tag, _one in desk.outcomes] == ["full", "late"]
                assert {one.kind for _tag, one in desk.outcomes} == {OutcomeKind.THROTTLED}
                assert operator.counts["submits"] == MOST_THROTTLED
                operator.habits.status = 0
                made.offer(some(3))
                await eventually(lambda: desk.count(OutcomeKind.ACCEPTED) == 3)

    run(test())


@pytest.mark.slow
def test_stopping_gives_back_what_was_not_sent() -> None:
    async def test() -> None:
        async with simulator(Habits(latency=0.2, receipts="none")) as (_operator, port):
            desk = Desk()
            async with link([port], desk) as made:
                made.offer(some(50))
                await asyncio.sleep(0.05)
                await made.stop(2)
                assert desk.backlog == list(range(ALERT.window, 50))
                assert desk.count(OutcomeKind.ACCEPTED) == ALERT.window
                assert made.sessions == ()

    run(test())


@pytest.mark.slow
def test_an_operator_with_every_bad_habit_loses_and_doubles_nothing_in_silence() -> None:
    """Each message ends once as accepted, refused or unknown; the operator has what was accepted, and knows no more."""

    async def test() -> None:
        habits = Habits(latency=0.002, per_s=2000, forget=0.001, drop_every=700, receipts="twice", receipt_delay=0)
        async with simulator(habits) as (operator, one), simulator(Habits(receipts="early")) as (other, two):
            desk = Desk()
            # A share of submits is never answered, so `slow` and `response` are what tells them.
            limits = replace(ALERT, response=0.5)
            async with link([one, one, two], desk, limits=limits) as made:
                made.offer(some(4000))
                for what in ("garbage", "drop", "garbage"):
                    await asyncio.sleep(0.3)
                    operator.obey(json.dumps({"do": what}))
                await eventually(lambda: {tag for tag, _outcome in desk.outcomes} == set(range(4000)), 60)
            final = dict(desk.outcomes)
            assert len([1 for _tag, outcome in desk.outcomes if not outcome.late]) == 4000
            accepted = sum(outcome.kind is OutcomeKind.ACCEPTED for outcome in final.values())
            unknown = sum(outcome.kind is OutcomeKind.UNKNOWN for outcome in final.values())
            assert accepted + unknown == 4000
            taken = operator.counts["accepted"] + other.counts["accepted"]
            assert accepted <= taken <= accepted + unknown
            assert unknown <= 200

    run(test(), 90)
