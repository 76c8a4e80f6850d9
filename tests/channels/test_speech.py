"""Words as files, where what should speak cannot: the call goes on without them, and the log says why."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from wasl.channels.voice.speech import Speech
from wasl.services.calls.flow import Said

pytestmark = pytest.mark.req("C11")
WORDS = [Said("Good morning.", "en")]


def files(folder: Path) -> list[str]:
    return asyncio.run(Speech(folder).files(WORDS))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["/nowhere/espeak"], "No such file"),
        (["/bin/sh", "-c", "echo out of voice >&2; exit 3"], "out of voice"),
        (["/bin/false"], "it failed"),
    ],
)
def test_what_cannot_speak_is_told_in_the_log(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture, command: list[str], said: str
) -> None:
    settings.WASL_SPEECH_COMMAND = command
    with caplog.at_level(logging.ERROR):
        assert files(tmp_path) == []
    assert said in caplog.text


def test_a_place_that_cannot_be_written_is_told_in_the_log(
    tmp_path: Path, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.WASL_SPEECH_COMMAND = []
    (tmp_path / "en").write_text("in the way")
    assert files(tmp_path) == []
    assert "speech could not be made" in caplog.text
    (tmp_path / "en").unlink()
    (place,) = files(tmp_path)
    assert Path(place).with_suffix(".wav").stat().st_size > 4000
