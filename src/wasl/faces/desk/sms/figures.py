"""Figures of SMS by operator, class, audience, unit, client; head-room; their monthly review with a signature."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.amounts import counted, percent, span
from wasl.faces.desk.setup.page import tried
from wasl.faces.desk.sheets import CSV_MIME, Cell, Heading, Mark, write_csv
from wasl.faces.desk.sms.page import FORM, READ, STEER, draw, page
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.services.texts import tally
from wasl.services.texts.models import Client, Klass, Operator, Review
from wasl.services.texts.tally import Figures

_PERIODS = [
    ("month", gettext_lazy("Month")),
    ("day", gettext_lazy("Day")),
    ("", pgettext_lazy("period", "All of it")),
]
_BY = [
    ("operator", gettext_lazy("Operator")),
    ("klass", pgettext_lazy("text", "Class")),
    ("audience", gettext_lazy("For whom")),
    ("unit", gettext_lazy("Unit")),
    ("client", gettext_lazy("Client")),
    ("", pgettext_lazy("group", "all together")),
]
_MOST_DAYS = 3 * 366


class FiguresForm(forms.Form):
    """Which figures."""

    period = forms.ChoiceField(label=gettext_lazy("For each"), choices=_PERIODS, required=False)
    by = forms.ChoiceField(label=gettext_lazy("By"), choices=_BY, required=False)
    since = forms.DateField(
        label=gettext_lazy("From day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=gettext_lazy("Until day"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


@dataclass(frozen=True)
class Chosen:
    """Which figures, as an address says it; without one the last three months by operator."""

    period: str
    by: str
    since: date
    until: date

    @classmethod
    def read(cls, query: QueryDict) -> "Chosen":
        """From an address; what is not understood is as usual."""
        today = timezone.localdate(clock.now())
        form = FiguresForm(query)
        form.is_valid()
        given = form.cleaned_data
        until = given.get("until") or today
        since = given.get("since") or (today.replace(day=1) - timedelta(days=62)).replace(day=1)
        since = max(min(since, until), until - timedelta(days=_MOST_DAYS))
        usual = "since" not in query
        return cls(
            given.get("period", "") if not usual else "month", given.get("by", "") if not usual else "operator",
            since, until,
        )  # fmt: skip

    def pairs(self) -> list[tuple[str, str]]:
        """As an address says it."""
        return [("period", self.period), ("by", self.by), ("since", f"{self.since}"), ("until", f"{self.until}")]

    def figures(self) -> list[Figures]:
        """The lines."""
        return tally.figures(self.since, self.until, period=self.period, by=self.by)

    def words(self) -> str:
        """In words, for a file."""
        return _("SMS from %(since)s to %(until)s") % {
            "since": dates.calendar_day(self.since),
            "until": dates.calendar_day(self.until),
        }


def _unit(key: str) -> str:
    unit = organisation.unit_of(int(key)) if key else None
    return str(unit) if unit else _("no unit")


def namer(by: str) -> Callable[[str | None], str]:
    """What the lines of a grouping are called."""
    none = pgettext("operator", "not sent yet") if by == "operator" else "–"
    if by == "unit":
        return lambda key: _unit(key or "")
    names: Mapping[str, Any] = {}
    if by == "operator":
        names = {str(pk): name for pk, name in Operator.objects.values_list("pk", "name")}
    elif by == "client":
        names = {str(pk): name for pk, name in Client.objects.values_list("pk", "name")}
    elif by == "klass":
        names = {str(k): words for k, words in Klass.choices}
    elif by == "audience":
        names = dict(Client.Audience.choices)
    return lambda key: str(names.get(key or "", none)) if by else _("all together")


def when(one: Figures, period: str) -> str:
    """The period of a line in words."""
    if one.when is None:
        return ""
    return dates.month(one.when) if period == "month" else dates.calendar_day(one.when)


def step(seconds: float | None) -> str:
    """A span that is known by its step."""
    if seconds is None:
        return "–"
    if seconds > tally.STEPS_S[-1]:
        return _("over %(span)s") % {"span": span(tally.STEPS_S[-1])}
    return span(seconds)


def _line(one: Figures) -> dict[str, Any]:
    return {
        "one": one,
        "made": counted(one.made),
        "parts": counted(one.parts),
        "share": percent(one.share),
        "cost": f"{one.cost:.3f}",
        "accepted": [step(one.accepted_within(share)) for share in (0.5, 0.95)],
        "delivered": [step(one.delivered_within(share)) for share in (0.5, 0.95)],
    }


@page(READ)
def figures(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The figures, head-room and what came in."""
    chosen = Chosen.read(request.GET)
    name = namer(chosen.by)
    found = chosen.figures()
    total = next(iter(tally.figures(chosen.since, chosen.until)), None)
    room = [
        {
            "operator": one.operator,
            "allowed": counted(round(one.allowed)) if one.allowed else "",
            "peak": one.peak,
            "used": percent(one.used),
            "tight": one.used is not None and one.used > 0.8,
        }
        for one in tally.room(chosen.since, chosen.until)
    ]
    return draw(
        request,
        staff,
        "figures",
        "sms_figures",
        form=FiguresForm(
            initial={"period": chosen.period, "by": chosen.by, "since": chosen.since, "until": chosen.until},
            auto_id="figures-%s",
        ),
        lines=[{"when": when(one, chosen.period), "of": name(one.of), **_line(one)} for one in found],
        total=_line(total) if total else None,
        room=room,
        received=tally.received(chosen.since, chosen.until),
        query=urlencode(chosen.pairs()),
        period=chosen.period,
    )


@page(READ)
def figures_csv(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The same as CSV, spans in seconds; figures only, nothing of any person."""
    chosen = Chosen.read(request.GET)
    name = namer(chosen.by)
    heads = (
        _("Period"), _("Of"), _("Handed in"), _("Taken"), _("Parts"), _("Delivered"), _("Failed"), _("Too late"),
        _("Taken back"), _("In doubt"), _("Delivered of those that ended"), _("Cost"),
        _("Taken: half within, s"), _("Taken: 95 % within, s"), _("Delivered: half within, s"),
        _("Delivered: 95 % within, s"),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [
            one.when.isoformat() if one.when else "", name(one.of), one.made, one.accepted, one.parts, one.delivered,
            one.failed, one.expired, one.cancelled, one.in_doubt, _plain(one.share), f"{one.cost:.4f}",
            *(_plain(x) for x in (
                one.accepted_within(0.5), one.accepted_within(0.95),
                one.delivered_within(0.5), one.delivered_within(0.95),
            )),
        ]
        for one in chosen.figures()
    ]  # fmt: skip
    line = f"{chosen.words()} · {staff}, {dates.exact(clock.now())}"
    out = io.StringIO()
    write_csv(out, [Heading(head) for head in heads], rows, Mark(line, [], chosen.words(), str(staff)))
    response = HttpResponse(out.getvalue(), content_type=CSV_MIME)
    response.headers["Content-Disposition"] = 'attachment; filename="wasl-sms.csv"'
    return response


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:g}" if value >= 1 else f"{value:.3f}"


# --- the monthly review ---


class ReviewForm(forms.Form):
    """What was seen in the figures of a month."""

    month = forms.ChoiceField(label=gettext_lazy("Month"))
    remarks = forms.CharField(
        label=gettext_lazy("What the figures show, and what follows from it"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        first, months = timezone.localdate(clock.now()).replace(day=1), []
        for _n in range(13):
            months.append((first.isoformat(), dates.month(first)))
            first = (first - timedelta(days=1)).replace(day=1)
        self.fields["month"].choices = months  # type: ignore[attr-defined]  # a ChoiceField


@page(READ, methods=FORM)
def reviews(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The reviews so far; posted to, a month is signed off."""
    today = timezone.localdate(clock.now())
    last = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    posted = request.method == "POST"
    form = ReviewForm(request.POST if posted else None, initial={"month": last.isoformat()})
    if posted:
        rights.require(staff, STEER)
        if form.is_valid():
            g = form.cleaned_data
            month = date.fromisoformat(g["month"])
            if tried(request, form, lambda: tally.sign(month, by=staff, remarks=g["remarks"]), _("Signed.")):
                return redirect("desk:sms_reviews")
    recent = tally.figures((last - timedelta(days=365)).replace(day=1), today, period="month")
    rows = [
        {
            "review": one,
            "month": dates.month(one.month),
            "share": percent(one.figures["delivered"] / one.figures["ended"] if one.figures.get("ended") else None),
            "accepted_95": step(one.figures.get("accepted_95_s")),
        }
        for one in Review.objects.select_related("by")[:60]
    ]
    return draw(
        request,
        staff,
        "reviews",
        "sms_reviews",
        422 if form.errors else 200,
        form=form,
        rows=rows,
        months=[{"when": when(one, "month"), **_line(one)} for one in reversed(recent)],
        may_sign=rights.scopes(staff, STEER).centre,
    )
