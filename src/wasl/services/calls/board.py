"""The telephone as it is now, for who supervises it: calls, who waits, seats, how today goes. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch
from django.utils import timezone

from wasl.kernel import clock
from wasl.services.calls.figures import Figures, figures
from wasl.services.calls.models import Call, Heart, Leg, Queue, Seat, Waiting

MOST = 300


@dataclass(frozen=True, slots=True)
class Line:
    """One queue: who waits, for how long at the most, and its figures since midnight."""

    queue: Queue
    waiting: int
    longest_s: int | None
    ready: int
    today: Figures | None


@dataclass(frozen=True, slots=True)
class Now:
    """All of it at one moment."""

    at: datetime
    lines: list[Line]
    calls: Sequence[tuple[Call, Waiting | None, list[Leg]]]
    more: int
    seats: list[Seat]
    decides: bool


def now() -> Now:
    """As it is now; at most `MOST` calls, the oldest first."""
    at = clock.now()
    midnight = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
    waits = list(
        Waiting.objects.filter(state__in=["waiting", "offered"]).select_related("seat__staff").order_by("rank", "pk")
    )
    of_call = {one.call_id: one for one in waits}
    by_queue = {one.of: one for one in figures(midnight, at, by="queue")}
    seats = list(
        Seat.objects.exclude(state=Seat.State.OUT)
        .select_related("staff__phone_profile", "call")
        .order_by("state", "since", "pk")
    )
    lines = []
    for queue in Queue.objects.order_by("pk"):
        here = [one for one in waits if one.queue_id == queue.pk]
        longest = max((round((at - one.entered_at).total_seconds()) for one in here), default=None)
        ready = sum(
            one.state == Seat.State.READY and queue.code in getattr(one.staff.phone_profile, "queues", ())
            for one in seats
        )
        lines.append(Line(queue, len(here), longest, ready, by_queue.get(queue.pk)))
    open_calls = Call.objects.filter(ended_at__isnull=True)
    talking = Leg.objects.filter(ended_at__isnull=True).select_related("staff", "unit").order_by("dialled_at")
    calls = open_calls.select_related("line", "agent").prefetch_related(Prefetch("legs", talking, "open_legs"))
    rows = [(one, of_call.get(one.pk), one.open_legs) for one in calls.order_by("arrived_at")[:MOST]]
    more = max(0, open_calls.count() - MOST)
    heart = Heart.objects.order_by("-beat_at").first()
    decides = heart is not None and (at - heart.beat_at).total_seconds() < 15
    return Now(at, lines, rows, more, seats, decides)
