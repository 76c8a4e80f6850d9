"""How staff sign in: the lock after wrong passwords, open sessions, the second factor. Knows the sign-in library.

The library limits tries by address and by name for minutes; the lock here counts over any time and is seen and lifted
by administrators.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db.models import F
from django.http import HttpRequest
from django.urls import reverse

from wasl.core.organisation import queries, rights
from wasl.core.organisation.models import Staff
from wasl.kernel import clock

WRONG_UNTIL_LOCKED = 10
LOCKED_FOR = timedelta(minutes=15)
SEEN_EVERY = timedelta(minutes=5)


# --- the lock ---


def is_locked(staff: Staff) -> bool:
    """Whether the right password would not do either."""
    return staff.locked_until is not None and staff.locked_until > clock.now()


def note_failure(username: str) -> None:
    """A wrong password; the tenth in a row locks the account for a quarter of an hour. Unknown names are nobody's."""
    found = Staff.objects.filter(username__iexact=username, is_active=True).first()
    if found is None or is_locked(found):
        # A lock does not grow while somebody hammers at it: else he would keep its owner out for ever.
        return
    if found.failures + 1 >= WRONG_UNTIL_LOCKED:
        Staff.objects.filter(pk=found.pk).update(failures=0, locked_until=clock.now() + LOCKED_FOR)
    else:
        Staff.objects.filter(pk=found.pk).update(failures=F("failures") + 1)


def unlock(staff: Staff) -> None:
    """Forget the wrong passwords."""
    staff.failures, staff.locked_until = 0, None
    staff.save(update_fields=["failures", "locked_until"])


# --- sessions ---


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in; `device` is what it calls itself."""

    pk: int
    device: str
    address: str
    since: datetime
    seen: datetime
    current: bool


def sessions_of(staff: Staff, key: str | None = None) -> list[Session]:
    """Browsers of this person that are signed in, the latest seen first; `key` is that of the one asking."""
    rows: Iterable[UserSession] = UserSession.objects.purge_and_list(staff)
    found = [
        Session(r.pk, r.user_agent, r.ip, r.created_at, r.last_seen_at, bool(key) and r.session_key == key)
        for r in rows
    ]
    return sorted(found, key=lambda one: one.seen, reverse=True)


def end_sessions(staff: Staff, *, only: int | None = None) -> int:
    """Sign him out everywhere, or in one browser; gives how many."""
    rows = UserSession.objects.filter(user=staff)
    ended = 0
    for row in rows if only is None else rows.filter(pk=only):
        row.end()
        ended += 1
    return ended


def seen(request: HttpRequest) -> None:
    """Note, now and then, that this browser is at work."""
    now = clock.now()
    last = request.session.get("seen", 0)
    if now.timestamp() - last >= SEEN_EVERY.total_seconds():
        request.session["seen"] = int(now.timestamp())
        UserSession.objects.create_from_request(request)


# --- the second factor ---


def has_second_factor(staff: Staff) -> bool:
    """Whether he signs in with one."""
    return bool(Authenticator.objects.filter(user=staff, type=Authenticator.Type.TOTP).exists())


def lacks_second_factor(staff: Staff) -> bool:
    """Whether a role that he holds needs one, by the rule of the house, and he has none."""
    needed = queries.the_house().second_factor
    return bool(needed) and bool(rights.roles_of(staff) & set(needed)) and not has_second_factor(staff)


def drop_second_factor(staff: Staff) -> None:
    """Take it away with its recovery codes."""
    Authenticator.objects.filter(user=staff).delete()


# --- the first link ---


def password_link(staff: Staff) -> str:
    """Where, below the address of the house, he sets a password: once, for three days, until the next sign-in."""
    uid, token = user_pk_to_url_str(staff), default_token_generator.make_token(staff)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token})
