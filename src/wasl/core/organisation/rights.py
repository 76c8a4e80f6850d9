"""What each role may do, and over what: the one table of rights, and the questions asked of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils.translation import gettext as _

from wasl.core.organisation.models import Area, Post, Staff
from wasl.kernel import clock


class Forbidden(Exception):
    """This person may not do this. The sentence is for people."""


_CENTRE = {
    "case.received", "case.registered", "case.answered", "case.refused", "case.asked", "case.joined", "case.unjoined",
    "case.dispatched", "case.reclassified", "case.linked", "case.part_opened", "case.added", "case.noted",
    "case.flagged", "case.taken_over", "case.told", "case.contact_attempted", "case.interim_replied", "case.resumed",
    "case.pin_renewed", "case.published",
    "case.confirmed", "case.contested", "case.rated",  # as the citizen says by telephone
    "identity.read", "person.edit",
}  # fmt: skip
_UNIT = {
    "order.signed", "order.started", "order.contacted", "order.visited", "order.returned", "order.objected",
    "order.extension_asked", "order.sub_dispatched", "order.replied", "order.pause_asked", "case.resumed",
    "case.interim_replied", "case.noted", "case.identity_asked", "case.escalated", "case.added",
}  # fmt: skip

# role -> verbs. A verb that is not here is nobody's. Scope is checked apart: see `visible_to` of each model.
RIGHTS: dict[str, frozenset[str]] = {
    "agent": frozenset(_CENTRE - {"case.told", "case.published"}),
    "dispatcher": frozenset(_CENTRE | {"case.arbitrated", "case.redone", "case.escalated", "order.withdrawn"}),
    "officer": frozenset(_UNIT),
    "second_line": frozenset(
        _CENTRE
        | {
            "case.reviewed",
            "case.redone",
            "case.closed",
            "case.reopened",
            "case.escalated",
            "case.suspended",
            "order.pause_denied",
            "person.merge",
            "case.requester_set",
        }
    ),
    "supervisor": frozenset(
        _CENTRE
        | {
            "case.arbitrated",
            "case.redone",
            "case.reviewed",
            "case.closed",
            "case.reopened",
            "case.escalated",
            "case.suspended",
            "order.pause_denied",
            "order.extension_granted",
            "order.extension_denied",
            "order.withdrawn",
            "case.identity_asked",
            "person.merge",
            "case.requester_set",
            "messages.read",
            "person.forget",
        }
    ),
    "leader": frozenset({"case.noted", "case.identity_asked"}),
    "administrator": frozenset(
        {
            "catalogue.edit",
            "catalogue.publish",
            "organisation.edit",
            "messages.read",
            "templates.edit",
            "person.forget",
            "retention.run",
            "clients.edit",
        }
    ),
}


@dataclass(frozen=True)
class Scopes:
    """Where a person may use a right: everywhere, in subtrees of units, in areas."""

    centre: bool = False
    unit_paths: frozenset[str] = frozenset()
    areas: frozenset[int] = frozenset()
    roles: frozenset[str] = field(default=frozenset())

    def __bool__(self) -> bool:
        return self.centre or bool(self.unit_paths) or bool(self.areas)


def posts_of(staff: Staff) -> list[Post]:
    """The posts that the person holds now; remembered on the object for the length of a request."""
    held: list[Post] | None = getattr(staff, "_posts", None)
    if held is None:
        now = clock.now()
        held = list(
            Post.objects.filter(Q(until__isnull=True) | Q(until__gt=now), staff=staff, since__lte=now).select_related(
                "unit", "area"
            )
        )
        staff._posts = held  # type: ignore[attr-defined]  # a memo, dropped with the object
    return held if staff.is_active else []


def roles_of(staff: Staff) -> set[str]:
    """Roles of the posts held now."""
    return {post.role for post in posts_of(staff)}


def scopes(staff: Staff, verb: str | None = None, roles: Iterable[str] | None = None) -> Scopes:
    """Where `staff` may use `verb` (or holds one of `roles`; or any post at all)."""
    centre, paths, areas, found = False, set(), set(), set()
    for post in posts_of(staff):
        if verb is not None and verb not in RIGHTS[post.role]:
            continue
        if roles is not None and post.role not in roles:
            continue
        found.add(post.role)
        if post.unit is not None:
            paths.add(post.unit.path)
        elif post.area is not None:
            areas.update(_with_inner(post.area))
        else:
            centre = True
    return Scopes(centre, frozenset(paths), frozenset(areas), frozenset(found))


def _with_inner(area: Area) -> set[int]:
    found, edge = {area.pk}, {area.pk}
    while edge:
        edge = set(Area.objects.filter(parent__in=edge).values_list("pk", flat=True)) - found
        found |= edge
    return found


def may(staff: Staff | None, verb: str) -> bool:
    """Whether the person has the right anywhere.

    `None` is the system itself, which may do everything it is wired to.
    """
    return staff is None or bool(scopes(staff, verb))


def require(staff: Staff | None, verb: str) -> None:
    """Raise Forbidden unless the person has the right over the whole centre; for what belongs to no unit and no area.

    What is done to a case is checked with the case at hand, by `cases.queries.check_scope`.
    """
    if staff is not None and not scopes(staff, verb).centre:
        raise Forbidden(_("Your post does not include this."))


def holders(verb: str) -> int:
    """How many people have the right now."""
    roles = [role for role, verbs in RIGHTS.items() if verb in verbs]
    now = clock.now()
    posts = Post.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now), role__in=roles, since__lte=now, staff__is_active=True
    )
    return posts.values("staff").distinct().count()
