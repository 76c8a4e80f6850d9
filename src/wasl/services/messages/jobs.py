"""What the outbox says when time passes: due soon, overdue, a reminder to the citizen. Run by the schedule.

A stage is told once: its name stands in `Message.stage`, which is unique. A due date that moved makes new stages.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from wasl.core.cases.models import Case, State
from wasl.core.cases.transitions import WITH_UNIT
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.kernel import clock, worktime
from wasl.kernel.worktime import Duration, WorkCalendar
from wasl.services.messages import notices
from wasl.services.messages.models import Message, Notice

logger = logging.getLogger(__name__)
# What nobody was told within this time is not told any more: after an outage nobody is flooded with what is past.
_STALE = timedelta(days=3)
_CHUNK = 500
_CENTRE_ACTS = (
    State.RECEIVED,
    State.REGISTERED,
    State.RETURNED,
    State.ARBITRATION,
    State.REPLIED,
    State.REVIEWED,
    State.CONTESTED,
)


@dataclass(frozen=True, slots=True)
class _Notice:
    case: Case
    event: str
    mark: str
    due: datetime
    unit: Unit | None

    def stage(self, receiver: str) -> str:
        return f"{self.case.pk}:{self.event}:{self.mark}:{int(self.due.timestamp())}:{receiver}"


def warn() -> int:
    """Notices to units at the rule's marks before and after a due date, and to supervisors when it is over (H1)."""
    now = clock.now()
    made = 0
    batch: list[_Notice] = []
    try:
        for notice in _notices(now):
            batch.append(notice)
            if len(batch) >= _CHUNK:
                made += _tell(batch, now)
                batch = []
        return made + _tell(batch, now)
    except Exception:
        _next_look.clear()  # what was looked at was not told
        raise


# When to look at a case with a unit again: its version then, and the instant of its next mark. Only a memory of this
# process, so that a minute with nothing to tell reads two numbers a case; a new process looks at all of them once.
_next_look: dict[int, tuple[int, datetime]] = {}


def _notices(now: datetime) -> Iterator[_Notice]:
    for case in _to_look_at(now):
        try:
            yield from _of_unit(case, now)
        except Exception:
            logger.exception("warn: case %s failed", case.pk)
    waiting = Case.objects.filter(state__in=_CENTRE_ACTS, due_centre__lte=now, due_centre__gt=now - _STALE)
    for case in waiting.order_by("pk").iterator(chunk_size=2000):
        if case.due_centre is not None:
            yield _Notice(case, "staff_overdue", "centre", case.due_centre, organisation.centre())


def _to_look_at(now: datetime) -> Iterator[Case]:
    with_unit = Case.objects.filter(state__in=WITH_UNIT, due_result__isnull=False, due_result__gt=now - 10 * _STALE)
    standing = dict(with_unit.values_list("pk", "version"))
    for gone in _next_look.keys() - standing.keys():
        del _next_look[gone]
    wanted = [
        pk
        for pk, version in standing.items()
        if (seen := _next_look.get(pk)) is None or seen[0] != version or seen[1] <= now
    ]
    for start in range(0, len(wanted), _CHUNK):
        yield from Case.objects.filter(pk__in=wanted[start : start + _CHUNK]).order_by("pk")


def _of_unit(case: Case, now: datetime) -> Iterator[_Notice]:
    if case.unit_id is None or case.due_result is None:
        return
    unit = organisation.unit_of(case.unit_id)
    ahead = [now + _STALE]
    if case.due_sign is not None:
        if now - _STALE < case.due_sign <= now:
            yield _Notice(case, "staff_overdue", "sign", case.due_sign, unit)
        ahead.append(case.due_sign)
    for mark, at in _marks(case, unit):
        if now - _STALE < at <= now:
            soon = mark.endswith("%") and mark != "100%"
            # Before it is due, only while it is not: after an outage nobody is told that the past is near.
            if not soon or case.due_result > now:
                yield _Notice(case, "staff_due_soon" if soon else "staff_overdue", mark, case.due_result, unit)
        ahead.append(at)
    _next_look[case.pk] = case.version, min(at for at in ahead if at > now)


def _marks(case: Case, unit: Unit) -> Iterator[tuple[str, datetime]]:
    """The marks of the deadline rule as instants."""
    if case.due_result is None:
        return
    calendar = organisation.calendar_of_unit(unit)
    rule = catalogue.of_number(case.edition).deadline(case.category, case.kind, case.urgency)
    working = rule.result is not None and rule.result.unit in ("wh", "wd")
    start = datetime.fromisoformat(case.clock["start"])
    for mark in rule.urge:
        at = moment(mark, start, case.due_result, calendar, working=working)
        if at is not None:
            yield mark, at


def moment(mark: str, start: datetime, due: datetime, calendar: WorkCalendar, *, working: bool) -> datetime | None:
    """The instant of a mark of the deadline table: `80%` of the way from start to due, or so long after it (`+1wd`).

    With `working` the way is measured in working time. None for a mark that nobody can read.
    """
    if mark.endswith("%"):
        try:
            share = int(mark[:-1]) / 100
        except ValueError:
            return None
        if share >= 1:
            return due
        if working:
            way = worktime.between(calendar, start, due)
            minutes = round(way.total_seconds() * share / 60)
            if minutes >= 1:
                return _after_minutes(calendar, start, minutes)
        return start + (due - start) * share
    try:
        later = Duration.parse(mark.lstrip("+"))
    except ValueError:
        return None
    return worktime.add(calendar, due, later) if later else None


def _after_minutes(calendar: WorkCalendar, start: datetime, minutes: int) -> datetime:
    """The instant when so many working minutes have passed."""
    hours, rest = divmod(minutes, 60)
    at = worktime.add(calendar, start, Duration(hours, "wh")) if hours else start
    if not rest:
        return at
    end = worktime.add(calendar, at, Duration(1, "wh"))
    first = end - timedelta(hours=1)
    # Within one window the minutes run as they are; over a gap the end of the hour is near enough and later.
    return first + timedelta(minutes=rest) if worktime.between(calendar, at, first) == timedelta() else end


def _tell(batch: list[_Notice], now: datetime) -> int:
    mails: list[Message] = []
    found: list[Notice] = []
    supervisors = [who for who in _supervisors() if notices.way_of(who, "staff_overdue") != "none"]
    for one in batch:
        facts = {"due": one.due.isoformat()}
        if one.unit is not None:
            mails.append(notices.mail_to(one.unit.pk, one.case, one.event, one.stage(f"u{one.unit.pk}"), facts, now))
        if one.event == "staff_overdue" and one.mark in ("100%", "centre"):
            found += [
                notices.notice(one.case, one.event, one.stage(f"s{s.pk}"), facts, now, staff=s) for s in supervisors
            ]
    known = set(Message.objects.filter(stage__in=[m.stage for m in mails]).values_list("stage", flat=True))
    known |= set(Notice.objects.filter(stage__in=[n.stage for n in found]).values_list("stage", flat=True))
    fresh = [mail for mail in mails if mail.stage not in known]
    found = [one for one in found if one.stage not in known]
    for mail in fresh:
        if mail.case is not None and mail.unit_id is not None and mail.unit_id != organisation.centre().pk:
            found.append(notices.notice(mail.case, mail.event, mail.stage, mail.facts, now, unit=mail.unit_id))
    with transaction.atomic():
        Message.objects.bulk_create(fresh, ignore_conflicts=True)
        Notice.objects.bulk_create(found, ignore_conflicts=True)
    return len(fresh) + len(found)


def _supervisors() -> list[Staff]:
    """Supervisors of the whole centre."""
    now = clock.now()
    posts = Post.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now),
        role="supervisor",
        unit__isnull=True,
        area__isnull=True,
        since__lte=now,
    )
    return list(Staff.objects.filter(posts__in=posts, is_active=True).distinct().order_by("pk"))


def remind() -> int:
    """A citizen who was asked whether it is solved and has not said is reminded once, half-way through his time."""
    now = clock.now()
    asked = Case.objects.filter(state=State.TOLD, requester__isnull=False, told_at__isnull=False, due_centre__gt=now)
    made = []
    for case in asked.order_by("pk").iterator(chunk_size=2000):
        if case.told_at is None or case.due_centre is None or now < case.told_at + (case.due_centre - case.told_at) / 2:
            continue
        made.append(
            Message(
                case=case,
                person_id=case.requester_id,
                event="reminder",
                stage=f"{case.pk}:reminder:{int(case.told_at.timestamp())}:p",
                language=case.language,
                due_at=now,
                made_at=now,
            )
        )
    known = set(Message.objects.filter(stage__in=[m.stage for m in made]).values_list("stage", flat=True))
    fresh = [m for m in made if m.stage not in known]
    Message.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def remind_staff() -> int:
    """Remind staff 150, 165 and 180 days after they last confirmed how they are reached, once each (Q3).

    By mail, and to a telephone that was proved. Who was reminded by nobody for long gets the latest only.
    """
    now = clock.now()
    first, *_later = organisation.REMINDED_AFTER_DAYS
    late = Staff.objects.filter(is_active=True, confirmed_at__lte=now - timedelta(days=first))
    made = []
    for staff in late.filter(posts__in=rights.current_posts()).distinct().order_by("pk"):
        days = max(d for d in organisation.REMINDED_AFTER_DAYS if now - staff.confirmed_at >= timedelta(days=d))
        stage = f"staff_confirm:{staff.pk}:{int(staff.confirmed_at.timestamp())}:{days}"
        by_sms: list[dict[str, str]] = [{"by": "sms"}] if staff.phone and staff.phone_proved_at else []
        for facts in [{}, *by_sms]:
            made.append(
                Message(
                    staff=staff, event="staff_confirm", stage=f"{stage}:{facts.get('by', 'mail')}", facts=facts,
                    language=staff.language, due_at=now, made_at=now,
                )
            )  # fmt: skip
    known = set(Message.objects.filter(stage__in=[m.stage for m in made]).values_list("stage", flat=True))
    fresh = [m for m in made if m.stage not in known]
    Message.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def not_reached() -> Q:
    """Cases whose citizen was to be told the result and was reached by no message, nor tried three times by a person.

    They must not close by silence: nobody can say that he was asked (F1). Messages on their way hold them too.
    """
    settled = [Message.State.SENT, Message.State.ON_PAGE]
    missed = Message.objects.filter(
        case=OuterRef("pk"), event__in=("told", "answered", "refused"), person__isnull=False
    )
    # The one that counts is of the stage that the case is in now.
    missed = missed.filter(made_at__gte=OuterRef("told_at")).exclude(state__in=settled)
    return Q(Exists(missed)) & Q(attempts__lt=3)


__all__ = ["moment", "not_reached", "remind", "remind_staff", "warn"]
