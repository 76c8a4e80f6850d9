"""Receipts as operators really write them, and the ids under which they find their message."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasl.channels.sms.smpp import pdu, receipt
from wasl.channels.sms.smpp.codes import EsmClass, MessageState, Tag
from wasl.channels.sms.smpp.receipt import IdForm, Receipt
from wasl.channels.sms.smpp.wire import Tlvs

OMAN = timezone(timedelta(hours=4))


def told(words: str, esm_class: int = EsmClass.RECEIPT, tlvs: Tlvs = ()) -> pdu.DeliverSm:
    return pdu.DeliverSm(esm_class=esm_class, short_message=words.encode(), tlvs=tlvs)


@pytest.mark.parametrize(
    ("words", "message_id", "state"),
    [
        (
            "id:0123456789 sub:001 dlvrd:001 submit date:2611221559 done date:2611221600 stat:DELIVRD err:000 text:Hi",
            "0123456789",
            MessageState.DELIVERED,
        ),
        ("ID:AB12 SUB:1 DLVRD:0 SUBMIT DATE:2611221559 DONE DATE:2611221600 STAT:UNDELIV ERR:1b", "AB12", 5),
        ("id: 77 stat: EXPIRED err: 034", "77", MessageState.EXPIRED),
        ("Id:77,Sub:001,Stat:Rejectd,Err:12", "77", MessageState.REJECTED),
        ("id:77|stat:ACCEPTD", "77", MessageState.ACCEPTED),
        ("id=77 status=delivered error=0", "77", MessageState.DELIVERED),
        ("id:77\nstat:FAILED\r\n", "77", MessageState.UNDELIVERABLE),
        ("id:77 stat:BUFFERED", "77", MessageState.ENROUTE),
        ("id:77 stat:WHATEVER", "77", MessageState.UNKNOWN),
        ("stat:DELIVRD id:77 ", "77", MessageState.DELIVERED),
        ("id:4f-6e:9a stat:DELIVRD", "4f-6e:9a", MessageState.DELIVERED),
        ("id:77 submitdate:261122155900 donedate:20261122160000 stat:DELIVRD\0", "77", MessageState.DELIVERED),
    ],
)
def test_dialects(words: str, message_id: str, state: int) -> None:
    found = receipt.read(told(words), zone=OMAN)
    assert found is not None
    assert (found.message_id, found.state) == (message_id, state)
    if "261122" in words:
        assert found.submitted == datetime(2026, 11, 22, 15, 59, tzinfo=OMAN)
        assert found.done == datetime(2026, 11, 22, 16, 0, tzinfo=OMAN)


def test_the_reported_text_cannot_change_what_the_receipt_says() -> None:
    found = receipt.read(told("id:7 stat:UNDELIV err:011 text:id:8 stat:DELIVRD err:000"))
    assert found == Receipt("7", MessageState.UNDELIVERABLE, "UNDELIV", "011")


def test_optional_parameters_win() -> None:
    tlvs = (
        (Tag.RECEIPTED_MESSAGE_ID, b"0a1B\0"),
        (Tag.MESSAGE_STATE, b"\x02"),
        (Tag.NETWORK_ERROR_CODE, b"\x03\x00\x1b"),
    )
    found = receipt.read(told("id:999 stat:ENROUTE err:003", tlvs=tlvs))
    assert found == Receipt("0a1B", MessageState.DELIVERED, "ENROUTE", "003", network_error=(3, 27))
    assert receipt.read(told("", 0, tlvs)) == Receipt("0a1B", MessageState.DELIVERED, network_error=(3, 27))


def test_a_text_from_a_telephone_is_never_a_receipt() -> None:
    forged = told("id:77 sub:001 dlvrd:001 stat:DELIVRD err:000", esm_class=0)
    assert not receipt.is_receipt(forged)
    assert receipt.read(forged) is None
    # An operator that marks nothing has to be trusted by a setting of its own.
    assert receipt.read(forged, trust_text=True) == Receipt("77", MessageState.DELIVERED, "DELIVRD", "000")
    assert receipt.read(told("my id: 7 is lost", esm_class=0), trust_text=True) is None
    # A manual acknowledgement is a person's.
    assert not receipt.is_receipt(told("id:7 stat:DELIVRD", esm_class=EsmClass.MANUAL_ACK), trust_text=True)


def test_a_receipt_without_an_id_is_none() -> None:
    assert receipt.is_receipt(told("delivered"))
    assert receipt.read(told("delivered")) is None


@settings(deadline=None)
@given(st.binary(max_size=600), st.integers(0, 255), st.binary(max_size=20))
def test_any_octets_are_read(octets: bytes, esm_class: int, value: bytes) -> None:
    tlvs = tuple((tag, value) for tag in (Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE))
    for one in (pdu.DeliverSm(esm_class=esm_class, short_message=octets), pdu.DeliverSm(tlvs=tlvs)):
        receipt.read(one, trust_text=True)


@settings(deadline=None)
@given(st.sampled_from(MessageState), st.integers(0, 2**64))
def test_what_is_written_is_read(state: MessageState, number: int) -> None:
    at = datetime(2026, 11, 22, 1, 2, tzinfo=UTC)
    short_message, esm_class, tlvs = receipt.write(Receipt(str(number), state, submitted=at, done=at), text=b"stat:X")
    for parameters in (tlvs, ()):
        found = receipt.read(pdu.DeliverSm(esm_class=esm_class, short_message=short_message, tlvs=parameters))
        assert found is not None
        assert (found.message_id, found.state, found.done) == (str(number), state, at)


def test_ids_match_in_hex_and_decimal_with_zeros_and_in_any_case() -> None:
    assert receipt.key("00AbC") == receipt.key("abc ")
    assert receipt.key("0") == receipt.key("000") == "0"
    assert receipt.key("1F4", IdForm.HEXADECIMAL) == receipt.key("0500", IdForm.DECIMAL) == "500"
    assert receipt.key("x-1", IdForm.HEXADECIMAL) == "x-1"
    assert "500" in receipt.keys("000001F4")
    assert "1f4" in receipt.keys("500")
    assert receipt.keys("msg-1") == ("msg-1",)
    (long,) = receipt.keys("f" * 100)
    assert len(long) == 70


@settings(deadline=None)
@given(st.text(max_size=100))
def test_any_id_has_keys(message_id: str) -> None:
    assert receipt.keys(message_id)[0] == receipt.key(message_id)
    assert len(receipt.keys(message_id)) <= 3
    for form in IdForm:
        receipt.key(message_id, form)


def test_which_states_are_final() -> None:
    assert [state.name for state in MessageState if not state.final] == ["ENROUTE", "ACCEPTED"]


@given(
    st.tuples(
        st.sampled_from(["id:", "Id:", "id: "]),
        st.text("0aZ-,;| ", min_size=0, max_size=8),
        st.sampled_from([" sub:001", " sub:", ""]),
        st.sampled_from([" dlvrd:001 submit date:2611221559 done date:2611221600", " dlvrd:1"]),
        st.sampled_from([" stat:DELIVRD", " stat:", " stat:x1"]),
        st.sampled_from([" err:000", " err:", " err:0,1", " error:7"]),
        st.sampled_from([" text:", " Text:", " text", " txt: id:9", "text:id:8 stat:UNDELIV"]),
    )
)
@settings(max_examples=1000)
def test_the_usual_form_is_read_as_any_other(pieces: tuple[str, ...]) -> None:
    words = "".join(pieces)
    # A blank in front makes it unusual, and means nothing.
    assert receipt.read(told(words)) == receipt.read(told(f" {words}"))
