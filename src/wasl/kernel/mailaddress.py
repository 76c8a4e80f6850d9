"""Mail addresses: one written form for each, and a form that may be shown; nothing is sent or looked up here."""

import re
import unicodedata

from wasl.kernel.digits import to_ascii_digits

__all__ = ["masked", "normalise"]

# RFC 5321 4.5.3.1: local part, path without its angle brackets.
_LONGEST_LOCAL = 64
_LONGEST = 254
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# RFC 5322 dot-atom. Quoted local parts are legal, unheard of, and a way to smuggle; they are refused.
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HIDDEN = "••••"


def normalise(text: str) -> str | None:
    """The address in `text` as ASCII lower case with the domain in its DNS form, or None if it is none; never raises.

    Blanks and angle brackets around it, `mailto:`, direction marks, full-width letters and digits of any script are
    understood; a domain in another script becomes its `xn--` form. The part before the @ is lower-cased although RFC
    5321 would let a server tell cases apart, because people write their own address both ways. A local part that is
    not ASCII (RFC 6531) is refused: too few servers would take the answer.
    """
    if len(text) > 2 * _LONGEST:
        return None
    plain = unicodedata.normalize("NFKC", _INVISIBLE.sub("", to_ascii_digits(text))).strip()
    plain = re.sub(r"^mailto:", "", plain, flags=re.IGNORECASE)
    if plain.startswith("<") and plain.endswith(">"):
        plain = plain[1:-1].strip()
    local, at, domain = plain.rpartition("@")
    local = local.lower()
    if not at or len(local) > _LONGEST_LOCAL or not _LOCAL.fullmatch(local):
        return None
    try:
        dns = domain.lower().encode("idna").decode("ascii").lower()
    except UnicodeError:
        return None
    labels = dns.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return None
    address = f"{local}@{dns}"
    return address if len(address) <= _LONGEST else None


def masked(address: str) -> str:
    """A form that may be shown to those who may not see the address: `salim@example.om` becomes `s••••@example.om`.

    The number of dots says nothing about the length; of a local part of one or two letters nothing is shown. A text
    that is no address is hidden altogether.
    """
    known = normalise(address)
    if known is None:
        return _HIDDEN
    local, _, domain = known.rpartition("@")
    return f"{local[0] if len(local) > 2 else ''}{_HIDDEN}@{domain}"
