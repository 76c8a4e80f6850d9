"""Views: saving, changing, sharing, removing and taking back; who sees which. Their pages are `lists.pages`.

A view is shared only by who holds the right `views.share`, and only within the scope of that right.
"""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.faces.desk.lists.filters import Filters
from wasl.faces.desk.lists.listings import LISTINGS, Listing
from wasl.faces.desk.lists.paging import Shape
from wasl.faces.desk.saved.models import LONGEST_QUERY, Layout, SavedView
from wasl.kernel import clock

ON_THE_RAIL = 12
MOST = 60
"""Views that one person keeps."""
TAKEN_BACK_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class Sharing:
    """With whom a view is shared: nobody, or a role (any where empty) in a unit (any where None)."""

    shared: bool = False
    role: str = ""
    unit: Unit | None = None


def query_of(listing: Listing, query: QueryDict, shape: Shape) -> str:
    """What is kept of an address: filters, columns and order, in a settled form, so that two can be compared."""
    return urlencode([*Filters.read(query).pairs(), ("cols", shape.codes), ("order", shape.order)])


def url_of(view: SavedView) -> str:
    """Where it opens; the address holds all of it, so that it can be handed on."""
    return f"{reverse('desk:list', args=[view.listing])}?{view.query}&view={view.pk}"


def seen_by(staff: Staff) -> QuerySet[SavedView]:
    """Views that this person may open: his own, and those shared with a post that he holds now."""
    known = [*LISTINGS]
    fits = Q(owner=staff)
    for post in rights.posts_of(staff):
        to_unit = Q(unit=None) | Q(unit__in=post.unit.chain if post.unit else [])
        fits |= Q(shared=True) & Q(role__in=["", post.role]) & to_unit
    return SavedView.objects.filter(fits, removed_at=None, listing__in=known).order_by("name", "pk")


def may_change(staff: Staff, view: SavedView) -> bool:
    """Only who made it."""
    return view.owner_id == staff.pk


def open_view(staff: Staff, query: QueryDict, listing: Listing) -> SavedView | None:
    """The view that an address of this list names, if this person may open it."""
    text = query.get("view", "")
    if not text.isdecimal() or len(text) > 18:
        return None
    return seen_by(staff).filter(pk=int(text), listing=listing.code).first()


def _may_share(staff: Staff, sharing: Sharing) -> None:
    if not sharing.shared:
        return
    scope = rights.scopes(staff, "views.share")
    unit = sharing.unit
    if scope.centre or (unit is not None and any(unit.path.startswith(path) for path in scope.unit_paths)):
        return
    raise rights.Forbidden(_("You may share views only within your own unit."))


def save(
    listing: Listing, *, by: Staff, name: str, query: str, sharing: Sharing, view: SavedView | None = None
) -> SavedView:
    """Keep a view, or change one's own. Raises Forbidden, and NotAllowed when he keeps too many."""
    if view is not None and not may_change(by, view):
        raise rights.Forbidden(_("Only who made a view changes it; save it as your own instead."))
    _may_share(by, sharing)
    if view is None and SavedView.objects.filter(owner=by, removed_at=None).count() >= MOST:
        raise NotAllowed(_("You keep %(most)s views already; remove one first.") % {"most": MOST})
    if len(query) > LONGEST_QUERY:
        raise NotAllowed(_("These are more filters than a view can keep; choose fewer."))
    held = view or SavedView(owner=by)
    held.name, held.listing, held.query, held.changed_at = name.strip(), listing.code, query, clock.now()
    held.shared = sharing.shared
    held.role, held.unit = (sharing.role, sharing.unit) if sharing.shared else ("", None)
    held.save()
    return held


def remove(view: SavedView, *, by: Staff) -> None:
    """Take a view away from everybody; for a day it can be taken back. Raises Forbidden."""
    if not may_change(by, view):
        raise rights.Forbidden(_("Only who made a view removes it."))
    now = clock.now()
    SavedView.objects.filter(owner=by, removed_at__lt=now - TAKEN_BACK_WITHIN).delete()
    SavedView.objects.filter(pk=view.pk).update(removed_at=now)


def take_back(pk: int, *, by: Staff) -> SavedView | None:
    """Undo a removal of one's own view; nothing where there is none to be taken back."""
    found = SavedView.objects.filter(pk=pk, owner=by, removed_at__gte=clock.now() - TAKEN_BACK_WITHIN).first()
    if found is not None:
        found.removed_at = None
        found.save(update_fields=["removed_at"])
    return found


def keep_layout(staff: Staff, listing: Listing, shape: Shape) -> None:
    """Remember how this person likes this list."""
    columns = [column.code for column in shape.columns]
    Layout.objects.update_or_create(
        staff=staff, listing=listing.code, defaults={"columns": columns, "order": shape.order}
    )


def forget_layout(staff: Staff, listing: Listing) -> None:
    """Show it as usual again."""
    Layout.objects.filter(staff=staff, listing=listing.code).delete()
