"""What a unit does with its order, from the signature to the reply."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from wasl.core.cases.actions.guards import listed_reason, live_order, must_be_active, must_say, not_complained_of
from wasl.core.cases.change import Change, NotAllowed, changing
from wasl.core.cases.intake import orders_for
from wasl.core.cases.models import Case, Entry, Outcome, Remark, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff, Unit
from wasl.kernel import worktime
from wasl.kernel.geo import distance_m

# A telephone's clock may be ahead of the house's.
CLOCKS_DIFFER = timedelta(minutes=5)


def sign_for(order: WorkOrder, *, by: Staff, seen: int | None = None) -> Entry:
    """The unit accepts the order; the clock has been running since dispatch (G8)."""
    with changing(order.case, by=by, seen=seen, verb="order.signed", order=order) as change:
        if live_order(change, order).state != WorkOrder.State.DISPATCHED:
            raise NotAllowed(_("It is signed for already."))
        return change.record("order.signed", order=order.pk)


def begin_work(order: WorkOrder, *, by: Staff, seen: int | None = None) -> Entry:
    """Work has begun."""
    with changing(order.case, by=by, seen=seen, verb="order.started", order=order) as change:
        if live_order(change, order).state != WorkOrder.State.SIGNED:
            raise NotAllowed(_("Sign for the order first; work begins once."))
        return change.record("order.started", order=order.pk)


def record_contact(
    order: WorkOrder, *, by: Staff, medium: str, reached: bool, text: str = "", seen: int | None = None
) -> Entry:
    """The unit spoke, or tried to, with the requester through the platform (G12); reaching him meets the clock."""
    with changing(order.case, by=by, seen=seen, verb="order.contacted", order=order) as change:
        live_order(change, order)
        return change.record(
            "order.contacted", order=order.pk, medium=medium, reached=reached, **change.remark("note", text)
        )


def record_visit(
    order: WorkOrder,
    *,
    by: Staff,
    text: str,
    attachments: Sequence[Attachment] = (),
    place: tuple[float, float] | None = None,
    accuracy_m: float | None = None,
    visited_at: datetime | None = None,
    seen: int | None = None,
) -> Entry:
    """Somebody was on the spot: when, where, what he found, photos (F8).

    `place` is (latitude, longitude) in degrees WGS 84 as his telephone gave it, with its accuracy in metres; it is kept
    as words are, apart from the journal, which has the distance to the place reported. Raises NotAllowed for a time to
    come or before the order.
    """
    with changing(order.case, by=by, seen=seen, verb="order.visited", order=order) as change:
        held = live_order(change, order)
        if held.state == WorkOrder.State.DISPATCHED:
            raise NotAllowed(_("Sign for the order first."))
        if visited_at is not None and not held.dispatched_at - CLOCKS_DIFFER <= visited_at <= change.at + CLOCKS_DIFFER:
            raise NotAllowed(_("The visit must lie between the order and now."))
        words = change.remark("visit", must_say(text))
        return change.record(
            "order.visited",
            order=order.pk,
            visited_at=visited_at.isoformat() if visited_at else None,
            **_where(change, place, accuracy_m),
            **_evidence(change, attachments, by),
            **words,
        )


def _where(change: Change, place: tuple[float, float] | None, accuracy_m: float | None) -> dict[str, object]:
    if place is None:
        return {}
    lat, lon = place
    case = change.case
    away = distance_m((lon, lat), (case.lon, case.lat)) if case.lat is not None and case.lon is not None else None
    return {
        "place": change.remark("place", f"{lat:.6f},{lon:.6f}"),
        "accuracy_m": round(accuracy_m) if accuracy_m is not None else None,
        "distance_m": round(away) if away is not None else None,
    }


def _evidence(change: Change, attachments: Sequence[Attachment], by: Staff) -> dict[str, object]:
    if not attachments:
        return {}
    contact = Contact(
        case=change.case,
        medium=Contact.Medium.UNIT,
        at=change.at,
        body="",
        salt=secrets.token_bytes(16),
        staff=by,
        source="evidence",
    )
    for attachment in attachments:
        attachment.contact = contact
    change.add(contact, *attachments)
    return {"contact": contact.pk, "files": [bytes(a.sha256).hex() for a in attachments]}


def return_order(
    order: WorkOrder, *, by: Staff, reason: str, text: str = "", proposed: Unit | None = None, seen: int | None = None
) -> Entry:
    """The unit sends the order back to the centre as not its own, and says whose it is.

    Refused to a unit designated by arbitration or the higher authority (Weifang 22), and after the time for returning.
    The second return of a case opens arbitration.
    """
    with changing(order.case, by=by, seen=seen, verb="order.returned", order=order) as change:
        held = live_order(change, order)
        if held.no_return:
            raise NotAllowed(_("Your unit was designated for this; it may not be returned."))
        listed = listed_reason(change.case, "return", reason)
        case = change.case
        allowed = catalogue.of_number(case.edition).deadline(case.category, case.kind, case.urgency).returning
        unit = organisation.unit_of(held.unit_id)
        if allowed is not None and held.role == WorkOrder.Role.LEAD:
            until = worktime.add(organisation.calendar_of_unit(unit), held.dispatched_at, allowed)
            if change.at > until:
                raise NotAllowed(_("The time for returning is over; object to the dispatch instead."))
        if proposed is not None and proposed.pk == held.unit_id:
            raise NotAllowed(_("Propose another unit than your own."))
        words = change.remark("reason", text)
        return change.record(
            "order.returned", order=order.pk, reason=listed.code, proposed=proposed.pk if proposed else None, **words
        )


def object_to(
    order: WorkOrder, *, by: Staff, text: str, proposed: Unit | None = None, seen: int | None = None
) -> Entry:
    """The unit objects to the dispatch formally; the centre arbitrates (Beijing 12)."""
    with changing(order.case, by=by, seen=seen, verb="order.objected", order=order) as change:
        held = live_order(change, order)
        if held.no_return or held.role != WorkOrder.Role.LEAD:
            raise NotAllowed(_("Your unit was designated for this; it may not be returned."))
        words = change.remark("reason", must_say(text))
        return change.record("order.objected", order=order.pk, proposed=proposed.pk if proposed else None, **words)


def sub_dispatch(order: WorkOrder, *, by: Staff, unit: Unit, text: str = "", seen: int | None = None) -> Entry:
    """Pass it on within the unit; the parent order keeps the clock and answers for it (G5)."""
    with changing(order.case, by=by, seen=seen, verb="order.sub_dispatched", order=order) as change:
        held = live_order(change, order)
        if not unit.lies_under(organisation.unit_of(held.unit_id)) or unit.pk == held.unit_id:
            raise NotAllowed(_("Choose a unit below your own."))
        must_be_active(unit)
        not_complained_of(change.case, unit)
        spec = {"id": orders_for(unit)[0]["id"], "unit": unit.pk, "role": "sub", "parent": held.pk}
        return change.record("order.sub_dispatched", orders=[spec], **change.remark("note", text))


def withdraw(order: WorkOrder, *, by: Staff, reason: str, seen: int | None = None) -> Entry:
    """An assisting or sub-order is no longer needed."""
    with changing(order.case, by=by, seen=seen, verb="order.withdrawn", order=order) as change:
        if live_order(change, order).role == WorkOrder.Role.LEAD:
            raise NotAllowed(_("The lead order is not withdrawn; dispatch the request anew instead."))
        return change.record("order.withdrawn", order=order.pk, **change.remark("reason", must_say(reason)))


def interim_reply(case: Case, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Tell the citizen how far it is and what comes next (I10)."""
    with changing(case, by=by, seen=seen, verb="case.interim_replied") as change:
        return change.record(
            "case.interim_replied", **change.remark("interim", must_say(text), audience=Remark.Audience.CITIZEN)
        )


def reply(
    order: WorkOrder,
    *,
    by: Staff,
    outcome: str,
    text: str,
    attachments: Sequence[Attachment] = (),
    seen: int | None = None,
) -> Entry:
    """The unit's result, honest about the outcome, with evidence; it goes to the centre, not to the citizen (F10)."""
    with changing(order.case, by=by, seen=seen, verb="order.replied", order=order) as change:
        held = live_order(change, order)
        if held.state == WorkOrder.State.DISPATCHED:
            raise NotAllowed(_("Sign for the order first."))
        if outcome not in Outcome.values or outcome in (Outcome.REFUSED, Outcome.DUPLICATE):
            raise NotAllowed(_("Say what came of it: fixed, partly, referred, no fault found or answered."))
        if held.role == WorkOrder.Role.LEAD:
            waiting = [o for o in change.orders.values() if o.parent_id == held.pk and o.state in WorkOrder.LIVE]
            if waiting:
                raise NotAllowed(_("A sub-order of yours is still open; wait for it or withdraw it."))
        words = change.remark("reply", must_say(text, 10), audience=Remark.Audience.CITIZEN)
        return change.record(
            "order.replied", order=order.pk, outcome=outcome, **_evidence(change, attachments, by), **words
        )
