"""The embedded server and the judgement of other servers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from wasl.kernel import postgres
from wasl.kernel.postgres import Cluster, PostgresError


def _psql(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement).fetchall()


def test_our_own_server_is_fit(database_url: str) -> None:
    postgres.check(database_url)
    assert _psql(database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]


def test_extensions_can_be_made_without_a_superuser(database_url: str) -> None:
    for name in ("pg_trgm", "ltree", "btree_gist"):
        assert _psql(database_url, f"SELECT trusted FROM pg_available_extension_versions WHERE name = '{name}'")[0] == (
            True,
        )


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "does not let us in"),
        ("nonsense", "not a PostgreSQL URL"),
    ],
)
def test_a_wrong_server_is_refused_with_a_sentence(url: str, sentence: str) -> None:
    with pytest.raises(PostgresError, match=sentence) as refusal:
        postgres.check(url)
    assert "\n" not in str(refusal.value)


def test_an_old_server_is_refused_with_a_sentence(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "OLDEST", 99)
    with pytest.raises(PostgresError, match=r"version 18; Wasl needs 99 or newer\."):
        postgres.check(database_url)


def test_a_database_of_another_encoding_is_refused(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
        try:
            with pytest.raises(PostgresError, match="LATIN1; Wasl needs one made with UTF8"):
                postgres.check(database_url.removesuffix("/wasl") + "/latin")
        finally:
            connection.execute("DROP DATABASE latin")


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "letter.txt").write_text("keep")
    with pytest.raises(PostgresError, match="name another data folder"):
        postgres.create(Cluster(tmp_path / "postgres"))
    assert (tmp_path / "postgres" / "letter.txt").read_text() == "keep"


@pytest.mark.slow
def test_a_killed_server_comes_back_with_its_data(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path / "a folder whose name has blanks and is long " / ("x" * 60) / "postgres")
    with postgres.running(cluster) as url:
        assert len(str(cluster.folder)) > 100
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
        server = int((cluster.folder / "postmaster.pid").read_text().split("\n", 1)[0])
        os.kill(server, signal.SIGKILL)
        _until(lambda: not _alive(server))
    # The lock of the dead now names a living process that is no PostgreSQL.
    lock = cluster.folder / "postmaster.pid"
    lock.write_text(lock.read_text().replace(str(server), str(os.getpid()), 1))
    with postgres.running(cluster) as url:
        assert _psql(url, "SELECT seven FROM kept") == [(7,)]


@pytest.mark.slow
def test_the_server_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from wasl.kernel.postgres import *\n"
        "with running(Cluster(Path(sys.argv[1])), FORGETFUL): print('up', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "postgres")], stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "up\n"
        server = int((tmp_path / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
        assert _alive(server)
        starter.kill()
    _until(lambda: not _alive(server))


def _alive(number: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def _until(condition: Callable[[], bool], seconds: float = 10) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)
