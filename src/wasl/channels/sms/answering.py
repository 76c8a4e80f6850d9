"""What comes in is answered, and how our own texts ended is told to the outbox. One process does it at a time."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Self

import psycopg
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Window
from django.db.models.functions import RowNumber

from wasl.channels.sms.outgoing import message_of
from wasl.channels.sms.smpp.codes import MessageState, Status, name_of
from wasl.core.people import actions as people
from wasl.kernel import clock, seal
from wasl.kernel.links import conninfo
from wasl.services.dialogue import actions as dialogue
from wasl.services.dialogue import masking
from wasl.services.dialogue.said import Reply, Said
from wasl.services.messages import actions as outbox
from wasl.services.messages.models import Message
from wasl.services.texts import actions as texts
from wasl.services.texts import forgetting, queries
from wasl.services.texts.actions import New, Refused, number_place, words_place
from wasl.services.texts.models import Ended, Incoming, Klass, Text

logger = logging.getLogger(__name__)

_LOCK = 0x57A51_5336
_POLL_S = 1.0
_BATCH = 500
_OF_ONE = 10
"""Texts of one number in a batch: one telephone does not take the places of all others."""
_THREADS = 4
_TRIES = 5
_NO_SUCH_NUMBER = (MessageState.UNDELIVERABLE.name, MessageState.REJECTED.name, name_of(Status.RINVDSTADR))
"""Words of operators that say something about the number, not about the moment."""


class Elsewhere:
    """Texts that wait for other systems to answer, in threads of their own: nobody else's text waits for those.

    What is under way when the process dies did nothing, and comes again.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="elsewhere")
        self._numbers: dict[int, set[bytes]] = {}
        self._begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def numbers(self) -> list[bytes]:
        """Blind indexes of the numbers whose texts wait: what else they say comes after that."""
        return [one for some in list(self._numbers.values()) for one in some]

    def take(self, far: list[dialogue.Asking], numbers: set[bytes]) -> None:
        """Have these asked."""
        self._begun += 1
        self._numbers[self._begun] = numbers
        self._threads.submit(self._finish, self._begun, far)

    def _finish(self, place: int, far: list[dialogue.Asking]) -> None:
        try:
            _fail(dialogue.finish(far, deliver=_deliver))
        except (OperationalError, InterfaceError) as error:
            logger.warning("the data base is away: %s", "".join(str(error).splitlines()[:1]))
        except Exception:
            logger.exception("%d texts that ask other systems could not be answered", len(far))
        finally:
            connection.close()
            del self._numbers[place]


def answer_new(limit: int = _BATCH, *, elsewhere: Elsewhere | None = None) -> int:
    """Answer what has come in, the oldest first; gives how many were looked at.

    What other systems are to answer is left to `elsewhere`; without it, waited for.
    """
    # What comes to another system's own code is that system's business (`services.exchange.calls`).
    others = [code for client in queries.settings().clients.values() for code in client.codes]
    waiting = Incoming.objects.filter(state=Incoming.State.NEW).exclude(code__in=others)
    if elsewhere and (asking := elsewhere.numbers()):
        waiting = waiting.exclude(look_up__in=asking)
    oldest = waiting.order_by("pk")[: 10 * limit]
    nth = Window(RowNumber(), partition_by="look_up", order_by="pk")
    some = Incoming.objects.filter(pk__in=oldest.values("pk")).annotate(nth=nth).filter(nth__lte=_OF_ONE)
    rows = {one.pk: one for one in some.order_by("pk")[:limit]}
    said = []
    for one in rows.values():
        try:
            number = seal.unseal(bytes(one.number_sealed), place=number_place(one.pk))
            words = seal.unseal(bytes(one.words_sealed), place=words_place(one.pk))
        except seal.SealBroken:
            logger.exception("incoming text %d cannot be read", one.pk)
            _fail([one.pk])
            continue
        said.append(Said(one.pk, number, one.code, words, one.at))
    if not said:
        return len(rows)
    failed, far = dialogue.begin(said, deliver=_deliver)
    if far and elsewhere:
        elsewhere.take(far, {bytes(rows[one.said.id].look_up) for one in far})
    elif far:
        failed += dialogue.finish(far, deliver=_deliver)
    _fail(failed)
    return len(rows)


def _deliver(done: Sequence[tuple[Said, Reply | None]]) -> None:
    """Queue the replies and note that the texts are answered; in the transaction of what they did."""
    news, answered, silent = [], [], []
    for said, reply in done:
        if reply is None:
            silent.append(said.id)
            continue
        answered.append(said.id)
        news.append(
            New(
                ref=f"reply:{said.id}",
                number=said.number,
                words=reply.words,
                klass=Klass.ANSWER,
                sender=said.code,
                secret=reply.secret,
            )
        )
    forgetting.reword({said.id: said.words for said, _reply in done if said.masked})
    now = clock.now()
    broken = set()
    if news:
        for one, pk in zip(texts.queue(texts.house().code, news), answered, strict=True):
            if isinstance(one, Refused):
                logger.warning("the reply to incoming text %d is not taken: %s", pk, one)
                broken.add(pk)
    for state, pks in (
        (Incoming.State.DONE, [pk for pk in answered if pk not in broken]),
        (Incoming.State.SILENT, silent),
        (Incoming.State.BROKEN, list(broken)),
    ):
        if pks:
            Incoming.objects.filter(pk__in=pks).update(state=state, done_at=now)


def _fail(pks: Sequence[int]) -> None:
    """They did nothing; after some tries a person has to look at them."""
    tried = Incoming.objects.filter(pk__in=pks)
    tried.update(tries=F("tries") + 1)
    given_up = tried.filter(tries__gte=_TRIES)
    for one in given_up:
        with suppress(seal.SealBroken):
            words = seal.unseal(bytes(one.words_sealed), place=words_place(one.pk))
            forgetting.reword({one.pk: masking.of_text(words, one.code)})
    given_up.update(state=Incoming.State.BROKEN, done_at=clock.now())


def tell_ended(limit: int = _BATCH) -> int:
    """Tell the outbox how the house's own texts ended; gives how many."""
    with transaction.atomic():
        ended = texts.take_ended(texts.house(), limit)
        for one in ended:
            _tell(one)
        Ended.objects.filter(pk__in=[one.pk for one in ended]).delete()
    return len(ended)


def _tell(ended: Ended) -> None:
    pk = message_of(ended.text.ref)
    if pk is None:
        return
    if ended.state == Text.State.DELIVERED:
        message = Message.objects.select_related("address").filter(pk=pk).first()
        if message is not None and message.address is not None:
            people.note_delivery(message.address, ended.at)
    elif ended.state == Text.State.IN_DOUBT:
        outbox.doubted(pk, words=ended.text.error)
    else:
        words = ended.text.error or ended.text.get_state_display()
        outbox.bounced(pk, words=words, bad_address=any(sign in words for sign in _NO_SUCH_NUMBER))


def run(stopping: Callable[[], bool]) -> None:
    """Until `stopping` says so; outlives a data base that goes away."""
    while not stopping():
        try:
            with psycopg.connect(conninfo(), autocommit=True) as guard, Elsewhere() as elsewhere:
                if not _lead(guard, stopping):
                    return
                guard.execute(f"LISTEN {texts.WAKE_CHANNEL}")
                while not stopping():
                    moved = answer_new(elsewhere=elsewhere) + tell_ended()
                    if moved < _BATCH:
                        for _ in guard.notifies(timeout=0.05 if moved else _POLL_S, stop_after=1):
                            pass
        except (OperationalError, InterfaceError, psycopg.Error) as error:
            logger.warning("the data base is away: %s", "".join(str(error).splitlines()[:1]))
            connection.close()
            time.sleep(0.5)


def _lead(guard: "psycopg.Connection[tuple[object, ...]]", stopping: Callable[[], bool]) -> bool:
    while not stopping():
        row = guard.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
        if row is not None and row[0]:
            return True
        time.sleep(1.0)
    return False
