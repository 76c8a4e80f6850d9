"""Being called: other systems bind to us, hand in messages, and get theirs; each within his own bounds.

What is accepted and where it goes is decided by the handler and by `admit`; nothing is stored here.
"""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.codec import Request
from wasl.channels.sms.smpp.codes import Status, Tag
from wasl.channels.sms.smpp.outcome import LIMITS, Closed, Done, Event, EventKind, Limits, WindowFull
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.session import Handler, Session

__all__ = ["Admit", "Client", "Server", "ServerSession"]

log = logging.getLogger(__name__)

_FROM_CLIENTS: Final = (pdu.SubmitSm, pdu.DataSm, pdu.QuerySm, pdu.CancelSm, pdu.ReplaceSm)
_REFUSAL_DELAY_S: Final = 1.0
"""A wrong password is answered after so long: guessing is slow."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who was let in. `binds`: connections at once; `per_s`: messages a second over all of them, None without bound.

    `window`: messages of his that may wait for our answer on one connection; beyond it his connection is not read.
    """

    name: str
    binds: int = 4
    per_s: float | None = None
    window: int = 100


Admit = Callable[[pdu.BindRequest, str], Awaitable[Client | int]]
"""Asked at each bind, with the caller's IP address: the client, or the status of the refusal (RINVPASWD …)."""


@dataclass(slots=True)
class _Known:
    sessions: "list[ServerSession]" = field(default_factory=list)
    bucket: TokenBucket | None = None
    per_s: float | None = None
    turn: int = 0


class ServerSession(Session):
    """One caller. `client` is there when he is bound."""

    def __init__(self, server: "Server", handler: Handler, limits: Limits) -> None:
        super().__init__(handler, limits=limits, on_event=server.happened)
        self.client: Client | None = None
        self.rate: TokenBucket | None = None
        self._server = server
        self._binding = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop. Who does not bind in time is sent away."""
        super().connection_made(transport)
        if not self._server.opened(self):
            self.abort("too many connections")
            return
        self.loop.call_later(self.limits.bind, self._still_unbound)

    def _still_unbound(self) -> None:
        if self.client is None:
            self.abort("did not bind in time")

    @property
    def caller(self) -> str:
        """IP address of the peer."""
        address = self._transport.get_extra_info("peername") if self._transport else None
        return str(address[0]) if address else ""

    def bind_asked(self, request: pdu.BindRequest) -> None:
        """Ask who that is; one bind for a connection."""
        if self._binding:
            self._send(request.answer(Status.RALYBND).encode())
            return
        self._binding = True
        self.start(self._bind(request))

    async def _bind(self, request: pdu.BindRequest) -> None:
        try:
            client = await self._server.admit(request, self.caller)
        except Exception:
            log.exception("who calls could not be found out")
            client = int(Status.RSYSERR)
        if self.closed.done():
            return
        if isinstance(client, Client):
            status = self._server.enter(self, client)
        else:
            status = client
            await asyncio.sleep(_REFUSAL_DELAY_S)
        if self.closed.done():
            return
        version = ((Tag.SC_INTERFACE_VERSION, b"\x34"),)
        answer = request.answer(status) if status else request.answer(system_id=self._server.system_id, tlvs=version)
        self._send(answer.encode())
        if status or not isinstance(client, Client):
            self.close("bind refused")
            return
        self.client = client
        self.sends = not isinstance(request, pdu.BindTransmitter)
        self.takes = () if isinstance(request, pdu.BindReceiver) else _FROM_CLIENTS
        self.name = f"{client.name} from {self.caller}"
        self.event(EventKind.BOUND)
        self._wake()

    def admits(self, request: Request) -> bool:
        """Whether the client is within his rate; over it he is told to come again (ESME_RTHROTTLED)."""
        if self.rate is None or not isinstance(request, pdu.SubmitSm | pdu.DataSm):
            return True
        now = self.loop.time()
        if self.rate.wait(now):
            self._send(request.answer(Status.RTHROTTLED).encode())
            return False
        self.rate.take(1, now)
        return True


class Server:
    """Listens for systems that bind.

    `handler` takes submit_sm, data_sm, query_sm, cancel_sm and replace_sm (its first argument is the ServerSession) and
    returns when they are committed. `connections`: callers at once, bound or not.
    """

    def __init__(
        self,
        handler: Handler,
        admit: Admit,
        *,
        system_id: str = "WASL",
        limits: Limits = LIMITS,
        connections: int = 200,
        on_event: Callable[[ServerSession, Event], None] | None = None,
    ) -> None:
        self.system_id = system_id
        self.admit = admit
        self.handler = handler
        self.limits = limits
        self._most = connections
        self._watcher = on_event
        self._open: set[ServerSession] = set()
        self._known: dict[str, _Known] = {}
        self._listener: asyncio.Server | None = None

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Begin to listen; gives the port, which is chosen by the system for 0. Raises OSError."""
        loop = asyncio.get_running_loop()
        handshake = self.limits.bind if tls else None
        self._listener = await loop.create_server(
            self.session, host, port, ssl=tls, backlog=100, ssl_handshake_timeout=handshake
        )
        return int(self._listener.sockets[0].getsockname()[1])

    def session(self) -> ServerSession:
        """The protocol of a new connection."""
        return ServerSession(self, self.handler, self.limits)

    async def close(self, patience: float = 5.0) -> None:
        """Take no more callers, let those who are bound end in order."""
        if self._listener:
            self._listener.close()
        await asyncio.gather(
            *(one.unbind(patience) if one.client else _aborted(one) for one in list(self._open)),
        )

    @property
    def sessions(self) -> tuple[ServerSession, ...]:
        """All callers, bound or not."""
        return tuple(self._open)

    def deliver(self, client: str, message: pdu.DeliverSm | pdu.DataSm, done: Done) -> bool:
        """Send to the client over the next of his connections that takes messages and has room.

        False when none has: keep the message and try again when he has bound or has answered (EventKind.BOUND,
        Session.on_room). Raises PduError when the message cannot be written.
        """
        known = self._known.get(client)
        if known is None:
            return False
        for _one in range(len(known.sessions)):
            known.turn += 1
            session = known.sessions[known.turn % len(known.sessions)]
            if session.room() < 1:
                continue
            try:
                session.submit(message, done)
            except (WindowFull, Closed):
                continue
            return True
        return False

    # --- called by sessions ----------------------------------------------------------------------------------------

    def opened(self, session: ServerSession) -> bool:
        """A caller is there; False when there are too many."""
        if len(self._open) >= self._most:
            return False
        self._open.add(session)
        return True

    def enter(self, session: ServerSession, client: Client) -> int:
        """Let the client in on this connection: ROK, or why not."""
        known = self._known.setdefault(client.name, _Known())
        if len(known.sessions) >= client.binds:
            return Status.RALYBND
        if client.per_s != known.per_s:
            known.per_s = client.per_s
            known.bucket = TokenBucket(client.per_s, burst=client.per_s) if client.per_s else None
        known.sessions.append(session)
        session.rate = known.bucket
        session.limits = replace(session.limits, inbound=client.window)
        return Status.ROK

    def happened(self, session: Session, event: Event) -> None:
        """Something happened to a session."""
        assert isinstance(session, ServerSession)  # noqa: S101  # made by `session`
        if event.kind is EventKind.CLOSED:
            self._open.discard(session)
            # The entry stays, with its bucket: who binds anew has not won a new second's worth of messages.
            for known in self._known.values():
                if session in known.sessions:
                    known.sessions.remove(session)
        if self._watcher:
            self._watcher(session, event)


async def _aborted(session: ServerSession) -> None:
    session.abort("the server ends")
