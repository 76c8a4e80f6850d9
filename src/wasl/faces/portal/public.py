"""Public requests: the list, the map and the page of each, for everybody.

Only what `cases.queries.public` lets through is read, and of it only what the centre wrote for the public; never the
words of a citizen, his name, numbers or address. Open311 serves the same to programs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_GET

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case, State, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import queries as contacts
from wasl.core.contacts.models import Attachment
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area
from wasl.faces.frame import dates
from wasl.faces.portal import access
from wasl.faces.portal.forms import _Form
from wasl.faces.portal.pages import limited, send_file
from wasl.faces.portal.queries import late
from wasl.kernel import acceptance, clock

PAGE = 20
MOST_POINTS = 1000
_PERIODS = {"7": 7, "30": 30, "90": 90, "365": 365, "all": None}
_USUAL_PERIOD = "90"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FilterForm(_Form):
    """Which requests are listed."""

    state = forms.ChoiceField(
        label=gettext_lazy("How it stands"),
        required=False,
        choices=[
            ("", gettext_lazy("Open and closed")),
            ("open", pgettext_lazy("of requests", "Open")),
            ("closed", pgettext_lazy("of requests", "Closed")),
            ("confirmed", gettext_lazy("Solved, says who reported it")),
        ],
    )
    period = forms.ChoiceField(
        label=gettext_lazy("Reported"),
        required=False,
        choices=[
            ("7", gettext_lazy("in the last 7 days")),
            ("30", gettext_lazy("in the last 30 days")),
            ("90", gettext_lazy("in the last 90 days")),
            ("365", gettext_lazy("in the last year")),
            ("all", gettext_lazy("at any time")),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roots = [c for c in catalogue.in_force().categories.values() if c.depth == 0 and c.public and not c.conduct]
        areas = sorted(((a.code, str(a)) for a in organisation.areas()[1].values()), key=lambda choice: choice[1])
        first = {
            "category": (_("About"), [("", _("Everything")), *((c.code, c.name) for c in roots)]),
            "area": (_("Part of the city"), [("", _("The whole city")), *areas]),
        }
        chosen = {
            name: forms.ChoiceField(label=label, choices=choices, required=False)
            for name, (label, choices) in first.items()
        }
        self.fields = {**chosen, **self.fields}

    def chosen(self) -> dict[str, str]:
        """What was chosen and is known; what is not, counts as not chosen."""
        self.is_valid()
        found = {name: str(value) for name, value in self.cleaned_data.items() if value}
        if found.get("period") == _USUAL_PERIOD:
            del found["period"]
        return found


def _below(area: Area) -> set[int]:
    known = list(organisation.areas()[1].values())
    found, size = {area.pk}, 0
    while len(found) > size:
        size = len(found)
        found |= {a.pk for a in known if a.parent_id in found}
    return found


def listed(chosen: Mapping[str, str]) -> QuerySet[Case]:
    """The public requests that fit, in no order. A period keeps each look bounded by the index of reception."""
    found = cases.public()
    if code := chosen.get("category"):
        known = catalogue.in_force().categories.values()
        found = found.filter(category__in=[c.code for c in known if code in c.line])
    if code := chosen.get("area"):
        found = found.filter(area__in=_below(organisation.areas()[1][code]))
    match chosen.get("state"):
        case "open":
            found = found.exclude(state=State.CLOSED)
        case "closed":
            found = found.filter(state=State.CLOSED)
        case "confirmed":
            found = found.filter(verdict="solved")
    days = _PERIODS[chosen.get("period", _USUAL_PERIOD)]
    return found.filter(received_at__gte=clock.now() - timedelta(days=days)) if days else found


@dataclass(frozen=True)
class Shown:
    """A request as everybody may read it; `tone` is a class of the status line."""

    case: Case
    title: str
    words: str
    status: str
    tone: str


_STATUS: Mapping[str, Promise] = {
    State.REGISTERED: gettext_lazy("Registered, not sent to a unit yet"),
    State.ANSWERED: gettext_lazy("Answered"),
    State.REFUSED: gettext_lazy("Not accepted"),
    State.JOINED: gettext_lazy("Dealt with together with an earlier report of the same"),
    State.SUSPENDED: gettext_lazy("It has to wait"),
    State.RETURNED: gettext_lazy("The centre decides which unit is responsible"),
    State.ARBITRATION: gettext_lazy("The centre decides which unit is responsible"),
    State.REPLIED: gettext_lazy("The unit has replied; the centre checks the reply"),
    State.REVIEWED: gettext_lazy("The reply is checked; who reported it is told"),
    State.TOLD: gettext_lazy("Who reported it is asked whether it is solved"),
    State.CONTESTED: gettext_lazy("Not solved, says who reported it; the centre decides what happens next"),
    State.CONFIRMED: gettext_lazy("Solved, says who reported it"),
}


def status_of(case: Case) -> str:
    """How it stands, for those whom it is not addressed to."""
    if case.state == State.CLOSED:
        if case.verdict == "solved":
            return _("Closed: solved, says who reported it")
        outcome = case.get_outcome_display()
        if case.unconfirmed:
            return _("Closed: %(outcome)s, says the unit; nobody has confirmed it") % {"outcome": outcome}
        return _("Closed: %(outcome)s") % {"outcome": outcome or _("no outcome recorded")}
    said = _STATUS.get(case.state)
    return str(said) if said is not None else cases.status_sentence(case)


def shown(case: Case) -> Shown:
    """What the list and the page say of it."""
    category = catalogue.of_number(case.edition).category(case.category)
    tone = "over" if late(case) else "good" if case.verdict == "solved" else ""
    return Shown(case, category.name if category else case.number, case.public_text, status_of(case), tone)


# --- keyset paging ---


def _key(case: Case) -> str:
    return f"{(case.received_at - _EPOCH) // timedelta(microseconds=1)}-{case.pk}"


def _read_key(text: str) -> tuple[datetime, int] | None:
    instant, _dash, pk = text.partition("-")
    if not (instant.isascii() and instant.isdigit() and len(instant) <= 17 and pk.isascii() and pk.isdigit()):
        return None
    return (_EPOCH + timedelta(microseconds=int(instant)), int(pk)) if len(pk) <= 18 else None


def page_of(found: QuerySet[Case], *, after: str = "", before: str = "") -> tuple[list[Case], bool, bool]:
    """One page, the latest first, and whether there are newer and older ones; `after`, `before` are keys of rows."""
    older, newer = _read_key(after), _read_key(before)
    rows = found.select_related("unit", "area")
    if newer is not None and older is None:
        at, pk = newer
        rows = rows.filter(Q(received_at__gt=at) | Q(received_at=at, pk__gt=pk)).order_by("received_at", "pk")
        read = list(rows[: PAGE + 1])
        return read[:PAGE][::-1], len(read) > PAGE, True
    if older is not None:
        at, pk = older
        # The first half bounds the range that the index is read over; the second breaks ties.
        rows = rows.filter(Q(received_at__lte=at) & (Q(received_at__lt=at) | Q(pk__lt=pk)))
    read = list(rows.order_by("-received_at", "-pk")[: PAGE + 1])
    return read[:PAGE], older is not None, len(read) > PAGE


# --- pages ---


def _kept_shortly(response: HttpResponse) -> HttpResponse:
    # The language and the token of the forms are the visitor's own, so no shared cache may keep it.
    patch_cache_control(response, private=True, max_age=60)
    return response


@require_GET
@limited
def public_list(request: HttpRequest) -> HttpResponse:
    """Public requests as a list, with the same on a map for those who see it."""
    access.limit(request, "portal-public")
    form = FilterForm({"period": _USUAL_PERIOD, **request.GET.dict()})
    chosen = form.chosen()
    rows, newer, older = page_of(
        listed(chosen), after=request.GET.get("after", ""), before=request.GET.get("before", "")
    )

    def link(**key: str) -> str:
        return f"{reverse('portal:public')}?{urlencode({**chosen, **key})}"

    context = {
        "form": form,
        "rows": [shown(case) for case in rows],
        "newer_url": link(before=_key(rows[0])) if rows and newer else "",
        "older_url": link(after=_key(rows[-1])) if rows and older else "",
        "points_url": f"{reverse('portal:public_points')}?{urlencode(chosen)}",
        "most_points": MOST_POINTS,
        "narrowed": bool(chosen),
        "indexable": not request.GET,
    }
    return _kept_shortly(render(request, "portal/public/list.html", context))


@require_GET
@limited
def points(request: HttpRequest) -> HttpResponse:
    """The latest of the same requests as points (RFC 7946), rounded to the street."""
    access.limit(request, "portal-public")
    found = listed(FilterForm({"period": _USUAL_PERIOD, **request.GET.dict()}).chosen())
    rows = found.filter(lat__isnull=False, lon__isnull=False).order_by("-received_at", "-pk")[:MOST_POINTS]
    now = clock.now()
    features = []
    for case in rows:
        category = catalogue.of_number(case.edition).category(case.category)
        place = cases.public_place(case)
        if place is None:
            continue
        title = category.name if category else case.number
        features.append(
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [place[1], place[0]]},
                "properties": {
                    "url": reverse("portal:public_case", args=[case.number]),
                    "label": f"{title} · {dates.near(case.received_at, now)}",
                    "done": case.state == State.CLOSED,
                },
            }
        )
    response = JsonResponse(
        {"type": "FeatureCollection", "features": features},
        content_type="application/geo+json",
        json_dumps_params={"ensure_ascii": False},
    )
    return _kept_shortly(response)


def _public_case(number: str) -> Case:
    canonical = acceptance.parse(number)
    found = cases.public().filter(number=canonical).select_related("unit", "area").first() if canonical else None
    if found is None:
        raise Http404
    return found


_TOLD: Mapping[str, Promise] = {
    "case.registered": gettext_lazy("The centre read it and registered it."),
    "case.answered": gettext_lazy("The centre answered."),
    "case.refused": gettext_lazy("It was not accepted."),
    "case.joined": gettext_lazy("Others had reported the same. It is dealt with together with theirs."),
    "case.unjoined": gettext_lazy("It was taken apart from the other report again."),
    "case.dispatched": gettext_lazy("It was sent to %(unit)s."),
    "case.reclassified": gettext_lazy("The centre corrected what it is about."),
    "order.signed": gettext_lazy("%(unit)s accepted it."),
    "order.started": gettext_lazy("%(unit)s began to work on it."),
    "order.returned": gettext_lazy("%(unit)s says that it is not responsible. The centre decides who is."),
    "case.arbitrated": gettext_lazy("The centre decided: %(unit)s is responsible."),
    "order.extension_granted": gettext_lazy("%(unit)s was given more time."),
    "case.suspended": gettext_lazy("It has to wait."),
    "case.resumed": gettext_lazy("It goes on."),
    "order.replied": gettext_lazy("%(unit)s replied. The centre checks the reply."),
    "case.reviewed": gettext_lazy("The centre checked the reply."),
    "case.redone": gettext_lazy("It was sent to %(unit)s to be done again."),
    "case.told": gettext_lazy("Who reported it was told the result and asked whether it is true."),
    "case.confirmed": gettext_lazy("Who reported it says that it is solved."),
    "case.contested": gettext_lazy("Who reported it says that it is not solved."),
    "case.published": gettext_lazy("The centre wrote:"),
    "case.closed": gettext_lazy("It was closed."),
    "case.follower_closed": gettext_lazy("It was closed together with the report that it was joined to."),
    "case.reopened": gettext_lazy("It was opened again."),
    "case.escalated": gettext_lazy("It was handed to the authority above."),
}


@dataclass(frozen=True)
class Line:
    """One line of the public story."""

    at: datetime
    sentence: str
    words: str = ""


def story(case: Case) -> list[Line]:
    """What happened as everybody may know it, the latest first; orders of helping units are left out."""
    orders = {order.pk: order for order in WorkOrder.objects.filter(case=case)}
    written = dict(cases.public_remarks().filter(case=case).values_list("pk", "body"))
    lines, lead = [], None
    for entry in cases.story(case):
        facts = cases.data_of(entry)
        lead = next((o["unit"] for o in facts.get("orders", ()) if o["role"] == WorkOrder.Role.LEAD), lead)
        order = orders.get(facts.get("order", 0))
        if entry.verb not in _TOLD or (order is not None and order.role != WorkOrder.Role.LEAD):
            continue
        unit = order.unit_id if order is not None else lead
        said = str(_TOLD[entry.verb]) % {"unit": organisation.unit_of(unit) if unit else _("the unit")}
        lines.append(Line(entry.at, said, written.get(facts.get("remark", 0), "")))
    return lines[::-1]


def _photos(case: Case) -> list[Attachment]:
    return list(contacts.public_photos([case]).get(case.pk, ()))


@require_GET
@limited
def public_case(request: HttpRequest, number: str) -> HttpResponse:
    """A public request. One that is not public is not found, whether it exists or not."""
    access.limit(request, "portal-public")
    case = _public_case(number)
    if case.number != number:
        return redirect("portal:public_case", number=case.number)
    place = cases.public_place(case)
    context = {
        "one": shown(case),
        "case": case,
        "lines": story(case),
        "photos": _photos(case),
        "pin": f"{place[0]},{place[1]}" if place else "",
        "own": access.opened(request, case.number) is not None,
    }
    response = _kept_shortly(render(request, "portal/public/case.html", context))
    # What the centre takes back must not live on in a search engine.
    response["X-Robots-Tag"] = "noindex"
    return response


@require_GET
def photo(request: HttpRequest, number: str, pk: int, size: str) -> HttpResponseBase:
    """A photo that the centre released."""
    del request
    found = next((p for p in _photos(_public_case(number)) if p.pk == pk), None)
    if found is None or size not in ("thumb", "shown"):
        raise Http404
    response = send_file(found, size)
    response["X-Robots-Tag"] = "noindex"
    return response


@require_GET
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines may read: the public pages, nothing about one person's report (RFC 9309)."""
    del request
    shut = ("account", "answer", "demo", "desk", "i18n", "me", "open311", "report", "track", "verify")
    lines = ["User-agent: *", *(f"Disallow: /{name}/" for name in shut), ""]
    response = HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = "public, max-age=86400"
    return response
