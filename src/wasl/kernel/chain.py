"""The hash chain of a journal: what one link binds, byte for byte.

A link is `sha256` (FIPS 180-4) over seven fields: the hash before it (32 bytes), the chain (int64), its place (int32),
the instant (int64, microseconds since 2000-01-01 UTC), actor, verb and data (UTF-8); each with its length before it as
int32, all integers big-endian. That is how PostgreSQL itself sends these columns in binary form, so that a prover
hashes what comes over the wire without taking it apart.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from struct import Struct

GENESIS = bytes(32)
# Bytes of a link's first three fields: the hash before it, the chain, its place.
START = 56
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BEFORE = Struct(">i").pack(32)
_CHAIN = Struct(">iq")
_PLACE = Struct(">ii")
_INSTANT = Struct(">iq")
_LENGTH = Struct(">i")


def link(prev: bytes, *, chain: int, seq: int, at: datetime, actor: str, verb: str, data: str) -> bytes:
    """The 32-byte hash of one entry; `prev` is the hash before it, `GENESIS` for the first."""
    parts = [_BEFORE, prev, _CHAIN.pack(8, chain), _PLACE.pack(4, seq), _INSTANT.pack(8, (at - _EPOCH) // _MICROSECOND)]
    for text in (actor, verb, data):
        raw = text.encode()
        parts += (_LENGTH.pack(len(raw)), raw)
    return sha256(b"".join(parts)).digest()


def starts(chain: int, hashes: list[bytes]) -> list[bytes]:
    """The first `START` bytes of each link of a whole chain with these hashes, in order, from place 1."""
    own = _CHAIN.pack(8, chain)
    befores = (GENESIS, *hashes[:-1])
    return [_BEFORE + prev + own + place for prev, place in zip(befores, _places(len(hashes)), strict=True)]


@lru_cache(maxsize=512)
def _places(length: int) -> list[bytes]:
    """The third field of each entry of a chain that long: chains of a few lengths come by the million."""
    return [_PLACE.pack(4, seq) for seq in range(1, length + 1)]
