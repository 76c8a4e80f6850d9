"""What the web server runs: live updates as ASGI, all else by Django as WSGI in a fixed pool of threads.

Django's own ASGI handler makes a new thread, and so a new data base connection, for every request; see
docs/decisions/2026-11-21-server.md for what was measured.
"""

import os

# First: it sets Django up before anything below reads settings.
from wasl.site.wsgi import application as django  # isort: skip

from django.db import connection
from starlette.types import Receive, Scope, Send

from wasl.faces.frame.live import Live
from wasl.site.bridge import Bridge, before_the_end, lifespan
from wasl.site.hearing import may_hear

THREADS = int(os.environ.get("WASL_WEB_THREADS", "8"))


def _conninfo() -> str:
    """libpq's words for the data base that Django uses."""
    import psycopg.conninfo

    known = connection.get_connection_params()
    names = {"dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "service"}
    return psycopg.conninfo.make_conninfo(**{name: str(known[name]) for name in names & known.keys()})


live = Live(conninfo=_conninfo(), allowed=may_hear)
pages = Bridge(django, threads=THREADS)


async def _end() -> None:
    await live.close()
    pages.close()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application of a web process."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send, lambda: before_the_end(live.end), _end)
    elif scope["type"] == "http":
        await (live if scope["path"] == "/live" else pages)(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 1000})
