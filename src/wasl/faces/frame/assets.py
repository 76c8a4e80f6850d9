"""Which hashed file in wasl/static/dist stands for a name such as `portal.css`; frontend/build.mjs writes them."""

import base64
import hashlib
import json
import re
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

DIST = Path(__file__).resolve().parents[2] / "static" / "dist"


@lru_cache(maxsize=2)
def _read(_modified_ns: int) -> dict[str, Any]:
    return dict(json.loads((DIST / "manifest.json").read_text()))


_LOOK_S = 1.0
_looked: tuple[float, dict[str, Any]] = (float("-inf"), {})


def manifest() -> dict[str, Any]:
    """Names and hashed names of the last build; empty when the front end was never built.

    A page asks hundreds of times: whether there was another build is looked at each second.
    """
    global _looked
    now = time.monotonic()
    if now - _looked[0] > _LOOK_S:
        try:
            _looked = now, _read((DIST / "manifest.json").stat().st_mtime_ns)
        except FileNotFoundError:
            _looked = now, {}
    return _looked[1]


def url(name: str) -> str:
    """The address of `name`; unhashed (and so not found) when the front end was never built."""
    return f"{settings.STATIC_URL}dist/{manifest().get(name, name)}"


@lru_cache(maxsize=4)
def words(file: str) -> tuple[str, str]:
    """What stands in a built style sheet, to be put into a page, and its hash as a content security policy names it."""
    # Addresses of files beside it are others in a page.
    css = _BESIDE.sub(f"url({settings.STATIC_URL}dist/", (DIST / file).read_text())
    if "</" in css:
        raise ValueError(f"{file} cannot stand in a page")
    return css, "'sha256-" + base64.b64encode(hashlib.sha256(css.encode()).digest()).decode() + "'"


_BESIDE = re.compile(r"""url\((?!["']?(?:data:|/|#))""")


def parts(name: str) -> list[str]:
    """Addresses of the modules that script `name` imports at once, to be fetched together with it."""
    return [f"{settings.STATIC_URL}dist/{file}" for file in manifest().get(f"{name}:parts", [])]


def all_parts(name: str) -> list[str]:
    """Addresses of every module that script `name` may ever import, for those who must have them beforehand."""
    return [f"{settings.STATIC_URL}dist/{file}" for file in manifest().get(f"{name}:all", [])]


@checks.register()
def front_end_is_built(**_: Any) -> list[checks.CheckMessage]:
    """Warns when pages would come without their styles."""
    if manifest():
        return []
    return [
        checks.Warning(
            "The front end is not built: pages have no styles and no scripts.",
            hint="Run `npm ci && node build.mjs` in frontend/, or start with ./wasl up.",
            id="frame.W001",
        )
    ]
