"""Starts a whole hotline with `./wasl up` for tests that drive it from outside, and watches its processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from wasl.site.cli.up import MARK, processes
from wasl.site.installation import Installation
from wasl.site.processes import control_socket, table

OURS = ("WASL_", "DJANGO_SETTINGS_MODULE", "PYTEST_")
"""Variables of the test run that a hotline started for a user would not have."""

# The test run itself uses a server by its URL, the hotlines it starts have their own.
NAMES = {"postgres"} | {one.name for one in table(Installation(Path("any")))}
"""The processes of a hotline."""


@dataclass
class Hotline:
    """A running `./wasl up` on a data folder of its own."""

    data: Path
    port: int
    up: "subprocess.Popen[str]"
    ready_s: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def demo(self) -> dict[str, Any]:
        """What `./wasl up` wrote for scripts."""
        known: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return known

    def all_run(self) -> bool:
        """Whether every process of the table runs, and the pages answer."""
        return self.processes().keys() == NAMES and self.answers()

    def processes(self) -> dict[str, int]:
        """Process ids by name, of those that run as supervisord says."""
        try:
            found = processes(Installation.at(self.data))
        except OSError:
            return {}
        return {one["name"]: one["pid"] for one in found if one["statename"] == "RUNNING"}

    def process(self, name: str) -> int:
        """The process id of one, once it runs."""
        until(lambda: name in self.processes(), seconds=60, what=f"{name} runs")
        return self.processes()[name]

    def supervised(self, does: str, name: str) -> None:
        """`stop` or `start` a process of it."""
        control = f"unix://{control_socket(Installation.at(self.data))}"
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "supervisor.supervisorctl", "-s", control, does, name],
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip

    def answers(self) -> bool:
        """Whether the start page is served."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(self.url + "/", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        if self.up.poll() is None:
            self.up.send_signal(signal.SIGTERM)
            self.up.wait(90)


def command(*arguments: str | Path) -> list[str]:
    """`./wasl ...` in the environment that runs the tests."""
    return [sys.executable, "-P", "-m", "wasl.site.cli", *map(str, arguments)]


def clean_environment() -> dict[str, str]:
    """This process's environment without what the test run put into it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}


def run(*arguments: str | Path, timeout_s: float = 300) -> "subprocess.CompletedProcess[str]":
    """Run one `./wasl` command to its end."""
    return subprocess.run(
        command(*arguments), env=clean_environment(), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def hotline(
    data: Path, *, demo: str = "muscat", port: int | None = None, settings: Mapping[str, str] = {}
) -> Iterator[Hotline]:
    """A hotline for the length of a `with` block; fails with what it said when it does not get ready.

    `settings` are variables of its environment, such as WASL_SENDER_LEASE_S.
    """
    port = port or free_port()
    began = time.monotonic()
    said = data.with_name(data.name + ".said")
    with said.open("w") as out:
        up = subprocess.Popen(
            command("up", "--data", data, "--port", str(port), "--demo", demo),
            env=clean_environment() | dict(settings),
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    running = Hotline(data, port, up, 0.0)
    try:
        until(lambda: up.poll() is not None or "\nready (" in said.read_text(), seconds=600, what="ready")
        assert up.poll() is None, said.read_text()
        running.ready_s = time.monotonic() - began
        yield running
    finally:
        running.stop()


def left_behind(data: Path) -> list[psutil.Process]:
    """Processes of this data folder's hotline that still run."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get(MARK) == str(data):
                found.append(one)
        except (psutil.Error, OSError):
            continue
    return found


def strain() -> float:
    """How many times longer than alone a program takes on this machine now: what others keep busy is not its fault."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def until(condition: Callable[[], bool], *, seconds: float, what: str) -> float:
    """Wait for a condition, and give how many seconds it took. Fails naming `what` when it does not come.

    `seconds` holds for a machine of its own; on a busy one it is longer in proportion.
    """
    began, longest = time.monotonic(), 1.0
    while not condition():
        longest = max(longest, strain())
        assert time.monotonic() - began < seconds * longest, f"not within {seconds * longest:.0f} s: {what}"
        time.sleep(0.05)
    return time.monotonic() - began
