"""What a controller that has just begun finds: calls that are on, and calls of which only the data base knows.

Who talks goes on talking, who waits keeps his place and time, who was in a menu hears it again; who is gone is ended in
the books, and his seat is free. Source: what Asterisk lists now, beside what was kept before each command.
"""

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from wasl.channels.voice.ari import Channel, Conflict, Gone
from wasl.channels.voice.caller import Caller, in_thread
from wasl.channels.voice.live import LiveCall
from wasl.channels.voice.parties import Parties, Party
from wasl.channels.voice.talk import Talk
from wasl.services.calls import actions, legs, line, seats
from wasl.services.calls.commands import Verb
from wasl.services.calls.models import Call, Leg, Waiting

if TYPE_CHECKING:
    from wasl.channels.voice.controller import Controller

log = logging.getLogger(__name__)


async def go_on(owner: "Controller", known: MutableMapping[int, Parties]) -> None:
    """Go on with all that is not known yet. Raises what the ARI raises."""
    ari = owner.ari
    channels = {one.id: one for one in await ari.channels()}
    bridges = await ari.bridges()
    open_calls = [one for one in await in_thread(legs.open_calls) if one.pk not in known]
    parties = await in_thread(legs.open_of, [one.pk for one in open_calls])
    waits = await in_thread(line.open_waits, [one.pk for one in open_calls])
    for call in open_calls:
        mine = parties.get(call.pk, [])
        # Who is called back is at the end of a leg of ours; the one he came with is long gone.
        back = next((leg for leg in mine if leg.kind == Leg.Kind.CITIZEN), None)
        others = [leg for leg in mine if leg is not back]
        name = back.channel if back else call.channel
        if owner.knows(name):
            # He came just now: his task begins with him.
            continue
        channel = channels.get(name)
        if channel is None or (back and back.answered_at is None):
            await _lost(owner, call, mine, waits.get(call.pk))
        else:
            await _alive(owner, call, channel, others, waits.get(call.pk), channels, bridges)
    # Who came in while the one before us died is in no book yet.
    came = [name for name, one in channels.items() if one.waits_for_us and not owner.knows(name)]
    for name in await in_thread(legs.in_no_book, came):
        owner.go(owner.came(channels[name], channels[name].dialled))
    await in_thread(seats.free_of_ended)
    await in_thread(line.wait_without_seat)
    await _strays(owner, channels)


async def _lost(owner: "Controller", call: Call, mine: list[Leg], waiting: Waiting | None) -> None:
    """The caller is gone: end it in the books."""
    for leg in mine:
        with suppress(Gone):
            await owner.ari.hang_up(leg.channel)
        await in_thread(legs.ended, leg.channel, "lost")
    outcome = Call.Outcome.LOST
    if waiting is not None and waiting.callback:
        # He is to be called back, and will be.
        await in_thread(line.waits_again, waiting.pk)
        outcome = Call.Outcome.CALLBACK
    elif waiting is not None:
        await in_thread(line.left, waiting.pk, Waiting.State.LOST)
    elif await in_thread(line.not_reached, call.pk):
        outcome = Call.Outcome.CALLBACK
    await in_thread(actions.ended, call, outcome, "")


async def _alive(
    owner: "Controller",
    call: Call,
    channel: Channel,
    mine: list[Leg],
    waiting: Waiting | None,
    channels: Mapping[str, Channel],
    bridges: Mapping[str, Sequence[str]],
) -> None:
    walk = await in_thread(actions.walk_of, call)
    if walk is None:
        return
    live = LiveCall(owner, Caller(owner.ari, owner.speech, channel), call, walk)
    up = {one.id for one in channels.values() if one.state == "Up"}
    there = {leg.channel for leg in mine if leg.channel in up and leg.answered_at is not None}
    # The conversation itself; who listens is in another one.
    conversations = (name for name, inside in bridges.items() if name.startswith(f"{call.pk}.b") and there & {*inside})
    bridge = next(conversations, "")
    talking = []
    for leg in mine:
        if bridge and leg.channel in there:
            seat = await in_thread(seats.seat_of, leg.staff_id, call.pk)
            purpose = _purpose(leg, inside=leg.channel in bridges[bridge])
            talking.append(Party(leg.channel, leg.kind, purpose, "", 0, leg.staff_id, seat, leg.unit_id, up=True))
            continue
        with suppress(Gone, Conflict):
            await owner.ari.hang_up(leg.channel)
        await in_thread(legs.ended, leg.channel, "lost")
        if leg.staff_id is not None:
            await in_thread(seats.free_of_gone, leg.staff_id, call.pk)
    if bridge:
        _somebody_has_it(talking, bridges[bridge])
        private, snoop = _listens(call, bridges)
        talk = Talk(live, bridge, inside=channel.id in bridges[bridge], private=private, snoop=snoop)
        owner.go(owner.serve(live, live.go_on_talking(talking, talk)))
    elif waiting is not None and waiting.callback:
        owner.go(owner.serve(live, live.say_called_back()))
    elif waiting is not None:
        await in_thread(line.waits_again, waiting.pk)
        owner.go(owner.serve(live, live.go_on_waiting(waiting)))
    else:
        owner.go(owner.serve(live, live.serve()))


def _purpose(leg: Leg, *, inside: bool) -> str:
    """What the leg of somebody who is on is for, as far as can be seen; `inside`: he is in the conversation."""
    if leg.kind == Leg.Kind.SUPERVISOR:
        return Verb.BARGE if inside else Verb.LISTEN
    return "answer" if leg.kind == Leg.Kind.AGENT else Verb.CONSULT


def _listens(call: Call, bridges: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """The bridge of a supervisor who listens, and the leg by which he does; empty where there is none."""
    for name, inside in bridges.items():
        if name.startswith(f"{call.pk}.p"):
            return name, next((one for one in inside if one.startswith(f"{call.pk}.s")), "")
    return "", ""


def _somebody_has_it(talking: Sequence[Party], inside: Sequence[str]) -> None:
    """Where the agent has left, who was asked has taken the call over, else the supervisor."""
    there = [one for one in talking if one.channel in inside]
    if not any(one.purpose == "answer" for one in there):
        min(there, key=lambda one: one.kind == Leg.Kind.SUPERVISOR).purpose = "answer"


async def _strays(owner: "Controller", channels: Mapping[str, Channel]) -> None:
    """Legs of ours that belong to nothing that is on are ended."""
    strays = await in_thread(legs.strays, [one for one in channels if "." in one])
    for channel in strays:
        with suppress(Gone, Conflict):
            await owner.ari.hang_up(channel)
