"""The rows of the data base as they stood, and putting them back: what a test really commits is gone in a moment.

Django empties all tables after such a test and fills its own again; the demo city would have to be loaded anew, which
takes seconds.
"""

from typing import Any

from django.db import connection, transaction


class Snapshot:
    """All rows, by table. Foreign keys are looked at when all of them are back."""

    def __init__(self) -> None:
        self._rows: dict[str, bytes] = {}

    def take(self) -> None:
        """Keep what is there."""
        with connection.cursor() as cursor:
            self._rows = {table: _read(cursor, table) for table in _filled(cursor)}

    def restore(self) -> None:
        """Make it so again. Only tables that changed are touched: emptying all of them takes longer than most tests."""
        with transaction.atomic(), connection.cursor() as cursor:
            filled = _filled(cursor)
            changed = {table for table in filled if _read(cursor, table) != self._rows.get(table)}
            # The audit refuses to be emptied.
            cursor.execute("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal")
            guarded = changed & {row[0] for row in cursor.fetchall()}
            for table in guarded:
                cursor.execute(f'ALTER TABLE "{table}" DISABLE TRIGGER USER')
            if changed:
                # In one statement: the queue's foreign keys are looked at when it ends.
                emptied = ", ".join(f'_{n} AS (DELETE FROM "{table}")' for n, table in enumerate(changed))
                cursor.execute(f"WITH {emptied} SELECT")
            for table in self._rows.keys() & (changed | self._rows.keys() - set(filled)):
                with cursor.copy(f'COPY "{table}" FROM STDIN (FORMAT binary)') as copy:
                    copy.write(self._rows[table])
            if guarded:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in guarded:
                cursor.execute(f'ALTER TABLE "{table}" ENABLE TRIGGER USER')


def _read(cursor: Any, table: str) -> bytes:
    with cursor.copy(f'COPY "{table}" TO STDOUT (FORMAT binary)') as copy:
        return b"".join(copy)


def _filled(cursor: Any) -> list[str]:
    """Tables that have rows."""
    cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    tables = [row[0] for row in cursor.fetchall()]
    cursor.execute(" UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\")" for name in tables))
    return [row[0] for row in cursor.fetchall()]
