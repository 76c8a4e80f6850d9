"""Reads of the organisation: calendars as values, areas as an index, units by code.

Kept in the process for a second.
"""

import time
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from typing import Any, Generic, TypeVar

from django.utils import timezone

from wasl.core.organisation.models import Area, Calendar, City, Client, Unit
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


KEPT: tuple[Kept[Any], ...] = (_calendars, _areas, _units, _units_by_id, _city, _clients)


def forget() -> None:
    """Drop what is kept; tests and changes of the organisation call it."""
    for kept in KEPT:
        kept.forget()
        kept._looked = 0.0


def the_city() -> City:
    """Whose hotline this is."""
    return _city.get()


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


def calendar_of(code: str | None) -> WorkCalendar:
    """The working calendar of that code; `office` where none is named, always open where there is none at all."""
    calendars = _calendars.get()
    return (
        calendars.get(code or "office")
        or calendars.get("office")
        or worktime.always(timezone.get_default_timezone_name())
    )


def unit(code: str) -> Unit:
    """The unit of that code. Raises LookupError."""
    try:
        return _units.get()[code]
    except KeyError:
        raise LookupError(f"there is no unit {code}") from None


def unit_of(pk: int) -> Unit:
    """The unit of that id. Raises Unit.DoesNotExist."""
    return _units_by_id.get().get(pk) or Unit.objects.get(pk=pk)


def centre() -> Unit:
    """The contact centre itself. Raises LookupError in a city without one."""
    return next((u for u in _units.get().values() if u.kind == Unit.Kind.CENTRE), None) or unit("centre")


def areas() -> tuple[AreaIndex[str], dict[str, Area]]:
    """The index of all areas, and the areas by code."""
    return _areas.get()


def depth_of(area: Area) -> int:
    """How many areas lie around this one."""
    known = {a.pk: a for a in areas()[1].values()}
    depth, parent = 0, area.parent_id
    while parent is not None:
        depth, parent = depth + 1, known[parent].parent_id
    return depth
