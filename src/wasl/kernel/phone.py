"""Phone numbers: one written form for each, and a form that may be shown; who owns a number is not known here."""

import re
from collections.abc import Callable
from functools import lru_cache

import phonenumbers

from wasl.kernel.digits import to_ascii_digits

__all__ = ["is_short_code", "masked", "normalise"]

_LONGEST_TEXT = 60
_SHORT_CODE = re.compile(r"[0-9]{3,6}")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_KNOWN_SHAPE = re.compile(r"\+([1-9][0-9]{2})[0-9]{5,12}\Z")
_HIDDEN = "••••"


def normalise(text: str, region: str) -> str | None:
    """The number in `text` as E.164 (`+96892345678`), or None if it is no valid number; nothing is raised.

    `region` (ISO 3166, two letters) says whose national numbers may stand without country code. Digits of any script,
    blanks, punctuation, `00` for `+`, direction marks and `tel:` are understood; an extension is dropped. A text of
    three to six digits that is no full number there is a short code (1111, 90888) and comes back as ASCII digits,
    untouched: whoever wants a number that can be called from abroad asks `is_short_code` as well.
    Source: ITU-T E.164; requirements B1, J8.
    """
    if len(text) > _LONGEST_TEXT:
        return None
    if (country := _KNOWN_SHAPE.match(text)) is not None and _national(country[1])(text):
        return text
    plain = _INVISIBLE.sub("", to_ascii_digits(text)).strip()
    try:
        number = phonenumbers.parse(plain, region.upper())
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return plain if is_short_code(plain) else None


@lru_cache(maxsize=512)
def _national(code: str) -> Callable[[str], re.Match[str] | None]:
    """What matches valid E.164 numbers after these digits, where they are the code of one country alone.

    The library's own patterns without its parser, which takes twenty times as long; it matters where texts are taken by
    the thousand.
    """
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ())
    meta = phonenumbers.PhoneMetadata.metadata_for_region(regions[0]) if len(regions) == 1 else None
    shapes = (
        [
            one.national_number_pattern
            for one in (meta.mobile, meta.fixed_line, meta.toll_free)
            if one is not None and one.national_number_pattern
        ]
        if meta is not None
        else []
    )
    if not shapes:
        return _nothing
    return re.compile(rf"\+{code}(?:{'|'.join(shapes)})").fullmatch


def _nothing(_text: str) -> None:
    return None


def is_short_code(number: str) -> bool:
    """Whether `number`, as `normalise` gives it, is a short code: three to six ASCII digits without a plus."""
    return _SHORT_CODE.fullmatch(number) is not None


def is_ordinary(number: str, region: str) -> bool:
    """Whether this number, as `normalise` gives it, is a mobile or fixed telephone of this country.

    No premium service, no short code, nowhere abroad.
    """
    if not number.startswith("+"):
        return False
    parsed = phonenumbers.parse(number)
    kind = phonenumbers.number_type(parsed)
    return phonenumbers.region_code_for_number(parsed) == region and kind in _ORDINARY


_ORDINARY = (
    phonenumbers.PhoneNumberType.MOBILE,
    phonenumbers.PhoneNumberType.FIXED_LINE,
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    phonenumbers.PhoneNumberType.VOIP,
)


def masked(number: str) -> str:
    """A form that may be shown to those who may not see the number: `+96892345678` becomes `+968 •••• 678`.

    The number of dots says nothing about the length. Short codes belong to nobody and come back untouched; any text
    that is no E.164 number is hidden altogether.
    """
    if is_short_code(number):
        return number
    if not _E164.fullmatch(number):
        return _HIDDEN
    return f"{_beginning(number[1:4])}{_HIDDEN} {number[-3:]}"


@lru_cache(maxsize=1024)
def _beginning(digits: str) -> str:
    """The country code, with its plus, that a number of these three first digits has."""
    for length in (1, 2, 3):
        if int(digits[:length]) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return f"+{digits[:length]} "
    return ""
