"""Draws the pictures of docs/pictures.md from a running hotline; `./wasl pictures` runs it. No test is in here."""

import io
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.real.browser import CHROMIUM, DESK, FLAGS, PHONE
from tests.real.hotline import Hotline, hotline
from tests.real.inside import ask

QUALITY = 82
Scene = dict[str, str]


@dataclass(frozen=True)
class Picture:
    """One page as somebody sees it; `who` is a user name of the demo, or nothing for a citizen."""

    name: str
    words: str
    path: Callable[[Scene], str]
    who: str = ""
    width: int = DESK
    theme: str = "light"
    do: Callable[[Page, Scene], None] | None = None


def _open_case(page: Page, scene: Scene) -> None:
    page.fill("input[name=pin]", scene["told pin"])
    page.click("main form .btn-primary")
    page.wait_for_load_state()


def _type_report(page: Page, scene: Scene) -> None:
    words, where = SAID[page.evaluate("document.documentElement.lang")]
    page.fill("#report-body", words)
    page.fill("#report-address", where)
    page.wait_for_timeout(1500)


# What somebody says on the line, and where it is.
SAID = {
    "en": (
        "Water comes out of the ground beside the bus stop, the road is slippery",
        "Bus stop Al Nakheel, Bawshar",
    ),
    "ar": ("الماء يخرج من الأرض بجوار موقف الحافلات والطريق زلق", "موقف حافلات النخيل، بوشر"),
}
PICTURES = (
    Picture("home", "The public pages begin with one question", lambda scene: "/", width=PHONE),
    Picture("home-wide", "The same on a wide screen", lambda scene: "/"),
    Picture(
        "track", "A citizen reads what became of it and says whether it is true",
        lambda scene: f"/track/{scene['told']}/", width=PHONE, do=_open_case,
    ),
    Picture("cases", "What others have reported, as map and list", lambda scene: "/cases/"),
    Picture("agent", "The agent's form while somebody is on the line", lambda scene: "/desk/report/", "agent2",
            do=_type_report),
    Picture("review", "Reports of the web that nobody has read yet", lambda scene: "/desk/list/review/", "agent2"),
    Picture("board", "Where everything stands", lambda scene: "/desk/board/", "supervisor1"),
    Picture("board-dark", "The same at night", lambda scene: "/desk/board/", "supervisor1", theme="dark"),
    Picture("case", "A request at the desk", lambda scene: f"/desk/case/{scene['replied']}/?from=replies", "second2"),
    Picture("officer", "The work list of a unit on a phone", lambda scene: "/desk/list/work/", "officer-water-2",
            width=PHONE),
)  # fmt: skip
LANGUAGES = {"en": "en", "ar": "ar"}


def draw(running: Hotline, folder: Path) -> list[Path]:
    """All pictures as WebP into `folder`; gives their paths. Raises RuntimeError for a page that does not open."""
    scene: Scene = ask(running, "stage")
    passwords = {one["username"]: one["password"] for one in running.demo["sign_ins"]}
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for language, code in LANGUAGES.items():
            for picture in PICTURES:
                with _page(browser, running.url, picture, code) as page:
                    if picture.who:
                        _sign_in(page, picture.who, passwords[picture.who])
                    answer = page.goto(picture.path(scene))
                    if answer is None or answer.status != 200:
                        raise RuntimeError(f"{picture.name}: {page.url} answers {answer and answer.status}")
                    if picture.do:
                        picture.do(page, scene)
                    page.wait_for_load_state("load")
                    page.evaluate("document.fonts.ready")
                    made.append(folder / f"{picture.name}-{language}.webp")
                    Image.open(io.BytesIO(page.screenshot())).save(made[-1], quality=QUALITY, method=6)
        browser.close()
    return made


@contextmanager
def _page(browser: Browser, base_url: str, picture: Picture, language: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=base_url,
        viewport={"width": picture.width, "height": 740 if picture.width == PHONE else 900},
        color_scheme="dark" if picture.theme == "dark" else "light",
        reduced_motion="reduce",
        device_scale_factor=2 if picture.width == PHONE else 1,
        timezone_id="Asia/Muscat",
    )
    context.add_cookies([{"name": "django_language", "value": language, "url": base_url}])
    try:
        yield context.new_page()
    finally:
        context.close()


def _sign_in(page: Page, username: str, password: str) -> None:
    page.goto("/account/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.click("main form .btn-primary")
    page.wait_for_url(re.compile("/desk/"))


def gallery() -> str:
    """The page that shows them."""
    lines = ["# Pictures", "", "Drawn from the demo city by `./wasl pictures`; all people and reports are made up.", ""]
    for picture in PICTURES:
        shown = " ".join(
            f'<img src="pictures/{picture.name}-{language}.webp" alt="{picture.words} ({language})" width="49%">'
            for language in LANGUAGES
        )
        lines += [f"## {picture.words}", "", shown, ""]
    return "\n".join(lines)


def main(docs: Path) -> None:
    """Start a hotline, draw everything into `docs/pictures`, and write `docs/pictures.md`."""
    with (
        tempfile.TemporaryDirectory(prefix="wasl-pictures-", ignore_cleanup_errors=True) as folder,
        hotline(Path(folder) / "data") as running,
    ):
        made = draw(running, docs / "pictures")
    (docs / "pictures.md").write_text(gallery())
    print(f"{len(made)} pictures, {sum(one.stat().st_size for one in made) / 1e6:.1f} MB, in {docs / 'pictures'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
