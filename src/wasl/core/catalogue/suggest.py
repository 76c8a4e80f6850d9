"""Which categories a text in anybody's own words may mean: names and keywords of three languages, ranked (E2, B6).

No model and no learning: what is written in the rule book is found, whatever the spelling (see `kernel.text`). Whoever
asks shows the best few and lets the person choose.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from wasl.core.catalogue.book import Book, Category
from wasl.kernel.names import LANGUAGES
from wasl.kernel.text import fold

# Of a long text the beginning says what it is about; more would only cost time.
_READ = 2000
_ARTICLES = ("وال", "بال", "كال", "فال", "لل", "ال")
_KEYWORD, _NAME, _PART, _ABOVE = 6.0, 3.0, 1.5, 0.5
# People say first what it is about, then where it is and whom it troubles.
_FIRST_WORDS, _LATER = 5, 0.6
# Words that stand in every report and say nothing about which.
_SAY_NOTHING = (
    "the a an is are was be in on at of to and or my our for from with this that there has have not no it i we you"
    " please near area problem need want"
    " في من على الى عن مع هذا هذه هناك يوجد لا هل انا نحن لنا عند بجانب قرب امام مشكله"
)
_EMPTY = frozenset(fold(_SAY_NOTHING).split())


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A category that may be meant; `score` ranks and means nothing else."""

    category: Category
    score: float


@dataclass(frozen=True, slots=True)
class _Known:
    """What a category is found by."""

    category: Category
    phrases: tuple[tuple[str, ...], ...]
    runs: tuple[str, ...]
    words: frozenset[str]
    above: frozenset[str]


def _cjk(text: str) -> bool:
    return any("\u3400" <= letter <= "\u9fff" for letter in text)


def _bare(word: str) -> str:
    for article in _ARTICLES:
        if word.startswith(article) and len(word) - len(article) >= 3:
            return word[len(article) :]
    if len(word) > 4 and word.isascii():
        for ending in ("ing", "es", "ed", "s"):
            if word.endswith(ending) and len(word) - len(ending) >= 3:
                return word[: -len(ending)]
    return word


def _words(text: str) -> Iterator[str]:
    word = ""
    for letter in text + " ":
        if letter.isalnum():
            word += letter
        elif word:
            if word not in _EMPTY:
                yield _bare(word)
            word = ""


def _texts(category: Category) -> list[str]:
    texts = []
    for language in LANGUAGES:
        for part in (
            category.keywords.get(language, "").replace("،", ",").replace("，", ",").replace("、", ",").split(",")
        ):
            if part.strip():
                texts.append(fold(part))
    return texts


@lru_cache(maxsize=4)
def _index(number: int, book: "_Held") -> tuple[_Known, ...]:
    known = []
    for category in book.book.leaves:
        texts = _texts(category)
        names = [fold(category.names.get(language, "")) for language in LANGUAGES]
        above = [fold(n) for code in category.line[:-1] for n in book.book.categories[code].names.values()]
        above += [text for code in category.line[:-1] for text in _texts(book.book.categories[code])]
        known.append(
            _Known(
                category,
                phrases=tuple(p for p in (tuple(_words(t)) for t in texts if not _cjk(t)) if p),
                runs=tuple(t for t in texts if _cjk(t)),
                words=frozenset(w for n in names if not _cjk(n) for w in _words(n)) | frozenset(_pairs(names)),
                above=frozenset(w for n in above if not _cjk(n) for w in _words(n))
                | frozenset(n for n in above if _cjk(n)),
            )
        )
    return tuple(known)


def _pairs(names: list[str]) -> Iterator[str]:
    """Every two neighbouring signs of a Chinese name: its words have no blanks between them."""
    for name in names:
        if _cjk(name):
            signs = [sign for sign in name if _cjk(sign)]
            yield from ("".join(pair) for pair in pairwise(signs))


class _Held:
    """A book as a key of the memory: two editions of one number are never alive at once, but tests make new ones."""

    __slots__ = ("book",)

    def __init__(self, book: Book) -> None:
        self.book = book

    def __hash__(self) -> int:
        return id(self.book)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.book is self.book


def _alike(word: str, said: Mapping[str, float]) -> float:
    """The weight of the word where it was said; of longer ones also where one begins with the other."""
    if word in said:
        return said[word]
    if len(word) < 4:
        return 0.0
    return max((w for s, w in said.items() if len(s) >= 4 and (s.startswith(word) or word.startswith(s))), default=0.0)


def _score(known: _Known, text: str, said: Mapping[str, float]) -> float:
    score = 0.0
    for phrase in known.phrases:
        hits = [_alike(word, said) for word in phrase]
        if all(hits):
            score += (_KEYWORD + len(phrase) - 1) * sum(hits) / len(hits)
        else:
            score += _PART * sum(hits) / len(hits)
    score += sum(_KEYWORD + len(run) / 2 for run in known.runs if run in text)
    score += sum(_NAME * (float(word in text) if _cjk(word) else _alike(word, said)) for word in known.words)
    return score + sum(_ABOVE * (float(word in text) if _cjk(word) else said.get(word, 0.0)) for word in known.above)


def _weighed(folded: str) -> dict[str, float]:
    said: dict[str, float] = {}
    for place, word in enumerate(_words(folded)):
        said.setdefault(word, 1.0 if place < _FIRST_WORDS else _LATER)
    return said


def suggest(book: Book, text: str, *, limit: int = 6) -> list[Suggestion]:
    """Categories that `text` may mean, the likeliest first; none for a text that says nothing known.

    Takes some milliseconds for two hundred categories.
    """
    folded = fold(text[:_READ])
    said = _weighed(folded)
    if not folded:
        return []
    found = [Suggestion(known.category, _score(known, folded, said)) for known in _index(book.number, _Held(book))]
    found = [s for s in found if s.score >= _PART]
    found.sort(key=lambda s: (-s.score, s.category.code))
    return found[:limit]


__all__ = ["Suggestion", "suggest"]
