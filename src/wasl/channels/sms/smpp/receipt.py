"""Delivery receipts in every dialect that operators write them: reading, writing, and the ids under which they match.

A receipt is known by its esm_class or by the optional parameter receipted_message_id, both of which only the operator
can set. A text that merely looks like a receipt is a text: anybody can send one from a telephone, and would otherwise
report our messages delivered. Operators that mark nothing need `trust_text`, and to be asked to mend it.

Source: SMPP 3.4, 5.2.12 and appendix B.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum
from hashlib import sha256
from typing import Final

from wasl.channels.sms.smpp.codes import EsmClass, MessageState, Tag
from wasl.channels.sms.smpp.pdu import DataSm, DeliverSm
from wasl.channels.sms.smpp.wire import Tlvs

__all__ = ["IdForm", "Receipt", "is_receipt", "key", "keys", "read", "write"]

_KINDS: Final = 0x3C
_OF_RECEIPTS: Final = (EsmClass.RECEIPT, EsmClass.INTERMEDIATE)

_WORDS: Final = {
    "DELIVRD": MessageState.DELIVERED,
    "DELIVERED": MessageState.DELIVERED,
    "DELIVERD": MessageState.DELIVERED,
    "DELIV": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "EXPIRD": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "UNDELIVERABLE": MessageState.UNDELIVERABLE,
    "UNDELIVERED": MessageState.UNDELIVERABLE,
    "UNDELIVRD": MessageState.UNDELIVERABLE,
    "FAILED": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "ACCEPTED": MessageState.ACCEPTED,
    "ENROUTE": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "SCHEDULED": MessageState.ENROUTE,
    "REJECTD": MessageState.REJECTED,
    "REJECTED": MessageState.REJECTED,
    "SKIPPED": MessageState.REJECTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "UNKNWN": MessageState.UNKNOWN,
}
_WRITTEN: Final = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}

_FIELD: Final = re.compile(
    r"(?:^|(?<=[\s,;|]))(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:us)?|err(?:or)?|te?xt)\s{0,4}[:=]\s{0,4}",
    re.IGNORECASE,
)
# As appendix B has it and nearly all write it: read at once.
_USUAL: Final = re.compile(
    r"id:([A-Za-z0-9-]+) sub:([0-9]+) dlvrd:([0-9]+) submit date:([0-9]+) done date:([0-9]+) stat:([A-Za-z]+)"
    r" err:([A-Za-z0-9]+) [Tt]ext:"
)
_USUAL_NAMES: Final = ("id", "sub", "dlvrd", "submitdate", "donedate", "stat", "err")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says. What it leaves out is empty or None.

    `message_id` and `error` are in the operator's own writing; `word` is the state as he wrote it. `network_error` is
    the network's type and code (SMPP 3.4, 5.3.2.31).
    """

    message_id: str
    state: MessageState
    word: str = ""
    error: str = ""
    submitted: datetime | None = None
    done: datetime | None = None
    network_error: tuple[int, int] | None = None


def is_receipt(message: DeliverSm | DataSm, *, trust_text: bool = False) -> bool:
    """Whether the operator says that this is a receipt; with `trust_text` a text that looks like one suffices."""
    if message.esm_class & _KINDS in _OF_RECEIPTS or message.tlv(Tag.RECEIPTED_MESSAGE_ID):
        return True
    if not trust_text or message.esm_class & _KINDS:
        return False
    found = _fields(message.payload)
    return "id" in found and "stat" in found


def read(message: DeliverSm | DataSm, *, zone: tzinfo | None = UTC, trust_text: bool = False) -> Receipt | None:
    """The receipt in this message, or None when it is none or names no message.

    `zone` is the operator's time, which the text does not tell; None leaves the dates out. Optional parameters win over
    the text.
    """
    if not is_receipt(message, trust_text=trust_text):
        return None
    found = _fields(message.payload)
    named = (message.tlv(Tag.RECEIPTED_MESSAGE_ID) or b"").split(b"\0")[0].decode("latin-1").strip()
    message_id = named or found.get("id", "")
    if not message_id:
        return None
    word = found.get("stat", "")
    network = message.tlv(Tag.NETWORK_ERROR_CODE)
    return Receipt(
        message_id=message_id,
        state=_state(message.tlv(Tag.MESSAGE_STATE), word),
        word=word,
        error=found.get("err", ""),
        submitted=_instant(found.get("submitdate", ""), zone) if zone else None,
        done=_instant(found.get("donedate", ""), zone) if zone else None,
        network_error=(network[0], int.from_bytes(network[1:], "big")) if network and len(network) == 3 else None,
    )


def _fields(payload: bytes) -> dict[str, str]:
    """The `name: value` pairs of a receipt's text, names in one spelling; the first of a name counts."""
    text = payload[:512].decode("latin-1").replace("\0", " ")
    if usual := _USUAL.match(text):
        return dict(zip(_USUAL_NAMES, usual.groups(), strict=True))
    found: dict[str, str] = {}
    marks = list(_FIELD.finditer(text))
    for place, mark in enumerate(marks):
        name = mark[1].lower().replace(" ", "").replace("_", "")
        name = {"status": "stat", "error": "err", "txt": "text"}.get(name, name)
        if name == "text":
            break  # the citizen's own words follow: nothing in them is a field
        end = marks[place + 1].start() if place + 1 < len(marks) else len(text)
        words = text[mark.end() : end].strip(" \t\r\n,;|").split()
        found.setdefault(name, words[0] if words else "")
    return found


def _state(parameter: bytes | None, word: str) -> MessageState:
    if parameter and len(parameter) == 1 and 1 <= parameter[0] <= 8:
        return MessageState(parameter[0])
    return _WORDS.get(word.upper(), MessageState.UNKNOWN)


_YEARS: Final = {10: (2,), 12: (2, 4), 14: (4,)}
"""With so many digits in all, how many of them may be the year's."""


def _instant(digits: str, zone: tzinfo) -> datetime | None:
    """YYMMDDhhmm, with seconds, or with a year of four digits."""
    if not (digits.isascii() and digits.isdigit()):
        return None
    for year in _YEARS.get(len(digits), ()):
        try:
            pairs = [int(digits[place : place + 2]) for place in range(year, len(digits), 2)]
            month, day, hour, minute, second = [*pairs, 0][:5]
            return datetime(
                int(digits[:year]) + (2000 if year == 2 else 0), month, day, hour, minute, second, tzinfo=zone
            )
        except ValueError:
            continue
    return None


def write(receipt: Receipt, *, text: bytes = b"") -> tuple[bytes, int, Tlvs]:
    """short_message, esm_class and optional parameters of a deliver_sm that says this, as appendix B has it.

    `text` is the beginning of the message reported, of which 20 octets are shown.
    """
    delivered = receipt.state is MessageState.DELIVERED
    submitted, done = (f"{at:%y%m%d%H%M}" if at else "0" * 10 for at in (receipt.submitted, receipt.done))
    words = (
        f"id:{receipt.message_id} sub:001 dlvrd:{delivered:03d} submit date:{submitted} done date:{done} "
        f"stat:{_WRITTEN[receipt.state]} err:{receipt.error or '000'} text:"
    )
    tlvs = (
        (Tag.RECEIPTED_MESSAGE_ID, receipt.message_id.encode("latin-1") + b"\0"),
        (Tag.MESSAGE_STATE, bytes((receipt.state,))),
    )
    return words.encode("latin-1") + text[:20], EsmClass.RECEIPT, tlvs


class IdForm(Enum):
    """How an operator writes a message id. Some write the same id in hexadecimal here and in decimal there."""

    PLAIN = "plain"
    HEXADECIMAL = "hex"
    DECIMAL = "decimal"


def key(message_id: str, form: IdForm = IdForm.PLAIN) -> str:
    """One spelling for all spellings of an id: case, leading zeros and, when the form is known, the base.

    Numbers give their decimal digits. What is not a number in that form is only stripped of blanks, zeros and case.
    """
    written = message_id.strip().lower()
    base = {IdForm.HEXADECIMAL: 16, IdForm.DECIMAL: 10}.get(form)
    if base and written.isalnum() and written.isascii() and len(written) <= 64:
        try:
            return _short(str(int(written, base)))
        except ValueError:
            pass
    return _short(written.lstrip("0") or "0")


def _short(written: str) -> str:
    """Whatever an operator calls an id, a key has at most 70 characters."""
    return written if len(written) <= 70 else written[:30] + sha256(written.encode()).hexdigest()[:40]


def keys(message_id: str) -> tuple[str, ...]:
    """Every key that an id of unknown form may be stored under, the likeliest first; at most three.

    For operators whose dialect nobody told us: look for any of them among messages of the same operator to the same
    number, and take a match only when it is the only one.
    """
    written = key(message_id)
    found = [written]
    if written.isascii() and len(written) <= 64:
        if written.isdigit():
            found.append(f"{int(written):x}")
        if all(character in "0123456789abcdef" for character in written):
            found.append(str(int(written, 16)))
    return tuple(dict.fromkeys(_short(one) for one in found))
