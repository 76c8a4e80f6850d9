"""Drafting and publishing editions of the rule book."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from wasl.core.catalogue import book, queries
from wasl.core.catalogue.models import Edition
from wasl.core.organisation import rights
from wasl.core.organisation.actions import audit
from wasl.core.organisation.models import Area, Calendar, Staff, Unit
from wasl.kernel import clock


class NotPublishable(Exception):
    """The draft may not be published; the sentence says why."""


@dataclass(frozen=True)
class Change:
    """What would be different in one row of a sheet; `before` or `after` is missing for a new or dropped row."""

    sheet: str
    key: str
    before: Mapping[str, str] | None
    after: Mapping[str, str] | None


KEYS = {
    "categories": ("code",),
    "questions": ("category", "code"),
    "values": ("category", "question", "key"),
    "dispatch": ("rule",),
    "deadlines": ("rule",),
    "reasons": ("list", "code"),
}


def check(sheets: book.Sheets, *, number: int) -> book.Book:
    """Read the sheets against the units, areas and calendars that exist. Raises BadSheet."""
    return book.read(
        sheets,
        number=number,
        units=Unit.objects.filter(active=True).values_list("code", flat=True),
        areas=Area.objects.values_list("code", flat=True),
        calendars=Calendar.objects.values_list("code", flat=True),
    )


def draft(*, by: Staff | None, note: str = "", sheets: book.Sheets | None = None) -> Edition:
    """A new draft, a copy of the newest published edition unless `sheets` are given. Raises Forbidden."""
    rights.require(by, "catalogue.edit")
    with transaction.atomic():
        newest = Edition.objects.select_for_update().order_by("-number").first()
        published = Edition.objects.filter(published_at__isnull=False).order_by("-effective_from", "-number").first()
        content = (
            sheets if sheets is not None else (published.sheets if published else {name: [] for name in book.COLUMNS})
        )
        made = Edition.objects.create(
            number=(newest.number if newest else 0) + 1,
            made_by=by,
            made_at=clock.now(),
            note=note,
            sheets={k: list(v) for k, v in content.items()},
        )
        if by is not None:
            audit.note(by, "edition.made", made, None)
        return made


def replace_sheet(edition: Edition, *, by: Staff, sheet: str, rows: Sequence[Mapping[str, str]]) -> None:
    """Put new rows into one sheet of a draft. Raises Forbidden, NotPublishable for a published edition, BadSheet."""
    rights.require(by, "catalogue.edit")
    with transaction.atomic():
        held = Edition.objects.select_for_update().get(pk=edition.pk)
        if held.published_at:
            raise NotPublishable(_("This edition is published and does not change any more. Make a new draft."))
        if sheet not in book.COLUMNS:
            raise book.BadSheet([f"there is no sheet {sheet}"])
        held.sheets = {**held.sheets, sheet: [dict(row) for row in rows]}
        held.made_by = by  # whoever changed it last does not publish it
        held.save(update_fields=["sheets", "made_by"])
        audit.note(by, "edition.changed", held, audit.facts_of(held), sheet=sheet)


def save_row(edition: Edition, *, by: Staff, sheet: str, key: str | None, row: Mapping[str, str]) -> None:
    """Put one row in the place of the one with this key (`key_of`), or behind the last one for a new key (`None`).

    Raises Forbidden, NotPublishable, BadSheet for a key that stands there already or is gone.
    """
    rows = [dict(one) for one in edition.sheets.get(sheet, [])]
    new = {column: row.get(column, "").strip() for column in book.COLUMNS[sheet]}
    at = next((n for n, one in enumerate(rows) if key_of(sheet, one) == key), None)
    if key is not None and at is None:
        raise book.BadSheet([_("Somebody else has changed or dropped this row; look at the sheet again.")])
    if any(key_of(sheet, one) == key_of(sheet, new) for n, one in enumerate(rows) if n != at):
        raise book.BadSheet([_("There is a row with this key already: %(key)s") % {"key": key_of(sheet, new)}])
    rows = [*rows, new] if at is None else [*rows[:at], new, *rows[at + 1 :]]
    replace_sheet(edition, by=by, sheet=sheet, rows=rows)


def drop_row(edition: Edition, *, by: Staff, sheet: str, key: str) -> None:
    """Take a row out of a draft. Raises Forbidden, NotPublishable."""
    rows = [one for one in edition.sheets.get(sheet, []) if key_of(sheet, one) != key]
    replace_sheet(edition, by=by, sheet=sheet, rows=rows)


def key_of(sheet: str, row: Mapping[str, str]) -> str:
    """What tells a row of a sheet from the others."""
    return "/".join(row.get(column, "") for column in KEYS[sheet])


def differences(old: book.Sheets, new: book.Sheets) -> list[Change]:
    """What would change between two editions, row by row."""
    changes = []
    for sheet in KEYS:
        before = {key_of(sheet, row): row for row in old.get(sheet, ())}
        after = {key_of(sheet, row): row for row in new.get(sheet, ())}
        for name in [*before, *(k for k in after if k not in before)]:
            if before.get(name) != after.get(name):
                changes.append(Change(sheet, name, before.get(name), after.get(name)))
    return changes


def publish(edition: Edition, *, by: Staff | None, effective_from: datetime | None = None) -> Edition:
    """Put a draft in force from `effective_from` (default: now).

    The one who made the draft may publish it only where he is the only administrator (four eyes, P1).
    Raises Forbidden, BadSheet, NotPublishable.
    """
    rights.require(by, "catalogue.publish")
    now = clock.now()
    with transaction.atomic():
        held = Edition.objects.select_for_update().get(pk=edition.pk)
        if held.published_at:
            raise NotPublishable(_("This edition is already published."))
        start = effective_from or now
        if start < now:
            raise NotPublishable(_("An edition cannot take effect in the past."))
        if by is not None and held.made_by_id == by.pk and rights.holders("catalogue.publish") > 1:
            raise NotPublishable(_("Somebody else than the author must publish this draft."))
        check(held.sheets, number=held.number)
        latest = Edition.objects.filter(published_at__isnull=False).aggregate(latest=Max("effective_from"))["latest"]
        if latest and latest > start:
            raise NotPublishable(_("A later edition is already published; give a date after it."))
        before = audit.facts_of(held)
        held.published_at, held.published_by, held.effective_from = now, by, start
        held.save(update_fields=["published_at", "published_by", "effective_from"])
        if by is not None:
            audit.note(by, "edition.published", held, before)
    queries.forget()
    return held
