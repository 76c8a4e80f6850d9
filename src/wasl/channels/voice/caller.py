"""One caller's leg: what is said to him, what he keys, that he has hung up. What it all means is decided elsewhere."""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import ParamSpec, TypeVar

from django.db import Error, close_old_connections

from wasl.channels.voice.ari import Ari, Channel, Event, Gone
from wasl.channels.voice.speech import Speech
from wasl.services.calls.flow import Collect, Record, Said

_NEXT_KEY_S = 5.0
_LONGEST_PROMPT_S = 180.0
_SLACK_S = 10.0

P = ParamSpec("P")
T = TypeVar("T")


class HungUp(Exception):
    """The caller is no longer there."""


class Caller:
    """He who called. Events of all legs of his call come into `box`, in their order."""

    def __init__(self, ari: Ari, speech: Speech, channel: Channel) -> None:
        self.ari, self.speech, self.channel = ari, speech, channel
        self.box: asyncio.Queue[Event] = asyncio.Queue()
        self._playbacks = count(1)

    async def say(self, says: Sequence[Said], collect: Collect | None, language: str) -> str:
        """Play, and give what was keyed: a key ends the words (barge-in) where something is asked for.

        Digits are ended by #, which is given only where it comes alone.
        """
        sounds = await self.speech.files(says)
        keyed = ""
        playing = ""
        if sounds:
            playing = await self.play(sounds, language)
        while True:
            if not playing and collect is None:
                return ""
            first = collect.first_s if collect else 0.0
            wait = _LONGEST_PROMPT_S if playing else _NEXT_KEY_S if keyed else first
            event = await self.next(wait)
            if event is None:
                return keyed
            if event.kind == "PlaybackFinished" and event.playback == playing:
                playing = ""
            elif event.kind == "ChannelDtmfReceived" and collect is not None:
                if playing:
                    with suppress(Gone):
                        await self.ari.stop(playing)
                    playing = ""
                if event.digit == "#" and not collect.keys:
                    return keyed or "#"
                keyed += event.digit
                if collect.keys or len(keyed) >= collect.most:
                    return keyed

    async def play(self, sounds: Sequence[str], language: str) -> str:
        """Begin to play files; gives the name under which `PlaybackFinished` will tell of them."""
        name = f"{self.channel.id}-{next(self._playbacks)}"
        await self.ari.play(self.channel.id, name, sounds, language)
        return name

    async def record(self, name: str, wanted: Record) -> bool:
        """Keep what he says after a tone under this name; False when Asterisk could not.

        Raises HungUp once the file is whole.
        """
        tone = await self.play([await self.speech.tone()], "en")
        while (event := await self.next(_SLACK_S)) and (event.kind, event.playback) != ("PlaybackFinished", tone):
            pass
        await self.ari.record(self.channel.id, name, longest_s=wanted.longest_s, silence_s=wanted.silence_s)
        until = asyncio.get_running_loop().time() + wanted.longest_s + _SLACK_S
        hung_up = None
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                event = await self.next(left)
            except HungUp as error:
                # Asterisk closes the file after the leg: what he said until then is kept.
                hung_up, until = error, min(until, asyncio.get_running_loop().time() + 1.0)
                continue
            if event is not None and event.recording == name and event.kind in ("RecordingFinished", "RecordingFailed"):
                if hung_up:
                    raise hung_up
                return event.kind == "RecordingFinished"
        if hung_up:
            raise hung_up
        return False

    async def next(self, seconds: float | None) -> Event | None:
        """What happens next, or nothing within this time. Raises HungUp."""
        try:
            event = await asyncio.wait_for(self.box.get(), seconds)
        except TimeoutError:
            return None
        if event.kind in ("StasisEnd", "ChannelDestroyed") and event.channel and event.channel.id == self.channel.id:
            raise HungUp
        return event


async def in_thread(do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Of the house's data base, in a thread of the pool."""
    return await in_thread_of(None, do, *args, **kwargs)


async def in_thread_of(pool: ThreadPoolExecutor | None, do: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same, in a thread of this pool."""

    def done() -> T:
        # Whether the connection still is one costs a question to the data base: now and then is often enough.
        if time.monotonic() - getattr(_checked, "at", -_CHECKED_S) >= _CHECKED_S:
            close_old_connections()
            _checked.at = time.monotonic()
        try:
            return do(*args, **kwargs)
        except Error:
            _checked.at = -_CHECKED_S
            raise

    return await asyncio.get_running_loop().run_in_executor(pool, done)


_CHECKED_S = 1.0
_checked = threading.local()
