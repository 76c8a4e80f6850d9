"""Tables as files: CSV and XLSX, row by row in bounded memory, marked with where they come from; no formula in them."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TypeAlias

import xlsxwriter
from django.utils import timezone

Cell: TypeAlias = "str | int | datetime | None"
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "|", "%")
CSV_MIME = "text/csv; charset=utf-8"
XLSX_MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Heading:
    """A column of a sheet: its name, and its width in characters."""

    label: str
    width: int = 16


@dataclass(frozen=True)
class Mark:
    """Where a sheet comes from: one line for every page, and the same told in pairs of name and value."""

    line: str
    facts: Sequence[tuple[str, str]]
    title: str
    author: str


def harmless(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula (CWE-1236): an apostrophe before what could be one."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_STARTS_A_FORMULA) else text


def _plain(value: Cell) -> str:
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    return harmless(value) if isinstance(value, str) else "" if value is None else str(value)


def write_csv(out: IO[str], headings: Sequence[Heading], rows: Iterable[Sequence[Cell]], mark: Mark) -> int:
    """Write a CSV (RFC 4180): the mark, the headings, the rows, the mark again. Gives how many rows there were.

    It begins with a byte order mark, by which spreadsheets know that it is UTF-8.
    """
    out.write("\ufeff")
    lines = csv.writer(out)
    lines.writerow([harmless(mark.line)])
    lines.writerow([harmless(heading.label) for heading in headings])
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last one is how many
        lines.writerow([_plain(value) for value in row])
    lines.writerow([harmless(mark.line)])
    return count


def write_xlsx(
    out: IO[bytes], headings: Sequence[Heading], rows: Iterable[Sequence[Cell]], mark: Mark, *, rtl: bool
) -> int:
    """Write an XLSX: headings and rows; the mark on every printed page, in its properties and on a sheet of its own.

    Gives how many rows there were.
    """
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": mark.title, "author": mark.author, "comments": mark.line})
    bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
    instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"})
    sheet = book.add_worksheet()
    about = book.add_worksheet()
    for one in (sheet, about):
        if rtl:
            one.right_to_left()
        # A page header holds 255 characters, and & begins a code in it.
        one.set_header("&L" + mark.title.replace("&", "&&")[:100])
        one.set_footer("&L" + mark.line.replace("&", "&&")[:200] + "&R&P / &N")
        one.set_landscape()
        one.set_paper(9)
        one.fit_to_pages(1, 0)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    for place, heading in enumerate(headings):
        sheet.set_column(place, place, heading.width)
        sheet.write_string(0, place, heading.label, bold)
    count = 0
    for count, row in enumerate(rows, 1):
        for place, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write_datetime(count, place, timezone.localtime(value).replace(tzinfo=None), instant)
            elif isinstance(value, int):
                sheet.write_number(count, place, value)
            elif value:
                sheet.write_string(count, place, value)
    about.set_column(0, 0, 24)
    about.set_column(1, 1, 80)
    for place, (name, value) in enumerate(mark.facts):
        about.write_string(place, 0, name, bold)
        about.write_string(place, 1, value)
    book.close()
    return count
