"""Writes many new and changed rows of several tables in one statement, one round trip, with the notice of it.

Parts of a `WITH` run together and are checked together, so either all is there or nothing; outside a transaction the
statement is its own transaction. Foreign keys between the rows may point any way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import psycopg
from django.db import connection, models
from psycopg.types.numeric import Int8

LIVE_CHANNEL = "wasl_live"
_INTEGERS = (models.BigIntegerField, models.IntegerField, models.ForeignKey)


@lru_cache(maxsize=256)
def _columns(model: type[models.Model]) -> tuple[models.Field[Any, Any], ...]:
    return tuple(model._meta.local_concrete_fields)


def _placeholder(field: models.Field[Any, Any]) -> str:
    return "%s::json" if field.db_type(connection) == "json" else "%s"


@lru_cache(maxsize=512)
def _insert(model: type[models.Model], count: int) -> str:
    fields = _columns(model)
    names = ", ".join(f'"{f.column}"' for f in fields)
    row = "(" + ", ".join(_placeholder(f) for f in fields) + ")"
    return f'INSERT INTO "{model._meta.db_table}" ({names}) VALUES {", ".join([row] * count)}'


@lru_cache(maxsize=1024)
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    fields = [model._meta.get_field(name) for name in names]
    sets = ", ".join(f'"{f.column}" = {_placeholder(f)}' for f in fields if isinstance(f, models.Field))
    return f'UPDATE "{model._meta.db_table}" SET {sets} WHERE "id" = %s'


def _value(field: models.Field[Any, Any], row: models.Model, adding: bool) -> Any:
    value = field.get_db_prep_save(field.pre_save(row, adding), connection)
    return Int8(value) if isinstance(field, _INTEGERS) and isinstance(value, int) else value


def write(
    new: Iterable[models.Model], changed: Sequence[tuple[models.Model, Sequence[str]]] = (), notices: Sequence[str] = ()
) -> None:
    """Insert `new`, update the named fields of `changed`, send `notices` on the live channel when it commits.

    Raises django.db.IntegrityError (and its kin) as the ORM does; then nothing was written.
    """
    parts: list[str] = []
    params: list[Any] = []
    by_model: dict[type[models.Model], list[models.Model]] = {}
    for row in new:
        by_model.setdefault(type(row), []).append(row)
    for model, rows in by_model.items():
        parts.append(_insert(model, len(rows)))
        fields = _columns(model)
        params += [_value(field, row, True) for row in rows for field in fields]
    for row, names in changed:
        if names:
            model = type(row)
            parts.append(_update(model, tuple(names)))
            for name in names:
                field = model._meta.get_field(name)
                if isinstance(field, models.Field):
                    params.append(_value(field, row, False))
            params.append(Int8(row.pk))
    final = "SELECT 1"
    if notices:
        final = "SELECT " + ", ".join(["pg_notify(%s, %s)"] * len(notices))
        for notice in notices:
            params += [LIVE_CHANNEL, notice]
    if not parts and not notices:
        return
    ctes = ", ".join(f"w{n} AS ({part})" for n, part in enumerate(parts))
    statement = f"WITH {ctes} {final}" if ctes else final
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(statement.encode(), params)
    for row in by_model.values():
        for one in row:
            one._state.adding, one._state.db = False, "default"
