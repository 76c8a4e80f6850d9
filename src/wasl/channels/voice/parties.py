"""The caller and those we rang for him: how a leg is made, rung, told apart and ended. What for, others know."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol
from uuid import uuid4

from wasl.channels.voice.ami import Ami
from wasl.channels.voice.ari import Ari, Away, Conflict, Event, Gone
from wasl.channels.voice.caller import Caller, in_thread
from wasl.channels.voice.configuration import APP
from wasl.services.calls import commands, legs, line, sentences
from wasl.services.calls.flow import Walk
from wasl.services.calls.line import Offer
from wasl.services.calls.models import Call, Queue

log = logging.getLogger(__name__)

NORMAL, BUSY, UNANSWERED = (16, 0, 127), (17,), (18, 19)
"""Causes of an end (ITU-T Q.850)."""


class Owner(Protocol):
    """What a call needs of the controller."""

    ari: Ari
    ami: Ami
    listening: asyncio.Event
    """Asterisk is heard, and all callers are known who are there."""

    def know(self, channel: str, call: "Parties") -> None:
        """Events of this leg are the call's."""

    def forget(self, channel: str) -> None:
        """No longer."""

    def look(self) -> None:
        """Somebody waits again: see who fits. Of a seat that is ready the data base tells."""

    async def give(self, offer: Offer) -> None:
        """A seat is reserved for a caller, this one's or another."""

    def go(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the call, not waited for."""

    def endpoint(self, phone: str) -> str:
        """How a telephone outside is rung; empty where no carrier takes calls of ours."""

    def shown(self) -> str:
        """The number that those whom we ring outside see."""


@dataclass(slots=True)
class Party:
    """Somebody we ring or rang. `purpose`: answer, transfer, consult, or what a supervisor does."""

    channel: str
    kind: str
    purpose: str
    endpoint: str
    seconds: int
    staff: int | None = None
    seat: int | None = None
    unit: int | None = None
    up: bool = False
    wanted: bool = False
    """Its end was asked for."""


class Again(Exception):
    """Back into the line."""

    def __init__(self, queue: str, *, head: bool, preferred: int | None = None) -> None:
        super().__init__(queue)
        self.queue, self.head, self.preferred = queue, head, preferred


class Parties:
    """One caller and the legs that were made for him."""

    def __init__(self, owner: Owner, caller: Caller, kept: Call, walk: Walk) -> None:
        self.owner, self.caller, self.kept, self.walk = owner, caller, kept, walk
        self.ari = owner.ari
        self.all: dict[str, Party] = {}
        self.queue = ""
        self.wrap_up = timedelta(seconds=60)
        self.hears_music = True
        """Whether the caller may hear music; who was found here may."""

    @property
    def language(self) -> str:
        """The caller's."""
        return self.walk.language

    async def know_queue(self) -> None:
        """Whose caller he is, where that was decided before this controller, or this call, began."""
        queue = await in_thread(line.queue_of, self.kept.pk)
        if queue is not None:
            self.waits_in(queue)

    def waits_in(self, queue: Queue) -> None:
        """What this queue wants holds from now."""
        self.queue, self.wrap_up = queue.code, timedelta(seconds=queue.wrap_up_s)

    def name(self, of: str) -> str:
        """A new name for something of this call in Asterisk; never used twice, also not after a restart."""
        return f"{self.kept.pk}.{of}{uuid4().hex[:12]}"

    async def ring(
        self,
        kind: str,
        purpose: str,
        endpoint: str,
        seconds: int,
        *,
        staff: int | None = None,
        seat: int | None = None,
        unit: int | None = None,
        first: bool = False,
        channel: str = "",
    ) -> Party | None:
        """Make a leg, which `StasisStart` says can be dialled. None where it cannot be: nothing is left of it then.

        `first`: there is no caller yet whose codec it could take. `channel`: its name, where it is in the books.
        """
        party = Party(channel or self.name("l"), kind, purpose, endpoint, seconds, staff, seat, unit)
        self.know(party)
        out = kind in legs.OUTSIDE
        try:
            if not endpoint:
                raise Away("no carrier takes calls of ours")
            if not channel:
                await in_thread(legs.dialled, self.kept.pk, party.channel, kind, staff=staff, unit=unit, out=out)
            await self.ari.create(
                party.channel,
                endpoint,
                APP,
                "leg",
                originator="" if first else self.caller.channel.id,
                variables={"PJSIP_HEADER(add,X-Wasl-Call)": str(self.kept.pk)},
            )
        except (Gone, Conflict, Away, legs.TooMany) as error:
            log.warning("call %s: %s cannot be rung: %s", self.kept.pk, endpoint, error)
            self._forget(party)
            await in_thread(legs.ended, party.channel, "unreachable")
            return None
        return party

    def telephone(self, staff: int, phone: str) -> str:
        """How a seat is rung: at the telephone of its profile, else in the browser."""
        return self.owner.endpoint(phone) if phone else f"PJSIP/seat{staff}"

    async def until_up(self, party: Party) -> bool:
        """Until it is on the line; False when it will not be. Nothing else can be done meanwhile. Raises HungUp."""
        while True:
            event = await self.caller.next(None)
            if event is not None and event.kind == "Command":
                await in_thread(commands.done, event.said["command"], "gone")
            if event is None or event.channel is None or event.channel.id != party.channel:
                continue
            if event.kind == "StasisStart":
                await self.dial(party)
            elif event.kind == "ChannelStateChange" and event.channel.state == "Up":
                party.up = True
                return True
            elif event.kind in ("ChannelDestroyed", "SeatLost"):
                await self.gone(party, event)
                return False

    async def dial(self, party: Party) -> None:
        """Let it ring."""
        outside = party.kind in legs.OUTSIDE
        with suppress(Gone):
            await self.ari.dial(party.channel, party.seconds, self.owner.shown() if outside else self.kept.hint)

    def know(self, party: Party) -> None:
        """It is one of us."""
        self.all[party.channel] = party
        self.owner.know(party.channel, self)

    def of(self, staff: int) -> Party | None:
        """The leg of this person."""
        return next((one for one in self.all.values() if one.staff == staff), None)

    async def hang_up(self, party: Party) -> None:
        """End its leg; `ChannelDestroyed` follows."""
        with suppress(Gone):
            await self.ari.hang_up(party.channel)

    async def leave(self, party: Party) -> None:
        """It leaves because that is wanted; nothing is waited for."""
        party.wanted = True
        await self.hang_up(party)
        await self.gone(party, None)

    async def gone(self, party: Party, event: Event | None) -> None:
        """Its leg is no more: keep that, and free its seat."""
        self._forget(party)
        lost = event is not None and event.kind == "SeatLost"
        if lost:
            await self.hang_up(party)
        cause = "lost" if lost else str(event.cause) if event else ""
        of = None
        if party.seat is not None and party.up:
            of = legs.Of(party.seat, self.wrap_up, "lost" if lost else "")
        elif party.seat is not None and party.purpose != "answer":
            of = legs.Of(party.seat)
        await in_thread(legs.gone, party.channel, cause, self.kept.pk, of)

    def _forget(self, party: Party) -> None:
        self.all.pop(party.channel, None)
        self.owner.forget(party.channel)

    async def music(self) -> None:
        """The caller hears music."""
        self.hears_music = True
        await self.ari.music(self.caller.channel.id)

    async def quiet(self) -> None:
        """No longer."""
        if self.hears_music:
            with suppress(Conflict):
                await self.ari.quiet(self.caller.channel.id)
            self.hears_music = False

    async def say(self, words: str) -> None:
        """A fixed sentence to the caller, who is in no bridge."""
        await self.caller.say([sentences.said(words, self.language)], None, self.language)

    async def all_leave(self) -> None:
        """Nobody but the caller is left."""
        for party in list(self.all.values()):
            with suppress(Away, Conflict):
                await self.hang_up(party)
            party.wanted = True
            await self.gone(party, None)
