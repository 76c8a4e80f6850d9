"""SMPP messages a second and processor time for 1,000, to a simulated operator over loopback, beside smpplib.

The operator is a process of its own, the same for both; with receipts each message is followed by a deliver_sm, which
is answered. smpplib has no window: one is made here by hand, sending until `window` answers are missing.
"""

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psutil
import smpplib.client

from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.client import Account, connect
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.outcome import Limits, Outcome
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.wire import Address
from wasl.site.installation import ROOT

TEXT = b"Your case 2611220017 is with Water. Answer due 25 November." * 2


@dataclass(frozen=True)
class Load:
    """What is sent: so many messages, with a window, an operator's latency, and receipts or not."""

    count: int
    window: int
    latency_ms: int
    receipts: bool


@dataclass(frozen=True)
class Figures:
    """Seconds by the clock, of our processor, and of the operator's."""

    seconds: float
    own: float
    operator: float

    def line(self, name: str, load: Load) -> str:
        """One line of the table."""
        with_receipts = "receipts" if load.receipts else "-"
        per_k, rate = 1000 / load.count, load.count / self.seconds
        return (
            f"{name:<16}{load.window:>7}{load.latency_ms:>7} ms  {with_receipts:<10}{rate:>9,.0f}/s"
            f"{self.own * per_k:>9.4f}{self.operator * per_k:>10.4f}"
        )


def main(quick: bool) -> None:
    """Prints the table, then `smpp ratio R`: our rate over smpplib's at a window of 100 with receipts."""
    logging.disable(logging.INFO)
    many = 10_000 if quick else 60_000
    loads = [
        Load(many // 10, 1, 0, receipts=False),
        Load(many, 10, 0, receipts=False),
        Load(many, 100, 0, receipts=False),
        Load(100, 1, 20, receipts=False),
        Load(1_000, 10, 20, receipts=False),
        Load(many // 4, 100, 20, receipts=False),
    ]
    judged = Load(many // 2, 100, 0, receipts=True)
    print(f"{'':<16}{'window':>7}{'latency':>10}  {'':<10}{'messages':>11}{'CPU s/1k':>9}{'operator':>10}")
    ours = [(load, _ours(load)) for load in (*loads, judged)]
    for load, figures in ours:
        print(figures.line("Wasl", load))
    prepared = loads[2]
    print(_ours(prepared, prepared=True).line("Wasl, prepared", prepared))
    for load in (loads[0], loads[2], loads[3]):
        fewer = replace(load, count=min(load.count, many // 4))
        print(_smpplib(fewer).line("smpplib", fewer))
    fewer = replace(judged, count=many // 4)
    theirs = _smpplib(fewer)
    print(theirs.line("smpplib", fewer))
    print(f"no network: {_alone(many):,.0f} messages a second through codec, window and outcome of one session")
    rate = judged.count / ours[-1][1].seconds
    print(f"smpp ratio {rate / (fewer.count / theirs.seconds):.2f}")


@contextmanager
def _operator(load: Load) -> Iterator[tuple[int, psutil.Process]]:
    habits = {"latency": load.latency_ms / 1000, "keep": 0, "receipt_delay": 0}
    command = [sys.executable, "-m", "wasl.channels.sms.smpp.simulator", "--port", "0", "--control", "0"]
    with subprocess.Popen(
        [*command, "--habits", json.dumps(habits)], stdout=subprocess.PIPE, cwd=ROOT / "src", text=True
    ) as process:
        assert process.stdout
        port = json.loads(process.stdout.readline())["port"]
        try:
            yield port, psutil.Process(process.pid)
        finally:
            process.terminate()


def _measured(load: Load, run: Callable[[int], Callable[[], None]]) -> Figures:
    """`run` connects, and gives what is measured."""
    with _operator(load) as (port, operator):
        work = run(port)
        before = operator.cpu_times()
        began, own = time.perf_counter(), time.process_time()
        work()
        seconds, own = time.perf_counter() - began, time.process_time() - own
        after = operator.cpu_times()
        return Figures(seconds, own, after.user + after.system - before.user - before.system)


def _message(load: Load) -> pdu.SubmitSm:
    return pdu.SubmitSm(
        source=Address("1111", 0, 1),
        destination=Address("96890000001", 1, 1),
        registered=int(load.receipts),
        short_message=TEXT,
    )


def _ours(load: Load, *, prepared: bool = False) -> Figures:
    runner = asyncio.Runner()

    def run(port: int) -> Callable[[], None]:
        sending = _Sending(load, prepared=prepared)
        runner.run(sending.bind(port))
        return lambda: runner.run(sending.all())

    try:
        return _measured(load, run)
    finally:
        runner.close()


class _Sending:
    """One bound session and the count of what came back."""

    def __init__(self, load: Load, *, prepared: bool) -> None:
        self.load = load
        self.prepared = prepared
        self.sent = self.answered = self.receipts = 0
        self.session: Session | None = None
        self.finished: asyncio.Future[None] | None = None

    async def bind(self, port: int) -> None:
        account = Account("127.0.0.1", port, "wasl", "secret")
        self.session = await connect(account, self.take, limits=Limits(window=self.load.window))

    async def take(self, _session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        self.receipts += len(batch)
        self.look()
        return [one.answer() for one in batch]

    def done(self, outcome: Outcome) -> None:
        assert not outcome.status
        self.answered += 1
        self.look()

    def look(self) -> None:
        wanted = self.load.count
        if self.answered == wanted and self.receipts == wanted * self.load.receipts and self.finished:
            self.finished.set_result(None)

    async def all(self) -> None:
        assert self.session
        session, message = self.session, _message(self.load)
        body, wanted = message.body(), self.load.count
        self.finished = asyncio.get_running_loop().create_future()

        def pump() -> None:
            for _one in range(min(session.room(), wanted - self.sent)):
                self.sent += 1
                if self.prepared:
                    session.submit_octets(message.command, body, self.done)
                else:
                    session.submit(message, self.done)

        session.on_room = pump
        pump()
        await self.finished
        session.on_room = None
        session.close("measured")
        await session.closed


def _smpplib(load: Load) -> Figures:
    def run(port: int) -> Callable[[], None]:
        client: Any = smpplib.client.Client("127.0.0.1", port, timeout=10, allow_unknown_opt_params=True)
        counts = {"answered": 0, "receipts": 0}

        def count(name: str) -> Callable[[Any], None]:
            def one(pdu: Any) -> None:
                counts[name] += 1

            return one

        client.set_message_sent_handler(count("answered"))
        client.set_message_received_handler(count("receipts"))
        client.connect()
        client.bind_transceiver(system_id="smpplib", password="secret")

        def work() -> None:
            sent = 0
            while counts["answered"] < load.count or counts["receipts"] < load.count * load.receipts:
                if sent < load.count and sent - counts["answered"] < load.window:
                    sent += 1
                    client.send_message(
                        source_addr_ton=0,
                        source_addr_npi=1,
                        source_addr="1111",
                        dest_addr_ton=1,
                        dest_addr_npi=1,
                        destination_addr="96890000001",
                        short_message=TEXT,
                        registered_delivery=load.receipts,
                    )
                else:
                    client.read_once()
            client.unbind()
            client.disconnect()

        return work

    return _measured(load, run)


class _Mirror(asyncio.Transport):
    """Answers what is written, in memory."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session

    def write(self, data: bytes | bytearray | memoryview) -> None:
        out, at, data = [], 0, bytes(data)
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            out.append(b"\0\0\0\x19\x80\0\0\x04\0\0\0\0" + data[at + 12 : at + 16] + b"00000001\0")
            at += length
        self.session.loop.call_soon(self.session.data_received, b"".join(out))

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self.session.connection_lost(None)


def _alone(count: int) -> float:
    async def run() -> float:
        load = Load(count, 100, 0, receipts=False)
        sending = _Sending(load, prepared=True)
        session = sending.session = Session(sending.take, limits=Limits(window=load.window))
        session.connection_made(_Mirror(session))
        session.sends = True
        began = time.process_time()
        await sending.all()
        return count / (time.process_time() - began)

    return asyncio.run(run())
