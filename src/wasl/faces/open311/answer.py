"""What goes out: a structure written as XML or JSON, errors as GeoReport v2 wants them, the frame of every endpoint."""

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape

from django.core.exceptions import (
    BadRequest,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    TooManyFilesSent,
)
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from wasl.kernel.names import code_of
from wasl.kernel.throttle import TooMany

log = logging.getLogger(__name__)

TYPES = {"xml": "text/xml; charset=utf-8", "json": "application/json; charset=utf-8"}
# What XML 1.0 cannot hold, not even escaped (its production 2, "Char").
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Lists of the specification: the element that wraps them and the one of each item.
_ITEMS = {
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "service_requests": "request",
    "service_request_updates": "request_update",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
}
_LANGUAGES = {"ar": "ar", "en": "en", "zh": "zh-hans"}


class Refusal(Exception):
    """The request is not carried out: a status of HTTP and one sentence for each thing that is wrong."""

    def __init__(self, status: int, *sentences: str, retry_after_s: int = 0) -> None:
        super().__init__(*sentences)
        self.status, self.sentences, self.retry_after_s = status, sentences, retry_after_s


def when(moment: datetime | None) -> str | None:
    """A date-time as W3C's note has it, with the city's zone, to the second."""
    return timezone.localtime(moment).isoformat(timespec="seconds") if moment else None


def respond(content: Any, root: str, fmt: str, status: int = 200) -> HttpResponse:
    """`content` as XML under the element `root`, or as JSON, where the root of lists has no name (Spark convention)."""
    body = xml(content, root) if fmt == "xml" else json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    response = HttpResponse(body.encode(errors="replace"), content_type=TYPES[fmt], status=status)
    # Public data: any page may read it, and nobody's cookie has a part in it.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def xml(content: Any, root: str) -> str:
    """An XML document of mappings, sequences and plain values."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n']
    _element(parts, root, content)
    return "".join(parts)


def _element(parts: list[str], name: str, value: Any) -> None:
    parts.append(f"<{name}>")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _element(parts, key, inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            _element(parts, _ITEMS.get(name, "item"), inner)
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif value is not None:
        parts.append(escape(_NOT_XML.sub("", str(value))))
    parts.append(f"</{name}>")


def problem(status: int, sentences: Sequence[str], fmt: str, retry_after_s: int = 0) -> HttpResponse:
    """The error body of the specification: `[{code, description}]`."""
    response = respond([{"code": status, "description": sentence} for sentence in sentences], "errors", fmt, status)
    if retry_after_s:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def language_of(request: HttpRequest) -> str:
    """`ar`, `en` or `zh`: what `lang` says, the first of Accept-Language that the house speaks, or the city's own."""
    wished = request.GET.get("lang") or ""
    for part in (wished, *request.headers.get("Accept-Language", "")[:200].split(",")):
        tag = part.split(";")[0].strip().lower()
        if tag[:2] in _LANGUAGES and tag[2:3] in ("", "-", "_"):
            return tag[:2]
    return code_of("ar")


Handler = Callable[..., HttpResponseBase]


def endpoint(**handlers: Handler) -> Handler:
    """A view of handlers by method; what goes wrong is answered in the format asked for and the asker's language."""
    allowed = sorted({*handlers, "OPTIONS", *(["HEAD"] if "GET" in handlers else [])})

    @csrf_exempt
    def view(request: HttpRequest, fmt: str = "json", **where: Any) -> HttpResponseBase:
        method = request.method or ""
        handler = handlers.get("GET" if method == "HEAD" else method)
        language = language_of(request)
        with translation.override(_LANGUAGES[language]):
            if handler is not None:
                response = _guarded(handler, request, fmt, where)
            elif method == "OPTIONS":
                response = HttpResponse(status=204)
                response.headers["Access-Control-Allow-Origin"] = "*"
                response.headers["Access-Control-Allow-Methods"] = ", ".join(allowed)
                response.headers["Access-Control-Allow-Headers"] = (
                    "Idempotency-Key, X-API-Key, Authorization, Content-Type"
                )
                response.headers["Allow"] = ", ".join(allowed)
            else:
                response = problem(
                    405, [_("This address takes %(methods)s only.") % {"methods": ", ".join(allowed)}], fmt
                )
                response.headers["Allow"] = ", ".join(allowed)
        response.headers.setdefault("Content-Language", language)
        return response

    return view


def _guarded(handler: Handler, request: HttpRequest, fmt: str, where: Mapping[str, Any]) -> HttpResponseBase:
    try:
        return handler(request, fmt=fmt, **where)
    except Refusal as refusal:
        return problem(refusal.status, refusal.sentences, fmt, refusal.retry_after_s)
    except TooMany as many:
        sentence = _("Too many requests. Try again in %(seconds)s seconds.") % {"seconds": many.retry_after_s}
        return problem(429, [sentence], fmt, many.retry_after_s)
    except (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent):
        return problem(413, [_("That is more than this interface takes at once.")], fmt)
    except (MultiPartParserError, UnreadablePostError, BadRequest, SuspiciousOperation, UnicodeError):
        return problem(400, [_("The request cannot be read.")], fmt)
    except OperationalError:
        log.exception("the data base does not answer")
        return problem(
            503, [_("The system has just started or is being looked after. Try again in a minute.")], fmt, 60
        )
    except Exception:
        log.exception("%s %s", request.method, request.path)
        return problem(
            500, [_("Something went wrong in the system. It has been recorded for those who look after it.")], fmt
        )
