"""Asterisk: the system's own where it is fit, else Debian's packages of it, unpacked beside the data.

Knows no Django and nothing of calls. What is configured is in `configuration`.

Debian 12 has no Asterisk. apt fetches the packages of Debian sid and all that they need, libc too, into a state of its
own (an empty list of what is installed), and checks their signatures as always; nothing of the system is changed, and
nothing of it is used: Asterisk is started by the dynamic loader that came with it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

OLDEST = (22, 10, 1)
"""What Wasl was tried on. Before it: calls could be stolen by who may only read (GHSA-wcvv-g26m-wx5c)."""
UNFIT = re.compile(r"^22\.11\.0[~-]?rc")
"""Dies when a browser's websocket sends a PONG (asterisk issue 2085)."""

_SOURCE = "deb [signed-by={keyring}] http://deb.debian.org/debian sid main\n"
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_MULTIARCH = "usr/lib/x86_64-linux-gnu"


class VoiceError(Exception):
    """Why there is no Asterisk, as one sentence for the operator."""


@dataclass(frozen=True)
class Asterisk:
    """An Asterisk that can be started. `prefix` is where it was unpacked; `/` is the system's own."""

    prefix: Path

    def command(self, *arguments: str) -> list[str]:
        """What starts it with these arguments."""
        program = str(self.prefix / "usr/sbin/asterisk")
        if self.prefix == Path("/"):
            return [program, *arguments]
        libraries = f"{self.prefix / _MULTIARCH}:{self.prefix / 'usr/lib'}"
        return [
            str(self.prefix / _MULTIARCH / "ld-linux-x86-64.so.2"),
            "--library-path",
            libraries,
            program,
            *arguments,
        ]

    @property
    def modules(self) -> Path:
        """The folder of its modules."""
        return self.prefix / _MULTIARCH / "asterisk/modules"

    @property
    def data(self) -> Path:
        """What it reads and never writes: documentation of its parts, which it wants before it starts."""
        return self.prefix / "usr/share/asterisk"

    def version(self) -> str:
        """Such as `22.10.1`. Raises VoiceError."""
        try:
            done = subprocess.run(self.command("-V"), capture_output=True, text=True, timeout=30, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VoiceError(f"Asterisk in {self.prefix} does not start: {error}") from error
        said = re.match(r"Asterisk (\d+\.\d+\.\d+\S*?)(?:\+|\s|$)", done.stdout)
        if not said:
            raise VoiceError(f"Asterisk in {self.prefix} does not start: {(done.stderr or done.stdout).strip()[-200:]}")
        return said[1]


def fit(version: str) -> bool:
    """Whether Wasl runs on this version."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:3])
    return numbers[:1] == OLDEST[:1] and numbers >= OLDEST and not UNFIT.match(version)


def found(folder: Path) -> Asterisk | None:
    """The one to use: the system's, or what `install` unpacked into `folder`; None when there is neither."""
    for prefix in (Path("/"), folder):
        one = Asterisk(prefix)
        if (prefix / "usr/sbin/asterisk").exists():
            try:
                if fit(one.version()):
                    return one
            except VoiceError:
                continue
    return None


def install(folder: Path, run: Callable[[list[str], dict[str, str]], None]) -> Asterisk:
    """Fetch Debian's packages and unpack them into `folder`, unless a fit one is there.

    `run` runs a command with an environment and raises what its caller wants to see. Raises VoiceError.
    """
    known = found(folder)
    if known:
        return known
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise VoiceError(
                f"there is no {program} here: install Asterisk {'.'.join(map(str, OLDEST))} or later yourself."
            )
    if not _KEYRING.exists():
        raise VoiceError("Debian's keys are missing; install the package debian-archive-keyring.")
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    archives = _fetch(part / "apt", run)
    prefix = part / "prefix"
    prefix.mkdir()
    for archive in archives:
        run(["dpkg-deb", "--extract", str(archive), str(prefix)], {})
    new = Asterisk(prefix)
    version = new.version()
    if not fit(version):
        raise VoiceError(f"Debian offers Asterisk {version}, which Wasl does not run on.")
    shutil.rmtree(folder, ignore_errors=True)
    prefix.rename(folder)
    shutil.rmtree(part, ignore_errors=True)
    return Asterisk(folder)


def _fetch(place: Path, run: Callable[[list[str], dict[str, str]], None]) -> list[Path]:
    """The packages, checked by apt."""
    for name in ("state/lists/partial", "cache/archives/partial"):
        (place / name).mkdir(parents=True)
    (place / "status").touch()
    (place / "sources.list").write_text(_SOURCE.format(keyring=_KEYRING))
    settings = {
        "Dir::State": f"{place}/state",
        "Dir::State::status": f"{place}/status",
        "Dir::Cache": f"{place}/cache",
        "Dir::Etc::sourcelist": f"{place}/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Install-Recommends": "false",
        # apt would give its own user the folder, which it may not enter.
        "APT::Sandbox::User": "root" if os.getuid() == 0 else "",
        "Debug::NoLocking": "true",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    (place / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in settings.items() if value))
    env = {"APT_CONFIG": str(place / "apt.conf"), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    run(["apt-get", "update"], env)
    run(["apt-get", "install", "--yes", "--download-only", "asterisk"], env)
    return sorted((place / "cache/archives").glob("*.deb"))
