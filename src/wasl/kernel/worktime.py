"""Working calendars and what is counted by them, due dates and working time; which rule sets a deadline is not here.

Everything is a pure function of values. Inside, an instant is an integer of microseconds since 1970 UTC and a day a
proleptic ordinal, so that adding five working days touches some ten small tuples and no time zone arithmetic.

How a local time that a change of the clocks skips or repeats is read: a skipped one by the offset before the change
(02:30 becomes 03:30), a repeated one as its first occurrence. A day has 23 or 25 hours where its zone says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays
from hijridate import Gregorian, Hijri

from wasl.kernel.digits import to_ascii_digits

__all__ = [
    "ALWAYS",
    "Duration",
    "NeverDue",
    "Season",
    "Weekly",
    "Windows",
    "WorkCalendar",
    "add",
    "always",
    "between",
    "holidays_of",
    "is_open",
    "ramadan",
    "ramadans",
    "windows",
]

Windows = tuple[tuple[time, time], ...]
Weekly = tuple[Windows, Windows, Windows, Windows, Windows, Windows, Windows]
Pauses = Iterable[tuple[datetime, datetime]]
_Span = tuple[int, int]

_MIDNIGHT = time(0, 0)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MINUTE = 60_000_000
_HOUR = 60 * _MINUTE
# A deadline farther away than this is a calendar without working hours, not a deadline.
_FARTHEST_DAYS = 40 * 366
# About a century of days; a calendar that is asked for more forgets and begins again.
_DAYS_KEPT = 40_000


class NeverDue(ValueError):
    """The calendar has too few working hours within forty years to hold the duration."""


def windows(*pairs: Sequence[str]) -> Windows:
    """Windows from texts, as `windows(("07:30", "14:30"), ("16:00", "24:00"))`; no pair is a day off.

    Raises ValueError if a text is not HH:MM, or the windows are empty, overlap or are out of order.
    """
    return _checked(tuple((_clock(first), _clock(last)) for first, last in pairs))


def _clock(text: str) -> time:
    """HH:MM as a time; 24:00 is midnight at the end of the day, which a window writes as 00:00."""
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", to_ascii_digits(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time of the form 07:30")
    hour, minute = int(found[1]), int(found[2])
    if (hour, minute) == (24, 0):
        return _MIDNIGHT
    if hour > 23 or minute > 59:
        raise ValueError(f"{text!r} is not a time of day")
    return time(hour, minute)


def _checked(day: Windows) -> Windows:
    """The same windows, or ValueError if one is empty, two overlap, or they are out of order."""
    before: time | None = None
    for number, (first, last) in enumerate(day):
        to_end_of_day = last == _MIDNIGHT
        if first.tzinfo is not None or last.tzinfo is not None:
            raise ValueError("a window's times carry no time zone; the calendar has one")
        if not to_end_of_day and first >= last:
            raise ValueError(f"the window {first:%H:%M}-{last:%H:%M} ends before it begins; write two windows")
        if before is not None and first < before:
            raise ValueError(f"the window from {first:%H:%M} overlaps the one before it")
        if to_end_of_day and number != len(day) - 1:
            raise ValueError("a window to the end of the day has to be the day's last")
        before = last
    return day


@dataclass(frozen=True, slots=True)
class Season:
    """Days from `first` to `last`, both included, that have a week of their own, such as Ramadan."""

    first: date
    last: date
    weekly: Weekly


@dataclass(frozen=True)
class WorkCalendar:
    """When a unit works: an immutable value, cheap to keep and to compare.

    `weekly` and a season's week hold seven tuples of windows, Monday first; a window is (first, last) in local time,
    `last` excluded, and midnight as `last` means the end of the day. A window that crosses midnight is written as two.
    What a day's hours are is said by the first of these that names it: `exceptions` (date -> windows), `holidays`
    (no hours), `seasons` (the first in order that holds the date), `weekly`.
    Raises ValueError for an unknown time zone, a week without seven days, or windows that are empty, overlap or are
    out of order. Source: requirement H1.
    """

    timezone: str
    weekly: Weekly
    exceptions: Mapping[date, Windows] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    seasons: tuple[Season, ...] = ()
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)
    _days: dict[int, tuple[_Span, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{self.timezone!r} is not a time zone") from error
        for week in (self.weekly, *(season.weekly for season in self.seasons)):
            if len(week) != 7:
                raise ValueError(f"a week has seven days, not {len(week)}")
            for day in week:
                _checked(day)
        for day in self.exceptions.values():
            _checked(day)
        for season in self.seasons:
            if season.last < season.first:
                raise ValueError(f"the season from {season.first} ends before it begins")
        object.__setattr__(self, "_zone", zone)
        object.__setattr__(self, "exceptions", MappingProxyType(dict(self.exceptions)))
        object.__setattr__(self, "holidays", frozenset(self.holidays))

    def __hash__(self) -> int:
        return hash((self.timezone, self.weekly, frozenset(self.exceptions.items()), self.holidays, self.seasons))

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither the mapping proxy nor the days kept can or should travel.
        return WorkCalendar, (self.timezone, self.weekly, dict(self.exceptions), self.holidays, self.seasons)

    def windows_on(self, day: date) -> Windows:
        """The working windows of a local day, in order; empty on a day off."""
        exception = self.exceptions.get(day)
        if exception is not None:
            return exception
        if day in self.holidays:
            return ()
        for season in self.seasons:
            if season.first <= day <= season.last:
                return season.weekly[day.weekday()]
        return self.weekly[day.weekday()]

    def _spans(self, ordinal: int) -> tuple[_Span, ...]:
        """The windows of a day as instants, in order and apart."""
        spans = self._days.get(ordinal)
        if spans is None:
            spans = self._read(ordinal)
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            self._days[ordinal] = spans
        return spans

    def _read(self, ordinal: int) -> tuple[_Span, ...]:
        day = date.fromordinal(ordinal)
        found: list[_Span] = []
        reached = 0
        for first, last in self.windows_on(day):
            last_day = date.fromordinal(ordinal + 1) if last == _MIDNIGHT else day
            begin = max(_micros(datetime.combine(day, first, self._zone)), reached)
            end = _micros(datetime.combine(last_day, last, self._zone))
            # A change of the clocks can swallow a window.
            if begin < end:
                found.append((begin, end))
                reached = end
        return tuple(found)

    def _ordinal(self, at: datetime) -> int:
        return at.astimezone(self._zone).toordinal()

    def _open_from(self, at: datetime) -> Iterator[_Span]:
        """Working spans from `at` on, the first one cut at `at`; ends with NeverDue, never by itself."""
        position = _micros(at)
        ordinal = self._ordinal(at)
        for number in range(ordinal, ordinal + _FARTHEST_DAYS):
            for begin, end in self._spans(number):
                if end > position:
                    yield max(begin, position), end
        raise NeverDue(f"this calendar has too few working hours in the forty years from {at:%Y-%m-%d}")


def always(timezone: str) -> WorkCalendar:
    """A calendar that works day and night; its working days end at local midnight."""
    day: Windows = ((_MIDNIGHT, _MIDNIGHT),)
    return WorkCalendar(timezone, (day, day, day, day, day, day, day))


ALWAYS = always("UTC")
"""Day and night, with days as they are in UTC; use `always(zone)` where working days matter."""

Unit = Literal["min", "h", "wh", "wd"]
_LARGEST: dict[Unit, int] = {"min": 5_256_000, "h": 87_600, "wh": 87_600, "wd": 3_660}
_DURATION = re.compile(r"([0-9]{1,9})\s*(min|h|wh|wd)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Duration:
    """How long something may take: minutes, hours, working hours or working days, as the deadline table writes it.

    `min` and `h` pass day and night; `wh` pass only inside working windows; `wd` are whole working days.
    Raises ValueError unless `value` is between 1 and ten years of its unit.
    """

    value: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit not in _LARGEST:
            raise ValueError(f"{self.unit!r} is none of {', '.join(_LARGEST)}")
        if not 1 <= self.value <= _LARGEST[self.unit]:
            raise ValueError(f"{self.value}{self.unit} is not between 1 and {_LARGEST[self.unit]}{self.unit}")

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The duration in `text` (`15min`, `24h`, `4wh`, `5wd`; digits of any script), None for `-`.

        Raises ValueError for anything else, an empty text included.
        """
        plain = to_ascii_digits(text).strip()
        if plain == "-":
            return None
        found = _DURATION.fullmatch(plain)
        if found is None:
            raise ValueError(f"{text!r} is not a duration: write 15min, 24h, 4wh, 5wd, or - for none")
        units: dict[str, Unit] = {"min": "min", "h": "h", "wh": "wh", "wd": "wd"}
        return cls(int(found[1]), units[found[2].lower()])

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{self.value}{self.unit}"


def add(calendar: WorkCalendar, start: datetime, duration: Duration, *, pauses: Pauses = ()) -> datetime:
    """When `duration` from `start` (aware) is over, as an instant in UTC.

    * `min`, `h`: so much time later, whatever the calendar says; a change of the clocks adds and takes nothing.
    * `wh`: so much working time later. A start outside hours waits for the next window; a duration that is used up
      exactly when a window closes is due at that closing, not at the next opening.
    * `wd`: the end of the last window of the n-th working day after the local date of `start`. A working day is one
      with any window. The date of the start never counts, at whatever hour, and whether it is a working day or not:
      received on Thursday at 09:00 or at 23:00 or on the free Friday, 1wd is the end of work on the next working day
      after that date.

    Pauses are pairs (from, to) of instants; they may overlap and stand in any order, and what lies before `start`
    counts for nothing. For `min` and `h` the due instant moves by the time paused; for `wh` and `wd` by the
    working time paused, inside windows, so that a pause over a free day moves nothing. A pause that begins at the due
    instant or later does not move it.
    Raises ValueError for a naive datetime or a pause that ends before it begins, NeverDue for a calendar with too few
    working hours. Source: rules "default clocks"; requirement H1.
    """
    _aware(start)
    halts = _merged(pauses, start) if pauses else []
    if duration.unit == "wd":
        due = _after_days(calendar, start, duration.value)
        if halts and halts[0][0] < due:
            due = _consume(calendar, start, _open_micros(calendar, start, due), halts)
    elif duration.unit == "wh":
        due = _consume(calendar, start, duration.value * _HOUR, halts)
    else:
        due = _micros(start) + duration.value * (_HOUR if duration.unit == "h" else _MINUTE)
        for begin, end in halts:
            if begin >= due:
                break
            due += end - begin
    return _instant(due)


def between(calendar: WorkCalendar, a: datetime, b: datetime, *, pauses: Pauses = ()) -> timedelta:
    """The working time from `a` to `b` (both aware), less what of it was paused; negative if `b` is before `a`.

    Raises ValueError for a naive datetime or a pause that ends before it begins.
    """
    _aware(a)
    _aware(b)
    if b < a:
        return -between(calendar, b, a, pauses=pauses)
    end = _micros(b)
    total = _open_micros(calendar, a, end)
    for first, last in _merged(pauses, a) if pauses else ():
        if first < end:
            total -= _open_micros(calendar, _instant(first), min(last, end))
    return timedelta(microseconds=total)


def is_open(calendar: WorkCalendar, at: datetime) -> bool:
    """Whether `at` (aware) lies in a working window; its beginning does, its end does not."""
    _aware(at)
    position = _micros(at)
    return any(begin <= position < end for begin, end in calendar._spans(calendar._ordinal(at)))


def _aware(at: datetime) -> None:
    if at.utcoffset() is None:
        raise ValueError("a datetime without time zone names no instant")


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _merged(pauses: Pauses, start: datetime) -> list[_Span]:
    """Pauses as spans from `start` on, in order, none touching the next."""
    floor = _micros(start)
    spans: list[_Span] = []
    for first, last in pauses:
        _aware(first)
        _aware(last)
        if last < first:
            raise ValueError(f"the pause from {first} ends before it begins")
        span = max(_micros(first), floor), _micros(last)
        if span[0] < span[1]:
            spans.append(span)
    spans.sort()
    merged: list[_Span] = []
    for begin, end in spans:
        if merged and begin <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((begin, end))
    return merged


def _after_days(calendar: WorkCalendar, start: datetime, days: int) -> int:
    """The end of work on the `days`-th working day after the local date of `start`."""
    spans_of = calendar._spans
    today = calendar._ordinal(start)
    for ordinal in range(today + 1, today + _FARTHEST_DAYS):
        spans = spans_of(ordinal)
        if spans:
            days -= 1
            if not days:
                return spans[-1][1]
    raise NeverDue(f"this calendar has too few working days in the forty years from {start:%Y-%m-%d}")


def _open_micros(calendar: WorkCalendar, start: datetime, end: int) -> int:
    """Working microseconds from `start` to the instant `end`, 0 if it is not later."""
    begin = _micros(start)
    spans_of = calendar._spans
    total = 0
    last_day = _instant(end).astimezone(calendar._zone).toordinal()
    for ordinal in range(calendar._ordinal(start), last_day + 1):
        for first, last in spans_of(ordinal):
            if first < end and last > begin:
                total += min(last, end) - max(first, begin)
    return total


def _consume(calendar: WorkCalendar, start: datetime, wanted: int, halts: list[_Span]) -> int:
    """The instant at which `wanted` working microseconds outside `halts` have passed since `start`."""
    spans = calendar._open_from(start)
    for begin, end in _without(spans, halts) if halts else spans:
        if end - begin >= wanted:
            return begin + wanted
        wanted -= end - begin
    raise AssertionError("working spans end only by NeverDue")


def _without(spans: Iterator[_Span], halts: list[_Span]) -> Iterator[_Span]:
    """`spans` with every part that lies in `halts` cut out; both are in order and apart."""
    passed = 0
    for begin, end in spans:
        while passed < len(halts) and halts[passed][1] <= begin:
            passed += 1
        at = begin
        for first, last in halts[passed:]:
            if first >= end:
                break
            if at < first:
                yield at, first
            at = max(at, last)
        if at < end:
            yield at, end


def holidays_of(country: str, years: int | Iterable[int], *, language: str | None = None) -> dict[date, str]:
    """Public holidays of `country` (ISO 3166 code of two letters) in `years`: date -> name, in order of date.

    `language` (`ar`, `en_US`, ...) is a language in which the package `holidays` knows that country; without it the
    country's default is used. Dates of Islamic feasts that no authority has announced yet are calculated and may be
    off by a day: an administrator can correct them as exceptional days. Raises ValueError for an unknown country.
    """
    try:
        found = holidays.country_holidays(country.upper(), years=years, language=language)
    except NotImplementedError as error:
        raise ValueError(f"no public holidays are known for the country {country!r}") from error
    return {day: str(found[day]) for day in sorted(found)}


@lru_cache(maxsize=256)
def ramadans(year: int) -> tuple[tuple[date, date], ...]:
    """Every Ramadan (first day, last day) of which any day lies in the Gregorian `year`, by the Umm al-Qura calendar.

    A year holds one, sometimes two (2030). The sighting of the moon may move each end by a day.
    Raises ValueError outside the years 1926-2075 that the calendar's tables cover.
    """
    if not 1926 <= year <= 2075:
        raise ValueError(f"Ramadan is known for the years 1926 to 2075, not {year}")
    first_hijri = Gregorian(year, 1, 1).to_hijri().year
    found: list[tuple[date, date]] = []
    for hijri in range(first_hijri, first_hijri + 3):
        first, after = Hijri(hijri, 9, 1).to_gregorian(), Hijri(hijri, 10, 1).to_gregorian()
        begin = date(first.year, first.month, first.day)
        end = date(after.year, after.month, after.day) - timedelta(days=1)
        if begin.year <= year <= end.year:
            found.append((begin, end))
    return tuple(found)


def ramadan(year: int) -> tuple[date, date]:
    """The first Ramadan (first day, last day) that begins in the Gregorian `year`; see `ramadans` for all of a year.

    Raises ValueError outside the years 1926-2075.
    """
    return next(span for span in ramadans(year) if span[0].year == year)
