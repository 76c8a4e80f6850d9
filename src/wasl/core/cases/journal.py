"""Proving the journal: every chain, every case against its chain, every daily root; and taking the daily root."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction

from wasl.core.cases.models import DailyRoot, Entry
from wasl.kernel import chain, clock

# A day's root is taken this long after midnight; no transaction lives longer (see settings), so none can still add to the day.
ROOT_DELAY = timedelta(minutes=10)
_BATCH = 200_000


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


_LINKS = f"""
SELECT e.case_id, e.seq, e.seq = e.place, e.prev = e.expected, e.hash = {chain.sql_link("e", "e.expected")}
FROM (
    SELECT case_id, seq, at, actor, verb, data, prev, hash,
           row_number() OVER chain AS place,
           coalesce(lag(hash) OVER chain, decode(repeat('00', 32), 'hex')) AS expected
    FROM cases_entry WHERE case_id >= %s AND case_id < %s
    WINDOW chain AS (PARTITION BY case_id ORDER BY seq)
) e
WHERE e.seq <> e.place OR e.prev <> e.expected OR e.hash <> {chain.sql_link("e", "e.expected")}
ORDER BY e.case_id, e.seq LIMIT 1
"""

_HEADS = """
SELECT coalesce(c.id, h.case_id), coalesce(h.seq, 0)
FROM (SELECT id, seq, head_hash FROM cases_case WHERE id >= %s AND id < %s) c
FULL JOIN (
    SELECT DISTINCT ON (case_id) case_id, seq, hash FROM cases_entry WHERE case_id >= %s AND case_id < %s ORDER BY case_id, seq DESC
) h ON h.case_id = c.id
WHERE c.id IS NULL OR h.case_id IS NULL OR c.seq <> h.seq OR c.head_hash <> h.hash
ORDER BY 1 LIMIT 1
"""


def verify() -> Proof:
    """Prove the whole data base, range by range, and every daily root. Changes nothing, locks nothing.

    Found: an entry changed, removed or inserted anywhere; a case without its entries or the reverse; a root that does not
    come out. The proof runs on one snapshot.
    """
    entries = cases = 0
    with transaction.atomic(), connection.cursor() as cursor:
        if not connection.in_atomic_block or len(connection.savepoint_ids) == 0:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL work_mem = '128MB'")
        for first, last in _ranges():
            cursor.execute(_LINKS, [first, last])
            if row := cursor.fetchone():
                case_id, seq, in_place, follows, _ = row
                what = (
                    "an entry before it is missing or was put in" if not in_place or not follows else "it was changed"
                )
                return Proof(entries, cases, 0, Broken(case_id, seq, what))
            cursor.execute(_HEADS, [first, last, first, last])
            if row := cursor.fetchone():
                return Proof(entries, cases, 0, Broken(row[0], row[1], "the case and its last entry do not agree"))
        cursor.execute("SELECT count(*), count(DISTINCT case_id) FROM cases_entry")
        entries, cases = cursor.fetchone()
        prev, expected_days = chain.GENESIS, 0
        for root in DailyRoot.objects.order_by("day"):
            made = _root_of(root.day, prev)
            if (
                bytes(root.prev) != prev
                or bytes(root.hash) != made.hash
                or root.heads != made.heads
                or root.entries != made.entries
            ):
                return Proof(entries, cases, expected_days, Broken(0, 0, f"the root of {root.day} does not come out"))
            prev, expected_days = bytes(root.hash), expected_days + 1
    return Proof(entries, cases, expected_days, None)


def _ranges() -> Iterator[tuple[int, int]]:
    """Ranges of case ids that together hold every entry, each of about `_BATCH` entries."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least((SELECT min(case_id) FROM cases_entry), (SELECT min(id) FROM cases_case)),"
            " greatest((SELECT max(case_id) FROM cases_entry), (SELECT max(id) FROM cases_case)), (SELECT count(*) FROM cases_entry)"
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
    """sha256(prev ‖ date ‖ for each case that moved, by id: id:int64 ‖ seq:int32 ‖ hash of its last entry of the day)."""
    start, end = _day(day)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(n), 0), coalesce(string_agg(int8send(case_id) || int4send(seq) || hash, '' ORDER BY case_id), '')"
            " FROM (SELECT DISTINCT ON (case_id) case_id, seq, hash, count(*) OVER (PARTITION BY case_id) AS n"
            " FROM cases_entry WHERE at >= %s AND at < %s ORDER BY case_id, seq DESC) h",
            [start, end],
        )
        heads, entries, packed = cursor.fetchone()
    return Root(heads, int(entries), sha256(prev + day.isoformat().encode() + bytes(packed)).digest())


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
                "SELECT min(xact_start) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
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
