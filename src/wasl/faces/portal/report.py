"""The steps of a report, one page each: what, where, details, you, check, receipt. What they fill in is a draft."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
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
from wasl.faces.portal import access, drafts, nearby
from wasl.faces.portal.forms import DetailsForm, WhatForm, YouForm, questions_of
from wasl.faces.portal.models import Draft
from wasl.faces.portal.pages import DRAFTS, case_url, limited, send_file
from wasl.faces.portal.steps import DraftOver, go_on, own, remember, show, step, take_files
from wasl.kernel import seal
from wasl.kernel.names import OWN_NAMES, code_of, local


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
        context = {"form": WhatForm(), "kind": kind, "heading": title, "begun": _begun(request)}
        return render(request, "portal/begin.html", context)
    access.limit(request, "portal-report")
    form = WhatForm(request.POST)
    form.is_valid()
    if "text" in form.errors:
        return render(request, "portal/begin.html", {"form": form, "kind": kind, "begun": _begun(request)}, status=422)
    chosen = kind if kind in Kind.values else ""
    draft = drafts.begin(text=form.cleaned_data.get("text", ""), kind=chosen, language=code_of(get_language()))
    remember(request, draft)
    return redirect("portal:what", token=draft.token)


def _begun(request: HttpRequest) -> list[dict[str, Any]]:
    """What this session began and did not send: the words, the category, the page to go on with."""
    rows = []
    for draft in drafts.begun_by(request.session.get(DRAFTS, ())):
        data = draft.data
        category = drafts.category_of(data)
        rows.append(
            {
                "draft": draft,
                "words": data.get("text", ""),
                "category": category.name if category else "",
                "photos": len(data.get("photos", ())),
                "page": f"portal:{drafts.first_missing(data) or 'check'}",
            }
        )
    return rows


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
        return show(request, draft, "what", status=422, form=form, tree=_tree(catalogue.in_force()), **_suggested(data))
    data = draft.data
    form = WhatForm(initial={"text": data.get("text", ""), "category": data.get("category", "")})
    return show(request, draft, "what", form=form, tree=_tree(catalogue.in_force()), **_suggested(data))


def _chosen(request: HttpRequest, draft: Draft, code: str, text: str) -> HttpResponse:
    data = draft.data
    fields: dict[str, Any] = {"category": code, "text": text}
    found = catalogue.in_force().category(code)
    if data.get("category") != code:
        fields |= {"answers": {}, "asked": "", "same_as": ""}
        if found and data.get("kind") not in found.kinds:
            fields["kind"] = ""
    draft = drafts.fill(draft, **fields)
    if found and found.emergency:
        return redirect("portal:danger", token=draft.token)
    return go_on(request, draft, "what")


@never_cache
@limited
@require_POST
def suggestions(request: HttpRequest, token: str) -> HttpResponse:
    """The list of categories while somebody types; keeps nothing."""
    try:
        draft = own(request, token)
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
        return go_on(request, draft, "what")
    return show(request, draft, "danger", script=local(category.script), back="portal:what")


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
        refused = take_files(request, draft, form.cleaned_data.get("added", []))
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
            return go_on(request, draft, "details")
        return show(request, draft, "details", status=422, form=form)
    return show(
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
        for name, question in questions_of(catalogue.in_force(), category).items():
            value = data.get("answers", {}).get(question.code)
            if question.datatype == "datetime" and isinstance(value, str):
                value = value[:16]
            initial[name] = value
    return initial


@step
def you(request: HttpRequest, draft: Draft) -> HttpResponse:
    """Who reports and how he is answered, or nobody."""
    names = ("how", "name", "phone", "mail", "channel", "language")
    if request.method == "POST":
        form = YouForm(request.POST)
        if form.is_valid():
            draft = drafts.fill(draft, **{name: form.cleaned_data.get(name) or "" for name in names})
            return go_on(request, draft, "you")
        return show(request, draft, "you", status=422, form=form)
    data = draft.data
    initial = {name: data.get(name) for name in names} | {"channel": data.get("channel") or Person.Channel.MAIL.value}
    return show(request, draft, "you", form=YouForm(initial=initial))


def _summary(draft: Draft) -> list[tuple[str, str, str]]:
    """(address of the page, what was asked, what was answered) in the order of the pages."""
    data = draft.data
    category = drafts.category_of(data)
    rows = [
        ("what", _("What it is about"), category.name if category else _("Not on the list; the centre sorts it")),
        ("where", _("Where"), drafts.place_in_words(data)),
        *_same_as(data),
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
    rows.append(("you", _("Language"), OWN_NAMES[code_of(data.get("language"))]))
    return [(reverse(f"portal:{page}", args=[draft.token]), asked, answered) for page, asked, answered in rows]


def _same_as(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    if not data.get("same_as"):
        return []
    known = next((match for match in nearby.matches(data) if match.number == data["same_as"]), None)
    if known is None:
        return [("similar", _("The same as"), _("It is not open any more; yours goes on by itself."))]
    return [("similar", _("The same as"), f"{known.name} · {known.distance}")]


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
    return show(request, draft, "check", rows=_summary(draft))


@never_cache
@limited
@require_GET
def receipt(request: HttpRequest, token: str) -> HttpResponse:
    """Number, PIN, what happens next; for the session that sent it, on the day it did."""
    try:
        draft = own(request, token)
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
        draft = own(request, token)
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
        draft = own(request, token)
    except DraftOver:
        return redirect("portal:home")
    if draft.case is not None:
        access.drop(request, draft.case.number)
    draft.delete()
    request.session[DRAFTS] = [t for t in request.session.get(DRAFTS, ()) if t != token]
    return redirect("portal:begin" if request.POST.get("then") == "begin" else "portal:home")
