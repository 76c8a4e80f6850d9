"""pytest plugin: gives every run its own PostgreSQL and data folder, before Django reads its settings.

Set WASL_TEST_DATABASE_URL to use a server that is already there (its role must be allowed to make databases).
Workers of pytest-xdist inherit what their controller started; pytest-django makes one database for each of them.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from wasl.kernel import postgres
from wasl.site.keys import make_keys

_stack = ExitStack()


def _own_folder() -> Path:
    """A new folder in the temporary directory; what killed runs left there is swept away."""
    place = Path(tempfile.gettempdir())
    for old in place.glob("wasl-test-*"):
        try:
            with (old / "alive").open("ab") as mark:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
        except OSError:
            continue
    folder = Path(tempfile.mkdtemp(prefix="wasl-test-"))
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    alive = _stack.enter_context((folder / "alive").open("wb"))
    fcntl.flock(alive, fcntl.LOCK_EX)
    return folder


def _prepare() -> None:
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    atexit.register(_stack.close)
    folder = _own_folder()
    data = folder / "data"
    make_keys(data)
    (data / "static").mkdir()
    url = os.environ.get("WASL_TEST_DATABASE_URL")
    if url:
        postgres.check(url)
    else:
        url = _stack.enter_context(postgres.running(postgres.Cluster(folder / "postgres"), postgres.FORGETFUL))
    os.environ.update(
        WASL_DATA=str(data),
        WASL_DATABASE_URL=url,
        WASL_BASE_URL="http://testserver",
        WASL_HOSTS="testserver,127.0.0.1,localhost",
        WASL_DEMO="",
        WASL_MAIL_HOST="127.0.0.1",
        WASL_MAIL_PORT="9",
    )


_prepare()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop the server and remove its files."""
    _stack.close()
