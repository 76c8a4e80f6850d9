"""A telephone to measure: Asterisk and the controller as an installation runs them, seats, and sipp on both sides.

Callers and agents' telephones are sipp's, on an address of their own. A seat's telephone is a SIP endpoint that both
our line and Asterisk's own queue ring; an agent ends each call himself, so that all calls last equally long.
"""

import asyncio
import csv
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

import psutil
from django.conf import settings

from bench.making.house import end_with_us, postgres, program, seconds
from wasl.channels.voice import asterisk
from wasl.channels.voice.ami import Ami, Away
from wasl.channels.voice.ari import Ari, Gone
from wasl.channels.voice.configuration import APP, BEAT, SEATS_DOWN
from wasl.channels.voice.speech import Speech, pieces
from wasl.core.organisation.models import Post, Staff
from wasl.kernel import clock
from wasl.services.calls import checking, flows, setting
from wasl.services.calls.checking import spoken
from wasl.services.calls.models import Line, Profile, Queue, Seat, Trunk
from wasl.site.cli.up import _free_port
from wasl.site.installation import ROOT, Addresses, Installation

HOST = "127.0.0.13"
CALLERS, PHONES, REFUSERS = 5081, 5090, 5091
STRAIGHT, MENU = "2222", "1111"
"""Numbers that lead to our line: at once, and by the menu."""
PEER_STRAIGHT, PEER_MENU = "3333", "4444"
"""The same by Asterisk alone."""
_RTP = "22000-29999"
_SEATS = "bench"


# --- sipp ---------------------------------------------------------------------------------------------------------

_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio {port} RTP/AVP 8
a=rtpmap:8 PCMA/8000"""
_HEAD = """Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[field0]@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70"""


def _send(text: str, *, again: bool = True) -> str:
    retrans = ' retrans="500"' if again else ""
    return f"<send{retrans}><![CDATA[\n\n{text.strip()}\n\n]]></send>\n"


def _asks(method: str, number: int, rest: str = "Content-Length: 0\n") -> str:
    head = _HEAD.format(number=number, method=method)
    return f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n{head}\n{rest}\n"


def _keyed(digit: str, number: int) -> str:
    body = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={digit}\nDuration=160\n"
    return f'<pause milliseconds="300"/>{_send(_asks("INFO", number, body))}<recv response="200"/>\n'


def caller_does(keys: str, patience_s: float, sound: Path | None) -> str:
    """sipp's scenario of a caller: keys, then waits for the end of his call; after his patience he ends it."""
    port = "[rtpstream_audio_port]" if sound else "[media_port]"
    plays = f'<nop><action><exec rtp_stream="{sound},-1,8"/></action></nop>' if sound else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="caller">\n'
        + _send(_asks("INVITE", 1, _SDP.format(port=port)))
        + '<recv response="100" optional="true"/><recv response="180" optional="true"/>'
        + '<recv response="183" optional="true"/><recv response="200" rrs="true"/>\n'
        + _send(_asks("ACK", 1), again=False)
        + plays
        + "".join(_keyed(digit, 2 + place) for place, digit in enumerate(keys))
        + f'<recv request="BYE" timeout="{round(patience_s * 1000)}" ontimeout="1"/>\n'
        + _send(_ANSWER.format(line="200 OK", rest="Content-Length: 0"), again=False)
        + '<nop next="2"/>\n<label id="1"/>\n'
        + _send(_asks("BYE", 9))
        + '<recv response="200"/>\n<label id="2"/>\n</scenario>\n'
    )


_ANSWER = """SIP/2.0 {line}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
{rest}""".replace("{tag}", "")
_TAGGED = _ANSWER.replace("[last_To:]", "[last_To:];tag=[pid]p[call_number]")
_PHONE_BYE = """BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$2]
To:[$1]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0
"""


def _header(name: str, into: int) -> str:
    where = f'search_in="hdr" header="{name}:"'
    return f'<action><ereg regexp=".*" {where} assign_to="{into}"/></action>'


def phone_does() -> str:
    """Rings, answers at once, and ends the call after a while (sipp's -d)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="phone">\n'
        f'<recv request="INVITE" rrs="true">{_header("From", 1)}</recv>\n'
        + _send(_TAGGED.format(line="180 Ringing", rest="Content-Length: 0"), again=False)
        + _send(_TAGGED.format(line="200 OK", rest=_SDP.format(port="[media_port]")))
        + f'<recv request="ACK" rrs="true">{_header("To", 2)}</recv>\n<pause/>\n'
        + _send(_PHONE_BYE)
        + '<recv response="200"/>\n</scenario>\n'
    )


def refuser_does() -> str:
    """Takes no call: another codec is wanted."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="refuser">\n<recv request="INVITE"/>\n'
        + _send(_TAGGED.format(line="488 Not Acceptable Here", rest="Content-Length: 0"))
        + '<recv request="ACK"/>\n</scenario>\n'
    )


# --- the telephone ------------------------------------------------------------------------------------------------


@dataclass
class Exchange:
    """Running. `calls` is how many callers have been sent."""

    installation: Installation
    place: Path
    programs: Mapping[str, psutil.Process]
    seats: list[int] = field(default_factory=list)
    """Staff that has a seat and a telephone."""
    calls: int = 0

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds so far, by program."""
        return {name: seconds(process) for name, process in self.programs.items()}

    def memory_mb(self) -> dict[str, float]:
        """Resident memory of Asterisk and the controller."""
        return {name: self.programs[name].memory_info().rss / 1e6 for name in ("Asterisk", "controller")}

    def console(self, line: str) -> str:
        """What Asterisk's console says."""

        async def say() -> str:
            async with self._ami() as ami:
                return await ami.command(line)

        return asyncio.run(say())

    def _ami(self) -> Ami:
        return Ami(self.installation.addresses.ami_port, APP, settings.WASL_AMI_SECRET)

    def _ari(self) -> Ari:
        return Ari(self.installation.addresses.ari_port, APP, settings.WASL_ARI_SECRET)

    def take_seats(self, count: int, *, refusing: int = 0) -> None:
        """So many seats are ready, and no others; the first `refusing` of them have a telephone that takes no call."""
        make_seats(count)
        staff = list(Seat.objects.filter(state="ready").order_by("pk").values_list("staff_id", flat=True))
        asyncio.run(self._make_phones(staff, refusing))
        self.seats = staff

    async def _make_phones(self, staff: Sequence[int], refusing: int) -> None:
        async with self._ari() as ari:
            for place, one in enumerate(staff):
                port = REFUSERS if place < refusing else PHONES
                name = f"seat{one}"
                # Pushed anew it would keep its old contact beside the new one.
                with suppress(Gone):
                    await ari.pull("aor", name)
                await ari.push("aor", name, {"contact": f"sip:{place}@{HOST}:{port}"})
                await ari.push("endpoint", name, {**_ENDPOINT, "aors": name})

    def members(self, *, there: bool) -> None:
        """The seats' telephones are members of Asterisk's own queue, or no longer."""

        async def tell() -> None:
            async with self._ami() as ami:
                for one in self.seats:
                    line = f"add member PJSIP/seat{one} to" if there else f"remove member PJSIP/seat{one} from"
                    await ami.command(f"queue {line} {SEATS_DOWN}")

        asyncio.run(tell())

    @contextmanager
    def phones(self, talk_s: float) -> Iterator[None]:
        """The agents' telephones: they answer at once, speak that long, and send back what they hear."""
        with (
            self._sipp(phone_does(), PHONES, "phones", "-d", str(round(talk_s * 1000)), "-rtp_echo", "-mp", "17000"),
            self._sipp(refuser_does(), REFUSERS, "refusers", "-mp", "17010"),
        ):
            time.sleep(0.5)
            yield

    @contextmanager
    def _sipp(self, does: str, port: int, name: str, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
        scenario = self.place / f"{name}.xml"
        scenario.write_text(does)
        with (self.place / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["sipp", "-sf", str(scenario), "-i", HOST, "-p", str(port), "-nostdin", "-aa", *options],
                cwd=self.place, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=end_with_us,
            )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait(10)

    @contextmanager
    def callers(
        self, number: str, rate: float, count: int, *, keys: str = "", patience_s: float = 60, sound: bool = False
    ) -> Iterator["Callers"]:
        """So many calls each second; `done` waits for the end of all."""
        numbers = self.place / "numbers.csv"
        first = 1_000_000 + self.calls
        self.calls += count
        numbers.write_text("SEQUENTIAL\n" + "".join(f"+9689{one};\n" for one in range(first, first + count)))
        spoken_file = self.place / "voice.alaw"
        if not spoken_file.exists():
            # A second of a rising and falling sawtooth: sound, not silence.
            spoken_file.write_bytes(bytes((n * 7) % 128 + 64 for n in range(8000)))
        does = caller_does(keys, patience_s, spoken_file if sound else None)
        stats = self.place / f"callers{self.calls}.csv"
        port = self.installation.addresses.sip_port
        most = count / rate + patience_s + 30
        options = [
            f"127.0.0.1:{port}", "-s", number, "-inf", str(numbers), "-r", str(rate), "-m", str(count), "-l", "5000",
            "-trace_stat", "-stf", str(stats), "-fd", "1", "-mp", "18000", "-timeout", str(round(most)),
            "-rtp_threadtasks", "50", "-max_retrans", "5",
        ]  # fmt: skip
        with self._sipp(does, CALLERS, "callers", *options) as process:
            yield Callers(process, stats, most)


@dataclass(frozen=True)
class Callers:
    """sipp as callers, running."""

    process: "subprocess.Popen[bytes]"
    stats: Path
    most_s: float

    def done(self) -> tuple[int, int]:
        """When all have ended: how many calls went as they should, and how many did not."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(self.most_s + 10)
        rows = list(csv.DictReader(self.stats.open(), delimiter=";"))
        return int(rows[-1]["SuccessfulCall(C)"]), int(rows[-1]["FailedCall(C)"])


_ENDPOINT: Mapping[str, str] = {
    "context": "agents", "transport": "udp", "disallow": "all", "allow": "alaw,ulaw", "direct_media": "no",
    "rtp_symmetric": "yes", "dtmf_mode": "rfc4733", "allow_transfer": "no",
}  # fmt: skip


def prepare() -> None:
    """Queue, flow, numbers and carrier. Nobody is ever told that it is closed."""
    flows.ship()
    setting.begin()
    Queue.objects.update(wrap_up_s=0, ring_s=15, most=200)
    data = flows.shipped()
    data["nodes"]["person"] = {"kind": "queue", "queue": "person"}
    administrator = Staff.objects.filter(posts__role="administrator", posts__unit=None).order_by("pk")[0]
    flows.publish("bench", data, by=administrator)
    for number, straight in ((STRAIGHT, "always"), (MENU, "never")):
        Line.objects.update_or_create(number=number, defaults={"name": number, "flow": "bench", "straight": straight})
    Trunk.objects.create(code="bench", name="Bench", host=HOST, port=PHONES, match=[HOST])


def make_seats(count: int) -> None:
    """So many seats are ready, all other ones empty."""
    now = clock.now()
    there = Staff.objects.filter(username__startswith=_SEATS).count()
    staff = Staff.objects.bulk_create(Staff(username=f"{_SEATS}{number:04d}") for number in range(there, count))
    Post.objects.bulk_create(Post(staff=one, role="agent", since=now) for one in staff)
    Profile.objects.bulk_create(
        Profile(staff=one, languages=["ar", "en", "zh"], queues=["person"]) for one in staff
    )  # fmt: skip
    Seat.objects.bulk_create(Seat(staff=one, state="out", since=now, idle_since=now) for one in staff)
    Seat.objects.update(state="out", call=None, until=None, reason="")
    chosen = Seat.objects.filter(staff__username__startswith=_SEATS).order_by("pk").values("pk")[:count]
    # Their pages are heard of until the end of the run: there are none.
    heard = now + timedelta(days=1)
    Seat.objects.filter(pk__in=list(chosen.values_list("pk", flat=True))).update(
        state="ready", since=now, idle_since=now, heard_at=heard
    )


@contextmanager
def exchange(place: Path) -> Iterator[Exchange]:
    """Asterisk, the controller and its guard, for the length of the `with` block; `prepare` has been called."""
    ports = Addresses(demo="none", sip_port=_free_port(), ari_port=_free_port(), ami_port=_free_port())
    its = Installation(Path(settings.WASL_DATA), ports)
    shared = ROOT / ".cache" / "asterisk"
    if asterisk.found(its.asterisk) is None:
        if asterisk.found(shared) is None:
            raise SystemExit("Asterisk is needed: ./wasl voice install fetches it into a data folder.")
        its.asterisk.symlink_to(shared)
    environment = {**os.environ, **its.environment(), "WASL_RTP_PORTS": _RTP}
    with ExitStack() as stack:
        programs = {"PostgreSQL": postgres()}
        for name, command in (("Asterisk", "asterisk"), ("controller", "voice"), ("guard", "voice_guard")):
            run = program(
                sys.executable, "-P", "-m", "django", command, log=its.log / f"{command}.log", environment=environment
            )
            programs[name] = stack.enter_context(run)
        running = Exchange(its, place, programs)
        _until_ready(running)
        _add_peer(running)
        yield running


def _until_ready(running: Exchange) -> None:
    """Asterisk answers, the controller's heart beats, and all that callers hear is spoken."""
    speech = Speech(settings.WASL_VOICE / "speech")
    files = [
        speech.place(*piece) for flow in flows.answering() for one in spoken(flow) for piece in pieces(one)
    ]  # fmt: skip

    async def beats() -> bool:
        try:
            async with running._ami() as ami:
                return bool((await ami.do("Getvar", Variable=BEAT)).get("Value"))
        except Away:
            return False

    end = time.monotonic() + 120
    while not (asyncio.run(beats()) and all(file.exists() for file in files)):
        if time.monotonic() > end:
            raise SystemExit(f"the telephone does not start; see {running.installation.log}")
        time.sleep(0.3)


def _add_peer(running: Exchange) -> None:
    """The same by Asterisk alone: answer, recording, its own queue; with and without two questions before it."""
    its = running.installation
    speech = Speech(settings.WASL_VOICE / "speech")
    words = spoken(checking.read(flows.shipped()))[:2]
    asks = "".join(
        f" same => n,Read(KEY,{speech.place(*pieces(one)[0]).with_suffix('')},1)\n" for one in words
    )  # fmt: skip
    plan = ["[from-carrier](+)\n"]
    for number, questions in ((PEER_STRAIGHT, ""), (PEER_MENU, asks)):
        record = f"MixMonitor({its.voice}/spool/recordings/${{UNIQUEID}}.raw,Di(WASL_MIX))"
        plan.append(f"exten => {number},1,Answer()\n same => n,{record}\n{questions}")
        plan.append(f" same => n,Queue({SEATS_DOWN},,,,120)\n same => n,Hangup()\n")
    with (its.voice / "etc/extensions.conf").open("a") as file:
        file.write("".join(plan))
    running.console("dialplan reload")


# --- what Asterisk tells ------------------------------------------------------------------------------------------


class Ears:
    """Asterisk's own events of calls and queues, with its times, for the length of a `with` block."""

    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), 10)
        sign_in = (
            f"Action: Login\r\nUsername: {APP}\r\nSecret: {settings.WASL_AMI_SECRET}\r\nEvents: agent,call\r\n\r\n"
        )
        self._wire.sendall(sign_in.encode())
        self._wire.settimeout(None)
        self._heard: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_wrong: object) -> None:
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._wire.close()

    def _listen(self) -> None:
        with suppress(OSError):
            while data := self._wire.recv(1 << 18):
                self._heard.append(data)

    def events(self) -> list[dict[str, str]]:
        """All so far."""
        text = b"".join(self._heard).decode(errors="replace")
        return [
            dict(line.split(": ", 1) for line in part.split("\r\n") if ": " in line) for part in text.split("\r\n\r\n")
        ]


def rang(events: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """When each leg rang, by its name in Asterisk; seconds since 1970."""
    found: dict[str, float] = {}
    for event in events:
        if event.get("Event") == "Newstate" and event.get("ChannelState") == "5":
            found.setdefault(event["Uniqueid"], float(event["Timestamp"]))
    return found


def joined(events: Sequence[Mapping[str, str]]) -> tuple[dict[str, float], dict[str, list[str]]]:
    """Of Asterisk's own queue: when each caller joined it, and which legs were made for him."""
    when: dict[str, float] = {}
    legs: dict[str, list[str]] = {}
    for event in events:
        if event.get("Event") == "QueueCallerJoin":
            when.setdefault(event["Uniqueid"], float(event["Timestamp"]))
        elif event.get("Event") == "AgentCalled":
            legs.setdefault(event["Uniqueid"], []).append(event["DestUniqueid"])
    return when, legs
