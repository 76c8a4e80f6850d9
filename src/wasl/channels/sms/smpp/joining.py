"""Putting the parts of long received texts together again, in any order; where parts are kept is behind `PartStore`.

Parts belong together when operator, source, destination, reference, and total agree, so that two people's texts are
never mixed. Parts that come twice are dropped, also after the text is whole. What stays incomplete is given back by
`expired` and never lost in silence.

A reference that is used again begins a new text (`sort`), also where both texts begin with the same words.

Source: 3GPP TS 23.040, 9.2.3.24.1 and 9.2.3.24.8; SMPP 3.4, 5.3.2.22-24 (SAR).
"""

import logging
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from wasl.channels.sms.smpp.codes import EsmClass, Tag
from wasl.channels.sms.smpp.pdu import DataSm, Message
from wasl.kernel.sms import text, udh
from wasl.kernel.sms.text import Alphabet

__all__ = ["Joined", "Key", "MemoryParts", "Part", "PartStore", "Seen", "join", "part_of", "read", "sort"]


log = logging.getLogger(__name__)


class Key(NamedTuple):
    """What the parts of one text have in common. `wide` tells 8-bit references from 16-bit ones."""

    operator: str
    source: str
    destination: str
    reference: int
    wide: bool
    total: int


class Part(NamedTuple):
    """One part: its place from 1, and what is needed to turn it into text."""

    number: int
    octets: bytes
    data_coding: int
    header: udh.Header


@dataclass(frozen=True, slots=True)
class Joined:
    """A text with its parts. `text` is None when it is binary; missing parts show as U+FFFD."""

    key: Key
    text: str | None
    parts: tuple[Part, ...]

    @property
    def whole(self) -> bool:
        """Whether no part is missing."""
        return len(self.parts) == self.key.total


class Seen(NamedTuple):
    """A part that is kept; `again_s`: how many seconds ago it came once more since its text became whole (`used`)."""

    part: Part
    used: bool
    again_s: float | None = None


AGAIN_S = 60.0
"""Within this the parts of one text follow each other."""


def sort(seen: Mapping[int, Seen], part: Part, *, fresh: bool) -> tuple[dict[int, Part], bool] | None:
    """What is kept of the text that this part belongs to, and whether that is a new text; None: the part is known.

    `fresh`: what is kept is young enough to be of the same text. A known part of a whole text is a repetition, or the
    same beginning of a new text under the same reference: it is one of the new text's when another part of that comes.
    """
    same = seen.get(part.number)
    if same is not None and same.part == part and fresh:
        return None
    if same is None and fresh and not any(one.used for one in seen.values()):
        return {number: one.part for number, one in seen.items()}, False
    again = {n: one.part for n, one in seen.items() if fresh and one.again_s is not None and one.again_s <= AGAIN_S}
    if len(again) == len(seen):
        # All of it was repeated: nothing of that is left over.
        again = {}
    again.pop(part.number, None)
    return again, True


class PartStore(Protocol):
    """Where parts wait for each other. One that shall survive a crash commits before `put` returns."""

    async def put(self, key: Key, part: Part, now: float) -> Sequence[Part] | None:
        """Keep the part; all parts when this was the last one missing, None otherwise or when it came before.

        A part that differs from the one kept at its place begins a new text: the reference was used again.
        """
        ...

    async def expired(self, now: float) -> Sequence[tuple[Key, Sequence[Part]]]:
        """Take out what has waited too long, or had to make room."""
        ...


@dataclass(slots=True)
class _Waiting:
    since: float
    parts: dict[int, Part]
    whole: bool = False
    again: dict[int, float] = field(default_factory=dict)
    """When its parts came once more since it was whole."""


class MemoryParts:
    """Parts in memory: at most `limit` of them, each text for `patience_s` seconds after its first part.

    Parts of whole texts are kept as long, to know them when they are sent again.
    """

    def __init__(self, limit: int = 20_000, patience_s: float = 1800) -> None:
        self._limit = limit
        self._patience = patience_s
        self._waiting: OrderedDict[Key, _Waiting] = OrderedDict()
        self._count = 0
        self._given_up: deque[tuple[Key, Sequence[Part]]] = deque()
        self._given_up_parts = 0

    def __len__(self) -> int:
        return self._count

    async def put(self, key: Key, part: Part, now: float) -> Sequence[Part] | None:
        """See PartStore."""
        waiting = self._waiting.get(key)
        kept: dict[int, Part] = {}
        if waiting is not None:
            again = {number: now - at for number, at in waiting.again.items()}
            seen = {number: Seen(one, waiting.whole, again.get(number)) for number, one in waiting.parts.items()}
            found = sort(seen, part, fresh=now - waiting.since <= self._patience)
            if found is None:
                if waiting.whole:
                    waiting.again[part.number] = now
                return None
            kept, is_new = found
            if is_new:
                self._drop(key)
                waiting = None
        if waiting is None:
            waiting = self._waiting[key] = _Waiting(now, kept)
            self._count += len(kept)
        waiting.parts[part.number] = part
        self._count += 1
        while self._count > self._limit:
            self._drop(next(iter(self._waiting)))
        if len(waiting.parts) < key.total or key not in self._waiting:
            return None
        waiting.whole = True
        return [waiting.parts[number] for number in sorted(waiting.parts)]

    async def expired(self, now: float) -> Sequence[tuple[Key, Sequence[Part]]]:
        """See PartStore."""
        while self._waiting:
            key = next(iter(self._waiting))
            if now - self._waiting[key].since <= self._patience:
                break
            self._drop(key)
        given_up = list(self._given_up)
        self._given_up.clear()
        self._given_up_parts = 0
        return given_up

    def _drop(self, key: Key) -> None:
        waiting = self._waiting.pop(key)
        self._count -= len(waiting.parts)
        if not waiting.whole:
            self._given_up.append((key, [waiting.parts[number] for number in sorted(waiting.parts)]))
            # Bounded as well, should nobody ever ask.
            self._given_up_parts += len(waiting.parts)
            while self._given_up_parts > self._limit:
                log.warning("parts of an incomplete text are dropped: nobody asked for them")
                self._given_up_parts -= len(self._given_up.popleft()[1])


def part_of(message: Message | DataSm, operator: str) -> tuple[Key, Part]:
    """Where this message belongs: header or SAR parameters read; a text that stands alone is part 1 of 1."""
    header, octets = udh.Header(), message.payload
    if message.esm_class & EsmClass.UDHI:
        header, octets = udh.split(octets)
    reference, total, number, wide = header.reference, header.total, header.number, header.wide
    if not total:
        sar = [message.tlv(tag) for tag in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)]
        reference, total, number = (int.from_bytes(value or b"", "big") for value in sar)
        wide = True
        if not (all(sar) and 1 <= number <= total <= text.MOST_PARTS and reference <= 0xFFFF):
            reference, total, number, wide = 0, 1, 1, False
    key = Key(operator, message.source.number, message.destination.number, reference, wide, total)
    return key, Part(number, octets, message.data_coding, header)


async def join(
    message: Message | DataSm,
    operator: str,
    store: PartStore,
    *,
    now: float,
    default_alphabet: Alphabet = Alphabet.GSM,
) -> Joined | None:
    """The whole text when this message completes it, None while parts are missing. `now` in seconds of any clock.

    For those that stay incomplete ask `store.expired` from time to time and read them with `read`.
    """
    key, part = part_of(message, operator)
    parts: Sequence[Part] | None = [part] if key.total == 1 else await store.put(key, part, now)
    return None if parts is None else read(key, parts, default_alphabet)


def read(key: Key, parts: Sequence[Part], default_alphabet: Alphabet = Alphabet.GSM) -> Joined:
    """The text of these parts. Octets are put together before they are read: senders cut characters in two."""
    ordered = tuple(sorted(parts, key=lambda part: part.number))
    pieces: list[str] = []
    run: list[Part] = []
    for part in ordered:
        if run and not _continues(run[-1], part):
            pieces.append(_text(run, default_alphabet) or "")
            pieces.append("\ufffd" * (part.number - run[-1].number > 1))
            run = []
        run.append(part)
    first = _text(ordered[:1], default_alphabet)
    if first is None:
        return Joined(key, None, ordered)
    pieces.append(_text(run, default_alphabet) or "")
    begin = "\ufffd" if ordered[0].number > 1 else ""
    end = "\ufffd" if ordered[-1].number < key.total else ""
    return Joined(key, begin + "".join(pieces) + end, ordered)


def _continues(before: Part, part: Part) -> bool:
    same = (before.data_coding, before.header.locking, before.header.single)
    return part.number == before.number + 1 and same == (part.data_coding, part.header.locking, part.header.single)


def _text(parts: Sequence[Part], default_alphabet: Alphabet) -> str | None:
    octets = b"".join(part.octets for part in parts)
    return text.decode(octets, parts[0].data_coding, default_alphabet, parts[0].header)
