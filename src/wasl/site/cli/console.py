"""What the commands share: refusals, progress lines, child processes that never stay behind, Django on demand."""

import os
import signal
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from wasl.kernel.postgres import end_with_parent
from wasl.site.installation import Installation


class Refusal(Exception):
    """Why the command does not go on: one sentence for the operator."""


def parser(description: str) -> ArgumentParser:
    """An argument parser whose name is the command's."""
    return ArgumentParser(prog=sys.argv[0].replace("wasl ", "./wasl ", 1), description=description)


def say(line: str) -> None:
    """One line of progress."""
    print(line, flush=True)


@contextmanager
def step(doing: str, done: str) -> Iterator[None]:
    """Say what is being done, and when it is done how long it took."""
    say(f"  {doing} ...")
    began = time.monotonic()
    yield
    say(f"  {done} ({time.monotonic() - began:.1f} s)")


def run(
    command: Sequence[str | Path],
    what: str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    log: Path,
) -> None:
    """Run a program to its end, its words going to `log`. Raises Refusal with its last words when it fails."""
    with log.open("a+b") as out:
        start = out.seek(0, os.SEEK_END)
        try:
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(os.environ) | dict(env or {}),
                cwd=cwd,
                preexec_fn=_end_with_us,
            )
        except OSError as error:
            raise Refusal(f"{what} failed: {error}.") from None
        try:
            code = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            raise
        if code:
            out.seek(start)
            raise Refusal(f"{what} failed: {last_words(out.read().decode(errors='replace'))} (all of it in {log})")


def last_words(text: str) -> str:
    """The line of a failed program's output that says why: the last one; npm's first whole sentence."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines:
        if line.startswith("npm error") and len(line) > 40:
            return line
    return lines[-1] if lines else "it said nothing"


def _end_with_us() -> None:
    end_with_parent(signal.SIGTERM)


@contextmanager
def django(installation: Installation) -> Iterator[None]:
    """Django, set up in this process, over a data base that answers.

    Raises Refusal when the data folder holds no installation, and PostgresError.
    """
    require(installation)
    with installation.database():
        os.environ.update(installation.environment())
        import django as framework

        framework.setup()
        try:
            yield
        finally:
            from django.db import connections

            connections.close_all()


def require(installation: Installation) -> None:
    """Raises Refusal when `./wasl up` never made this data folder."""
    if not (installation.data / "secrets.json").exists():
        raise Refusal(f"{installation.data} holds no installation; ./wasl up --data makes one.")
