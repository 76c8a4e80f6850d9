"""The public pages: begin, track, answer, verify, reach us. The steps of a report are in `report`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.conf import settings
from django.contrib import messages
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wasl.core.cases import actions as cases
from wasl.core.cases import links
from wasl.core.cases import queries as case_queries
from wasl.core.cases.change import THE_CITIZEN, NotAllowed, StaleCase
from wasl.core.cases.models import Case, State, Verdict
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import actions as contacts
from wasl.core.contacts import queries as files
from wasl.core.contacts.models import Attachment
from wasl.core.organisation import queries as organisation
from wasl.faces.frame.errors import error_page
from wasl.faces.portal import access, actions, queries
from wasl.faces.portal.forms import AddForm, AnswerForm, ReopenForm, TrackForm, VerifyForm, WhatForm, answer_form
from wasl.faces.portal.models import Draft
from wasl.faces.portal.ways import ways
from wasl.kernel import acceptance, clock, media, throttle

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
DRAFTS = "portal_drafts"
DJANGO_CODES = {"ar": "ar", "en": "en", "zh": "zh-hans"}
ANSWERABLE = (State.TOLD,)
_SETTLED = {State.CLOSED: "", State.TOLD: "soon"}


def limited(page: Page[P]) -> Page[P]:
    """Answer 429 with a sentence when a limit is reached; nothing that was written before is lost."""

    @wraps(page)
    def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return page(request, *args, **kwargs)
        except throttle.TooMany as error:
            return error_page(request, 429, retry_after_s=error.retry_after_s)

    return inner


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """One field and three doors."""
    return render(request, "portal/home.html", {"form": WhatForm(), "honesty": queries.honesty()})


@require_GET
def reach(request: HttpRequest) -> HttpResponse:
    """Contact us: every way that works, and the field that begins a report."""
    return render(request, "portal/reach.html", {"ways": ways(), "form": WhatForm()})


@require_GET
def areas(request: HttpRequest) -> HttpResponse:
    """The areas of the city as shapes for maps (RFC 7946), kept an hour by browsers."""
    del request
    known = {a.pk: a for a in organisation.areas()[1].values()}
    features = [
        {
            "type": "Feature",
            "properties": {
                "code": area.code,
                "parent": known[area.parent_id].code if area.parent_id in known else "",
                "kind": area.kind,
                **{f"name_{language}": name for language, name in area.names.items()},
            },
            "geometry": area.geometry,
        }
        for area in known.values()
    ]
    response = JsonResponse(
        {"type": "FeatureCollection", "features": features},
        content_type="application/geo+json",
        json_dumps_params={"ensure_ascii": False},
    )
    response["Cache-Control"] = "public, max-age=3600"
    return response


# --- track ---


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def track(request: HttpRequest) -> HttpResponse:
    """Ask for number and PIN; links in messages bring the number along."""
    if request.method != "POST":
        known = acceptance.parse(request.GET.get("number", ""))
        if known:
            return redirect("portal:case", number=known)
        return render(request, "portal/track.html", {"form": TrackForm()})
    return _unlock(request, TrackForm(request.POST))


def _unlock(request: HttpRequest, form: TrackForm) -> HttpResponse:
    access.limit(request, "portal-look")
    if not form.is_valid():
        return render(request, "portal/track.html", {"form": form}, status=422)
    number, pin = form.cleaned_data["number"], form.cleaned_data["pin"]
    canonical = acceptance.parse(number)
    if canonical is None:
        form.add_error(
            "number", _("This is no number of ours: a digit is wrong or missing. Please compare it with your receipt.")
        )
        return render(request, "portal/track.html", {"form": form}, status=422)
    if not pin:
        return redirect("portal:case", number=canonical)
    try:
        case = access.unlock(canonical, pin, access.visitor(request))
    except throttle.TooMany as error:
        return error_page(
            request,
            429,
            happened=_("Too many PINs were tried for this number, so it is locked for a while."),
            do=_("Wait an hour, or call the hotline with your number at hand."),
            retry_after_s=error.retry_after_s,
        )
    if case is None:
        form.add_error(
            "pin", _("This number and this PIN do not belong together. Please compare both with your receipt.")
        )
        return render(request, "portal/track.html", {"form": form}, status=422)
    request.session.cycle_key()
    access.grant(request, case)
    return redirect("portal:case", number=case.number)


def _public_sentence(number: str) -> str:
    """What everybody may know: the status of a public case; nothing of any other, nor that it exists."""
    case = case_queries.public().filter(number=number).select_related("unit", "area").first()
    return case_queries.status_sentence(case) if case else ""


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def case_page(request: HttpRequest, number: str) -> HttpResponse:
    """A case: all of it to its requester, one sentence of a public one to everybody."""
    canonical = acceptance.parse(number)
    if canonical is None:
        raise Http404
    if canonical != number:
        return redirect("portal:case", number=canonical)
    if request.method == "POST":
        return _unlock(request, TrackForm(request.POST))
    case = access.opened(request, canonical)
    if case is not None:
        return _show_case(request, case)
    access.limit(request, "portal-look")
    form = TrackForm(initial={"number": acceptance.grouped(canonical)})
    context = {"form": form, "looked": True, "public_sentence": _public_sentence(canonical)}
    return render(request, "portal/track.html", context)


def _show_case(request: HttpRequest, case: Case, *, status: int = 200, **given: Any) -> HttpResponse:
    lines = queries.story(case)
    before, after = queries.photos(lines)
    initial = {"seen": case.version}
    category = catalogue.of_number(case.edition).category(case.category)
    context = {
        "case": case,
        "category": category,
        "sentence": case_queries.status_sentence(case),
        "next_step": queries.next_step(case),
        "signed_in": access.me(request) is not None,
        "tone": _tone(case),
        "lines": lines,
        "before": before,
        "after": after,
        "question": queries.open_question(case),
        "result": queries.result_words(case)
        if case.state in (State.TOLD, State.CONFIRMED, State.CLOSED, State.ANSWERED, State.REFUSED)
        else "",
        "answer_form": answer_form(case.rating is not None, initial=initial) if case.state in ANSWERABLE else None,
        "reopen_form": ReopenForm(initial=initial) if _may_reopen(case) else None,
        "add_form": AddForm(),
        **given,
    }
    return render(request, "portal/case.html", context, status=status)


def _tone(case: Case) -> str:
    if case.verdict == Verdict.SOLVED:
        return "good"
    if queries.late(case):
        return "over"
    return _SETTLED.get(State(case.state), "")


def _may_reopen(case: Case) -> bool:
    until = queries.reopen_until(case)
    return case.state == State.CLOSED and until is not None and clock.now() < until


def _mine(request: HttpRequest, number: str) -> Case:
    """The case if this session may act on it. Raises Http404 for any other, whether it exists or not."""
    case = access.opened(request, number)
    if case is None:
        raise Http404
    return case


def _stale(request: HttpRequest, case: Case, error: StaleCase | NotAllowed) -> str:
    del request
    case.refresh_from_db()
    return str(error)


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def answer_here(request: HttpRequest, number: str) -> HttpResponse:
    """The answer to "is it solved?" from the page of the case."""
    if request.method != "POST":
        return redirect("portal:case", number=number)
    case = _mine(request, number)
    form = answer_form(case.rating is not None, request.POST)
    trouble = _take_answer(request, case, form)
    if trouble is not None:
        status, sentence = trouble
        return _show_case(request, case, status=status, answer_form=form, answer_trouble=sentence)
    messages.success(request, _("Thank you. Your answer is recorded."))
    return redirect("portal:case", number=number)


def _take_answer(request: HttpRequest, case: Case, form: AnswerForm) -> tuple[int, str] | None:
    """Record the answer; gives status and sentence of what went wrong."""
    if not form.is_valid():
        return 422, ""
    found = form.cleaned_data
    try:
        actions.answer(
            case,
            verdict=found["verdict"],
            rating=found.get("rating", ""),
            comment=found["comment"],
            pressured=found.get("pressured", False),
            seen=found["seen"],
        )
    except (StaleCase, NotAllowed) as error:
        return 409, _stale(request, case, error)
    return None


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def add_here(request: HttpRequest, number: str) -> HttpResponse:
    """More words and files on the case."""
    if request.method != "POST":
        return redirect("portal:case", number=number)
    case = _mine(request, number)
    access.limit(request, "portal-add", str(case.pk))
    form = AddForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            actions.add(case, text=form.cleaned_data["text"], files=form.cleaned_data["added"])
        except media.MediaRefused as error:
            form.add_error("added", str(error))
        except NotAllowed as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("It was added to your report."))
            return redirect("portal:case", number=number)
    return _show_case(request, case, status=422, add_form=form)


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def reopen_here(request: HttpRequest, number: str) -> HttpResponse:
    """Open a closed case again."""
    if request.method != "POST":
        return redirect("portal:case", number=number)
    case = _mine(request, number)
    form = ReopenForm(request.POST)
    trouble = _take_reopening(request, case, form)
    if trouble is not None:
        status, sentence = trouble
        return _show_case(request, case, status=status, reopen_form=form, reopen_trouble=sentence)
    messages.success(request, _("Your report is open again."))
    return redirect("portal:case", number=number)


def _take_reopening(request: HttpRequest, case: Case, form: ReopenForm) -> tuple[int, str] | None:
    if not form.is_valid():
        return 422, ""
    try:
        cases.reopen(case, by=THE_CITIZEN, text=form.cleaned_data["text"], seen=form.cleaned_data["seen"])
    except (StaleCase, NotAllowed) as error:
        return 409, _stale(request, case, error)
    return None


@never_cache
@limited
@require_POST
def new_pin(request: HttpRequest, number: str) -> HttpResponse:
    """A new PIN, shown once; the old one and every link sent before are void."""
    case = _mine(request, number)
    access.limit(request, "portal-add", f"pin{case.pk}")
    pin = cases.renew_pin(case, by=THE_CITIZEN)
    access.grant(request, case)
    return _show_case(request, case, new_pin=pin)


@never_cache
@require_POST
def leave(request: HttpRequest, number: str) -> HttpResponse:
    """Shut the case in this browser, which may belong to somebody else."""
    access.drop(request, number)
    # The receipt would open it again.
    Draft.objects.filter(token__in=request.session.get(DRAFTS, ()), case__number=number).delete()
    return redirect("portal:track")


@require_GET
def file(request: HttpRequest, number: str, pk: int, size: str) -> HttpResponseBase:
    """A file of his case, as it may be shown."""
    found = queries.file_of(_mine(request, number), pk)
    if found is None or (size == "original" and not files.citizen_may_open_original(found)):
        raise Http404
    return send_file(found, size)


def send_file(found: Attachment, size: str) -> HttpResponseBase:
    """`thumb` and `shown` are made by us; `original` is handed out to be saved, never shown in place."""
    response: HttpResponseBase
    if size == "original":
        response = FileResponse(
            contacts.original_of(found),
            as_attachment=True,
            filename=found.name,
            content_type="application/octet-stream",
        )
    else:
        name = found.thumb if size == "thumb" else found.shown
        if not name or not default_storage.exists(name):
            raise Http404
        kind = media.SHOWN_TEXT_MIME if found.kind == "text" else media.SHOWN_IMAGE_MIME
        response = FileResponse(default_storage.open(name), content_type=kind)
    response["Cache-Control"] = "private, max-age=600"
    response["X-Content-Type-Options"] = "nosniff"
    return response


# --- the answer link ---


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def answer_link(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link in the message; looking at it changes nothing, because mail scanners look too."""
    access.limit(request, "portal-look")
    try:
        case = links.read(token, links.ANSWER)
    except links.LinkRefused:
        return render(request, "portal/answer_gone.html", status=404)
    language = translation.get_language()
    if settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
        language = DJANGO_CODES.get(case.language, language)
    with translation.override(language):
        return _answer_by_link(request, case, token)


def _answer_by_link(request: HttpRequest, case: Case, token: str) -> HttpResponse:
    form: AnswerForm | None = None
    reopening: ReopenForm | None = None
    trouble: tuple[int, str] | None = None
    if request.method == "POST":
        if request.POST.get("do") == "reopen":
            reopening = ReopenForm(request.POST)
            trouble = _take_reopening(request, case, reopening)
        else:
            form = answer_form(case.rating is not None, request.POST)
            trouble = _take_answer(request, case, form)
        if trouble is None:
            return redirect("portal:answer", token=token)
    initial = {"seen": case.version}
    if case.state in ANSWERABLE:
        form = form or answer_form(case.rating is not None, initial=initial)
    else:
        form = None
    reopening = (reopening or ReopenForm(initial=initial)) if _may_reopen(case) else None
    category = catalogue.of_number(case.edition).category(case.category)
    context = {
        "case": case,
        "category": None if case.confidential else category,
        "sentence": case_queries.status_sentence(case),
        "tone": _tone(case),
        "result": queries.result_words(case),
        "answer_form": form,
        "reopen_form": reopening,
        "trouble": trouble[1] if trouble else "",
    }
    return render(request, "portal/answer.html", context, status=trouble[0] if trouble else 200)


# --- verify ---


@never_cache
@limited
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest) -> HttpResponse:
    """Whether a receipt's entry stands in the journal, and which daily root seals it."""
    if request.method != "POST":
        return render(request, "portal/verify.html", {"form": VerifyForm()})
    access.limit(request, "portal-look")
    form = VerifyForm(request.POST)
    if not form.is_valid():
        return render(request, "portal/verify.html", {"form": form}, status=422)
    case = case_queries.by_number(form.cleaned_data["number"])
    found = queries.proof(case, form.cleaned_data["receipt"])
    return render(
        request, "portal/verify.html", {"form": form, "looked": True, "proof": found, "case": case if found else None}
    )


def case_url(number: str) -> str:
    """The full address of a case, for its QR code."""
    return settings.WASL_BASE_URL.rstrip("/") + reverse("portal:case", kwargs={"number": number})
