"""Printing one case: its form, and the PDF with what the screen shows this person; each print is recorded."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables

from wasl.core.cases import actions, queries
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation.models import Staff
from wasl.core.people.models import Address
from wasl.faces.desk import lists, paper, story
from wasl.faces.desk.access import CASE_ROLES, desk
from wasl.faces.desk.pages import case_of
from wasl.faces.desk.places import desk_context
from wasl.faces.frame import dates
from wasl.kernel import acceptance
from wasl.kernel.names import OWN_NAMES


class PrintForm(forms.Form):
    """Language of the paper, and whether names stand on it; that only for who may see them, with a listed reason."""

    language = forms.ChoiceField(
        label=gettext_lazy("Language of the paper"), choices=list(OWN_NAMES.items()), widget=forms.RadioSelect()
    )

    def __init__(self, staff: Staff, case: Case, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["language"] = paper.language_of("")
        if case.requester_id is not None and queries.may_see_identity(staff, case):
            reasons = catalogue.in_force().reasons_of("identity")
            self.fields["reason"] = forms.ChoiceField(
                label=_("Name and numbers"),
                choices=[("", _("without")), *((r.code, r.name) for r in reasons)],
                required=False,
                help_text=_("With them only for a reason; the look is recorded."),
            )


def _facts(case: Case) -> list[tuple[str, Any]]:
    media = dict(Contact.Medium.choices)
    found: list[tuple[str, object]] = [
        (_("Received"), f"{dates.exact(case.received_at)} · {media.get(case.medium, case.medium)}"),
        (_("Kind"), case.get_kind_display()),
        (_("Urgency"), case.get_urgency_display()),
        (_("Where"), " · ".join(filter(None, [case.address, str(case.area or "")]))),
        (_("Unit"), str(case.unit or "")),
        (_("Result due"), dates.exact(case.due_result) if case.due_result else ""),
        (_("Outcome"), case.get_outcome_display()),
        (_("The citizen says"), case.get_verdict_display()),
        (_("Person"), case.requester.pseudonym if case.requester else _("Anonymous")),
        *story.answers_of(case),
    ]
    return [(str(name), paper.text(value)) for name, value in found if value]


def _person(case: Case, staff: Staff, reason: str) -> list[tuple[str, Any]]:
    if not reason:
        return []
    shown: Any = actions.see_identity(case, by=staff, reason=reason)
    media = dict(Address.Medium.choices)
    told = [(_("Name"), shown["name"]), *((media.get(m, m), paper.ltr(value)) for m, value, _at in shown["addresses"])]
    return [(str(name), paper.text(value)) for name, value in told if value]


def _line(line: story.Line) -> dict[str, Any]:
    words: list[str] = [_("The words were removed.") if r.erased_at else r.body for r in line.words]
    if line.contact is not None:
        words.append(line.contact.body)
    return {
        "at": dates.exact(line.at),
        "label": line.label,
        "who": line.who,
        "facts": [f"{name}: {value}" for name, value in line.facts] + [paper.ltr(_number(n)) for n in line.numbers],
        "words": [paper.text(one) for one in words if one],
    }


def _number(number: str) -> str:
    return acceptance.grouped(number)


def _files(case: Case) -> list[str]:
    found = Attachment.objects.filter(contact__case=case, erased_at__isnull=True).order_by("pk")
    return [f"{file.name} · SHA-256 {paper.ltr(bytes(file.sha256).hex())}" for file in found]


def case_pdf(case: Case, staff: Staff, *, reason: str = "") -> bytes:
    """The case on paper in the language that is active, with what this person reads of it on the screen."""
    teller = story.Teller(case, staff)
    data = {
        "number": paper.ltr(_number(case.number)),
        "what": lists.category_name(case),
        "state": str(case.get_state_display()),
        "flags": [
            str(story.FLAGS[name])
            for name in ("emergency", "confidential", "supervised", "brief", "awaiting_citizen")
            if getattr(case, name)
        ],
        "status": queries.status_sentence(case),
        "facts": _facts(case),
        "person": _person(case, staff, reason),
        "asked": [
            {"when": dates.exact(contact.at), "words": paper.text(contact.body)}
            for contact in teller.asked()
            if contact.body
        ],
        "orders": [
            [
                str(order.unit),
                str(order.get_role_display()),
                str(order.get_state_display()),
                dates.exact(order.due_result) if order.due_result and not order.ended_at else "–",
            ]
            for order in queries.orders_of(case)
        ],
        "story": [_line(line) for line in sorted(teller.lines(), key=lambda line: line.at)],
        "files": _files(case),
        "labels": {
            "person": _("Person"),
            "asked": _("What was asked"),
            "orders": _("Orders"),
            "order_heads": [_("Unit"), _("Role"), _("State"), _("Result due")],
            "story": _("What happened"),
            "files": _("Files"),
        },
    }
    return paper.pdf("case", data, by=staff)


@desk(roles=CASE_ROLES, methods=("GET", "HEAD", "POST"))
@sensitive_variables()
def print_case(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Ask for the language; then record the print at the case and give its PDF."""
    case = case_of(staff, number)
    form = PrintForm(staff, case, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        language = form.cleaned_data["language"]
        reason = form.cleaned_data.get("reason", "")
        actions.note_print(case, by=staff, language=language)
        with translation.override(language):
            return paper.answer(case_pdf(case, staff, reason=reason), f"{number}-{language}")
    context = desk_context(request, staff, "", case=case, what=lists.category_name(case), form=form)
    return render(request, "desk/print.html", context, status=422 if request.method == "POST" else 200)
