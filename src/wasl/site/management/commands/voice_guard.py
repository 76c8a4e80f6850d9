"""`./wasl manage voice_guard`: nobody is left in silence when the controller freezes or dies. Needs no data base."""

import asyncio
import signal
from typing import Any

from django.conf import settings

from wasl.channels.voice.ami import Ami
from wasl.channels.voice.ari import Ari
from wasl.channels.voice.configuration import APP
from wasl.channels.voice.guard import Guard
from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """Watches until SIGTERM."""

    help = "Watch the heart of the controller, and rescue its callers when it stands still, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        ami = Ami(settings.WASL_AMI_PORT, APP, settings.WASL_AMI_SECRET)
        async with ami, Ari(settings.WASL_ARI_PORT, APP, settings.WASL_ARI_SECRET) as ari:
            watching = asyncio.create_task(Guard(ari, ami, settings.WASL_VOICE / "run").run())
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, watching.cancel)
            try:
                await watching
            except asyncio.CancelledError:
                return
