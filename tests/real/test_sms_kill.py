"""`kill -9` of the gateway, the data base and the operator under load: sums agree, repeats are few and named."""

import json
import os
import random
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.real.hotline import Hotline, hotline, until
from tests.real.inside import ask
from tests.real.phone import control
from wasl.site.installation import Installation

pytestmark = pytest.mark.timeout(1500)

KILLS = 50
WINDOW = 50
VICTIMS = ("sms-gateway", "smsc", "postgres", "sms-gateway", "smsc")


@pytest.fixture(scope="module")
def struck() -> Iterator[tuple[Hotline, Path, Counter[str]]]:
    """A hotline whose parts were killed while texts went out; the operator's own record of what he took."""
    with tempfile.TemporaryDirectory(prefix="wasl-kill-", ignore_cleanup_errors=True) as folder:
        log = Path(folder) / "taken.jsonl"
        with hotline(Path(folder) / "data") as running:
            habits = {"log": str(log), "receipt_delay": 0.2, "latency": 0.25}
            killed: Counter[str] = Counter()
            drawn = random.Random(20261122)
            for number in range(KILLS):
                if number % 10 == 0:
                    until(running.all_run, seconds=120, what="all processes are back")
                    until(lambda: _database_answers(running), seconds=60, what="the data base answers")
                    _told(running, habits)
                    assert ask(running, "queue_texts") == 2000
                time.sleep(drawn.uniform(0.1, 0.8))
                victim = VICTIMS[number % len(VICTIMS)]
                pid = running.processes().get(victim)
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
                    killed[victim] += 1
                if victim == "smsc":
                    _told(running, habits)
            until(running.all_run, seconds=120, what="all processes are back at the end")
            until(lambda: _database_answers(running), seconds=60, what="the data base answers at the end")
            _told(running, habits)
            until(lambda: not _waiting(running), seconds=400, what="nothing waits any more")
            yield running, log, killed


def _database_answers(running: Hotline) -> bool:
    try:
        psycopg.connect(Installation.at(running.data).cluster.url()).close()
    except psycopg.Error:
        return False
    return True


def _told(running: Hotline, habits: dict[str, object]) -> None:
    """The operator forgets its habits when it is killed."""

    def done() -> bool:
        try:
            control(running, do="set", **habits)
        except (OSError, ValueError):
            return False
        return True

    until(done, seconds=60, what="the operator obeys")


def _waiting(running: Hotline) -> list[str]:
    return [one["ref"] for one in ask(running, "texts") if one["state"] == "waiting"]


@pytest.mark.req("J10")
def test_sums_agree_and_nothing_is_lost(struck: tuple[Hotline, Path, Counter[str]]) -> None:
    running, log, killed = struck
    texts = ask(running, "texts")
    states = Counter(one["state"] for one in texts)
    taken = Counter(json.loads(line)["to"] for line in log.read_text().splitlines())
    assert sum(killed.values()) >= KILLS * 0.8
    assert len(texts) == 10_000 == sum(states.values())
    assert set(states) <= {"accepted", "delivered", "in_doubt"}, states
    missing = [one for one in texts if one["state"] != "in_doubt" and _number(one["ref"]) not in taken]
    assert not missing, f"{len(missing)} texts are called taken that the operator never got"
    print(f"killed {dict(killed)}; states {dict(states)}; repeated {sum(one['repeated'] for one in texts)}")


@pytest.mark.req("J10")
def test_only_what_was_in_flight_came_twice(struck: tuple[Hotline, Path, Counter[str]]) -> None:
    running, log, killed = struck
    texts = {_number(one["ref"]): one for one in ask(running, "texts")}
    taken = Counter(json.loads(line)["to"] for line in log.read_text().splitlines())
    twice = {number for number, count in taken.items() if count > 1}
    assert max(taken.values()) <= 2
    # Whatever came twice is marked so, and was of a class that may be repeated.
    assert all(texts[number]["repeated"] for number in twice)
    doubtful = [one for one in texts.values() if one["repeated"] or one["state"] == "in_doubt"]
    assert doubtful, "nothing was killed in flight: this proves nothing"
    assert len(doubtful) <= WINDOW * sum(killed.values())
    print(f"{len(twice)} of {len(texts)} came twice; {len(doubtful)} were in doubt")


def _number(ref: str) -> str:
    return f"9689{int(ref.partition(':')[2]):07d}"
