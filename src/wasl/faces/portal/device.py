"""Reporting without a signal: the form that a device keeps, the one address that takes the complete report, what makes
the portal installable. What was filled in is checked by the same forms as on the pages, and sent as the same draft."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Book, Category
from wasl.core.organisation import queries as organisation
from wasl.faces.frame import assets
from wasl.faces.frame.context import Frame
from wasl.faces.portal import access, drafts, nearby
from wasl.faces.portal.forms import DetailsForm, QuestionsForm, WhatForm, WhereForm, YouForm
from wasl.faces.portal.models import Draft
from wasl.faces.portal.pages import DJANGO_CODES, DRAFTS
from wasl.faces.portal.steps import remember, take_files
from wasl.kernel import acceptance, seal, throttle
from wasl.kernel.names import LANGUAGES, local
from wasl.kernel.text import fold

# 128 bits and more, in base64url: nobody guesses another device's key.
_KEY = re.compile(r"[A-Za-z0-9_-]{22,64}")
_TAGS = {"zh": "zh-Hans"}
ICONS = {"icon-192.png": (192, "any"), "icon-512.png": (512, "any"), "icon-maskable-512.png": (512, "maskable")}


# --- the complete report ---


@never_cache
@require_http_methods(["GET", "POST"])
def whole(request: HttpRequest) -> HttpResponse:
    """Take a complete report from a device that was without a signal; one key makes one case, however often it comes.

    GET gives the token that POST wants (the page that the device keeps can hold none). POST answers in JSON: 200 with
    number, PIN and addresses; 422 with a sentence for each field that cannot be taken; 429 with Retry-After; 400 for
    what no page of ours sends. Only this site's own pages can read an answer: no CORS header is given.
    Source: requirements B9, K10, F3.
    """
    if request.method == "GET":
        return JsonResponse({"csrf": get_token(request)})
    key = request.POST.get("key", "")
    if not _KEY.fullmatch(key):
        return JsonResponse({"error": "key"}, status=400)
    try:
        access.limit(request, "portal-send")
        return _taken(request, key)
    except throttle.TooMany as error:
        return JsonResponse({"error": "limit"}, status=429, headers={"Retry-After": str(error.retry_after_s)})


def _taken(request: HttpRequest, key: str) -> HttpResponse:
    token = request.POST.get("draft", "")
    own = token if token in request.session.get(DRAFTS, ()) else ""
    draft = drafts.again(own) if own else drafts.of_key(key)
    if draft.case_id is not None:
        return _receipt(request, draft, repeated=True)
    fields, problems = _read(request)
    if problems:
        return JsonResponse({"problems": problems}, status=422)
    known = draft.data
    if own and known.get("same_as") and known.get("compared") == nearby.place_of(fields):
        fields |= {name: known[name] for name in ("same_as", "compared")}
    draft = drafts.replace(draft, photos=request.POST.getlist("kept")[: drafts.MOST_PHOTOS], **fields)
    refused = take_files(request, draft, request.FILES.getlist("added"))
    if refused:
        problems = [{"field": "added", "label": _("Photos or documents"), "said": said} for said in refused]
        return JsonResponse({"problems": problems}, status=422)
    return _receipt(request, drafts.send(draft), repeated=False)


def _read(request: HttpRequest) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """What a draft holds, through the forms of the pages, and a sentence for what they do not take."""
    what = WhatForm(request.POST)
    what.is_valid()
    category = catalogue.in_force().category(what.cleaned_data.get("category", ""))
    # The files are looked at one by one afterwards; the fields of the forms do not open them.
    forms = [what, WhereForm(request.POST), DetailsForm(request.POST, category=category), YouForm(request.POST)]
    problems = []
    for form in forms:
        for name, sentences in form.errors.items():
            label = str(form.fields[name].label or "") if name in form.fields else ""
            label = _("What it is about") if name == "category" else label
            problems += [{"field": name, "label": label, "said": str(said)} for said in sentences]
    if problems:
        return {}, problems
    _what, where, details, you = forms
    fields = {name: where.cleaned_data.get(name) for name in ("address", "lat", "lon", "accuracy", "area")}
    fields |= {
        name: you.cleaned_data.get(name) or "" for name in ("how", "name", "phone", "mail", "channel", "language")
    }
    fields |= {
        "category": what.cleaned_data["category"],
        "asked": what.cleaned_data["category"],
        "text": details.cleaned_data["text"],
        "kind": details.cleaned_data.get("kind") or "",
        "answers": details.answers() if isinstance(details, DetailsForm) else {},
    }
    return fields, []


def _receipt(request: HttpRequest, draft: Draft, *, repeated: bool) -> HttpResponse:
    """Number and PIN for the device; its session may open receipt and case from now on."""
    case = draft.case
    if case is None or case.redacted_at is not None:
        return JsonResponse({"error": "gone"}, status=410)
    same_pin = draft.pin_generation == case.pin_generation
    if same_pin:
        access.grant(request, case)
    remember(request, draft)
    return JsonResponse(
        {
            "number": acceptance.grouped(case.number),
            "pin": seal.pin_of(case.number, case.pin_generation) if same_pin else "",
            "receipt": reverse("portal:receipt", args=[draft.token]),
            "repeated": repeated,
        }
    )


# --- the form that the device keeps ---


def _words() -> dict[str, str]:
    """What the script of the kept page says."""
    return {
        "no_text": _("Tell us in a few words."),
        "no_category": _("Choose what it is about, or “None of these”."),
        "no_place": _("Tell us where: an address, a point on the map, or at least the part of the city."),
        "no_how": _("Choose one of the two."),
        "no_mail": _("To answer by e-mail we need your e-mail address."),
        "no_phone": _("To answer by telephone we need your phone number."),
        "no_name": _("Give at least your name, or choose to stay anonymous."),
        "too_many": str(drafts.TooManyPhotos()),
        "asked_what": _("What it is about"),
        "asked_text": _("In your words"),
        "asked_where": _("Where"),
        "asked_photos": _("Photos or documents"),
        "asked_you": _("You"),
        "none_fits": _("Not on the list; the centre sorts it"),
        "anonymous": _("Anonymous: follow it with number and PIN"),
        "position": _("position on the map"),
        "position_m": _("position, exact to about %(metres)s m") % {"metres": "{m}"},
        "change": _("Change"),
        "remove": _("Remove"),
        "continue": _("Continue"),
        "send_it": _("Send"),
        "a_report": _("A report"),
        "draft": _("Begun, not sent yet. It is kept for a day."),
        "waiting": _("It waits for a signal and is sent by itself. You can close this page."),
        "refused": _("The centre could not take it like this. Please look at it again."),
        "no_answer": _("It could not be read. Please look it through and send it again, perhaps with fewer photos."),
        "sent": _("We have your report."),
        "number": _("Number"),
        "pin": _("PIN"),
        "renewed": _("renewed"),
        "note_it": _("Note number and PIN: they open your report. They are kept here for a day."),
        "late": _("It had arrived before you changed it here. Note number and PIN, and add the change to your report."),
        "receipt": _("Receipt"),
        "noted": _("I have noted it"),
        "send_now": _("Send now"),
        "go_on": _("Go on"),
        "edit": _("Change"),
        "cancel": _("Do not send"),
        "discard": _("Throw away"),
    }


def _said(category: Category) -> str:
    """Name and keywords in all languages, folded for search."""
    return fold(" ".join(f"{category.names.get(code, '')} {category.keywords.get(code, '')}" for code in LANGUAGES))


def _categories(book: Book) -> list[dict[str, Any]]:
    """What the search on the device needs of each category that can be chosen."""
    found = []
    for leaf in book.leaves:
        line = [book.categories[code] for code in leaf.line]
        found.append(
            {
                "code": leaf.code,
                "name": leaf.name,
                "path": " › ".join(category.name for category in line[:-1]),
                "words": _said(leaf),
                "above": " ".join(_said(category) for category in line[:-1]),
                "questions": [f"q-{q.category}-{q.code}" for q in book.form_of(leaf.code)],
                "script": local(leaf.script) if leaf.emergency else "",
                "sealed": leaf.confidential or leaf.conduct,
            }
        )
    return found


@require_GET
def offline(request: HttpRequest, language: str) -> HttpResponse:
    """The whole report on one page that the device keeps: no session, no token, nothing of anybody.

    It is the same for all who speak `language`, so it is drawn as for a visitor without cookies.
    """
    if language not in LANGUAGES:
        raise Http404
    book = catalogue.in_force()
    anybody = HttpRequest()
    anybody.META, anybody.path = {}, request.path
    with translation.override(DJANGO_CODES[language]):
        page = render_to_string(
            "portal/report/offline.html",
            {
                "frame": Frame(anybody),
                "what": WhatForm(),
                "where": WhereForm(),
                "details": DetailsForm(category=None),
                "questions": QuestionsForm(book),
                "you": YouForm(initial={"how": "named", "channel": "web", "language": language}),
                "tree": [
                    (book.categories[code], [leaf for leaf in book.leaves if leaf.line[0] == code])
                    for code in dict.fromkeys(leaf.line[0] for leaf in book.leaves)
                ],
                "categories": _categories(book),
                "language": language,
                "languages": [(code, reverse("portal:offline", args=[code])) for code in LANGUAGES],
                "words": _words(),
                "most_photos": drafts.most_photos(),
            },
        )
    etag = f'"{sha256(page.encode()).hexdigest()[:32]}"'
    response = HttpResponse(page, headers={"Cache-Control": "no-cache", "ETag": etag})
    return get_conditional_response(request, etag=etag, response=response) or response


# --- installable ---


@require_GET
def manifest(request: HttpRequest, language: str) -> HttpResponse:
    """The web app manifest (W3C) in one language, with the city's name in all three."""
    if language not in LANGUAGES:
        raise Http404
    with translation.override(DJANGO_CODES[language]):
        frame = Frame(request)
        city = organisation.the_city().names
        icons = [
            {"src": assets.url(name), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
            for name, (side, purpose) in ICONS.items()
        ]
        made = {
            "id": "/",
            "name": frame.city,
            "short_name": frame.city[:24],
            "name_localized": {_TAGS.get(code, code): {"value": local(city, code)} for code in LANGUAGES},
            "description": _("Report to your city, follow what becomes of it, and say whether it is solved."),
            "lang": frame.tag,
            "dir": frame.direction,
            "start_url": reverse("portal:home"),
            "scope": "/",
            "display": "standalone",
            "background_color": "#f8f7f4",
            "theme_color": "#0f5cad",
            "icons": icons,
            "shortcuts": [
                {"name": _("Report"), "url": reverse("portal:begin")},
                {"name": _("Track a report"), "url": reverse("portal:track")},
            ],
        }
    response = JsonResponse(made, content_type="application/manifest+json", json_dumps_params={"ensure_ascii": False})
    response["Cache-Control"] = "public, max-age=3600"
    return response


@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker: what frontend/src/sw.ts is built to, told before it which files a device keeps.

    It changes whenever a file does, so browsers take the new one at their next look; it must not be kept by them.
    """
    del request
    built = assets.DIST / assets.manifest().get("sw.js", "sw.js")
    if not built.is_file():
        raise Http404
    files = {
        language: [assets.url(name) for name in _FILES[language]] + assets.all_parts("portal.js")
        for language in LANGUAGES
    }
    kept = {
        "files": files,
        "pages": {language: reverse("portal:offline", args=[language]) for language in LANGUAGES},
        "areas": reverse("portal:areas"),
    }
    text = json.dumps(kept, sort_keys=True)
    kept["version"] = sha256((text + built.name).encode()).hexdigest()[:16]
    response = HttpResponse(
        f"self.WASL={json.dumps(kept, sort_keys=True)};\n{built.read_text()}", content_type="text/javascript"
    )
    response["Cache-Control"] = "no-cache"
    return response


_SHARED = ("portal.js", "icons.svg", "map.css")
_FONTS = ("noto-sans-arabic-400.woff2", "noto-sans-arabic-600.woff2")
_FILES = {
    "ar": (*_SHARED, "portal.rtl.css", *_FONTS),
    "en": (*_SHARED, "portal.css"),
    "zh": (*_SHARED, "portal.css", "zh.css"),
}


@require_GET
def install(request: HttpRequest) -> HttpResponse:
    """How the portal is put on a telephone's start screen, with a QR code that leads here (K10)."""
    return render(request, "portal/install.html", {"url": settings.WASL_BASE_URL + reverse("portal:install")})


__all__ = ["ICONS", "install", "manifest", "offline", "whole", "worker"]
