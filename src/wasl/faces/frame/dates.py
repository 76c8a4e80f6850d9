"""Dates and times as people say them, in the three languages of the house; digits are always 0-9.

The names of days and months are those of the Unicode CLDR for ar (as in Oman), en and zh.
"""

from datetime import date, datetime, timedelta

from django.utils import timezone
from django.utils.translation import get_language

from wasl.kernel.names import code_of

_DAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "ar": ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الجمعة", "السبت", "الأحد"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "ar": (
        "يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو",
        "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر",
    ),
}  # fmt: skip
_NEAR = {
    "en": {-1: "yesterday", 0: "today", 1: "tomorrow"},
    "ar": {-1: "أمس", 0: "اليوم", 1: "غدًا"},
    "zh": {-1: "昨天", 0: "今天", 1: "明天"},
}
_NEAR_DAYS = 6


def weekday(day: date, language: str | None = None) -> str:
    """The day's name, as in `Thursday`, `الخميس`, `星期四`."""
    return _DAYS[code_of(language or get_language())][day.weekday()]


def calendar_day(day: date, *, with_year: bool = True, language: str | None = None) -> str:
    """The day of the year: `12 March 2027`, `12 مارس 2027`, `2027年3月12日`."""
    code = code_of(language or get_language())
    if code == "zh":
        return f"{day.year}年{day.month}月{day.day}日" if with_year else f"{day.month}月{day.day}日"
    words = f"{day.day} {_MONTHS[code][day.month - 1]}"
    return f"{words} {day.year}" if with_year else words


def month(day: date, language: str | None = None) -> str:
    """The month of a day: `March 2027`, `مارس 2027`, `2027年3月`."""
    code = code_of(language or get_language())
    return f"{day.year}年{day.month}月" if code == "zh" else f"{_MONTHS[code][day.month - 1]} {day.year}"


def exact(when: datetime, language: str | None = None) -> str:
    """Weekday, day and minute with the offset from UTC, for hovering and for print."""
    code = code_of(language or get_language())
    local = timezone.localtime(when)
    offset = local.strftime("%z")
    gap = " " if code == "zh" else {"en": ", ", "ar": "، "}[code]
    parts = (weekday(local, code), calendar_day(local, language=code), f"{local:%H:%M}")
    return f"{gap.join(parts)} UTC{offset[:3]}:{offset[3:]}"


def near(when: datetime, now: datetime, *, language: str | None = None) -> str:
    """`when` in the words of somebody who speaks at `now`: `today 14:05`, `Thursday 16:00`, `12 March`.

    Up to six days ahead the weekday is enough; as far behind, the day of the month is said, because "Thursday" alone
    would sound like the next one. Farther away the clock time is left out, and the year is named when it is another
    one. Both times are aware; days are those of the current time zone.
    Source: requirement M7.
    """
    code = code_of(language or get_language())
    local, today = timezone.localtime(when), timezone.localtime(now)
    days = (local.date() - today.date()) // timedelta(days=1)
    clock = f"{local:%H:%M}"
    if days in _NEAR[code]:
        return f"{_NEAR[code][days]} {clock}"
    if 0 < days <= _NEAR_DAYS:
        return f"{weekday(local, code)} {clock}"
    if -_NEAR_DAYS <= days < 0:
        return f"{calendar_day(local, with_year=local.year != today.year, language=code)} {clock}"
    return calendar_day(local, with_year=local.year != today.year, language=code)
