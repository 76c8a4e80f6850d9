"""Forgetting a person and the retention rule, each with what would go."""

from datetime import UTC, datetime, time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from wasl.core.cases import forgetting
from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people import queries as people
from wasl.core.people.models import Person
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, draw
from wasl.kernel import clock


@desk(right="person.forget", methods=FORM)
def privacy(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Forgetting a person and the retention rule, each with a preview; done by a second, separate POST."""
    do = request.POST.get("do", "")
    may_retain = rights.may(staff, "retention.run")
    person_form = forms.PersonForm(request.POST if "person" in do else None)
    retention_form = forms.RetentionForm(request.POST if "retention" in do else None)
    context: dict[str, Any] = {
        "person_form": person_form,
        "retention_form": retention_form,
        "may_retain": may_retain,
        "asked": people.asked_to_be_forgotten()[:100],
        "alone": True,
    }
    if "person" in do and person_form.is_valid():
        context |= _forget(request, staff, person_form, sure=do == "person-forget")
    elif "retention" in do and retention_form.is_valid():
        rights.require(staff, "retention.run")
        context |= _retain(request, staff, retention_form, sure=do == "retention-run")
    bad = person_form.errors or retention_form.errors
    if context.get("done"):
        return redirect("desk:privacy")
    return draw(request, staff, "privacy", "privacy", 422 if bad else 200, **context)


def _forget(request: HttpRequest, staff: Staff, form: forms.PersonForm, *, sure: bool) -> dict[str, Any]:
    pk = int(form.cleaned_data["person"].strip()[2:])
    person = Person.objects.filter(pk=pk, forgotten_at__isnull=True).first()
    if person is None:
        form.add_error("person", _("There is no such person, or he was forgotten already."))
        return {}
    if not sure:
        return {"person": person, "person_preview": forgetting.preview_forget(person)}
    try:
        gone = forgetting.forget(person, by=staff)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
        return {}
    messages.success(
        request,
        _("%(person)s was forgotten in %(cases)s requests.") % {"person": person.pseudonym, "cases": gone.cases},
    )
    return {"done": True}


def _retain(request: HttpRequest, staff: Staff, form: forms.RetentionForm, *, sure: bool) -> dict[str, Any]:
    day = form.cleaned_data["before"]
    before = datetime.combine(day, time(), tzinfo=timezone.get_current_timezone()).astimezone(UTC)
    if before > clock.now():
        form.add_error("before", _("Choose a day in the past."))
        return {}
    if not sure:
        return {"before": day, "retention_preview": forgetting.preview_retention(before)}
    gone = forgetting.retain(before, by=staff)
    messages.success(request, _("Personal data was taken out of %(cases)s requests.") % {"cases": gone.cases})
    return {"done": True}
