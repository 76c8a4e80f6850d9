"""Row ids and serial numbers, drawn from PostgreSQL in blocks so that a row knows its id before it is written.

One draw from the data base serves `BLOCK` ids; what a dying process leaves of its block is never used, so gaps are
normal.
"""

import os
import threading

from django.db import connection, models

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


class Row(models.Model):
    """Base of the tables whose rows know their id before they are written."""

    id = models.BigIntegerField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True
