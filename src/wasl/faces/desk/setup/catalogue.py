"""Editions of the catalogue: as it is, the draft, what would change, publishing; by the form of a row or by CSV."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from wasl.core.cases import impact
from wasl.core.cases.models import Kind, Urgency
from wasl.core.catalogue import actions, book, queries
from wasl.core.catalogue.models import Edition
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Calendar, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, choices_in_scope, draw
from wasl.faces.frame.forms import sought
from wasl.kernel.names import local

SHOWN_ROWS = 200
DAYS = (7, 30, 90)
Row = Mapping[str, str]
# What of a row is shown in the table; all of it stands in its form and in the CSV file.
SHORT: Mapping[str, tuple[str, ...]] = {
    "categories": ("code", "name_ar", "name_en", "parent", "kinds", "urgency"),
    "questions": ("category", "code", "ask_ar", "ask_en", "datatype", "required"),
    "values": ("category", "question", "key", "name_ar", "name_en"),
    "dispatch": ("rule", "category", "area", "hours", "lead", "assist", "automatic"),
    "deadlines": ("rule", "category", "kind", "urgency", "sign", "contact", "result", "extension"),
    "reasons": ("list", "code", "name_ar", "name_en", "max"),
}


@desk(right="catalogue.edit", methods=FORM)
def editions(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All editions; `do=draft` copies the newest one."""
    if request.method == "POST":
        made = actions.draft(by=staff, note=request.POST.get("note", "")[:300])
        return redirect("desk:edition", made.number)
    rows = Edition.objects.select_related("made_by", "published_by").order_by("-number").defer("sheets")
    return draw(request, staff, "editions", "catalogue", rows=rows, force=_in_force())


def _in_force() -> int:
    try:
        return queries.in_force().number
    except queries.NotSetUp:
        return 0


def _edition(number: int) -> Edition:
    found = Edition.objects.filter(number=number).select_related("made_by", "published_by").first()
    if found is None:
        raise Http404
    return found


def _sheet(name: str) -> str:
    if name not in book.COLUMNS:
        raise Http404
    return name


@desk(right="catalogue.edit", methods=FORM)
def edition(request: HttpRequest, staff: Staff, number: int) -> HttpResponse:
    """One edition: a sheet as a table with search, its problems at their rows, taking in a CSV, publishing."""
    held = _edition(number)
    sheet = _sheet(request.GET.get("sheet", "categories"))
    do = request.POST.get("do", "")
    form = forms.SheetForm(request.POST if do == "sheet" else None, request.FILES if do == "sheet" else None)
    publish = forms.PublishForm(request.POST if do == "publish" else None)
    problems: list[str] = []
    if do == "sheet" and form.is_valid():
        problems = _tried(lambda: _take_sheet(held, staff, sheet, form.cleaned_data["file"]))
        if not problems:
            messages.success(request, _("The sheet was replaced."))
            return redirect(f"{request.path}?sheet={sheet}")
    elif do == "publish" and publish.is_valid():
        start = publish.cleaned_data["start"]
        problems = _tried(lambda: actions.publish(held, by=staff, effective_from=start))
        if not problems:
            messages.success(request, _("The edition is published."))
            return redirect("desk:catalogue")
    return _draw_edition(request, staff, held, sheet, form=form, publish=publish, problems=problems)


def _tried(do: Any) -> list[str]:
    """What speaks against it, a sentence each; nothing when it is done."""
    try:
        do()
    except book.BadSheet as bad:
        return bad.problems
    except (actions.NotPublishable, ValueError, KeyError) as error:
        return [str(error)]
    return []


def _take_sheet(held: Edition, staff: Staff, sheet: str, text: str) -> None:
    rows = book.from_csv(sheet, text)
    actions.check({**held.sheets, sheet: rows}, number=held.number)
    actions.replace_sheet(held, by=staff, sheet=sheet, rows=rows)


def _before(held: Edition) -> Edition | None:
    """The edition that this one is compared with: the latest published before it."""
    return (
        Edition.objects.filter(published_at__isnull=False, number__lt=held.number)
        .order_by("-effective_from", "-number")
        .first()
    )


def _tabs(held: Edition, problems: Sequence[str], here: str) -> list[dict[str, Any]]:
    url = reverse("desk:edition", args=[held.number])
    return [
        {
            "code": name,
            "label": forms.SHEET_WORDS[name],
            "rows": len(held.sheets.get(name, [])),
            "wrong": sum(isinstance(p, book.Problem) and p.sheet == name for p in problems),
            "current": name == here,
            "url": f"{url}?sheet={name}",
        }
        for name in book.COLUMNS
    ]


def _draw_edition(
    request: HttpRequest, staff: Staff, held: Edition, sheet: str, *, problems: list[str], **more: Any
) -> HttpResponse:
    refused = bool(problems) and request.method == "POST"
    if not held.published_at and not problems:
        problems = _tried(lambda: actions.check(held.sheets, number=held.number))
    old = _before(held)
    wrong: dict[int, list[str]] = {}
    # The rows of a file that was not taken are not those of the table: they are told by their number.
    for problem in () if refused else problems:
        if isinstance(problem, book.Problem) and problem.sheet == sheet and problem.line:
            wrong.setdefault(problem.line, []).append(problem.words)
    changed = actions.differences(old.sheets, held.sheets) if old else []
    touched = {change.key: change.before is None for change in changed if change.sheet == sheet and change.after}
    wanted = sought(request, 60).lower()
    only = request.GET.get("only", "") if request.GET.get("only") in ("changed", "wrong") else ""
    names = _names(held)
    rows = []
    for line, row in enumerate(held.sheets.get(sheet, []), 2):
        key = actions.key_of(sheet, row)
        if wanted and not any(wanted in str(v).lower() for v in [*row.values(), *_said(sheet, row, names)]):
            continue
        if (only == "changed" and key not in touched) or (only == "wrong" and line not in wrong):
            continue
        rows.append(
            {
                "cells": [(c, row.get(c, ""), names.get((c, row.get(c, "")), "")) for c in SHORT[sheet]],
                "line": line,
                "url": f"{reverse('desk:row', args=[held.number, sheet])}?{urlencode({'key': key})}",
                "wrong": wrong.get(line, ()),
                "new": touched.get(key) is True,
                "changed": key in touched,
            }
        )
    loose = [p for p in problems if refused or not (isinstance(p, book.Problem) and p.line)]
    return draw(
        request, staff, "edition", "catalogue", 422 if refused else 200, edition=held, sheet=sheet,
        sheet_words=forms.SHEET_WORDS[sheet], columns=[forms.COLUMN_WORDS[c] for c in SHORT[sheet]],
        rows=rows[:SHOWN_ROWS], count=len(rows), shown=len(rows[:SHOWN_ROWS]), wanted=wanted, only=only,
        problems=len(problems), loose=loose[:50], sheets=_tabs(held, problems, sheet), base=old, changed=len(changed),
        may_publish=rights.may(staff, "catalogue.publish"), own=held.made_by_id == staff.pk,
        draft=not held.published_at,
        **more,
    )  # fmt: skip


def _names(held: Edition) -> dict[tuple[str, str], str]:
    """What the codes in cells mean, by column and code."""
    found: dict[tuple[str, str], str] = {}
    for row in held.sheets.get("categories", []):
        name = local({code: row.get(f"name_{code}", "") for code in ("ar", "en", "zh")})
        for column in ("category", "parent"):
            found[column, row.get("code", "")] = name
    for unit in organisation.units().values():
        found["lead", unit.code] = found["assist", unit.code] = str(unit)
    for code, area in organisation.areas()[1].items():
        found["area", code] = str(area)
    found |= {("kind", str(code)): str(words) for code, words in Kind.choices}
    found |= {("urgency", str(code)): str(words) for code, words in Urgency.choices}
    return found


def _said(sheet: str, row: Row, names: Mapping[tuple[str, str], str]) -> list[str]:
    return [names.get((c, row.get(c, "")), "") for c in book.COLUMNS[sheet]]


# --- one row ---


@desk(right="catalogue.edit", methods=FORM)
def row(request: HttpRequest, staff: Staff, number: int, sheet: str) -> HttpResponse:
    """One row of a sheet in a form; of a published edition only to read."""
    held = _edition(number)
    _sheet(sheet)
    key = request.GET.get("key")
    stood = next((r for r in held.sheets.get(sheet, []) if actions.key_of(sheet, r) == key), None)
    if key is not None and stood is None:
        raise Http404
    back = f"{reverse('desk:edition', args=[number])}?sheet={sheet}"
    do = request.POST.get("do", "")
    form = forms.RowForm(
        request.POST if do == "save" else None, sheet=sheet, row=stood or {}, choices=_choices(held, staff)
    )
    if do == "drop" and key is not None:
        if not (wrong := _tried(lambda: actions.drop_row(held, by=staff, sheet=sheet, key=key))):
            messages.success(request, _("The row is out of the draft."))
            return redirect(back)
        messages.error(request, wrong[0])
    elif do == "save" and form.is_valid():
        given = form.cleaned_data
        wrong = _tried(lambda: actions.save_row(held, by=staff, sheet=sheet, key=key, row=given))
        if not wrong:
            new = actions.key_of(sheet, {c: given[c].strip() for c in book.COLUMNS[sheet]})
            now_wrong = _of_row(held.number, sheet, new)
            if not now_wrong:
                messages.success(request, _("Saved in the draft."))
                return redirect(back)
            messages.error(request, " ".join(now_wrong))
            return redirect(f"{reverse('desk:row', args=[number, sheet])}?{urlencode({'key': new})}")
        form.add_error(None, wrong[0])
    old = _before(held)
    before = next((r for r in old.sheets.get(sheet, []) if actions.key_of(sheet, r) == key), None) if old else None
    return draw(
        request, staff, "row", "catalogue", 422 if form.errors else 200, edition=held, form=form, stood=stood,
        sheet_words=forms.SHEET_WORDS[sheet], key=key or "", back=back, draft=not held.published_at,
        wrong=_of_row(number, sheet, key) if key and not held.published_at else [],
        was=[
            (forms.COLUMN_WORDS[c], before.get(c, ""), stood.get(c, ""))
            for c in book.COLUMNS[sheet]
            if before.get(c, "") != stood.get(c, "")
        ]
        if before and stood
        else [],
    )  # fmt: skip


def _of_row(number: int, sheet: str, key: str) -> list[str]:
    """What is wrong with this row of a draft."""
    held = _edition(number)
    problems = _tried(lambda: actions.check(held.sheets, number=held.number))
    line = next((n for n, r in enumerate(held.sheets.get(sheet, []), 2) if actions.key_of(sheet, r) == key), 0)
    return [p.words for p in problems if isinstance(p, book.Problem) and (p.sheet, p.line) == (sheet, line)]


def _choices(held: Edition, staff: Staff) -> dict[str, list[tuple[str, str]]]:
    """Columns whose value is one of what there is."""
    any_ = ("*", _("any"))
    names = _names(held)
    categories = sorted(
        (
            (r.get("code", ""), names.get(("category", r.get("code", "")), ""))
            for r in held.sheets.get("categories", [])
        ),
        key=lambda pair: pair[1],
    )
    hours = [(c.code, str(c)) for c in Calendar.objects.order_by("code")]
    yes_no = [("", _("no")), ("yes", _("yes"))]
    return {
        "parent": [("", _("none: a subject of its own")), *categories],
        "category": [any_, *categories],
        "area": [any_, *sorted((code, str(area)) for code, area in organisation.areas()[1].items())],
        "hours": [any_, *hours, *((f"!{code}", _("outside: %(hours)s") % {"hours": name}) for code, name in hours)],
        "lead": [("", "—"), *choices_in_scope(staff)],
        "kind": [any_, *((str(c), str(w)) for c, w in Kind.choices)],
        "urgency": [("", "—"), any_, *((str(c), str(w)) for c, w in Urgency.choices)],
        "datatype": [(d, d) for d in book.DATATYPES],
        **dict.fromkeys(forms.YES_NO_COLUMNS, yes_no),
    }


# --- what would change ---


@desk(right="catalogue.edit")
def changes(request: HttpRequest, staff: Staff, number: int) -> HttpResponse:
    """A draft against what is in force: row by row, and over the requests of the last days."""
    held = _edition(number)
    old = _before(held)
    listed = actions.differences(old.sheets, held.sheets) if old else []
    text = request.GET.get("days", "")
    days = int(text) if text in {str(n) for n in DAYS} else 30
    found, problems = None, []
    if old is not None:
        try:
            new_book = actions.check(held.sheets, number=held.number)
            found = impact.between(book.read(old.sheets, number=old.number), new_book, days=days)
        except book.BadSheet as bad:
            problems = bad.problems
    names = _names(held)
    return draw(
        request, staff, "changes", "catalogue", edition=held, base=old, draft=not held.published_at,
        changes=[_told(change) for change in listed[:300]], changed=len(listed), problems=len(problems),
        sheets=_tabs(held, problems, ""), impact=found, days=days, all_days=DAYS,
        moved=[(a, b, n) for (a, b), n in found.moved.most_common(50)] if found else [],
        timed=[(names.get(("category", c), c), a, b, n) for (c, a, b), n in found.deadlines.most_common(50)]
        if found
        else [],
        homeless=[(c, n) for c, n in found.homeless.most_common(50)] if found else [],
    )  # fmt: skip


def _told(change: actions.Change) -> dict[str, Any]:
    before, after = change.before or {}, change.after or {}
    cells = [
        (forms.COLUMN_WORDS[c], before.get(c, ""), after.get(c, ""))
        for c in book.COLUMNS[change.sheet]
        if before.get(c, "") != after.get(c, "")
    ]
    return {
        "sheet": forms.SHEET_WORDS[change.sheet],
        "key": change.key,
        "new": change.before is None,
        "gone": change.after is None,
        "cells": cells,
    }


@desk(right="catalogue.edit")
def sheet_csv(request: HttpRequest, staff: Staff, number: int, sheet: str) -> HttpResponse:
    """One sheet of an edition as CSV (UTF-8 with its mark, so that Excel reads Arabic)."""
    held = _edition(number)
    _sheet(sheet)
    text = "\ufeff" + book.to_csv(sheet, held.sheets.get(sheet, []))
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{sheet}-{held.number}.csv"'
    return response
