"""Decides what callers hear: one task for each call, which plays, listens, asks the house, and goes on.

A call's events come to its task in their order; what the task commands is commanded in its order. The connection is
read by a task that does nothing else. Who waits is given to a seat by `_give_out`, woken by whatever may matter; what
people at the desk want done comes through the data base.
"""

import asyncio
import logging
import os
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import psycopg
from django.conf import settings
from django.db import Error

from wasl.channels.voice import carriers, found, phones
from wasl.channels.voice.ami import Ami, Refused
from wasl.channels.voice.ami import Away as ManagerAway
from wasl.channels.voice.ari import Ari, Away, Channel, Conflict, Event, Gone
from wasl.channels.voice.callback import CallBack
from wasl.channels.voice.caller import Caller, HungUp, in_thread, in_thread_of
from wasl.channels.voice.configuration import APP, BEAT, DEGRADED
from wasl.channels.voice.live import LiveCall
from wasl.channels.voice.menu import sweep
from wasl.channels.voice.parties import Parties
from wasl.channels.voice.speech import Speech
from wasl.kernel import links
from wasl.services.calls import actions, commands, flows, line, news, owed, seats, sentences
from wasl.services.calls.checking import spoken
from wasl.services.calls.line import Offer
from wasl.services.calls.models import Call, Waiting

log = logging.getLogger(__name__)

_AGAIN_S = 0.5
_LOOK_S = 1.0
_LOST_S = 1.0
_CARRIERS_S = 10.0
_ENDS_S = 2.0
_GONE = ("Removed", "Unreachable")


class Controller:
    """All calls of one Asterisk. `run` until it is cancelled."""

    def __init__(self, ari: Ari, ami: Ami, speech: Speech, conninfo: str) -> None:
        self.ari, self.ami, self.speech = ari, ami, speech
        self._conninfo = conninfo
        self._by_channel: dict[str, Caller] = {}
        self._by_call: dict[int, Parties] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._looks = asyncio.Event()
        self._commands = asyncio.Event()
        self._seats = asyncio.Event()
        self._settings = asyncio.Event()
        self._connected = 0
        self._ordered: set[int] = set()
        self._seated: dict[str, str] = {}
        self._rung: set[str] = set()
        self._outside = phones.Outside()
        self.listening = asyncio.Event()
        # Giving out does not wait behind callers who arrive: in a rush nobody would be answered.
        self._decides = ThreadPoolExecutor(1)

    async def run(self) -> None:
        """Listen for ever; while Asterisk is away, try again. Raises psycopg.Error when the data base is lost."""
        news_of_house = await psycopg.AsyncConnection.connect(
            self._conninfo, autocommit=True, application_name="wasl voice"
        )
        async with news_of_house, asyncio.TaskGroup() as group:
            for work in (
                self._hear_house(news_of_house), self._beat(), self._give_out(), self._order(), self._register(),
                self._know_carriers(), _logged(self._speak_ahead()), sweep(self.ari),
            ):  # fmt: skip
                group.create_task(work)
            while True:
                try:
                    async for event in self.ari.events(APP):
                        self._hear(event)
                    log.warning("Asterisk closed the connection")
                except Away as error:
                    log.warning("Asterisk is away: %s", error)
                self.listening.clear()
                self._connected += 1
                await asyncio.sleep(_AGAIN_S)

    # What a call needs of its owner ---------------------------------------------------------------------------------

    def knows(self, channel: str) -> bool:
        """Whether somebody is told of the events of this leg."""
        return channel in self._by_channel

    def know(self, channel: str, call: Parties) -> None:
        """Events of this leg are the call's."""
        self._by_channel[channel] = call.caller

    def forget(self, channel: str) -> None:
        """No longer."""
        self._by_channel.pop(channel, None)

    def look(self) -> None:
        """Somebody waits again."""
        self._looks.set()

    def go(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside everything else; what it raises is logged."""
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def endpoint(self, phone: str) -> str:
        """How a telephone outside is rung; empty where no carrier takes calls of ours."""
        return self._outside.endpoint(phone)

    def shown(self) -> str:
        """The number that those whom we ring outside see."""
        return self._outside.shown

    # Events ---------------------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        """Put the event into its call's box; nothing is waited for here."""
        if event.kind == "Connected":
            # It may be another Asterisk than before, which knows no seat.
            self._seated.clear()
            self._rung.clear()
            self._seats.set()
            self._settings.set()
            self._connected += 1
            self.go(self._find())
            return
        if event.kind == "ApplicationReplaced":
            # Another controller commands from now: this one must not.
            log.error("another controller has taken over")
            os._exit(1)
        if event.kind == "StasisStart" and event.channel and event.args[:1] == ("inbound",):
            self.go(self.came(event.channel, event.args[1] if len(event.args) > 1 else ""))
            return
        if event.kind == "ContactStatusChange":
            self._contact(event)
            return
        caller = self._by_channel.get(_leg(event))
        if caller is not None:
            caller.box.put_nowait(event)

    async def came(self, channel: Channel, number: str) -> None:
        """A new call, once. Its box is there before anything is waited for."""
        if self.knows(channel.id):
            return
        caller = Caller(self.ari, self.speech, channel)
        self._by_channel[channel.id] = caller
        try:
            kept, walk = await in_thread(actions.came, channel.id, number, channel.caller)
        except Exception as error:
            log.exception("call %s", channel.id)
            await _end_if_lost(error)
            self.forget(channel.id)
            await self._degrade(channel.id)
            return
        if walk is None:
            log.error("no line has a flow: call %s goes to whoever the dialplan knows", channel.id)
            self.forget(channel.id)
            await self._degrade(channel.id)
            await in_thread(actions.ended, kept, Call.Outcome.LOST, "")
            return
        call = LiveCall(self, caller, kept, walk)
        call.hears_music = False
        await self.serve(call, call.serve())

    async def serve(self, call: LiveCall, work: Coroutine[Any, Any, Call.Outcome]) -> None:
        """Do the work of a call, and keep how it ended."""
        channel = call.caller.channel.id
        self._by_channel[channel], self._by_call[call.kept.pk] = call.caller, call
        outcome = Call.Outcome.LOST
        try:
            outcome = await work
        except HungUp:
            outcome = Call.Outcome.LEFT
        except Gone as error:
            # Mostly he is; where it was somebody else's leg, he is not left in silence.
            log.info("call %s: %s", call.kept.pk, error)
            outcome = Call.Outcome.LEFT
            await self._degrade(channel)
        except (Away, Conflict) as error:
            log.warning("call %s: %s", call.kept.pk, error)
            await self._degrade(channel)
        except Exception as error:
            log.exception("call %s", call.kept.pk)
            await _end_if_lost(error)
            # Not in silence: what happens next is the dialplan's.
            await self._degrade(channel)
        finally:
            self.forget(channel)
            if self._by_call.get(call.kept.pk) is call:
                del self._by_call[call.kept.pk]
            await call.close()
            await in_thread(actions.ended, call.kept, outcome, call.language)

    async def _degrade(self, channel: str) -> None:
        with suppress(Gone, Away, Conflict):
            await self.ari.leave(channel, DEGRADED)

    def _contact(self, event: Event) -> None:
        """A browser's connection came or went. Gone with nothing more to be heard from its leg: its agent is lost."""
        endpoint = str(event.said.get("endpoint", {}).get("resource", ""))
        if event.said.get("contact_info", {}).get("contact_status") not in _GONE or not endpoint.startswith("seat"):
            return
        staff = int(endpoint.removeprefix("seat"))
        for call in dict.fromkeys(self._by_call.values()):
            party = call.of(staff)
            if party is not None:
                self.go(self._is_lost(call, party.channel))

    async def _is_lost(self, call: Parties, channel: str) -> None:
        """Whether the leg is silent on the wire; a page that only connected anew goes on sending."""
        try:
            before = await self.ari.received(channel)
            await asyncio.sleep(_LOST_S)
            if await self.ari.received(channel) > before:
                return
        except (Gone, Away, Conflict):
            pass
        party = call.all.get(channel)
        if party is not None:
            leg = Channel(channel, "", "", "", "", "")
            call.caller.box.put_nowait(Event("SeatLost", channel=leg))

    # Who is given to whom -------------------------------------------------------------------------------------------

    async def _give_out(self) -> None:
        tidied = 0.0
        while True:
            await self.listening.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._looks.wait()
            self._looks.clear()
            if time.monotonic() - tidied > _LOOK_S:
                await in_thread(seats.tidy)
                tidied = time.monotonic()
            while (offer := await in_thread_of(self._decides, line.assign)) is not None:
                await self.give(offer)

    async def give(self, offer: Offer) -> None:
        """A seat is reserved for a caller."""
        call = self._by_call.get(offer.call)
        if call is not None and not offer.callback:
            call.caller.box.put_nowait(Event("Offer", said={"offer": offer}))
        elif offer.callback:
            back = await CallBack.to(self, offer)
            self.go(self.serve(back, back.serve_back()))
        else:
            # Nobody is there to take it: a fault of ours that must not cost the seat anything.
            log.error("call %s waits without anybody who serves it", offer.call)
            await in_thread(line.left, offer.waiting, Waiting.State.LOST)
            await in_thread(line.withdrawn, offer)

    # What is wanted done --------------------------------------------------------------------------------------------

    async def _order(self) -> None:
        while True:
            await self._commands.wait()
            self._commands.clear()
            waiting = await in_thread(commands.waiting_commands)
            self._ordered &= {command.pk for command in waiting}
            for command in waiting:
                if command.pk in self._ordered:
                    continue
                call = self._by_call.get(command.call_id)
                if call is None:
                    await in_thread(commands.done, command, "over")
                else:
                    self._ordered.add(command.pk)
                    call.caller.box.put_nowait(Event("Command", said={"command": command}))

    async def _hear_house(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.execute(f"LISTEN {news.CHANNEL}")
        for each in (self._looks, self._commands, self._seats):
            each.set()
        while True:
            async for notice in connection.notifies(timeout=5):
                if notice.payload == "seats":
                    self._settings.set()
                {"command": self._commands, "seats": self._seats}.get(notice.payload, self._looks).set()
            await connection.execute("SELECT 1")

    # Seats, heart, speech -------------------------------------------------------------------------------------------

    async def _register(self) -> None:
        """Asterisk knows the browsers of those who have a seat, and nobody else's."""
        while True:
            await self._seats.wait()
            self._seats.clear()
            try:
                await self.listening.wait()
                await phones.register(self.ari, self._seated)
                await phones.ring_alone(self.ami, self._seated.keys(), self._rung)
            except ManagerAway:
                await asyncio.sleep(_AGAIN_S)
                self._seats.set()
            except (Away, Conflict, Gone) as error:
                log.warning("seats could not be made known: %s", error)
                self._seated.clear()
                await asyncio.sleep(_AGAIN_S)
                self._seats.set()

    async def _know_carriers(self) -> None:
        """Asterisk knows the carriers as they are set, and the desk how it stands with them."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CARRIERS_S):
                    await self._settings.wait()
            self._settings.clear()
            try:
                await carriers.keep(self.ami, settings.WASL_VOICE)
                await carriers.look(self.ari, self.ami)
            except (ManagerAway, Refused, Away, Conflict, Gone, OSError) as error:
                log.warning("how it stands with the carriers is not known: %s", error)
            # Where the first carrier is silent, calls of ours go by the next.
            self._outside = await in_thread(phones.outside)

    async def _beat(self) -> None:
        """Tell Asterisk that we live; the guard looks there."""
        while True:
            with suppress(Away, Conflict, Gone):
                await self.beat()
            await asyncio.sleep(1)

    async def beat(self, more_s: float = 0.0) -> None:
        """Once; with `more_s` as if it were so much later, for who comes after us. Raises what the ARI raises."""
        await self.ari.variable(BEAT, f"{time.time() + more_s:.1f} {os.getpid()}")

    async def _speak_ahead(self) -> None:
        """Make what every caller hears before the first one calls."""
        for flow in await in_thread(flows.answering):
            await self.speech.files(spoken(flow))
        await self.speech.files(await in_thread(flows.articles_spoken))
        await self.speech.files(one for words in sentences.FIXED for one in sentences.all_of(words))

    # What was there before ------------------------------------------------------------------------------------------

    async def _find(self) -> None:
        """Go on with the calls that are on; end those that are not. Events meanwhile wait in their boxes."""
        connected = self._connected
        while connected == self._connected:
            try:
                # Who talked or waited in an Asterisk before this one, before his task ends him in the books.
                if cut := await in_thread(owed.of_fallen, await self.ari.began()):
                    log.error("Asterisk has fallen: %d are to be called back", cut)
                await self._tell_missed()
                await found.go_on(self, self._by_call)
            except (Away, Conflict, Gone, Error) as error:
                log.warning("what was there before is not known: %s", error)
            else:
                return
            finally:
                # Whoever comes now is served, whatever becomes of those before.
                if connected == self._connected:
                    self.listening.set()
                    self._looks.set()
            await asyncio.sleep(_AGAIN_S)

    async def _tell_missed(self) -> None:
        """While nobody listened legs may have gone, or been answered: those who wait for that are told now."""
        # Who comes while Asterisk is asked is not in its list.
        waiting = list(self._by_channel.items())
        there = {one.id: one for one in await self.ari.channels()}
        for name, caller in waiting:
            channel = there.get(name)
            if channel is None:
                gone = Channel(name, "", "", "", "", "")
                caller.box.put_nowait(Event("ChannelDestroyed", channel=gone))
            elif channel.state == "Up":
                caller.box.put_nowait(Event("ChannelStateChange", channel=channel))


def _leg(event: Event) -> str:
    """The leg that an event is about."""
    if event.playback or event.recording:
        about = event.said["playback" if event.playback else "recording"]
        return str(about.get("target_uri", "")).removeprefix("channel:")
    return event.channel.id if event.channel else ""


async def _end_if_lost(error: Exception) -> None:
    """Where the data base is lost we end: who comes after us goes on with each call that is on, in the books or not."""
    if isinstance(error, Error) and links.is_lost(error):
        await asyncio.sleep(_ENDS_S)
        os._exit(1)


async def _logged(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception:
        log.exception("beside a call")
