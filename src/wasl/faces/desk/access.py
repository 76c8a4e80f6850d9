"""Who may open a page of the desk: signed in, holding a post, with the right for it; and how a refusal looks.

No right is decided here: the table is `organisation.rights`, the scope of cases is `cases.queries.visible_to`.
"""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.contrib.auth.middleware import get_user
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights, signin
from wasl.core.organisation.models import Post, Staff
from wasl.core.roster import attendance
from wasl.faces.frame.errors import error_page

View = Callable[..., HttpResponseBase]
CASE_ROLES = frozenset(rights.RIGHTS) - {Post.Role.ADMINISTRATOR.value}


def is_part(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def desk(
    *,
    right: str = "",
    roles: Iterable[str] = (),
    methods: tuple[str, ...] = ("GET", "HEAD"),
    optional: bool = False,
) -> Callable[[View], View]:
    """Make a page of the desk of a function that takes the request and the staff member.

    Open to whoever holds a post with `right`, or one of `roles`, or any post where neither is given. Nobody signed in
    goes to the sign-in page; Forbidden becomes 403 and NotAllowed 409, each with its sentence. Nothing of it is cached,
    not even that something is not there. `optional` pages wait for whoever has not confirmed how he is reached for half
    a year (Q3).
    """
    wanted = frozenset(roles)

    def made(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            response = _answer(request, _if_reached(view) if optional else view, right, wanted, args, kwargs)
            add_never_cache_headers(response)
            return response

        return page

    return made


def _if_reached(view: View) -> View:
    def page(request: HttpRequest, staff: Staff, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if organisation.is_current(staff):
            return view(request, staff, *args, **kwargs)
        return error_page(
            request,
            403,
            happened=_("This waits until you have confirmed how you are reached; the last time was half a year ago."),
            do=_("Open your own page, “Mail address, telephone”, and confirm your number."),
        )

    return page


def _answer(
    request: HttpRequest, view: View, right: str, roles: frozenset[str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> HttpResponseBase:
    staff = get_user(request)
    if not isinstance(staff, Staff):
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("account_login")})
        return redirect_to_login(request.get_full_path(), resolve_url("account_login"))
    if not rights.posts_of(staff):
        return error_page(
            request,
            403,
            happened=_("You hold no post at present, so there is no work to show."),
            do=_("Ask your administrator for a post."),
        )
    signin.seen(request)
    if request.method == "POST" or not is_part(request):
        # Parts of a page fetch themselves when nobody is there.
        attendance.noted(request, staff)
    if signin.lacks_second_factor(staff):
        if request.headers.get("HX-Request") == "true":
            return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("mfa_activate_totp")})
        return redirect("mfa_activate_totp")
    if (right and not rights.may(staff, right)) or (roles and not roles & rights.roles_of(staff)):
        return error_page(request, 403)
    try:
        return view(request, staff, *args, **kwargs)
    except Http404:
        return error_page(request, 404)
    except rights.Forbidden as error:
        return error_page(request, 403, happened=str(error))
    except NotAllowed as error:
        return error_page(request, 409, happened=str(error))
