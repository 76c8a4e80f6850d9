"""The voice mailbox: messages by the time they are due, heard with a reason, called back, made into requests (C10)."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import rights
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.setup.page import FORM
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.sounds import played
from wasl.faces.desk.tabs import central
from wasl.faces.desk.voice.forms import ToCaseForm
from wasl.kernel import clock
from wasl.services.calls import callbacks, owed, voicemail
from wasl.services.calls.models import Owed, VoiceMessage
from wasl.services.calls.seats import Unfit

RIGHT = voicemail.RIGHT
MOST = 100


def _draw(request: HttpRequest, staff: Staff, template: str, status: int = 200, **more: Any) -> HttpResponse:
    context = desk_context(request, staff, "mailbox", now=clock.now(), **more)
    return render(request, f"desk/voice/{template}.html", context, status=status)


@central(RIGHT)
def listed(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What waits, the first due first; and what was done lately."""
    waiting = list(voicemail.waiting()[: MOST + 1])
    return _draw(
        request, staff, "mailbox", waiting=waiting[:MOST], more=len(waiting) > MOST, done=list(voicemail.done()[:20]),
        owed=list(owed.waiting()[:MOST]), owed_done=list(owed.done()[:20]),
    )  # fmt: skip


def _found(pk: int) -> VoiceMessage:
    row = VoiceMessage.objects.select_related("contact", "call__line", "assigned", "case", "done_by").filter(pk=pk)
    message = row.first()
    if message is None:
        raise Http404
    return message


@central(RIGHT, methods=FORM)
def message(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One message: listened to with a reason, taken, called back, done, or made a request of."""
    held, do = _found(pk), request.POST.get("do", "")
    form = ToCaseForm(request.POST if do == "case" else None)
    number = ""
    try:
        if do == "case" and form.is_valid():
            g = form.cleaned_data
            receipt = voicemail.to_case(held, by=staff, body=g["body"], category=g["category"])
            messages.success(request, _("The message is a request now."))
            return redirect("desk:case", receipt.case.number)
        if do == "ring":
            made = callbacks.order_for_message(held, by=staff)
            messages.success(request, _("Your telephone rings first, then his."))
            return redirect("desk:phone_call", made.pk)
        if do == "number":
            number = voicemail.see_number(held, by=staff)
        elif _done(request, staff, held, do):
            return redirect("desk:mailbox" if do in ("called", "nothing") else "desk:voice_message", *_args(do, pk))
    except (NotAllowed, Unfit) as refused:
        messages.error(request, str(refused))
        return redirect("desk:voice_message", pk)
    return _draw(
        request, staff, "message", 422 if form.errors else 200, held=held, form=form, number=number,
        may_ring=rights.may(staff, "phone.answer"),
        playable=voicemail.has_said_why(held, by=staff), number_hidden=held.call is None or not held.call.number_sealed,
        changes=changes_of(Audit.objects.filter(kind="voicemessage", row=pk)),
    )  # fmt: skip


@central(RIGHT, methods=FORM)
def owed_call(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """A caller whom we owe a call: whom to ring, and what came of it."""
    held = Owed.objects.select_related("call__line", "call__agent", "done_by").filter(pk=pk).first()
    if held is None:
        raise Http404
    do, number = request.POST.get("do", ""), ""
    try:
        if do == "number":
            number = owed.see_number(held, by=staff)
        elif do == "ring":
            made = callbacks.order_for_owed(held, by=staff)
            messages.success(request, _("Your telephone rings first, then his."))
            return redirect("desk:phone_call", made.pk)
        elif do:
            owed.finish(held, by=staff, outcome=do)
            messages.success(request, _("Done."))
            return redirect("desk:mailbox")
    except (NotAllowed, Unfit) as refused:
        messages.error(request, str(refused))
        return redirect("desk:owed", pk)
    return _draw(
        request, staff, "owed", held=held, number=number, may_ring=rights.may(staff, "phone.answer"),
        changes=changes_of(Audit.objects.filter(kind="owed", row=pk)),
    )  # fmt: skip


def _args(do: str, pk: int) -> list[int]:
    return [] if do in ("called", "nothing") else [pk]


def _done(request: HttpRequest, staff: Staff, held: VoiceMessage, do: str) -> bool:
    if do == "hear":
        voicemail.hear(held, by=staff, reason=request.POST.get("reason", ""))
    elif do in ("mine", "nobody"):
        voicemail.assign(held, by=staff, to=staff if do == "mine" else None)
    elif do in ("called", "nothing"):
        voicemail.finish(held, by=staff, outcome=do)
        messages.success(request, _("Done."))
    else:
        return False
    return True


@central(RIGHT)
def sound(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The sound, to who has just said why he listens."""
    try:
        return played(request, voicemail.sound_of(_found(pk), by=staff))
    except NotAllowed as refused:
        raise Http404 from refused
