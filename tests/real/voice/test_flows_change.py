"""Real calls while flows change: a call keeps its version, the next has the new one, and a recorded prompt is heard."""

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, CALLER, hears, spoken
from wasl.channels.voice.speech import Speech

pytestmark = pytest.mark.timeout(300)


@pytest.mark.req("C15", "C2", "C6")
def test_a_call_keeps_its_version_and_a_recorded_prompt_is_heard(house: Hotline, line: Carrier, desk: Inside) -> None:
    number = desk.first_version()
    speech = Speech(house.data / "voice/speech")
    first = line.call(number)
    first.told(spoken(house, "main", "en"))
    # Published while the first caller listens to the menu.
    desk.second_version()
    first.key("3")
    first.told(speech.machine_place("en", "This is the first version."), whole=True)
    line.hang_up(first.name)
    first.end(20)
    assert first.has(speech.machine_place("en", "This is the first version.")) > ALIKE
    second = line.call(number)
    second.told(spoken(house, "main", "en"))
    second.key("3")
    recorded = speech.place("en", "This is the second version.")
    assert recorded != speech.machine_place("en", "This is the second version."), "somebody recorded it"
    second.told(recorded, whole=True)
    line.hang_up(second.name)
    second.end(20)
    assert second.has(recorded) > ALIKE
    assert second.has(speech.machine_place("en", "This is the first version.")) < ALIKE


@pytest.mark.req("C13", "C5")
def test_kinds_of_steps_on_one_call(house: Hotline, line: Carrier, desk: Inside) -> None:
    number = desk.every_kind()
    speech = Speech(house.data / "voice/speech")
    call = line.call(number)
    call.told(speech.place("en", "Key a code."))
    call.key("12345#")
    until(lambda: desk.call()["waits"], seconds=30, what="he waits")
    assert desk.call()["keyed"] == {"code": "12345", "urgency": "urgent"}, "set, and what the agent will see"
    line.hang_up(call.name)
    call.end(20)
    assert call.has(speech.place("en", "You keyed")) > ALIKE, "say, with what was keyed"
    assert all(call.has(speech.place("en", digit)) > ALIKE for digit in "12345"), "digit by digit"


@pytest.mark.req("C13", "D6")
def test_a_step_gives_the_call_to_a_unit(house: Hotline, line: Carrier, desk: Inside) -> None:
    unit = line.phone(AGENT)
    number = desk.to_unit(phone=unit.number)
    call = line.call(number)
    until(lambda: unit.file.exists(), seconds=20, what="the unit answers")
    call.tone(CALLER)
    assert hears(call) == {AGENT}
    assert hears(unit) == {CALLER}
    line.hang_up(unit.number)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")
    kept = desk.call()
    assert kept["outcome"] == "answered"
    assert [leg[0] for leg in kept["legs"]] == ["unit"]


@pytest.mark.req("C13", "D6")
def test_where_a_unit_does_not_answer_people_do(house: Hotline, line: Carrier, desk: Inside) -> None:
    silent, agent = line.phone(AGENT, answers=False), line.phone(AGENT)
    number = desk.to_unit(phone=silent.number)
    call = line.call(number)
    until(lambda: desk.call()["legs"] and not desk.call()["ended"], seconds=20, what="the unit rings")
    line.hang_up(silent.number)
    until(lambda: desk.call()["waits"], seconds=20, what="he waits for a person")
    desk.agent(name="anna", phone=agent.number)
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="the agent has the call")
    assert hears(call) == {AGENT}
