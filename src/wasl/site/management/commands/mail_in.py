"""`./wasl manage mail_in`: takes what comes back of our mail (bounces)."""

import asyncio
import logging
import signal
from typing import Any

from aiosmtpd.smtp import SMTP
from django.conf import settings
from django.db import close_old_connections, connection

from wasl.channels.mail.bounce import LARGEST_BYTES, Inbox, Notice
from wasl.channels.mail.outgoing import sender_domain
from wasl.services.messages import actions
from wasl.site.management.daemon import Daemon


def _take(pk: int, notice: Notice) -> None:
    """Note it, on a thread's own connection."""
    close_old_connections()
    try:
        if notice.for_good:
            actions.bounced(pk, words=notice.words)
        elif notice.action == "delayed":
            actions.delayed(pk, words=notice.words)
    finally:
        connection.close()


class Command(Daemon):
    """Listens until SIGTERM."""

    help = "Take bounces over SMTP at WASL_MAIL_IN_HOST:WASL_MAIL_IN_PORT, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        # The library tells of every command.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        loop = asyncio.get_running_loop()
        inbox = Inbox(_take)

        def session() -> SMTP:
            return SMTP(inbox, loop=loop, hostname=sender_domain(), data_size_limit=LARGEST_BYTES, ident="Wasl")

        host, port = settings.WASL_MAIL_IN_HOST, settings.WASL_MAIL_IN_PORT
        server = await loop.create_server(session, host=host, port=port)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        self.stderr.write(f"listening on {host}:{port}")
        await ended.wait()
        server.close()
