"""`./wasl backup FILE`: data base, files, keys and addresses in one archive, taken while everything runs."""

import io
import json
import os
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

from wasl.kernel import postgres
from wasl.kernel.clock import now
from wasl.site.cli.console import Refusal, last_words, parser, require, say
from wasl.site.installation import Installation

# What a start makes anew, or what the data base's own dump stands for.
LEFT_OUT = {"postgres", "postgres.part", "run", "log", "static", "demo.json", "migrated", "practice"}
DUMP = "database.dump"
CARD = "backup.json"
FORMAT = 1


def main(arguments: list[str]) -> int:
    """Write the archive. Raises Refusal when it cannot be written or the data base cannot be read."""
    options = parser("Write data base, files and keys into one archive. Wasl may run meanwhile.")
    options.add_argument("file", type=Path, help="the archive to write; it must not exist")
    options.add_argument("--data", help="data folder (default: WASL_DATA or ./data)")
    given = options.parse_args(arguments)
    installation = Installation.at(given.data)
    require(installation)
    file: Path = given.file.resolve()
    if file.exists():
        raise Refusal(f"{file} is there already; name another file.")
    if not file.parent.is_dir():
        raise Refusal(f"there is no folder {file.parent}.")
    began = time.monotonic()
    part = file.with_name(file.name + ".part")
    try:
        with installation.database() as url:
            _write(installation, url, part)
        part.rename(file)
    except OSError as error:
        raise Refusal(f"the archive cannot be written: {error}.") from None
    finally:
        part.unlink(missing_ok=True)
    size = file.stat().st_size / 1e6
    say(f"{file} written: {size:.1f} MB in {time.monotonic() - began:.1f} s. It holds the keys: keep it safe.")
    return 0


def _write(installation: Installation, url: str, part: Path) -> None:
    """The data base first: every file that it names is then in the folder, and goes in after it."""
    part.unlink(missing_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=part.parent, prefix=".wasl-backup-") as folder,
        os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
        tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        card = json.dumps({"format": FORMAT, "made": now().isoformat()}).encode()
        entry = tarfile.TarInfo(CARD)
        entry.size = len(card)
        archive.addfile(entry, io.BytesIO(card))
        dump = Path(folder) / DUMP
        done = subprocess.run(
            [
                postgres.program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges",
                "--file", dump, "--dbname", url,
            ],
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise Refusal(f"the data base cannot be read: {last_words(done.stderr)}")
        archive.add(dump, DUMP)
        for path in sorted(installation.data.iterdir()):
            if path.name not in LEFT_OUT:
                archive.add(path, f"data/{path.name}", filter=_wanted)
        out.flush()
        os.fsync(out.fileno())


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Files and folders, without unfinished ones and without the names of this machine's users."""
    if not (entry.isfile() or entry.isdir()) or entry.name.endswith(".part"):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry
