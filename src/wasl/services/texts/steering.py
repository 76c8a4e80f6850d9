"""What people decide about texts by hand, with a reason that is kept: held, taken back, sent again, left, read."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, seal
from wasl.services.texts import queries
from wasl.services.texts.actions import WAKE_CHANNEL, number_place, ported_of, wake, words_place
from wasl.services.texts.models import Client, Ended, Incoming, Operator, Queued, Text

STEER, IDENTITY = "sms.steer", "sms.identity"


def _reason(words: str) -> str:
    if not words.strip():
        raise Refused(_("Write why; it is kept with your name."))
    return words.strip()[:300]


def switch(operator: Operator, *, by: Staff, on: bool, reason: str) -> None:
    """Take an operator out of work, or back into it. What waits for him goes to the next one of its route, or waits."""
    rights.require(by, STEER)
    why = _reason(reason)
    with transaction.atomic():
        held = Operator.objects.select_for_update().get(pk=operator.pk)
        before = facts_of(held)
        held.on = on
        held.save(update_fields=["on"])
        if before["on"] != on:
            note(by, "operator.changed", held, before, reason=why)
        wake()
    queries.forget()


def hold(client: Client, *, by: Staff, held: bool, reason: str) -> None:
    """Let what a client hands in wait, or go again. It is still taken, and gets too old as always."""
    rights.require(by, STEER)
    why = _reason(reason)
    with transaction.atomic():
        row = Client.objects.select_for_update().get(pk=client.pk)
        before = facts_of(row)
        row.held = held
        row.save(update_fields=["held"])
        if before["held"] != held:
            note(by, "client.held" if held else "client.released", row, before, reason=why)
        wake()
    queries.forget()


def cancel_waiting(client: Client, *, by: Staff, reason: str) -> int:
    """Take back all that a client has waiting and that no operator has in hand; gives how many texts."""
    rights.require(by, STEER)
    why = _reason(reason)
    facts: dict[str, Any] = {"client": client.pk, "now": clock.now(), "told": client.told, "channel": WAKE_CHANNEL}
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_CANCEL, facts)
            count = int(cursor.fetchone()[0])
        note(by, "client.texts_cancelled", client, facts_of(client), reason=why, texts=count)
    return count


def send_again(text: Text, *, by: Staff) -> None:
    """Queue a text in doubt once more: perhaps somebody gets it twice. Raises Refused when that cannot be done."""
    rights.require(by, STEER)
    with transaction.atomic():
        held = _doubtful(text)
        if held.words_sealed is None:
            raise Refused(_("Its words were not kept; whoever sent it must send it anew."))
        number = seal.unseal(held.number_sealed, place=number_place(held.pk))
        known, now = queries.settings(), clock.now()
        route = known.route(number, held.sender, held.klass, held.client_id, ported=ported_of([number]).get(number))
        if route is None:
            raise Refused(_("No operator carries texts to this number."))
        before, due = facts_of(held), known.may_go_at(held.klass, now)
        Queued.objects.create(
            text=held,
            route=route,
            klass=held.klass,
            client_id=held.client_id,
            due_at=due,
            worth_until=due + timedelta(minutes=known.rules[held.klass].worth_min),
        )
        held.state, held.repeated, held.ended_at, held.left_at = Text.State.QUEUED, True, None, None
        held.save(update_fields=["state", "repeated", "ended_at", "left_at"])
        # Who has not heard yet that it is in doubt hears how it ends.
        Ended.objects.filter(text=held).delete()
        note(by, "text.sent_again", held, before)
        wake()


def leave(text: Text, *, by: Staff) -> None:
    """Leave a text in doubt as it is: nobody is asked about it any more. Raises Refused when it is in doubt no more."""
    rights.require(by, STEER)
    with transaction.atomic():
        held = _doubtful(text)
        before = facts_of(held)
        held.left_at = clock.now()
        held.save(update_fields=["left_at"])
        note(by, "text.left", held, before)


def _doubtful(text: Text) -> Text:
    held = Text.objects.select_for_update(of=("self",)).get(pk=text.pk)
    if held.state != Text.State.IN_DOUBT or held.left_at is not None:
        raise Refused(_("It is in doubt no more."))
    return held


@dataclass(frozen=True, slots=True)
class Seen:
    """The full number and the words of a text; empty when they were not kept."""

    number: str
    words: str


def read(text: Text | Incoming, *, by: Staff, reason: str) -> Seen:
    """Number and words of a text, for a reason; each look is kept. Refused for secret texts: nobody reads those."""
    rights.require(by, IDENTITY)
    why = _reason(reason)
    if isinstance(text, Text) and text.secret:
        raise Refused(_("Nobody reads this text: whoever sent it wished so."))
    note(by, "text.read", text, facts_of(text), reason=why)
    return Seen(
        seal.unseal(text.number_sealed, place=number_place(text.pk)) if text.number_sealed else "",
        seal.unseal(text.words_sealed, place=words_place(text.pk)) if text.words_sealed else "",
    )


_CANCEL = """
WITH gone AS (
    DELETE FROM texts_queued WHERE client_id = %(client)s AND taken_by_id IS NULL RETURNING text_id
), ended AS (
    UPDATE texts_text SET state = 'cancelled', ended_at = %(now)s,
        words_sealed = CASE WHEN secret THEN NULL ELSE words_sealed END
    FROM gone WHERE id = gone.text_id RETURNING id
), told AS (
    INSERT INTO texts_ended (text_id, state, at) SELECT id, 'cancelled', %(now)s FROM ended WHERE %(told)s
    RETURNING pg_notify(%(channel)s, '')
)
SELECT (SELECT count(*) FROM ended), (SELECT count(*) FROM told)
"""
