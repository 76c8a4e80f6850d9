"""The pages of the work itself: first place, lists, board, search, the case and its verbs, files, identity."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.files.storage import default_storage
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables

from wasl.core.cases import actions, queries
from wasl.core.cases.change import NotAllowed, StaleCase
from wasl.core.cases.models import OPEN_STATES, Case, Entry, Kind, Link, State, WorkOrder
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people.models import Address, Person
from wasl.faces.desk import lists, places, story, verbs
from wasl.faces.desk.access import CASE_ROLES, desk
from wasl.faces.desk.fields import Situation, category_choices, unit_choices
from wasl.faces.desk.places import desk_context
from wasl.kernel import acceptance, clock, media, phone, seal
from wasl.kernel.digits import to_ascii_digits


def is_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


@desk()
def home(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The first place of the person's role."""
    return redirect(places.first_place(staff))


@desk()
def rail(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The rail alone, for live counts."""
    here = request.GET.get("here", "")[:20]
    return render(request, "frame/_rail.html", {"rail": places.rail_for(staff, here)})


@desk()
def me(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who I am here: posts, password, second factor."""
    return render(
        request, "desk/me.html", desk_context(request, staff, "me", posts=rights.posts_of(staff), staff=staff)
    )


# --- lists ---


def listing_of(code: str) -> lists.Listing:
    """The list of that code. Raises Http404."""
    try:
        return lists.LISTINGS[code]
    except KeyError:
        raise Http404 from None


@desk(roles=CASE_ROLES)
def case_list(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """One list: a table with filters, or with `part` only its rows."""
    listing = listing_of(code)
    page = lists.page_of(listing, staff, request.GET)
    context = {"listing": listing, "page": page, "now": clock.now(), "part_url": request.get_full_path()}
    if is_part(request):
        return render(request, "desk/_table.html", context)
    return render(
        request, "desk/list.html", desk_context(request, staff, code, **context, **_narrowing(request, page.filters))
    )


class FilterForm(forms.Form):
    """The filters of a list, drawn."""

    def __init__(self, filters: lists.Filters) -> None:
        super().__init__(auto_id="filter-%s", initial=vars(filters))
        areas = sorted(organisation.areas()[1].values(), key=str)
        every = [("", _("all"))]
        self.fields["number"] = forms.CharField(
            label=_("Number"), required=False, widget=forms.TextInput(attrs={"dir": "ltr"})
        )
        for name, label, choices in (
            ("state", _("State"), [*every, ("open", _("open")), *State.choices]),
            ("category", _("Category"), [*every, *category_choices()[1:]]),
            ("unit", _("Unit"), [*every, *unit_choices()[1:]]),
            ("area", _("Area"), [*every, *((a.code, str(a)) for a in areas)]),
            ("kind", _("Kind"), [*every, *Kind.choices]),
        ):
            self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)


def _narrowing(request: HttpRequest, filters: lists.Filters) -> dict[str, Any]:
    chips = []
    for name, words in filters.words():
        kept = {k: v for k, v in request.GET.items() if k not in (name, "after", "before") and v}
        chips.append({"words": words, "url": "?" + urlencode(kept)})
    return {"filter_form": FilterForm(filters), "chips": chips}


@desk(roles=CASE_ROLES)
def side_list(request: HttpRequest, staff: Staff, code: str) -> HttpResponse:
    """The rows of a list beside an open case."""
    listing = listing_of(code)
    page = lists.page_of(listing, staff, request.GET)
    here = request.GET.get("here", "")
    numbers = [row.case.number for row in page.rows]
    place = numbers.index(here) if here in numbers else -1
    after = numbers[place + 1] if place + 1 < len(numbers) else ""
    context = {
        "listing": listing,
        "page": page,
        "now": clock.now(),
        "open": here,
        "next": after,
        "query": _kept(request.GET),
    }
    return render(request, "desk/_side.html", context)


def _kept(query: Any) -> str:
    return urlencode(
        {
            k: v
            for k, v in query.items()
            if k in ("from", "after", "before", "state", "category", "unit", "area", "kind")
        }
    )


@desk(roles=("dispatcher", "supervisor", "leader"))
def board(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Everything by clock and by unit: how many, and the list behind each number."""
    codes = (
        "review",
        "dispatch",
        "unsigned",
        "arbitration",
        "extensions",
        "replies",
        "due4",
        "due24",
        "due72",
        "overdue",
    )
    tiles = [(lists.LISTINGS[c], lists.count_of(lists.LISTINGS[c], staff)) for c in codes]
    now = clock.now()
    mine = queries.visible_to(staff).filter(state__in=OPEN_STATES, unit__isnull=False)
    by_unit = (
        mine.order_by()
        .values("unit")
        .annotate(
            open=Count("pk"),
            unsigned=Count("pk", filter=Q(state=State.DISPATCHED)),
            replied=Count("pk", filter=Q(state=State.REPLIED)),
            soon=Count("pk", filter=Q(due_next__gte=now, due_next__lt=now + lists.SOON)),
            overdue=Count("pk", filter=Q(due_next__lt=now)),
        )
        .order_by("-overdue", "-soon", "-open")[:200]
    )
    units = [{**row, "unit": organisation.unit_of(row["unit"])} for row in by_unit]
    context = {"tiles": tiles, "units": units, "now": now}
    if is_part(request):
        return render(request, "desk/_board.html", context)
    return render(request, "desk/board.html", desk_context(request, staff, "board", **context))


@desk(roles=CASE_ROLES)
def search(request: HttpRequest, staff: Staff) -> HttpResponse:
    """By acceptance number, phone number (right `identity.read`) or the pseudonym of a person."""
    text = to_ascii_digits(request.GET.get("q", "")[:100].replace("\x00", "")).strip()
    seen = queries.visible_to(staff)
    if (number := acceptance.parse(text)) and seen.filter(number=number).exists():
        return redirect("desk:case", number)
    found, way = Case.objects.none(), ""
    person = _person_of(text)
    if person is not None:
        found, way = seen.filter(requester=person), _("requests of %(person)s") % {"person": f"R-{person:06d}"}
    elif rights.may(staff, "identity.read") and (called := phone.normalise(text, organisation.the_city().region)):
        index = seal.index_of(f"{Address.Medium.PHONE}:{called}")
        known = Address.objects.filter(look_up=index).values_list("person", flat=True)
        people = Person.objects.filter(Q(pk__in=known) | Q(merged__in=known))
        found, way = seen.filter(requester__in=people), _("requests from this telephone number")
    rows = lists.rows_of(found.select_related("unit", "area").order_by("-received_at", "-pk")[: lists.PAGE])
    page = lists.Page(rows)
    context = {
        "page": page,
        "way": way,
        "text": text,
        "search_text": text,
        "now": clock.now(),
        "may_phone": rights.may(staff, "identity.read"),
    }
    return render(request, "desk/search.html", desk_context(request, staff, "search", **context))


def _person_of(text: str) -> int | None:
    name = text.upper().removeprefix("R-")
    return int(name) if text.upper().startswith("R-") and name.isdecimal() and len(name) <= 18 else None


# --- the case ---


def case_of(staff: Staff, number: str) -> Case:
    """The case of that number if this person may see it. Raises Http404 otherwise, whether it exists or not."""
    found = (
        queries.visible_to(staff)
        .filter(number=number)
        .select_related("unit", "area", "requester", "owner", "against", "head", "parent")
        .first()
    )
    if found is None:
        raise Http404
    return found


def _head(case: Case, staff: Staff) -> dict[str, Any]:
    usual, near, rest = verbs.arranged(verbs.offers(staff, case), case.state)
    return {
        "case": case,
        "what": lists.category_name(case),
        "status": queries.status_sentence(case),
        "usual": usual,
        "near": near,
        "rest": rest,
        "now": clock.now(),
        "flags": [
            story.FLAGS[name]
            for name in ("emergency", "confidential", "supervised", "brief", "awaiting_citizen")
            if getattr(case, name)
        ],
    }


def _story(case: Case, staff: Staff) -> dict[str, Any]:
    teller = story.Teller(case, staff)
    replied = (
        teller.last("order.replied")
        if case.state in (State.REPLIED, State.REVIEWED, State.TOLD, State.CONTESTED)
        else None
    )
    sides = (
        teller.all_of("order.returned", "order.objected", "case.dispatched") if case.state == State.ARBITRATION else []
    )
    return {
        "case": case,
        "lines": teller.lines(),
        "asked": teller.asked(),
        "answers": story.answers_of(case),
        "replied": replied,
        "points": teller.all_of("case.contested", "case.redone")[-2:],
        "sides": sides,
        "before": teller.before(),
        "after": teller.after(),
        "now": clock.now(),
    }


def _context(case: Case, staff: Staff) -> dict[str, Any]:
    seen = queries.visible_to(staff)
    head = case.head
    parent = case.parent
    related: list[tuple[str, Case]] = []
    if head is not None and seen.filter(pk=head.pk).exists():
        related.append((_("joined to"), head))
    if parent is not None and seen.filter(pk=parent.pk).exists():
        related.append((_("part of"), parent))
    related += [(_("part"), c) for c in seen.filter(parent=case).order_by("pk")[:20]]
    related += [(_("joined to this"), c) for c in seen.filter(head=case).order_by("pk")[:20]]
    linked = Link.objects.filter(Q(case=case) | Q(other=case)).values_list("case_id", "other_id")
    others = {pk for pair in linked for pk in pair} - {case.pk}
    related += [(_("linked"), c) for c in seen.filter(pk__in=others).order_by("pk")[:20]]
    earlier = (
        seen.filter(requester=case.requester).exclude(pk=case.pk).order_by("-received_at")
        if case.requester_id
        else seen.none()
    )
    return {
        "case": case,
        "orders": case.orders.select_related("unit", "signed_by").order_by("pk"),
        "related": related,
        "earlier": lists.rows_of(earlier.select_related("unit", "area")[:5]),
        "may_reveal": case.requester_id is not None and queries.may_see_identity(staff, case),
        "route": story.route_words(case.route),
        "pin": f"{case.lat:.6f},{case.lon:.6f}" if case.lat is not None and case.lon is not None else "",
        "hints": list(case.requester.addresses.order_by("pk"))
        if case.requester and rights.scopes(staff, "identity.read").centre
        else [],
        "now": clock.now(),
    }


def _map(case: Case, staff: Staff) -> dict[str, Any]:
    return {"pin": f"{case.lat:.6f},{case.lon:.6f}" if case.lat is not None and case.lon is not None else ""}


PARTS = {"head": _head, "story": _story, "context": _context, "map": _map}


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
        **_head(case, staff),
        **_story(case, staff),
        **_context(case, staff),
        "query": _kept(request.GET),
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
    if part not in PARTS:
        raise Http404
    case = case_of(staff, number)
    return render(
        request, f"desk/_{part}.html", {**PARTS[part](case, staff), "query": _kept(request.GET), "staff": staff}
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
    panel: dict[str, Any] = {"verb": verb, "order": order, "case": case, "query": _kept(request.GET)}
    if request.method != "POST":
        form = verbs.VerbForm(verb, now)
        return _panel(request, staff, case, {**panel, "form": form})
    form = verbs.VerbForm(verb, now, request.POST, request.FILES)
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
    return _onwards(request, staff, case)


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


def _onwards(request: HttpRequest, staff: Staff, case: Case) -> HttpResponse:
    query = _kept(request.GET)
    if queries.visible_to(staff).filter(pk=case.pk).exists():
        url = reverse("desk:case", args=[case.number]) + (f"?{query}" if query else "")
    else:
        source = request.GET.get("from", "")
        url = reverse("desk:list", args=[source]) if source in lists.LISTINGS else places.first_place(staff)
    if is_part(request):
        return HttpResponse(status=204, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


@desk(roles=CASE_ROLES, methods=("POST",))
@sensitive_variables()
def reveal(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """Who the requester is; the view is an entry in the journal."""
    case = case_of(staff, number)
    shown = actions.see_identity(case, by=staff)
    if is_part(request):
        return render(request, "desk/_identity.html", {"shown": shown, "case": case})
    return _whole(request, staff, case, {"shown": shown})


# --- files ---


@desk(roles=CASE_ROLES)
def file(request: HttpRequest, staff: Staff, pk: int, form: str) -> HttpResponseBase:
    """A file of a visible case: `shown` and `thumb` in the page, `original` always as a download.

    The original of a photo only with the right to the identity: it may hold a place and a camera.
    """
    found = (
        Attachment.objects.filter(pk=pk, erased_at__isnull=True, contact__case__in=queries.visible_to(staff))
        .select_related("contact__case")
        .first()
    )
    if found is None or found.contact.case is None:
        raise Http404
    if form == "original" or (form == "shown" and not found.shown):
        if found.kind == "image" and not queries.may_see_identity(staff, found.contact.case):
            raise rights.Forbidden(
                _("The original of a photo may hold its place; open the identity with a reason if you need it.")
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
