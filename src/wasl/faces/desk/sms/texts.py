"""Single texts: lists by what is known of them, by number, and the life of one; what is in doubt is decided here."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext, pgettext_lazy
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Staff
from wasl.faces.desk.setup.page import found, number, tried
from wasl.faces.desk.sms.page import FORM, IDENTITY, READ, STEER, draw, page
from wasl.faces.frame import dates
from wasl.faces.frame.templatetags.frame_tags import reason
from wasl.kernel import phone
from wasl.services.dialogue import masking
from wasl.services.texts import finding, steering
from wasl.services.texts.finding import Wanted
from wasl.services.texts.models import Client, Incoming, Klass, Operator, Part, Queued, Text

_OVER, _SOON = "over", "soon"
_TONES = {
    Text.State.FAILED.value: _OVER,
    Text.State.EXPIRED.value: _OVER,
    Text.State.IN_DOUBT.value: _SOON,
    Incoming.State.BROKEN.value: _OVER,
}


class NumberForm(forms.Form):
    """A telephone number that is looked for."""

    number = forms.CharField(
        label=gettext_lazy("Telephone number"),
        max_length=40,
        widget=forms.TextInput(attrs={"dir": "ltr", "inputmode": "tel", "autocomplete": "off"}),
    )

    def clean_number(self) -> str:
        """In E.164."""
        found = phone.normalise(self.cleaned_data["number"], organisation.the_city().region)
        if found is None:
            raise forms.ValidationError(_("This is no telephone number."))
        return found


class ReasonForm(forms.Form):
    """Why; it is kept with who wrote it."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300)


class FilterForm(forms.Form):
    """What is known of the texts that are looked for."""

    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    klass = forms.ChoiceField(label=pgettext_lazy("text", "Class"), required=False)
    client = forms.ChoiceField(label=gettext_lazy("Client"), required=False)
    code = forms.ChoiceField(label=gettext_lazy("Our number"), required=False)
    operator = forms.ChoiceField(label=gettext_lazy("Operator"), required=False)
    day = forms.DateField(
        label=gettext_lazy("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, query: QueryDict, states: list[tuple[str, Any]], *, came_in: bool) -> None:
        super().__init__(query, auto_id="sms-%s")
        every = [("", pgettext("filter", "all"))]
        for name, choices in (
            ("state", states),
            ("klass", [(str(k), w) for k, w in Klass.choices]),
            ("client", [(str(c.pk), c.name) for c in Client.objects.order_by("name")]),
            ("operator", [(str(o.pk), o.name) for o in Operator.objects.order_by("name")]),
            ("code", [(c, c) for c in Incoming.objects.values_list("code", flat=True).distinct()] if came_in else []),
        ):
            self.fields[name].choices = every + choices  # type: ignore[attr-defined]  # a ChoiceField
        for name in ("klass", "client") if came_in else ("code",):
            del self.fields[name]

    def wanted(self) -> Wanted:
        """What is looked for; what was not understood does not matter."""
        self.is_valid()
        g = self.cleaned_data
        return Wanted(
            state=g.get("state") or "",
            klass=int(g["klass"]) if g.get("klass") else None,
            client=int(g["client"]) if g.get("client") else None,
            operator=int(g["operator"]) if g.get("operator") else None,
            code=g.get("code") or "",
            day=g.get("day"),
        )

    def pairs(self) -> list[tuple[str, str]]:
        """As an address says it."""
        return [(name, str(value)) for name, value in self.cleaned_data.items() if value]


@dataclass(frozen=True)
class Row:
    """One text of a list: where it leads, and what is shown of it."""

    text: Text | Incoming
    at: datetime
    came_in: bool
    tone: str


def _row(text: Text | Incoming) -> Row:
    came_in = isinstance(text, Incoming)
    return Row(text, text.at if isinstance(text, Incoming) else text.made_at, came_in, _TONES.get(text.state, ""))


@page(READ, methods=FORM)
@sensitive_variables()
def texts(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What was handed in; posted to, it looks for a number or decides about doubtful ones."""
    do = request.POST.get("do", "")
    if do in ("again", "leave"):
        return _decide(request, staff, do)
    return _list(request, staff, "sms_texts", Text.State.choices, finding.texts, came_in=False)


@page(READ, methods=FORM)
@sensitive_variables()
def incoming(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What came in; posted to, it looks for a number."""
    return _list(request, staff, "sms_incoming", Incoming.State.choices, finding.incoming, came_in=True)


def _list(
    request: HttpRequest,
    staff: Staff,
    tab: str,
    states: list[tuple[str, Any]],
    find: Callable[[Wanted, int], finding.Found[Any]],
    *,
    came_in: bool,
) -> HttpResponse:
    may_read = rights.scopes(staff, IDENTITY).centre
    asked = NumberForm(request.POST if request.method == "POST" else None)
    form = FilterForm(request.GET, states, came_in=came_in)
    wanted = form.wanted()
    context: dict[str, Any] = {"form": form, "may_read": may_read, "number_form": asked, "came_in": came_in}
    if request.method == "POST":
        rights.require(staff, IDENTITY)
        if asked.is_valid():
            # Posted, so that a number stands in no address, history or log.
            rows = [_row(one) for one in finding.of_number(asked.cleaned_data["number"])]
            return draw(request, staff, "texts", tab, rows=rows, of_number=True, **context)
    got = find(wanted, number(request.GET.get("before", "")))
    older = f"?{urlencode([*form.pairs(), ('before', str(got.older))])}" if got.older else ""
    return draw(
        request,
        staff,
        "texts",
        tab,
        422 if asked.errors else 200,
        rows=[_row(one) for one in got.rows],
        older=older,
        back_to=got.back_to,
        doubts=wanted.state == Text.State.IN_DOUBT and not came_in and rights.scopes(staff, STEER).centre,
        **context,
    )


def _decide(request: HttpRequest, staff: Staff, do: str) -> HttpResponse:
    """Send the ticked doubtful texts again, or leave them."""
    rights.require(staff, STEER)
    verb = steering.send_again if do == "again" else steering.leave
    ticked = [number(one) for one in request.POST.getlist("text")[:1000]]
    done = 0
    for text in Text.objects.filter(pk__in=ticked):
        try:
            verb(text, by=staff)
        except Refused as refused:
            messages.error(request, f"{text.hint}: {refused}")
            continue
        done += 1
    if done and do == "again":
        messages.success(
            request, ngettext("%(n)s text is queued again.", "%(n)s texts are queued again.", done) % {"n": done}
        )
    elif done:
        messages.success(
            request, ngettext("%(n)s text is left as it is.", "%(n)s texts are left as they are.", done) % {"n": done}
        )
    elif not ticked:
        messages.info(request, _("Tick the texts first."))
    back = redirect("desk:sms_texts")
    back["Location"] += f"?state={Text.State.IN_DOUBT.value}"
    return back


@page(READ, methods=FORM)
@sensitive_variables()
def text(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """The life of one text; posted to, its number and words for a reason, or a decision about a doubtful one."""
    one: Text = found(Text, pk)
    do = request.POST.get("do", "")
    if do == "again" and tried(request, None, lambda: steering.send_again(one, by=staff), _("It is queued again.")):
        return redirect("desk:sms_text", pk)
    if do == "leave" and tried(request, None, lambda: steering.leave(one, by=staff), _("It is left as it is.")):
        return redirect("desk:sms_text", pk)
    queued = Queued.objects.filter(pk=one.pk).select_related("taken_by", "route").first()
    asked = finding.asked_by(one)
    return _life(
        request,
        staff,
        one,
        "sms_texts",
        steps=_steps(one, queued),
        queued=queued,
        parts=list(Part.objects.filter(text=one).select_related("operator").order_by("pk")),
        asked=_row(asked) if asked else None,
        in_doubt=one.state == Text.State.IN_DOUBT and one.left_at is None and rights.scopes(staff, STEER).centre,
    )


@page(READ, methods=FORM)
@sensitive_variables()
def came(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """One text that came in, and what was answered; posted to, its number and words for a reason."""
    one: Incoming = found(Incoming, pk)
    reply = finding.reply_to(one)
    steps = [Step(pgettext("text", "came in"), one.at, str(one.operator))]
    if one.done_at:
        steps.append(Step(str(one.get_state_display()), one.done_at, ""))
    return _life(request, staff, one, "sms_incoming", steps=steps, reply=_row(reply) if reply else None)


def _seen(one: Text | Incoming, staff: Staff, reason: str) -> steering.Seen:
    found = steering.read(one, by=staff, reason=reason)
    # What is not answered yet still holds what opens a case to whoever reads it.
    return replace(found, words=masking.of_text(found.words, one.code)) if isinstance(one, Incoming) else found


def _life(request: HttpRequest, staff: Staff, one: Text | Incoming, tab: str, **more: Any) -> HttpResponse:
    asks = request.POST.get("do") == "read"
    form, seen = ReasonForm(request.POST if asks else None), []
    if asks and form.is_valid():
        tried(
            request,
            form,
            lambda: seen.append(_seen(one, staff, form.cleaned_data["reason"])),
            "",
        )
    return draw(
        request,
        staff,
        "text",
        tab,
        422 if form.errors else 200,
        row=_row(one),
        text=one,
        form=form,
        seen=seen[0] if seen else None,
        may_read=rights.scopes(staff, IDENTITY).centre and not getattr(one, "secret", False),
        may_steer=rights.scopes(staff, STEER).centre,
        **more,
    )


@dataclass(frozen=True)
class Step:
    """One thing that happened to a text: what, when, and whose words."""

    what: str
    at: datetime | None
    words: str
    tone: str = ""

    @property
    def when(self) -> str:
        """Day and time to the second: what took how long is seen."""
        local = timezone.localtime(self.at) if self.at else None
        return f"{dates.calendar_day(local)} {local:%H:%M:%S}" if local else ""


def _steps(one: Text, queued: Queued | None) -> list[Step]:
    """What happened, in the order of time; what is to come has its time ahead."""
    steps = [Step(pgettext("text", "queued"), one.made_at, str(one.client))]
    if queued is not None and queued.taken_by is not None:
        steps.append(Step(pgettext("text", "submitted"), queued.taken_at, str(queued.taken_by)))
    elif queued is not None:
        steps.append(Step(pgettext("text", "goes at the earliest"), queued.due_at, str(queued.route)))
    if one.accepted_at:
        steps.append(Step(pgettext("text", "taken by the operator"), one.accepted_at, str(one.operator or "")))
    if one.ended_at:
        steps.append(Step(str(one.get_state_display()), one.ended_at, reason(one.error), _TONES.get(one.state, "")))
    elif one.error:
        steps.append(Step(pgettext("text", "the operator said"), None, reason(one.error), _SOON))
    if one.left_at:
        steps.append(Step(pgettext("text", "left as it is"), one.left_at, ""))
    return steps
