"""What every page of every face knows: the city, its hotline, the languages and the visitor's look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.utils.translation import get_language, get_language_bidi

from wasl.faces.frame.look import COOKIE, Look
from wasl.kernel.names import OWN_NAMES, code_of, local

_DEFAULT_CITY: Mapping[str, Any] = {
    "name": {"en": "City hotline", "ar": "الخط الساخن للمدينة", "zh": "城市热线"},
    "hotline": "",
}


def city() -> Mapping[str, Any]:
    """`name` (by language) and `hotline` (as dialled) of this installation.

    `settings.WASL_CITY` is such a mapping, or a callable that returns one, or such a callable's dotted path.
    """
    source: Mapping[str, Any] | Callable[[], Mapping[str, Any]] | str = getattr(settings, "WASL_CITY", _DEFAULT_CITY)
    found = import_string(source) if isinstance(source, str) else source
    return found() if callable(found) else found


@dataclass(frozen=True)
class LanguageChoice:
    """One entry of the language switch: `code` for Django, `tag` for HTML, its name in itself."""

    code: str
    tag: str
    own_name: str
    short: str
    current: bool


_SHORT = {"ar": "ع", "en": "EN", "zh": "中"}
_TAGS = {"zh": "zh-Hans"}


class Frame:
    """The template variable `frame`; each part is worked out when a template asks for it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def _city(self) -> Mapping[str, Any]:
        try:
            return city()
        except DatabaseError:  # the page that says so must still be drawn
            return _DEFAULT_CITY

    @property
    def city(self) -> str:
        """The name of the city or of its hotline in the page's language."""
        return local(self._city["name"])

    @property
    def hotline(self) -> str:
        """The telephone number to dial, or an empty string."""
        return str(self._city.get("hotline", ""))

    @property
    def tag(self) -> str:
        """The page's language as HTML names it: `ar`, `en` or `zh-Hans`."""
        code = code_of(get_language())
        return _TAGS.get(code, code)

    @property
    def direction(self) -> str:
        """`rtl` or `ltr`."""
        return "rtl" if get_language_bidi() else "ltr"

    @property
    def chinese(self) -> bool:
        """Whether the page needs the Chinese typeface."""
        return code_of(get_language()) == "zh"

    @cached_property
    def languages(self) -> list[LanguageChoice]:
        """The languages of `settings.LANGUAGES` in their order."""
        current = code_of(get_language())
        choices = []
        for code, _name in settings.LANGUAGES:
            short = code_of(code)
            choices.append(
                LanguageChoice(code, _TAGS.get(short, short), OWN_NAMES[short], _SHORT[short], short == current)
            )
        return choices

    @cached_property
    def look(self) -> Look:
        """Theme, contrast and size of text that this visitor chose."""
        return Look.read(self._request.COOKIES.get(COOKIE, ""))

    @property
    def here(self) -> str:
        """Path and query of this page, for switches that come back to it; a form's answer leads to its own address."""
        return self._request.get_full_path()

    @property
    def tiles(self) -> str:
        """The URL template of the tile server, or an empty string: maps then draw shapes alone."""
        return str(getattr(settings, "WASL_MAP_TILES", ""))

    @property
    def tiles_credit(self) -> str:
        """Whom the tiles are owed to, as their licence asks."""
        return str(getattr(settings, "WASL_MAP_CREDIT", ""))

    @property
    def practice(self) -> str:
        """In a practice the address of the house to go back to; in the house itself empty."""
        return str(settings.WASL_HOUSE_URL) if settings.WASL_IS_PRACTICE else ""

    @property
    def demo(self) -> bool:
        """Whether this is a demonstration, which every page then says."""
        return bool(getattr(settings, "WASL_DEMO", ""))


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Django's context processor; see `Frame`."""
    return {"frame": Frame(request)}
