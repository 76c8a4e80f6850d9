"""Sound as a player fetches it: whole, or the part that it asks for (RFC 9110, 14). Who may hear it is not decided."""

import re

from django.http import HttpRequest, HttpResponse

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def played(request: HttpRequest, data: bytes, kind: str = "audio/wav") -> HttpResponse:
    """The sound to be played in the page, never as a page of its own. Some browsers play nothing without parts."""
    response = _part(request.headers.get("Range", "").strip(), data)
    response.headers["Content-Type"] = kind
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Content-Disposition"] = "inline"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _part(asked: str, data: bytes) -> HttpResponse:
    known = _RANGE.fullmatch(asked)
    if known is None or not any(known.groups()):
        return HttpResponse(data)
    first, last = known.groups()
    begin = int(first) if first else max(0, len(data) - int(last))
    end = min(int(last), len(data) - 1) if first and last else len(data) - 1
    if begin > end:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
    return HttpResponse(
        data[begin : end + 1], status=206, headers={"Content-Range": f"bytes {begin}-{end}/{len(data)}"}
    )
