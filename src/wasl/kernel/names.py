"""A name in the three languages of the house, stored as JSON {"en", "ar", "zh"}."""

from collections.abc import Mapping

from django.utils.translation import get_language

LANGUAGES = ("ar", "en", "zh")
OWN_NAMES = {"ar": "العربية", "en": "English", "zh": "中文"}
"""What each calls itself; a page shows them so in every language."""


def code_of(language: str | None) -> str:
    """`ar`, `en` or `zh` for any language tag; English for what the house does not speak."""
    short = (language or "en")[:2].lower()
    return short if short in LANGUAGES else "en"


def local(names: Mapping[str, str], language: str | None = None) -> str:
    """The name in `language` (default: the language of the screen), in another one where that is missing."""
    return names.get(code_of(language or get_language())) or next((v for v in names.values() if v), "")
