"""The codec: every PDU there and back, streams cut anywhere, octets of all kinds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sms.pdus import SPECIFIED, any_pdu, damaged
from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.codec import BY_COMMAND, Pdu
from wasl.channels.sms.smpp.codes import Command, Status, Tag, is_temporary, name_of
from wasl.channels.sms.smpp.wire import LONGEST, Address, Frame, Framer, FramingError, PduError, UnknownCommand

BIND = bytes.fromhex("0000002F000000020000000000000001") + b"SMPP3TEST\0secret08\0SUBMIT1\0\x00\x01\x01\0"
"""The bind_transmitter that the specification shows in 3.2.3."""


@settings(deadline=None)
@given(any_pdu)
@pytest.mark.slow
def test_every_pdu_comes_back_as_it_was(one: Pdu) -> None:
    assert pdu.decode(one.encode()) == one


def test_the_specification_s_own_example_is_read() -> None:
    read = pdu.decode(BIND)
    assert read == pdu.BindTransmitter(
        sequence=1,
        system_id="SMPP3TEST",
        password="secret08",
        system_type="SUBMIT1",
        interface_version=0,
        range=Address("", 1, 1),
    )
    assert read.encode() == BIND


def test_all_commands_of_the_specification_but_submit_multi_are_known() -> None:
    requests = {one for one in Command if one is not Command.GENERIC_NACK}
    answers = {one | 0x80000000 for one in requests - {Command.OUTBIND, Command.ALERT_NOTIFICATION}}
    assert set(SPECIFIED) == requests | answers | {Command.GENERIC_NACK}


@settings(max_examples=40, deadline=None)
@given(st.lists(any_pdu, max_size=4), st.data())
@pytest.mark.slow
def test_a_stream_may_be_cut_anywhere(sent: list[Pdu], data: st.DataObject) -> None:
    stream = b"".join(one.encode() for one in sent)
    framer, read, at = Framer(), [], 0
    while at < len(stream):
        until = data.draw(st.integers(at + 1, min(len(stream), at + 200)))
        frames, error = framer.feed(stream[at:until])
        assert error is None
        read += [pdu.read(frame) for frame in frames]
        at = until
    assert read == sent


def test_a_stream_may_come_octet_by_octet() -> None:
    long = pdu.SubmitSm(sequence=9, tlvs=((Tag.MESSAGE_PAYLOAD, b"x" * 65_000),))
    framer, found = Framer(), []
    for octet in long.encode() + BIND:
        frames, error = framer.feed(bytes((octet,)))
        assert error is None
        found += frames
    assert [pdu.read(frame) for frame in found] == [long, pdu.decode(BIND)]


@pytest.mark.parametrize("length", [0, 1, 15, LONGEST + 1, 0xFFFFFFFF])
def test_an_impossible_length_ends_the_stream_after_what_was_whole(length: int) -> None:
    frames, error = Framer().feed(BIND + length.to_bytes(4, "big") + bytes(60))
    assert len(frames) == 1
    assert isinstance(error, FramingError)
    assert error.status == Status.RINVCMDLEN


def read_or_status(frame: Frame) -> Pdu | int:
    """What the frame holds, or the status to refuse it with."""
    try:
        return pdu.read(frame)
    except PduError as error:
        return error.status or pytest.fail("a refusal without a status")


@settings(deadline=None)
@given(damaged() | st.binary(max_size=400))
@pytest.mark.slow
def test_whatever_comes_is_read_or_refused_with_a_status(octets: bytes) -> None:
    frames, _error = Framer().feed(octets)
    for frame in frames:
        assert isinstance(read_or_status(frame), int | BY_COMMAND.get(frame.command, int))


@settings(deadline=None)
@given(st.sampled_from(SPECIFIED), st.integers(0, 0xFFFFFFFF), st.binary(max_size=300))
def test_any_body_of_any_command_is_read_or_refused(command: int, status: int, body: bytes) -> None:
    octets = (16 + len(body)).to_bytes(4, "big") + command.to_bytes(4, "big") + status.to_bytes(4, "big") + b"\0\0\0\1"
    frames, _error = Framer().feed(octets + body)
    assert isinstance(read_or_status(frames[0]), int | BY_COMMAND[command])


def test_an_unknown_command_is_refused_as_such() -> None:
    with pytest.raises(UnknownCommand) as raised:
        pdu.decode(bytes.fromhex("00000010000000210000000000000001"))
    assert raised.value.status == Status.RINVCMDID


def test_careless_answers_are_understood() -> None:
    header = "80000004 00000000 00000007"
    without_body = bytes.fromhex("00000010" + header)
    without_nul = bytes.fromhex("00000013" + header) + b"abc"
    with_words = bytes.fromhex("00000014 80000004 00000058 00000007") + b"slow"
    assert pdu.decode(without_body) == pdu.SubmitSmResp(sequence=7)
    assert pdu.decode(without_nul) == pdu.SubmitSmResp(sequence=7, message_id="abc")
    assert pdu.decode(with_words) == pdu.SubmitSmResp(sequence=7, status=Status.RTHROTTLED)


def test_vendors_own_parameters_and_statuses_pass() -> None:
    one = pdu.SubmitSm(tlvs=((0x1400, b"own"), (0x3FFF, b""), (0x1400, b"twice")))
    read = pdu.decode(one.encode())
    assert read.tlvs == one.tlvs
    assert read.tlv(0x1400) == b"own"
    assert read.tlv(0x1401) is None
    refused = pdu.decode(pdu.SubmitSmResp(status=0x0412).encode())
    assert (refused.status, name_of(refused.status)) == (0x412, "vendor status 0x00000412")
    assert name_of(0x58) == "ESME_RTHROTTLED"
    assert [status for status in (0x08, 0x0B, 0x14, 0x58, 0x64, 0x412) if is_temporary(status)] == [8, 0x14, 0x58, 0x64]


def test_long_system_ids_and_passwords_pass() -> None:
    one = pdu.BindTransceiver(system_id="municipality-of-muscat-main", password="twenty-four characters ok")
    assert pdu.decode(one.encode()) == one


@pytest.mark.parametrize(
    "one",
    [
        pdu.SubmitSm(source=Address("9" * 65)),
        pdu.SubmitSm(source=Address("١١١١")),
        pdu.SubmitSm(source=Address("a\0b")),
        pdu.SubmitSm(short_message=b"x" * 255),
        pdu.SubmitSm(esm_class=256),
        pdu.SubmitSm(validity="000001000000000R" + "0"),
        pdu.SubmitSm(tlvs=((1, b"x" * 65_536),)),
        pdu.SubmitSm(tlvs=((1, b"x" * 65_535), (1, b"x" * 65_535))),
        pdu.QuerySmResp(error=-1),
    ],
)
def test_what_does_not_fit_is_not_written(one: Pdu) -> None:
    with pytest.raises(PduError):
        one.encode()


def test_a_text_that_says_more_than_there_is_is_refused() -> None:
    octets = bytearray(pdu.DeliverSm(short_message=b"hello").encode())
    octets[-6] = 200
    with pytest.raises(PduError) as raised:
        pdu.decode(bytes(octets))
    assert raised.value.status == Status.RINVMSGLEN
