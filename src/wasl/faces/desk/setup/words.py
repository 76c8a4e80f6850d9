"""The words of messages in three languages with their preview; the messages sent and what became of them."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk, is_part
from wasl.faces.desk.setup.page import FORM, draw
from wasl.faces.desk.setup.told import event_words
from wasl.kernel.names import LANGUAGES
from wasl.services.messages import actions as outbox
from wasl.services.messages import queries as sent_messages
from wasl.services.messages import render as rendering
from wasl.services.messages.models import Channel, Message


@desk(right="templates.edit")
def templates(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Events and channels, with the languages that have words."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for template in sent_messages.templates():
        found.setdefault((template.event, template.channel), {})[template.language] = (
            template.subject or template.body[:80]
        )
    rows = [
        {
            "event": event,
            "label": event_words(event),
            "channel": channel,
            "words": [said.get(code, "") for code in LANGUAGES],
        }
        for (event, channel), said in found.items()
    ]
    return draw(request, staff, "templates", "templates", rows=rows)


@desk(right="templates.edit", methods=FORM)
def template(request: HttpRequest, staff: Staff, event: str, channel: str) -> HttpResponse:
    """The words of one event on one channel in three languages, side by side, each with its preview."""
    wanted = request.GET.get("language", "")
    known = {t.language: t for t in sent_messages.templates().filter(event=event, channel=channel)}
    if not known or channel not in Channel.values:
        raise Http404
    columns, bad = [], False
    for code in [wanted] if is_part(request) and wanted in LANGUAGES else LANGUAGES:
        old = known.get(code)
        subject = request.POST.get(f"subject_{code}", old.subject if old else "")[:200]
        body = request.POST.get(f"body_{code}", old.body if old else "")[:20_000]
        column: dict[str, Any] = {
            "code": code,
            "subject": subject,
            "body": body,
            "dir": "rtl" if code == "ar" else "ltr",
        }
        try:
            if request.method == "POST" and request.POST.get("do") == "save" and (body.strip() or old):
                outbox.save_template(event, channel, code, subject=subject, body=body, by=staff)
            column["preview"] = outbox.preview(event, channel, code, subject, body) if body.strip() else None
        except rendering.BadTemplate as error:
            column["error"], bad = str(error), True
        columns.append(column)
    with_subject = channel == Channel.MAIL
    if is_part(request):
        return render(request, "desk/setup/_preview.html", {"column": columns[0], "with_subject": with_subject})
    if request.method == "POST" and not bad and request.POST.get("do") == "save":
        messages.success(request, _("Saved."))
        return redirect("desk:template", event, channel)
    return draw(
        request, staff, "template", "templates", 422 if bad else 200, event=event, channel=channel, columns=columns,
        label=event_words(event), with_subject=with_subject, placeholders=sorted(rendering.PLACEHOLDERS),
    )  # fmt: skip


# --- messages sent ---


@desk(right="messages.read", methods=FORM)
def sent(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Every message and what became of it; words and case only for those who may read identities."""
    if request.method == "POST":
        text = request.POST.get("message", "")
        one = (
            sent_messages.visible_to(staff).filter(pk=int(text)).first()
            if text.isdecimal() and len(text) < 19
            else None
        )
        if one is None:
            raise Http404
        outbox.send_again(one, by=staff)
        messages.success(request, _("It is queued again."))
        return redirect("desk:messages")
    rows = sent_messages.visible_to(staff)
    state = request.GET.get("state", "")
    if state in Message.State.values:
        rows = rows.filter(state=state)
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) < 19:
        rows = rows.order_by("-pk").filter(pk__lt=int(before))
    page = list(rows.order_by("-pk")[:51])
    older = f"?state={state}&before={page[49].pk}" if len(page) > 50 else ""
    return draw(
        request, staff, "messages", "messages", rows=[(row, event_words(row.event)) for row in page[:50]], older=older,
        state=state, states=Message.State.choices,
        counts=sent_messages.counts(), reads=rights.scopes(staff, "identity.read").centre, alone=True,
    )  # fmt: skip
