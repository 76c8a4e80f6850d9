"""Groups that units write to: the list of them, one with its people, files that are looked at and taken over."""

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.campaigns.forms import GroupForm, UploadForm
from wasl.faces.desk.campaigns.page import FORM, draw, found
from wasl.faces.desk.setup.page import number, tried
from wasl.services.campaigns import actions, people, queries, targets
from wasl.services.campaigns.models import Campaign, Group, Member, Upload
from wasl.services.enquiries import tables

PAGE = 100


@desk(right=queries.RIGHT)
def groups(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All groups of the units that this person writes for."""
    rows = queries.groups_of(staff).annotate(n=Count("members")).order_by("-on", "unit__path", "name")
    return draw(request, staff, "groups", "groups", rows=rows)


@desk(right=queries.RIGHT, methods=FORM)
@sensitive_variables()
def group(request: HttpRequest, staff: Staff, pk: int = 0) -> HttpResponse:
    """One group, or a new one; its people and the file that waits."""
    held = found(queries.groups_of(staff), pk) if pk else None
    do = request.POST.get("do", "")
    centre = rights.scopes(staff, queries.RIGHT).centre
    initial = {"name": held.name, "on": held.on} if held else {"kind": Group.Kind.LIST}
    form = GroupForm(request.POST if do == "save" else None, initial=initial, by=staff, held=held, centre=centre)
    upload = UploadForm(
        request.POST if do == "upload" else None, request.FILES if do == "upload" else None, prefix="up"
    )
    if do == "save" and form.is_valid():
        kept: list[Group] = []
        if tried(request, form, lambda: kept.append(_save(held, staff, form)), _("Saved.")):
            return redirect("desk:group", kept[0].pk)
    if held is not None and _file_done(request, staff, held, do, upload):
        return redirect("desk:group", held.pk)
    waiting = held.uploads.select_related("by", "group").first() if held else None
    shown: list[tuple[Member, str]] = []
    older, count = 0, 0
    if held is not None and held.kind == Group.Kind.LIST:
        rows = Member.objects.filter(group=held)
        count = rows.count()
        after = number(request.GET.get("after", ""))
        page = list(rows.filter(pk__gt=after).order_by("pk")[: PAGE + 1])
        older = page[PAGE - 1].pk if len(page) > PAGE else 0
        shown = [(row, people.name_of(row)) for row in page[:PAGE]]
    elif held is not None:
        count = sum(targets.counted([held]).values())
    return draw(
        request, staff, "group", "groups", 422 if form.errors or upload.errors else 200, form=form, upload=upload,
        row=held, waiting=waiting, preview=preview_of(request, waiting), shown=shown, count=count,
        older=f"?after={older}" if older else "", heading=held or _("New group"),
    )  # fmt: skip


def _save(held: Group | None, staff: Staff, form: GroupForm) -> Group:
    g = form.cleaned_data
    if held is not None:
        return actions.save_group(held, by=staff, unit=held.unit, name=g["name"], kind=held.kind, on=g["on"])
    unit = next(one for one in queries.units_of(staff) if str(one.pk) == g["unit"])
    return actions.save_group(None, by=staff, unit=unit, name=g["name"], kind=g["kind"], topic=g.get("topic"))


def _file_done(request: HttpRequest, staff: Staff, held: Group, do: str, upload: UploadForm) -> bool:
    """Keep a file, take over the one that waits, or forget it; whether something was done."""
    if do == "upload" and upload.is_valid():
        file, whole = upload.cleaned_data["file"], upload.cleaned_data["whole"] == "all"
        if file.size > tables.LARGEST:
            upload.add_error("file", _("The file is larger than %(most)s MB.") % {"most": tables.LARGEST // 1_000_000})
            return False
        content, name = file.read(), file.name or ""
        return tried(
            request,
            upload,
            lambda: actions.stage(held, by=staff, name=name, content=content, whole=whole),
            "",
        )
    return settle(request, staff, held, do)


def settle(request: HttpRequest, staff: Staff, held: Group | Campaign, do: str) -> bool:
    """Take over the file that waits, or forget it; whether something was done."""
    waiting = held.uploads.select_related("group__unit", "campaign__unit").filter(
        pk=number(request.POST.get("upload", ""))
    ).first()  # fmt: skip
    if do not in ("confirm", "discard") or waiting is None:
        return False
    if do == "discard":
        actions.discard(waiting, by=staff)
        return True
    return tried(request, None, lambda: actions.confirm(waiting, by=staff), _("The file is taken over."))


def preview_of(request: HttpRequest, waiting: Upload | None) -> actions.Preview | None:
    """What the file that waits would change; a refusal goes to the notices."""
    made: list[actions.Preview] = []
    if waiting is not None:
        tried(request, None, lambda: made.append(actions.preview(waiting)), "")
    return made[0] if made else None
