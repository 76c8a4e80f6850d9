"""Figures of calls: outcomes that sum to what was received, service levels, waits, handling, occupancy, and formulas.

`T` is the queue's target, `S` the seconds before which hanging up is no abandoning. Every share has its denominator
here and on the screen. Sources: requirement L1; GB/T 33358-2016 (answer within 15 s, 95 % connected).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from wasl.services.calls.models import Call

S = 5
"""Seconds: who hangs up earlier is a short abandon, listed apart."""
BY = ("", "queue", "agent", "line")
EVERY = ("", "hour", "day", "month")
STILL = "still"
"""The bucket of calls that are not over."""
OUTCOMES = (*Call.Outcome.values, STILL)


@dataclass(slots=True)
class Figures:
    """Of one group in one interval: `of` is the id of a queue, agent or line, `when` the interval's local beginning.

    Counts of calls; sums in seconds.
    """

    of: int | None
    when: datetime | None
    received: int = 0
    offered: int = 0
    answered: int = 0
    in_time: int = 0
    abandoned: int = 0
    short: int = 0
    abandoned_in_time: int = 0
    transferred: int = 0
    again: int = 0
    known: int = 0
    wait_s: float = 0.0
    talk_s: float = 0.0
    wrap_s: float = 0.0
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def connected(self) -> float | None:
        """Answered of offered."""
        return _share(self.answered, self.offered)

    @property
    def abandon_rate(self) -> float | None:
        """Abandoned after S of offered."""
        return _share(self.abandoned - self.short, self.offered)

    @property
    def sl1(self) -> float | None:
        """Answered within T of offered."""
        return _share(self.in_time, self.offered)

    @property
    def sl2(self) -> float | None:
        """Answered within T of offered without those who hung up within T."""
        return _share(self.in_time, self.offered - self.abandoned_in_time)

    @property
    def sl3(self) -> float | None:
        """Answered, or hung up, within T of offered."""
        return _share(self.in_time + self.abandoned_in_time, self.offered)

    @property
    def timely(self) -> float | None:
        """Answered within T of answered."""
        return _share(self.in_time, self.answered)

    @property
    def asa_s(self) -> float | None:
        """Mean wait of the answered."""
        return self.wait_s / self.answered if self.answered else None

    @property
    def aht_s(self) -> float | None:
        """Mean of talk, hold and wrap-up of the answered."""
        return (self.talk_s + self.wrap_s) / self.answered if self.answered else None

    @property
    def at_once(self) -> float | None:
        """Answered calls of a known number that did not call again within 7 days."""
        return _share(self.known - self.again, self.known)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


_GROUP = {"": "NULL::bigint", "queue": "w.queue_id", "agent": "c.agent_id", "line": "c.line_id"}
# The queue is the first he waited in; the clock of the wait starts there, not in the menu.
_COUNT = """
SELECT {group} AS of, {when} AS since, count(*) AS received,
       count(c.queued_at) AS offered,
       count(*) FILTER (WHERE asked AND c.answered_at IS NOT NULL) AS answered,
       count(*) FILTER (WHERE asked AND c.answered_at <= c.queued_at + w.target) AS in_time,
       count(*) FILTER (WHERE left_waiting) AS abandoned,
       count(*) FILTER (WHERE left_waiting AND c.ended_at < c.queued_at + %(short)s * interval '1 s') AS short,
       count(*) FILTER (WHERE left_waiting AND c.ended_at <= c.queued_at + w.target) AS abandoned_in_time,
       count(*) FILTER (WHERE given) AS transferred,
       count(*) FILTER (WHERE asked AND c.answered_at IS NOT NULL AND c.look_up IS NOT NULL AND again) AS again,
       count(*) FILTER (WHERE asked AND c.answered_at IS NOT NULL AND c.look_up IS NOT NULL) AS known,
       coalesce(sum(extract(epoch FROM c.answered_at - c.queued_at)) FILTER (WHERE asked), 0) AS wait_s,
       coalesce(sum(s.talk_s) FILTER (WHERE asked AND c.answered_at IS NOT NULL), 0) AS talk_s,
       coalesce(sum(s.wrap_s) FILTER (WHERE asked AND c.answered_at IS NOT NULL), 0) AS wrap_s,
       {outcomes}
  FROM calls_call c
  LEFT JOIN LATERAL (SELECT w.queue_id, q.target_s * interval '1 s' AS target
                       FROM calls_waiting w JOIN calls_queue q ON q.id = w.queue_id
                      WHERE w.call_id = c.id ORDER BY w.entered_at, w.id LIMIT 1) w ON true
  CROSS JOIN LATERAL (SELECT c.queued_at IS NOT NULL AS asked, c.outcome = 'abandoned' AS left_waiting) a
  CROSS JOIN LATERAL (SELECT
      coalesce(sum(extract(epoch FROM p.ended_at - p.began_at)) FILTER (WHERE p.state = 'busy'), 0) AS talk_s,
      coalesce(sum(extract(epoch FROM p.ended_at - p.began_at)) FILTER (WHERE p.state = 'wrap_up'), 0) AS wrap_s
    FROM calls_spell p WHERE p.call_id = c.id) s
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM calls_command m WHERE m.call_id = c.id
      AND m.verb IN ('transfer', 'hand_over') AND m.done_at IS NOT NULL AND m.wrong = '') AS given) t
  CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM calls_call l WHERE l.look_up = c.look_up
      AND l.back_of_id IS NULL
      AND l.arrived_at > c.arrived_at AND l.arrived_at <= c.arrived_at + interval '7 days') AS again) r
 WHERE c.arrived_at >= %(since)s AND c.arrived_at < %(until)s AND c.back_of_id IS NULL
 GROUP BY 1, 2 ORDER BY 2, 1
"""


def figures(since: datetime, until: datetime, *, by: str = "", every: str = "") -> list[Figures]:
    """Of the calls that arrived from `since` until before `until`, by interval and group.

    A call that is handed on counts for the agent who is responsible for it. Raises KeyError for another `by`.
    """
    when = "NULL::timestamp"
    if every:
        assert every in EVERY  # noqa: S101  # never from outside; see the form
        when = f"date_trunc('{every}', c.arrived_at AT TIME ZONE %(zone)s)"
    sums = {one: f"c.ended_at IS NOT NULL AND c.outcome = '{one}'" for one in Call.Outcome.values}
    sums[STILL] = "c.ended_at IS NULL"
    outcomes = ", ".join(f"count(*) FILTER (WHERE {sums[one]})" for one in OUTCOMES)
    sql = _COUNT.format(group=_GROUP[by], when=when, outcomes=outcomes)
    given: dict[str, datetime | int | str] = {
        "since": since,
        "until": until,
        "short": S,
        "zone": timezone.get_current_timezone_name(),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return [_read(row) for row in cursor.fetchall()]


def _read(row: tuple[Any, ...]) -> Figures:
    counts, sums = row[: -len(OUTCOMES)], row[-len(OUTCOMES) :]
    made = Figures(*counts[:-3])
    made.wait_s, made.talk_s, made.wrap_s = (float(seconds) for seconds in counts[-3:])
    made.outcomes = dict(zip(OUTCOMES, sums, strict=True))
    return made


@dataclass(frozen=True, slots=True)
class Attendance:
    """Of one agent in a span, in seconds: on calls, in wrap-up, in breaks, and all the time he was signed in."""

    staff: int
    busy_s: float
    wrap_s: float
    break_s: float
    signed_in_s: float
    set_aside: int

    @property
    def occupancy(self) -> float | None:
        """(Talk, hold, wrap-up) of (signed in without breaks); ringing does not count."""
        whole = self.signed_in_s - self.break_s
        return (self.busy_s + self.wrap_s) / whole if whole > 0 else None


# What a seat is in now counts until now, or until the end of the span.
_ATTENDANCE = """
SELECT staff_id,
       coalesce(sum(s) FILTER (WHERE state = 'busy'), 0), coalesce(sum(s) FILTER (WHERE state = 'wrap_up'), 0),
       coalesce(sum(s) FILTER (WHERE state IN ('break', 'aside')), 0), coalesce(sum(s), 0),
       count(*) FILTER (WHERE state = 'aside')
  FROM (SELECT staff_id, state,
               extract(epoch FROM least(ended_at, %(until)s) - greatest(began_at, %(since)s)) AS s
          FROM (SELECT staff_id, state, began_at, ended_at FROM calls_spell
                 WHERE began_at < %(until)s AND ended_at > %(since)s
                 UNION ALL
                SELECT staff_id, state, since, %(now)s FROM calls_seat
                 WHERE state <> 'out' AND since < least(%(until)s, %(now)s)) both_kinds
         WHERE ended_at > %(since)s) clipped
 GROUP BY staff_id ORDER BY staff_id
"""


def attendance(since: datetime, until: datetime, now: datetime) -> list[Attendance]:
    """Who sat there from `since` to `until` (at most until `now`), and doing what."""
    with connection.cursor() as cursor:
        cursor.execute(_ATTENDANCE, {"since": since, "until": min(until, now), "now": now})
        return [
            Attendance(staff, float(busy), float(wrap), float(away), float(whole), aside)
            for staff, busy, wrap, away, whole, aside in cursor.fetchall()
        ]


def occupancy_of(those: list[Attendance]) -> float | None:
    """Of all of them together."""
    whole = sum(one.signed_in_s - one.break_s for one in those)
    return sum(one.busy_s + one.wrap_s for one in those) / whole if whole > 0 else None
