"""One caller's walk through a flow, with real speech and real keys; and messages that were spoken and lost sight of."""

import asyncio
import logging
from collections.abc import Mapping

from django.conf import settings

from wasl.channels.voice import recorded
from wasl.channels.voice.ari import Ari, Away, Conflict
from wasl.channels.voice.caller import Caller, HungUp, in_thread
from wasl.services.calls import actions, voicemail
from wasl.services.calls.flow import MAILBOX, PERSON, Act, Record, Texts, Walk
from wasl.services.calls.models import Call

log = logging.getLogger(__name__)

_SWEEP_S = 20.0


async def menu(caller: Caller, kept: Call, walk: Walk, act: Act | None = None) -> Act:
    """From the beginning (or from `act`) until the flow queues him, transfers him or ends; that act.

    `walk.go(MAILBOX)` is the act of who has waited long enough. Raises HungUp and what the ARI raises.
    """
    act = act or walk.begin()
    while True:
        if walk.told:
            await in_thread(actions.told, walk)
        keys = await caller.say(act.says, act.collect, walk.language)
        if act.record is not None and keys == "0" and walk.at != MAILBOX:
            act = walk.go(PERSON)
        elif act.record is not None:
            act = walk.recorded(await _message(caller, kept, walk, act.record))
        elif act.collect is not None:
            act = walk.keyed(keys)
        elif act.enquire is not None:
            enquiry, given = act.enquire
            found = await in_thread(actions.enquire, kept, enquiry, given, walk.language)
            act = walk.answered(found.text, right=found.right, over=found.over)
        else:
            await in_thread(actions.noted, kept, walk)
            return act


async def _message(caller: Caller, kept: Call, walk: Walk, wanted: Record) -> Mapping[str, str | Texts] | None:
    """What became of what he said, for him to hear; None when it was nothing. Raises HungUp, when it is kept too."""
    await in_thread(actions.noted, kept, walk)
    name = await in_thread(voicemail.new_name, kept, wanted.keep)
    try:
        if not await caller.record(name, wanted):
            return None
    except (Conflict, Away) as error:
        log.warning("call %s could not be recorded: %s", kept.pk, error)
        return None
    except HungUp:
        await in_thread(voicemail.take, name)
        raise
    return await in_thread(voicemail.take, name)


async def sweep(ari: Ari) -> None:
    """For ever: take in messages whose controller did not live to do it; Asterisk has written them.

    Recordings of prompts that came back with the data base are laid out beside.
    """
    while True:
        try:
            await in_thread(recorded.materialise, settings.WASL_VOICE / "speech")
            for name in await in_thread(voicemail.lying):
                if not await ari.records(name):
                    await in_thread(voicemail.take, name)
        except Away:
            log.info("Asterisk is away: messages are looked for later")
        except Exception:
            log.exception("messages could not be taken in")
        await asyncio.sleep(_SWEEP_S)
