"""A caller who hung up and kept his place: first the agent is rung, then he is. Once, not twice."""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from wasl.channels.voice.ami import Away as ManagerAway
from wasl.channels.voice.ami import Refused
from wasl.channels.voice.ari import Away, Channel, Conflict, Gone
from wasl.channels.voice.caller import Caller, HungUp, in_thread
from wasl.channels.voice.configuration import APP
from wasl.channels.voice.live import LiveCall
from wasl.channels.voice.parties import Again, Party
from wasl.channels.voice.talk import Talk
from wasl.services.calls import actions, commands, legs, line
from wasl.services.calls.line import Offer
from wasl.services.calls.models import Call, Command, Leg

if TYPE_CHECKING:
    from wasl.channels.voice.controller import Controller

log = logging.getLogger(__name__)

_CITIZEN_S = 30


class CallBack(LiveCall):
    """One call back. Its caller's leg does not exist until the agent is there."""

    offer: Offer

    @classmethod
    async def to(cls, owner: "Controller", offer: Offer) -> Self:
        """For a place in line that was given a seat."""
        kept, walk = await in_thread(actions.to_call_back, offer.call)
        channel = Channel(line.back_channel(kept.pk, offer.waiting), "", "", "", "", "")
        back = cls(owner, Caller(owner.ari, owner.speech, channel), kept, walk)
        back.offer = offer
        return back

    async def serve_back(self) -> Call.Outcome:
        """Ring the agent, then the citizen; how it ended."""
        offer = self.offer
        await self.know_queue()
        endpoint = self.telephone(offer.staff, offer.phone)
        agent = await self.ring(
            Leg.Kind.AGENT, "answer", endpoint, offer.ring_s, staff=offer.staff, seat=offer.seat, first=True,
            channel=offer.channel,
        )  # fmt: skip
        if agent is None or not await self.until_up(agent):
            await in_thread(line.refused, offer, "unanswered")
            return Call.Outcome.CALLBACK
        if not await in_thread(line.answered, offer):
            await self.leave(agent)
            return Call.Outcome.CALLBACK
        return await self._ring_citizen(agent)

    async def _ring_citizen(self, agent: Party) -> Call.Outcome:
        bridge = self.name("b")
        try:
            if not await self._reached(agent, bridge):
                await in_thread(line.not_reached, self.kept.pk)
                return Call.Outcome.CALLBACK
            await self._talk(Talk(self, bridge, inside=True))
        except Again as again:
            return await self._people(again)
        finally:
            with suppress(Gone, Away, Conflict):
                await self.ari.hang_up(self.caller.channel.id)
            with suppress(Gone, Away, Conflict):
                await self.ari.destroy(bridge)
        return Call.Outcome.ANSWERED

    async def _reached(self, agent: Party, bridge: str) -> bool:
        """Whether he is in the bridge with the agent, who waits there for him."""
        channel = self.caller.channel.id
        try:
            await self.ari.bridge(bridge)
            await self.ari.add(bridge, agent.channel)
            await in_thread(legs.dialled, self.kept.pk, channel, Leg.Kind.CITIZEN, out=True)
            endpoint = self.owner.endpoint(await in_thread(actions.number_of, self.kept))
            await self.ari.create(channel, endpoint, APP, "leg", originator=agent.channel, variables={})
            if not await self._he_answers():
                return False
            await in_thread(legs.answered, channel)
            await in_thread(actions.answered, self.kept)
            await self._record()
            await self.ari.add(bridge, channel)
        except (HungUp, Gone, Away, Conflict, legs.TooMany) as error:
            log.info("call %s: called back in vain: %r", self.kept.pk, error)
            return False
        return True

    async def _he_answers(self) -> bool:
        """Raises HungUp when his telephone is busy or not answered; False when the agent does not wait for it."""
        while True:
            event = await self.caller.next(_CITIZEN_S + 10)
            if event is None:
                return False
            if event.kind == "Command":
                await self._do(event.said["command"])
            if event.channel is None:
                continue
            if event.channel.id == self.caller.channel.id:
                if event.kind == "StasisStart":
                    self.caller.channel = event.channel
                    await self.ari.dial(event.channel.id, _CITIZEN_S, self.owner.shown())
                elif event.kind == "ChannelStateChange" and event.channel.state == "Up":
                    return True
            elif event.channel.id in self.all and event.kind in ("ChannelDestroyed", "SeatLost"):
                await self.gone(self.all[event.channel.id], event)
                return False

    async def _do(self, command: Command) -> None:
        """Before he is on the line only one thing can be done: who waits for him there can hang up."""
        mine = self.of(command.by_id) if command.verb == Command.Verb.HANG_UP else None
        if mine is not None:
            mine.wanted = True
            await self.hang_up(mine)
        await in_thread(commands.done, command, "" if mine else "gone")

    async def _record(self) -> None:
        """As the dialplan does for calls that come in."""
        try:
            await self.owner.ami.do(
                "MixMonitor",
                Channel=self.caller.channel.name,
                File=f"{actions.recording_name(self.caller.channel.id)}",
                Options="Di(WASL_MIX)",
            )
        except (ManagerAway, Refused) as error:
            log.warning("call %s is not recorded: %s", self.kept.pk, error)
