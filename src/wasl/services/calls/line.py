"""The line: who waits for a person, and who is given to whom (D1, D3, D4).

The decision is one statement: the earliest of those for whom somebody fits, and of those who fit the one who has been
idle longest over all queues. Controllers may run it at the same time; a seat is given out once. What must fit relaxes
with the time that somebody waits: first the area, then the language, never the queue.
"""

import threading
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import connection, transaction
from psycopg.types.numeric import Int8

from wasl.kernel import clock, rows
from wasl.kernel.ids import new_id
from wasl.services.calls import news, seats
from wasl.services.calls.models import Call, Leg, Owed, Queue, Waiting

State = Waiting.State

FIRST = "person"
"""The queue of who just wants to speak with somebody."""

AGAIN_WITHIN = timedelta(days=7)
"""Who calls again within this is offered to the agent he spoke with, if he is ready."""


@dataclass(frozen=True, slots=True)
class Offer:
    """This seat is reserved for this caller; `channel` is the name that the leg to it has in the books already."""

    waiting: int
    call: int
    seat: int
    staff: int
    phone: str
    ring_s: int
    callback: bool
    channel: str


@dataclass(frozen=True, slots=True)
class Place:
    """How somebody stands in line: how many are before him, and how long it may take; None where nobody knows."""

    before: int
    seconds: int | None


_CONFIRM = timedelta(seconds=30)
"""A reservation that nobody confirms or gives back within this and the time to ring is the reaper's."""
# Who is to be called back is still told so while his call is not ended: his turn comes afterwards.
# The area is that of the caller; `areas` of a profile are areas he serves, with all inside them, kept flat.
_ASSIGN = f"""
WITH pair AS (
  SELECT w.id AS waiting, w.call_id, w.callback, w.ring_s, s.*
  FROM (SELECT w.*, q.code, q.ring_s, q.language_s, q.area_s
          FROM calls_waiting w JOIN calls_queue q ON q.id = w.queue_id
         WHERE w.state = 'waiting' AND w.rank <= $1
           AND (NOT w.callback
                OR EXISTS (SELECT FROM calls_call c WHERE c.id = w.call_id AND c.ended_at IS NOT NULL))
           AND q.code IN (SELECT unnest(p.queues) FROM calls_seat s JOIN calls_profile p USING (staff_id)
                           WHERE s.state = 'ready')
         ORDER BY w.rank, w.id) w
  CROSS JOIN LATERAL (
    SELECT s.id AS seat, s.staff_id, p.phone
      FROM calls_seat s JOIN calls_profile p ON p.staff_id = s.staff_id
     WHERE s.state = 'ready'
       AND NOT s.id = ANY(w.tried)
       AND w.code = ANY(p.queues)
       AND (w.language = '' OR w.language = ANY(p.languages)
            OR $1 >= w.entered_at + w.language_s * interval '1 s')
       AND (w.area_id IS NULL OR p.areas = '{{}}' OR w.area_id = ANY(p.areas)
            OR $1 >= w.entered_at + w.area_s * interval '1 s')
     ORDER BY (s.staff_id = w.preferred_id) IS TRUE DESC, (w.area_id = ANY(p.areas)) IS TRUE DESC, s.idle_since, s.id
     LIMIT 1 FOR UPDATE OF s SKIP LOCKED
  ) s
  ORDER BY w.rank, w.id LIMIT 1
), given AS (
  UPDATE calls_waiting w SET state = 'offered', seat_id = pair.seat, tried = w.tried || pair.seat
    FROM pair WHERE w.id = pair.waiting AND w.state = 'waiting'
  RETURNING w.id, pair.seat
), seat AS (
  SELECT s.* FROM calls_seat s JOIN given ON given.seat = s.id
), spell AS (
  {seats.SPELL.format(id="$2", now="$1", by="NULL::bigint", was="seat")}
), taken AS (
  UPDATE calls_seat s SET state = 'offered', reason = '', since = $1, call_id = pair.call_id,
                          until = $3 + pair.ring_s * interval '1 s'
    FROM pair, given WHERE s.id = given.seat
  RETURNING s.id
), leg AS (
  INSERT INTO calls_leg (id, call_id, channel, kind, staff_id, dialled_at, cause)
  SELECT $5, pair.call_id, pair.call_id || $6::text, '{Leg.Kind.AGENT.value}', pair.staff_id, $1, ''
    FROM pair JOIN taken ON taken.id = pair.seat
  RETURNING channel
)
SELECT pair.waiting, pair.call_id, pair.seat, pair.staff_id, pair.phone, pair.ring_s, pair.callback, leg.channel,
       pg_notify('{rows.LIVE_CHANNEL}', replace($4, '{news.SOMEBODY}', pair.staff_id::text))
  FROM pair JOIN taken ON taken.id = pair.seat CROSS JOIN leg
"""  # noqa: S608  words of ours
# Whose call nobody has answered yet is that of the last who tried.
_ANSWERED = f"""
WITH ringing AS (
  SELECT * FROM calls_seat WHERE id = $2 AND state = 'offered' AND call_id = $3 FOR UPDATE
), given AS (
  UPDATE calls_waiting w SET state = 'answered', ended_at = $5
    FROM ringing WHERE w.id = $1 AND w.state = 'offered' AND w.seat_id = ringing.id
  RETURNING w.id, w.callback
), seat AS (
  SELECT ringing.*, given.callback FROM ringing, given
), spell AS (
  {seats.SPELL.format(id="$6", now="$5", by="NULL::bigint", was="seat")}
), busy AS (
  UPDATE calls_seat s SET state = 'busy', since = $5, until = NULL FROM seat WHERE s.id = seat.id
), answered AS (
  UPDATE calls_call c SET answered_at = CASE WHEN seat.callback THEN c.answered_at ELSE coalesce(c.answered_at, $5) END,
                          agent_id = CASE WHEN c.answered_at IS NULL THEN $4 ELSE coalesce(c.agent_id, $4) END
    FROM seat WHERE c.id = $3
), leg AS (
  UPDATE calls_leg l SET answered_at = $5 FROM seat WHERE l.channel = $8 AND l.answered_at IS NULL
)
SELECT pg_notify('{rows.LIVE_CHANNEL}', $7) FROM seat
"""  # noqa: S608  words of ours
_RANG = """
WITH waits AS (UPDATE calls_waiting SET rang_at = $2 WHERE id = $1 AND rang_at IS NULL RETURNING call_id)
UPDATE calls_call c SET rang_at = $2 FROM waits WHERE c.id = waits.call_id AND c.rang_at IS NULL
"""
_WAITS_AGAIN = """
UPDATE calls_waiting SET state = 'waiting', tried = array_remove(tried, seat_id), seat_id = NULL
 WHERE id = $1 AND state = 'offered'
"""
_LEFT = """
UPDATE calls_waiting SET state = $2, ended_at = $3 WHERE id = $1 AND state IN ('waiting', 'offered')
RETURNING seat_id, call_id
"""
_SEATLESS = """
UPDATE calls_waiting w SET state = 'waiting', tried = array_remove(tried, seat_id), seat_id = NULL
 WHERE state = 'offered' AND NOT EXISTS (
       SELECT FROM calls_seat s WHERE s.id = w.seat_id AND s.call_id = w.call_id AND s.state IN ('offered', 'busy'))
"""
# Who spoke with him lately, by his number; a hidden one is nobody's.
_STANDING = """,
    (SELECT count(*) FROM calls_waiting WHERE state = 'waiting' AND queue_id = calls_queue.id),
    (SELECT agent_id FROM calls_call WHERE look_up = $2 AND agent_id IS NOT NULL AND arrived_at >= $3 AND id <> $4
      ORDER BY arrived_at DESC LIMIT 1)"""


def enter(
    call: Call, queue: str, language: str, *, head: bool = False, preferred: int | None = None, give: bool = True
) -> tuple[Waiting | None, Offer | None]:
    """The caller begins to wait; None where too many do already. `head`: he was on already, and is first in line.

    With it, who is given to whom now that one more waits, which need not be him; unless not `give`. A queue that does
    not exist is the first one: nobody is lost over a name.
    """
    number = call.look_up and bytes(call.look_up)
    queues = rows.load_beside(
        Queue, _STANDING, "ORDER BY (code = $1) DESC, id LIMIT 1",
        [queue, number, clock.now() - AGAIN_WITHIN, Int8(call.pk)],
    )  # fmt: skip
    if not queues:
        return None, None
    ((found, (waiting, spoke_with)),) = queues
    now = clock.now()
    # Who is passed on is in line since he first was.
    first = call.queued_at or now
    one = Waiting(
        call=call, queue=found, language=language, area_id=call.area_id,
        preferred_id=preferred or spoke_with, entered_at=now,
        # Before everybody: he has been answered once.
        rank=first - (timedelta(days=1) if head else timedelta(seconds=found.head_start_s)),
    )  # fmt: skip
    if not head and waiting >= found.most:
        one.state, one.ended_at = State.FULL, now
        rows.write([one], notices=[news.notice()])
        return None, None
    # Whom the desk works on may be locked there, and nobody else's turn waits for that: mostly he was queued before.
    changed = [(call, ("queued_at",))] if call.queued_at is None else []
    call.queued_at = first
    with _one_at_a_time if give else nullcontext():
        given = rows.write([one], changed, [news.notice()], then=_assignment() if give else None)
    return one, _offer(given)


def assign() -> Offer | None:
    """Reserve one seat for one caller, or nothing where nobody fits. To be asked again until it is nothing."""
    with _one_at_a_time:
        return _offer(rows.read(*_assignment()))


# Two that decide at the same time would want the same caller, and one of them give up.
_one_at_a_time = threading.Lock()


def _assignment() -> rows.Asked:
    now, leg = clock.now(), f".l{uuid4().hex[:12]}"
    somebody = news.notice([news.SOMEBODY])
    return _ASSIGN, [now, Int8(new_id()), now + _CONFIRM, somebody, Int8(new_id()), leg]


def _offer(given: Sequence[Sequence[Any]]) -> Offer | None:
    return Offer(*given[0][:-1]) if given else None


def rang(waiting: int) -> None:
    """The seat's telephone rings."""
    rows.read(_RANG, [Int8(waiting), clock.now()])


def answered(offer: Offer) -> bool:
    """The seat and the caller are one conversation from now. False when the reservation was not theirs any more.

    Who is called back has still to be rung: his call counts as answered once he is on the line (`actions.answered`).
    """
    told = rows.read(
        _ANSWERED,
        [
            Int8(offer.waiting), Int8(offer.seat), Int8(offer.call), Int8(offer.staff), clock.now(), Int8(new_id()),
            news.notice([offer.staff]), offer.channel,
        ],
    )  # fmt: skip
    return bool(told)


def refused(offer: Offer, why: str) -> None:
    """The seat did not answer, or could not be rung: it is set aside, and the caller keeps his place."""
    with transaction.atomic():
        Waiting.objects.filter(pk=offer.waiting, state=State.OFFERED, seat=offer.seat).update(
            state=State.WAITING, seat=None
        )
        seats.released(offer.seat, offer.call, None, aside=why)


def withdrawn(offer: Offer) -> None:
    """The caller is gone while it rang, or before: the seat is as it was."""
    seats.released(offer.seat, offer.call, None)


def left(waiting: int, state: str) -> bool:
    """He waits no longer: hung up, mailbox, fault; a seat that was to ring for him is free.

    False when he was not waiting any more.
    """
    done = rows.read(_LEFT, [Int8(waiting), str(state), clock.now()])
    for seat, call in done:
        if seat is not None:
            seats.released(seat, call, None)
    news.tell()
    return bool(done)


def to_callback(waiting: int) -> bool:
    """He hangs up and is called when it is his turn; his place stays his. False when a seat rings for him already."""
    return bool(Waiting.objects.filter(pk=waiting, state=State.WAITING).update(callback=True))


def waits_again(waiting: int) -> None:
    """A seat that rang for him does no longer, by no fault of its own: he waits, with all his time."""
    rows.read(_WAITS_AGAIN, [Int8(waiting)])
    news.wake()


def wait_without_seat() -> None:
    """Whose seat was freed, as its controller died before it rang, waits on: also who is to be called back."""
    rows.read(_SEATLESS)


def not_reached(call: int) -> bool:
    """Who was being called back did not come on the line: once more, later, and then he is owed a call of people.

    False where nobody was calling him back, or he has come on the line.
    """
    with transaction.atomic():
        waits = Waiting.objects.select_for_update().filter(call=call, callback=True).order_by("pk")
        one = waits.last()
        if one is None or one.state != State.ANSWERED or _came_on(one):
            return False
        if one.call.back_of_id is not None:
            # Whom an agent wanted rung is rung once: he knows, and asks again himself.
            pass
        elif len(waits) >= CALL_BACKS:
            Owed.objects.get_or_create(call_id=call, defaults={"why": Owed.Why.IN_VAIN, "at": clock.now()})
        else:
            Waiting.objects.create(
                call_id=call, queue_id=one.queue_id, language=one.language, area_id=one.area_id, callback=True,
                entered_at=one.entered_at, rank=clock.now() + timedelta(minutes=5),
            )  # fmt: skip
    return True


def _came_on(waiting: Waiting) -> bool:
    """Whether who was called back for this place in line was on the line."""
    return Leg.objects.filter(channel=back_channel(waiting.call_id, waiting.pk), answered_at__isnull=False).exists()


def back_channel(call: int, waiting: int) -> str:
    """Asterisk's name of the leg to a caller who is called back for this place in line."""
    return f"{call}.c{waiting}"


CALL_BACKS = 2


def queue_of(call: int) -> Queue | None:
    """The queue that he is in, or was in last; None for who has never waited."""
    last = Waiting.objects.filter(call=call).select_related("queue").order_by("-entered_at", "-pk").first()
    return last.queue if last else None


def place_of(waiting: int) -> Place | None:
    """Where he stands, and an honest guess of how long it takes; None when he does not wait any more.

    The guess: those before him and himself, by what a call of this queue took lately, over the agents who serve it and
    are not on a break. Nobody there: no guess.
    """
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [waiting])
        row = cursor.fetchone()
    if row is None:
        return None
    before, agents, seconds = row
    return Place(before, round((before + 1) * float(seconds) / agents) if agents else None)


_PLACE = """
SELECT (SELECT count(*) FROM calls_waiting o
         WHERE o.queue_id = w.queue_id AND o.state IN ('waiting', 'offered') AND (o.rank, o.id) < (w.rank, w.id)),
       (SELECT count(*) FROM calls_seat s JOIN calls_profile p ON p.staff_id = s.staff_id
         WHERE q.code = ANY(p.queues) AND s.state IN ('ready', 'offered', 'busy', 'wrap_up')),
       coalesce((SELECT avg(extract(epoch FROM c.ended_at - c.answered_at)) FROM (
           SELECT c.ended_at, c.answered_at FROM calls_call c
            WHERE c.answered_at IS NOT NULL AND c.ended_at > now() - interval '2 hours'
            ORDER BY c.ended_at DESC LIMIT 50) c), 180) + q.wrap_up_s / 2
  FROM calls_waiting w JOIN calls_queue q ON q.id = w.queue_id
 WHERE w.id = %s AND w.state IN ('waiting', 'offered')
"""


def waited_out(waiting: int) -> bool:
    """Whether he has waited longer than the queue lets anybody wait."""
    one = Waiting.objects.select_related("queue").get(pk=waiting)
    return clock.now() >= one.entered_at + timedelta(seconds=one.queue.longest_s)


def open_waits(calls: Sequence[int]) -> dict[int, Waiting]:
    """Of these calls, those who wait, by call."""
    found = Waiting.objects.filter(call__in=calls, state__in=[State.WAITING, State.OFFERED]).select_related("queue")
    return {one.call_id: one for one in found}
