"""How staff come in: accounts are made by the administrator, never by signing up; many wrong passwords lock one."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from wasl.core.organisation import signin
from wasl.core.organisation.models import Staff


class ClosedSignup(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """Nobody signs himself up."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        # The same words for a wrong name, a wrong password and a lock: a stranger learns nothing of any of them.
        "username_password_mismatch": _(
            "User name or password is not right, or the account is locked for a while after many wrong tries. "
            "Your administrator can unlock it."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class Locking(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Passwords, as the library checks them; a locked account is refused whatever was typed."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Staff | None:
        """Whose password it is. The lock is looked at last, so that it takes as long as a wrong password."""
        staff: Staff | None = super().authenticate(request, **credentials)
        name = credentials.get("username")
        if staff is None:
            if name:
                signin.note_failure(str(name))
            return None
        if signin.is_locked(staff):
            return None
        if staff.failures or staff.locked_until:
            signin.unlock(staff)
        return staff
