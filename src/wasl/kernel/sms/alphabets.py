"""The 7-bit alphabets of telephones as data, and text to septets and back; which one to take is decided in `text`.

A character is one septet of the locking table, or two: escape and one of the single shift table. Septets are kept one
in an octet, as SMPP carries them; the operator packs them. There is no table for Arabic: Arabic goes as UCS-2 (Urdu's
tables cover the script, but few telephones and operators know them).

Source: 3GPP TS 23.038 version 18, 6.2.1 (default alphabet and its extension) and annex A (national tables).
"""

from enum import IntEnum
from typing import Final

__all__ = ["ESCAPE", "Language", "decode", "encode", "is_default", "septets_of"]

ESCAPE: Final = 0x1B


class Language(IntEnum):
    """National language identifiers (TS 23.038, 6.2.1.2.4) of the tables that are here."""

    DEFAULT = 0
    TURKISH = 1
    SPANISH = 2
    PORTUGUESE = 3
    HINDI = 6
    URDU = 13


_DEFAULT = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip


def _changed(table: str, changes: dict[int, str]) -> str:
    characters = list(table)
    for place, character in changes.items():
        characters[place] = character
    return "".join(characters)


def _indic(letters: str, between: str, marks: str, last: str) -> str:
    """Locking tables of South Asia share their build: letters, Latin punctuation and digits, letters, a-z, letters."""
    return letters + between + marks + "abcdefghijklmnopqrstuvwxyz" + last


_CAPITALS = {0x41 + i: chr(0x41 + i) for i in range(26)}
_SIGNS = {
    0x00: "@", 0x01: "£", 0x02: "$", 0x03: "¥", 0x04: "¿", 0x05: '"', 0x06: "¤", 0x07: "%", 0x08: "&", 0x09: "'",
    0x0B: "*", 0x0C: "+", 0x0E: "-", 0x0F: "/", 0x10: "<", 0x11: "=", 0x12: ">", 0x13: "¡", 0x15: "¡", 0x16: "_",
    0x17: "#", 0x18: "*",
}  # fmt: skip
"""What the single shift tables of South Asia have first. `¡` and `*` stand there twice; the first place is written."""


def _at(first: int, characters: str) -> dict[int, str]:
    return {first + i: character for i, character in enumerate(characters) if character != " "}


LOCKING: Final = {
    Language.DEFAULT: _DEFAULT,
    Language.TURKISH: _changed(
        _DEFAULT, {0x04: "€", 0x07: "ı", 0x0B: "Ğ", 0x0C: "ğ", 0x1C: "Ş", 0x1D: "ş", 0x40: "İ", 0x60: "ç"}
    ),
    Language.PORTUGUESE: _changed(
        _DEFAULT,
        _at(0x04, "êéúíóç") | _at(0x0B, "Ôô") | _at(0x0E, "Áá") | _at(0x12, "ªÇÀ∞^\\€Ó|") | _at(0x1C, "ÂâÊ")
        | {0x24: "º", 0x40: "Í", 0x5B: "Ã", 0x5C: "Õ", 0x5D: "Ú", 0x60: "~", 0x7B: "ã", 0x7C: "õ", 0x7D: "`"},
    ),
    Language.HINDI: _indic(
        "ँंःअआइईउऊऋ\nऌऍ\rऎएऐऑऒओऔकखगघङच\x1bछजझञ",
        " !टठडढणत)(थद,ध.न0123456789:;ऩपफ?",
        "बभमयरऱलळऴवशषसह\u093cऽ\u093eिीुूृॄॅॆेैॉॊोौ्ॐ",
        "ॲॻॼॾॿ",
    ),
    Language.URDU: _indic(
        "اآبٻڀپڦتۂٿ\nٹٽ\rٺټثجځڄڃڅچڇحخد\x1bڌڈډڊ",
        " !ڏڍذرڑړ)(ڙز,ږ.ژ0123456789:;ښسش?",
        "صضطظعفقکڪګگڳڱلمنںڻڼوۄەہھءیېے\u064d\u0650\u064f\u0657\u0654",
        "\u0655\u0651\u0653\u0656\u0670",
    ),
}  # fmt: skip
SINGLE: Final = {
    Language.DEFAULT: _EXTENSION,
    Language.TURKISH: _EXTENSION
    | {0x47: "Ğ", 0x49: "İ", 0x53: "Ş", 0x63: "ç", 0x67: "ğ", 0x69: "ı", 0x73: "ş"},
    Language.SPANISH: _EXTENSION
    | {0x09: "ç", 0x41: "Á", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú", 0x61: "á", 0x69: "í", 0x6F: "ó", 0x75: "ú"},
    Language.PORTUGUESE: _EXTENSION
    | {0x05: "ê", 0x09: "ç", 0x0B: "Ô", 0x0C: "ô", 0x0E: "Á", 0x0F: "á", 0x12: "Φ", 0x13: "Γ", 0x15: "Ω"}
    | {0x16: "Π", 0x17: "Ψ", 0x18: "Σ", 0x19: "Θ", 0x1F: "Ê", 0x41: "À", 0x49: "Í", 0x4F: "Ó", 0x55: "Ú"}
    | {0x5B: "Ã", 0x5C: "Õ", 0x61: "Â", 0x69: "í", 0x6F: "ó", 0x75: "ú", 0x7B: "ã", 0x7C: "õ", 0x7F: "â"},
    Language.HINDI: _EXTENSION | _SIGNS | _CAPITALS
    | _at(0x19, "।॥ ०१२३४५६७८९\u0951\u0952") | _at(0x2A, "\u0953\u0954\u0958\u0959\u095a")
    | _at(0x30, "\u095b\u095c\u095d\u095e\u095fॠॡ\u0962\u0963॰ॱ"),
    Language.URDU: _EXTENSION | _SIGNS | _CAPITALS
    | _at(0x19, "\u0600\u0601 ۰۱۲۳۴۵۶۷۸۹،؍") | _at(0x2A, "؎؏\u0610\u0611\u0612")
    | _at(0x30, "\u0613\u0614؛؟\u0640\u0652\u0658٫٬\u0672\u0673\u06cd") | {0x3F: "۔"},
}  # fmt: skip
"""Single shift tables: septet behind the escape to character. A place that is not there shows the locking table's."""


def _writing(locking: Language, single: Language) -> dict[str, bytes]:
    table = {character: bytes((ESCAPE, place)) for place, character in reversed(SINGLE[single].items())}
    table |= {character: bytes((place,)) for place, character in reversed(list(enumerate(LOCKING[locking])))}
    del table["\x1b"]
    return table


_WRITING = {(locking, single): _writing(locking, single) for locking in LOCKING for single in SINGLE}


def septets_of(
    text: str, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT
) -> list[bytes] | None:
    """For each character its one or two septets; None when one of them is not in these tables."""
    table = _WRITING[locking, single]
    try:
        return [table[character] for character in text]
    except KeyError:
        return None


def is_default(character: str) -> bool:
    """Whether the character is in the default alphabet or its extension."""
    return character in _WRITING[Language.DEFAULT, Language.DEFAULT]


def encode(text: str, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT) -> bytes | None:
    """The septets of the text, one in each octet; None when a character is not in these tables."""
    septets = septets_of(text, locking, single)
    return None if septets is None else b"".join(septets)


def decode(septets: bytes, locking: Language = Language.DEFAULT, single: Language = Language.DEFAULT) -> str:
    """The text of septets that come one in an octet.

    As the specification has it, an escape before a place that the shift table leaves free shows the character of the
    locking table, and an escape behind an escape a blank. An octet above 127 is none of ours and becomes U+FFFD.
    """
    first, second = LOCKING[locking], SINGLE[single]
    text: list[str] = []
    escaped = False
    for septet in septets:
        if septet > 127:
            text.append("\ufffd")
            escaped = False
        elif escaped:
            text.append(" " if septet == ESCAPE else second.get(septet, first[septet]))
            escaped = False
        elif septet == ESCAPE:
            escaped = True
        else:
            text.append(first[septet])
    return "".join(text)
