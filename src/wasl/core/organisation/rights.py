"""What each role may do, and over what: the one table of rights, and the questions asked of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from wasl.core.organisation import queries
from wasl.core.organisation.models import Area, Post, Proposal, Staff, Unit
from wasl.kernel import clock


class Forbidden(Exception):
    """This person may not do this. The sentence is for people."""


_CENTRE = {
    "case.received", "case.registered", "case.answered", "case.refused", "case.asked", "case.joined", "case.unjoined",
    "case.dispatched", "case.reclassified", "case.linked", "case.part_opened", "case.added", "case.noted",
    "case.flagged", "case.taken_over", "case.told", "case.contact_attempted", "case.interim_replied", "case.resumed",
    "case.pin_renewed", "case.published", "case.analysed", "case.inquiry_answered",
    "case.confirmed", "case.contested", "case.rated",  # as the citizen says by telephone
    "identity.read", "person.edit", "case.printed", "phone.answer", "mailbox.work",
}  # fmt: skip
_UNIT = {
    "order.signed", "order.started", "order.contacted", "order.visited", "order.returned", "order.objected",
    "order.extension_asked", "order.sub_dispatched", "order.replied", "order.pause_asked", "case.resumed",
    "case.interim_replied", "case.noted", "case.identity_asked", "case.escalated", "case.added", "case.analysed",
    "case.inquiry_answered", "case.printed",
    "phone.answer",  # as an expert who is asked
}  # fmt: skip

# role -> verbs. A verb that is not here is nobody's. Scope is checked apart: see `visible_to` of each model.
RIGHTS: dict[str, frozenset[str]] = {
    "agent": frozenset(_CENTRE - {"case.told", "case.published"}),
    "dispatcher": frozenset(
        _CENTRE | {"case.arbitrated", "case.redone", "case.escalated", "order.withdrawn", "problem.edit"}
    ),
    "officer": frozenset(_UNIT | {"views.share", "campaigns.edit"}),
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
            "person.sensitive",
            "problem.edit",
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
            "person.sensitive",
            "problem.edit",
            "messages.read",
            "person.forget",
            "roster.edit",
            "cases.extract",
            "views.share",
            "sms.read",
            "sms.steer",
            "sms.identity",
            "campaigns.edit",
            "phone.supervise",
            "articles.edit",
            "phone.listen",
            "quality.score",
        }
    ),
    "leader": frozenset({"cases.extract", "case.printed", "case.noted", "case.identity_asked", "case.inquired"}),
    "administrator": frozenset(
        {
            "catalogue.edit",
            "catalogue.publish",
            "organisation.edit",
            "roster.edit",
            "house.edit",
            "messages.read",
            "templates.edit",
            "person.forget",
            "retention.run",
            "clients.edit",
            "sms.read",
            "sms.steer",
            "sms.edit",
            "campaigns.edit",
            "enquiries.edit",
            "phone.edit",
            "quality.edit",
            "articles.edit",
        }
    ),
}

# What is left of a role when its post is over a unit or an area: catalogue, clients, keys, retention stay central (R7).
BELOW: dict[str, frozenset[str]] = {"administrator": frozenset({"organisation.edit", "roster.edit"})}
# Roles that an administrator of a unit may give below it; all others look after the whole centre.
GIVEN_BELOW = frozenset({"officer", "leader", "administrator"})


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
        if verb is not None and verb not in _of(post):
            continue
        if roles is not None and post.role not in roles:
            continue
        found.add(post.role)
        if post.unit is not None:
            paths.add(post.unit.path)
        elif post.area is not None:
            areas |= queries.with_inner([post.area])
        else:
            centre = True
    return Scopes(centre, frozenset(paths), frozenset(areas), frozenset(found))


def _of(post: Post) -> frozenset[str]:
    scoped = post.unit_id is not None or post.area_id is not None
    return BELOW.get(post.role, RIGHTS[post.role]) if scoped else RIGHTS[post.role]


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


# --- over units and accounts: the administrator of a unit (R7) ---


def covers(staff: Staff, unit: Unit | None, *, below: bool = False) -> bool:
    """Whether this administrator's scope has the unit (`None`: the whole centre); `below`: only what lies under it."""
    scope = scopes(staff, "organisation.edit")
    if scope.centre:
        return True
    return unit is not None and any(
        unit.path.startswith(path) and not (below and unit.path == path) for path in scope.unit_paths
    )


def require_over(staff: Staff, unit: Unit | None, *, below: bool = False) -> None:
    """Raise Forbidden unless `covers`."""
    if not covers(staff, unit, below=below):
        raise Forbidden(_("This lies outside the units that you administer."))


def may_give(by: Staff, role: str, unit: Unit | None, area: Area | None = None) -> bool:
    """Whether this administrator may give or end such a post: his own scope at the most, no role over the centre."""
    if scopes(by, "organisation.edit").centre:
        return True
    administers = role == Post.Role.ADMINISTRATOR
    return area is None and unit is not None and role in GIVEN_BELOW and covers(by, unit, below=administers)


def keeps(by: Staff, other: Staff) -> bool:
    """Whether this administrator keeps the account: everything that its holder is lies within his scope.

    So nobody comes by a right of somebody who works beyond it.
    """
    scope = scopes(by, "organisation.edit")
    if scope.centre:
        return True
    posts = current_posts().filter(staff=other).select_related("unit")
    asked = Proposal.objects.filter(staff=other, agreed__isnull=True, kind=Proposal.Kind.POST).select_related("unit")
    held = [(post.role, post.unit) for post in posts] + [(one.role, one.unit) for one in asked]
    home = [("", other.unit)] if other.unit is not None else []
    return bool(home or held) and all(
        covers(by, unit, below=role == Post.Role.ADMINISTRATOR) for role, unit in [*home, *held]
    )


def current_posts() -> QuerySet[Post]:
    """Posts that count now or will, of anybody."""
    return Post.objects.filter(Q(until__isnull=True) | Q(until__gt=clock.now()))


def administrates(staff: Staff) -> bool:
    """Whether somebody holds an administrator's post over anything."""
    return current_posts().filter(staff=staff, role=Post.Role.ADMINISTRATOR).exists()


def first_setup(by: Staff) -> bool:
    """Whether this administrator of the centre is still alone: nobody else ever was one.

    Only then what he gives counts at once; from the second administrator on it takes two for ever, so that nobody gets
    rid of the other pair of eyes by shutting it. Source: requirement P1.
    """
    centre = Post.objects.filter(role=Post.Role.ADMINISTRATOR, unit__isnull=True, area__isnull=True)
    return scopes(by, "organisation.edit").centre and not centre.exclude(staff=by).exists()


def holders(verb: str) -> int:
    """How many people have the right now."""
    roles = [role for role, verbs in RIGHTS.items() if verb in verbs]
    now = clock.now()
    posts = Post.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now), role__in=roles, since__lte=now, staff__is_active=True
    )
    return len({post.staff_id for post in posts if verb in _of(post)})
