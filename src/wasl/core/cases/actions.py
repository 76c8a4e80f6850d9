"""The verbs of a case. Each checks its own guards, records one entry, and is all that happens; what follows is in the wiring.

Every verb takes `by` (a Staff member, `THE_CITIZEN`, `THE_SYSTEM` or a Client) and `seen` (the version on the screen, `None`
where nobody looks at one). All raise Forbidden, StaleCase and NotAllowed; what else a verb raises it says itself.
The table of what may follow what is `transitions`; law and sources stand there.
"""

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from wasl.core.cases import fold, queries, routing
from wasl.core.cases.change import THE_CITIZEN, By, Change, NotAllowed, beginning, changing, digest
from wasl.core.cases.intake import (
    Receipt,
    Report,
    classify,
    new_case,
    of_key,
    orders_for,
    receive,
    scoped,
    take_in,
)
from wasl.core.cases.models import Case, Entry, Link, Opening, Outcome, Remark, State, Verdict, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Reason
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Client, Staff, Unit
from wasl.core.people import actions as people
from wasl.kernel import seal, worktime
from wasl.kernel.worktime import Duration

__all__ = [
    "add",
    "answer",
    "arbitrate",
    "ask",
    "ask_extension",
    "ask_pause",
    "begin_work",
    "close",
    "confirm",
    "contest",
    "deny_extension",
    "deny_pause",
    "dispatch",
    "escalate",
    "file_report",
    "flag",
    "grant_extension",
    "interim_reply",
    "join",
    "link",
    "note",
    "object_to",
    "open_identity",
    "open_part",
    "publish",
    "rate",

    "receive",
    "reclassify",
    "record_attempt",
    "record_contact",
    "record_visit",
    "redo",
    "refuse",
    "register",
    "renew_pin",
    "reopen",
    "reply",
    "resume",
    "return_order",
    "review",
    "see_identity",
    "sign_for",
    "sub_dispatch",
    "suspend",
    "take_over",
    "tell",
    "unjoin",
    "withdraw",
]  # fmt: skip

LINK_REASONS = ("related", "same_place", "same_cause", "continues")
IDENTITY_OPEN_FOR = timedelta(hours=8)


def _reason(case: Case, listed: str, code: str) -> Reason:
    found = catalogue.of_number(case.edition).reasons.get((listed, code)) or catalogue.in_force().reasons.get(
        (listed, code)
    )
    if found is None:
        raise NotAllowed(_("Choose one of the listed reasons."))
    return found


def _must_say(text: str, least: int = 3) -> str:
    if len(text.strip()) < least:
        raise NotAllowed(_("Please give the reason in words; it will be read by the people concerned."))
    return text.strip()


def _not_complained_of(case: Case, *units: Unit) -> None:
    against = case.against
    if against is not None and any(unit.lies_under(against) for unit in units):
        raise NotAllowed(_("This request is about that unit; it must go to somebody else."))


def _active(*units: Unit) -> None:
    for unit in units:
        if not unit.active:
            raise NotAllowed(_("%(unit)s is no longer active.") % {"unit": unit})


# --- at the centre -----------------------------------------------------------------------------------------------------------


def file_report(report: Report, *, by: Staff) -> Receipt:
    """The agent takes a contact in and registers it in one step; dispatched at once where the route is clear (E2, E3).

    The same idempotency key gives the case that was made the first time.
    """
    if report.idempotency_key and (known := of_key(report.idempotency_key, by)):
        return known
    case = new_case()
    try:
        with transaction.atomic(), beginning(case, by=by) as change:
            take_in(change, report)
            if case.category and case.state == State.RECEIVED:
                change.record("case.registered")
    except IntegrityError:
        if report.idempotency_key and (known := of_key(report.idempotency_key, by)):
            return known
        raise
    return Receipt(case, seal.pin_of(case.number, case.pin_generation), change.entries[0].hash.hex())


def register(
    case: Case,
    *,
    by: By,
    category: str = "",
    kind: str = "",
    urgency: str = "",
    against: Unit | None = None,
    seen: int | None = None,
) -> Entry:
    """Accept a report from the review queue, classified; the route is computed anew (F7, F5)."""
    with changing(case, by=by, seen=seen, verb="case.registered") as change:
        return _classified(
            change, "case.registered", category or change.case.category, kind, urgency, against or change.case.against
        )


def _classified(
    change: Change, verb: str, category: str, kind: str, urgency: str, against: Unit | None, **more: object
) -> Entry:
    case = change.case
    book = catalogue.in_force(change.at)
    if category not in book.categories:
        raise NotAllowed(_("Choose a category first."))
    same = category == case.category
    known = classify(book, category, kind or (case.kind if same else ""), urgency or (case.urgency if same else ""))
    known |= _still_guarded(case, known)
    place = routing.locate(case.lon, case.lat, case.area)
    decision = routing.route(book, category, place, change.at, against=against)
    return change.record(
        verb,
        **known,
        against=against.pk if against else None,
        unit=decision.unit.pk if decision.unit else None,
        route=decision.facts(),
        **more,
    )


def _still_guarded(case: Case, known: Mapping[str, object]) -> dict[str, object]:
    """A new class never takes off what was put on: confidence and emergency end only by `flag`."""
    return {flag: bool(known.get(flag)) or getattr(case, flag) for flag in ("confidential", "emergency")}


def ask(case: Case, *, by: Staff, question: str, seen: int | None = None) -> Entry:
    """Ask the citizen for what is missing; his answer brings the case back to the queue (F7)."""
    with changing(case, by=by, seen=seen, verb="case.asked") as change:
        return change.record(
            "case.asked", **change.remark("question", _must_say(question), audience=Remark.Audience.CITIZEN)
        )


def answer(case: Case, *, by: By, text: str, seen: int | None = None) -> Entry:
    """Answer at once, without a unit (E5)."""
    with changing(case, by=by, seen=seen, verb="case.answered") as change:
        return change.record(
            "case.answered", **change.remark("answer", _must_say(text), audience=Remark.Audience.CITIZEN)
        )


def refuse(case: Case, *, by: Staff, ground: str, text: str = "", seen: int | None = None) -> Entry:
    """Do not accept it, with a listed ground and where else the citizen can turn (ISO 10002: recourse told)."""
    with changing(case, by=by, seen=seen, verb="case.refused") as change:
        reason = _reason(change.case, "refuse", ground)
        return change.record(
            "case.refused", reason=reason.code, **change.remark("refusal", text, audience=Remark.Audience.CITIZEN)
        )


def join(case: Case, *, by: By, head: Case, seen: int | None = None) -> Entry:
    """Join to a head case about the same matter; it keeps its own number and rating and follows the head.

    Locks go from the head to the follower, as when a head closes; joins wait for each other, so that no two cross.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('wasl join'))")
        target = Case.objects.select_for_update().get(pk=head.pk)
        with changing(case, by=by, seen=seen, verb="case.joined") as change:
            if target.pk == case.pk:
                raise NotAllowed(_("A request cannot be joined to itself."))
            may_see = not isinstance(by, Staff) or queries.visible_to(by).filter(pk=target.pk).exists()
            if not may_see or target.state in (State.CLOSED, State.JOINED):
                raise NotAllowed(_("Choose an open request that is not itself joined to another."))
            if Case.objects.filter(head_id=case.pk).exclude(state=State.CLOSED).exists():
                raise NotAllowed(_("Others are joined to this request; it cannot be joined itself."))
            return change.record("case.joined", head=target.pk)


def unjoin(case: Case, *, by: Staff, reason: str, seen: int | None = None) -> Entry:
    """Take it apart from its head again; it goes back to the dispatcher."""
    with changing(case, by=by, seen=seen, verb="case.unjoined") as change:
        return change.record("case.unjoined", **change.remark("reason", _must_say(reason)))


def dispatch(
    case: Case,
    *,
    by: By,
    unit: Unit | None = None,
    assist: Sequence[Unit] = (),
    reason: str = "",
    seen: int | None = None,
) -> Entry:
    """Send it to the unit responsible (default: the one that the catalogue gives), with assisting units (G2)."""
    with changing(case, by=by, seen=seen, verb="case.dispatched") as change:
        held = change.case
        book = catalogue.of_number(held.edition)
        decision = routing.route(
            book, held.category, routing.locate(held.lon, held.lat, held.area), change.at, against=held.against
        )
        if held.state == State.CONTESTED and held.dispatched_at:
            raise NotAllowed(_("A unit has done it already; have it done again instead."))
        if not held.category:
            raise NotAllowed(_("Choose a category first."))
        if unit is None and held.state == State.RETURNED:
            raise NotAllowed(_("The catalogue's unit returned it; choose the unit."))
        chosen = unit or (decision.unit if decision.automatic or decision.why == "rule" else None)
        if chosen is None:
            raise NotAllowed(_("The catalogue does not decide here; choose the unit."))
        helpers = tuple(assist) or (decision.assist if unit is None or unit == decision.unit else ())
        _active(chosen, *helpers)
        _not_complained_of(held, chosen, *helpers)
        facts = decision.facts() if chosen == decision.unit else {**decision.facts(), "why": "chosen"}
        return change.record(
            "case.dispatched", orders=orders_for(chosen, helpers), route=facts, **change.remark("reason", reason)
        )


def reclassify(
    case: Case,
    *,
    by: Staff,
    category: str,
    kind: str = "",
    urgency: str = "",
    reason: str = "",
    seen: int | None = None,
) -> Entry:
    """Change the class: new route, new clock, a note to the citizen. A live order of another unit is withdrawn (F5)."""
    with changing(case, by=by, seen=seen, verb="case.reclassified") as change:
        held = change.case
        standing = fold.lead(change.orders)
        book = catalogue.in_force(change.at)
        if category not in book.categories:
            raise NotAllowed(_("Choose a category first."))
        decision = routing.route(
            book, category, routing.locate(held.lon, held.lat, held.area), change.at, against=held.against
        )
        reroute = bool(standing and decision.unit and decision.unit.pk != standing.unit_id and not standing.no_return)
        words = change.remark("reason", reason, audience=Remark.Audience.CITIZEN)
        more: dict[str, object] = {**words, "before": held.category}
        if held.state in (State.SUSPENDED, State.REPLIED, State.REVIEWED, State.ARBITRATION) and reroute:
            raise NotAllowed(_("First resume, redo or decide it; then change the class."))
        known = classify(book, category, kind, urgency)
        known |= _still_guarded(held, known)
        entry = change.record(
            "case.reclassified",
            **known,
            **more,
            unit=None if standing and not reroute else (decision.unit.pk if decision.unit else None),
            route=decision.facts(),
            reroute=reroute or None,
        )
        if reroute and decision.automatic and decision.unit:
            change.record("case.dispatched", orders=orders_for(decision.unit, decision.assist), route=decision.facts())
        return entry


def arbitrate(
    case: Case, *, by: Staff, unit: Unit, assist: Sequence[Unit] = (), reason: str, seen: int | None = None
) -> Entry:
    """Decide who is competent; the unit designated may not return it (Weifang 22)."""
    with changing(case, by=by, seen=seen, verb="case.arbitrated") as change:
        _active(unit, *assist)
        _not_complained_of(change.case, unit, *assist)
        words = change.remark("reason", _must_say(reason))
        return change.record("case.arbitrated", orders=orders_for(unit, assist, no_return=True), **words)


def escalate(
    case: Case, *, by: By, reason: str = "", to: Unit | None = None, rule: str = "", seen: int | None = None
) -> Entry:
    """Hand it, with its file, to the higher authority: the unit above the one that has it, or `to` (F14). By button or by rule."""
    with changing(case, by=by, seen=seen, verb="case.escalated") as change:
        held = change.case
        if to is not None and isinstance(by, Staff) and not rights.scopes(by, "case.escalated").centre:
            raise NotAllowed(_("Your unit hands it to the unit above it; only the centre chooses another."))
        standing = fold.lead(change.orders)
        below = (
            organisation.unit_of(standing.unit_id if standing else held.unit_id) if (standing or held.unit_id) else None
        )
        above = to or (below.parent if below else None)
        if above is None:
            raise NotAllowed(_("There is no higher authority above this unit; choose one."))
        if below is not None and above.pk == below.pk:
            raise NotAllowed(_("That unit has it already."))
        _active(above)
        _not_complained_of(held, above)
        words = change.remark("reason", _must_say(reason) if isinstance(by, Staff) else reason)
        return change.record(
            "case.escalated",
            orders=orders_for(above, no_return=True),
            frm=below.pk if below else None,
            rule_code=rule or None,
            **words,
        )


# --- the unit -----------------------------------------------------------------------------------------------------------------


def _live(change: Change, order: WorkOrder) -> WorkOrder:
    held = change.orders.get(order.pk)
    if held is None or held.state not in WorkOrder.LIVE:
        raise NotAllowed(_("This order does not stand any more."))
    return held


def sign_for(order: WorkOrder, *, by: Staff, seen: int | None = None) -> Entry:
    """The unit accepts the order; the clock has been running since dispatch (G8)."""
    with changing(order.case, by=by, seen=seen, verb="order.signed", order=order) as change:
        if _live(change, order).state != WorkOrder.State.DISPATCHED:
            raise NotAllowed(_("It is signed for already."))
        return _order_entry(change, "order.signed", order)


def _order_entry(change: Change, verb: str, order: WorkOrder, **data: object) -> Entry:
    return change.record(verb, order=order.pk, **data)


def begin_work(order: WorkOrder, *, by: Staff, seen: int | None = None) -> Entry:
    """Work has begun."""
    with changing(order.case, by=by, seen=seen, verb="order.started", order=order) as change:
        if _live(change, order).state != WorkOrder.State.SIGNED:
            raise NotAllowed(_("Sign for the order first; work begins once."))
        return _order_entry(change, "order.started", order)


def record_contact(
    order: WorkOrder, *, by: Staff, medium: str, reached: bool, text: str = "", seen: int | None = None
) -> Entry:
    """The unit spoke, or tried to speak, with the requester through the platform (G12); the first one reached meets the clock."""
    with changing(order.case, by=by, seen=seen, verb="order.contacted", order=order) as change:
        _live(change, order)
        return _order_entry(
            change, "order.contacted", order, medium=medium, reached=reached, **change.remark("note", text)
        )


def record_visit(
    order: WorkOrder, *, by: Staff, text: str, attachments: Sequence[Attachment] = (), seen: int | None = None
) -> Entry:
    """Somebody was on the spot: when, what he found, photos (F8)."""
    with changing(order.case, by=by, seen=seen, verb="order.visited", order=order) as change:
        if _live(change, order).state == WorkOrder.State.DISPATCHED:
            raise NotAllowed(_("Sign for the order first."))
        words = change.remark("visit", _must_say(text))
        return _order_entry(change, "order.visited", order, **_evidence(change, attachments, by, text), **words)


def _evidence(change: Change, attachments: Sequence[Attachment], by: Staff, text: str) -> dict[str, object]:
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
        held = _live(change, order)
        if held.no_return:
            raise NotAllowed(_("Your unit was designated for this; it may not be returned."))
        listed = _reason(change.case, "return", reason)
        case = change.case
        allowed = catalogue.of_number(case.edition).deadline(case.category, case.kind, case.urgency).returning
        unit = organisation.unit_of(held.unit_id)
        if allowed is not None and held.role == WorkOrder.Role.LEAD:
            until = worktime.add(
                organisation.calendar_of(unit.calendar.code if unit.calendar else None), held.dispatched_at, allowed
            )
            if change.at > until:
                raise NotAllowed(_("The time for returning is over; object to the dispatch instead."))
        if proposed is not None and proposed.pk == held.unit_id:
            raise NotAllowed(_("Propose another unit than your own."))
        words = change.remark("reason", text)
        return _order_entry(
            change, "order.returned", order, reason=listed.code, proposed=proposed.pk if proposed else None, **words
        )


def object_to(
    order: WorkOrder, *, by: Staff, text: str, proposed: Unit | None = None, seen: int | None = None
) -> Entry:
    """The unit objects to the dispatch formally; the centre arbitrates (Beijing 12)."""
    with changing(order.case, by=by, seen=seen, verb="order.objected", order=order) as change:
        held = _live(change, order)
        if held.no_return or held.role != WorkOrder.Role.LEAD:
            raise NotAllowed(_("Your unit was designated for this; it may not be returned."))
        words = change.remark("reason", _must_say(text))
        return _order_entry(change, "order.objected", order, proposed=proposed.pk if proposed else None, **words)


def sub_dispatch(order: WorkOrder, *, by: Staff, unit: Unit, text: str = "", seen: int | None = None) -> Entry:
    """Pass it on within the unit; the parent order keeps the clock and answers for it (G5)."""
    with changing(order.case, by=by, seen=seen, verb="order.sub_dispatched", order=order) as change:
        held = _live(change, order)
        if not unit.lies_under(organisation.unit_of(held.unit_id)) or unit.pk == held.unit_id:
            raise NotAllowed(_("Choose a unit below your own."))
        _active(unit)
        _not_complained_of(change.case, unit)
        spec = {"id": orders_for(unit)[0]["id"], "unit": unit.pk, "role": "sub", "parent": held.pk}
        return change.record("order.sub_dispatched", orders=[spec], **change.remark("note", text))


def withdraw(order: WorkOrder, *, by: Staff, reason: str, seen: int | None = None) -> Entry:
    """An assisting or sub-order is no longer needed."""
    with changing(order.case, by=by, seen=seen, verb="order.withdrawn", order=order) as change:
        if _live(change, order).role == WorkOrder.Role.LEAD:
            raise NotAllowed(_("The lead order is not withdrawn; dispatch the request anew instead."))
        return _order_entry(change, "order.withdrawn", order, **change.remark("reason", _must_say(reason)))


def ask_extension(
    order: WorkOrder, *, by: Staff, duration: str, reason: str, text: str, seen: int | None = None
) -> Entry:
    """Ask for more time, with a reason that the citizen reads (Beijing 15). Granted at most once by the rule."""
    with changing(order.case, by=by, seen=seen, verb="order.extension_asked", order=order) as change:
        held = _live(change, order)
        if held.role != WorkOrder.Role.LEAD:
            raise NotAllowed(_("Only the lead unit asks for more time."))
        if held.extension_asked:
            raise NotAllowed(_("An extension is asked for already and not yet decided."))
        _within(change.case, duration)
        listed = _reason(change.case, "extend", reason)
        words = change.remark("extension", _must_say(text), audience=Remark.Audience.CITIZEN)
        return _order_entry(change, "order.extension_asked", order, duration=duration, reason=listed.code, **words)


def _parsed(text: str) -> Duration:
    try:
        found = Duration.parse(text)
    except ValueError as error:
        raise NotAllowed(str(error)) from error
    if found is None:
        raise NotAllowed(_("Say how much more time."))
    return found


def _hours(duration: Duration) -> float:
    """A rough length to compare durations of different units by."""
    return {"min": 1 / 60, "h": 1.0, "wh": 3.0, "wd": 24.0}[duration.unit] * duration.value


def _within(case: Case, text: str) -> None:
    rule = catalogue.of_number(case.edition).deadline(case.category, case.kind, case.urgency)
    given = case.clock.get("extensions", [])
    longest = (
        rule.extension_supervisor or rule.extension
        if given
        else max(filter(None, (rule.extension, rule.extension_supervisor)), key=_hours, default=None)
    )
    wanted = _parsed(text)
    if longest is None:
        raise NotAllowed(_("Requests of this class are not extended."))
    if len(given) >= 2:
        raise NotAllowed(_("It was extended already; no more is possible."))
    if _hours(wanted) > _hours(longest):
        raise NotAllowed(_("At most %(longest)s can be granted.") % {"longest": longest})


def grant_extension(order: WorkOrder, *, by: Staff, duration: str = "", seen: int | None = None) -> Entry:
    """Grant what was asked for (or less); the citizen is told the reason and the new date."""
    with changing(order.case, by=by, seen=seen, verb="order.extension_granted", order=order) as change:
        held = _live(change, order)
        asked = held.extension_asked
        if not asked:
            raise NotAllowed(_("No extension is asked for."))
        granted = duration or asked
        if duration and _hours(_parsed(duration)) > _hours(_parsed(asked)):
            raise NotAllowed(_("No more than what was asked for can be granted."))
        _within(change.case, granted)
        last = next(e for e in reversed(queries.story(change.case)) if e.verb == "order.extension_asked")
        told = {k: v for k, v in queries.data_of(last).items() if k in ("remark", "digest", "reason")}
        return _order_entry(change, "order.extension_granted", order, duration=granted, **told)


def deny_extension(order: WorkOrder, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Deny the extension asked for, with the reason to the unit."""
    with changing(order.case, by=by, seen=seen, verb="order.extension_denied", order=order) as change:
        if not _live(change, order).extension_asked:
            raise NotAllowed(_("No extension is asked for."))
        return _order_entry(change, "order.extension_denied", order, **change.remark("reason", _must_say(text)))


def ask_pause(
    order: WorkOrder, *, by: Staff, reason: str, until: datetime, text: str = "", seen: int | None = None
) -> Entry:
    """The unit asks for the clock to be stopped; somebody else decides (`suspend` or `deny_pause`)."""
    with changing(order.case, by=by, seen=seen, verb="order.pause_asked", order=order) as change:
        held = _live(change, order)
        if held.role != WorkOrder.Role.LEAD:
            raise NotAllowed(_("Only the lead unit asks for a suspension."))
        _check_pause(change, reason, until)
        words = change.remark("suspension", text, audience=Remark.Audience.CITIZEN)
        return _order_entry(change, "order.pause_asked", order, reason=reason, until=until.isoformat(), **words)


def deny_pause(order: WorkOrder, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Deny the suspension asked for, with the reason to the unit."""
    with changing(order.case, by=by, seen=seen, verb="order.pause_denied", order=order) as change:
        if not _live(change, order).pause_asked:
            raise NotAllowed(_("No suspension is asked for."))
        return _order_entry(change, "order.pause_denied", order, **change.remark("reason", _must_say(text)))


def _check_pause(change: Change, reason: str, until: datetime) -> Reason:
    """The listed reason, if a pause until then is possible; all pauses of a case together keep within its cap."""
    listed = _reason(change.case, "suspend", reason)
    if until <= change.at:
        raise NotAllowed(_("A suspension must end in the future."))
    if listed.longest is not None:
        paused = sum(
            (datetime.fromisoformat(b) - datetime.fromisoformat(a) for a, b in change.case.clock.get("pauses", ())),
            timedelta(),
        )
        cap = worktime.add(organisation.calendar_of(None), change.at, listed.longest) - paused
        if until > cap:
            raise NotAllowed(
                _("For this reason it may be suspended until %(cap)s at the longest.") % {"cap": f"{cap:%Y-%m-%d %H:%M}"}
            )
    return listed


def suspend(
    case: Case, *, by: By, reason: str, until: datetime, text: str = "", seen: int | None = None
) -> Entry:
    """Stop the result's clock for a listed reason and to a given end; the citizen sees both (rules 5, complaint 7).

    Never by the one who asked for it: a pause is approved, not taken.
    """
    with changing(case, by=by, seen=seen, verb="case.suspended") as change:
        listed = _check_pause(change, reason, until)
        asked = next((e for e in reversed(queries.story(change.case)) if e.verb == "order.pause_asked"), None)
        if isinstance(by, Staff) and asked is not None and asked.actor == f"staff:{by.pk}":
            raise NotAllowed(_("Somebody else must decide what you asked for."))
        before = change.case.state
        words = change.remark("suspension", text, audience=Remark.Audience.CITIZEN)
        return change.record("case.suspended", reason=listed.code, until=until.isoformat(), before=before, **words)


def resume(case: Case, *, by: By, seen: int | None = None) -> Entry:
    """Go on before the suspension ends, or because it has ended."""
    with changing(case, by=by, seen=seen, verb="case.resumed") as change:
        return change.record("case.resumed")


def interim_reply(case: Case, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Tell the citizen how far it is and what comes next (I10)."""
    with changing(case, by=by, seen=seen, verb="case.interim_replied") as change:
        return change.record(
            "case.interim_replied", **change.remark("interim", _must_say(text), audience=Remark.Audience.CITIZEN)
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
        held = _live(change, order)
        if held.state == WorkOrder.State.DISPATCHED:
            raise NotAllowed(_("Sign for the order first."))
        if outcome not in Outcome.values or outcome in (Outcome.REFUSED, Outcome.DUPLICATE):
            raise NotAllowed(_("Say what came of it: fixed, partly, referred, no fault found or answered."))
        if held.role == WorkOrder.Role.LEAD:
            waiting = [o for o in change.orders.values() if o.parent_id == held.pk and o.state in WorkOrder.LIVE]
            if waiting:
                raise NotAllowed(_("A sub-order of yours is still open; wait for it or withdraw it."))
        words = change.remark("reply", _must_say(text, 10), audience=Remark.Audience.CITIZEN)
        return _order_entry(
            change, "order.replied", order, outcome=outcome, **_evidence(change, attachments, by, text), **words
        )


# --- review, tell, close --------------------------------------------------------------------------------------------------------


def review(case: Case, *, by: Staff, text: str = "", seen: int | None = None) -> Entry:
    """The second line finds that the reply answers what was asked. Never by the one who replied (Jinan 27)."""
    with changing(case, by=by, seen=seen, verb="case.reviewed") as change:
        if change.case.replied_by_id == by.pk:
            raise NotAllowed(_("Somebody else than the author must review a reply."))
        return change.record("case.reviewed", **change.remark("note", text))


def redo(case: Case, *, by: By, text: str, unit: Unit | None = None, seen: int | None = None) -> Entry:
    """Have it done again: refused by review it goes back to the unit; after the citizen's no it goes one level up (rules 5, 23)."""
    with changing(case, by=by, seen=seen, verb="case.redone") as change:
        held = change.case
        if held.unit_id is None:
            raise NotAllowed(_("No unit had it; dispatch it instead."))
        had = organisation.unit_of(held.unit_id)
        target = unit or (_one_up(had) if held.state == State.CONTESTED else had)
        _active(target)
        _not_complained_of(held, target)
        words = change.remark("redo", _must_say(text))
        return change.record("case.redone", orders=orders_for(target, no_return=True), **words)


def _one_up(unit: Unit) -> Unit:
    parent = unit.parent
    return parent if parent is not None and parent.kind not in (Unit.Kind.CENTRE, Unit.Kind.MUNICIPALITY) else unit


def tell(case: Case, *, by: By, text: str = "", seen: int | None = None) -> Entry:
    """Tell the citizen the result by his way of reply and ask him whether it is true (F1, I1).

    `text` is what he reads; by default the unit's reply as it is.
    """
    with changing(case, by=by, seen=seen, verb="case.told") as change:
        words = (
            change.remark("result", text, audience=Remark.Audience.CITIZEN)
            if text.strip()
            else _last_words(change.case, "order.replied")
        )
        return change.record("case.told", answer_within=f"{settings.WASL_ANSWER_DAYS}wd", **words)


def _last_words(case: Case, verb: str) -> dict[str, object]:
    leads = set(case.orders.filter(role=WorkOrder.Role.LEAD).values_list("pk", flat=True))
    replies = reversed([e for e in queries.story(case) if e.verb == verb])
    last = next((e for e in replies if queries.data_of(e).get("order") in leads), None)
    return {k: v for k, v in queries.data_of(last).items() if k in ("remark", "digest")} if last else {}


def record_attempt(
    case: Case, *, by: By, medium: str, reached: bool = False, text: str = "", seen: int | None = None
) -> Entry:
    """An attempt to reach the citizen with the result, and how it ended (I2)."""
    with changing(case, by=by, seen=seen, verb="case.contact_attempted") as change:
        return change.record("case.contact_attempted", medium=medium, reached=reached, **change.remark("note", text))


def confirm(case: Case, *, by: By = THE_CITIZEN, medium: str = "web", seen: int | None = None) -> Entry:
    """The citizen says that it is solved."""
    with changing(case, by=by, seen=seen, verb="case.confirmed") as change:
        _speaks_for(change, by)
        return change.record("case.confirmed", verdict=Verdict.SOLVED.value, medium=medium)


def contest(
    case: Case, *, verdict: str, by: By = THE_CITIZEN, text: str = "", medium: str = "web", seen: int | None = None
) -> Entry:
    """The citizen says that it is not, or only partly, solved, or that nobody came; it goes one level up, not back."""
    with changing(case, by=by, seen=seen, verb="case.contested") as change:
        _speaks_for(change, by)
        if verdict not in Verdict.values or verdict == Verdict.SOLVED:
            raise NotAllowed(_("Choose what is not as it should be."))
        return change.record("case.contested", verdict=verdict, medium=medium, **change.remark("citizen", text))


def _speaks_for(change: Change, by: By) -> None:
    """Staff may record the citizen's answer (by phone), but nobody of the handling unit may (N4)."""
    if isinstance(by, Staff) and by.pk == change.case.replied_by_id:
        raise NotAllowed(_("Nobody who handled it may answer for the citizen."))


def rate(
    case: Case, *, rating: int, text: str = "", pressured: bool = False, by: By = THE_CITIZEN, seen: int | None = None
) -> Entry:
    """Five levels, once a matter; `pressured`: he was asked to change his answer (GB/T 39735; rules 5, complaint 9)."""
    with changing(case, by=by, seen=seen, verb="case.rated") as change:
        _speaks_for(change, by)
        if rating not in range(1, 6):
            raise NotAllowed(_("Choose one of the five levels."))
        if change.case.rating is not None:
            raise NotAllowed(_("You have rated it already. Thank you."))
        return change.record("case.rated", rating=rating, pressured=pressured or None, **change.remark("citizen", text))


def close(case: Case, *, by: By, text: str = "", seen: int | None = None) -> Entry:
    """End it: he confirmed, or he was told and asked and the time to answer or the attempts are exhausted (unconfirmed).

    Never over an open part; never by the one who alone reviewed it, unless the citizen confirmed.
    """
    with changing(case, by=by, seen=seen, verb="case.closed") as change:
        held = change.case
        confirmed = held.state == State.CONFIRMED
        if Case.objects.filter(parent_id=held.pk).exclude(state=State.CLOSED).exists():
            raise NotAllowed(_("A part of this request is still open."))
        if held.told_at is None:
            raise NotAllowed(_("The citizen was not told yet."))
        if held.state == State.TOLD and not (held.due_centre and change.at >= held.due_centre) and held.attempts < 3:
            raise NotAllowed(
                _("He was asked and has not answered; wait until his time is over, or try three times to reach him.")
            )
        if not confirmed and isinstance(by, Staff) and held.reviewed_by_id == by.pk:
            raise NotAllowed(_("Somebody else than the reviewer must close it while the citizen has not confirmed."))
        return change.record(
            "case.closed", unconfirmed=(held.state == State.TOLD) or None, **change.remark("note", text)
        )


def reopen(case: Case, *, by: By, text: str, seen: int | None = None) -> Entry:
    """Open a closed case again, within the time for it when the citizen does."""
    with changing(case, by=by, seen=seen, verb="case.reopened") as change:
        held = change.case
        if (
            not isinstance(by, Staff)
            and held.closed_at
            and change.at > held.closed_at + timedelta(days=settings.WASL_REOPEN_DAYS)
        ):
            raise NotAllowed(
                _("The time to reopen it is over; please file a new report, it will be linked to this one.")
            )
        return change.record(
            "case.reopened", **change.remark("citizen" if not isinstance(by, Staff) else "reason", _must_say(text))
        )


# --- besides the line -----------------------------------------------------------------------------------------------------------


def add(
    case: Case,
    *,
    by: By,
    text: str,
    medium: str = "web",
    attachments: Sequence[Attachment] = (),
    language: str = "",
    idempotency_key: str | None = None,
    seen: int | None = None,
) -> Entry:
    """Another contact on the same case, in the person's own words; never made, never lost by the state it is in.

    The same idempotency key adds nothing the second time and gives the entry of the first.
    """
    key = scoped(idempotency_key, by) if idempotency_key else None
    with changing(case, by=by, seen=seen, verb="case.added") as change:
        held = change.case
        # The case is locked: who sends the same at the same time waits here and then finds it.
        if key and (known := Contact.objects.filter(idempotency_key=key, case=held).first()):
            return held.entries.get(verb="case.added", at=known.at)
        contact = Contact(
            case=held,
            person=held.requester,
            medium=medium,
            at=change.at,
            language=language or held.language,
            body=text.strip(),
            salt=secrets.token_bytes(16),
            staff=by if isinstance(by, Staff) else None,
            client=by if isinstance(by, Client) else None,
            idempotency_key=key,
        )
        for attachment in attachments:
            attachment.contact = contact
        change.add(contact, *attachments)
        return change.record(
            "case.added",
            contact=contact.pk,
            digest=digest(contact.salt, contact.body),
            files=[bytes(a.sha256).hex() for a in attachments] or None,
        )


def note(case: Case, *, by: By, text: str, seen: int | None = None) -> Entry:
    """A note for colleagues."""
    with changing(case, by=by, seen=seen, verb="case.noted") as change:
        return change.record("case.noted", **change.remark("note", _must_say(text, 1)))


def publish(case: Case, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Write what the public may read about it, without names and numbers (F11)."""
    with changing(case, by=by, seen=seen, verb="case.published") as change:
        change.case.public_text = text.strip()
        words = change.remark("public", text, audience=Remark.Audience.PUBLIC)
        return change.record("case.published", **words)


def flag(case: Case, *, by: By, flags: Mapping[str, bool], text: str = "", seen: int | None = None) -> Entry:
    """Set or clear emergency, confidential, supervised, brief."""
    with changing(case, by=by, seen=seen, verb="case.flagged") as change:
        if not flags or set(flags) - {"emergency", "confidential", "supervised", "brief"}:
            raise NotAllowed(_("There is no such flag."))
        return change.record("case.flagged", flags=dict(flags), **change.remark("note", text))


def take_over(case: Case, *, by: Staff, seen: int | None = None) -> Entry:
    """A successor accepts responsibility from the first receiver (E7)."""
    with changing(case, by=by, seen=seen, verb="case.taken_over") as change:
        return change.record("case.taken_over", frm=change.case.owner_id)


def link(case: Case, *, by: By, other: Case, reason: str = "related", seen: int | None = None) -> Entry:
    """Say that two cases have to do with each other."""
    with changing(case, by=by, seen=seen, verb="case.linked") as change:
        if reason not in LINK_REASONS:
            raise NotAllowed(_("Choose one of the listed reasons."))
        if other.pk == case.pk or Link.objects.filter(case=case, other=other).exists():
            raise NotAllowed(_("These requests are linked already."))
        if isinstance(by, Staff) and not queries.visible_to(by).filter(pk=other.pk).exists():
            raise NotAllowed(_("There is no such request, or you may not see it."))
        change.add(Link(case=change.case, other=other, reason=reason, at=change.at))
        return change.record("case.linked", other=other.pk, reason=reason)


def open_part(case: Case, *, by: Staff, category: str, text: str, seen: int | None = None) -> Receipt:
    """Open a child case for a part that another unit must do; the parent does not close before it."""
    with transaction.atomic():
        with changing(case, by=by, seen=seen, verb="case.part_opened") as change:
            held = change.case
            part = new_case()
            change.record("case.part_opened", part=part.pk)
            with beginning(part, by=by) as begun:
                reach = people.Reach(language=held.language, channel=held.channel)
                report = Report(
                    medium=held.medium, body=_must_say(text), category=category, reach=reach, parent=held, address=held.address,
                    place=(held.lat, held.lon) if held.lat is not None and held.lon is not None else None, area=held.area,
                    against=held.against,
                )  # fmt: skip
                take_in(begun, report)
                begun.record("case.registered")
        return Receipt(part, seal.pin_of(part.number, part.pin_generation), begun.entries[0].hash.hex())


def renew_pin(case: Case, *, by: By, seen: int | None = None) -> str:
    """Issue a new PIN; the old one is void. Gives the new one."""
    with changing(case, by=by, seen=seen, verb="case.pin_renewed") as change:
        change.record("case.pin_renewed")
    return seal.pin_of(case.number, case.pin_generation)


# --- the identity vault -----------------------------------------------------------------------------------------------------------


def open_identity(case: Case, *, by: Staff, reason: str, text: str, seen: int | None = None) -> Entry:
    """Open the vault of one case to oneself for some hours, for a listed reason and in words; logged (rules 5, complaint 8)."""
    with changing(case, by=by, seen=seen, verb="case.identity_asked") as change:
        held = change.case
        if held.confidential:
            raise NotAllowed(
                _("The reporter of a confidential request is not shown to units. Ask the centre to contact him.")
            )
        listed = _reason(held, "identity", reason)
        change.add(Opening(case=held, staff=by, at=change.at, until=change.at + IDENTITY_OPEN_FOR))
        words = change.remark("reason", _must_say(text, 10))
        return change.record("case.identity_asked", reason=listed.code, **words)


def see_identity(case: Case, *, by: Staff) -> Mapping[str, object]:
    """Name and addresses of the requester for the screen; the view is an entry. Raises Forbidden when the vault is shut."""
    from wasl.core.organisation.rights import Forbidden

    with transaction.atomic():
        held = Case.objects.select_for_update().get(pk=case.pk)
        if not queries.visible_to(by).filter(pk=held.pk).exists() or not queries.may_see_identity(by, held):
            raise Forbidden(_("The identity of the requester is sealed; open it with a reason if you need it."))
        orders: fold.Orders = {}
        change = Change(held, by, orders)
        change.record("case.identity_viewed")
        change._write()
        person = held.requester
        if person is None:
            return {"name": "", "addresses": []}
        return {
            "name": seal.unseal(bytes(person.name_sealed)) if person.name_sealed else "",
            "addresses": [
                (a.medium, seal.unseal(bytes(a.value_sealed)), a.verified_at) for a in person.addresses.all()
            ],
        }
