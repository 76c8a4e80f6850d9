"""What the web server runs: live updates, the SMS interface, agents' SIP as ASGI; all else by Django, in threads.

Django's own ASGI handler makes a new thread, and so a new data base connection, for every request; see
docs/decisions/2026-11-21-server.md for what was measured.
"""

import os

# First: it sets Django up before anything below reads settings.
from wasl.site.wsgi import application as django  # isort: skip

from django.conf import settings
from granian.utils.proxies import wrap_asgi_with_proxy_headers
from starlette.types import Receive, Scope, Send

from wasl.faces.desk import presence
from wasl.faces.desk.phone import relay
from wasl.faces.exchange.api import PREFIX, Exchange
from wasl.faces.frame.live import Live
from wasl.kernel.links import conninfo
from wasl.site.bridge import Bridge, before_the_end, lifespan
from wasl.site.hearing import may_hear

THREADS = int(os.environ.get("WASL_WEB_THREADS", "8"))


live = Live(conninfo=conninfo(), allowed=may_hear, attendance=presence)
exchange = Exchange(conninfo())
phone = relay.Relay(settings.WASL_ARI_PORT)
pages = Bridge(django, threads=THREADS)


async def _end() -> None:
    await live.close()
    await exchange.close()
    await phone.close()
    pages.close()


def _before_the_end() -> None:
    live.end()
    phone.end()


async def _app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send, lambda: before_the_end(_before_the_end), _end)
    elif scope["type"] == "http":
        path = scope["path"]
        face = live if path == "/live" else exchange if path.startswith(PREFIX + "/") else pages
        await face(scope, receive, send)
    elif scope["path"] == relay.PATH:
        await phone(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1000})


app = wrap_asgi_with_proxy_headers(_app, trusted_hosts=settings.WASL_PROXIES)
"""The ASGI application of a web process. Whoever a proxy of ours speaks for is the client (`X-Forwarded-For`).

Limits by address would else be those of the whole city.
"""
