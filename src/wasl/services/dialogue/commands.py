"""Reading a text: which command it begins with, in whatever writing, and what follows. Knows no data base."""

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from wasl.kernel import plain
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.text import fold

LONGEST = 2000
"""Characters of a text that are read; more is cut off."""
_ARABIC = re.compile("[\u0620-\u064a\u0671-\u06d3]")
_CHINESE = re.compile("[\u3400-\u9fff]")
_LATIN_WORDS = re.compile("[a-z]{3,}")
_BETWEEN = re.compile(r"^[\W_]+")
_DIGITS = re.compile("[0-9]+")
_YES_WORDS = (
    "yes", "y", "ok", "okay", "نعم", "اي", "ايوه", "أيوا", "اجل", "تمام", "موافق", "是", "是的", "好", "好的", "确认",
)  # fmt: skip
_NO_WORDS = ("no", "n", "cancel", "لا", "إلغاء", "كلا", "不", "不是", "否", "取消")
_YES = frozenset(fold(w) for w in _YES_WORDS)
_NO = frozenset(fold(w) for w in _NO_WORDS)


@dataclass(frozen=True, slots=True)
class Keyword:
    """One word that begins a command; `language` is empty where it is of none. `pk` is the command's."""

    word: str
    language: str
    pk: int


@dataclass(frozen=True, slots=True)
class Read:
    """A text as understood: `keyword` (or none), what follows it as written, and the same folded.

    `glued`: no blank stood between keyword and rest.
    """

    keyword: Keyword | None
    rest: str
    folded: str
    glued: bool = False


def clean(words: str) -> str:
    """The text as it is kept and read: one line, without controls, invisible marks and junk at its ends."""
    text = words[:LONGEST]
    if text.isascii():
        return plain.line(text).strip(_JUNK)
    text = plain.line(_MARKS.sub("", text))
    first, last = 0, len(text)
    while first < last and unicodedata.category(text[first])[0] in "PSZC":
        first += 1
    while last > first and unicodedata.category(text[last - 1])[0] in "PSZC":
        last -= 1
    return text[first:last]


_JUNK = string.punctuation + string.whitespace
# Direction marks, joiners at odd places and variation selectors: phones add them, nobody means them.
_MARKS = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]")


class Keywords:
    """The keywords of one short code, ready to be found; of two that fit the longer one counts."""

    def __init__(self, keywords: Iterable[Keyword]) -> None:
        self._known: dict[str, Keyword] = {}
        for one in keywords:
            folded = fold(clean(one.word))
            if folded:
                self._known.setdefault(folded, one)
        by_length = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_pattern, by_length))) if by_length else None

    def read(self, text: str) -> Read:
        """Find the command in a text that `clean` has given."""
        folded = fold(text)
        found = self._pattern.match(folded) if self._pattern else None
        if found is None:
            return Read(None, text, folded)
        word = found.group().removeprefix("ال") if found.group() not in self._known else found.group()
        rest = folded[found.end() :]
        if not rest:
            return Read(self._known[word], "", "")
        tail = _BETWEEN.sub("", rest)
        if text.isascii():
            # Folding ASCII changes no place but runs of blanks, which `clean` has made one.
            return Read(self._known[word], _BETWEEN.sub("", text[found.end() :]), tail, glued=rest[0].isalnum())
        return Read(self._known[word], _after(text, found.group()), tail, glued=rest[0].isalnum())

    def whole(self, text: str) -> Keyword | None:
        """The keyword that is the whole text, or nothing."""
        return self._known.get(fold(text))


def _pattern(word: str) -> str:
    """A keyword at the beginning: what follows must not go on with it, but digits may be glued to letters.

    In Chinese writing no blanks stand between words, so anything may follow; Arabic words may bear the article.
    """
    escaped = re.escape(word)
    if _CHINESE.search(word):
        return escaped
    end = r"(?![^\W_])" if word[-1].isdigit() else r"(?![^\W\d_])"
    return f"(?:ال)?{escaped}{end}" if _ARABIC.match(word) else f"{escaped}{end}"


def _after(text: str, keyword: str) -> str:
    """What stands after the keyword in the text as it was written; the keyword is given folded."""
    for cut in range(1, min(len(text), 4 * len(keyword) + 20) + 1):
        if fold(text[:cut]) == keyword and not (cut < len(text) and fold(text[: cut + 1]) == keyword):
            return _BETWEEN.sub("", text[cut:])
    return ""


def script_of(folded: str) -> str:
    """The language that the letters of a folded text show: `ar`, `zh`, or `en` for two words of Latin letters.

    Empty where they show none: a plate or a code is of no language.
    """
    if folded.isascii():
        return "en" if len(_LATIN_WORDS.findall(folded)) >= 2 else ""
    if _CHINESE.search(folded):
        return "zh"
    if _ARABIC.search(folded):
        return "ar"
    return ""


def number_in(text: str, most: int) -> int | None:
    """The choice that a text makes: a number from 1 to `most` in digits of any script, and nothing else."""
    typed = to_ascii_digits(text)
    if not typed.isascii() or not typed.isdigit() or len(typed) > 3:
        return None
    number = int(typed)
    return number if 1 <= number <= most else None


def is_yes(text: str) -> bool:
    """Whether a text says yes and nothing else."""
    return fold(text) in _YES


def code_in(text: str) -> str:
    """The digits of a text that is to bear a code, in ASCII: YES 4821, نعم ٤٨٢١, 4821. Empty: none, or it says no."""
    digits = "".join(_DIGITS.findall(to_ascii_digits(text)))
    return "" if is_no(clean(_DIGITS.sub("", to_ascii_digits(text)))) else digits


def is_no(text: str) -> bool:
    """Whether a text says no and nothing else."""
    return fold(text) in _NO


@lru_cache(maxsize=1)
def _machines() -> re.Pattern[str]:
    said = (
        "auto.?reply|automatic(ally)? (reply|response|generated)|out of (the )?office|do not reply|no.?reply|undeliver"
        "|not delivered|delivery (failed|report)|is busy"
        "|call (you|u) (back|later)|i'?m driving|i am driving|in a meeting"
        "|رد تلقائي|رد الي|مشغول|ساتصل بك|ساعاود الاتصال|لا ترد|自动回复|正在开会|稍后回电"
    )
    return re.compile(said)


def looks_like_a_machine(folded: str) -> bool:
    """Whether a text reads like an answer that a telephone or a server gives by itself."""
    return bool(_machines().search(folded))


def all_words(keywords: Mapping[str, Iterable[str]], pk: int) -> list[Keyword]:
    """The keywords of a command as its row holds them."""
    return [Keyword(word, language, pk) for language, words in keywords.items() for word in words]
