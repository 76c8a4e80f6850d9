"""Who may look into a case from outside, by number and PIN or signed in to his page, and how often one may try."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case
from wasl.core.people import proving
from wasl.core.people.models import Code, Person
from wasl.faces.portal.models import SignIn
from wasl.kernel import acceptance, clock, seal, throttle

OPEN_FOR = timedelta(hours=2)
# Signed in: until half an hour passes without a page, and not longer than half a day.
IDLE, LONGEST = timedelta(minutes=30), timedelta(hours=12)
_SESSION = "portal_cases"
_SIGNED_IN = "portal_me"
_MOST_CASES = 20
# Wrong PINs of one visitor, and tries from everywhere: whoever guesses shuts himself out long before the owner, and
# many who guess together have 600 tries a day at a million PINs.
WRONG_PINS, TRIES, PINS_PER_S = 5, 25, 3600
# Whole villages stand behind one address of a mobile network, so the limits by address are wide.
LIMITS = {
    "portal-report": (60, 3600),
    "portal-send": (30, 3600),
    "portal-file": (120, 3600),
    "portal-look": (120, 600),
    "portal-add": (20, 3600),
    "portal-public": (600, 600),
    "portal-ask": (120, 600),
    "portal-code": (60, 3600),
    "portal-code-to": (5, 3600),
}


def limit(request: HttpRequest, what: str, who: str = "") -> None:
    """Count one try of `what` by this visitor (or by `who`). Raises throttle.TooMany."""
    most, per_s = LIMITS[what]
    throttle.hit(f"{what}:{who or visitor(request)}", limit=most, per_s=per_s)


def visitor(request: HttpRequest) -> str:
    """The network address that a request comes from; of IPv6 the household's part: the rest changes."""
    text = str(request.META.get("REMOTE_ADDR", ""))
    try:
        address = ip_address(text)
    except ValueError:
        return text
    return address.exploded[:19] if isinstance(address, IPv6Address) else text


def unlock(number: str, pin: str, visitor: str) -> Case | None:
    """The case of `number` if `pin` is its PIN. The same work is done for a number that does not exist.

    Raises throttle.TooMany after five wrong tries of this `visitor`, or twenty-five tries of all in an hour, whether
    the number exists or not. Source: requirement C8.
    """
    canonical = acceptance.parse(number) or number[:40]
    own = f"pin:{canonical} {visitor}"
    throttle.hit(own, limit=WRONG_PINS, per_s=PINS_PER_S)
    throttle.hit(f"pin-all:{canonical}", limit=TRIES, per_s=PINS_PER_S)
    case = cases.by_number(number)
    right = seal.pin_matches(case.number if case else "0000000000", case.pin_generation if case else 0, pin)
    if case is None or not right or case.redacted_at is not None:
        return None
    throttle.clear(own)
    return case


def grant(request: HttpRequest, case: Case) -> None:
    """Open the case to this session for a while."""
    held: dict[str, list[object]] = dict(request.session.get(_SESSION, {}))
    held.pop(case.number, None)
    while len(held) >= _MOST_CASES:
        held.pop(next(iter(held)))
    held[case.number] = [case.pin_generation, clock.now().isoformat()]
    request.session[_SESSION] = held


def drop(request: HttpRequest, number: str) -> None:
    """Shut the case to this session."""
    held = dict(request.session.get(_SESSION, {}))
    held.pop(number, None)
    request.session[_SESSION] = held


def opened(request: HttpRequest, number: str) -> Case | None:
    """The case if this session may look into it now.

    Opened not too long ago with the PIN that still holds, or one's own while signed in.
    """
    known = request.session.get(_SESSION, {}).get(number)
    case = cases.by_number(number)
    if case is None or case.redacted_at is not None:
        return None
    by_pin = (
        known is not None
        and clock.now() - datetime.fromisoformat(known[1]) <= OPEN_FOR
        and case.pin_generation == known[0]
    )
    return case if by_pin or is_own(request, case) else None


# --- signed in ---


@dataclass(frozen=True)
class Me:
    """Somebody who is signed in: by which address, and the records that it opens, the latest first; maybe none."""

    sign_in: SignIn
    persons: tuple[Person, ...]


def sign_in(request: HttpRequest, code: Code) -> None:
    """Sign in who used this code; the session gets a new key."""
    request.session.cycle_key()
    now = clock.now()
    made = SignIn.objects.create(look_up=bytes(code.look_up), hint=code.hint, since=now, seen_at=now)
    request.session[_SIGNED_IN] = made.pk


def me(request: HttpRequest) -> Me | None:
    """Who is signed in here, or nobody; looked up once a request."""
    if not hasattr(request, "_portal_me"):
        request._portal_me = _me(request)  # type: ignore[attr-defined]  # a memo, dropped with the request
    found: Me | None = request._portal_me  # type: ignore[attr-defined]  # as above
    return found


def _me(request: HttpRequest) -> Me | None:
    pk = request.session.get(_SIGNED_IN)
    found = SignIn.objects.filter(pk=pk).first() if pk else None
    now = clock.now()
    if found is None or now - found.seen_at > IDLE or now - found.since > LONGEST:
        return None
    if now - found.seen_at > timedelta(minutes=1):
        found.seen_at = now
        found.save(update_fields=["seen_at"])
    return Me(found, tuple(proving.opened(bytes(found.look_up))))


def is_own(request: HttpRequest, case: Case) -> bool:
    """Whether the case belongs to who is signed in here."""
    if case.requester_id is None:
        return False
    here = me(request)
    return here is not None and any(person.pk == case.requester_id for person in here.persons)


def sign_out(request: HttpRequest, *, everywhere: bool) -> None:
    """End the sign-in here, with what was opened by PIN, or in every browser where one of his addresses is used."""
    here = me(request)
    if here is not None:
        gone = SignIn.objects.filter(pk=here.sign_in.pk)
        if everywhere:
            own = [bytes(a.look_up) for person in here.persons for a in person.addresses.all()]
            gone = SignIn.objects.filter(look_up__in=[bytes(here.sign_in.look_up), *own])
        gone.delete()
    for key in (_SIGNED_IN, _SESSION):
        request.session.pop(key, None)
    request._portal_me = None  # type: ignore[attr-defined]  # as above


def purge_sign_ins() -> int:
    """Delete sign-ins that are over; how many they were."""
    return SignIn.objects.filter(seen_at__lt=clock.now() - LONGEST).delete()[0]
