"""Which of several controllers commands the calls: the holder of a lock of PostgreSQL, while its heart beats.

A process that dies loses the lock at once. One that is frozen keeps it: then whoever waits ends its session, and it
finds that out before it commands anything more, because its beat fails.
"""

import asyncio
import os
import socket
from datetime import timedelta
from typing import Any, Final

import psycopg

_LOCK: Final = 0x7761736C  # "wasl"
_EVERY_S: Final = 1.0
_NAME: Final = "asterisk"


async def taken(link: psycopg.AsyncConnection[Any], stale: timedelta) -> None:
    """Wait until the lock is ours. `link` must stay open: the lock ends with it. Raises psycopg.Error."""
    while True:
        row = await (await link.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])).fetchone()
        if row and row[0]:
            await _mark(link)
            return
        await link.execute(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l, calls_heart h"
            " WHERE l.locktype = 'advisory' AND l.objid = %s AND l.granted AND h.name = %s AND h.beat_at < now() - %s",
            [_LOCK, _NAME, stale],
        )
        await asyncio.sleep(_EVERY_S)


async def beat(link: psycopg.AsyncConnection[Any]) -> None:
    """For ever. Raises psycopg.Error or TimeoutError when the lock may be somebody else's: command nothing then."""
    while True:
        async with asyncio.timeout(10):
            await _mark(link)
        await asyncio.sleep(_EVERY_S)


async def _mark(link: psycopg.AsyncConnection[Any]) -> None:
    await link.execute(
        "INSERT INTO calls_heart (id, name, holder, beat_at) VALUES (1, %s, %s, now())"
        " ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, beat_at = excluded.beat_at",
        [_NAME, f"{socket.gethostname()}:{os.getpid()}"],
    )
