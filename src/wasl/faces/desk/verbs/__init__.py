"""What the desk offers one person to do with one case now, and doing it.

Whether a verb is allowed is asked of `cases.queries.verbs_for`; a row of the table only says how it looks. A combined
row needs all of its verbs and does them in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from wasl.core.cases import queries
from wasl.core.cases.models import Case, WorkOrder
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.verbs import beside, centre, closing, unit
from wasl.faces.desk.verbs.row import Doing, Verb

TABLE: tuple[Verb, ...] = (*centre.ROWS, *unit.ROWS, *closing.ROWS, *beside.ROWS)
BY_SLUG: dict[str, Verb] = {verb.slug: verb for verb in TABLE}


@dataclass(frozen=True)
class Offer:
    """A verb that may be done now, on this order where it is one of an order."""

    verb: Verb
    order: WorkOrder | None = None
    alone: bool = True

    @property
    def label(self) -> str:
        """What the button says; the unit is named where several orders stand."""
        return str(self.verb.label) if self.alone or self.order is None else f"{self.verb.label} · {self.order.unit}"


def offers(staff: Staff, case: Case) -> list[Offer]:
    """What this person may do with this case now, in the order of the table."""
    allowed = set(queries.verbs_for(staff, case))
    live = [o for o in case.orders.select_related("unit").order_by("pk") if o.state in WorkOrder.LIVE]
    of_order = {o.pk: set(queries.verbs_for(staff, case, o)) for o in live}
    found: list[Offer] = []
    for verb in TABLE:
        if verb.of_order:
            fit = [o for o in live if verb.needs[0] in of_order[o.pk] and verb.when(Situation(staff, case, o))]
            found += [Offer(verb, o, len(fit) == 1) for o in fit]
        elif (
            verb.needs[0] in allowed
            and all(rights.may(staff, v) for v in verb.needs)
            and verb.when(Situation(staff, case))
        ):
            found.append(Offer(verb))
    return found


def arranged(found: list[Offer], state: str) -> tuple[Offer | None, list[Offer], list[Offer]]:
    """The usual one, those near at hand, and the rest for the menu."""
    usual = next((o for o in found if state in o.verb.usual), None)
    near = [o for o in found if o is not usual and (state in o.verb.near or state in o.verb.usual)][:3]
    rest = [o for o in found if o is not usual and o not in near]
    return usual, near, rest


class VerbForm(forms.Form):
    """The form of one verb; its fields come from the table. `seen` is the version of the case on the screen."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    def __init__(self, verb: Verb, now: Situation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": f"do-{verb.slug}-%s", **kwargs})
        for name, asking in verb.fields.items():
            self.fields[name] = asking(now)
        # Whoever opened it by key goes on writing at once; a set of buttons has no one place for the cursor.
        first = next(iter(verb.fields), None)
        if first and not isinstance(self.fields[first].widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
            self.fields[first].widget.attrs["autofocus"] = True
        self.initial["seen"] = now.case.version


def do(verb: Verb, now: Situation, given: Mapping[str, Any]) -> object:
    """Do it. Raises Forbidden, StaleCase, NotAllowed."""
    return verb.call(Doing(now, given, given.get("seen")))


__all__ = ["BY_SLUG", "TABLE", "Offer", "Verb", "VerbForm", "arranged", "do", "offers"]
