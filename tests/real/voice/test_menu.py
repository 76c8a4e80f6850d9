"""Real calls through the menu: what the caller hears, what the house keeps of it."""

import httpx
import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import spoken
from wasl.channels.voice.speech import Speech

pytestmark = pytest.mark.timeout(300)


def reported(house: Hotline, desk: Inside) -> list[str]:
    """Number and PIN of a new request."""
    answer = httpx.post(
        f"{house.url}/open311/v2/requests.json",
        data={"service_code": "water-leak", "lat": "23.6", "long": "58.41", "description": "A pipe has burst"},
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
