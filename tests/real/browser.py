"""Debian's Chromium for tests that need a real browser: fixtures, and pictures of pages at three widths.

The fixtures come to every test of this folder through `conftest`.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, sync_playwright

from tests.real.hotline import strain

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, TABLET, DESK = 360, 768, 1440
WIDTHS = (PHONE, TABLET, DESK)
# How long a page may take on a machine of its own.
PATIENCE_MS = 30_000
_DJANGO_CODES = {"zh": "zh-hans"}

Visit = Callable[..., AbstractContextManager[Page]]


def pictures() -> Path:
    """The folder for pictures: `$WASL_PICTURES`, or one in the temporary directory."""
    folder = Path(os.environ.get("WASL_PICTURES") or Path(tempfile.gettempdir()) / "wasl-pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """One for the run, as it starts but once. The test fails with the package's name where Chromium is missing."""
    if not shutil.which(CHROMIUM):
        pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium fonts-noto-core fonts-noto-cjk")
    # Playwright keeps an event loop in this thread, and Django then takes every test after it for an asynchronous one.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for the run."""
    started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    yield started
    started.close()


@pytest.fixture
def visit(browser: Browser) -> Visit:
    """`with visit(base_url, language="ar", width=PHONE, theme="dark") as page:` a fresh visitor's page.

    At the end the test fails for every error that the page wrote on its console (a broken script, a breach of the
    content security policy, a missing file); `expect_errors=True` leaves that to the test.
    """

    @contextmanager
    def opened(
        base_url: str,
        *,
        language: str = "en",
        width: int = DESK,
        theme: str = "light",
        scripts: bool = True,
        expect_errors: bool = False,
    ) -> Iterator[Page]:
        context = browser.new_context(
            base_url=base_url,
            viewport={"width": width, "height": 740 if width <= PHONE else 900},
            color_scheme="dark" if theme == "dark" else "light",
            reduced_motion="reduce",
            java_script_enabled=scripts,
            has_touch=width <= TABLET,
            timezone_id="Asia/Muscat",
        )
        # What others keep busy is not the page's fault.
        context.set_default_timeout(PATIENCE_MS * strain())
        code = _DJANGO_CODES.get(language, language)
        context.add_cookies([{"name": "django_language", "value": code, "url": base_url}])
        page = context.new_page()
        wrong: list[str] = []

        def hear(message: ConsoleMessage) -> None:
            if message.type == "error":
                wrong.append(f"{message.text} ({message.location.get('url', '')})")

        page.on("console", hear)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        try:
            yield page
        finally:
            context.close()
        if not expect_errors:
            assert not wrong, "the page complained: " + "; ".join(wrong)

    return opened


def shoot(page: Page, name: str, *, whole: bool = False) -> list[Path]:
    """Pictures of the page at 360, 768 and 1440 px, as `name-360.png` and so on in `pictures()`.

    Raises AssertionError if the page must be scrolled sideways at one of the widths.
    """
    before = page.viewport_size
    made = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740 if width == PHONE else 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} px wide at {width} px"
        target = pictures() / f"{name}-{width}.png"
        page.screenshot(path=target, full_page=whole)
        made.append(target)
    if before:
        page.set_viewport_size(before)
    return made
