"""Words as files that Asterisk plays: named by what is in them, made once, ahead of the call where that is possible.

A text that somebody recorded is played as he recorded it. What makes the others is a command that reads JSON lines
(`espeak` says how); another one can be named in the settings.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from django.conf import settings

from wasl.channels.voice import sound
from wasl.services.calls.flow import Said

log = logging.getLogger(__name__)

ESPEAK = (sys.executable, "-P", "-m", "wasl.channels.voice.espeak")
_AT_ONCE = 2
_PATIENCE_S, _PATIENCE_FOR_EACH_S = 20.0, 1.0


class Speech:
    """Speech in a folder. Of one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._command = tuple(settings.WASL_SPEECH_COMMAND) or ESPEAK
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._making: dict[Path, asyncio.Task[None]] = {}

    async def files(self, said: Iterable[Said]) -> list[str]:
        """A media name for each piece, as Asterisk's `media=sound:` wants it. What cannot be spoken is left out."""
        there = await self.made(said)
        return [str(place.with_suffix("")) for place in there]

    async def made(self, said: Iterable[Said], *, machine: bool = False) -> list[Path]:
        """The wave files of these pieces, in their order, made where they are not there yet.

        `machine`: the machine's voice also where somebody has recorded the words.
        """
        wanted = [piece for one in said for piece in pieces(one)]
        place_of = self.machine_place if machine else self.place
        places = await asyncio.to_thread(lambda: [place_of(*piece) for piece in wanted])
        lacking = {
            place: piece
            for place, piece in zip(places, wanted, strict=True)
            if not place.exists() and place not in self._making
        }
        if lacking:
            task = asyncio.create_task(self._speak(lacking))
            for place in lacking:
                self._making[place] = task
            task.add_done_callback(lambda _task: [self._making.pop(place, None) for place in lacking])
        # Others may wait for the same: whose caller hangs up does not end it.
        for task in {self._making[place] for place in places if place in self._making}:
            await asyncio.shield(task)
        return [place for place in places if place.exists()]

    async def tone(self) -> str:
        """The media name of the tone before a recording."""
        place = self._folder / "tone.wav"
        if not place.exists():
            await asyncio.to_thread(sound.put, place, sound.tone())
        return str(place.with_suffix(""))

    def place(self, language: str, text: str) -> Path:
        """Where the speech of these words is, or will be; somebody's recording comes first."""
        recorded = recorded_place(self._folder, language, text)
        return recorded if recorded.exists() else self.machine_place(language, text)

    def machine_place(self, language: str, text: str) -> Path:
        """Where the machine's own speech of these words is, or will be."""
        name = sha256("\0".join(("speech", *self._command[1:], language, text)).encode()).hexdigest()[:32]
        return self._folder / language / f"{name}.wav"

    async def _speak(self, wanted: dict[Path, tuple[str, str]]) -> None:
        lines = [
            json.dumps({"text": text, "language": language, "output_file": str(place)}, ensure_ascii=False) + "\n"
            for place, (language, text) in wanted.items()
        ]
        try:
            for folder in {place.parent for place in wanted}:
                await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
            async with self._turn:
                wrong = await self._told("".join(lines).encode(), _PATIENCE_S + _PATIENCE_FOR_EACH_S * len(lines))
            if self._command != ESPEAK:
                await asyncio.to_thread(_fit, list(wanted))
        except OSError as error:
            # No such command, or no room on the disk.
            wrong = str(error)
        if wrong:
            # The call goes on without these words: a pause is better than an end.
            log.error("speech could not be made: %s", wrong)

    async def _told(self, lines: bytes, patience: float) -> str:
        """Let the command speak; what went wrong, empty where nothing did."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._command, stdin=pipe, stdout=asyncio.subprocess.DEVNULL, stderr=pipe
        )
        try:
            _none, said = await asyncio.wait_for(process.communicate(lines), patience)
        except TimeoutError:
            process.kill()
            await process.wait()
            return "it took too long"
        return said.decode(errors="replace").strip()[-300:] or "it failed" if process.returncode else ""


def recorded_place(folder: Path, language: str, text: str) -> Path:
    """Where somebody's own recording of these words is, if there is one; `folder` is that of the speech."""
    return folder.parent / "recorded" / language / f"{sha256(text.encode()).hexdigest()[:32]}.wav"


def _fit(places: Iterable[Path]) -> None:
    """What another engine made, at the telephone's rate."""
    for place in places:
        with suppress(FileNotFoundError):
            try:
                sound.put(place, sound.telephone(place.read_bytes())[0])
            except sound.BadSound:
                log.exception("%s is no sound", place.name)
                place.unlink()


def pieces(one: Said) -> list[tuple[str, str]]:
    """Digits are files of their own, said one by one in any order; words are one file."""
    return [(one.language, digit) for digit in one.text] if one.spelled else [(one.language, one.text)]
