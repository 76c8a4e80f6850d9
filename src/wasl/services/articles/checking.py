"""What an article must be before people get it: whole in every language, short enough for telephone and SMS."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.kernel.sms import text as sms

LONGEST_TITLE, LONGEST_FULL, LONGEST_VOICE, LONGEST_SHORT = 120, 20_000, 1500, 600
VOICE_S: Final = 60.0
"""How long an article may speak (M3)."""
MOST_PARTS: Final = 3
"""Parts of SMS that an article may take, with the words that cite it."""

Measure = Callable[[str, str], float]
"""Seconds that words of a language take when they are spoken; 0 where they cannot be."""


@dataclass(frozen=True, slots=True)
class Content:
    """The texts of an article, each by language, and the codes of the categories that it is about."""

    titles: Mapping[str, str]
    full: Mapping[str, str]
    voice: Mapping[str, str]
    short: Mapping[str, str]
    topics: tuple[str, ...] = ()


def cited(short: str, mark: str) -> str:
    """The short form with what it is cited by."""
    return f"{short} ({mark})"


def problems(content: Content, measure: Measure) -> Iterator[str]:
    """Everything that keeps it from being published, a sentence each."""
    forms = (
        (content.titles, _("title"), LONGEST_TITLE),
        (content.full, _("full form"), LONGEST_FULL),
        (content.voice, _("voice form"), LONGEST_VOICE),
        (content.short, _("short form"), LONGEST_SHORT),
    )
    for language in LANGUAGES:
        speaks, lacking = OWN_NAMES[language], False
        for texts, name, longest in forms:
            text = texts.get(language, "").strip()
            facts = {"form": name, "language": speaks, "most": longest}
            if not text:
                lacking = True
                yield _("%(language)s: the %(form)s is missing.") % facts
            elif len(text) > longest:
                lacking = True
                yield _("%(language)s: the %(form)s has more than %(most)s characters.") % facts
        if not lacking:
            yield from _too_long(content, language, measure)


def _too_long(content: Content, language: str, measure: Measure) -> Iterator[str]:
    speaks = OWN_NAMES[language]
    parts = sms.count(cited(content.short[language], "99.99"))
    if parts > MOST_PARTS:
        yield _("%(language)s: the short form takes %(parts)s parts of SMS; at most %(most)s go.") % {
            "language": speaks, "parts": parts, "most": MOST_PARTS,
        }  # fmt: skip
    seconds = measure(language, content.voice[language])
    if not seconds:
        yield _("%(language)s: the voice form could not be spoken. Try again in a minute.") % {"language": speaks}
    elif seconds > VOICE_S:
        yield _("%(language)s: the voice form takes %(seconds)s seconds; at most %(most)s go. Shorten it.") % {
            "language": speaks, "seconds": round(seconds + 0.5), "most": round(VOICE_S),
        }  # fmt: skip
