"""Reading an XLSX file that somebody handed in, in a process of its own: whatever it does, it does it there.

The reader of workbooks is a library that unpacks what it is given. The process is this file, run by itself: it knows
nothing of the house, gets the file and no secrets, and has bounds of memory, time and output that the system keeps.
"""

import io
import json
import logging
import os
import re
import resource
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time

logger = logging.getLogger(__name__)
DEADLINE_S = 120.0
_CPU_S = 90
_MEMORY = 1_500_000_000
_LARGEST_OUT = 300_000_000
_LONGEST_LINE = 5_000_000
_LARGEST_UNPACKED = 200_000_000
# A workbook's grid, whatever of it is filled: the reader makes every cell of it.
_WIDEST, _MOST_CELLS = 1000, 5_000_000
_AT_ONCE = 1_000_000
_NO_WORKBOOK = 3
# Wherever they stand, within a tag or not: what only looks like a reference can make a grid larger, never smaller.
_REFERENCE = re.compile(rb"\br\s*=\s*[\"']\s*([A-Za-z]*)([0-9]+)")
_ROW = re.compile(rb"<(?:[\w.\-]+:)?row(?=[\s/>])")
_CELL = re.compile(rb"<(?:[\w.\-]+:)?c(?=[\s/>])")


class Unreadable(Exception):
    """It is no workbook, or one that would take too much."""


def first_sheet(content: bytes) -> Iterator[list[str]]:
    """The rows of the first sheet, each cell as somebody would write it; empty rows too. Raises Unreadable."""
    with os.fdopen(os.memfd_create("sheet"), "w+b") as out:
        try:
            done = subprocess.run(
                [sys.executable, "-I", __file__],
                input=content,
                stdout=out,
                stderr=subprocess.DEVNULL,
                env={},
                timeout=DEADLINE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unreadable from error
        if done.returncode:
            if done.returncode != _NO_WORKBOOK:
                logger.warning("reading a workbook of %s octets ended with %s", len(content), done.returncode)
            raise Unreadable
        out.seek(0)
        while line := out.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                raise Unreadable
            yield json.loads(line)


def main() -> int:
    """The process: a workbook comes in, a line of JSON for each row goes out. Its exit code says what went wrong."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CPU, _CPU_S),
        (resource.RLIMIT_FSIZE, _LARGEST_OUT),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        with CalamineWorkbook.from_filelike(_bounded(sys.stdin.buffer.read())) as book:
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (
        Unreadable, zipfile.BadZipFile, zlib.error, CalamineError, OSError, EOFError, IndexError, ValueError
    ):  # fmt: skip
        return _NO_WORKBOOK
    for cells in rows:
        sys.stdout.write(json.dumps([_cell(cell) for cell in cells]) + "\n")
    sys.stdout.flush()
    return 0


def _bounded(content: bytes) -> io.BytesIO:
    """The workbook packed anew: each part is what it says, all are bounded, none has a huge grid. Raises Unreadable.

    Only so is it safe for the reader, which unpacks what there is whatever the directory of the archive says.
    """
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as packed,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as anew,
    ):
        parts = {one.filename: one for one in packed.infolist()}
        if sum(one.file_size for one in parts.values()) > _LARGEST_UNPACKED:
            raise Unreadable
        for name, part in parts.items():
            # The other ways of packing are unpacked without bounds, and no workbook uses them.
            if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or part.flag_bits & 1:
                raise Unreadable
            grid = _Grid()
            with packed.open(part) as source, anew.open(name, "w") as target:
                while some := source.read(_AT_ONCE):
                    if not grid.holds(some):
                        raise Unreadable
                    target.write(some)
            if not grid.holds(b"<"):
                raise Unreadable
    made.seek(0)
    return made


class _Grid:
    """How large the grid of a sheet is, while its XML comes in pieces."""

    def __init__(self) -> None:
        self.rest = b""
        self.rows = self.columns = 0
        self.row_tags = self.cell_tags = 0

    def holds(self, some: bytes) -> bool:
        """Whether it is none too large so far. A tag that is not whole waits for the next piece."""
        text = self.rest + some
        end = text.rfind(b"<")
        text, self.rest = (text[:end], text[end:]) if end >= 0 else (b"", text)
        if len(self.rest) > 4 * _AT_ONCE:
            # Nothing so long is a tag.
            return False
        letters: set[bytes] = set()
        for column, row in _REFERENCE.findall(text):
            letters.add(column)
            self.rows = max(self.rows, int(row))
        for column in letters:
            self.columns = max(self.columns, _column(column))
        # Rows and cells may have no reference; then they follow one another.
        for place, row_text in enumerate(_ROW.split(text)):
            if place:
                self.row_tags, self.cell_tags = self.row_tags + 1, 0
            self.cell_tags += len(_CELL.findall(row_text))
            self.columns = max(self.columns, self.cell_tags)
        rows = max(self.rows, self.row_tags)
        return self.columns <= _WIDEST and rows * self.columns <= _MOST_CELLS


def _column(letters: bytes) -> int:
    """The number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number


def _cell(value: object) -> str:
    """As somebody would write it: whole numbers without a point, dates as 2026-11-22."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()


if __name__ == "__main__":
    sys.exit(main())
