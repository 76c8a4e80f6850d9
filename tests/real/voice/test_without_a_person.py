"""Real calls that nobody answers: a complaint that is spoken, the mailbox at night, secrets that are guessed."""

import io
import os
import signal
import time
import wave

import numpy as np
import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier, Heard
from tests.real.voice.inside import Inside
from tests.real.voice.people import CALLER, in_menu, sentence, spoken
from wasl.channels.voice.speech import Speech

pytestmark = pytest.mark.timeout(300)


def tone_in(sound: bytes) -> float:
    """How many seconds of the carrier's tone (850 Hz) are in this wave file."""
    with wave.open(io.BytesIO(sound)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    blocks = samples[: len(samples) // 800 * 800].reshape(-1, 800)
    strength = np.abs(blocks @ np.exp(-2j * np.pi * 850 * np.arange(800) / 8000)) / 400
    return float((strength > 1000).sum() / 10)


def digits(house: Hotline, call: Heard, number: str, language: str) -> list[str]:
    """The digits of a number that were not heard."""
    speech = Speech(house.data / "voice/speech")
    return [one for one in set(number) if call.has(speech.place(language, one)) < ALIKE]


@pytest.mark.req("C3", "C11", "B1")
@pytest.mark.parametrize(("key", "language"), [("1", "ar"), ("2", "en"), ("3", "zh")])
def test_a_complaint_without_a_person(house: Hotline, line: Carrier, desk: Inside, key: str, language: str) -> None:
    call = in_menu(house, line, key, language)
    # What is said before: the menu, whether a complaint, the district, whether it is that one.
    for before, given in (("main", "2"), ("kind", "1"), ("district", "02#")):
        call.told(spoken(house, before, language))
        call.key(given)
    call.told_more()
    call.key("1")
    call.told(spoken(house, "message", language), whole=True)
    call.tone(CALLER)
    time.sleep(4)
    call.key("#")
    call.end(60)
    case = desk.complaint()
    assert (case["medium"], case["kind"], case["language"]) == ("phone", "complaint", language)
    assert case["area"]
    assert case["call"].endswith("678")
    assert case["told"] == ["received"], "its number and PIN go to his telephone by SMS"
    (sound,) = case["sound"]
    assert 3.5 <= tone_in(bytes.fromhex(sound)) <= 4.5
    assert digits(house, call, case["number"], language) == []
    assert not list((house.data / "voice/spool/recording").glob("*.wav")), "what was taken in is not left lying"


def at_night(house: Hotline, line: Carrier, desk: Inside) -> Heard:
    """Somebody wants a person when none is there, and speaks while he is recorded."""
    call = line.call(desk.night())
    call.told(spoken(house, "main", "en"))
    call.key("0")
    speaks(house, call, "mailbox", "en")
    return call


def speaks(house: Hotline, call: Heard, after: str, language: str) -> None:
    """From when he is recorded he speaks: before, nobody listens."""
    call.told(spoken(house, after, language), whole=True)
    recording = house.data / "voice/spool/recording"
    until(lambda: bool(list(recording.glob("mailbox-*.wav"))), seconds=30, what="the recording")
    call.tone(CALLER)


@pytest.mark.req("C10", "B17")
def test_at_night_he_leaves_a_message_also_when_he_hangs_up(house: Hotline, line: Carrier, desk: Inside) -> None:
    before = len(desk.messages())
    call = at_night(house, line, desk)
    time.sleep(4)
    line.hang_up(call.name)
    until(lambda: len(desk.messages()) > before, seconds=20, what="the message")
    message = desk.messages()[0]
    assert 3 <= message["seconds"] <= 6
    assert message == {
        "seconds": message["seconds"], "medium": "mailbox", "body": message["body"], "done": False, "language": "en",
        "due": True, "files": 1, "outcome": "mailbox",
    }  # fmt: skip


@pytest.mark.req("C8")
def test_three_wrong_pins_lead_to_a_person(house: Hotline, line: Carrier, desk: Inside) -> None:
    number, pin = desk.newest()
    wrong = f"{(int(pin) + 1) % 1_000_000:06d}"
    call = in_menu(house, line)
    call.key("1")
    for then in (*[spoken(house, "number", "en")] * 2, sentence(house, "tries", "en")):
        call.answers(spoken(house, "number", "en"), f"{number}#", spoken(house, "pin", "en"))
        call.answers(spoken(house, "pin", "en"), f"{wrong}#", then)
    until(lambda: desk.call()["waits"], seconds=20, what="he waits for a person")


@pytest.mark.req("C10")
def test_a_message_survives_the_controller(house: Hotline, line: Carrier, desk: Inside) -> None:
    before = len(desk.messages())
    call = at_night(house, line, desk)
    os.kill(house.process("voice"), signal.SIGKILL)
    time.sleep(5)
    line.hang_up(call.name)
    until(lambda: len(desk.messages()) > before, seconds=150, what="the message, found by the next controller")
    message = desk.messages()[0]
    assert 4 <= message["seconds"] <= 9
    assert (message["language"], message["files"]) == ("en", 1)
