"""The administrator's verbs on units, staff, posts, areas, calendars and client systems. Each writes who changed what.

All raise Forbidden without the right, and Refused with a sentence where the organisation would not hold together.
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _

from wasl.core.organisation import queries, rights
from wasl.core.organisation.models import Area, Audit, Calendar, Client, Post, Staff, Unit
from wasl.kernel import clock
from wasl.kernel.geo import AreaIndex, AreaRefused
from wasl.kernel.names import LANGUAGES

LIVE_ORDERS = ("dispatched", "signed", "in_progress", "replied")


class Refused(Exception):
    """It cannot be done as asked; the sentence says why and what would go."""


def facts_of(row: models.Model) -> dict[str, Any]:
    """The columns of a row as JSON values, for the audit; never a password or a key."""
    hidden = {"password", "key_digest", "last_login", "updated_at", "geometry"}
    found = {f.attname: getattr(row, f.attname) for f in row._meta.local_concrete_fields if f.attname not in hidden}
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))
    return plain


def _note(by: Staff, verb: str, row: models.Model, before: Mapping[str, Any] | None) -> None:
    after = facts_of(row)
    if before is not None:
        changed = {k for k in after if before.get(k) != after[k]}
        before, after = {k: before.get(k) for k in changed}, {k: after[k] for k in changed}
        if not changed and verb.endswith(".changed"):
            return
    Audit.objects.create(
        at=clock.now(), by=by, verb=verb, kind=row._meta.model_name or "", row=row.pk, before=before or {}, after=after
    )


def _names(names: Mapping[str, str]) -> dict[str, str]:
    kept = {language: names.get(language, "").strip() for language in LANGUAGES}
    if not any(kept.values()):
        raise Refused(_("A name is needed in at least one language."))
    return kept


# --- units ---


@dataclass(frozen=True)
class UnitFacts:
    """What is said of a unit."""

    code: str
    kind: str
    names: Mapping[str, str]
    parent: Unit | None = None
    mail: str = ""
    phone: str = ""
    calendar: Calendar | None = None
    delivery: str = Unit.Delivery.LIST


def save_unit(facts: UnitFacts, *, by: Staff, unit: Unit | None = None) -> Unit:
    """Make a unit, or change one; a unit that moves takes all below it along. Refused for a ring in the tree."""
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        # Paths of a whole subtree change together: one tree, one writer.
        list(Unit.objects.select_for_update().order_by("pk").values_list("pk"))
        held = Unit.objects.get(pk=unit.pk) if unit else Unit()
        before = facts_of(held) if unit else None
        parent = Unit.objects.get(pk=facts.parent.pk) if facts.parent else None
        if unit and parent and parent.lies_under(held):
            raise Refused(_("A unit cannot lie below itself."))
        if not facts.code or Unit.objects.filter(code=facts.code).exclude(pk=held.pk).exists():
            raise Refused(_("There is a unit with this code already."))
        if parent is not None and not parent.active:
            raise Refused(_("%(unit)s is no longer active.") % {"unit": parent})
        old_path = held.path
        held.code, held.kind, held.parent, held.names = facts.code, facts.kind, parent, _names(facts.names)
        held.mail, held.phone, held.calendar, held.delivery = facts.mail, facts.phone, facts.calendar, facts.delivery
        held.path = held.path_below(parent)
        held.save(force_insert=unit is None)
        if unit and old_path != held.path:
            moved = Concat(Value(held.path), Substr("path", len(old_path) + 1))
            below = Unit.objects.filter(path__startswith=old_path).exclude(pk=held.pk)
            below.update(path=moved, updated_at=clock.now())
        _note(by, "unit.changed" if unit else "unit.made", held, before)
    queries.forget()
    return held


def set_unit_active(unit: Unit, *, by: Staff, active: bool) -> None:
    """Close a unit down or open it again. Refused while it has live orders, active units below it, or officers."""
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        held = Unit.objects.select_for_update().get(pk=unit.pk)
        before = facts_of(held)
        if not active:
            if held.orders.filter(state__in=LIVE_ORDERS).exists():
                raise Refused(_("Orders are still with this unit; they must be answered or sent elsewhere first."))
            if held.children.filter(active=True).exists():
                raise Refused(_("Units below it are still active."))
        elif held.parent is not None and not held.parent.active:
            raise Refused(_("The unit above it is not active."))
        held.active = active
        held.save()
        _note(by, "unit.changed", held, before)
    queries.forget()


# --- staff ---


def make_staff(
    *, by: Staff, username: str, names: Mapping[str, str], email: str = "", phone: str = "", language: str = "ar"
) -> Staff:
    """A new account without a password: its holder chooses one by the link that the administrator hands on."""
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        if not username or Staff.objects.filter(username__iexact=username).exists():
            raise Refused(_("There is somebody with this user name already."))
        made = Staff(username=username, names=_names(names), email=email, phone=phone, language=language)
        made.set_unusable_password()
        made.save(force_insert=True)
        _note(by, "staff.made", made, None)
    return made


def change_staff(staff: Staff, *, by: Staff, names: Mapping[str, str], email: str, phone: str, language: str) -> Staff:
    """Change what is said of a person; the user name stays."""
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        held = Staff.objects.select_for_update().get(pk=staff.pk)
        before = facts_of(held)
        held.names, held.email, held.phone, held.language = _names(names), email, phone, language
        held.save(update_fields=["names", "email", "phone", "language"])
        _note(by, "staff.changed", held, before)
    return held


def _somebody_administers(without_staff: int = 0, without_post: int = 0) -> bool:
    now = clock.now()
    posts = Post.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now), role=Post.Role.ADMINISTRATOR, since__lte=now, staff__is_active=True
    )
    return posts.exclude(staff=without_staff).exclude(pk=without_post).exists()


def set_staff_active(staff: Staff, *, by: Staff, active: bool) -> None:
    """Shut or reopen an account; open sessions end with it. Refused for oneself and for the last administrator."""
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        # Two administrators must not shut each other out at once.
        list(Post.objects.select_for_update().filter(role=Post.Role.ADMINISTRATOR).order_by("pk").values_list("pk"))
        held = Staff.objects.select_for_update().get(pk=staff.pk)
        if not active and held.pk == by.pk:
            raise Refused(_("Nobody shuts his own account."))
        if not active and not _somebody_administers(without_staff=held.pk):
            raise Refused(_("Somebody must remain who administers the system."))
        before = facts_of(held)
        held.is_active = active
        held.save(update_fields=["is_active"])
        _note(by, "staff.changed", held, before)


def give_post(
    staff: Staff,
    *,
    by: Staff,
    role: str,
    unit: Unit | None = None,
    area: Area | None = None,
    until: datetime | None = None,
) -> Post:
    """Give a person a role over a scope: a unit and all below it, an area, or (neither) the whole centre."""
    rights.require(by, "organisation.edit")
    if role not in Post.Role.values:
        raise Refused(_("There is no such role."))
    if unit is not None and area is not None:
        raise Refused(_("Choose a unit or an area, not both."))
    if role == Post.Role.OFFICER and unit is None:
        raise Refused(_("An officer needs a unit."))
    if role == Post.Role.ADMINISTRATOR and (unit is not None or area is not None):
        raise Refused(_("The administrator's post is over the whole centre."))
    now = clock.now()
    if until is not None and until <= now:
        raise Refused(_("A post must end in the future."))
    with transaction.atomic():
        made = Post(staff=staff, role=role, unit=unit, area=area, since=now, until=until)
        made.save(force_insert=True)
        _note(by, "post.given", made, None)
    return made


def end_post(post: Post, *, by: Staff) -> None:
    """End a post now. Refused for the last administrator's."""
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        list(Post.objects.select_for_update().filter(role=Post.Role.ADMINISTRATOR).order_by("pk").values_list("pk"))
        held = Post.objects.select_for_update().get(pk=post.pk)
        if held.role == Post.Role.ADMINISTRATOR and not _somebody_administers(without_post=held.pk):
            raise Refused(_("Somebody must remain who administers the system."))
        before = facts_of(held)
        held.until = clock.now()
        held.save(update_fields=["until"])
        _note(by, "post.ended", held, before)


# --- areas ---


def save_areas(data: object, *, by: Staff) -> tuple[int, int]:
    """Take in a GeoJSON FeatureCollection: areas by their `code`, new ones made, known ones changed; gives both counts.

    Each feature needs `code`, `name_en`, `name_ar` or `name_zh`; `kind` and `parent` (a code) may be given.
    Refused, naming the area, for a shape that makes none.
    """
    rights.require(by, "organisation.edit")
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
        held.names = _names({language: str(facts.get(f"name_{language}") or "") for language in LANGUAGES})
        held.kind, held.geometry = str(facts.get("kind") or "wilayat")[:20], dict(shape)
        held.save(force_insert=new)
        known[code] = held
        made, changed = made + new, changed + (not new)
        _note(by, "area.made" if new else "area.changed", held, before)
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


# --- calendars ---


def save_calendar(
    calendar: Calendar | None, *, by: Staff, code: str, names: Mapping[str, str], timezone: str, country: str,
    weekly: Mapping[str, Any], ramadan_weekly: Mapping[str, Any], exceptions: Mapping[str, Any],
) -> Calendar:  # fmt: skip
    """Make or change a working calendar; due dates of open cases follow within minutes.

    Refused for one that makes none.
    """
    rights.require(by, "organisation.edit")
    with transaction.atomic():
        held = Calendar.objects.select_for_update().get(pk=calendar.pk) if calendar else Calendar()
        before = facts_of(held) if calendar else None
        if not code or Calendar.objects.filter(code=code).exclude(pk=held.pk).exists():
            raise Refused(_("There is a calendar with this code already."))
        held.code, held.names, held.timezone, held.country = code, _names(names), timezone, country
        held.weekly, held.ramadan_weekly, held.exceptions = dict(weekly), dict(ramadan_weekly), dict(exceptions)
        check_calendar(held)
        held.save(force_insert=calendar is None)
        _note(by, "calendar.changed" if calendar else "calendar.made", held, before)
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


# --- client systems ---


def make_client(*, by: Staff, name: str, unit: Unit | None = None, trusted: bool = False) -> tuple[Client, str]:
    """Let another system in; gives it and its key, which is kept nowhere and shown only now."""
    rights.require(by, "clients.edit")
    key = secrets.token_urlsafe(24)
    with transaction.atomic():
        if not name.strip() or Client.objects.filter(name__iexact=name.strip()).exists():
            raise Refused(_("There is a system of this name already."))
        made = Client(name=name.strip(), key_digest=sha256(key.encode()).digest(), unit=unit, trusted=trusted)
        made.save(force_insert=True)
        _note(by, "client.made", made, None)
    return made, key


def set_client_active(client: Client, *, by: Staff, active: bool) -> None:
    """Take a system's key back, or let it count again."""
    rights.require(by, "clients.edit")
    with transaction.atomic():
        held = Client.objects.select_for_update().get(pk=client.pk)
        before = facts_of(held)
        held.active = active
        held.save(update_fields=["active"])
        _note(by, "client.changed", held, before)
