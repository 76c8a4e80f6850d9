"""One verb for several cases: asked once, done case by case, and told row by row what was done and what was not.

Each case is its own change, by the same action and with the version that was on the screen; nothing is decided here.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_variables

from wasl.core.cases import queries
from wasl.core.cases.change import NotAllowed, StaleCase
from wasl.core.cases.models import Case
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk import lists, places, verbs
from wasl.faces.desk.access import CASE_ROLES, desk
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.lists import Row
from wasl.faces.desk.places import desk_context

log = logging.getLogger(__name__)
MOST = 100
"""Cases that one verb is done to at once."""


@dataclass
class Chosen:
    """A case that was ticked: its row if this person sees it, and the version that was on his screen.

    `refused` says why it was not done, empty where it was or has not been tried.
    """

    number: str
    seen: int
    row: Row | None = None
    refused: str = ""

    @property
    def case(self) -> Case | None:
        """The case as it is now."""
        return self.row.case if self.row else None

    @property
    def again(self) -> str:
        """The tick for another try, which takes the case as it is now."""
        return f"{self.number}:{self.case.version if self.case else self.seen}"


def chosen_of(staff: Staff, ticks: Iterable[str]) -> list[Chosen]:
    """The cases of these ticks (`number:version`) in their order; malformed ones are passed over."""
    found: dict[str, Chosen] = {}
    for tick in ticks:
        number, _colon, seen = tick.partition(":")
        if number.isdecimal() and len(number) <= 20 and seen.isdecimal() and len(seen) <= 9:
            found.setdefault(number, Chosen(number, int(seen)))
    _read(staff, list(found.values()))
    return list(found.values())


def _read(staff: Staff, chosen: Sequence[Chosen]) -> None:
    numbers = [one.number for one in chosen]
    cases = queries.visible_to(staff).filter(number__in=numbers).select_related("unit", "area", "requester")
    rows = {row.case.number: row for row in lists.rows_of(cases)}
    for one in chosen:
        one.row = rows.get(one.number)


class ManyForm(forms.Form):
    """The fields of a verb for several cases; the first of them stands for all where a field asks about the case.

    `again` holds the words of the last try.
    """

    def __init__(
        self, verb: verbs.Verb, now: Situation, data: QueryDict | None = None, again: QueryDict | None = None
    ) -> None:
        super().__init__(data, auto_id="many-%s")
        for name, asking in (verb.many.fields if verb.many else {}).items():
            made = self.fields[name] = asking(now)
            if again is not None and name in again:
                several = isinstance(made, forms.MultipleChoiceField)
                made.initial = again.getlist(name) if several else again[name]


def _check(staff: Staff, verb: verbs.Verb, one: Chosen, place: int) -> Situation:
    """Where this one stands. Raises NotAllowed with the reason why it cannot be done."""
    if place >= MOST:
        raise NotAllowed(_("At most %(most)s requests are done at once.") % {"most": MOST})
    if one.case is None:
        raise NotAllowed(_("There is no such request, or you may not see it."))
    if one.case.version != one.seen:
        # Checked here for verbs too that take any version: sent twice, a note would be written twice.
        raise NotAllowed(_("Somebody changed this request after you ticked it. Look at it, then try again."))
    offer = verbs.offer_of(staff, one.case, verb)
    return Situation(staff, one.case, offer.order)


def look(staff: Staff, verb: verbs.Verb, chosen: Sequence[Chosen]) -> None:
    """Say beforehand of each whether it can be done."""
    for place, one in enumerate(chosen):
        try:
            _check(staff, verb, one, place)
        except NotAllowed as refused:
            one.refused = str(refused)


def do_all(staff: Staff, verb: verbs.Verb, chosen: Sequence[Chosen], given: dict[str, Any]) -> None:
    """Do it to each in a transaction of its own; whoever was refused says why, and all are read again."""
    call = (verb.many.call if verb.many else None) or verb.call
    for place, one in enumerate(chosen):
        try:
            now = _check(staff, verb, one, place)
            call(verbs.Doing(now, given, one.seen))
        except (NotAllowed, StaleCase, rights.Forbidden) as refused:
            one.refused = str(refused)
        except DatabaseError:
            log.exception("a verb for several requests failed at one of them")
            one.refused = _("The fault is ours; nothing was changed here. Try again.")
    _read(staff, chosen)


@desk(roles=CASE_ROLES, methods=("POST",))
@sensitive_variables()
def bulk(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Ticked cases and a verb: first its form with who can be done, then (`go`) doing it and the outcome of each."""
    listing = lists.LISTINGS.get(request.POST.get("listing", ""))
    query = lists.kept(QueryDict(request.POST.get("query", "")[:6000]))
    back = f"{reverse('desk:list', args=[listing.code])}?{query}" if listing else places.first_place(staff)
    chosen = chosen_of(staff, request.POST.getlist("case")[: 4 * MOST])
    if not chosen:
        messages.warning(request, _("Tick the requests first."))
        return HttpResponseRedirect(back)
    verb = verbs.BY_SLUG.get(request.POST.get("verb", ""))
    if verb is None or verb not in verbs.for_several(staff):
        raise Http404
    first = next((one.case for one in chosen if one.case), None)
    context = {"verb": verb, "chosen": chosen, "listing": listing, "query": query, "back": back, "most": MOST}
    if first is None:
        look(staff, verb, chosen)
        return _told(request, staff, context, [])
    now = Situation(staff, first)
    if "go" not in request.POST:
        look(staff, verb, chosen)
        return _asked(request, staff, {**context, "form": ManyForm(verb, now, again=request.POST)})
    form = ManyForm(verb, now, request.POST)
    if not form.is_valid():
        look(staff, verb, chosen)
        return _asked(request, staff, {**context, "form": form}, status=422)
    do_all(staff, verb, chosen, form.cleaned_data)
    return _told(request, staff, context, [(n, value) for n in form.fields for value in request.POST.getlist(n)])


def _told(request: HttpRequest, staff: Staff, context: dict[str, Any], given: list[tuple[str, str]]) -> HttpResponse:
    left = [one for one in context["chosen"] if one.refused]
    done = len(context["chosen"]) - len(left)
    listing = context["listing"]
    told = desk_context(
        request,
        staff,
        listing.code if listing else "",
        **context,
        done=ngettext("%(n)s request was done.", "%(n)s requests were done.", done) % {"n": done},
        left=ngettext("%(n)s was not done.", "%(n)s were not done.", len(left)) % {"n": len(left)} if left else "",
        retry=[one for one in left if one.case],
        given=given,
    )
    return render(request, "desk/bulk_done.html", told)


def _asked(request: HttpRequest, staff: Staff, context: dict[str, Any], status: int = 200) -> HttpResponse:
    able = sum(not one.refused for one in context["chosen"])
    listing = context["listing"]
    shown = desk_context(request, staff, listing.code if listing else "", **context, able=able)
    return render(request, "desk/bulk.html", shown, status=status)
