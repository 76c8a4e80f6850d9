"""Which area of the city a text names; where exactly it is, people say in their own words."""

import re
from collections.abc import Iterable, Iterator

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area
from wasl.kernel.text import fold

_WORDS = re.compile(r"[\W_]+")
# What kind of area it is, people leave out.
_KINDS = frozenset(
    fold(word) for word in ("wilayat", "governorate", "district", "city", "ولاية", "محافظة", "مدينة", "حي", "منطقة")
)
_ARTICLES = frozenset(("al", "as", "ar", "ad", "an", "ash", "at", "the"))
_BOUND = ("ال", "بال", "وال", "ب", "في", "لل")
_CHINESE_KINDS = "区省市县镇"


def area_in(text: str) -> Area | None:
    """The area whose name stands in `text`, the longest name of several; none where two areas are called so."""
    sought = f" {_WORDS.sub(' ', fold(text)).strip()} "
    found: tuple[int, Area] | None = None
    for name, area in _names(organisation.areas()[1].values()):
        if (found is None or len(name) > found[0]) and _stands_in(name, sought):
            found = (len(name), area)
    return found[1] if found else None


def _names(areas: Iterable[Area]) -> Iterator[tuple[str, Area]]:
    called: dict[str, list[Area]] = {}
    for area in areas:
        for name in {said for given in area.names.values() for said in _said(given)}:
            called.setdefault(name, []).append(area)
    return ((name, areas[0]) for name, areas in called.items() if len(areas) == 1)


def _said(name: str) -> Iterator[str]:
    """A name as it is written, and as people say it: without its kind and article."""
    full = _WORDS.sub(" ", fold(name)).strip()
    if _is_chinese(full):
        yield full
        if len(full) > 2 and full[-1] in _CHINESE_KINDS:
            yield full[:-1]
        return
    yield full
    words = [word for word in full.split() if word not in _KINDS]
    if words and words[0] in _ARTICLES:
        words = words[1:]
    bare = " ".join(words)
    if len(bare) >= 3:
        yield bare.removeprefix("ال") if len(bare) > 5 else bare


def _stands_in(name: str, text: str) -> bool:
    if _is_chinese(name):
        return name in text
    return f" {name} " in text or any(f" {bound}{name} " in text for bound in _BOUND)


def _is_chinese(text: str) -> bool:
    return any("\u3400" <= sign <= "\u9fff" for sign in text)
