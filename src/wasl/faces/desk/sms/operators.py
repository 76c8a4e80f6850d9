"""What administrators set of the gateway: operators and connections, routes, rules of classes, ported numbers."""

from copy import copy
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.setup.page import found, number, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.sms.forms import BindForm, OperatorForm, PortedForm, RouteForm, RuleForm, TrialForm
from wasl.faces.desk.sms.page import EDIT, FORM, draw, page
from wasl.services.texts import queries, routing, setting
from wasl.services.texts.models import Bind, Client, Klass, KlassRule, Operator, Ported, PortedDraft, Route
from wasl.services.texts.setting import Setting


def _changes(row: Setting) -> Any:
    return changes_of(Audit.objects.filter(kind=row._meta.model_name, row=row.pk), most=8)


@page(EDIT, methods=FORM)
def operators(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All of it on one page; posted to, where a text would go."""
    form = TrialForm(request.POST if request.method == "POST" else None)
    trial = None
    if request.method == "POST" and form.is_valid():
        g = form.cleaned_data
        trial = routing.trial(g["number"], g["sender"] or g["client"].sender, g["klass"], g["client"])
    known = list(Operator.objects.prefetch_related("binds").order_by("-on", "name"))
    names, clients = {one.pk: one for one in known}, dict(Client.objects.values_list("pk", "name"))
    routes = [
        {
            "route": one,
            "operators": [names[pk] for pk in one.operators if pk in names],
            "klasses": [Klass(k).label for k in one.klasses],
            "clients": [clients[pk] for pk in one.clients if pk in clients],
        }
        for one in Route.objects.select_related("home")
    ]
    return draw(
        request,
        staff,
        "operators",
        "sms_operators",
        422 if form.errors else 200,
        operators=known,
        routes=routes,
        rules=sorted(queries.settings().rules.values(), key=lambda rule: rule.klass),
        ported=Ported.objects.count(),
        form=form,
        trial=trial,
        clients=bool(clients),
    )


@page(EDIT, methods=FORM)
def operator(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One operator and its connections."""
    held: Operator | None = found(Operator, pk) if pk else None
    form = OperatorForm(request.POST if request.method == "POST" else None, instance=held)
    if request.method == "POST" and form.is_valid():
        row = form.save(commit=False)
        if tried(request, form, lambda: setting.save(row, by=staff), _("Saved. It counts within seconds.")):
            return redirect("desk:sms_operator", row.pk)
    return draw(
        request,
        staff,
        "operator",
        "sms_operators",
        422 if form.errors else 200,
        form=form,
        row=held,
        heading=held.name if held else _("New operator"),
        binds=held.binds.order_by("pk") if held else [],
        changes=_changes(held) if held else [],
    )


@page(EDIT, methods=FORM)
def new_bind(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """A further connection to an operator."""
    return _bind(request, staff, Bind(operator=found(Operator, pk)), made=False)


@page(EDIT, methods=FORM)
def bind(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One connection."""
    return _bind(request, staff, found(Bind, pk), made=True)


@sensitive_variables()
def _bind(request: HttpRequest, staff: Staff, row: Bind, *, made: bool) -> HttpResponse:
    form = BindForm(request.POST if request.method == "POST" else None, instance=row)
    heading = str(row) if made else _("New connection")
    if request.method == "POST" and form.is_valid():
        kept, password = form.save(commit=False), form.cleaned_data["password"]
        done = _("Saved. The gateway binds anew within seconds.")
        if tried(request, form, lambda: setting.save(kept, by=staff, password=password), done):
            return redirect("desk:sms_operator", row.operator_id)
    return draw(
        request,
        staff,
        "edit",
        "sms_operators",
        422 if form.errors else 200,
        form=form,
        heading=heading,
        operator=row.operator,
        changes=_changes(row) if made else [],
        note=_("A password is set.") if row.password_sealed else "",
    )


@page(EDIT, methods=FORM)
def route(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One route."""
    held: Route | None = found(Route, pk) if pk else None
    form = RouteForm(request.POST if request.method == "POST" else None, instance=held)
    return _edited(request, staff, form, held.name if held else _("New route"), held)


@page(EDIT, methods=FORM)
def rule(request: HttpRequest, staff: Staff, klass: int) -> HttpResponse:
    """The rules of one class."""
    row = queries.settings().rules.get(klass)
    if row is None:
        raise Http404
    # The kept settings are shared: a form must not write into them.
    form = RuleForm(request.POST if request.method == "POST" else None, instance=copy(row))
    return _edited(request, staff, form, row.get_klass_display(), row)


def _edited(
    request: HttpRequest, staff: Staff, form: RouteForm | RuleForm, heading: str, held: Route | KlassRule | None
) -> HttpResponse:
    """The form kept, and back to the list; or the page with it, and what was changed before."""
    if request.method == "POST" and form.is_valid():
        row = form.save(commit=False)
        if tried(request, form, lambda: setting.save(row, by=staff), _("Saved. It counts for texts from now on.")):
            return redirect("desk:sms_operators")
    return draw(
        request, staff, "edit", "sms_operators", 422 if form.errors else 200, form=form, heading=heading,
        changes=_changes(held) if held else [],
    )  # fmt: skip


@page(EDIT, methods=FORM)
def ported(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Take over a list of ported numbers: it is read, shown what it would change, and then counts."""
    do = request.POST.get("do", "")
    form = PortedForm(request.POST if do == "read" else None, request.FILES if do == "read" else None)
    draft: PortedDraft | None = None
    if do == "read" and form.is_valid():
        made: list[PortedDraft] = []
        if tried(request, form, lambda: made.append(setting.draft_ported(form.cleaned_data["file"], by=staff)), ""):
            draft = made[0]
    elif do in ("take", "drop"):
        held: PortedDraft = found(PortedDraft, number(request.POST.get("draft", "")))
        if do == "drop":
            setting.drop_ported(held, by=staff)
            return redirect("desk:sms_ported")
        try:
            done = setting.take_ported(held, by=staff)
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            n = done.new + done.changed + done.removed
            messages.success(request, ngettext("%(n)s number changed.", "%(n)s numbers changed.", n) % {"n": n})
            return redirect("desk:sms_operators")
    return draw(
        request,
        staff,
        "ported",
        "sms_operators",
        422 if form.errors else 200,
        form=form,
        draft=draft,
        preview=setting.preview_ported(draft) if draft else None,
        count=Ported.objects.count(),
    )
