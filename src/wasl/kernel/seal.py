"""Sealing of personal data at rest, blind look-up and derived PINs; what is personal and who may open it is not here.

A sealed text is `key id (1 byte) ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16)`, the key id being authenticated too
(NIST SP 800-38D; random nonces, hence at most 2^32 texts under one key).

Keys come from the settings: `WASL_SEAL_KEY` (32 bytes) seals, under the id `WASL_SEAL_KEY_ID` (0-255, default 1);
`WASL_SEAL_OLD_KEYS` (id -> 32 bytes, default none) still opens what older keys sealed. To rotate: move the key to
the old ones, give the new one the next id, and re-seal at leisure; `sealed_by` finds what is left. Look-up and PINs are
derived from the key with the lowest id, so that they outlive a rotation as long as that key is kept.
"""

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

from wasl.kernel.digits import to_ascii_digits

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = [
    "SealBroken",
    "index_of",
    "pin_matches",
    "pin_of",
    "seal",
    "seal_bytes",
    "sealed_by",
    "unseal",
    "unseal_bytes",
]

_NONCE = 12
_TAG = 16
_INDEX = 16
_PIN_DIGITS = 6


class SealBroken(ValueError):
    """The data is not what was sealed: changed, cut, moved to another place, or sealed by a key that is not here."""


@dataclass(frozen=True, slots=True)
class _Ring:
    """The keys of an installation, ready for use."""

    current: int
    ciphers: dict[int, AESGCM]
    index: "tuple[_Hash, _Hash]"
    pin_key: bytes


_ring: _Ring | None = None


def _keys() -> _Ring:
    global _ring
    if _ring is None:
        _ring = _make_ring(settings.WASL_SEAL_KEY)
    return _ring


def _changed(*, setting: str, **_more: object) -> None:
    """Settings change only in tests."""
    global _ring
    if setting.startswith("WASL_SEAL_"):
        _ring = None


setting_changed.connect(_changed)


def _make_ring(source: bytes) -> _Ring:
    current = getattr(settings, "WASL_SEAL_KEY_ID", 1)
    keys = {**getattr(settings, "WASL_SEAL_OLD_KEYS", {}), current: source}
    for number, key in keys.items():
        if not 0 <= number <= 255:
            raise ImproperlyConfigured(f"the id of a sealing key is 0 to 255, not {number}")
        if len(key) != 32:
            raise ImproperlyConfigured(f"sealing key {number} has {len(key)} bytes instead of 32")
    root = keys[min(keys)]
    return _Ring(
        current=current,
        ciphers={number: AESGCM(key) for number, key in keys.items()},
        index=_begun(hmac.digest(root, b"wasl blind index", sha256)),
        pin_key=hmac.digest(root, b"wasl pin", sha256),
    )


def seal(text: str, *, place: str = "") -> bytes:
    """`text` sealed under the current key; 29 bytes longer than its UTF-8.

    `place` names where the result will lie (a table, row and column, say); it is not stored, and `unseal` wants the
    same again, so that nobody can move one person's sealed number into another's row.
    """
    return seal_bytes(text.encode(), place=place)


def unseal(data: bytes | memoryview, *, place: str = "") -> str:
    """The text that `seal` was given for the same `place`.

    `data` may be a memoryview, as data base drivers give. Raises SealBroken if it is anything else.
    """
    return unseal_bytes(data, place=place).decode()


def seal_bytes(data: bytes, *, place: str = "") -> bytes:
    """As `seal`, for a file: at most 2 GB, held in memory as a whole."""
    ring = _keys()
    nonce = os.urandom(_NONCE)
    head = bytes((ring.current,))
    return head + nonce + ring.ciphers[ring.current].encrypt(nonce, data, head + place.encode())


def unseal_bytes(data: bytes | memoryview, *, place: str = "") -> bytes:
    """The bytes that `seal_bytes` was given for the same `place`. Raises SealBroken if `data` is anything else."""
    raw = bytes(data)
    if len(raw) < 1 + _NONCE + _TAG:
        raise SealBroken("too short to be sealed data")
    cipher = _keys().ciphers.get(raw[0])
    if cipher is None:
        raise SealBroken(f"sealed by key {raw[0]}, which this installation does not have")
    try:
        return cipher.decrypt(raw[1 : 1 + _NONCE], raw[1 + _NONCE :], raw[:1] + place.encode())
    except InvalidTag as error:
        raise SealBroken("the sealed data was changed, or belongs to another place or key") from error


def sealed_by(data: bytes | memoryview) -> int:
    """The id of the key that sealed `data`, which is not opened. Raises SealBroken for empty data."""
    if not len(data):
        raise SealBroken("too short to be sealed data")
    return bytes(data[:1])[0]


def index_of(text: str) -> bytes:
    """16 bytes that are equal for equal texts and tell nothing else without the key: a blind index for look-up.

    The caller normalises first (`phone.normalise`, `mailaddress.normalise`): one letter of difference is another index.
    """
    # HMAC-SHA-256, its key taken in once and not at each call: that takes longer than all the rest.
    begun, end = _keys().index
    inner, outer = begun.copy(), end.copy()
    inner.update(text.encode())
    outer.update(inner.digest())
    return outer.digest()[:_INDEX]


def _begun(key: bytes) -> "tuple[_Hash, _Hash]":
    """The two hashes of HMAC, with the key in them (RFC 2104)."""
    padded = key.ljust(64, b"\0")
    return sha256(bytes(octet ^ 0x36 for octet in padded)), sha256(bytes(octet ^ 0x5C for octet in padded))


def pin_of(number: str, generation: int) -> str:
    """The six-digit PIN of the acceptance number `number` (canonical); a new `generation` makes a new PIN.

    It is derived, never stored. A million values are few: whoever checks one counts the tries (`throttle`).
    Source: requirement C8.
    """
    mac = hmac.digest(_keys().pin_key, f"{number}:{generation}".encode(), sha256)
    # 64 bits over 10^6 values: no PIN is likelier than another by more than one part in 10^13.
    return f"{int.from_bytes(mac[:8]) % 10**_PIN_DIGITS:0{_PIN_DIGITS}d}"


def pin_matches(number: str, generation: int, given: str) -> bool:
    """Whether `given`, in digits of any script and with blanks around or between them, is the PIN; in constant time."""
    typed = "".join(to_ascii_digits(given[:64]).split())
    # JSON can carry half a surrogate pair, which has no UTF-8.
    return hmac.compare_digest(pin_of(number, generation).encode(), typed.encode(errors="replace"))
