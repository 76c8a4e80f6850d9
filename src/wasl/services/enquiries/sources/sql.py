"""Answers from another PostgreSQL: one SELECT with bound parameters in a read-only transaction."""

import json
import re
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from wasl.kernel.outward import Away, cut_after, resolve
from wasl.services.enquiries.sources.data import MOST_ROWS

LONGEST_ROW = 20_000
"""Characters of one row as JSON; a longer one is none."""
_MAY_SAY = frozenset({"host", "port", "dbname", "user", "sslmode"})
# SQLSTATEs: too long, out of range, no date, a date that is none, no such sign, no text of this type.
_CANNOT_BE = frozenset({"22001", "22003", "22007", "22008", "22021", "22P02", "22P05"})
_PARAMETER = re.compile(r"%(?:\(([A-Za-z0-9_]*)\)s|(.)|$)", re.DOTALL)
_BEGINS = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SqlSettings:
    """Which data base (a libpq URL without password) and what to ask it: `SELECT … WHERE plate = %(plate)s`."""

    url: str
    statement: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "SqlSettings":
        """As they are kept with an enquiry."""
        return cls(settings["url"], settings["statement"])

    def names(self) -> frozenset[str]:
        """The parameters of the statement."""
        return frozenset(name for name, _other in _PARAMETER.findall(self.statement) if name)

    def check(self) -> str:
        """What is wrong with them, as one word for the form's field; empty for nothing."""
        try:
            said = conninfo_to_dict(self.url)
        except psycopg.ProgrammingError:
            return "url"
        # A URL alone, which libpq and whoever looks at it read alike: what its query said would take the host's place.
        parts = urlsplit(self.url)
        named = parts.query.replace(";", "&").split("&")
        if parts.scheme != "postgresql" or any(one and unquote(one.partition("=")[0]) != "sslmode" for one in named):
            return "url"
        host = str(said.get("host") or "")
        if not host or host.startswith(("/", "@")) or "," in host or not said.get("dbname") or set(said) - _MAY_SAY:
            return "url"
        port = str(said.get("port") or "5432")
        if not (port.isascii() and port.isdecimal() and 0 < int(port) < 65536):
            return "url"
        strange = any(not name and other != "%" for name, other in _PARAMETER.findall(self.statement))
        if strange or ";" in self.statement or not _BEGINS.match(self.statement):
            return "statement"
        return ""


def goes_to(url: str) -> tuple[str, ...]:
    """Who gets the password, and how, as libpq reads the URL; empty for one that it cannot read."""
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return ()
    return tuple(str(said.get(name) or "") for name in ("host", "hostaddr", "port", "user", "dbname", "sslmode"))


def look(wanted: SqlSettings, secret: str, asked: Mapping[str, str], timeout_s: float) -> list[dict[str, str]]:
    """The rows, at most `MOST_ROWS`. Raises Away for whatever goes wrong, after `timeout_s` or little more.

    There is none of what cannot be in the column that it is looked for in, such as letters in one of numbers.
    Each question has a connection of its own: none is held that the other side may have forgotten.
    """
    until = time.monotonic() + timeout_s
    # The outer SELECT keeps it to reading and bounds it; a data-changing WITH is refused there by the server.
    text = (
        f"SELECT left(to_jsonb(asked)::text, {LONGEST_ROW + 1})"  # noqa: S608  the statement is the administrator's
        f" FROM (\n{wanted.statement}\n) AS asked LIMIT {MOST_ROWS}"
    )
    try:
        with closing(_connection(wanted, secret, timeout_s)) as connection:
            left = max(0.05, until - time.monotonic())
            with cut_after(left + 0.5, connection.fileno()), connection.transaction():
                connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(left * 1000))])
                found = connection.execute(text.encode(), dict(asked)).fetchall()
    except (psycopg.Error, OSError, ValueError) as error:
        state = error.sqlstate if isinstance(error, psycopg.Error) else None
        if isinstance(error, psycopg.DataError) and (state is None or state in _CANNOT_BE):
            return []
        # Its words hold what was asked, and that is nothing for a log.
        raise Away(f"it does not answer: {type(error).__name__} {state or ''}".strip()) from None
    if any(len(row) > LONGEST_ROW for (row,) in found):
        raise Away("a row of its answer is too long")
    rows = [json.loads(row, parse_float=str, parse_int=str) for (row,) in found]
    return [{str(name): _text(value) for name, value in row.items()} for row in rows]


def _connection(wanted: SqlSettings, secret: str, timeout_s: float) -> psycopg.Connection[tuple[str]]:
    said = conninfo_to_dict(wanted.url)
    host, port = str(said["host"]), int(said.get("port") or 5432)
    made = psycopg.Connection.connect(
        dbname=str(said["dbname"]),
        user=str(said.get("user") or ""),
        # A password that is not asked for does no harm, and none would let libpq look for one in files.
        password=secret or "none",
        host=host,
        hostaddr=resolve(host, port, timeout_s),
        port=port,
        sslmode=str(said.get("sslmode") or "prefer"),
        connect_timeout=max(2, round(timeout_s)),
        tcp_user_timeout=int(timeout_s * 1000),
        application_name="wasl",
        options="-c default_transaction_read_only=on -c lock_timeout=1000 -c idle_in_transaction_session_timeout=10000",
    )
    made.read_only = True
    return made


def _text(value: Any) -> str:
    if value is None or isinstance(value, dict | list):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()[:500]
