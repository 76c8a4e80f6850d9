"""Other systems over SMPP: texts they hand in, receipts and incoming texts they get, and who is kept out."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.channels import sms
from tests.channels.sms import Running, running, state, until
from wasl.channels.sms.front import Bad, Front, instant
from wasl.channels.sms.smpp import pdu, receipt
from wasl.channels.sms.smpp.client import Account
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import MessageState, Status
from wasl.channels.sms.smpp.link import Link, Submission
from wasl.channels.sms.smpp.outcome import Limits, Outcome, OutcomeKind
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.wire import Address
from wasl.kernel import clock, seal
from wasl.kernel.links import conninfo
from wasl.kernel.sms import text
from wasl.services.exchange import calls
from wasl.services.exchange.actions import password_digest
from wasl.services.exchange.models import Handed, Login
from wasl.services.texts import queries
from wasl.services.texts.models import Client, Incoming, Ported, Queued, Route, Text

pytestmark = pytest.mark.django_db(transaction=True)

SECRET = "secret"
PHONE = Address("96892000001", 1, 1)


def login(client: Client, system_id: str = "ecustoms", **fields: object) -> Login:
    """A login whose password is "secret"."""
    Client.objects.filter(pk=client.pk).update(told=True)
    return Login.objects.create(
        client=client,
        system_id=system_id,
        key_digest=password_digest(system_id, "secret"),
        made_at=clock.now(),
        **fields,
    )


class System:
    """A client system with one bind."""

    def __init__(
        self, house: Running, port: int, system_id: str = "ecustoms", password: str = SECRET, rest_s: float = 0
    ) -> None:
        self.house = house
        self.rest_s = rest_s
        self.got: list[Request] = []
        self.outcomes: dict[object, Outcome] = {}
        self.link: Link

        async def start() -> None:
            self.link = Link(
                [Account("127.0.0.1", port, system_id, password)],
                self._take,
                on_outcome=self._outcome,
                on_backlog=lambda _some: None,
                limits=Limits(window=50),
            )
            self.link.start()

        house.do(start())

    async def _take(self, _session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        self.got += batch
        await asyncio.sleep(self.rest_s)
        return [one.answer() for one in batch]

    def _outcome(self, submission: Submission, outcome: Outcome) -> None:
        self.outcomes[submission.tag] = outcome

    def send(self, tag: str, message: pdu.SubmitSm) -> None:
        async def send() -> None:
            self.link.offer([Submission(message, tag=tag)])

        self.house.do(send())

    def stop(self) -> None:
        self.house.do(self.link.stop())

    @property
    def receipts(self) -> list[receipt.Receipt]:
        found = (receipt.read(one) for one in self.got if isinstance(one, pdu.DeliverSm))
        return [one for one in found if one is not None]


def submit(words: str = "hello", source: str = "1111", **fields: Any) -> pdu.SubmitSm:
    usual = {"source": Address(source), "destination": PHONE, "short_message": words.encode(), "registered": 1}
    return pdu.SubmitSm(**{**usual, **fields})


@contextmanager
def fronted(house: Running) -> Iterator[int]:
    """The front in the house's loop; its port."""
    front = Front(conninfo())
    port = int(str(house.do(front.listen("127.0.0.1", 0))))
    run = asyncio.run_coroutine_threadsafe(front.run(), house.loop)
    try:
        yield port
    finally:
        house.loop.call_soon_threadsafe(front.stop)
        run.result(30)


@pytest.mark.req("J5")
def test_a_text_handed_in_over_smpp_is_carried_and_its_receipt_comes() -> None:
    with running() as house:
        house.operator()
        login(sms.client("ecustoms"))
        house.start()
        with fronted(house) as port:
            system = System(house, port)
            system.send("a", submit("Your parcel is free."))
            until(lambda: "a" in system.outcomes)
            outcome = system.outcomes["a"]
            assert outcome.kind is OutcomeKind.ACCEPTED
            kept = Text.objects.get()
            assert kept.ref.endswith(f"/{outcome.message_id}/r1")
            until(lambda: state(kept.ref) == "delivered")
            calls.gather()
            until(lambda: system.receipts)
            (told,) = system.receipts
            assert (told.message_id, told.state) == (outcome.message_id, MessageState.DELIVERED)
            until(lambda: not Handed.objects.exists())
            system.stop()


@pytest.mark.req("J5")
@pytest.mark.slow
def test_a_long_text_is_one_text_whatever_the_order_of_its_parts_and_each_part_gets_its_receipt() -> None:
    with running() as house:
        house.operator()
        login(sms.client("ecustoms"))
        house.start()
        words = "وصلت شحنتك إلى الجمارك " * 8
        made = text.segments(text.plan(words.strip()), 7)
        with fronted(house) as port:
            system = System(house, port)
            for number in (2, 0, 0, 1):
                one = made[number]
                tag = f"{number}.{len(system.outcomes)}"
                fields: dict[str, Any] = {"short_message": one.short_message, "esm_class": one.esm_class}
                fields["data_coding"] = one.data_coding
                system.send(tag, submit(**fields))
                until(partial(system.outcomes.__contains__, tag))
            ids = {one.message_id for one in system.outcomes.values()}
            assert len(ids) == len(made) == 3
            kept = Text.objects.get()
            until(lambda: state(kept.ref) == "delivered")
            assert house.simulators["first"].obey('{"do": "sent"}')["sent"][0]["text"] == words.strip()
            calls.gather()
            until(lambda: len(system.receipts) == 3)
            assert {one.message_id for one in system.receipts} == ids
            # The last part again, because its answer was lost, makes no second text.
            one = made[1]
            system.send("again", submit(short_message=one.short_message, esm_class=one.esm_class, data_coding=8))
            until(lambda: "again" in system.outcomes)
            assert Text.objects.count() == 1
            # The same reference again is another text, though it begins with the same words.
            until(lambda: not Queued.objects.exists())
            other = f"{words.strip()[:100]} ... لم تصل شحنتك بعد {'. ' * 30}".strip()
            for number, one in enumerate(text.segments(text.plan(other), 7)):
                system.send(f"o{number}", submit(short_message=one.short_message, esm_class=64, data_coding=8))
            until(lambda: {"o0", "o1", "o2"} <= set(system.outcomes))
            assert Text.objects.count() == 2
            sent = house.simulators["first"].obey
            until(lambda: [one["text"] for one in sent('{"do": "sent"}')["sent"]] == [words.strip(), other])
            system.stop()


@pytest.mark.req("J5")
def test_a_ported_number_goes_where_its_owner_took_it() -> None:
    with running() as house:
        house.operator("first", prefixes=["+968"])
        second = house.operator("second")
        route = Route.objects.create(name="second's", place=1, home=second, operators=[second.pk])
        Ported.objects.create(look_up=seal.index_of(sms.NUMBER), operator=second)
        queries.forget()
        login(sms.client("ecustoms"))
        with fronted(house) as port:
            system = System(house, port)
            system.send("ported", submit())
            system.send("not", submit(destination=Address("96892000002", 1, 1)))
            until(lambda: len(system.outcomes) == 2)
            system.stop()
        homes = {bytes(one.text.look_up): one.route_id for one in Queued.objects.select_related("text")}
        assert homes[seal.index_of(sms.NUMBER)] == route.pk
        assert homes[seal.index_of("+96892000002")] == Route.objects.get(name="all").pk


@pytest.mark.req("J5")
def test_what_is_not_allowed_is_told_in_smpp_s_own_words() -> None:
    with running() as house:
        house.operator(prefixes=["+968"])
        login(sms.client("ecustoms"))
        with fronted(house) as port:
            system = System(house, port)
            cases = {
                "sender": (submit(source="2222"), Status.RINVSRCADR),
                "number": (submit(destination=Address("12", 1, 1)), Status.RINVDSTADR),
                "late": (submit(validity="nonsense"), Status.RINVEXPIRY),
                "empty": (submit(""), Status.RINVMSGLEN),
            }
            for tag, (message, _status) in cases.items():
                system.send(tag, message)
            until(lambda: len(system.outcomes) == len(cases))
            assert {tag: one.status for tag, one in system.outcomes.items()} == {
                tag: status for tag, (_message, status) in cases.items()
            }
            assert not Text.objects.exists()
            system.stop()


@pytest.mark.req("J5")
@pytest.mark.slow
def test_a_wrong_password_a_shut_login_and_a_client_switched_off_are_kept_out() -> None:
    with running() as house:
        house.operator()
        client = sms.client("ecustoms")
        login(client, "shut", on=False)
        login(sms.client("off", on=False), "off")
        login(client)
        with fronted(house) as port:
            wrong = {"ecustoms": "Secret", "shut": SECRET, "off": SECRET, "no": SECRET}
            systems = [System(house, port, system_id, password) for system_id, password in wrong.items()]
            for system in systems:
                system.send("a", submit())
            house.do(asyncio.sleep(1.3))
            assert [one.link.usable for one in systems] == [False] * len(wrong)
            for system in systems:
                system.stop()
        assert not Text.objects.exists()


@pytest.mark.req("J5", "J2")
def test_a_text_to_its_code_waits_until_the_system_is_bound() -> None:
    with running() as house:
        house.operator()
        login(sms.client("ecustoms", codes=["90999"]))
        house.start()
        simulator = house.simulators["first"]
        until(lambda: simulator.server.sessions and all(one.takes for one in simulator.server.sessions))

        async def mo() -> int:
            return simulator.mo("96892000001", "90999", "أين شحنتي؟")

        house.do(mo())
        until(lambda: Incoming.objects.filter(code="90999").exists())
        calls.gather()
        assert Handed.objects.count() == 1
        assert Incoming.objects.get().state == "done"
        with fronted(house) as port:
            system = System(house, port)
            until(lambda: system.got)
            (one,) = system.got
            assert isinstance(one, pdu.DeliverSm)
            assert text.decode(one.short_message, one.data_coding) == "أين شحنتي؟"
            assert (one.source.number, one.destination.number) == ("96892000001", "90999")
            until(lambda: not Handed.objects.exists())
            system.stop()


@pytest.mark.req("J5", "J2")
def test_what_a_window_has_no_room_for_comes_after_it_in_order_and_once() -> None:
    with running() as house:
        operator = house.operator()
        client = sms.client("ecustoms", codes=["90999"])
        login(client)
        words = [f"{n:03} " + "long " * 80 for n in range(40)] + ["short"]
        for one in words:
            Handed.objects.create(client=client, incoming=sms.came_in(operator, one, state="done"), at=clock.now())
        with fronted(house) as port:
            system = System(house, port, rest_s=0.1)
            began = clock.now()
            until(lambda: not Handed.objects.exists())
            assert (clock.now() - began).total_seconds() < 8
            parts = [one.short_message for one in system.got if isinstance(one, pdu.DeliverSm)]
            assert len(parts) == 3 * 40 + 1
            assert parts[-1] == b"short"
            firsts = [one[6:9].decode() for one in parts[:-1:3]]
            assert firsts == [f"{n:03}" for n in range(40)]
            system.stop()


@pytest.mark.req("R6")
def test_it_outlives_a_data_base_that_is_away() -> None:
    with running() as house:
        house.operator()
        login(sms.client("ecustoms"))
        name = connection.settings_dict["NAME"]
        with fronted(house) as port, psycopg.connect(conninfo(), dbname="postgres", autocommit=True) as beside:
            try:
                beside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
                house.do(asyncio.sleep(2.5))
            finally:
                beside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())
            system = System(house, port)
            system.send("a", submit())
            until(lambda: "a" in system.outcomes)
            assert system.outcomes["a"].kind is OutcomeKind.ACCEPTED
            system.stop()


def test_times_of_smpp_are_read() -> None:
    now = clock.now()
    relative = instant("000001000000000R", now, Status.RINVSCHED)
    assert relative is not None
    assert (relative - now).total_seconds() == 86_400
    absolute = instant("261201120000016+", clock.now(), Status.RINVSCHED)
    assert absolute is not None
    assert absolute.isoformat() == "2026-12-01T08:00:00+00:00"
    for wrong in ("261301120000016+", "1", "99" * 7 + "9R", "26120112000001٣+"):
        with pytest.raises(Bad):
            instant(wrong, now, Status.RINVSCHED)
