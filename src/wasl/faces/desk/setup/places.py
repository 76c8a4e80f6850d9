"""Areas of the city, and working calendars with what durations would come to."""

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wasl.core.organisation import actions, queries
from wasl.core.organisation.models import Area, Calendar, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, HOUSE, draw, found, tried
from wasl.faces.desk.story import duration_words
from wasl.kernel import clock, worktime
from wasl.kernel.worktime import Duration


@desk(right=HOUSE, methods=FORM)
def areas(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The areas, and taking in a file of them."""
    form = forms.AreasForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        counts: list[tuple[int, int]] = []
        try:
            counts.append(actions.save_areas(form.cleaned_data["file"], by=staff))
        except actions.Refused as refused:
            form.add_error("file", str(refused))
        else:
            messages.success(
                request,
                _("%(made)s areas are new, %(changed)s were replaced.")
                % {"made": counts[0][0], "changed": counts[0][1]},
            )
            return redirect("desk:areas")
    rows = Area.objects.select_related("parent").order_by("kind", "code").defer("geometry")
    return draw(request, staff, "areas", "areas", 422 if form.errors else 200, form=form, rows=rows)


# --- calendars ---

PREVIEWED = ("4wh", "1wd", "5wd", "15wd")


def _preview(calendar: Calendar) -> list[tuple[str, Any]]:
    value, now = queries.as_value(calendar), clock.now()
    return [(duration_words(text), worktime.add(value, now, d)) for text in PREVIEWED if (d := Duration.parse(text))]


@desk(right=HOUSE)
def calendars(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The working calendars."""
    rows = [
        {
            "calendar": c,
            "units": c.used,
            "week": [(label, forms.windows_text(c.weekly.get(day, []))) for day, label in forms.DAYS],
        }
        for c in Calendar.objects.annotate(used=Count("unit")).order_by("code")
    ]
    return draw(request, staff, "calendars", "calendars", rows=rows)


@desk(right=HOUSE, methods=FORM)
def calendar(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One calendar, with what some durations from now would come to; `do=preview` changes nothing."""
    held: Calendar | None = found(Calendar, pk) if pk else None
    form = forms.CalendarForm(request.POST or None, initial=forms.CalendarForm.initial_of(held) if held else None)
    preview = _preview(held) if held else []
    if request.method == "POST" and form.is_valid():
        g = form.cleaned_data
        facts = {
            "code": g["code"], "names": form.names(), "timezone": g["timezone"], "country": g["country"].upper(),
            "weekly": form.week("week"), "ramadan_weekly": form.week("ramadan"), "exceptions": form.exceptions(),
        }  # fmt: skip
        if request.POST.get("do") == "preview":
            trial = Calendar(**facts)
            try:
                actions.check_calendar(trial)
                preview = _preview(trial)
            except (actions.Refused, ValueError) as refused:
                form.add_error(None, str(refused))
        elif tried(
            request,
            form,
            lambda: actions.save_calendar(held, by=staff, **facts),
            _("Saved. Due dates of open requests follow within minutes."),
        ):
            return redirect("desk:calendars")
    return draw(
        request,
        staff,
        "calendar",
        "calendars",
        422 if form.errors else 200,
        form=form,
        row=held,
        preview=preview,
        heading=held or _("New calendar"),
    )
