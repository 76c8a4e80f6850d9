"""Where it is: the step of the place, and the similar reports around it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from wasl.core.cases import queries as case_queries
from wasl.faces.portal import drafts, nearby
from wasl.faces.portal.forms import WhereForm
from wasl.faces.portal.models import Draft
from wasl.faces.portal.steps import go_on, show, step, take_files, then

_PLACE = ("address", "lat", "lon", "accuracy", "area")


@step
def where(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Where it is: an address, a position, the place of a photo, or a part of the city."""
    if request.method != "POST":
        data = draft.data
        return _where(request, draft, WhereForm(initial={name: data.get(name) for name in _PLACE}))
    do = request.POST.get("do", "")
    if do in ("unpin", "photo") or request.POST.get("remove") or request.POST.get("photo_place"):
        return _beside_the_place(request, draft, do)
    form = WhereForm(request.POST, request.FILES)
    good = form.is_valid()
    refused = take_files(request, draft, form.cleaned_data.get("added", []))
    for sentence in refused:
        form.add_error("added", sentence)
    if not good or refused:
        draft.refresh_from_db()
        return _where(request, draft, form, status=422)
    fields: dict[str, Any] = {name: form.cleaned_data.get(name) for name in _PLACE}
    if nearby.place_of({**draft.data, **fields}) != draft.data.get("compared"):
        fields |= {"same_as": ""}
    draft = drafts.fill(draft, **fields)
    if nearby.place_of(draft.data) != draft.data.get("compared") and nearby.matches(draft.data):
        return redirect(f"{reverse('portal:similar', args=[draft.token])}{then(request)}")
    return go_on(request, draft, "where")


def _where(request: HttpRequest, draft: Draft, form: WhereForm, *, status: int = 200) -> HttpResponse:
    data = draft.data
    places = drafts.photo_places(data)
    kept = drafts.place_in_words({**data, "address": ""})
    return show(request, draft, "where", status=status, form=form, places=places, kept_place=kept)


def _beside_the_place(request: HttpRequest, draft: Draft, do: str) -> HttpResponse:
    """A photo comes or goes, its place is used, or the position is taken away; what was typed is kept."""
    form = WhereForm(request.POST, request.FILES)
    form.full_clean()
    fields: dict[str, Any] = {"address": request.POST.get("address", "").replace("\0", "")[:300]}
    if form.cleaned_data.get("lat") is not None:
        fields |= {name: form.cleaned_data.get(name) for name in ("lat", "lon", "accuracy")}
    wanted = request.POST.get("photo_place", "")
    if do == "unpin":
        fields |= {"lat": None, "lon": None, "accuracy": None}
    elif wanted:
        for place in drafts.photo_places(draft.data):
            if str(place.photo["id"]) == wanted and place.area is not None:
                fields |= {"lat": place.lat, "lon": place.lon, "accuracy": None}
    elif request.POST.get("remove", "").isdecimal():
        draft = drafts.remove_photo(draft, int(request.POST["remove"][:18]))
    draft = drafts.fill(draft, **fields)
    if do == "photo" and (refused := take_files(request, draft, request.FILES.getlist("added"))):
        draft.refresh_from_db()
        # Where it is may still be missing: that is asked when he goes on.
        form.errors.clear()
        for sentence in refused:
            form.add_error("added", sentence)
        return _where(request, draft, form, status=422)
    return redirect(f"{reverse('portal:where', args=[draft.token])}{then(request)}")


@step
def similar(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Open public reports close by: "it's this one, tell me too", or "mine is another one"."""
    found = nearby.matches(draft.data)
    if request.method == "POST":
        fields: dict[str, Any] = {"same_as": ""}
        chosen = request.POST.get("same", "")
        # Only what was shown can be chosen: a number that was guessed joins nothing.
        if chosen and chosen in {match.number for match in found}:
            fields["same_as"] = chosen
            if drafts.category_of(draft.data) is None:
                head = case_queries.by_number(chosen)
                fields |= {"category": head.category} if head else {}
        elif chosen:
            return show(request, draft, "similar", status=422, matches=found, gone=True, back="portal:where")
        draft = drafts.fill(draft, **fields, compared=nearby.place_of({**draft.data, **fields}))
        if fields["same_as"] and drafts.first_missing(draft.data, before="you") is None:
            return go_on(request, draft, "details")
        return go_on(request, draft, "where")
    if not found:
        return go_on(request, draft, "where")
    return show(request, draft, "similar", matches=found, back="portal:where")
