"""What time does to cases: suspensions end, answer windows close, overdue work goes up, calendars change.

Every job may run at any time, twice, or late: it looks at what is so now and does what is due. Each case is its own
transaction, locked and checked anew by the verb; one that fails is logged and the others go on.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q

from wasl.core.cases import actions, forgetting, queries
from wasl.core.cases.change import THE_SYSTEM, NotAllowed, StaleCase, changing, set_clocks
from wasl.core.cases.models import Case, State, WorkOrder
from wasl.core.cases.transitions import WITH_UNIT
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Calendar, Post, Unit
from wasl.kernel import clock, worktime
from wasl.kernel.worktime import Duration

logger = logging.getLogger(__name__)
_AT_A_TIME = 5000
# A changed calendar is looked at again for so long, so that a run that failed or was missed is made up for.
_CALENDAR_IS_NEW = timedelta(minutes=45)


def each(pks: Iterable[int], do: Callable[[Case], object], what: str) -> int:
    """Do it to each case; gives how many were changed. A case that moved in the meantime is left to the next run."""
    done = 0
    for pk in pks:
        try:
            if do(Case.objects.get(pk=pk)) is not False:
                done += 1
        except (NotAllowed, StaleCase) as error:
            logger.info("%s: case %s is left as it is: %s", what, pk, error)
        except Exception:
            logger.exception("%s: case %s failed", what, pk)
    return done


def resume_ended() -> int:
    """Suspensions whose end has come go on (every pause has an end)."""
    now = clock.now()
    held = Case.objects.filter(state=State.SUSPENDED).order_by("pk").only("pk", "clock")[:_AT_A_TIME]
    over = [case.pk for case in held if datetime.fromisoformat(case.clock["pauses"][-1][1]) <= now]
    return each(over, lambda case: actions.resume(case, by=THE_SYSTEM, seen=case.version), "resume_ended")


def close_unanswered(hold: Q | None = None) -> int:
    """Cases whose citizen was told and asked and did not answer in time close as unconfirmed; settled ones just close.

    `hold` are cases to leave open all the same: those where nobody can say that he was reached. A case with an open
    part waits for it.
    """
    now = clock.now()
    due = Case.objects.filter(state__in=[State.TOLD, State.ANSWERED, State.REFUSED], due_centre__lte=now)
    due = due.exclude(pk__in=Case.objects.filter(parent__isnull=False).exclude(state=State.CLOSED).values("parent"))
    if hold is not None:
        due = due.exclude(hold)
    pks = list(due.order_by("due_centre").values_list("pk", flat=True)[:_AT_A_TIME])
    return each(pks, lambda case: actions.close(case, by=THE_SYSTEM, seen=case.version), "close_unanswered")


# --- the higher authority ---------------------------------------------------------------------------------------------


def escalate_overdue() -> int:
    """Overdue by the rule's time of supervision, or done again too often: to the higher authority (F14).

    Where nobody is above, the case is flagged as supervised, once, so that the centre's supervisors have it.
    """
    now = clock.now()
    overdue = Q(due_result__lt=now)
    too_often = Q(redos__gte=2)
    found = Case.objects.filter(overdue | too_often, state__in=WITH_UNIT).order_by("due_result")
    chosen: list[int] = []
    for case in found.only(
        "pk", "category", "kind", "urgency", "edition", "unit", "due_result", "redos", "escalations", "supervised"
    ).iterator(chunk_size=2000):
        if ground(case, now) and not (case.supervised and above(case) is None):
            chosen.append(case.pk)
            if len(chosen) >= _AT_A_TIME:
                break
    return each(chosen, _escalate, "escalate_overdue")


def _escalate(case: Case) -> object:
    why, higher = ground(case, clock.now()), above(case)
    if not why:
        return False
    if higher is not None:
        return actions.escalate(case, by=THE_SYSTEM, to=higher, rule=why, seen=case.version)
    if case.supervised:
        return False
    return actions.flag(case, by=THE_SYSTEM, flags={"supervised": True}, seen=case.version)


def ground(case: Case, now: datetime) -> str:
    """Why it goes up: `overdue` or `redone`; empty when it does not. Twice redone counts once for each step up."""
    if case.redos >= 2 and case.escalations < case.redos - 1:
        return "redone"
    if case.due_result is None or case.due_result >= now:
        return ""
    until = supervised_from(case)
    return "overdue" if until is not None and until <= now else ""


def supervised_from(case: Case) -> datetime | None:
    """When the overdue case goes up by its deadline rule; None if the rule has no such time."""
    if case.due_result is None:
        return None
    text = catalogue.of_number(case.edition).deadline(case.category, case.kind, case.urgency).supervision.strip()
    if text in ("", "-"):
        return None
    if text.lstrip("+0") in ("min", "h", "wh", "wd"):
        return case.due_result
    allowed = Duration.parse(text.lstrip("+"))
    return worktime.add(_calendar(case.unit_id), case.due_result, allowed) if allowed else None


def _calendar(unit_id: int | None) -> worktime.WorkCalendar:
    unit = organisation.unit_of(unit_id) if unit_id is not None else None
    return organisation.calendar_of_unit(unit)


def above(case: Case) -> Unit | None:
    """The nearest active unit above that somebody sits in, not the one complained of."""
    unit = organisation.unit_of(case.unit_id) if case.unit_id is not None else None
    higher = unit.parent if unit is not None else None
    against = organisation.standing(case.against) if case.against else None
    while higher is not None:
        higher = organisation.unit_of(higher.pk)
        barred = against is not None and higher.lies_under(against)
        if higher.active and not barred and higher.kind != Unit.Kind.CENTRE and _somebody_sits_in(higher):
            return higher
        higher = higher.parent
    return None


def _somebody_sits_in(unit: Unit) -> bool:
    now = clock.now()
    posts = Post.objects.filter(Q(until__isnull=True) | Q(until__gt=now), unit=unit, role="officer", since__lte=now)
    return posts.filter(staff__is_active=True).exists()


# --- calendars --------------------------------------------------------------------------------------------------------


def recompute_changed() -> int:
    """When a working calendar was changed lately, the due dates of all open cases are computed anew (H1)."""
    if not Calendar.objects.filter(updated_at__gt=clock.now() - _CALENDAR_IS_NEW).exists():
        return 0
    return recompute_all()


def recompute_all() -> int:
    """Compute the due dates of all open cases anew; a case gets an entry only where one moved."""
    pks = queries.open_cases(Case.objects.all()).order_by("pk").values_list("pk", flat=True)
    return each(pks.iterator(chunk_size=2000), recompute, "recompute")


_DUES = ("due_centre", "due_sign", "due_contact", "due_result")


def recompute(case: Case) -> bool:
    """Compute one case's due dates anew; True if one moved, which is then an entry of its own."""
    orders = {o.pk: o for o in WorkOrder.objects.filter(case=case).order_by("pk")}
    before = [getattr(case, name) for name in _DUES]
    set_clocks(case, orders)
    if [getattr(case, name) for name in _DUES] == before:
        return False
    with changing(case, by=THE_SYSTEM, verb="case.recomputed") as change:
        change.record("case.recomputed")
    return True


# --- keeping no longer than allowed -----------------------------------------------------------------------------------


def retain() -> int:
    """Take personal data out of cases closed longer ago than `WASL_RETENTION_DAYS`; 0 keeps for ever."""
    if settings.WASL_RETENTION_DAYS <= 0:
        return 0
    before = clock.now() - timedelta(days=settings.WASL_RETENTION_DAYS)
    done = 0
    while gone := forgetting.retain(before).cases:
        done += gone
    return done
