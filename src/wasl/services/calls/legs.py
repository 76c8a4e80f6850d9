"""The other parties of a call, as they are rung, answer and leave; kept before Asterisk is told."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from wasl.kernel import clock, rows
from wasl.services.calls import seats
from wasl.services.calls.models import Call, Leg

MOST_OUT_IN_AN_HOUR = 200
"""So many telephones outside are rung in an hour at most: whoever steals a seat cannot run up a bill."""


class TooMany(Exception):
    """The house has rung too many telephones outside lately."""


def dialled(
    call: int, channel: str, kind: str, *, staff: int | None = None, unit: int | None = None, out: bool = False
) -> None:
    """This party is about to be rung. Raises TooMany for telephones outside (`out`)."""
    now = clock.now()
    if (
        out
        and Leg.objects.filter(kind__in=OUTSIDE, dialled_at__gt=now - timedelta(hours=1)).count() >= MOST_OUT_IN_AN_HOUR
    ):
        raise TooMany
    rows.write([Leg(call_id=call, channel=channel, kind=kind, staff_id=staff, unit_id=unit, dialled_at=now)])


OUTSIDE = (Leg.Kind.UNIT, Leg.Kind.CITIZEN)


def answered(channel: str) -> None:
    """It is on the line."""
    rows.read(
        "UPDATE calls_leg SET answered_at = $2 WHERE channel = $1 AND answered_at IS NULL", [channel, clock.now()]
    )


def ended(channel: str, cause: str) -> None:
    """It is gone."""
    rows.read(
        "UPDATE calls_leg SET ended_at = $2, cause = $3 WHERE channel = $1 AND ended_at IS NULL",
        [channel, clock.now(), cause[:40]],
    )


@dataclass(frozen=True, slots=True)
class Of:
    """The seat of a leg that goes, and what becomes of it: wrap-up, or set aside with a reason, or as it was."""

    seat: int
    wrap_up: timedelta | None = None
    aside: str = ""


def gone(channel: str, cause: str, call: int, of: Of | None = None) -> None:
    """As `ended`, and its seat is free."""
    ended(channel, cause)
    if of is not None:
        seats.released(of.seat, call, of.wrap_up, aside=of.aside)


def open_of(calls: Collection[int]) -> dict[int, list[Leg]]:
    """Parties that are not gone, by call."""
    found: dict[int, list[Leg]] = {}
    for leg in Leg.objects.filter(call__in=calls, ended_at__isnull=True).order_by("pk"):
        found.setdefault(leg.call_id, []).append(leg)
    return found


def open_calls() -> list[Call]:
    """Calls that nobody has ended yet."""
    return list(Call.objects.filter(ended_at__isnull=True).select_related("flow", "line").order_by("pk"))


def in_no_book(channels: Collection[str]) -> list[str]:
    """Of these legs, those that are no call's first one."""
    return sorted(set(channels) - set(Call.objects.filter(channel__in=channels).values_list("channel", flat=True)))


def strays(channels: Collection[str]) -> list[str]:
    """Of these legs, those that we made and whose call is over."""
    gone = Leg.objects.filter(channel__in=channels, call__ended_at__isnull=False)
    return list(gone.values_list("channel", flat=True))
