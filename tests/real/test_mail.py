"""Mail from the committed case to a real SMTP server and back; the sender is its own process, killed and hindered."""

import asyncio
import logging
import os
import signal
import smtplib
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection, connections

from tests.city import City
from tests.real.hotline import free_port, until
from wasl.channels.mail import catcher, outgoing
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address
from wasl.services.messages.models import Message

S = Message.State
# The library tells of every command at INFO.
logging.getLogger("mail.log").setLevel(logging.WARNING)
Answer = Callable[["Server", Envelope, int], "str | None"]


def takes(server: "Server", envelope: Envelope, number: int) -> str:
    return "250 OK"


@dataclass
class Server:
    """A real SMTP server in a thread: keeps (when, Message-ID, receivers), answers as it is told."""

    port: int
    answer: Answer = takes
    rcpt: Callable[[str], str] = lambda address: "250 OK"
    delay_s: float = 0.0
    kept: list[tuple[float, str, list[str]]] = field(default_factory=list)
    connections: int = 0
    _loop: asyncio.AbstractEventLoop | None = None

    async def handle_RCPT(  # noqa: N802 # the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        said = self.rcpt(address)
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        said = self.answer(self, envelope, len(self.kept))
        if said is None:
            # Silent for longer than anybody waits.
            await asyncio.sleep(3600)
            return "250 too late"
        if said.startswith("250"):
            content = envelope.content if isinstance(envelope.content, bytes) else b""
            mail = message_from_bytes(content, policy=default)
            self.kept.append((time.time(), str(mail["Message-ID"]), list(envelope.rcpt_tos)))
        if said == "250 and gone":
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return said

    def ids(self) -> Counter[str]:
        return Counter(message_id for _, message_id, _ in self.kept)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Run it in a thread until the block ends."""
    ready = threading.Event()

    def run() -> None:
        loop = asyncio.new_event_loop()
        server._loop = loop

        def session() -> SMTP:
            server.connections += 1
            return SMTP(server, loop=loop, hostname="mx.example")

        listening = loop.run_until_complete(loop.create_server(session, "127.0.0.1", server.port))
        ready.set()
        loop.run_forever()
        listening.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.05))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield server
    finally:
        assert server._loop is not None
        server._loop.call_soon_threadsafe(server._loop.stop)
        thread.join(5)


def environment(smtp_port: int, **more: str) -> dict[str, str]:
    """That of a process which works on this test's data base."""
    known = connection.settings_dict
    parts = {
        "host": known["HOST"],
        "port": known["PORT"],
        "user": known["USER"],
        "dbname": known["NAME"],
        "password": known["PASSWORD"],
    }
    from urllib.parse import quote

    user = quote(str(parts["user"])) + (f":{quote(str(parts['password']))}" if parts["password"] else "")
    host = quote(str(parts["host"] or ""), safe="")
    url = f"postgresql://{user}@{host}:{parts['port'] or 5432}/{parts['dbname']}"
    src = str(Path(catcher.__file__).parents[3])
    return {
        **os.environ,
        "WASL_DATABASE_URL": url,
        "WASL_MAIL_HOST": "127.0.0.1",
        "WASL_MAIL_PORT": str(smtp_port),
        "WASL_SENDER_LEASE_S": "2",
        "DJANGO_SETTINGS_MODULE": "wasl.site.settings",
        "PYTHONPATH": src,
        **more,
    }


@contextmanager
def process(*command: str, env: dict[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process for the length of a block; what it said is in `log`."""
    with log.open("ab") as out:
        one = subprocess.Popen([sys.executable, "-m", *command], env=env, stdout=out, stderr=out)
    try:
        yield one
    finally:
        if one.poll() is None:
            one.send_signal(signal.SIGTERM)
            try:
                one.wait(20)
            except subprocess.TimeoutExpired:
                one.kill()
                one.wait(5)


@pytest.fixture(autouse=True)
def _close_connections() -> Iterator[None]:
    yield
    connections.close_all()


def reports(city: City, count: int, domain: str = "example.com") -> None:
    for number in range(count):
        city.report(reach=Reach(mail=f"citizen{number}@{domain}", channel="mail", language="ar"))


def settled() -> bool:
    return not Message.objects.filter(state__in=[S.QUEUED, S.SENDING]).exists()


def test_a_committed_case_is_mailed_within_seconds(committed_city: City, tmp_path: Path) -> None:
    """p95 from commit to hand-over below 5 s; one connection serves them all."""
    with serving(Server(free_port())) as server:
        with process("django", "send_messages", env=environment(server.port), log=tmp_path / "log"):
            reports(committed_city, 1)
            until(lambda: len(server.kept) == 1, seconds=30, what="the first mail")
            committed: dict[str, float] = {}
            for number in range(40):
                told = committed_city.report(reach=Reach(mail=f"n{number}@example.com", channel="mail"))
                committed[outgoing.message_id(told.case.messages.get().pk)] = time.time()
                time.sleep(0.05)
            until(lambda: len(server.kept) == 41, seconds=30, what="all mails")
        waits = sorted(at - committed[one] for at, one, _ in server.kept if one in committed)
        p95 = waits[int(len(waits) * 0.95)]
        print(f"commit to hand-over: median {statistics.median(waits):.3f} s, p95 {p95:.3f} s")
        assert p95 < 5
        assert server.connections == 1
        assert set(server.ids().values()) == {1}
        assert set(Message.objects.values_list("state", flat=True)) == {S.SENT}


def test_hundreds_leave_in_seconds(committed_city: City, tmp_path: Path) -> None:
    """50 a second are asked for: a sender that needs less than 20 ms of its processor for each can do that."""
    reports(committed_city, 200)
    with serving(Server(free_port())) as server:
        with process("django", "send_messages", env=environment(server.port), log=tmp_path / "log") as sender:
            until(lambda: bool(server.kept), seconds=30, what="the first mail")
            begun = psutil.Process(sender.pid).cpu_times()
            first = len(server.kept)
            until(lambda: len(server.kept) == 200, seconds=90, what="all mails")
            ended = psutil.Process(sender.pid).cpu_times()
        times = [at for at, _, _ in server.kept]
        rate = (len(times) - 1) / (times[-1] - times[0])
        each = (ended.user + ended.system - begun.user - begun.system) / (200 - first)
        print(f"{rate:.0f} mails a second, {each * 1000:.1f} ms of the processor each")
        assert each < 0.020


def test_a_sender_killed_again_and_again_loses_nothing(committed_city: City, tmp_path: Path) -> None:
    """SIGKILL in mid-batch: each message arrives once, or twice and is marked; none is lost."""
    reports(committed_city, 60)
    kills = 4
    with serving(Server(free_port(), delay_s=0.02)) as server:
        env = environment(server.port)
        for kill in range(kills):
            with process("django", "send_messages", env=env, log=tmp_path / "log") as sender:
                aim = min(50, (kill + 1) * 12)
                until(lambda aim=aim: len(server.kept) >= aim, seconds=60, what=f"{aim} mails")  # type: ignore[misc]
                sender.kill()
                sender.wait(5)
        with process("django", "send_messages", env=env, log=tmp_path / "log"):
            until(
                lambda: settled() and not Message.objects.filter(state=S.IN_DOUBT).exists(),
                seconds=60,
                what="the rest",
            )
        arrived = server.ids()
    doubted = {outgoing.message_id(pk) for pk in Message.objects.filter(repeated=True).values_list("pk", flat=True)}
    wanted = {outgoing.message_id(pk) for pk in Message.objects.values_list("pk", flat=True)}
    assert set(arrived) == wanted
    assert len(wanted) == 60
    assert {one for one, times in arrived.items() if times > 1} <= doubted
    assert max(arrived.values()) <= 2
    assert len(doubted) <= kills
    assert set(Message.objects.values_list("state", flat=True)) == {S.SENT}


def test_two_senders_share_the_work(committed_city: City, tmp_path: Path) -> None:
    reports(committed_city, 80)
    with serving(Server(free_port(), delay_s=0.01)) as server:
        env = environment(server.port)
        with (
            process("django", "send_messages", env=env, log=tmp_path / "one"),
            process("django", "send_messages", env=env, log=tmp_path / "two"),
        ):
            until(lambda: len(server.kept) >= 80 and settled(), seconds=60, what="all mails")
        assert len(server.kept) == 80
        assert set(server.ids().values()) == {1}


def test_refusals_are_told_apart(committed_city: City, tmp_path: Path) -> None:
    """4xx is tried again later, 5xx at the receiver is remembered, and the others go through on the same connection."""

    def rcpt(address: str) -> str:
        return {
            "citizen0@example.com": "450 4.2.0 greylisted",
            "citizen1@example.com": "550 5.1.1 no such person",
            "citizen2@example.com": "552 5.2.2 mailbox full",
        }.get(address, "250 OK")

    reports(committed_city, 5)
    with serving(Server(free_port(), rcpt=rcpt)) as server:
        with process("django", "send_messages", env=environment(server.port), log=tmp_path / "log"):
            until(
                lambda: len(server.kept) == 2 and Message.objects.filter(state=S.FAILED).count() == 2,
                seconds=30,
                what="settled",
            )
        assert server.connections == 1
    assert sorted(Message.objects.values_list("state", flat=True)) == [S.FAILED, S.FAILED, S.QUEUED, S.SENT, S.SENT]
    late = Message.objects.get(state=S.QUEUED)
    assert late.attempts == 1
    assert late.error == "450 4.2.0 greylisted"
    assert Address.objects.filter(failed_at__isnull=False).count() == 1


def test_a_server_that_falls_silent_after_the_data_leaves_a_doubt(committed_city: City, tmp_path: Path) -> None:
    """No answer to the whole message: it is in doubt, sent once more, and marked; the others are not held up."""

    def answer(server: Server, envelope: Envelope, number: int) -> str | None:
        return None if envelope.rcpt_tos == ["citizen0@example.com"] and server.connections == 1 else "250 OK"

    reports(committed_city, 3)
    with serving(Server(free_port(), answer=answer)) as server:
        env = environment(server.port, WASL_MAIL_TIMEOUT_S="2")
        with process("django", "send_messages", env=env, log=tmp_path / "log"):
            until(lambda: len(server.kept) == 2, seconds=30, what="the others")
            assert Message.objects.get(state=S.IN_DOUBT).repeated is False
            Message.objects.filter(state=S.IN_DOUBT).update(due_at=Message.objects.earliest("made_at").made_at)
            until(lambda: len(server.kept) == 3, seconds=30, what="the repetition")
            until(settled, seconds=10, what="settled")
    assert Message.objects.get(repeated=True).state == S.SENT


def test_a_server_that_takes_it_and_hangs_up_gets_it_twice_at_most(committed_city: City, tmp_path: Path) -> None:
    def answer(server: Server, envelope: Envelope, number: int) -> str:
        return "250 and gone" if number == 0 else "250 OK"

    reports(committed_city, 1)
    with serving(Server(free_port(), answer=answer)) as server:
        with process("django", "send_messages", env=environment(server.port), log=tmp_path / "log"):
            until(lambda: Message.objects.filter(state=S.IN_DOUBT).exists(), seconds=30, what="the doubt")
            Message.objects.update(due_at=Message.objects.get().made_at)
            until(lambda: Message.objects.get().state == S.SENT, seconds=30, what="the repetition")
        assert list(server.ids().values()) == [2]
    assert Message.objects.get().repeated


def test_a_server_that_is_away_gets_all_when_it_comes_back(committed_city: City, tmp_path: Path) -> None:
    port = free_port()
    reports(committed_city, 5)
    with process("django", "send_messages", env=environment(port), log=tmp_path / "log"):
        until(lambda: Message.objects.exclude(error="").exists(), seconds=30, what="the first try")
        time.sleep(2)
        assert set(Message.objects.values_list("state", flat=True)) <= {S.QUEUED, S.SENDING}
        with serving(Server(port)) as server:
            until(lambda: len(server.kept) == 5 and settled(), seconds=40, what="all mails")
            assert set(server.ids().values()) == {1}
    assert set(Message.objects.values_list("attempts", flat=True)) == {1}


def test_a_mail_comes_back_and_the_citizen_is_handed_to_the_second_line(committed_city: City, tmp_path: Path) -> None:
    """From the case over the sender to the demo's catcher, and back as a report of non-delivery, all real processes."""
    smtp, back = free_port(), free_port()
    mails = tmp_path / "mail"
    env = environment(smtp, WASL_MAIL_IN_PORT=str(back))
    bounces = f"127.0.0.1:{back}"
    with (
        process(
            "wasl.channels.mail.catcher",
            "--port",
            str(smtp),
            "--dir",
            str(mails),
            "--bounces",
            bounces,
            env=env,
            log=tmp_path / "a",
        ),
        process("django", "mail_in", env=env, log=tmp_path / "b"),
        process("django", "send_messages", env=env, log=tmp_path / "c"),
    ):
        reports(committed_city, 1)
        reports(committed_city, 1, "bounce.example")
        until(lambda: Message.objects.filter(bounced_at__isnull=False).exists(), seconds=40, what="the bounce")
        until(lambda: Message.objects.filter(state=S.FAILED).exists(), seconds=20, what="the failure")
        with smtplib.SMTP("127.0.0.1", back, timeout=10) as forger:
            good = Message.objects.get(state=S.SENT)
            forged = outgoing.bounce_address(good.pk).replace(f"+{good.pk}-", f"+{good.pk}-0")[:60]
            report: Any = catcher.undeliverable(b"", to=forged, dead="citizen0@example.com")
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                forger.sendmail("", [forged], report.as_bytes())
    assert len(list(mails.glob("*.eml"))) == 2
    message = Message.objects.get(state=S.FAILED)
    assert "no such person" in message.error
    assert Address.objects.filter(failed_at__isnull=False).count() == 1
    from wasl.services.messages import queries

    assert list(queries.untold(committed_city.second_line)) == [message]
