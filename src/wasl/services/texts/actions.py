"""Handing texts to the gateway: `queue` is the one door for all who send; `channels.sms` carries what it took."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from wasl.core.organisation.models import City
from wasl.kernel import clock, seal
from wasl.kernel.ids import new_id
from wasl.services.texts import queries
from wasl.services.texts.making import (
    HOUSE,
    KEEP,
    KNOWN,
    OPEN,
    STOPPED,
    Made,
    New,
    Refused,
    Taken,
    answers,
    bound,
    facts_of,
    known_facts,
    make,
    number_place,
    words_place,
)
from wasl.services.texts.models import Client, Ended, Klass, Ported, Text

__all__ = [
    "HOUSE",
    "WAKE_CHANNEL",
    "New",
    "Refused",
    "Taken",
    "cancel",
    "cancel_many",
    "house",
    "number_place",
    "ported_of",
    "queue",
    "take_back",
    "take_ended",
    "wake",
    "words_place",
]

WAKE_CHANNEL = "wasl_sms"
"""LISTEN channel by which the gateway hears that something waits, the answerer that something came in or ended."""


def ported_of(numbers: Sequence[str]) -> dict[str, int]:
    """The operator of each of these numbers that was taken along to another one."""
    if not queries.settings().ported:
        return {}
    by_index = {seal.index_of(number): number for number in numbers}
    return {by_index[bytes(one.look_up)]: one.operator_id for one in Ported.objects.filter(look_up__in=list(by_index))}


def queue(code: str, news: Sequence[New]) -> list[Taken | Refused]:
    """Take texts of the client `code`, in the caller's transaction; an answer for each, in their order.

    The same `ref` again gives the text that it made. Raises Refused when there is no such client, or it is off.
    """
    known = queries.settings()
    client = known.clients.get(code)
    if client is None:
        raise Refused(_("There is no client %(code)s, or it is switched off.") % {"code": code})
    ported = ported_of([new.number for new in news])
    found: list[Taken | Refused | None] = [None] * len(news)
    made: list[tuple[int, Made]] = []
    for place, new in enumerate(news):
        try:
            made.append((place, make(client, new, known, ported=ported.get(new.number))))
        except Refused as error:
            found[place] = error
    rows = [one for _place, one in made]
    for one in rows:
        one.ready(new_id())
    if rows:
        facts = facts_of(rows, WAKE_CHANNEL)
        with transaction.atomic(), connection.cursor() as cursor:
            if bound(client):
                cursor.execute(OPEN, facts)
            cursor.execute(KEEP, facts)
            left = cursor.fetchall()
            there: dict[tuple[int, str], Any] = {}
            if any(place >= 0 for place, _why in left):
                cursor.execute(KNOWN, known_facts(rows))
                there = {(row[0], row[1]): row for row in cursor.fetchall()}
        for (place, _one), answer in zip(made, answers(rows, left, there), strict=True):
            found[place] = answer
    return [one for one in found if one is not None]


def wake() -> None:
    """Tell the gateway's processes, when this transaction commits, that there is something to do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [WAKE_CHANNEL])


def cancel(client: Client, ref: str) -> bool:
    """Take back a text that no operator has been offered yet. False when it is too late or there is none."""
    return bool(cancel_many(client, list(Text.objects.filter(client=client, ref=ref).values_list("pk", flat=True))))


def cancel_many(client: Client, pks: Sequence[int]) -> int:
    """Take back those of a client's texts that no operator has been offered yet; gives how many. Secret words go."""
    if not pks:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_CANCEL, {"client": client.pk, "pks": list(pks), "now": clock.now()})
        return int(cursor.fetchone()[0])


def take_back(look_up: bytes, first: int) -> int:
    """Take back what waits for a number in this class and those after it: its bearer wants no more. Gives how many.

    Whose texts they were is told, as of others that ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK, {"look_up": look_up, "first": first, "now": clock.now(), "error": STOPPED})
        return int(cursor.fetchone()[0])


def house() -> Client:
    """The hotline itself as a client; made when it is first asked for, sending from the city's number."""
    known = queries.settings().clients.get(HOUSE)
    if known is None:
        city = City.objects.first()
        sender = city.hotline if city else "1111"
        known, _made = Client.objects.get_or_create(
            code=HOUSE, defaults={"name": "Wasl", "sender": sender, "best": Klass.URGENT, "told": True}
        )
        queries.forget()
    return known


def end_late(limit: int = 5000) -> int:
    """End texts that are not worth sending any more, whoever should have carried them; how many, at most `limit`."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LATE, {"now": clock.now(), "lot": limit})
        return int(cursor.fetchone()[0])


_LATE = """
WITH old AS (
    SELECT text_id FROM texts_queued WHERE taken_by_id IS NULL AND worth_until <= %(now)s
    LIMIT %(lot)s FOR UPDATE SKIP LOCKED
), gone AS (DELETE FROM texts_queued q USING old WHERE q.text_id = old.text_id RETURNING q.text_id), ended AS (
    UPDATE texts_text SET state = 'expired', ended_at = %(now)s,
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM gone WHERE id = gone.text_id RETURNING id, client_id
), told AS (
    INSERT INTO texts_ended (text_id, state, at)
    SELECT ended.id, 'expired', %(now)s FROM ended JOIN texts_client c ON c.id = ended.client_id WHERE c.told
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended), (SELECT pg_notify('wasl_sms', '') FROM told LIMIT 1)
"""


def take_ended(client: Client, limit: int = 500) -> list[Ended]:
    """Endings to tell a client, the oldest first, locked for this transaction; the caller deletes what he has told."""
    return list(
        Ended.objects.select_for_update(skip_locked=True, of=("self",))
        .select_related("text")
        .filter(text__client=client)
        .order_by("pk")[:limit]
    )


# What a sender is about to take is locked by it and is not waited for.
_CANCEL = """
WITH free AS (
    SELECT text_id FROM texts_queued WHERE text_id = ANY(%(pks)s::bigint[]) AND client_id = %(client)s
        AND taken_by_id IS NULL ORDER BY text_id FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM texts_queued q USING free WHERE q.text_id = free.text_id RETURNING q.text_id
), ended AS (
    UPDATE texts_text SET state = 'cancelled', ended_at = %(now)s,
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM gone WHERE id = gone.text_id RETURNING id
)
SELECT count(*) FROM ended
"""

_TAKE_BACK = """
WITH free AS (
    SELECT q.text_id FROM texts_queued q JOIN texts_text t ON t.id = q.text_id
    WHERE t.look_up = %(look_up)s AND q.klass >= %(first)s AND q.taken_by_id IS NULL
    ORDER BY q.text_id FOR UPDATE OF q SKIP LOCKED
), gone AS (
    DELETE FROM texts_queued q USING free WHERE q.text_id = free.text_id RETURNING q.text_id
), ended AS (
    UPDATE texts_text SET state = 'cancelled', error = %(error)s, ended_at = %(now)s,
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM gone WHERE id = gone.text_id RETURNING id, client_id
), told AS (
    INSERT INTO texts_ended (text_id, state, at)
    SELECT ended.id, 'cancelled', %(now)s FROM ended JOIN texts_client c ON c.id = ended.client_id WHERE c.told
    RETURNING 1
)
SELECT (SELECT count(*) FROM ended), (SELECT pg_notify('wasl_sms', '') FROM told LIMIT 1)
"""
