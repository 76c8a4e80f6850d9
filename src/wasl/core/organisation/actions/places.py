"""Verbs on areas and working calendars."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import queries, rights
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.models import Area, Calendar, Staff
from wasl.kernel.geo import AreaIndex, AreaRefused
from wasl.kernel.names import LANGUAGES


def save_areas(data: object, *, by: Staff) -> tuple[int, int]:
    """Take in a GeoJSON FeatureCollection: areas by their `code`, new ones made, known ones changed; gives both counts.

    Each feature needs `code`, `name_en`, `name_ar` or `name_zh`; `kind` and `parent` (a code) may be given.
    Refused, naming the area, for a shape that makes none.
    """
    rights.require(by, "house.edit")
    features = data.get("features") if isinstance(data, dict) else None
    if not isinstance(features, list) or not features or len(features) > 2000:
        raise Refused(_("This is no GeoJSON FeatureCollection with areas."))
    rows: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
    for feature in features:
        facts = feature.get("properties") if isinstance(feature, dict) else None
        shape = feature.get("geometry") if isinstance(feature, dict) else None
        code = facts.get("code") if isinstance(facts, dict) else None
        if (
            not isinstance(facts, dict)
            or not isinstance(code, str)
            or not code.replace("-", "").replace("_", "").isalnum()
            or not isinstance(shape, dict)
        ):
            raise Refused(_("A feature has no code of letters, digits and dashes, or no shape."))
        rows.append((code[:50], facts, shape))
    if len({code for code, _facts, _shape in rows}) < len(rows):
        raise Refused(_("A code stands twice."))
    try:
        AreaIndex.from_geojson([(code, shape) for code, _facts, shape in rows])
    except AreaRefused as refused:
        raise Refused(str(refused)) from refused
    with transaction.atomic():
        counts = _write_areas(rows, by)
    queries.forget()
    return counts


def _write_areas(rows: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]], by: Staff) -> tuple[int, int]:
    known = {area.code: area for area in Area.objects.select_for_update()}
    made = changed = 0
    for code, facts, shape in rows:
        held = known.get(code)
        before = facts_of(held) if held else None
        new = held is None
        held = held or Area(code=code)
        held.names = names_of({language: str(facts.get(f"name_{language}") or "") for language in LANGUAGES})
        held.kind, held.geometry = str(facts.get("kind") or "wilayat")[:20], dict(shape)
        held.save(force_insert=new)
        known[code] = held
        made, changed = made + new, changed + (not new)
        note(by, "area.made" if new else "area.changed", held, before)
    for code, facts, _shape in rows:
        wanted = facts.get("parent")
        if wanted and wanted not in known:
            raise Refused(
                _("%(code)s lies in an area that does not exist: %(parent)s") % {"code": code, "parent": wanted}
            )
        known[code].parent = known[wanted] if wanted else None
        known[code].save(update_fields=["parent", "updated_at"])
    for code, _facts, _shape in rows:
        seen, area = {code}, known[code].parent
        while area is not None:
            if area.code in seen:
                raise Refused(_("%(code)s lies inside itself.") % {"code": code})
            seen.add(area.code)
            area = known[area.code].parent
    return made, changed


def save_calendar(
    calendar: Calendar | None, *, by: Staff, code: str, names: Mapping[str, str], timezone: str, country: str,
    weekly: Mapping[str, Any], ramadan_weekly: Mapping[str, Any], exceptions: Mapping[str, Any],
) -> Calendar:  # fmt: skip
    """Make or change a working calendar; due dates of open cases follow within minutes.

    Refused for one that makes none.
    """
    rights.require(by, "house.edit")
    with transaction.atomic():
        held = Calendar.objects.select_for_update().get(pk=calendar.pk) if calendar else Calendar()
        before = facts_of(held) if calendar else None
        if not code or Calendar.objects.filter(code=code).exclude(pk=held.pk).exists():
            raise Refused(_("There is a calendar with this code already."))
        held.code, held.names, held.timezone, held.country = code, names_of(names), timezone, country
        held.weekly, held.ramadan_weekly, held.exceptions = dict(weekly), dict(ramadan_weekly), dict(exceptions)
        check_calendar(held)
        held.save(force_insert=calendar is None)
        note(by, "calendar.changed" if calendar else "calendar.made", held, before)
    queries.forget()
    return held


def check_calendar(calendar: Calendar) -> None:
    """Raise Refused for hours, days, a zone or a country that do not make a calendar."""
    days = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
    if not set(calendar.weekly) <= days or not set(calendar.ramadan_weekly) <= days:
        raise Refused(_("Days are mon, tue, wed, thu, fri, sat and sun."))
    try:
        queries.as_value(calendar)
    except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise Refused(_("This does not make a calendar: %(why)s") % {"why": error}) from error
