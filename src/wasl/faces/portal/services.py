"""Services by category: what can be asked for, how soon it is done, what is needed; and the ways on when nothing fits.

What a category is stands in the rule book; articles are in `articles`.
"""

from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, ngettext
from django.views.decorators.http import require_GET, require_POST

from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Book, Category
from wasl.core.catalogue.suggest import suggest
from wasl.faces.frame.forms import sought
from wasl.faces.portal import access, drafts
from wasl.faces.portal.forms import LONGEST_TEXT
from wasl.faces.portal.pages import limited
from wasl.faces.portal.steps import remember
from wasl.faces.portal.ways import ways
from wasl.kernel.names import code_of, local
from wasl.kernel.worktime import Duration
from wasl.services.articles import queries as articles
from wasl.services.enquiries import queries


def offered(book: Book) -> list[tuple[Category, list[Category]]]:
    """Each root with what can be asked for below it, in the book's order."""
    found: dict[str, list[Category]] = {}
    for leaf in book.leaves:
        found.setdefault(leaf.line[0], []).append(leaf)
    return [(book.categories[code], leaves) for code, leaves in found.items()]


def in_words(duration: Duration) -> str:
    """A promise of time as people say it: working time is called so."""
    n = duration.value
    if duration.unit == "min":
        said = ngettext("%(n)s minute", "%(n)s minutes", n)
    elif duration.unit == "h":
        said = ngettext("%(n)s hour", "%(n)s hours", n)
    elif duration.unit == "wh":
        said = ngettext("%(n)s working hour", "%(n)s working hours", n)
    else:
        said = ngettext("%(n)s working day", "%(n)s working days", n)
    return said % {"n": n}


@dataclass(frozen=True)
class Promised:
    """What the clocks of a category promise, in words; empty where there is no such clock."""

    read: str
    contact: str
    result: str


def promised(book: Book, category: Category) -> Promised:
    """The clocks of a report of the usual kind and urgency."""
    rule = book.deadline(category.code, category.kinds[0], category.urgency)
    read, contact, result = (in_words(d) if d else "" for d in (rule.dispatch, rule.contact, rule.result))
    return Promised(read, contact, result)


@require_GET
@limited
def tree(request: HttpRequest) -> HttpResponse:
    """All services, or those that words may mean; and where to turn when none of them fits."""
    book = catalogue.in_force()
    text = sought(request, LONGEST_TEXT)
    found, meant = [], []
    if text:
        access.limit(request, "portal-look")
        meant = [one.version for one in articles.suggest(text, limit=3)]
        found = [(s.category, _above(book, s.category)) for s in suggest(book, text)]
    context = {
        "tree": offered(book),
        "text": text,
        "found": found,
        "articles": meant,
        "ways": ways(text),
        "may_ask": bool(queries.open_to_strangers()),
    }
    return render(request, "portal/services.html", context)


def _above(book: Book, category: Category) -> str:
    return " › ".join(book.categories[code].name for code in category.line[:-1])


def _leaf(code: str) -> tuple[Book, Category]:
    book = catalogue.in_force()
    found = book.category(code)
    if found is None or not found.leaf:
        raise Http404
    return book, found


@require_GET
def service(request: HttpRequest, code: str) -> HttpResponse:
    """One service: what it is, the time promised, what will be asked."""
    book, category = _leaf(code)
    context = {
        "articles": [one for one in articles.in_force() if code in one.topics],
        "category": category,
        "above": _above(book, category),
        "root": book.categories[category.line[0]],
        "standard": local(category.standard),
        "promised": promised(book, category),
        "questions": [(local(q.ask), local(q.hint), q.required) for q in book.form_of(code)],
        "secret": category.confidential or category.conduct,
        "ways": ways(),
    }
    return render(request, "portal/service.html", context)


@require_POST
@limited
def start(request: HttpRequest, code: str) -> HttpResponse:
    """Begin a report of this category, with the words that were typed already."""
    _, category = _leaf(code)
    access.limit(request, "portal-report")
    text = request.POST.get("text", "").replace("\0", "").strip()[:LONGEST_TEXT]
    draft = drafts.begin(text=text, language=code_of(get_language()))
    drafts.fill(draft, category=category.code)
    remember(request, draft)
    return redirect("portal:danger" if category.emergency else "portal:where", token=draft.token)


__all__ = ["Promised", "in_words", "offered", "promised", "service", "start", "tree"]
