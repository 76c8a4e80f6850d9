"""Figures of calls against the same formulas reckoned by hand from the calls that were made up."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.city import City
from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.services.calls import figures
from wasl.services.calls.models import Call, Command, Queue, Seat, Spell, Waiting

pytestmark = pytest.mark.req("L1")
DAY = timedelta(days=1)


@pytest.fixture
def queue(city: City) -> Queue:
    Queue.objects.all().delete()
    return Queue.objects.create(code="person", names={"en": "A person"}, target_s=15)


@pytest.fixture
def agent(city: City) -> Staff:
    return Staff.objects.create(username="listener")


def made(
    queue: Queue | None,
    outcome: str,
    *,
    at: datetime,
    waited: float = 0,
    agent: Staff | None = None,
    talk: float = 60,
    wrap: float = 30,
    number: bytes | None = None,
) -> Call:
    """A call that is over: it waited so long, was answered or was not."""
    second = timedelta(seconds=1)
    queued = at + 5 * second if queue else None
    answered = queued + waited * second if queued and agent else None
    ended = answered + talk * second if answered else (queued or at) + waited * second
    call = Call.objects.create(
        channel=f"c{Call.objects.count()}", arrived_at=at, queued_at=queued, answered_at=answered, ended_at=ended,
        outcome=outcome, agent=agent, look_up=number,
    )  # fmt: skip
    if queue and queued:
        Waiting.objects.create(call=call, queue=queue, entered_at=queued, rank=queued, state="answered", ended_at=ended)
    if agent and answered:
        facts = {"staff": agent, "call": call}
        Spell.objects.create(state="busy", began_at=answered, ended_at=ended, **facts)
        Spell.objects.create(state="wrap_up", began_at=ended, ended_at=ended + wrap * second, **facts)
    return call


def of_today(**more: Any) -> list[figures.Figures]:
    now = clock.now()
    return figures.figures(now - DAY, now + DAY, **more)


def test_three_service_levels_and_the_rest(queue: Queue, agent: Staff) -> None:
    at = clock.now() - timedelta(hours=1)
    for waited in (2, 10, 15, 16, 40):
        made(queue, "answered", at=at, waited=waited, agent=agent)
    for waited in (3, 8, 30):
        made(queue, "abandoned", at=at, waited=waited)
    made(queue, "mailbox", at=at, waited=600)
    made(None, "served", at=at)
    made(None, "left", at=at)
    (one,) = of_today()
    assert (one.received, one.offered, one.answered, one.in_time) == (11, 9, 5, 3)
    assert (one.abandoned, one.short, one.abandoned_in_time) == (3, 1, 2)
    assert one.sl1 == 3 / 9
    assert one.sl2 == 3 / (9 - 2)
    assert one.sl3 == (3 + 2) / 9
    assert one.timely == 3 / 5
    assert one.connected == 5 / 9
    assert one.abandon_rate == 2 / 9
    assert one.asa_s == pytest.approx((2 + 10 + 15 + 16 + 40) / 5)
    assert one.aht_s == pytest.approx(90)


def test_outcomes_sum_to_what_was_received(queue: Queue, agent: Staff) -> None:
    at = clock.now() - timedelta(hours=1)
    for outcome in Call.Outcome.values:
        made(queue, outcome, at=at, waited=1, agent=agent if outcome == "answered" else None)
    Call.objects.create(channel="on", arrived_at=at)
    for by in figures.BY:
        lines = of_today(by=by)
        assert sum(line.received for line in lines) == len(Call.Outcome.values) + 1
        for line in lines:
            assert sum(line.outcomes.values()) == line.received, by


def test_by_agent_and_by_hour(queue: Queue, agent: Staff) -> None:
    at = clock.now().replace(minute=10) - timedelta(hours=3)
    made(queue, "answered", at=at, waited=1, agent=agent)
    made(queue, "answered", at=at + timedelta(hours=1), waited=1, agent=agent)
    assert [(line.of, line.answered) for line in of_today(by="agent")] == [(agent.pk, 2)]
    assert [line.answered for line in of_today(every="hour")] == [1, 1]


def test_who_calls_again_within_seven_days_was_not_served_at_once(queue: Queue, agent: Staff) -> None:
    at = clock.now() - timedelta(hours=3)
    for n, number in enumerate((b"a", b"a", b"b", None)):
        made(queue, "answered", at=at + timedelta(minutes=n), waited=1, agent=agent, number=number)
    (one,) = of_today()
    assert (one.known, one.again, one.at_once) == (3, 1, 2 / 3)


def test_a_call_that_was_handed_on_is_counted_so(queue: Queue, agent: Staff) -> None:
    call = made(queue, "answered", at=clock.now(), waited=1, agent=agent)
    for verb, wrong in (("transfer", "nobody answered"), ("hand_over", "")):
        Command.objects.create(call=call, by=agent, verb=verb, made_at=clock.now(), done_at=clock.now(), wrong=wrong)
    assert of_today()[0].transferred == 1


def test_occupancy_is_calls_and_wrap_up_of_the_time_without_breaks(agent: Staff) -> None:
    now = clock.now()
    begun = now - timedelta(hours=2)

    def spell(state: str, minutes: float, after: float) -> None:
        since = begun + timedelta(minutes=after)
        Spell.objects.create(
            staff=agent, state=state, began_at=since, ended_at=since + timedelta(minutes=minutes), reason=""
        )

    # The first half lies before the span that is asked about, and does not count.
    spell("ready", 30, 0)
    spell("busy", 30, 30)
    spell("ready", 12, 60)
    spell("busy", 18, 72)
    spell("wrap_up", 6, 90)
    spell("break", 14, 96)
    Seat.objects.create(staff=agent, state="ready", since=begun + timedelta(minutes=110), idle_since=begun)
    (one,) = figures.attendance(begun + timedelta(hours=1), now + DAY, now)
    assert one.signed_in_s == pytest.approx(60 * 60, abs=1)
    assert (one.busy_s, one.wrap_s, one.break_s) == pytest.approx((18 * 60, 6 * 60, 14 * 60))
    assert one.occupancy == pytest.approx(24 / 46, abs=0.001)
    assert figures.occupancy_of([one]) == one.occupancy


def test_nothing_is_no_share() -> None:
    one = figures.Figures(None, None)
    assert (one.sl1, one.sl2, one.sl3, one.connected, one.asa_s, one.aht_s) == (None,) * 6
