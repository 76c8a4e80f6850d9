"""`./wasl manage sms_server`: the process that other systems bind to over SMPP, and that calls their webhooks."""

import asyncio
import signal
import threading
from typing import Any

import uvloop
from django.core.management.base import CommandParser

from wasl.channels.sms.front import Front
from wasl.kernel.links import conninfo
from wasl.services.exchange import calls
from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """Serves until SIGTERM. Who may listen on the port is the one who calls."""

    help = "Take texts over SMPP and tell other systems what became of theirs, until SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=2775)

    def handle(self, *args: Any, **options: Any) -> None:
        """See the class."""
        uvloop.run(self._run(options["host"], options["port"]))

    async def _run(self, host: str, port: int) -> None:
        front = Front(conninfo())
        loop = asyncio.get_running_loop()
        ended = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, front.stop)
        await front.listen(host, port)
        caller = threading.Thread(target=calls.run, args=(ended.is_set,), name="caller")
        caller.start()
        try:
            await front.run()
        finally:
            ended.set()
            await asyncio.to_thread(caller.join)
