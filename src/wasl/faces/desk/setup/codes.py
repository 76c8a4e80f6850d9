"""Short codes and what can be texted to them: the table of commands, their editor, and a box to try them in."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.code_forms import CodeForm, CommandForm, TalkForm, initial_of, initial_of_code
from wasl.faces.desk.setup.page import FORM, draw, found, number, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.kernel import clock, phone
from wasl.kernel.sms import text as sms
from wasl.services.dialogue import actions, editing, queries
from wasl.services.dialogue.models import Command, ShortCode

RIGHT = editing.RIGHT


@desk(right=RIGHT, methods=FORM)
def codes(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Every code with its commands; a command is switched here, and tried out without anything being sent or kept."""
    do = request.POST.get("do", "")
    if do in ("on", "off"):
        held: Command = found(Command, number(request.POST.get("command", "")))
        tried(request, None, lambda: editing.set_on(held, by=staff, on=do == "on"), _("Saved. It counts from now."))
        return redirect("desk:codes")
    known = queries.codes()
    talk = TalkForm(request.POST if do == "try" else None, codes=known)
    lines = _lines(talk) if do == "try" and talk.is_valid() else []
    if lines:
        before = [line["said"] for line in lines]
        kept = {"code": talk.cleaned_data["code"], "number": talk.cleaned_data["number"], "before": json.dumps(before)}
        talk = TalkForm(codes=known, initial=kept)
    commands = list(Command.objects.select_related("code"))
    rows = [(row, [c for c in commands if c.code_id == row.pk]) for row in ShortCode.objects.order_by("number")]
    return draw(
        request, staff, "codes", "codes", 422 if talk.errors else 200, rows=rows, talk=talk, lines=lines,
        all=[c for c in commands if c.code_id is None],
    )  # fmt: skip


def _lines(talk: TalkForm) -> list[dict[str, Any]]:
    """The texts so far and what would be answered to each, with its parts."""
    g = talk.cleaned_data
    caller = phone.normalise(g["number"], organisation.the_city().region)
    if caller is None or phone.is_short_code(caller):
        talk.add_error("number", _("This is no telephone number."))
        return []
    at = clock.now()
    texts = [*g["before"], g["words"]]
    # Ids below nought are nobody's: what a rehearsal would keep is not kept, and could not be taken for another's.
    said = [actions.Said(-place, caller, g["code"], words, at) for place, words in enumerate(texts, 1)]
    return [
        {"said": one.words, "reply": reply, "parts": len(sms.plan(reply.words).parts) if reply else 0}
        for one, reply in zip(said, actions.rehearse(said), strict=True)
    ]


@desk(right=RIGHT, methods=FORM)
def code(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One short code, or a new one."""
    held: ShortCode | None = found(ShortCode, pk) if pk else None
    form = CodeForm(request.POST if request.method == "POST" else None, initial=initial_of_code(held))
    if form.is_valid():
        g = form.cleaned_data

        def save() -> None:
            editing.save_code(
                held, by=staff, number=g["number"], names=form.names(), language=g["language"], on=g["on"]
            )

        if tried(request, form, save, _("Saved. It counts from now.")):
            return redirect("desk:codes")
    changes = changes_of(Audit.objects.filter(kind="shortcode", row=held.pk)) if held else []
    heading = held or _("New short code")
    status = 422 if form.errors else 200
    return draw(request, staff, "code", "codes", status, form=form, heading=heading, changes=changes)


@desk(right=RIGHT, methods=FORM)
def command(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One command, or a new one."""
    held: Command | None = found(Command, pk) if pk else None
    form = CommandForm(request.POST if request.method == "POST" else None, initial=initial_of(held))
    if form.is_valid() and tried(
        request,
        form,
        lambda: editing.save_command(held, by=staff, facts=form.facts()),
        _("Saved. It counts from now."),
    ):
        return redirect("desk:codes")
    changes = changes_of(Audit.objects.filter(kind="command", row=held.pk)) if held else []
    heading = held or _("New command")
    status = 422 if form.errors else 200
    return draw(request, staff, "command", "codes", status, form=form, heading=heading, changes=changes)
