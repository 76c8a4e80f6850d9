"""The number of a caller as people see it: who may, and that each look is kept. Reading it otherwise: `actions`."""

from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import facts_of, note
from wasl.core.organisation.models import Staff
from wasl.core.organisation.rights import Forbidden
from wasl.services.calls import panel
from wasl.services.calls.actions import number_of
from wasl.services.calls.models import Call

RIGHT = "identity.read"


def may_see_number(staff: Staff) -> bool:
    """Whether this person may see the numbers of those whose calls he may open. Calls belong to no unit."""
    return rights.scopes(staff, RIGHT).centre


def see_number(call: Call, *, by: Staff) -> str:
    """Who called (E.164), or nothing where he hides it; the look is in the audit before anything is shown (P2).

    Raises Forbidden.
    """
    rights.require(by, RIGHT)
    if not panel.visible_calls(by).filter(pk=call.pk).exists():
        raise Forbidden(_("You are not on this call."))
    number = number_of(call)
    if number:
        note(by, "call.number_seen", call, facts_of(call))
    return number
