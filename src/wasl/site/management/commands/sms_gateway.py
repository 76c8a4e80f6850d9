"""`./wasl manage sms_gateway`: the process that holds the operators' connections."""

import asyncio
import signal
from typing import Any

import uvloop
from django.conf import settings

from wasl.channels.sms.gateway import Gateway
from wasl.kernel.links import conninfo
from wasl.site.demo import smsc
from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """Carries until SIGTERM."""

    help = "Carry SMS between the queue and the operators until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.WASL_DEMO and (port := settings.WASL_DEMO_SMSC_PORT):
            smsc.connect(port)
        uvloop.run(self._run())

    async def _run(self) -> None:
        gateway = Gateway(conninfo())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, gateway.stop)
        await gateway.run()
