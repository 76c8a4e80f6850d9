"""The seats: who is at the telephone and in what state (D8). Every change of state closes a spell in the same commit.

A seat is reserved for a call by `line.assign` and nowhere else; all here are compare-and-set on the state they expect.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from psycopg.types.numeric import Int8

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock, rows, seal
from wasl.kernel.ids import new_id
from wasl.services.calls import news
from wasl.services.calls.models import BreakReason, Profile, Seat, Waiting

State = Seat.State

PATIENCE = timedelta(seconds=60)
"""A ready seat whose page is silent for longer is set aside: nobody would hear it ring."""
MORE = timedelta(minutes=1)
LONGEST_SHIFT = timedelta(hours=16)


class Unfit(Exception):
    """The seat is not in a state for this. The sentence is for people."""


def profile_of(staff: Staff) -> Profile | None:
    """What this person can take by telephone; None: he is no agent of the telephone."""
    return Profile.objects.filter(staff=staff).first()


def sign_in(*, by: Staff) -> Seat:
    """Take one's seat, not ready yet. A new SIP secret is made; an older browser of the same person loses its own.

    Raises Forbidden for who has no profile.
    """
    rights.require(by, "phone.answer")
    if profile_of(by) is None:
        raise Forbidden(_("You have no telephone profile yet: an administrator gives it."))
    now = clock.now()
    with transaction.atomic():
        seat, _new = Seat.objects.select_for_update().get_or_create(
            staff=by, defaults={"since": now, "idle_since": now, "state": State.OUT}
        )
        if seat.state == State.OUT:
            seat.idle_since = now
            _move(seat, State.BREAK, reason="starting")
        seat.nonce = os.urandom(16)
        seat.heard_at = now
        seat.save(update_fields=["nonce", "heard_at", "idle_since"])
        news.wake("seats")
    return seat


def secret_of(seat: Seat) -> str:
    """The SIP password of this sign-in; nothing of it is stored in the clear."""
    return seal.index_of(f"sip:{seat.pk}:{bytes(seat.nonce or b'').hex()}").hex()


def sign_out(*, by: Staff) -> Seat:
    """Leave the seat. Raises Unfit during a call."""
    return _change(by, {State.READY, State.WRAP_UP, State.BREAK, State.ASIDE, State.OUT}, State.OUT)


def ready(*, by: Staff) -> Seat:
    """Take calls from now, also of whom one has missed; also ends wrap-up and break.

    Raises Unfit when the seat is out or on a call.
    """
    return _change(by, {State.READY, State.WRAP_UP, State.BREAK, State.ASIDE}, State.READY)


def take_break(reason: str, *, by: Staff) -> Seat:
    """Take no calls for a while. Raises Unfit, also for an unknown reason."""
    why = BreakReason.objects.filter(code=reason, on=True).first()
    if why is None:
        raise Unfit(_("Choose a reason for the break."))
    until = clock.now() + timedelta(minutes=why.longest_min)
    return _change(by, {State.READY, State.WRAP_UP, State.BREAK, State.ASIDE}, State.BREAK, reason=reason, until=until)


def force(staff: Staff, state: str, *, by: Staff) -> Seat:
    """A supervisor puts somebody's seat into ready, break or out; the spell says who. A call is never cut by this."""
    rights.require(by, "phone.supervise")
    if state not in (State.READY, State.BREAK, State.OUT):
        raise Unfit(_("A seat can be made ready, put on a break or signed out."))
    return _change(
        staff, {State.READY, State.WRAP_UP, State.BREAK, State.ASIDE}, State(state), reason="forced", forced_by=by
    )


def more_time(*, by: Staff) -> Seat:
    """Wrap-up lasts a minute longer from now. Raises Unfit when the seat is not in wrap-up."""
    with transaction.atomic():
        seat = Seat.objects.select_for_update().filter(staff=by, state=State.WRAP_UP).first()
        if seat is None:
            raise Unfit(_("There is no wrap-up to be made longer."))
        seat.until = max(seat.until or clock.now(), clock.now()) + MORE
        seat.save(update_fields=["until"])
        news.tell([by.pk])
    return seat


def heard(staff: Staff) -> None:
    """The page of this seat is there."""
    Seat.objects.filter(staff=staff).exclude(state=State.OUT).update(heard_at=clock.now())


def busy(seat: int, call: int) -> bool:
    """The seat answered. False when it was not ringing for this call any more."""
    return any(
        _move(one, State.BUSY, reason=one.reason, call=call) for one in _on(seat, call) if one.state == State.OFFERED
    )


@dataclass(frozen=True, slots=True)
class Reserved:
    """A colleague's seat that is rung now; `phone` is empty where he sits at the browser."""

    seat: int
    phone: str


def reserve(staff: Staff, call: int) -> Reserved | None:
    """Take the seat of somebody who is asked into a conversation; None where he is on a call or away.

    Afterwards the seat is as it was: who was on a break is on a break.
    """
    with transaction.atomic():
        one = Seat.objects.select_for_update().filter(staff=staff).first()
        if one is None or one.state not in (State.READY, State.WRAP_UP, State.BREAK):
            return None
        _move(one, State.OFFERED, reason=f"{_ASKED}{one.state}:{one.reason}", call=call, until=clock.now() + _ASKED_FOR)
    return Reserved(one.pk, phone_of(staff) or "")


def phone_of(staff: Staff) -> str | None:
    """Where this person is rung: empty for his browser; None where he has no seat now."""
    if not Seat.objects.filter(staff=staff).exclude(state=State.OUT).exists():
        return None
    profile = profile_of(staff)
    return profile.phone if profile else None


_ASKED, _ASKED_FOR = "asked:", timedelta(seconds=60)


def released(seat: int, call: int, wrap_up: timedelta | None, *, aside: str = "") -> None:
    """The seat has nothing to do with this call any more: wrap-up, ready, or set aside with the reason.

    Who was asked into a conversation during a break is on a break. A leg that was reserved with the seat, and may never
    have been rung, ends with the reservation.
    """
    now = clock.now()
    until = now + wrap_up if wrap_up else None
    rows.read(
        _RELEASED,
        [
            Int8(seat), Int8(call), aside, until, now, Int8(new_id()), news.notice([news.SOMEBODY]), news.CHANNEL,
        ],
    )  # fmt: skip


def browsers() -> dict[str, str]:
    """Names and secrets of those who sit at a browser."""
    there = Seat.objects.exclude(state=State.OUT).filter(nonce__isnull=False, staff__phone_profile__phone="")
    return {f"seat{one.staff_id}": secret_of(one) for one in there}


def seat_of(staff: int | None, call: int) -> int | None:
    """The seat of this person, if it is on this call."""
    return Seat.objects.filter(staff=staff, call=call).values_list("pk", flat=True).first()


def free_of_ended() -> int:
    """Seats that ring for, or are on, a call that is over are free; how many."""
    return _freed(Seat.objects.filter(call__ended_at__isnull=False))


def free_of_gone(staff: int, call: int) -> int:
    """The seat of who is not on this call any more is free, if it rings for it or is on it; how many."""
    return _freed(Seat.objects.filter(staff=staff, call=call))


def _freed(seats: QuerySet[Seat]) -> int:
    stuck = seats.filter(state__in=[State.BUSY, State.OFFERED])
    for seat in stuck:
        assert seat.call_id is not None  # noqa: S101  # by the filter
        released(seat.pk, seat.call_id, timedelta(seconds=30) if seat.state == State.BUSY else None)
    return len(stuck)


def tidy() -> int:
    """What time does to seats: wrap-up ends, leases run out, silent pages are set aside; how many changed."""
    now = clock.now()
    if not rows.read(_UNTIDY, [now, now - PATIENCE, now - LONGEST_SHIFT])[0][0]:
        return 0
    changed = 0
    with transaction.atomic():
        over = Seat.objects.select_for_update(skip_locked=True).filter(until__lte=now)
        for seat in over.filter(state=State.WRAP_UP):
            _move(seat, State.READY)
            changed += 1
        for seat in over.filter(state=State.OFFERED):
            Waiting.objects.filter(seat=seat, state=Waiting.State.OFFERED).update(
                state=Waiting.State.WAITING, seat=None
            )
            assert seat.call_id is not None  # noqa: S101  # an offer is of a call
            released(seat.pk, seat.call_id, None, aside="lease")
            changed += 1
        silent = Seat.objects.select_for_update(skip_locked=True).filter(
            state=State.READY, heard_at__lt=now - PATIENCE, staff__phone_profile__phone=""
        )
        for seat in silent:
            _move(seat, State.ASIDE, reason="silent")
            changed += 1
        for seat in Seat.objects.select_for_update(skip_locked=True).filter(
            state__in=[State.ASIDE, State.BREAK], since__lt=now - LONGEST_SHIFT
        ):
            _move(seat, State.OUT)
            changed += 1
    return changed


_UNTIDY = """
SELECT EXISTS (SELECT FROM calls_seat WHERE state IN ('wrap_up', 'offered') AND until <= $1
                  OR state = 'ready' AND heard_at < $2 OR state IN ('aside', 'break') AND since < $3)
"""
"""Whether time may have done anything: asked each second, where callers wait for what is asked next."""


def clear() -> int:
    """Who may not answer the telephone any more leaves his seat, unless he is on a call; how many.

    A job of every minute, safe to run twice.
    """
    cleared = 0
    free = {State.READY, State.WRAP_UP, State.BREAK, State.ASIDE}
    with transaction.atomic():
        here = Seat.objects.select_for_update(skip_locked=True, of=("self",)).filter(state__in=free)
        for seat in here.select_related("staff"):
            if not rights.may(seat.staff, "phone.answer"):
                cleared += _move(seat, State.OUT)
        if cleared:
            # His browser is known to Asterisk no more.
            news.wake("seats")
    return cleared


def _change(
    staff: Staff,
    of: set[State],
    to: State,
    *,
    reason: str = "",
    until: datetime | None = None,
    forced_by: Staff | None = None,
) -> Seat:
    with transaction.atomic():
        seat = Seat.objects.select_for_update().filter(staff=staff).first()
        if seat is None:
            raise Unfit(_("Take your seat first."))
        if seat.state not in of:
            raise Unfit(_("That is not possible while the seat is “%(state)s”.") % {"state": seat.get_state_display()})
        if seat.state != to or seat.reason != reason:
            _move(seat, to, reason=reason, until=until, by=forced_by)
        if to == State.READY:
            seat.heard_at = clock.now()
            seat.save(update_fields=["heard_at"])
            rows.read(_TRIED_ANEW, [Int8(seat.pk)])
    return seat


# Whom an agent wants rung himself is rung at no other seat: `tried` says so.
_TRIED_ANEW = """
UPDATE calls_waiting w SET tried = array_remove(w.tried, $1) FROM calls_call c
 WHERE c.id = w.call_id AND c.back_of_id IS NULL AND w.state IN ('waiting', 'offered') AND $1 = ANY(w.tried)
"""


def _move(
    seat: Seat,
    to: State,
    *,
    reason: str = "",
    until: datetime | None = None,
    call: int | None = None,
    by: Staff | None = None,
) -> bool:
    """The one way a seat changes, if it is still as it was read: the spell that ends is kept. False: it is not.

    One statement, as each call does it three times; `line` has the same for the two that change a caller too.
    """
    now = clock.now()
    told = rows.read(
        _MOVE,
        [
            Int8(seat.pk), str(seat.state), seat.since, Int8(new_id()), now, by and Int8(by.pk), str(to), reason, until,
            call and Int8(call), news.notice([seat.staff_id]), news.CHANNEL,
        ],
    )  # fmt: skip
    if not told:
        return False
    if seat.state == State.BUSY:
        seat.idle_since = now
    seat.state, seat.reason, seat.since, seat.until, seat.call_id = to, reason, now, until, call
    return True


def _on(seat: int, call: int) -> list[Seat]:
    """This seat, if it has to do with this call."""
    return rows.load(Seat, "WHERE id = $1 AND call_id = $2", [Int8(seat), Int8(call)])


SPELL = """
INSERT INTO calls_spell (id, staff_id, state, reason, call_id, began_at, ended_at, by_id)
SELECT {id}, was.staff_id, was.state, was.reason, was.call_id, was.since, {now}, {by} FROM {was} was"""
"""Keeps the state that ends of the seats in `was`, rows as they were before."""

_RELEASED = f"""
WITH was AS (
  SELECT s.*, CASE
      WHEN $3 <> '' THEN 'aside'
      WHEN reason LIKE '{_ASKED}{State.BREAK.value}:%' THEN 'break'
      WHEN reason LIKE '{_ASKED}%' OR $4::timestamptz IS NULL THEN 'ready'
      ELSE 'wrap_up' END AS becomes
    FROM calls_seat s WHERE id = $1 AND call_id = $2 FOR UPDATE
), spell AS (
  {SPELL.format(id="$6", now="$5", by="NULL::bigint", was="was")} WHERE was.state <> 'out'
), moved AS (
  UPDATE calls_seat s SET
      state = becomes, since = $5, idle_since = CASE was.state WHEN 'busy' THEN $5 ELSE s.idle_since END,
      reason = CASE becomes WHEN 'aside' THEN $3 WHEN 'break' THEN split_part(was.reason, ':', 3) ELSE '' END,
      until = CASE becomes WHEN 'wrap_up' THEN $4 END,
      call_id = CASE becomes WHEN 'wrap_up' THEN was.call_id END
    FROM was WHERE s.id = was.id RETURNING s.staff_id, s.state
), leg AS (
  UPDATE calls_leg l SET ended_at = $5 FROM was
   WHERE was.state = 'offered' AND l.call_id = was.call_id AND l.staff_id = was.staff_id AND l.kind = 'agent'
     AND l.answered_at IS NULL AND l.ended_at IS NULL
)
SELECT pg_notify('{rows.LIVE_CHANNEL}', replace($7, '{news.SOMEBODY}', staff_id::text)),
       CASE state WHEN 'ready' THEN pg_notify($8, 'line') END FROM moved
"""  # noqa: S608  words of ours

_MOVE = f"""
WITH seat AS (
  SELECT * FROM calls_seat WHERE id = $1 AND state = $2 AND since = $3 FOR UPDATE
), spell AS (
  {SPELL.format(id="$4", now="$5", by="$6::bigint", was="seat")} WHERE was.state <> 'out'
), moved AS (
  UPDATE calls_seat s SET state = $7, reason = $8, since = $5, until = $9, call_id = $10::bigint,
                          idle_since = CASE seat.state WHEN 'busy' THEN $5 ELSE s.idle_since END
    FROM seat WHERE s.id = seat.id RETURNING s.id
)
SELECT pg_notify('{rows.LIVE_CHANNEL}', $11), CASE $7 WHEN 'ready' THEN pg_notify($12, 'line') END FROM moved
"""  # noqa: S608  words of ours
