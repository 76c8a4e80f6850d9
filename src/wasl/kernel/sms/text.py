"""What a text costs and how it goes out: alphabet, exact parts, segments; and what came in turned into text again.

Nothing is ever cut that belongs together: an escape and its septet, a surrogate pair, and, as long as it fits into one
part at all, what a reader sees as one character (a letter with its marks, an emoji of several code points).

Source: 3GPP TS 23.038 (alphabets) and TS 23.040 9.2.3.24 (concatenation); SMPP 3.4, 5.2.19 (data_coding).
"""

import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from secrets import randbelow
from typing import Final

from wasl.kernel.sms import alphabets, udh
from wasl.kernel.sms.alphabets import Language

__all__ = [
    "MOST_PARTS",
    "Alphabet",
    "Coding",
    "LongWay",
    "Plain",
    "Plan",
    "References",
    "Segment",
    "TextRules",
    "TooLong",
    "clusters",
    "count",
    "decode",
    "for_telephones",
    "plain",
    "plan",
    "segments",
    "short",
]

_UDHI: Final = 0x40
_SAR_REFERENCE, _SAR_TOTAL, _SAR_NUMBER, _PAYLOAD = 0x020C, 0x020E, 0x020F, 0x0424
"""The bit of esm_class and the optional parameters that tell how parts belong together (SMPP 3.4, 5.2.12, 5.3.2)."""

OCTETS: Final = 140
"""User data of one short message (TS 23.040, 9.2.3.24)."""

MOST_PARTS: Final = 255


class Coding(IntEnum):
    """data_coding values that are written (SMPP 3.4, 5.2.19)."""

    DEFAULT = 0
    UCS_2 = 8


class Alphabet(Enum):
    """What data_coding 0 means to an operator: his default alphabet."""

    GSM = "gsm"
    LATIN_1 = "latin-1"
    ASCII = "ascii"


class LongWay(Enum):
    """How the parts of a long text are told to belong together."""

    UDH_8 = "udh-8"
    UDH_16 = "udh-16"
    SAR = "sar"
    PAYLOAD = "payload"


@dataclass(frozen=True, slots=True)
class TextRules:
    """What an operator takes.

    UDH_8 leaves the most room and every telephone understands it; its short references suffice because they are counted
    for each pair of numbers (`References`). `languages` are the national tables that he carries; they need a header, so
    only the two UDH ways use them.
    """

    default_alphabet: Alphabet = Alphabet.GSM
    way: LongWay = LongWay.UDH_8
    languages: tuple[Language, ...] = ()


RULES: Final = TextRules()
# Letters of one septet each; and whatever is one character of UCS-2 each, for no text of 70 of those needs two parts.
_PLAIN_SHORT: Final = re.compile(
    r"[A-Za-z0-9 @$_!\"#%&'()*+,./:;<=>?\n-]{1,160}|[\u0020-\u005a\u0061-\u007a\u0600-\u06ff\u4e00-\u9fff]{1,70}"
)
# Those of them that are written in ASCII as in every default alphabet; and what is UCS-2 whatever else is in the text.
_SAME_AS_ASCII: Final = re.compile(r"[A-Za-z0-9 !\"#%&'()*+,./:;<=>?\n-]{1,160}")
_WIDE_SHORT: Final = re.compile(
    r"[\u0020-\u005a\u0061-\u007a]*[\u0600-\u06ff\u4e00-\u9fff][\u0020-\u005a\u0061-\u007a\u0600-\u06ff\u4e00-\u9fff]*"
)


class TooLong(ValueError):
    """The text needs more than 255 parts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a text will go out; made before anything is sent, so that people see what it costs.

    `parts` are the texts of the parts. `units` counts the whole text in `unit` ("septet", or "character" of UCS-2: half
    a surrogate pair counts as one); `room` is what one part of this plan holds and `left` what the last still takes.
    """

    coding: Coding
    parts: tuple[str, ...]
    unit: str
    units: int
    room: int
    left: int
    rules: TextRules
    locking: Language = Language.DEFAULT
    single: Language = Language.DEFAULT

    @property
    def encoding(self) -> str:
        """What people call the coding."""
        return "UCS-2" if self.coding is Coding.UCS_2 else "GSM-7"


@dataclass(frozen=True, slots=True)
class Segment:
    """What goes into one submit_sm: text with its header, and the fields that belong to it.

    `parts` is what the operator will count and charge: more than one only for LongWay.PAYLOAD.
    """

    short_message: bytes
    data_coding: int
    esm_class: int = 0
    tlvs: tuple[tuple[int, bytes], ...] = ()
    parts: int = 1


_MARKS: Final = {0x2066: "\u200e", 0x2067: "\u200f", 0x2068: None, 0x2069: None, 0: None}
_RIGHT_TO_LEFT: Final = frozenset(("R", "AL"))


def for_telephones(text: str) -> str:
    """The text without what telephones show as a box: isolates become the marks that every telephone knows.

    Where nothing runs from right to left no mark is needed, and none is left to make a cheap text a dear one (UCS-2).
    Source: Unicode UAX 9.
    """
    if text.isascii():
        return text.replace("\0", "")
    if any(
        unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text if character not in "\u200e\u200f"
    ):
        return text.translate(_MARKS)
    return text.translate({**dict.fromkeys((0x200E, 0x200F, *_MARKS)), 0: None})


# --- what belongs together ----------------------------------------------------------------------------------------

_JOINER, _REGIONAL = "\u200d", range(0x1F1E6, 0x1F200)


def _continues(before: str, character: str) -> bool:
    code = ord(character)
    if unicodedata.category(character) in ("Mn", "Mc", "Me") or character == _JOINER:
        return True
    if before[-1] == _JOINER and code > 0x2000:
        return True
    if 0x1F3FB <= code <= 0x1F3FF or 0xE0020 <= code <= 0xE007F:
        return True  # skin tones, tags of flags
    return code in _REGIONAL and ord(before[-1]) in _REGIONAL and len(before) % 2 == 1


def clusters(text: str) -> Iterator[str]:
    """The text in pieces that a reader sees as one character: marks, joined emoji, flags, and CR LF stay together.

    Close to the extended grapheme clusters of Unicode's annex 29, with the tables that Python brings. A run of marks is
    cut after 30 code points, so that no text of marks alone grows without end.
    """
    if text.isascii() and "\r\n" not in text:
        yield from text
        return
    held = ""
    for character in text:
        if held and len(held) < 30 and (_continues(held, character) or (held == "\r" and character == "\n")):
            held += character
        else:
            if held:
                yield held
            held = character
    if held:
        yield held


# Characters of which none belongs to the one before it: letters, digits and signs of the usual scripts, without marks.
_APART: Final = re.compile(
    r"[\n\u0020-\u007e\u00a0-\u02ff\u0606-\u060f\u061b\u061d-\u064a\u0660-\u066f\u0671-\u06d5\u200e\u200f\u2010-\u2026"
    r"\u20ac\u3000-\u3029\u4e00-\u9fff\uff01-\uff60]+"
)


# --- planning -----------------------------------------------------------------------------------------------------


def plan(text: str, rules: TextRules = TextRules()) -> Plan:  # frozen
    """The cheapest way to send the text whole: fewest parts, the default alphabet before national tables and UCS-2.

    Raises TooLong. Lone surrogates, which no encoding can carry, become U+FFFD.
    """
    if len(text) > MOST_PARTS * 160:
        raise TooLong(f"a text of {len(text)} characters does not fit into {MOST_PARTS} parts")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    found = _septets(text, rules)
    if found and len(found.parts) == 1:
        return found
    wide = _plan(text, rules, Coding.UCS_2)
    best = wide if found is None or len(wide.parts) < len(found.parts) else found
    if len(best.parts) > MOST_PARTS:
        raise TooLong(f"the text needs {len(best.parts)} parts; {MOST_PARTS} are possible")
    return best


def count(text: str) -> int:
    """How many parts `plan` makes of the text under the usual rules; at once for the plain short ones that most are.

    Raises TooLong.
    """
    return 1 if _PLAIN_SHORT.fullmatch(text) else len(plan(text).parts)


def _septets(text: str, rules: TextRules) -> Plan | None:
    """The best plan in septets, or None when no table that the operator takes has all characters."""
    if rules.default_alphabet is not Alphabet.GSM:
        try:
            text.encode(rules.default_alphabet.value)
        except UnicodeEncodeError:
            return None
    if alphabets.septets_of(text) is not None:
        return _plan(text, rules, Coding.DEFAULT)
    if rules.default_alphabet is not Alphabet.GSM or rules.way not in (LongWay.UDH_8, LongWay.UDH_16):
        return None
    found = []
    for language in rules.languages:
        for locking in (Language.DEFAULT, language):
            for single in (Language.DEFAULT, language):
                known = locking in alphabets.LOCKING and single in alphabets.SINGLE
                if known and alphabets.septets_of(text, locking, single) is not None:
                    found.append(_plan(text, rules, Coding.DEFAULT, locking, single))
    return min(found, key=lambda one: (len(one.parts), one.units), default=None)


def _plan(
    text: str,
    rules: TextRules,
    coding: Coding,
    locking: Language = Language.DEFAULT,
    single: Language = Language.DEFAULT,
) -> Plan:
    if coding is Coding.UCS_2:
        prices = [1 + (character > "\uffff") for character in text]
    else:
        prices = list(map(len, alphabets.septets_of(text, locking, single) or ()))

    def room(header: int) -> int:
        return (OCTETS - header) // 2 if coding is Coding.UCS_2 else (OCTETS - header) * 8 // 7

    units = sum(prices)
    unit = "character" if coding is Coding.UCS_2 else "septet"
    only = room(udh.octets_of(locking=locking, single=single))
    if units <= only:
        return Plan(coding, (text,), unit, units, only, only - units, rules, locking, single)
    # SAR and payload are cut by the operator, who takes the short reference as a rule.
    wide = rules.way is LongWay.UDH_16
    each = room(udh.octets_of(wide=wide, concatenated=True, locking=locking, single=single))
    parts, last = _fill(text, prices, each)
    return Plan(coding, parts, unit, units, each, each - last, rules, locking, single)


def _fill(text: str, prices: Sequence[int], room: int) -> tuple[tuple[str, ...], int]:
    """Fill parts one after another; the texts, and what the last one costs."""
    if len(text) == sum(prices) and _APART.fullmatch(text):
        whole = tuple(text[at : at + room] for at in range(0, len(text), room))
        return whole, len(whole[-1])
    parts: list[str] = []
    begin = at = used = 0
    for cluster in clusters(text):
        end = at + len(cluster)
        price = sum(prices[at:end])
        # What does not fit into any part is cut between its code points.
        steps = [(end, price)] if price <= room else [(one + 1, prices[one]) for one in range(at, end)]
        for until, cost in steps:
            if used + cost > room:
                parts.append(text[begin:at])
                begin, used = at, 0
            used += cost
            at = until
    return (*parts, text[begin:]), used


# --- writing ------------------------------------------------------------------------------------------------------


def segments(plan: Plan, reference: int = 0) -> list[Segment]:
    """What to put into the submit_sm of each part.

    `reference` ties the parts of one text together (see `References`); it is cut to what the way can carry.
    """
    way, total = plan.rules.way, len(plan.parts)
    coding = int(plan.coding)
    if total > 1 and way is LongWay.PAYLOAD:
        whole = _encode(plan, "".join(plan.parts))
        return [Segment(b"", coding, tlvs=((_PAYLOAD, whole),), parts=total)]
    made = []
    for number, part in enumerate(plan.parts, 1):
        octets = _encode(plan, part)
        if total > 1 and way is LongWay.SAR:
            tlvs = (
                (_SAR_REFERENCE, (reference & 0xFFFF).to_bytes(2, "big")),
                (_SAR_TOTAL, bytes((total,))),
                (_SAR_NUMBER, bytes((number,))),
            )
            made.append(Segment(octets, coding, tlvs=tlvs))
            continue
        wide = way is LongWay.UDH_16
        header = udh.Header(
            reference=reference & (0xFFFF if wide else 0xFF),
            total=total if total > 1 else 0,
            number=number,
            wide=wide,
            locking=plan.locking,
            single=plan.single,
        ).encode()
        made.append(Segment(header + octets, coding, esm_class=_UDHI if header else 0))
    return made


def short(text: str, rules: TextRules = TextRules()) -> Segment | None:  # frozen
    """What `segments` makes of a plain text of one part, at once; None for what has to be planned."""
    if _SAME_AS_ASCII.fullmatch(text):
        return Segment(text.encode("ascii"), int(Coding.DEFAULT))
    if len(text) <= OCTETS // 2 and not rules.languages and _WIDE_SHORT.fullmatch(text):
        return Segment(text.encode("utf-16-be"), int(Coding.UCS_2))
    return None


def _encode(plan: Plan, part: str) -> bytes:
    if plan.coding is Coding.UCS_2:
        return part.encode("utf-16-be")
    if plan.rules.default_alphabet is not Alphabet.GSM:
        return part.encode(plan.rules.default_alphabet.value)
    return b"".join(alphabets.septets_of(part, plan.locking, plan.single) or ())


class References:
    """Reference numbers that do not come again soon between the same two numbers. Remembers the last `limit` pairs.

    Counting begins at a random place, so that a restart does not repeat what telephones still hold.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def next(self, source: str, destination: str) -> int:
        """A number of 16 bits; its low 8 bits count on as well."""
        pair = source, destination
        reference = (self._last.pop(pair, randbelow(0x10000)) + 1) & 0xFFFF
        self._last[pair] = reference
        if len(self._last) > self._limit:
            self._last.popitem(last=False)
        return reference


# --- reading ------------------------------------------------------------------------------------------------------

_CODECS: Final = {
    1: "ascii", 3: "latin-1", 5: "shift_jis", 6: "iso8859_5", 7: "iso8859_8", 8: "utf-16-be", 10: "iso2022_jp",
    13: "iso2022_jp_ext", 14: "euc_kr",
}  # fmt: skip
_BINARY: Final = (2, 4)


def decode(
    octets: bytes,
    data_coding: int,
    default_alphabet: Alphabet = Alphabet.GSM,
    header: udh.Header = udh.NO_HEADER,
) -> str | None:
    """The text of a received message; None when it is binary. Never raises: what cannot be read becomes U+FFFD.

    `octets` are without the header, which is given as parsed because it names the national tables.
    """
    coding = _gsm_class(data_coding) if data_coding > 0x0F else data_coding
    if coding in _BINARY:
        return None
    codec = _CODECS.get(coding)
    if codec is None:
        if default_alphabet is Alphabet.GSM:
            return alphabets.decode(octets, header.locking, header.single)
        codec = default_alphabet.value
    if codec == "utf-16-be" and octets[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codec = "utf-16"  # the telephone says itself which octet comes first
    return octets.decode(codec, "replace")


def _gsm_class(data_coding: int) -> int:
    """data_coding above 15 is the scheme of GSM (TS 23.038, 4): the coding it stands for."""
    if data_coding >= 0xF0:
        return 4 if data_coding & 0x04 else 0
    if data_coding >= 0xE0:
        return 8
    if data_coding >= 0xC0:
        return 0
    return (0, 4, 8, 0)[data_coding >> 2 & 3]


# --- what could be written more plainly ---------------------------------------------------------------------------

_PLAIN: Final = {
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201b": "'", "\u2032": "'", "`": "'", "\u00b4": "'",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2033": '"', "\u00ab": '"', "\u00bb": '"',
    "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2015": "-", "\u2212": "-",
    "\u2026": "...", "\u2022": "-", "\u00b7": "-", "\t": " ", "\u00a9": "(c)", "\u00ae": "(r)", "\u2122": "TM",
    "\u0131": "i", "\u0142": "l", "\u0141": "L", "\u00d0": "D", "\u00f0": "d", "\u2116": "No", "\u00d7": "x",
    "\u200b": "", "\u200c": "", "\u200d": "", "\u200e": "", "\u200f": "", "\u2060": "", "\ufeff": "", "\u00ad": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plain:
    """A text that fits the default alphabet, with what was written in place of what."""

    text: str
    changes: tuple[tuple[str, str], ...]


def plain(text: str) -> Plain | None:
    """An offer to write the text in the default alphabet: typographic signs made plain, accents it lacks left off.

    None when nothing needs to change, or when something has no plain form (another script, an emoji): whether a change
    is acceptable is for people to say, so nothing is ever changed without being asked for.
    """
    text = unicodedata.normalize("NFC", text)
    changes: dict[str, str] = {}
    for character in dict.fromkeys(text):
        if alphabets.is_default(character):
            continue
        written = _PLAIN.get(character)
        if written is None:
            letters = unicodedata.normalize("NFKD", character)
            written = "".join(one for one in letters if not unicodedata.combining(one))
            if not written or alphabets.encode(written) is None:
                return None
        changes[character] = written
    if not changes:
        return None
    return Plain("".join(changes.get(one, one) for one in text), tuple(changes.items()))
