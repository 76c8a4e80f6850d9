"""Texts from the queue to an operator and back, over real SMPP: what is kept, what is told, what nobody knows."""

import asyncio
import time
from datetime import timedelta

import pytest
from psycopg import AsyncConnection

from tests.channels import sms
from tests.channels.sms import running, send, state, until
from wasl.channels.sms import answering
from wasl.channels.sms.carrier import number_of
from wasl.channels.sms.gateway import Gateway
from wasl.channels.sms.smpp.pdu import DeliverSm
from wasl.channels.sms.smpp.simulator import Habits, Simulator
from wasl.channels.sms.smpp.wire import Address
from wasl.kernel import clock, seal
from wasl.kernel.links import conninfo
from wasl.kernel.sms import text
from wasl.services.texts import actions, queries
from wasl.services.texts.actions import New, words_place
from wasl.services.texts.models import BindState, EarlyReceipt, Ended, Incoming, IncomingPart, Klass, Part, Queued, Text
from wasl.services.texts.spool import Spool, Told

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.req("J8", "J10")
def test_a_text_goes_out_and_its_receipt_comes_back() -> None:
    with running() as house:
        house.operator()
        sms.client()
        house.start()
        send("a", "Your case is closed.")
        send("b", "تم إغلاق بلاغكم " * 10)
        until(lambda: state("a") == state("b") == "delivered")
        kept = house.simulators["first"].obey('{"do": "sent"}')["sent"]
        assert sorted((one["text"], one["parts"]) for one in kept) == [
            ("Your case is closed.", 1),
            (("تم إغلاق بلاغكم " * 10).strip(), 3),
        ]
        assert Text.objects.get(ref="b").parts == 3
        assert Part.objects.filter(state="DELIVERED").count() == 4
        assert not Queued.objects.exists()
        until(lambda: BindState.objects.filter(bound_since__isnull=False, accepted=4).exists())


@pytest.mark.req("J2")
def test_what_comes_in_is_kept_whole() -> None:
    with running() as house:
        house.operator(habits=Habits())
        house.start()
        long = "شكوى عن الإنارة في الشارع " * 8
        simulator = house.simulators["first"]
        until(lambda: simulator.server.sessions and all(one.takes for one in simulator.server.sessions))
        for words in ("VE 12345 BA", long):
            answer = simulator_mo(house, words)
            assert answer
        until(lambda: Incoming.objects.count() == 2)
        assert {one.code for one in Incoming.objects.all()} == {"90888"}
        assert {one.hint for one in Incoming.objects.all()} == {"+968 •••• 001"}


@pytest.mark.req("B10")
def test_a_reference_that_is_used_again_loses_neither_text() -> None:
    with running() as house:
        house.operator()
        house.start()
        simulator = house.simulators["first"]
        until(lambda: simulator.server.sessions and all(one.takes for one in simulator.server.sessions))
        words = "شكوى عن الإنارة في الشارع الرئيسي بجانب المسجد الكبير في حي الخوير منذ يومين "
        first, second = words + "لم يصلح بعد", words + "وعاد العطل اليوم"
        begins = text.segments(text.plan(words + "ولم يأت أحد"), 7)[:1]

        async def told() -> None:
            for one in [
                # Of this one nothing more comes; of those that follow all does.
                *text.segments(text.plan("تسرب مياه " * 20), 7)[1:2],
                *(one for some in (first, second) for one in text.segments(text.plan(some), 7)),
                *begins,
            ]:
                source, ours = Address("96892000001", 1, 1), Address("90888")
                simulator._queue(
                    "",
                    DeliverSm(
                        source=source, destination=ours, esm_class=64, data_coding=8, short_message=one.short_message
                    ),
                )

        house.do(told())
        until(lambda: Incoming.objects.count() == 2)
        kept = [
            seal.unseal(bytes(one.words_sealed), place=words_place(one.pk)) for one in Incoming.objects.order_by("pk")
        ]
        assert kept == [first, second]
        # Of the one that never became whole nothing is lost either.
        IncomingPart.objects.update(at=clock.now() - timedelta(hours=1))
        assert house.gateway is not None
        (carrier,) = house.gateway._carriers.values()
        house.do(carrier.forget())
        assert [one.whole for one in Incoming.objects.order_by("pk")] == [True, True, False]
        assert not IncomingPart.objects.exists()


def simulator_mo(house: sms.Running, words: str) -> int:
    async def mo() -> int:
        return house.simulators["first"].mo("96892000001", "90888", words)

    return int(str(house.do(mo())))


@pytest.mark.req("J8")
@pytest.mark.parametrize(
    "habits",
    [
        Habits(receipts="early"),
        pytest.param(Habits(receipts="twice", receipt_delay=0.01), marks=pytest.mark.slow),
        pytest.param(Habits(receipt_delay=0.01, latency=0.05), marks=pytest.mark.slow),
        Habits(receipt_delay=0.01, response_id="hex"),
        pytest.param(Habits(receipt_delay=0.01, response_id="hex", receipt_id="hex"), marks=pytest.mark.slow),
    ],
    ids=["early", "twice", "late", "ids in hexadecimal and decimal", "hexadecimal"],
)
@pytest.mark.slow
def test_receipts_find_their_text_whatever_the_operator_does(habits: Habits) -> None:
    with running() as house:
        house.operator(habits=habits)
        sms.client()
        house.start()
        refs = [f"r{n}" for n in range(30)]
        for n, ref in enumerate(refs):
            send(ref, number=f"+9689200{n:04d}")
        until(lambda: Text.objects.filter(state="delivered").count() == 30)
        if habits.receipts != "twice":
            until(lambda: not EarlyReceipt.objects.exists())


@pytest.mark.slow
@pytest.mark.req("J8")
def test_a_throttling_operator_gets_all_of_it_in_the_end() -> None:
    with running() as house:
        house.operator(habits=Habits(per_s=20, receipt_delay=0.01))
        sms.client()
        house.start()
        for n in range(60):
            send(f"t{n}", number=f"+9689200{n:04d}")
        until(lambda: Text.objects.filter(state="delivered").count() == 60, 40)
        assert house.simulators["first"].counts["throttled"] > 0
        assert not Text.objects.exclude(error="").exists()


@pytest.mark.req("J8")
def test_what_the_operator_refuses_is_told_in_his_words_and_what_he_takes_later_goes_later() -> None:
    with running() as house:
        house.operator(habits=Habits(status=0x0B))
        sms.client(told=True)
        house.start()
        send("refused")
        until(lambda: state("refused") == "failed")
        assert Text.objects.get(ref="refused").error == "ESME_RINVDSTADR"
        assert Ended.objects.get().state == "failed"
        house.simulators["first"].habits.status = 0x64
        send("later")
        until(lambda: Queued.objects.filter(text__ref="later", attempts=1, taken_by=None).exists())
        waiting = Queued.objects.get(text__ref="later")
        assert timedelta(seconds=20) < waiting.due_at - clock.now() < timedelta(seconds=31)
        assert Text.objects.get(ref="later").error == "ESME_RX_T_APPN"


@pytest.mark.slow
@pytest.mark.req("J8")
def test_what_an_operator_throttles_until_it_is_too_late_ends() -> None:
    with running() as house:
        house.operator(habits=Habits(status=0x14))
        sms.client()
        house.start()
        send("code", klass=Klass.URGENT, worth_until=clock.now() + timedelta(seconds=2))
        until(lambda: actions.end_late() or state("code") == "expired", 12)
        assert state("code") == "expired"
        house.simulators["first"].habits.status = 0
        send("case", number="+96892000002")
        until(lambda: state("case") == "delivered")
        assert house.simulators["first"].counts["accepted"] == 1


@pytest.mark.req("J8", "J10")
@pytest.mark.parametrize("klass", [Klass.URGENT, Klass.CASE])
def test_a_long_text_that_went_in_part_is_in_doubt_or_repeated_by_its_class(klass: Klass) -> None:
    with running() as house:
        house.operator(habits=Habits(latency=0.4, receipt_delay=0.01), window=1)
        sms.client()
        house.start()
        simulator = house.simulators["first"]
        send("long", "long " * 80, klass=klass)
        until(lambda: simulator.counts["accepted"] == 1)
        simulator.habits.status = 0x64
        if klass == Klass.URGENT:
            until(lambda: state("long") == "in_doubt")
            assert Text.objects.get().error == "ESME_RX_T_APPN"
        else:
            until(lambda: Text.objects.get().repeated)
        assert simulator.counts["accepted"] == 1


@pytest.mark.req("J10")
def test_texts_to_one_number_go_in_the_order_in_which_they_were_handed_in_whoever_took_them() -> None:
    with running() as house:
        house.operator()
        sms.client()
        began = clock.now()
        due = began + timedelta(seconds=2)
        # Their ids are those of processes that draw them in blocks: the later text has the lower one.
        for n in (3, 2, 1):
            with clock.held(began - timedelta(minutes=10 - n)):
                send(f"{n}", f"{n}", due_at=due)
        house.start()
        until(lambda: Text.objects.filter(state="delivered").count() == 3)
        kept = house.simulators["first"].obey('{"do": "sent"}')["sent"]
        assert [one["text"] for one in kept] == ["1", "2", "3"]


@pytest.mark.req("J8")
def test_receipts_of_one_text_over_two_connections_at_once_are_both_counted() -> None:
    with running() as house:
        operator = house.operator()
        sms.client()
        pk = send("long", "long " * 40).id
        Queued.objects.all().delete()
        Text.objects.update(state="accepted", operator=operator, accepted_at=clock.now())
        for key in ("1", "2"):
            Part.objects.create(text_id=pk, operator=operator, key=key, accepted_at=clock.now())
        look_up = bytes(Text.objects.get().look_up)
        known = queries.settings()

        async def both() -> None:
            connections = [await AsyncConnection.connect(conninfo(), autocommit=True) for _one in range(2)]
            first, second = (Spool(one, operator.pk) for one in connections)
            async with connections[0].transaction():
                await first.turn([], [Told(("1",), look_up, "DELIVERED")], [], 0, known)
                other = asyncio.create_task(second.turn([], [Told(("2",), look_up, "DELIVERED")], [], 0, known))
                await asyncio.sleep(0.3)
            await other
            for one in connections:
                await one.close()

        house.do(both())
        assert state("long") == "delivered"


@pytest.mark.slow
@pytest.mark.req("J8")
def test_the_other_operator_takes_over_and_hands_back() -> None:
    with running() as house:
        house.operator("first")
        house.operator("second")
        sms.client()
        house.start()
        send("a")
        until(lambda: state("a") == "delivered")
        first, second = house.simulators["first"], house.simulators["second"]
        assert (first.counts["submits"], second.counts["submits"]) == (1, 0)
        house.do(first.server.close(0.1))
        for n in range(20):
            send(f"b{n}", number=f"+9689200{n:04d}")
        until(lambda: Text.objects.filter(state="delivered").count() == 21, 30)
        assert second.counts["submits"] == 20


@pytest.mark.slow
@pytest.mark.req("J8")
def test_an_operator_that_hangs_is_left_within_thirty_seconds() -> None:
    """Connected, and silent: what he has is in doubt, what waits goes to the other one."""
    with running() as house:
        house.operator("first")
        house.operator("second")
        sms.client()
        house.start()
        send("a")
        until(lambda: state("a") == "delivered")
        house.simulators["first"].habits.silent = True
        for n in range(100):
            send(f"b{n}", number=f"+9689200{n:04d}", klass=Klass.URGENT)
        began = time.monotonic()
        until(lambda: Text.objects.filter(state="delivered").count() >= 91, 35)
        assert time.monotonic() - began < 30
        assert Queued.objects.filter(taken_by__isnull=False).count() <= 10


@pytest.mark.slow
@pytest.mark.req("J10")
def test_what_was_in_flight_when_the_line_broke_is_in_doubt_or_repeated_by_its_class() -> None:
    with running() as house:
        house.operator(habits=Habits(forget=1.0))
        sms.client()
        house.start()
        send("code", klass=Klass.URGENT)
        send("case", number="+96892000002", klass=Klass.CASE)
        simulator = house.simulators["first"]
        until(lambda: simulator.counts["submits"] == 2)
        simulator.habits.forget = 0.0
        house.do(cut(simulator))
        until(lambda: state("code") == "in_doubt" and state("case") == "delivered", 30)
        assert Text.objects.get(ref="case").repeated
        assert not Text.objects.get(ref="code").repeated


async def cut(simulator: Simulator) -> None:
    for session in simulator.server.sessions:
        session.abort("cut")


@pytest.mark.slow
@pytest.mark.req("J5")
def test_a_flood_of_one_client_does_not_hold_up_another() -> None:
    with running() as house:
        house.operator(habits=Habits(receipts="none"), per_s=200)
        sms.client("flood")
        sms.client("quiet")
        actions.queue("flood", [New(f"f{n}", f"+9689300{n:04d}", "x", Klass.CASE) for n in range(2000)])
        house.start()
        until(lambda: Text.objects.filter(client__code="flood", state="accepted").count() > 50)
        waits = []
        for n in range(10):
            began = time.monotonic()
            send(f"q{n}", number=f"+9689200{n:04d}", code="quiet")
            until(lambda: state(f"q{n}") == "accepted")  # noqa: B023  # asked at once
            waits.append(time.monotonic() - began)
        assert max(waits) < 2
        assert Text.objects.filter(client__code="flood", state="queued").exists()


@pytest.mark.req("J5")
@pytest.mark.slow
def test_the_urgent_goes_first_and_what_is_too_late_does_not_go() -> None:
    with running() as house:
        house.operator(habits=Habits(receipts="none", latency=0.02), window=1)
        sms.client()
        past = clock.now() - timedelta(minutes=1)
        send("late", worth_until=past)
        for n in range(50):
            send(f"c{n}", number=f"+9689200{n:04d}")
        send("urgent", number="+96892999999", klass=Klass.URGENT)
        house.start()
        until(lambda: state("urgent") == "accepted")
        assert Text.objects.filter(state="accepted").count() < 10
        assert state("late") == "expired"


@pytest.mark.slow
@pytest.mark.req("J10")
def test_a_second_gateway_stands_by_and_takes_over() -> None:
    with running() as house:
        house.operator()
        sms.client()
        house.start()
        first = house.gateway
        assert first is not None
        other = Gateway(conninfo())
        run = asyncio.run_coroutine_threadsafe(other.run(), house.loop)
        try:
            time.sleep(1.5)
            assert not other.carrying.is_set()
            house.stop()
            until(other.carrying.is_set)
            send("a")
            until(lambda: state("a") == "delivered")
        finally:
            house.loop.call_soon_threadsafe(other.stop)
            run.result(20)


@pytest.mark.req("J15")
def test_secret_words_are_gone_when_the_text_has_ended() -> None:
    with running() as house:
        house.operator()
        sms.client()
        house.start()
        send("salary", "Your salary is 900 OMR", secret=True)
        until(lambda: state("salary") == "delivered")
        assert Text.objects.get(ref="salary").words_sealed is None
        assert house.simulators["first"].obey('{"do": "sent"}')["sent"][0]["text"] == "Your salary is 900 OMR"


@pytest.mark.slow
@pytest.mark.req("J8")
def test_a_contracted_rate_is_used_to_the_full() -> None:
    """Only the rate stands in the way of the next text: nobody may fall asleep over it."""
    with running() as house:
        house.operator(habits=Habits(receipts="none"), per_s=50)
        sms.client()
        house.start()
        began = time.monotonic()
        actions.queue("city", [New(f"r{n}", f"+9689300{n:04d}", "x", Klass.CASE) for n in range(150)])
        until(lambda: Text.objects.filter(state="accepted").count() == 150)
        assert 2.5 < time.monotonic() - began < 7


@pytest.mark.req("J10")
@pytest.mark.slow
def test_what_nobody_carries_ends_when_it_is_too_late_and_its_words_go() -> None:
    with running() as house:
        house.operator()
        sms.client(told=True)
        send("late", secret=True, worth_until=clock.now() + timedelta(seconds=0.2))
        time.sleep(0.3)
        assert actions.end_late() == 1
        text = Text.objects.get(ref="late")
        assert (text.state, text.words_sealed) == ("expired", None)
        assert Ended.objects.get().state == "expired"


@pytest.mark.req("J10")
def test_what_an_operator_held_when_he_was_switched_off_is_settled() -> None:
    with running() as house:
        operator = house.operator()
        sms.client()
        send("a", klass=Klass.URGENT)
        # As a killed gateway leaves it.
        Queued.objects.update(taken_by=operator, taken_at=clock.now())
        operator.on = False
        operator.save()
        house.start()
        until(lambda: state("a") == "in_doubt")


@pytest.mark.req("J10")
@pytest.mark.slow
def test_what_a_lost_commit_took_goes_back() -> None:
    with running() as house:
        operator = house.operator(habits=Habits(receipts="none"))
        sms.client()
        house.start()
        send("a")
        until(lambda: state("a") == "accepted")
        send("b", due_at=clock.now() + timedelta(hours=1))
        Queued.objects.update(taken_by=operator, taken_at=clock.now() - timedelta(seconds=90), due_at=clock.now())
        assert house.gateway is not None
        (carrier,) = house.gateway._carriers.values()
        house.do(carrier.forget())
        until(lambda: state("b") == "accepted")


@pytest.mark.parametrize(
    ("written", "ton", "number"),
    [
        ("96892000001", 1, "+96892000001"),
        ("+96892000001", 1, "+96892000001"),
        ("92000001", 2, "+96892000001"),
        ("95298512", 0, "+96895298512"),
        ("98242107", 0, "+96898242107"),
        ("0096892000001", 0, "+96892000001"),
        ("447911123456", 0, "+447911123456"),
        ("90888", 0, "90888"),
        ("BANK", 5, "BANK"),
    ],
)
def test_who_texts_is_known_however_the_operator_writes_him(written: str, ton: int, number: str) -> None:
    assert number_of(Address(written, ton, 1), "OM") == number


@pytest.mark.req("J8")
def test_a_receipt_that_names_nothing_is_no_text_and_a_long_id_stops_nothing() -> None:
    with running() as house:
        house.operator(habits=Habits(receipts="none"))
        sms.client()
        house.start()
        send("a")
        until(lambda: state("a") == "accepted")
        simulator = house.simulators["first"]

        async def odd() -> None:
            source, ours = Address("96892000001", 1, 1), Address("1111")
            for words in (b"stat:DELIVRD err:000", b"id:" + b"f" * 64 + b" stat:DELIVRD err:000"):
                simulator._queue("", DeliverSm(source=source, destination=ours, esm_class=4, short_message=words))

        house.do(odd())
        until(lambda: simulator.counts["answered"] == 2)
        assert not Incoming.objects.exists()
        send("b")
        until(lambda: state("b") == "accepted")


@pytest.mark.req("J2")
def test_one_telephone_does_not_take_all_the_places_of_a_batch() -> None:
    with running() as house:
        operator = house.operator()
        for n in range(30):
            sms.came_in(operator, f"{n}")
        other = sms.came_in(operator, "x", number="+96892000002")
        assert answering.answer_new(limit=12) == 11
        other.refresh_from_db()
        assert other.state != Incoming.State.NEW
