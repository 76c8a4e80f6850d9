"""The pages of learning: the tours of my roles, how far I came, and who of the staff has taken his."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.faces.desk.access import desk, is_part
from wasl.faces.desk.places import FIRST, desk_context
from wasl.faces.desk.tours import EDITION, TOURS
from wasl.kernel import clock
from wasl.services.learning import actions, practice, queries


def offer(request: HttpRequest, staff: Staff) -> None:
    """At the first sign-in to a role, offer its tour; once, and without taking the screen from whoever is on a call."""
    role = next((role for role in FIRST if role in rights.roles_of(staff)), "")
    if role in TOURS and actions.offer(staff, role, edition=EDITION):
        words = _("New here? A tour of two minutes shows you your pages.")
        link = format_html('<a href="{}">{}</a>', reverse("desk:learn"), _("Show me round"))
        messages.info(request, format_html("{} {}", words, link))


@desk()
def learn(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The tours of my roles, each step readable here too, and the way to practise."""
    held = rights.roles_of(staff)
    taken = queries.of(staff)
    tours = [
        {
            "role": role,
            "label": Post.Role(role).label,
            "steps": steps,
            "begin": steps[0].url,
            "url": reverse("desk:tour", args=[role]),
            "taken": taken.get(role),
            "renewed": role in taken and taken[role].edition < EDITION,
        }
        for role, steps in TOURS.items()
        if role in held
    ]
    context = {
        "tours": tours,
        "now": clock.now(),
        "reads_others": bool(held & queries.READERS),
        "practice": practice.is_offered(),
    }
    return render(request, "desk/learn.html", desk_context(request, staff, "learn", **context))


@desk(methods=("GET", "HEAD", "POST"))
def tour(request: HttpRequest, staff: Staff, role: str) -> HttpResponse:
    """The steps of the tour of a role that I hold, as JSON; posted to, it notes the step that I reached."""
    steps = TOURS.get(role, ())
    if not steps or role not in rights.roles_of(staff):
        raise Http404
    if request.method == "POST":
        reached = request.POST.get("reached", "")
        if not (reached.isascii() and reached.isdigit()) or not 0 < int(reached[:3]) <= len(steps):
            return HttpResponse(status=422)
        actions.take(staff, role, edition=EDITION, reached=int(reached[:3]), steps=len(steps))
        return HttpResponse(status=204)
    words = {
        "next": _("Next"),
        "back": _("Back"),
        "done": _("Done"),
        "leave": _("Leave the tour"),
        "of": _("Step %(n)s of %(all)s") % {"n": "{n}", "all": "{all}"},
    }
    told = [{"url": s.url, "anchor": s.anchor, "title": str(s.title), "text": str(s.text)} for s in steps]
    return JsonResponse({"words": words, "steps": told})


@desk(optional=True)
def practise(request: HttpRequest, staff: Staff) -> HttpResponse:
    """To the practice: makes it ready where it rests, then leads in by the door."""
    if not practice.is_offered():
        raise Http404
    practice.want()
    waits = is_part(request)
    if practice.answers():
        door = practice.door_url(staff)
        return HttpResponseClientRedirect(door) if waits else redirect(door)
    trouble = practice.trouble()
    if waits:
        return HttpResponseClientRefresh() if trouble else HttpResponse(status=204)
    context = {"trouble": trouble, "may_know": "administrator" in rights.roles_of(staff)}
    return render(request, "desk/practise.html", desk_context(request, staff, "learn", **context))


@desk(roles=queries.READERS)
def learners(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who of the staff has taken the tour of his role, whoever has not first."""
    rows = queries.learners(staff)
    done = sum(1 for row in rows if row.tour is not None and row.tour.state == "done")
    context = {"rows": rows, "done": done, "edition": EDITION, "now": clock.now()}
    return render(request, "desk/learners.html", desk_context(request, staff, "learn", **context))
