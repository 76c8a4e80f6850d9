"""Digits of every script turned into ASCII digits; numbers themselves are read elsewhere."""

import unicodedata

__all__ = ["to_ascii_digits"]


class _Digits(dict[int, str]):
    """What each character becomes, found out when it is met first: all of Unicode would take every start a while."""

    def __missing__(self, place: int) -> str:
        character = chr(place)
        # Category Nd: Arabic-Indic, Persian, Devanagari, full-width and some sixty others.
        self[place] = found = str(unicodedata.decimal(character)) if character.isdecimal() else character
        return found


_DIGITS = _Digits()


def to_ascii_digits(text: str) -> str:
    """`text` with each decimal digit of any script replaced by 0-9; everything else, and the length, is untouched.

    Superscripts, circled numbers and number words are not decimal digits and stay as they are.
    Source: requirements J2 and J12 (Arabic-Indic digits are understood on every input).
    """
    if text.isascii():
        return text
    return text.translate(_DIGITS)
