"""Verbs on the tree of units. The orders of a unit that is merged are moved by `core.cases.handover`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max, Value
from django.db.models.functions import Concat, Substr
from django.utils.translation import gettext as _

from wasl.core.organisation import queries, rights
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.actions.posts import end_post, give_post
from wasl.core.organisation.models import Calendar, Client, Staff, Unit
from wasl.kernel import clock

LIVE_ORDERS = ("dispatched", "signed", "in_progress", "replied")


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


def _lock_tree() -> None:
    # Paths of a whole subtree change together: one tree, one writer.
    list(Unit.objects.select_for_update().order_by("pk").values_list("pk"))


def save_unit(facts: UnitFacts, *, by: Staff, unit: Unit | None = None) -> Unit:
    """Make a unit, or change one; a unit that moves takes all below it along. Refused for a ring in the tree.

    An administrator of a unit makes and moves units below his own; of his own he changes how it is reached.
    """
    with transaction.atomic():
        _lock_tree()
        held = Unit.objects.get(pk=unit.pk) if unit else Unit()
        before = facts_of(held) if unit else None
        parent = Unit.objects.get(pk=facts.parent.pk) if facts.parent else None
        stays = unit is not None and held.parent_id == (parent.pk if parent else None)
        if unit is not None:
            rights.require_over(by, held)
        if not stays:
            if unit is not None:
                rights.require_over(by, held, below=True)
            rights.require_over(by, parent)
        if Unit.Kind.CENTRE in (facts.kind, held.kind):
            rights.require(by, "organisation.edit")
        if parent and unit and parent.lies_under(held):
            raise Refused(_("A unit cannot lie below itself."))
        if not facts.code or Unit.objects.filter(code=facts.code).exclude(pk=held.pk).exists():
            raise Refused(_("There is a unit with this code already."))
        if parent is not None and not parent.active:
            raise Refused(_("%(unit)s is no longer active.") % {"unit": parent})
        old_path = held.path
        held.code, held.kind, held.names = facts.code, facts.kind, names_of(facts.names)
        held.mail, held.phone, held.calendar, held.delivery = facts.mail, facts.phone, facts.calendar, facts.delivery
        if not stays:
            held.place = _last_place(parent)
        held.parent = parent
        held.path = held.path_below(parent)
        held.save(force_insert=unit is None)
        _move_all_below(held, old_path)
        note(by, "unit.changed" if unit else "unit.made", held, before)
    queries.forget()
    return held


def _last_place(parent: Unit | None) -> int:
    last: int | None = Unit.objects.filter(parent=parent).aggregate(last=Max("place"))["last"]
    return (last or 0) + 1


def _move_all_below(held: Unit, old_path: str) -> None:
    if old_path and old_path != held.path:
        moved = Concat(Value(held.path), Substr("path", len(old_path) + 1))
        below = Unit.objects.filter(path__startswith=old_path).exclude(pk=held.pk)
        below.update(path=moved, updated_at=clock.now())


def move_unit(unit: Unit, *, by: Staff, parent: Unit | None, before: Unit | None = None) -> None:
    """Put a unit below another (`None`: at the top), ahead of `before`, else last. It takes all below it along."""
    with transaction.atomic():
        _lock_tree()
        held = Unit.objects.get(pk=unit.pk)
        above = Unit.objects.get(pk=parent.pk) if parent else None
        rights.require_over(by, held, below=True)
        rights.require_over(by, above)
        if above and above.lies_under(held):
            raise Refused(_("A unit cannot lie below itself."))
        if above is not None and not above.active and held.active:
            raise Refused(_("%(unit)s is no longer active.") % {"unit": above})
        old = facts_of(held)
        old_path = held.path
        others = [u for u in Unit.objects.filter(parent=above).order_by("place", "pk") if u.pk != held.pk]
        at = next((n for n, u in enumerate(others) if before is not None and u.pk == before.pk), len(others))
        for place, one in enumerate([*others[:at], held, *others[at:]], 1):
            if one.place != place:
                Unit.objects.filter(pk=one.pk).update(place=place, updated_at=clock.now())
        held = Unit.objects.get(pk=unit.pk)
        held.parent, held.path = above, held.path_below(above)
        held.save(update_fields=["parent", "path", "updated_at"])
        _move_all_below(held, old_path)
        note(by, "unit.changed", held, old)
    queries.forget()


def set_unit_active(unit: Unit, *, by: Staff, active: bool) -> None:
    """Close a unit down or open it again. Refused while it has live orders, active units below it, or officers."""
    with transaction.atomic():
        held = Unit.objects.select_for_update().get(pk=unit.pk)
        rights.require_over(by, held, below=True)
        before = facts_of(held)
        if not active:
            if held.orders.filter(state__in=LIVE_ORDERS).exists():
                raise Refused(
                    _("Orders are still with this unit; they must be answered, or the unit merged into another, first.")
                )
            if held.children.filter(active=True).exists():
                raise Refused(_("Units below it are still active."))
        elif held.parent is not None and not held.parent.active:
            raise Refused(_("The unit above it is not active."))
        held.active = active
        if active:
            held.merged_into = None
        held.save()
        note(by, "unit.changed", held, before)
    queries.forget()


def merge_unit(
    unit: Unit, *, into: Unit, by: Staff, move_orders: Callable[[Unit, Unit, Staff], object] | None = None
) -> None:
    """Close a unit and let another have all that was its own: units below it, posts, accounts, systems, live orders.

    The posts end; the same ones over the other unit are given anew, which takes two pairs of eyes as ever. Rules that
    still name the unit lead to the other. `move_orders` is called inside; live orders without it are refused.
    """
    with transaction.atomic():
        _lock_tree()
        gone, goal = Unit.objects.get(pk=unit.pk), Unit.objects.get(pk=into.pk)
        rights.require_over(by, gone, below=True)
        rights.require_over(by, goal)
        if gone.pk == goal.pk or goal.lies_under(gone):
            raise Refused(_("Choose a unit that is not the same and does not lie below it."))
        if gone.kind == Unit.Kind.CENTRE:
            raise Refused(_("The contact centre itself is not merged."))
        if not goal.active or not gone.active:
            raise Refused(_("%(unit)s is no longer active.") % {"unit": gone if goal.active else goal})
        old = facts_of(gone)
        for child in gone.children.order_by("place", "pk"):
            move_unit(child, by=by, parent=goal)
        posts = list(rights.current_posts().filter(unit=gone).select_related("staff", "unit"))
        for post in posts:
            if post.staff.is_active:
                give_post(post.staff, by=by, role=post.role, unit=goal, until=post.until)
            end_post(post, by=by)
        Client.objects.filter(unit=gone).update(unit=goal)
        Staff.objects.filter(unit=gone).update(unit=goal)
        if move_orders is not None:
            move_orders(gone, goal, by)
        if gone.orders.filter(state__in=LIVE_ORDERS).exists():
            raise Refused(
                _("Orders are still with this unit; they must be answered, or the unit merged into another, first.")
            )
        gone = Unit.objects.get(pk=gone.pk)
        gone.active, gone.merged_into = False, goal
        gone.save()
        note(by, "unit.merged", gone, old)
    queries.forget()
