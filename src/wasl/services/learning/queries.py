"""Reads of learning: one's own tours, and who of the staff has taken his."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q

from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.kernel import clock
from wasl.services.learning.models import Tour

READERS = frozenset({"supervisor", "administrator"})


@dataclass(frozen=True, slots=True)
class Learner:
    """One post's role of one person, and the latest that is known of its tour (None: never met)."""

    staff: Staff
    role: str
    label: str
    tour: Tour | None


def of(staff: Staff) -> dict[str, Tour]:
    """This person's tours by role; of each the latest edition."""
    return {tour.role: tour for tour in Tour.objects.filter(staff=staff).order_by("edition")}


def learners(by: Staff) -> list[Learner]:
    """Everybody with a post within the scope of this supervisor or administrator, whoever has taken least first."""
    now = clock.now()
    scope = rights.scopes(by, roles=READERS)
    posts = Post.objects.filter(Q(until__isnull=True) | Q(until__gt=now), since__lte=now, staff__is_active=True)
    if not scope.centre:
        within = Q(area__in=scope.areas)
        for path in scope.unit_paths:
            within |= Q(unit__path__startswith=path)
        posts = posts.filter(within)
    held = {(post.staff_id, post.role): post for post in posts.select_related("staff").order_by("pk")}
    tours: Mapping[tuple[int, str], Tour] = {
        (tour.staff_id, tour.role): tour
        for tour in Tour.objects.filter(staff__in={pk for pk, _role in held}).order_by("edition")
    }
    rank = {None: 0, Tour.State.OFFERED: 1, Tour.State.LEFT: 2, Tour.State.DONE: 3}
    found = [
        Learner(post.staff, role, str(post.get_role_display()), tours.get((pk, role)))
        for (pk, role), post in held.items()
    ]
    return sorted(found, key=lambda one: (rank[Tour.State(one.tour.state) if one.tour else None], str(one.staff)))
