"""Acceptance numbers: how they are made, read and shown; which serial comes next is not decided here.

A number is digits only: the year (2 digits), the serial of that year (at least 6 digits) and two check digits by
ISO 7064 MOD 97-10. Because 97 is prime and 10 generates all its residues, every single wrong digit and every swap of
two digits is caught (in numbers shorter than 96 digits), and of all other slips 96 in 97.
"""

import re

from wasl.kernel.digits import to_ascii_digits

__all__ = ["grouped", "in_text", "make", "parse"]

_SERIAL_DIGITS = 6
_LONGEST = 20
# Blanks, dashes and dots that people write between groups, and the invisible direction marks that come along
# when a number is copied out of Arabic text.
_SEPARATORS = re.compile(
    "[\\s\\-./\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069\u2212\ufe58\ufe63\uff0d\ufeff]"
)
_CANONICAL = re.compile(r"[0-9]{2}(?:[0-9]{6}|[1-9][0-9]{6,})[0-9]{2}")


def make(serial: int, year: int) -> str:
    """The acceptance number of `serial` in `year` (four digits or two), as `make(4217, 2026) == "2600421785"`.

    Raises ValueError if `serial` is below 1 or too long, or `year` is negative.
    Source: requirement F3; ISO/IEC 7064:2003, MOD 97-10.
    """
    if serial < 1:
        raise ValueError(f"a serial begins at 1, not {serial}")
    if year < 0:
        raise ValueError(f"{year} is not a year")
    body = f"{year % 100:02d}{serial:0{_SERIAL_DIGITS}d}"
    if len(body) + 2 > _LONGEST:
        raise ValueError(f"serial {serial} makes a number longer than {_LONGEST} digits")
    return f"{body}{98 - int(body) * 100 % 97:02d}"


def parse(text: str) -> str | None:
    """The number in `text` as plain ASCII digits, or None if it is not one or its check digits are wrong.

    Spaces, dashes, dots, slashes and direction marks between digits are passed over; digits of any script are read.
    The answer is the one and only form of the number, fit for equality look-up. Nothing is raised.
    Source: requirements F3, F4, C8, J12.
    """
    if len(text) > 4 * _LONGEST:
        return None
    number = _SEPARATORS.sub("", to_ascii_digits(text))
    if len(number) > _LONGEST or not _CANONICAL.fullmatch(number):
        return None
    # The remainder alone would also pass check digits 00, 01, 99 for some bodies; a made number never has them.
    if int(number) % 97 != 1 or not 2 <= int(number[-2:]) <= 98:
        return None
    return number


def grouped(number: str) -> str:
    """`number` as it is shown and read aloud: year, serial, check digits, as in ``26 004217 85``.

    The blanks are no-break in meaning but plain spaces in fact, so that the text is found again by any search.
    Raises ValueError if `number` is not an acceptance number.
    """
    canonical = parse(number)
    if canonical is None:
        raise ValueError("not an acceptance number")
    return f"{canonical[:2]} {canonical[2:-2]} {canonical[-2:]}"


def in_text(number: str) -> str:
    """`number` in groups, for plain text of any direction.

    It is isolated from left to right (Unicode UAX 9), so that Arabic words around it do not turn its groups; `parse`
    passes over the marks.
    """
    return f"\u2066{grouped(number)}\u2069"
