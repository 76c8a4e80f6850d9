"""A carrier: an Asterisk of its own that calls the hotline, does what a caller does, and keeps what he hears."""

import json
import logging
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from tests.real.hotline import Hotline, until
from wasl.channels.voice import asterisk, certificate, configuration
from wasl.channels.voice.asterisk import Asterisk
from wasl.channels.voice.configuration import Tls, Trunk, Voice
from wasl.site.cli.up import _free_port
from wasl.site.demo import carrier as demo
from wasl.site.installation import ROOT, Installation

ASTERISK = ROOT / ".cache/asterisk"
"""Where the tests keep Asterisk where the system has none."""

# Each look at what is said is a request: what went wrong would not be found among them.
logging.getLogger("httpx").setLevel(logging.WARNING)
Sound = "np.ndarray[Any, np.dtype[np.float64]]"


# What a caller does is said while he does it: see `Heard`.
_PLAN = """[from-carrier]
[citizen]
exten => s,1,Answer()
 same => n,MixMonitor({folder}/${UNIQUEID}-all.wav,r({folder}/${UNIQUEID}.sln))
 same => n(quiet),Wait(600)
 same => n,Hangup()
exten => _key.,1,SendDTMF(${CUT(EXTEN,x,2)})
 same => n,Goto(after${CUT(EXTEN,x,1)},1)
exten => _after.,1,Wait(600)
 same => n,Hangup()
exten => _hum.,1,Playback({folder}/tone${EXTEN:3})
 same => n,Goto(s,quiet)
"""


# A customer who signs in with a password over TLS, and speaks encrypted only.
SIGNED_IN, PASSWORD = "signed-in", "se;cret //--[x] = ${EPOCH}"
_CUSTOMER = f"""
[{SIGNED_IN}]
type = endpoint
transport = tls
context = from-carrier
disallow = all
allow = alaw,ulaw
auth = {SIGNED_IN}
aors = {SIGNED_IN}
direct_media = no
rtp_symmetric = yes
media_encryption = sdes

[{SIGNED_IN}]
type = auth
auth_type = userpass
username = {SIGNED_IN}
password = {PASSWORD.replace(";", chr(92) + ";")}

[{SIGNED_IN}]
type = aor
max_contacts = 1
remove_existing = yes
qualify_frequency = 15
"""


@dataclass
class Carrier:
    """Running; `call` places a call."""

    asterisk: Asterisk
    folder: Path
    ari: httpx.Client
    house: httpx.Client
    """The ARI of the house that is called."""
    data: Path
    """The house's data folder."""
    tls_port: int
    certificate: Path
    """What it says who it is with, over TLS."""
    calls: int = 0

    def call(self, number: str, *, caller: str = "+96892345678", by: str = "hotline") -> "Heard":
        """Somebody calls; what he does from now on is done with what is given. `by`: `signed-in` is over TLS."""
        self.calls += 1
        name = f"citizen{self.calls}"
        before = {one["id"] for one in self.house.get("/channels").json()}
        order = {
            "endpoint": f"PJSIP/{number}@{by}", "context": "citizen", "extension": "s", "priority": "1",
            "callerId": caller, "channelId": name,
        }  # fmt: skip

        def is_dialled() -> bool:
            if self.ari.post("/channels", params=order).is_success:
                return True
            # A house that was away is looked for now and then only.
            self.console(f"pjsip qualify {by}")
            return False

        until(is_dialled, seconds=20, what=f"{name} is put through")
        until(lambda: bool(self._inbound(before)), seconds=20, what=f"{name} has come in")
        return Heard(self, name, self.folder / f"{name}.sln", leg=self._inbound(before)[0])

    def _inbound(self, before: set[str]) -> list[str]:
        """Legs that have come to the house from here since then."""
        legs = self.house.get("/channels").json()
        return [one["id"] for one in legs if one["id"] not in before and one["dialplan"]["context"] == "from-carrier"]

    def phone(self, tone: int, number: str = "", *, answers: bool = True, rings_s: float = 0.3) -> "Heard":
        """A telephone behind this carrier: it sends a tone of so many hertz, and keeps what it hears.

        Its number is `number` of what is given, or one of its own.
        """
        self.calls += 1
        number = number or str(7000 + self.calls)
        name = f"phone{number}"
        heard = self.folder / f"{name}.sln"
        # Of a test before, which called the same number.
        heard.unlink(missing_ok=True)
        steps = ["Ringing()", f"Wait({rings_s})"]
        if answers:
            keeps = f"MixMonitor({self.folder}/{name}-all.wav,r({heard}))"
            steps += ["Answer()", keeps, f"Playback({self.tone(str(tone))})"]
        steps.append("Wait(120)")
        plan = "".join(f" same => n,{step}\n" for step in [*steps, "Hangup()"])
        with (self.folder / "etc/extensions.conf").open("a") as file:
            file.write(f"[from-carrier](+)\nexten => {number},1,NoOp()\n{plan}")
        self.console("dialplan reload")
        return Heard(self, name, heard, number)

    def tone(self, hertz: str) -> Path:
        """Two minutes of a tone, as Asterisk wants to be told of it."""
        place = self.folder / f"tone{hertz}.sln"
        if not place.exists():
            wave_of = np.sin(2 * np.pi * int(hertz) * np.arange(120 * 8000) / 8000)
            place.write_bytes((wave_of * 8000).astype("<i2").tobytes())
        return place.with_suffix("")

    def hang_up(self, number: str) -> None:
        """The telephone of this number is put down."""
        for one in self.ari.get("/channels").json():
            if one["dialplan"]["exten"] == number or one["id"] == number:
                self.ari.delete(f"/channels/{one['id']}")

    def console(self, command: str) -> str:
        """What Asterisk's console says to a command."""
        done = subprocess.run(
            self.asterisk.command("-C", str(self.folder / "etc/asterisk.conf"), "-rx", command),
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        assert "No such command" not in done.stdout, done.stdout
        return done.stdout

    def of_house(self, command: str) -> str:
        """What the house's console says; nothing while it is away."""
        etc = self.data / "voice/etc/asterisk.conf"
        done = subprocess.run(
            self.asterisk.command("-C", str(etc), "-rx", command),
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        return done.stdout

    def is_on(self, name: str) -> bool:
        """Whether this call is still there."""
        return self.ari.get(f"/channels/{name}").status_code == 200


@dataclass
class Heard:
    """One call, what the caller does, and what he heard of it."""

    carrier: Carrier
    name: str
    file: Path
    number: str = ""
    leg: str = ""
    """The house's name of his leg."""
    said: int = 1
    """How many things the house has said."""
    keyed: int = 0
    """How often he has keyed something."""

    def key(self, digits: str) -> None:
        """He keys this now, to its end: what he did next would cut it off."""
        self.keyed += 1
        key = f"key{self.keyed}"
        self._goes(f"{key}x{digits}")
        # Not where he waited before: an order is obeyed a moment after it was given.
        until(lambda: self._is_at(f"after{key}", "Wait"), seconds=10 + len(digits), what=f"{self.name} keyed {digits}")

    def tone(self, hertz: int) -> None:
        """From now on he sends this tone."""
        self.carrier.tone(str(hertz))
        self._goes(f"hum{hertz}")
        # Where two orders come at once Asterisk loses the second.
        until(lambda: self._is_at(f"hum{hertz}", "Playback"), seconds=10, what=f"{self.name} hums {hertz}")

    def _is_at(self, extension: str, application: str) -> bool:
        """Whether he does this now, or his call is over."""
        known = self.carrier.ari.get(f"/channels/{self.name}")
        if known.status_code == 404:
            return True
        here = known.json()["dialplan"]
        return (here["exten"], here["app_name"]) == (extension, application)

    def _goes(self, to: str) -> None:
        known = self.carrier.ari.get(f"/channels/{self.name}").raise_for_status().json()
        self.carrier.console(f"channel redirect {known['name']} citizen,{to},1")

    def told(self, spoken: Path, *, whole: bool = False, seconds: float = 30) -> None:
        """Wait until the house says this to him, after what it last said so; with `whole`, until it has said it.

        That he hears it is to be asked of what he heard, once the call is over: files lag behind.
        """
        until(lambda: self._told(spoken), seconds=seconds, what=f"{self.name} is told {spoken}")
        if whole:
            until(lambda: self._playing(self.said) != str(spoken.with_suffix("")), seconds=60, what="the end of it")

    def answers(self, asked: Path, digits: str, then: Path) -> None:
        """Key this when it is asked for; once more, as people do, where it is asked again: a busy line loses keys."""
        self.told(asked)
        for _try in range(2):
            self.key(digits)
            self.said += 1
            if self._either(then, asked):
                return
        raise AssertionError(f"{self.name} is asked {asked} again and again")

    def _either(self, then: Path, asked: Path) -> bool:
        """Wait until he is told one of them; whether it is the first."""
        came = None

        def has_come() -> bool:
            nonlocal came
            came = next((one for one in (then, asked) if self._told(one)), None)
            return came is not None

        until(has_come, seconds=30, what=f"{self.name} is told {then}")
        return came == then

    def told_more(self) -> None:
        """Wait until the house says something else."""
        until(lambda: bool(self._playing(self.said + 1)), seconds=30, what=f"{self.name} is told more")
        self.said += 1

    def _told(self, spoken: Path) -> bool:
        for number in range(self.said, self.said + 8):
            if self._playing(number) == str(spoken.with_suffix("")):
                self.said = number
                return True
        return False

    def _playing(self, number: int) -> str:
        """What the house says now, if it is the so manieth of what it says on this call; else nothing."""
        answer = self.carrier.house.get(f"/playbacks/{self.leg}-{number}")
        return str(answer.json()["media_uri"]).removeprefix("sound:") if answer.status_code == 200 else ""

    def end(self, seconds: float) -> None:
        """Wait until it is over."""
        until(lambda: not self.carrier.is_on(self.name), seconds=seconds, what=f"the end of {self.name}")

    def sound(self) -> Any:
        """What he heard, 8,000 a second."""
        return samples(self.file)

    def tones(self, since: float = 0.0, until: float | None = None, *, of: tuple[int, ...]) -> set[int]:
        """Which of these tones he heard, between these seconds from the end of silence of his line."""
        heard = self.sound()
        return tones(heard[int(since * 8000) : None if until is None else int(until * 8000)], of)

    def seconds(self) -> float:
        """How long the file is now."""
        return len(self.sound()) / 8000 if self.file.exists() else 0.0

    def has(self, spoken: Path) -> float:
        """How like the most like places of what he heard are to this file: 1 is the same.

        The least like second of it counts; of four or more the last but one, as a line may lose some hundredths.
        """
        heard, wanted = self.sound(), samples(spoken)
        parts = np.array_split(wanted, max(1, len(wanted) // _PART))
        loud = max(float(np.sum(part**2)) for part in parts)
        likeness = sorted(alike(heard, part) for part in parts if np.sum(part**2) > loud / 20)
        return likeness[1 if len(likeness) >= 4 else 0]


_PART = 8000
ALIKE = 0.8
"""Above this it is the same speech, through two A-law lines; other words of the same voice stay below a half."""


def alike(heard: Any, wanted: Any) -> float:
    """How like the most like place of a sound is to another, shorter one: 1 is the same."""
    if len(heard) < len(wanted):
        return 0.0
    length = 1 << (len(heard) + len(wanted)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, length) * np.conj(np.fft.rfft(wanted, length)))[: len(heard)]
    power = np.concatenate([[0.0], np.cumsum(heard**2)])
    ends = np.minimum(np.arange(len(heard)) + len(wanted), len(heard))
    loud = np.sqrt((power[ends] - power[: len(heard)]) * np.sum(wanted**2)) + 1e-9
    # Where he heard less than a third of it, it was not said.
    loud = np.maximum(loud, np.sum(wanted**2) / 3)
    return float(np.max(product / loud))


def tones(sound: Any, of: tuple[int, ...], least: float = 0.4) -> set[int]:
    """Which of these tones are in at least a `least` part of the half seconds, with a tenth of the power or more."""
    found = set()
    parts = [sound[at : at + 4000] for at in range(0, len(sound) - 3999, 4000)]
    for tone in of:
        wave_of = np.exp(-2j * np.pi * tone * np.arange(4000) / 8000)
        loud = 0
        for part in parts:
            power = float(np.sum(part**2))
            if power > 4000 * 100**2 and 2 * abs(np.dot(part, wave_of)) ** 2 / 4000 / power > 0.1:
                loud += 1
        if parts and loud / len(parts) >= least:
            found.add(tone)
    return found


def _whole(data: bytes) -> bytes:
    return data[: len(data) // 2 * 2]


def samples(file: Path) -> Any:
    """Of a wave file of 16 bits, or of one without a head, which can be read while it is written."""
    if file.suffix == ".sln":
        return np.frombuffer(_whole(file.read_bytes()), "<i2").astype(np.float64)
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64)


@contextmanager
def carrier(house: Hotline) -> Iterator[Carrier]:
    """One that calls this house, whose trunk it must be."""
    one = asterisk.found(Installation.at(house.data).asterisk)
    assert one is not None
    sip = Installation.at(house.data).addresses.sip_port
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="wasl-carrier-") as place:
        folder = Path(place)
        theirs_crt = house.data / "voice/tls/sip.crt"
        tls = Tls(_free_port(), *certificate.make(folder / "tls", demo.HOST))
        customer = Trunk("hotline", "127.0.0.1", sip, ["127.0.0.1"], certificate=theirs_crt.read_text())
        voice = Voice(
            host=demo.HOST, sip_port=demo.PORT, http_port=port, manager_port=_free_port(), rtp=(21000, 21999),
            ari_secret="x", manager_secret="x", trunks=[customer], tls=tls,
        )  # fmt: skip
        path = configuration.write(one, folder, voice)
        # The house is two of its customers, from one address: the one that says who it is comes first.
        sip_file = folder / "etc/pjsip.conf"
        sip_file.write_text(sip_file.read_text().replace("= ip,username", "= username,ip"))
        with (folder / "etc" / configuration.CARRIERS).open("a") as file:
            file.write(_CUSTOMER)
        (folder / "etc/extensions.conf").write_text(_PLAN.replace("{folder}", place))
        with (folder / "said.log").open("wb") as log:
            process = subprocess.Popen(one.command("-f", "-C", str(path)), stdout=log, stderr=log)
        ari = _ari(port, "x")
        known = Installation.at(house.data)
        secret = json.loads((known.data / "secrets.json").read_text())["ari_secret"]
        theirs = _ari(int(known.environment()["WASL_ARI_PORT"]), secret)
        try:
            began = time.monotonic()
            while True:
                try:
                    if ari.get("/asterisk/ping").status_code == 200:
                        break
                except httpx.TransportError:
                    assert time.monotonic() - began < 60, (folder / "said.log").read_text()
                time.sleep(0.2)
            running = Carrier(one, folder, ari, theirs, house.data, tls.port, tls.certificate)
            running.console("module load res_clioriginate.so")
            # The house looks itself only now and then whether its carrier is there.
            running.of_house("pjsip qualify demo")
            yield running
        finally:
            ari.close()
            theirs.close()
            process.terminate()
            process.wait(20)


def _ari(port: int, secret: str) -> httpx.Client:
    return httpx.Client(base_url=f"http://127.0.0.1:{port}/ari", auth=(configuration.APP, secret), trust_env=False)
