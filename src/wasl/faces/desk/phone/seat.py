"""Taking a seat and leaving it, and the window that holds the telephone while the agent walks about the desk."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk, is_part
from wasl.faces.desk.phone.bar import bar_of
from wasl.services.calls import seats
from wasl.services.calls.models import Seat

RIGHT = "phone.answer"


@desk(right=RIGHT)
def bar(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The seat bar as it is now."""
    return render(request, "desk/phone/_bar.html", {"phone": bar_of(staff), "alone": "alone" in request.GET})


@desk(right=RIGHT, methods=("POST",))
def seat(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Sign in, ready, break, more time, sign out; asked by htmx, the bar comes back."""
    do = request.POST.get("do", "")
    wrong = ""
    try:
        if do == "sign_in":
            seats.sign_in(by=staff)
        elif do == "ready":
            seats.ready(by=staff)
        elif do == "more":
            seats.more_time(by=staff)
        elif do == "sign_out":
            seats.sign_out(by=staff)
        else:
            seats.take_break(request.POST.get("reason", "")[:40], by=staff)
    except seats.Unfit as unfit:
        wrong = str(unfit)
    if is_part(request):
        return render(
            request, "desk/phone/_bar.html", {"phone": bar_of(staff), "wrong": wrong, "alone": "alone" in request.GET}
        )
    if wrong:
        messages.error(request, wrong)
    return redirect("desk:phone")


@desk(right=RIGHT)
def window(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The telephone: it holds the line and the sound, and stays open beside the work."""
    context = {
        "phone": bar_of(staff),
        "who": str(staff),
        "body_live": f"staff:{staff.pk}",
        "staff": staff,
        "alone": True,
    }
    return render(request, "desk/phone/window.html", context)


@sensitive_variables()
@desk(right=RIGHT, methods=("POST",))
def secret(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What the telephone of this seat registers with, as JSON; 404 while the seat is not taken."""
    known = bar_of(staff)
    if known is None or known.seat is None or known.seat.state == Seat.State.OUT or not known.window:
        return JsonResponse({}, status=404)
    name = f"seat{staff.pk}"
    return JsonResponse({"user": name, "password": seats.secret_of(known.seat), "auto": known.profile.auto_answer})
