"""Texts a second, handed in over HTTP and kept, to a simulated operator, receipts stored; beside Debian's Kannel.

Both get the same load over 32 connections that stay open, and speak to the same operator (our simulator, a process of
its own). Kannel stands as it does where nothing may be lost: its message store a spool, its receipts in Redis; its
programs and `redis-server` must be installed, and they listen on free ports of 127.0.0.1 only. Ours are the web
process, the gateway, and PostgreSQL, whose processor time counts.

`sms ratio R`: the worse of two, our rate over twice Kannel's, and half of Kannel's processor time a text over ours:
from 1 on both aims are met. Redis counts as Kannel's, for without it a crash loses receipts; the other figure is shown.
"""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from django.db import connection

from bench.making.house import postgres, program, seconds
from wasl.kernel import clock, seal
from wasl.services.exchange.models import Key
from wasl.services.exchange.queries import digest_of
from wasl.services.texts import actions, queries
from wasl.services.texts.actions import New
from wasl.services.texts.models import Bind, Client, Klass, Operator, Route, Text
from wasl.site.cli.up import _free_port
from wasl.site.installation import ROOT

KANNEL = Path("/usr/sbin")
CONNECTIONS = 32
WINDOW = 100
SECRET = "wasl_" + "b" * 43
TEXT = "Your case 2611220017 is with Water. Answer due 25 November."


@dataclass
class Run:
    """What one load came to. Seconds by the clock; processor seconds by program; memory in MB."""

    name: str
    count: int
    latency_ms: int
    handed_s: float
    ended_s: float
    waits_ms: list[float]
    cpu: dict[str, float] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Texts a second until the last receipt was stored."""
        return self.count / self.ended_s

    def per_k(self, *without: str) -> float:
        """Processor seconds for 1,000 texts."""
        return sum(s for name, s in self.cpu.items() if name not in without) * 1000 / self.count

    def line(self) -> str:
        """One line of the table."""
        waits = sorted(self.waits_ms)
        p50, p99 = waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
        parts = ", ".join(f"{name} {s * 1000 / self.count:.3f}" for name, s in self.cpu.items())
        memory = ", ".join(f"{name} {mb:.0f}" for name, mb in self.memory.items())
        return (
            f"{self.name:<24}{self.latency_ms:>4} ms{self.count / self.handed_s:>9,.0f}/s{self.rate:>9,.0f}/s"
            f"{p50:>8.1f}{p99:>8.1f}{self.per_k():>9.3f}  ({parts}; MB: {memory})"
        )


# --- programs -----------------------------------------------------------------------------------------------------


def _until(so: Callable[[], object], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not so():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


class Smsc:
    """The simulator as a process; `ask` speaks with its control."""

    def __init__(self, port: int, control: int) -> None:
        self.port = port
        self._wire = socket.create_connection(("127.0.0.1", control))
        self._lines = self._wire.makefile("r")

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """One line there and one back."""
        self._wire.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
        found: dict[str, Any] = json.loads(self._lines.readline())
        return found

    def count(self, name: str) -> int:
        """One of its counts."""
        return int(self.ask("counts")[name])

    def close(self) -> None:
        """Speak no more."""
        self._lines.close()
        self._wire.close()


@contextmanager
def _smsc(**habits: Any) -> Iterator[Smsc]:
    command = [sys.executable, "-m", "wasl.channels.sms.smpp.simulator", "--port", "0", "--control", "0", "--habits"]
    wanted = {"keep": 0, "receipt_delay": 0.05, **habits}
    with subprocess.Popen(
        [*command, json.dumps(wanted)], stdout=subprocess.PIPE, cwd=ROOT / "src", text=True
    ) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        smsc = Smsc(told["port"], told["control"])
        try:
            yield smsc
        finally:
            smsc.close()
            process.terminate()


def _family(process: psutil.Process) -> list[psutil.Process]:
    return [process, *process.children(recursive=True)]


def _megabytes(processes: Sequence[psutil.Process]) -> float:
    # Shared memory counts once for each: what is a process's own is what it costs.
    return sum(one.memory_full_info().uss for one in processes if one.is_running()) / 1e6


# --- load ---------------------------------------------------------------------------------------------------------


class _Caller(asyncio.Protocol):
    """One connection that asks, waits for the answer, and asks again."""

    def __init__(self, requests: Iterator[bytes], waits: list[float], over: asyncio.Future[None]) -> None:
        self._requests, self._waits, self._over = requests, waits, over
        self._held = b""
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._asked = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, gap, body = self._held.partition(b"\r\n\r\n")
        if not gap:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) < length:
            return
        if head[9:12] != b"202":
            self._over.set_exception(RuntimeError(self._held[:300].decode(errors="replace")))
            self._transport.close()
            return
        self._waits.append((time.perf_counter() - self._asked) * 1000)
        self._held = b""
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._over.done():
            self._over.set_result(None)


def _pour(port: int, requests: Sequence[bytes]) -> list[float]:
    """Send all of them over CONNECTIONS; milliseconds that each waited."""
    waits: list[float] = []

    async def pour() -> None:
        loop = asyncio.get_running_loop()
        one = iter(requests)
        overs = [loop.create_future() for _ in range(CONNECTIONS)]
        for over in overs:
            await loop.create_connection(lambda over=over: _Caller(one, waits, over), "127.0.0.1", port)  # type: ignore[misc]  # bound at once
        await asyncio.gather(*overs)

    asyncio.run(pour())
    if len(waits) != len(requests):
        raise RuntimeError(f"{len(waits)} of {len(requests)} were taken")
    return waits


def _measure(
    name: str, smsc: Smsc, latency_ms: int, port: int, requests: Sequence[bytes],
    programs: dict[str, psutil.Process], ended: Callable[[], bool],
) -> Run:  # fmt: skip
    count = len(requests)
    before = {who: seconds(one) for who, one in programs.items()}
    began = time.perf_counter()
    waits = _pour(port, requests)
    handed = time.perf_counter() - began
    _until(ended, f"{name}: {smsc.ask('counts')}", 300)
    done = time.perf_counter() - began
    run = Run(name, count, latency_ms, handed, done, waits)
    for who, one in programs.items():
        run.cpu[who] = seconds(one) - before[who]
        run.memory[who] = _megabytes(_family(one))
    return run


def _number(n: int) -> str:
    return f"96892{n % 1_000_000:06d}"


# --- ours ---------------------------------------------------------------------------------------------------------


@contextmanager
def _wasl(log: Path, *, answers: bool = False) -> Iterator[tuple[int, dict[str, psutil.Process]]]:
    port = _free_port()
    with ExitStack() as stack:
        manage = (sys.executable, "-P", "-m", "django")
        web = program(sys.executable, "-P", "-m", "wasl.site.web", "127.0.0.1", str(port), log=log)
        programs = {
            "web": stack.enter_context(web),
            "gateway": stack.enter_context(program(*manage, "sms_gateway", log=log)),
        }
        if answers:
            programs["answers"] = stack.enter_context(program(*manage, "sms_answers", log=log))
        _until(lambda: _listens(port), log.read_text(errors="replace")[-2000:])
        yield port, {**programs, "PostgreSQL": postgres()}


def _prepare() -> tuple[Operator, Bind, Client]:
    operator = Operator.objects.create(code="bench", name="Bench", window=WINDOW)
    bind = Bind.objects.create(
        operator=operator, host="127.0.0.1", port=1, system_id="wasl", password_sealed=seal.seal("x", place="bind")
    )
    Route.objects.create(name="bench", place=1, operators=[operator.pk])
    client = Client.objects.create(code="bench", name="Bench", sender="1111", best=Klass.URGENT)
    now = clock.now()
    Key.objects.create(
        client=client, name="bench", key_digest=digest_of(SECRET), head=SECRET[:10], scopes=["send", "status"],
        valid_from=now, made_at=now,
    )  # fmt: skip
    queries.forget()
    return operator, bind, client


def _bound_to(smsc: Smsc, bind: Bind, window: int) -> None:
    """The gateway's settings for this operator."""
    Operator.objects.filter(pk=bind.operator_id).update(window=window)
    Bind.objects.filter(pk=bind.pk).update(port=smsc.port)


def _requests(first: int, count: int, mark: str) -> list[bytes]:
    found = []
    for n in range(first, first + count):
        body = json.dumps({"to": f"+{_number(n)}", "text": TEXT, "ref": f"{mark}{n}"}).encode()
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {SECRET}\r\nContent-Type: application/json\r\n"
        found.append(f"POST /api/sms/v1/texts HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return found


def _stored(mark: str, count: int) -> bool:
    return Text.objects.filter(ref__startswith=mark, state="delivered").count() == count


def _ours(log: Path, bind: Bind, count: int, latency_ms: int, window: int) -> Run:
    with _smsc(latency=latency_ms / 1000) as smsc:
        _bound_to(smsc, bind, window)
        with _wasl(log) as (port, programs):
            _pour(port, _requests(0, 500, f"warm{smsc.port}-"))
            try:
                _until(lambda: smsc.count("answered") == 500, "warming", 60)
            except TimeoutError:
                print(log.read_text(errors="replace")[-3000:], smsc.ask("counts"))
                raise
            mark = f"run{smsc.port}-"
            requests = _requests(1000, count, mark)

            def ended() -> bool:
                return smsc.count("answered") == 500 + count and _stored(mark, count)

            return _measure(f"Wasl, window {window}", smsc, latency_ms, port, requests, programs, ended)


def _backlog(log: Path, bind: Bind, client: Client, count: int) -> tuple[float, float]:
    """Submits a second out of a queue of 20,000, and out of one of `count`."""
    rates = []
    filled = 0
    for size in (20_000, count):
        while filled < size:
            news = [New(f"q{n}", f"+{_number(n)}", TEXT, Klass.CASE) for n in range(filled, min(size, filled + 5000))]
            actions.queue(client.code, news)
            filled += len(news)
        with _smsc() as smsc:
            _bound_to(smsc, bind, WINDOW)
            with _wasl(log):
                _until(lambda: smsc.count("accepted") > 500, "carrying")
                began, first = time.perf_counter(), smsc.count("accepted")
                while time.perf_counter() - began < 8 and smsc.count("accepted") < 15_000:
                    time.sleep(0.05)
                sent = smsc.count("accepted") - first
                rates.append(sent / (time.perf_counter() - began))
        filled -= sent + first
    connection.cursor().execute("TRUNCATE texts_queued, texts_part")
    return rates[0], rates[1]


def _burst(log: Path, bind: Bind, count: int) -> float:
    """Seconds until so many enquiries, texted at once, are all answered and their answers noted as accepted."""
    with _smsc(receipts="none") as smsc:
        _bound_to(smsc, bind, WINDOW)
        with _wasl(log, answers=True):
            smsc.ask("mo", source=_number(1), destination="90888", text="VE 12345 BA")
            _until(lambda: _answered() == 1, "the first answer")
            assert smsc.count("accepted") == _PARTS_OF_AN_ANSWER
            began = time.perf_counter()
            for n in range(count):
                smsc.ask("mo", source=_number(100 + n), destination="90888", text="VE 12345 BA")
            _until(lambda: smsc.count("accepted") >= _PARTS_OF_AN_ANSWER * (1 + count), "answers", 300)
            _until(lambda: _answered() == 1 + count, "answers are noted")
            return time.perf_counter() - began


_PARTS_OF_AN_ANSWER = 3


def _answered() -> int:
    return Text.objects.filter(ref__startswith="reply:", state="accepted").count()


def _beside(log: Path, bind: Bind, client: Client, flood: int, count: int) -> tuple[list[float], list[float]]:
    """Seconds that enquiries, and texts of another client, took while one client has `flood` texts waiting.

    From the moment in which the operator, or the client, sends until the operator's answer is stored. The flood is of
    the class of the other client's texts, which nothing but fairness puts forward.
    """
    other = Client.objects.create(code="other", name="Other", sender="1112", best=Klass.CASE)
    queries.forget()
    for first in range(0, flood, 5000):
        actions.queue(
            client.code, [New(f"f{n}", f"+{_number(n)}", TEXT, Klass.CASE) for n in range(first, first + 5000)]
        )
    asked: dict[bytes, float] = {}
    handed: dict[str, float] = {}
    with _smsc() as smsc:
        _bound_to(smsc, bind, WINDOW)
        with _wasl(log, answers=True):
            _until(lambda: smsc.count("accepted") > 500, "carrying")
            for n in range(count):
                source = _number(500_000 + n)
                asked[seal.index_of(f"+{source}")] = time.time()
                words = "VE 12345 BA" if n % 2 else "SR 2611220017 123456"
                smsc.ask("mo", source=source, destination="90888", text=words)
                handed[f"o{n}"] = time.time()
                actions.queue(other.code, [New(f"o{n}", f"+{_number(600_000 + n)}", TEXT, Klass.CASE)])
                time.sleep(0.1)
            mine = Text.objects.filter(client=other, accepted_at__isnull=False)
            answers = Text.objects.filter(look_up__in=list(asked), accepted_at__isnull=False)
            _until(lambda: answers.count() == count and mine.count() == count, "answers beside the flood")
            assert Text.objects.filter(client=client, state="queued").exists(), "the flood was over too soon"
            waits = [one.accepted_at.timestamp() - asked[bytes(one.look_up)] for one in answers if one.accepted_at]
            others = [one.accepted_at.timestamp() - handed[one.ref] for one in mine if one.accepted_at]
    connection.cursor().execute("TRUNCATE texts_queued, texts_part")
    return waits, others


def _p95(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * 0.95)]


# --- Kannel -------------------------------------------------------------------------------------------------------

_CONF = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = 127.0.0.1
store-type = spool
store-location = {folder}/spool
dlr-storage = redis
log-level = 4

group = redis-connection
id = dlr
host = 127.0.0.1
port = {redis}
max-connections = 4

group = dlr-db
id = dlr
table = dlr
field-smsc = smsc
field-timestamp = ts
field-source = source
field-destination = destination
field-service = service
field-url = url
field-mask = mask
field-status = status
field-boxc-id = boxc

group = smsc
smsc = smpp
smsc-id = bench
host = 127.0.0.1
port = {smpp}
transceiver-mode = true
smsc-username = kannel
smsc-password = x
system-type = ""
max-pending-submits = {window}

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {http}
sendsms-interface = 127.0.0.1
log-level = 4

group = sendsms-user
username = bench
password = x

group = sms-service
keyword = VE
catch-all = true
max-messages = 3
concatenation = true
text = "{answer}"
"""
_ANSWER = (
    "The plate 12345 BA has three fines, 85 OMR in all. " + "1. A fine of 20 OMR for parking where nobody may. " * 6
)
"""What Kannel's keyword answers: as many parts as ours."""


@contextmanager
def _kannel(log: Path, smsc: Smsc, window: int) -> Iterator[tuple[int, dict[str, psutil.Process]]]:
    redis = shutil.which("redis-server")
    if redis is None or not (KANNEL / "bearerbox").exists():
        raise SystemExit("Kannel and Redis are needed beside us: apt-get install kannel redis-server")
    ports = {name: _free_port() for name in ("admin", "box", "http", "redis")}
    # Kannel gives its root rights up and must write there.
    folder = Path(tempfile.mkdtemp(prefix="wasl-bench-"))
    try:
        (folder / "spool").mkdir()
        folder.chmod(0o777)
        (folder / "spool").chmod(0o777)
        config = folder / "kannel.conf"
        config.write_text(_CONF.format(folder=folder, smpp=smsc.port, window=window, answer=_ANSWER, **ports))
        config.chmod(0o644)
        with ExitStack() as stack:
            durable = ("--appendonly", "yes", "--appendfsync", "everysec", "--dir", str(folder), "--save", "")
            programs = {}
            server = program(redis, "--port", str(ports["redis"]), "--bind", "127.0.0.1", *durable, log=log)
            programs["Redis"] = stack.enter_context(server)
            _until(lambda: _listens(ports["redis"]), "Redis")
            boxes = (("bearerbox", "box"), ("smsbox", "http"))
            for name, port in boxes:
                box = program(str(KANNEL / name), "-v", "4", str(config), log=log)
                programs[name] = stack.enter_context(box)
                _until(lambda port=port: _listens(ports[port]), log.read_text(errors="replace")[-2000:])  # type: ignore[misc]  # bound at once
            yield ports["http"], programs
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _asked_of_kannel(first: int, count: int) -> list[bytes]:
    found = []
    for n in range(first, first + count):
        query = {
            "username": "bench", "password": "x", "from": "1111", "to": _number(n), "text": TEXT, "dlr-mask": "31",
            "dlr-url": "http://127.0.0.1:9/?%d",
        }  # fmt: skip
        path = f"/cgi-bin/sendsms?{urlencode(query)}"
        found.append(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n".encode())
    return found


def _theirs(log: Path, count: int, latency_ms: int, window: int) -> Run:
    with _smsc(latency=latency_ms / 1000) as smsc, _kannel(log, smsc, window) as (port, programs):
        _until(lambda: "error" not in smsc.ask("counts"), "the operator")
        _pour(port, _asked_of_kannel(0, 500))
        _until(lambda: smsc.count("answered") == 500, "warming")
        requests = _asked_of_kannel(1000, count)
        name = f"Kannel, window {window}"
        return _measure(name, smsc, latency_ms, port, requests, programs, lambda: smsc.count("answered") == 500 + count)


def _their_burst(log: Path, count: int) -> float:
    with _smsc(receipts="none") as smsc, _kannel(log, smsc, WINDOW):
        smsc.ask("mo", source=_number(1), destination="90888", text="VE 12345 BA")
        _until(lambda: smsc.count("accepted") == _PARTS_OF_AN_ANSWER, "the first answer")
        began = time.perf_counter()
        for n in range(count):
            smsc.ask("mo", source=_number(100 + n), destination="90888", text="VE 12345 BA")
        _until(lambda: smsc.count("accepted") >= _PARTS_OF_AN_ANSWER * (1 + count), "answers", 300)
        return time.perf_counter() - began


def main(quick: bool) -> None:
    """Prints the table, then `sms ratio R`."""
    count, queued, burst, flood = (4_000, 40_000, 500, 20_000) if quick else (30_000, 1_000_000, 5_000, 100_000)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "programs.log"
        log.touch()
        _operator, bind, client = _prepare()
        print(f"{'':<24}{'SMSC':>7}{'taken':>11}{'ended':>11}{'p50 ms':>8}{'p99 ms':>8}{'CPU s/1k':>9}", flush=True)
        ours = _ours(log, bind, count, 0, WINDOW)
        print(ours.line(), flush=True)
        theirs = _theirs(log, count, 0, WINDOW)
        print(theirs.line(), flush=True)
        print(f"{'Kannel without Redis':<24}{'':>46}{theirs.per_k('Redis'):>9.3f}")
        for window in (10, WINDOW):
            fewer = count // 10 if window == 10 else count
            print(_ours(log, bind, fewer, 20, window).line(), flush=True)
            print(_theirs(log, fewer, 20, window).line(), flush=True)
        few, many = _backlog(log, bind, client, queued)
        print(
            f"out of a queue of 20,000: {few:,.0f}/s; of {queued:,}: {many:,.0f}/s ({many / few - 1:+.0%})", flush=True
        )
        print(f"{burst:,} enquiries at once are answered in {_burst(log, bind, burst):.1f} s;", end=" ", flush=True)
        print(f"Kannel's keyword answers them, in as many parts, in {_their_burst(log, burst):.1f} s", flush=True)
        waits, others = _beside(log, bind, client, flood, 20 if quick else 150)
        print(
            f"beside {flood:,} that wait, 95 of 100 enquiries are answered within {_p95(waits):.2f} s,"
            f" texts of another client are taken within {_p95(others):.2f} s",
            flush=True,
        )
    print(f"sms ratio {min(ours.rate / (2 * theirs.rate), theirs.per_k() / 2 / ours.per_k()):.2f}")
