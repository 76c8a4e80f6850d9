"""A caller in line: music, his place now and then, a seat that rings for him, and what he may choose meanwhile."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum, auto

from wasl.channels.voice.ari import Away, Event, Gone
from wasl.channels.voice.caller import HungUp, in_thread
from wasl.channels.voice.parties import BUSY, NORMAL, UNANSWERED, Parties, Party
from wasl.services.calls import actions, commands, line, sentences
from wasl.services.calls.flow import Said
from wasl.services.calls.line import Offer
from wasl.services.calls.models import Command, Leg, Waiting

log = logging.getLogger(__name__)

_FIRST_WORD_S, _EVERY_S = 12.0, 45.0
_MUSIC_S = 0.2
"""Who is answered at once needs no music, and does not wait for it to begin."""


class Came(Enum):
    """What the waiting came to."""

    ANSWERED = auto()
    MAILBOX = auto()
    CALLBACK = auto()


class InLine:
    """One caller's time in one queue."""

    def __init__(self, call: Parties, waiting: Waiting) -> None:
        self._call, self._waiting = call, waiting
        self._offer: Offer | None = None
        self._party: Party | None = None
        self._playing = ""
        self._lowest: int | None = None
        self.over = False
        """He waits no more; who ends this otherwise must say so to the line."""

    async def until_over(self) -> tuple[Came, Party | None]:
        """What it came to, and the agent who answered. Raises HungUp, and what the ARI raises."""
        clock = asyncio.get_running_loop().time
        word_at, music_at = clock() + _FIRST_WORD_S, clock() + _MUSIC_S
        try:
            while True:
                event = await self._call.caller.next(max(0.02, min(word_at, music_at) - clock()))
                if event is not None:
                    came = await self._happened(event)
                elif music_at < word_at:
                    music_at, came = float("inf"), None
                    await self._call.music()
                else:
                    came = await self._word()
                    word_at = clock() + _EVERY_S
                if came is not None:
                    return came, self._party
        except (HungUp, Gone) as error:
            # What is asked of a leg that is no more fails before its end is heard of.
            await self._withdraw()
            await in_thread(line.left, self._waiting.pk, Waiting.State.LEFT)
            self.over = True
            raise HungUp from error

    async def _happened(self, event: Event) -> Came | None:
        party = self._party
        if event.kind == "Offer":
            await self._ring(event.said["offer"])
        elif event.kind == "Command":
            await self._do(event.said["command"])
        elif event.kind == "PlaybackFinished" and event.playback == self._playing:
            self._playing = ""
            await self._call.music()
        elif event.kind == "ChannelDtmfReceived" and party is None:
            return await self._keyed(event.digit)
        elif party is not None and event.channel and event.channel.id == party.channel:
            return await self._of_seat(event, party)
        return None

    async def _do(self, command: Command) -> None:
        """Before anybody speaks with him only one thing can be done: who is rung can decline."""
        declines = command.verb == Command.Verb.HANG_UP and self._party and self._party.staff == command.by_id
        if declines and self._party:
            await self._call.hang_up(self._party)
        await in_thread(commands.done, command, "" if declines else "gone")

    async def _ring(self, offer: Offer) -> None:
        """Ring the seat that was reserved; where that cannot be, the next one will be."""
        # A seat whose reservation ran out may ring still.
        await self._withdraw()
        endpoint = self._call.telephone(offer.staff, offer.phone)
        self._party = await self._call.ring(
            Leg.Kind.AGENT, "answer", endpoint, offer.ring_s, staff=offer.staff, seat=offer.seat,
            channel=offer.channel,
        )  # fmt: skip
        if self._party is None:
            await in_thread(line.refused, offer, "unreachable")
            self._call.owner.look()
        else:
            self._offer = offer

    async def _of_seat(self, event: Event, party: Party) -> Came | None:
        """What the leg that rings does."""
        assert event.channel is not None and self._offer is not None  # noqa: S101, PT018  # by the caller
        if event.kind == "StasisStart":
            await self._call.dial(party)
        elif event.kind == "ChannelStateChange" and event.channel.state == "Ringing":
            self._call.owner.go(in_thread(line.rang, self._waiting.pk))
        elif event.kind == "ChannelStateChange" and event.channel.state == "Up" and not party.up:
            return await self._answered(party, self._offer)
        elif event.kind in ("ChannelDestroyed", "SeatLost"):
            await self._call.gone(party, event)
            await in_thread(line.refused, self._offer, _why(event))
            self._offer = self._party = None
            self._call.owner.look()
        return None

    async def _answered(self, party: Party, offer: Offer) -> Came | None:
        party.up = True
        if not await in_thread(line.answered, offer):
            # The reservation had run out: somebody else has him, or will.
            party.up = False
            await self._call.hang_up(party)
            return None
        self.over = True
        if self._playing:
            with suppress(Gone):
                await self._call.ari.stop(self._playing)
        return Came.ANSWERED

    async def _withdraw(self) -> None:
        """The seat that rings need not."""
        if self._party is not None and self._offer is not None:
            await self._call.hang_up(self._party)
            await in_thread(line.withdrawn, self._offer)
            await self._call.gone(self._party, None)
        self._offer = self._party = None

    async def _word(self) -> Came | None:
        """Tell him where he stands, unless it rings; after too long, let him leave a message."""
        if self._party is not None:
            return None
        if await in_thread(line.waited_out, self._waiting.pk):
            return await self._mailbox()
        where = await in_thread(line.place_of, self._waiting.pk)
        if where is None:
            return None
        try:
            if await self._play(sentences.place(where, self._call.language, self._lowest)):
                self._lowest = sentences.minutes_of(where, self._lowest)
        except Away as error:
            # He waits on: if Asterisk has fallen, it is kept first that he did, and then he hears of his end.
            log.warning("call %s is not told his place: %s", self._call.kept.pk, error)
            with suppress(Away):
                await self._call.music()
        return None

    async def _play(self, words: Sequence[Said]) -> bool:
        """Instead of the music, which goes on when they are said; nothing that happens meanwhile is missed."""
        files = await self._call.caller.speech.files(words)
        if files:
            await self._call.quiet()
            self._playing = await self._call.caller.play(files, self._call.language)
        return bool(files)

    async def _keyed(self, digit: str) -> Came | None:
        if digit == "2":
            return await self._mailbox()
        if digit == "1":
            await self._hush()
            known = bool(self._call.owner.endpoint("0")) and await in_thread(actions.may_be_called, self._call.kept)
            if known and await in_thread(line.to_callback, self._waiting.pk):
                # His place stands without him from now on.
                self.over = True
                return Came.CALLBACK
            if known or not await self._play([sentences.said(sentences.CANNOT_CALL, self._call.language)]):
                await self._call.music()
        return None

    async def _mailbox(self) -> Came:
        await in_thread(line.left, self._waiting.pk, Waiting.State.MAILBOX)
        self.over = True
        await self._hush()
        return Came.MAILBOX

    async def _hush(self) -> None:
        if self._playing:
            with suppress(Gone):
                await self._call.ari.stop(self._playing)
            self._playing = ""
        await self._call.quiet()


def _why(event: Event) -> str:
    """Why a seat did not answer, for the seat's page."""
    if event.kind == "SeatLost":
        return "lost"
    return "busy" if event.cause in BUSY else "unanswered" if event.cause in (*NORMAL, *UNANSWERED) else "unreachable"
