"""Pages behind tabs: who may open one, which tabs its reader is offered, how it is drawn. None of them is here."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import View, desk
from wasl.faces.desk.places import desk_context
from wasl.kernel import clock


@dataclass(frozen=True, slots=True)
class Tab:
    """`code` is the name of its address, `right` what opens it, `about` a sentence where tabs are shown as tiles."""

    code: str
    right: str
    label: Any
    icon: str
    about: Any = ""


def central(right: str, methods: tuple[str, ...] = ("GET", "HEAD")) -> Callable[[View], View]:
    """A page that is open to whoever holds `right` over the whole centre, for what it shows belongs to no unit."""

    def made(view: View) -> View:
        @desk(right=right, methods=methods)
        @wraps(view)
        def checked(request: HttpRequest, staff: Staff, *args: Any, **kwargs: Any) -> HttpResponseBase:
            rights.require(staff, right)
            return view(request, staff, *args, **kwargs)

        return checked

    return made


def draw(
    request: HttpRequest,
    staff: Staff,
    template: str,
    place: str,
    tabs: Sequence[Tab],
    current: str,
    status: int = 200,
    *,
    anywhere: Collection[str] = (),
    **more: Any,
) -> HttpResponse:
    """A page at this place of the rail with the tabs that its reader may open.

    `anywhere`: rights for which a post over a unit or an area is enough.
    """
    shown = [
        {"label": one.label, "icon": one.icon, "about": one.about, "url": reverse(f"desk:{one.code}"),
         "current": one.code == current}
        for one in tabs
        if (rights.may(staff, one.right) if one.right in anywhere else rights.scopes(staff, one.right).centre)
    ]  # fmt: skip
    context = desk_context(request, staff, place, tabs=shown, now=clock.now(), **more)
    return render(request, template, context, status=status)
