"""Writes many new and changed rows of several tables in one statement, one round trip, with the notice of it.

Parts of a `WITH` run together and are checked together, so either all is there or nothing; outside a transaction the
statement is its own transaction. Foreign keys between the rows may point any way. This is the hot path of intake: it
goes past Django's SQL compiler to psycopg with numbered parameters, and a column that holds nothing is not sent.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from django.db import connection, models
from django.db.models.fields.json import JSONField
from psycopg.types.numeric import Int8

from wasl.kernel import clock

LIVE_CHANNEL = "wasl_live"
# A connection that answered so lately is not asked whether it is alive before it is used again.
TRUSTED_S = 1.0

Convert = Callable[[models.Model, Any], Any]


class _Column:
    """How one column of a model is written: `convert` makes a parameter of the row and its value."""

    __slots__ = ("attname", "cast", "convert", "name")

    def __init__(self, field: models.Field[Any, Any]) -> None:
        self.attname, self.name, self.cast = field.attname, f'"{field.column}"', ""
        self.convert: Convert
        if (kind := field.db_type(connection)) in ("json", "tsvector", "bigint[]"):
            self.convert, self.cast = _as_it_is, f"::{kind}"
        elif isinstance(field, JSONField) and field.encoder is None:
            self.convert, self.cast = _json, "::jsonb"
        elif isinstance(field, models.IntegerField | models.ForeignKey):
            self.convert = _integer
        elif isinstance(field, models.CharField | models.TextField):
            self.convert = _text
        elif type(field) in (models.BooleanField, models.FloatField, models.BinaryField):
            self.convert = _as_it_is
        elif type(field) is models.DateTimeField and not (field.auto_now or field.auto_now_add):
            self.convert = _instant
        else:
            self.convert = _by_django(field)


def _as_it_is(_row: models.Model, value: Any) -> Any:
    return value


def _integer(_row: models.Model, value: Any) -> Any:
    return None if value is None else Int8(value)


def _text(_row: models.Model, value: Any) -> Any:
    # Choices are strings of a class of their own, which psycopg would look up anew.
    return value if value is None or type(value) is str else str(value)


def _json(_row: models.Model, value: Any) -> Any:
    return None if value is None else json.dumps(value)


def _instant(_row: models.Model, value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value} has no zone")
    return value


def _by_django(field: models.Field[Any, Any]) -> Convert:
    return lambda row, _value: field.get_db_prep_save(field.pre_save(row, row._state.adding), connection)


@lru_cache(maxsize=256)
def _columns(model: type[models.Model]) -> dict[str, _Column]:
    return {field.name: _Column(field) for field in model._meta.local_concrete_fields}


Shape = tuple[type[models.Model], tuple[str, ...], int]


@lru_cache(maxsize=512)
def _statement(inserts: tuple[Shape, ...], updates: tuple[Shape, ...], notices: int) -> bytes:
    """The statement of one shape; its parameters are numbered in the order in which `write` lays them down."""
    numbers = iter(range(1, 65_536))
    parts = []
    for model, names, count in inserts:
        columns = [_columns(model)[name] for name in names]
        values = [", ".join(f"${next(numbers)}{column.cast}" for column in columns) for _ in range(count)]
        into = ", ".join(column.name for column in columns)
        rows = ", ".join(f"({one})" for one in values)
        parts.append(f'INSERT INTO "{model._meta.db_table}" ({into}) VALUES {rows}')  # noqa: S608  names of models, no input
    for model, names, _one in updates:
        columns = [_columns(model)[name] for name in names]
        sets = ", ".join(f"{column.name} = ${next(numbers)}{column.cast}" for column in columns)
        table, number = model._meta.db_table, next(numbers)
        parts.append(f'UPDATE "{table}" SET {sets} WHERE "id" = ${number}')  # noqa: S608  as above
    calls = ", ".join(f"pg_notify('{LIVE_CHANNEL}', ${next(numbers)}::text)" for _ in range(notices))
    ctes = ", ".join(f"w{n} AS ({part})" for n, part in enumerate(parts))
    return (f"WITH {ctes} " if ctes else "").encode() + f"SELECT {calls or '1'}".encode()


def _insert(model: type[models.Model], rows: Sequence[models.Model], params: list[Any]) -> Shape:
    """Lay down the parameters of new rows of one model; columns that are empty in all of them are left out."""
    columns = _columns(model)
    made = [[column.convert(row, getattr(row, column.attname)) for column in columns.values()] for row in rows]
    if len(made) == 1:
        (only,) = made
        params += [value for value in only if value is not None]
        return model, tuple(name for name, value in zip(columns, only, strict=True) if value is not None), 1
    used = [any(value is not None for value in values) for values in zip(*made, strict=True)]
    for values in made:
        params += [value for value, one in zip(values, used, strict=True) if one]
    return model, tuple(name for name, one in zip(columns, used, strict=True) if one), len(made)


Asked = tuple[str, Sequence[Any]]
"""A statement with numbered parameters, and these."""


def write(
    new: Iterable[models.Model],
    changed: Sequence[tuple[models.Model, Sequence[str]]] = (),
    notices: Sequence[str] = (),
    *,
    then: Asked | None = None,
) -> list[tuple[Any, ...]]:
    """Insert `new`, update the named fields of `changed`, send `notices` on the live channel when it commits.

    `then` sees what was written, in the same round trip and transaction; gives its rows.

    Raises django.db.IntegrityError (and its kin) as the ORM does; then nothing was written. ValueError for a naive
    instant.
    """
    params: list[Any] = []
    by_model: dict[type[models.Model], list[models.Model]] = {}
    for row in new:
        by_model.setdefault(type(row), []).append(row)
    inserts = tuple(_insert(model, rows, params) for model, rows in by_model.items())
    updates: list[Shape] = []
    for row, names in changed:
        if names:
            columns = _columns(type(row))
            params += [columns[name].convert(row, getattr(row, columns[name].attname)) for name in names]
            params.append(Int8(row.pk))
            updates.append((type(row), tuple(names), 1))
    params += notices
    asked = [(then[0].encode(), then[1])] if then else []
    if not inserts and not updates and not notices:
        return _execute(*asked)
    found = _execute((_statement(inserts, tuple(updates), len(notices)), params), *asked)
    for rows in by_model.values():
        for one in rows:
            one._state.adding, one._state.db = False, "default"
    return found if then else []


def notice(topics: Iterable[str], verb: str, *, case: int = 0, seq: int | None = None) -> str:
    """What is said on the live channel: pages that hear one of the topics look again. It holds no words.

    `seq` counts the entries of the case; without one the instant makes the notice one of its own.
    """
    number = int(clock.now().timestamp() * 1_000_000) if seq is None else seq
    return json.dumps({"topics": list(topics), "case": case, "seq": number, "verb": verb}, separators=(",", ":"))


def tell(notices: Iterable[str]) -> None:
    """Send notices on the live channel, with the commit."""
    write((), notices=list(notices))


def read(statement: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query whose parameters are numbered ($1, $2 …), past Django's compiler. Raises as the ORM does."""
    return _execute((statement.encode(), params))


M = TypeVar("M", bound=models.Model)


def load(model: type[M], tail: str, params: Sequence[Any] = ()) -> list[M]:
    """Rows of a model, by what follows `SELECT its columns FROM its table`; the parameters are numbered. As `read`."""
    return [one for one, _beside in load_beside(model, "", tail, params)]


def load_beside(model: type[M], beside: str, tail: str, params: Sequence[Any] = ()) -> list[tuple[M, tuple[Any, ...]]]:
    """As `load`, each row with what else is selected: `beside` follows the model's columns, with its comma."""
    names, columns, converters = _loaded(model)
    found = read(f'SELECT {columns}{beside} FROM "{model._meta.db_table}" {tail}', params)  # noqa: S608  words of ours
    for place, convert in converters:
        found = [(*row[:place], convert(row[place], None, connection), *row[place + 1 :]) for row in found]
    return [(model.from_db("default", names, row[: len(names)]), row[len(names) :]) for row in found]


@lru_cache(maxsize=64)
def _loaded(model: type[models.Model]) -> tuple[list[str], str, list[tuple[int, Callable[..., Any]]]]:
    fields = model._meta.concrete_fields
    converters = [(n, convert) for n, one in enumerate(fields) for convert in one.get_db_converters(connection)]
    return [one.attname for one in fields], ", ".join(f'"{one.column}"' for one in fields), converters


def _execute(*asked: tuple[bytes, Sequence[Any]]) -> list[tuple[Any, ...]]:
    """The rows of the last of these statements."""
    if not asked:
        return []
    wrapper = connection
    wrapper.ensure_connection()
    if time.monotonic() - getattr(wrapper, "_answered_s", 0.0) > TRUSTED_S:
        wrapper.close_if_health_check_failed()
        wrapper.ensure_connection()
    with wrapper.wrap_database_errors, psycopg.RawCursor(wrapper.connection) as cursor:
        if len(asked) > 1:
            try:
                with wrapper.connection.pipeline():
                    for statement, params in asked:
                        cursor.execute(statement, params)
            except psycopg.Error:
                # The second may be believed to be prepared, which it is not where the first has failed.
                if not wrapper.in_atomic_block:
                    wrapper.close()
                raise
        else:
            cursor.execute(*asked[0])
        found = cursor.fetchall() if cursor.description else []
    wrapper._answered_s = time.monotonic()  # type: ignore[attr-defined]  # a memo beside the connection it is about
    return found
