"""STOP and START: what a number wants no more of, kept with the text that said so."""

from datetime import datetime

from wasl.kernel import clock, seal
from wasl.kernel.text import fold
from wasl.services.dialogue.models import OptOut
from wasl.services.texts import actions as texts
from wasl.services.texts.making import STOPPED_FROM

What = OptOut.What
_ALL = frozenset(fold(word) for word in ("all", "everything", "الكل", "كل", "الجميع", "全部", "所有"))


def meant(rest: str) -> str:
    """What STOP stops where it names no topic: all, or alerts and news."""
    return What.ALL.value if fold(rest) in _ALL else What.ALERTS.value


def stop(look_up: bytes, what: str, *, topic: str = "", by_text: int | None, at: datetime) -> None:
    """The number wants no more of it, from now on; what waits for it is taken back. Call it in a transaction."""
    OptOut.objects.bulk_create(
        [OptOut(look_up=look_up, what=what, topic=topic, at=at, by_text=by_text)], ignore_conflicts=True
    )
    if (first := STOPPED_FROM.get(what)) is not None:
        texts.take_back(look_up, first)


def want_again(number: str) -> None:
    """A number (E.164) whose bearer asks for alerts on a page or by telephone wants them, whatever was stopped."""
    start(seal.index_of(number), by_text=None, at=clock.now())


def has_stopped(look_up: bytes) -> bool:
    """Whether the number stopped anything that START would bring back."""
    return OptOut.objects.filter(look_up=look_up, ended_at__isnull=True).exists()


def start(look_up: bytes, *, by_text: int | None, at: datetime) -> None:
    """The number wants everything again."""
    OptOut.objects.filter(look_up=look_up, ended_at__isnull=True).update(ended_at=at, ended_by_text=by_text)
