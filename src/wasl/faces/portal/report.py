"""The steps of a report, one page each: what, where, details, you, check, receipt. What they fill in is a draft."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wasl.core.cases import queries as case_queries
from wasl.core.cases.models import Kind
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Book, Category
from wasl.core.catalogue.suggest import suggest
from wasl.core.people.models import Person
from wasl.faces.portal import access, drafts
from wasl.faces.portal.forms import LANGUAGE_CHOICES, DetailsForm, WhatForm, WhereForm, YouForm
from wasl.faces.portal.models import KEPT_FOR, Draft
from wasl.faces.portal.pages import DRAFTS, case_url, limited, send_file
from wasl.kernel import clock, media, seal
from wasl.kernel.names import code_of, local

_MOST_DRAFTS = 10


class DraftOver(Exception):
    """The draft was kept for a day and is gone."""


def _own(request: HttpRequest, token: str) -> Draft:
    """This session's draft. Raises Http404 for anybody else's, DraftOver for one that was kept too long."""
    if token not in request.session.get(DRAFTS, ()):
        raise Http404
    draft = Draft.objects.filter(token=token).select_related("case", "case__unit", "case__area").first()
    if draft is None or clock.now() - draft.begun_at > KEPT_FOR:
        raise DraftOver
    return draft


Step = Callable[[HttpRequest, Draft], HttpResponseBase]


def step(page: Step) -> Callable[[HttpRequest, str], HttpResponseBase]:
    """A page on one draft: only its own session's, not after it was sent, and not before the steps ahead of it."""

    @never_cache
    @limited
    @require_http_methods(["GET", "HEAD", "POST"])
    def inner(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            draft = _own(request, token)
        except DraftOver:
            return render(request, "portal/report/over.html", status=410)
        name = page.__name__
        if draft.case_id is not None:
            return redirect("portal:receipt", token=token)
        missing = drafts.first_missing(draft.data, before="what" if name == "danger" else name)
        if missing:
            return redirect(f"portal:{missing}", token=token)
        try:
            return page(request, draft)
        except drafts.DraftIncomplete as error:
            return redirect(f"portal:{error.step}", token=token)

    inner.__name__ = page.__name__
    inner.__doc__ = page.__doc__
    return inner


def _show(request: HttpRequest, draft: Draft, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    data = draft.data
    names = [s.name for s in drafts.STEPS]
    at = "what" if name == "danger" else name
    place = names.index(at) + 1
    steps = [(s.name, s.label, number < place) for number, s in enumerate(drafts.STEPS, 1)]
    shown = {"draft": draft, "data": data, "steps": steps, "step": at, "place": place, "of": len(steps), **context}
    back = [s[0] for s in steps][: place - 1]
    shown.setdefault("back", f"portal:{back[-1]}" if back else "")
    shown.setdefault("category", drafts.category_of(data))
    return render(request, f"portal/report/{name}.html", shown, status=status)


def _next(request: HttpRequest, draft: Draft, name: str) -> HttpResponse:
    """The page after `name`, or the check page when somebody came from there to change one thing."""
    after = drafts.following(name)
    if request.POST.get("then") == "check" and drafts.first_missing(draft.data) is None:
        after = "check"
    return redirect(f"portal:{after}", token=draft.token)


@limited
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest, kind: str = "") -> HttpResponse:
    """Begin a report with some words, or with the first question."""
    if request.method != "POST":
        title = {
            "complaint": _("File a complaint"),
            "suggestion": _("Make a suggestion"),
            "feedback": _("Give feedback"),
        }.get(kind, "")
        return render(request, "portal/begin.html", {"form": WhatForm(), "kind": kind, "heading": title})
    access.limit(request, "portal-report")
    form = WhatForm(request.POST)
    form.is_valid()
    if "text" in form.errors:
        return render(request, "portal/begin.html", {"form": form, "kind": kind}, status=422)
    chosen = kind if kind in Kind.values else ""
    draft = drafts.begin(text=form.cleaned_data.get("text", ""), kind=chosen, language=code_of(get_language()))
    held = [*request.session.get(DRAFTS, ()), draft.token]
    request.session[DRAFTS] = held[-_MOST_DRAFTS:]
    return redirect("portal:what", token=draft.token)


def _tree(book: Book) -> list[tuple[Category, list[Category]]]:
    """Roots with all that can be chosen below them."""
    leaves: dict[str, list[Category]] = {}
    for leaf in book.leaves:
        leaves.setdefault(leaf.line[0], []).append(leaf)
    return [(book.categories[code], found) for code, found in leaves.items()]


def _suggested(data: dict[str, Any]) -> dict[str, Any]:
    book = catalogue.in_force()
    found = [s.category for s in suggest(book, data.get("text", ""))]
    chosen = drafts.category_of(data)
    if chosen and chosen not in found:
        found.insert(0, chosen)
    return {
        "suggestions": [(c, " › ".join(book.categories[code].name for code in c.line[:-1])) for c in found],
        "chosen": data.get("category", ""),
    }


@step
def what(request: HttpRequest, draft: Draft) -> HttpResponse:
    """What it is about."""
    if request.method == "POST":
        form = WhatForm(request.POST)
        good = form.is_valid()
        text = form.cleaned_data.get("text", "")
        if request.POST.get("do") == "search" and "text" not in form.errors:
            drafts.fill(draft, text=text)
            return redirect("portal:what", token=draft.token)
        if good:
            return _chosen(request, draft, form.cleaned_data["category"], text)
        data = {**draft.data, "text": text or draft.data.get("text", "")}
        return _show(
            request, draft, "what", status=422, form=form, tree=_tree(catalogue.in_force()), **_suggested(data)
        )
    data = draft.data
    form = WhatForm(initial={"text": data.get("text", ""), "category": data.get("category", "")})
    return _show(request, draft, "what", form=form, tree=_tree(catalogue.in_force()), **_suggested(data))


def _chosen(request: HttpRequest, draft: Draft, code: str, text: str) -> HttpResponse:
    data = draft.data
    fields: dict[str, Any] = {"category": code, "text": text}
    found = catalogue.in_force().category(code)
    if data.get("category") != code:
        fields |= {"answers": {}, "asked": ""}
        if found and data.get("kind") not in found.kinds:
            fields["kind"] = ""
    draft = drafts.fill(draft, **fields)
    if found and found.emergency:
        return redirect("portal:danger", token=draft.token)
    return _next(request, draft, "what")


@never_cache
@limited
@require_POST
def suggestions(request: HttpRequest, token: str) -> HttpResponse:
    """The list of categories while somebody types; keeps nothing."""
    try:
        draft = _own(request, token)
    except DraftOver:
        raise Http404 from None
    form = WhatForm(request.POST)
    form.is_valid()
    data = {"text": form.cleaned_data.get("text", ""), "category": request.POST.get("category", "")[:60]}
    return render(request, "portal/report/_suggestions.html", {"draft": draft, **_suggested(data)})


@step
def danger(request: HttpRequest, draft: Draft) -> HttpResponse:
    """What to do first when life is in danger."""
    category = drafts.category_of(draft.data)
    if request.method == "POST" or category is None or not category.emergency:
        return _next(request, draft, "what")
    return _show(request, draft, "danger", script=local(category.script), back="portal:what")


@step
def where(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Where it is."""
    names = ("address", "lat", "lon", "accuracy", "area")
    if request.method == "POST":
        posted = request.POST.copy()
        if posted.get("do") == "unpin":
            draft = drafts.fill(
                draft, lat=None, lon=None, accuracy=None, address=posted.get("address", "").replace("\0", "")[:300]
            )
            return redirect("portal:where", token=draft.token)
        form = WhereForm(posted)
        if form.is_valid():
            draft = drafts.fill(draft, **{name: form.cleaned_data.get(name) for name in names})
            return _next(request, draft, "where")
        return _show(request, draft, "where", status=422, form=form)
    data = draft.data
    return _show(request, draft, "where", form=WhereForm(initial={name: data.get(name) for name in names}))


@step
def details(request: HttpRequest, draft: Draft) -> HttpResponse:
    """What happened, the category's questions, files."""
    category = drafts.category_of(draft.data)
    if request.method == "POST":
        if request.POST.get("remove", "").isdecimal():
            draft = drafts.remove_photo(draft, int(request.POST["remove"][:18]))
            draft = _keep_unfinished(request, draft, category)
            return redirect("portal:details", token=draft.token)
        form = DetailsForm(request.POST, request.FILES, category=category)
        good = form.is_valid()
        refused = _take_files(request, draft, form.cleaned_data.get("added", []))
        draft.refresh_from_db()
        for sentence in refused:
            form.add_error("added", sentence)
        if good and not refused:
            found = form.cleaned_data
            draft = drafts.fill(
                draft,
                text=found["text"],
                kind=found.get("kind") or draft.data.get("kind", ""),
                answers=form.answers(),
                asked=draft.data["category"],
            )
            if request.POST.get("do") == "attach":
                return redirect("portal:details", token=draft.token)
            return _next(request, draft, "details")
        return _show(request, draft, "details", status=422, form=form)
    return _show(
        request, draft, "details", form=DetailsForm(initial=_details_of(draft.data, category), category=category)
    )


def _keep_unfinished(request: HttpRequest, draft: Draft, category: Category | None) -> Draft:
    """What stands in the form while only a file is taken away."""
    form = DetailsForm(request.POST, category=category)
    form.is_valid()
    return drafts.fill(draft, text=form.cleaned_data.get("text") or draft.data.get("text", ""), answers=form.answers())


def _details_of(data: dict[str, Any], category: Category | None) -> dict[str, Any]:
    initial: dict[str, Any] = {"text": data.get("text", ""), "kind": data.get("kind", "")}
    if category:
        initial["kind"] = initial["kind"] or category.kinds[0]
        for number, question in enumerate(catalogue.in_force().form_of(category.code)):
            value = data.get("answers", {}).get(question.code)
            if question.datatype == "datetime" and isinstance(value, str):
                value = value[:16]
            initial[f"q{number}"] = value
    return initial


def _take_files(request: HttpRequest, draft: Draft, files: list[UploadedFile[Any]]) -> list[str]:
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


@step
def you(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Who reports and how he is answered, or nobody."""
    names = ("how", "name", "phone", "mail", "channel", "language")
    if request.method == "POST":
        form = YouForm(request.POST)
        if form.is_valid():
            draft = drafts.fill(draft, **{name: form.cleaned_data.get(name) or "" for name in names})
            return _next(request, draft, "you")
        return _show(request, draft, "you", status=422, form=form)
    data = draft.data
    initial = {name: data.get(name) for name in names} | {"channel": data.get("channel") or Person.Channel.MAIL.value}
    return _show(request, draft, "you", form=YouForm(initial=initial))


def _summary(draft: Draft) -> list[tuple[str, str, str]]:
    """(step, what was asked, what was answered) in the order of the pages."""
    data = draft.data
    category = drafts.category_of(data)
    rows = [
        ("what", _("What it is about"), category.name if category else _("Not on the list; the centre sorts it")),
        ("where", _("Where"), drafts.place_in_words(data)),
        ("details", _("In your words"), data["text"]),
    ]
    if data.get("kind") in Kind.values:
        rows.append(("details", _("It is a"), str(Kind(data["kind"]).label)))
    for question in catalogue.in_force().form_of(category.code) if category else ():
        value = data.get("answers", {}).get(question.code)
        if value not in (None, "", []):
            rows.append(("details", local(question.ask), _shown(value, dict(question.values))))
    if data["how"] == "named":
        reached = [data.get("name", ""), data.get("phone", ""), data.get("mail", "")]
        rows.append(("you", _("You"), "\n".join(part for part in reached if part)))
        rows.append(("you", _("We answer by"), str(Person.Channel(data.get("channel") or "web").label)))
    else:
        rows.append(("you", _("You"), _("Anonymous: follow it with number and PIN")))
    rows.append(("you", _("Language"), dict(LANGUAGE_CHOICES)[code_of(data.get("language"))]))
    return rows


def _shown(value: Any, names: dict[str, Any]) -> str:
    if isinstance(value, list):
        return (
            "، ".join(_shown(v, names) for v in value)
            if get_language() == "ar"
            else ", ".join(_shown(v, names) for v in value)
        )
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    return (
        local(names[text])
        if text in names
        else text.replace("T", " ")[:200]
        if text[4:5] == "-" and "T" in text
        else text
    )


@step
def check(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Everything once more, then send."""
    if request.method == "POST":
        access.limit(request, "portal-send")
        drafts.send(draft)
        return redirect("portal:receipt", token=draft.token)
    category = drafts.category_of(draft.data)
    if category is None and draft.data["category"] != drafts.NONE_FITS:
        raise drafts.DraftIncomplete("what")
    return _show(request, draft, "check", rows=_summary(draft))


@never_cache
@limited
@require_GET
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """Number, PIN, what happens next; for the session that sent it, on the day it did."""
    try:
        draft = _own(request, token)
    except DraftOver:
        return render(request, "portal/report/over.html", status=410)
    case = draft.case
    if case is None:
        return redirect("portal:check", token=token)
    same_pin = draft.pin_generation == case.pin_generation
    if same_pin:
        access.grant(request, case)
    category = catalogue.of_number(case.edition).category(case.category)
    context = {
        "case": case,
        "draft_token": token,
        "category": category,
        "pin": seal.pin_of(case.number, case.pin_generation) if same_pin else "",
        "sentence": case_queries.status_sentence(case),
        "entry_hash": bytes(case.entries.get(seq=1).hash).hex(),
        "standard": local(category.standard) if category else "",
        "unit": None if case.confidential else case.unit,
        "url": case_url(case.number),
        "script": local(category.script) if category and category.emergency else "",
    }
    return render(request, "portal/report/receipt.html", context)


@require_GET
def photo(request: HttpRequest, token: str, pk: int) -> HttpResponseBase:
    """A small picture of what was added to the draft."""
    try:
        draft = _own(request, token)
    except DraftOver:
        raise Http404 from None
    for kept in draft.data.get("photos", []):
        if kept["id"] == pk and kept["thumb"]:
            return send_file(drafts.as_row(kept), "thumb")
    raise Http404


@never_cache
@require_POST
def discard(request: HttpRequest, token: str) -> HttpResponse:
    """Throw the draft away, or forget on this device what was sent."""
    try:
        draft = _own(request, token)
    except DraftOver:
        return redirect("portal:home")
    if draft.case is not None:
        access.drop(request, draft.case.number)
    draft.delete()
    request.session[DRAFTS] = [t for t in request.session.get(DRAFTS, ()) if t != token]
    return redirect("portal:home")
