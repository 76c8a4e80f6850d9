"""Where the parts of long texts wait for each other: in the data base, so that a restart loses none."""

import json
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from wasl.channels.sms.smpp.joining import Key, Part, Seen, sort
from wasl.kernel import clock, seal
from wasl.kernel.sms import udh

PATIENCE = timedelta(minutes=30)


class Store:
    """See joining.PartStore. Works inside the caller's transaction: what it gives is kept there or not at all."""

    def __init__(self, connection: AsyncConnection[Any], operator: int) -> None:
        self._connection, self._operator = connection, operator

    async def put(self, key: Key, part: Part, _now: float) -> Sequence[Part] | None:
        """Keep the part; all parts when this was the last one missing, None otherwise or when it came before."""
        index = seal.index_of(json.dumps(key))
        seen, since = await self._parts(index)
        now = clock.now()
        found = sort(seen, part, fresh=since is None or now - since <= PATIENCE)
        if found is None:
            await self._connection.execute(
                "UPDATE texts_incomingpart SET again_at = %s WHERE operator_id = %s AND look_up = %s AND number = %s"
                " AND used",
                [now, self._operator, index, part.number],
            )
            return None
        parts, is_new = found
        if is_new:
            # What is not whole is given back by `expired`, under a name of its own.
            await self._connection.execute(
                "UPDATE texts_incomingpart SET look_up = %s WHERE operator_id = %s AND look_up = %s",
                [secrets.token_bytes(len(index)), self._operator, index],
            )
        added = [*parts.values(), part] if is_new else [part]
        for one in added:
            await self._connection.execute(
                "INSERT INTO texts_incomingpart (operator_id, look_up, number, sealed, at, used)"
                " VALUES (%s, %s, %s, %s, %s, false)",
                [self._operator, index, one.number, seal.seal(_written(key, one), place="part"), now],
            )
        parts[part.number] = part
        if len(parts) < key.total:
            return None
        await self._connection.execute(
            "UPDATE texts_incomingpart SET used = true WHERE operator_id = %s AND look_up = %s",
            [self._operator, index],
        )
        return [parts[number] for number in sorted(parts)]

    async def expired(self, _now: float) -> Sequence[tuple[Key, Sequence[Part]]]:
        """Take out what has waited too long; what was used is forgotten."""
        rows = await (
            await self._connection.execute(
                "DELETE FROM texts_incomingpart p WHERE operator_id = %(operator)s AND NOT EXISTS (SELECT 1 FROM"
                " texts_incomingpart q WHERE q.operator_id = p.operator_id AND q.look_up = p.look_up"
                " AND q.at > %(before)s) RETURNING look_up, sealed, used",
                {"operator": self._operator, "before": clock.now() - PATIENCE},
            )
        ).fetchall()
        found: dict[bytes, tuple[Key, list[Part]]] = {}
        for look_up, sealed, used in rows:
            if not used:
                key, part = _read(sealed)
                found.setdefault(bytes(look_up), (key, []))[1].append(part)
        return list(found.values())

    async def _parts(self, index: bytes) -> tuple[dict[int, Seen], datetime | None]:
        """What is kept under this name, and since when."""
        # Two connections of one operator may bring parts of one text at once.
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(index[:8], "big", signed=True)]
        )
        rows = await (
            await self._connection.execute(
                "SELECT sealed, at, used, again_at FROM texts_incomingpart WHERE operator_id = %s AND look_up = %s",
                [self._operator, index],
            )
        ).fetchall()
        now, seen = clock.now(), {}
        for sealed, _at, used, again_at in rows:
            _key, part = _read(sealed)
            seen[part.number] = Seen(part, used, (now - again_at).total_seconds() if again_at else None)
        return seen, min((at for _sealed, at, _used, _again_at in rows), default=None)


def _written(key: Key, part: Part) -> str:
    return json.dumps([list(key), part.number, part.octets.hex(), part.data_coding, part.header.encode().hex()])


def _read(sealed: bytes) -> tuple[Key, Part]:
    key, number, octets, data_coding, header = json.loads(seal.unseal(sealed, place="part"))
    read = udh.split(bytes.fromhex(header))[0] if header else udh.NO_HEADER
    return Key(*key), Part(number, bytes.fromhex(octets), data_coding, read)
