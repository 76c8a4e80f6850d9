"""Calling somebody back because an agent wants to: his seat is rung, then the citizen, in the way of the line's own.

It is a call of its own, beside the one that it answers, so that what was counted of that one stays as it was.
"""

from datetime import timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, seal
from wasl.kernel.ids import new_id
from wasl.services.calls import actions, flows, news, panel, voicemail
from wasl.services.calls.line import back_channel
from wasl.services.calls.models import Call, Owed, Profile, Queue, Seat, VoiceMessage, Waiting
from wasl.services.calls.seats import Unfit

State = Waiting.State
LAPSES = timedelta(minutes=2)
"""Who is not rung within this, because his seat was taken meanwhile, has to ask again."""
_FIRST_OF_ALL = timedelta(days=2)


def may(call: Call | None, *, by: Staff) -> str:
    """Why this person cannot have this call's caller rung now; empty where he can."""
    if call is None or not call.number_sealed:
        return _("The caller hid his number.")
    if not actions.may_be_called(call):
        return _("This number is abroad, or costs more than a call: it is not rung from here.")
    if not Seat.objects.filter(staff=by, state=Seat.State.READY).exists():
        return _("Take your seat at the telephone and be ready first.")
    if Call.objects.filter(back_of=call, waits__state__in=[State.WAITING, State.OFFERED]).exists():
        return _("He is being called back already.")
    return ""


def order(call: Call, *, by: Staff) -> Call:
    """Ring this person's seat and then who called; the call that it will be. Once: nobody is rung again by itself.

    Raises Forbidden for a call that is neither his own nor, for who supervises, any; Unfit where `may` says why.
    """
    if not panel.visible_calls(by).filter(pk=call.pk).exists():
        raise rights.Forbidden(_("You are not on this call."))
    return _order(call, by)


def order_for_message(message: VoiceMessage, *, by: Staff) -> Call:
    """The same for who left a message, which this person works on from now. Raises Forbidden, NotAllowed, Unfit."""
    rights.require(by, voicemail.RIGHT)
    with transaction.atomic():
        voicemail.assign(message, by=by, to=by)
        if message.call is None:
            raise Unfit(_("The caller hid his number."))
        return _order(message.call, by)


def order_for_owed(row: Owed, *, by: Staff) -> Call:
    """The same for whom we owe a call. Raises Forbidden, Unfit."""
    rights.require(by, voicemail.RIGHT)
    return _order(row.call, by)


def _order(call: Call, by: Staff) -> Call:
    rights.require(by, "phone.answer")
    now = clock.now()
    with transaction.atomic():
        # Two who press at once: the second waits here, and is told.
        held = Call.objects.select_for_update(of=("self",)).select_related("flow", "line").get(pk=call.pk)
        seat = Seat.objects.select_for_update().filter(staff=by).first()
        if wrong := may(held, by=by):
            raise Unfit(wrong)
        queue = Queue.objects.filter(code__in=_queues(by)).order_by("pk").first()
        if seat is None or queue is None:
            raise Unfit(_("Your post at the telephone serves no queue."))
        waiting = new_id()
        made = Call(
            line=held.line, flow=held.flow or flows.in_force(held.line.flow if held.line else flows.MAIN),
            look_up=held.look_up, hint=held.hint, language=held.language, area_id=held.area_id,
            person_id=held.person_id, agent=by, back_of=held, arrived_at=now, ended_at=now,
            outcome=Call.Outcome.CALLBACK,
        )  # fmt: skip
        made.channel = back_channel(made.pk, waiting)
        made.number_sealed = seal.seal(actions.number_of(held), place=actions.number_place(made.pk))
        made.save(force_insert=True)
        others = Seat.objects.exclude(pk=seat.pk).values_list("pk", flat=True)
        Waiting.objects.create(
            pk=waiting, call=made, queue=queue, callback=True, preferred=by, entered_at=now, rank=now - _FIRST_OF_ALL,
            # It is he who wants to speak with him: no other seat is rung.
            tried=list(others),
        )  # fmt: skip
        note(by, "call.called_back", made, None)
        news.tell([by.pk])
        news.wake()
    return made


def _queues(staff: Staff) -> list[str]:
    profile = Profile.objects.filter(staff=staff).first()
    return profile.queues if profile else []


def lapse() -> int:
    """Those whose seat was not free in time are rung no more; how many. A job of every minute, safe to run twice."""
    over = Waiting.objects.filter(state=State.WAITING, call__back_of__isnull=False)
    return over.filter(entered_at__lt=clock.now() - LAPSES).update(state=State.LEFT, ended_at=clock.now())
