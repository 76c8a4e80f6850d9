"""Messages to many: the list of them, a draft with its plan, approval, how one went, the same as a file."""

import io

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk, is_part
from wasl.faces.desk.campaigns.forms import CampaignForm, RemarkForm, SecretUploadForm, initial_of
from wasl.faces.desk.campaigns.groups import preview_of, settle
from wasl.faces.desk.campaigns.page import FORM, draw, found
from wasl.faces.desk.setup.page import number, tried
from wasl.faces.desk.sheets import CSV_MIME, Heading, Mark, write_csv
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.kernel.names import LANGUAGES, OWN_NAMES
from wasl.services.campaigns import actions, people, queries, targets
from wasl.services.campaigns.models import Campaign
from wasl.services.enquiries import tables

PAGE = 50
_TONES = {
    Campaign.State.ASKED.value: "soon",
    Campaign.State.DONE.value: "good",
    Campaign.State.STOPPED.value: "over",
}


@desk(right=queries.RIGHT)
def campaigns(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All of them of the units that this person writes for, the latest first; what waits for approval above."""
    rows = queries.visible_to(staff)
    before = number(request.GET.get("before", ""))
    page = list((rows.filter(pk__lt=before) if before else rows).order_by("-pk")[: PAGE + 1])
    older = f"?before={page[PAGE - 1].pk}" if len(page) > PAGE else ""
    asked = [] if before else list(rows.filter(state=Campaign.State.ASKED).order_by("asked_at")[:20])
    shown = [(one, _TONES.get(one.state, ""), _reached(one)) for one in page[:PAGE]]
    reach = [] if before else queries.reach_of(staff)
    return draw(request, staff, "campaigns", "campaigns", rows=shown, asked=asked, older=older, reach=reach)


def _reached(one: Campaign) -> str:
    if one.started_at is None:
        return "–"
    share = queries.result_of(one).reached
    return "–" if share is None else f"{share:.0%}"


@desk(right=queries.RIGHT, methods=FORM)
@sensitive_variables()
def campaign(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One message: a draft is written here, later one sees what became of it."""
    held = found(queries.visible_to(staff).select_related("above"), pk) if pk else None
    if held is not None and held.state != Campaign.State.DRAFT:
        return _one(request, staff, held)
    do = request.POST.get("do", "")
    start = initial_of(held) if held else {"ask_again_min": 15}
    form = CampaignForm(request.POST if do in ("save", "send", "plan") else None, initial=start, by=staff)
    secret = SecretUploadForm(
        request.POST if do == "upload" else None, request.FILES if do == "upload" else None, prefix="up"
    )
    if do == "plan" and is_part(request):
        form.is_valid()
        facts = {"plan": _plan(staff, form, held), "languages": OWN_NAMES, "alone": organisation.the_house().alone}
        return render(request, "desk/campaigns/_plan.html", facts)
    if do in ("save", "send") and form.is_valid() and (kept := _written(request, staff, held, form, do)):
        return redirect("desk:campaign", kept.pk)
    if held is not None and (
        _upload(request, staff, held, do, secret)
        or settle(request, staff, held, do)
        or (do == "stop" and _stopped(request, staff, held))
    ):
        return redirect("desk:campaign", held.pk)
    waiting = held.uploads.select_related("by", "campaign__unit").first() if held else None
    plan = _plan(staff, form, held) if form.is_bound else queries.plan_of(held) if held else None
    return draw(
        request, staff, "edit", "campaigns", 422 if form.errors or secret.errors else 200, form=form, row=held,
        secret=secret, waiting=waiting, preview=preview_of(request, waiting), heading=held or _("New message to many"),
        is_salary=held is not None and held.kind == Campaign.Kind.SALARY, alone=organisation.the_house().alone,
        languages=OWN_NAMES, words=[form[f"words_{language}"] for language in LANGUAGES], plan=plan,
    )  # fmt: skip


def _written(request: HttpRequest, staff: Staff, held: Campaign | None, form: CampaignForm, do: str) -> Campaign | None:
    """Keep the draft and, when asked to, hand it in; None when the first was refused."""
    kept: list[Campaign] = []
    seen = number(request.POST.get("seen", ""))
    if not tried(request, form, lambda: kept.append(actions.save(held, by=staff, facts=form.facts(), seen=seen)), ""):
        return None
    made = kept[0]
    if do == "save":
        tried(request, None, lambda: None, _("Saved."))
        return made
    tried(
        request,
        None,
        lambda: kept.append(actions.hand_in(made, by=staff, seen=made.version)),
        "",
    )
    if len(kept) > 1:
        asked = kept[1].state == Campaign.State.ASKED
        words = _("Handed in: somebody else has to approve it.") if asked else _("It is on its way.")
        tried(request, None, lambda: None, words)
    return made


def _plan(staff: Staff, form: CampaignForm, held: Campaign | None) -> queries.Plan | None:
    """The plan of what stands in the form, complete or not."""
    g = getattr(form, "cleaned_data", {})
    if g.get("kind") == Campaign.Kind.SALARY:
        return queries.plan_of(held) if held and held.kind == Campaign.Kind.SALARY else None
    groups = [one for one in g.get("groups") or [] if queries.covers(staff, one.unit)]
    unit = form.units.get(g.get("unit", ""))
    kind = g.get("kind") or Campaign.Kind.CITIZENS
    return queries.plan(form.words(), targets.counted(groups), unit, kind)


def _upload(request: HttpRequest, staff: Staff, held: Campaign, do: str, form: SecretUploadForm) -> bool:
    if do != "upload" or not form.is_valid():
        return False
    file = form.cleaned_data["file"]
    if file.size > tables.LARGEST:
        form.add_error("file", _("The file is larger than %(most)s MB.") % {"most": tables.LARGEST // 1_000_000})
        return False
    content, name = file.read(), file.name or ""
    return tried(request, form, lambda: actions.stage(held, by=staff, name=name, content=content), "")


def _one(request: HttpRequest, staff: Staff, held: Campaign) -> HttpResponse:
    """A message that was handed in: approved, sent back or stopped here; who got it."""
    do = request.POST.get("do", "")
    seen = number(request.POST.get("seen", ""))
    remark = request.POST.get("remark", "")[:300]
    form = RemarkForm(request.POST if do in ("back", "stop") else None)
    done = (
        (do == "approve" and tried(request, None, lambda: actions.approve(held, by=staff, seen=seen), _("Approved.")))
        or (
            do == "back"
            and tried(
                request, form, lambda: actions.send_back(held, by=staff, remark=remark), _("It is a draft again.")
            )
        )
        or (do == "stop" and _stopped(request, staff, held))
    )
    if done or do == "approve":
        return redirect("desk:campaign", held.pk)
    silent = request.GET.get("only", "") == "silent" and held.kind == Campaign.Kind.EMERGENCY
    after = number(request.GET.get("after", ""))
    rows = queries.receivers_of(held, silent=silent).filter(pk__gt=after).order_by("pk")
    page = list(rows[: PAGE + 1])
    more = f"?after={page[PAGE - 1].pk}{'&only=silent' if silent else ''}" if len(page) > PAGE else ""
    words = queries.words_of(held)
    return draw(
        request, staff, "campaign", "campaigns", 422 if form.errors else 200, row=held, form=form,
        result=queries.result_of(held),
        words=[(one, OWN_NAMES[one], words[one]) for one in LANGUAGES if words[one]],
        plan=queries.plan_of(held) if held.started_at is None and held.state != Campaign.State.STOPPED else None,
        shown=[(one, people.name_of(one), queries.state_words(one)) for one in page[:PAGE]], older=more, silent=silent,
        own=staff.pk in (held.made_by_id, held.asked_by_id), tone=_TONES.get(held.state, ""),
        groups=list(held.groups.all()), alone=organisation.the_house().alone, languages=OWN_NAMES,
    )  # fmt: skip


def _stopped(request: HttpRequest, staff: Staff, held: Campaign) -> bool:
    remark = request.POST.get("remark", "")[:300]
    return tried(request, None, lambda: actions.stop(held, by=staff, remark=remark), _("It is stopped."))


@desk(right=queries.RIGHT, optional=True)
def campaign_csv(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """Who got it, as CSV: names, masked numbers, states; that it was taken away is kept."""
    held = found(queries.visible_to(staff), pk)
    actions.exported(held, by=staff)
    heads = (_("Name"), _("Telephone"), _("State"), _("Reason"), _("When"), _("Answered 1"))
    rows = [
        [one["name"], one["number"], one["state"], one["error"], one["at"], one["acknowledged"]]
        for one in queries.rows_of(held)
    ]
    line = f"{held} · {held.unit} · {staff}, {dates.exact(clock.now())}"
    out = io.StringIO()
    write_csv(out, [Heading(head) for head in heads], rows, Mark(line, [], str(held), str(staff)))
    response = HttpResponse(out.getvalue(), content_type=CSV_MIME)
    response.headers["Content-Disposition"] = 'attachment; filename="wasl-message.csv"'
    return response
