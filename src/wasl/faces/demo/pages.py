"""Pages that exist only in a demonstration: the mails that it would have sent."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from wasl.faces.demo import mails


def _only_in_a_demo() -> None:
    if not settings.WASL_DEMO:
        raise Http404


@never_cache
@require_safe
def mail(request: HttpRequest, name: str = "") -> HttpResponse:
    """The mails caught, newest first, and one of them opened (the newest unless it is named)."""
    _only_in_a_demo()
    to = request.GET.get("to", "")[:254]
    found = mails.caught(to=to, limit=100)
    opened = mails.read(name) if name else (found[0] if found else None)
    if name and opened is None:
        raise Http404(_("There is no such mail."))
    return render(request, "demo/mail.html", {"mails": found, "opened": opened, "to": to, "wide": True})


@never_cache
@require_safe
def mail_json(request: HttpRequest) -> JsonResponse:
    """The same for scripts, newest first: {"mails": [{"to", "subject", "body", "links", …}]}; `?to=` chooses."""
    _only_in_a_demo()
    found = mails.caught(to=request.GET.get("to", "")[:254])
    return JsonResponse({"mails": [one.as_json() for one in found]}, json_dumps_params={"ensure_ascii": False})
