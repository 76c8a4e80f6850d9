"""Programs to measure, and the CPU time that they and the server have used."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from django.conf import settings
from django.db import connection

from wasl.kernel.postgres import end_with_parent
from wasl.site.cli.up import _free_port


def cpu_s() -> tuple[float, float]:
    """Seconds of CPU so far: of our own child processes in Python, and of the whole PostgreSQL server."""
    server = postgres()
    backends = [server, *server.children()]
    python = sum(_own(one) for one in psutil.Process().children(recursive=True) if one not in backends)
    return python, seconds(server)


def seconds(process: psutil.Process) -> float:
    """Seconds of CPU so far of a process and all below it, also of those that ended and that it waited for."""
    ended = 0.0
    with suppress(psutil.Error):
        used = process.cpu_times()
        ended = used.children_user + used.children_system
    return ended + sum(_own(one) for one in [process, *process.children(recursive=True)])


def _own(process: psutil.Process) -> float:
    try:
        used = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(used.user + used.system)


def postgres() -> psutil.Process:
    """The server that Django is connected with."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return psutil.Process(int(cursor.fetchone()[0])).parents()[0]


@contextmanager
def program(*command: str, log: Path, environment: Mapping[str, str] | None = None) -> Iterator[psutil.Process]:
    """A program that runs while the `with` block does, and ends with us. What it says is added to `log`."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env=dict(environment) if environment else None, preexec_fn=end_with_us
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def end_with_us() -> None:
    """For `preexec_fn`: nothing that is measured outlives a bench that was killed."""
    end_with_parent(signal.SIGTERM)


@contextmanager
def web() -> Iterator[int]:
    """The web process as an installation runs it; gives its port."""
    port = _free_port()
    log = Path(settings.WASL_DATA) / "log" / "web.log"
    with program(sys.executable, "-P", "-m", "wasl.site.web", "127.0.0.1", str(port), log=log):
        try:
            asyncio.run(_until_ready(port))
        except RuntimeError:
            print(log.read_text(errors="replace")[-3000:], file=sys.stderr)
            raise
        yield port


async def _until_ready(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
    raise RuntimeError("the web process does not answer")
