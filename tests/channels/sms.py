"""What the tests of the gateway share: an operator that is our simulator, and a gateway that runs beside the test."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from wasl.channels.sms.gateway import Gateway
from wasl.channels.sms.smpp.simulator import Habits, Simulator
from wasl.kernel import clock, phone, seal
from wasl.kernel.ids import new_id
from wasl.kernel.links import conninfo
from wasl.services.texts import actions, queries
from wasl.services.texts.actions import New, Refused, Taken, number_place, words_place
from wasl.services.texts.models import Bind, Client, Incoming, Klass, Operator, Route, Text

NUMBER = "+96892000001"


class Running:
    """A loop in a thread, with simulators and a gateway in it. `do` runs something in the loop and waits for it."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.simulators: dict[str, Simulator] = {}
        self.ports: dict[str, int] = {}
        self.gateway: Gateway | None = None
        self._run: asyncio.Future[None] | None = None

    def do(self, what: object, seconds: float = 30) -> object:
        assert asyncio.iscoroutine(what)
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(seconds)

    def operator(self, code: str = "first", habits: Habits | None = None, **fields: object) -> Operator:
        """An operator with one bind to a simulator of its own, and a route over all operators made so far."""
        simulator = Simulator(habits or Habits(receipt_delay=0.01))
        self.ports[code] = int(str(self.do(simulator.server.listen("127.0.0.1", 0))))
        self.simulators[code] = simulator
        made = Operator.objects.create(code=code, name=code, **fields)
        Bind.objects.create(
            operator=made,
            host="127.0.0.1",
            port=self.ports[code],
            system_id="wasl",
            password_sealed=seal.seal("secret", place="bind"),
        )
        route, _new = Route.objects.get_or_create(name="all", defaults={"operators": []})
        route.operators = [*route.operators, made.pk]
        route.save()
        queries.forget()
        return made

    def start(self) -> None:
        """Start a gateway and wait until it carries."""

        async def start() -> None:
            self.gateway = Gateway(conninfo())
            self._run = asyncio.ensure_future(self.gateway.run())
            await asyncio.wait_for(self.gateway.carrying.wait(), 20)

        self.do(start())

    def stop(self) -> None:
        """End the gateway in order."""

        async def stop() -> None:
            assert self.gateway is not None
            assert self._run is not None
            self.gateway.stop()
            await self._run

        if self.gateway is not None:
            self.do(stop())
            self.gateway = None

    def end(self) -> None:
        self.stop()
        for simulator in self.simulators.values():
            self.do(simulator.server.close(0.1))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
        self.loop.close()


@contextmanager
def running() -> Iterator[Running]:
    one = Running()
    try:
        yield one
    finally:
        one.end()
        connection.close()


def client(code: str = "city", **fields: object) -> Client:
    made = Client.objects.create(**{"code": code, "name": code, "sender": "1111", "best": Klass.URGENT, **fields})
    queries.forget()
    return made


def send(ref: str, words: str = "hello", number: str = NUMBER, code: str = "city", **more: Any) -> Taken:
    (taken,) = actions.queue(code, [New(**{"ref": ref, "number": number, "words": words, "klass": Klass.CASE, **more})])
    assert not isinstance(taken, Refused), str(taken)
    return taken


def until(so: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, f"not so within {seconds} s"
        time.sleep(0.02)


def state(ref: str) -> str:
    return Text.objects.get(ref=ref).state


def came_in(operator: Operator, words: str, number: str = NUMBER, state: str = Incoming.State.NEW) -> Incoming:
    """A text that came in, answered or not yet."""
    pk = new_id()
    now = clock.now()
    return Incoming.objects.create(
        pk=pk,
        operator=operator,
        code="90888",
        number_sealed=seal.seal(number, place=number_place(pk)),
        look_up=seal.index_of(number),
        hint=phone.masked(number),
        words_sealed=seal.seal(words, place=words_place(pk)),
        mark=b"mark",
        session=1,
        state=state,
        at=now,
        done_at=None if state == Incoming.State.NEW else now,
    )
