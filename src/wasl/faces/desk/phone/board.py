"""The supervisor's board: calls and seats as they are now, listening and helping, and forcing a state of a seat."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import is_part
from wasl.faces.desk.amounts import percent
from wasl.faces.desk.phone.bar import aside_words
from wasl.faces.desk.phone.page import SUPERVISE, draw, page
from wasl.faces.desk.setup.page import found
from wasl.kernel.names import local
from wasl.services.calls import board, commands, panel, seats
from wasl.services.calls.models import BreakReason, Call, Command, Leg, Seat
from wasl.services.calls.seats import Unfit

_HELP = frozenset({*commands.SUPERVISING, Command.Verb.STOP})


@page(SUPERVISE)
def phones(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The board; asked by htmx, the part that moves."""
    context = _now(staff)
    if is_part(request):
        return render(request, "desk/phone/_board.html", context)
    return draw(request, staff, "board", "phones", topic="phones", **context)


def _now(staff: Staff) -> dict[str, Any]:
    seen = board.now()
    reasons = {one.code: local(one.names) for one in BreakReason.objects.all()}
    listens = set(
        Leg.objects.filter(staff=staff, kind=Leg.Kind.SUPERVISOR, ended_at__isnull=True).values_list("call", flat=True)
    )
    own = Seat.objects.filter(staff=staff).exclude(state=Seat.State.OUT).exists()
    return {
        "seen": seen,
        "listens": listens,
        "can_listen": own,
        "rows": [_seat_row(one, seen, reasons) for one in seen.seats],
        "talks": [_call_row(one, waiting, legs, seen) for one, waiting, legs in seen.calls],
        "lines": [
            {"line": one, **{name: percent(getattr(one.today, name, None)) for name in ("sl1", "sl2", "sl3")}}
            for one in seen.lines
        ],
        "dropped": len(panel.dropped()),
    }


def _seat_row(one: Seat, seen: board.Now, reasons: dict[str, str]) -> dict[str, Any]:
    why = aside_words(one.reason) if one.state == Seat.State.ASIDE else reasons.get(one.reason, "")
    over = one.until is not None and one.state == Seat.State.BREAK and one.until < seen.at
    since = max(0, round((seen.at - one.since).total_seconds()))
    return {"seat": one, "why": why, "since_s": since, "over": over}


def _call_row(one: Call, waiting: Any, legs: list[Leg], seen: board.Now) -> dict[str, Any]:
    if waiting is not None:
        state, begun = (_("rings"), waiting.rang_at) if waiting.state == "offered" else (_("waits"), waiting.entered_at)
        if waiting.callback:
            state = _("is to be called back")
    elif back := next((leg for leg in legs if leg.kind == Leg.Kind.CITIZEN and leg.answered_at is None), None):
        state, begun = _("rings"), back.dialled_at
    elif one.answered_at:
        state, begun = _("talks"), one.answered_at
    else:
        state, begun = _("in the menu"), one.arrived_at
    parties = [leg.staff or leg.unit for leg in legs if leg.kind != Leg.Kind.SUPERVISOR and (leg.staff or leg.unit)]
    if waiting is not None and waiting.seat:
        parties.append(waiting.seat.staff)
    seconds = max(0, round((seen.at - (begun or one.arrived_at)).total_seconds()))
    talks = one.answered_at is not None and waiting is None
    return {"call": one, "state": state, "seconds": seconds, "parties": parties, "talks": talks}


@page(SUPERVISE, methods=("POST",))
def force(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Make somebody's seat ready, put it on a break, or sign it out; the record says who did."""
    seat: Seat = found(Seat, pk)
    try:
        seats.force(seat.staff, request.POST.get("state", ""), by=staff)
        messages.success(request, _("Done. It is kept that it was you."))
    except Unfit as unfit:
        messages.error(request, str(unfit))
    return redirect("desk:phones")


@page(SUPERVISE, methods=("POST",))
def help_call(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Listen to a call, whisper to the agent, join in, take it over, or stop."""
    call: Call = found(Call, pk)
    verb = request.POST.get("verb", "")
    if verb not in _HELP:
        raise Http404
    try:
        commands.order(call, verb, by=staff)
        messages.success(request, _("Your telephone will ring.") if verb != "stop" else _("You are off the call."))
    except Unfit as unfit:
        messages.error(request, str(unfit))
    return redirect("desk:phones")
