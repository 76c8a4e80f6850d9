"""Checks that verbs of several modules share; each raises NotAllowed with the sentence for people."""

from django.utils.translation import gettext as _

from wasl.core.cases import similar
from wasl.core.cases.change import By, Change, NotAllowed
from wasl.core.cases.models import Case, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Reason
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit


def listed_reason(case: Case, listed: str, code: str) -> Reason:
    """A reason of this list, in the case's edition or the one in force."""
    found = catalogue.of_number(case.edition).reasons.get((listed, code)) or catalogue.in_force().reasons.get(
        (listed, code)
    )
    if found is None:
        raise NotAllowed(_("Choose one of the listed reasons."))
    return found


def must_say(text: str, least: int = 3) -> str:
    """The words without the space around them, if there are any."""
    if len(text.strip()) < least:
        raise NotAllowed(_("Please give the reason in words; it will be read by the people concerned."))
    return text.strip()


def not_complained_of(case: Case, *units: Unit) -> None:
    """No unit that the case is about (or that this was merged into), nor one below it, gets it (B22)."""
    against = organisation.standing(case.against) if case.against else None
    if against is not None and any(unit.lies_under(against) for unit in units):
        raise NotAllowed(_("This request is about that unit; it must go to somebody else."))


def must_be_active(*units: Unit) -> None:
    """No unit that was dissolved gets anything."""
    for unit in units:
        if not unit.active:
            raise NotAllowed(_("%(unit)s is no longer active.") % {"unit": unit})


def live_order(change: Change, order: WorkOrder) -> WorkOrder:
    """The order as it is now, if the unit still has it."""
    held = change.orders.get(order.pk)
    if held is None or held.state not in WorkOrder.LIVE:
        raise NotAllowed(_("This order does not stand any more."))
    return held


def citizen_may_join(case: Case, head: Case) -> None:
    """A citizen says himself that his report is about the same, where nothing can be hidden or lost by it.

    Not a report that the centre must read at once (danger, confidence), and not to a request that he could not have
    seen, or one whose unit says that it is done.
    """
    if case.emergency or case.confidential or case.against_id:
        raise NotAllowed(_("The centre reads this report by itself; it is not joined to another."))
    if not similar.open_to_citizens().filter(pk=head.pk).exists():
        raise NotAllowed(_("That request is not open to be joined any more."))


def _handles(staff: Staff, case: Case) -> bool:
    unit = organisation.unit_of(case.unit_id) if case.unit_id else None
    paths = rights.scopes(staff, "order.replied").unit_paths
    return unit is not None and any(unit.path.startswith(path) for path in paths)


def may_speak_for_citizen(change: Change, by: By) -> None:
    """Staff may record the citizen's answer (by phone), but nobody of the handling unit may (N4)."""
    if isinstance(by, Staff) and (by.pk == change.case.replied_by_id or _handles(by, change.case)):
        raise NotAllowed(_("Nobody who handled it may answer for the citizen."))
