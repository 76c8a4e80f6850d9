"""The guard: when the controller's heart stands still, callers go the way without it, those it left alone too.

Asterisk does not notice a frozen controller (measured: 20,000 events): the guard closes its connection after
`_STILL_S`, so that new calls are answered by the dialplan. After `_ALONE_S` callers whom nobody speaks with follow, and
the frozen process is ended, so that another takes its place. Conversations are left alone.

An Asterisk that no controller has told of its heart yet is given `_FIRST_S`: then the controller hangs, since it
began or since an Asterisk before this one.
"""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from wasl.channels.voice import ami as manager
from wasl.channels.voice.ami import Ami
from wasl.channels.voice.ari import Ari, Away, Channel, Conflict, Gone
from wasl.channels.voice.configuration import BEAT, DEGRADED

log = logging.getLogger(__name__)

_EVERY_S, _STILL_S, _ALONE_S, _FIRST_S = 0.5, 4.0, 8.0, 30.0


def begins(folder: Path) -> None:
    """This process is the controller, says it before it does anything that may hang. `folder`: of what runs."""
    part = folder / f"controller.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part.write_text(str(os.getpid()))
        part.replace(folder / "controller")
    except OSError as error:
        # Callers can be served on a full disk: only this is not known then.
        log.warning("the guard is not told who decides: %s", error)
        part.unlink(missing_ok=True)


class Guard:
    """Of one Asterisk. `folder` is where the controller says that it begins."""

    def __init__(self, ari: Ari, ami: Ami, folder: Path) -> None:
        self._ari, self._ami, self._folder = ari, ami, folder
        self._none_since: float | None = None
        self._closed = self._rescued = False

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except (manager.Away, manager.Refused, Away, Conflict, Gone) as error:
                # Without Asterisk there is nobody to be rescued.
                log.info("Asterisk: %s", error)
                self._none_since = None
                await asyncio.sleep(_EVERY_S)
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Look once, and do what is due."""
        said = (await self._ami.do("Getvar", Variable=BEAT)).get("Value", "")
        beat, _space, process = said.partition(" ")
        if not beat:
            await self._no_beat_yet()
            return
        self._none_since = None
        still = time.time() - float(beat)
        if still < _STILL_S:
            self._closed = self._rescued = False
            return
        if not self._closed:
            log.warning("the controller's heart has stood still for %.1f s: new callers go the way without it", still)
            await self._ami.command("ari shutdown websocket sessions")
            self._closed = True
        if still >= _ALONE_S and not self._rescued:
            _end(int(process or 0))
            await self._rescue(await self._alone())
            self._rescued = True

    async def _no_beat_yet(self) -> None:
        """Callers are the dialplan's as long as no controller listens; one that listens and hangs is ended."""
        now = time.monotonic()
        self._none_since = now if self._none_since is None else self._none_since
        if now - self._none_since >= _ALONE_S and (alone := await self._alone()):
            await self._ami.command("ari shutdown websocket sessions")
            await self._rescue(alone)
        if now - self._none_since >= _FIRST_S:
            log.warning("no controller has lived for %.0f s", now - self._none_since)
            _end(self._begun())
            self._none_since = now

    def _begun(self) -> int:
        """The controller that began last, if that was long ago."""
        file = self._folder / "controller"
        try:
            return int(file.read_text()) if time.time() - file.stat().st_mtime >= _FIRST_S else 0
        except (OSError, ValueError):
            return 0

    async def _rescue(self, alone: Sequence[Channel]) -> None:
        for channel in alone:
            log.warning("%s is rescued", channel.name)
            with suppress(manager.Refused):
                await self._ami.do("Redirect", Channel=channel.name, Context=DEGRADED, Exten="s", Priority="1")

    async def _alone(self) -> list[Channel]:
        """Callers in our application whom nobody speaks with."""
        bridged = {one for legs in (await self._ari.bridges()).values() for one in legs}
        return [one for one in await self._ari.channels() if one.id not in bridged and one.waits_for_us]


def _end(process: int) -> None:
    """End a frozen controller, if this process still is one."""
    try:
        command = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return
    if process > 1 and b"voice" in command:
        log.warning("the frozen controller %d is ended", process)
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
