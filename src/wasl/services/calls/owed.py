"""Callers whom we owe a call: kept the moment that is known, and worked on until somebody has called them back."""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.services.calls.actions import number_of
from wasl.services.calls.models import Call, Leg, Owed, Waiting
from wasl.services.calls.voicemail import RIGHT


def of_fallen(began: datetime) -> int:
    """Keep who was talking or waiting in an Asterisk before the one that began then; how many. Safe to run twice.

    Who was in the menu is not among them, nor who is called back by itself: he keeps his place.
    """
    calls = Call.objects.filter(ended_at__isnull=True, arrived_at__lt=began).prefetch_related("waits", "legs")
    found = [Owed(call=one, why=why, at=clock.now()) for one in calls if (why := _why(one, began))]
    return len(Owed.objects.bulk_create(found, ignore_conflicts=True))


def _why(call: Call, began: datetime) -> str:
    waits = list(call.waits.all())
    if any(one.callback for one in waits):
        # A leg of the Asterisk that runs has fallen with none.
        on = (leg for leg in call.legs.all() if leg.answered_at and not leg.ended_at and leg.dialled_at < began)
        return Owed.Why.TALKING if any(leg.kind == Leg.Kind.CITIZEN for leg in on) else ""
    if any(one.state in (Waiting.State.WAITING, Waiting.State.OFFERED) for one in waits):
        return Owed.Why.WAITING
    return Owed.Why.TALKING if call.answered_at else ""


def open_ones() -> QuerySet[Owed]:
    """Whom nobody has called back yet."""
    return Owed.objects.filter(done_at=None)


def waiting() -> QuerySet[Owed]:
    """The same with all that is shown of them, the longest ago first. `again`: he has spoken with somebody since."""
    later = Call.objects.filter(
        look_up=OuterRef("call__look_up"), arrived_at__gt=OuterRef("at"), answered_at__isnull=False
    )
    return _rows().filter(done_at=None).annotate(again=Exists(later)).order_by("at", "pk")


def done() -> QuerySet[Owed]:
    """Those that were done, the latest first."""
    return _rows().filter(done_at__isnull=False).order_by("-done_at")


def _rows() -> QuerySet[Owed]:
    return Owed.objects.select_related("call__line", "call__agent", "done_by")


def see_number(row: Owed, *, by: Staff) -> str:
    """Whom to call back; each look is in the audit. Raises Forbidden."""
    rights.require(by, RIGHT)
    note(by, "owed.number_seen", row, None)
    return number_of(row.call)


def finish(row: Owed, *, by: Staff, outcome: str) -> None:
    """Nothing more is to be done. Raises Forbidden; NotAllowed when somebody has done it, or for no such outcome."""
    rights.require(by, RIGHT)
    if outcome not in Owed.Outcome.values:
        raise NotAllowed(_("Choose what came of it."))
    with transaction.atomic():
        held = Owed.objects.select_for_update().get(pk=row.pk)
        if held.done_at is not None:
            raise NotAllowed(_("Somebody has done this already."))
        held.outcome, held.done_at, held.done_by = outcome, clock.now(), by
        held.save()
        note(by, "owed.done", held, None)
