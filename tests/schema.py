"""Keeps the tables that the migrations make between runs: making them takes longer than many a test.

One file per set of migrations lies in `.cache/`; whoever changes a migration gets a new one. Of workers that begin
together one makes the tables, and the others take them from it.
"""

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from inspect import getfile
from pathlib import Path
from sys import modules

import django
import psycopg
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from psycopg import sql
from psycopg.conninfo import make_conninfo

from wasl.kernel import postgres

PLACE = Path(__file__).resolve().parents[1] / ".cache"


def prepare(stack: ExitStack) -> Callable[[], None]:
    """Make the test data base of this worker from what is kept; gives what to call once its tables stand.

    Where nothing is kept yet, the lock is held until then, or until `stack` closes.
    """
    kept = PLACE / f"test-schema-{_key()}.sql"
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]  # the stubs leave it out
    server = make_conninfo(os.environ["WASL_DATABASE_URL"])
    its = make_conninfo(server, dbname=name)
    with psycopg.connect(server, autocommit=True) as link:
        link.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        link.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    PLACE.mkdir(exist_ok=True)
    lock = stack.enter_context((PLACE / "test-schema.lock").open("wb"))
    fcntl.flock(lock, fcntl.LOCK_EX)
    if kept.exists():
        lock.close()
        _run("psql", "-X", "-q", "-1", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-f", str(kept), its)
        return lambda: None

    def keep() -> None:
        for old in PLACE.glob("test-schema-*"):
            old.unlink()
        part = kept.with_suffix(".part")
        _run("pg_dump", "--no-owner", "--no-privileges", f"--file={part}", its)
        part.rename(kept)
        lock.close()

    return keep


def _key() -> str:
    total = hashlib.sha256(str(django.VERSION).encode())
    migrations = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    for (app, name), migration in sorted(migrations.items()):
        total.update(f"{app}.{name}".encode())
        total.update(Path(getfile(modules[type(migration).__module__])).read_bytes())
    return total.hexdigest()[:20]


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([postgres.program(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
