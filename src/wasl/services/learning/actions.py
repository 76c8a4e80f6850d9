"""Verbs of learning: a tour is offered, left or taken to its end."""

from django.db import transaction

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.services.learning.models import Tour


def offer(staff: Staff, role: str, *, edition: int) -> bool:
    """Note that the tour was offered; True the first time only, for whoever never met any edition of it."""
    if Tour.objects.filter(staff=staff, role=role).exists():
        return False
    made = Tour(staff=staff, role=role, edition=edition, at=clock.now())
    Tour.objects.bulk_create([made], ignore_conflicts=True)
    return True


def take(staff: Staff, role: str, *, edition: int, reached: int, steps: int) -> Tour:
    """Note how far this person came; to the last of `steps` is the end, which stands from then on.

    Raises Forbidden for a role that he does not hold, ValueError for a step that there is not.
    """
    if role not in rights.roles_of(staff):
        raise rights.Forbidden
    if not 0 < reached <= steps:
        raise ValueError(f"step {reached} of {steps}")
    with transaction.atomic():
        Tour.objects.bulk_create([Tour(staff=staff, role=role, edition=edition, at=clock.now())], ignore_conflicts=True)
        tour = Tour.objects.select_for_update().get(staff=staff, role=role, edition=edition)
        if tour.state != Tour.State.DONE:
            tour.state = Tour.State.DONE if reached == steps else Tour.State.LEFT
            tour.at, tour.reached = clock.now(), max(reached, tour.reached)
            tour.save(update_fields=["state", "at", "reached"])
    return tour
