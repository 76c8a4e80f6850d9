"""Row ids and serial numbers, drawn from PostgreSQL in blocks so that a row knows its id before it is written.

One draw from the data base serves `BLOCK` ids; what a dying process leaves of its block is never used, so gaps are
normal.
"""

import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from django.db import connection, models
from psycopg import AsyncConnection

BLOCK = 256


class Blocks:
    """Hands out numbers of one sequence; safe between threads and after a fork."""

    def __init__(self, sequence: str) -> None:
        self.sequence = sequence
        self._lock = threading.Lock()
        self._next = self._end = self._pid = 0

    def draw(self) -> int:
        """The next number, greater than 0, unique in the data base for ever."""
        with self._lock:
            if self._next == self._end or self._pid != os.getpid():
                with connection.cursor() as cursor:
                    cursor.execute("SELECT nextval(%s)", [self.sequence])
                    block = int(cursor.fetchone()[0])
                self._next, self._end = block * BLOCK, (block + 1) * BLOCK
                self._pid = os.getpid()
            number = self._next
            self._next += 1
            return number


_ids = Blocks("wasl_id_block")
_serials = Blocks("wasl_serial_block")


def new_id() -> int:
    """An id for a row of any table: all tables share one space, so an id in the journal names one thing."""
    return _ids.draw()


def new_serial() -> int:
    """The serial part of an acceptance number (requirement F3); never handed out twice."""
    return _serials.draw()


class AsyncIds:
    """Ids like those of `new_id`, for code that speaks to PostgreSQL over asynchronous connections of its own."""

    def __init__(self) -> None:
        self._free: deque[int] = deque()

    async def draw(self, link: AsyncConnection[Any], count: int = 1) -> Sequence[int]:
        """So many ids; `link` is asked only when what was drawn before is used up. Raises psycopg.Error."""
        while len(self._free) < count:
            # Enough blocks for some calls like this one.
            blocks = (count - len(self._free)) // BLOCK + (4 if count > 1 else 1)
            rows = await link.execute("SELECT nextval('wasl_id_block') FROM generate_series(1, %s)", [blocks])
            for (block,) in await rows.fetchall():
                self._free.extend(range(block * BLOCK, (block + 1) * BLOCK))
        return [self._free.popleft() for _ in range(count)]


class Row(models.Model):
    """Base of the tables whose rows know their id before they are written."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True
