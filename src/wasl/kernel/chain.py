"""The hash chain of a journal: what one link binds, byte for byte.

A link is `sha256` (FIPS 180-4) over seven fields: the hash before it (32 bytes), the chain (int64), its place (int32),
the instant (int64, microseconds since 2000-01-01 UTC), actor, verb and data (UTF-8); each with its length before it as
int32, all integers big-endian. That is how PostgreSQL itself sends these columns in binary form, so that a prover
hashes what comes over the wire without taking it apart.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct

GENESIS = bytes(32)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FIXED = Struct(">i32siqiiiq")
_LENGTH = Struct(">i")


def link(prev: bytes, *, chain: int, seq: int, at: datetime, actor: str, verb: str, data: str) -> bytes:
    """The 32-byte hash of one entry; `prev` is the hash before it, `GENESIS` for the first."""
    parts = [_FIXED.pack(32, prev, 8, chain, 4, seq, 8, (at - _EPOCH) // _MICROSECOND)]
    for text in (actor, verb, data):
        raw = text.encode()
        parts += (_LENGTH.pack(len(raw)), raw)
    return sha256(b"".join(parts)).digest()
