"""SMS as citizens meet it on the web: what can be texted, and the alerts that somebody gets."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from wasl.core.people.models import Address
from wasl.faces.portal import access
from wasl.faces.portal.access import Me
from wasl.faces.portal.forms import _Form
from wasl.faces.portal.me import _rows, _show, own
from wasl.kernel import seal
from wasl.kernel.names import code_of
from wasl.services.dialogue import opting
from wasl.services.dialogue import queries as dialogue
from wasl.services.dialogue.models import Command, ShortCode
from wasl.services.subscriptions import actions, queries
from wasl.services.subscriptions.models import Subscription, Topic


@dataclass(frozen=True)
class Row:
    """A command as it is listed: what one texts, and what one gets."""

    written: str
    name: str


@require_GET
def by_sms(request: HttpRequest) -> HttpResponse:
    """Every live command of every code, from the table that the gateway answers by (B10)."""
    language = code_of(get_language())
    codes: list[tuple[ShortCode, list[Row]]] = []
    shared: dict[tuple[str, str], Row] = {}
    for code in dialogue.codes().values():
        own_rows = []
        for command in code.commands.values():
            row = Row(command.written(language), command.name)
            if command.code_id is not None:
                own_rows.append(row)
            elif command.kind != Command.Kind.VERDICT:
                shared[row.written, row.name] = row
        codes.append((code.row, own_rows))
    return render(request, "portal/by_sms.html", {"codes": codes, "shared": list(shared.values())})


class AlertForm(_Form):
    """What somebody wants to be alerted of, and at which of his numbers."""

    topic = forms.ChoiceField(label=gettext_lazy("What about?"), widget=forms.RadioSelect)
    key = forms.CharField(
        label=gettext_lazy("Number it is about, such as the plate of a vehicle"),
        max_length=60,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    number = forms.ChoiceField(label=gettext_lazy("To which telephone?"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, topics: list[Topic], numbers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["topic"].choices = [(one.code, str(one)) for one in topics]  # type: ignore[attr-defined]  # choices
        self.fields["number"].choices = [(one, f"\u2066{one}\u2069") for one in numbers]  # type: ignore[attr-defined]  # as above
        if len(numbers) == 1:
            self.fields["number"].initial = numbers[0]


def _numbers(here: Me) -> list[str]:
    """His telephones: those that he has proved, and never one that failed since."""
    proved = _rows(here).filter(medium=Address.Medium.PHONE, verified_at__isnull=False, failed_at__isnull=True)
    return sorted({seal.unseal(bytes(row.value_sealed)) for row in proved})


@require_http_methods(["GET", "HEAD", "POST"])
@own
def alerts(request: HttpRequest, here: Me) -> HttpResponse:
    """His alerts by SMS: what he gets, one more, and an end to each (J1)."""
    numbers, topics = _numbers(here), list(queries.topics())
    mine = queries.live(numbers)
    do = request.POST.get("do", "")
    if do == "stop":
        pk = request.POST.get("subscription", "")
        one = mine.filter(pk=int(pk)).first() if pk.isascii() and pk.isdecimal() and len(pk) < 19 else None
        if one is None:
            raise Http404
        actions.stop(one, by=Subscription.By.PORTAL)
        messages.success(request, _("You get no more of these alerts."))
        return redirect("portal:me_alerts")
    form = AlertForm(request.POST if do in ("add", "agree") else None, topics=topics, numbers=numbers)
    consent = ""
    if do in ("add", "agree"):
        access.limit(request, "portal-add")
    if do in ("add", "agree") and form.is_valid():
        g = form.cleaned_data
        topic = next(one for one in topics if one.code == g["topic"])
        language = code_of(get_language())
        try:
            key = actions.check(topic, g["key"], number=g["number"])
        except actions.Refused as refused:
            form.add_error("key", str(refused))
        else:
            consent = queries.consent(topic, key, language)
            if do == "agree":
                actions.subscribe(
                    topic,
                    key,
                    number=g["number"],
                    language=language,
                    by=Subscription.By.PORTAL,
                    proof={"words": consent, "sign_in": here.sign_in.pk},
                    person=here.persons[0] if here.persons else None,
                )
                opting.want_again(g["number"])
                messages.success(request, _("We alert you by SMS from now on."))
                return redirect("portal:me_alerts")
    return _show(
        request, here, "alerts", status=422 if form.errors else 200, mine=mine, form=form, consent=consent,
        numbers=numbers, topics=topics,
    )  # fmt: skip
