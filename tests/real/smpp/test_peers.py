"""SMPP with programs that we did not write: Kannel both ways, Net::SMPP both ways, smpp34 both ways, smpplib."""

import asyncio
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import smpp34
import smpplib.client
import smpplib.consts
import smpplib.gsm

from tests.real.hotline import free_port
from tests.real.smpp.tap import Tap, dissect, tap
from tests.sms.peers import HELLO, account, bound, eventually, run, simulator, take_all
from wasl.channels.sms.smpp import joining, pdu
from wasl.channels.sms.smpp.client import Account, Way, connect
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import MessageState, Status, Tag
from wasl.channels.sms.smpp.link import Link, Submission
from wasl.channels.sms.smpp.outcome import Outcome, OutcomeKind
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.simulator import Habits
from wasl.channels.sms.smpp.wire import Address
from wasl.kernel.sms import text
from wasl.kernel.sms.text import LongWay, TextRules

ARABIC = "تم استلام بلاغكم رقم 2611220017 وسيتم الرد عليكم خلال ثلاثة أيام عمل. شكرًا لتواصلكم مع بلدية مسقط. "
HERE = Path(__file__).parent


def submits(words: str, rules: TextRules = text.RULES, **more: Any) -> list[pdu.SubmitSm]:
    """The submit_sm of each part."""
    return [
        replace(
            HELLO,
            esm_class=one.esm_class,
            data_coding=one.data_coding,
            short_message=one.short_message,
            tlvs=one.tlvs,
            **more,
        )
        for one in text.segments(text.plan(words, rules), 0x1234)
    ]


@contextmanager
def program(*command: str, log: Path, ready: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs meanwhile; waits until its log says that it is ready."""
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as process:
        try:
            until = time.monotonic() + 30
            while ready not in log.read_text(errors="replace"):
                assert process.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < until, log.read_text(errors="replace")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


# --- Kannel -------------------------------------------------------------------------------------------------------

KANNEL = """
group = core
admin-port = {admin}
admin-password = {word}
smsbox-port = {box}
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = wasl
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = kannel
smsc-password = {word}
system-type = ""
enquire-link-interval = 1
reconnect-delay = 1
max-pending-submits = 10

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {http}

group = sendsms-user
username = city
password = {word}
max-messages = 9
concatenation = true

group = sms-service
keyword = SR
text = "Your case %S is open"
"""


@contextmanager
def kannel(folder: Path, smpp: int) -> Iterator[int]:
    """Kannel bound to that port as a client; gives the port of its HTTP interface."""
    word = "secret"
    ports = {name: free_port() for name in ("admin", "box", "http")}
    config = folder / "kannel.conf"
    config.write_text(KANNEL.format(word=word, smpp=smpp, **ports))
    config.chmod(0o644)
    bearerbox = program("/usr/sbin/bearerbox", "-v", "0", str(config), log=folder / "bearerbox.log", ready="")
    with bearerbox:
        until = time.monotonic() + 20
        while not listens(ports["box"]):
            assert time.monotonic() < until, (folder / "bearerbox.log").read_text(errors="replace")
            time.sleep(0.05)
        with program("/usr/sbin/smsbox", "-v", "0", str(config), log=folder / "smsbox.log", ready=""):
            while not listens(ports["http"]):
                assert time.monotonic() < until, (folder / "smsbox.log").read_text(errors="replace")
                time.sleep(0.05)
            yield ports["http"]


def send_by_kannel(port: int, words: str, number: str = "96890000001") -> str:
    query = {
        "username": "city",
        "password": "secret",
        "from": "1111",
        "to": number,
        "text": words,
        "charset": "UTF-8",
        "coding": "0" if words.isascii() else "2",
        "dlr-mask": "31",
        "dlr-url": "http://127.0.0.1:9/?%d",
    }
    url = f"http://127.0.0.1:{port}/cgi-bin/sendsms?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=20) as answer:
        return str(answer.read().decode())


@pytest.mark.req("J5", "J8")
def test_kannel_as_client_of_ours(tmp_path: Path) -> None:
    """Short and long texts out of Kannel, receipts into it, a citizen's text into it and its answer back."""

    async def test() -> None:
        async with simulator(Habits(receipt_delay=0.05)) as (operator, port), tap(port) as wire:
            running = kannel(tmp_path, wire.port)
            http = await asyncio.to_thread(running.__enter__)
            try:
                await eventually(lambda: any(one.sends for one in operator.server.sessions), 20)
                for words in ("Your case is closed", "x" * 400, ARABIC * 3):
                    assert "Accepted" in await asyncio.to_thread(send_by_kannel, http, words)
                await eventually(lambda: operator._kept.count == 3, 20)
                # Kannel asks for the receipt of one part of each message.
                await eventually(lambda: operator.counts["answered"] == 3, 20)
                operator.mo("96890000001", "1111", "SR 12345")
                await eventually(lambda: operator._kept.count == 4, 20)
                assert [one["text"] for one in operator._kept.texts] == [
                    "Your case is closed",
                    "x" * 400,
                    ARABIC * 3,
                    "Your case 12345 is open",
                ]
                session = operator.server.sessions[0]
                assert (session.counters.malformed, session.counters.strays) == (0, 0)
                operator.obey('{"do": "drop"}')
                await eventually(session.closed.done)
                await eventually(lambda: any(one.sends for one in operator.server.sessions), 30)
            finally:
                await asyncio.to_thread(running.__exit__, None, None, None)
            clean(wire, tmp_path)

    run(test(), 110)


@pytest.mark.req("J8")
def test_kannel_s_smsc_with_a_client_of_ours(tmp_path: Path) -> None:
    """It knows no transceiver, so a transmitter and a receiver are bound, and held by one link."""

    async def test() -> None:
        port = free_port()
        command = ("/usr/lib/kannel/test/drive_smpp", "-v", "0", "-p", str(port), "-m", "500")
        running = program(*command, log=tmp_path / "drive.log", ready="Starting drive_smpp")
        await asyncio.to_thread(running.__enter__)
        received: list[Request] = []

        async def take(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
            received.extend(batch)
            return await take_all(session, batch)

        try:
            outcomes: list[Outcome] = []
            link = Link(
                [account(port, Way.TRANSMITTER), account(port, Way.RECEIVER)],
                take,
                on_outcome=lambda _one, outcome: outcomes.append(outcome),
                on_backlog=lambda _backlog: pytest.fail("nothing is given back"),
            )
            link.start()
            await eventually(lambda: len(link.sessions) == 2)
            link.offer(Submission(one, None) for one in submits(ARABIC * 3) * 10)
            await eventually(lambda: len(received) == 500, 30)
            await eventually(lambda: len(outcomes) == 50, 30)
            assert {one.kind for one in outcomes} == {OutcomeKind.ACCEPTED}
            assert {one.counters.malformed for one in link.sessions} == {0}
            await link.stop(1)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)

    run(test(), 60)


# --- Net::SMPP ----------------------------------------------------------------------------------------------------


@pytest.mark.req("J8")
def test_net_smpp_as_smsc(tmp_path: Path) -> None:
    received: list[Request] = []

    async def take(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        received.extend(batch)
        return await take_all(session, batch)

    async def test() -> None:
        port = free_port()
        log = tmp_path / "smsc.log"
        with program("perl", str(HERE / "smsc.pl"), str(port), log=log, ready="listening"):
            async with bound(port, take) as session:
                for number, one in enumerate(submits(ARABIC), 1):
                    assert await session.send(one) == Outcome(OutcomeKind.ACCEPTED, 0, f"{number:08X}")
                await eventually(lambda: received)
                await session.unbind()
            await eventually(lambda: "unbound" in log.read_text())
        expected = [f"submit 96890000001 8 {one.short_message.hex()}" for one in submits(ARABIC)]
        lines = log.read_text().splitlines()
        assert lines[1] == "bind wasl secret"
        assert [line for line in lines if line.startswith("submit")] == expected
        assert "delivered 0" in lines
        (came,) = received
        assert isinstance(came, pdu.DeliverSm)
        assert (came.source.number, came.destination.number, came.short_message) == (
            "96890000001",
            "90888",
            b"SR 12345",
        )

    run(test())


@pytest.mark.req("J5")
def test_net_smpp_as_client() -> None:
    async def test() -> None:
        async with simulator() as (operator, port):
            process = await asyncio.create_subprocess_exec(
                "perl", str(HERE / "esme.pl"), str(port), "To the city", stdout=subprocess.PIPE
            )
            await eventually(lambda: operator._kept.count == 1)
            operator.mo("96890000001", "1111", "VE 12345 BA")
            said, _nothing = await process.communicate()
            assert said.decode().splitlines() == ["submitted 0 1", "text VE 12345 BA", "alive 0", "unbound 0"]
            assert operator._kept.texts[0]["text"] == "To the city"
            assert [one.kind for one in operator.delivered] == [OutcomeKind.ACCEPTED]

    run(test())


# --- smpp34 -------------------------------------------------------------------------------------------------------


@pytest.mark.req("J8")
def test_smpp34_as_smsc(tmp_path: Path) -> None:
    texts: list[str | None] = []
    store = joining.MemoryParts()

    async def take(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        for one in batch:
            assert isinstance(one, pdu.DeliverSm)
            joined = await joining.join(one, "smpp34", store, now=0)
            if joined:
                texts.append(joined.text)
        return await take_all(session, batch)

    async def test() -> None:
        port = free_port()
        theirs = smpp34.Server("127.0.0.1", port, system_id="SMSC")
        await theirs.start()
        async with tap(port) as wire:
            session = await connect(account(wire.port), take)
            esme = await theirs.next()
            assert isinstance(esme, smpp34.Esme)
            for way in LongWay:
                for one in submits(ARABIC * 2, TextRules(way=way)):
                    sending = asyncio.create_task(session.send(one))
                    event = await theirs.next()
                    assert isinstance(event, smpp34.SubmitSmEvent)
                    assert event.short_message == one.short_message
                    assert [(tlv.tag, tlv.value) for tlv in event.tlvs] == list(one.tlvs)
                    event.accept("0A1B2C")
                    assert await sending == Outcome(OutcomeKind.ACCEPTED, 0, "0A1B2C")
            sending = asyncio.create_task(session.send(HELLO))
            event = await theirs.next()
            assert isinstance(event, smpp34.SubmitSmEvent)
            event.reject(Status.RINVDSTADR)
            assert await sending == Outcome(OutcomeKind.REJECTED, Status.RINVDSTADR)
            parts = submits(ARABIC * 2)
            for one in reversed(parts):
                answer = await esme.deliver_sm(
                    "90888",
                    one.short_message,
                    source_addr="96890000001",
                    esm_class=one.esm_class,
                    data_coding=one.data_coding,
                )
                assert answer.is_success
            assert texts == [ARABIC * 2]
            await session.unbind()
            clean(wire, tmp_path)
        await theirs.stop()

    run(test())


@pytest.mark.req("J5")
def test_smpp34_as_client(tmp_path: Path) -> None:
    async def test() -> None:
        async with simulator(Habits(receipt_delay=0)) as (operator, port), tap(port) as wire:
            theirs = smpp34.Client("127.0.0.1", wire.port, "smpp34", "secret", bind_type="TRX")
            smsc = await theirs.connect()
            for number in range(1, 51):
                answer = await smsc.submit_sm(
                    "96890000001", f"text {number}".encode(), source_addr="1111", registered_delivery=1
                )
                assert (answer.message_id, answer.command_status) == (str(number), 0)
            states = Counter[bytes]()
            for _time in range(50):
                event = await smsc.next()
                assert isinstance(event, smpp34.DeliverSmEvent)
                states[next(tlv.value for tlv in event.tlvs if tlv.tag == Tag.MESSAGE_STATE)] += 1
            assert states == {bytes((MessageState.DELIVERED,)): 50}
            operator.habits.status = 0x412
            assert (await smsc.submit_sm("96890000001", b"x")).command_status != 0
            await smsc.unbind()
            assert operator.counts["accepted"] == 50
            clean(wire, tmp_path)

    run(test())


# --- smpplib ------------------------------------------------------------------------------------------------------


@pytest.mark.req("J5")
def test_smpplib_as_client(tmp_path: Path) -> None:
    def talk(port: int) -> tuple[list[str], list[bytes]]:
        ids: list[str] = []
        received: list[bytes] = []
        client = smpplib.client.Client("127.0.0.1", port, timeout=5, allow_unknown_opt_params=True)
        client.set_message_sent_handler(lambda pdu: ids.append(pdu.message_id.decode()))
        client.set_message_received_handler(lambda pdu: received.append(pdu.short_message))
        client.connect()
        client.bind_transceiver(system_id="smpplib", password="secret")
        parts, coding, flag = smpplib.gsm.make_parts(ARABIC * 2)
        for part in parts:
            client.send_message(
                source_addr="1111",
                destination_addr="96890000001",
                short_message=part,
                data_coding=coding,
                esm_class=flag,
                registered_delivery=True,
            )
        while len(ids) < len(parts) or len(received) < len(parts):
            client.read_once()
        client.unbind()
        client.disconnect()
        return ids, received

    async def test() -> None:
        async with simulator(Habits(receipt_delay=0)) as (operator, port), tap(port) as wire:
            ids, received = await asyncio.to_thread(talk, wire.port)
            assert ids == ["1", "2", "3"]
            assert all(b"stat:DELIVRD" in one for one in received)
            assert [one["text"] for one in operator._kept.texts] == [ARABIC * 2]
            clean(wire, tmp_path)

    run(test())


# --- what tshark says ---------------------------------------------------------------------------------------------


def clean(wire: Tap, folder: Path) -> Counter[str]:
    """tshark reads the whole capture without a malformed PDU; counts the commands."""
    file = folder / "capture.pcap"
    wire.write(file)
    layers = dissect(file)
    commands: Counter[str] = Counter()
    malformed = 0
    for layer in layers:
        malformed += "_ws.malformed" in layer
        found = layer.get("smpp", [])
        for one in found if isinstance(found, list) else [found]:
            if "smpp.command_id" in one:
                commands[one["smpp.command_id"]] += 1
    assert not malformed, file
    assert sum(commands.values()) >= 4
    return commands


@pytest.mark.req("J8")
def test_everything_we_write_is_read_by_tshark(tmp_path: Path) -> None:
    """Each PDU of both sides, each way of long texts, each kind of refusal."""

    async def test() -> None:
        async with simulator(Habits(receipts="twice", receipt_delay=0)) as (operator, port), tap(port) as wire:
            there = Account("127.0.0.1", wire.port, "wasl", "secret", "muscat", range=Address("90888", 1, 1))
            for way in Way:
                session = await connect(replace(there, way=way), take_all)
                if way is not Way.RECEIVER:
                    for rules in (TextRules(way=one) for one in LongWay):
                        for one in submits(ARABIC * 2, rules, registered=1, validity="000000001000000R"):
                            assert (await session.send(one)).kind is OutcomeKind.ACCEPTED
                    await session.send(pdu.DataSm(tlvs=((Tag.MESSAGE_PAYLOAD, b"x" * 3000), (0x1400, b"own"))))
                    for question in (
                        pdu.QuerySm(message_id="1", source=HELLO.source),
                        pdu.CancelSm(message_id="1", source=HELLO.source, destination=HELLO.destination),
                        pdu.ReplaceSm(message_id="1", source=HELLO.source, short_message=b"new"),
                        pdu.EnquireLink(),
                    ):
                        await session.ask(question)
                    operator.habits.status = 0x412
                    await session.send(HELLO)
                    operator.habits.status = 0
                session.degraded = ""
                await session.unbind()
            operator.mo("96890000001", "90888", ARABIC * 3)
            session = await connect(there, take_all)
            await eventually(lambda: len(operator.delivered) == 5)
            await eventually(lambda: not operator.counts["waiting"])
            await session.unbind()
        commands = clean(wire, tmp_path)
        # Every command but outbind, alert_notification, query's likes with an answer, and generic_nack.
        for command in (1, 2, 3, 4, 5, 6, 7, 8, 9, 0x15, 0x103):
            assert commands[f"0x{command:08x}"], f"{command:x}"
            assert commands[f"0x{command | 0x80000000:08x}"], f"{command:x}"

    run(test(), 60)


@pytest.mark.req("J8")
def test_every_command_written_alone_is_read_by_tshark(tmp_path: Path) -> None:
    wire = Tap(0)
    every = [
        pdu.Outbind(sequence=1, system_id="smsc", password="secret"),
        pdu.AlertNotification(sequence=2, source=HELLO.destination, esme=HELLO.source, tlvs=((0x0422, b"\1"),)),
        pdu.GenericNack(sequence=3, status=Status.RINVCMDID),
        pdu.QuerySmResp(sequence=4, message_id="a", final_date="261122160000000+", state=2, error=1),
        pdu.CancelSmResp(sequence=5),
        pdu.ReplaceSmResp(sequence=6),
        pdu.SubmitSmResp(sequence=7, status=Status.RTHROTTLED),
        pdu.BindTransceiverResp(sequence=8, system_id="WASL", tlvs=((Tag.SC_INTERFACE_VERSION, b"\x34"),)),
    ]
    wire.pieces = [(40_000, False, one.encode()) for one in every]
    assert sum(clean(wire, tmp_path).values()) == len(every)


def test_tshark_would_tell(tmp_path: Path) -> None:
    wire = Tap(0)
    cut = bytearray(pdu.SubmitSm(sequence=1, short_message=b"hello").encode())
    cut[-6] = 200
    wire.pieces = [(40_000, False, bytes(cut))] + [(40_000, False, pdu.EnquireLink(sequence=2).encode())] * 4
    with pytest.raises(AssertionError, match=r"capture\.pcap"):
        clean(wire, tmp_path)
