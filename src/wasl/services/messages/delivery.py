"""What stands between the outbox and a channel: the parcel that is handed over, and how handing over can fail.

A channel's package brings a courier; which courier serves which channel stands in the settings (`WASL_COURIERS`).
"""

from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message to one address. `message_id` names it for ever: a repetition is the same message.

    `urgent`: somebody waits for it, or it is an emergency. `secret`: it holds a code, PIN or link that opens a case.
    """

    message_id: int
    to: str
    language: str
    subject: str
    body: str
    number: str = ""
    urgent: bool = False
    secret: bool = False


class Unreachable(Exception):
    """The channel as a whole is not there; nothing was sent, nothing is known about the message."""


class Temporary(Exception):
    """This message was not taken now; later it may be."""


class Permanent(Exception):
    """This message will never be taken by this channel. `bad_address`: because there is no such receiver."""

    def __init__(self, words: str, *, bad_address: bool = False) -> None:
        super().__init__(words)
        self.bad_address = bad_address


class InDoubt(Exception):
    """All of it was sent, and the answer did not come: the other side may have it or not."""


class Courier(Protocol):
    """Hands messages of one channel over to the outside."""

    @staticmethod
    def serves() -> bool:
        """Whether this installation can send on its channel at all."""

    def hand_over(self, parcel: Parcel) -> None:
        """Return when the other side has taken responsibility. Raises Unreachable, Temporary, Permanent, InDoubt."""

    def close(self) -> None:
        """End what is open; it may be used again afterwards."""


def served() -> frozenset[str]:
    """The channels that messages can leave by."""
    return frozenset(channel for channel, path in settings.WASL_COURIERS.items() if import_string(path).serves())


def couriers() -> dict[str, Courier]:
    """A new courier for each channel that this installation can send on."""
    return {channel: import_string(path)() for channel, path in settings.WASL_COURIERS.items()}
