"""`./wasl manage send_messages`: the sender process."""

import signal
import threading
from typing import Any

from django.core.management.base import CommandParser

from wasl.services.messages.delivery import couriers
from wasl.services.messages.sender import Sender
from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """Sends until it is told to end; with --once what waits now."""

    help = "Send the messages that wait, and those that come, until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="send what waits now, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        sender = Sender(couriers())
        if options["once"]:
            while sender.round():
                pass
            self.stdout.write(f"{sender.sent} sent.")
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        sender.run(stop.is_set)
