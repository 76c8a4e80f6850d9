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
from django.shortcuts import resolve_url
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext_lazy as _

from wasl.core.cases.change import NotAllowed
from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.faces.frame.errors import error_page

View = Callable[..., HttpResponseBase]
CASE_ROLES = frozenset(rights.RIGHTS) - {Post.Role.ADMINISTRATOR.value}


def desk(
    *, right: str = "", roles: Iterable[str] = (), methods: tuple[str, ...] = ("GET", "HEAD")
) -> Callable[[View], View]:
    """Make a page of the desk of a function that takes the request and the staff member.

    Open to whoever holds a post with `right`, or one of `roles`, or any post where neither is given. Nobody signed in
    goes to the sign-in page; Forbidden becomes 403 and NotAllowed 409, each with its sentence. Nothing of it is cached,
    not even that something is not there.
    """
    wanted = frozenset(roles)

    def made(view: View) -> View:
        @wraps(view)
        def page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method not in methods:
                return HttpResponseNotAllowed(methods)
            response = _answer(request, view, right, wanted, args, kwargs)
            add_never_cache_headers(response)
            return response

        return page

    return made


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
