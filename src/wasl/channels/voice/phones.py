"""Which telephones Asterisk knows: the browsers of those who have a seat, and the way to telephones outside."""

from collections.abc import Mapping, MutableMapping, MutableSet
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from wasl.channels.voice.ami import Ami, Refused
from wasl.channels.voice.ari import Ari, Gone
from wasl.channels.voice.caller import in_thread
from wasl.channels.voice.configuration import SEATS_DOWN
from wasl.services.calls import actions, seats, trunks

_AOR: Mapping[str, str] = {
    "max_contacts": "1",
    "remove_existing": "yes",
    "qualify_frequency": "15",
    "maximum_expiration": "180",
}
_ENDPOINT: Mapping[str, str] = {
    "context": "agents",
    "disallow": "all",
    "allow": "alaw,ulaw",
    "webrtc": "yes",
    "dtls_auto_generate_cert": "yes",
    "direct_media": "no",
    "allow_transfer": "no",
    "device_state_busy_at": "1",
    "rtp_timeout": "30",
    "rtp_timeout_hold": "300",
}


@dataclass(frozen=True, slots=True)
class Outside:
    """The carrier that takes calls of ours, and the number they see; empty where there is none."""

    trunk: str = ""
    shown: str = ""

    def endpoint(self, phone: str) -> str:
        """How this number is rung; empty where it cannot be. Only digits, and + before them, ever reach Asterisk."""
        digits = phone.removeprefix("+")
        if not self.trunk or not digits.isascii() or not digits.isdigit() or len(digits) > 20:
            return ""
        return f"PJSIP/{phone}@{self.trunk}"


def outside() -> Outside:
    """As the trunks and lines are now."""
    way = trunks.way_out()
    return Outside(way.code, actions.first_number()) if way else Outside()


async def register(ari: Ari, known: MutableMapping[str, str]) -> None:
    """Make the seats known, each with the secret of its last sign-in; those of who went away are taken away.

    `known` is what this Asterisk knows, by seat, as a digest of the secret; it is kept up.
    """
    wanted = await in_thread(seats.browsers)
    for name in known.keys() - wanted.keys():
        for kind in ("endpoint", "aor", "auth"):
            try:
                await ari.pull(kind, name)
            except Gone:
                continue
        known.pop(name, None)
    for name, secret in wanted.items():
        digest = sha256(secret.encode()).hexdigest()
        if known.get(name) == digest:
            continue
        await ari.push("auth", name, {"auth_type": "userpass", "username": name, "password": secret})
        if name not in known:
            await ari.push("aor", name, _AOR)
            await ari.push("endpoint", name, {**_ENDPOINT, "aors": name, "auth": name})
        await ari.watch_seat(name)
        known[name] = digest


async def ring_alone(ami: Ami, known: AbstractSet[str], rung: MutableSet[str]) -> None:
    """Let Asterisk ring these seats itself while nobody decides. `rung` is whom it rings, kept up.

    Raises what the AMI raises while Asterisk is away; to be asked again then.
    """
    for action, names in (("QueueRemove", rung - known), ("QueueAdd", known - rung)):
        for name in names:
            # Refused: it is so already.
            with suppress(Refused):
                await ami.do(action, Queue=SEATS_DOWN, Interface=f"PJSIP/{name}")
    rung &= known
    rung |= known
