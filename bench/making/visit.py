"""A first visit to a page over a slow line, in Debian's Chromium: what it weighs, and how soon something is seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser

LIGHTHOUSE = {"offline": False, "latency": 150, "downloadThroughput": 1_600_000 / 8, "uploadThroughput": 750_000 / 8}
"""The slow line of Lighthouse: 1.6 Mbit/s, 150 ms there and back."""
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 400_000 / 8, "uploadThroughput": 400_000 / 8}
"""The slow line of Chromium's developer tools: 400 kbit/s, 400 ms there and back."""
PAGES = ("/", "/report/", "/track/", "/services/", "/services/water-leak/", "/cases/", "/contact/", "/me/")
"""Those that citizens begin with."""
_CODES = {"zh": "zh-hans"}
_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


@dataclass
class Visit:
    """What one first visit cost: bytes over the line by address, and when something was first painted, in ms."""

    sizes: dict[str, int] = field(default_factory=dict)
    first_paint: float = 0.0

    @property
    def bytes(self) -> int:
        """All of it, with the headers of the answers."""
        return sum(self.sizes.values())


def first_visit(browser: Browser, url: str, language: str, line: Mapping[str, Any] = LIGHTHOUSE) -> Visit:
    """A visitor who was never here, on a telephone."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, has_touch=True, locale="en")
    context.add_cookies([{"name": "django_language", "value": _CODES.get(language, language), "url": url}])
    page = context.new_page()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", dict(line))
    found = Visit()
    names: dict[str, str] = {}

    def begun(event: Any) -> None:
        names[event["requestId"]] = event["request"]["url"]

    def ended(event: Any) -> None:
        name = names.get(event["requestId"], event["requestId"])
        if not name.startswith("data:"):
            found.sizes[name] = found.sizes.get(name, 0) + int(event["encodedDataLength"])

    devtools.on("Network.requestWillBeSent", begun)
    devtools.on("Network.loadingFinished", ended)
    try:
        page.goto(url, wait_until="load", timeout=60_000)
        page.wait_for_load_state("networkidle", timeout=60_000)
        found.first_paint = float(page.evaluate(_FIRST_PAINT) or 1e9)
    finally:
        context.close()
    return found
