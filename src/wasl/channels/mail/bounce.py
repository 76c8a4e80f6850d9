"""What comes back of our mail: reading delivery status notifications (RFC 3464) and taking them in over SMTP.

Which message it is about is said by the signed address that it comes back to, never by what stands in the report:
anybody can write a report, nobody can make the address.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message

from aiosmtpd.smtp import SMTP, Envelope, Session

from wasl.channels.mail.outgoing import bounced_pk

logger = logging.getLogger(__name__)
LARGEST_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Notice:
    """What a report says of one receiver: `action` is failed, delayed, delivered …; `status` as RFC 3463."""

    action: str
    status: str
    words: str

    @property
    def for_good(self) -> bool:
        """Whether it will never be delivered."""
        return self.action == "failed"


def read(data: bytes) -> Notice | None:
    """The worst notice in a report, None when it is no delivery status notification: an automatic answer, say."""
    notices = [
        notice
        for part in message_from_bytes(data).walk()
        if part.get_content_type() == "message/delivery-status"
        for notice in _notices(part)
    ]
    return next((n for n in notices if n.for_good), notices[0] if notices else None)


def _notices(part: Message) -> list[Notice]:
    payload = part.get_payload()
    groups = [group for group in payload if isinstance(group, Message)] if isinstance(payload, list) else []
    found = []
    for group in groups:
        action = str(group.get("Action", "")).strip().lower()
        if action:
            status = str(group.get("Status", "")).strip()
            diagnostic = " ".join(str(group.get("Diagnostic-Code", "")).split())
            found.append(Notice(action, status, (diagnostic or status or action)[:280]))
    return found


class Inbox:
    """SMTP handler that takes mail to our bounce addresses and refuses all other mail at the envelope."""

    def __init__(self, take: Callable[[int, Notice], None]) -> None:
        self.take = take

    async def handle_RCPT(  # noqa: N802 # the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if bounced_pk(address) is None:
            return "550 5.1.1 there is no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content or b""
        notice = read(content if isinstance(content, bytes) else content.encode())
        if notice is None:
            return "250 2.0.0 read; it is no report of a delivery"
        for address in envelope.rcpt_tos:
            pk = bounced_pk(address)
            if pk is not None:
                try:
                    await asyncio.to_thread(self.take, pk, notice)
                except Exception:  # whatever it is, the other side keeps the report and comes again
                    logger.exception("the bounce of message %s was not noted", pk)
                    return "451 4.3.0 not now"
        return "250 2.0.0 noted"
