"""What the tests of the interface for other systems share: a client with a key, and the application in a loop."""

import asyncio
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.channels import sms
from wasl.faces.exchange.api import PREFIX, Exchange
from wasl.kernel import clock
from wasl.kernel.links import conninfo
from wasl.services.exchange.models import Key, Scope
from wasl.services.exchange.queries import digest_of
from wasl.services.texts.models import Client

NUMBER = "+96892000001"


def key(client: Client, secret: str = "", scopes: Sequence[str] = tuple(Scope.values), **fields: Any) -> str:
    """A key of the client; its secret."""
    secret = secret or f"wasl_{client.code}_{'x' * 32}"
    now = clock.now()
    Key.objects.create(
        client=client,
        name="test",
        key_digest=digest_of(secret),
        head=secret[:10],
        scopes=list(scopes),
        **{"valid_from": now, "made_at": now, **fields},
    )
    return secret


def client(code: str = "evisa", **fields: Any) -> tuple[Client, str]:
    """A client and the secret of a key that may do everything."""
    made = sms.client(code, **fields)
    return made, key(made)


@dataclass
class Face:
    """The application in a loop of a thread; calls wait for their answers."""

    loop: asyncio.AbstractEventLoop
    app: Exchange
    secret: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, body: Any = None, secret: str | None = None, **more: Any) -> httpx.Response:
        """One request."""
        return self.many([(method, path, body)], secret, **more)[0]

    def many(
        self, calls: Sequence[tuple[str, str, Any]], secret: str | None = None, **more: Any
    ) -> list[httpx.Response]:
        """Requests at once."""
        headers = {"Authorization": f"Bearer {self.secret if secret is None else secret}", **more.pop("headers", {})}

        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
                return await asyncio.gather(
                    *(
                        http.request(
                            method,
                            PREFIX + path,
                            headers={"Content-Type": "application/json", **headers},
                            content=body if isinstance(body, bytes) or body is None else json.dumps(body),
                            **more,
                        )
                        for method, path, body in calls
                    )
                )

        return asyncio.run_coroutine_threadsafe(ask(), self.loop).result(60)


@contextmanager
def face(secret: str = "") -> Iterator[Face]:
    """The application, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    app = Exchange(conninfo())
    try:
        yield Face(loop, app, secret)
    finally:
        asyncio.run_coroutine_threadsafe(app.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()
