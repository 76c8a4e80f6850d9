"""The simulator as a program: its ports, its control, its habits."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from tests.sms.peers import HELLO, bound, eventually, run, simulator, take_all
from wasl.channels.sms.smpp import joining, pdu, receipt
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import MessageState
from wasl.channels.sms.smpp.outcome import OutcomeKind
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.simulator import Habits
from wasl.kernel.sms import text
from wasl.site.installation import ROOT

ARABIC = "تم استلام بلاغكم رقم 2611220017 وسيتم الرد عليكم خلال ثلاثة أيام عمل. شكرًا لتواصلكم معنا."


@pytest.mark.parametrize("receipts", ["early", "once", "twice"])
@pytest.mark.parametrize(("response_id", "receipt_id"), [("hex", "decimal"), ("decimal", "hex")])
def test_receipts_early_late_twice_and_in_another_base_match(receipts: str, response_id: str, receipt_id: str) -> None:
    found: list[receipt.Receipt] = []

    async def take(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        for one in batch:
            assert isinstance(one, pdu.DeliverSm)
            told = receipt.read(one)
            assert told
            found.append(told)
        return await take_all(session, batch)

    async def test() -> None:
        habits = Habits(receipts=receipts, receipt_delay=0.01, response_id=response_id, receipt_id=receipt_id)
        async with simulator(habits) as (operator, port), bound(port, take) as session:
            operator._ids = 499
            asked = pdu.SubmitSm(source=HELLO.source, destination=HELLO.destination, registered=1)
            outcome = await session.send(asked)
            await eventually(lambda: operator.counts["answered"] == (2 if receipts == "twice" else 1))
            assert {one.state for one in found} == {MessageState.DELIVERED}
            for one in found:
                assert set(receipt.keys(outcome.message_id)) & set(receipt.keys(one.message_id))
            # Who knows the operator's dialect needs one key only.
            forms = {"hex": receipt.IdForm.HEXADECIMAL, "decimal": receipt.IdForm.DECIMAL}
            assert receipt.key(outcome.message_id, forms[response_id]) == "500"
            assert receipt.key(found[0].message_id, forms[receipt_id]) == "500"

    run(test())


def test_long_texts_both_ways() -> None:
    parts = joining.MemoryParts()
    texts: list[str | None] = []

    async def take(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        for one in batch:
            assert isinstance(one, pdu.DeliverSm)
            joined = await joining.join(one, "operator", parts, now=0)
            if joined:
                texts.append(joined.text)
        return await take_all(session, batch)

    async def test() -> None:
        async with simulator() as (operator, port), bound(port, take) as session:
            segments = text.segments(text.plan(ARABIC), 9)
            for one in segments:
                outcome = await session.send(
                    pdu.SubmitSm(
                        source=HELLO.source,
                        destination=HELLO.destination,
                        esm_class=one.esm_class,
                        data_coding=one.data_coding,
                        short_message=one.short_message,
                        tlvs=one.tlvs,
                    )
                )
                assert outcome.kind is OutcomeKind.ACCEPTED
            sent = operator.obey('{"do": "sent"}')
            assert [(one["text"], one["parts"]) for one in sent["sent"]] == [(ARABIC, len(segments))]
            assert operator.obey('{"do": "sent", "since": 1}') == {"sent": [], "next": 1}
            command = {"do": "mo", "source": "96890000001", "destination": "90888", "text": ARABIC * 3}
            assert operator.obey(json.dumps(command)) == {"parts": 5}
            await eventually(lambda: texts == [ARABIC * 3])

    run(test())


def test_control_that_makes_no_sense_is_answered() -> None:
    async def test() -> None:
        async with simulator() as (operator, _port):
            for line in ("", "[]", "{}", '{"do": "dance"}', '{"do": "mo"}', '{"do": "set", "no": 1}', "\xff"):
                assert "error" in operator.obey(line)
            assert operator.obey('{"do": "set", "latency": 0.5}')["latency"] == 0.5

    run(test())


@pytest.mark.slow
def test_the_program() -> None:
    command = [sys.executable, "-m", "wasl.channels.sms.smpp.simulator", "--port", "0"]
    source = ROOT / "src"

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: str) -> Any:
        writer.write(line.encode() + b"\n")
        return json.loads(await reader.readline())

    async def test(ports: dict[str, int]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", ports["control"])
        async with bound(ports["port"]) as session:
            assert (await session.send(HELLO)).kind is OutcomeKind.ACCEPTED
            assert (await ask(reader, writer, '{"do": "counts"}'))["accepted"] == 1
            assert (await ask(reader, writer, '{"do": "sent"}'))["sent"][0]["text"] == "hello"
            await ask(reader, writer, '{"do": "drop"}')
            await session.closed
        writer.close()

    with subprocess.Popen([*command, "--control", "0"], stdout=subprocess.PIPE, cwd=source, text=True) as process:
        assert process.stdout
        run(test(json.loads(process.stdout.readline())))
        process.terminate()
        assert process.wait(10) == 0
    by_pipe = subprocess.run(
        [*command, "--habits", '{"status": 8}'],
        input='{"do": "counts"}\n',
        capture_output=True,
        cwd=source,
        text=True,
        timeout=20,
        check=True,
    )
    assert json.loads(by_pipe.stdout.splitlines()[1])["submits"] == 0
