"""A hotline whose data folder is lost comes back from its archive, whole, and its journal verifies."""

import shutil
import stat
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from tests.real.hotline import hotline, run
from wasl.site.installation import Installation

pytestmark = [pytest.mark.timeout(900), pytest.mark.req("R4")]

_FILL = """
from io import BytesIO
from PIL import Image
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.intake import Report, receive
from wasl.core.contacts.actions import keep
from wasl.core.people.actions import Reach

picture = BytesIO()
Image.new("RGB", (640, 480), "teal").save(picture, "JPEG")
for n in range(20):
    receive(Report(
        medium="web", body=f"طفح مياه {n}", category="sewage-overflow", place=(23.6, 58.4), trusted=True,
        reach=Reach(name="سالم", phone=f"+9689200{n:04}"), attachments=[keep(picture.getvalue(), "picture.jpg")],
    ), by=THE_CITIZEN)
"""

_LOOK = """
from wasl.core.cases.models import Case
from wasl.core.contacts.actions import original_of
from wasl.core.contacts.models import Attachment, Contact
from hashlib import sha256

for attachment in Attachment.objects.all():
    assert sha256(original_of(attachment).getvalue()).digest() == bytes(attachment.sha256)
print("found", Case.objects.count(), Attachment.objects.count(), Contact.objects.filter(body__contains="طفح").count())
"""


def _manage(data: Path, code: str) -> str:
    done = run("manage", "--data", data, "shell", "--no-imports", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _tables(data: Path) -> dict[str, str]:
    """A digest of every row of every table."""
    found = {}
    with Installation.at(data).database() as url, psycopg.connect(url) as connection:
        for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            rows = connection.execute(f'SELECT t::text FROM "{name}" t ORDER BY 1').fetchall()
            found[name] = f"{len(rows)}:{sha256(repr(rows).encode()).hexdigest()}"
    return found


def _files(data: Path) -> dict[str, str]:
    return {
        str(file.relative_to(data)): sha256(file.read_bytes()).hexdigest()
        for file in (data / "files").rglob("*")
        if file.is_file()
    }


def test_what_was_lost_is_restored_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WASL_DATABASE_URL")
    data, hot, cold = tmp_path / "data", tmp_path / "hot.tar", tmp_path / "cold.tar"
    with hotline(data):
        _manage(data, _FILL)
        done = run("backup", hot, "--data", data)
        assert done.returncode == 0, done.stderr
    done = run("backup", cold, "--data", data)
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(cold.stat().st_mode) == 0o600
    tables, files = _tables(data), _files(data)
    keys = (data / "secrets.json").read_bytes()
    assert len(files) >= 60
    shutil.rmtree(data)

    # The archive that was taken cold holds every row and every byte.
    done = run("restore", cold, "--data", data)
    assert done.returncode == 0, done.stderr
    assert _tables(data) == tables
    assert _files(data) == files
    assert (data / "secrets.json").read_bytes() == keys
    assert stat.S_IMODE((data / "secrets.json").stat().st_mode) == 0o600
    assert "found 20 20 20" in _manage(data, _LOOK)
    done = run("journal", "verify", "--data", data)
    assert (done.returncode, done.stdout[:9]) == (0, "unbroken:"), done.stdout + done.stderr

    # The one that was taken while everything ran holds what was acknowledged, and the hotline starts from it.
    again = tmp_path / "again"
    done = run("restore", hot, "--data", again)
    assert done.returncode == 0, done.stderr
    with hotline(again) as running:
        assert running.answers()
        assert "found 20 20 20" in _manage(again, _LOOK)
        done = run("journal", "verify", "--data", again)
        assert done.returncode == 0, done.stdout

    _an_entry_changed_by_sql_is_named(again)
    _refusals(tmp_path, data, cold)


def _an_entry_changed_by_sql_is_named(data: Path) -> None:
    with Installation.at(data).database() as url, psycopg.connect(url) as connection:
        row = connection.execute(
            "UPDATE cases_entry SET actor = actor || 'x' WHERE ctid ="
            " (SELECT ctid FROM cases_entry ORDER BY case_id DESC, seq LIMIT 1) RETURNING case_id, seq"
        ).fetchone()
        connection.commit()
        assert row is not None
        done = run("journal", "verify", "--data", data)
    assert done.returncode == 1
    assert done.stdout.startswith(f"BROKEN: case {row[0]}, entry {row[1]}:")


def _refusals(folder: Path, data: Path, archive: Path) -> None:
    """What cannot be restored or backed up is refused in a sentence, and leaves nothing behind."""
    (folder / "torn.tar").write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    (folder / "other.tar").write_bytes(b"something else" * 1000)
    target = folder / "target"
    for arguments, sentence in (
        (("restore", archive, "--data", data), "is not empty"),
        (("restore", folder / "torn.tar", "--data", target), "not a whole archive|not whole"),
        (("restore", folder / "other.tar", "--data", target), "not a whole archive"),
        (("restore", folder / "none.tar", "--data", target), "there is no file"),
        (("backup", archive, "--data", data), "is there already"),
        (("backup", folder / "x.tar", "--data", target), "holds no installation"),
    ):
        done = run(*arguments)
        assert done.returncode == 1, arguments
        assert done.stderr.startswith("wasl: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert any(part in done.stderr for part in sentence.split("|")), done.stderr
        assert not target.exists()
        assert not target.with_name("target.part").exists()
    assert not list(folder.glob("*.part"))
