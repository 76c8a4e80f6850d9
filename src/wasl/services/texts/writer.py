"""Taking texts by the thousand: what many callers hand in at once becomes one transaction (group commit).

Asynchronous, for processes that serve other systems; everybody else has `actions.queue`. It keeps to the same rules
and writes by the same statement.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from django.utils.translation import gettext as _
from psycopg import AsyncConnection

from wasl.kernel.ids import AsyncIds
from wasl.services.texts.actions import WAKE_CHANNEL
from wasl.services.texts.making import (
    KEEP,
    KNOWN,
    OPEN,
    Made,
    Refused,
    Taken,
    answers,
    bound,
    facts_of,
    known_facts,
)

log = logging.getLogger(__name__)

BATCH = 500
"""Texts in one transaction: more would make the first wait longer for less and less."""
GATHER_S = 0.004
PATIENCE_S = 5.0
"""A data base that is away is waited for so long before callers are told to come again."""

_OPEN, _KEEP, _KNOWN = OPEN.encode(), KEEP.encode(), KNOWN.encode()


class Full(Exception):
    """So much waits to be kept that nothing more is taken: come again in a second."""


class Away(Exception):
    """The data base is away. What was handed in may have been kept: hand it in again under the same reference."""


@dataclass(slots=True)
class _Offer:
    made: Sequence[Made]
    done: "asyncio.Future[list[Taken | Refused]]"


class Writer:
    """One connection and one transaction at a time; what comes meanwhile is the next one. Bound to one event loop.

    `most`: texts that may wait at once.
    """

    def __init__(self, where: str, most: int = 20_000) -> None:
        self._where, self._most = where, most
        self._offers: deque[_Offer] = deque()
        self._waiting = 0
        self._news, self._enough = asyncio.Event(), asyncio.Event()
        self._asked = 0
        self._ids = AsyncIds()
        self._opened: set[tuple[int, date]] = set()
        self._connection: AsyncConnection[Any] | None = None
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    async def keep(self, made: Sequence[Made]) -> list[Taken | Refused]:
        """An answer for each, once they are committed. Raises Full at once, Away when the data base does not come back.

        Who waits no longer changes nothing: the texts are kept all the same.
        """
        if self._closing or self._waiting + len(made) > self._most:
            raise Full
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        offer = _Offer(made, asyncio.get_running_loop().create_future())
        self._offers.append(offer)
        self._waiting += len(made)
        self._news.set()
        if self._asked and len(self._offers) >= self._asked:
            self._enough.set()
        return await offer.done

    async def close(self) -> None:
        """Keep what waits, and end."""
        self._closing = True
        self._news.set()
        self._enough.set()
        if self._task:
            await self._task
        if self._connection:
            await self._connection.close()

    async def _run(self) -> None:
        asked = 0
        while True:
            if not self._offers:
                if self._closing:
                    return
                self._news.clear()
                await self._news.wait()
                continue
            await self._gather(asked)
            batch: list[_Offer] = []
            size = 0
            while self._offers and (not batch or size + len(self._offers[0].made) <= BATCH):
                batch.append(self._offers.popleft())
                size += len(batch[-1].made)
            asked = len(batch)
            await self._settle(batch)
            self._waiting -= size

    async def _gather(self, asked: int) -> None:
        """Who asked last time, `asked` callers, is likely to come again: they are waited for a moment."""
        if len(self._offers) < asked and not self._closing:
            self._asked, self._enough = asked, asyncio.Event()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), GATHER_S)
            self._asked = 0

    async def _settle(self, batch: Sequence[_Offer]) -> None:
        try:
            found = await self._patiently([one for offer in batch for one in offer.made])
        except Exception as error:
            if not isinstance(error, psycopg.Error | OSError):
                log.exception("texts could not be kept")
            for offer in batch:
                if not offer.done.done():
                    offer.done.set_exception(Away() if isinstance(error, psycopg.Error | OSError) else error)
            return
        place = 0
        for offer in batch:
            answer = found[place : place + len(offer.made)]
            place += len(offer.made)
            if not offer.done.done():
                offer.done.set_result(answer)

    async def _patiently(self, made: list[Made]) -> list[Taken | Refused]:
        """Keep them. After a lost connection the same is tried again: ids stay, so what was committed is found."""
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while True:
            try:
                return await self._keep(made)
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                log.warning("the data base is away: %s", "".join(str(error).strip().splitlines()[:1]))
                await self._drop()
                if loop.time() > until:
                    raise
                await asyncio.sleep(0.2)
            except (psycopg.DataError, psycopg.IntegrityError):
                # A route or client that was deleted a moment ago, say: the others do not suffer for it.
                if len(made) == 1:
                    log.exception("a text could not be kept")
                    return [Refused(_("The text could not be kept. Please try again."), "again")]
                return [(await self._patiently([one]))[0] for one in made]

    async def _keep(self, made: list[Made]) -> list[Taken | Refused]:
        connection = await self._connected()
        fresh = [one for one in made if not one.id]
        for one, pk in zip(fresh, await self._ids.draw(connection, len(fresh)), strict=True):
            one.ready(pk)
        facts = facts_of(made, WAKE_CHANNEL)
        # One and the same day for all of this, also at midnight: a bound without a row of its day bounds nothing.
        day = facts["today"]
        unopened = {(one.client.pk, day) for one in made if bound(one.client)} - self._opened
        if unopened:
            await connection.execute(_OPEN, facts)
            self._opened = {one for one in self._opened if one[1] == day} | unopened
        left = await (await connection.execute(_KEEP, facts)).fetchall()
        there: dict[tuple[int, str], Any] = {}
        if any(place >= 0 for place, _why in left):
            rows = await connection.execute(_KNOWN, known_facts(made))
            there = {(row[0], row[1]): row for row in await rows.fetchall()}
        return answers(made, left, there)

    async def _connected(self) -> AsyncConnection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = await AsyncConnection.connect(
                self._where, autocommit=True, prepare_threshold=1, connect_timeout=5, application_name="wasl sms in"
            )
        return self._connection

    async def _drop(self) -> None:
        if self._connection:
            with suppress(psycopg.Error, OSError):
                await self._connection.close()
        self._connection = None
