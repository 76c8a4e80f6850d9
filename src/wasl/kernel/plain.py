"""Text of people made fit to be kept: without characters that no reader sees and no data base or XML takes."""

import re

__all__ = ["block", "line"]

# C0 and C1 controls but tab and line feed, halves of surrogate pairs, and the code points that are no characters.
_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_BREAKS = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
_BLANKS = re.compile(r"[\s\u200b\ufeff]+")


def block(text: str) -> str:
    """`text` of several lines: line ends are `\\n`, unfit characters are gone, no blanks at either end."""
    return _UNFIT.sub("", _BREAKS.sub("\n", text)).strip()


def line(text: str) -> str:
    """`text` as one line: every run of blanks and line ends is one space, unfit characters are gone."""
    return _BLANKS.sub(" ", block(text)).strip()
