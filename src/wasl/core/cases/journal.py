"""Proving the journal: every chain, every case against its chain, every daily root; and taking the daily root."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import psycopg
from django.conf import settings
from django.db import connection, transaction

from wasl.core.cases.models import DailyRoot, Entry
from wasl.kernel import chain, clock

# A day's root is taken this long after midnight, and only when no older transaction can still add to the day.
ROOT_DELAY = timedelta(minutes=10)
_BATCH = 50_000


@dataclass(frozen=True)
class Broken:
    """The first thing found wrong."""

    case_id: int
    seq: int
    what: str

    def __str__(self) -> str:
        place = f"case {self.case_id}, entry {self.seq}" if self.case_id else "daily root"
        return f"{place}: {self.what}"


@dataclass(frozen=True)
class Proof:
    """What `verify` found."""

    entries: int
    cases: int
    roots: int
    broken: Broken | None


# A row a case, for a message an entry costs more than its hash. The second column holds, entry by entry, all that
# `kernel.chain` hashes, as PostgreSQL sends these columns, each with its int32 length.
_CHAINS = """
SELECT case_id, array_agg(
           '\\x00000020'::bytea || prev || '\\x00000008'::bytea || int8send(case_id)
           || '\\x00000004'::bytea || int4send(seq) || '\\x00000008'::bytea || timestamptz_send(at)
           || int4send(octet_length(actor)) || textsend(actor::text)
           || int4send(octet_length(verb)) || textsend(verb::text)
           || int4send(octet_length(data::text)) || textsend(data::text)), array_agg(hash)
FROM (SELECT * FROM cases_entry WHERE case_id >= %s AND case_id < %s ORDER BY case_id, seq) e
GROUP BY case_id ORDER BY case_id
"""
_HEADS = "SELECT id, seq, head_hash FROM cases_case WHERE id >= %s AND id < %s"


def verify() -> Proof:
    """Prove the whole data base, range by range, and every daily root. Changes nothing, locks nothing.

    Found: an entry changed, removed or inserted anywhere; a case without its entries or the reverse; a root that does
    not come out. The proof runs on one snapshot, and is computed here, not by the server that is being proved.
    """
    entries = cases = 0
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.savepoint_ids:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        for first, last in _ranges():
            cursor.execute(_HEADS, [first, last])
            heads = {case: (seq, bytes(last)) for case, seq, last in cursor.fetchall()}
            cases += len(heads)
            proved, broken = _prove(first, last, heads)
            entries += proved
            if broken is not None:
                return Proof(entries, cases, 0, broken)
        prev, roots = chain.GENESIS, 0
        for root in DailyRoot.objects.order_by("day"):
            made = _root_of(root.day, prev)
            if (bytes(root.prev), bytes(root.hash), root.heads, root.entries) != (
                prev,
                made.hash,
                made.heads,
                made.entries,
            ):
                return Proof(entries, cases, roots, Broken(0, 0, f"the root of {root.day} does not come out"))
            prev, roots = made.hash, roots + 1
    return Proof(entries, cases, roots, None)


def _prove(first: int, last: int, heads: dict[int, tuple[int, bytes]]) -> tuple[int, Broken | None]:
    """Check the chains of a range of cases against `heads`; gives how many entries proved and the first thing wrong."""
    proved = 0
    with psycopg.Cursor(connection.connection) as cursor:
        rows = cursor.stream(_CHAINS, [first, last], binary=True, size=200)
        for case, sent, hashes in rows:
            # By induction: every hash comes out of what stands there, and what stands there names the hash before it.
            if hashes != [sha256(entry).digest() for entry in sent] or chain.starts(case, hashes) != [
                entry[: chain.START] for entry in sent
            ]:
                _read_out(rows)
                place, what = _first_wrong(case, sent, hashes)
                seq = Entry.objects.filter(case_id=case).order_by("seq").values_list("seq", flat=True)[place]
                return proved + place, Broken(case, seq, what)
            proved += len(sent)
            if heads.pop(case, None) != (len(sent), hashes[-1]):
                _read_out(rows)
                return proved, Broken(case, len(sent), _DISAGREE)
    return proved, Broken(min(heads), 0, _DISAGREE) if heads else None


def _read_out(rows: Iterator[object]) -> None:
    """Let the rest go unread: the connection is used again."""
    deque(rows, 0)


_DISAGREE = "the case and its last entry do not agree"


def _first_wrong(case: int, sent: list[bytes], hashes: list[bytes]) -> tuple[int, str]:
    """How many entries of a chain prove before it first goes wrong, and how it does."""
    for place, (entry, start, hash_) in enumerate(zip(sent, chain.starts(case, hashes), hashes, strict=True)):
        if entry[: chain.START] != start:
            return place, "an entry before it is missing or was put in"
        if sha256(entry).digest() != hash_:
            return place, "it was changed"
    raise AssertionError(f"the chain of case {case} proves after all")


def _ranges() -> Iterator[tuple[int, int]]:
    """Ranges of case ids that together hold every entry, each of about `_BATCH` entries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least((SELECT min(case_id) FROM cases_entry), (SELECT min(id) FROM cases_case)),"
            " greatest((SELECT max(case_id) FROM cases_entry), (SELECT max(id) FROM cases_case)),"
            " (SELECT count(*) FROM cases_entry)"
        )
        first, last, count = cursor.fetchone()
    if first is None:
        return
    steps = max(1, count // _BATCH)
    width = (last - first) // steps + 1
    for start in range(first, last + 1, width):
        yield start, start + width


@dataclass(frozen=True)
class Root:
    """One day's root as computed."""

    heads: int
    entries: int
    hash: bytes


def _day(day: date) -> tuple[datetime, datetime]:
    zone = ZoneInfo(settings.TIME_ZONE)
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    return start, datetime(following.year, following.month, following.day, tzinfo=zone)


def _root_of(day: date, prev: bytes) -> Root:
    """sha256(prev ‖ date ‖ for each case that moved, by id: id:int64 ‖ seq:int32 ‖ hash of its last entry that day)."""
    span = _day(day)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM cases_entry WHERE at >= %s AND at < %s", span)
        (entries,) = cursor.fetchone()
        cursor.execute(
            "SELECT count(*), coalesce(string_agg(int8send(case_id) || int4send(seq) || hash, '' ORDER BY case_id), '')"
            " FROM (SELECT DISTINCT ON (case_id) case_id, seq, hash FROM cases_entry WHERE at >= %s AND at < %s"
            " ORDER BY case_id, seq DESC) h",
            span,
        )
        heads, packed = cursor.fetchone()
    return Root(heads, entries, sha256(prev + day.isoformat().encode() + bytes(packed)).digest())


def take_roots() -> list[DailyRoot]:
    """Take the root of every day that is over and has none yet, in order, empty days too; gives those newly taken."""
    today = (clock.now() - ROOT_DELAY).astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    made = []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('wasl daily root'))")
        last = DailyRoot.objects.order_by("-day").first()
        if last is None:
            first = Entry.objects.order_by("at").values_list("at", flat=True).first()
            if first is None:
                return []
            day, prev = first.astimezone(ZoneInfo(settings.TIME_ZONE)).date(), chain.GENESIS
        else:
            day, prev = last.day + timedelta(days=1), bytes(last.hash)
        # Whoever began before midnight may still add to the day; his entries are not to be seen yet.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT min(xact_start) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            oldest = cursor.fetchone()[0]
        while day < today and (oldest is None or _day(day)[1] <= oldest):
            root = _root_of(day, prev)
            made.append(
                DailyRoot.objects.create(
                    day=day, heads=root.heads, entries=root.entries, prev=prev, hash=root.hash, made_at=clock.now()
                )
            )
            day, prev = day + timedelta(days=1), root.hash
    return made
