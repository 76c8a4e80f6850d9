"""The agent's pages: the form, what stands beside it, drafts, and what to tell the caller (E2, E3, E5)."""

import secrets

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from wasl.core.cases import actions, queries
from wasl.core.cases.change import THE_SYSTEM, NotAllowed
from wasl.core.cases.intake import Receipt, Report
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.core.organisation.models import Staff
from wasl.core.people import actions as people
from wasl.faces.desk import lists
from wasl.faces.desk.access import desk
from wasl.faces.desk.pages import case_of
from wasl.faces.desk.phone.call import begun_with, filed_with
from wasl.faces.desk.places import desk_context
from wasl.faces.desk.report import drafts
from wasl.faces.desk.report.form import ReportForm
from wasl.faces.desk.report.known import beside as known_of
from wasl.faces.desk.report.known import matter_repeats
from wasl.kernel import clock, seal
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import code_of, local
from wasl.kernel.plain import line
from wasl.services.articles import queries as articles
from wasl.services.articles.actions import DESK, used
from wasl.services.articles.checking import cited

M = Contact.Medium
# Who was answered on one of these has heard the answer: nothing is left to tell him (E5).
_HEARD = frozenset({M.PHONE.value, M.VISIT.value, M.CHAT.value})
_REMEMBERED = 20


@desk(right="case.received", methods=("GET", "HEAD", "POST"))
def report(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The form, new or of a draft; on POST the case is filed, then answered, sent or joined as was asked for."""
    if request.method != "POST":
        return _begin(request, staff)
    form = ReportForm(request.POST, request.FILES)
    head = _head_to_join(request, staff)
    do = "join" if head else request.POST.get("do", "register")
    if form.is_valid() and not form.cleaned_data["category"] and do == "send":
        form.add_error("category", _("Choose a category first."))
    if form.is_valid() and do == "answer" and not form.cleaned_data["answer"].strip():
        form.add_error("answer", _("Write the answer that you gave."))
    if not form.is_valid():
        return _form(request, staff, form, status=422)
    try:
        receipt = _file(form, do, staff, head)
    except NotAllowed as refused:
        form.add_error(None, str(refused))
        return _form(request, staff, form, status=422)
    filed = [n for n in request.session.get("filed", []) if n != receipt.case.number][1 - _REMEMBERED :]
    request.session["filed"] = [*filed, receipt.case.number]
    return redirect("desk:filed", receipt.case.number)


def _begin(request: HttpRequest, staff: Staff) -> HttpResponse:
    key = request.GET.get("draft", "")
    if not key:
        start = {"key": secrets.token_urlsafe(16), "language": code_of(get_language())}
        start |= begun_with(request.GET.get("call", ""), staff)
        return _form(request, staff, ReportForm(initial=start))
    given = drafts.opened(staff, key)
    if given is None:
        messages.warning(request, _("This draft was sent or put away already."))
        return redirect("desk:report")
    form = ReportForm(given)
    form.complain_of_nothing()
    return _form(request, staff, form)


def _head_to_join(request: HttpRequest, staff: Staff) -> Case | None:
    number = request.POST.get("join", "")
    return queries.visible_to(staff).filter(number=number).first() if number else None


def _form(request: HttpRequest, staff: Staff, form: ReportForm, status: int = 200) -> HttpResponse:
    key = str(form["key"].value() or "")
    context = {
        "form": form,
        "panes": "list thing context",
        **known_of(form.data if form.is_bound else {}, staff),
        **_begun(request, staff, key),
    }
    return render(request, "desk/report.html", desk_context(request, staff, "report", **context), status=status)


def _begun(request: HttpRequest, staff: Staff, key: str) -> dict[str, object]:
    numbers = request.session.get("filed", [])[::-1][:8]
    filed = {c.number: c for c in queries.visible_to(staff).filter(number__in=numbers)}
    rows = lists.rows_of([filed[n] for n in numbers if n in filed])
    return {"drafts": drafts.begun(staff, but=key), "filed": rows, "key": key, "now": clock.now()}


def _file(form: ReportForm, do: str, staff: Staff, head: Case | None) -> Receipt:
    g = form.cleaned_data
    point = (g["lat"], g["lon"]) if g["lat"] is not None and g["lon"] is not None else None
    made = Report(
        medium=g["medium"],
        body=g["body"],
        category=g["category"],
        kind=g["kind"],
        urgency=g["urgency"],
        reach=people.Reach(
            name=g["name"],
            phone=to_ascii_digits(g["phone"]),
            mail=g["mail"],
            kind=g["person_kind"],
            language=g["language"],
            channel=g["channel"],
            source=g["medium"],
        ),
        place=point,
        address=g["address"],
        area=g["area"],
        answers=form.answers(),
        against=g["against"],
        attachments=g["files"],
        idempotency_key=g["key"] or None,
        source=g["source"],
    )
    with transaction.atomic():
        receipt = actions.file_report(made, by=staff)
        if receipt.repeated:
            return receipt
        _analyse(receipt.case, form, staff)
        if do == "answer":
            actions.answer(receipt.case, by=staff, text=g["answer"])
            if g["medium"] in _HEARD:
                actions.close(receipt.case, by=THE_SYSTEM)
        elif do == "send":
            actions.dispatch(receipt.case, by=staff)
        elif head is not None:
            actions.join(receipt.case, by=staff, head=head)
        drafts.sent(staff, g["key"])
        filed_with(g["call"], receipt.case, staff)
    return receipt


def _analyse(case: Case, form: ReportForm, staff: Staff) -> None:
    """What the agent found, and whether the matter came before, which nobody need type (E10, E6)."""
    g = form.cleaned_data
    repeat = matter_repeats(case.requester, case, staff)
    if repeat or g["cause"] or g["severity"] or g["safety"]:
        actions.analyse(case, by=staff, cause=g["cause"], severity=g["severity"], repeat=repeat, safety=g["safety"])


@desk(right="case.received", methods=("POST",))
def beside(request: HttpRequest, staff: Staff) -> HttpResponse:
    """What stands beside the form, asked for while typing."""
    return render(request, "desk/_beside.html", {**known_of(request.POST, staff), "said": True})


@desk(right="case.received", methods=("POST",))
def article_part(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The article `pick` as it is in force, in the language of the caller: to be read out and put into the answer."""
    version = articles.one(line(request.POST.get("pick", ""))[:40])
    if version is None:
        raise Http404
    used(DESK, [version.mark])
    language = code_of(request.POST.get("language") or get_language())
    context = {
        "version": version, "language": language, "title": local(version.titles, language),
        "short": cited(version.short.get(language, ""), version.mark), "paragraphs": version.paragraphs(language),
    }  # fmt: skip
    return render(request, "desk/_article.html", context)


@desk(right="case.received", methods=("POST",))
def class_part(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The part of the form that depends on the category, for the category chosen (`pick`, or the one in the form)."""
    given = request.POST.copy()
    if pick := given.get("pick", ""):
        given["category"] = pick
    form = ReportForm(given)
    form.complain_of_nothing()
    response = render(request, "desk/_class.html", {"form": form})
    response.headers["HX-Trigger-After-Settle"] = "classed"
    return response


@desk(right="case.received")
def pick_map(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The map to choose a place on, fetched when it is opened."""
    return render(request, "desk/_pick_map.html")


@desk(right="case.received")
def filed(request: HttpRequest, staff: Staff, number: str) -> HttpResponse:
    """What to tell the caller: number, PIN, who, by when. Shown only to the one who filed it, in this session."""
    if number not in request.session.get("filed", []):
        raise Http404
    case = case_of(staff, number)
    first = case.entries.get(seq=1)
    context = {
        "case": case,
        # One that was renewed since is the citizen's alone.
        "pin": "" if case.pin_generation else seal.pin_of(case.number, 0),
        "hash": bytes(first.hash).hex(),
        "status": queries.status_sentence(case),
        "what": lists.category_name(case),
        "now": clock.now(),
    }
    return render(request, "desk/filed.html", desk_context(request, staff, "report", panes="thing", **context))


# --- drafts ---


@desk(right="case.received", methods=("POST",))
def save_draft(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Keep what the form holds now; answers when it was saved, for the line below the form."""
    saved_at = drafts.save(staff, request.POST)
    return render(request, "desk/_saved.html", {"saved_at": saved_at, "now": clock.now()})


@desk(right="case.received", methods=("POST",))
def put_draft(request: HttpRequest, staff: Staff, key: str, what: str) -> HttpResponse:
    """Discard a draft, or take that back; answers the list of drafts. Raises Http404 for anything else."""
    doing = {"discard": drafts.discard, "restore": drafts.restore}.get(what)
    if doing is None:
        raise Http404
    doing(staff, key)
    if request.headers.get("HX-Request") != "true":
        return redirect("desk:report")
    return render(request, "desk/_begun.html", _begun(request, staff, request.GET.get("here", "")[:40]))
