"""`./wasl manage voice`: the process that decides what callers hear."""

import asyncio
import logging
import os
import signal
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psycopg
import uvloop
from django.conf import settings
from django.db import connection

from wasl.channels.voice import guard
from wasl.channels.voice.ami import Ami
from wasl.channels.voice.ari import Ari, Away, Conflict, Gone
from wasl.channels.voice.configuration import APP
from wasl.channels.voice.controller import Controller
from wasl.channels.voice.speech import Speech
from wasl.kernel.links import conninfo
from wasl.services.articles import actions as articles
from wasl.services.calls import flows, heart, setting
from wasl.services.quality import actions as quality
from wasl.site.management.daemon import Daemon

log = logging.getLogger(__name__)

_STALE = timedelta(seconds=8)
_BEGINS_S = 8.0
"""How long the next controller may take to begin, on a machine where all begins at once."""


class Command(Daemon):
    """Decides until SIGTERM. Of several, one decides; the others wait until it is gone or its heart stands still.

    It ends at once and tidies nothing: what it left half done the next one goes on with, as after a crash. To leave
    each call in order would hang up on people.
    """

    help = "Decide what callers hear, over Asterisk's ARI, until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        guard.begins(settings.WASL_VOICE / "run")
        articles.ship()
        flows.ship()
        setting.begin()
        quality.begin()
        connection.close()
        uvloop.run(self._run())

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, os._exit, 0)
        async with await psycopg.AsyncConnection.connect(
            conninfo(), autocommit=True, application_name="wasl voice heart"
        ) as link:
            await heart.taken(link, _STALE)
            log.info("this controller decides from now")
            ami = Ami(settings.WASL_AMI_PORT, APP, settings.WASL_AMI_SECRET)
            async with ami, Ari(settings.WASL_ARI_PORT, APP, settings.WASL_ARI_SECRET) as ari:
                controller = Controller(ari, ami, Speech(settings.WASL_VOICE / "speech"), conninfo())
                work = [asyncio.create_task(heart.beat(link)), asyncio.create_task(controller.run())]
                done, _others = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
                log.critical("this controller ends", exc_info=done.pop().exception())
                # Who waits is not to be taken away from the next one while it begins.
                with suppress(Away, Conflict, Gone):
                    await controller.beat(_BEGINS_S)
                os._exit(1)
