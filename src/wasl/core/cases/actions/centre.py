"""What the centre does with a request: take it in, classify, ask, answer, refuse, join, dispatch, arbitrate."""

from collections.abc import Mapping, Sequence

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from wasl.core.cases import fold, queries, routing
from wasl.core.cases.actions.guards import (
    citizen_may_join,
    listed_reason,
    must_be_active,
    must_say,
    not_complained_of,
)
from wasl.core.cases.change import By, Change, Citizen, NotAllowed, beginning, changing
from wasl.core.cases.intake import Receipt, Report, classify, new_case, of_key, orders_for, take_in
from wasl.core.cases.models import Case, Entry, Remark, State
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.core.people import actions as people
from wasl.kernel import seal


def file_report(report: Report, *, by: Staff) -> Receipt:
    """The agent takes a contact in and registers it in one step (E2, E3); a trusted report is dispatched if it can be.

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
            "case.asked", **change.remark("question", must_say(question), audience=Remark.Audience.CITIZEN)
        )


def answer(case: Case, *, by: By, text: str, seen: int | None = None) -> Entry:
    """Answer at once, without a unit (E5)."""
    with changing(case, by=by, seen=seen, verb="case.answered") as change:
        return change.record(
            "case.answered", **change.remark("answer", must_say(text), audience=Remark.Audience.CITIZEN)
        )


def refuse(case: Case, *, by: Staff, ground: str, text: str = "", seen: int | None = None) -> Entry:
    """Do not accept it, with a listed ground and where else the citizen can turn (ISO 10002: recourse told)."""
    with changing(case, by=by, seen=seen, verb="case.refused") as change:
        reason = listed_reason(change.case, "refuse", ground)
        return change.record(
            "case.refused", reason=reason.code, **change.remark("refusal", text, audience=Remark.Audience.CITIZEN)
        )


def join(case: Case, *, by: By, head: Case, seen: int | None = None) -> Entry:
    """Join to a head case about the same matter; it keeps its own number and rating and follows the head.

    A citizen joins only to what everybody may see and is still to be done, and only what need not be read at once.
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
            if isinstance(by, Citizen):
                citizen_may_join(change.case, target)
            if Case.objects.filter(head_id=case.pk).exclude(state=State.CLOSED).exists():
                raise NotAllowed(_("Others are joined to this request; it cannot be joined itself."))
            return change.record("case.joined", head=target.pk)


def unjoin(case: Case, *, by: Staff, reason: str, seen: int | None = None) -> Entry:
    """Take it apart from its head again; it goes back to the dispatcher."""
    with changing(case, by=by, seen=seen, verb="case.unjoined") as change:
        return change.record("case.unjoined", **change.remark("reason", must_say(reason)))


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
        must_be_active(chosen, *helpers)
        not_complained_of(held, chosen, *helpers)
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
        must_be_active(unit, *assist)
        not_complained_of(change.case, unit, *assist)
        words = change.remark("reason", must_say(reason))
        return change.record("case.arbitrated", orders=orders_for(unit, assist, no_return=True), **words)


def escalate(
    case: Case, *, by: By, reason: str = "", to: Unit | None = None, rule: str = "", seen: int | None = None
) -> Entry:
    """Hand it, with its file, to the higher authority (F14): the unit above the one that has it, or `to`.

    By button, or by the rule named in `rule`.
    """
    with changing(case, by=by, seen=seen, verb="case.escalated") as change:
        held = change.case
        if to is not None and isinstance(by, Staff) and not rights.scopes(by, "case.escalated").centre:
            raise NotAllowed(_("Your unit hands it to the unit above it; only the centre chooses another."))
        standing = fold.lead(change.orders)
        has = standing.unit_id if standing else held.unit_id
        below = organisation.unit_of(has) if has else None
        above = to or (below.parent if below else None)
        if above is None:
            raise NotAllowed(_("There is no higher authority above this unit; choose one."))
        if below is not None and above.pk == below.pk:
            raise NotAllowed(_("That unit has it already."))
        must_be_active(above)
        not_complained_of(held, above)
        words = change.remark("reason", must_say(reason) if isinstance(by, Staff) else reason)
        return change.record(
            "case.escalated",
            orders=orders_for(above, no_return=True),
            frm=below.pk if below else None,
            rule_code=rule or None,
            **words,
        )


def open_part(case: Case, *, by: Staff, category: str, text: str, seen: int | None = None) -> Receipt:
    """Open a child case for a part that another unit must do; the parent does not close before it."""
    with transaction.atomic():
        with changing(case, by=by, seen=seen, verb="case.part_opened") as change:
            held = change.case
            part = new_case()
            change.record("case.part_opened", part=part.pk)
            with beginning(part, by=by) as begun:
                place = (held.lat, held.lon) if held.lat is not None and held.lon is not None else None
                report = Report(
                    medium=held.medium,
                    body=must_say(text),
                    category=category,
                    reach=people.Reach(language=held.language, channel=held.channel),
                    parent=held,
                    place=place,
                    address=held.address,
                    area=held.area,
                    against=held.against,
                )
                take_in(begun, report)
                if held.confidential and not part.confidential:
                    begun.record("case.flagged", flags={"confidential": True})
                begun.record("case.registered")
        return Receipt(part, seal.pin_of(part.number, part.pin_generation), begun.entries[0].hash.hex())
