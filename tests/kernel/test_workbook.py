"""A workbook is read in a process of its own, which ends when it takes too much."""

import io
import resource
import subprocess
import sys
import zipfile
from typing import Any

import pytest
import xlsxwriter

from wasl.kernel import workbook
from wasl.kernel.workbook import Unreadable, first_sheet


def book(rows: list[list[Any]]) -> bytes:
    """A workbook as a spreadsheet program writes it."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as made:
        sheet = made.add_worksheet()
        for n, row in enumerate(rows):
            sheet.write_row(n, 0, row)
    return out.getvalue()


def repeated(cells: int) -> bytes:
    """A small workbook in which so many cells are the same long text, kept once."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book([["x" * 32_000]]))) as good, zipfile.ZipFile(out, "w", 8) as made:
        for one in good.namelist():
            body = good.read(one).decode()
            if one == "xl/worksheets/sheet1.xml":
                rows = ("<row>" + '<c t="s"><v>0</v></c>' * 100 + "</row>") * (cells // 100)
                body = body[: body.index("<sheetData>")] + f"<sheetData>{rows}</sheetData></worksheet>"
            made.writestr(one, body)
    return out.getvalue()


def test_rows_come_as_somebody_would_write_them() -> None:
    assert list(first_sheet(book([["a", 17.0], [], ["١٢", True]]))) == [["a", "17"], ["", ""], ["١٢", "True"]]


@pytest.mark.slow
@pytest.mark.parametrize("cells", [20_000, 300_000], ids=["too much to say", "too much to hold"])
def test_what_becomes_too_large_ends_its_own_process(cells: int) -> None:
    content = repeated(cells)
    assert len(content) < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreadable):
        list(first_sheet(content))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100_000, "kilobytes, in this process"


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "DEADLINE_S", 0.001)
    with pytest.raises(Unreadable):
        list(first_sheet(book([["a"]])))


def test_nothing_of_the_house_is_in_that_process() -> None:
    asked = f"import runpy, sys; runpy.run_path({workbook.__file__!r}); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-I", "-c", asked], capture_output=True, text=True, check=True, env={})
    names = said.stdout.split()
    assert not [name for name in names if name.partition(".")[0] in ("wasl", "django", "psycopg")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"a,b\n", b"PK\x03\x04" + b"\0" * 1000])
@pytest.mark.slow
def test_what_is_no_workbook(content: bytes) -> None:
    with pytest.raises(Unreadable):
        list(first_sheet(content))
