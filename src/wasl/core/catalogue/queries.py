"""Which edition is in force, read once a second at the most by each process."""

import time
from datetime import datetime
from functools import lru_cache

from wasl.core.catalogue import book
from wasl.core.catalogue.models import Edition
from wasl.kernel import clock

_FRESH_S = 1.0
_calendar: tuple[float, list[tuple[datetime, int]]] | None = None


class NotSetUp(LookupError):
    """No rule book is in force yet: the administrator of an empty installation has to publish the first one."""


def forget() -> None:
    """Look anew which editions there are; publishing and tests call it. What one says never changes and is kept."""
    global _calendar
    _calendar = None
    _pk_of.cache_clear()


@lru_cache(maxsize=64)
def _pk_of(number: int) -> int:
    return Edition.objects.values_list("pk", flat=True).get(number=number, published_at__isnull=False)


@lru_cache(maxsize=32)
def _read(pk: int) -> book.Book:
    edition = Edition.objects.get(pk=pk)
    return book.read(edition.sheets, number=edition.number)


def of_number(number: int) -> book.Book:
    """The book of a published edition. Raises Edition.DoesNotExist."""
    return _read(_pk_of(number))


def in_force(at: datetime | None = None) -> book.Book:
    """The book in force at `at` (default: now). Raises NotSetUp before the first edition."""
    global _calendar
    if _calendar is None or time.monotonic() - _calendar[0] > _FRESH_S:
        published = Edition.objects.filter(published_at__isnull=False).order_by("effective_from", "number")
        dated = published.values_list("effective_from", "number")
        _calendar = (time.monotonic(), [(since, number) for since, number in dated if since])
    moment = at or clock.now()
    for effective_from, number in reversed(_calendar[1]):
        if effective_from <= moment:
            return of_number(number)
    raise NotSetUp("no edition of the catalogue is in force")
