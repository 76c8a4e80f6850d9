import pickle
import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasl.kernel.worktime import (
    ALWAYS,
    Duration,
    NeverDue,
    Season,
    Weekly,
    Windows,
    WorkCalendar,
    add,
    always,
    between,
    holidays_of,
    is_open,
    ramadan,
    ramadans,
    windows,
)

pytestmark = pytest.mark.req("H1")

MUSCAT = ZoneInfo("Asia/Muscat")
DAY = windows(("07:30", "14:30"))
SHORT = windows(("09:00", "12:00"))
TWO = windows(("07:00", "12:00"), ("16:00", "19:00"))
OFF: Windows = ()
OFFICE_WEEK: Weekly = (DAY, DAY, DAY, DAY, OFF, OFF, DAY)
FIELD_WEEK: Weekly = (TWO, TWO, TWO, TWO, OFF, TWO, TWO)
SHORT_WEEK: Weekly = (SHORT, SHORT, SHORT, SHORT, OFF, OFF, SHORT)
OFFICE = WorkCalendar("Asia/Muscat", OFFICE_WEEK)
FIELD = WorkCalendar("Asia/Muscat", FIELD_WEEK)


def at(text: str, zone: ZoneInfo = MUSCAT) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def due(calendar: WorkCalendar, start: str, duration: str, *pauses: tuple[str, str]) -> str:
    parsed = Duration.parse(duration)
    assert parsed is not None
    answer = add(calendar, at(start), parsed, pauses=[(at(a), at(b)) for a, b in pauses])
    return f"{answer.astimezone(MUSCAT):%a %d %H:%M}"


# 2026-11-01 is a Sunday, the first working day of Oman's week.
@pytest.mark.parametrize(
    ("start", "duration", "expected"),
    [
        ("2026-11-01T08:00", "15min", "Sun 01 08:15"),
        ("2026-11-05T14:00", "24h", "Fri 06 14:00"),
        ("2026-11-01T08:00", "4wh", "Sun 01 12:00"),
        ("2026-11-01T12:30", "4wh", "Mon 02 09:30"),
        ("2026-11-01T10:30", "4wh", "Sun 01 14:30"),
        ("2026-11-05T14:00", "1wh", "Sun 08 08:00"),
        ("2026-11-06T03:00", "1wh", "Sun 08 08:30"),
        ("2026-11-01T08:00", "1wd", "Mon 02 14:30"),
        ("2026-11-01T23:00", "1wd", "Mon 02 14:30"),
        ("2026-11-05T08:00", "1wd", "Sun 08 14:30"),
        ("2026-11-06T08:00", "1wd", "Sun 08 14:30"),
        ("2026-11-08T00:00", "1wd", "Mon 09 14:30"),
        ("2026-11-01T08:00", "5wd", "Sun 08 14:30"),
    ],
)
def test_due_dates_of_an_office(start: str, duration: str, expected: str) -> None:
    assert due(OFFICE, start, duration) == expected


def test_two_windows_a_day() -> None:
    assert due(FIELD, "2026-11-01T11:00", "2wh") == "Sun 01 17:00"
    assert due(FIELD, "2026-11-01T11:00", "1wd") == "Mon 02 19:00"
    assert due(FIELD, "2026-11-01T13:00", "3wh") == "Sun 01 19:00"


def test_an_exceptional_day_beats_a_holiday_beats_a_season_beats_the_week() -> None:
    sunday = date(2026, 11, 1)
    season = Season(sunday, date(2026, 11, 3), SHORT_WEEK)
    late = windows(("20:00", "22:00"))
    calendar = WorkCalendar("Asia/Muscat", OFFICE_WEEK, seasons=(season,))
    assert calendar.windows_on(sunday) == SHORT
    assert calendar.windows_on(date(2026, 11, 4)) == DAY
    calendar = WorkCalendar("Asia/Muscat", OFFICE_WEEK, holidays=frozenset({sunday}), seasons=(season,))
    assert calendar.windows_on(sunday) == OFF
    calendar = WorkCalendar("Asia/Muscat", OFFICE_WEEK, {sunday: late}, frozenset({sunday}), (season,))
    assert calendar.windows_on(sunday) == late
    closed = WorkCalendar("Asia/Muscat", OFFICE_WEEK, {sunday: OFF}, seasons=(season,))
    assert closed.windows_on(sunday) == OFF


def test_the_first_season_in_order_holds() -> None:
    days = date(2026, 11, 1), date(2026, 11, 3)
    calendar = WorkCalendar("Asia/Muscat", OFFICE_WEEK, seasons=(Season(*days, FIELD_WEEK), Season(*days, SHORT_WEEK)))
    assert calendar.windows_on(date(2026, 11, 2)) == TWO


def test_a_holiday_is_no_working_day() -> None:
    calendar = WorkCalendar("Asia/Muscat", OFFICE_WEEK, holidays=frozenset({date(2026, 11, 25), date(2026, 11, 26)}))
    assert due(calendar, "2026-11-24T08:00", "1wd") == "Sun 29 14:30"
    assert due(calendar, "2026-11-24T14:00", "1wh") == "Sun 29 08:00"


def test_day_and_night() -> None:
    muscat = always("Asia/Muscat")
    assert due(muscat, "2026-11-06T23:00", "4wh") == "Sat 07 03:00"
    assert due(muscat, "2026-11-06T23:00", "1wd") == "Sun 08 00:00"
    assert is_open(ALWAYS, datetime.now(UTC))
    a = at("2026-11-01T00:00")
    assert between(ALWAYS, a, a + timedelta(days=9)) == timedelta(days=9)


@pytest.mark.parametrize(
    ("duration", "pauses", "expected"),
    [
        ("15min", [("2026-11-01T08:05", "2026-11-01T09:00")], "Sun 01 09:10"),
        ("1h", [("2026-11-01T08:10", "2026-11-01T08:20"), ("2026-11-01T09:05", "2026-11-01T09:15")], "Sun 01 09:20"),
        ("1h", [("2026-11-01T09:00", "2026-11-02T09:00")], "Sun 01 09:00"),
        ("1h", [("2026-10-01T00:00", "2026-11-01T08:30")], "Sun 01 09:30"),
        ("4wh", [("2026-11-01T10:00", "2026-11-02T08:00")], "Mon 02 10:00"),
        ("4wh", [("2026-11-01T20:00", "2026-11-01T23:00")], "Sun 01 12:00"),
        ("1wd", [("2026-11-01T20:00", "2026-11-02T06:00")], "Mon 02 14:30"),
        ("1wd", [("2026-11-02T07:30", "2026-11-02T14:30")], "Tue 03 14:30"),
        ("1wd", [("2026-11-02T07:30", "2026-11-02T09:30")], "Tue 03 09:30"),
        ("1wd", [("2026-11-02T14:30", "2026-11-04T09:30")], "Mon 02 14:30"),
        ("1wd", [("2026-11-05T14:30", "2026-11-08T07:30")], "Mon 02 14:30"),
    ],
)
def test_a_pause_moves_the_due_date(duration: str, pauses: list[tuple[str, str]], expected: str) -> None:
    assert due(OFFICE, "2026-11-01T08:00", duration, *pauses) == expected


def test_pauses_may_overlap_and_come_in_any_order() -> None:
    plain = due(OFFICE, "2026-11-01T08:00", "4wh", ("2026-11-01T09:00", "2026-11-01T11:00"))
    twice = due(
        OFFICE,
        "2026-11-01T08:00",
        "4wh",
        ("2026-11-01T10:00", "2026-11-01T11:00"),
        ("2026-11-01T09:00", "2026-11-01T10:30"),
    )
    assert plain == twice == "Sun 01 14:00"


BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = windows(("00:00", "08:00"))
NIGHTS = WorkCalendar("Europe/Berlin", (NIGHT, NIGHT, NIGHT, NIGHT, NIGHT, NIGHT, NIGHT))


def test_a_change_of_the_clocks_shortens_and_lengthens_a_window() -> None:
    spring, autumn = at("2026-03-29T00:00", BERLIN), at("2026-10-25T00:00", BERLIN)
    assert between(NIGHTS, spring, spring + timedelta(days=1)) == timedelta(hours=7)
    assert between(NIGHTS, autumn, autumn + timedelta(days=1)) == timedelta(hours=9)
    assert add(NIGHTS, spring, Duration(7, "wh")) == at("2026-03-29T08:00", BERLIN)
    assert add(NIGHTS, autumn, Duration(9, "wh")) == at("2026-10-25T08:00", BERLIN)
    assert add(NIGHTS, spring, Duration(24, "h")) == at("2026-03-30T01:00", BERLIN)
    assert add(NIGHTS, spring, Duration(1, "wd")) == at("2026-03-30T08:00", BERLIN)


def test_a_window_inside_the_skipped_hour_never_overlaps_the_next() -> None:
    day = windows(("02:00", "02:30"), ("02:45", "03:00"), ("03:00", "04:00"))
    calendar = WorkCalendar("Europe/Berlin", (day,) * 7)
    midnight = at("2026-03-29T00:00", BERLIN)
    assert between(calendar, midnight, midnight + timedelta(hours=12)) == timedelta(hours=1)
    gap = windows(("02:00", "02:30"))
    calendar = WorkCalendar("Europe/Berlin", (gap,) * 7)
    assert between(calendar, midnight, midnight + timedelta(hours=12)) == timedelta(minutes=30)


def test_a_window_at_the_edges() -> None:
    assert is_open(OFFICE, at("2026-11-01T07:30"))
    assert not is_open(OFFICE, at("2026-11-01T14:30"))
    assert not is_open(OFFICE, at("2026-11-06T10:00"))


# The oracle counts minute by minute, in local time, by the rule as it is written in the docstring.
quarter = st.integers(0, 96)


@st.composite
def a_day(draw: st.DrawFn) -> Windows:
    marks = sorted(draw(st.sets(quarter, max_size=4)))
    marks = marks[: len(marks) // 2 * 2]
    clock = [f"{m // 4:02d}:{m % 4 * 15:02d}" for m in marks]
    return windows(*zip(clock[::2], clock[1::2], strict=True))


@st.composite
def a_calendar(draw: st.DrawFn) -> WorkCalendar:
    first = date(2026, 10, 18)
    week = st.tuples(*[a_day()] * 7)
    days = st.integers(0, 20).map(lambda n: first + timedelta(days=n))
    season_first = draw(days)
    return WorkCalendar(
        draw(st.sampled_from(["Asia/Muscat", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])),
        draw(week),
        draw(st.dictionaries(days, a_day(), max_size=3)),
        draw(st.frozensets(days, max_size=3)),
        (Season(season_first, season_first + timedelta(days=draw(st.integers(0, 9))), draw(week)),),
    )


starts = st.integers(0, 10 * 24 * 12).map(lambda n: datetime(2026, 10, 20, tzinfo=UTC) + timedelta(minutes=5 * n))
pause_lists = st.lists(
    st.tuples(starts, st.integers(0, 3 * 24 * 12)).map(lambda p: (p[0], p[0] + timedelta(minutes=5 * p[1]))), max_size=3
)


def test_a_due_instant_in_the_hour_that_comes_twice_is_that_one_instant() -> None:
    night = WorkCalendar("America/New_York", (windows(("00:00", "02:00")),) * 7)
    due = add(night, datetime(2026, 11, 1, 4, tzinfo=UTC), Duration(2, "wh"))
    assert due == datetime(2026, 11, 1, 6, tzinfo=UTC)
    assert due.tzinfo is UTC


def works(calendar: WorkCalendar, instant: datetime) -> bool:
    """Windows begin and end at the first of two instants that a clock shows the same; and so end once."""
    zone = ZoneInfo(calendar.timezone)
    day = instant.astimezone(zone).date()
    for first, last in calendar.windows_on(day):
        begin = datetime.combine(day, first, zone).astimezone(UTC)
        end = datetime.combine(day + timedelta(days=last == time(0)), last, zone).astimezone(UTC)
        if begin <= instant < end:
            return True
    return False


def counted(calendar: WorkCalendar, start: datetime, wanted: int, pauses: list[tuple[datetime, datetime]]) -> datetime:
    """Walk in steps of five minutes until `wanted` working minutes have passed outside the pauses."""
    step = timedelta(minutes=5)
    while wanted > 0:
        if works(calendar, start) and not any(a <= start < b for a, b in pauses):
            wanted -= 5
        start += step
    return start


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(a_calendar(), starts, st.integers(1, 20), pause_lists)
def test_working_hours_agree_with_counting(
    calendar: WorkCalendar, start: datetime, hours: int, pauses: list[tuple[datetime, datetime]]
) -> None:
    if not any(calendar.weekly):
        with pytest.raises(NeverDue):
            add(calendar, start, Duration(80_000, "wh"))
        return
    answer = add(calendar, start, Duration(hours, "wh"), pauses=pauses)
    assert answer == counted(calendar, start, hours * 60, pauses)
    assert between(calendar, start, answer, pauses=pauses) == timedelta(hours=hours)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(a_calendar(), starts, st.integers(1, 6), pause_lists)
def test_working_days_agree_with_counting(
    calendar: WorkCalendar, start: datetime, days: int, pauses: list[tuple[datetime, datetime]]
) -> None:
    if not any(calendar.weekly):
        return
    zone = ZoneInfo(calendar.timezone)
    day, left = start.astimezone(zone).date(), days
    while left:
        day += timedelta(days=1)
        left -= bool(calendar.windows_on(day))
    last = calendar.windows_on(day)[-1][1]
    end = datetime.combine(day + timedelta(days=last == time(0)), last, zone).astimezone(UTC)
    assert add(calendar, start, Duration(days, "wd")) == end
    minutes = between(calendar, start, end) // timedelta(minutes=1)
    answer = add(calendar, start, Duration(days, "wd"), pauses=pauses)
    if not any(
        between(calendar, max(a, start), min(b, end)) > timedelta(0) for a, b in pauses if b > start and a < end
    ):
        assert answer == end
    else:
        assert answer == counted(calendar, start, minutes, pauses)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(a_calendar(), starts, starts, starts)
def test_working_time_adds_up(calendar: WorkCalendar, a: datetime, b: datetime, c: datetime) -> None:
    assert between(calendar, a, b) + between(calendar, b, c) == between(calendar, a, c)
    assert between(calendar, a, b) == -between(calendar, b, a)
    assert abs(between(calendar, a, b)) <= abs(b - a)


@given(st.sampled_from(["min", "h", "wh", "wd"]), st.integers(1, 3660))
def test_a_duration_is_read_as_it_is_written(unit: str, value: int) -> None:
    parsed = Duration.parse(f"{value}{unit}")
    assert parsed is not None
    assert (parsed.value, parsed.unit) == (value, unit)
    assert Duration.parse(str(parsed)) == parsed


def test_durations_as_people_write_them() -> None:
    assert Duration.parse(" ٥ wd ") == Duration(5, "wd")
    assert Duration.parse("15MIN") == Duration(15, "min")
    assert Duration.parse("-") is None


@pytest.mark.parametrize("text", ["", "5", "wd", "-5wd", "1.5h", "5 days", "0h", "5wd2h", "9999999999h", "3661wd"])
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|between"):
        Duration.parse(text)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="not a time zone"):
        WorkCalendar("Asia/Nowhere", OFFICE_WEEK)
    with pytest.raises(ValueError, match="two windows"):
        windows(("22:00", "06:00"))
    with pytest.raises(ValueError, match="overlaps"):
        windows(("08:00", "12:00"), ("11:00", "13:00"))
    with pytest.raises(ValueError, match="last"):
        windows(("08:00", "24:00"), ("11:00", "13:00"))
    for bad in ("25:00", "8", "12:60", "24:01"):
        with pytest.raises(ValueError, match="not a time"):
            windows((bad, "23:00"))
    with pytest.raises(ValueError, match="without time zone"):
        add(OFFICE, datetime(2026, 11, 1), Duration(1, "h"))  # noqa: DTZ001
    with pytest.raises(ValueError, match="before it begins"):
        add(OFFICE, at("2026-11-01T08:00"), Duration(1, "h"), pauses=[(at("2026-11-02T08:00"), at("2026-11-01T08:00"))])
    with pytest.raises(ValueError, match="before it begins"):
        WorkCalendar("UTC", OFFICE_WEEK, seasons=(Season(date(2026, 2, 2), date(2026, 2, 1), OFFICE_WEEK),))
    with pytest.raises(ValueError, match="seven days"):
        WorkCalendar("UTC", (DAY,) * 6)  # type: ignore[arg-type]  # the mistake under test


def test_a_calendar_without_hours_never_comes_due() -> None:
    empty = WorkCalendar("Asia/Muscat", (OFF,) * 7)
    for duration in (Duration(1, "wh"), Duration(1, "wd")):
        with pytest.raises(NeverDue, match="forty years"):
            add(empty, at("2026-11-01T08:00"), duration)
    assert between(empty, at("2026-11-01T08:00"), at("2027-11-01T08:00")) == timedelta(0)


def test_a_calendar_is_a_value() -> None:
    first = WorkCalendar("Asia/Muscat", OFFICE_WEEK, {date(2026, 1, 1): OFF})
    second = WorkCalendar("Asia/Muscat", OFFICE_WEEK, {date(2026, 1, 1): OFF})
    add(first, at("2026-11-01T08:00"), Duration(5, "wd"))
    assert first == second
    assert hash(first) == hash(second)
    again = pickle.loads(pickle.dumps(first))  # noqa: S301
    assert again == first
    assert add(again, at("2026-11-01T08:00"), Duration(5, "wd")) == at("2026-11-08T14:30")
    with pytest.raises(TypeError):
        first.exceptions[date(2026, 1, 2)] = OFF  # type: ignore[index]  # the mistake under test


def test_the_mapping_given_may_change_afterwards() -> None:
    exceptions = {date(2026, 11, 1): OFF}
    calendar = WorkCalendar("Asia/Muscat", OFFICE_WEEK, exceptions)
    exceptions.clear()
    assert calendar.windows_on(date(2026, 11, 1)) == OFF


def test_public_holidays_of_oman() -> None:
    found = holidays_of("om", [2026, 2027])
    assert found[date(2026, 11, 25)] == "National Day"
    assert list(found) == sorted(found)
    assert {day.year for day in found} == {2026, 2027}
    with pytest.raises(ValueError, match="XX"):
        holidays_of("XX", 2026)


def test_ramadan() -> None:
    assert ramadan(2026) == (date(2026, 2, 18), date(2026, 3, 19))
    assert ramadan(2025) == (date(2025, 3, 1), date(2025, 3, 29))
    assert [first.month for first, _ in ramadans(2030)] == [1, 12]
    assert ramadans(2031)[0][0] == date(2030, 12, 26)
    for year in range(1926, 2076):
        assert all(29 <= (last - first).days + 1 <= 30 for first, last in ramadans(year))
        assert ramadan(year)[0].year == year
    with pytest.raises(ValueError, match="1926"):
        ramadan(1900)


def test_five_working_days_are_added_fast() -> None:
    calendar = WorkCalendar("Asia/Muscat", FIELD_WEEK, holidays=frozenset(holidays_of("OM", 2026)))
    start, five = at("2026-11-01T08:00"), Duration(5, "wd")
    add(calendar, start, five)
    best = min(_timed(calendar, start, five) for _ in range(20))
    assert best < 20e-6


def _timed(calendar: WorkCalendar, start: datetime, duration: Duration) -> float:
    begin = stopwatch.perf_counter()
    for _ in range(200):
        add(calendar, start, duration)
    return (stopwatch.perf_counter() - begin) / 200
