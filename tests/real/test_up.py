"""`./wasl up`: what dies comes back, what is stopped is gone, what is wrong is one sentence."""

import json
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.real.hotline import NAMES, Hotline, free_port, hotline, left_behind, run, strain, until
from wasl.kernel import postgres

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "data"


@pytest.fixture(scope="module")
def up(data: Path) -> Iterator[Hotline]:
    with hotline(data) as running:
        yield running
    assert left_behind(data) == []


@pytest.mark.req("R2")
def test_it_says_where_everything_is(up: Hotline) -> None:
    demo = up.demo
    assert demo["base_url"] == up.url
    assert demo["open311"]["endpoint"].startswith(up.url)
    assert {"url", "dir", "smtp_port"} <= demo["mail"].keys()
    roles = {one["role"] for one in demo["sign_ins"]}
    assert {"agent", "dispatcher", "officer", "second_line", "supervisor", "leader", "administrator"} <= roles
    for secret in ("demo.json", "secrets.json"):
        assert stat.S_IMODE((up.data / secret).stat().st_mode) == 0o600, secret


@pytest.mark.req("R5", "P8")
def test_nothing_else_opens(up: Hotline) -> None:
    """What listens is what docs/operating.md lists, on this machine only; PostgreSQL has no port at all."""
    known = json.loads((up.data / "addresses.json").read_text())
    listed = {value for name, value in known.items() if name.endswith("port") and value}
    found = {
        (socket_.laddr.ip, socket_.laddr.port)
        for one in left_behind(up.data)
        for socket_ in one.net_connections(kind="inet")
        if socket_.status == psutil.CONN_LISTEN or socket_.type == socket.SOCK_DGRAM
    }
    assert known["port"] in {port for _ip, port in found}
    assert {port for _ip, port in found} <= listed
    assert {ip for ip, _port in found} == {"127.0.0.1"}


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_is_killed_comes_back(up: Hotline, name: str) -> None:
    until(up.all_run, seconds=60, what="all of them run")
    killed = up.process(name)
    os.kill(killed, signal.SIGKILL)
    until(lambda: up.processes().get(name, killed) != killed, seconds=60, what=f"{name} is back")
    until(up.all_run, seconds=60, what="everything works again")


def test_a_killed_worker_of_the_web_process_is_replaced(up: Hotline) -> None:
    def workers() -> set[int]:
        return {one.pid for one in psutil.Process(up.process("web")).children()}

    until(up.all_run, seconds=60, what="all of them run")
    before = workers()
    assert len(before) >= 2
    for number in before:
        os.kill(number, signal.SIGKILL)
    until(lambda: len(workers() - before) == len(before) and up.answers(), seconds=60, what="new workers serve")


def test_a_killed_supervisor_is_replaced_with_all_it_ran(up: Hotline) -> None:
    until(up.all_run, seconds=60, what="all of them run")
    before = up.processes()
    supervisor = psutil.Process(before["worker"]).parent()
    assert supervisor is not None
    supervisor.kill()
    until(
        lambda: up.all_run() and not set(up.processes().values()) & set(before.values()),
        seconds=60,
        what="all is new",
    )
    assert not [number for number in before.values() if psutil.pid_exists(number)]


def test_a_second_one_on_the_same_folder_is_refused_in_one_sentence(up: Hotline) -> None:
    second = run("up", "--data", up.data, "--port", str(free_port()))
    assert second.returncode == 1
    assert re.fullmatch(rf"wasl: Wasl already runs on {re.escape(str(up.data))}, at .*\n", second.stderr)


def test_commands_use_the_running_data_base(up: Hotline) -> None:
    done = run("manage", "--data", up.data, "migrate", "--check")
    assert done.returncode == 0, done.stderr


def test_after_a_stop_nothing_is_left_and_the_next_start_is_quick(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with hotline(data) as first:
        port = first.port
        assert first.ready_s < 180 * strain()
    assert first.up.returncode == 0
    assert left_behind(data) == []
    with hotline(data, port=port) as second:
        assert second.ready_s < 10 * strain()
        # Killed without a chance to tidy up: its processes must go by themselves.
        second.up.kill()
        second.up.wait()
        until(lambda: left_behind(data) == [], seconds=30, what="the orphans are gone")
    with hotline(data, port=port) as third:
        supervisor = psutil.Process(third.process("worker")).parent()
        assert supervisor is not None
        third.up.kill()
        supervisor.kill()
        third.up.wait()
    with hotline(data, port=port) as fourth:
        assert fourth.answers()
    assert left_behind(data) == []


def test_a_server_of_the_users_own_is_used_instead_and_waited_for(tmp_path: Path) -> None:
    own = postgres.Cluster(tmp_path / "own")
    postgres.create(own)
    with ExitStack() as server:
        url = server.enter_context(postgres.running(own))
        with hotline(tmp_path / "data", settings={"WASL_DATABASE_URL": url}) as up:
            assert up.processes().keys() == NAMES - {"postgres"}
            assert up.answers()
            server.close()
            with postgres.running(own):
                until(up.answers, seconds=60, what="the pages answer with the server that came back")
    assert left_behind(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--demo", "atlantis"], "there is no demo city 'atlantis'"),
        (["--port", "99999"], "99999 is not a port"),
        (["--host", "203.0.113.7"], "taken|not an address"),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    done = run("up", "--data", tmp_path / "data", *arguments)
    assert done.returncode == 1
    assert re.search(sentence, done.stderr)
    assert done.stderr.count("\n") == 1


def test_a_taken_port_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("up", "--data", tmp_path / "data", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr == f"wasl: port {port} of 127.0.0.1 is taken; choose another with --port.\n"
