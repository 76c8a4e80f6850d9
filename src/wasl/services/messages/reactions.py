"""What the outbox does when something happened: one row per receiver and stage, in the same transaction (I3, I5)."""

from collections.abc import Callable
from typing import Any

from wasl.core.cases import queries as cases
from wasl.core.cases.change import Change
from wasl.core.cases.fold import Happening
from wasl.core.cases.models import Entry, WorkOrder
from wasl.core.organisation import queries as organisation
from wasl.services.messages import notices
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


def unit(event: str, *, kind: str = "") -> Reaction:
    """Tell the units of the orders that this entry names: new ones, or the one it is about; by mail and in the page.

    `kind` is that of the notice where it is not the event of the mail.
    """

    def reaction(change: Change, happened: Happening) -> None:
        for order in _orders(change, happened):
            facts = {**_facts(happened, change.case.seq), "order": order.pk}
            stage = f"{change.case.pk}:{event}:{change.case.seq}:u{order.unit_id}"
            change.add(notices.mail_to(order.unit_id, change.case, event, stage, facts, change.at))
            _notice(change, happened, kind or event, stage, unit=order.unit_id)

    reaction.__name__ = f"tell_unit_{event}"
    return reaction


def to_centre(event: str) -> Reaction:
    """Tell the contact centre itself: something came back that it must decide."""

    def reaction(change: Change, happened: Happening) -> None:
        case, centre = change.case, organisation.centre()
        stage = f"{case.pk}:{event}:{case.seq}:centre"
        change.add(notices.mail_to(centre.pk, case, event, stage, _facts(happened, case.seq), change.at))
        _notice(change, happened, event, stage, unit=centre.pk)

    reaction.__name__ = f"tell_centre_{event}"
    return reaction


def notice_unit(kind: str) -> Reaction:
    """Tell the people of the unit whose order it is, or of the one in the lead, in the page only."""

    def reaction(change: Change, happened: Happening) -> None:
        orders = _orders(change, happened)
        unit = orders[0].unit_id if orders else change.case.unit_id
        if unit is not None:
            _notice(change, happened, kind, f"{change.case.pk}:{kind}:{change.case.seq}:u{unit}", unit=unit)

    return reaction


def notice_watchers(kind: str, *, emergencies: bool = False) -> Reaction:
    """Tell those higher ranks who asked to hear of it (H8). `emergencies`: only where it is one."""

    def reaction(change: Change, happened: Happening) -> None:
        now_one = change.case.emergency and happened.data.get("flags", {"emergency": True}).get("emergency")
        if not emergencies or now_one:
            _notice(change, happened, kind, f"{change.case.pk}:{kind}:{change.case.seq}:w")

    reaction.__name__ = f"notice_watchers_{kind}"
    return reaction


def notice_owner(change: Change, happened: Happening) -> None:
    """Tell the one who answers for the case."""
    case = change.case
    if case.owner_id is not None:
        _notice(change, happened, "staff_own", f"{case.pk}:staff_own:{case.seq}:s{case.owner_id}", staff=case.owner_id)


def notice_asked(change: Change, happened: Happening) -> None:
    """A leader asked: tell the people of the unit that he asked, or the centre's."""
    case, unit = change.case, happened.data.get("unit") or organisation.centre().pk
    _notice(change, happened, "staff_question", f"{case.pk}:staff_question:{case.seq}:u{unit}", unit=unit)


def notice_asker(change: Change, happened: Happening) -> None:
    """A leader's question was answered: tell him."""
    case = change.case
    for entry in Entry.objects.filter(case_id=case.pk, verb="case.inquired").order_by("-seq"):
        kind, _colon, pk = entry.actor.partition(":")
        if cases.data_of(entry).get("inquiry") == happened.data.get("inquiry") and kind == "staff":
            _notice(change, happened, "staff_answer", f"{case.pk}:staff_answer:{case.seq}:s{pk}", staff=int(pk))
            return


def _notice(
    change: Change, happened: Happening, kind: str, stage: str, *, unit: int | None = None, staff: int | None = None
) -> None:
    facts = {"verb": happened.verb, "actor": happened.actor}
    change.add(notices.notice(change.case, kind, stage, facts, change.at, unit=unit, staff=staff))


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
