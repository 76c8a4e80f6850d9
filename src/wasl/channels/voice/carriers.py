"""The carriers as Asterisk knows them: written down anew when they change, and how it stands with each of them."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from wasl.channels.voice import configuration
from wasl.channels.voice.ami import Ami
from wasl.channels.voice.ari import Ari, Gone
from wasl.channels.voice.caller import in_thread
from wasl.services.calls import actions, trunks
from wasl.services.calls.models import Trunk, TrunkState

log = logging.getLogger(__name__)

State = TrunkState.State
RELOADED = ("res_pjsip", "res_pjsip_endpoint_identifier_ip", "res_pjsip_outbound_registration")
"""The parts of Asterisk that read of carriers."""
_LINE = re.compile(r"\s*(\S+?)/sips?:\S*\s+.*?\b(Registered|Rejected|Unregistered|Stopped|Stopping)\b")


def known() -> list[configuration.Trunk]:
    """Those that are switched on, as they are written down."""
    number = actions.first_number()
    return [_written(one, number) for one in actions.trunks()]


def _written(one: Trunk, number: str) -> configuration.Trunk:
    return configuration.Trunk(
        code=one.code, host=one.host, port=one.port, match=tuple(one.match), transport=one.transport,
        encrypted=one.encrypted, certificate=one.certificate, username=one.username, password=trunks.password_of(one),
        # Where he does not say which number was called, it is the first of ours.
        contact=(number or one.username) if one.register else "",
    )  # fmt: skip


_SETTLES_S = 2.0
"""Where carriers have changed, what Asterisk says of them at once is not how they stand."""


async def keep(ami: Ami, folder: Path) -> None:
    """Tell Asterisk of carriers that are others than it knows. Raises what the AMI raises, and OSError."""
    await tell(ami, folder, await in_thread(known))


async def tell(ami: Ami, folder: Path, those: Sequence[configuration.Trunk]) -> None:
    """The same for these. Where it fails in the middle, all is told again the next time, by whoever runs then."""
    digest = await asyncio.to_thread(configuration.rewrite, folder, those)
    if await asyncio.to_thread(configuration.is_told, folder, digest):
        return
    log.info("carriers have changed")
    for module in RELOADED:
        await ami.command(f"module reload {module}.so")
    # Else who was refused with the old password would be tried with the new one after `retry_interval` only.
    await ami.command("pjsip send register *all")
    await asyncio.to_thread(configuration.told, folder, digest)
    await asyncio.sleep(_SETTLES_S)


async def look(ari: Ari, ami: Ami) -> None:
    """Keep how it stands with each carrier. Raises what the interfaces raise."""
    rows = await in_thread(actions.trunks)
    said = registrations(await ami.command("pjsip show registrations")) if any(one.register for one in rows) else {}
    states: dict[int, str] = {}
    for one in rows:
        try:
            answers = await ari.endpoint(one.code) == "online"
        except Gone:
            # It is not read yet.
            continue
        states[one.pk] = _state(said.get(one.code, "") if one.register else None, answers=answers)
    await in_thread(trunks.heard, states)


def registrations(table: str) -> Mapping[str, str]:
    """What the console's table says of each registration, by carrier."""
    return {found[1]: found[2] for line in table.splitlines() if (found := _LINE.match(line))}


def _state(registration: str | None, *, answers: bool) -> str:
    # Asterisk says `Rejected` of who does not answer, too.
    if not answers:
        return State.SILENT
    if registration is None:
        return State.ANSWERS
    return {"Registered": State.SIGNED_IN, "Rejected": State.REFUSED}.get(registration, State.SILENT)
