"""Real calls to people: who hears whom at each step, what the seats show, what the books say afterwards."""

import secrets
import time

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, BOSS, CALLER, EXPERT, called_back, hears, is_done, person, talking

pytestmark = pytest.mark.timeout(300)


@pytest.mark.req("D1", "D2", "B1")
def test_a_caller_is_given_to_an_agent_and_both_hear_each_other(house: Hotline, line: Carrier, desk: Inside) -> None:
    call, phone = talking(house, line, desk)
    assert hears(call) == {AGENT}
    assert hears(phone) == {CALLER}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    kept = desk.call()
    assert (kept["outcome"], kept["agent"], kept["language"]) == ("answered", "anna", "en")
    assert kept["stamps"] == sorted(kept["stamps"])
    assert kept["waits"] == [["answered", False, 1]]
    until(lambda: desk.state(name="anna")[0] == "ready", seconds=10, what="the end of wrap-up")
    assert time.time() - kept["stamps"][0] < 120


@pytest.mark.req("D5", "D7", "E7", "G7")
def test_hold_consult_three_way_and_the_agent_leaves(house: Hotline, line: Carrier, desk: Inside) -> None:
    expert = line.phone(EXPERT)
    call, agent = talking(house, line, desk)
    assert hears(call) == {AGENT}
    other = desk.agent(name="expert", phone=expert.number, queues="none")
    assert is_done(desk, desk.order(verb="hold", by="anna")) == ""
    assert not hears(agent)
    assert AGENT not in hears(call)
    assert is_done(desk, desk.order(verb="consult", by="anna", target=f"staff:{other}")) == ""
    until(lambda: desk.state(name="expert")[0] == "busy", seconds=15, what="the expert answers")
    assert hears(agent) == {EXPERT}
    assert hears(expert) == {AGENT}
    assert not hears(call) & {AGENT, EXPERT}
    assert is_done(desk, desk.order(verb="join", by="anna")) == ""
    assert hears(call) == {AGENT, EXPERT}
    assert hears(expert) == {AGENT, CALLER}
    assert is_done(desk, desk.order(verb="hand_over", by="anna")) == ""
    assert hears(call) == {EXPERT}
    assert hears(expert) == {CALLER}
    kept = desk.call()
    assert (kept["agent"], kept["successor"]) == ("anna", "expert")
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    assert desk.call()["outcome"] == "answered"


@pytest.mark.req("D5")
def test_the_agent_leaves_while_whom_he_asks_is_rung_who_then_has_the_caller(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    expert = line.phone(EXPERT, rings_s=6)
    call, _agent = talking(house, line, desk)
    other = desk.agent(name="expert", phone=expert.number, queues="none")
    assert is_done(desk, desk.order(verb="consult", by="anna", target=f"staff:{other}")) == ""
    assert is_done(desk, desk.order(verb="hang_up", by="anna")) == ""
    until(lambda: desk.state(name="expert")[0] == "busy", seconds=20, what="the expert answers")
    assert hears(call) == {EXPERT}
    assert hears(expert) == {CALLER}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    assert desk.call()["outcome"] == "answered"


@pytest.mark.req("D1")
def test_a_seat_that_does_not_answer_is_set_aside_and_the_next_one_rings(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    sleeper, agent = line.phone(AGENT, answers=False), line.phone(EXPERT)
    desk.queue(ring_s=3)
    desk.agent(name="sleeper", phone=sleeper.number)
    desk.agent(name="anna", phone=agent.number)
    # Somebody who has not spoken with anybody: else he would be given to whom he knows.
    call = person(house, line, caller=f"+9689{secrets.randbelow(10**7):07}")
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=40, what="the second agent has the call")
    assert desk.state(name="sleeper") == ["aside", "unanswered"]
    assert hears(call) == {EXPERT}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    assert desk.call()["waits"] == [["answered", False, 2]]


@pytest.mark.req("D8")
def test_a_supervisor_listens_whispers_helps_and_takes_over(house: Hotline, line: Carrier, desk: Inside) -> None:
    boss = line.phone(BOSS)
    call, agent = talking(house, line, desk)
    desk.agent(name="supervisor-b", phone=boss.number, queues="none")
    assert is_done(desk, desk.order(verb="listen", by="supervisor-b")) == ""
    assert hears(boss) == {AGENT, CALLER}
    assert hears(agent) == {CALLER}
    assert hears(call) == {AGENT}
    assert is_done(desk, desk.order(verb="whisper", by="supervisor-b")) == ""
    assert hears(agent) == {CALLER, BOSS}
    assert hears(call) == {AGENT}
    assert is_done(desk, desk.order(verb="barge", by="supervisor-b")) == ""
    assert hears(call) == {AGENT, BOSS}
    assert is_done(desk, desk.order(verb="take_over", by="supervisor-b")) == ""
    assert hears(call) == {BOSS}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")


@pytest.mark.req("C10")
def test_the_agent_hangs_up_before_who_is_called_back_answers(house: Hotline, line: Carrier, desk: Inside) -> None:
    silent, agent = line.phone(CALLER, "+96892345676", answers=False), line.phone(AGENT)
    call = person(house, line, caller=silent.number)
    until(lambda: desk.call()["waits"], seconds=20, what="he waits")
    call.key("1")
    call.end(60)
    desk.agent(name="anna", phone=agent.number)
    until(lambda: "citizen" in [leg[0] for leg in desk.call()["legs"]], seconds=30, what="the citizen is rung")
    assert desk.call()["stamps"][3] is None, "nobody has answered him yet"
    assert is_done(desk, desk.order(verb="hold", by="anna")) == "gone"
    assert is_done(desk, desk.order(verb="hang_up", by="anna")) == ""
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    kept = desk.call()
    assert (kept["outcome"], kept["stamps"][3]) == ("callback", None)
    assert [wait[:2] for wait in kept["waits"]] == [["answered", True], ["waiting", True]]
    desk.forget_waits()


@pytest.mark.req("D1", "D10")
def test_who_keys_one_while_waiting_is_called_back_once(house: Hotline, line: Carrier, desk: Inside) -> None:
    back, agent = called_back(house, line, desk)
    assert hears(back) == {AGENT}
    assert hears(agent) == {CALLER}
    line.hang_up("+96892345678")
    until(lambda: desk.call()["ended"], seconds=10, what="the end in the books")
    kept = desk.call()
    assert (kept["outcome"], kept["waits"]) == ("answered", [["answered", True, 1]])
