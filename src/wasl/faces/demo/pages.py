"""Pages that exist only in a demonstration: the mails that it would have sent, telephones to text with."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from wasl.core.organisation import queries as organisation
from wasl.faces.demo import mails, phones
from wasl.kernel import phone
from wasl.services.dialogue import queries as dialogue
from wasl.services.texts.actions import house


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


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def telephones(request: HttpRequest) -> HttpResponse:
    """A telephone of the demo: what it has sent and got, and a line to text with."""
    _only_in_a_demo()
    asked = request.POST if request.method == "POST" else request.GET
    number = phone.normalise(asked.get("number", "") or phones.NUMBERS[0], organisation.the_city().region)
    codes = sorted(dialogue.codes())
    usual = house().sender
    code = next((one for one in (asked.get("code", ""), usual, *codes) if one in codes), usual)
    error = ""
    if number is None or phone.is_short_code(number):
        number, error = phones.NUMBERS[0], _("This is not a telephone number.")
    elif request.method == "POST":
        words = asked.get("words", "").strip()
        if not words:
            error = _("Write something first.")
        elif len(words) > phones.LONGEST:
            error = _("This is too long for an SMS.")
        else:
            try:
                phones.text(number, code, words)
                return redirect(f"{reverse('demo:phones')}?{urlencode({'number': number, 'code': code})}")
            except phones.OperatorAway:
                error = _("The demo's mobile operator does not answer. Try again in a moment.")
    shown = {"number": number, "code": code, "codes": codes, "numbers": phones.NUMBERS, "error": error}
    return render(request, "demo/phones.html", {**shown, **_talk(number)}, status=422 if error else 200)


@never_cache
@require_safe
def talk(request: HttpRequest) -> HttpResponse:
    """What the telephone shows now, for the page that asks again and again."""
    _only_in_a_demo()
    number = phone.normalise(request.GET.get("number", ""), organisation.the_city().region) or phones.NUMBERS[0]
    return render(request, "demo/_talk.html", {"number": number, **_talk(number)})


def _talk(number: str) -> dict[str, object]:
    try:
        return {"bubbles": phones.talk(number)}
    except phones.OperatorAway:
        return {"bubbles": [], "away": True}
