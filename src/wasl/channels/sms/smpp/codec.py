"""How any PDU becomes octets and is read again, from the order and kind of its fields; the PDUs are in `pdu`."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final, Self, TypeVar, cast, dataclass_transform

from wasl.channels.sms.smpp.codes import Status
from wasl.channels.sms.smpp.wire import (
    ADDRESS_OCTETS,
    HEADER,
    IDENTIFIER_OCTETS,
    LONGEST,
    Address,
    PduError,
    Tlvs,
    c_octets,
    octet,
    read_c,
    read_short_message,
    read_tlvs,
    write_tlvs,
)

__all__ = ["BY_COMMAND", "Pdu", "Request", "Response", "layout"]

P = TypeVar("P", bound="Pdu")
T = TypeVar("T")

_OCTET, _ADDRESS, _SHORT_MESSAGE = -1, -2, -3
_OCTETS_OF = {
    "system_id": IDENTIFIER_OCTETS,
    "password": IDENTIFIER_OCTETS,
    "system_type": 33,
    "message_id": IDENTIFIER_OCTETS,
    "service_type": 6,
    "schedule": 17,
    "validity": 17,
    "final_date": 17,
}
"""Longest C-octet strings, with their NUL."""

_COMMON: Final = frozenset({"sequence", "status", "tlvs"})
_LAYOUTS: dict[type, tuple[tuple[str, int], ...]] = {}
BY_COMMAND: dict[int, type["Pdu"]] = {}
"""The class of each command id."""


@dataclass_transform(kw_only_default=True)
def layout(cls: type[T]) -> type[T]:
    """Make a class a PDU: its fields, in their order, are the mandatory parameters as the specification orders them."""
    made = dataclass(slots=True, kw_only=True)(cls)
    pdu = cast("type[Pdu]", made)
    own = [field for field in fields(pdu) if field.name not in _COMMON]
    _LAYOUTS[pdu] = tuple((field.name, _kind(field.name, field.default)) for field in own)
    command = getattr(made, "command", None)
    if command is not None:
        BY_COMMAND[int(command)] = pdu
    return made


def _kind(name: str, default: object) -> int:
    if isinstance(default, Address):
        return _ADDRESS
    if isinstance(default, bytes):
        return _SHORT_MESSAGE
    return _OCTETS_OF[name] if isinstance(default, str) else _OCTET


@layout
class Pdu:
    """What every PDU has. `sequence` is given by the session that sends it."""

    command: ClassVar[int]
    sequence: int = 0
    status: int = 0
    tlvs: Tlvs = ()

    def body(self) -> bytes:
        """Mandatory and optional parameters as octets. Raises PduError when a value does not fit."""
        return self._mandatory() + (write_tlvs(self.tlvs) if self.tlvs else b"")

    def encode(self) -> bytes:
        """The whole PDU as octets. Raises PduError when a value does not fit or the whole is longer than LONGEST."""
        body = self.body()
        if len(body) + 16 > LONGEST:
            raise PduError(Status.RINVCMDLEN, f"the PDU is longer than {LONGEST} octets")
        return HEADER.pack(len(body) + 16, self.command, self.status, self.sequence) + body

    def tlv(self, tag: int) -> bytes | None:
        """The value of the first optional parameter with this tag."""
        for own, value in self.tlvs:
            if own == tag:
                return value
        return None

    def _mandatory(self) -> bytes:
        out = bytearray()
        for name, kind in _LAYOUTS[type(self)]:
            value: Any = getattr(self, name)
            if kind == _ADDRESS:
                out += bytes((octet(value.ton, name), octet(value.npi, name)))
                out += c_octets(value.number, name, ADDRESS_OCTETS)
            elif kind == _OCTET:
                out.append(octet(value, name))
            elif kind == _SHORT_MESSAGE:
                out += bytes((octet(len(value), name),)) + value
            else:
                out += c_octets(value, name, kind)
        return bytes(out)

    @classmethod
    def read(cls, sequence: int, status: int, body: bytes) -> Self:
        """The PDU that a frame holds. Raises PduError."""
        return _read(cls, sequence, status, body)


def _read(cls: type[P], sequence: int, status: int, body: bytes) -> P:
    values: dict[str, Any] = {}
    at = 0
    for name, kind in _LAYOUTS[cls]:
        if kind == _ADDRESS:
            if len(body) - at < 2:
                raise PduError(Status.RINVCMDLEN, f"the body ends before {name}")
            ton, npi = body[at], body[at + 1]
            number, at = read_c(body, at + 2, ADDRESS_OCTETS, name)
            values[name] = Address(number, ton, npi)
        elif kind == _OCTET:
            if at >= len(body):
                raise PduError(Status.RINVCMDLEN, f"the body ends before {name}")
            values[name] = body[at]
            at += 1
        elif kind == _SHORT_MESSAGE:
            values[name], at = read_short_message(body, at)
        else:
            values[name], at = read_c(body, at, kind, name)
    tlvs = read_tlvs(body, at) if at < len(body) else ()
    return cls(sequence=sequence, status=status, tlvs=tlvs, **values)


@layout
class Response(Pdu):
    """An answer. With a status other than ROK it has no body, as the specification wants and as many operators do."""

    def body(self) -> bytes:
        """See Pdu.body; empty when the status tells of an error."""
        return b"" if self.status else self._mandatory() + write_tlvs(self.tlvs)

    @classmethod
    def read(cls, sequence: int, status: int, body: bytes) -> Self:
        """See Pdu.read; a missing body, and a string that ends with the body instead of a NUL, are understood."""
        layout = _LAYOUTS[cls]
        if status or not layout:
            # What comes with an error is the operator's own words at best. It is never needed.
            return cls(sequence=sequence, status=status)
        if not body:
            return cls(sequence=sequence)
        if len(layout) == 1 and 0 not in body:
            body += b"\0"
        return _read(cls, sequence, status, body)


@layout
class Request(Pdu):
    """A PDU that wants an answer."""

    response: ClassVar[type[Response]]

    def answer(self, status: int = 0, **values: Any) -> Response:
        """The response to this request: same sequence number; `values` are the fields of its class."""
        return self.response(sequence=self.sequence, status=status, **values)
