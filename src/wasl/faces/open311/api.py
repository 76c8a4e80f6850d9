"""The endpoints of Open311 GeoReport v2 and of mySociety's updates. Each reads, asks a verb or a query, and answers."""

from typing import Any

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from wasl.core.cases import actions
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.intake import of_key
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import queries as contacts
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Client
from wasl.faces.open311 import asking, clients, document, telling
from wasl.faces.open311.answer import Refusal, endpoint, language_of, problem, respond
from wasl.kernel.media import SHOWN_IMAGE_MIME
from wasl.kernel.names import local

# The day on which this interface last changed in a way that clients notice.
CHANGED = "2026-11-21T00:00:00+04:00"


def _discovery(request: HttpRequest, fmt: str) -> HttpResponse:
    root = settings.WASL_BASE_URL.rstrip("/") + reverse("open311:root")
    content: dict[str, Any] = {
        "changeset": CHANGED,
        "contact": _("The contact centre of the city."),
        "key_service": _("Keys are given out by the administrator of the hotline."),
        "endpoints": [
            {
                "specification": "http://wiki.open311.org/GeoReport_v2",
                "url": root.rstrip("/"),
                "changeset": CHANGED,
                "type": "test" if settings.WASL_DEMO else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
    }
    return respond(content, "discovery", fmt)


def _reader(request: HttpRequest) -> Client | None:
    asking.once(request.GET)
    return clients.reader(request)


def _writer(request: HttpRequest) -> Client:
    asking.check_size(request)
    return clients.client(request)


def _services(request: HttpRequest, fmt: str) -> HttpResponse:
    asker = _reader(request)
    book = catalogue.in_force()
    return respond([telling.service(book, category) for category in telling.offered(book, asker)], "services", fmt)


def _definition(request: HttpRequest, fmt: str, code: str) -> HttpResponse:
    asker = _reader(request)
    book = catalogue.in_force()
    category = asking.service(code, book)
    if category not in telling.offered(book, asker):
        raise Refusal(404, _("There is no service “%(code)s”.") % {"code": code[:60]})
    return respond(telling.definition(book, category), "service_definition", fmt)


def _report(request: HttpRequest, fmt: str) -> HttpResponse:
    by = _writer(request)
    language = language_of(request)
    extended = asking.wants(request, "extensions")
    report = asking.report(request, by, language)
    receipt = actions.receive(report, by=by)
    category = catalogue.of_number(receipt.case.edition).category(receipt.case.category)
    made: dict[str, Any] = {
        "service_request_id": receipt.case.number,
        "service_notice": (local(category.standard, language) or None) if category else None,
        "account_id": None,
    }
    if extended:
        # The PIN opens the request to whoever has it: the client gives it to the citizen and keeps it nowhere.
        made["extended_attributes"] = {"pin": receipt.pin or None, "receipt": receipt.entry_hash}
    return respond([made], "service_requests", fmt, 201)


def _requests(request: HttpRequest, fmt: str) -> HttpResponse:
    asker = _reader(request)
    search = asking.search(request)
    found = telling.shown_to(asker)
    if search.numbers:
        cases = telling.numbered(found, search.numbers)
    else:
        found = found.filter(received_at__range=(search.start, search.end))
        if search.services:
            found = found.filter(category__in=search.services)
        if set(search.statuses) == {"closed"}:
            found = found.filter(state__in=telling.CLOSED)
        elif set(search.statuses) == {"open"}:
            found = found.filter(~Q(state__in=telling.CLOSED))
        first = (search.page - 1) * search.page_size
        cases = list(found.order_by("-received_at", "-pk")[first : first + search.page_size])
    return respond(telling.requests(cases, extended=asking.wants(request, "extensions")), "service_requests", fmt)


def _request(request: HttpRequest, fmt: str, number: str) -> HttpResponse:
    asker = _reader(request)
    cases = telling.numbered(telling.shown_to(asker), [number])
    if not cases:
        raise Refusal(404, _unknown_request())
    return respond(telling.requests(cases, extended=asking.wants(request, "extensions")), "service_requests", fmt)


def _unknown_request() -> str:
    return _("There is no request of this number, or it is not public.")


def _token(request: HttpRequest, fmt: str, token: str) -> HttpResponse:
    """Every service gives its number at once. A client that lost the answer finds it here by its Idempotency-Key."""
    asker = _reader(request)
    receipt = of_key(asking.short_key(token), asker) if asker else None
    if receipt is None:
        raise Refusal(404, _("There is no token of this name."))
    return respond([{"service_request_id": receipt.case.number, "token": token}], "service_requests", fmt)


def _updates(request: HttpRequest, fmt: str) -> HttpResponse:
    asker = _reader(request)
    search = asking.search(request)
    first = (search.page - 1) * search.page_size
    found = telling.updates(asker, search.start, search.end, first, search.page_size)
    return respond(found, "service_request_updates", fmt)


def _update(request: HttpRequest, fmt: str) -> HttpResponse:
    by = _writer(request)
    given = asking.update(request, language_of(request))
    cases = telling.numbered(telling.shown_to(by), [given.number])
    if not cases:
        raise Refusal(404, _unknown_request())
    try:
        entry = actions.add(
            cases[0],
            by=by,
            text=given.text,
            medium=Contact.Medium.OPEN311,
            attachments=given.attachments,
            language=given.language,
            idempotency_key=given.key,
        )
    except NotAllowed as refused:
        raise Refusal(400, str(refused)) from refused
    return respond([{"update_id": str(entry.pk)}], "service_request_updates", fmt, 201)


def _media(request: HttpRequest, fmt: str, pk: int) -> HttpResponseBase:
    _reader(request)
    photo = contacts.public().filter(pk=pk).first()
    if photo is None or not default_storage.exists(photo.shown):
        raise Refusal(404, _("There is no such photo."))
    response = FileResponse(default_storage.open(photo.shown), content_type=SHOWN_IMAGE_MIME)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


def _document(request: HttpRequest, fmt: str) -> HttpResponse:
    return respond(document.openapi(settings.WASL_BASE_URL, tuple(organisation.the_city().bounds)), "openapi", "json")


@csrf_exempt
def unknown(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Whatever else is asked for below this address."""
    sentence = _("There is nothing at this address. The interface is described in %(address)s.")
    return problem(
        404, [sentence % {"address": reverse("open311:openapi")}], "xml" if rest.endswith(".xml") else "json"
    )


discovery = endpoint(GET=_discovery)
services = endpoint(GET=_services)
definition = endpoint(GET=_definition)
requests = endpoint(GET=_requests, POST=_report)
request = endpoint(GET=_request)
token = endpoint(GET=_token)
updates = endpoint(GET=_updates, POST=_update)
media = endpoint(GET=_media)
openapi = endpoint(GET=_document)
