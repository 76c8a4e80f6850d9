"""A caller in conversation: hold, consult, three parties, transfer, and a supervisor who listens, whispers, helps.

All is one mixing bridge. On hold the caller is outside it with music; whoever is consulted is inside with the agent; a
transfer is a consultation that ends by itself. Who listens is in a bridge of his own with a snooping leg.
"""

import logging
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any

from wasl.channels.voice.ami import Away as ManagerAway
from wasl.channels.voice.ami import Refused
from wasl.channels.voice.ari import Away, Conflict, Event, Gone
from wasl.channels.voice.caller import HungUp, in_thread
from wasl.channels.voice.configuration import APP
from wasl.channels.voice.parties import BUSY, NORMAL, Again, Parties, Party
from wasl.services.calls import commands, legs, seats, sentences
from wasl.services.calls.commands import Target, Verb
from wasl.services.calls.models import Command, Leg

log = logging.getLogger(__name__)

_RING_S = 20


class Talk:
    """One conversation. `bridge` and `inside` (is the caller in it) are given where one was found going on.

    So are `private` and `snoop`: the bridge of a supervisor who listens, and the leg by which he does.
    """

    def __init__(
        self, call: Parties, bridge: str = "", *, inside: bool = False, private: str = "", snoop: str = ""
    ) -> None:
        self._call, self._bridge, self._inside = call, bridge, inside
        self._ari = call.ari
        self._private, self._snoop = private, snoop
        self._does: Mapping[str, Callable[[Command], Coroutine[Any, Any, str]]] = {
            Verb.HOLD: self._do_hold,
            Verb.RESUME: self._do_resume,
            Verb.HANG_UP: self._do_hang_up,
            Verb.TRANSFER: self._do_ring,
            Verb.CONSULT: self._do_ring,
            Verb.JOIN: self._do_join,
            Verb.HAND_OVER: self._do_hand_over,
            Verb.CANCEL: self._do_cancel,
            Verb.PAUSE: self._do_mute,
            Verb.GO_ON: self._do_mute,
            Verb.LISTEN: self._do_watch,
            Verb.WHISPER: self._do_watch,
            Verb.BARGE: self._do_watch,
            Verb.TAKE_OVER: self._do_watch,
            Verb.STOP: self._do_stop,
        }

    async def begin(self, agent: Party) -> None:
        """The agent has answered."""
        self._bridge = self._call.name("b")
        await self._ari.bridge(self._bridge)
        await self._call.quiet()
        # One of them may be gone already: his end is the next thing that is heard of him.
        with suppress(Gone):
            await self._ari.add(self._bridge, self._call.caller.channel.id, agent.channel)
        self._inside = True

    async def until_over(self) -> None:
        """Until the caller, or the last of us, hangs up. Raises Again where he is to wait once more."""
        with suppress(HungUp):
            while True:
                event = await self._call.caller.next(None)
                if event is not None and await self._happened(event):
                    return

    async def end(self) -> None:
        """Leave nothing behind."""
        with suppress(Gone, Away, Conflict):
            await self._unwatch()
        with suppress(Gone, Away, Conflict):
            await self._ari.destroy(self._bridge)

    async def _happened(self, event: Event) -> bool:
        """True when the conversation is over."""
        if event.kind == "Command":
            await self._do(event.said["command"])
            return False
        if event.kind == "StasisStart" and event.args[:1] == ("snoop",):
            with suppress(Gone):
                await self._ari.add(self._private, self._snoop)
            return False
        party = self._call.all.get(event.channel.id) if event.channel else None
        if party is None or event.channel is None:
            return False
        if event.kind == "StasisStart":
            await self._call.dial(party)
        elif event.kind == "ChannelStateChange" and event.channel.state == "Up" and not party.up:
            party.up = True
            await in_thread(legs.answered, party.channel)
            # He, or whom he joins, may be gone already: that end is the next thing that is heard of him.
            with suppress(Gone):
                await self._joined(party)
        elif event.kind in ("ChannelDestroyed", "SeatLost"):
            await self._call.gone(party, event)
            return await self._without(party, event)
        return False

    def _who(self, *purposes: str) -> Party | None:
        return next((one for one in self._call.all.values() if one.purpose in purposes), None)

    @property
    def _agent(self) -> Party | None:
        """Who has the call."""
        return self._who("answer")

    @property
    def _third(self) -> Party | None:
        """Who is asked, or shall take it."""
        return self._who(Verb.CONSULT, Verb.TRANSFER)

    @property
    def _watcher(self) -> Party | None:
        """The supervisor who listens or helps."""
        return self._who(*commands.SUPERVISING)

    async def _joined(self, party: Party) -> None:
        """Somebody we rang is on the line."""
        if party.seat is not None:
            await in_thread(seats.busy, party.seat, self._call.kept.pk)
        if party.purpose in commands.SUPERVISING:
            await self._watch(party)
            return
        await self._ari.add(self._bridge, party.channel)
        agent = self._agent
        # Who was to be asked has the caller, where the agent has left meanwhile.
        if agent is None or party.purpose == Verb.TRANSFER:
            await self._take(party)
            if agent:
                await self._call.leave(agent)

    async def _take(self, party: Party) -> None:
        """He has the caller from now; he is responsible once he says so (E7)."""
        await self._resume()
        party.purpose = "answer"
        if party.staff is not None:
            await in_thread(commands.ask_successor, self._call.kept.pk, party.staff)

    async def _without(self, party: Party, event: Event) -> bool:
        """Somebody has left; True when nobody is left to speak with."""
        if party.purpose in commands.SUPERVISING:
            await self._unwatch()
            return False
        if self._agent is not None:
            # The caller is the agent's again, where he was not all the time.
            if party.purpose != "answer":
                await self._resume()
            return False
        third = self._third
        if third is not None:
            # Who is asked and there has the caller; for who still rings the caller waits with music.
            if third.up:
                await self._take(third)
            return False
        watcher = self._watcher
        if watcher is not None and watcher.purpose in (Verb.BARGE, Verb.TAKE_OVER):
            await self._take(watcher)
            return False
        lost = event.kind == "SeatLost" or event.cause not in (*NORMAL, *BUSY)
        if party.purpose != "answer" or (lost and not party.wanted):
            await self._apart()
            await self._call.say(sentences.AGENT_LOST if party.purpose == "answer" else sentences.COMES_BACK)
            raise Again(self._call.queue, head=True, preferred=party.staff if party.purpose == "answer" else None)
        with suppress(Gone):
            await self._ari.hang_up(self._call.caller.channel.id)
        return True

    # What is wanted done. Each gives why it was not done, in a word that the page knows; or nothing. ----------------

    async def _do(self, command: Command) -> None:
        wrong = "fault"
        try:
            wrong = await self._does[command.verb](command)
        except (Gone, Conflict, Away) as error:
            log.warning("call %s: %s: %s", self._call.kept.pk, command.verb, error)
            wrong = "gone"
        except Again:
            wrong = ""
            raise
        finally:
            await in_thread(commands.done, command, wrong)

    async def _do_hold(self, _command: Command) -> str:
        await self._hold()
        return ""

    async def _do_resume(self, _command: Command) -> str:
        await self._resume()
        return ""

    async def _do_hang_up(self, command: Command) -> str:
        mine = self._call.of(command.by_id)
        if mine is None:
            return "gone"
        mine.wanted = True
        await self._call.hang_up(mine)
        return ""

    async def _do_ring(self, command: Command) -> str:
        """Consult or transfer."""
        if self._third is not None:
            return "busy"
        target = await in_thread(commands.target_of, command.target)
        if target is None:
            return "unreachable"
        if target.queue is not None:
            await self._apart()
            await self._call.all_leave()
            raise Again(target.queue.code, head=False)
        await self._hold()
        if await self._ring(target, command.verb):
            return ""
        await self._resume()
        return "unreachable"

    async def _ring(self, target: Target, purpose: str) -> bool:
        call = self._call
        if target.unit is not None:
            endpoint = call.owner.endpoint(target.unit.phone)
            return await call.ring(Leg.Kind.UNIT, purpose, endpoint, _RING_S, unit=target.unit.pk) is not None
        assert target.staff is not None  # noqa: S101  # one of the three
        reserved = await in_thread(seats.reserve, target.staff, call.kept.pk)
        if reserved is None:
            return False
        staff, seat = target.staff.pk, reserved.seat
        endpoint = call.telephone(staff, reserved.phone)
        if await call.ring(Leg.Kind.EXPERT, purpose, endpoint, _RING_S, staff=staff, seat=seat):
            return True
        await in_thread(seats.released, seat, call.kept.pk, None)
        return False

    async def _do_join(self, _command: Command) -> str:
        third = self._third
        if third is None or not third.up:
            return "nobody"
        await self._resume()
        return ""

    async def _do_hand_over(self, _command: Command) -> str:
        third, agent = self._third, self._agent
        if third is None or not third.up:
            return "nobody"
        await self._take(third)
        if agent:
            await self._call.leave(agent)
        return ""

    async def _do_cancel(self, _command: Command) -> str:
        third = self._third
        if third is None:
            return "nobody"
        third.wanted = True
        await self._call.hang_up(third)
        return ""

    async def _do_mute(self, command: Command) -> str:
        """The recording is silent while a secret is said."""
        state = "1" if command.verb == Verb.PAUSE else "0"
        name = self._call.caller.channel.name
        try:
            await self._call.owner.ami.do("MixMonitorMute", Channel=name, Direction="both", State=state)
        except (ManagerAway, Refused) as error:
            log.warning("call %s: %s", self._call.kept.pk, error)
            return "refused"
        return ""

    async def _do_watch(self, command: Command) -> str:
        if watcher := self._watcher:
            if watcher.staff != command.by_id:
                return "busy"
            watcher.purpose = command.verb
            if watcher.up:
                await self._watch(watcher)
            return ""
        phone = await in_thread(seats.phone_of, command.by)
        if phone is None:
            return "unreachable"
        endpoint = self._call.telephone(command.by_id, phone)
        party = await self._call.ring(Leg.Kind.SUPERVISOR, command.verb, endpoint, _RING_S, staff=command.by_id)
        return "" if party else "unreachable"

    async def _do_stop(self, _command: Command) -> str:
        watcher = self._watcher
        if watcher is None:
            return "nobody"
        watcher.wanted = True
        await self._call.hang_up(watcher)
        return ""

    async def _watch(self, watcher: Party) -> None:
        """As his purpose says: hear both, be heard by the agent only, be one of three, or have the call."""
        agent = self._agent
        await self._end_snoop()
        if watcher.purpose in (Verb.LISTEN, Verb.WHISPER) and agent is not None:
            if not self._private:
                self._private = self._call.name("p")
                await self._ari.bridge(self._private)
            # From the conversation, where he has helped before, a leg goes by being added elsewhere.
            await self._ari.add(self._private, watcher.channel)
            self._snoop = self._call.name("s")
            self._call.owner.know(self._snoop, self._call)
            await self._ari.snoop(agent.channel, self._snoop, APP, "out" if watcher.purpose == Verb.WHISPER else "none")
            return
        await self._ari.add(self._bridge, watcher.channel)
        await self._unwatch()
        if watcher.purpose == Verb.TAKE_OVER:
            await self._take(watcher)
            if agent is not None:
                await self._call.leave(agent)

    async def _end_snoop(self) -> None:
        if self._snoop:
            self._call.owner.forget(self._snoop)
            with suppress(Gone):
                await self._ari.hang_up(self._snoop)
        self._snoop = ""

    async def _unwatch(self) -> None:
        await self._end_snoop()
        if self._private:
            with suppress(Gone):
                await self._ari.destroy(self._private)
        self._private = ""

    async def _hold(self) -> None:
        """The caller hears music; the others go on."""
        if self._inside:
            await self._ari.remove(self._bridge, self._call.caller.channel.id)
            self._inside = False
            await self._call.music()

    async def _resume(self) -> None:
        """The caller is in the conversation."""
        if not self._inside:
            await self._call.quiet()
            await self._ari.add(self._bridge, self._call.caller.channel.id)
            self._inside = True

    async def _apart(self) -> None:
        """The caller alone again."""
        if self._inside:
            with suppress(Gone, Conflict):
                await self._ari.remove(self._bridge, self._call.caller.channel.id)
        await self._call.quiet()
        self._inside = False
