"""The administrator's pages of what the house says and knows by rule: editions of the catalogue, words of messages,
messages sent, and taking personal data away."""

from datetime import UTC, datetime, time
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from wasl.core.cases import forgetting
from wasl.core.cases.change import NotAllowed
from wasl.core.catalogue import actions, book
from wasl.core.catalogue.models import Edition
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people.models import Person
from wasl.faces.desk import setup_forms as forms
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import FORM, draw
from wasl.kernel import clock
from wasl.kernel.names import LANGUAGES
from wasl.services.messages import actions as outbox
from wasl.services.messages import queries as sent_messages
from wasl.services.messages import render
from wasl.services.messages.models import Channel, Message

SHOWN_ROWS = 300


# --- the catalogue ---


@desk(right="catalogue.edit", methods=FORM)
def editions(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All editions; `do=draft` copies the newest one."""
    if request.method == "POST":
        made = actions.draft(by=staff, note=request.POST.get("note", "")[:300])
        return redirect("desk:edition", made.number)
    rows = Edition.objects.select_related("made_by", "published_by").order_by("-number").defer("sheets")
    return draw(request, staff, "editions", "catalogue", rows=rows)


def _edition(number: int) -> Edition:
    found = Edition.objects.filter(number=number).select_related("made_by", "published_by").first()
    if found is None:
        raise Http404
    return found


@desk(right="catalogue.edit", methods=FORM)
def edition(request: HttpRequest, staff: Staff, number: int) -> HttpResponse:
    """One edition: a sheet as a table, what would change, taking in a CSV, publishing."""
    held = _edition(number)
    sheet = request.GET.get("sheet", "categories")
    if sheet not in book.COLUMNS:
        raise Http404
    do = request.POST.get("do", "")
    form = forms.SheetForm(request.POST if do == "sheet" else None, request.FILES if do == "sheet" else None)
    publish = forms.PublishForm(request.POST if do == "publish" else None)
    problems: list[str] = []
    if do == "sheet" and form.is_valid():
        problems = _take_sheet(held, staff, sheet, form.cleaned_data["file"])
        if not problems:
            messages.success(request, _("The sheet was replaced."))
            return redirect(f"{request.path}?sheet={sheet}")
    elif do == "publish" and publish.is_valid():
        problems = _publish(held, staff, publish.cleaned_data["start"])
        if not problems:
            messages.success(request, _("The edition is published."))
            return redirect("desk:catalogue")
    return _draw_edition(request, staff, held, sheet, form=form, publish=publish, problems=problems)


def _draw_edition(
    request: HttpRequest, staff: Staff, held: Edition, sheet: str, *, problems: list[str], **more: Any
) -> HttpResponse:
    if not held.published_at and not problems:
        try:
            actions.check(held.sheets, number=held.number)
        except book.BadSheet as bad:
            problems = bad.problems
    in_force = (
        Edition.objects.filter(published_at__isnull=False, number__lt=held.number)
        .order_by("-effective_from", "-number")
        .first()
    )
    changes = actions.differences(in_force.sheets, held.sheets) if in_force else []
    rows = held.sheets.get(sheet, [])
    wanted = request.GET.get("q", "")[:60].strip().lower()
    shown = [r for r in rows if not wanted or any(wanted in str(v).lower() for v in r.values())]
    columns = book.COLUMNS[sheet]
    return draw(
        request, staff, "edition", "catalogue", 422 if problems and request.method == "POST" else 200,
        edition=held, sheet=sheet, columns=columns, table=[[r.get(c, "") for c in columns] for r in shown[:SHOWN_ROWS]],
        count=len(rows), shown=len(shown[:SHOWN_ROWS]), wanted=wanted, problems=problems[:100],
        sheets=[(name, len(held.sheets.get(name, []))) for name in book.COLUMNS],
        changes=[_told(change) for change in changes[:200]], changed=len(changes), base=in_force, **more,
    )  # fmt: skip


def _told(change: actions.Change) -> dict[str, Any]:
    before, after = change.before or {}, change.after or {}
    cells = [
        (c, before.get(c, ""), after.get(c, ""))
        for c in book.COLUMNS[change.sheet]
        if before.get(c, "") != after.get(c, "")
    ]
    return {
        "sheet": change.sheet,
        "key": change.key,
        "new": change.before is None,
        "gone": change.after is None,
        "cells": cells,
    }


def _take_sheet(held: Edition, staff: Staff, sheet: str, text: str) -> list[str]:
    try:
        rows = book.from_csv(sheet, text)
        actions.check({**held.sheets, sheet: rows}, number=held.number)
        actions.replace_sheet(held, by=staff, sheet=sheet, rows=rows)
    except book.BadSheet as bad:
        return bad.problems
    except (actions.NotPublishable, ValueError, KeyError) as error:
        return [str(error)]
    return []


def _publish(held: Edition, staff: Staff, start: datetime | None) -> list[str]:
    try:
        actions.publish(held, by=staff, effective_from=start)
    except book.BadSheet as bad:
        return bad.problems
    except actions.NotPublishable as refused:
        return [str(refused)]
    return []


@desk(right="catalogue.edit")
def sheet_csv(request: HttpRequest, staff: Staff, number: int, sheet: str) -> HttpResponse:
    """One sheet of an edition as CSV (UTF-8 with its mark, so that Excel reads Arabic)."""
    held = _edition(number)
    if sheet not in book.COLUMNS:
        raise Http404
    response = HttpResponse(
        "\ufeff" + book.to_csv(sheet, held.sheets.get(sheet, [])), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{sheet}-{held.number}.csv"'
    return response


# --- words of messages ---


@desk(right="templates.edit")
def templates(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Events and channels, with the languages that have words."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for template in sent_messages.templates():
        found.setdefault((template.event, template.channel), {})[template.language] = (
            template.subject or template.body[:80]
        )
    rows = [
        {"event": event, "channel": channel, "words": [said.get(code, "") for code in LANGUAGES]}
        for (event, channel), said in found.items()
    ]
    return draw(request, staff, "templates", "templates", rows=rows)


@desk(right="templates.edit", methods=FORM)
def template(request: HttpRequest, staff: Staff, event: str, channel: str) -> HttpResponse:
    """The words of one event on one channel in three languages, side by side, each with its preview."""
    known = {t.language: t for t in sent_messages.templates().filter(event=event, channel=channel)}
    if not known or channel not in Channel.values:
        raise Http404
    columns, bad = [], False
    for code in LANGUAGES:
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
        except render.BadTemplate as error:
            column["error"], bad = str(error), True
        columns.append(column)
    if request.method == "POST" and not bad and request.POST.get("do") == "save":
        messages.success(request, _("Saved."))
        return redirect("desk:template", event, channel)
    return draw(
        request, staff, "template", "templates", 422 if bad else 200, event=event, channel=channel, columns=columns,
        with_subject=channel == Channel.MAIL, placeholders=sorted(render.PLACEHOLDERS),
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
        request, staff, "messages", "messages", rows=page[:50], older=older, state=state, states=Message.State.choices,
        counts=sent_messages.counts(), reads=rights.scopes(staff, "identity.read").centre, alone=True,
    )  # fmt: skip


# --- privacy ---


@desk(right="person.forget", methods=FORM)
def privacy(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Forgetting a person and the retention rule, each with a preview; done by a second, separate POST."""
    do = request.POST.get("do", "")
    may_retain = rights.may(staff, "retention.run")
    person_form = forms.PersonForm(request.POST if "person" in do else None)
    retention_form = forms.RetentionForm(request.POST if "retention" in do else None)
    context: dict[str, Any] = {
        "person_form": person_form,
        "retention_form": retention_form,
        "may_retain": may_retain,
        "alone": True,
    }
    if "person" in do and person_form.is_valid():
        context |= _forget(request, staff, person_form, sure=do == "person-forget")
    elif "retention" in do and retention_form.is_valid():
        rights.require(staff, "retention.run")
        context |= _retain(request, staff, retention_form, sure=do == "retention-run")
    bad = person_form.errors or retention_form.errors
    if context.get("done"):
        return redirect("desk:privacy")
    return draw(request, staff, "privacy", "privacy", 422 if bad else 200, **context)


def _forget(request: HttpRequest, staff: Staff, form: forms.PersonForm, *, sure: bool) -> dict[str, Any]:
    pk = int(form.cleaned_data["person"].strip()[2:])
    person = Person.objects.filter(pk=pk, forgotten_at__isnull=True).first()
    if person is None:
        form.add_error("person", _("There is no such person, or he was forgotten already."))
        return {}
    if not sure:
        return {"person": person, "person_preview": forgetting.preview_forget(person)}
    try:
        gone = forgetting.forget(person, by=staff)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
        return {}
    messages.success(
        request,
        _("%(person)s was forgotten in %(cases)s requests.") % {"person": person.pseudonym, "cases": gone.cases},
    )
    return {"done": True}


def _retain(request: HttpRequest, staff: Staff, form: forms.RetentionForm, *, sure: bool) -> dict[str, Any]:
    day = form.cleaned_data["before"]
    before = datetime.combine(day, time(), tzinfo=timezone.get_current_timezone()).astimezone(UTC)
    if before > clock.now():
        form.add_error("before", _("Choose a day in the past."))
        return {}
    if not sure:
        return {"before": day, "retention_preview": forgetting.preview_retention(before)}
    gone = forgetting.retain(before, by=staff)
    messages.success(request, _("Personal data was taken out of %(cases)s requests.") % {"cases": gone.cases})
    return {"done": True}
