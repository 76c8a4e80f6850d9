"""The log of enquiries: one row for each question, without words, numbers or answers."""

from collections.abc import Sequence
from datetime import datetime

from wasl.kernel.rows import read

_WRITE = """
INSERT INTO enquiries_asked (enquiry_id, channel, kind, ms, at, asker)
SELECT u.enquiry, u.channel, u.kind, u.ms, $6, u.asker
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::bytea[]) AS u(enquiry, channel, kind, ms, asker)
"""

Line = tuple[int, str, str, int, bytes | None]
"""Enquiry, channel, kind of the answer, milliseconds, blind index of who asked."""


def write(lines: Sequence[Line], at: datetime) -> None:
    """Keep them, in one statement."""
    if lines:
        read(_WRITE, [*(list(column) for column in zip(*lines, strict=True)), at])
