"""Octets on the wire: cutting a stream into frames, strings, numbers and optional parameters; no PDU is known here."""

from struct import Struct
from typing import Final, NamedTuple

from wasl.channels.sms.smpp.codes import Status, name_of

__all__ = [
    "ADDRESS_OCTETS",
    "HEADER",
    "IDENTIFIER_OCTETS",
    "LONGEST",
    "NO_ADDRESS",
    "Address",
    "Frame",
    "Framer",
    "FramingError",
    "PduError",
    "Tlvs",
    "UnknownCommand",
    "c_octets",
    "octet",
    "read_c",
    "read_short_message",
    "read_tlvs",
    "write_tlvs",
]

HEADER: Final = Struct(">IIII")
"""command_length, command_id, command_status, sequence_number."""

LONGEST: Final = 70_000
"""Octets of the longest PDU taken: a message_payload of 65,535 and room for all the rest."""

Tlvs = tuple[tuple[int, bytes], ...]
"""Optional parameters in their order: tag and value. A tag may come twice (callback_num does)."""


class PduError(ValueError):
    """A PDU that cannot be read, or a value that cannot be written. `status` is what to answer to the peer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{name_of(status)}: {reason}")
        self.status = status


class FramingError(PduError):
    """command_length is impossible: where the next PDU begins is not known any more, the connection must end."""


class UnknownCommand(PduError):
    """A command id that SMPP 3.4 does not have (or that we do not speak); answered by generic_nack."""


class Frame(NamedTuple):
    """One PDU cut out of the stream, its body not looked at."""

    command: int
    status: int
    sequence: int
    body: bytes


class Framer:
    """Cuts a stream of octets into frames, however the network splits it. Keeps at most `longest` octets."""

    __slots__ = ("_longest", "_need", "_rest")

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._need = HEADER.size

    def feed(self, data: bytes) -> tuple[list[Frame], FramingError | None]:
        """The frames that are complete now, in order, and the error after which nothing can be read any more.

        Frames before the error are whole. After an error the framer must not be fed again.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return [], None
            data = bytes(self._rest)
            self._rest.clear()
        frames: list[Frame] = []
        at, end = 0, len(data)
        unpack, longest = HEADER.unpack_from, self._longest
        self._need = HEADER.size
        while end - at >= 16:
            length, command, status, sequence = unpack(data, at)
            if not 16 <= length <= longest:
                return frames, FramingError(Status.RINVCMDLEN, f"command_length is {length}")
            if end - at < length:
                self._need = length
                break
            frames.append(Frame(command, status, sequence, data[at + 16 : at + length]))
            at += length
        if at < end:
            self._rest += data[at:]
        return frames, None


class Address(NamedTuple):
    """A number or name with its type of number and numbering plan (SMPP 3.4, 5.2.5-5.2.8)."""

    number: str = ""
    ton: int = 0
    npi: int = 0


NO_ADDRESS: Final = Address()


ADDRESS_OCTETS: Final = 65
IDENTIFIER_OCTETS: Final = 256
"""System ids, passwords and message ids: 3.4 has 16, 9 and 65 octets; operators go beyond."""


def c_octets(value: str, name: str, octets: int) -> bytes:
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raise PduError(Status.RINVPARLEN, f"{name} has characters that SMPP cannot carry") from None
    if len(raw) >= octets or 0 in raw:
        raise PduError(Status.RINVPARLEN, f"{name} is longer than {octets - 1} octets or contains a NUL")
    return raw + b"\0"


def read_c(body: bytes, at: int, octets: int, name: str) -> tuple[str, int]:
    end = body.find(0, at, at + octets)
    if end < 0:
        raise PduError(Status.RINVPARLEN, f"{name} does not end within {octets} octets")
    return body[at:end].decode("latin-1"), end + 1


def octet(value: int, name: str) -> int:
    if not 0 <= value <= 255:
        raise PduError(Status.RINVPARLEN, f"{name} does not fit into an octet")
    return value


def write_tlvs(tlvs: Tlvs) -> bytes:
    out = bytearray()
    for tag, value in tlvs:
        if not 0 <= tag <= 0xFFFF or len(value) > 0xFFFF:
            raise PduError(Status.RINVPARLEN, f"optional parameter 0x{tag:04X} does not fit")
        out += tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value
    return bytes(out)


def read_tlvs(body: bytes, at: int) -> Tlvs:
    found = []
    end = len(body)
    while at < end:
        if end - at < 4:
            raise PduError(Status.RINVOPTPARSTREAM, "octets left over behind the optional parameters")
        tag = (body[at] << 8) | body[at + 1]
        length = (body[at + 2] << 8) | body[at + 3]
        at += 4
        if end - at < length:
            raise PduError(Status.RINVOPTPARSTREAM, f"optional parameter 0x{tag:04X} is cut short")
        found.append((tag, body[at : at + length]))
        at += length
    return tuple(found)


def read_short_message(body: bytes, at: int) -> tuple[bytes, int]:
    if at >= len(body):
        raise PduError(Status.RINVCMDLEN, "the body ends before sm_length")
    end = at + 1 + body[at]
    if end > len(body):
        raise PduError(Status.RINVMSGLEN, "sm_length says more than there is")
    return body[at + 1 : end], end
