"""Arrays written as PostgreSQL reads them, for statements that run thousands of times a second.

psycopg asks each element for its type, which takes longer than all the rest. Parameters made here need a cast in their
statement (`%(ids)s::bigint[]`). Nothing here knows a table.
"""

from collections.abc import Iterable, Sequence

__all__ = ["octets", "plain", "texts"]


def plain(values: Iterable[object]) -> str:
    """Numbers, instants in ISO 8601, truth values, and "null"."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Sequence[str]) -> str:
    """Strings without NUL."""
    return '{"' + '","'.join([v.replace("\\", "\\\\").replace('"', '\\"') for v in values]) + '"}' if values else "{}"


def octets(values: Iterable[bytes]) -> str:
    """For bytea[]."""
    written = ["\\\\x" + value.hex() for value in values]
    return '{"' + '","'.join(written) + '"}' if written else "{}"
