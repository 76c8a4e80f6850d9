"""Who may look into a case from outside: number and PIN, kept by the session for a while; and how often one may try."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from django.http import HttpRequest

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case
from wasl.kernel import acceptance, clock, seal, throttle

OPEN_FOR = timedelta(hours=2)
_SESSION = "portal_cases"
_MOST_CASES = 20
WRONG_PINS, WRONG_PINS_PER_S = 5, 3600
# Whole villages stand behind one address of a mobile network, so the limits by address are wide.
LIMITS = {
    "portal-report": (60, 3600),
    "portal-send": (30, 3600),
    "portal-file": (120, 3600),
    "portal-look": (120, 600),
    "portal-add": (20, 3600),
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


def unlock(number: str, pin: str) -> Case | None:
    """The case of `number` if `pin` is its PIN. The same work is done for a number that does not exist.

    Raises throttle.TooMany after five tries that were wrong, whether the number exists or not. Source: requirement C8.
    """
    key = f"pin:{acceptance.parse(number) or number[:40]}"
    throttle.hit(key, limit=WRONG_PINS, per_s=WRONG_PINS_PER_S)
    case = cases.by_number(number)
    right = seal.pin_matches(case.number if case else "0000000000", case.pin_generation if case else 0, pin)
    if case is None or not right or case.redacted_at is not None:
        return None
    throttle.clear(key)
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
    """The case if this session may look into it now: opened not too long ago, with the PIN that still holds."""
    known = request.session.get(_SESSION, {}).get(number)
    if not known or clock.now() - datetime.fromisoformat(known[1]) > OPEN_FOR:
        return None
    case = cases.by_number(number)
    if case is None or case.pin_generation != known[0] or case.redacted_at is not None:
        return None
    return case
