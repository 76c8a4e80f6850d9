"""What the gateway does at this moment, read in bounded time however much waits: binds, queue, pace.

Nothing is written here; past figures are in `tally`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count

from wasl.kernel import clock
from wasl.services.texts.models import Bind, BindState, Client, Incoming, Klass, Operator, Queued, Text
from wasl.services.texts.queries import LANES

COUNTED = 100_000
"""What waits in one lane is counted up to here; beyond it is "more than that"."""
SAMPLE = 5_000
"""The pace of the last hour is taken from so many texts at most, the latest ones."""


@dataclass(slots=True)
class Lane:
    """What one client has in the queue in one class, over all routes. `oldest`: when its first could have gone."""

    klass: Klass
    client: Client
    waiting: int = 0
    later: int = 0
    more: bool = False
    oldest: datetime | None = None
    next_due: datetime | None = None
    going: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long texts of a class took in the last hour, in seconds (None: none did), and of how many texts."""

    klass: Klass
    accepted: int
    accepted_p50_s: float | None
    accepted_p95_s: float | None
    delivered: int
    delivered_p50_s: float | None
    delivered_p95_s: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """An operator with his binds and their states."""

    operator: Operator
    binds: list[tuple[Bind, BindState | None]]

    @property
    def bound(self) -> int:
        """How many of his connections stand."""
        return sum(1 for _bind, state in self.binds if state is not None and state.bound_since is not None)


@dataclass(frozen=True, slots=True)
class Now:
    """All of it, as of one moment. `told_at`: when the gateway last said anything; None: never."""

    at: datetime
    told_at: datetime | None
    lines: list[Line]
    lanes: list[Lane]
    pace: list[Pace]
    in_doubt: int
    unanswered: int
    out_of: dict[str, int] = field(default_factory=dict)


def now() -> Now:
    """The gateway at this moment."""
    states = {one.bind_id: one for one in BindState.objects.all()}
    binds: dict[int, list[tuple[Bind, BindState | None]]] = {}
    for bind in Bind.objects.order_by("pk"):
        binds.setdefault(bind.operator_id, []).append((bind, states.get(bind.pk)))
    operators = list(Operator.objects.order_by("-on", "name"))
    return Now(
        at=clock.now(),
        told_at=max((one.at for one in states.values()), default=None),
        lines=[Line(one, binds.get(one.pk, [])) for one in operators],
        lanes=lanes(),
        pace=pace(),
        in_doubt=doubtful(),
        unanswered=Incoming.objects.filter(state=Incoming.State.NEW)[:COUNTED].count(),
    )


def doubtful() -> int:
    """Texts in doubt that nobody has decided about, counted up to `COUNTED`."""
    return Text.objects.filter(astray=True, state=Text.State.IN_DOUBT, left_at=None)[:COUNTED].count()


def lanes() -> list[Lane]:
    """The queue by class and client. Walks the index from lane to lane: a million that wait cost what 100,000 cost."""
    clients = {one.pk: one for one in Client.objects.all()}
    found: dict[tuple[int, int], Lane] = {}

    def lane(klass: int, client: int) -> Lane:
        key = klass, client
        if key not in found:
            found[key] = Lane(Klass(klass), clients[client])
        return found[key]

    facts = {"now": clock.now(), "most": COUNTED}
    for klass, client, waiting, later, oldest, next_due in _rows(_LANES, facts):
        one = lane(klass, client)
        one.more |= waiting >= COUNTED or later >= COUNTED
        one.waiting += waiting
        one.later += later
        one.oldest = min(filter(None, (one.oldest, oldest)), default=None)
        one.next_due = min(filter(None, (one.next_due, next_due)), default=None)
    taken = Queued.objects.filter(taken_by__isnull=False).values("klass", "client").annotate(n=Count("pk")).order_by()
    for row in taken:
        lane(row["klass"], row["client"]).going += row["n"]
    return sorted(found.values(), key=lambda one: (one.klass, one.client.name))


def pace() -> list[Pace]:
    """How long the texts of the last hour took, by class; from the latest `SAMPLE` of them."""
    facts = {"since": clock.now() - timedelta(hours=1), "sample": SAMPLE}
    return [Pace(Klass(klass), *rest) for klass, *rest in _rows(_PACE, facts)]


def _rows(statement: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, facts)
        return list(cursor.fetchall())


_LANES = f"""
{LANES}SELECT lane.klass, lane.client_id, waiting.n, later.n, waiting.oldest, later.next_due FROM lane,
LATERAL (SELECT count(*) AS n, min(due_at) AS oldest FROM (
    SELECT due_at FROM texts_queued q WHERE q.taken_by_id IS NULL AND q.route_id = lane.route_id
      AND q.klass = lane.klass AND q.client_id = lane.client_id AND q.due_at <= %(now)s
    ORDER BY due_at LIMIT %(most)s) w) waiting,
LATERAL (SELECT count(*) AS n, min(due_at) AS next_due FROM (
    SELECT due_at FROM texts_queued q WHERE q.taken_by_id IS NULL AND q.route_id = lane.route_id
      AND q.klass = lane.klass AND q.client_id = lane.client_id AND q.due_at > %(now)s
    ORDER BY due_at LIMIT %(most)s) l) later
"""  # noqa: S608  # constants of ours

# Ids are drawn in blocks, so the latest by id are the latest but for a few.
_PACE = """
WITH latest AS (
    SELECT klass, extract(epoch FROM accepted_at - made_at) AS accepted,
        CASE WHEN state = 'delivered' THEN extract(epoch FROM ended_at - made_at) END AS delivered
    FROM (SELECT klass, state, made_at, accepted_at, ended_at FROM texts_text ORDER BY id DESC LIMIT %(sample)s) t
    WHERE made_at > %(since)s
)
SELECT klass, count(accepted),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY accepted)::float8,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY accepted)::float8,
    count(delivered),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY delivered)::float8,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY delivered)::float8
FROM latest GROUP BY klass ORDER BY klass
"""
