"""Who asks: the client system behind a key, and how often strangers may ask. What it may do is decided by its verbs."""

from django.http import HttpRequest
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Client
from wasl.faces.open311.answer import Refusal
from wasl.kernel import throttle

BAD_KEYS, BAD_KEYS_S = 300, 60
READS, READS_S = 1200, 60


def given_key(request: HttpRequest) -> str:
    """The key as it was sent: `api_key` in the body or the query, or the headers X-API-Key or Authorization: Bearer."""
    bearer = request.headers.get("Authorization", "")
    return (
        (request.POST.get("api_key") if request.method == "POST" else None)
        or request.GET.get("api_key")
        or request.headers.get("X-API-Key")
        or (bearer[7:].strip() if bearer[:7].lower() == "bearer " else "")
        or ""
    )


def client(request: HttpRequest) -> Client:
    """The client that may write. Raises Refusal 403, TooMany after many wrong keys from one address."""
    key = given_key(request)
    found = organisation.client_of_key(key)
    if found is None:
        throttle.hit(f"open311-key:{_address(request)}", limit=BAD_KEYS, per_s=BAD_KEYS_S)
        raise Refusal(403, _("This api_key is not known here.") if key else _("An api_key is needed for this."))
    return found


def reader(request: HttpRequest) -> Client | None:
    """Who reads: a client whose key was given, or anybody, counted by address. Raises Refusal 403, TooMany."""
    if given_key(request):
        return client(request)
    throttle.hit(f"open311-read:{_address(request)}", limit=READS, per_s=READS_S)
    return None


def _address(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
