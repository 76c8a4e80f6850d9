"""The outbox's messages as SMS: handing one over is putting it into the gateway's queue."""

from itertools import count

from wasl.services.messages.delivery import Parcel, Permanent
from wasl.services.texts import actions, queries
from wasl.services.texts.actions import New, Refused
from wasl.services.texts.models import Klass, Text

REF = "message:"
"""The house's texts that carry a message of the outbox are named by it: `message:7`, the next ones `message:7.1` ..."""

_IN_VAIN = (Text.State.FAILED, Text.State.EXPIRED, Text.State.CANCELLED, Text.State.IN_DOUBT)


class SmsCourier:
    """Queues; how the text ended is told to the outbox later, by `answering`."""

    @staticmethod
    def serves() -> bool:
        """Whether an operator is there to carry it."""
        return queries.can_send()

    def hand_over(self, parcel: Parcel) -> None:
        """See Courier. The same message again is the same text, unless that ended in vain or says something else."""
        klass = Klass.URGENT if parcel.urgent else Klass.CASE
        house = actions.house()
        for time in count():
            ref = f"{REF}{parcel.message_id}" + (f".{time}" if time else "")
            new = New(ref=ref, number=parcel.to, words=parcel.body, klass=klass, secret=parcel.secret)
            (answer,) = actions.queue(house.code, [new])
            if isinstance(answer, Refused):
                if answer.why != "conflict":
                    raise Permanent(str(answer))
            elif not answer.known or not Text.objects.filter(pk=answer.id, state__in=_IN_VAIN).exists():
                return

    def close(self) -> None:
        """Nothing is open."""


def message_of(ref: str) -> int | None:
    """The message of the outbox that a text carries; None when it carries something else."""
    tail = ref.removeprefix(REF)
    pk = tail.partition(".")[0]
    return int(pk) if tail != ref and pk.isdigit() else None
