"""Other systems and their keys."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wasl.core.organisation import actions
from wasl.core.organisation.models import Client, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, draw, found, number, tried, unit_by_code


@desk(right="clients.edit", methods=FORM)
def clients(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Systems with a key; a new key is shown once, here."""
    do = request.POST.get("do", "")
    form = forms.ClientForm(request.POST if do == "make" else None, by=staff)
    key = ""
    if do == "make" and form.is_valid():
        g, made = form.cleaned_data, []
        if tried(
            request,
            form,
            lambda: made.append(
                actions.make_client(by=staff, name=g["name"], unit=unit_by_code(g["unit"]), trusted=g["trusted"])
            ),
            _("Made."),
        ):
            key, form = made[0][1], forms.ClientForm(by=staff)
    elif do in ("shut", "open"):
        client = found(Client, number(request.POST.get("client", "")))
        tried(request, None, lambda: actions.set_client_active(client, by=staff, active=do == "open"), _("Saved."))
        return redirect("desk:clients")
    rows = Client.objects.select_related("unit").order_by("-active", "name")
    return draw(request, staff, "clients", "clients", 422 if form.errors else 200, form=form, rows=rows, key=key)
