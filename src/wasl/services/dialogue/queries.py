"""Reads of the dialogue: which commands a short code knows, who wants no more of what."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Max

from wasl.core.organisation.queries import Kept
from wasl.kernel import seal
from wasl.services.dialogue.commands import Keywords, all_words
from wasl.services.dialogue.models import Command, OptOut, ShortCode

NEVER_STOPPED = frozenset({"code", "emergency", "answer"})
"""What reaches a number whatever it stopped: codes it asked for, danger to life, answers to its own texts."""


@dataclass(frozen=True)
class Code:
    """A short code that is on, with its commands that are on, those of all codes among them."""

    row: ShortCode
    commands: dict[int, Command]
    keywords: Keywords

    def of_kind(self, kind: str) -> list[Command]:
        """Its commands of one kind, in order."""
        return [command for command in self.commands.values() if command.kind == kind]


def _read() -> dict[str, Code]:
    commands = list(Command.objects.filter(on=True))
    codes = {}
    for row in ShortCode.objects.filter(on=True).order_by("number"):
        own = [c for c in commands if c.code_id == row.pk] + [c for c in commands if c.code_id is None]
        ordered = sorted(own, key=lambda c: (c.place, c.pk))
        # What a code says itself goes before what is said for all.
        words = [word for command in own for word in all_words(command.keywords, command.pk)]
        codes[row.number] = Code(row, {c.pk: c for c in ordered}, Keywords(words))
    return codes


_codes: Kept[dict[str, Code]] = Kept(
    _read,
    lambda: (
        list(ShortCode.objects.order_by("pk").values_list("pk", "number", "language", "on")),
        Command.objects.aggregate(Count("pk"), Max("changed_at")),
    ),
)


def codes() -> dict[str, Code]:
    """The codes that are on, by number; at most a second old."""
    return _codes.get()


def forget() -> None:
    """Read the commands anew next time."""
    _codes.forget()


def may_send(number: str, klass: str, topic: str = "") -> bool:
    """Whether a number (E.164) still wants texts of this class; see `unwanted`."""
    return not unwanted([number], klass, topic)


def unwanted(numbers: Iterable[str], klass: str, topic: str = "") -> set[str]:
    """Which of these numbers stopped texts of this class: code, emergency, answer, case, alert or bulk.

    STOP ends alerts and what is sent to many, STOP with a topic that topic, STOP ALL also what concerns one's cases.
    What nobody can stop passes (`NEVER_STOPPED`). Source: requirement J1.
    """
    if klass in NEVER_STOPPED:
        return set()
    by_index = {seal.index_of(number): number for number in numbers}
    out = set()
    for row in OptOut.objects.filter(look_up__in=list(by_index), ended_at__isnull=True):
        of_class = row.what == OptOut.What.ALL or (row.what == OptOut.What.ALERTS and klass in ("alert", "bulk"))
        if of_class or (row.what == OptOut.What.TOPIC and klass in ("alert", "bulk") and row.topic == topic):
            out.add(by_index[bytes(row.look_up)])
    return out
