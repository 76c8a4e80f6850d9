"""The words of a text as search keeps and seeks them, in Arabic, English and Chinese; nothing is looked up here.

Words are folded (`kernel.text`) and reduced to a stem: English by Snowball, Arabic by light stemming. Chinese has no
blanks between its words, so each two neighbouring signs are a word. A term holds letters, signs and digits only, so
it may stand in quotes in the text form of PostgreSQL's `tsvector` and `tsquery` as it is.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import Stemmer

from wasl.kernel.text import fold

__all__ = ["Sought", "excerpt", "name_words", "query", "seek", "slips", "terms", "vector"]

LONGEST_TEXT = 20_000
LONGEST_TERM = 40
MOST_SOUGHT = 8

_HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# What stands within a word and is no letter: accents, vowel signs, joiners and direction marks.
_MARKS = (
    "\u00ad\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u08d3-\u08ff"
    "\u0900-\u0dff\u200b-\u200f\u2060-\u2069"
)
_TOKEN = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}](?:[^\\W_{_HAN}]|[{_MARKS}])*")
_IS_HAN = re.compile(f"[{_HAN}]")
_ARABIC = re.compile("[\u0620-\u06ff]")
_LETTERS = re.compile(r"[a-z]+")
_ENGLISH = Stemmer.Stemmer("english", 10_000)
# Words that stand in every text and tell none from another; folded.
_SAY_NOTHING = (
    "a an and are as at be been but by for from had has have he her his i if in into is it its me my no not of on"
    " or our she so that the their them then there these they this to us was we were what when which who will"
    " with you your am do does did can could would please"
    " في من على الى عن مع هذا هذه ذلك تلك هو هي هم انا نحن انت ان او ثم قد لا لم لن كان كانت يكون التي الذي"
    " الذين كل بعد قبل عند حتى اذا لكن ايضا و يا علي"
)
_EMPTY = frozenset(_SAY_NOTHING.split())
_PREFIXES = ("وال", "بال", "كال", "فال", "لل", "ال", "و")
_SUFFIXES = ("ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")


class Term(NamedTuple):
    """A stretch of a text and the terms it is found by: none for an empty word, several for a run of Chinese signs."""

    start: int
    end: int
    terms: tuple[str, ...]


class Sought(NamedTuple):
    """One word that somebody looks for; of a Chinese run all its pairs, in order. `prefix`: it may go on."""

    typed: str
    terms: tuple[str, ...]
    prefix: bool = False


def _light(word: str) -> str:
    """Arabic without article, conjunction and the commonest endings.

    Source: Larkey, Ballesteros, Connell: Light Stemming for Arabic Information Retrieval (2007), "light10", on folded
    letters. Snowball's Arabic stemmer was tried first: it makes different stems of one word with and without article.
    """
    for prefix in _PREFIXES:
        if word.startswith(prefix) and len(word) >= len(prefix) + (3 if len(prefix) == 1 else 2):
            word = word[len(prefix) :]
            break
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) >= len(suffix) + 2:
            word = word[: -len(suffix)]
    return word


def _stem(word: str) -> str:
    """The term of one folded word; empty for a word that tells nothing."""
    if word in _EMPTY:
        return ""
    if _LETTERS.fullmatch(word):
        return str(_ENGLISH.stemWord(word))
    if _ARABIC.match(word):
        return _light(word)
    return word


def _signs(run: str) -> tuple[str, ...]:
    """All pairs of neighbouring signs, and the last sign alone, so that a single sign is found as a beginning."""
    return (*("".join(pair) for pair in pairwise(run)), run[-1])


@lru_cache(maxsize=20_000)
def _word(token: str) -> tuple[str, ...]:
    # A ligature may fold into several words.
    return tuple(stem for part in fold(token).split() if (stem := _stem(part)))


def _terms_of(token: str) -> tuple[str, ...]:
    return _signs(fold(token)) if _IS_HAN.match(token) else _word(token[:LONGEST_TERM])


def terms(text: str) -> Iterator[Term]:
    """The words of `text` in order, each with its place (in characters of `text`) and its terms."""
    for found in _TOKEN.finditer(text):
        yield Term(found.start(), found.end(), _terms_of(found[0]))


def vector(*texts: str) -> str:
    """The terms of the texts with their places, as the text form of a `tsvector`; empty where there are none."""
    places: dict[str, list[int]] = {}
    place = 0
    for text in texts:
        for token in _TOKEN.findall(text[:LONGEST_TEXT]):
            for term in _terms_of(token) or ("",):
                place += 1
                if term:
                    places.setdefault(term, []).append(min(place, 16_383))
    return " ".join(f"'{term}':{','.join(map(str, at[:200]))}" for term, at in places.items())


def seek(text: str) -> list[Sought]:
    """What somebody looks for who types `text`: at most `MOST_SOUGHT` words, each once."""
    made: dict[tuple[str, ...], Sought] = {}
    for start, end, found in terms(text):
        if not found:
            continue
        signs = bool(_IS_HAN.match(found[0]))
        wanted = found[:-1] if signs and len(found) > 1 else found
        made.setdefault(wanted, Sought(text[start:end], wanted, signs and len(found) == 1))
    return list(made.values())[:MOST_SOUGHT]


def query(sought: Sought, also: Iterable[str] = (), *, loosely: bool = False) -> str:
    """One word as the text form of a `tsquery`: it, or any of the terms in `also`.

    `loosely`, a Chinese run need not stand together, any pair of it will do, and a longer word may go on.
    """
    ends = ":*" if sought.prefix or (loosely and len(sought.terms) == 1 and len(sought.terms[0]) > 3) else ""
    joined = (" | " if loosely else " <-> ").join(f"'{term}'{ends}" for term in sought.terms)
    return "(" + " | ".join([joined, *(f"'{term}'" for term in also)]) + ")"


def slips(term: str) -> list[str]:
    """The term and all that is left of it when one letter falls out.

    Two terms of which one became the other by a letter left out, put in, changed, or swapped with the next have one
    of these in common.
    """
    return list(dict.fromkeys([term, *(term[:n] + term[n + 1 :] for n in range(len(term)))]))


def name_words(name: str) -> list[str]:
    """The words that a name is found by, each once: folded, without the article, not stemmed; of Chinese all pairs."""
    made: dict[str, None] = {}
    for found in _TOKEN.finditer(name[:200]):
        for part in fold(found[0]).split():
            if _IS_HAN.match(part):
                made.update(dict.fromkeys([*_signs(part)[:-1], part]))
                continue
            bare = part[2:] if part.startswith("ال") and len(part) > 4 else part
            if bare not in ("al", "el", "ال", "bin", "bint", "بن", "بنت", "ابن"):
                made[bare] = None
    return list(made)


def excerpt(
    text: str, wanted: Sequence[Sought], also: Iterable[str] = (), *, length: int = 240
) -> list[tuple[str, bool]]:
    """About `length` characters of `text` around the first word that was looked for: pieces, and whether each is one.

    `also` are further terms that count. The pieces joined are a part of the text, with `…` where it was cut.
    """
    exact = {term for sought in wanted for term in sought.terms} | set(also)
    begins = tuple(sought.terms[0] for sought in wanted if len(sought.terms) == 1 and len(sought.terms[0]) > 3)
    spans: list[tuple[int, int]] = []
    for start, end, found in terms(text[:LONGEST_TEXT]):
        if found and _IS_HAN.match(found[0]):
            hits = [n for n, pair in enumerate(found) if pair in exact or (len(pair) == 2 and pair[0] in exact)]
            width = end - start
            spans += [(start + n, start + min(n + (2 if found[n] in exact else 1), width)) for n in hits]
        elif any(term in exact for term in found):
            spans.append((start, end))
    if not spans and begins:
        spans = [(s, e) for s, e, found in terms(text[:LONGEST_TEXT]) if any(t.startswith(begins) for t in found)]
    first = max(0, spans[0][0] - length // 4) if spans else 0
    if first:
        blank = text.find(" ", first, spans[0][0])
        first = blank + 1 if blank >= 0 else first
    last = min(len(text), first + length)
    pieces: list[tuple[str, bool]] = [("…", False)] if first else []
    here = first
    for start, end in spans:
        start, end = max(start, here), min(end, last)
        if start >= end:
            continue
        if start == here and pieces and pieces[-1][1]:
            pieces[-1] = (pieces[-1][0] + text[start:end], True)
        else:
            pieces += [(text[here:start], False), (text[start:end], True)]
        here = end
    pieces.append((text[here:last] + ("…" if last < len(text) else ""), False))
    return [piece for piece in pieces if piece[0]]
