"""Articles on the web: the list, what words find, and one article to be read or printed; always as it is in force."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from wasl.core.catalogue import queries as catalogue
from wasl.faces.frame.dates import calendar_day
from wasl.faces.frame.forms import sought
from wasl.faces.portal import access
from wasl.faces.portal.forms import LONGEST_TEXT
from wasl.faces.portal.pages import limited
from wasl.kernel.names import code_of
from wasl.services.articles import actions, queries


@never_cache
@require_GET
@limited
def every(request: HttpRequest) -> HttpResponse:
    """All articles, or those that words may mean."""
    text = sought(request, LONGEST_TEXT)
    found = []
    if text:
        access.limit(request, "portal-look")
        found = [one.version for one in queries.suggest(text)]
    return render(request, "portal/articles.html", {"rows": queries.in_force(), "text": text, "found": found})


@never_cache
@require_GET
@limited
def one(request: HttpRequest, code: str) -> HttpResponse:
    """One article: its short form first, then the full one, and the services it is about."""
    version = queries.one(code)
    if version is None:
        raise Http404
    access.limit(request, "portal-public")
    actions.used(actions.WEB, [version.mark])
    language = code_of(get_language())
    try:
        book = catalogue.in_force()
        about = [book.categories[topic] for topic in version.topics if topic in book.categories]
    except catalogue.NotSetUp:
        about = []
    context = {
        "version": version,
        "short": version.short.get(language, ""),
        "since": calendar_day(timezone.localdate(version.published_at)),
        "paragraphs": version.paragraphs(),
        "about": [category for category in about if category.leaf],
    }
    return render(request, "portal/article.html", context)
