"""Alerts by SMS as an agent keeps them for a caller: he asks, the caller agrees, both are kept."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.setup.page import FORM, number
from wasl.kernel import clock, phone
from wasl.kernel.names import OWN_NAMES
from wasl.services.subscriptions import actions, queries
from wasl.services.subscriptions import staff as keeping
from wasl.services.subscriptions.models import Topic


class NumberForm(forms.Form):
    """Whose alerts."""

    number = forms.CharField(
        label=_("The caller's telephone"), max_length=30,
        widget=forms.TextInput(attrs={"dir": "ltr", "autocomplete": "off", "inputmode": "tel"}),
    )  # fmt: skip

    def clean_number(self) -> str:
        """In E.164."""
        found = phone.normalise(self.cleaned_data["number"], organisation.the_city().region)
        if found is None or phone.is_short_code(found):
            raise forms.ValidationError(_g("This is no telephone number."))
        return found


class AlertForm(NumberForm):
    """One more alert for this number."""

    topic = forms.ModelChoiceField(label=_("About"), queryset=Topic.objects.none(), to_field_name="code")
    key = forms.CharField(
        label=_("Number it is about"), max_length=60, required=False,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )  # fmt: skip
    language = forms.ChoiceField(label=_("Language"), choices=[*OWN_NAMES.items()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topic"].queryset = queries.topics()  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["number"].widget = forms.HiddenInput()


@desk(right=keeping.RIGHT, methods=FORM)
def alerts(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What a number gets, an end to it, and one more once the caller has said yes to the words read to him (J1)."""
    rights.require(staff, keeping.RIGHT)
    do = request.POST.get("do", "")
    asked = NumberForm(request.POST if request.method == "POST" else None)
    caller = asked.cleaned_data["number"] if asked.is_valid() else ""
    form = AlertForm(request.POST if do in ("ask", "agree") else None, initial={"number": caller, "language": "ar"})
    consent = ""
    if do == "stop" and caller:
        one = queries.live([caller]).filter(pk=number(request.POST.get("subscription", ""))).first()
        if one is not None:
            keeping.stop(one, by=staff)
            messages.success(request, _g("It is stopped."))
    if do in ("ask", "agree") and form.is_valid():
        g = form.cleaned_data
        try:
            if do == "agree":
                keeping.agree(g["topic"], g["key"], number=g["number"], language=g["language"], by=staff)
                messages.success(request, _g("It is noted that he agreed. The alerts come from now on."))
                form = AlertForm(initial={"number": caller, "language": g["language"]})
            else:
                _key, consent = keeping.words_for(g["topic"], g["key"], number=g["number"], language=g["language"])
        except actions.Refused as refused:
            form.add_error("key", str(refused))
    bad = bool(asked.errors or form.errors)
    context = desk_context(
        request, staff, "people", now=clock.now(), asked=asked, form=form, caller=caller, consent=consent,
        mine=queries.live([caller]) if caller else (), back=reverse("desk:people"),
    )  # fmt: skip
    return render(request, "desk/matters/alerts.html", context, status=422 if bad else 200)
