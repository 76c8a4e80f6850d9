"""Figures of texts by day: counted from the texts while they may change, kept when these are gone, read by pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.services.texts.models import DayPeak, Operator, Review

STEPS_S: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0)
"""Steps in which spans are counted, seconds; what took longer than the last is in one more."""
CHANGES_DAYS = 3
"""Most texts end within so many days; their days are counted anew often."""
DEFERRED_DAYS = 66
"""Nothing is deferred longer and still changes; later a day stays as it was counted."""
_LOCK = 0x57A51_7A11


def count_today() -> int:
    """Count today anew; gives how many lines of figures that made."""
    return count(timezone.localdate(clock.now()))


def count_lately() -> int:
    """Count anew the days whose texts are likely to have changed."""
    return count(timezone.localdate(clock.now()) - timedelta(days=CHANGES_DAYS - 1))


def count_deferred() -> int:
    """Count anew all days whose texts may still have changed: some were handed in to go weeks later. A nightly job."""
    return count(timezone.localdate(clock.now()) - timedelta(days=DEFERRED_DAYS))


def count(first: date) -> int:
    """Count from this day on. May be run at any time and any number of times.

    Parts of days that were counted before and are some days old cost what they cost then.
    """
    zone = timezone.get_default_timezone_name()
    since = timezone.make_aware(datetime.combine(first, time()), timezone.get_default_timezone())
    facts: dict[str, Any] = {"zone": zone, "since": since, "first": first, "steps": list(STEPS_S)}
    facts["settled"] = timezone.localdate(clock.now()) - timedelta(days=CHANGES_DAYS - 1)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        cursor.execute(_PRICES, facts)
        prices = cursor.fetchall()
        for table in ("texts_daytally", "texts_daypeak", "texts_dayreceived"):
            cursor.execute(f"DELETE FROM {table} WHERE day >= %(first)s", facts)  # noqa: S608 - names of ours
        cursor.execute(TALLY, facts)
        made: int = cursor.rowcount
        cursor.executemany("UPDATE texts_daytally SET cost = parts * %s WHERE day = %s AND operator_id = %s", prices)
        cursor.execute(_PEAK, facts)
        cursor.execute(_RECEIVED, facts)
    return made


# --- reading ---

# How figures may be grouped: the expression, and what it needs beside the tally.
_BY = {
    "": "NULL::text",
    "operator": "t.operator_id::text",
    "klass": "t.klass::text",
    "client": "t.client_id::text",
    "audience": "c.audience",
    "unit": "c.unit_id::text",
}
_PERIOD = {"day": "t.day", "month": "date_trunc('month', t.day)::date", "": "NULL::date"}


@dataclass(frozen=True, slots=True)
class Figures:
    """One line: when (first day of the period), of what (an id or code as text), and its counts."""

    when: date | None
    of: str | None
    made: int
    parts: int
    accepted: int
    delivered: int
    failed: int
    expired: int
    cancelled: int
    in_doubt: int
    cost: Decimal
    to_accepted: list[int]
    to_delivered: list[int]

    @property
    def ended(self) -> int:
        """How many have come to an end, taken back ones left out."""
        return self.delivered + self.failed + self.expired + self.in_doubt

    @property
    def share(self) -> float | None:
        """Delivered of those that ended; None where none did."""
        return self.delivered / self.ended if self.ended else None

    def accepted_within(self, share: float) -> float | None:
        """The step within which so large a share was with the operator; see `within`."""
        return within(self.to_accepted, share)

    def delivered_within(self, share: float) -> float | None:
        """The step within which so large a share was delivered."""
        return within(self.to_delivered, share)


def within(counts: Sequence[int], share: float) -> float | None:
    """The end of the step (seconds) that the share falls in; infinite beyond the last; None when there is nothing."""
    wanted = share * sum(counts)
    if not wanted:
        return None
    reached = 0
    for step, n in zip((*STEPS_S, float("inf")), counts, strict=True):
        reached += n
        if reached >= wanted:
            return step
    return None


def figures(first: date, last: date, *, period: str = "", by: str = "") -> list[Figures]:
    """Figures of these days by period ("day", "month", or all as one) and one of `_BY`, in the order of time."""
    sums = ", ".join(
        f"ARRAY[{', '.join(f'coalesce(sum(t.{name}[{n}]), 0)' for n in range(1, len(STEPS_S) + 2))}]::int[]"
        for name in ("to_accepted", "to_delivered")
    )
    statement = f"""
        SELECT {_PERIOD[period]}, {_BY[by]}, sum(made)::bigint, sum(parts)::bigint, sum(accepted)::bigint,
            sum(delivered)::bigint, sum(failed)::bigint, sum(expired)::bigint, sum(cancelled)::bigint,
            sum(in_doubt)::bigint, sum(cost), {sums}
        FROM texts_daytally t JOIN texts_client c ON c.id = t.client_id
        WHERE t.day BETWEEN %(first)s AND %(last)s GROUP BY 1, 2 ORDER BY 1, 3 DESC"""  # noqa: S608 - names of ours
    with connection.cursor() as cursor:
        cursor.execute(statement, {"first": first, "last": last})
        return [Figures(*row) for row in cursor.fetchall()]


def received(first: date, last: date) -> list[tuple[str, int, int]]:
    """Texts that came in on these days: code, how many, how many of them were answered."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code, sum(received)::bigint, sum(answered)::bigint FROM texts_dayreceived"
            " WHERE day BETWEEN %s AND %s GROUP BY code ORDER BY 2 DESC, 1",
            [first, last],
        )
        return [(str(code), int(n), int(answered)) for code, n, answered in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Room:
    """How much of what an operator's contract allows was used in his busiest minute."""

    operator: Operator
    peak: DayPeak | None

    @property
    def allowed(self) -> float:
        """Parts a minute by contract; 0: no bound."""
        return self.operator.per_s * 60

    @property
    def used(self) -> float | None:
        """Share of it that the busiest minute took."""
        return self.peak.parts / self.allowed if self.peak and self.allowed else None


def room(first: date, last: date) -> list[Room]:
    """Head-room of each operator on these days (J18)."""
    peaks = DayPeak.objects.filter(day__range=(first, last)).order_by("operator", "-parts", "at").distinct("operator")
    by_operator = {one.operator_id: one for one in peaks}
    return [Room(one, by_operator.get(one.pk)) for one in Operator.objects.order_by("-on", "name")]


# --- the monthly review ---


def sign(month: date, *, by: Staff, remarks: str) -> Review:
    """Sign off the figures of a month, which are kept as they stand now (J17). Raises Refused."""
    rights.require(by, "sms.steer")
    first = month.replace(day=1)
    if first > timezone.localdate(clock.now()):
        raise Refused(_("This month has not begun."))
    if not remarks.strip():
        raise Refused(_("Write what you saw and what follows from it."))
    last = month_end(first)
    one = next(iter(figures(first, last)), None)
    kept: dict[str, Any] = {"made": 0}
    if one is not None:
        kept = {
            "made": one.made,
            "parts": one.parts,
            "delivered": one.delivered,
            "ended": one.ended,
            "failed": one.failed,
            "in_doubt": one.in_doubt,
            "cost": str(one.cost),
            "accepted_95_s": _finite(one.accepted_within(0.95)),
            "delivered_95_s": _finite(one.delivered_within(0.95)),
        }
    return Review.objects.create(month=first, remarks=remarks.strip()[:4000], figures=kept, by=by, at=clock.now())


def month_end(first: date) -> date:
    """The last day of the month."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _finite(step: float | None) -> float | None:
    # JSON has no infinity; beyond the last step is told as the step after it.
    return None if step is None else min(step, STEPS_S[-1] + 1)


def _histogram(span: str, only: str) -> str:
    bucket = f"width_bucket(extract(epoch FROM {span})::float8, %(steps)s::float8[])"
    counts = ", ".join(f"count(*) FILTER (WHERE {only} AND {bucket} = {n})::int" for n in range(len(STEPS_S) + 1))
    return f"ARRAY[{counts}]"


TALLY = f"""
INSERT INTO texts_daytally (day, operator_id, client_id, klass, made, parts, accepted, delivered, failed, expired,
    cancelled, in_doubt, cost, to_accepted, to_delivered)
SELECT (t.made_at AT TIME ZONE %(zone)s)::date, t.operator_id, t.client_id, t.klass, count(*),
    coalesce(sum(t.parts) FILTER (WHERE t.accepted_at IS NOT NULL), 0), count(t.accepted_at),
    count(*) FILTER (WHERE t.state = 'delivered'), count(*) FILTER (WHERE t.state = 'failed'),
    count(*) FILTER (WHERE t.state = 'expired'), count(*) FILTER (WHERE t.state = 'cancelled'),
    count(*) FILTER (WHERE t.state = 'in_doubt'),
    coalesce(sum(t.parts * o.cost) FILTER (WHERE t.accepted_at IS NOT NULL), 0),
    {_histogram("t.accepted_at - t.made_at", "t.accepted_at IS NOT NULL")},
    {_histogram("t.ended_at - t.made_at", "t.state = 'delivered'")}
FROM texts_text t LEFT JOIN texts_operator o ON o.id = t.operator_id
WHERE t.made_at >= %(since)s GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - expressions of this module

_PRICES = """
SELECT sum(cost) / sum(parts), day, operator_id FROM texts_daytally
WHERE day >= %(first)s AND day < %(settled)s AND parts > 0 GROUP BY day, operator_id
"""

_PEAK = """
INSERT INTO texts_daypeak (day, operator_id, at, parts)
SELECT DISTINCT ON (day, operator_id) day, operator_id, minute, parts FROM (
    SELECT (minute AT TIME ZONE %(zone)s)::date AS day, operator_id, minute, parts FROM (
        SELECT operator_id, date_trunc('minute', accepted_at) AS minute, sum(parts) AS parts FROM texts_text
        WHERE made_at >= %(since)s - interval '1 day' AND accepted_at >= %(since)s AND operator_id IS NOT NULL
        GROUP BY 1, 2) m) p
ORDER BY day, operator_id, parts DESC, minute
"""

_RECEIVED = """
INSERT INTO texts_dayreceived (day, code, received, answered)
SELECT (at AT TIME ZONE %(zone)s)::date, code, count(*), count(*) FILTER (WHERE state = 'done')
FROM texts_incoming WHERE at >= %(since)s GROUP BY 1, 2
"""
