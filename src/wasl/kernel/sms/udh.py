"""The user data header that stands before a text: parts of a long one, ports, national tables; texts are in `text`.

Source: 3GPP TS 23.040, 9.2.3.24.
"""

from dataclasses import dataclass
from typing import Final

from wasl.kernel.sms.alphabets import LOCKING, SINGLE, Language

__all__ = ["NO_HEADER", "Header", "octets_of", "split"]

_PARTS_8, _PORTS_8, _PORTS_16, _PARTS_16, _SINGLE, _LOCKING = 0x00, 0x04, 0x05, 0x08, 0x24, 0x25
_LENGTHS: Final = {_PARTS_8: 3, _PORTS_8: 2, _PORTS_16: 4, _PARTS_16: 4, _SINGLE: 1, _LOCKING: 1}


@dataclass(frozen=True, slots=True)
class Header:
    """What a header says. `total` is 0 when the message stands alone; `number` counts from 1.

    `ports` are destination and source. `others` are elements not known here, identifier and data, in their order.
    """

    reference: int = 0
    total: int = 0
    number: int = 0
    wide: bool = False
    ports: tuple[int, int] | None = None
    locking: Language = Language.DEFAULT
    single: Language = Language.DEFAULT
    others: tuple[tuple[int, bytes], ...] = ()

    def encode(self) -> bytes:
        """The header with its length octet; empty when it says nothing. Raises ValueError when a value does not fit."""
        elements: list[tuple[int, bytes]] = []
        if self.total:
            reference = self.reference.to_bytes(2 if self.wide else 1, "big")
            elements.append((_PARTS_16 if self.wide else _PARTS_8, reference + bytes((self.total, self.number))))
        if self.ports:
            destination, source = self.ports
            elements.append((_PORTS_16, destination.to_bytes(2, "big") + source.to_bytes(2, "big")))
        if self.single:
            elements.append((_SINGLE, bytes((self.single,))))
        if self.locking:
            elements.append((_LOCKING, bytes((self.locking,))))
        elements += self.others
        body = b"".join(bytes((kind, len(data))) + data for kind, data in elements)
        return bytes((len(body),)) + body if body else b""


NO_HEADER: Final = Header()


def octets_of(
    *,
    wide: bool = False,
    concatenated: bool = False,
    locking: Language = Language.DEFAULT,
    single: Language = Language.DEFAULT,
) -> int:
    """Octets that such a header takes, with its length octet; 0 for none."""
    body = (5 + wide if concatenated else 0) + (3 if locking else 0) + (3 if single else 0)
    return body + 1 if body else 0


def split(payload: bytes) -> tuple[Header, bytes]:
    """Header and text of a payload whose UDHI bit is set.

    Never raises: a header that is longer than the payload is no header, and all is text; an element that is cut short
    ends the reading; one with a wrong length or impossible values (part 0, part 4 of 3) is as good as not there.
    """
    if not payload or payload[0] >= len(payload) + (payload[0] == 0):
        return Header(), payload
    end = payload[0] + 1
    found: dict[int, bytes] = {}
    others = []
    at = 1
    while at + 2 <= end:
        kind, length = payload[at], payload[at + 1]
        data = payload[at + 2 : at + 2 + length]
        at += 2 + length
        if at > end:
            break
        if _LENGTHS.get(kind) == length:
            found[kind] = data
        elif kind not in _LENGTHS:
            others.append((kind, data))
    return _header(found, tuple(others)), payload[end:]


def _header(found: dict[int, bytes], others: tuple[tuple[int, bytes], ...]) -> Header:
    wide = _PARTS_16 in found
    parts = found.get(_PARTS_16) or found.get(_PARTS_8) or bytes(3)
    reference, total, number = int.from_bytes(parts[:-2], "big"), parts[-2], parts[-1]
    if not 1 <= number <= total:
        reference = total = number = 0
    ports = None
    if _PORTS_16 in found:
        data = found[_PORTS_16]
        ports = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
    elif _PORTS_8 in found:
        data = found[_PORTS_8]
        ports = data[0], data[1]
    locking, single = (found.get(kind, b"\0")[0] for kind in (_LOCKING, _SINGLE))
    return Header(
        reference=reference,
        total=total,
        number=number,
        wide=wide and total > 0,
        ports=ports,
        locking=next((one for one in LOCKING if one == locking), Language.DEFAULT),
        single=next((one for one in SINGLE if one == single), Language.DEFAULT),
        others=others,
    )
