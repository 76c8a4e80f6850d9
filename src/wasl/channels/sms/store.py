"""Where the parts of long texts wait for each other: in the data base, so that a restart loses none."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from psycopg import AsyncConnection

from wasl.channels.sms.smpp.joining import Key, Part
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
        before = await self._parts(index)
        now = clock.now()
        if before:
            fresh = now - min(at for _part, at, _used in before.values()) <= PATIENCE
            same = before.get(part.number)
            if same is not None and same[0] == part and fresh:
                return None
            if same is not None or not fresh or any(used for _part, _at, used in before.values()):
                await self._connection.execute(
                    "DELETE FROM texts_incomingpart WHERE operator_id = %s AND look_up = %s", [self._operator, index]
                )
                before = {}
        await self._connection.execute(
            "INSERT INTO texts_incomingpart (operator_id, look_up, number, sealed, at, used)"
            " VALUES (%s, %s, %s, %s, %s, false)",
            [self._operator, index, part.number, seal.seal(_written(key, part), place="part"), now],
        )
        parts = {number: one for number, (one, _at, _used) in before.items()} | {part.number: part}
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
                " AND q.at > %(before)s) RETURNING sealed, used",
                {"operator": self._operator, "before": clock.now() - PATIENCE},
            )
        ).fetchall()
        found: dict[Key, list[Part]] = {}
        for sealed, used in rows:
            if not used:
                key, part = _read(sealed)
                found.setdefault(key, []).append(part)
        return list(found.items())

    async def _parts(self, index: bytes) -> dict[int, tuple[Part, Any, bool]]:
        # Two connections of one operator may bring parts of one text at once.
        await self._connection.execute(
            "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(index[:8], "big", signed=True)]
        )
        rows = await (
            await self._connection.execute(
                "SELECT sealed, at, used FROM texts_incomingpart WHERE operator_id = %s AND look_up = %s",
                [self._operator, index],
            )
        ).fetchall()
        found = {}
        for sealed, at, used in rows:
            _key, part = _read(sealed)
            found[part.number] = part, at, used
        return found


def _written(key: Key, part: Part) -> str:
    return json.dumps([list(key), part.number, part.octets.hex(), part.data_coding, part.header.encode().hex()])


def _read(sealed: bytes) -> tuple[Key, Part]:
    key, number, octets, data_coding, header = json.loads(seal.unseal(sealed, place="part"))
    read = udh.split(bytes.fromhex(header))[0] if header else udh.NO_HEADER
    return Key(*key), Part(number, bytes.fromhex(octets), data_coding, read)
