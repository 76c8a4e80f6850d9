"""When a case is due: a pure function of clock facts (folded from entries), a working calendar and the deadline rule.

The clock of a unit starts at dispatch, never at sign-for; a pause stops the result's clock only; an extension counts
from the original due date. Nothing here is ever patched: facts change, everything is computed anew (H1).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wasl.core.catalogue.book import DeadlineRule
from wasl.kernel import worktime
from wasl.kernel.worktime import Duration, WorkCalendar


@dataclass(frozen=True, slots=True)
class Clocks:
    """Due instants; `None` where the clock does not run or was met."""

    centre: datetime | None = None
    sign: datetime | None = None
    contact: datetime | None = None
    result: datetime | None = None

    @property
    def next(self) -> datetime | None:
        """The earliest of them."""
        return min((d for d in (self.centre, self.sign, self.contact, self.result) if d is not None), default=None)


def at(text: str | None) -> datetime | None:
    """An instant written in clock facts."""
    return datetime.fromisoformat(text) if text else None


def compute(facts: Mapping[str, Any], rule: DeadlineRule, calendar: WorkCalendar) -> Clocks:
    """The clocks of a case.

    `since` is the first dispatch where the case was handed back meanwhile: the result's clock runs from there (rules 5,
    6). `facts`: either `centre` (since when it waits at the centre, ISO 8601) with `allowed` (a duration, default the
    rule's for dispatch), or `start` (dispatch to the unit) with `signed`, `contacted` (when met), `pauses` [[from, to],
    …] and `extensions` ["5wd", …].
    """

    def due(
        start: datetime | None, duration: Duration | None, pauses: list[tuple[datetime, datetime]] | None = None
    ) -> datetime | None:
        if start is None or duration is None:
            return None
        return worktime.add(calendar, start, duration, pauses=pauses or ())

    start = at(facts.get("start"))
    pauses = [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in facts.get("pauses", ())]
    result = due(at(facts.get("since")) or start, rule.result, pauses)
    for text in facts.get("extensions", ()):
        result = due(result, Duration.parse(text), pauses)
    if start is None:
        allowed = Duration.parse(facts["allowed"]) if "allowed" in facts else rule.dispatch
        return Clocks(centre=due(at(facts.get("centre")), allowed), result=result)
    return Clocks(
        sign=None if facts.get("signed") else due(start, rule.sign),
        contact=None if facts.get("contacted") else due(start, rule.contact),
        result=result,
    )


def original(facts: Mapping[str, Any], rule: DeadlineRule, calendar: WorkCalendar) -> datetime | None:
    """The due date before any extension, which on-time rates are counted against."""
    return compute({**facts, "extensions": ()}, rule, calendar).result
