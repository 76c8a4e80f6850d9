"""What people may ask: enquiries with their editor and test box, data sets with their files, the log."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import Max, Min
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from wasl.core.organisation import actions as organisation_actions
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.enquiry_forms import (
    DataSetForm,
    EnquiryForm,
    TryForm,
    UploadForm,
    initial_of,
    initial_of_data_set,
)
from wasl.faces.desk.setup.page import FORM, draw, found, number, tried
from wasl.faces.desk.setup.told import changes_of
from wasl.kernel import clock, phone
from wasl.kernel.sms import text as sms
from wasl.services.enquiries import actions, definitions, editing, queries, replies, tables
from wasl.services.enquiries.models import DataSet, Enquiry, Upload
from wasl.services.enquiries.sources import case
from wasl.services.texts.models import Operator

PAGE = 100
DAYS = 30
RIGHT = editing.RIGHT
KIND_WORDS: Mapping[str, Promise] = {
    actions.FOUND: pgettext_lazy("answer", "found"),
    actions.SEVERAL: pgettext_lazy("answer", "several found"),
    actions.NOTHING: pgettext_lazy("answer", "nothing found"),
    actions.REFUSED: pgettext_lazy("answer", "refused"),
    actions.MALFORMED: pgettext_lazy("answer", "not understood"),
    actions.AWAY: pgettext_lazy("answer", "source away"),
}
CHANNEL_WORDS: Mapping[str, str | Promise] = {
    "sms": pgettext_lazy("asked by", "SMS"),
    "web": pgettext_lazy("asked by", "web"),
    "phone": pgettext_lazy("asked by", "telephone"),
    "chat": pgettext_lazy("asked by", "chat"),
    actions.TEST: pgettext_lazy("asked by", "tried at the desk"),
}


@desk(right=RIGHT, methods=FORM)
def enquiries(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All of them with their use of the last seven days; each is put on and taken off here."""
    do = request.POST.get("do", "")
    if do in ("on", "off"):
        held: Enquiry = found(Enquiry, number(request.POST.get("enquiry", "")))
        tried(request, None, lambda: editing.set_active(held, by=staff, active=do == "on"), _("Saved."))
        return redirect("desk:enquiries")
    used = queries.use()
    rows = [
        (row, used.get(row.pk, queries.Use()))
        for row in Enquiry.objects.select_related("data_set").order_by("-active", "code")
    ]
    sets = DataSet.objects.prefetch_related("enquiries").order_by("code")
    return draw(request, staff, "enquiries", "enquiries", rows=rows, sets=sets)


@desk(right=RIGHT, methods=FORM)
def enquiry(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One enquiry on one page, or a new one; tried out beside it."""
    held: Enquiry | None = found(Enquiry, pk) if pk else None
    do = request.POST.get("do", "")
    form = EnquiryForm(request.POST if do == "save" else None, initial=initial_of(held))
    trial = TryForm(request.POST if do == "try" else None, initial={"language": "ar"}, prefix="try")
    if do == "save" and form.is_valid():
        kept: list[Enquiry] = []
        if tried(
            request,
            form,
            lambda: kept.append(editing.save_enquiry(held, by=staff, facts=form.facts())),
            _("Saved. It counts from now."),
        ):
            return redirect("desk:enquiry", kept[0].pk)
    answer = _tried_out(held, trial) if held is not None and do == "try" and trial.is_valid() else None
    bad = bool(form.errors or trial.errors)
    return draw(
        request, staff, "enquiry", "enquiries", 422 if bad else 200, form=form, trial=trial, row=held, answer=answer,
        heading=held or _("New enquiry"), names=_names(held) if held else [], source=form["source"].value(),
        changes=changes_of(Audit.objects.filter(kind="enquiry", row=held.pk)) if held else [],
    )  # fmt: skip


def _tried_out(held: Enquiry, trial: TryForm) -> dict[str, Any] | None:
    """The answer with its parts and what they cost."""
    g = trial.cleaned_data
    caller = phone.normalise(g["number"], organisation.the_city().region) if g["number"] else None
    if g["number"] and (caller is None or phone.is_short_code(caller)):
        trial.add_error("number", _("This is no telephone number."))
        return None
    if held.source == Enquiry.Source.CASE:
        # Who tries it out is told of nobody's case, whatever number he tries it with.
        caller = None
    try:
        answer = actions.try_out(held, g["words"], actions.Asker(actions.TEST, caller, g["language"]))
    except replies.BadReply as error:
        trial.add_error(None, str(error))
        return None
    plan = sms.plan(answer.text)
    cost = Operator.objects.filter(on=True).aggregate(least=Min("cost"), most=Max("cost"))
    return {
        "answer": answer,
        "plan": plan,
        "encoding": plan.coding.name.replace("_", "-"),
        "least": (cost["least"] or 0) * len(plan.parts),
        "most": (cost["most"] or 0) * len(plan.parts),
    }


def _names(held: Enquiry) -> list[str]:
    """What its replies may name."""
    fields = [one.name for one in definitions.fields_of(held.fields) if one.kind != "pin"]
    if held.source == Enquiry.Source.CASE:
        columns = list(case.COLUMNS)
    elif held.data_set is not None:
        columns = list(held.data_set.columns)
    else:
        columns = list(held.settings.get("columns", {}))
    return [*dict.fromkeys([*fields, *columns]), *replies.ALWAYS, *(f"sum_{columns[-1]}" for _one in columns[:1])]


@desk(right=RIGHT, methods=FORM)
def data_set(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One data set, or a new one: what it is, the file that waits, what that would change."""
    held: DataSet | None = found(DataSet, pk) if pk else None
    do = request.POST.get("do", "")
    form = DataSetForm(request.POST if do == "save" else None, initial=initial_of_data_set(held))
    upload = UploadForm(
        request.POST if do == "upload" else None, request.FILES if do == "upload" else None, prefix="up"
    )
    if do == "save" and form.is_valid():
        kept: list[DataSet] = []
        if tried(
            request,
            form,
            lambda: kept.append(editing.save_data_set(held, by=staff, facts=form.facts())),
            _("Saved."),
        ):
            return redirect("desk:data_set", kept[0].pk)
    if held is not None and _file_done(request, staff, held, do, upload):
        return redirect("desk:data_set", held.pk)
    waiting = held.uploads.select_related("by", "data_set").first() if held else None
    return draw(
        request, staff, "data_set", "enquiries", 422 if form.errors or upload.errors else 200, form=form, upload=upload,
        row=held, heading=held or _("New data set"), waiting=waiting, preview=_preview(request, waiting),
        changes=changes_of(Audit.objects.filter(kind="dataset", row=held.pk)) if held else [],
    )  # fmt: skip


def _file_done(request: HttpRequest, staff: Staff, held: DataSet, do: str, upload: UploadForm) -> bool:
    """Take a file, load the one that waits, or forget it; whether something was done."""
    if do == "upload" and upload.is_valid():
        file, whole = upload.cleaned_data["file"], upload.cleaned_data["whole"] == "all"
        if file.size > tables.LARGEST:
            upload.add_error("file", _("The file is larger than %(most)s MB.") % {"most": tables.LARGEST // 1_000_000})
            return False
        content = file.read()
        return tried(
            request,
            upload,
            lambda: editing.stage(held, by=staff, name=file.name or "", content=content, whole=whole),
            "",
        )
    waiting = held.uploads.filter(pk=number(request.POST.get("upload", ""))).first()
    if do not in ("confirm", "discard"):
        return False
    if waiting is None:
        messages.error(request, _("This file does not wait any more: somebody else has dealt with it."))
        return True
    if do == "confirm":
        tried(request, None, lambda: editing.confirm(waiting, by=staff), _("Loaded. Answers come from it from now."))
    else:
        editing.discard(waiting, by=staff)
    return True


def _preview(request: HttpRequest, waiting: Upload | None) -> editing.Preview | None:
    if waiting is None:
        return None
    try:
        return editing.preview(waiting)
    except organisation_actions.Refused as refused:
        messages.error(request, str(refused))
        return None


@desk(right=RIGHT)
def asked(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What was asked, by which channel, and what came of it; not by whom and not the words."""
    which = number(request.GET.get("enquiry", ""))
    kind = request.GET.get("kind", "")
    rows = queries.log(Enquiry.objects.filter(pk=which).first() if which else None)
    if kind in actions.KINDS:
        rows = rows.filter(kind=kind)
    if before := number(request.GET.get("before", "")):
        rows = rows.order_by("-pk").filter(pk__lt=before)
    page = list(rows.order_by("-pk")[: PAGE + 1])
    older = f"?enquiry={which or ''}&kind={kind}&before={page[PAGE - 1].pk}" if len(page) > PAGE else ""
    return draw(
        request, staff, "asked", "enquiries", older=older,
        rows=[(row, KIND_WORDS[row.kind], CHANNEL_WORDS.get(row.channel, row.channel)) for row in page[:PAGE]],
        which=which, kind=kind, kinds=KIND_WORDS.items(), every=Enquiry.objects.order_by("code"), days=DAYS,
        channels=_by_channel(),
    )  # fmt: skip


def _by_channel() -> list[tuple[str | Promise, int]]:
    """How many questions were answered without an agent lately, by channel, the most first (A13)."""
    now = clock.now()
    counts: dict[str, int] = {}
    for (_code, channel), count in queries.served(now - timedelta(days=DAYS), now).items():
        counts[channel] = counts.get(channel, 0) + count
    return [(CHANNEL_WORDS.get(c, c), n) for c, n in sorted(counts.items(), key=lambda pair: -pair[1])]
