"""The outbox's messages as SMS: handing one over is putting it into the gateway's queue."""

from wasl.services.messages.delivery import Parcel, Permanent
from wasl.services.texts import actions, queries
from wasl.services.texts.actions import New, Refused
from wasl.services.texts.models import Klass

REF = "message:"
"""The house's texts that carry a message of the outbox are named by it."""


class SmsCourier:
    """Queues; how the text ended is told to the outbox later, by `answering`."""

    @staticmethod
    def serves() -> bool:
        """Whether an operator is there to carry it."""
        return queries.can_send()

    def hand_over(self, parcel: Parcel) -> None:
        """See Courier. The same message again is the same text."""
        klass = Klass.URGENT if parcel.urgent else Klass.CASE
        new = New(
            ref=f"{REF}{parcel.message_id}", number=parcel.to, words=parcel.body, klass=klass, secret=parcel.secret
        )
        (answer,) = actions.queue(actions.house().code, [new])
        if isinstance(answer, Refused):
            raise Permanent(str(answer))

    def close(self) -> None:
        """Nothing is open."""


def message_of(ref: str) -> int | None:
    """The message of the outbox that a text carries; None when it carries something else."""
    tail = ref.removeprefix(REF)
    return int(tail) if tail != ref and tail.isdigit() else None
