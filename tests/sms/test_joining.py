"""Parts of long texts: any order, twice, mixed with others', never whole, and more than memory should hold."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasl.channels.sms.smpp import joining, pdu
from wasl.channels.sms.smpp.joining import Joined, MemoryParts
from wasl.channels.sms.smpp.wire import Address
from wasl.kernel.sms import text
from wasl.kernel.sms.text import LongWay, TextRules

ARABIC = "تسرب مياه من الشبكة العامة في شارع السلطان قابوس قرب دوار برج الصحوة. " * 12


def parts(
    words: str, source: str = "96890000001", reference: int = 7, way: LongWay = LongWay.UDH_8
) -> list[pdu.DeliverSm]:
    """What a telephone sends as the parts of this text."""
    return [
        pdu.DeliverSm(
            source=Address(source, 1, 1),
            destination=Address("90888"),
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            short_message=one.short_message,
            tlvs=one.tlvs,
        )
        for one in text.segments(text.plan(words, TextRules(way=way)), reference)
    ]


def take(store: MemoryParts, messages: list[pdu.DeliverSm], operator: str = "omantel", now: float = 0) -> list[Joined]:
    async def all_of_them() -> list[Joined]:
        found = [await joining.join(one, operator, store, now=now) for one in messages]
        return [one for one in found if one]

    return asyncio.run(all_of_them())


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=6), st.sampled_from(LongWay))
def test_any_order_and_twice(order: list[int], again: list[int], way: LongWay) -> None:
    sent = parts(ARABIC, way=way)
    store = MemoryParts()
    if way is LongWay.PAYLOAD:
        assert [one.text for one in take(store, sent)] == [ARABIC]
        return
    assert len(sent) >= 12
    shuffled = [sent[number] for number in order] + sent[12:]
    found = take(store, shuffled + [sent[number] for number in again])
    assert [one.text for one in found] == [ARABIC]
    assert found[0].whole


@pytest.mark.req("B10")
def test_two_people_s_parts_are_never_mixed() -> None:
    first, second = parts("a" * 300, "96890000001"), parts("b" * 300, "96890000002")
    store = MemoryParts()
    mixed = [first[0], second[1], second[0], first[1]]
    assert [(one.key.source, one.text) for one in take(store, mixed)] == [
        ("96890000002", "b" * 300),
        ("96890000001", "a" * 300),
    ]
    # Nor those of one number by way of two operators, or with references of other width.
    assert take(store, [first[0]], "omantel") == []
    assert take(store, [first[1]], "ooredoo") == []
    wide = parts("c" * 300, reference=7, way=LongWay.UDH_16)
    assert take(store, [wide[1]]) == []


@pytest.mark.req("B10")
def test_a_reference_used_again_is_a_new_text_though_it_begins_alike() -> None:
    first, second = parts("a" * 153 + "b" * 100), parts("a" * 153 + "c" * 100)
    assert first[0] == second[0]
    store = MemoryParts()
    assert [one.text for one in take(store, [*first, *second])] == ["a" * 153 + "b" * 100, "a" * 153 + "c" * 100]
    # What was merely sent twice is nothing of the next one's.
    store, third = MemoryParts(), parts("d" * 200)
    assert [one.text for one in take(store, [*first, *first, *third])] == ["a" * 153 + "b" * 100, "d" * 200]
    # Nor what came again long before.
    store = MemoryParts()
    assert len(take(store, [*first, first[0]])) == 1
    assert take(store, [second[1]], now=120) == []


def test_a_character_cut_in_two_by_the_sender_is_whole_again() -> None:
    whole = ("ا" * 66 + "\U0001f600").encode("utf-16-be")
    halves = [
        pdu.DeliverSm(esm_class=0x40, data_coding=8, short_message=b"\5\0\3\1\2" + bytes((number,)) + octets)
        for number, octets in ((1, whole[:134]), (2, whole[134:]))
    ]
    assert take(MemoryParts(), halves)[0].text == "ا" * 66 + "\U0001f600"
    escape = [
        pdu.DeliverSm(esm_class=0x40, short_message=b"\5\0\3\1\2" + bytes((number,)) + octets)
        for number, octets in ((1, b"x" * 152 + b"\x1b"), (2, b"ex"))
    ]
    assert take(MemoryParts(), escape)[0].text == "x" * 152 + "€x"


def test_a_reference_used_again_begins_a_new_text() -> None:
    store = MemoryParts()
    first, second = parts("a" * 300), parts("b" * 300)
    assert take(store, [first[0]]) == []
    assert [one.text for one in take(store, second)] == ["b" * 300]
    # The text that never became whole is given back, not lost.
    given_back = asyncio.run(store.expired(0))
    assert [joining.read(key, found).text for key, found in given_back] == ["a" * 153 + "\ufffd"]
    # And the same text once more after it was whole, with the same reference, is no new text.
    assert take(store, second) == []
    assert [one.text for one in take(store, parts("c" * 300))] == ["c" * 300]


def test_what_waits_too_long_is_given_back_with_its_gaps() -> None:
    store = MemoryParts(patience_s=100)
    sent = parts("a" * 153 + "b" * 153 + "c" * 10)
    take(store, [sent[1]], now=0)
    assert asyncio.run(store.expired(100)) == []
    ((key, found),) = asyncio.run(store.expired(101))
    joined = joining.read(key, found)
    assert (joined.text, joined.whole) == ("\ufffd" + "b" * 153 + "\ufffd", False)
    assert len(store) == 0
    take(store, [sent[0]], now=200)
    assert [one.text for one in take(store, sent, now=400)] == ["a" * 153 + "b" * 153 + "c" * 10]


@pytest.mark.slow
def test_memory_is_bounded_and_nothing_is_lost_in_silence() -> None:
    store = MemoryParts(limit=100)
    for first in range(0, 1000, 50):
        take(store, [parts("x" * 300, source=str(number))[0] for number in range(first, first + 50)])
        assert len(store) <= 100
    given_back = asyncio.run(store.expired(0))
    assert len(given_back) == 100
    huge = parts("y" * 153 * 255)
    random.Random(1).shuffle(huge)
    small = MemoryParts(limit=254)
    assert take(small, huge) == []
    assert sum(len(found) for _key, found in asyncio.run(small.expired(0))) <= 254
    assert take(MemoryParts(limit=255), huge)[0].text == "y" * 153 * 255


@pytest.mark.parametrize("header", [b"\5\0\3\7\2\0", b"\5\0\3\7\2\3", b"\5\0\3\7\0\0", b"\5\0\3\7\0\1"])
def test_impossible_parts_stand_alone(header: bytes) -> None:
    message = pdu.DeliverSm(esm_class=0x40, short_message=header + b"hello")
    assert [one.text for one in take(MemoryParts(), [message])] == ["hello"]


def test_binary_messages_have_no_text() -> None:
    assert take(MemoryParts(), [pdu.DeliverSm(data_coding=4, short_message=b"\0\1")])[0].text is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=200)), max_size=30))
@pytest.mark.slow
def test_any_octets_are_taken(messages: list[tuple[int, int, bytes]]) -> None:
    store = MemoryParts(limit=10)
    take(
        store,
        [pdu.DeliverSm(esm_class=esm, data_coding=coding, short_message=octets) for esm, coding, octets in messages],
    )
    for key, found in asyncio.run(store.expired(1e9)):
        joining.read(key, found)
