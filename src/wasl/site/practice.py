"""The process that keeps the practice: sleeps until it is wanted, makes its data base, serves it, lets it rest again.

`python -m wasl.site.practice` knows no Django; what it starts has the practice's own environment: data base, folder,
keys, address. It makes and drops one data base only, whose name ends with `_practice`.
"""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from wasl.kernel import postgres
from wasl.site.installation import Installation

NAME = "practice"
LOOK_S = 1.0
IDLE_S = 3600.0
"""How long nobody needs to have touched it before it rests."""


class Stopped(BaseException):
    """The signal to end."""


def of(house: Installation) -> Installation:
    """The practice of a house, as an installation of its own in the house's folder."""
    known = house.addresses
    port, url = known.practice_port, known.practice_url
    addresses = replace(known, port=port, base_url=url, demo="none", practice_port=0, practice_url="")
    return Installation(house.data / NAME, addresses)


def environment(house: Installation) -> dict[str, str]:
    """What the practice's processes read: never the house's data base, folder or keys, and nothing to send mail by."""
    own = of(house)
    named = {
        "WASL_DATABASE_URL": database_url(house),
        "WASL_IS_PRACTICE": "1",
        "WASL_HOUSE_URL": house.addresses.public_url,
        "WASL_WEB_WORKERS": "1",
        "WASL_MAIL_HOST": "127.0.0.1",
        "WASL_MAIL_PORT": "1",
    }
    return {**os.environ, **own.environment(), **named}


def database_url(house: Installation) -> str:
    """The house's data base server, another data base."""
    parts = urlsplit(house.database_url)
    return urlunsplit(parts._replace(path=f"{parts.path or '/wasl'}_{NAME}"))


def _database(house: Installation) -> str:
    name = urlsplit(database_url(house)).path.lstrip("/")
    if not name.endswith(f"_{NAME}"):
        raise ValueError(f"{name} is no practice")
    return name


def make(house: Installation) -> None:
    """Throw the practice's data base and files away and make them anew. Raises psycopg.Error, CalledProcessError."""
    own, name = of(house), sql.Identifier(_database(house))
    with psycopg.connect(house.database_url, autocommit=True) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(name))
    for kept in ("files", "mail"):
        for file in sorted((own.data / kept).rglob("*"), reverse=True):
            file.rmdir() if file.is_dir() else file.unlink()
    django = [sys.executable, "-P", "-m", "django"]
    for arguments in (["migrate", "--no-input"], ["load_practice", str(own.data / "world.json")]):
        subprocess.run(
            [*django, *arguments], env=environment(house), check=True, capture_output=True, text=True, timeout=600
        )
    (own.data / "made").write_text(_mark(house))


def keep(house: Installation) -> None:
    """Until a signal comes."""
    own = of(house)
    own.make()
    wanted, anew, trouble, made = (own.data / name for name in ("wanted", "anew", "trouble", "made"))
    wanted.unlink(missing_ok=True)
    while True:
        while not wanted.exists():
            time.sleep(LOOK_S)
        try:
            if anew.exists() or not made.exists() or made.read_text() != _mark(house):
                made.unlink(missing_ok=True)
                anew.unlink(missing_ok=True)
                make(house)
            trouble.unlink(missing_ok=True)
            _serve(house, wanted, anew)
        except (psycopg.Error, subprocess.SubprocessError, OSError, ValueError) as error:
            said = getattr(error, "stderr", "") or str(error)
            lines = [line for line in str(said).splitlines() if line.strip()]
            trouble.write_text(lines[-1] if lines else type(error).__name__)
            print(f"the practice could not be made: {said}", file=sys.stderr, flush=True)
            wanted.unlink(missing_ok=True)


def _serve(house: Installation, wanted: Path, anew: Path) -> None:
    """Serve until it is to begin anew or nobody has asked for it for `IDLE_S`."""
    known = of(house).addresses
    command = [sys.executable, "-P", "-m", "wasl.site.web", known.host, str(known.port)]
    server = subprocess.Popen(command, env=environment(house), preexec_fn=_end_with_us)
    try:
        while server.poll() is None:
            time.sleep(LOOK_S)
            if anew.exists():
                return
            if time.time() - wanted.stat().st_mtime > IDLE_S:
                wanted.unlink(missing_ok=True)
                return
        raise OSError(f"the practice's server ended with {server.returncode}")
    finally:
        server.terminate()
        try:
            server.wait(15)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait(5)


def _mark(house: Installation) -> str:
    """What it is made for: this day, and these tables of the program."""
    migrated = house.data / "migrated"
    return f"{datetime.now(UTC):%Y-%m-%d} {migrated.read_text() if migrated.exists() else ''}"


def _end_with_us() -> None:
    postgres.end_with_parent(signal.SIGTERM)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def main(data: str) -> None:
    """Keep the practice of the house in this data folder until SIGTERM."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        keep(Installation.at(data))
    except Stopped:
        return


if __name__ == "__main__":
    main(sys.argv[1])
