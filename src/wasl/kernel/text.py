"""Folding of text for search, so that spellings which people do not tell apart become equal; nothing is ranked here."""

import re
import unicodedata

from wasl.kernel.digits import to_ascii_digits

__all__ = ["fold"]

# Letters of Arabic script that are written for one another, or that a neighbour's keyboard offers instead.
_ARABIC = str.maketrans(
    {
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ٲ": "ا",
        "ٳ": "ا",
        "ٵ": "ا",
        "ؤ": "و",
        "ٶ": "و",
        "ئ": "ي",
        "ى": "ي",
        "ی": "ي",
        "ې": "ي",
        "ے": "ي",
        "ٸ": "ي",
        "ة": "ه",
        "ۃ": "ه",
        "ہ": "ه",
        "ھ": "ه",
        "ۀ": "ه",
        "ە": "ه",
        "ک": "ك",
        "ڪ": "ك",
        "ء": None,
        "ٴ": None,
        "ـ": None,
    }
)
# Latin letters that carry no separable accent.
_LATIN = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ŋ": "n"}
)
_BLANKS = re.compile(r"\s+")


def fold(text: str) -> str:
    """`text` as it is compared in search: fold what is stored and what is sought, and look for one in the other.

    Case, Latin accents, full-width and presentation forms, the digits of any script, runs of blanks, and invisible
    marks are levelled. In Arabic script the forms of alef, waw and ya with hamza, alef maqsura, ta marbuta, the Persian
    and Urdu kaf, ya and ha become the plain letter; hamza alone, tatweel, vowel signs and Quranic marks go. Marks
    of other scripts (Indic vowels, Hangul, kana) carry the word and stay. The result may be shorter or longer; folding
    it again changes nothing. It is for comparing, not for showing: it loses distinctions that matter to a reader.
    """
    if text.isascii():
        return _BLANKS.sub(" ", text.lower()).strip()
    plain = unicodedata.normalize("NFKD", to_ascii_digits(text)).casefold().translate(_LATIN).translate(_ARABIC)
    kept = "".join(character for character in plain if not _falls(character))
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", kept)).strip()


def _falls(character: str) -> bool:
    """Whether the character is an accent of Latin, Greek or Cyrillic, a sign above or below Arabic, or invisible."""
    code = ord(character)
    if code < 0x300:
        return code == 0xAD
    if code < 0x370 or 0x610 <= code <= 0x61A or 0x64B <= code <= 0x65F or code == 0x670 or 0x6D6 <= code <= 0x6ED:
        return unicodedata.category(character) in ("Mn", "Me", "Cf") or code in (0x6E5, 0x6E6)
    if 0x8D3 <= code <= 0x8FF:
        return unicodedata.category(character) == "Mn"
    return unicodedata.category(character) == "Cf"
