"""What people write when they ask, in its one form for look-up: plates, numbers, PINs; what is behind is not known.

Digits of any script, case, blanks and punctuation make no difference (J12): `12345 BA`, `12345ba`, `١٢٣٤٥ ب أ`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from wasl.kernel import acceptance
from wasl.kernel.text import fold

LONGEST = 200
_MOST_TOKENS = 12
_NO_LETTERS = re.compile(r"[\W_]+")
_PLATE = re.compile(r"(?:(?P<n>[0-9]{1,6})(?P<l>[a-z]{1,3})|(?P<l2>[a-z]{1,3})(?P<n2>[0-9]{1,6}))")
# The letters of plates in Arabic script (folded) by the Latin letter that stands beside them or sounds like them.
_LATIN = str.maketrans(
    {
        "ا": "a", "ب": "b", "ت": "t", "ث": "t", "ج": "j", "ح": "h", "خ": "k", "د": "d", "ذ": "d", "ر": "r", "ز": "z",
        "س": "s", "ش": "s", "ص": "s", "ض": "d", "ط": "t", "ظ": "z", "ع": "e", "غ": "g", "ف": "f", "ق": "q", "ك": "k",
        "ل": "l", "م": "m", "ن": "n", "ه": "h", "و": "w", "ي": "y",
    }
)  # fmt: skip


class Kind(TextChoices):
    """What may be asked for."""

    PLATE = "plate", _("vehicle plate: number and letters")
    NUMBER = "number", _("number")
    ACCEPTANCE = "acceptance", _("acceptance number of a request")
    WORD = "word", _("word")
    PIN = "pin", _("PIN")


EXAMPLES: Mapping[str, str] = {
    Kind.PLATE: "12345 BA",
    Kind.NUMBER: "4412345",
    Kind.ACCEPTANCE: "2600000126",
    Kind.WORD: "ABC",
    Kind.PIN: "123456",
}


def plate(text: str) -> str | None:
    """`12345 BA` of a plate in any writing, digits first; None for what is none."""
    found = _PLATE.fullmatch(_NO_LETTERS.sub("", fold(text).translate(_LATIN)))
    if found is None:
        return None
    return f"{found['n'] or found['n2']} {(found['l'] or found['l2']).upper()}"


def number(text: str) -> str | None:
    """One to twenty digits without what separates them; zeros in front stay."""
    digits = _NO_LETTERS.sub("", fold(text))
    return digits if digits.isascii() and digits.isdecimal() and len(digits) <= 20 else None


def word(text: str) -> str | None:
    """Folded letters and digits, at most forty."""
    return " ".join(_NO_LETTERS.sub(" ", fold(text)).split())[:40] or None


def pin(text: str) -> str | None:
    """Three to twelve letters and digits, at least one of them a digit: so no word is taken for one."""
    plain = _NO_LETTERS.sub("", fold(text))
    return plain if 3 <= len(plain) <= 12 and any(c.isdecimal() for c in plain) else None


_READERS: Mapping[str, Callable[[str], str | None]] = {
    Kind.PLATE: plate,
    Kind.NUMBER: number,
    Kind.ACCEPTANCE: acceptance.parse,
    Kind.WORD: word,
    Kind.PIN: pin,
}


def normal(kind: str, text: str) -> str | None:
    """The one form of `text` as a `kind`, or None where it is none. Nothing is raised."""
    return _READERS[kind](text) if len(text) <= LONGEST else None


def fields(kinds: Sequence[str], words: str | Sequence[str], *, optional_pin: bool = False) -> tuple[str, ...] | None:
    """What was given for each of `kinds`, in its one form; "" for a PIN that may be left out; None if it cannot be.

    `words` is one text, which is cut into its fields, or one text for each field (a missing last one is empty).
    """
    if not isinstance(words, str):
        given = [*words, *([""] * (len(kinds) - len(words)))]
        if len(given) != len(kinds):
            return None
        read = [
            "" if optional_pin and kind == Kind.PIN and not text.strip() else normal(kind, text)
            for kind, text in zip(kinds, given, strict=True)
        ]
        return None if None in read else tuple(one for one in read if one is not None)
    if len(words) > LONGEST:
        return None
    return _cut(tuple(kinds), words, optional_pin)


def pins_in(kinds: Sequence[str], words: str, *, optional_pin: bool = False) -> set[int] | None:
    """Which of the words, counted from 0, were read as a PIN; None where the text cannot be read as these kinds."""
    if len(words) > LONGEST:
        return None
    tokens = words.split()
    read = _assign(tuple(kinds), tokens, optional_pin) if len(tokens) <= _MOST_TOKENS else None
    if read is None:
        return None
    found: set[int] = set()
    place = 0
    for kind, (_text, count) in zip(kinds, read, strict=True):
        if kind == Kind.PIN:
            found.update(range(place, place + count))
        place += count
    return found


@lru_cache(maxsize=4096)
def _cut(kinds: tuple[str, ...], words: str, optional_pin: bool) -> tuple[str, ...] | None:
    if len(kinds) == 1 and not optional_pin:
        one = _READERS[kinds[0]](words)
        return None if one is None else (one,)
    tokens = words.split()
    if len(tokens) > _MOST_TOKENS:
        return None
    read = _assign(kinds, tokens, optional_pin)
    return None if read is None else tuple(text for text, _count in read)


_Read = tuple[tuple[str, int], ...]
"""Of each field its one form, and of how many words it was made."""


def _assign(kinds: tuple[str, ...], tokens: Sequence[str], optional_pin: bool) -> _Read | None:
    """Neighbouring words to each field in order: the most that make one, of a free word the fewest."""
    if not kinds:
        return None if tokens else ()
    kind, rest = kinds[0], kinds[1:]
    # Beside another number a number is one word: nothing says where "44 12345 1234" is to be cut.
    alone = not rest and not optional_pin
    most = 1 if kind == Kind.PIN or (kind == Kind.NUMBER and not alone) else len(tokens)
    counts = range(1, min(most, len(tokens)) + 1)
    for count in counts if kind == Kind.WORD else reversed(counts):
        one = _READERS[kind](" ".join(tokens[:count]))
        if one is None:
            continue
        others = _assign(rest, tokens[count:], optional_pin)
        if others is not None:
            return ((one, count), *others)
    if kind == Kind.PIN and optional_pin:
        others = _assign(rest, tokens, optional_pin)
        return None if others is None else (("", 0), *others)
    return None
