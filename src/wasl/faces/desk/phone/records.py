"""Records of calls: the list with its stamps, figures with their formulas, recordings that are played with a reason."""

import io
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.organisation.models import Staff
from wasl.faces.desk.amounts import percent, seconds
from wasl.faces.desk.phone.page import FORM, LISTEN, SUPERVISE, draw, page
from wasl.faces.desk.setup.page import found
from wasl.faces.desk.sheets import CSV_MIME, Cell, Heading, Mark, write_csv
from wasl.faces.desk.sounds import played
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.services.calls import figures as counting
from wasl.services.calls import recordings as kept
from wasl.services.calls.figures import Figures
from wasl.services.calls.models import Call, Line, Queue, Recording
from wasl.services.calls.seats import Unfit

PAGE = 50
MOST_DAYS = 366
_EVERY = [
    ("", pgettext_lazy("period", "All of it")),
    ("hour", gettext_lazy("Hour")),
    ("day", gettext_lazy("Day")),
    ("month", gettext_lazy("Month")),
]
_BY = [
    ("queue", gettext_lazy("Queue")),
    ("agent", gettext_lazy("Agent")),
    ("line", gettext_lazy("Number called")),
    ("", pgettext_lazy("group", "all together")),
]


class FiguresForm(forms.Form):
    """Which figures."""

    every = forms.ChoiceField(label=gettext_lazy("For each"), choices=_EVERY, required=False)
    by = forms.ChoiceField(label=gettext_lazy("By"), choices=_BY, required=False)
    since = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=gettext_lazy("Until"), widget=forms.DateInput(attrs={"type": "date"}))


@dataclass(frozen=True)
class Chosen:
    """What was asked for; today by queue where nothing was."""

    every: str
    by: str
    since: date
    until: date

    @classmethod
    def read(cls, given: QueryDict) -> "Chosen":
        """Whatever cannot be understood is as usual."""
        today = timezone.localdate(clock.now())
        form = FiguresForm(given)
        if not form.is_valid():
            return cls("", "queue", today, today)
        g = form.cleaned_data
        since, until = sorted((g["since"], g["until"]))
        return cls(g["every"], g["by"], max(since, until - timedelta(days=MOST_DAYS)), until)

    def span(self) -> tuple[datetime, datetime]:
        """From midnight to midnight, local time."""
        zone = timezone.get_current_timezone()
        begin = datetime.combine(self.since, datetime.min.time(), zone)
        return begin, datetime.combine(self.until + timedelta(days=1), datetime.min.time(), zone)

    def query(self) -> str:
        """For an address."""
        return urlencode({"every": self.every, "by": self.by, "since": self.since, "until": self.until})


def _names(by: str) -> dict[int, str]:
    if by == "queue":
        return {one.pk: str(one) for one in Queue.objects.all()}
    if by == "agent":
        return {one.pk: str(one) for one in Staff.objects.filter(phone_profile__isnull=False)}
    return {one.pk: str(one) for one in Line.objects.all()} if by == "line" else {}


def _name(one: Figures, by: str, names: dict[int, str]) -> str:
    if not by:
        return _("all together")
    if one.of is None:
        return _("nobody") if by == "agent" else _("no queue: served by the machine, or hung up in the menu")
    if one.of not in names and by == "agent":
        names[one.of] = str(Staff.objects.get(pk=one.of))
    return names.get(one.of, "–")


def _when(one: Figures, every: str) -> str:
    if one.when is None:
        return ""
    if every == "month":
        return dates.month(one.when.date())
    day = dates.calendar_day(one.when.date())
    return f"{day} {one.when:%H:%M}" if every == "hour" else day


def _line(one: Figures) -> dict[str, Any]:
    return {
        "one": one,
        "connected": percent(one.connected),
        "abandon_rate": percent(one.abandon_rate),
        "sl": [percent(share) for share in (one.sl1, one.sl2, one.sl3)],
        "timely": percent(one.timely),
        "at_once": percent(one.at_once),
        "asa": seconds(one.asa_s),
        "aht": seconds(one.aht_s),
    }


@page(SUPERVISE)
def figures(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The figures, outcomes that sum to what was received, and the agents' time."""
    chosen = Chosen.read(request.GET)
    since, until = chosen.span()
    names = _names(chosen.by)
    lines = counting.figures(since, until, by=chosen.by, every=chosen.every)
    total = next(iter(counting.figures(since, until)), None)
    labels: dict[str, Any] = {**dict(Call.Outcome.choices), counting.STILL: _("not over yet")}
    sat = counting.attendance(since, until, clock.now())
    people = _names("agent")
    return draw(
        request, staff, "figures", "phone_figures",
        form=FiguresForm(
            initial={"every": chosen.every, "by": chosen.by, "since": chosen.since, "until": chosen.until},
            auto_id="figures-%s",
        ),
        lines=[
            {"when": _when(one, chosen.every), "of": _name(one, chosen.by, names), **_line(one)} for one in lines
        ],
        total=_line(total) if total else None,
        outcomes=[(labels[code], n) for code, n in total.outcomes.items() if n] if total else [],
        every=chosen.every,
        query=chosen.query(),
        occupancy=percent(counting.occupancy_of(sat)),
        attendance=[
            {
                "who": people.get(one.staff) or str(Staff.objects.get(pk=one.staff)),
                "occupancy": percent(one.occupancy),
                "times": [_hours(x) for x in (one.signed_in_s, one.busy_s, one.wrap_s, one.break_s)],
                "aside": one.set_aside,
            }
            for one in sat
        ],
        short_s=counting.S,
    )  # fmt: skip


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d}"


@page(SUPERVISE)
def figures_csv(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The same as CSV, sums in seconds; nothing of any caller."""
    chosen = Chosen.read(request.GET)
    names = _names(chosen.by)
    heads = (
        _("Period"), _("Of"), _("Received"), *(str(label) for label in Call.Outcome.labels), _("not over yet"),
        _("Wanted a person"), _("Answered"), _("Answered in time"), _("Hung up waiting"), _("of these within 5 s"),
        _("Handed on"), "SL1", "SL2", "SL3", _("Connected"), _("Mean wait, s"), _("Mean handling, s"), _("Talk, s"),
        _("Wrap-up, s"), _("Did not call again"),
    )  # fmt: skip
    rows: list[list[Cell]] = [
        [
            one.when.isoformat() if one.when else "", _name(one, chosen.by, names), one.received,
            *one.outcomes.values(), one.offered, one.answered, one.in_time, one.abandoned, one.short, one.transferred,
            *(_plain(x) for x in (one.sl1, one.sl2, one.sl3, one.connected, one.asa_s, one.aht_s)),
            _plain(one.talk_s), _plain(one.wrap_s), _plain(one.at_once),
        ]
        for one in counting.figures(*chosen.span(), by=chosen.by, every=chosen.every)
    ]  # fmt: skip
    words = f"{chosen.since} – {chosen.until}"
    out = io.StringIO()
    mark = Mark(f"{words} · {staff}, {dates.exact(clock.now())}", [], words, str(staff))
    write_csv(out, [Heading(head) for head in heads], rows, mark)
    response = HttpResponse(out.getvalue(), content_type=CSV_MIME)
    response.headers["Content-Disposition"] = 'attachment; filename="wasl-calls.csv"'
    return response


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


@page(SUPERVISE)
def calls(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Every call with its stamps, the latest first; older ones by `before`."""
    rows = Call.objects.select_related("agent", "line").order_by("-pk")
    outcome, before = request.GET.get("outcome", ""), request.GET.get("before", "")
    if outcome in Call.Outcome.values:
        rows = rows.filter(outcome=outcome, ended_at__isnull=False)
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows[: PAGE + 1])
    older = urlencode({"outcome": outcome, "before": shown[PAGE - 1].pk}) if len(shown) > PAGE else ""
    missing = list(kept.gaps()[:PAGE])
    return draw(
        request, staff, "calls", "phone_calls",
        rows=shown[:PAGE], older=older, outcome=outcome, outcomes=Call.Outcome.choices,
        gaps=missing, short=kept.short(),
    )  # fmt: skip


@page(LISTEN)
def recordings(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What was recorded, the latest first."""
    before = request.GET.get("before", "")
    rows = Recording.objects.select_related("call__agent").order_by("-pk")
    if before.isascii() and before.isdigit() and len(before) < 19:
        rows = rows.filter(pk__lt=int(before))
    shown = list(rows[: PAGE + 1])
    older = str(shown[PAGE - 1].pk) if len(shown) > PAGE else ""
    return draw(request, staff, "recordings", "phone_recordings", rows=shown[:PAGE], older=older)


class WhyForm(forms.Form):
    """Why somebody listens."""

    reason = forms.CharField(
        label=gettext_lazy("Why do you listen to it? It is kept with your name."),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


@page(LISTEN, methods=FORM)
def recording(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One recording: the reason first, then the sound; and who listened to it before (D2, P2)."""
    one: Recording = found(Recording, pk)
    form = WhyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            kept.listen(one, by=staff, reason=form.cleaned_data["reason"])
        except Unfit as unfit:
            form.add_error(None, str(unfit))
        else:
            return redirect("desk:phone_recording", pk)
    return draw(
        request, staff, "recording", "phone_recordings", 422 if form.errors else 200,
        row=one, call=one.call, form=form, heard=kept.reason_of(one, by=staff),
        listenings=one.listenings.select_related("by").order_by("-at")[:20],
        seconds=one.milliseconds // 1000,
    )  # fmt: skip


@page(LISTEN)
def sound(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The WAV file, whole or the part that the player asks for (RFC 9110, 14); only for who has said why."""
    one: Recording = found(Recording, pk)
    try:
        data = kept.again(one, by=staff)
    except Unfit as unfit:
        raise Http404 from unfit
    return played(request, data)
