"""Quality of calls at the desk: the draw of a month, one call scored, an agent's own scores, appeals, the form (P2).

Sound is not here: a recording is played on its own page, with right and reason.
"""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext_lazy

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.phone.page import ANSWER, FORM, LISTEN, draw, page
from wasl.faces.desk.setup.forms import Named, names_of
from wasl.faces.desk.setup.page import found, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.kernel.names import local
from wasl.services.quality import actions, queries
from wasl.services.quality.models import Check, Criterion, Score

MONTHS = 13
_MARKS = {
    "100": pgettext_lazy("mark", "met"), "50": pgettext_lazy("mark", "partly"),
    "0": pgettext_lazy("mark", "not met"), "none": pgettext_lazy("mark", "not asked"),
}  # fmt: skip


def _mark(mark: int | None) -> Any:
    return _MARKS["none" if mark is None else str(mark)]


def _months() -> list[date]:
    """The month before this one first, then those before."""
    made, day = [], timezone.localdate(clock.now()).replace(day=1)
    for _n in range(MONTHS):
        day = (day - timedelta(days=1)).replace(day=1)
        made.append(day)
    return made


def _chosen(text: str) -> date:
    known = _months()
    return next((day for day in known if f"{day:%Y-%m}" == text), known[0])


@page(actions.SCORE, methods=FORM)
def month(request: HttpRequest, staff: Staff) -> HttpResponse:
    """A month: what was drawn, what is scored, figures of each agent; posting draws."""
    shown = _chosen(request.POST.get("month") or request.GET.get("month", ""))
    if request.method == "POST":
        try:
            count = actions.draw(shown, by=staff)
        except Refused as refused:
            messages.error(request, str(refused))
        else:
            said = ngettext("%(n)s recording was drawn.", "%(n)s recordings were drawn.", count) % {"n": count}
            messages.success(request, said if count else _g("Nothing new: this month is drawn."))
        return redirect(f"{reverse('desk:phone_quality')}?month={shown:%Y-%m}")
    rows = list(queries.checks(shown))
    return draw(
        request, staff, "quality", "phone_quality", month=dates.month(shown), chosen=f"{shown:%Y-%m}",
        months=[(f"{day:%Y-%m}", dates.month(day)) for day in _months()],
        rows=[_row(one, staff) for one in rows],
        figures=[
            {"one": one, "score": _number(one.score), "apart": _number(one.apart)} for one in queries.figures(rows)
        ],
        each=actions.EACH,
    )  # fmt: skip


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _row(one: Check, staff: Staff) -> dict[str, Any]:
    scores = list(one.scores.all())
    shown = queries.shown_to(one, staff)
    return {
        "check": one, "seconds": one.recording.milliseconds // 1000, "count": len(scores), "shown": shown,
        "mine": one.agent_id == staff.pk, "done": any(s.by_id == staff.pk for s in scores),
        "appealed": any(s.appealed_at and not s.decided_at for s in scores),
    }  # fmt: skip


class ScoreForm(forms.Form):
    """A mark for each line of the score form."""

    note = forms.CharField(
        label=_("What the agent should know"), max_length=1000, required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = {}
        for one in Criterion.objects.filter(on=True):
            choices = [(mark, word) for mark, word in _MARKS.items() if mark != "50" or not one.critical]
            words = _g("critical: not met makes the whole score 0") if one.critical else ""
            lines[f"mark_{one.pk}"] = forms.ChoiceField(
                label=str(one), choices=choices, widget=forms.RadioSelect,
                help_text=words or _g("weighs %(weight)s") % {"weight": one.weight},
            )  # fmt: skip
        self.fields = {**lines, **self.fields}

    def lines(self) -> list[Any]:
        """The fields of the marks, for the page."""
        return [field for field in self if field.name.startswith("mark_")]

    def marks(self) -> dict[int, int | None]:
        """By line."""
        return {
            int(name.removeprefix("mark_")): None if value == "none" else int(value)
            for name, value in self.cleaned_data.items()
            if name.startswith("mark_")
        }


class WordsForm(forms.Form):
    """Why somebody appeals."""

    words = forms.CharField(
        label=_("What is not right about this score?"), max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )  # fmt: skip


class DecisionForm(forms.Form):
    """How an appeal ends."""

    decision = forms.ChoiceField(label=_("Decision"), choices=Score.Decision.choices, widget=forms.RadioSelect)
    reason = forms.CharField(label=_("Why"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}))


def _told(one: Score) -> dict[str, Any]:
    lines = [{**line, "name": local(line["names"]), "word": _mark(line["mark"])} for line in one.marks]
    return {"one": one, "lines": lines, "form": DecisionForm(auto_id=f"decide-{one.pk}-%s")}


@page(actions.SCORE, methods=FORM)
def check(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One call: its score form for who has not scored it; for who has, all scores and where they differ."""
    one = queries.of(pk)
    if one is None:
        raise Http404
    row = _row(one, staff)
    form = ScoreForm(request.POST if request.method == "POST" else None)
    if (
        request.method == "POST"
        and form.is_valid()
        and tried(
            request, form,
            lambda: actions.score(one, by=staff, marks=form.marks(), note=form.cleaned_data["note"]), _g("Scored."),
        )
    ):  # fmt: skip
        return redirect("desk:phone_check", pk)
    shown = queries.shown_to(one, staff)
    return draw(
        request, staff, "check", "phone_quality", 422 if form.errors else 200, row=row, form=form,
        scores=[_told(score) for score in shown], may_listen=rights.scopes(staff, LISTEN).centre,
        differences=[
            (local(line.names), [_mark(mark) for mark in line.marks]) for line in queries.differences(shown)
        ],
    )  # fmt: skip


@page(actions.SCORE, methods=("POST",))
def decide(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Decide about an appeal."""
    one: Score = found(Score, pk)
    given = request.POST
    decision, reason = given.get("decision", ""), given.get("reason", "")
    tried(
        request, None, lambda: actions.decide(one, by=staff, decision=decision, reason=reason),
        _g("Decided. The agent sees it."),
    )  # fmt: skip
    return redirect("desk:phone_check", one.check_of_id)


@page(ANSWER)
def own(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What was thought of the calls of who looks."""
    rows = list(queries.own(staff)[:100])
    return draw(request, staff, "scores", "phone_scores", rows=rows)


@page(ANSWER, methods=FORM)
def own_score(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One score of his, line by line; posting appeals. Nobody else's."""
    one = queries.own(staff).filter(pk=pk).first()
    if one is None:
        raise Http404
    form = WordsForm(request.POST if request.method == "POST" else None)
    if (
        request.method == "POST"
        and form.is_valid()
        and tried(
            request, form, lambda: actions.appeal(one, by=staff, words=form.cleaned_data["words"]),
            _g("Your appeal is with the supervisors."),
        )
    ):  # fmt: skip
        return redirect("desk:phone_score", pk)
    told = _told(one)
    return draw(request, staff, "score", "phone_scores", 422 if form.errors else 200, told=told, form=form)


# --- the form ---


class CriterionForm(Named):
    """A line of the score form."""

    weight = forms.IntegerField(label=_("Weight"), min_value=0, max_value=100, initial=10)
    critical = forms.BooleanField(
        label=_("Critical"), required=False, help_text=_("Not met, it makes the whole score 0.")
    )
    place = forms.IntegerField(label=_("Place in the form"), min_value=0, max_value=999, initial=50)
    on = forms.BooleanField(label=_("On: it is asked"), required=False)

    def facts(self) -> dict[str, Any]:
        """What was written."""
        return {"names": self.names(), **{k: self.cleaned_data[k] for k in ("weight", "critical", "place", "on")}}


@page(actions.EDIT)
def criteria(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The lines of the form."""
    return draw(request, staff, "criteria", "phone_criteria", rows=list(Criterion.objects.order_by("-on", "place")))


@page(actions.EDIT, methods=FORM)
def criterion(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One line, or a new one."""
    held: Criterion | None = found(Criterion, pk) if pk else None
    initial: dict[str, Any] = {"on": True}
    if held is not None:
        kept = {k: getattr(held, k) for k in ("weight", "critical", "place", "on")}
        initial = {**names_of(held.names), **kept}
    form = CriterionForm(request.POST if request.method == "POST" else None, initial=initial)
    if (
        request.method == "POST"
        and form.is_valid()
        and tried(
            request, form, lambda: actions.save_criterion(held, by=staff, facts=form.facts()),
            _g("Saved. It counts for the next score."),
        )
    ):  # fmt: skip
        return redirect("desk:phone_criteria")
    return draw(
        request, staff, "edit", "phone_criteria", 422 if form.errors else 200, form=form, row=held, kind="criterion",
        back="desk:phone_criteria", heading=str(held) if held else _g("New line"),
        changes=changes_of(Audit.objects.filter(kind="criterion", row=held.pk), most=8) if held else [],
    )  # fmt: skip
