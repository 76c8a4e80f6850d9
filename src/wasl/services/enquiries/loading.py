"""Putting rows into data sets: from a table to keyed rows, what that would change, and the change itself.

How files become tables is in `tables`; who may do it is checked in `editing`.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from django.db import connection, transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.kernel import clock, phone
from wasl.kernel.rows import read
from wasl.services.enquiries import reading, tables
from wasl.services.enquiries.models import DataSet
from wasl.services.enquiries.sources import owner_index
from wasl.services.enquiries.sources.data import pin_index

MOST_ROWS = tables.MOST_ROWS
LONGEST_CELL = 500
_MOST_ERRORS = 100


class TooMuch(ValueError):
    """More rows than a data set may have; the sentence is for people."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A row ready to be kept."""

    key: str
    owner: bytes | None
    pin: bytes | None
    values: str
    digest: bytes


@dataclass(slots=True)
class Prepared:
    """Rows of a table; `errors` are (line, sentence) of those that cannot be kept, the first hundred of `wrong`."""

    rows: list[Keyed] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What a load would do, in keys."""

    added: int
    changed: int
    gone: int
    same: int


def missing_columns(data_set: DataSet, columns: Iterable[str]) -> list[str]:
    """Columns that the data set needs and the table has not."""
    there = set(columns)
    needed = [name for part in data_set.key for name in part["columns"]]
    needed += [name for name in (data_set.owner_column, data_set.pin_column) if name]
    return [name for name in dict.fromkeys([*needed, *data_set.columns]) if name not in there]


def prepare(data_set: DataSet, rows: Iterable[tuple[int, Mapping[str, str]]]) -> Prepared:
    """The rows (with their line) keyed, with numbers and PINs as blind indexes; nothing is written. Raises TooMuch."""
    made = Prepared()
    region = organisation.the_city().region
    for line, row in rows:
        try:
            made.rows.append(_keyed(data_set, row, region))
        except ValueError as error:
            made.wrong += 1
            if len(made.errors) < _MOST_ERRORS:
                made.errors.append((line, str(error)))
        if len(made.rows) > MOST_ROWS:
            raise TooMuch(_("A data set has at most %(most)s rows.") % {"most": MOST_ROWS})
    return made


def _keyed(data_set: DataSet, row: Mapping[str, str], region: str) -> Keyed:
    parts = []
    for part in data_set.key:
        text = " ".join(row.get(name, "") for name in part["columns"])
        one = reading.normal(part["kind"], text)
        if one is None:
            raise ValueError(
                _("“%(text)s” is no %(kind)s.") % {"text": text[:40], "kind": reading.Kind(part["kind"]).label}
            )
        parts.append(one)
    key = "|".join(parts)
    owner = pin = None
    if data_set.owner_column and (said := row.get(data_set.owner_column, "").strip()):
        number = phone.normalise(said, region)
        if number is None or phone.is_short_code(number):
            raise ValueError(_("“%(text)s” is no telephone number.") % {"text": said[:40]})
        owner = owner_index(number)
    if data_set.pin_column and (said := row.get(data_set.pin_column, "").strip()):
        secret = reading.pin(said)
        if secret is None:
            raise ValueError(_("A PIN has 3 to 12 letters and digits, and at least one digit."))
        pin = pin_index(data_set.pk, key, secret)
    values = {name: row.get(name, "").strip() for name in data_set.columns}
    long = next((name for name, text in values.items() if len(text) > LONGEST_CELL), None)
    if long is not None:
        raise ValueError(_("“%(column)s” has more than %(most)s characters.") % {"column": long, "most": LONGEST_CELL})
    text = json.dumps(values, ensure_ascii=False, sort_keys=True)
    digest = sha256(b"\x1f".join([key.encode(), owner or b"", pin or b"", text.encode()])).digest()[:8]
    return Keyed(key, owner, pin, text, digest)


def difference(data_set: DataSet, rows: Sequence[Keyed], *, whole: bool) -> Difference:
    """What loading these rows would change."""
    wanted: dict[str, list[bytes]] = {}
    for row in rows:
        wanted.setdefault(row.key, []).append(row.digest)
    there = dict(
        read(
            "SELECT key, array_agg(digest ORDER BY id) FROM enquiries_datarow WHERE data_set_id = $1 GROUP BY key",
            [data_set.pk],
        )
    )
    counts = Counter(
        "added" if key not in there else "same" if there[key] == digests else "changed"
        for key, digests in wanted.items()
    )
    gone = sum(key not in wanted for key in there) if whole else 0
    return Difference(counts["added"], counts["changed"], gone, counts["same"])


@transaction.atomic
def load(data_set: DataSet, rows: Sequence[Keyed], *, whole: bool) -> None:
    """Keep these rows: instead of all there are (`whole`), or of those with the same keys. All or nothing.

    Who asks meanwhile is answered from the rows before.
    """
    held = DataSet.objects.select_for_update().get(pk=data_set.pk)
    if whole:
        held.rows.all().delete()
    else:
        held.rows.filter(key__in=list({row.key for row in rows})).delete()
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY enquiries_datarow (data_set_id, key, owner, pin, values, digest) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row((held.pk, row.key, row.owner, row.pin, row.values, row.digest))
    held.rows_count = held.rows.count()
    held.loaded_at = clock.now()
    held.save(update_fields=["rows_count", "loaded_at", "updated_at"])
    data_set.rows_count, data_set.loaded_at, data_set.updated_at = held.rows_count, held.loaded_at, held.updated_at
