"""An agent has a caller rung: first his own telephone rings, then the caller's, once, and both hear each other."""

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, CALLER, hears, in_menu

pytestmark = pytest.mark.timeout(300)


@pytest.mark.req("C10")
def test_who_left_is_rung_because_an_agent_wants_it(house: Hotline, line: Carrier, desk: Inside) -> None:
    call = in_menu(house, line)
    line.hang_up(call.name)
    call.end(20)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")
    before = desk.calls()
    back, agent = line.phone(CALLER, "+96892345678"), line.phone(AGENT)
    desk.agent(name="anna", phone=agent.number)
    desk.ring_back(name="anna")
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="the agent is on the line")
    until(lambda: back.file.exists(), seconds=30, what="the citizen is on the line")
    assert hears(back) == {AGENT}
    assert hears(agent) == {CALLER}
    line.hang_up(back.number)
    until(lambda: desk.call()["ended"], seconds=20, what="the end in the books")
    kept = desk.call()
    assert kept["outcome"] == "answered"
    assert desk.calls() == before + 1, "a call of its own"
    assert desk.call(back=1)["outcome"] == "left", "the first one stays as it was"
