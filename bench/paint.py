"""How soon a citizen who was never here sees something of a page, on a telephone and a slow line (K3, P5)."""

import os
from statistics import median

from playwright.sync_api import Browser, sync_playwright

from bench.making.house import web
from bench.making.visit import LIGHTHOUSE, PAGES, SLOW_3G, first_visit

LIMIT_MS = 1500
LINES = {"Lighthouse": LIGHTHOUSE, "slow 3G": SLOW_3G}
_CHROMIUM = "/usr/bin/chromium"


def main(quick: bool) -> None:
    """Print the median of each page on each line; last, `paint ratio R`: the limit over the worst on slow 3G."""
    times = 1 if quick else 3
    languages = ("ar",) if quick else ("ar", "en", "zh")
    with web() as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--headless", "--no-sandbox"])
        worst = dict.fromkeys(LINES, 0.0)
        print(f"{'page':<24}{'kB':>6}" + "".join(f"{name:>14}" for name in LINES) + "   ms to the first paint")
        for path in PAGES:
            for language in languages:
                weight, painted = _painted(browser, f"http://127.0.0.1:{port}{path}", language, times)
                print(f"{path + ' ' + language:<24}{weight / 1000:>6.0f}" + "".join(f"{ms:>14.0f}" for ms in painted))
                worst = {name: max(worst[name], ms) for name, ms in zip(LINES, painted, strict=True)}
        browser.close()
    print(", ".join(f"{name}: worst {ms:.0f} ms" for name, ms in worst.items()), f"- limit {LIMIT_MS} ms")
    print(f"load {os.getloadavg()[0]:.1f}: figures of a busy machine are its own")
    print(f"paint ratio {LIMIT_MS / worst['slow 3G']:.2f}")


def _painted(browser: Browser, url: str, language: str, times: int) -> tuple[int, list[float]]:
    # The server has served the page once before anything is measured.
    weight = first_visit(browser, url, language).bytes
    return weight, [
        median(first_visit(browser, url, language, line).first_paint for _ in range(times)) for line in LINES.values()
    ]
