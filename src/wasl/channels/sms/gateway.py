"""The gateway process: holds the operators' connections, carries what the queue lets go, keeps what comes in.

One process carries at a time; a second one waits for the first to end (`Gateway.run`). What is told to an operator, and
what he tells, is in `carrier`.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import DatabaseError, IntegrityError, InterfaceError, OperationalError, close_old_connections, connection
from psycopg import AsyncConnection

from wasl.channels.sms.carrier import Carrier
from wasl.kernel import clock
from wasl.services.texts import queries
from wasl.services.texts.actions import WAKE_CHANNEL, end_late
from wasl.services.texts.models import Bind, BindState, Queued
from wasl.services.texts.queries import Settings
from wasl.services.texts.spool import Spool

log = logging.getLogger(__name__)

_LOCK = 0x57A51_5335
"""Advisory lock of the one gateway that carries."""
_LOOK_S = 2.0
_SWEEP_S = 1.0
_FORGET_S = 60.0


def _meet(states: list[BindState]) -> tuple[Settings, list[Bind], object, set[int]]:
    """In the thread: say how the binds are, end what nobody carries in time, and read what is wished.

    Gives the settings, the binds that are on, what changes when any of it does, and who holds texts.
    """
    close_old_connections()
    try:
        names = [f.name for f in BindState._meta.concrete_fields if not f.primary_key]
        there = set(Bind.objects.filter(pk__in=[one.bind_id for one in states]).values_list("pk", flat=True))
        # One that is taken away just now is not told of any more.
        with suppress(IntegrityError):
            BindState.objects.bulk_create(
                [one for one in states if one.bind_id in there],
                update_conflicts=True,
                unique_fields=["bind"],
                update_fields=names,
            )
        # Nobody may be there to carry them, or their client is held.
        end_late()
        known = queries.settings()
        binds = list(Bind.objects.filter(on=True, operator__on=True).order_by("pk"))
        facts = {
            pk: [getattr(one, f.attname) for f in one._meta.concrete_fields] for pk, one in known.operators.items()
        }
        stamp = {
            pk: (
                facts[pk],
                [[getattr(b, f.attname) for f in b._meta.concrete_fields] for b in binds if b.operator_id == pk],
            )
            for pk in facts
        }
        holders = Queued.objects.filter(taken_by__isnull=False).values_list("taken_by", flat=True).distinct()
        return known, binds, stamp, set(holders)
    except DatabaseError:
        connection.close()
        raise


class Gateway:
    """All operators of an installation. `run` until `stop`."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._carriers: dict[int, Carrier] = {}
        self._stamps: dict[int, Any] = {}
        self._stopping = asyncio.Event()
        # Django's connection belongs to a thread: this one has it for good.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sms-settings")
        self.carrying = asyncio.Event()
        """Set once this process is the one that carries and its operators are started."""

    def stop(self) -> None:
        """End soon: nothing new is taken, what is out is waited for a moment."""
        self._stopping.set()

    async def run(self) -> None:
        """Carry until `stop`. While the data base is away the operators stay bound, and what they say is kept."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._carry()
                except (psycopg.Error, OperationalError, InterfaceError, OSError) as error:
                    log.warning("the data base is away: %s", "".join(str(error).strip().splitlines()[:1]))
                    await self._rest(0.5)
        finally:
            await self._drop()
            self._thread.submit(lambda: connection.close())
            self._thread.shutdown()

    async def _drop(self) -> None:
        self.carrying.clear()
        await asyncio.gather(*(one.stop() for one in self._carriers.values()))
        self._carriers.clear()
        self._stamps.clear()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _carry(self) -> None:
        guard = await AsyncConnection.connect(self._where, autocommit=True)
        tasks: list[asyncio.Task[Any]] = []
        try:
            if not await self._lead(guard):
                return
            await guard.execute(f"LISTEN {WAKE_CHANNEL}")
            tasks = [asyncio.create_task(one) for one in (self._hear(guard), self._look(), self._stopping.wait())]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await guard.close()

    async def _lead(self, guard: AsyncConnection[Any]) -> bool:
        """Wait until no other gateway carries; the lock goes with the connection, so a dead one holds nothing."""
        waiting = False
        while not self._stopping.is_set():
            row = await (await guard.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])).fetchone()
            if row and row[0]:
                return True
            if not waiting:
                await self._drop()
                log.info("another gateway carries; this one stands by")
                waiting = True
            await self._rest(1.0)
        return False

    async def _hear(self, guard: AsyncConnection[Any]) -> None:
        while True:
            async for _ in guard.notifies(timeout=_LOOK_S):
                for one in self._carriers.values():
                    one.wake()
            # A connection that died without a word is noticed here.
            await guard.execute("SELECT 1")

    async def _look(self) -> None:
        """Follow the settings, tell the pages how the binds are, match early receipts."""
        swept = forgot = 0.0
        loop = asyncio.get_running_loop()
        while True:
            states = [row for one in self._carriers.values() for row in one.states()]
            known, binds, stamps, holders = await loop.run_in_executor(self._thread, _meet, states)
            await self._follow(known, binds, stamps, holders)
            self.carrying.set()
            for one in self._carriers.values():
                if loop.time() - swept >= _SWEEP_S:
                    await one.sweep()
                if loop.time() - forgot >= _FORGET_S:
                    await one.forget()
            swept = loop.time()
            if loop.time() - forgot >= _FORGET_S:
                forgot = loop.time()
            await asyncio.sleep(_LOOK_S / 2)

    async def _follow(self, known: Settings, binds: list[Bind], stamps: Any, holders: set[int]) -> None:
        gone = [pk for pk in self._carriers if stamps.get(pk) != self._stamps.get(pk)]
        for pk in gone:
            await self._carriers[pk].stop()
            del self._carriers[pk]
        for pk, operator in known.operators.items():
            if pk not in self._carriers:
                mine = [one for one in binds if one.operator_id == pk]
                carrier = Carrier(operator, mine, self._where, self._routes_of(pk))
                self._carriers[pk], self._stamps[pk] = carrier, stamps[pk]
                try:
                    await carrier.start(known)
                except BaseException:
                    # It is tried again at the next look.
                    del self._carriers[pk], self._stamps[pk]
                    raise
        for pk in holders - self._carriers.keys():
            # Switched off while it had texts in its hands, and this process is not the one that gave them to it.
            async with await AsyncConnection.connect(self._where, autocommit=True) as link:
                await Spool(link, pk).recover(known)
        for one in self._carriers.values():
            one.known = known

    def _routes_of(self, operator: int) -> Callable[[Settings], list[int]]:
        """The routes that this operator may carry now: those where all before him are not to be reached."""

        def routes(known: Settings) -> list[int]:
            found = []
            for route in known.routes:
                order = [pk for pk in route.operators if pk in self._carriers]
                for pk in order:
                    if pk == operator:
                        found.append(route.pk)
                        break
                    if self._carriers[pk].reachable:
                        break
            return found

        return routes


def fresh(at: datetime) -> bool:
    """Whether what a bind's state says is of now."""
    return clock.now() - at < timedelta(seconds=4 * _LOOK_S)
