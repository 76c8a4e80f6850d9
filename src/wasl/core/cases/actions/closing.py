"""From the reply to the end: review, tell, the citizen's answer, close; and the ways back."""

from datetime import timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.actions.guards import may_speak_for_citizen, must_be_active, must_say, not_complained_of
from wasl.core.cases.change import THE_CITIZEN, By, NotAllowed, changing
from wasl.core.cases.intake import orders_for
from wasl.core.cases.models import Case, Entry, Remark, State, Verdict, WorkOrder
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff, Unit


def review(case: Case, *, by: Staff, text: str = "", seen: int | None = None) -> Entry:
    """The second line finds that the reply answers what was asked. Never by the one who replied (Jinan 27)."""
    with changing(case, by=by, seen=seen, verb="case.reviewed") as change:
        if change.case.replied_by_id == by.pk:
            raise NotAllowed(_("Somebody else than the author must review a reply."))
        return change.record("case.reviewed", **change.remark("note", text))


def redo(case: Case, *, by: By, text: str, unit: Unit | None = None, seen: int | None = None) -> Entry:
    """Have it done again (rules 5, 23): refused by review it goes back to the unit, after the citizen's no one up."""
    with changing(case, by=by, seen=seen, verb="case.redone") as change:
        held = change.case
        if held.unit_id is None:
            raise NotAllowed(_("No unit had it; dispatch it instead."))
        had = organisation.unit_of(held.unit_id)
        target = unit or (_one_up(had) if held.state == State.CONTESTED else had)
        must_be_active(target)
        not_complained_of(held, target)
        words = change.remark("redo", must_say(text))
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
        may_speak_for_citizen(change, by)
        return change.record("case.confirmed", verdict=Verdict.SOLVED.value, medium=medium)


def contest(
    case: Case, *, verdict: str, by: By = THE_CITIZEN, text: str = "", medium: str = "web", seen: int | None = None
) -> Entry:
    """The citizen says that it is not, or only partly, solved, or that nobody came; it goes one level up, not back."""
    with changing(case, by=by, seen=seen, verb="case.contested") as change:
        may_speak_for_citizen(change, by)
        if verdict not in Verdict.values or verdict == Verdict.SOLVED:
            raise NotAllowed(_("Choose what is not as it should be."))
        return change.record("case.contested", verdict=verdict, medium=medium, **change.remark("citizen", text))


def rate(
    case: Case, *, rating: int, text: str = "", pressured: bool = False, by: By = THE_CITIZEN, seen: int | None = None
) -> Entry:
    """Five levels, once a matter; `pressured`: he was asked to change his answer (GB/T 39735; rules 5, complaint 9)."""
    with changing(case, by=by, seen=seen, verb="case.rated") as change:
        may_speak_for_citizen(change, by)
        if rating not in range(1, 6):
            raise NotAllowed(_("Choose one of the five levels."))
        if change.case.rating is not None:
            raise NotAllowed(_("You have rated it already. Thank you."))
        return change.record("case.rated", rating=rating, pressured=pressured or None, **change.remark("citizen", text))


def close(case: Case, *, by: By, text: str = "", seen: int | None = None) -> Entry:
    """End it: he confirmed; or he was told and asked, and the time to answer or the attempts are over (unconfirmed).

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
            "case.reopened", **change.remark("citizen" if not isinstance(by, Staff) else "reason", must_say(text))
        )
