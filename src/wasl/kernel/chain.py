"""The hash chain of a journal: how one link is computed, here and in SQL alike.

A link binds its predecessor, the chain it belongs to, its place, instant, actor, verb and data, byte for byte:
`sha256(prev ‖ chain:int64 ‖ seq:int32 ‖ at:int64 µs since 2000-01-01 UTC ‖ actor ‖ 0x1f ‖ verb ‖ 0x1f ‖ data)`, integers big-endian,
text UTF-8. The instant and the integers are what PostgreSQL's own `*_send` functions give, so that a data base of a
million links is proved by one query (FIPS 180-4 for SHA-256).
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct

GENESIS = bytes(32)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEAD = Struct(">qiq")


def link(prev: bytes, *, chain: int, seq: int, at: datetime, actor: str, verb: str, data: str) -> bytes:
    """The 32-byte hash of one entry; `prev` is the hash before it, `GENESIS` for the first."""
    head = _HEAD.pack(chain, seq, (at - _EPOCH) // _MICROSECOND)
    return sha256(b"".join((prev, head, f"{actor}\x1f{verb}\x1f{data}".encode()))).digest()


def sql_link(alias: str, prev: str) -> str:
    """The same as an SQL expression over the columns case_id, seq, at, actor, verb, data of `alias`; `prev` is SQL too."""
    a = alias
    return (
        f"sha256({prev} || int8send({a}.case_id) || int4send({a}.seq) || timestamptz_send({a}.at) || "
        f"convert_to({a}.actor || E'\\x1f' || {a}.verb || E'\\x1f' || {a}.data::text, 'UTF8'))"
    )
