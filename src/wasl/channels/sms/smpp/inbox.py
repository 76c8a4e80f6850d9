"""What the peer sent and nobody has answered yet: handed over in batches, answered after the handler's commit."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import Status
from wasl.channels.sms.smpp.pdu import DeliverSm

__all__ = ["Inbox"]

log = logging.getLogger(__name__)

_BATCH: Final = 500
_GATHER_S: Final = 0.004
_STREAM_S: Final = 0.05


class Inbox:
    """Keeps requests in their order and hands them to `take`, one batch after another, up to 500 at a time.

    A peer fills his window in pieces once he is answered. Who has just been answered so many requests gets a moment to
    send as many again: the first piece alone would hold up all others for as long as a commit takes. One that comes
    alone waits for nothing.

    `answer` sends the answers; it returns False when there is nobody to answer any more, and waits while the peer does
    not read. `changed` is called whenever something was taken out.
    """

    def __init__(
        self,
        take: Callable[[Sequence[Request]], Awaitable[Sequence[Response]]],
        answer: Callable[[bytes], Awaitable[bool]],
        changed: Callable[[], None],
    ) -> None:
        self._take = take
        self._answer = answer
        self._changed = changed
        self._waiting: list[Request] = []
        self._in_hand = 0
        self._worker: asyncio.Task[None] | None = None
        self._expected = 0
        self._answered_at = 0.0
        self._enough: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting) + self._in_hand

    @property
    def busy(self) -> bool:
        """Whether anything waits or is in somebody's hands."""
        return self._worker is not None

    def put(self, request: Request) -> None:
        """Another one has come."""
        self._waiting.append(request)
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())
        elif self._enough is not None and len(self._waiting) >= self._expected and not self._enough.done():
            self._enough.set_result(None)

    async def _gather(self) -> None:
        loop = asyncio.get_running_loop()
        if len(self._waiting) >= self._expected or loop.time() - self._answered_at > _STREAM_S:
            return
        self._enough = loop.create_future()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GATHER_S):
                await self._enough
        self._enough = None

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await self._gather()
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
                self._in_hand = len(batch)
                answers = await self._answers(batch)
                self._in_hand = 0
                if not await self._answer(b"".join(answers)):
                    return  # the peer sends them again; the handler knows what it has
                self._expected, self._answered_at = len(batch), loop.time()
                self._changed()
        finally:
            self._in_hand = 0
            self._worker = None
            self._changed()

    async def _answers(self, batch: Sequence[Request]) -> list[bytes]:
        try:
            answers = [answer.encode() for answer in await self._take(batch)]
            if len(answers) != len(batch):
                raise ValueError(f"{len(answers)} answers to {len(batch)} requests")
        except Exception:
            log.exception("%d requests were not taken", len(batch))
            answers = [
                one.answer(Status.RX_T_APPN if isinstance(one, DeliverSm) else Status.RSYSERR).encode() for one in batch
            ]
        return answers
