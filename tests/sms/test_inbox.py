"""What a peer sends is handed over in batches as large as the window that he fills."""

import asyncio
from collections.abc import Sequence

import pytest

from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.inbox import Inbox


@pytest.mark.req("J8")
def test_who_was_just_answered_may_fill_his_window_again() -> None:
    batches: list[int] = []

    async def take(batch: Sequence[Request]) -> Sequence[Response]:
        batches.append(len(batch))
        return [one.answer() for one in batch]

    async def answer(_octets: bytes) -> bool:
        return True

    async def scene() -> None:
        inbox = Inbox(take, answer, lambda: None)

        async def put(count: int) -> None:
            for sequence in range(count):
                inbox.put(pdu.DeliverSm(sequence=sequence + 1))
            await asyncio.sleep(0)

        async def come_to(*wanted: int) -> None:
            for _try in range(1000):
                if batches == list(wanted):
                    break
                await asyncio.sleep(0.001)
            assert batches == list(wanted)

        await put(10)
        await come_to(10)
        # In pieces: what comes first does not go alone.
        for count in (1, 4, 5):
            await put(count)
        await come_to(10, 10)
        # He does not fill it: what there is goes all the same.
        await put(2)
        await come_to(10, 10, 2)
        # So does one after a while.
        await asyncio.sleep(0.06)
        await put(1)
        await come_to(10, 10, 2, 1)

    asyncio.run(scene())
