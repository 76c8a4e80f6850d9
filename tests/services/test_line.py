"""The line: who is given to whom, in which order, under rules that relax."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.city import City
from wasl.core.organisation.models import Area, Post, Staff
from wasl.kernel import clock, rows
from wasl.services.calls import actions, figures, line, news, owed, recordings, seats
from wasl.services.calls.models import Call, Leg, Profile, Queue, Recording, Seat, Spell, Waiting

pytestmark = pytest.mark.req("D1")


@pytest.fixture
def queue(city: City) -> Queue:
    Queue.objects.all().delete()
    return Queue.objects.create(code="person", names={"en": "Main"})


def seated(
    name: str,
    *,
    languages: tuple[str, ...] = ("ar", "en"),
    queues: tuple[str, ...] = ("person",),
    areas: tuple[int, ...] = (),
) -> Seat:
    """Somebody ready at the telephone."""
    staff = Staff.objects.create(username=name)
    Profile.objects.create(staff=staff, languages=list(languages), queues=list(queues), areas=list(areas))
    now = clock.now()
    return Seat.objects.create(staff=staff, state=Seat.State.READY, since=now, idle_since=now, heard_at=now)


def called(name: str = "c", *, area: Area | None = None) -> Call:
    """A caller."""
    return Call.objects.create(channel=f"{name}-{Call.objects.count()}", arrived_at=clock.now(), area=area)


def enters(call: Call, queue: str, language: str, **more: Any) -> Waiting | None:
    """He begins to wait while nobody is ready; they are again afterwards."""
    ready = list(Seat.objects.filter(state=Seat.State.READY).values_list("pk", flat=True))
    Seat.objects.filter(pk__in=ready).update(state=Seat.State.BREAK)
    waiting, offer = line.enter(call, queue, language, **more)
    assert offer is None
    Seat.objects.filter(pk__in=ready).update(state=Seat.State.READY)
    return waiting


def waits(language: str = "ar", **more: Any) -> Waiting:
    """Somebody who waits."""
    area = more.pop("area", None)
    waiting = enters(called(area=area), "person", language, **more)
    assert waiting
    return waiting


def test_the_first_caller_gets_who_is_idle_longest(queue: Queue) -> None:
    late, early = seated("late"), seated("early")
    Seat.objects.filter(pk=early.pk).update(idle_since=clock.now() - timedelta(minutes=5))
    first, second = waits(), waits()
    one, two = line.assign(), line.assign()
    assert one
    assert two
    assert (one.waiting, one.seat) == (first.pk, early.pk)
    assert (two.waiting, two.seat) == (second.pk, late.pk)
    assert line.assign() is None
    assert Spell.objects.filter(staff=early.staff, state="ready").count() == 1


def test_who_comes_is_given_at_once_to_who_is_ready_and_first_is_who_waited_before(queue: Queue) -> None:
    before = waits()
    seat = seated("one")
    waiting, offer = line.enter(called(), "person", "ar")
    assert waiting
    assert offer
    assert (offer.waiting, offer.seat) == (before.pk, seat.pk)
    (leg,) = Leg.objects.filter(call=offer.call)
    assert (leg.channel, leg.kind, leg.staff, leg.answered_at) == (offer.channel, "agent", seat.staff, None)
    assert line.answered(offer)
    leg.refresh_from_db()
    assert leg.answered_at is not None
    nobody, none = line.enter(called(), "person", "ar")
    assert nobody
    assert none is None


def test_a_leg_that_was_reserved_and_never_rung_ends_with_its_call(queue: Queue) -> None:
    seated("one")
    waits()
    offer = line.assign()
    assert offer
    actions.ended(Call.objects.get(pk=offer.call), "lost", "")
    assert Leg.objects.get(channel=offer.channel).ended_at is not None


@pytest.mark.req("D3", "D4")
def test_area_then_language_relax_and_the_queue_never(queue: Queue) -> None:
    here, there = Area.objects.all()[:2]
    seated("other queue", queues=("fax",))
    far = seated("far", areas=(there.pk,))
    foreign = seated("foreign", languages=("zh",))
    waiting = waits(area=here)
    assert line.assign() is None
    with clock.later(timedelta(seconds=queue.area_s)):
        offer = line.assign()
        assert offer
        assert offer.seat == far.pk
        line.refused(offer, "silent")
        assert line.assign() is None
    with clock.later(timedelta(seconds=queue.language_s)):
        offer = line.assign()
        assert offer
        assert offer.seat == foreign.pk
        line.refused(offer, "silent")
        assert line.assign() is None
    waiting.refresh_from_db()
    assert (waiting.state, waiting.seat) == ("waiting", None)
    assert {one.state for one in Seat.objects.filter(pk__in=[far.pk, foreign.pk])} == {"aside"}


@pytest.mark.req("D3")
def test_an_agent_of_the_area_goes_before_one_of_all_areas(queue: Queue) -> None:
    (here,) = Area.objects.all()[:1]
    seated("everywhere")
    near = seated("near", areas=(here.pk,))
    waits(area=here)
    offer = line.assign()
    assert offer
    assert offer.seat == near.pk


def test_a_caller_who_comes_back_is_first_and_one_who_calls_again_gets_his_agent(queue: Queue) -> None:
    waits()
    back = waits(head=True)
    idle, known = seated("idle"), seated("known")
    offer = line.assign()
    assert offer
    assert (offer.waiting, offer.seat) == (back.pk, idle.pk)
    earlier = called("earlier")
    Call.objects.filter(pk=earlier.pk).update(look_up=b"x" * 16, agent=known.staff)
    again = called("again")
    again.look_up = b"x" * 16
    again.save()
    waiting = enters(again, "person", "ar", head=True)
    assert waiting
    assert waiting.preferred == known.staff
    offer = line.assign()
    assert offer
    assert (offer.waiting, offer.seat) == (waiting.pk, known.pk)


def test_an_answered_call_makes_the_seat_busy_and_then_gives_it_wrap_up(queue: Queue) -> None:
    seat = seated("one")
    waiting = waits()
    offer = line.assign()
    assert offer
    assert line.answered(offer)
    assert not line.answered(offer)
    seat.refresh_from_db()
    assert (seat.state, seat.call_id) == ("busy", waiting.call_id)
    seats.released(seat.pk, waiting.call_id, timedelta(seconds=30))
    seat.refresh_from_db()
    assert seat.state == "wrap_up"
    with clock.later(timedelta(seconds=31)):
        assert seats.tidy() == 1
    seat.refresh_from_db()
    assert (seat.state, seat.call_id) == ("ready", None)


def test_a_call_belongs_to_the_queue_it_was_in_last(queue: Queue) -> None:
    second = Queue.objects.create(code="second", names={"en": "Second"})
    call = called()
    assert line.queue_of(call.pk) is None
    first = enters(call, queue.code, "ar")
    assert first
    line.left(first.pk, "left")
    with clock.later(timedelta(seconds=5)):
        enters(call, second.code, "ar", head=True)
    assert line.queue_of(call.pk) == second


def test_a_reservation_that_nobody_confirms_runs_out(queue: Queue) -> None:
    seat = seated("one")
    waiting = waits()
    assert line.assign()
    with clock.later(timedelta(seconds=15 + 30)):
        seats.tidy()
    seat.refresh_from_db()
    assert (seat.state, seat.reason) == ("aside", "lease")
    waiting.refresh_from_db()
    assert (waiting.state, waiting.seat_id) == ("waiting", None)


def test_too_many_are_turned_away_and_a_place_is_told(queue: Queue) -> None:
    Queue.objects.update(most=2)
    first, second = waits(), waits()
    assert enters(called(), "person", "ar") is None
    place = line.place_of(second.pk)
    assert place
    assert (place.before, place.seconds) == (1, None)
    seated("one")
    Seat.objects.update(state="busy")
    place = line.place_of(second.pk)
    assert place
    assert place.seconds == 2 * (180 + 30)
    assert line.left(first.pk, "left")
    assert line.place_of(first.pk) is None
    assert Waiting.objects.filter(state="full").count() == 1


def rung_back(waiting: Waiting) -> Leg:
    """It is his turn, the agent is there, and he is rung."""
    assert line.to_callback(waiting.pk)
    actions.ended(waiting.call, "callback", "")
    offer = line.assign()
    assert offer
    assert offer.callback
    assert line.answered(offer)
    channel = line.back_channel(waiting.call_id, waiting.pk)
    return Leg.objects.create(call=waiting.call, channel=channel, kind=Leg.Kind.CITIZEN, dialled_at=clock.now())


@pytest.mark.parametrize("state", ["left", "mailbox"])
def test_who_leaves_as_a_seat_is_reserved_for_him_gives_it_back(queue: Queue, state: str) -> None:
    seat, waiting = seated("one"), waits()
    assert line.assign()
    assert line.left(waiting.pk, state)
    assert not line.left(waiting.pk, state)
    seat.refresh_from_db()
    assert (seat.state, seat.call_id) == ("ready", None)


def test_a_seat_that_rang_as_its_controller_died_rings_again(queue: Queue) -> None:
    seat, waiting = seated("one"), waits()
    assert line.assign()
    assert seats.free_of_gone(seat.staff_id, waiting.call_id) == 1
    line.waits_again(waiting.pk)
    offer = line.assign()
    assert offer
    assert (offer.waiting, offer.seat) == (waiting.pk, seat.pk)


def test_an_expert_who_was_rung_as_the_controller_died_is_on_his_break_again(queue: Queue) -> None:
    seat, call = seated("one"), called()
    Seat.objects.update(state="break", reason="tea")
    assert seats.reserve(seat.staff, call.pk)
    assert seats.free_of_gone(seat.staff_id, call.pk) == 1
    seat.refresh_from_db()
    assert (seat.state, seat.reason, seat.call_id) == ("break", "tea", None)


@pytest.mark.req("P1")
def test_whose_post_has_ended_has_no_seat_and_is_given_nobody(queue: Queue) -> None:
    now = clock.now()
    for name in ("stays", "goes", "shut", "talks"):
        seat = seated(name)
        Post.objects.create(staff=seat.staff, role="agent", since=now - timedelta(days=1))
    Post.objects.filter(staff__username__in=["goes", "talks"]).update(until=now - timedelta(minutes=1))
    Staff.objects.filter(username="shut").update(is_active=False)
    Seat.objects.filter(staff__username="talks").update(state="busy", call=called())
    assert seats.clear() == 2
    assert seats.clear() == 0
    found = dict(Seat.objects.values_list("staff__username", "state"))
    assert found == {"stays": "ready", "goes": "out", "shut": "out", "talks": "busy"}


@pytest.mark.parametrize("by", ["himself", "a supervisor"])
def test_who_missed_a_caller_and_is_ready_again_is_given_him(queue: Queue, city: City, by: str) -> None:
    seat = seated("one")
    Post.objects.create(staff=seat.staff, role="agent", since=clock.now())
    waiting = waits()
    # A call that another agent wants for himself stays his.
    own = waits()
    Call.objects.filter(pk=own.call_id).update(back_of=called())
    Waiting.objects.filter(pk=own.pk).update(tried=[seat.pk])
    offer = line.assign()
    assert offer
    line.refused(offer, "unanswered")
    if by == "himself":
        seats.ready(by=seat.staff)
    else:
        seats.force(seat.staff, "ready", by=city.supervisor)
    offer = line.assign()
    assert offer
    assert (offer.waiting, offer.seat) == (waiting.pk, seat.pk)
    own.refresh_from_db()
    assert own.tried == [seat.pk]


@pytest.mark.req("C10")
def test_who_still_hears_that_he_will_be_called_is_not_called_yet(queue: Queue) -> None:
    seated("one")
    seated("two")
    waiting, behind = waits(), waits()
    assert line.to_callback(waiting.pk)
    offer = line.assign()
    assert offer
    assert offer.waiting == behind.pk, "who is behind him need not wait for that"
    assert line.assign() is None
    actions.ended(waiting.call, "callback", "")
    offer = line.assign()
    assert offer
    assert (offer.waiting, offer.callback) == (waiting.pk, True)


@pytest.mark.req("C10")
def test_who_is_called_back_in_vain_is_tried_once_more_and_then_by_people(queue: Queue) -> None:
    seat, waiting = seated("one"), waits()
    assert not line.not_reached(waiting.call_id), "nobody has tried"
    rung_back(waiting)
    assert line.not_reached(waiting.call_id)
    again = Waiting.objects.get(call=waiting.call, state="waiting")
    assert again.callback
    assert again.entered_at == waiting.entered_at
    seats.released(seat.pk, waiting.call_id, None)
    assert line.assign() is None, "not at once"
    with clock.later(timedelta(minutes=6)):
        offer = line.assign()
        assert offer
        assert line.answered(offer)
        assert not owed.waiting()
        assert line.not_reached(waiting.call_id)
        assert line.not_reached(waiting.call_id)
    assert not Waiting.objects.filter(call=waiting.call, state="waiting").exists(), "a third time"
    assert [(one.call_id, one.why) for one in owed.waiting()] == [(waiting.call_id, "in_vain")]


@pytest.mark.req("C10", "D2", "L1")
def test_a_call_back_in_vain_is_no_answer(queue: Queue) -> None:
    one, two = seated("one"), seated("two")
    waiting = waits()
    rung_back(waiting)
    call = waiting.call
    call.refresh_from_db()
    assert call.answered_at is None
    first = call.agent
    assert line.not_reached(call.pk)
    actions.ended(call, "callback", "")
    now = clock.now()
    with clock.later(timedelta(minutes=6)):
        Recording.objects.create(
            call=call, channel=call.channel, sha256=b"", milliseconds=1000, kept_at=now, keep_until=now
        )
        assert not recordings.gaps()
        (counted,) = figures.figures(now - timedelta(days=1), clock.now())
        assert (counted.offered, counted.answered) == (1, 0)
        # The other seat reaches him: then it is answered, and he is the agent of it.
        Seat.objects.filter(staff=first).update(state="break")
        offer = line.assign()
        assert offer
        assert offer.seat in {one.pk, two.pk}
        assert line.answered(offer)
        actions.answered(call)
        call = Call.objects.get(pk=call.pk)
        assert call.answered_at
        assert call.agent_id == offer.staff
        assert call.agent != first


@pytest.mark.req("C10")
def test_who_has_been_called_back_is_not_called_again(queue: Queue) -> None:
    seated("one")
    waiting = waits()
    leg = rung_back(waiting)
    Leg.objects.filter(pk=leg.pk).update(answered_at=clock.now())
    assert not line.not_reached(waiting.call_id)
    assert not Waiting.objects.filter(call=waiting.call, state="waiting").exists()


@pytest.mark.req("L1")
@pytest.mark.parametrize(
    ("said", "answered", "is_"),
    [
        ("abandoned", False, "abandoned"),
        ("abandoned", True, "answered"),
        ("left", True, "answered"),
        ("lost", True, "lost"),
    ],
)
def test_who_was_answered_did_not_hang_up_waiting(queue: Queue, said: str, answered: bool, is_: str) -> None:
    call = called()
    Call.objects.filter(pk=call.pk).update(answered_at=clock.now() if answered else None)
    actions.ended(call, said, "ar")
    call.refresh_from_db()
    assert (call.outcome, call.language, call.ended_at is not None) == (is_, "ar", True)


@pytest.mark.slow
@pytest.mark.usefixtures("committed_city")
def test_who_is_rung_and_the_board_are_told_with_the_reservation() -> None:
    seat = seated("anna")
    waits()
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {rows.LIVE_CHANNEL}")
        assert line.assign()
        (heard,) = [json.loads(notice.payload) for notice in listener.notifies(timeout=5, stop_after=1)]
    assert set(heard["topics"]) == {"phones", f"staff:{seat.staff_id}"}


@pytest.mark.slow
@pytest.mark.usefixtures("committed_city")
def test_a_seat_that_is_ready_again_wakes_the_controller_and_one_that_is_not_does_not() -> None:
    seat = seated("anna")
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {news.CHANNEL}")
        for wrap_up, heard in ((timedelta(seconds=30), []), (None, ["line"])):
            call = called()
            Seat.objects.update(state="busy", call=call, until=None)
            seats.released(seat.pk, call.pk, wrap_up)
            found = [notice.payload for notice in listener.notifies(timeout=1, stop_after=1)]
            assert found == heard, wrap_up


def test_nobody_is_given_out_before_those_who_waited_are_found(queue: Queue) -> None:
    seated("one")
    waiting, offer = line.enter(called(), "person", "ar", give=False)
    assert waiting
    assert offer is None
    offer = line.assign()
    assert offer
    assert offer.waiting == waiting.pk


def test_who_leaves_before_his_offer_was_looked_at_leaves_no_leg(queue: Queue) -> None:
    seat, waiting = seated("one"), waits()
    offer = line.assign()
    assert offer
    assert line.left(waiting.pk, "mailbox")
    assert Leg.objects.get(channel=offer.channel).ended_at is not None
    seat.refresh_from_db()
    assert seat.state == "ready"


def test_a_reservation_that_ran_out_leaves_no_leg(queue: Queue) -> None:
    seated("one")
    waits()
    offer = line.assign()
    assert offer
    with clock.later(timedelta(minutes=2)):
        assert seats.tidy() == 1
    assert Leg.objects.get(channel=offer.channel).ended_at is not None


@pytest.mark.req("C10", "D3")
def test_who_was_to_be_called_back_as_the_controller_died_waits_on(queue: Queue) -> None:
    seat, waiting = seated("one"), waits()
    assert line.to_callback(waiting.pk)
    actions.ended(waiting.call, "callback", "")
    lost = line.assign()
    assert lost
    assert seats.free_of_ended() == 1
    line.wait_without_seat()
    assert Leg.objects.get(channel=lost.channel).ended_at is not None
    offer = line.assign()
    assert offer
    assert (offer.waiting, offer.seat, offer.callback) == (waiting.pk, seat.pk, True)
    line.wait_without_seat()
    waiting.refresh_from_db()
    assert waiting.state == "offered", "whose seat is his keeps it"
