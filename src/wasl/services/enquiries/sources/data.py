"""Answers from data sets that were handed to us: one query for a batch of questions."""

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wasl.kernel import seal
from wasl.kernel.rows import read
from wasl.services.enquiries.sources import owner_index

# Nobody reads on after so many; it also bounds what one key costs.
MOST_ROWS = 50

# Each key by the index (data_set, key); the lateral bound keeps one key with a million rows from being read whole.
_FIND = """
SELECT asked.key, found.owner, found.pin, found.values::text, found.digest
FROM unnest($2::text[]) AS asked(key)
CROSS JOIN LATERAL (
    SELECT id, owner, pin, "values", digest FROM enquiries_datarow
    WHERE data_set_id = $1 AND key = asked.key ORDER BY id LIMIT 50
) AS found
ORDER BY found.id
"""


def pin_index(data_set: int, key: str, pin: str) -> bytes:
    """The blind index under which the PIN of a row is kept."""
    return seal.index_of(f"enquiry-pin:{data_set}:{key}:{pin}")


@dataclass(frozen=True, slots=True)
class DataFound:
    """A row of a data set."""

    data_set: int
    key: str
    owner: bytes | None
    pin: bytes | None
    text: str
    digest: bytes

    def said(self, language: str) -> Mapping[str, str]:
        """Its columns."""
        del language
        values: dict[str, str] = json.loads(self.text)
        return values

    def belongs_to(self, number: str) -> bool:
        """By the blind index of its owner's number."""
        return self.owner is not None and hmac.compare_digest(self.owner, owner_index(number))

    def opens_with(self, pin: str) -> bool:
        """By the blind index of its PIN."""
        return self.pin is not None and hmac.compare_digest(self.pin, pin_index(self.data_set, self.key, pin))

    @property
    def is_public(self) -> bool:
        """Nothing of a data set is, unless its enquiry says so."""
        return False

    @property
    def mark(self) -> str:
        """Its digest, in hexadecimal digits."""
        return self.digest.hex()


def find(data_set: int, keys: Iterable[str]) -> dict[str, list[DataFound]]:
    """The rows of each key that has some, at most `MOST_ROWS`, in the order of the file."""
    wanted = sorted(set(keys))
    found: dict[str, list[DataFound]] = {}
    if wanted:
        for key, owner, pin, text, digest in read(_FIND, [data_set, wanted]):
            found.setdefault(key, []).append(DataFound(data_set, key, owner, pin, text, digest))
    return found
