"""Digits of every script turned into ASCII digits; numbers themselves are read elsewhere."""

import sys
import unicodedata

__all__ = ["to_ascii_digits"]

# Every character of Unicode category Nd: Arabic-Indic, Persian, Devanagari, full-width and some sixty others.
_TABLE = {
    code: str(unicodedata.decimal(chr(code)))
    for code in range(128, sys.maxunicode + 1)
    if unicodedata.category(chr(code)) == "Nd"
}


def to_ascii_digits(text: str) -> str:
    """`text` with each decimal digit of any script replaced by 0-9; everything else, and the length, is untouched.

    Superscripts, circled numbers and number words are not decimal digits and stay as they are.
    Source: requirements J2 and J12 (Arabic-Indic digits are understood on every input).
    """
    if text.isascii():
        return text
    return text.translate(_TABLE)
