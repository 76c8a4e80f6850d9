"""Rows of lists as HTML, drawn once a minute for all who see the same: most of a live list's cost is drawing.

Who sees which case is not decided here: rows come from `paging`, already chosen for the person.
"""

from datetime import datetime

from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from wasl.faces.desk.lists.paging import Page

_MOST = 4096
_drawn: dict[tuple[object, ...], SafeString] = {}


def drawn(page: Page, now: datetime, *, code: str = "", ticks: bool = False) -> list[SafeString]:
    """The rows of a page, in order. `code` is of the list to come back to, `ticks` gives each a box to choose it by.

    A row is drawn anew when its case has moved, and each minute, for the words of its deadline change by themselves.
    """
    template = get_template("desk/_row.html")
    minute = now.replace(second=0, microsecond=0)
    look = (minute, get_language(), code, page.query, ticks, tuple(column.code for column in page.columns))
    made = []
    for number, row in enumerate(page.rows):
        case = row.case
        key = (case.pk, case.seq, case.version, case.updated_at, row.words, row.what, row.where, number == 0, *look)
        html = _drawn.get(key)
        if html is None:
            if len(_drawn) >= _MOST:
                _drawn.clear()
            context = {
                "row": row, "cells": page.cells(row), "first": number == 0, "code": code, "query": page.query,
                "several": ticks, "now": now,
            }  # fmt: skip
            html = _drawn[key] = mark_safe(template.render(context))  # noqa: S308 - drawn and escaped by the template
        made.append(html)
    return made
