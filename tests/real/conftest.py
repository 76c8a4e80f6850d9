"""One whole hotline for all tests that only use it. Those that kill or stop something start their own."""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from _pytest.runner import runtestprotocol
from pytest_timeout import _get_item_settings  # type: ignore[import-untyped]  # it ships no types

from tests.real.browser import browser, playwright, visit
from tests.real.hotline import Hotline, hotline
from tests.real.voice.carrier import ASTERISK
from wasl.channels.voice import asterisk
from wasl.site.installation import Installation

# One Chromium for the run: a fixture imported by each module would be one for each.
__all__ = ["browser", "house", "playwright", "visit"]


class _AtOnce:
    """Says at once what fails: a run that is cut off would not say it at its end."""

    def __init__(self, config: pytest.Config) -> None:
        self._out = config.get_terminal_writer()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            words = report.longreprtext.splitlines()[-40:]
            self._out.line(f"\n{report.nodeid}: {report.when}, after {report.duration:.0f} s")
            self._out.line("\n".join(words))


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_AtOnce(config))


STOLEN, CALMER_S = 0.25, 60.0


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """What failed while others took a quarter of the processors' time away is tried once more, with all its time.

    There sound and keys are lost, and patience ends. On a machine that is ours the first failure counts.
    """
    if not item.path.is_relative_to(Path(__file__).parent):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    before = psutil.cpu_times()
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if any(report.failed for report in reports) and _starved(before):
        item.config.get_terminal_writer().line(f"\n{item.nodeid} failed on a starved machine: once more")
        item.ihook.pytest_timeout_cancel_timer(item=item)
        time.sleep(CALMER_S)
        item.ihook.pytest_timeout_set_timer(item=item, settings=_get_item_settings(item))
        item._initrequest()  # type: ignore[attr-defined]  # as pytest-rerunfailures does
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _starved(before: Any) -> bool:
    spent = [now - then for now, then in zip(psutil.cpu_times(), before, strict=True)]
    stolen = dict(zip(before._fields, spent, strict=True)).get("steal", 0.0)
    return bool(stolen > STOLEN * sum(spent))


def _with_voice(data: Path) -> Path:
    """A data folder whose Asterisk is that of all runs."""
    installation = Installation(data)
    installation.make()
    if not asterisk.found(installation.asterisk):
        installation.asterisk.symlink_to(ASTERISK)
    return data


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
        hotline(_with_voice(Path(folder) / "data")) as running,
    ):
        yield running
