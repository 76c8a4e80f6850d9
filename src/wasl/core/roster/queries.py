"""Reads of the roster: who is on duty now, who is there, and a day as planned and as it was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.utils import timezone

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.core.roster.attendance import GAP
from wasl.core.roster.models import Absence, Attendance, Shift
from wasl.kernel import clock

Span = tuple[datetime, datetime]
# Minutes after the beginning that are still in time.
GRACE = timedelta(minutes=5)
_DAY = timedelta(days=1)


# --- whose roster it is ---


def plans_for(by: Staff, unit: Unit) -> bool:
    """Whether this person plans the shifts of the unit."""
    scope = rights.scopes(by, "roster.edit")
    return scope.centre or unit.path.startswith(tuple(scope.unit_paths or ["-"]))


def shifts_of(by: Staff) -> QuerySet[Shift]:
    """The shifts that this person plans."""
    scope = rights.scopes(by, "roster.edit")
    found = Shift.objects.select_related("unit", "calendar")
    return found if scope.centre else found.filter(unit__in=organisation.under(scope.unit_paths))


def planned_by(by: Staff) -> QuerySet[Staff]:
    """The people in those shifts."""
    return Staff.objects.filter(pk__in=shifts_of(by).values("people"))


def candidates(unit: Unit) -> QuerySet[Staff]:
    """Who can be in a shift of the unit: whoever holds a post in or below it, or over the whole centre."""
    posts = rights.current_posts().filter(Q(unit__isnull=True) | Q(unit__path__startswith=unit.path))
    return Staff.objects.filter(is_active=True, pk__in=posts.values("staff"))


# --- planned ---


def spans_on(shift: Shift, day: date) -> list[Span]:
    """When the shift is on duty on that day of its own zone; a span to midnight ends as the next day begins."""
    calendar = organisation.calendar_of(shift.calendar.code)
    zone = ZoneInfo(calendar.timezone)

    def instant(at: date, hour: int, minute: int) -> datetime:
        return datetime(at.year, at.month, at.day, hour, minute, tzinfo=zone)

    return [
        (
            instant(day, first.hour, first.minute),
            instant(day + _DAY, 0, 0) if (last.hour, last.minute) == (0, 0) else instant(day, last.hour, last.minute),
        )
        for first, last in calendar.windows_on(day)
    ]


def _span_at(shift: Shift, at: datetime) -> Span | None:
    """The span that holds the moment, over midnight where the next day goes on at once."""
    local = at.astimezone(ZoneInfo(organisation.calendar_of(shift.calendar.code).timezone)).date()
    spans = [span for n in (-1, 0, 1) for span in spans_on(shift, local + n * _DAY)]
    joined: list[Span] = []
    for first, last in spans:
        if joined and joined[-1][1] == first:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return next(((first, last) for first, last in joined if first <= at < last), None)


@dataclass(frozen=True)
class OnDuty:
    """Somebody whom the roster has on duty: in which shift, since and until when; `there` since when he works."""

    staff: Staff
    shift: Shift
    since: datetime
    until: datetime
    there: datetime | None


def on_duty(at: datetime | None = None, *, shifts: Iterable[Shift] | None = None) -> list[OnDuty]:
    """Who is on duty now (or then), without those away; of `shifts` alone where they are given.

    Whoever distributes calls asks this for whom to expect, and `there` for whom to count on.
    """
    at = at or clock.now()
    asked = Shift.objects.select_related("unit", "calendar") if shifts is None else shifts
    spans = {shift.pk: (shift, span) for shift in asked if shift.active and (span := _span_at(shift, at))}
    if not spans:
        return []
    rows = Staff.objects.filter(shifts__in=list(spans), is_active=True)
    day = timezone.localtime(at).date()
    rows = rows.exclude(absences__first__lte=day, absences__last__gte=day)
    pairs = list(rows.order_by("username").values_list("pk", "shifts"))
    people = Staff.objects.in_bulk([pk for pk, _shift in pairs])
    there = {
        one.staff_id: one.began_at
        for one in Attendance.objects.filter(
            staff__in=list(people), began_at__lte=at, ended_at__isnull=True, seen_at__gt=at - GAP
        )
    }
    return [
        OnDuty(people[pk], spans[shift][0], *spans[shift][1], there.get(pk)) for pk, shift in pairs if shift in spans
    ]


# --- a day as it was ---


@dataclass
class DayOf:
    """One person's day: what was planned, when he was there, and what that comes to."""

    staff: Staff
    shifts: list[Shift] = field(default_factory=list)
    planned: list[Span] = field(default_factory=list)
    there: list[Span] = field(default_factory=list)
    away: bool = False

    @property
    def late(self) -> timedelta | None:
        """How late he came to the first of his spans; nothing when he was in time, did not come or was not planned."""
        if not self.planned or self.away:
            return None
        first, last = self.planned[0]
        came = next((began for began, ended in self.there if ended > first and began < last), None)
        late = came - first if came else None
        return late if late and late > GRACE else None

    @property
    def missed(self) -> bool:
        """Whether he was planned, the first of his spans has begun some time ago, and he was never there in any."""
        begun = [span for span in self.planned if span[0] + GRACE < clock.now()]
        met = any(began < last and ended > first for began, ended in self.there for first, last in begun)
        return bool(begun) and not self.away and not met

    @property
    def late_min(self) -> int:
        """The same in whole minutes."""
        return int(self.late.total_seconds() // 60) if self.late else 0


def day_of(day: date, shifts: Sequence[Shift]) -> list[DayOf]:
    """That day of everybody in these shifts, by user name; days are those of the city."""
    zone = timezone.get_default_timezone()
    first = datetime(day.year, day.month, day.day, tzinfo=zone)
    end = datetime.combine(day + _DAY, first.timetz())
    found: dict[int, DayOf] = {}
    members: Mapping[int, list[Staff]] = {
        shift.pk: list(shift.people.filter(is_active=True)) for shift in shifts if shift.active
    }
    for shift in shifts:
        for staff in members.get(shift.pk, ()):
            line = found.setdefault(staff.pk, DayOf(staff))
            line.shifts.append(shift)
            line.planned = sorted([*line.planned, *spans_on(shift, day)])
    for pk in Absence.objects.filter(staff__in=list(found), first__lte=day, last__gte=day).values_list(
        "staff", flat=True
    ):
        found[pk].away = True
    stretches = Attendance.objects.filter(staff__in=list(found), began_at__lt=end, seen_at__gte=first)
    for one in stretches.order_by("began_at"):
        found[one.staff_id].there.append((max(one.began_at, first), min(one.ended_at or one.seen_at, end)))
    return sorted(found.values(), key=lambda line: line.staff.username)
