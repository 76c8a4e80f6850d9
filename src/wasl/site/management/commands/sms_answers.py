"""`./wasl manage sms_answers`: answers what comes in by SMS, and tells the outbox how its texts ended."""

import signal
import threading
from typing import Any

from wasl.channels.sms import answering
from wasl.site.management.daemon import Daemon


class Command(Daemon):
    """Answers until SIGTERM."""

    help = "Answer incoming SMS until SIGTERM."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        answering.run(stop.is_set)
