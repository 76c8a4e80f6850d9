"""When staff are at the desk, taken from their signing in, their work and their signing out; nobody writes it by hand.

Only what a person does counts: parts of a page that fetch themselves do not. Whoever does nothing for `GAP` was there
until the last thing he did.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from wasl.core.organisation.models import Staff
from wasl.core.roster.models import Attendance
from wasl.kernel import clock

GAP = timedelta(minutes=30)
NOTED_EVERY = timedelta(minutes=3)
KEPT = timedelta(days=400)


def at_work(staff: Staff) -> None:
    """He does something now: his stretch goes on, or a new one begins."""
    now = clock.now()
    held = Attendance.objects.filter(staff=staff, ended_at__isnull=True).first()
    if held is not None and now - held.seen_at <= GAP:
        Attendance.objects.filter(pk=held.pk, seen_at__lt=now).update(seen_at=now)
        return
    try:
        with transaction.atomic():
            if held is not None:
                _end(held)
            Attendance.objects.create(staff=staff, began_at=now, seen_at=now)
    except IntegrityError:
        # Another browser of his began it in the same moment.
        return


def _end(held: Attendance) -> None:
    Attendance.objects.filter(pk=held.pk, ended_at__isnull=True).update(ended_at=held.seen_at)


def leaves(staff: Staff) -> None:
    """He signs out. Works he on in another browser, a new stretch begins with what he does there."""
    now = clock.now()
    for held in Attendance.objects.filter(staff=staff, ended_at__isnull=True):
        if now - held.seen_at <= GAP:
            held.seen_at = now
            held.save(update_fields=["seen_at"])
        _end(held)


def noted(request: HttpRequest, staff: Staff) -> None:
    """A page was opened or something was done: kept every few minutes."""
    now = int(clock.now().timestamp())
    if now - request.session.get("at_work", 0) >= NOTED_EVERY.total_seconds():
        request.session["at_work"] = now
        at_work(staff)


def listen() -> None:
    """Hear who signs in and out."""
    user_logged_in.connect(_signed_in, dispatch_uid="wasl.roster")
    user_logged_out.connect(_signed_out, dispatch_uid="wasl.roster")


def _signed_in(user: Any, **_: Any) -> None:
    if isinstance(user, Staff):
        at_work(user)


def _signed_out(user: Any, **_: Any) -> None:
    if isinstance(user, Staff):
        leaves(user)


def end_stale() -> int:
    """End the stretches of those who went without signing out; gives how many."""
    stale = list(Attendance.objects.filter(ended_at__isnull=True, seen_at__lt=clock.now() - GAP))
    for held in stale:
        _end(held)
    return len(stale)


def forget_old() -> int:
    """Stretches older than `KEPT` are nobody's business any more; gives how many went."""
    return Attendance.objects.filter(seen_at__lt=clock.now() - KEPT).delete()[0]
