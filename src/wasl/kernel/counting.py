"""Counting the rows of several queries in one statement, each up to a limit: a crowd costs no more than it shows."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet

Key = TypeVar("Key")


def counts(of: Mapping[Key, QuerySet[Any]], most: int) -> dict[Key, int]:
    """How many rows each query has, at most `most`, by the same keys."""
    found = dict.fromkeys(of, 0)
    asked: list[Key] = []
    parts: list[str] = []
    given: list[Any] = []
    for key, rows in of.items():
        try:
            sql, parameters = rows.order_by().values("pk")[:most].query.sql_with_params()
        except EmptyResultSet:
            continue
        asked.append(key)
        parts.append(f"(SELECT count(*) FROM ({sql}) counted)")  # noqa: S608  # written by the ORM; its parameters stay apart
        given += parameters
    if asked:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(parts)}", given)
            found.update(zip(asked, cursor.fetchone(), strict=True))
    return found
