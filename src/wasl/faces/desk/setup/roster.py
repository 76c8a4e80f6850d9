"""The roster: who is on duty now, shifts and their people, days away, and a day as planned and as it was."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.organisation import rights
from wasl.core.organisation.models import Calendar, Staff, Unit
from wasl.core.roster import actions, queries
from wasl.core.roster.models import Absence, Shift
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.forms import Named, names_of
from wasl.faces.desk.setup.page import FORM, draw, found, number, tried
from wasl.kernel import clock

RIGHT = "roster.edit"


class ShiftForm(Named):
    """A shift: its name, whose it is and its hours."""

    unit = forms.ModelChoiceField(label=gettext_lazy("Unit"), queryset=Unit.objects.none(), empty_label="—")
    calendar = forms.ModelChoiceField(
        label=gettext_lazy("Hours"),
        queryset=Calendar.objects.order_by("code"),
        empty_label="—",
        help_text=gettext_lazy("A working calendar: its week, its Ramadan, its holidays and exceptional days."),
    )
    active = forms.BooleanField(label=gettext_lazy("This shift is worked"), required=False, initial=True)

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        units = [unit.pk for unit in Unit.objects.filter(active=True) if queries.plans_for(by, unit)]
        self.fields["unit"].queryset = (  # type: ignore[attr-defined]  # a ModelChoiceField
            Unit.objects.filter(pk__in=units).order_by("path")
        )
        self.order_fields(["name_ar", "name_en", "name_zh"])

    @staticmethod
    def initial_of(shift: Shift) -> dict[str, Any]:
        """Initial values for a shift."""
        facts = {"unit": shift.unit_id, "calendar": shift.calendar_id, "active": shift.active}
        return {**facts, **names_of(shift.names)}


class AwayForm(forms.Form):
    """Days on which somebody is not expected."""

    staff = forms.ModelChoiceField(
        label=pgettext_lazy("staff", "Person"), queryset=Staff.objects.none(), empty_label="—"
    )
    first = forms.DateField(label=gettext_lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=gettext_lazy("Last day"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = queries.planned_by(by).filter(is_active=True).order_by("username")
        self.fields["staff"].queryset = people  # type: ignore[attr-defined]  # a ModelChoiceField


def _drawn(request: HttpRequest, staff: Staff, template: str, status: int = 200, **more: Any) -> HttpResponse:
    alone = not rights.may(staff, "organisation.edit")
    return draw(request, staff, template, "roster", status, alone=alone, **more)


@desk(right=RIGHT, methods=FORM)
def roster(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who is on duty now, the shifts, and days away; `do=away` plans some, `do=back` takes them back."""
    do = request.POST.get("do", "")
    form = AwayForm(request.POST if do == "away" else None, by=staff)
    if do == "away" and form.is_valid():
        g = form.cleaned_data
        if tried(
            request,
            form,
            lambda: actions.plan_away(g["staff"], by=staff, first=g["first"], last=g["last"]),
            _("Saved."),
        ):
            return redirect("desk:roster")
    if do == "back":
        absence: Absence = found(Absence, number(request.POST.get("absence", "")))
        tried(request, None, lambda: actions.expect_again(absence, by=staff), _("Saved."))
        return redirect("desk:roster")
    shifts = list(queries.shifts_of(staff).order_by("unit__path", "pk").prefetch_related("people"))
    duty = queries.on_duty(shifts=shifts)
    today = timezone.localtime(clock.now()).date()
    away = Absence.objects.filter(staff__in=queries.planned_by(staff), last__gte=today).select_related("staff")
    return _drawn(
        request,
        staff,
        "roster",
        422 if form.errors else 200,
        form=form,
        shifts=shifts,
        duty=duty,
        missing=sum(one.there is None for one in duty),
        away=away.order_by("first", "staff__username"),
        today=today,
    )


def _shift_of(staff: Staff, pk: int) -> Shift:
    held = queries.shifts_of(staff).filter(pk=pk).first()
    if held is None:
        raise Http404
    return held


@desk(right=RIGHT, methods=FORM)
def shift(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One shift: its facts, and its people; `do=join` puts one in, `do=leave` takes one out."""
    held = _shift_of(staff, pk) if pk else None
    do = request.POST.get("do", "")
    if held is not None and do in ("join", "leave"):
        person: Staff = found(Staff, number(request.POST.get("person", "")))
        verb = actions.put_into if do == "join" else actions.take_out
        tried(request, None, lambda: verb(held, person, by=staff), "")
        return redirect("desk:shift", held.pk)
    form = ShiftForm(
        request.POST if do == "save" else None, initial=ShiftForm.initial_of(held) if held else None, by=staff
    )
    if do == "save" and form.is_valid():
        g, made = form.cleaned_data, []
        facts = {"names": form.names(), "unit": g["unit"], "calendar": g["calendar"], "active": g["active"]}
        if tried(request, form, lambda: made.append(actions.save_shift(held, by=staff, **facts)), _("Saved.")):
            return redirect("desk:shift", made[0].pk)
    people = list(held.people.order_by("username")) if held else []
    others = queries.candidates(held.unit).exclude(shifts=held).order_by("username") if held else Staff.objects.none()
    return _drawn(
        request,
        staff,
        "shift",
        422 if form.errors else 200,
        form=form,
        row=held,
        people=people,
        others=others,
        heading=held or _("New shift"),
    )


@desk(right=RIGHT)
def attendance(request: HttpRequest, staff: Staff) -> HttpResponse:
    """A day of everybody in the shifts: planned and there."""
    today = timezone.localtime(clock.now()).date()
    try:
        day = min(date.fromisoformat(request.GET.get("day", "")), today)
    except ValueError:
        day = today
    shifts = list(queries.shifts_of(staff).order_by("unit__path", "pk"))
    lines = queries.day_of(day, shifts)
    return _drawn(
        request,
        staff,
        "attendance",
        lines=lines,
        day=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1) if day < today else None,
        missed=sum(line.missed for line in lines),
        late=sum(line.late is not None for line in lines),
    )
