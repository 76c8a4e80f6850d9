"""Calling an operator: connect, bind, and a session that sends and takes as it is bound. Staying bound is in `link`."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.codes import Status, name_of
from wasl.channels.sms.smpp.outcome import LIMITS, Closed, Event, EventKind, Limits
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.session import Handler, Session
from wasl.channels.sms.smpp.wire import NO_ADDRESS, Address

__all__ = ["Account", "BindRefused", "Way", "connect"]


class Way(Enum):
    """What a bind is for."""

    TRANSCEIVER = "transceiver"
    TRANSMITTER = "transmitter"
    RECEIVER = "receiver"


_BINDS: dict[Way, type[pdu.BindRequest]] = {
    Way.TRANSCEIVER: pdu.BindTransceiver,
    Way.TRANSMITTER: pdu.BindTransmitter,
    Way.RECEIVER: pdu.BindReceiver,
}


@dataclass(frozen=True, slots=True)
class Account:
    """Where and as whom to bind. `tls` None sends everything in the clear, as most operators do inside a VPN."""

    host: str
    port: int
    system_id: str
    password: str = field(default="", repr=False)
    system_type: str = ""
    way: Way = Way.TRANSCEIVER
    range: Address = NO_ADDRESS
    tls: ssl.SSLContext | None = None


class BindRefused(ConnectionError):
    """The operator does not let us in; `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"bind refused: {name_of(status)}")
        self.status = status

    @property
    def for_good(self) -> bool:
        """Whether asking again soon is pointless, or may even lock the account."""
        return self.status in (Status.RINVPASWD, Status.RINVSYSID, Status.RINVSYSTYP, Status.RBINDFAIL)


async def connect(
    account: Account,
    handler: Handler,
    *,
    limits: Limits = LIMITS,
    bucket: TokenBucket | None = None,
    on_event: Callable[[Session, Event], None] | None = None,
) -> Session:
    """A bound session.

    `handler` takes deliver_sm and data_sm. Raises OSError (and ssl.SSLError, a kind of it) or TimeoutError when there
    is no connection or no answer within `limits.bind` seconds, BindRefused, or Closed.
    """
    loop = asyncio.get_running_loop()
    connecting = loop.create_connection(
        lambda: Session(handler, limits=limits, bucket=bucket, on_event=on_event),
        account.host,
        account.port,
        ssl=account.tls,
    )
    _transport, session = await asyncio.wait_for(connecting, limits.bind)
    try:
        answer = await session.bind(
            _BINDS[account.way](
                system_id=account.system_id,
                password=account.password,
                system_type=account.system_type,
                range=account.range,
            ),
            sends=account.way is not Way.RECEIVER,
            takes=() if account.way is Way.TRANSMITTER else (pdu.DeliverSm, pdu.DataSm),
        )
    except BaseException:
        session.abort("no answer to the bind")
        raise
    if answer.status or not isinstance(answer, pdu.BindResponse):
        session.close("bind refused")
        raise BindRefused(answer.status or Status.RBINDFAIL)
    if session.closed.done():
        raise Closed(session.closed.result())
    session.name = f"{account.system_id} at {account.host}:{account.port}"
    session.event(EventKind.BOUND, f"as {account.way.value}")
    return session
