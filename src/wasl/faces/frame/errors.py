"""The pages for what went wrong: each says what happened, what was kept and what to do next."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from wasl.core.catalogue.queries import NotSetUp


@dataclass(frozen=True)
class Trouble:
    """The words of one kind of error; `sign` is an icon of frontend/icons.txt."""

    title: str | Promise
    happened: str | Promise
    kept: str | Promise
    do: str | Promise
    sign: str


_NOTHING_LOST = _("Nothing you sent before was lost.")
TROUBLES = {
    400: Trouble(
        _("We could not read that"),
        _("The page sent something that the system does not understand."),
        _("Nothing was changed."),
        _("Go back, check what you entered, and send it again."),
        "help-circle",
    ),
    403: Trouble(
        _("This page is not open to you"),
        _("You do not have the right to see or do this, or the page had been open for too long."),
        _("Nothing was changed."),
        _("Go back, reload the page and try once more. If you should have this right, ask your administrator."),
        "lock",
    ),
    404: Trouble(
        _("We have no page here"),
        _("The address is wrong, or what stood here has moved."),
        _NOTHING_LOST,
        _("Check the address, or begin at the start page."),
        "map-pin",
    ),
    409: Trouble(
        _("Somebody else was quicker"),
        _("The case was changed while you had it open, so your change was not made."),
        _("What you wrote is still on the page you came from."),
        _("Go back, look at what is new, and decide again."),
        "users",
    ),
    413: Trouble(
        _("That was too large"),
        _("A file or text is larger than the system takes."),
        _("Nothing was stored, and what you filled in is still on the page you came from."),
        _("Go back and send a smaller file; a photo from the telephone is enough."),
        "photo",
    ),
    429: Trouble(
        _("Too many tries"),
        _("This was asked more often than is allowed, so the system is making a pause."),
        _NOTHING_LOST,
        _("Wait a moment and try again. If it is urgent, call the hotline."),
        "clock-pause",
    ),
    500: Trouble(
        _("The fault is ours"),
        _("Something went wrong in the system. It has been recorded for those who look after it."),
        _("What you had sent before is safe. What you sent just now may not have arrived."),
        _("Try again in a few minutes. If it is urgent, call the hotline."),
        "tool",
    ),
    503: Trouble(
        _("Back in a moment"),
        _("The system is being looked after or has just started."),
        _NOTHING_LOST,
        _("Try again in a minute. If it is urgent, call the hotline."),
        "refresh",
    ),
}


def error_page(
    request: HttpRequest,
    status: int,
    *,
    happened: str | Promise = "",
    kept: str | Promise = "",
    do: str | Promise = "",
    retry_after_s: int = 0,
) -> HttpResponse:
    """The page for `status`, with own sentences where they are given.

    A request by htmx gets only the message, which the page shows as a notice without losing its content.
    """
    trouble = TROUBLES[status]
    context = {
        "status": status,
        "title": trouble.title,
        "happened": happened or trouble.happened,
        "kept": kept or trouble.kept,
        "do": do or trouble.do,
        "sign": trouble.sign,
        "retry_after_s": retry_after_s,
    }
    part = request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"
    name = "frame/_trouble.html" if part else "frame/error.html"
    response = HttpResponse(render_to_string(name, context, request), status=status)
    if retry_after_s:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`."""
    return error_page(request, _status_of(exception))


def _status_of(exception: Exception) -> int:
    # Django raises these as 400; for people they are "too large".
    too_large = type(exception).__name__ in {"RequestDataTooBig", "TooManyFilesSent", "TooManyFieldsSent"}
    return 413 if too_large else 400


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler403`."""
    del exception
    return error_page(request, 403)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """`settings.CSRF_FAILURE_VIEW`."""
    del reason
    return error_page(
        request,
        403,
        happened=_("The page had been open for too long, or your browser does not keep our cookie."),
        kept=_("What you wrote is still on the page you came from."),
        do=_("Go back, reload the page and send it again."),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler404`."""
    del exception
    return error_page(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`; asks the data base nothing, because that may be what is down."""
    return error_page(request, 500)


class Unreadable:
    """Middleware: what nobody types (a NUL, a day beyond the calendar) was not understood; it is no fault of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answers only these errors."""
        nul = isinstance(exception, DataError | ValueError) and "NUL" in str(exception)
        return error_page(request, 400) if nul or isinstance(exception, OverflowError) else None


class WhileNotSetUp:
    """Middleware: an installation without a rule book says so, on whatever page needs one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answers only this one error."""
        if not isinstance(exception, NotSetUp):
            return None
        return error_page(
            request,
            503,
            happened=_("This hotline is not set up yet: it has no categories and rules."),
            do=_("Its administrator signs in and publishes the first rule book."),
        )
