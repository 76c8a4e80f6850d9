"""The gateway as it is now: operators, their connections, what waits, how fast it goes; and taking it in hand."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from wasl.channels.sms.gateway import fresh
from wasl.core.organisation import rights
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import is_part
from wasl.faces.desk.amounts import counted, span
from wasl.faces.desk.setup.page import found, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.sms.page import FORM, READ, STEER, draw, page
from wasl.faces.desk.sms.texts import ReasonForm
from wasl.services.texts import steering, watching
from wasl.services.texts.models import Client, Operator


@page(READ)
def live(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The live page; asked by htmx, the part of it that moves."""
    context = _now(staff)
    if is_part(request):
        return render(request, "desk/sms/_live.html", context)
    return draw(request, staff, "live", "sms", **context)


@page(STEER, methods=FORM)
def steer(request: HttpRequest, staff: Staff, kind: str, pk: int) -> HttpResponse:
    """Take an operator out of work or back; hold a client, let it go, or take back what it has waiting."""
    if kind not in ("operator", "client"):
        raise Http404
    row: Operator | Client = found(Operator if kind == "operator" else Client, pk)
    do = request.POST.get("do", "")
    form = ReasonForm(request.POST if do else None)
    if do and form.is_valid() and _steered(request, staff, row, do, form):
        return redirect("desk:sms")
    mine = [one for one in watching.lanes() if one.client.pk == pk] if kind == "client" else []
    return draw(
        request,
        staff,
        "steer",
        "sms",
        422 if form.errors else 200,
        row=row,
        kind=kind,
        form=form,
        waiting=counted(sum(one.waiting + one.later for one in mine), more=any(one.more for one in mine)),
        changes=changes_of(Audit.objects.filter(kind=kind, row=pk), most=8),
    )


def _steered(request: HttpRequest, staff: Staff, row: Operator | Client, do: str, form: ReasonForm) -> bool:
    reason = form.cleaned_data["reason"]
    if isinstance(row, Operator):
        if do not in ("on", "off"):
            raise Http404
        done = _("It is on.") if do == "on" else _("It is off. What waits goes to the next operator, or waits.")
        return tried(request, form, lambda: steering.switch(row, by=staff, on=do == "on", reason=reason), done)
    if do in ("hold", "release"):
        done = _("It is held: what it hands in waits.") if do == "hold" else _("Its texts go again.")
        return tried(request, form, lambda: steering.hold(row, by=staff, held=do == "hold", reason=reason), done)
    if do != "cancel":
        raise Http404
    took: list[int] = []
    if not tried(request, form, lambda: took.append(steering.cancel_waiting(row, by=staff, reason=reason)), ""):
        return False
    messages.success(request, ngettext("%(n)s text taken back.", "%(n)s texts taken back.", took[0]) % {"n": took[0]})
    return True


def _now(staff: Staff) -> dict[str, Any]:
    seen = watching.now()
    carries = seen.told_at is not None and fresh(seen.told_at)
    return {
        "seen": seen,
        "carries": carries,
        "may_steer": rights.scopes(staff, STEER).centre,
        "lanes": [
            {
                "lane": one,
                "waiting": counted(one.waiting, more=one.more),
                "later": counted(one.later, more=one.later >= watching.COUNTED),
                "oldest": span((seen.at - one.oldest).total_seconds()) if one.oldest else "",
            }
            for one in seen.lanes
        ],
        "pace": [
            {
                "klass": one.klass.label,
                "accepted": counted(one.accepted),
                "delivered": counted(one.delivered),
                "spans": [
                    span(x)
                    for x in (
                        one.accepted_p50_s,
                        one.accepted_p95_s,
                        one.delivered_p50_s,
                        one.delivered_p95_s,
                    )
                ],
            }
            for one in seen.pace
        ],
        "in_doubt": counted(seen.in_doubt, more=seen.in_doubt >= watching.COUNTED) if seen.in_doubt else "",
        "unanswered": counted(seen.unanswered, more=seen.unanswered >= watching.COUNTED) if seen.unanswered else "",
    }
