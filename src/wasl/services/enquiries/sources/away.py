"""Sources that may be slow or away: threads of their own for each, bounded; what was said last, for when it is away.

One of them never waits for another: each enquiry has its threads and its queue. After three failures in a row it is
left alone for a while.
"""

import hmac
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from wasl.core.organisation import queries as organisation
from wasl.kernel import clock, phone, seal
from wasl.kernel.outward import Away
from wasl.kernel.rows import read
from wasl.services.enquiries import reading
from wasl.services.enquiries.definitions import Definition, Field
from wasl.services.enquiries.models import Enquiry
from wasl.services.enquiries.sources import http, mark_of, sql

logger = logging.getLogger(__name__)

AT_ONCE, WAITING = 8, 256
"""Threads of an enquiry, and questions that may wait for one."""
FAILURES, LEFT_ALONE_S = 3, 30.0
PATIENCE_S = 2.0
"""How long a question may wait for a thread, beside its source's own time-out."""
TIMEOUT_S, LONGEST_TIMEOUT_S = 3.0, 10.0
KEEP_H = 24
"""Hours for which what a source said is kept for when it is away."""

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """A row that another system gave."""

    values: Mapping[str, str]
    owner_column: str
    pin_column: str

    def said(self, language: str) -> Mapping[str, str]:
        """Its columns but the two that only open it."""
        del language
        return {k: v for k, v in self.values.items() if k not in (self.owner_column, self.pin_column)}

    def belongs_to(self, number: str) -> bool:
        """Whether the number in its column is this one."""
        said = self.values.get(self.owner_column, "") if self.owner_column else ""
        return bool(said) and phone.normalise(said, organisation.the_city().region) == number

    def opens_with(self, pin: str) -> bool:
        """Whether the PIN in its column is this one; without such a column the source was asked with the PIN."""
        if not self.pin_column:
            return True
        said = reading.pin(self.values.get(self.pin_column, ""))
        return said is not None and hmac.compare_digest(said.encode(), pin.encode())

    @property
    def is_public(self) -> bool:
        """Nothing that another system says is, unless its enquiry says so."""
        return False

    @property
    def mark(self) -> str:
        """Of its values."""
        return mark_of(self.values)


@dataclass(slots=True)
class _Line:
    """One enquiry's threads, what waits for them, and how its source did lately."""

    pool: ThreadPoolExecutor
    pid: int
    settings: Mapping[str, Any]
    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: int = 0
    failures: int = 0
    shut_until: float = 0.0

    def enter(self) -> bool:
        """Take a place; False while it is left alone or full. When the pause is over one goes ahead to try."""
        with self.lock:
            now = time.monotonic()
            if self.waiting >= AT_ONCE + WAITING or now < self.shut_until:
                return False
            if self.failures >= FAILURES:
                self.shut_until = now + LEFT_ALONE_S
            self.waiting += 1
            return True

    def leave(self, *, failed: bool | None) -> None:
        """Give the place back; `failed` is None where nothing was tried."""
        with self.lock:
            self.waiting -= 1
            if failed:
                self.failures += 1
                if self.failures >= FAILURES:
                    self.shut_until = time.monotonic() + LEFT_ALONE_S
            elif failed is not None:
                self.failures, self.shut_until = 0, 0.0


_lines: dict[int, _Line] = {}
_lock = threading.Lock()


def _line(one: Definition) -> _Line:
    with _lock:
        held = _lines.get(one.pk)
        if held is None or held.pid != os.getpid():
            pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=f"enquiry-{one.code}")
            held = _lines[one.pk] = _Line(pool, os.getpid(), one.settings)
        if held.settings != one.settings:
            # Somebody mended it: what failed before says nothing any more.
            with held.lock:
                held.settings, held.failures, held.shut_until = one.settings, 0, 0.0
        return held


def forget() -> None:
    """Believe in every source again."""
    with _lock:
        for held in _lines.values():
            held.pool.shutdown(wait=False, cancel_futures=True)
        _lines.clear()


def asked_as(fields: Sequence[Field], given: Sequence[str]) -> dict[str, str]:
    """What statements and addresses may name: each field, and the two halves of a plate."""
    facts: dict[str, str] = {}
    for one, text in zip(fields, given, strict=True):
        facts[one.name] = text
        if one.kind == reading.Kind.PLATE:
            facts[f"{one.name}_number"], _blank, facts[f"{one.name}_letters"] = text.partition(" ")
    return facts


def look_once(one: Definition, given: Sequence[str]) -> list[Values]:
    """Ask the source here and now. Raises Away with the reason, within its time-out."""
    secret = seal.unseal(one.secret_sealed, place=f"enquiry:{one.pk}") if one.secret_sealed else ""
    asked, timeout_s = asked_as(one.fields, given), float(one.settings.get("timeout_s", TIMEOUT_S))
    if one.source == Enquiry.Source.SQL:
        return sql.look(sql.SqlSettings.of(one.settings), secret, asked, timeout_s)
    return http.look(http.HttpSettings.of(one.settings), secret, asked, timeout_s)


def rows_of(one: Definition, values: Sequence[Values]) -> list[Said]:
    """They as rows."""
    owner, pin = one.settings.get("owner_column", ""), one.settings.get("pin_column", "")
    return [Said(row, owner, pin) for row in values]


Key = tuple[int, tuple[str, ...]]
Told = tuple[Sequence[Said] | None, datetime | None]
"""Rows (None: nobody knows) and, where they are remembered, since when."""


def each_when_ready(wanted: Mapping[Key, Definition]) -> Iterator[dict[Key, Told]]:
    """What each source says, as it says it. Several answers that are there at once come together.

    Remembers what they say, and gives what they said before, with its time, for those that are away. A key is the
    enquiry and what was given.
    """
    running: dict[Future[list[Values]], tuple[Key, float]] = {}
    refused: list[Key] = []
    for key, one in wanted.items():
        line = _line(one)
        if not line.enter():
            refused.append(key)
            continue
        future = line.pool.submit(_job, line, one, key[1])
        until = time.monotonic() + float(one.settings.get("timeout_s", TIMEOUT_S)) + PATIENCE_S
        running[future] = (key, until)
    if refused:
        yield _remembered(refused, wanted)
    while running:
        pause = max(0.0, min(until for _key, until in running.values()) - time.monotonic())
        ready, _rest = wait(running, timeout=pause, return_when=FIRST_COMPLETED)
        late = [
            future for future, (_key, until) in running.items() if until <= time.monotonic() and future not in ready
        ]
        told: dict[Key, Told] = {}
        missing: list[Key] = []
        for future in (*ready, *late):
            key, _until = running.pop(future)
            if future in late:
                if future.cancel():
                    _line(wanted[key]).leave(failed=None)
                missing.append(key)
            elif future.exception() is not None:
                missing.append(key)
            else:
                told[key] = (rows_of(wanted[key], future.result()), None)
        _remember({key: [dict(row.values) for row in rows or ()] for key, (rows, _at) in told.items()})
        if missing:
            told.update(_remembered(missing, wanted))
        if told:
            yield told


def _job(line: _Line, one: Definition, given: tuple[str, ...]) -> list[Values]:
    failed = True
    try:
        found = look_once(one, given)
        failed = False
    except Away as error:
        logger.warning("enquiry %s: its source is away: %s", one.code, error)
        raise
    else:
        return found
    finally:
        line.leave(failed=failed)


# --- what was said before ---

_KEEP = """
INSERT INTO enquiries_remembered (enquiry_id, look_up, rows_sealed, at)
SELECT u.enquiry, u.look_up, u.rows, $4 FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) AS u(enquiry, look_up, rows)
ORDER BY u.look_up
ON CONFLICT (enquiry_id, look_up) DO UPDATE SET rows_sealed = EXCLUDED.rows_sealed, at = EXCLUDED.at
"""
_RECALL = """
SELECT r.look_up, r.rows_sealed, r.at FROM enquiries_remembered r
JOIN unnest($1::bigint[], $2::bytea[]) AS u(enquiry, look_up) ON r.enquiry_id = u.enquiry AND r.look_up = u.look_up
WHERE r.at > $3
"""


def _index(key: Key) -> bytes:
    return seal.index_of(f"enquiry-said:{key[0]}:{'|'.join(key[1])}")


def _place(key: Key) -> str:
    return f"enquiry-said:{key[0]}:{_index(key).hex()}"


def _remember(told: Mapping[Key, list[Values]]) -> None:
    if told:
        sealed = [seal.seal(json.dumps(rows), place=_place(key)) for key, rows in told.items()]
        read(_KEEP, [[key[0] for key in told], [_index(key) for key in told], sealed, clock.now()])


def _remembered(keys: Sequence[Key], wanted: Mapping[Key, Definition]) -> dict[Key, Told]:
    by_index = {_index(key): key for key in keys}
    oldest = clock.now() - timedelta(hours=KEEP_H)
    found: dict[Key, Told] = dict.fromkeys(keys, (None, None))
    for look_up, sealed, at in read(_RECALL, [[key[0] for key in by_index.values()], list(by_index), oldest]):
        key = by_index[bytes(look_up)]
        found[key] = (rows_of(wanted[key], json.loads(seal.unseal(sealed, place=_place(key)))), at)
    return found
