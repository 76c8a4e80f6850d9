"""Pages travel compressed: on a slow line half of the wait is the page itself. Files built beforehand are not here."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

_WORTH_IT = ("text/html", "application/geo+json")


class Squeeze(GZipMiddleware):
    """Django's compression, which hides the length of what is secret in a page (BREACH), for pages and shapes only.

    Pictures are compressed already, and what streams must not wait.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> Any:
        """Compress what is worth it."""
        if response.streaming or not response.headers.get("Content-Type", "").startswith(_WORTH_IT):
            return response
        return super().process_response(request, response)
