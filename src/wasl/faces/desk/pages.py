"""The pages of the work itself: first place, board, the case and its verbs, files, identity; not lists and search."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.files.storage import default_storage
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from wasl.core.cases import actions, queries
from wasl.core.cases.change import NotAllowed, StaleCase
from wasl.core.cases.models import Case, Entry, WorkOrder
from wasl.core.contacts import actions as contacts
from wasl.core.contacts import queries as files
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk import case_parts, learning, lists, places, story, verbs
from wasl.faces.desk.access import CASE_ROLES, desk, is_part
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.sounds import played
from wasl.kernel import acceptance, clock, media


@desk()
def home(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The first place of the person's role."""
    first = places.first_place(staff)
    learning.offer(request, staff)
    return redirect(first)


@desk()
def rail(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The rail alone, for live counts."""
    here = request.GET.get("here", "")[:40]
    return render(request, "frame/_rail.html", {"rail": places.rail_for(staff, here)})


@desk()
def me(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who I am here: posts, password, second factor."""
    posts, answers = rights.posts_of(staff), rights.may(staff, "phone.answer")
    return render(
        request, "desk/me.html", desk_context(request, staff, "me", posts=posts, staff=staff, answers=answers)
    )


# --- the case ---


def case_of(staff: Staff, number: str) -> Case:
    """The case of that number if this person may see it. Raises Http404 otherwise, whether it exists or not."""
    found = queries.visible_to(staff).filter(number=number).select_related("requester").first()
    if found is None:
        raise Http404
    # What is at hand is not joined: PostgreSQL would think longer about eight tables than about all the rest of a part.
    if found.unit_id:
        found.unit = organisation.unit_of(found.unit_id)
    if found.against_id:
        found.against = organisation.unit_of(found.against_id)
    if found.area_id:
        found.area = organisation.area_of(found.area_id)
    return found


@desk(roles=CASE_ROLES)
def case_page(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """The case: what it is, what happened, what can be done now."""
    return _whole(request, staff, case_of(staff, number))


def _whole(
    request: HttpRequest, staff: Staff, case: Case, panel: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    source = request.GET.get("from", "")
    listing = lists.LISTINGS.get(source)
    parts = {
        **case_parts.head(case, staff),
        **case_parts.told(case, staff),
        **case_parts.context(case, staff),
        **case_parts.others(case, staff),
        "query": lists.kept(request.GET),
        **(panel or {}),
    }
    context = desk_context(
        request,
        staff,
        source if listing else "",
        topic=f"case:{case.pk}",
        case_event=f"live:case-{case.pk} from:body",
        listing=listing,
        panes="list thing context" if listing else "thing context",
        **parts,
    )
    return render(request, "desk/case.html", context, status=status)


@desk(roles=CASE_ROLES)
def case_part(request: HttpRequest, staff: Staff, number: str, part: str) -> HttpResponse:
    """One part of the case page, for live updates."""
    if part not in case_parts.PARTS:
        raise Http404
    case = case_of(staff, number)
    return render(
        request,
        f"desk/_{part}.html",
        {**case_parts.PARTS[part](case, staff), "query": lists.kept(request.GET), "staff": staff},
    )


@desk(roles=CASE_ROLES, methods=("GET", "HEAD", "POST"))
@sensitive_variables()
def do(request: HttpRequest, staff: Staff, number: str, slug: str) -> HttpResponse:
    """The form of a verb, and doing it. A stale screen gets 409 with what happened since, and keeps its words."""
    case = case_of(staff, number)
    verb = verbs.BY_SLUG.get(slug)
    if verb is None:
        raise Http404
    order = _order_of(request, case, verb)
    now = Situation(staff, case, order)
    panel: dict[str, Any] = {"verb": verb, "order": order, "case": case, "query": lists.kept(request.GET)}
    if request.method != "POST":
        form = verbs.VerbForm(verb, now)
        return _panel(request, staff, case, {**panel, "form": form})
    form, due_before = verbs.VerbForm(verb, now, request.POST, request.FILES), case.due_next
    if not form.is_valid():
        return _panel(request, staff, case, {**panel, "form": form}, status=422)
    try:
        told = verbs.do(verb, now, form.cleaned_data)
    except StaleCase as stale:
        fresh = _again(verb, Situation(staff, stale.case, order), request)
        since = [_since(entry, case, staff) for entry in stale.since]
        return _panel(request, staff, case, {**panel, "form": fresh, "stale": str(stale), "since": since}, status=409)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
        return _panel(request, staff, case, {**panel, "form": form}, status=422)
    except rights.Forbidden as refused:
        form.add_error(None, str(refused))
        return _panel(request, staff, case, {**panel, "form": form}, status=403)
    if verb.shows:
        return _panel(request, staff, case, {**panel, "told": told})
    messages.success(request, f"{acceptance.in_text(number)} · {verb.label}")
    return _onwards(request, staff, case, due_before)


def _order_of(request: HttpRequest, case: Case, verb: verbs.Verb) -> WorkOrder | None:
    if not verb.of_order:
        return None
    text = request.GET.get("order", "")
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    order = case.orders.select_related("unit", "case").filter(pk=int(text)).first()
    if order is None:
        raise Http404
    return order


def _again(verb: verbs.Verb, now: Situation, request: HttpRequest) -> verbs.VerbForm:
    """The same form with the words kept and the version of now, so that one can decide again."""
    given = request.POST.copy()
    given["seen"] = str(now.case.version)
    return verbs.VerbForm(verb, now, given)


def _since(entry: Entry, case: Case, staff: Staff) -> story.Line:
    return story.Teller(case, staff).line(entry)


def _panel(request: HttpRequest, staff: Staff, case: Case, panel: dict[str, Any], status: int = 200) -> HttpResponse:
    if not is_part(request):
        return _whole(request, staff, case, panel, status=status)
    response = render(request, "desk/_verb.html", {**panel, "now": clock.now()}, status=status)
    if status >= 400:
        # The frame sends refusals to the notices; this one belongs to its form.
        response.headers["HX-Retarget"] = "#verb"
        response.headers["HX-Reswap"] = "innerHTML"
    return response


# Lists that are worked off: what was decided makes room for the next.
QUEUES = frozenset({"sign", "review", "dispatch", "arbitration", "replies", "tell", "close", "extensions"})


def _onwards(request: HttpRequest, staff: Staff, case: Case, due_before: datetime | None) -> HttpResponse:
    """Back to the case; out of a queue that it has left, or where it now waits for the citizen, to the next one."""
    query, source = lists.kept(request.GET), request.GET.get("from", "")
    url = reverse("desk:case", args=[case.number]) + (f"?{query}" if query else "")
    if source in QUEUES:
        waiting = lists.LISTINGS[source].choose(staff)
        if case.awaiting_citizen or not waiting.filter(pk=case.pk).exists():
            url = _next_of(request, waiting.exclude(pk=case.pk), staff, due_before, query)
    elif not queries.visible_to(staff).filter(pk=case.pk).exists():
        url = reverse("desk:list", args=[source]) if source in lists.LISTINGS else places.first_place(staff)
    if is_part(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _next_of(
    request: HttpRequest, waiting: QuerySet[Case], staff: Staff, due_before: datetime | None, query: str
) -> str:
    """The address of the case that comes after in the queue as it is narrowed; of the list where none is left."""
    narrowed = lists.Filters.read(request.GET).narrow(waiting, staff)
    left = narrowed.filter(awaiting_citizen=False).order_by("due_next", "pk")
    following = left.filter(due_next__gte=due_before).first() if due_before else None
    found = following or left.first()
    if found is None:
        messages.info(request, _("Nothing is left here."))
        return reverse("desk:list", args=[request.GET.get("from", "")])
    return reverse("desk:case", args=[found.number]) + f"?{query}"


@desk(roles=CASE_ROLES, methods=("POST",))
@sensitive_variables()
def reveal(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Who the requester is; the view is an entry in the journal."""
    case = case_of(staff, number)
    shown = actions.see_identity(case, by=staff, reason=request.POST.get("reason", "")[:40])
    if is_part(request):
        return render(request, "desk/_identity.html", {"shown": shown, "case": case})
    return _whole(request, staff, case, {"shown": shown})


# --- files ---


@desk(roles=CASE_ROLES)
def file(request: HttpRequest, staff: Staff, pk: int, form: str) -> HttpResponseBase:
    """A file of a visible case: `shown` and `thumb` in the page, `original` always as a download.

    What is shown of a sound is the sound, to be played in the page.
    """
    found = files.visible_to(staff).filter(pk=pk).select_related("contact__case__requester").first()
    if found is None:
        raise Http404
    if form == "shown" and found.kind == "audio":
        return played(request, contacts.original_of(found).getvalue(), found.mime)
    if form == "original" or (form == "shown" and not found.shown):
        if not files.may_open_original(staff, found):
            raise rights.Forbidden(
                _("The original of a file may hold a place or a name; open the identity with a reason if you need it.")
            )
        return _locked(
            FileResponse(
                contacts.original_of(found),
                as_attachment=True,
                filename=found.name,
                content_type="application/octet-stream",
            )
        )
    name = found.thumb if form == "thumb" else found.shown
    if not name:
        raise Http404
    kind = media.SHOWN_TEXT_MIME if found.kind == "text" else media.SHOWN_IMAGE_MIME
    return _locked(FileResponse(default_storage.open(name), content_type=kind))


def _locked(response: FileResponse) -> HttpResponseBase:
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
