"""An operator's SMSC to try things against, with every bad habit that operators have; for the demo, tests and measures.

`python -m wasl.channels.sms.smpp.simulator --port 2775 --control 2776 --habits '{"latency": 0.02}'`

It lets everybody in whose password is right, gives message ids, sends receipts, keeps what it was handed, and texts in
the name of citizens. Control is a line of JSON, on standard input or over TCP on 127.0.0.1, answered by a line of JSON:

    {"do": "mo", "source": "96890000001", "destination": "90888", "text": "SR 12345"}
    {"do": "set", "silent": true}        any of Habits
    {"do": "sent", "since": 0}           the texts handed in, put together, from that number on
    {"do": "talk", "number": "96890000001"}     what that telephone sent and got, in order
    {"do": "counts"}
    {"do": "drop"}                       cut all connections
    {"do": "garbage"}                    send to all what is no SMPP
"""

import argparse
import asyncio
import json
import signal
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from itertools import islice
from random import random
from typing import Any

from wasl.channels.sms.smpp import joining, pdu, receipt
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import MessageState, Status
from wasl.channels.sms.smpp.outcome import Event, EventKind, Limits, Outcome, OutcomeKind
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.server import Client, Server, ServerSession
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.wire import Address
from wasl.kernel.sms import text

__all__ = ["Habits", "Simulator", "main"]

_GARBAGE = b"\x00\x00\x00\x05HTTP/1.1 400 Bad Request\r\n\r\n"


@dataclass(slots=True)
class Habits:
    """What this operator does to his clients. Times in seconds.

    `latency`: everything it sends comes so late. `per_s`: submits above that rate are throttled, 0 for no bound.
    `status`: answers every submit with it. `bind_status`: refuses binds with it. `silent`: keeps the connection and
    answers nothing. `forget`: share of submits that are never answered. `drop_every`: cuts the connection after so many
    submits. `receipts`: "none", "early" (before the response), "once", "twice". `receipt_delay`: before a receipt that
    is not early. `response_id` and `receipt_id`: "hex" or "decimal". `state`: what receipts say. `keep`: texts kept.
    `log`: a file that gets a line of JSON for each submit taken, before it is answered; it outlives this process.
    """

    latency: float = 0.0
    per_s: float = 0.0
    status: int = 0
    bind_status: int = 0
    silent: bool = False
    forget: float = 0.0
    drop_every: int = 0
    receipts: str = "once"
    receipt_delay: float = 0.1
    response_id: str = "decimal"
    receipt_id: str = "decimal"
    state: str = "DELIVERED"
    keep: int = 1000
    log: str = ""

    def change(self, values: dict[str, Any]) -> None:
        """Raises ValueError when there is no such habit, or it is of another kind."""
        known = {one.name: type(getattr(self, one.name)) for one in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no habit {name!r}; there are {', '.join(known)}")
            setattr(self, name, known[name](value))


class _Habitual(ServerSession):
    """A caller's session that can be late, silent, or forgetful."""

    operator: "Simulator"

    def data_received(self, data: bytes) -> None:
        """Called by the loop; who is silent does not hear either."""
        if not self.operator.habits.silent:
            super().data_received(data)

    def _send(self, octets: bytes) -> None:
        latency = self.operator.habits.latency
        if latency:
            self.loop.call_later(latency, super()._send, octets)
        else:
            super()._send(octets)

    def close(self, reason: str) -> None:
        """See Session.close; what is late goes first."""
        self.sends = False
        self.loop.call_later(self.operator.habits.latency, super().close, reason)

    def spoil(self) -> None:
        """Send what is no SMPP."""
        super()._send(_GARBAGE)


class _Listener(Server):
    operator: "Simulator"

    def session(self) -> ServerSession:
        made = _Habitual(self, self.handler, self.limits)
        made.operator = self.operator
        return made


@dataclass(slots=True)
class _Kept:
    """What it has been handed, put together, newest last."""

    texts: deque[dict[str, Any]] = field(default_factory=deque)
    talk: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=5000))
    count: int = 0
    parts: joining.MemoryParts = field(default_factory=joining.MemoryParts)


class Simulator:
    """One operator; see the module. `counts` tells submits, rejections, receipts and texts sent, and their answers."""

    def __init__(self, habits: Habits | None = None, passwords: dict[str, str] | None = None) -> None:
        self.habits = habits or Habits()
        self.counts = dict.fromkeys(
            ("submits", "accepted", "throttled", "receipts", "mo", "answered", "unanswered", "waiting"), 0
        )
        self.delivered: list[Outcome] = []
        """Outcomes of texts sent by `mo`, in the order they came; receipts are only counted."""
        self._passwords = passwords
        self._kept = _Kept()
        self._ids = 0
        self._outbox: deque[tuple[str, pdu.DeliverSm]] = deque()
        self._bucket: tuple[float, TokenBucket] | None = None
        self._references = text.References()
        limits = Limits(window=100, inbound=2000, enquire_every=30)
        self.server = _Listener(self._take, self._admit, system_id="SIMULATOR", limits=limits, on_event=self._happened)
        self.server.operator = self

    # --- callers ---------------------------------------------------------------------------------------------------

    async def _admit(self, request: pdu.BindRequest, _caller: str) -> Client | int:
        if self.habits.bind_status:
            return self.habits.bind_status
        if self._passwords is not None and self._passwords.get(request.system_id) != request.password:
            return Status.RINVPASWD
        return Client(request.system_id, binds=50, window=2000)

    def _happened(self, session: ServerSession, event: Event) -> None:
        if event.kind is EventKind.BOUND:
            session.on_room = self._pump
            self._pump()

    async def _take(self, session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        assert isinstance(session, ServerSession)  # noqa: S101  # made by the listener
        client = session.client.name if session.client else ""
        return [await self._answer(session, client, request) for request in batch]

    async def _answer(self, session: ServerSession, client: str, request: Request) -> Response:
        habits = self.habits
        if not isinstance(request, pdu.SubmitSm | pdu.DataSm):
            return request.answer(Status.RQUERYFAIL if isinstance(request, pdu.QuerySm) else Status.RINVMSGID)
        self.counts["submits"] += 1
        if habits.drop_every and self.counts["submits"] % habits.drop_every == 0:
            session.abort("a habit")
        if habits.forget and random() < habits.forget:  # noqa: S311  # no secret
            return _Unsaid(sequence=request.sequence)
        if habits.status:
            return request.answer(habits.status)
        if habits.per_s and not self._within(habits.per_s, session.loop.time()):
            self.counts["throttled"] += 1
            return request.answer(Status.RTHROTTLED)
        self.counts["accepted"] += 1
        self._ids += 1
        if habits.log:
            self._write(habits.log, request)
        if habits.keep:
            await self._keep(client, request)
        if request.registered & 1 and habits.receipts != "none":
            self._receipt(client, request, self._ids)
        return request.answer(message_id=_written(self._ids, habits.response_id))

    def _write(self, path: str, request: pdu.SubmitSm | pdu.DataSm) -> None:
        line = {"to": request.destination.number, "octets": request.payload.hex(), "sequence": request.sequence}
        with open(path, "a") as file:  # noqa: PTH123  # opened anew for each line: the file may be moved away
            file.write(json.dumps(line) + "\n")

    def _within(self, per_s: float, now: float) -> bool:
        if self._bucket is None or self._bucket[0] != per_s:
            self._bucket = per_s, TokenBucket(per_s, burst=per_s)
        bucket = self._bucket[1]
        if bucket.wait(now):
            return False
        bucket.take(1, now)
        return True

    async def _keep(self, client: str, request: pdu.SubmitSm | pdu.DataSm) -> None:
        arrived = pdu.DeliverSm(
            source=request.source,
            destination=request.destination,
            esm_class=request.esm_class,
            data_coding=request.data_coding,
            short_message=request.payload,
            tlvs=request.tlvs,
        )
        joined = await joining.join(arrived, client, self._kept.parts, now=asyncio.get_running_loop().time())
        if joined is None:
            return
        self._kept.texts.append(
            {
                "number": self._kept.count,
                "client": client,
                "source": request.source.number,
                "destination": request.destination.number,
                "text": joined.text,
                "parts": len(joined.parts),
            }
        )
        self._kept.count += 1
        self._said(request.destination.number, request.source.number, joined.text or "", ours=False)
        while len(self._kept.texts) > self.habits.keep:
            self._kept.texts.popleft()

    def _said(self, number: str, code: str, text: str, *, ours: bool) -> None:
        at = datetime.now(UTC).isoformat()
        self._kept.talk.append({"number": number, "code": code, "text": text, "sent": ours, "at": at})

    # --- to clients ------------------------------------------------------------------------------------------------

    def _receipt(self, client: str, request: pdu.SubmitSm | pdu.DataSm, number: int) -> None:
        habits = self.habits
        now = datetime.now(UTC)
        told = receipt.Receipt(
            message_id=_written(number, habits.receipt_id),
            state=MessageState[habits.state],
            submitted=now,
            done=now,
        )
        short_message, esm_class, tlvs = receipt.write(told)
        message = pdu.DeliverSm(
            source=request.destination,
            destination=request.source,
            esm_class=esm_class,
            short_message=short_message,
            tlvs=tlvs,
        )
        if habits.receipts == "early":
            self._queue(client, message)
            return
        loop = asyncio.get_running_loop()
        for _time in range(2 if habits.receipts == "twice" else 1):
            loop.call_later(habits.receipt_delay, self._queue, client, message)

    def mo(self, source: str, destination: str, words: str, client: str = "") -> int:
        """Text as a citizen; to `client`, or to whoever is bound. Gives the number of parts. Raises text.TooLong."""
        plan = text.plan(words)
        segments = text.segments(plan, self._references.next(source, destination))
        for segment in segments:
            message = pdu.DeliverSm(
                source=Address(source, 1, 1),
                destination=Address(destination, 0, 1),
                esm_class=segment.esm_class,
                data_coding=segment.data_coding,
                short_message=segment.short_message,
            )
            self._queue(client, message)
        self._said(source, destination, words, ours=True)
        return len(segments)

    def _queue(self, client: str, message: pdu.DeliverSm) -> None:
        self._outbox.append((client, message))
        self._pump()

    def _pump(self) -> None:
        while self._outbox:
            client, message = self._outbox[0]
            name = client or next((one.client.name for one in self.server.sessions if one.client and one.sends), "")
            is_receipt = bool(message.esm_class & 0x3C)
            if not self.server.deliver(name, message, self._receipted if is_receipt else self._heard):
                break
            self._outbox.popleft()
            self.counts["receipts" if is_receipt else "mo"] += 1
        self.counts["waiting"] = len(self._outbox)

    def _receipted(self, outcome: Outcome) -> None:
        self.counts["unanswered" if outcome.kind is OutcomeKind.UNKNOWN else "answered"] += 1

    def _heard(self, outcome: Outcome) -> None:
        self._receipted(outcome)
        self.delivered.append(outcome)
        del self.delivered[:-10_000]

    # --- control ---------------------------------------------------------------------------------------------------

    def obey(self, line: str) -> dict[str, Any]:
        """Do what a line of control says; what went wrong is in the answer."""
        try:
            asked = json.loads(line)
            return self._do(asked.pop("do"), asked)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def _do(self, what: str, asked: dict[str, Any]) -> dict[str, Any]:
        match what:
            case "mo":
                client = str(asked.get("client", ""))
                return {"parts": self.mo(str(asked["source"]), str(asked["destination"]), str(asked["text"]), client)}
            case "set":
                self.habits.change(asked)
                return asdict(self.habits)
            case "sent":
                since = int(asked.get("since", 0))
                kept = (one for one in self._kept.texts if one["number"] >= since)
                return {"sent": list(islice(kept, 1000)), "next": self._kept.count}
            case "talk":
                return {"talk": [one for one in self._kept.talk if one["number"] == str(asked["number"])]}
            case "counts":
                return dict(self.counts)
            case "drop":
                for session in self.server.sessions:
                    session.abort("dropped")
                return {"done": "drop"}
            case "garbage":
                for session in self.server.sessions:
                    if isinstance(session, _Habitual):
                        session.spoil()
                return {"done": "garbage"}
            case _:
                raise ValueError(f"there is no {what!r}")

    async def control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of control, until it ends."""
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.obey(line.decode(errors="replace"))).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # who asks is gone, or sent a line without end
        finally:
            writer.close()


class _Unsaid(Response):
    """An answer that is never given."""

    def encode(self) -> bytes:
        return b""


def _written(number: int, form: str) -> str:
    return f"{number:x}" if form == "hex" else str(number)


async def _run(given: argparse.Namespace) -> None:
    simulator = Simulator()
    simulator.habits.change(json.loads(given.habits))
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, ended.set)
    port = await simulator.server.listen(given.host, given.port)
    told = {"port": port}
    control = None
    if given.control is not None:
        control = await asyncio.start_server(simulator.control, "127.0.0.1", given.control)
        told["control"] = control.sockets[0].getsockname()[1]
    print(json.dumps(told), flush=True)
    if control is None:
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            print(json.dumps(simulator.obey(line.decode(errors="replace"))), flush=True)
    else:
        await ended.wait()
    if control:
        control.close()
    await simulator.server.close(1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the end of standard input (without --control), SIGTERM or Ctrl-C. Tells its ports in the first line."""
    options = argparse.ArgumentParser(description="An SMSC with bad habits.")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=2775, help="0 for any free one")
    options.add_argument("--control", type=int, help="port of the control on 127.0.0.1; 0 for any free one")
    options.add_argument("--habits", default="{}", help="JSON object")
    asyncio.run(_run(options.parse_args(arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
