"""CSV and XLSX files as rows of text, or a sentence why not; what the rows mean is in `loading`."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from wasl.kernel import workbook

LARGEST = 20_000_000
MOST_ROWS = 500_000
_MOST_DELIMITERS = 100_000
_MOST_COLUMNS = 60
_DELIMITERS = ",;\t|"
_ZIP = b"PK\x03\x04"


class BadFile(ValueError):
    """The file cannot be read; the sentence says why and is for people."""


@dataclass(frozen=True, slots=True)
class Table:
    """Names of the columns, and each row with its line in the file, the names' line being 1."""

    columns: tuple[str, ...]
    rows: list[tuple[int, Mapping[str, str]]]


def read(content: bytes) -> Table:
    """The table in a CSV (UTF-8, with or without its mark) or in the first sheet of an XLSX. Raises BadFile."""
    if len(content) > LARGEST:
        raise BadFile(_("The file is larger than %(most)s MB.") % {"most": LARGEST // 1_000_000})
    lines = _xlsx(content) if content.startswith(_ZIP) else _csv(content)
    columns: tuple[str, ...] = ()
    rows: list[tuple[int, Mapping[str, str]]] = []
    for count, (line, cells) in enumerate(lines):
        if count > MOST_ROWS:
            raise BadFile(_("A data set has at most %(most)s rows.") % {"most": MOST_ROWS})
        if not any(cells):
            continue
        if not columns:
            columns = _names(cells)
        else:
            rows.append((line, dict(zip(columns, cells, strict=False))))
    if not columns:
        raise BadFile(_("The file is empty. Its first row must hold the names of the columns."))
    return Table(columns, rows)


def _names(cells: list[str]) -> tuple[str, ...]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    if len(cells) > _MOST_COLUMNS:
        raise BadFile(_("There are more than %(most)s columns.") % {"most": _MOST_COLUMNS})
    if not all(cells) or len(set(cells)) < len(cells):
        raise BadFile(_("Each column needs a name of its own in the first row."))
    return tuple(cells)


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(_("The file is neither XLSX nor CSV in UTF-8. Save it as “CSV UTF-8”.")) from error
    if "\0" in text:
        raise BadFile(_("The file is neither XLSX nor CSV in UTF-8. Save it as “CSV UTF-8”."))
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    wide = 0

    def lines() -> Iterator[str]:
        # One row may go over many lines; it is bounded before the reader makes cells of it.
        nonlocal wide
        for line in io.StringIO(text, newline=""):
            wide += line.count(delimiter)
            if wide > _MOST_DELIMITERS:
                raise BadFile(_("There are more than %(most)s columns.") % {"most": _MOST_COLUMNS})
            yield line

    try:
        reader = csv.reader(lines(), delimiter=delimiter, strict=True)
        for cells in reader:
            wide = 0
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise BadFile(_("The file is no CSV: %(reason)s.") % {"reason": error}) from error


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from enumerate(workbook.first_sheet(content), 1)
    except workbook.Unreadable as error:
        raise BadFile(_("The file is no workbook that can be read.")) from error
