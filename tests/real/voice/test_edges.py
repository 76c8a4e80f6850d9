"""Real calls at the edges: nobody there, all busy, the area of the caller, files that lack, a disk that is full."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import ALIKE, Carrier, Heard
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, CALLER, EXPERT, hears, in_menu, person, sentence, spoken, talking

pytestmark = pytest.mark.timeout(300)


@contextmanager
def small_disk(place: Path, kilobytes: int) -> Iterator[None]:
    """This folder is a disk of its own, empty and so small."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k,mode=700", "tmpfs", str(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


# --- nobody signed in, all busy, areas ---


@pytest.mark.req("D1", "C10")
def test_where_nobody_is_signed_in_he_is_told_his_place_and_then_leaves_a_message(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    before = len(desk.messages())
    desk.queue(longest_s=20)
    try:
        call = person(house, line)
        until(lambda: desk.call()["waits"], seconds=20, what="he waits")
        call.told(spoken(house, "mailbox", "en"), whole=True, seconds=120)
        call.tone(CALLER)
        time.sleep(5)
        line.hang_up(call.name)
        until(lambda: len(desk.messages()) > before, seconds=30, what="the message")
    finally:
        desk.queue(longest_s=600)
    assert call.has(sentence(house, "choose", "en")) > ALIKE, "he was not told what he can choose"
    kept = desk.call()
    assert (kept["outcome"], kept["waits"]) == ("mailbox", [["mailbox", False, 0]])


@pytest.mark.req("D1")
def test_where_all_are_busy_he_waits_and_has_the_first_who_is_free(house: Hotline, line: Carrier, desk: Inside) -> None:
    first, _agent = talking(house, line, desk)
    talked = desk.call()["id"]
    second = person(house, line, caller="+96892345679")
    until(lambda: desk.call()["waits"] and desk.call()["id"] != talked, seconds=20, what="the second waits")
    assert AGENT not in hears(second)
    assert hears(first) == {AGENT}
    line.hang_up(first.name)
    until(lambda: desk.call()["waits"][-1][0] == "answered", seconds=20, what="the second is answered")
    assert hears(second) == {AGENT}


def from_area(house: Hotline, line: Carrier, key: str, caller: str) -> Heard:
    """Somebody who keyed where he is, and then wants a person."""
    call = in_menu(house, line, caller=caller)
    for before, given in (("main", "2"), ("kind", "1"), ("district", f"{key}#")):
        call.told(spoken(house, before, "en"))
        call.key(given)
    call.told_more()
    call.key("0")
    call.tone(CALLER)
    return call


@pytest.mark.req("D3", "D4")
def test_his_area_s_agents_come_first_and_after_a_while_any(house: Hotline, line: Carrier, desk: Inside) -> None:
    (key, here), (_other, there) = desk.districts()[:2]
    desk.queue(area_s=8)
    try:
        stranger, neighbour = line.phone(EXPERT), line.phone(AGENT)
        # The one of another area has been idle longer.
        desk.agent(name="stranger", phone=stranger.number, areas=str(there))
        desk.agent(name="anna", phone=neighbour.number, areas=str(here))
        first = from_area(house, line, key, "+96892340001")
        until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="his own agent has him")
        assert desk.state(name="stranger")[0] == "ready"
        assert hears(first) == {AGENT}
        second = from_area(house, line, key, "+96892340002")
        until(lambda: desk.state(name="stranger")[0] == "busy", seconds=40, what="then any agent has him")
        stamps = desk.call()["stamps"]
        assert stamps[3] - stamps[1] >= 8, "he was given away before his time"
        assert hears(second) == {EXPERT}
    finally:
        desk.queue(area_s=20)


# --- files that lack, and a disk that is full ---


@pytest.mark.req("C11")
def test_words_whose_file_was_deleted_are_made_anew(house: Hotline, line: Carrier) -> None:
    words = spoken(house, "main", "en")
    words.unlink()
    call = in_menu(house, line)
    until(words.exists, seconds=10, what="the file is there again")
    time.sleep(4)
    line.hang_up(call.name)
    call.end(20)
    assert len(call.sound()) > 8000


@pytest.mark.req("C11", "D11")
def test_where_words_cannot_be_made_he_is_served_without_them(house: Hotline, line: Carrier, desk: Inside) -> None:
    """No English word is there, and there is no room for any."""
    agent = line.phone(AGENT)
    desk.agent(name="anna", phone=agent.number)
    log = house.data / "log/voice.log"
    before = log.stat().st_size
    with small_disk(house.data / "voice/speech/en", 4):
        call = line.call("1111")
        call.told(spoken(house, "language", "ar"))
        call.key("2")
        time.sleep(4)
        call.key("0")
        call.tone(CALLER)
        until(lambda: desk.state(name="anna")[0] == "busy", seconds=60, what="the agent has the call")
        assert hears(call) == {AGENT}
        line.hang_up(call.name)
        call.end(20)
    said = log.read_bytes()[before:].decode(errors="replace")
    assert "speech could not be made" in said


@pytest.mark.req("D2", "D11")
def test_a_full_disk_ends_no_call_and_what_was_recorded_before_is_kept(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    spool = house.data / "voice/spool/recordings"
    with small_disk(spool, 512):
        call, agent = talking(house, line, desk)
        until(lambda: shutil.disk_usage(spool).free == 0, seconds=60, what="the disk is full")
        time.sleep(5)
        assert hears(call) == {AGENT}
        assert hears(agent) == {CALLER}
        # The next one is answered too.
        other = in_menu(house, line, caller="+96892345679")
        line.hang_up(other.name)
        line.hang_up(call.name)
        until(lambda: not desk.open_things(), seconds=20, what="the end in the books")
        until(lambda: desk.recorded(channel=call.leg), seconds=150, what="what there is is taken in")
    assert desk.recorded(channel=call.leg) > 5000
    assert call.leg in desk.short_recordings(), "nobody is told that it is not whole"
