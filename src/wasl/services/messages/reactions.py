"""What the outbox does when something happened: one row per receiver and stage, in the same transaction (I3, I5)."""

from collections.abc import Callable
from typing import Any

from wasl.core.cases.change import Change
from wasl.core.cases.fold import Happening
from wasl.core.cases.models import WorkOrder
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


def _orders(change: Change, happened: Happening) -> list[WorkOrder]:
    if "orders" in happened.data:
        return [change.orders[spec["id"]] for spec in happened.data["orders"]]
    return [change.orders[happened.data["order"]]] if "order" in happened.data else []
