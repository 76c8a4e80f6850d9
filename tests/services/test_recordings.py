"""Recordings: of each leg of a caller one, none lost, gaps told, erased with the sound of who is forgotten."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.city import City
from wasl.kernel import clock, seal
from wasl.services.calls import commands, forgetting, line, recordings
from wasl.services.calls.models import Call, Command, Leg, Recording

pytestmark = pytest.mark.req("D2")
SECOND = timedelta(seconds=1)


@pytest.fixture
def spool(city: City, settings: Any, tmp_path: Path) -> Path:
    settings.WASL_VOICE = tmp_path
    place = tmp_path / "spool" / "recordings"
    place.mkdir(parents=True)
    return place


def talked(seconds: float, *, number: str = "") -> Call:
    """A call that was answered five minutes ago and lasted so long."""
    at = clock.now() - timedelta(minutes=5)
    return Call.objects.create(
        channel=f"c{Call.objects.count()}", arrived_at=at, answered_at=at, ended_at=at + seconds * SECOND,
        look_up=seal.index_of(number) if number else None, outcome="answered",
    )  # fmt: skip


def called_back(call: Call, seconds: float) -> Leg:
    """He was called back a minute after he came, and they talked so long."""
    at = call.arrived_at + 60 * SECOND
    Call.objects.filter(pk=call.pk).update(answered_at=at - 9 * SECOND, ended_at=at + seconds * SECOND)
    return Leg.objects.create(
        call=call, channel=line.back_channel(call.pk, 7), kind=Leg.Kind.CITIZEN, dialled_at=at - 5 * SECOND,
        answered_at=at, ended_at=at + seconds * SECOND,
    )  # fmt: skip


def written(spool: Path, channel: str, seconds: float, byte: int = 1) -> None:
    """What Asterisk wrote a minute ago."""
    file = spool / f"{channel}.raw"
    file.write_bytes(bytes([byte]) * int(seconds * 32_000))
    at = clock.now().timestamp() - 60
    os.utime(file, (at, at))


def test_both_conversations_of_who_was_called_back_are_kept(spool: Path, city: City) -> None:
    call = talked(20)
    back = called_back(call, 30)
    written(spool, call.channel, 20, 1)
    assert recordings.keep() == 1
    assert [one.pk for one in recordings.gaps()] == [call.pk], "the call back has no recording, and nobody is told"
    written(spool, back.channel, 30, 2)
    assert recordings.keep() == 1
    assert recordings.keep() == 0
    assert not recordings.gaps()
    assert recordings.short() == []
    first, second = Recording.objects.filter(call=call).order_by("pk")
    assert (first.milliseconds, second.milliseconds) == (20_000, 30_000)
    assert [recordings.listen(one, by=city.supervisor, reason="Test")[-1] for one in (first, second)] == [1, 2]
    assert not list(spool.iterdir())


def test_what_is_missing_or_cut_is_told(spool: Path) -> None:
    missing, cut, whole = talked(10), talked(20), talked(20)
    back = called_back(talked(5), 30)
    for channel, seconds in ((cut.channel, 9), (whole.channel, 19.5), (back.call.channel, 5), (back.channel, 12)):
        written(spool, channel, seconds)
    assert recordings.keep() == 4
    assert list(recordings.gaps()) == [missing]
    assert set(recordings.short()) == {cut, back.call}


def test_of_a_call_that_is_on_nothing_is_taken(spool: Path) -> None:
    call = talked(10)
    Call.objects.filter(pk=call.pk).update(ended_at=None)
    written(spool, call.channel, 10)
    written(spool, "somebody-else", 10)
    assert recordings.keep() == 0
    assert len(list(spool.iterdir())) == 2


def test_what_asterisk_still_writes_is_left_to_it(spool: Path) -> None:
    """Of a call that it goes on with alone, and that is over in the books."""
    call = talked(10)
    written(spool, call.channel, 10)
    file = spool / f"{call.channel}.raw"
    os.utime(file)
    assert recordings.keep() == 0
    assert file.exists()
    with clock.later(40 * SECOND):
        assert recordings.keep() == 1
    assert not file.exists()


def test_files_of_nobody_do_not_hold_up_the_others(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "_MANY", 2)
    for name in ("a1", "a2", "a3"):
        written(spool, name, 1)
    calls = [talked(10) for _ in range(3)]
    for call in calls:
        written(spool, call.channel, 1)
    assert recordings.keep() == 2
    assert recordings.keep() == 1


def test_pauses_count_from_where_the_recording_begins(spool: Path, city: City) -> None:
    call = talked(20)
    back = called_back(call, 30)
    assert back.answered_at
    for verb, after in (("pause", 4), ("go_on", 9)):
        at = back.answered_at + after * SECOND
        Command.objects.create(call=call, by=city.agent, verb=verb, made_at=at, done_at=at)
    for one in (call.channel, back.channel):
        written(spool, one, 30)
    recordings.keep()
    assert Recording.objects.get(channel=back.channel).paused == [[4000, 9000]]


@pytest.mark.req("P2")
def test_the_voice_of_who_is_forgotten_is_erased(
    spool: Path, django_capture_on_commit_callbacks: Any, city: City
) -> None:
    mine, other = talked(5, number="+96892345678"), talked(5, number="+96892345679")
    back = called_back(mine, 5)
    for channel in (mine.channel, back.channel, other.channel):
        written(spool, channel, 5)
    assert recordings.keep() == 3
    files = spool.parent.parent / "recordings"
    assert len(list(files.rglob("*.wav"))) == 3
    late = talked(5, number="+96892345678")
    written(spool, late.channel, 5)
    with django_capture_on_commit_callbacks(execute=True):
        forgetting.forget([], ["+96892345678"])
    assert recordings.keep() == 0, "what Asterisk had just written is kept"
    assert not list(spool.iterdir())
    assert len(list(files.rglob("*.wav"))) == 1
    assert set(Recording.objects.filter(erased_at__isnull=False).values_list("call", flat=True)) == {mine.pk}
    assert Recording.objects.get(call=other).erased_at is None


@pytest.mark.req("P2")
def test_the_sound_goes_when_its_time_is_over(
    spool: Path, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    call = talked(5)
    written(spool, call.channel, 5)
    recordings.keep()
    assert recordings.erase_old() == 0
    later = timedelta(days=settings.WASL_RECORDING_DAYS + 1)
    with clock.later(later), django_capture_on_commit_callbacks(execute=True):
        assert recordings.erase_old() == 1
        assert recordings.erase_old() == 0
    assert not list((spool.parent.parent / "recordings").rglob("*.wav"))
    # Its row says that there was one.
    assert not recordings.gaps()


@pytest.mark.parametrize("first", ["recording", "case"])
def test_the_journal_of_its_case_proves_what_was_said(spool: Path, city: City, first: str) -> None:
    case, call = city.report().case, talked(5)
    Call.objects.filter(pk=call.pk).update(agent=city.agent)
    call.refresh_from_db()
    written(spool, call.channel, 5)
    if first == "recording":
        recordings.keep()
        commands.about(call, case, by=city.agent)
        commands.about(call, case, by=city.agent)
    else:
        commands.about(call, case, by=city.agent)
        recordings.keep()
    entry = json.loads(case.entries.get(verb="case.recorded").data)
    one = Recording.objects.get(call=call)
    assert entry["sha256"] == bytes(one.sha256).hex()
    assert entry["milliseconds"] == 5000
