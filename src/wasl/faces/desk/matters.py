"""What is done beside single requests: problems over many of them, people whom no message reached, a leader's
questions, and the record of a person."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.cases import persons, problems, queries
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import OPEN_STATES, Case, Problem
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Contact
from wasl.core.organisation import rights
from wasl.core.organisation.models import Audit, Staff
from wasl.core.people.models import Merge, Person
from wasl.faces.desk import lists, numbers, story
from wasl.faces.desk.access import desk
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.setup.page import FORM, found, number
from wasl.faces.desk.setup.told import changes_of, event_words
from wasl.faces.frame.forms import sought
from wasl.kernel import acceptance, clock
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import OWN_NAMES
from wasl.services.messages import actions as outbox
from wasl.services.messages import queries as outbox_queries

MOST = 200


def _draw(request: HttpRequest, staff: Staff, template: str, here: str, status: int = 200, **more: Any) -> HttpResponse:
    context = desk_context(request, staff, here, now=clock.now(), **more)
    return render(request, f"desk/matters/{template}.html", context, status=status)


def _tried(request: HttpRequest, do: Any, done: str) -> bool:
    try:
        do()
    except NotAllowed as refused:
        messages.error(request, str(refused))
        return False
    messages.success(request, done)
    return True


# --- problems ---


class ProblemForm(forms.Form):
    """What many requests have in common."""

    title = forms.CharField(label=_("What it is"), max_length=200)
    cause = forms.CharField(
        label=_("What lies behind it"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    numbers = forms.CharField(
        label=_("Acceptance numbers"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "ltr"}),
        help_text=_("One a line, or parted by commas; with or without blanks."),
    )

    def __init__(self, *args: Any, by: Staff, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._by = by

    def clean_numbers(self) -> list[Case]:
        """The requests of these numbers; all of them must be seen by whoever gathers them."""
        wanted = [part for part in re.split(r"[\n,;،؛]+", self.cleaned_data["numbers"]) if part.strip()]
        cases, unknown = [], []
        for part in wanted[:MOST]:
            parsed = acceptance.parse(part)
            case = queries.visible_to(self._by).filter(number=parsed).first() if parsed else None
            if case is None:
                unknown.append(part.strip()[:30])
            else:
                cases.append(case)
        if unknown:
            raise forms.ValidationError(_g("There is no such request: %(numbers)s") % {"numbers": ", ".join(unknown)})
        return cases


@desk(right="problem.edit", methods=FORM)
def listed(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Open problems and the latest that ended; a new one."""
    form = ProblemForm(request.POST or None, by=staff, initial={"numbers": request.GET.get("numbers", "")[:2000]})
    if request.method == "POST" and form.is_valid():
        g = form.cleaned_data
        made = problems.open_problem(by=staff, title=g["title"], cause=g["cause"], cases=g["numbers"])
        return redirect("desk:problem", made.pk)
    rows = Problem.objects.select_related("owner").annotate(
        n=Count("cases"), still=Count("cases", filter=Q(cases__state__in=OPEN_STATES))
    )
    return _draw(
        request, staff, "problems", "problems", 422 if form.errors else 200, form=form,
        rows=rows.filter(ended_at__isnull=True).order_by("-opened_at")[:MOST],
        ended=rows.filter(ended_at__isnull=False).order_by("-ended_at")[:20],
    )  # fmt: skip


@desk(right="problem.edit", methods=FORM)
def problem(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One problem: its requests, more of them, and one answer for all."""
    held: Problem = found(Problem, pk)
    do = request.POST.get("do", "")
    form = ProblemForm(
        request.POST if do == "save" else None, by=staff, initial={"title": held.title, "cause": held.cause}
    )
    more = ProblemForm(
        {"title": held.title, "numbers": request.POST.get("numbers", "")} if do == "add" else None, by=staff
    )
    rows: list[problems.Row] = []
    if do == "end":
        # Row by row: what could not be answered stays open and says why.
        rows = problems.end(held, by=staff, text=request.POST.get("text", ""))
        held.refresh_from_db()
    elif request.method == "POST" and _problem_done(request, staff, held, form, more):
        return redirect("desk:problem", held.pk)
    seen = queries.visible_to(staff).filter(problems=held).select_related("unit", "area").order_by("state", "due_next")
    there = set(seen.values_list("pk", flat=True))
    rows = [row for row in rows if row.case.pk in there]
    hidden = held.cases.count() - len(there)
    return _draw(
        request, staff, "problem", "problems", 422 if form.errors or more.errors else 200, held=held, form=form,
        more=more, cases=seen[:MOST], hidden=hidden, rows=rows, still=held.cases.filter(state__in=OPEN_STATES).count(),
        text=request.POST.get("text", "") if held.ended_at is None else "",
    )  # fmt: skip


def _problem_done(request: HttpRequest, staff: Staff, held: Problem, form: ProblemForm, more: ProblemForm) -> bool:
    do = request.POST.get("do", "")
    if do == "save" and form.is_valid():
        g = form.cleaned_data
        return _tried(
            request, lambda: problems.rename(held, by=staff, title=g["title"], cause=g["cause"]), _g("Saved.")
        )
    if do == "add" and more.is_valid():
        return _tried(request, lambda: problems.gather(held, more.cleaned_data["numbers"], by=staff), _g("Gathered."))
    if do == "remove":
        case = queries.visible_to(staff).filter(problems=held, pk=number(request.POST.get("case", ""))).first()
        if case is None:
            raise Http404
        return _tried(request, lambda: problems.remove(held, case, by=staff), _g("Taken out."))
    if do == "mine":
        return _tried(request, lambda: problems.take_over(held, by=staff), _g("You answer for it now."))
    return False


# --- not told ---

_MEDIA = [(code, words) for code, words in Contact.Medium.choices if code in outbox.BY_HAND_MEDIA]


@desk(right="case.told", methods=FORM)
def untold(request: HttpRequest, staff: Staff) -> HttpResponse:
    """People whom no message reached, why, and what can be done; marked as told by hand."""
    if request.method == "POST":
        held = outbox_queries.untold(staff).filter(pk=number(request.POST.get("message", ""))).first()
        if held is None:
            raise Http404
        medium, text = request.POST.get("medium", ""), request.POST.get("text", "")[:2000]
        _tried(
            request, lambda: outbox.told_by_hand(held, by=staff, medium=medium, text=text), _g("Kept as told by hand.")
        )
        return redirect("desk:untold")
    rows = list(outbox_queries.untold(staff).prefetch_related("person__addresses")[: MOST + 1])
    return _draw(
        request, staff, "untold", "untold", media=_MEDIA, more=len(rows) > MOST,
        rows=[{"message": row, "label": event_words(row.event), "ways": _ways(row.person)} for row in rows[:MOST]],
    )  # fmt: skip


def _ways(person: Person | None) -> list[str]:
    """How he could be reached, masked: what failed is said."""
    if person is None or person.forgotten_at:
        return []
    return [
        f"{a.get_medium_display()} {a.hint}" + (f" ({_g('failed')})" if a.failed_at else "")
        for a in person.addresses.all()
    ]


# --- questions of leaders ---


@desk(right="case.inquired")
def questions(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What this person asked about requests, and what was answered (H6)."""
    asked = queries.questions_of(staff, MOST + 1)
    ids = {int(one.answered_by.partition(":")[2]) for one in asked if one.answered_by.startswith("staff:")}
    names = {f"staff:{pk}": str(one) for pk, one in Staff.objects.in_bulk(ids).items()}

    def row(one: queries.Question) -> dict[str, Any]:
        whom = story.unit_name(one.unit_id) if one.unit_id else _g("the centre")
        return {"asked": one, "what": lists.category_name(one.case), "whom": whom, "who": names.get(one.answered_by)}

    shown = asked[:MOST]
    waiting = sorted((one for one in shown if one.answered_at is None), key=lambda one: one.until)
    return _draw(
        request, staff, "questions", "questions", more=len(asked) > MOST, waiting=[row(one) for one in waiting],
        answered=[row(one) for one in shown if one.answered_at is not None],
    )  # fmt: skip


# --- people ---


class RecordForm(forms.Form):
    """What is kept of a person beside name and addresses."""

    kind = forms.ChoiceField(label=_("Who it is"), choices=Person.Kind.choices)
    language = forms.ChoiceField(label=_("Language"), choices=[*OWN_NAMES.items()])
    channel = forms.ChoiceField(label=_("Wants to be told by"), choices=Person.Channel.choices)


def _by_pseudonym(text: str) -> Person | None:
    match = re.fullmatch(r"\s*[Rr]-?0*([1-9][0-9]{0,17})\s*", to_ascii_digits(text))
    return Person.objects.filter(pk=int(match[1])).first() if match else None


@desk(right="person.edit")
def people_page(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Finding a person by pseudonym, number, mail address or name; records are shown by pseudonym."""
    rights.require(staff, "person.edit")
    wanted = sought(request, 120)
    rows: list[Person] = []
    if wanted:
        one = _by_pseudonym(wanted)
        rows = [one] if one else list(persons.found_by(wanted, staff)[:50])
    return _draw(
        request, staff, "people", "people", wanted=wanted,
        rows=[{"person": p, "cases": len(persons.cases_of(p, staff)), "hints": _ways(p)} for p in rows],
    )  # fmt: skip


@desk(right="person.edit", methods=FORM)
def person(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The record: requests, wishes, what was joined; name and numbers only when asked for, which is an entry."""
    rights.require(staff, "person.edit")
    held: Person = found(Person, pk)
    do = request.POST.get("do", "")
    form = RecordForm(
        request.POST if do == "save" else None,
        initial={"kind": held.kind, "language": held.language, "channel": held.channel},
    )
    identity = None
    if do == "see":
        identity = persons.see(held, by=staff, reason=request.POST.get("reason", "")[:40])
    elif request.method == "POST" and _person_done(request, staff, held, form):
        return redirect("desk:people_record", held.pk)
    merges = Merge.objects.filter(Q(kept=held) | Q(joined=held)).select_related("kept", "joined", "by").order_by("-at")
    twins = persons.twins_of(held, staff)[:10]
    return _draw(
        request, staff, "person", "people", 422 if form.errors else 200, held=held, form=form, identity=identity,
        cases=persons.cases_of(held, staff), merges=merges, twins=twins, ways=_ways(held),
        may_merge=rights.may(staff, "person.merge"), may_mark=rights.may(staff, "person.sensitive"),
        changes=changes_of(Audit.objects.filter(kind="person", row=held.pk)),
        reasons=catalogue.in_force().reasons_of("identity"),
        living=held.forgotten_at is None and held.merged_into_id is None,
        **{k: v for k, v in numbers.prompt(held, staff).items() if k != "held"},
    )  # fmt: skip


def _person_done(request: HttpRequest, staff: Staff, held: Person, form: RecordForm) -> bool:
    do = request.POST.get("do", "")
    if do == "save" and form.is_valid():
        return _tried(request, lambda: persons.change(held, by=staff, **form.cleaned_data), _g("Saved."))
    if do in ("mark", "unmark"):
        return _tried(request, lambda: persons.mark_sensitive(held, by=staff, sensitive=do == "mark"), _g("Saved."))
    if do == "merge":
        other = _by_pseudonym(request.POST.get("other", ""))
        if other is None:
            messages.error(request, _g("There is no such person, or he was forgotten already."))
            return True
        _tried(request, lambda: persons.merge(held, other, by=staff), _g("Joined. It can be taken apart again here."))
        return True
    if do == "split":
        done = Merge.objects.filter(Q(kept=held) | Q(joined=held), pk=number(request.POST.get("merge", ""))).first()
        if done is None:
            raise Http404
        _tried(request, lambda: persons.split(done, by=staff), _g("Taken apart."))
        return True
    return False
