"""One call while it is on: through the menu, in line, with people, until nobody is left to speak with.

What is true is in the data base before Asterisk is told of it. Whatever ends a call, `close` leaves nothing behind: no
leg, no bridge, no seat that waits for a call that is over.
"""

from collections.abc import Sequence
from contextlib import suppress

from wasl.channels.voice.ari import Gone
from wasl.channels.voice.caller import HungUp, in_thread
from wasl.channels.voice.menu import menu
from wasl.channels.voice.parties import Again, Parties, Party
from wasl.channels.voice.talk import Talk
from wasl.channels.voice.waiting import Came, InLine
from wasl.services.calls import actions, commands, legs, line, sentences
from wasl.services.calls.flow import MAILBOX
from wasl.services.calls.models import Call, Leg, Waiting

Outcome = Call.Outcome
_UNIT_S = 30


class LiveCall(Parties):
    """One caller, as a whole."""

    _waits: InLine | None = None
    _waiting: Waiting | None = None

    async def serve(self) -> Call.Outcome:
        """From the beginning of its flow; how it ended. What it raises is for its owner."""
        act = await menu(self.caller, self.kept, self.walk)
        try:
            if act.transfer and await self._unit_answers(act.transfer):
                return Outcome.ANSWERED
        except Again as again:
            return await self._people(again)
        if act.queue or act.transfer:
            return await self._people(Again(act.queue or line.FIRST, head=False))
        with suppress(Gone):
            await self.ari.hang_up(self.caller.channel.id)
        return Outcome.SERVED

    async def go_on_waiting(self, waiting: Waiting) -> Call.Outcome:
        """Found in line by a controller that has just begun."""
        return await self._people(Again(waiting.queue.code, head=True), waiting)

    async def go_on_talking(self, parties: Sequence[Party], talk: Talk) -> Call.Outcome:
        """Found in conversation by a controller that has just begun."""
        for party in parties:
            self.know(party)
        await self.know_queue()
        try:
            await self._talk(talk)
        except Again as again:
            return await self._people(again)
        return Outcome.ANSWERED

    async def _people(self, how: Again, waiting: Waiting | None = None) -> Call.Outcome:
        """In line, where he may be already, and in conversation, as often as it takes."""
        while True:
            if waiting is None:
                # Nobody is given out before all callers are found who were there before this controller.
                give = self.owner.listening.is_set()
                waiting, offer = await in_thread(
                    line.enter, self.kept, how.queue, self.language, head=how.head, preferred=how.preferred, give=give
                )
                if offer is not None:
                    self.owner.go(self.owner.give(offer))
                    if waiting is not None and offer.waiting != waiting.pk:
                        self.owner.look()
            if waiting is None:
                await self.say(sentences.FULL)
                return await self._mailbox()
            try:
                return await self._in_line(waiting)
            except Again as again:
                how, waiting = again, None

    async def _unit_answers(self, code: str) -> bool:
        """Ring the unit's telephone and let them talk; False where nobody answers there: then he waits for a person."""
        unit = await in_thread(commands.unit_of, code)
        if unit is None:
            return False
        await self.music()
        party = await self.ring(Leg.Kind.UNIT, "answer", self.owner.endpoint(unit.phone), _UNIT_S, unit=unit.pk)
        if party is None or not await self.until_up(party):
            await self.quiet()
            return False
        await in_thread(legs.answered, party.channel)
        await in_thread(actions.answered, self.kept)
        await self._talk(Talk(self), party)
        return True

    async def _in_line(self, waiting: Waiting) -> Call.Outcome:
        self.waits_in(waiting.queue)
        self._waiting, self._waits = waiting, InLine(self, waiting)
        try:
            came, agent = await self._waits.until_over()
        except HungUp:
            return Outcome.ABANDONED
        if came is Came.MAILBOX:
            return await self._mailbox()
        if came is Came.CALLBACK:
            return await self.say_called_back()
        assert agent is not None  # noqa: S101  # it came to an answer
        talk = Talk(self)
        await self._talk(talk, agent)
        return Outcome.ANSWERED

    async def say_called_back(self) -> Call.Outcome:
        """He hangs up and keeps his place."""
        with suppress(HungUp, Gone):
            await self.say(sentences.CALLED_BACK)
            await self.ari.hang_up(self.caller.channel.id)
        return Outcome.CALLBACK

    async def _talk(self, talk: Talk, agent: Party | None = None) -> None:
        try:
            if agent is not None:
                await talk.begin(agent)
            await talk.until_over()
        finally:
            await self.all_leave()
            await talk.end()

    async def _mailbox(self) -> Call.Outcome:
        """To the mailbox of the flow."""
        await menu(self.caller, self.kept, self.walk, self.walk.go(MAILBOX))
        with suppress(Gone):
            await self.ari.hang_up(self.caller.channel.id)
        return Outcome.MAILBOX

    async def close(self) -> None:
        """Nothing is left behind."""
        await self.all_leave()
        if self.caller.channel.id.startswith(f"{self.kept.pk}."):
            # Who was called back is at the end of a leg of ours.
            await in_thread(legs.ended, self.caller.channel.id, "")
        if self._waiting is not None and self._waits is not None and not self._waits.over:
            await in_thread(line.left, self._waiting.pk, Waiting.State.LOST)
