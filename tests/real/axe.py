"""What axe-core finds wrong on a page (WCAG 2.2 AA), in light and in the dark; no test is in here."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

_AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}

_CUT = """[...document.querySelectorAll('.btn')].filter(one => one.clientWidth && one.scrollWidth > one.clientWidth + 1)
  .map(one => one.textContent.trim())"""


def violations(page: Page, themes: Sequence[str] = ("light", "dark")) -> Iterator[str]:
    """What axe finds, and whether the page must be scrolled sideways or the words of a button are cut.

    All rules hold in the first theme; in the next only the colours are looked at, as nothing else is different there.
    """
    # Run as the debugger does, which the content security policy does not touch.
    page.evaluate(_AXE.read_text())
    for theme in themes:
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        found: dict[str, Any] = page.evaluate(
            "only => axe.run(document, {runOnly: only, resultTypes: ['violations']})",
            _RULES if theme == themes[0] else _COLOURS,
        )
        for one in found["violations"]:
            for node in one["nodes"][:4]:
                why = (node.get("failureSummary") or "").replace("\n", " ")[:200]
                yield f"{one['id']} {theme} {page.url} {node['target']} {why}"
    if len(themes) > 1:
        page.emulate_media(color_scheme="dark" if themes[0] == "dark" else "light")
    wide, screen = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    if wide > screen:
        yield f"wide {page.url} {wide} px on {screen}"
    for words in page.evaluate(_CUT):
        yield f"cut {page.url} {words}"
