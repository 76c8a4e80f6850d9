"""Taking numbers and words out of texts: of who is forgotten, and of what is old. Rows and figures (`tally`) stay."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from wasl.kernel import clock, seal
from wasl.services.texts.actions import HOUSE, cancel_many, words_place
from wasl.services.texts.models import Client, Emptied, Queued, Text

GONE = "•••"
"""What stands where the masked number stood."""
_PAGE = 20_000


def forget(numbers: Iterable[str]) -> int:
    """Empty the texts to and from these numbers (E.164); how many. Call it in the transaction that forgets him.

    The house's own that wait are taken back. What an operator is about to take, or another system has not heard of yet,
    is emptied when that has happened (its words) or when it is old (its number).
    """
    look_ups = [seal.index_of(number) for number in numbers]
    if not look_ups:
        return 0
    for client in Client.objects.filter(code=HOUSE):
        waiting = Queued.objects.filter(text__look_up__in=look_ups, client=client, taken_by__isnull=True)
        cancel_many(client, list(waiting.values_list("pk", flat=True)))
    Text.objects.filter(look_up__in=look_ups, queued__isnull=False).update(secret=True)
    facts: dict[str, Any] = {"look_ups": look_ups, "gone": GONE}
    done = 0
    with connection.cursor() as cursor:
        for statement in (_TEXTS.format(which=_OF_NUMBER), _INCOMING.format(which=_OF_NUMBER)):
            cursor.execute(statement, facts)
            done += cursor.rowcount
    return done


def reword(words: Mapping[int, str]) -> None:
    """Keep these words of incoming texts (by id) instead of what came: a PIN is masked in them."""
    rows = [(pk, seal.seal(text, place=words_place(pk))) for pk, text in words.items()]
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_REWORD, {"ids": [pk for pk, _words in rows], "words": [sealed for _pk, sealed in rows]})


def forget_old() -> int:
    """Empty texts older than `WASL_TEXTS_DAYS` (0: none) that have ended or were answered; how many. A daily job."""
    if settings.WASL_TEXTS_DAYS <= 0:
        return 0
    before = clock.now() - timedelta(days=settings.WASL_TEXTS_DAYS)
    old = "t.id > %(after)s AND t.id <= %(last)s AND {at} < %(before)s AND t.number_sealed <> ''"
    return sum(
        _by_pages(table, at, statement.format(which=old.format(at=f"t.{at}")), {"before": before, "gone": GONE})
        for table, at, statement in (("texts_text", "made_at", _TEXTS), ("texts_incoming", "at", _INCOMING))
    )


def _by_pages(table: str, at: str, statement: str, facts: dict[str, Any]) -> int:
    """In the order of ids, which is that of time but for some seconds, until a page holds nothing old.

    What lies before `Emptied.up_to` is empty and is not read again; but on the first of a month all is, for a process
    that slept over may have used an id that it had reserved long before.
    """
    kept, _new = Emptied.objects.get_or_create(table=table)
    done, after, whole = 0, 0 if timezone.localdate(clock.now()).day == 1 else kept.up_to, True
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NEXT.format(table=table, at=at), {"after": after, "page": _PAGE})
            last, first_at = cursor.fetchone()
            if last is None or first_at >= facts["before"]:
                return done
            cursor.execute(statement, {**facts, "after": after, "last": last})
            done += cursor.rowcount
            cursor.execute(_LEFT.format(table=table), {"after": after, "last": last})
            # What still waits in a page is looked for again; so it and all after it are not left out.
            whole = whole and not cursor.fetchone()[0]
            if whole:
                Emptied.objects.filter(table=table).update(up_to=last)
            after = last


_REWORD = """
UPDATE texts_incoming t SET words_sealed = n.words FROM unnest(%(ids)s::bigint[], %(words)s::bytea[]) n(id, words)
WHERE t.id = n.id
"""
_NEXT = """
SELECT max(id), min({at}) FROM (SELECT id, {at} FROM {table} WHERE id > %(after)s ORDER BY id LIMIT %(page)s) page
"""
_LEFT = """
SELECT EXISTS (SELECT 1 FROM {table} WHERE id > %(after)s AND id <= %(last)s AND number_sealed <> '')
"""
# A receipt that is still to come is known by the number's index where operators write ids in several ways.
_TEXTS = """
UPDATE texts_text t SET words_sealed = NULL, mark = NULL, number_sealed = '', hint = %(gone)s,
    look_up = CASE WHEN state = 'accepted' AND made_at > now() - interval '7 days' THEN look_up ELSE '' END
WHERE {which} AND NOT EXISTS (SELECT 1 FROM texts_queued q WHERE q.text_id = t.id)
    AND NOT EXISTS (SELECT 1 FROM exchange_handed h WHERE h.text_id = t.id)
"""
_OF_NUMBER = "t.look_up = ANY(%(look_ups)s)"
_INCOMING = """
UPDATE texts_incoming t SET words_sealed = '', number_sealed = '', hint = %(gone)s, look_up = '', mark = ''
WHERE {which} AND t.state <> 'new' AND NOT EXISTS (SELECT 1 FROM exchange_handed h WHERE h.incoming_id = t.id)
"""
