"""Notes that the practice is in use, so that it does not go to rest under somebody's hands."""

import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from wasl.services.learning.practice import WANTED

EVERY_S = 60.0


class InUse:
    """Middleware of a practice: touches the file by whose time `site.practice` tells that nobody is left."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._noted = 0.0

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if time.monotonic() - self._noted > EVERY_S:
            self._noted = time.monotonic()
            (settings.WASL_DATA / WANTED).touch()
        return self._get_response(request)
