"""What administrators set of the telephone: queues, agents, breaks, carriers; and the directory of experts for all."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.phone.forms import BreakForm, ProfileForm, QueueForm, TrunkForm
from wasl.faces.desk.phone.page import ANSWER, EDIT, FORM, draw, page
from wasl.faces.desk.setup.page import found, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.services.calls import panel, setting, trunks
from wasl.services.calls.models import BreakReason, Profile, Queue, Trunk

# What can be set: model, form, tab, words for a new one.
_KINDS: dict[str, tuple[Any, Any, str]] = {
    "queue": (Queue, QueueForm, "phone_queues"),
    "agent": (Profile, ProfileForm, "phone_profiles"),
    "break": (BreakReason, BreakForm, "phone_carriers"),
    "carrier": (Trunk, TrunkForm, "phone_carriers"),
}


@page(EDIT)
def queues(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All queues with their rules."""
    serve = [one.queues for one in Profile.objects.all()]
    rows = [(one, sum(one.code in codes for codes in serve)) for one in Queue.objects.order_by("pk")]
    return draw(request, staff, "queues", "phone_queues", rows=rows)


@page(EDIT)
def profiles(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All agents of the telephone."""
    names = {one.code: str(one) for one in Queue.objects.all()}
    areas = {area.pk: area for area in organisation.areas()[1].values()}
    rows = [
        {
            "profile": one,
            "queues": [names.get(code, code) for code in one.queues],
            # Of an area that is served as a whole, its parts go without saying.
            "areas": [areas[pk] for pk in one.areas if pk in areas and areas[pk].parent_id not in one.areas],
        }
        for one in Profile.objects.select_related("staff").order_by("pk")
    ]
    return draw(request, staff, "profiles", "phone_profiles", rows=rows)


@page(EDIT)
def carriers(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Carriers, and reasons of breaks."""
    return draw(
        request, staff, "carriers", "phone_carriers",
        trunks=trunks.with_states(), reasons=list(BreakReason.objects.order_by("pk")),
    )  # fmt: skip


@page(EDIT, methods=FORM)
@sensitive_variables()
def edit(request: HttpRequest, staff: Staff, kind: str, pk: int = 0) -> HttpResponse:
    """One of them, or a new one."""
    if kind not in _KINDS:
        raise Http404
    model, form_class, tab = _KINDS[kind]
    held = found(model, pk) if pk else None
    if request.method == "POST" and held and kind == "agent" and request.POST.get("do") == "remove":
        try:
            setting.remove_profile(held, by=staff)
            messages.success(request, _("He is no agent of the telephone any more."))
        except Refused as refused:
            messages.error(request, str(refused))
        return redirect("desk:phone_profiles")
    form = form_class(request.POST if request.method == "POST" else None, instance=held)
    if request.method == "POST" and form.is_valid():
        row = form.save(commit=False)
        password = form.cleaned_data.get("password", "")
        done = _("Saved. It counts from the next call.")
        if tried(request, form, lambda: setting.save(row, by=staff, password=password), done):
            return redirect(f"desk:{tab}")
    new = {
        "queue": _("New queue"), "agent": _("New agent"), "break": _("New reason"), "carrier": _("New carrier")
    }[kind]  # fmt: skip
    return draw(
        request, staff, "edit", tab, 422 if form.errors else 200,
        form=form, row=held, kind=kind, back=f"desk:{tab}", heading=str(held) if held else new,
        note=_("A password is set.") if getattr(held, "password_sealed", None) else "",
        changes=changes_of(Audit.objects.filter(kind=model._meta.model_name, row=held.pk), most=8) if held else [],
    )  # fmt: skip


@page(ANSWER)
def experts(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who can be asked about what, and whether he is there (E8)."""
    return draw(request, staff, "experts", "phone_experts", rows=panel.experts())
