"""Where answers come from: our cases and data sets (`case`, `data`), other systems (`sql`, `http`, both in `away`)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Protocol

from wasl.kernel import seal


class Row(Protocol):
    """One thing that was found, and what opens it."""

    def said(self, language: str) -> Mapping[str, str]:
        """What replies may name, in the language that is active."""

    def belongs_to(self, number: str) -> bool:
        """Whether it is this telephone number's (E.164)."""

    def opens_with(self, pin: str) -> bool:
        """Whether this is its PIN."""

    @property
    def is_public(self) -> bool:
        """Whether anybody may know it, whatever the enquiry asks for."""

    @property
    def mark(self) -> str:
        """What tells it from the others of the same key, also after the data were loaded anew."""


def owner_index(number: str) -> bytes:
    """The blind index under which the owner of a row is kept."""
    return seal.index_of(f"enquiry-owner:{number}")


def mark_of(values: Mapping[str, str]) -> str:
    """Eight bytes of a digest of what the row says, in hexadecimal digits."""
    return sha256("\x1f".join(f"{name}\x1e{values[name]}" for name in sorted(values)).encode()).hexdigest()[:16]


__all__ = ["Row", "mark_of", "owner_index"]
