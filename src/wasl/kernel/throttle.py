"""Rate limits counted in PostgreSQL, the same for all processes and machines; what is limited is decided elsewhere.

The window is fixed and begins with the first hit of a key: from then on, for `per_s` seconds, `limit` hits pass and
the rest are refused; the first hit after it begins a new window. Around the end of a window up to twice the limit can
thus pass within `per_s`, which is the price of one row and one statement for each key.
"""

from collections.abc import Mapping
from datetime import timedelta
from math import ceil

from django.db import connection

from wasl.kernel import clock
from wasl.kernel.seal import index_of

__all__ = ["LONGEST_S", "TooMany", "clear", "give_back", "hit", "purge", "reserve"]

LONGEST_S = 86_400
"""The longest window, in seconds: a day. After it a row says nothing any more."""

_COUNT = """
INSERT INTO kernel_throttle AS t (key, window_start, hits) VALUES (%(key)s, %(now)s, 1)
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN t.window_start > %(begin)s AND t.window_start < %(end)s
                THEN least(t.hits, %(limit)s) + 1 ELSE 1 END,
    window_start = CASE WHEN t.window_start > %(begin)s AND t.window_start < %(end)s
                        THEN t.window_start ELSE %(now)s END
RETURNING hits, window_start
"""
# In the order of the keys, so that two batches never wait for each other.
_RESERVE = """
INSERT INTO kernel_throttle AS t (key, window_start, hits)
SELECT u.key, %(now)s, u.hits FROM unnest(%(keys)s::text[], %(counts)s::int[]) AS u(key, hits) ORDER BY u.key
ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN t.window_start > %(begin)s AND t.window_start < %(end)s
                THEN least(t.hits, 1000000) + EXCLUDED.hits ELSE EXCLUDED.hits END,
    window_start = CASE WHEN t.window_start > %(begin)s AND t.window_start < %(end)s
                        THEN t.window_start ELSE %(now)s END
RETURNING key, hits
"""
_GIVE_BACK = """
WITH held AS (
    SELECT t.key, u.hits FROM kernel_throttle t
    JOIN unnest(%(keys)s::text[], %(counts)s::int[]) AS u(key, hits) ON u.key = t.key
    ORDER BY t.key FOR UPDATE OF t
)
UPDATE kernel_throttle t SET hits = greatest(t.hits - held.hits, 0) FROM held WHERE t.key = held.key
"""


def _row(key: str) -> str:
    name, _colon, who = key.partition(":")
    return f"{name[:40]}:{index_of(who).hex()}"


class TooMany(Exception):
    """The limit is reached. `retry_after_s`: whole seconds, at least 1, until a hit passes again (HTTP 429)."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many; again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


def hit(key: str, *, limit: int, per_s: int) -> None:
    """Count one hit of `key`; raise TooMany when it is more than `limit` in the current window of `per_s` seconds.

    `key` names the limit and who is limited, as in `pin:2600421785` or `report:203.0.113.7`. What stands before the
    first colon is stored as it is, the rest only as a blind index: no address or number lies in the table.
    A refused hit does not lengthen the wait.
    Call it before the transaction that it protects: inside, a roll-back would forget the hit (and with it every wrong
    PIN that ends in an error), and its row would stay locked until the end. Raises RuntimeError there, ValueError for a
    limit below 1 or a window that is not 1 s to a day. Source: requirement C8.
    """
    if limit < 1 or not 1 <= per_s <= LONGEST_S:
        raise ValueError(f"a limit of {limit} in {per_s} s is none")
    _outside()
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT,
            {
                "key": _row(key),
                "now": now,
                # A hit that read the clock a little earlier than another may come a little later: a window that
                # begins after `now` is still the same one, unless the clock was set back by more than a window.
                "begin": now - timedelta(seconds=per_s),
                "end": now + timedelta(seconds=per_s),
                "limit": limit,
            },
        )
        hits, window_start = cursor.fetchone()
    if hits > limit:
        left = window_start + timedelta(seconds=per_s) - now
        raise TooMany(max(1, ceil(left.total_seconds())))


def _outside() -> None:
    # The transaction that pytest and Django put around a test is not one that anybody wrote.
    if any(not getattr(block, "_from_testcase", False) for block in getattr(connection, "atomic_blocks", ())):
        raise RuntimeError("a hit counted inside a transaction would be forgotten by its roll-back")


def reserve(wanted: Mapping[str, int], *, per_s: int) -> dict[str, int]:
    """Count so many hits of each key in one statement; gives how many there were before in the current window.

    For batches: whoever asks compares with his limit and gives back what he did not use, or what was right. Raises
    RuntimeError inside a transaction, as `hit`.
    """
    if not wanted:
        return {}
    _outside()
    now = clock.now()
    rows = {_row(key): (key, count) for key, count in wanted.items()}
    with connection.cursor() as cursor:
        cursor.execute(
            _RESERVE,
            {
                "now": now,
                "begin": now - timedelta(seconds=per_s),
                "end": now + timedelta(seconds=per_s),
                "keys": list(rows),
                "counts": [count for _key, count in rows.values()],
            },
        )
        return {rows[row][0]: hits - rows[row][1] for row, hits in cursor.fetchall()}


def give_back(unused: Mapping[str, int]) -> None:
    """Take so many hits of each key off again, in one statement."""
    kept = {_row(key): count for key, count in unused.items() if count > 0}
    if kept:
        with connection.cursor() as cursor:
            cursor.execute(_GIVE_BACK, {"keys": list(kept), "counts": list(kept.values())})


def clear(key: str) -> None:
    """Forget the hits of `key`, because the right answer came and only wrong tries matter."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM kernel_throttle WHERE key = %s", [_row(key)])


def purge() -> int:
    """Forget the windows that are over for certain, older than the longest; how many they were. A daily job."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM kernel_throttle WHERE window_start < %s", [clock.now() - timedelta(seconds=LONGEST_S)]
        )
        return int(cursor.rowcount)
