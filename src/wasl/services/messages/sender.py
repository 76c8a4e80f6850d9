"""The sender's loop: woken by every change of a case, it empties the outbox and sleeps again. Several may run."""

import logging
import time
from collections.abc import Callable, Mapping

import psycopg
from django.db import InterfaceError, OperationalError, connection

from wasl.kernel.links import conninfo
from wasl.kernel.rows import LIVE_CHANNEL
from wasl.services.messages import actions, notices
from wasl.services.messages.actions import Result
from wasl.services.messages.delivery import Courier

logger = logging.getLogger(__name__)
POLL_S = 2.0
RECOVER_EVERY_S = 5.0
_LONGEST_REST_S = 30.0


class Listener:
    """Hears that something changed, over a connection of its own."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def wait(self, seconds: float) -> None:
        """Return after a notice, or after `seconds`."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(conninfo(), autocommit=True)
            self._connection.execute(f"LISTEN {LIVE_CHANNEL}")
            # Something may have come before we listened.
            return
        for _ in self._connection.notifies(timeout=seconds, stop_after=1):
            pass

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Sender:
    """Empties the outbox through couriers, leaving unreachable channels alone for a growing while."""

    def __init__(self, couriers: Mapping[str, Courier]) -> None:
        self.couriers = couriers
        self.sent = 0
        self._rest: dict[str, tuple[float, float]] = {}

    def resting(self) -> set[str]:
        """Channels that were unreachable and are not tried again yet."""
        now = time.monotonic()
        return {channel for channel, (until, _) in self._rest.items() if until > now}

    def round(self, stopping: Callable[[], bool] = lambda: False) -> int:
        """Sort the notices, gather the mail of staff, try once what waits; gives how many were carried further."""
        notices.sort()
        notices.gather()
        moved = 0
        for message in actions.waiting():
            if stopping():
                break
            result = actions.send(message, self.couriers, resting=self.resting())
            if result is Result.AWAY:
                self._let_rest(message.channel or "mail")
            elif result is not Result.TAKEN:
                moved += 1
            if result is Result.SENT:
                self.sent += 1
                self._rest.clear()
        return moved

    def _let_rest(self, channel: str) -> None:
        until, seconds = self._rest.get(channel, (0.0, 0.0))
        if until <= time.monotonic():
            seconds = min(max(seconds * 2, 1.0), _LONGEST_REST_S)
            self._rest[channel] = (time.monotonic() + seconds, seconds)

    def run(self, stopping: Callable[[], bool]) -> None:
        """Until `stopping` says so; outlives a data base that goes away."""
        listener = Listener()
        recovered = 0.0
        try:
            while not stopping():
                try:
                    if time.monotonic() - recovered > RECOVER_EVERY_S:
                        actions.recover()
                        recovered = time.monotonic()
                    if not self.round(stopping):
                        listener.wait(
                            min([POLL_S, *(max(0.05, until - time.monotonic()) for until, _ in self._rest.values())])
                        )
                except (OperationalError, InterfaceError, psycopg.Error) as error:
                    logger.warning("the data base is away: %s", error)
                    connection.close()
                    listener.close()
                    time.sleep(0.5)
        finally:
            listener.close()
            for courier in self.couriers.values():
                courier.close()
            connection.close()
