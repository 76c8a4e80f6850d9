"""The tree of units: seen, changed, moved by hand or by key, merged, shut."""

from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wasl.core.cases import handover
from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import actions, rights
from wasl.core.organisation.models import Audit, Staff, Unit
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, RIGHT, draw, found, number, tried, unit_by_code, units_in_scope
from wasl.faces.desk.setup.told import changes_of


@desk(right=RIGHT, methods=FORM)
def units(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The tree; a POST moves a unit: `up`, `down`, `in` (below the one above it), `out`, or `to` another place."""
    if request.method == "POST":
        _move(request, staff)
        return redirect(f"{request.path}#u{number(request.POST.get('unit', ''))}")
    tree = units_in_scope(staff, active=False)
    officers = dict(
        rights.current_posts().filter(role="officer").values_list("unit").annotate(n=Count("staff", distinct=True))
    )
    top = min((u.path.count("/") for u in tree), default=0)
    centre = rights.scopes(staff, RIGHT).centre
    rows = [
        {
            "unit": u,
            "depth": u.path.count("/") - top,
            "officers": officers.get(u.pk, 0),
            "moves": rights.covers(staff, u, below=True),
        }
        for u in tree
    ]
    return draw(request, staff, "units", "units", rows=rows, centre=centre)


def _move(request: HttpRequest, staff: Staff) -> None:
    held: Unit = found(Unit, number(request.POST.get("unit", "")))
    do = request.POST.get("do", "")
    beside = list(Unit.objects.filter(parent=held.parent_id).order_by("place", "pk"))
    at = next(n for n, u in enumerate(beside) if u.pk == held.pk)
    parent, before = held.parent, None
    if do == "up":
        before = beside[max(0, at - 1)]
    elif do == "down":
        before = beside[at + 2] if at + 2 < len(beside) else None
    elif do == "in" and at > 0:
        parent = beside[at - 1]
    elif do == "out" and held.parent is not None:
        parent = held.parent.parent
        outer = list(Unit.objects.filter(parent=parent).order_by("place", "pk"))
        after = next((n for n, u in enumerate(outer) if u.pk == held.parent_id), len(outer)) + 1
        before = outer[after] if after < len(outer) else None
    elif do == "to":
        into = request.POST.get("parent", "")
        parent = found(Unit, number(into)) if into else None
        before = Unit.objects.filter(pk=number(request.POST.get("before", ""))).first()
    else:
        return
    tried(request, None, lambda: actions.move_unit(held, by=staff, parent=parent, before=before), _("Moved."))


@desk(right=RIGHT, methods=FORM)
def unit(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One unit, or a new one."""
    held: Unit | None = found(Unit, pk) if pk else None
    if held is not None:
        rights.require_over(staff, held)
    start: dict[str, Any] = {"delivery": Unit.Delivery.LIST, "parent": request.GET.get("below", "")}
    if held:
        start = {
            **{name: getattr(held, name) for name in ("code", "kind", "delivery", "mail", "phone")},
            "parent": held.parent.code if held.parent else "",
            "calendar": held.calendar_id,
            **forms.names_of(held.names),
        }
    do = request.POST.get("do", "")
    form = forms.UnitForm(request.POST if do == "save" else None, unit=held, by=staff, initial=start)
    merge = forms.MergeForm(request.POST if do == "merge" else None, unit=held, by=staff) if held else None
    if request.method == "POST":
        done = _unit_done(request, staff, held, form, merge)
        if done is not None:
            return done
    people = (
        Staff.objects.filter(Q(pk__in=rights.current_posts().filter(unit=held).values("staff"))).order_by("username")
        if held
        else []
    )
    return draw(
        request,
        staff,
        "unit",
        "units",
        422 if form.errors or (merge and merge.errors) else 200,
        form=form,
        merge=merge,
        row=held,
        heading=held or _("New unit"),
        orders=handover.open_orders(held) if held else 0,
        people=people,
        mine=held is not None and rights.covers(staff, held, below=True),
        changes=changes_of(Audit.objects.filter(kind="unit", row=held.pk)) if held else [],
    )


def _unit_done(
    request: HttpRequest, staff: Staff, held: Unit | None, form: forms.UnitForm, merge: forms.MergeForm | None
) -> HttpResponse | None:
    do = request.POST.get("do")
    if do in ("shut", "open") and held is not None:
        tried(request, None, lambda: actions.set_unit_active(held, by=staff, active=do == "open"), _("Saved."))
        return redirect("desk:unit", held.pk)
    if do == "merge" and held is not None and merge is not None and merge.is_valid():
        into = merge.cleaned_data["into"]

        def join() -> None:
            try:
                actions.merge_unit(held, into=into, by=staff, move_orders=handover.move_orders)
            except NotAllowed as refused:
                raise actions.Refused(str(refused)) from refused

        return redirect("desk:unit", into.pk) if tried(request, merge, join, _("Merged.")) else None
    if do != "save" or not form.is_valid():
        return None
    g = form.cleaned_data
    facts = actions.UnitFacts(
        code=g["code"],
        kind=g["kind"],
        names=form.names(),
        parent=unit_by_code(g["parent"]),
        mail=g["mail"],
        phone=g["phone"],
        calendar=g["calendar"],
        delivery=g["delivery"],
    )
    done = tried(request, form, lambda: actions.save_unit(facts, by=staff, unit=held), _("Saved."))
    return redirect("desk:units") if done else None
