"""The one clock of the house: what time it is, and how a test holds it. Calendars live in `worktime`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

_held: ContextVar[datetime | None] = ContextVar("held", default=None)


def now() -> datetime:
    """The present instant, aware, in UTC (microseconds)."""
    return _held.get() or datetime.now(UTC)


@contextmanager
def held(at: datetime) -> Iterator[None]:
    """Hold the clock of this thread at `at` (aware) inside the block."""
    if at.tzinfo is None:
        raise ValueError("held() wants an aware datetime")
    token = _held.set(at.astimezone(UTC))
    try:
        yield
    finally:
        _held.reset(token)


@contextmanager
def later(by: timedelta) -> Iterator[None]:
    """Hold the clock `by` after what it shows now."""
    with held(now() + by):
        yield
