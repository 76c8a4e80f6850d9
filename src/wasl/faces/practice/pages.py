"""Pages of the practice: coming in, its mail, beginning anew. In the house itself they are not there."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.middleware import get_user
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.frame.errors import error_page
from wasl.faces.practice import mail, making
from wasl.kernel import clock
from wasl.services.learning import practice

BEGINS_ANEW = frozenset({"supervisor", "administrator"})


def _here(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Only in a practice; nothing of it is cached."""

    @wraps(view)
    def page(request: HttpRequest, *args: object) -> HttpResponse:
        if not settings.WASL_IS_PRACTICE:
            raise Http404
        response = view(request, *args)
        add_never_cache_headers(response)
        return response

    return page


@_here
def enter(request: HttpRequest) -> HttpResponse:
    """From the house with a token: signed in to one's own account of the practice."""
    try:
        trainee = practice.open_door(request.GET.get("t", "")[:4000])
    except practice.Shut:
        return error_page(
            request,
            403,
            happened=_("This way into the practice was used already or is too old."),
            do=_("Go back to the real system and open the practice from there once more."),
        )
    staff = making.welcome(trainee)
    login(request, staff, backend=settings.AUTHENTICATION_BACKENDS[0])
    return redirect("desk:home")


@_here
def away(request: HttpRequest) -> HttpResponse:
    """In the place of the sign-in page: one comes in from the house only."""
    return redirect(f"{practice.house_url()}/desk/learn/")


@_here
def caught(request: HttpRequest) -> HttpResponse:
    """The mail that one's own work would have sent."""
    staff = get_user(request)
    if not isinstance(staff, Staff):
        return away(request)
    context = {"mails": mail.caught_for(staff), "now": clock.now(), "may": bool(rights.roles_of(staff) & BEGINS_ANEW)}
    return render(request, "practice/mail.html", context)


@_here
def anew(request: HttpRequest) -> HttpResponse:
    """Ask that everything here be thrown away and made again; everybody's practice, so not for everybody."""
    staff = get_user(request)
    if request.method != "POST" or not isinstance(staff, Staff) or not rights.roles_of(staff) & BEGINS_ANEW:
        return error_page(request, 403)
    (settings.WASL_DATA / practice.ANEW).touch()
    return redirect(f"{practice.house_url()}/desk/learn/")
