"""Answering texts: by the thousand, in order for each number, each effect with its reply in one transaction.

Short codes and commands are kept by `editing`; carrying replies to telephones is a channel's.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import chain

from django.db import InterfaceError, OperationalError, transaction

from wasl.kernel import clock, seal
from wasl.services.dialogue import queries
from wasl.services.dialogue.keeping import Batch, side, write_talks
from wasl.services.dialogue.models import Conversation, Sender, ShortCode
from wasl.services.dialogue.queries import Code
from wasl.services.dialogue.said import Reply, Said
from wasl.services.dialogue.turns.enquiring import answered
from wasl.services.dialogue.turns.taking import REPLIES_WITHIN, answerable, take
from wasl.services.dialogue.turns.turn import Asking, Turn
from wasl.services.enquiries import actions as enquiries
from wasl.services.enquiries import definitions
from wasl.services.enquiries.models import Enquiry

__all__ = [
    "Asking",
    "Deliver",
    "Reply",
    "Said",
    "answer",
    "begin",
    "converse",
    "finish",
    "forget",
    "forget_old",
    "rehearse",
]

logger = logging.getLogger(__name__)
Deliver = Callable[[Sequence[tuple[Said, Reply | None]]], None]
"""What takes answered texts, inside the transaction that keeps what they did: it queues the replies (None: none is due)
and notes that the texts are done, with what may be kept of their words. Whatever it raises undoes both."""
_KEPT = timedelta(days=180)
_OWN = (Enquiry.Source.DATA, Enquiry.Source.CASE)


def converse(texts: Sequence[Said], *, deliver: Deliver) -> list[int]:
    """Answer texts; gives the ids of those that could not be, which did nothing and may come again.

    `begin` and `finish` in one: waits for the slowest source that is asked.
    """
    failed, far = begin(texts, deliver=deliver)
    return failed + finish(far, deliver=deliver)


def begin(texts: Sequence[Said], *, deliver: Deliver) -> tuple[list[int], list[Asking]]:
    """Answer all that needs no source outside the house: (ids of texts that could not be, what `finish` is to ask).

    Call it outside a transaction, in any number of threads and processes: two of the same number wait for each other.
    Two texts of one number in one call are answered in their order; what comes after one that asks a source outside the
    house does nothing and may come again once that one is finished. Texts that fail did nothing and may come again.
    A text whose answer was not delivered because something died did nothing, except that its report, if it was one, is
    not filed twice (`Said.id`).
    Raises django.db.OperationalError when the data base is away. Source: requirements J2, J6, J12.
    """
    codes = queries.codes()
    lines: dict[str, deque[Said]] = {}
    silent = []
    for said in texts:
        if said.code in codes and answerable(said, codes):
            lines.setdefault(said.number, deque()).append(said)
        else:
            silent.append((said, None))
    failed: list[int] = []
    if silent:
        with transaction.atomic():
            deliver(silent)
    far: list[Asking] = []
    while heads := [line[0] for line in lines.values()]:
        near, outside, broken = _begin(heads, codes, deliver)
        for asking, one in zip(near, enquiries.ask([a.question for a in near]), strict=True) if near else ():
            asking.answer = one
        failed += broken + _finish(near, codes, deliver)
        far += outside
        held = {asking.said.number for asking in outside}
        for said in heads:
            if said.number in held:
                del lines[said.number]
            else:
                _shift(lines, said)
    return failed, far


def finish(far: Sequence[Asking], *, deliver: Deliver) -> list[int]:
    """Ask sources outside the house, and deliver as they answer; gives the ids of texts that could not be answered."""
    codes = queries.codes()
    failed: list[int] = []
    for place, one in enquiries.answers([a.question for a in far]) if far else ():
        far[place].answer = one
        failed += _finish([far[place]], codes, deliver)
    return failed


def _shift(lines: dict[str, deque[Said]], said: Said) -> None:
    lines[said.number].popleft()
    if not lines[said.number]:
        del lines[said.number]


def _begin(
    texts: Sequence[Said], codes: dict[str, Code], deliver: Deliver
) -> tuple[list[Asking], list[Asking], list[int]]:
    """Take one text of each number: (those that ask our own sources, those that ask others, ids of those that failed).

    What asks nothing is delivered.
    """
    try:
        with transaction.atomic():
            batch = Batch([(said.number, said.code) for said in texts], clock.now())
            done: list[tuple[Said, Reply | None]] = []
            asking: list[Asking] = []
            for said in texts:
                turn = Turn(batch, said, codes[said.code], channel="sms")
                came = take(turn)
                if isinstance(came, Asking):
                    asking.append(came)
                else:
                    done.append((turn.kept(), came))
                _count(batch, said, came)
            batch.write()
            if done:
                deliver(done)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(texts) == 1:
            logger.exception("text %s could not be answered", texts[0].id)
            return [], [], [texts[0].id]
        alone = [_begin([said], codes, deliver) for said in texts]
        near, far, failed = (list(chain.from_iterable(some)) for some in zip(*alone, strict=True))
        return near, far, failed
    own: list[Asking] = []
    others: list[Asking] = []
    known = definitions.in_force()
    for one in asking:
        found = known.get(one.question.enquiry)
        (own if found is None or found.source in _OWN else others).append(one)
    return own, others, []


def _finish(asking: Sequence[Asking], codes: dict[str, Code], deliver: Deliver) -> list[int]:
    """Deliver what enquiries answered; gives the ids of those that failed."""
    if not asking:
        return []
    try:
        with transaction.atomic():
            came = [answered(one, codes[one.said.code]) for one in asking]
            write_talks(talk for _reply, talk in came)
            deliver([(one.kept, reply) for one, (reply, _talk) in zip(asking, came, strict=True)])
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        if len(asking) == 1:
            logger.exception("text %s could not be answered", asking[0].said.id)
            return [asking[0].said.id]
        return [pk for one in asking for pk in _finish([one], codes, deliver)]
    return []


def _count(batch: Batch, said: Said, came: Reply | Asking | None) -> None:
    """Count the reply, also one that an enquiry is still to give: no two machines answer each other for ever."""
    if came is None:
        return
    known = batch.known(said.number)
    if known.answered_since is None or said.at - known.answered_since >= REPLIES_WITHIN:
        known.answered_since, known.answered = said.at, 0
    known.answered += 1


def answer(texts: Sequence[Said]) -> list[Reply | None]:
    """The replies, in the order of the texts; None where none is due, or where it could not be answered.

    For whoever needs no transaction of his own around what is done with the replies; see `converse`.
    """
    found: dict[int, Reply | None] = {}
    left = list(texts)
    while left:
        failed = converse(left, deliver=lambda done: found.update((said.id, reply) for said, reply in done))
        left = [said for said in left if said.id not in found and said.id not in failed]
    return [found.get(said.id) for said in texts]


def rehearse(texts: Sequence[Said]) -> list[Reply | None]:
    """What would be answered to these texts of one number and code; nothing is kept, filed, stopped or counted.

    For whoever tries commands out: cases and records of people are as if there were none. Enquiries are asked as a
    test. Raises ValueError for texts of several numbers.
    """
    if len({(said.number, said.code) for said in texts}) > 1:
        raise ValueError("a rehearsal is between one number and one code")
    codes = queries.codes()
    if not texts or texts[0].code not in codes or not answerable(texts[0], codes):
        return [None for _said in texts]
    replies: list[Reply | None] = []
    with _undone():
        batch = Batch([(texts[0].number, texts[0].code)], clock.now())
    batch.forget_people()
    for said in texts:
        with _undone():
            turn = Turn(batch, said, codes[said.code], channel=enquiries.TEST)
            came = take(turn)
        _count(batch, said, came)
        if isinstance(came, Asking):
            came.answer = enquiries.ask([came.question])[0]
            came, talk = answered(came, codes[said.code])
            batch.stand(talk)
        replies.append(came)
    return replies


@contextmanager
def _undone() -> Iterator[None]:
    """A transaction that leaves nothing behind."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def forget(numbers: Iterable[str]) -> None:
    """Forget what was said with these numbers (E.164). That they stopped messages stays: it is a wish to be kept."""
    known = list(numbers)
    codes = list(ShortCode.objects.values_list("number", flat=True))
    Conversation.objects.filter(look_up__in=[side(number, code) for number in known for code in codes]).delete()
    Sender.objects.filter(look_up__in=[seal.index_of(number) for number in known]).delete()


def forget_old() -> int:
    """Delete conversations that are over and what is known of numbers silent for half a year; how many. A daily job."""
    now = clock.now()
    ended = Conversation.objects.filter(expires_at__lt=now - REPLIES_WITHIN).delete()[0]
    return ended + Sender.objects.filter(seen_at__lt=now - _KEPT).delete()[0]
