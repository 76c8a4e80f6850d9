"""The gateway's side of the queue: taking what may go, settling what the operator said, keeping what came in.

Everything here is asynchronous and in batches, past Django's compiler: it runs thousands of times a second. One
connection of psycopg is one `Spool`; each method is one transaction.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.utils.translation import gettext_noop
from psycopg import AsyncConnection

from wasl.kernel import clock
from wasl.kernel.arrays import octets, plain, texts
from wasl.services.texts.actions import WAKE_CHANNEL
from wasl.services.texts.queries import LANES, Settings

DELIVERED = "DELIVERED"
"""What a receipt calls success; the names are those of SMPP's message_state."""

BACK_OFF_S = (30, 120, 600, 3600, 3 * 3600)
"""How long a text waits after each "not now" of the operator; after the last it has failed."""

EARLY_S = 600
"""A receipt that came before the answer to its submit is looked at for so many seconds."""

SAME_S = 60
"""A text that comes again within so many seconds, by another connection, is the same one: its answer was lost."""


GATEWAY_ENDED = gettext_noop("the gateway ended while sending this")


class Kind(Enum):
    """What became of a text that was taken."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class Settled:
    """How sending a text ended. `keys`: the operator's ids of its parts. `late`: it was told to be unknown before."""

    text: int
    kind: Kind
    keys: tuple[str, ...] = ()
    error: str = ""
    late: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """A text taken from the queue, still sealed."""

    id: int
    number_sealed: bytes
    look_up: bytes
    sender: str
    words_sealed: bytes
    klass: int
    worth_until: datetime
    attempts: int
    due_at: datetime
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt: the keys under which its part may be known, the likeliest first, and whose number it is about."""

    keys: tuple[str, ...]
    look_up: bytes
    state: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A text that came in, sealed."""

    id: int
    code: str
    number_sealed: bytes
    look_up: bytes
    hint: str
    words_sealed: bytes
    mark: bytes
    session: int
    whole: bool = True


@dataclass(slots=True)
class Spool:
    """One operator's queue over one connection (autocommit, for it opens its own transactions)."""

    connection: AsyncConnection[tuple[Any, ...]]
    operator: int
    _turn: int = field(default=0)

    # --- out -------------------------------------------------------------------------------------------------------

    async def turn(
        self, settled: Sequence[Settled], told: Sequence[Told], routes: Sequence[int], room: int, known: Settings
    ) -> tuple[list[Claimed], int]:
        """Settle what was answered, note receipts, and take up to `room` texts of `routes` that may go now.

        Gives those, and how many were too late. The first class that waits goes first; within it each client gets the
        same share. Receipts of parts that are not known (yet) are kept.
        """
        async with self.connection.transaction():
            if settled:
                await self._settle(settled, known)
            if told:
                await self._match(told, keep=True)
            if room < 1 or not routes:
                return [], 0
            return await self._claim(routes, room, known)

    async def _claim(self, routes: Sequence[int], room: int, known: Settings) -> tuple[list[Claimed], int]:
        now = clock.now()
        lanes = await self._rows(_LANES, {"routes": list(routes), "now": now})
        # A long queue reaches into the night: people are let sleep all the same.
        lanes = [lane for lane in lanes if known.may_go_at(lane[1], now) <= now]
        self._turn += 1
        taken: list[Claimed] = []
        late: list[int] = []
        for klass in sorted({lane[1] for lane in lanes}):
            open_lanes = [lane for lane in lanes if lane[1] == klass]
            # Who comes first changes from turn to turn, or a small room would always be the same client's.
            shift = self._turn % len(open_lanes)
            open_lanes = open_lanes[shift:] + open_lanes[:shift]
            while open_lanes and len(taken) + len(late) < room:
                free = room - len(taken) - len(late)
                share = max(1, free // len(open_lanes))
                asked = open_lanes[:free]
                rows = await self._rows(
                    _TAKE,
                    {
                        "routes": plain(lane[0] for lane in asked),
                        "klass": klass,
                        "clients": plain(lane[2] for lane in asked),
                        "share": share,
                        "now": now,
                        "operator": self.operator,
                    },
                )
                got: dict[tuple[int, int], int] = {}
                for route, client, *row in rows:
                    got[route, client] = got.get((route, client), 0) + 1
                    one = Claimed(*row)
                    if one.worth_until <= now:
                        late.append(one.id)
                    else:
                        taken.append(one)
                open_lanes = [lane for lane in open_lanes if lane not in asked or got.get((lane[0], lane[2])) == share]
            if len(taken) + len(late) >= room:
                break
        if late:
            await self._end(late, "expired", "")
        # Ids do not tell the order: each process that takes texts draws them in blocks of its own.
        taken.sort(key=lambda one: (one.klass, one.due_at, one.made_at, one.id))
        return taken, len(late)

    async def _settle(self, settled: Sequence[Settled], known: Settings) -> None:
        by_kind: dict[Kind, list[Settled]] = {}
        for one in settled:
            by_kind.setdefault(one.kind, []).append(one)
        # Doubts first: the truth about one may have come in the same turn.
        if unknown := by_kind.get(Kind.UNKNOWN):
            for error in {one.error for one in unknown}:
                await self._doubt([one.text for one in unknown if one.error == error], error, known)
        if accepted := by_kind.get(Kind.ACCEPTED):
            await self._accepted(accepted)
        for one in by_kind.get(Kind.REFUSED, ()):
            await self._end([one.text], "failed", one.error)
        if later := by_kind.get(Kind.LATER):
            await self._later(later)
        if returned := by_kind.get(Kind.RETURNED):
            await self._do(_RETURN, {"ids": [one.text for one in returned], "operator": self.operator})

    async def _accepted(self, accepted: Sequence[Settled]) -> None:
        # Told twice (the answer to a commit can be lost, too) it is settled once: only what is still taken counts.
        for statement, some in (
            (_ACCEPT, [one for one in accepted if not one.late]),
            (_ACCEPT_LATE, [one for one in accepted if one.late]),
        ):
            if some:
                facts = {
                    "ids": plain(one.text for one in some),
                    "texts": plain(one.text for one in some for _key in one.keys),
                    "keys": texts([key for one in some for key in one.keys]),
                    "operator": self.operator,
                    "now": clock.now(),
                }
                await self._do(statement, facts)

    async def _later(self, later: Sequence[Settled]) -> None:
        now = clock.now()
        for one in later:
            rows = await self._rows(
                "SELECT attempts FROM texts_queued WHERE text_id = %(id)s AND taken_by_id = %(operator)s",
                {"id": one.text, "operator": self.operator},
            )
            if not rows:
                continue
            attempts = int(rows[0][0])
            if attempts > len(BACK_OFF_S):
                await self._end([one.text], "failed", one.error)
                continue
            facts = {
                "id": one.text,
                "due": now + timedelta(seconds=BACK_OFF_S[attempts - 1]),
                "error": one.error[:120],
                "operator": self.operator,
            }
            await self._do(_LATER, facts)
            await self._do("UPDATE texts_text SET error = %(error)s WHERE id = %(id)s", facts)

    async def _doubt(self, ids: list[int], error: str, known: Settings) -> None:
        """Nobody knows whether the operator has them: once more where the class allows it, else in doubt."""
        again = [klass for klass, rule in known.rules.items() if rule.repeat]
        facts = {"ids": ids, "operator": self.operator, "again": again, "now": clock.now(), "error": error[:120]}
        rows = await self._rows(_AGAIN, facts)
        repeated = {row[0] for row in rows}
        if left := [one for one in ids if one not in repeated]:
            await self._end(left, "in_doubt", error)

    async def _end(self, ids: list[int], state: str, error: str) -> None:
        facts = {"ids": ids, "state": state, "error": error[:120], "now": clock.now(), "operator": self.operator}
        await self._do(_END, facts)

    async def recover(self, known: Settings) -> int:
        """What an earlier holder of this operator had in its hands when it ended: in doubt. Gives how many."""
        async with self.connection.transaction():
            rows = await self._rows(
                "SELECT text_id FROM texts_queued WHERE taken_by_id = %(operator)s", {"operator": self.operator}
            )
            if rows:
                await self._doubt([row[0] for row in rows], GATEWAY_ENDED, known)
            return len(rows)

    async def release(self, mine: Sequence[int], older_s: float = 0.0) -> None:
        """Give back what is marked as taken by this operator, for `older_s` at least, and is not in `mine`."""
        before = clock.now() - timedelta(seconds=older_s)
        await self._do(_RELEASE, {"operator": self.operator, "mine": list(mine), "before": before})

    # --- in --------------------------------------------------------------------------------------------------------

    async def _match(self, told: Sequence[Told], *, keep: bool) -> None:
        rows = [(place, one, key) for place, one in enumerate(told) for key in one.keys]
        facts = {
            "places": plain(place for place, _one, _key in rows),
            "sure": plain(len(one.keys) == 1 for _place, one, _key in rows),
            "keys": texts([key for _place, _one, key in rows]),
            "look_ups": octets(one.look_up for _place, one, _key in rows),
            "states": texts([one.state for _place, one, _key in rows]),
            "errors": texts([one.error[:20] for _place, one, _key in rows]),
            "operator": self.operator,
            "now": clock.now(),
            "delivered": DELIVERED,
        }
        await self._do(_LOCK_LONG, facts)
        found = {row[0] for row in await self._rows(_MATCH, facts)}
        lost = [one for place, one in enumerate(told) if place not in found]
        if keep and lost:
            facts = {
                "keys": texts([" ".join(one.keys) for one in lost]),
                "look_ups": octets(one.look_up for one in lost),
                "states": texts([one.state for one in lost]),
                "errors": texts([one.error[:20] for one in lost]),
                "operator": self.operator,
                "now": clock.now(),
            }
            await self._do(_KEEP_EARLY, facts)

    async def sweep(self) -> int:
        """Match receipts that came before the answer to their submit; forget those that nobody claimed in 3 days."""
        async with self.connection.transaction():
            since = clock.now() - timedelta(seconds=EARLY_S)
            rows = await self._rows(_EARLY, {"operator": self.operator, "since": since})
            if rows:
                told = [Told(tuple(keys), look_up, state, error) for _id, keys, look_up, state, error in rows]
                await self._match(told, keep=False)
                await self._do(
                    "DELETE FROM texts_earlyreceipt WHERE id = ANY(%(ids)s)", {"ids": [row[0] for row in rows]}
                )
            return len(rows)

    async def forget(self) -> None:
        """Receipts of nothing that we know, three days old."""
        await self._do(
            "DELETE FROM texts_earlyreceipt WHERE operator_id = %(operator)s AND at < %(before)s",
            {"operator": self.operator, "before": clock.now() - timedelta(days=3)},
        )

    async def arrived(self, came: Sequence[Arrived], live: Iterable[int]) -> int:
        """Keep texts that came in, inside the caller's transaction; those that came before are left out.

        `live` are the connections open now: only what came by another one can be a repetition. Gives how many are new.
        """
        now = clock.now()
        rows = await self._rows(
            _ARRIVED,
            {
                "ids": plain(one.id for one in came),
                "codes": texts([one.code for one in came]),
                "numbers": octets(one.number_sealed for one in came),
                "look_ups": octets(one.look_up for one in came),
                "hints": texts([one.hint for one in came]),
                "words": octets(one.words_sealed for one in came),
                "marks": octets(one.mark for one in came),
                "sessions": plain(one.session for one in came),
                "wholes": plain(one.whole for one in came),
                "operator": self.operator,
                "now": now,
                "since": now - timedelta(seconds=SAME_S),
                "live": plain(live),
            },
        )
        if rows:
            await self._do(f"NOTIFY {WAKE_CHANNEL}", {})
        return len(rows)

    # --- -----------------------------------------------------------------------------------------------------------

    async def _rows(self, statement: str, facts: dict[str, Any]) -> list[tuple[Any, ...]]:
        # The statements are constants of this module.
        return await (await self.connection.execute(statement.encode(), facts, binary=True)).fetchall()

    async def _do(self, statement: str, facts: dict[str, Any]) -> None:
        await self.connection.execute(statement.encode(), facts)


_LANES = f"""
{LANES}SELECT route_id, klass, client_id FROM lane WHERE route_id = ANY(%(routes)s)
  AND NOT EXISTS (SELECT 1 FROM texts_client c WHERE c.id = lane.client_id AND c.held) AND (
    SELECT true FROM texts_queued d WHERE d.taken_by_id IS NULL AND d.route_id = lane.route_id
      AND d.klass = lane.klass AND d.client_id = lane.client_id AND d.due_at <= %(now)s LIMIT 1)
"""  # noqa: S608  # constants of ours
# The last one is no EXISTS: PostgreSQL may turn that into a join, and then reads a queue of a million for one lane.

_TAKE = """
WITH picked AS MATERIALIZED (
    SELECT p.text_id FROM unnest(%(routes)s::bigint[], %(clients)s::bigint[]) AS lane(route, client), LATERAL (
        SELECT q.text_id FROM texts_queued q
        WHERE q.taken_by_id IS NULL AND q.route_id = lane.route AND q.klass = %(klass)s AND q.client_id = lane.client
          AND q.due_at <= %(now)s
        ORDER BY q.due_at, q.text_id LIMIT %(share)s FOR UPDATE SKIP LOCKED) p
), taken AS (
    UPDATE texts_queued q SET taken_by_id = %(operator)s, taken_at = %(now)s, attempts = attempts + 1
    FROM picked WHERE q.text_id = picked.text_id
    RETURNING q.text_id, q.route_id, q.client_id, q.klass, q.worth_until, q.attempts, q.due_at
)
SELECT taken.route_id, taken.client_id, t.id, t.number_sealed, t.look_up, t.sender, t.words_sealed, taken.klass,
       taken.worth_until, taken.attempts, taken.due_at, t.made_at
FROM taken JOIN texts_text t ON t.id = taken.text_id
"""

_PARTS = """
INSERT INTO texts_part (text_id, operator_id, key, accepted_at, state, error)
SELECT u.text, %(operator)s, u.key, %(now)s, '', ''
FROM unnest(%(texts)s::bigint[], %(keys)s::text[]) AS u(text, key) JOIN sent ON sent.id = u.text
"""

# IS NOT DISTINCT: no index knows that, or PostgreSQL reads all that was ever taken since the last vacuum.
_ACCEPT = f"""
WITH gone AS (
    DELETE FROM texts_queued WHERE text_id = ANY(%(ids)s::bigint[])
        AND taken_by_id IS NOT DISTINCT FROM %(operator)s RETURNING text_id
), sent AS (
    UPDATE texts_text SET state = 'accepted', operator_id = %(operator)s, accepted_at = %(now)s, error = '',
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM gone WHERE id = gone.text_id RETURNING id
)
{_PARTS}"""  # noqa: S608  # constants of ours

# One that was in doubt; its repetition, if nobody has taken it yet, does not go.
_ACCEPT_LATE = f"""
WITH gone AS (
    DELETE FROM texts_queued WHERE text_id = ANY(%(ids)s::bigint[]) AND taken_by_id IS NULL RETURNING text_id
), sent AS (
    UPDATE texts_text SET state = 'accepted', operator_id = %(operator)s, accepted_at = %(now)s, error = '',
        ended_at = NULL, words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    WHERE id = ANY(%(ids)s::bigint[]) AND (state = 'in_doubt' OR id IN (SELECT text_id FROM gone)) RETURNING id
)
{_PARTS}"""  # noqa: S608  # constants of ours

_LATER = """
UPDATE texts_queued SET taken_by_id = NULL, taken_at = NULL, due_at = %(due)s
WHERE text_id = %(id)s AND taken_by_id = %(operator)s
"""

_RETURN = """
UPDATE texts_queued SET taken_by_id = NULL, taken_at = NULL, attempts = attempts - 1
WHERE text_id = ANY(%(ids)s) AND taken_by_id = %(operator)s
"""

_AGAIN = """
WITH first AS (
    UPDATE texts_text SET repeated = true, error = %(error)s
    WHERE id = ANY(%(ids)s) AND NOT repeated AND klass = ANY(%(again)s) AND state = 'queued' RETURNING id
)
UPDATE texts_queued SET taken_by_id = NULL, taken_at = NULL
FROM first WHERE text_id = first.id AND taken_by_id = %(operator)s RETURNING text_id
"""

_END = """
WITH gone AS (
    DELETE FROM texts_queued WHERE text_id = ANY(%(ids)s) AND taken_by_id = %(operator)s RETURNING text_id
), ended AS (
    UPDATE texts_text SET state = %(state)s, error = %(error)s, ended_at = %(now)s, operator_id = %(operator)s,
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM gone WHERE id = gone.text_id RETURNING id, client_id
), told AS (
    INSERT INTO texts_ended (text_id, state, at)
    SELECT ended.id, %(state)s, %(now)s FROM ended JOIN texts_client c ON c.id = ended.client_id WHERE c.told
    RETURNING 1
)
SELECT pg_notify('wasl_sms', '') FROM told LIMIT 1
"""

_RELEASE = """
UPDATE texts_queued SET taken_by_id = NULL, taken_at = NULL, attempts = greatest(attempts - 1, 0)
WHERE taken_by_id = %(operator)s AND text_id <> ALL(%(mine)s::bigint[]) AND taken_at <= %(before)s
"""

# Receipts of a long text's parts come over two connections: who comes second counts what the first has written. By a
# statement of its own, for each sees what was there when it began.
_LOCK_LONG = """
SELECT FROM texts_text WHERE parts > 1 AND id IN (
    SELECT text_id FROM texts_part WHERE operator_id = %(operator)s AND key = ANY(%(keys)s::text[]) AND state = '')
ORDER BY id FOR NO KEY UPDATE
"""

# The operator's id alone names a part if we know how he writes ids; else it does only together with the number. What a
# text has come to is counted from its parts as they were before, and from those that end here. LATERAL, LIMIT and ARRAY
# let PostgreSQL do nothing but look up one after the other: while the tables are small it plans to read them whole, and
# keeps to its plan when they have grown.
_MATCH = """
WITH told AS (
    SELECT * FROM unnest(%(places)s::int[], %(sure)s::bool[], %(keys)s::text[], %(look_ups)s::bytea[],
        %(states)s::text[], %(errors)s::text[]) WITH ORDINALITY AS u(place, sure, key, look_up, state, error, rank)
), best AS (
    SELECT DISTINCT ON (told.place) told.place, told.state, told.error, p.id FROM told, LATERAL (
        SELECT p.id FROM texts_part p
        WHERE p.operator_id = %(operator)s AND p.key = told.key AND p.state = ''
          AND (told.sure OR (SELECT t.look_up FROM texts_text t WHERE t.id = p.text_id) = told.look_up)
        ORDER BY p.id DESC LIMIT 1) p
    ORDER BY told.place, told.rank
), hit AS (
    UPDATE texts_part p SET state = best.state, error = best.error, done_at = %(now)s
    FROM best WHERE p.id = best.id AND p.id = ANY(ARRAY(SELECT id FROM best))
    RETURNING best.place, p.text_id, p.state, p.error
), now_ended AS (
    SELECT text_id, count(*) AS parts, string_agg(DISTINCT state || ' ' || error, ', ')
        FILTER (WHERE state <> %(delivered)s) AS error
    FROM hit GROUP BY text_id
), outcome AS (
    SELECT n.text_id, e.waiting = n.parts AND n.error IS NULL AND e.error IS NULL AS delivered,
        n.error IS NOT NULL OR e.error IS NOT NULL AS failed, concat_ws(', ', e.error, n.error) AS error
    FROM now_ended n, LATERAL (
        SELECT count(*) FILTER (WHERE state = '') AS waiting, string_agg(DISTINCT state || ' ' || error, ', ')
            FILTER (WHERE state NOT IN (%(delivered)s, '')) AS error
        FROM texts_part WHERE text_id = n.text_id) e
), ended AS (
    UPDATE texts_text t SET state = CASE WHEN o.delivered THEN 'delivered' ELSE 'failed' END,
        ended_at = %(now)s, error = left(trim(o.error), 120),
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM outcome o WHERE t.id = o.text_id AND t.state = 'accepted' AND (o.delivered OR o.failed)
    RETURNING t.id, t.client_id, t.state
), telling AS (
    INSERT INTO texts_ended (text_id, state, at)
    SELECT ended.id, ended.state, %(now)s FROM ended JOIN texts_client c ON c.id = ended.client_id WHERE c.told
    RETURNING 1
), woken AS (
    SELECT pg_notify('wasl_sms', '') FROM (SELECT 1 FROM telling LIMIT 1) AS any_told
)
SELECT place FROM hit UNION ALL SELECT -1 FROM woken
"""

_KEEP_EARLY = """
INSERT INTO texts_earlyreceipt (operator_id, keys, look_up, state, error, at)
SELECT %(operator)s, string_to_array(k, ' '), l, s, e, %(now)s
FROM unnest(%(keys)s::text[], %(look_ups)s::bytea[], %(states)s::text[], %(errors)s::text[]) AS u(k, l, s, e)
"""

_EARLY = """
SELECT e.id, e.keys, e.look_up, e.state, e.error FROM texts_earlyreceipt e
WHERE e.operator_id = %(operator)s AND e.at > %(since)s AND EXISTS (
    SELECT 1 FROM unnest(e.keys) AS k(key), LATERAL (
        SELECT p.text_id FROM texts_part p WHERE p.operator_id = e.operator_id AND p.key = k.key AND p.state = ''
    ) p WHERE cardinality(e.keys) = 1
        OR EXISTS (SELECT 1 FROM texts_text t WHERE t.id = p.text_id AND t.look_up = e.look_up)
) LIMIT 1000
"""

_ARRIVED = """
INSERT INTO texts_incoming (id, operator_id, code, number_sealed, look_up, hint, words_sealed, mark, session, whole,
    state, tries, at)
SELECT u.id, %(operator)s, u.code, u.number, u.look_up, u.hint, u.words, u.mark, u.session, u.whole, 'new', 0, %(now)s
FROM unnest(%(ids)s::bigint[], %(codes)s::text[], %(numbers)s::bytea[], %(look_ups)s::bytea[], %(hints)s::text[],
    %(words)s::bytea[], %(marks)s::bytea[], %(sessions)s::bigint[], %(wholes)s::bool[])
    AS u(id, code, number, look_up, hint, words, mark, session, whole)
WHERE NOT EXISTS (SELECT 1 FROM texts_incoming i WHERE i.mark = u.mark AND i.at > %(since)s
    AND i.session <> u.session AND i.session <> ALL(%(live)s::bigint[]))
RETURNING id
"""
