"""The pages of notices: what concerns me, and how I want to be told."""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.lists import category_name
from wasl.faces.desk.places import desk_context
from wasl.kernel import clock
from wasl.services.messages import notices

PAGE = 40
ICONS = {
    "staff_order": "inbox", "staff_redone": "arrow-back-up", "staff_due_soon": "clock-exclamation",
    "staff_overdue": "alert-triangle", "staff_extension": "calendar", "staff_extension_denied": "calendar",
    "staff_pause": "clock-pause", "staff_pause_denied": "clock-pause", "staff_returned": "arrow-back-up",
    "staff_question": "help-circle", "staff_answer": "message", "staff_urged": "alarm",
    "staff_emergency": "urgent", "staff_escalated": "alert-triangle",
}  # fmt: skip


@desk()
def listed(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What concerns me: what I have not read, or with `all` everything, the latest first."""
    every = "all" in request.GET
    found = notices.of(staff) if every else notices.of(staff).filter(read_at__isnull=True)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) < 19:
        last = notices.of(staff).filter(pk=int(after)).first()
        if last is not None:
            found = found.filter(at__lte=last.at).exclude(at=last.at, pk__gte=last.pk)
    rows = list(found[: PAGE + 1])
    more = urlencode({**({"all": ""} if every else {}), "after": rows[PAGE - 1].pk}) if len(rows) > PAGE else ""
    shown = [
        {
            "notice": row,
            "words": notices.words_of(row.kind, row.facts.get("verb", "")),
            "icon": ICONS.get(row.kind, "bell"),
            "what": category_name(row.case),
        }
        for row in rows[:PAGE]
    ]
    context = {"rows": shown, "every": every, "more": more, "now": clock.now(), "unread": notices.unread(staff)}
    return render(request, "desk/notices.html", desk_context(request, staff, "notices", **context))


@desk()
def bell(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The bell alone, for its live count."""
    return render(request, "desk/_bell.html", {"bell": notices.unread(staff)})


@desk()
def follow(request: HttpRequest, staff: Staff, pk: int) -> HttpResponse:
    """To the case of a notice, which then counts as read. Somebody else's notice is not there."""
    found = notices.of(staff).filter(pk=pk).first()
    if found is None:
        raise Http404
    notices.read(staff, notice=pk)
    return redirect("desk:case", found.case.number)


@desk(methods=("POST",))
def read_all(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Everything counts as read."""
    notices.read(staff)
    return redirect("desk:notices")


class WishForm(forms.Form):
    """One choice for each kind of notice that this person can get."""

    def __init__(self, staff: Staff, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="wish-%s")
        for choice in notices.choices_of(rights.roles_of(staff)):
            self.fields[choice.code] = forms.ChoiceField(
                label=str(choice.label),
                choices=list(notices.WAYS.items()),
                initial=notices.way_of(staff, choice.kinds[0]),
            )


@desk(methods=("GET", "HEAD", "POST"))
def wishes(request: HttpRequest, staff: Staff) -> HttpResponse:
    """How I want to be told of what."""
    form = WishForm(staff, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        notices.wish(staff, form.cleaned_data)
        messages.success(request, _("Kept. It holds for what comes from now on."))
        return redirect("desk:wishes")
    context = {"form": form, "staff": staff, "digest_hour": f"{notices.DIGEST_HOUR:02d}:00"}
    status = 422 if form.errors else 200
    return render(request, "desk/wishes.html", desk_context(request, staff, "notices", **context), status=status)
