"""Both samples of real files through a running hotline, twice; and schemathesis on its OpenAPI document."""

import csv
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.real.hotline import Hotline, clean_environment, command, hotline, run
from wasl.site.cli.replay import _rows
from wasl.site.installation import ROOT, Installation
from wasl.site.replay import maps

pytestmark = pytest.mark.timeout(600)
SAMPLES = ROOT / "tests" / "replay"
DISPATCH = ROOT / "src" / "wasl" / "site" / "demo" / "muscat" / "dispatch.csv"


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotline]:
    with hotline(tmp_path_factory.mktemp("open311") / "data") as running:
        yield running


def sample(name: str) -> tuple[Path, maps.RequestMap]:
    return SAMPLES / f"{name}_sample.csv", maps.read(maps.shipped(name))


def play(up: Hotline, name: str, receipts: Path, *more: str) -> str:
    file, _ = sample(name)
    done = run(
        "replay", file, "--map", name, "--data", up.data, "--receipts", receipts, "--workers", "4", *more, timeout_s=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "50 of 50  100%" in done.stderr
    return done.stdout


@pytest.mark.req("B6", "F3", "G2", "H1")
@pytest.mark.parametrize("name", ["new_haven", "baltimore"])
def test_every_row_becomes_one_case_with_unit_and_due_date(up: Hotline, tmp_path: Path, name: str) -> None:
    said = play(up, name, tmp_path / "first.csv")
    assert "accepted 50 of 50" in said
    assert "p99" in said
    # A second run gives the same numbers: nothing is doubled.
    play(up, name, tmp_path / "second.csv", "--rate", "200")
    first, second = ((tmp_path / f).read_text() for f in ("first.csv", "second.csv"))
    assert first == second
    with (tmp_path / "first.csv").open() as out:
        made = {row["service_request_id"]: row["service_code"] for row in csv.DictReader(out)}
    assert len(made) == 50
    file, rules = sample(name)
    expected = Counter(rules.request(row).category for row in _rows(file, rules))
    with DISPATCH.open(encoding="utf-8-sig") as catalogue:
        leads = {row["rule"]: row["lead"] for row in csv.DictReader(catalogue)}
    query = """
        SELECT c.number, c.category, u.code, c.route->>'rule', c.due_next, c.state, count(e.id)
        FROM cases_case c JOIN cases_entry e ON e.case_id = c.id LEFT JOIN organisation_unit u ON u.id = c.unit_id
        WHERE c.number = ANY(%s) GROUP BY c.id, u.code
    """
    with psycopg.connect(Installation.at(up.data).cluster.url()) as connection:
        rows = connection.execute(query, [list(made)]).fetchall()
        (doubles,) = connection.execute("SELECT count(*) - count(DISTINCT number) FROM cases_case").fetchone() or (1,)
    assert len(rows) == 50
    assert doubles == 0
    assert Counter(row[1] for row in rows) == expected == Counter(made.values())
    assert Counter(row[2] for row in rows) == Counter(leads[row[3]] for row in rows)
    assert all(row[4] is not None for row in rows), "every case is due"
    assert all(row[6] == (3 if row[5] == "dispatched" else 1) for row in rows)
    proof = run("journal", "verify", "--data", up.data)
    assert proof.returncode == 0, proof.stdout
    assert proof.stdout.startswith("unbroken")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nothing.csv", "--map", "new_haven"], "cannot be read"),
        (["{file}", "--map", "nowhere"], "the map nowhere cannot be read"),
        (["{file}", "--map", "baltimore"], "lacks the columns"),
        (["{file}", "--map", "new_haven", "--key", "wrong"], "does not know this key"),
        (["{file}", "--map", "new_haven", "--base-url", "http://127.0.0.1:9", "--key", "k"], "nothing answers"),
        (["{file}", "--map", "new_haven", "--base-url", "ftp://x", "--key", "k"], "http"),
        (["{file}", "--map", "new_haven", "--workers", "0"], "above 0"),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(up: Hotline, arguments: list[str], sentence: str) -> None:
    file, _ = sample("new_haven")
    done = run("replay", *(one.replace("{file}", str(file)) for one in arguments), "--data", up.data)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_ctrl_c_leaves_every_row_answered_or_unsent(up: Hotline, tmp_path: Path) -> None:
    import signal
    import time

    file, _ = sample("new_haven")
    receipts = tmp_path / "stopped.csv"
    call = command(
        "replay", file, "--map", "new_haven", "--data", up.data, "--rate", "5", "--receipts", receipts
    )  # fmt: skip
    with subprocess.Popen(
        call, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as playing:
        time.sleep(6)
        playing.send_signal(signal.SIGINT)
        said, _ = playing.communicate(timeout=30)
    assert playing.returncode == 130
    assert "no answer 0" in said
    assert "without doubles" in said
    assert receipts.exists()


def test_schemathesis_finds_nothing(up: Hotline) -> None:
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "run", f"{up.url}/open311/v2/openapi.json",
            "--header", f"X-API-Key: {up.demo['open311']['key']}", "--max-examples", "20",
            "--phases", "examples,coverage,fuzzing", "--seed", "311", "--no-color",
        ],
        cwd=ROOT, env=clean_environment() | {"PATH": os.environ["PATH"]}, capture_output=True, text=True,
        timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:]
