"""Asking on the web: what strangers may look up, by the definitions and the `ask` that every channel uses."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from wasl.faces.portal import access
from wasl.faces.portal.pages import limited
from wasl.kernel.names import code_of, local
from wasl.services.enquiries import actions, queries, reading
from wasl.services.enquiries.definitions import Definition
from wasl.services.enquiries.models import Enquiry


class AskForm(forms.Form):
    """One field for each thing that an enquiry asks for."""

    use_required_attribute = False
    label_suffix = ""
    row = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    def __init__(self, *args: Any, of: Definition, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in of.fields:
            label = local(field.labels) or str(reading.Kind(field.kind).label)
            optional = field.kind == reading.Kind.PIN and of.who == Enquiry.Who.EITHER
            self.fields[field.name] = forms.CharField(
                label=label[:1].upper() + label[1:],
                max_length=reading.LONGEST,
                required=not optional,
                help_text="" if optional else _("such as %(example)s") % {"example": field.example},
                widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
            )
        self._names = [field.name for field in of.fields]

    def words(self) -> tuple[str, ...]:
        """What was given, in order."""
        return tuple(self.cleaned_data[name] for name in self._names)


@require_GET
def every(request: HttpRequest) -> HttpResponse:
    """What may be asked here."""
    rows = sorted(((one, one.name(get_language() or "")) for one in queries.open_to_strangers()), key=lambda r: r[1])
    return render(request, "portal/ask.html", {"rows": rows})


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def one(request: HttpRequest, code: str) -> HttpResponse:
    """One enquiry: its form, and the answer above it."""
    wanted = next((held for held in queries.open_to_strangers() if held.code == code), None)
    if wanted is None:
        raise Http404
    form = AskForm(request.POST if request.method == "POST" else None, of=wanted)
    answer, status = None, 200
    if request.method == "POST":
        access.limit(request, "portal-ask")
        status = 422
        if form.is_valid():
            answer = _ask(request, wanted, form)
            if answer.kind == actions.MALFORMED:
                form.add_error(None, answer.text)
                answer = None
            else:
                status = 200
    context = {"form": form, "answer": answer, "heading": wanted.name(get_language() or "")}
    return render(request, "portal/ask_one.html", context, status=status)


def _ask(request: HttpRequest, wanted: Definition, form: AskForm) -> actions.Answer:
    asker = actions.Asker("web", None, code_of(get_language()), visitor=access.visitor(request))
    question = actions.Question(wanted.code, form.words(), asker, row=form.cleaned_data["row"])
    return actions.ask([question])[0]
