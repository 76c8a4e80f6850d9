"""What a session is given and what it tells: limits, outcomes, events, counters; how it works is in `session`."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from wasl.channels.sms.smpp.codec import Pdu
from wasl.channels.sms.smpp.wire import LONGEST

__all__ = [
    "LIMITS",
    "Closed",
    "Counters",
    "Done",
    "Event",
    "EventKind",
    "Limits",
    "Outcome",
    "OutcomeKind",
    "WindowFull",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a session. Times in seconds.

    `window`: requests of ours without an answer. `inbound`: requests of the peer not answered yet. `response`: after it
    the outcome is unknown. `enquire_every`: silence after which the peer is asked for a sign of life; `enquire_answer`
    and `slow`: when it, or the oldest request, has had no answer for so long, the session is degraded; `dead`: when the
    sign of life has not come for so long, the connection is given up. `bind`: for connecting and binding, each.
    `pause`: how long nothing goes after the peer said "throttled" or "queue full"; doubled while it says so again, up
    to four times.
    """

    window: int = 10
    inbound: int = 200
    response: float = 60.0
    enquire_every: float = 30.0
    enquire_answer: float = 10.0
    slow: float = 15.0
    dead: float = 40.0
    bind: float = 10.0
    pause: float = 1.0
    longest: int = LONGEST


LIMITS: Final = Limits()


class OutcomeKind(Enum):
    """What became of a request as far as the answer tells."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    THROTTLED = "throttled"
    UNKNOWN = "unknown"


class Outcome(NamedTuple):
    """The answer to a request. `late`: it comes after the same request was told to be unknown."""

    kind: OutcomeKind
    status: int = 0
    message_id: str = ""
    late: bool = False


Done = Callable[[Outcome], None]
"""Told the outcome: once, or twice when the first was UNKNOWN and the answer came after all."""


class EventKind(Enum):
    """What happens to a session as a whole."""

    BOUND = "bound"
    DEGRADED = "degraded"
    RECOVERED = "recovered"
    THROTTLED = "throttled"
    GARBAGE = "garbage"
    ALERT = "alert"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Event:
    """`reason` is for the log and holds no personal data; `pdu` is there for ALERT."""

    kind: EventKind
    reason: str = ""
    pdu: Pdu | None = None


@dataclass(slots=True)
class Counters:
    """What a session has seen since it began. `strays`: answers to nothing that we asked."""

    sent: int = 0
    accepted: int = 0
    rejected: int = 0
    throttled: int = 0
    unknown: int = 0
    late: int = 0
    strays: int = 0
    received: int = 0
    malformed: int = 0


class WindowFull(Exception):
    """There is no room for another request now; see Session.room."""


class Closed(ConnectionError):
    """The connection ended, or is about to, before the answer came."""
