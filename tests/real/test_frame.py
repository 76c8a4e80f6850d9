"""The frame's scripts in a real browser, on a page of the test's own, with real PostgreSQL behind the live updates."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import uvicorn
from django.contrib.sessions.backends.db import SessionStore
from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from tests.real.browser import PHONE, Visit
from wasl.faces.frame import assets
from wasl.faces.frame.live import Live, Visitor
from wasl.faces.frame.security import _policy
from wasl.kernel.rows import LIVE_CHANNEL

PAGE = """<!doctype html><html lang="en" dir="ltr"><head><meta charset="utf-8"><title>t</title>
<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="htmx-config" content='{"includeIndicatorStyles":false,"allowEval":false}'>
<link rel="stylesheet" href="/static/dist/%(css)s"><script type="module" src="/static/dist/%(js)s"></script></head>
<body class="w-desk" data-live="case:12"><div id="offline" hidden>No connection</div>
<input data-key="/" data-key-label="Search" aria-label="Search" id="search">
<button data-key="s" id="sign">Sign for <kbd>S</kbd></button><button data-key="g l" id="list">Work list</button>
<output id="pressed"></output><p id="part" hx-get="/part" hx-trigger="live:case-12 from:body">first</p>
<form data-look action="/look/" method="post"><button name="set" value="theme:dark">Dark</button></form>
<dialog id="keys"><form method="dialog"><button>Close</button></form><dl id="keys-list"></dl>
<input type="checkbox" id="keys-on" checked aria-label="on">
<template id="keys-names" data-help="Show these keys" data-close="Close" data-then="then"></template></dialog>
</body></html>"""


class Site:
    """A small server in a thread, and a hand on its data base."""

    def __init__(self, url: str, database: str) -> None:
        self.url = url
        self.parts = 0
        self._database = database

    def execute(self, statement: str, *values: Any) -> None:
        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    def say(self, seq: int) -> None:
        payload = {"topics": ["case:12"], "case": 12, "seq": seq, "verb": "order.signed"}
        self.execute("SELECT pg_notify(%s, %s)", LIVE_CHANNEL, json.dumps(payload))


@contextmanager
def _serving(database: str) -> Iterator[Site]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    site = Site(f"http://127.0.0.1:{port}", database)
    live = Live(conninfo=database, allowed=lambda _v, _t: True, identify=lambda _cookies: Visitor(None, SessionStore()))

    async def page(_request: Request) -> Response:
        names = {"css": assets.manifest()["desk.css"], "js": assets.manifest()["desk.js"]}
        return HTMLResponse(PAGE % names, headers={"Content-Security-Policy": _policy("", False)})

    async def part(_request: Request) -> Response:
        site.parts += 1
        return HTMLResponse(f"reloaded {site.parts}")

    routes = [Route("/", page), Route("/part", part), Mount("/static/dist", StaticFiles(directory=assets.DIST))]
    app = Starlette(routes=[*routes, Mount("/live", live)])
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        until = time.monotonic() + 10
        while not server.started and time.monotonic() < until:
            time.sleep(0.05)
        yield site
    finally:
        live.end()
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def site(database_url: str) -> Iterator[Site]:
    assert assets.manifest(), "the front end is not built: npm ci && node build.mjs in frontend/"
    with _serving(database_url) as found:
        yield found


@pytest.mark.req("K7")
def test_a_fragment_reloads_when_its_case_changes(site: Site, visit: Visit) -> None:
    with visit(site.url) as page:
        page.goto("/")
        # The server began to listen for this first page, so it tells it to fetch once: something may have been missed.
        expect(page.locator("#part")).to_have_text("reloaded 1")
        page.wait_for_timeout(1500)
        site.say(1)
        expect(page.locator("#part")).to_have_text("reloaded 2")
        # Many changes at once do not become as many reloads.
        for seq in range(2, 30):
            site.say(seq)
        page.wait_for_timeout(2500)
        assert 3 <= site.parts <= 6


def test_after_a_lost_connection_to_the_data_base_the_page_fetches_the_truth(site: Site, visit: Visit) -> None:
    with visit(site.url) as page:
        page.goto("/")
        expect(page.locator("#part")).to_have_text("reloaded 1")
        site.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wasl live'")
        expect(page.locator("#part")).to_have_text("reloaded 2", timeout=10_000)


def test_a_page_without_network_says_so(site: Site, visit: Visit) -> None:
    with visit(site.url, width=PHONE, expect_errors=True) as page:
        page.goto("/")
        page.wait_for_timeout(500)
        page.context.set_offline(True)
        expect(page.locator("#offline")).to_be_visible()
        page.context.set_offline(False)
        expect(page.locator("#offline")).to_be_hidden()


@pytest.mark.req("M7")
def test_keys_press_what_they_name(site: Site, visit: Visit) -> None:
    with visit(site.url) as page:
        page.goto("/")
        page.wait_for_timeout(300)
        page.evaluate(
            "for (const b of document.querySelectorAll('button[id]'))"
            " b.addEventListener('click', () => document.getElementById('pressed').textContent += b.id + ' ')"
        )
        page.keyboard.press("s")
        page.keyboard.press("g")
        page.keyboard.press("l")
        expect(page.locator("#pressed")).to_have_text("sign list")
        page.keyboard.press("/")
        expect(page.locator("#search")).to_be_focused()
        page.keyboard.type("s/s?")
        expect(page.locator("#search")).to_have_value("s/s?")
        expect(page.locator("#pressed")).to_have_text("sign list")
        page.locator("#sign").focus()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        expect(page.locator("#keys-list")).to_contain_text("Sign for")
        expect(page.locator("#keys-list")).not_to_contain_text("Sign for S")


def test_the_look_changes_at_once_and_is_remembered(site: Site, visit: Visit) -> None:
    with visit(site.url) as page:
        page.goto("/")
        page.wait_for_timeout(300)
        page.get_by_role("button", name="Dark").click()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        kept = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        assert kept["wasl_look"] == "dark.."
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 27)"
