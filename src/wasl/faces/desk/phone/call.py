"""The call before the agent: who calls, what is done with the call, its case, who stays responsible (E1, E6, E7).

What a command does is the controller's; what is allowed is `services.calls.commands`.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wasl.core.cases import queries as cases
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk import lists
from wasl.faces.desk.access import desk, is_part
from wasl.faces.desk.amounts import seconds
from wasl.faces.desk.phone.seat import RIGHT
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.setup.page import number
from wasl.faces.frame.forms import sought
from wasl.kernel import clock
from wasl.kernel.digits import to_ascii_digits
from wasl.services.calls import callbacks, commands, identity, keyed, panel
from wasl.services.calls.models import Call, Command, Seat
from wasl.services.calls.seats import Unfit

Verb = Command.Verb
WHILE_TALKING = (Verb.HOLD, Verb.RESUME, Verb.PAUSE, Verb.GO_ON, Verb.HANG_UP, Verb.TRANSFER, Verb.CONSULT, Verb.JOIN,
                 Verb.HAND_OVER, Verb.CANCEL)  # fmt: skip
EARLIER = 6


def call_of(staff: Staff, pk: int) -> Call:
    """A call that this person may open. Raises Http404."""
    rows = panel.visible_calls(staff).filter(pk=pk)
    found = rows.select_related("line", "flow", "area", "person__merged_into", "agent", "successor").first()
    if found is None:
        raise Http404
    return found


@desk(right=RIGHT, methods=("POST",))
def ring_back(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Ring this person's telephone and then who called."""
    try:
        made = callbacks.order(call_of(staff, pk), by=staff)
    except Unfit as unfit:
        messages.error(request, str(unfit))
        return redirect("desk:phone_call", pk)
    messages.success(request, _("Your telephone rings first, then his."))
    return redirect("desk:phone_call", made.pk)


@desk(right=RIGHT)
def call(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The page that comes up when it rings; asked by htmx, the part of it that moves."""
    one = call_of(staff, pk)
    if is_part(request):
        return render(request, "desk/phone/_call.html", _now(one, staff))
    return _draw(request, staff, one)


def _draw(request: HttpRequest, staff: Staff, one: Call, status: int = 200, **more: Any) -> HttpResponse:
    person = panel.person_of(one)
    before = panel.calls_before(one)
    opened = list(panel.open_cases(person, staff)[:EARLIER])
    matters = list(one.matters.filter(case__in=cases.visible_to(staff)).select_related("case").order_by("at"))
    earlier = cases.visible_to(staff).filter(requester=person) if person else cases.visible_to(staff).none()
    again = _same_matter(opened, [m.case.category for m in matters])
    may_file = rights.may(staff, "case.received")
    context = {
        **_now(one, staff),
        "person": person,
        "calls": list(before[:EARLIER]),
        "repeats": panel.repeats(one),
        "opened": lists.rows_of(opened),
        "earlier": lists.rows_of(
            list(
                earlier.exclude(pk__in=[c.pk for c in opened])
                .select_related("unit", "area")
                .order_by("-received_at")[:EARLIER]
            )
        ),
        "matters": lists.rows_of([m.case for m in matters]),
        "again": again,
        "may_file": may_file,
        "may_link": may_file and panel.own_calls(staff).filter(pk=one.pk).exists(),
        "may_see_number": identity.may_see_number(staff),
        "colleagues": panel.colleagues(one, staff),
        "may_ring": one.ended_at is not None and bool(one.number_sealed) and not callbacks.may(one, by=staff),
        "number": "",
        "keyed": keyed.told(one),
        **more,
    }
    return render(
        request,
        "desk/phone/call.html",
        desk_context(request, staff, "phones", panes="thing context", **context),
        status=status,
    )


def _same_matter(opened: list[Any], linked: list[str]) -> bool:
    """Whether a matter comes again: two of his open requests are of one category, or one of what this call is about."""
    categories = [case.category for case in opened if case.category]
    return len(categories) != len(set(categories)) or bool(set(categories) & set(linked))


def _now(one: Call, staff: Staff) -> dict[str, Any]:
    on = commands.is_on(one, staff) and one.ended_at is None
    talking = on and Seat.objects.filter(staff=staff, call=one, state=Seat.State.BUSY).exists()
    stands = panel.standing(one, staff)
    end = one.ended_at or clock.now()
    waited_s = panel.waited_s(one)
    talked_s = round((end - one.answered_at).total_seconds()) if one.answered_at else None
    return {
        "call": one,
        "on": on,
        "talking": talking,
        "stands": stands,
        "why": _why(stands.failed.wrong) if stands.failed else "",
        "waited_s": waited_s,
        "waited": seconds(waited_s),
        "talked_s": talked_s,
        "talked": seconds(talked_s),
        "may_accept": one.successor_id == staff.pk,
        "mine": one.agent_id == staff.pk,
        "now": clock.now(),
        "staff": staff,
    }


def _why(wrong: str) -> str:
    """Why the telephone did not do it, in words; it says a word of its own."""
    return {
        "busy": _("somebody is being asked already."),
        "unreachable": _("this telephone cannot be reached now."),
        "nobody": _("nobody else is on the call."),
        "gone": _("this telephone is not on the call any more."),
        "over": _("the call is over."),
    }.get(wrong, _("the telephone did not take it. Try again."))


@desk(right=RIGHT, methods=("POST",))
def do(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Ask for one thing to be done with the call; asked by htmx, the moving part comes back."""
    one = call_of(staff, pk)
    verb = request.POST.get("verb", "")
    wrong = ""
    if verb not in WHILE_TALKING:
        wrong = _("There is no such thing to do with a call.")
    else:
        try:
            commands.order(one, verb, request.POST.get("target", "")[:60], by=staff)
        except Unfit as unfit:
            wrong = str(unfit)
    if is_part(request):
        return render(request, "desk/phone/_call.html", {**_now(one, staff), "wrong": wrong})
    if wrong:
        messages.error(request, wrong)
    return redirect("desk:phone_call", pk)


@desk(right=RIGHT)
def whom(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Whom the call can be given to or asked: queues, colleagues, experts by topic, units."""
    one = call_of(staff, pk)
    words = sought(request, 60)
    return render(request, "desk/phone/_whom.html", {"call": one, "found": panel.whom(words, but=staff), "q": words})


@desk(right=RIGHT, methods=("POST",))
def about(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The call is about this case."""
    one = call_of(staff, pk)
    wanted = "".join(to_ascii_digits(request.POST.get("number", "")).split())[:20]
    case = cases.visible_to(staff).filter(number=wanted).first() if wanted.isdigit() else None
    if case is None:
        messages.error(request, _("There is no request of this number that you may see."))
    else:
        commands.about(one, case, by=staff)
        messages.success(request, _("The call belongs to this request now."))
    return redirect("desk:phone_call", pk)


@desk(right=RIGHT, methods=("POST",))
def responsible(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Ask a colleague to be responsible, or accept what one was asked (E7)."""
    one = call_of(staff, pk)
    try:
        if request.POST.get("do") == "accept":
            commands.accept_responsibility(one, by=staff)
            messages.success(request, _("You are responsible for this call now."))
        else:
            to = Staff.objects.filter(pk=number(request.POST.get("to", ""))).first()
            commands.hand_responsibility(one, to, by=staff)
            messages.success(request, _("Your colleague was asked. Until he accepts, you stay responsible."))
    except Unfit as unfit:
        messages.error(request, str(unfit))
    return redirect("desk:phone_call", pk)


@desk(right=RIGHT, methods=("POST",))
def see_number(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The caller's whole number on the screen; each look is kept."""
    one = call_of(staff, pk)
    return _draw(request, staff, one, number=identity.see_number(one, by=staff))


def begun_with(call_pk: str, staff: Staff) -> dict[str, Any]:
    """What the agent's form is filled with when it is opened from a call; nothing for a call that is not his."""
    one = panel.own_calls(staff).filter(pk=number(call_pk)).select_related("area").first()
    if one is None:
        return {}
    filled: dict[str, Any] = {"call": str(one.pk), "medium": "phone"}
    if identity.may_see_number(staff):
        filled["phone"] = identity.see_number(one, by=staff)
    if one.language:
        filled["language"] = one.language
    if one.area:
        filled["area"] = one.area.code
    return filled


def filed_with(call_pk: str, case: Any, staff: Staff) -> None:
    """The request that was just filed is what this call is about."""
    one = panel.own_calls(staff).filter(pk=number(call_pk)).first()
    if one is not None:
        commands.about(one, case, case.contacts.order_by("at", "pk").first(), by=staff)
