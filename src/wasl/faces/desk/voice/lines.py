"""The numbers that people call: which flow answers, in which languages, and when a person at once."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.page import FORM, draw, found, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.desk.voice.forms import LineForm
from wasl.services.calls import flows
from wasl.services.calls.models import Line


@desk(right=flows.RIGHT, methods=FORM)
def line(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One number, or a new one."""
    held: Line | None = found(Line, pk) if pk else None
    form = LineForm(request.POST if request.method == "POST" else None, initial=_initial(held))
    if form.is_valid() and tried(
        request, form, lambda: flows.save_line(held, by=staff, facts=form.cleaned_data),
        _("Saved. The next call is answered so."),
    ):  # fmt: skip
        return redirect("desk:flows")
    return draw(
        request, staff, "phone_line", "flows", 422 if form.errors else 200, form=form,
        heading=held or _("New number"),
        changes=changes_of(Audit.objects.filter(kind="line", row=held.pk)) if held else [],
    )  # fmt: skip


def _initial(held: Line | None) -> dict[str, Any]:
    if held is None:
        return {"flow": flows.MAIN}
    return {
        "number": held.number, "name": held.name, "flow": held.flow, "languages": held.languages,
        "straight": held.straight, "calendar": held.calendar_id,
    }  # fmt: skip
