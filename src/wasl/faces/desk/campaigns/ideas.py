"""Ideas of units for services by SMS, what became of them, and how much room the gateway has for more (J18)."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.campaigns.page import FORM, draw, found
from wasl.faces.desk.setup.page import number, tried
from wasl.kernel import clock
from wasl.services.campaigns import queries
from wasl.services.enquiries import ideas
from wasl.services.enquiries.models import Idea
from wasl.services.texts import tally

MOST = 200
DAYS = 30
_TONES = {"new": "act", "weighed": "soon", "planned": "soon", "live": "good", "declined": ""}


class IdeaForm(forms.Form):
    """A new one."""

    unit = forms.ChoiceField(label=_("In the name of"))
    title = forms.CharField(label=_("What people could ask or be told"), max_length=120)
    body = forms.CharField(
        label=_("Whom it helps, and where the answer comes from"), max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )  # fmt: skip
    per_month = forms.IntegerField(
        label=_("Texts a month that it may bring"), min_value=0, max_value=100_000_000, required=False
    )

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].choices = [  # type: ignore[attr-defined]  # a ChoiceField
            (str(unit.pk), str(unit)) for unit in queries.units_of(by)
        ]


@desk(right=ideas.HANDS_IN, methods=FORM)
def register(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All that this person may see, a new one, and what becomes of one for who decides."""
    do = request.POST.get("do", "")
    form = IdeaForm(request.POST if do == "make" else None, by=staff)
    if do == "decide":
        held = found(ideas.visible_to(staff), number(request.POST.get("idea", "")))
        given = {"state": request.POST.get("state", ""), "answer": request.POST.get("answer", "")}
        tried(request, None, lambda: ideas.decide(held, by=staff, **given), _g("Saved."))
        return redirect("desk:ideas")
    if do == "make" and form.is_valid():
        g = form.cleaned_data
        unit = next(one for one in queries.units_of(staff) if str(one.pk) == g["unit"])

        def make() -> None:
            ideas.hand_in(unit, by=staff, title=g["title"], body=g["body"], per_month=g["per_month"])

        if tried(request, form, make, _g("Handed in. You read here what becomes of it.")):
            return redirect("desk:ideas")
    today = timezone.localdate(clock.now())
    return draw(
        request, staff, "ideas", "ideas", 422 if form.errors else 200, form=form, states=Idea.State.choices,
        rows=[(one, _TONES[one.state]) for one in ideas.visible_to(staff)[:MOST]],
        decides=rights.scopes(staff, ideas.DECIDES).centre,
        room=[_room(one) for one in tally.room(today - timedelta(days=DAYS), today) if one.operator.on], days=DAYS,
    )  # fmt: skip


def _room(one: tally.Room) -> dict[str, Any]:
    peak = one.peak.parts if one.peak else 0
    left = max(0, round(one.allowed - peak)) if one.allowed else None
    return {"operator": one.operator, "peak": peak, "allowed": round(one.allowed) or None, "left": left}
