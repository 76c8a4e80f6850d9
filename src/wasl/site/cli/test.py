"""`./wasl test`: install what the tests need, then run every check and test, saying how long each took."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from wasl.channels.voice import asterisk
from wasl.channels.voice.asterisk import VoiceError
from wasl.kernel import postgres
from wasl.site import catalogues, frontend
from wasl.site.cli.console import Refusal, parser, run, say, step
from wasl.site.installation import ROOT, Addresses, Installation

DEBIAN = {
    "chromium": "/usr/bin/chromium",
    "fonts-noto-core": "/usr/share/fonts/truetype/noto/NotoSansArabic-Regular.ttf",
    "kannel": "/usr/sbin/bearerbox",
    "kannel-extras": "/usr/lib/kannel/test/drive_smpp",
    "libnet-smpp-perl": "/usr/share/perl5/Net/SMPP.pm",
    "tshark": "/usr/bin/tshark",
    "fonts-noto-cjk": "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
}
"""Packages that the tests with a real browser and with SMPP peers need, each with a file that shows it is there."""


@dataclass(frozen=True)
class Check:
    """A program that must end with 0."""

    name: str
    command: list[str]


def main(arguments: list[str]) -> int:
    """0 when everything is in order, 1 otherwise; every failure is shown whole."""
    options = parser("Run every check and test.")
    options.add_argument("--fast", action="store_true", help="leave out tests/real and what is marked slow")
    given = options.parse_args(arguments)
    began = time.monotonic()
    log = ROOT / ".cache" / "test.log"
    log.parent.mkdir(exist_ok=True)
    if not given.fast:
        install_debian(log)
        install_asterisk(log)
    with ThreadPoolExecutor(1) as beside, ExitStack() as stack:
        built: Future[None] | None = None
        if not frontend.is_fresh():
            built = beside.submit(frontend.build, log)
        stack.enter_context(_scratch_installation())
        failed = _static_checks()
        if built:
            with step("waiting for the front end", "front end built"):
                built.result()
        catalogues.compile_catalogues()
        failed += _tests(fast=given.fast)
    say("")
    if failed:
        say(f"FAILED: {', '.join(failed)} ({time.monotonic() - began:.0f} s)")
        return 1
    say(f"everything passed ({time.monotonic() - began:.0f} s)")
    return 0


def install_asterisk(log: Path) -> None:
    """For all runs; where the system has a fit one, that is used. Raises Refusal."""
    folder = ROOT / ".cache/asterisk"
    if asterisk.found(folder):
        return

    def quietly(command: list[str], env: dict[str, str]) -> None:
        run(command, f"{command[0]} of Asterisk", env=env or None, log=log)

    try:
        with step("fetching Asterisk from Debian, about 80 MB", "Asterisk fetched"):
            asterisk.install(folder, quietly)
    except VoiceError as error:
        raise Refusal(str(error)) from error


def install_debian(log: Path) -> None:
    """Raises Refusal that names exactly what is missing when we may not install it ourselves."""
    missing = [package for package, file in DEBIAN.items() if not Path(file).exists()]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Refusal(f"the real tests need Debian's packages {', '.join(missing)}; --fast does without.")
    if os.geteuid() != 0:
        raise Refusal(f"the real tests need packages: sudo apt-get install {' '.join(missing)}; --fast does without.")
    with step(f"installing {', '.join(missing)}", "Debian packages installed"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update"], "apt-get update", env=quiet, log=log)
        install = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
        run(install, "apt-get install", env=quiet, log=log)


@contextmanager
def _scratch_installation() -> Iterator[Installation]:
    """A data folder and a PostgreSQL that forgets, for all steps together."""
    with tempfile.TemporaryDirectory(prefix="wasl-check-") as folder:
        installation = Installation(Path(folder) / "data", Addresses(demo="none"))
        installation.make()
        url = os.environ.get("WASL_TEST_DATABASE_URL")
        with ExitStack() as stack:
            if url:
                postgres.check(url)
            else:
                url = stack.enter_context(postgres.running(installation.cluster, postgres.FORGETFUL))
            os.environ.update(installation.environment() | {"WASL_DATABASE_URL": url, "WASL_TEST_DATABASE_URL": url})
            yield installation


def _static_checks() -> list[str]:
    """mypy beside all the others: together they take as long as mypy alone."""
    python = [sys.executable, "-m"]
    slow = [Check("mypy", [*python, "mypy"])]
    quick = [
        Check("ruff", [*python, "ruff", "check", "--quiet", "--output-format=concise"]),
        Check("ruff format", [*python, "ruff", "format", "--check", "--quiet", "--output-format=concise"]),
        Check("floors", [str(Path(sys.executable).with_name("lint-imports")), "--cache-dir", ".cache/import-linter"]),
        Check("words", [*python, "wasl.site.cli", "words", "--check"]),
        Check("migrations", [*python, "django", "makemigrations", "--check", "--dry-run"]),
    ]
    with ThreadPoolExecutor(2) as lanes:
        return [name for lane in lanes.map(_lane, (slow, quick)) for name in lane]


def _lane(checks: list[Check]) -> list[str]:
    failed = []
    for check in checks:
        began = time.monotonic()
        done = subprocess.run(check.command, cwd=ROOT, capture_output=True, text=True, check=False)
        passed = "passed" if done.returncode == 0 else "FAILED"
        # One write, so that two lanes do not mix their lines.
        words = "" if done.returncode == 0 else f"\n{done.stdout}{done.stderr}"
        say(f"  {check.name:<14}{passed} ({time.monotonic() - began:.1f} s){words}")
        if done.returncode:
            failed.append(check.name)
    return failed


def _tests(*, fast: bool) -> list[str]:
    pytest = [sys.executable, "-m", "pytest", "--quiet"]
    chosen = ["-m", "not slow"] if fast else []
    runs = [Check("tests", [*pytest, "-n", "2", "--dist", "worksteal", "--ignore=tests/real", *chosen, "tests"])]
    if not fast:
        runs.append(Check("real tests", [*pytest, "--durations=10", "--maxfail=10", "tests/real"]))
    failed = []
    for check in runs:
        began = time.monotonic()
        say(f"  {check.name} ...")
        code = subprocess.run(check.command, cwd=ROOT, check=False).returncode
        say(f"  {check.name:<14}{'FAILED' if code else 'passed'} ({time.monotonic() - began:.1f} s)")
        if code:
            failed.append(check.name)
    return failed
