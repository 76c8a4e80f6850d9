"""`./wasl restore FILE --data DIR`: make a data folder from an archive of `./wasl backup`."""

import json
import shutil
import subprocess
import tarfile
import time
from pathlib import Path, PurePosixPath

import psycopg

from wasl.kernel import postgres
from wasl.site.cli.backup import CARD, DUMP, FORMAT
from wasl.site.cli.console import Refusal, last_words, parser, say
from wasl.site.installation import Installation


def main(arguments: list[str]) -> int:
    """Restore into a folder that is empty or not there. What fails leaves no half a folder behind. Raises Refusal."""
    options = parser("Make a data folder from an archive of ./wasl backup.")
    options.add_argument("file", type=Path, help="the archive")
    options.add_argument("--data", help="the folder to make (default: WASL_DATA or ./data); empty, or not there")
    given = options.parse_args(arguments)
    target = Installation.at(given.data).data
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Refusal(f"{target} is not empty; name another folder with --data, or move it away.")
    if not given.file.is_file():
        raise Refusal(f"there is no file {given.file}.")
    began = time.monotonic()
    part = target.with_name(target.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True, mode=0o700)
        _unpack(given.file, part)
        installation = Installation.at(part)
        if installation.external_url:
            postgres.check(installation.external_url)
            _refuse_full(installation.external_url)
            _fill(installation.external_url, part / DUMP)
        else:
            with postgres.running(installation.cluster) as url:
                _fill(url, part / DUMP)
        (part / DUMP).unlink()
        if target.exists():
            target.rmdir()
        part.rename(target)
    except tarfile.TarError as error:
        raise Refusal(f"{given.file} is not a whole archive: {last_words(str(error))}.") from None
    except OSError as error:
        raise Refusal(f"the data folder cannot be made: {error}.") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    say(f"{target} restored in {time.monotonic() - began:.1f} s.")
    say(f"./wasl journal verify --data {target} proves the journal.")
    return 0


def _unpack(file: Path, folder: Path) -> None:
    """Only plain files and folders, and none outside of `folder`."""
    with tarfile.open(file, mode="r:") as archive:
        first = archive.next()
        card = archive.extractfile(first) if first and first.name == CARD else None
        if card is None or json.load(card).get("format") != FORMAT:
            raise Refusal(f"{file} is not an archive that this version of ./wasl backup wrote.")
        whole = False
        for entry in archive:
            path = PurePosixPath(entry.name)
            inside = path.parts[1:] if path.parts[:1] == ("data",) else path.parts
            if path.is_absolute() or ".." in path.parts or not inside:
                raise Refusal(f"{file} wants to write to {entry.name}: it was tampered with.")
            place = folder.joinpath(*inside)
            if entry.isdir():
                place.mkdir(mode=0o700, exist_ok=True)
            elif entry.isfile() and (content := archive.extractfile(entry)):
                place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with content, place.open("wb") as out:
                    shutil.copyfileobj(content, out)
                place.chmod(entry.mode & 0o700)
                whole = whole or entry.name == DUMP
        if not whole or not (folder / "secrets.json").exists():
            raise Refusal(f"{file} is not whole: the data base or the keys are missing.")


def _refuse_full(url: str) -> None:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise Refusal("the data base of WASL_DATABASE_URL is not empty; name an empty one.")


def _fill(url: str, dump: Path) -> None:
    done = subprocess.run(
        [
            postgres.program("pg_restore"), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges",
            "--dbname", url, dump,
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise Refusal(f"the data base cannot be restored: {last_words(done.stderr)}")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
