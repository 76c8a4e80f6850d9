"""The prompt to check a person's telephone number, beside the agent's form and on the record, and the page behind it.

What is asked and proved is decided in `services.messages.numbers`.
"""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people import proving, queries
from wasl.core.people.models import Address, Code, Person
from wasl.faces.desk.access import desk, is_part
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.setup.page import FORM, found, number
from wasl.kernel import clock, throttle
from wasl.services.messages import numbers

WHY: dict[str, str | Promise] = {
    "none": _("We have no telephone number of his. Ask for one that he keeps."),
    "poor": _("Texts do not arrive at this number, or somebody else has it. Ask for the right one."),
    "unproved": _("Nobody has confirmed yet that this number is his."),
    "old": _("It is more than a year since he confirmed this number. Ask whether he still has it."),
}


class CodeForm(forms.Form):
    """What he reads out."""

    code = forms.CharField(
        label=_("The code, six digits"), max_length=40,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "numeric", "autocomplete": "off"}),
    )  # fmt: skip


class NumberForm(forms.Form):
    """Another number of his."""

    number = forms.CharField(
        label=_("Another number"), max_length=40, required=False,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "tel", "autocomplete": "off"}),
    )  # fmt: skip


def prompt(person: Person, staff: Staff) -> dict[str, Any]:
    """What the part `desk/_number.html` needs to begin with."""
    best = queries.best_number(person)
    why = queries.doubt(best)
    others = [row for row in person.addresses.all() if row.medium == Address.Medium.PHONE and row != best]
    return {
        "held": person,
        "best": best,
        "others": others,
        "why": WHY.get(why, ""),
        "poor": why == "poor",
        "may_add": numbers.may_add(person, staff),
        "number_form": NumberForm(auto_id=f"number-{person.pk}-%s"),
    }


@desk(right="person.edit", methods=FORM)
def check(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """A code is sent to a number of this person, and what he reads out is compared (Q2)."""
    rights.require(staff, numbers.RIGHT)
    held: Person = found(Person, pk)
    more: dict[str, Any] = {}
    status = 200
    if request.method == "POST":
        try:
            more = _done(request, held, staff)
        except throttle.TooMany as many:
            minutes = max(1, many.retry_after_s // 60)
            more = {"refused": _g("Too many codes were sent. Try again in %(n)s minutes.") % {"n": minutes}}
            status = 429
        except NotAllowed as refused:
            more, status = {"refused": str(refused)}, 409
        except proving.CodeRefused:
            refusal = _g("This code does not count any more: it is older than ten minutes, or was wrong too often.")
            more, status = {"refused": refusal}, 409
    more = {**prompt(Person.objects.get(pk=held.pk), staff), "now": clock.now(), **more}
    if is_part(request):
        # htmx shows a refusal only in an answer that went well; the words are in it.
        return render(request, "desk/_number.html", more)
    return render(request, "desk/matters/number.html", desk_context(request, staff, "people", **more), status=status)


def _done(request: HttpRequest, held: Person, staff: Staff) -> dict[str, Any]:
    do = request.POST.get("do", "")
    if do == "confirm":
        code = Code.objects.select_related("person").filter(pk=number(request.POST.get("asked", ""))).first()
        if code is None or code.person_id != held.pk:
            raise NotAllowed(_g("Send the code anew."))
        form = CodeForm(request.POST, auto_id=f"number-{held.pk}-%s")
        if form.is_valid() and numbers.confirm(code, form.cleaned_data["code"], by=staff):
            return {"confirmed": code.hint}
        if not form.errors:
            form.add_error("code", _g("This is not the code that we sent last. Please look again."))
        return {"asked": code, "code_form": form}
    address = number(request.POST.get("address", "")) or None
    code = numbers.ask(held, by=staff, address=address, number=request.POST.get("number", "")[:40])
    return {"asked": code, "code_form": CodeForm(auto_id=f"number-{held.pk}-%s")}


MOST = 200


@desk(right="person.edit")
def repair(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Addresses that no longer work or are somebody else's, the worst first, each with the way to mend it (Q1)."""
    rights.require(staff, numbers.RIGHT)
    rows = list(queries.to_repair()[: MOST + 1])
    context = desk_context(request, staff, "people", now=clock.now(), rows=rows[:MOST], more=len(rows) > MOST)
    return render(request, "desk/matters/repair.html", context)
