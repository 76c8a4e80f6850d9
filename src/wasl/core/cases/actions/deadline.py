"""More time and a stopped clock: asked for by the unit, decided by somebody else, read by the citizen."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.actions.guards import listed_reason, live_order, must_say
from wasl.core.cases.change import By, Change, NotAllowed, changing
from wasl.core.cases.models import Case, Entry, Remark, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Reason
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.kernel import worktime
from wasl.kernel.worktime import Duration


def ask_extension(
    order: WorkOrder, *, by: Staff, duration: str, reason: str, text: str, seen: int | None = None
) -> Entry:
    """Ask for more time, with a reason that the citizen reads (Beijing 15). Granted at most once by the rule."""
    with changing(order.case, by=by, seen=seen, verb="order.extension_asked", order=order) as change:
        held = live_order(change, order)
        if held.role != WorkOrder.Role.LEAD:
            raise NotAllowed(_("Only the lead unit asks for more time."))
        if held.extension_asked:
            raise NotAllowed(_("An extension is asked for already and not yet decided."))
        _within(change.case, duration)
        listed = listed_reason(change.case, "extend", reason)
        words = change.remark("extension", must_say(text), audience=Remark.Audience.CITIZEN)
        return change.record("order.extension_asked", order=order.pk, duration=duration, reason=listed.code, **words)


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
        held = live_order(change, order)
        asked = held.extension_asked
        if not asked:
            raise NotAllowed(_("No extension is asked for."))
        granted = duration or asked
        if duration and _hours(_parsed(duration)) > _hours(_parsed(asked)):
            raise NotAllowed(_("No more than what was asked for can be granted."))
        _within(change.case, granted)
        last = next(e for e in reversed(queries.story(change.case)) if e.verb == "order.extension_asked")
        told = {k: v for k, v in queries.data_of(last).items() if k in ("remark", "digest", "reason")}
        return change.record("order.extension_granted", order=order.pk, duration=granted, **told)


def deny_extension(order: WorkOrder, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Deny the extension asked for, with the reason to the unit."""
    with changing(order.case, by=by, seen=seen, verb="order.extension_denied", order=order) as change:
        if not live_order(change, order).extension_asked:
            raise NotAllowed(_("No extension is asked for."))
        return change.record("order.extension_denied", order=order.pk, **change.remark("reason", must_say(text)))


def ask_pause(
    order: WorkOrder, *, by: Staff, reason: str, until: datetime, text: str = "", seen: int | None = None
) -> Entry:
    """The unit asks for the clock to be stopped; somebody else decides (`suspend` or `deny_pause`)."""
    with changing(order.case, by=by, seen=seen, verb="order.pause_asked", order=order) as change:
        held = live_order(change, order)
        if held.role != WorkOrder.Role.LEAD:
            raise NotAllowed(_("Only the lead unit asks for a suspension."))
        _check_pause(change, reason, until)
        words = change.remark("suspension", text, audience=Remark.Audience.CITIZEN)
        return change.record("order.pause_asked", order=order.pk, reason=reason, until=until.isoformat(), **words)


def deny_pause(order: WorkOrder, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Deny the suspension asked for, with the reason to the unit."""
    with changing(order.case, by=by, seen=seen, verb="order.pause_denied", order=order) as change:
        if not live_order(change, order).pause_asked:
            raise NotAllowed(_("No suspension is asked for."))
        return change.record("order.pause_denied", order=order.pk, **change.remark("reason", must_say(text)))


def _check_pause(change: Change, reason: str, until: datetime) -> Reason:
    """The listed reason, if a pause until then is possible; all pauses of a case together keep within its cap."""
    listed = listed_reason(change.case, "suspend", reason)
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
                _("For this reason it may be suspended until %(cap)s at the longest.")
                % {"cap": f"{cap:%Y-%m-%d %H:%M}"}
            )
    return listed


def suspend(case: Case, *, by: By, reason: str, until: datetime, text: str = "", seen: int | None = None) -> Entry:
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
