"""What the outbox does when something happened: one row per receiver and stage, in the same transaction (I3, I5)."""

from collections.abc import Callable
from typing import Any

from wasl.core.cases.change import Change
from wasl.core.cases.fold import Happening
from wasl.core.cases.models import WorkOrder
from wasl.core.organisation import queries as organisation
from wasl.services.messages.models import Message

Reaction = Callable[[Change, Happening], None]
# References of an entry that a template may need; never words.
_FACTS = ("remark", "reason", "duration", "until", "order", "outcome", "verdict", "proposed", "before")


def _facts(happened: Happening, seq: int) -> dict[str, Any]:
    return {"seq": seq, **{k: v for k, v in happened.data.items() if k in _FACTS}}


def citizen(event: str, *, unless_new: bool = False) -> Reaction:
    """Tell the requester. `unless_new`: not when it was received in this very change, whose message says it already."""

    def reaction(change: Change, happened: Happening) -> None:
        case = change.case
        if case.requester_id is None or (unless_new and change.entries[0].verb == "case.received"):
            return
        change.add(
            Message(
                case=case,
                person_id=case.requester_id,
                event=event,
                stage=f"{case.pk}:{event}:{case.seq}:p",
                facts=_facts(happened, case.seq),
                language=case.language,
                due_at=change.at,
                made_at=change.at,
            )
        )

    reaction.__name__ = f"tell_citizen_{event}"
    return reaction


def unit(event: str) -> Reaction:
    """Tell the units of the orders that this entry names: new ones, or the one it is about."""

    def reaction(change: Change, happened: Happening) -> None:
        for order in _orders(change, happened):
            change.add(
                Message(
                    case=change.case,
                    unit_id=order.unit_id,
                    event=event,
                    stage=f"{change.case.pk}:{event}:{change.case.seq}:u{order.unit_id}",
                    facts={**_facts(happened, change.case.seq), "order": order.pk},
                    language="ar",
                    due_at=change.at,
                    made_at=change.at,
                )
            )

    reaction.__name__ = f"tell_unit_{event}"
    return reaction


def to_centre(event: str) -> Reaction:
    """Tell the contact centre itself: something came back that it must decide."""

    def reaction(change: Change, happened: Happening) -> None:
        case = change.case
        change.add(
            Message(
                case=case,
                unit=organisation.centre(),
                event=event,
                stage=f"{case.pk}:{event}:{case.seq}:centre",
                facts=_facts(happened, case.seq),
                language="ar",
                due_at=change.at,
                made_at=change.at,
            )
        )

    reaction.__name__ = f"tell_centre_{event}"
    return reaction


def blank(change: Change, happened: Happening) -> None:
    """Personal data goes from the case: what was written about it goes too, and what still waited is not sent."""
    about = Message.objects.filter(case_id=change.case.pk, person__isnull=False)
    about.filter(state__in=[Message.State.QUEUED, Message.State.IN_DOUBT]).update(
        state=Message.State.NO_WAY, error="personal data was removed before it was sent"
    )
    about.update(subject="", body="", address=None)
    if happened.data.get("requester_forgotten"):
        about.update(person=None)


def _orders(change: Change, happened: Happening) -> list[WorkOrder]:
    if "orders" in happened.data:
        return [change.orders[spec["id"]] for spec in happened.data["orders"]]
    return [change.orders[happened.data["order"]]] if "order" in happened.data else []
