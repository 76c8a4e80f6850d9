"""The switches of the frame: the look of the pages."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from wasl.faces.frame.look import COOKIE, ONE_YEAR_S, Look


# Nothing is stored but a cookie of the asker's own browser, so a forged request can do no harm; pages without a
# session then need no token for it.
@csrf_exempt
@require_POST
def set_look(request: HttpRequest) -> HttpResponse:
    """Change one choice of the look (`set=theme:dark`) and go back to the page (`next`)."""
    try:
        look = Look.read(request.COOKIES.get(COOKIE, "")).with_choice(request.POST.get("set", ""))
    except ValueError:
        return HttpResponseBadRequest()
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    response = HttpResponseRedirect(back)
    response.set_cookie(COOKIE, look.write(), max_age=ONE_YEAR_S, samesite="Lax", secure=request.is_secure())
    return response
