"""The search page: one box for numbers, people and words. What is found, and by whom, is decided in `cases.search`."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from wasl.core.cases import queries
from wasl.core.cases import search as finding
from wasl.core.cases.models import Case
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.faces.desk import lists
from wasl.faces.desk.access import CASE_ROLES, desk
from wasl.faces.desk.lists.filters import Filters
from wasl.faces.desk.lists.pages import narrowing
from wasl.faces.desk.places import desk_context
from wasl.faces.frame.forms import sought
from wasl.kernel import acceptance, clock, mailaddress, phone
from wasl.kernel.digits import to_ascii_digits

LONGEST = 100
# Of people called as the words say, so many requests stand above those that hold the words.
NAMED = 5


@dataclass
class _Result:
    """What a search shows: a page of rows, whose heading `what` says, and a sentence on how it was found."""

    what: str
    page: lists.Page
    said: str = ""
    named: list[lists.Row] = field(default_factory=list)
    more_named_url: str = ""


@desk(roles=CASE_ROLES)
def search(request: HttpRequest, staff: Staff) -> HttpResponse:
    """By acceptance number, pseudonym, words, and by right telephone number, mail address or name; with filters."""
    text = sought(request, LONGEST)
    filters = Filters.read(request.GET)
    seen = queries.visible_to(staff)
    if (number := acceptance.parse(text)) and seen.filter(number=number).exists():
        return redirect("desk:case", number)
    result = _result(request, staff, text, filters, filters.narrow(seen, staff)) if text else None
    narrowed = narrowing(request.GET, filters)
    now = clock.now()
    context: dict[str, Any] = {
        "text": text,
        "search_text": text,
        "result": result,
        "page": result.page if result else None,
        "drawn": lists.drawn(result.page, now) if result else [],
        "now": now,
        "looked_for": _looked_for(text, staff),
        "may_ask_who": finding.may_ask_who(staff),
        **narrowed,
        "keep": [("q", text), *(("by", "name") for by in [request.GET.get("by")] if by == "name")],
        "clear_url": "?" + urlencode({"q": text}),
    }
    return render(request, "desk/search.html", desk_context(request, staff, "search", **context))


def _result(request: HttpRequest, staff: Staff, text: str, filters: Filters, among: QuerySet[Case]) -> _Result:
    start = _start(request)
    person = _person_of(text)
    if person is not None:
        title = _("Requests of %(person)s") % {"person": f"R-{person:06d}"}
        return _latest(request, title, among.filter(requester=person), start)
    if _is_phone(text):
        return _latest(
            request, _("Requests from this telephone number"), _within(finding.by_address(text, staff), among), start
        )
    if mailaddress.normalise(text):
        return _latest(
            request, _("Requests from this mail address"), _within(finding.by_address(text, staff), among), start
        )
    theirs = _within(finding.by_name(text, staff), among)
    if request.GET.get("by") == "name":
        return _latest(request, _("Requests of people named “%(name)s”") % {"name": text}, theirs, start)
    made = _by_words(request, text, among, start)
    if not start:
        named = lists.rows_of(_shown(theirs, 0, NAMED + 1))
        made.named = named[:NAMED]
        if len(named) > NAMED:
            made.more_named_url = "?" + urlencode([("q", text), ("by", "name"), *filters.pairs()])
    return made


def _within(found: QuerySet[Case], among: QuerySet[Case]) -> QuerySet[Case]:
    """Both are of what the person may see; the second is narrowed by the filters."""
    return among.filter(pk__in=found.order_by().values("pk"))


def _shown(cases: QuerySet[Case], start: int, count: int) -> list[Case]:
    """The latest of some people's cases. PostgreSQL, asked for those alone, would walk the whole house's by date."""
    latest = sorted(cases.order_by().values_list("received_at", "pk"), reverse=True)[start : start + count]
    known = _drawn(cases).in_bulk([pk for _at, pk in latest])
    return [known[pk] for _at, pk in latest if pk in known]


def _drawn(cases: QuerySet[Case]) -> QuerySet[Case]:
    return cases.order_by().select_related("unit", "area").defer("area__geometry")


def _latest(request: HttpRequest, title: str, cases: QuerySet[Case], start: int) -> _Result:
    found = _shown(cases, start, lists.PAGE + 1)
    page = lists.Page(lists.rows_of(found[: lists.PAGE]))
    _turn(page, request, start, more=len(found) > lists.PAGE)
    return _Result(title, page)


def _by_words(request: HttpRequest, text: str, among: QuerySet[Case], start: int) -> _Result:
    found = finding.by_words(text, among)
    here = found.cases[start : start + lists.PAGE]
    known = _drawn(among).in_bulk(list(here))
    rows = lists.rows_of(known[pk] for pk in here if pk in known)
    said = finding.bodies_of(found, known)
    for row in rows:
        if words := said.get(row.case.pk):
            row.words = _marked(found.excerpt(words))
        if row.where:
            row.where = _marked(found.excerpt(row.where))
    page = lists.Page(rows)
    _turn(page, request, start, more=len(found.cases) > start + lists.PAGE)
    return _Result(_("“%(words)s”") % {"words": text}, page, _said(found, text))


def _said(found: finding.Found, text: str) -> str:
    """How it was found, in a sentence or two."""
    if not found.cases:
        return ""
    count = len(found.cases)
    if found.more:
        told = [_("More requests have these words than can be ranked; of the latest the best come first. Add a word.")]
    else:
        told = [ngettext("%(n)s request, the best first.", "%(n)s requests, the best first.", count) % {"n": count}]
    if found.loosely:
        told.insert(0, _("None has exactly these words; these have words like them."))
    return " ".join(told)


def _marked(pieces: list[tuple[str, bool]]) -> SafeString:
    marks = (format_html("<mark>{}</mark>", words) if hit else words for words, hit in pieces)
    return format_html_join("", "{}", ((part,) for part in marks))


def _turn(page: lists.Page, request: HttpRequest, start: int, *, more: bool) -> None:
    kept = [(k, v) for k, values in request.GET.lists() if k != "after" for v in values if v]
    if more:
        page.older_url = "?" + urlencode([*kept, ("after", str(start + lists.PAGE))])
    if start:
        page.newer_url = "?" + urlencode([*kept, ("after", str(max(0, start - lists.PAGE)))])


def _start(request: HttpRequest) -> int:
    text = request.GET.get("after", "")
    return min(int(text), finding.CANDIDATES) if text.isdecimal() and len(text) <= 4 else 0


def _person_of(text: str) -> int | None:
    name = to_ascii_digits(text).upper().removeprefix("R-")
    return int(name) if text.upper().startswith("R-") and name.isdecimal() and len(name) <= 18 else None


def _is_phone(text: str) -> bool:
    return phone.normalise(text, organisation.the_city().region) is not None


def _looked_for(text: str, staff: Staff) -> list[str]:
    """What `text` was taken for, in words, for who found nothing."""
    digits = "".join(sign for sign in to_ascii_digits(text) if sign.isalnum())
    if acceptance.parse(text):
        return [_("It is an acceptance number, but of no request that you may see.")]
    if digits.isdecimal() and len(digits) >= 10 and not _is_phone(text):
        return [_("As an acceptance number it has a slip: its check digits do not fit.")]
    if _person_of(text) is not None:
        return [_("Requests of this person that you may see were looked for.")]
    if _is_phone(text) or mailaddress.normalise(text):
        return [
            _("Requests of whoever is reached at this number or address were looked for.")
            if finding.may_ask_who(staff)
            else _("Who is reached at a number or address is looked for by the centre only.")
        ]
    told = [_("Reports, places, answers, replies and notes were looked through for all these words.")]
    if finding.may_ask_who(staff):
        told.append(_("So were the names of people."))
    return told
