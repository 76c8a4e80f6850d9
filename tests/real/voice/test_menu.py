"""Real calls through the menu: what the caller hears, what the house keeps of it."""

from pathlib import Path

import httpx
import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import in_menu, sentence, spoken
from wasl.channels.voice.speech import Speech

pytestmark = pytest.mark.timeout(300)


def reported(house: Hotline, desk: Inside, service: str = "water-leak", **answers: str) -> list[str]:
    """Number and PIN of a new request; `answers` to the questions of its service."""
    answer = httpx.post(
        f"{house.url}/open311/v2/requests.json",
        data={
            "service_code": service,
            "lat": "23.6",
            "long": "58.41",
            "description": "A pipe has burst",
            **{f"attribute[{question}]": answer for question, answer in answers.items()},
        },
        headers={"X-API-Key": house.demo["open311"]["key"]},
        timeout=60,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    number, pin = desk.newest()
    assert number == answer.json()[0]["service_request_id"]
    return [number, pin]


@pytest.mark.req("C1", "C8", "B1")
@pytest.mark.parametrize(("key", "language"), [("1", "ar"), ("2", "en"), ("3", "zh")])
def test_the_state_of_a_request_by_number_and_pin(
    house: Hotline, line: Carrier, desk: Inside, key: str, language: str
) -> None:
    number, pin = reported(house, desk)
    call = line.call("1111")
    # He waits until he hears his own language.
    call.told(spoken(house, "language", language), whole=True)
    call.key(key)
    call.told(spoken(house, "main", language))
    call.key("1")
    call.answers(spoken(house, "number", language), f"{number}#", spoken(house, "pin", language))
    # After the answer comes the menu again.
    call.answers(spoken(house, "pin", language), f"{pin}#", spoken(house, "main", language))
    line.hang_up(call.name)
    call.end(20)
    speech = Speech(house.data / "voice/speech")
    likeness = [call.has(speech.place(*piece)) for piece in desk.answer(number=number, pin=pin, language=language)]
    assert min(likeness) > ALIKE, likeness
    assert call.has(spoken(house, "language", "ar")) > ALIKE
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    kept = desk.call()
    assert (kept["language"], kept["hint"][-3:], kept["outcome"]) == (language, "678", "left")
    assert desk.asked() == ["voice", "found"]


@pytest.mark.req("C8")
def test_who_has_guessed_is_refused_the_right_pin_too_when_he_calls_again(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    # One that is public is told of to everybody who knows its number.
    number, pin = reported(house, desk, "conduct-quality", **{"unit-concerned": "Roads"})
    wrong = f"{(int(pin) + 1) % 1_000_000:06d}"

    def asks(caller: str, *guesses: str, last: Path) -> None:
        """He calls, gives the number and one PIN after the other."""
        call = in_menu(house, line, caller=caller)
        call.key("1")
        for n, guess in enumerate(guesses, 1):
            call.answers(spoken(house, "number", "en"), f"{number}#", spoken(house, "pin", "en"))
            then = last if n == len(guesses) else spoken(house, "number", "en")
            call.answers(spoken(house, "pin", "en"), f"{guess}#", then)
        line.hang_up(call.name)
        call.end(20)

    asks("+96892340010", wrong, wrong, wrong, last=sentence(house, "tries", "en"))
    asks("+96892340010", pin, last=spoken(house, "number", "en"))
    assert desk.asked() == ["voice", "refused"]
    # Nobody is shut out because somebody else has guessed.
    asks("+96892340011", pin, last=spoken(house, "main", "en"))
    assert desk.asked() == ["voice", "found"]
