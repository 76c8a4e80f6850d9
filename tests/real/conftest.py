"""One whole hotline for all tests that only use it. Those that kill or stop something start their own."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.browser import browser, visit
from tests.real.hotline import Hotline, hotline

# One Chromium for the run: a fixture imported by each module would be one for each, and Playwright starts but once.
__all__ = ["browser", "house", "visit"]


@pytest.fixture(scope="session")
def house() -> Iterator[Hotline]:
    """A running `./wasl up` with the demo city.

    `$WASL_HOUSE` names the data folder of one that runs already, for those who work on a test.
    """
    known = os.environ.get("WASL_HOUSE")
    if known:
        data = Path(known)
        port = json.loads((data / "addresses.json").read_text())["port"]
        nothing = subprocess.Popen(["true"], text=True)
        nothing.wait()
        yield Hotline(data, port, nothing, 0.0)
        return
    # Not in pytest's own folder: another run of pytest would close that to PostgreSQL's user.
    with (
        tempfile.TemporaryDirectory(prefix="wasl-house-", ignore_cleanup_errors=True) as folder,
        hotline(Path(folder) / "data") as running,
    ):
        yield running
