"""Whatever dies: who talks goes on talking, who waits is served, nobody is left in silence, and the books end right."""

import os
import signal
import time

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import (
    AGENT,
    BOSS,
    CALLER,
    EXPERT,
    called_back,
    decides,
    hears,
    in_menu,
    is_done,
    person,
    spoken,
    talking,
)  # fmt: skip
from tests.real.voice.test_without_a_person import at_night
from wasl.channels.voice.speech import Speech
from wasl.services.calls.flow import SENTENCES

pytestmark = [pytest.mark.timeout(300), pytest.mark.req("D11")]


def again(house: Hotline, desk: Inside, name: str, before: int) -> None:
    """Wait until the supervisor has started it anew; of the controller, until it decides."""
    until(lambda: house.processes().get(name, before) != before, seconds=30, what=f"{name} runs again")
    if name == "voice":
        decides(house, desk)


def killed(house: Hotline, desk: Inside, name: str) -> None:
    """End a process without a word; another one takes its place."""
    before = house.process(name)
    os.kill(before, signal.SIGKILL)
    again(house, desk, name, before)


def test_the_controller_dies_while_two_talk(house: Hotline, line: Carrier, desk: Inside) -> None:
    call, agent = talking(house, line, desk)
    killed(house, desk, "voice")
    assert hears(call) == {AGENT}
    assert hears(agent) == {CALLER}
    # What is wanted done is done by who has taken over.
    assert is_done(desk, desk.order(verb="hold", by="anna")) == ""
    assert AGENT not in hears(call)
    assert is_done(desk, desk.order(verb="resume", by="anna")) == ""
    assert hears(call) == {AGENT}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")
    assert desk.call()["outcome"] == "answered"


def test_the_controller_dies_while_three_talk(house: Hotline, line: Carrier, desk: Inside) -> None:
    call, _agent = talking(house, line, desk)
    expert = line.phone(EXPERT)
    other = desk.agent(name="expert", phone=expert.number, queues="none")
    assert is_done(desk, desk.order(verb="consult", by="anna", target=f"staff:{other}")) == ""
    until(lambda: desk.state(name="expert")[0] == "busy", seconds=15, what="the expert answers")
    assert is_done(desk, desk.order(verb="join", by="anna")) == ""
    killed(house, desk, "voice")
    assert hears(call) == {AGENT, EXPERT}
    assert is_done(desk, desk.order(verb="hand_over", by="anna")) == ""
    assert hears(call) == {EXPERT}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")


def test_the_controller_dies_while_somebody_waits(house: Hotline, line: Carrier, desk: Inside) -> None:
    calls = desk.calls()
    call = person(house, line)
    until(lambda: desk.calls() > calls and desk.call()["waits"], seconds=20, what="he waits")
    before = desk.call()
    killed(house, desk, "voice")
    agent = line.phone(AGENT)
    desk.agent(name="anna", phone=agent.number)
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="the agent has the call")
    after = desk.call()
    assert (after["id"], after["stamps"][1], after["waits"]) == (
        before["id"],
        before["stamps"][1],
        [["answered", False, 1]],
    )
    assert hears(call) == {AGENT}


@pytest.mark.req("C10")
def test_the_controller_dies_while_somebody_is_called_back(house: Hotline, line: Carrier, desk: Inside) -> None:
    back, agent = called_back(house, line, desk)
    assert hears(back) == {AGENT}
    killed(house, desk, "voice")
    assert hears(agent) == {CALLER}
    assert is_done(desk, desk.order(verb="hold", by="anna")) == ""
    assert AGENT not in hears(back)
    assert is_done(desk, desk.order(verb="resume", by="anna")) == ""
    assert hears(back) == {AGENT}
    line.hang_up(back.number)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")
    kept = desk.call()
    assert (kept["outcome"], kept["waits"]) == ("answered", [["answered", True, 1]])


@pytest.mark.req("C10")
def test_the_controller_dies_before_who_is_called_back_answers(house: Hotline, line: Carrier, desk: Inside) -> None:
    silent, agent = line.phone(CALLER, "+96892345677", answers=False), line.phone(AGENT)
    call = person(house, line, caller=silent.number)
    until(lambda: desk.call()["waits"], seconds=20, what="he waits")
    call.key("1")
    call.end(60)
    desk.agent(name="anna", phone=agent.number)
    until(lambda: "citizen" in [leg[0] for leg in desk.call()["legs"]], seconds=30, what="the citizen is rung")
    killed(house, desk, "voice")
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")
    kept = desk.call()
    # He is owed a call still, once more.
    assert (kept["outcome"], [wait[:2] for wait in kept["waits"]]) == (
        "callback", [["answered", True], ["waiting", True]],
    )  # fmt: skip
    desk.forget_waits()


def test_the_controller_dies_while_an_agent_is_rung(house: Hotline, line: Carrier, desk: Inside) -> None:
    sleeper = line.phone(AGENT, answers=False)
    desk.agent(name="sleeper", phone=sleeper.number)
    call = person(house, line)
    until(lambda: desk.call()["stamps"][2], seconds=30, what="it rings")
    before = desk.call()
    killed(house, desk, "voice")
    agent = line.phone(EXPERT)
    desk.leave(name="sleeper")
    desk.agent(name="anna", phone=agent.number)
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="somebody else has the call")
    after = desk.call()
    assert (after["id"], after["stamps"][1]) == (before["id"], before["stamps"][1])
    assert hears(call) == {EXPERT}
    # The telephone that rang does no longer.
    ringing = [one for one in line.ari.get("/channels").json() if one["dialplan"]["exten"] == sleeper.number]
    assert not ringing


def test_the_controller_dies_in_a_consultation(house: Hotline, line: Carrier, desk: Inside) -> None:
    call, agent = talking(house, line, desk)
    expert = line.phone(EXPERT)
    other = desk.agent(name="expert", phone=expert.number, queues="none")
    assert is_done(desk, desk.order(verb="consult", by="anna", target=f"staff:{other}")) == ""
    until(lambda: desk.state(name="expert")[0] == "busy", seconds=15, what="the expert answers")
    killed(house, desk, "voice")
    assert hears(agent) == {EXPERT}
    assert hears(expert) == {AGENT}
    assert not hears(call) & {AGENT, EXPERT}
    assert is_done(desk, desk.order(verb="join", by="anna")) == ""
    assert hears(call) == {AGENT, EXPERT}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")


def test_the_controller_dies_while_a_supervisor_listens_and_once_the_expert_has_the_call(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    boss, expert = line.phone(BOSS), line.phone(EXPERT)
    call, agent = talking(house, line, desk)
    desk.agent(name="supervisor-b", phone=boss.number, queues="none")
    other = desk.agent(name="expert", phone=expert.number, queues="none")
    assert is_done(desk, desk.order(verb="listen", by="supervisor-b")) == ""
    assert hears(boss) == {AGENT, CALLER}
    killed(house, desk, "voice")
    # Who listens is none who is asked: he stays unheard, and the agent can ask somebody.
    assert hears(boss) == {AGENT, CALLER}
    assert is_done(desk, desk.order(verb="stop", by="supervisor-b")) == ""
    assert is_done(desk, desk.order(verb="consult", by="anna", target=f"staff:{other}")) == ""
    until(lambda: desk.state(name="expert")[0] == "busy", seconds=15, what="the expert answers")
    assert is_done(desk, desk.order(verb="hand_over", by="anna")) == ""
    until(lambda: desk.state(name="anna")[0] != "busy", seconds=10, what="the agent is out of it")
    killed(house, desk, "voice")
    assert hears(call) == {EXPERT}
    # He has the call: he can ask somebody himself.
    desk.agent(name="anna", phone=agent.number)
    anna = desk.staff_id(name="anna")
    assert is_done(desk, desk.order(verb="transfer", by="expert", target=f"staff:{anna}")) == ""
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=15, what="the agent answers")
    assert hears(call) == {AGENT}
    line.hang_up(call.name)
    until(lambda: desk.call()["ended"], seconds=15, what="the end in the books")


@pytest.mark.req("C3")
def test_the_controller_dies_while_a_complaint_is_spoken(house: Hotline, line: Carrier, desk: Inside) -> None:
    call = in_menu(house, line)
    for before, given in (("main", "2"), ("kind", "1"), ("district", "02#")):
        call.told(spoken(house, before, "en"))
        call.key(given)
    call.told_more()
    call.key("1")
    call.told(spoken(house, "message", "en"), whole=True)
    recording = house.data / "voice/spool/recording"
    until(lambda: bool(list(recording.glob("complaint-*.wav"))), seconds=30, what="the recording")
    call.tone(CALLER)
    os.kill(house.process("voice"), signal.SIGKILL)
    time.sleep(5)
    line.hang_up(call.name)
    channel = call.leg
    until(lambda: not list(recording.glob("complaint-*.wav")), seconds=150, what="the next controller finds it")
    case = desk.complaint()
    assert (case["medium"], case["kind"], len(case["sound"])) == ("phone", "complaint", 1)
    assert case["told"] == ["received"]
    assert desk.call()["channel"] == channel


@pytest.mark.req("C1")
def test_the_controller_dies_in_the_menu(house: Hotline, line: Carrier, desk: Inside) -> None:
    call = in_menu(house, line)
    killed(house, desk, "voice")
    call.said = 1
    # Nobody knows where he was: he hears it from the beginning, and it goes on.
    call.told(spoken(house, "language", "ar"))
    call.key("2")
    call.told(spoken(house, "main", "en"))
    call.key("0")
    until(lambda: desk.call()["waits"], seconds=20, what="he waits for a person")


@pytest.mark.req("C1")
def test_the_controller_dies_before_a_caller_is_in_the_books(house: Hotline, line: Carrier, desk: Inside) -> None:
    desk.hold_books()
    try:
        call = line.call("1111")
        time.sleep(1)
        os.kill(house.process("voice"), signal.SIGKILL)
    finally:
        assert desk.free_books() == 1, "he was not about to be put into the books"
    call.told(spoken(house, "language", "ar"))
    assert desk.call()["channel"] == call.leg


def test_the_data_base_is_lost_before_a_caller_is_in_the_books(house: Hotline, line: Carrier, desk: Inside) -> None:
    before = house.process("voice")
    desk.hold_books()
    try:
        call = line.call("1111")
        time.sleep(1)
    finally:
        assert desk.free_books() == 1, "he was not about to be put into the books"
    call.told(spoken(house, "language", "ar"))
    assert desk.call()["channel"] == call.leg
    again(house, desk, "voice", before)


@pytest.mark.req("D11", "C10")
def test_with_no_controller_a_caller_is_told_and_leaves_a_message(house: Hotline, line: Carrier, desk: Inside) -> None:
    recording = house.data / "voice/spool/recording"
    assert not list(recording.glob("mailbox-*.wav")), "of a test before"
    before = len(desk.messages())
    house.supervised("stop", "voice")
    try:
        call = line.call("1111")
        until(lambda: bool(list(recording.glob("mailbox-c*.wav"))), seconds=90, what="the recording")
        call.tone(CALLER)
        time.sleep(5)
        line.hang_up(call.name)
        call.end(20)
        speech = Speech(house.data / "voice/speech")
        for sentence in ("technical", "nobody"):
            for language in ("ar", "en", "zh"):
                assert call.has(speech.place(language, SENTENCES[sentence][language])) > ALIKE
    finally:
        house.supervised("start", "voice")
        decides(house, desk)
    # Its call is put into the books first, which a job of every minute does.
    until(lambda: len(desk.messages()) > before, seconds=180, what="the message, found by the next controller")
    assert 3 <= desk.messages()[0]["seconds"] <= 8
    kept = desk.call()
    assert (kept["channel"], kept["outcome"], kept["ended"]) == (call.leg, "mailbox", True)


def test_a_frozen_controller_is_noticed_and_new_callers_are_answered_without_it(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    frozen = house.process("voice")
    os.kill(frozen, signal.SIGSTOP)
    lost = line.call("1111", caller="+96892345671")
    again(house, desk, "voice", frozen)
    # The guard has ended it; who calls now is served as ever.
    call, _agent = talking(house, line, desk)
    assert hears(call) == {AGENT}
    # Whom Asterisk served alone is put into the books by a job of every minute.
    line.hang_up(lost.name)
    until(lambda: lost.leg in desk.channels(), seconds=180, what="who came while it was frozen stands in the books")


def test_postgresql_dies_while_two_talk_and_one_waits(house: Hotline, line: Carrier, desk: Inside) -> None:
    call, agent = talking(house, line, desk)
    talked = desk.call()["id"]
    other = person(house, line, caller="+96892345679")
    until(lambda: desk.call()["waits"] and desk.call()["id"] != talked, seconds=20, what="the other waits")
    before, waited = house.process("postgres"), desk.call()
    os.kill(before, signal.SIGKILL)
    again(house, desk, "postgres", before)
    until(lambda: house.answers(), seconds=60, what="the house answers")
    decides(house, desk)
    assert hears(call) == {AGENT}
    assert hears(agent) == {CALLER}
    line.hang_up(call.name)
    # The agent is free, writes for a second as his queue has it, and has the one who waited, with all his time.
    until(lambda: desk.call()["waits"][-1][0] == "answered", seconds=15, what="the other is answered")
    assert (desk.call()["id"], desk.call()["stamps"][1]) == (waited["id"], waited["stamps"][1])
    line.hang_up(other.name)
    until(lambda: desk.call(back=1)["ended"] and desk.call()["ended"], seconds=20, what="the end in the books")
    assert (desk.call(back=1)["outcome"], desk.call()["outcome"]) == ("answered", "answered")


def test_asterisk_dies_while_two_talk(house: Hotline, line: Carrier, desk: Inside) -> None:
    talking(house, line, desk)
    killed(house, desk, "asterisk")
    until(lambda: desk.call()["ended"], seconds=40, what="the end in the books")
    until(lambda: desk.state(name="anna")[0] in ("ready", "wrap_up"), seconds=20, what="the seat is free")


def test_asterisk_dies_and_who_talked_or_waited_is_to_be_called_back(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    desk.forget_owed()
    talker, _agent = talking(house, line, desk)
    talked = desk.call()["id"]
    waiter = person(house, line, caller="+96892345679")
    until(lambda: desk.call()["waits"] and desk.call()["id"] != talked, seconds=20, what="the other waits")
    in_menu(house, line, caller="+96892345670")
    killed(house, desk, "asterisk")
    until(lambda: len(desk.owed()) == 2, seconds=40, what="both are listed")
    assert sorted(desk.owed()) == sorted([[talker.leg, "talking"], [waiter.leg, "waiting"]])
    until(lambda: not desk.open_things(), seconds=40, what="the end of all in the books")
    desk.forget_owed()


@pytest.mark.req("C10")
def test_asterisk_dies_while_a_message_is_spoken(house: Hotline, line: Carrier, desk: Inside) -> None:
    before = len(desk.messages())
    call = at_night(house, line, desk)
    time.sleep(7)
    killed(house, desk, "asterisk")
    until(lambda: len(desk.messages()) > before, seconds=120, what="what he said until then is in the mailbox")
    # What Asterisk had not written yet is gone with it.
    assert 2 <= desk.messages()[0]["seconds"] <= 9
    assert desk.call()["channel"] == call.leg


def test_a_controller_that_hangs_when_asterisk_begins_anew_is_noticed(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    """The new Asterisk has never heard of its heart."""
    hangs, fallen = house.process("voice"), house.processes()["asterisk"]
    os.kill(hangs, signal.SIGSTOP)
    os.kill(fallen, signal.SIGKILL)
    # While nobody decides, who calls is answered by Asterisk alone.
    until(lambda: "fully booted" in line.of_house("core waitfullybooted"), seconds=40, what="Asterisk answers")
    call = line.call("1111")
    until(lambda: call.seconds() > 3, seconds=20, what="he is told something")
    until(lambda: house.processes().get("voice", hangs) != hangs, seconds=90, what="the one that hangs is ended")
    decides(house, desk)
    line.hang_up(call.name)
    again_call, _agent = talking(house, line, desk)
    assert hears(again_call) == {AGENT}


def test_asterisk_that_came_back_knows_the_browsers(house: Hotline, line: Carrier, desk: Inside) -> None:
    seat = f"seat{desk.agent(name='bella')}"

    def is_known() -> bool:
        return f"Endpoint:  {seat}" in line.of_house("pjsip show endpoints")

    until(is_known, seconds=20, what="the browser's seat is known")
    until(lambda: f"PJSIP/{seat}" in line.of_house("queue show"), seconds=10, what="it is rung while nobody decides")
    killed(house, desk, "asterisk")
    until(lambda: "System uptime" in line.of_house("core show uptime"), seconds=30, what="Asterisk answers")
    until(is_known, seconds=20, what="the new Asterisk knows it too")
    until(lambda: f"PJSIP/{seat}" in line.of_house("queue show"), seconds=10, what="and rings it")
