"""Passing on what somebody or a unit has open when they leave: cases, problems, orders. Who may leave is not decided
here."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.change import THE_SYSTEM, NotAllowed, changing
from wasl.core.cases.models import OPEN_STATES, Case, Problem, WorkOrder
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff, Unit

_STANDING = (*WorkOrder.LIVE, "replied")


@dataclass(frozen=True, slots=True)
class Open:
    """How much somebody has open: requests that he answers for, orders that he signed for, problems that he owns."""

    cases: int
    orders: int
    problems: int

    def __bool__(self) -> bool:
        return bool(self.cases or self.orders or self.problems)


def open_with(staff: Staff) -> Open:
    """What this person has open."""
    return Open(
        Case.objects.filter(owner=staff, state__in=OPEN_STATES).count(),
        WorkOrder.objects.filter(signed_by=staff, state__in=WorkOrder.LIVE).count(),
        Problem.objects.filter(owner=staff, ended_at__isnull=True).count(),
    )


def hand_over(leaver: Staff, *, to: Staff | None, by: Staff) -> int:
    """Give the leaver's open requests and problems to a colleague; gives how many requests.

    A request that the colleague may not see, and all of them without a colleague, go back to the unit or the centre
    that has them. Orders stay with their unit: whoever works there has them on his list.
    """
    seen = queries.visible_to(to) if to is not None else Case.objects.none()
    owned = Case.objects.filter(owner=leaver, state__in=OPEN_STATES).order_by("pk")
    for case in owned:
        owner = to if to is not None and seen.filter(pk=case.pk).exists() else None
        with changing(case, by=THE_SYSTEM, verb="case.handed_over") as change:
            change.record("case.handed_over", frm=leaver.pk, owner=owner.pk if owner else None, on_behalf=by.pk)
    if to is not None:
        Problem.objects.filter(owner=leaver, ended_at__isnull=True).update(owner=to)
    return len(owned)


def open_orders(unit: Unit) -> int:
    """How many orders stand with the unit."""
    return WorkOrder.objects.filter(unit=unit, state__in=_STANDING).count()


def move_orders(gone: Unit, goal: Unit, by: Staff) -> int:
    """Let the successor of a merged unit have its standing orders, clocks and all; gives how many moved.

    An assisting order beside one that the successor has already is withdrawn instead. Raises NotAllowed where the new
    unit would have an order about itself (B22).
    """
    accused = [one.pk for one in organisation.units().values() if organisation.standing(one).pk in (gone.pk, goal.pk)]
    having = [gone.pk, *organisation.under([goal.path])]
    if Case.objects.filter(against__in=accused, orders__unit__in=having, orders__state__in=_STANDING).exists():
        raise NotAllowed(_("A request about one of these units is with the other; it must go to somebody else first."))
    moved = 0
    cases = Case.objects.filter(orders__unit=gone, orders__state__in=_STANDING).distinct().order_by("pk")
    for case in cases:
        with changing(case, by=THE_SYSTEM, verb="order.moved") as change:
            standing = [o for o in change.orders.values() if o.state in _STANDING]
            theirs = any(o.unit_id == goal.pk for o in standing)
            for order in standing:
                if order.unit_id != gone.pk:
                    continue
                if theirs and order.role != WorkOrder.Role.LEAD:
                    change.record("order.withdrawn", order=order.pk)
                else:
                    change.record("order.moved", order=order.pk, frm=gone.pk, unit=goal.pk, on_behalf=by.pk)
                moved += 1
    return moved
