"""The PDUs of SMPP 3.4 and how a frame becomes one of them; the stream is cut in `wire`, not what they mean.

Reading is lenient where operators are careless and nothing can be mistaken (a response without its body, a last string
without its NUL, identifiers longer than the specification has them) and strict everywhere else: what is read is a value
of one of the classes below or a `PduError` with the status to answer. Writing keeps to the specification, but for
system ids, passwords and message ids, which operators make longer than it allows.

Source: SMPP Protocol Specification v3.4, issue 1.2.
"""

from typing import ClassVar, Self

from wasl.channels.sms.smpp.codec import BY_COMMAND, Pdu, Request, Response, layout
from wasl.channels.sms.smpp.codes import RESPONSE, Command, Status, Tag
from wasl.channels.sms.smpp.wire import (
    ADDRESS_OCTETS,
    IDENTIFIER_OCTETS,
    NO_ADDRESS,
    Address,
    Frame,
    Framer,
    FramingError,
    PduError,
    UnknownCommand,
    c_octets,
    read_c,
    read_tlvs,
)

__all__ = [
    "AlertNotification",
    "BindReceiver",
    "BindReceiverResp",
    "BindRequest",
    "BindResponse",
    "BindTransceiver",
    "BindTransceiverResp",
    "BindTransmitter",
    "BindTransmitterResp",
    "CancelSm",
    "CancelSmResp",
    "DataSm",
    "DataSmResp",
    "DeliverSm",
    "DeliverSmResp",
    "EnquireLink",
    "EnquireLinkResp",
    "GenericNack",
    "Message",
    "MessageResponse",
    "Outbind",
    "QuerySm",
    "QuerySmResp",
    "ReplaceSm",
    "ReplaceSmResp",
    "SubmitSm",
    "SubmitSmResp",
    "Unbind",
    "UnbindResp",
    "decode",
    "read",
]


@layout
class GenericNack(Response):
    """The answer to what could not be read (SMPP 3.4, 4.3)."""

    command: ClassVar[int] = Command.GENERIC_NACK


@layout
class BindResponse(Response):
    """What the three answers to a bind have in common. `tlvs` may hold sc_interface_version."""

    system_id: str = ""


@layout
class BindReceiverResp(BindResponse):
    """SMPP 3.4, 4.1.4."""

    command: ClassVar[int] = Command.BIND_RECEIVER | RESPONSE


@layout
class BindTransmitterResp(BindResponse):
    """SMPP 3.4, 4.1.2."""

    command: ClassVar[int] = Command.BIND_TRANSMITTER | RESPONSE


@layout
class BindTransceiverResp(BindResponse):
    """SMPP 3.4, 4.1.6."""

    command: ClassVar[int] = Command.BIND_TRANSCEIVER | RESPONSE


@layout
class BindRequest(Request):
    """What the three binds have in common. `range` is address_range, with the type and plan in the address."""

    system_id: str = ""
    password: str = ""
    system_type: str = ""
    interface_version: int = 0x34
    range: Address = NO_ADDRESS


@layout
class BindReceiver(BindRequest):
    """SMPP 3.4, 4.1.3."""

    command: ClassVar[int] = Command.BIND_RECEIVER
    response: ClassVar[type[Response]] = BindReceiverResp


@layout
class BindTransmitter(BindRequest):
    """SMPP 3.4, 4.1.1."""

    command: ClassVar[int] = Command.BIND_TRANSMITTER
    response: ClassVar[type[Response]] = BindTransmitterResp


@layout
class BindTransceiver(BindRequest):
    """SMPP 3.4, 4.1.5."""

    command: ClassVar[int] = Command.BIND_TRANSCEIVER
    response: ClassVar[type[Response]] = BindTransceiverResp


@layout
class Outbind(Pdu):
    """The operator asks to be bound to (SMPP 3.4, 4.1.7). It has no answer."""

    command: ClassVar[int] = Command.OUTBIND
    system_id: str = ""
    password: str = ""


@layout
class UnbindResp(Response):
    """SMPP 3.4, 4.2.2."""

    command: ClassVar[int] = Command.UNBIND | RESPONSE


@layout
class Unbind(Request):
    """SMPP 3.4, 4.2.1."""

    command: ClassVar[int] = Command.UNBIND
    response: ClassVar[type[Response]] = UnbindResp


@layout
class EnquireLinkResp(Response):
    """SMPP 3.4, 4.11.2."""

    command: ClassVar[int] = Command.ENQUIRE_LINK | RESPONSE


@layout
class EnquireLink(Request):
    """SMPP 3.4, 4.11.1."""

    command: ClassVar[int] = Command.ENQUIRE_LINK
    response: ClassVar[type[Response]] = EnquireLinkResp


@layout
class MessageResponse(Response):
    """What the answers to messages have in common; written by hand, as often as they are."""

    message_id: str = ""

    def _mandatory(self) -> bytes:
        return c_octets(self.message_id, "message_id", IDENTIFIER_OCTETS) if self.message_id else b"\0"


@layout
class SubmitSmResp(MessageResponse):
    """SMPP 3.4, 4.4.2. `message_id` is the operator's."""

    command: ClassVar[int] = Command.SUBMIT_SM | RESPONSE


@layout
class DeliverSmResp(MessageResponse):
    """SMPP 3.4, 4.6.2. `message_id` is unused and stays empty."""

    command: ClassVar[int] = Command.DELIVER_SM | RESPONSE


@layout
class Message(Request):
    """What submit_sm and deliver_sm have in common: their whole layout (SMPP 3.4, 4.4.1 and 4.6.1).

    `schedule` and `validity` are SMPP times (7.1.1), `short_message` has at most 254 octets (255 are read). Written and
    read by hand, field by field: this is the PDU that comes a hundred thousand times a second.
    """

    service_type: str = ""
    source: Address = NO_ADDRESS
    destination: Address = NO_ADDRESS
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    registered: int = 0
    replace: int = 0
    data_coding: int = 0
    default_message: int = 0
    short_message: bytes = b""

    @property
    def payload(self) -> bytes:
        """The text with its header: short_message, or the optional parameter message_payload when that is empty."""
        if self.short_message or not self.tlvs:
            return self.short_message
        return self.tlv(Tag.MESSAGE_PAYLOAD) or b""

    def _mandatory(self) -> bytes:
        source, destination, text = self.source, self.destination, self.short_message
        if len(text) > 254:
            raise PduError(Status.RINVMSGLEN, "short_message is longer than 254 octets")
        try:
            return b"%b%c%c%b%c%c%b%c%c%c%b%b%c%c%c%c%c%b" % (
                c_octets(self.service_type, "service_type", 6) if self.service_type else b"\0",
                source.ton,
                source.npi,
                c_octets(source.number, "source_addr", ADDRESS_OCTETS),
                destination.ton,
                destination.npi,
                c_octets(destination.number, "destination_addr", ADDRESS_OCTETS),
                self.esm_class,
                self.protocol_id,
                self.priority,
                c_octets(self.schedule, "schedule_delivery_time", 17) if self.schedule else b"\0",
                c_octets(self.validity, "validity_period", 17) if self.validity else b"\0",
                self.registered,
                self.replace,
                self.data_coding,
                self.default_message,
                len(text),
                text,
            )
        except OverflowError:
            raise PduError(Status.RINVPARLEN, "a number does not fit into an octet") from None

    @classmethod
    def read(cls, sequence: int, status: int, body: bytes) -> Self:
        """See Pdu.read."""
        try:
            service_type, at = ("", 1) if not body[0] else read_c(body, 0, IDENTIFIER_OCTETS, "service_type")
            end = body.index(0, at + 2, at + 2 + ADDRESS_OCTETS)
            source = Address(body[at + 2 : end].decode("latin-1"), body[at], body[at + 1])
            at = end + 1
            end = body.index(0, at + 2, at + 2 + ADDRESS_OCTETS)
            destination = Address(body[at + 2 : end].decode("latin-1"), body[at], body[at + 1])
            esm_class, protocol_id, priority = body[end + 1 : end + 4]
            at = end + 4
            schedule, at = ("", at + 1) if not body[at] else read_c(body, at, 33, "schedule_delivery_time")
            validity, at = ("", at + 1) if not body[at] else read_c(body, at, 33, "validity_period")
            registered, replace, data_coding, default_message, length = body[at : at + 5]
        except PduError:
            raise
        except (IndexError, ValueError):
            raise PduError(Status.RINVCMDLEN, "the body ends too early or an address does not end") from None
        at += 5
        end = at + length
        if end > len(body):
            raise PduError(Status.RINVMSGLEN, "sm_length says more than there is")
        return cls(
            sequence=sequence,
            status=status,
            tlvs=read_tlvs(body, end) if end < len(body) else (),
            service_type=service_type,
            source=source,
            destination=destination,
            esm_class=esm_class,
            protocol_id=protocol_id,
            priority=priority,
            schedule=schedule,
            validity=validity,
            registered=registered,
            replace=replace,
            data_coding=data_coding,
            default_message=default_message,
            short_message=body[at:end],
        )


@layout
class SubmitSm(Message):
    """SMPP 3.4, 4.4.1."""

    command: ClassVar[int] = Command.SUBMIT_SM
    response: ClassVar[type[Response]] = SubmitSmResp


@layout
class DeliverSm(Message):
    """SMPP 3.4, 4.6.1."""

    command: ClassVar[int] = Command.DELIVER_SM
    response: ClassVar[type[Response]] = DeliverSmResp


@layout
class DataSmResp(MessageResponse):
    """SMPP 3.4, 4.7.2."""

    command: ClassVar[int] = Command.DATA_SM | RESPONSE


@layout
class DataSm(Request):
    """SMPP 3.4, 4.7.1. The text is in the optional parameter message_payload."""

    command: ClassVar[int] = Command.DATA_SM
    response: ClassVar[type[Response]] = DataSmResp
    service_type: str = ""
    source: Address = NO_ADDRESS
    destination: Address = NO_ADDRESS
    esm_class: int = 0
    registered: int = 0
    data_coding: int = 0

    @property
    def payload(self) -> bytes:
        """The text with its header."""
        return self.tlv(Tag.MESSAGE_PAYLOAD) or b""


@layout
class QuerySmResp(Response):
    """SMPP 3.4, 4.8.2. `state` is a MessageState, `final_date` an SMPP time or empty."""

    command: ClassVar[int] = Command.QUERY_SM | RESPONSE
    message_id: str = ""
    final_date: str = ""
    state: int = 0
    error: int = 0


@layout
class QuerySm(Request):
    """SMPP 3.4, 4.8.1."""

    command: ClassVar[int] = Command.QUERY_SM
    response: ClassVar[type[Response]] = QuerySmResp
    message_id: str = ""
    source: Address = NO_ADDRESS


@layout
class CancelSmResp(Response):
    """SMPP 3.4, 4.9.2."""

    command: ClassVar[int] = Command.CANCEL_SM | RESPONSE


@layout
class CancelSm(Request):
    """SMPP 3.4, 4.9.1."""

    command: ClassVar[int] = Command.CANCEL_SM
    response: ClassVar[type[Response]] = CancelSmResp
    service_type: str = ""
    message_id: str = ""
    source: Address = NO_ADDRESS
    destination: Address = NO_ADDRESS


@layout
class ReplaceSmResp(Response):
    """SMPP 3.4, 4.10.2."""

    command: ClassVar[int] = Command.REPLACE_SM | RESPONSE


@layout
class ReplaceSm(Request):
    """SMPP 3.4, 4.10.1."""

    command: ClassVar[int] = Command.REPLACE_SM
    response: ClassVar[type[Response]] = ReplaceSmResp
    message_id: str = ""
    source: Address = NO_ADDRESS
    schedule: str = ""
    validity: str = ""
    registered: int = 0
    default_message: int = 0
    short_message: bytes = b""


@layout
class AlertNotification(Pdu):
    """A telephone is reachable again (SMPP 3.4, 4.12.1). It has no answer."""

    command: ClassVar[int] = Command.ALERT_NOTIFICATION
    source: Address = NO_ADDRESS
    esme: Address = NO_ADDRESS


def read(frame: Frame) -> Pdu:
    """The PDU that the frame holds.

    Raises UnknownCommand, or PduError with the status to answer when the body is wrong.
    """
    pdu = BY_COMMAND.get(frame.command)
    if pdu is None:
        raise UnknownCommand(Status.RINVCMDID, f"command id 0x{frame.command:08X}")
    return pdu.read(frame.sequence, frame.status, frame.body)


def decode(octets: bytes) -> Pdu:
    """One whole PDU from its octets. Raises FramingError when they are not exactly one, else as `read`."""
    frames, error = Framer().feed(octets)
    if error or len(frames) != 1 or len(frames[0].body) + 16 != len(octets):
        raise error or FramingError(Status.RINVCMDLEN, "not exactly one PDU")
    return read(frames[0])
