"""Asterisk's REST interface, as far as we use it: commands over HTTP, events over one websocket.

Objects bear names of our choosing, so that an event that overtakes the answer to its command finds its place. Commands
of one call are sent one after the other by its own task; calls do not wait for one another.

Source: the interface that the running server describes itself at `/ari/api-docs` (Asterisk 22).
"""

import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self
from urllib.parse import quote, urlencode

import aiohttp

from wasl.channels.voice.wire import Wires

_PATIENCE_S: Final = 5.0
_AT_ONCE: Final = 50
# The bulk of what is told, and nothing that we act on.
_UNHEARD: Final = ("ChannelVarset", "ChannelDialplan", "ChannelCallerId", "ChannelConnectedLine")


class Gone(Exception):
    """What the command is about is no more (404): the caller has hung up, say."""


class Conflict(Exception):
    """It is not in a state for this (409, 412): read how it stands before anything else."""


class Away(Exception):
    """Asterisk does not answer, or failed: what it did is not known."""


# Names that we give: `17.l3`. Asterisk's own are two numbers.
_OURS = re.compile(r"\.[a-z]")


@dataclass(frozen=True, slots=True)
class Channel:
    """One leg of a call, as an event or a list tells of it. `call` is our variable WASL_CALL."""

    id: str
    name: str
    state: str
    caller: str
    dialled: str
    call: str
    waits_for_us: bool = False
    """It came in by the dialplan and is in our application; a leg that we made to a carrier only looks so."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """From Asterisk's JSON."""
        return cls(
            id=str(said["id"]),
            name=str(said.get("name", "")),
            state=str(said.get("state", "")),
            caller=str(said.get("caller", {}).get("number", "")),
            dialled=str(said.get("dialplan", {}).get("exten", "")),
            call=str((said.get("channelvars") or {}).get("WASL_CALL", "")),
            waits_for_us=said.get("dialplan", {}).get("context") == "from-carrier"
            and said.get("dialplan", {}).get("app_name") == "Stasis"
            and not _OURS.search(str(said["id"])),
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. Fields that its kind does not have are empty."""

    kind: str
    channel: Channel | None = None
    args: Sequence[str] = ()
    digit: str = ""
    cause: int = 0
    playback: str = ""
    recording: str = ""
    said: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Self:
        """From Asterisk's JSON."""
        channel = said.get("channel")
        return cls(
            kind=str(said["type"]),
            channel=Channel.of(channel) if channel else None,
            args=tuple(said.get("args", ())),
            digit=str(said.get("digit", "")),
            cause=int(said.get("cause", 0) or 0),
            playback=str(said.get("playback", {}).get("id", "")),
            recording=str(said.get("recording", {}).get("name", "")),
            said=said,
        )


class Ari:
    """One Asterisk. Use as a context manager."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._base = f"http://127.0.0.1:{port}/ari"
        sign_in = aiohttp.encode_basic_auth(user, secret)
        self._sign_in = {"Authorization": sign_in}
        self._user = user
        self._head = f" HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: {sign_in}\r\n"
        # The heart has a connection of its own: in a rush it must not wait behind what calls want.
        self._wires, self._aside = Wires(port, _AT_ONCE), Wires(port, 1)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._sign_in, timeout=aiohttp.ClientTimeout(total=_PATIENCE_S), trust_env=False
        )
        return self

    async def __aexit__(self, *_wrong: object) -> None:
        self._wires.close()
        self._aside.close()
        assert self._session is not None  # noqa: S101  # by __aenter__
        await self._session.close()

    async def _do(
        self, method: str, path: str, query: Mapping[str, str] = {}, body: Any = None, *, aside: bool = False
    ) -> Any:
        target = f"/ari{quote(path)}?{urlencode(query)}" if query else f"/ari{quote(path)}"
        told = json.dumps(body).encode() if body is not None else b""
        kind = "Content-Type: application/json\r\n" if told else ""
        request = f"{method} {target}{self._head}{kind}Content-Length: {len(told)}\r\n\r\n".encode() + told
        try:
            answer = await (self._aside if aside else self._wires).ask(request, _PATIENCE_S)
            content = json.loads(answer.body) if answer.body.startswith((b"{", b"[")) else None
        except (TimeoutError, OSError, ValueError) as error:
            raise Away(f"{method} {path}: {type(error).__name__}") from error
        if answer.status < 300:
            return content
        words = f"{method} {path}: {answer.status} {(content or {}).get('message', '')}"
        # A leg that is to be put into a bridge, and is no more, is answered with 400 (Asterisk 22, resource_bridges.c).
        if answer.status == 404 or (answer.status == 400 and "Channel not found" in words):
            raise Gone(words)
        if answer.status in (409, 412):
            raise Conflict(words)
        raise Away(words)

    async def events(self, app: str) -> AsyncIterator[Event]:
        """What happens, until the connection ends. The first is `Connected`, ours, once we are the app's listener.

        Raises Away. Whoever reads this must not wait for anything in between: Asterisk drops a listener that stalls.
        """
        assert self._session is not None  # noqa: S101  # by __aenter__
        query = {"app": app, "subscribeAll": "false"}
        try:
            socket = await self._session.ws_connect(
                f"{self._base}/events", params=query, heartbeat=20, max_msg_size=4 << 20
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Away(f"events: {type(error).__name__}") from error
        async with socket:
            quiet = {"disallowed": [{"type": kind} for kind in _UNHEARD]}
            await self._do("PUT", f"/applications/{app}/eventFilter", body=quiet)
            yield Event("Connected")
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    yield Event.of(message.json())

    async def version(self) -> str:
        """Of the Asterisk that runs."""
        return str((await self._do("GET", "/asterisk/info", {"only": "system"}))["system"]["version"])

    async def began(self) -> datetime:
        """When the Asterisk that runs began."""
        told = await self._do("GET", "/asterisk/info", {"only": "status"})
        return datetime.fromisoformat(told["status"]["startup_time"])

    async def channels(self) -> list[Channel]:
        """All legs there are."""
        return [Channel.of(one) for one in await self._do("GET", "/channels")]

    async def play(self, channel: str, playback: str, sounds: Sequence[str], language: str) -> None:
        """Play files, without their endings, one after the other; `PlaybackFinished` tells of the last one."""
        media = ",".join(f"sound:{one}" for one in sounds)
        await self._do("POST", f"/channels/{channel}/play/{playback}", {"media": media, "lang": language})

    async def stop(self, playback: str) -> None:
        """Stop playing."""
        await self._do("DELETE", f"/playbacks/{playback}")

    async def create(
        self, channel: str, endpoint: str, app: str, *args: str, originator: str, variables: Mapping[str, str]
    ) -> None:
        """A new leg, not dialled yet; `StasisStart` with these arguments tells when it can be."""
        query = {"endpoint": endpoint, "app": app, "appArgs": ",".join(args), "channelId": channel}
        if originator:
            # Its codec is taken, so that nothing need be transcoded.
            query["originator"] = originator
        await self._do("POST", "/channels/create", query, {"variables": dict(variables)})

    async def dial(self, channel: str, seconds: int, caller: str) -> None:
        """Ring; `Dial` events and `ChannelStateChange` tell how it goes."""
        await self._do("POST", f"/channels/{channel}/dial", {"timeout": str(seconds), "caller": caller})

    async def music(self, channel: str) -> None:
        """Music to one leg, until `quiet`."""
        await self._do("POST", f"/channels/{channel}/moh")

    async def quiet(self, channel: str) -> None:
        """End the music of a leg."""
        await self._do("DELETE", f"/channels/{channel}/moh")

    async def bridge(self, bridge: str) -> None:
        """A conversation. Always mixed (`video_sfu`): in a simple bridge recordings lose a party (measured)."""
        await self._do("POST", f"/bridges/{bridge}", {"type": "mixing,dtmf_events,video_sfu", "name": bridge})

    async def bridges(self) -> Mapping[str, Sequence[str]]:
        """All bridges, and the legs in them."""
        return {str(one["id"]): list(one["channels"]) for one in await self._do("GET", "/bridges")}

    async def add(self, bridge: str, *channels: str) -> None:
        """Put legs into a conversation."""
        await self._do("POST", f"/bridges/{bridge}/addChannel", {"channel": ",".join(channels)})

    async def remove(self, bridge: str, channel: str) -> None:
        """Take a leg out of a conversation; it stays."""
        await self._do("POST", f"/bridges/{bridge}/removeChannel", {"channel": channel})

    async def destroy(self, bridge: str) -> None:
        """End a conversation; its legs stay."""
        await self._do("DELETE", f"/bridges/{bridge}")

    async def snoop(self, channel: str, snoop: str, app: str, whisper: str) -> None:
        """A leg that hears all this one hears and says; with `whisper=out` it is heard by this one only."""
        query = {"spy": "both", "whisper": whisper, "app": app, "appArgs": "snoop"}
        await self._do("POST", f"/channels/{channel}/snoop/{snoop}", query)

    async def received(self, channel: str) -> int:
        """How many packets of sound came from this leg."""
        return int((await self._do("GET", f"/channels/{channel}/rtp_statistics"))["rxcount"])

    async def variable(self, name: str, value: str) -> None:
        """A global variable of Asterisk; waits for no other command."""
        await self._do("POST", "/asterisk/variable", {"variable": name, "value": value}, aside=True)

    async def endpoint(self, name: str) -> str:
        """Whether this telephone, or carrier, answers: `online`, `offline` or `unknown`."""
        return str((await self._do("GET", f"/endpoints/PJSIP/{name}"))["state"])

    async def push(self, kind: str, name: str, fields: Mapping[str, str]) -> None:
        """An object of the SIP channel driver, kept until Asterisk ends."""
        body = {"fields": [{"attribute": key, "value": value} for key, value in fields.items()]}
        await self._do("PUT", f"/asterisk/config/dynamic/res_pjsip/{kind}/{name}", body=body)

    async def pull(self, kind: str, name: str) -> None:
        """Take such an object away."""
        await self._do("DELETE", f"/asterisk/config/dynamic/res_pjsip/{kind}/{name}")

    async def watch_seat(self, name: str) -> None:
        """Hear of what becomes of the registration of this endpoint."""
        await self._do("POST", f"/applications/{self._user}/subscription", {"eventSource": f"endpoint:PJSIP/{name}"})

    async def record(self, channel: str, name: str, *, longest_s: int, silence_s: int) -> None:
        """Keep what this leg says, until #, silence or the longest time; `RecordingFinished` tells.

        Asterisk writes the file `name`.wav of its own, whatever becomes of us.
        """
        query = {
            "name": name, "format": "wav", "maxDurationSeconds": str(longest_s), "maxSilenceSeconds": str(silence_s),
            "ifExists": "fail", "beep": "false", "terminateOn": "#",
        }  # fmt: skip
        await self._do("POST", f"/channels/{channel}/record", query)

    async def records(self, name: str) -> bool:
        """Whether this recording still goes on."""
        try:
            await self._do("GET", f"/recordings/live/{name}")
        except Gone:
            return False
        return True

    async def leave(self, channel: str, context: str) -> None:
        """Give a leg to the dialplan."""
        await self._do("POST", f"/channels/{channel}/continue", {"context": context, "extension": "s", "priority": "1"})

    async def hang_up(self, channel: str) -> None:
        """End a leg."""
        await self._do("DELETE", f"/channels/{channel}", {"reason": "normal"})
