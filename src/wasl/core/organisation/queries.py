"""Reads of the organisation: calendars as values, areas as an index, units by code.

Kept in the process for a second.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Generic, TypeVar

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from wasl.core.organisation.models import Area, Bulletin, Calendar, City, Client, House, Post, Staff, Unit
from wasl.kernel import clock, worktime
from wasl.kernel.geo import AreaIndex
from wasl.kernel.worktime import Season, Weekly, WorkCalendar

T = TypeVar("T")
_FRESH_S = 1.0
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Kept(Generic[T]):
    """A value read from the data base and kept for `_FRESH_S`; `stamp` tells cheaply whether it changed since."""

    def __init__(self, read: Callable[[], T], stamp: Callable[[], object]) -> None:
        self._read, self._stamp = read, stamp
        self.kept: tuple[T, object] | None = None
        self._looked = 0.0

    def get(self) -> T:
        """The value, at most `_FRESH_S` old."""
        value = self.kept
        if value is not None and time.monotonic() - self._looked < _FRESH_S:
            return value[0]
        stamp = self._stamp()
        if value is None or value[1] != stamp:
            value = self.kept = (self._read(), stamp)
        self._looked = time.monotonic()
        return value[0]

    def forget(self) -> None:
        """Read anew next time."""
        self.kept = None


def _week(weekly: dict[str, list[list[str]]]) -> Weekly:
    mon, tue, wed, thu, fri, sat, sun = (worktime.windows(*weekly.get(day, [])) for day in _DAYS)
    return (mon, tue, wed, thu, fri, sat, sun)


def as_value(calendar: Calendar) -> WorkCalendar:
    """The row as a working calendar for last year to three years ahead. Raises ValueError for a row that makes none."""
    year = clock.now().year
    years = range(year - 1, year + 4)
    seasons = []
    if calendar.ramadan_weekly:
        week = _week(calendar.ramadan_weekly)
        seasons = [Season(first, last, week) for y in years for first, last in worktime.ramadans(y)]
    return WorkCalendar(
        timezone=calendar.timezone,
        weekly=_week(calendar.weekly),
        exceptions={date.fromisoformat(day): worktime.windows(*pairs) for day, pairs in calendar.exceptions.items()},
        holidays=frozenset(worktime.holidays_of(calendar.country, years)) if calendar.country else frozenset(),
        seasons=tuple(seasons),
    )


_calendars: Kept[dict[str, WorkCalendar]] = Kept(
    lambda: {calendar.code: as_value(calendar) for calendar in Calendar.objects.all()},
    lambda: (clock.now().year, list(Calendar.objects.order_by("pk").values_list("pk", "updated_at"))),
)
_areas: Kept[tuple[AreaIndex[str], dict[str, Area]]] = Kept(
    lambda: (
        AreaIndex.from_geojson([(area.code, area.geometry) for area in Area.objects.all()]),
        {area.code: area for area in Area.objects.select_related("parent")},
    ),
    lambda: list(Area.objects.order_by("pk").values_list("pk", "updated_at")),
)
_units: Kept[dict[str, Unit]] = Kept(
    lambda: {unit.code: unit for unit in Unit.objects.select_related("parent", "calendar")},
    lambda: list(Unit.objects.order_by("pk").values_list("pk", "updated_at")),
)


def _state_of_units() -> object:
    _units.get()
    return _units.kept[1] if _units.kept else None


_units_by_id: Kept[dict[int, Unit]] = Kept(lambda: {unit.pk: unit for unit in _units.get().values()}, _state_of_units)


_city: Kept[City] = Kept(
    lambda: City.objects.first() or City(names={"en": "City hotline", "ar": "الخط الساخن للمدينة", "zh": "城市热线"}),
    lambda: City.objects.values_list("names", "hotline", "region", "bounds", "near_border_m").first(),
)
_clients: Kept[dict[bytes, Client]] = Kept(
    lambda: {bytes(client.key_digest): client for client in Client.objects.filter(active=True)},
    lambda: list(Client.objects.order_by("pk").values_list("pk", "active", "trusted", "unit", "key_digest")),
)
_house: Kept[House] = Kept(
    lambda: House.objects.first() or House(), lambda: House.objects.values_list("media", "second_factor").first()
)


KEPT: tuple[Kept[Any], ...] = (_calendars, _areas, _units, _units_by_id, _city, _clients, _house)


def forget() -> None:
    """Drop what is kept; tests and changes of the organisation call it."""
    for kept in KEPT:
        kept.forget()
        kept._looked = 0.0


def the_city() -> City:
    """Whose hotline this is."""
    return _city.get()


def the_house() -> House:
    """The rules that an administrator set for the whole house."""
    return _house.get()


def is_shown(bulletin: Bulletin) -> bool:
    """Whether those who have not read it see it."""
    return bulletin.until is None or bulletin.until > clock.now()


def with_inner(areas: Iterable[Area]) -> set[int]:
    """Ids of these areas and of all that lie within them."""
    found = edge = {area.pk for area in areas}
    while edge:
        edge = set(Area.objects.filter(parent__in=edge).values_list("pk", flat=True)) - found
        found = found | edge
    return found


def units_with_phone() -> QuerySet[Unit]:
    """Units that work now and have a telephone, in their order."""
    return Unit.objects.filter(active=True).exclude(phone="").order_by("place", "pk")


def readers_of(bulletin: Bulletin) -> QuerySet[Staff]:
    """Whom it is for: everybody with a post, or those with one in the unit or below it."""
    now = clock.now()
    posts = Post.objects.filter(Q(until__isnull=True) | Q(until__gt=now), since__lte=now)
    if bulletin.unit is not None:
        posts = posts.filter(unit__path__startswith=bulletin.unit.path)
    return Staff.objects.filter(is_active=True, pk__in=posts.values("staff"))


def bulletins_for(staff: Staff) -> list[Bulletin]:
    """What this person has not read yet, the oldest first; of his units, those around them, and everybody's."""
    shown = Bulletin.objects.filter(Q(until__isnull=True) | Q(until__gt=clock.now()))
    rows = list(shown.exclude(read_by=staff).select_related("unit", "by").order_by("at")[:20])
    return [one for one in rows if readers_of(one).filter(pk=staff.pk).exists()] if rows else []


def client_of_key(key: str) -> Client | None:
    """The active client system whose key this is, or nothing (R6)."""
    # A key is random and long: looking its digest up tells an attacker who measures time nothing that he can use.
    return _clients.get().get(sha256(key.encode(errors="replace")).digest()) if key else None


def city_for_pages() -> dict[str, object]:
    """What the page frame shows of the city."""
    found = the_city()
    return {"name": found.names, "hotline": found.hotline}


def calendar_of_unit(unit: Unit | None) -> WorkCalendar:
    """The working calendar of a unit: its own, else the office's; the office's too where no unit is given."""
    return calendar_of(unit.calendar.code if unit and unit.calendar else None)


def calendars() -> Mapping[str, WorkCalendar]:
    """All working calendars, by code."""
    return _calendars.get()


def calendar_of(code: str | None) -> WorkCalendar:
    """The working calendar of that code; `office` where none is named, always open where there is none at all."""
    calendars = _calendars.get()
    return (
        calendars.get(code or "office")
        or calendars.get("office")
        or worktime.always(timezone.get_default_timezone_name())
    )


def units() -> dict[str, Unit]:
    """All units by code, the dissolved ones too."""
    return _units.get()


def unit(code: str) -> Unit:
    """The unit of that code. Raises LookupError."""
    try:
        return _units.get()[code]
    except KeyError:
        raise LookupError(f"there is no unit {code}") from None


def unit_of(pk: int) -> Unit:
    """The unit of that id. Raises Unit.DoesNotExist."""
    return _units_by_id.get().get(pk) or Unit.objects.get(pk=pk)


def under(paths: Iterable[str]) -> list[int]:
    """Ids of the units whose subtrees these paths are, and of all below them.

    As numbers in a statement they let PostgreSQL know how many rows to expect; the paths, joined and compared, do not.
    """
    roots = tuple(paths)
    return sorted(unit.pk for unit in _units.get().values() if unit.path.startswith(roots))


def standing(unit: Unit) -> Unit:
    """The unit, or who has its work since it was merged."""
    seen = {unit.pk}
    while not unit.active and unit.merged_into_id and unit.merged_into_id not in seen:
        unit = unit_of(unit.merged_into_id)
        seen.add(unit.pk)
    return unit


def answering_under(paths: Iterable[str]) -> list[int]:
    """As `under`, and the units that were merged into one of these: whose people are among theirs now."""
    roots = tuple(paths)
    return sorted(
        unit.pk
        for unit in _units.get().values()
        if unit.path.startswith(roots) or standing(unit).path.startswith(roots)
    )


def centre() -> Unit:
    """The contact centre itself. Raises LookupError in a city without one."""
    return next((u for u in _units.get().values() if u.kind == Unit.Kind.CENTRE), None) or unit("centre")


def areas() -> tuple[AreaIndex[str], dict[str, Area]]:
    """The index of all areas, and the areas by code."""
    return _areas.get()


def area_of(pk: int) -> Area:
    """The area of that id. Raises Area.DoesNotExist."""
    return next((area for area in areas()[1].values() if area.pk == pk), None) or Area.objects.get(pk=pk)


def depth_of(area: Area) -> int:
    """How many areas lie around this one."""
    known = {a.pk: a for a in areas()[1].values()}
    depth, parent = 0, area.parent_id
    while parent is not None:
        depth, parent = depth + 1, known[parent].parent_id
    return depth


# --- how staff are reached (Q3) ---

CONFIRM_EVERY = timedelta(days=180)
REMINDED_AFTER_DAYS = (150, 165, 180)
"""How long after the last confirmation somebody is reminded to confirm his own number, in days."""


def confirm_by(staff: Staff) -> date | None:
    """By which day he is to confirm how he is reached, once he was reminded; None before that."""
    if clock.now() - staff.confirmed_at < timedelta(days=REMINDED_AFTER_DAYS[0]):
        return None
    return timezone.localdate(staff.confirmed_at + CONFIRM_EVERY)


def is_current(staff: Staff) -> bool:
    """Whether he confirmed how he is reached within the half year."""
    return clock.now() - staff.confirmed_at <= CONFIRM_EVERY


@dataclass(frozen=True, slots=True)
class Currency:
    """Of the people of a unit (None: of the whole centre): how many, and how many have a number that counts."""

    unit: Unit | None
    people: int
    current: int

    @property
    def percent(self) -> int:
        """Rounded down: 100 is all of them."""
        return 100 * self.current // self.people if self.people else 0


def currency(of: Iterable[int] | None = None) -> list[Currency]:
    """Each unit's people who have a number and confirmed it within the half year; `of`: these units only.

    Who holds posts in several units counts in each.
    """
    now = clock.now()
    posts = Post.objects.filter(Q(until__isnull=True) | Q(until__gt=now), since__lte=now, staff__is_active=True)
    if of is not None:
        posts = posts.filter(unit__in=list(of))
    good = Q(staff__confirmed_at__gte=now - CONFIRM_EVERY) & ~Q(staff__phone="")
    rows = posts.values_list("unit").annotate(
        people=Count("staff", distinct=True), current=Count("staff", distinct=True, filter=good)
    )
    found = [Currency(unit_of(pk) if pk else None, people, current) for pk, people, current in rows]
    return sorted(found, key=lambda one: (one.percent, -one.people, one.unit.path if one.unit else ""))
