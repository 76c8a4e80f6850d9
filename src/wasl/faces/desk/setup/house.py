"""The rules of the house, the roles as they are enforced, and bulletins to staff."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wasl.core.cases import queries as cases
from wasl.core.contacts import actions as contacts
from wasl.core.organisation import actions, queries, rights
from wasl.core.organisation.models import Bulletin, Post, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup import forms
from wasl.faces.desk.setup.page import FORM, HOUSE, RIGHT, draw, found, number, tried, unit_by_code

# Rights that are no verb of a case, in words.
_WORDS = {
    "identity.read": gettext_lazy("see who the requester is"),
    "person.edit": gettext_lazy("change a requester's record"),
    "person.merge": gettext_lazy("join and part records of requesters"),
    "person.forget": gettext_lazy("forget a person"),
    "messages.read": gettext_lazy("see messages sent"),
    "catalogue.edit": gettext_lazy("draft the catalogue"),
    "catalogue.publish": gettext_lazy("publish the catalogue"),
    "organisation.edit": gettext_lazy("keep units, staff and posts"),
    "house.edit": gettext_lazy("keep areas, hours and the rules of the house"),
    "templates.edit": gettext_lazy("write the words of messages"),
    "clients.edit": gettext_lazy("give other systems keys"),
    "enquiries.edit": gettext_lazy("define enquiries and load their data"),
    "sms.read": gettext_lazy("see how SMS goes and what it costs"),
    "sms.steer": gettext_lazy("hold and take back texts, decide about doubtful ones"),
    "sms.edit": gettext_lazy("keep operators and routes of SMS"),
    "sms.identity": gettext_lazy("read texts and their numbers, with a reason"),
    "campaigns.edit": gettext_lazy("write to many people by SMS, and approve what others wrote"),
    "roster.edit": gettext_lazy("plan shifts and see who was there"),
    "retention.run": gettext_lazy("take out old personal data"),
    "cases.extract": gettext_lazy("take lists of requests out of the house"),
    "views.share": gettext_lazy("share lists with colleagues"),
}
_SEES = {
    "agent": gettext_lazy("all requests of the centre, not those against the centre itself; who the requester is"),
    "dispatcher": gettext_lazy("all requests of the centre, not those against the centre itself; who the requester is"),
    "officer": gettext_lazy(
        "requests with an order to his unit; a pseudonym instead of the requester, whose identity opens for a reason "
        "and a few hours; never a request against his unit"
    ),
    "second_line": gettext_lazy(
        "all requests of the centre, not those against the centre itself; who the requester is"
    ),
    "supervisor": gettext_lazy("all requests, also those against the centre; who the requester is"),
    "leader": gettext_lazy("all requests within his scope; a pseudonym instead of the requester"),
    "administrator": gettext_lazy("no request and no requester"),
}


@desk(right=HOUSE, methods=FORM)
def house(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What files are taken, who needs a second factor, and for how many people a message needs approval."""
    do = request.POST.get("do", "")
    held, limits = queries.the_house(), contacts.limits().bytes_of
    now: dict[str, int] = {"files": contacts.most_files(), **{str(kind): most for kind, most in limits.items()}}
    media = forms.HouseForm(request.POST if do == "media" else None, house=held, now=now)
    factor = forms.FactorForm(request.POST if do == "factor" else None, initial={"roles": held.second_factor})
    alone = forms.AloneForm(request.POST if do == "alone" else None, initial={"alone": held.alone})
    if do == "alone" and alone.is_valid():
        most = alone.cleaned_data["alone"]
        if tried(request, alone, lambda: actions.save_house(by=staff, alone=most), _("Saved.")):
            return redirect("desk:house")
    if do == "media" and media.is_valid():
        if tried(request, media, lambda: actions.save_house(by=staff, media=media.limits()), _("Saved.")):
            return redirect("desk:house")
    elif (
        do == "factor"
        and factor.is_valid()
        and tried(
            request,
            factor,
            lambda: actions.save_house(by=staff, second_factor=factor.cleaned_data["roles"]),
            _("Saved. It counts from the next page that they open."),
        )
    ):
        return redirect("desk:house")
    wrong = media.errors or factor.errors or alone.errors
    return draw(request, staff, "house", "house", 422 if wrong else 200, media=media, factor=factor, alone=alone)


def _words(verb: str) -> str:
    return str(_WORDS[verb] if verb in _WORDS else cases.LABELS.get(verb) or verb)


@desk(right=RIGHT)
def roles(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Each role: what it may do, what it sees and what is masked, as `rights` and the queries enforce it."""
    labels = dict(Post.Role.choices)
    rows: list[dict[str, Any]] = [
        {
            "label": labels[role],
            "code": role,
            "sees": _SEES.get(role, ""),
            "may": sorted(_words(verb) for verb in verbs),
            "below": sorted(_words(verb) for verb in rights.BELOW.get(role, frozenset())),
            "given_below": role in rights.GIVEN_BELOW,
            "held": rights.current_posts().filter(role=role, staff__is_active=True).values("staff").distinct().count(),
        }
        for role, verbs in rights.RIGHTS.items()
    ]
    return draw(request, staff, "roles", "roles", rows=rows)


@desk(right=RIGHT, methods=FORM)
def bulletins(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Short texts to staff: written, ended, and who has read them."""
    do = request.POST.get("do", "")
    form = forms.BulletinForm(request.POST if do == "make" else None, by=staff)
    if do == "end":
        held = found(Bulletin, number(request.POST.get("bulletin", "")))
        tried(request, None, lambda: actions.end_bulletin(held, by=staff), _("It is no longer shown."))
        return redirect("desk:bulletins")
    if do == "make" and form.is_valid():
        g = form.cleaned_data

        def make() -> None:
            actions.tell_staff(by=staff, body=g["body"], unit=unit_by_code(g["unit"]), until=g["until"])

        if tried(request, form, make, _("Staff see it from now.")):
            return redirect("desk:bulletins")
    rows = [
        {"bulletin": b, "read": b.read_by.count(), "of": queries.readers_of(b).count(), "shown": queries.is_shown(b)}
        for b in Bulletin.objects.select_related("unit", "by").order_by("-at")[:100]
        if rights.covers(staff, b.unit)
    ]
    return draw(request, staff, "bulletins", "bulletins", 422 if form.errors else 200, form=form, rows=rows)
