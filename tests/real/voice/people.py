"""What the tests of calls share: who calls, and who hears what."""

import json
import time
from pathlib import Path

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import Carrier, Heard
from tests.real.voice.inside import Inside
from wasl.channels.voice.speech import Speech
from wasl.services import calls
from wasl.services.calls.flow import SENTENCES

CALLER, AGENT, EXPERT, BOSS = 850, 440, 700, 520
TONES = (CALLER, AGENT, EXPERT, BOSS)
NODES = json.loads((Path(calls.__file__).parent / "default.json").read_text())["nodes"]


def spoken(house: Hotline, node: str, language: str) -> Path:
    """The file of what this step of the shipped flow says."""
    return Speech(house.data / "voice/speech").place(language, NODES[node]["text"][language])


def sentence(house: Hotline, name: str, language: str) -> Path:
    """The file of one of the fixed sentences."""
    return Speech(house.data / "voice/speech").place(language, SENTENCES[name][language])


def in_menu(house: Hotline, line: Carrier, key: str = "2", language: str = "en", **more: str) -> Heard:
    """Somebody calls, chooses his language, and hears the main menu."""
    call = line.call("1111", **more)
    call.told(spoken(house, "language", "ar"))
    call.key(key)
    call.told(spoken(house, "main", language))
    return call


def person(house: Hotline, line: Carrier, **more: str) -> Heard:
    """Somebody calls and wants a person at once, in English; he sends the caller's tone."""
    call = in_menu(house, line, **more)
    call.key("0")
    call.tone(CALLER)
    return call


def talking(house: Hotline, line: Carrier, desk: Inside, name: str = "anna") -> tuple[Heard, Heard]:
    """A caller and an agent in conversation: what each hears."""
    agent = line.phone(AGENT)
    desk.agent(name=name, phone=agent.number)
    call = person(house, line)
    until(lambda: desk.state(name=name)[0] == "busy", seconds=30, what="the agent has the call")
    return call, agent


def called_back(house: Hotline, line: Carrier, desk: Inside) -> tuple[Heard, Heard]:
    """Somebody who hung up to be called back, and the agent who calls him: what each hears."""
    back, agent = line.phone(CALLER, "+96892345678"), line.phone(AGENT)
    call = person(house, line)
    until(lambda: desk.call()["waits"], seconds=20, what="he waits")
    call.key("1")
    call.end(60)
    assert desk.call()["waits"] == [["waiting", True, 0]]
    desk.agent(name="anna", phone=agent.number)
    until(lambda: back.file.exists(), seconds=30, what="the citizen is rung")
    return back, agent


def decides(house: Hotline, desk: Inside) -> None:
    """Wait until the controller that runs decides."""
    until(lambda: desk.decides() == house.processes().get("voice"), seconds=30, what="the controller decides")
    # It says so just before it begins to listen.
    time.sleep(1)


def hears(one: Heard, seconds: float = 2.5) -> set[int]:
    """What he hears from now on, but for the first second: mixer and file are behind by some of it."""
    until(lambda: one.file.exists(), seconds=10, what=f"{one.name} hears anything")
    since = one.seconds()
    until(lambda: one.seconds() > since + seconds, seconds=seconds + 10, what=f"{one.name} hears something")
    return one.tones(since + 1.0, of=TONES)


def is_done(desk: Inside, command: int) -> str:
    """Why it was not done; nothing when it was."""
    until(lambda: desk.done(command=command) is not None, seconds=10, what="the command is carried out")
    return str(desk.done(command=command))
