"""What the pages of a report have in common: whose draft it is, which step comes next, how a page is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from wasl.faces.portal import access, drafts
from wasl.faces.portal.models import KEPT_FOR, Draft
from wasl.faces.portal.pages import DRAFTS, limited
from wasl.kernel import clock, media

_MOST_DRAFTS = 10


class DraftOver(Exception):
    """The draft was kept for a day and is gone."""


def own(request: HttpRequest, token: str) -> Draft:
    """This session's draft. Raises Http404 for anybody else's, DraftOver for one that was kept too long."""
    if token not in request.session.get(DRAFTS, ()):
        raise Http404
    draft = Draft.objects.filter(token=token).select_related("case", "case__unit", "case__area").first()
    if draft is None or clock.now() - draft.begun_at > KEPT_FOR:
        raise DraftOver
    return draft


# Pages between two steps: the step that the bar shows, and the step that they come before.
_WITHIN = {"danger": "what", "similar": "where"}
_AFTER = {"danger": "what", "similar": "details"}
Step = Callable[[HttpRequest, Draft], HttpResponseBase]


def step(page: Step) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """A page on one draft: only its own session's, not after it was sent, and not before the steps ahead of it."""

    @never_cache
    @limited
    @require_http_methods(["GET", "HEAD", "POST"])
    def inner(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            draft = own(request, token)
        except DraftOver:
            return render(request, "portal/report/over.html", status=410)
        name = page.__name__
        if draft.case_id is not None:
            return redirect("portal:receipt", token=token)
        missing = drafts.first_missing(draft.data, before=_AFTER.get(name, name))
        if missing:
            return redirect(f"portal:{missing}", token=token)
        try:
            return page(request, draft)
        except drafts.DraftIncomplete as error:
            return redirect(f"portal:{error.step}", token=token)

    inner.__name__ = page.__name__
    inner.__doc__ = page.__doc__
    return inner


def show(request: HttpRequest, draft: Draft, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """Draw page `name` of the draft, with the bar of steps."""
    data = draft.data
    names = [s.name for s in drafts.STEPS]
    at = _WITHIN.get(name, name)
    place = names.index(at) + 1
    steps = [(s.name, s.label, number < place) for number, s in enumerate(drafts.STEPS, 1)]
    shown = {"draft": draft, "data": data, "steps": steps, "step": at, "place": place, "of": len(steps), **context}
    back = [s[0] for s in steps][: place - 1]
    shown.setdefault("back", f"portal:{back[-1]}" if back else "")
    shown.setdefault("category", drafts.category_of(data))
    shown["device"] = drafts.for_device(draft, name)
    return render(request, f"portal/report/{name}.html", shown, status=status)


def go_on(request: HttpRequest, draft: Draft, name: str) -> HttpResponse:
    """The page after `name`, or the check page when somebody came from there to change one thing."""
    after = drafts.following(name)
    if then(request) and drafts.first_missing(draft.data) is None:
        after = "check"
    return redirect(f"portal:{after}", token=draft.token)


def then(request: HttpRequest) -> str:
    """What brings somebody back to the check page, kept over a page in between."""
    return "?then=check" if "check" in (request.POST.get("then"), request.GET.get("then")) else ""


def remember(request: HttpRequest, draft: Draft) -> None:
    """This session's own from now on; of very many the oldest is let go."""
    held = [token for token in request.session.get(DRAFTS, ()) if token != draft.token]
    request.session[DRAFTS] = [*held, draft.token][-_MOST_DRAFTS:]


def take_files(request: HttpRequest, draft: Draft, files: list[UploadedFile[Any]]) -> list[str]:
    """Put the files into the draft; sentences for those that were not taken."""
    refused = []
    for file in files[: 2 * drafts.MOST_PHOTOS]:
        access.limit(request, "portal-file")
        name = file.name or ""
        try:
            drafts.add_photo(draft, file.read(), name)
        except media.MediaRefused as error:
            refused.append(f"{name[:80]}: {error}")
        except drafts.TooManyPhotos as error:
            refused.append(str(error))
            break
    return refused
