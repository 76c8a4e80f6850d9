"""What the desk offers one person to do with one case now, and doing it.

Whether a verb is allowed is asked of `cases.queries.verbs_for`; a row of the table only says how it looks. A combined
row needs all of its verbs and does them in one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case, State, WorkOrder
from wasl.core.cases.transitions import BY_VERB as ROW_OF
from wasl.core.cases.transitions import possible
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.verbs import beside, centre, closing, unit
from wasl.faces.desk.verbs.row import Doing, Many, Verb

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
    live = _live(case)
    allowed = queries.verbs_by_order(staff, case, live)
    found: list[Offer] = []
    for verb in TABLE:
        if verb.of_order:
            fit = [o for o in live if verb.needs[0] in allowed[o.pk] and verb.when(Situation(staff, case, o))]
            found += [Offer(verb, o, len(fit) == 1) for o in fit]
        elif (
            verb.needs[0] in allowed[None]
            and all(rights.may(staff, v) for v in verb.needs)
            and verb.when(Situation(staff, case))
        ):
            found.append(Offer(verb))
    return found


def _live(case: Case) -> list[WorkOrder]:
    return [o for o in queries.orders_of(case) if o.state in WorkOrder.LIVE]


def for_several(staff: Staff) -> list[Verb]:
    """Verbs that this person may do to several cases at once, where their states allow it."""
    return [verb for verb in TABLE if verb.many is not None and all(rights.may(staff, need) for need in verb.needs)]


def offer_of(staff: Staff, case: Case, verb: Verb) -> Offer:
    """This one verb for this case, on its order where exactly one fits. Raises NotAllowed with the reason."""
    found = [offer for offer in offers(staff, case) if offer.verb is verb]
    if not found:
        raise NotAllowed(
            _("“%(verb)s” is not possible while the request is “%(state)s”.")
            % {"verb": verb.label, "state": case.get_state_display()}
        )
    if len(found) > 1:
        raise NotAllowed(_("Several orders stand here; open the request and choose."))
    return found[0]


@dataclass(frozen=True)
class Withheld:
    """A verb of this person's that is not possible now, and why."""

    verb: Verb
    why: str


def withheld(staff: Staff, case: Case, offered: list[Offer]) -> list[Withheld]:
    """What this person may do to such a case at other times, each with the reason why not now."""
    slugs = {offer.verb.slug for offer in offered}
    live = _live(case)
    allowed = queries.verbs_by_order(staff, case, live)
    theirs = [v for v in TABLE if v.slug not in slugs and all(rights.may(staff, need) for need in v.needs)]
    return [Withheld(verb, _why_not(case, verb, live, allowed)) for verb in theirs]


def _why_not(case: Case, verb: Verb, live: list[WorkOrder], allowed: Mapping[int | None, frozenset[str]]) -> str:
    rows = [ROW_OF[need] for need in verb.needs]
    if not possible(rows[0], State(case.state)):
        when = ", ".join(str(state.label) for state in State if state in rows[0].frm)
        return _("Possible while it is: %(states)s.") % {"states": when}
    orders: list[WorkOrder | None] = [*live] if verb.of_order else [None]
    if not orders:
        return _("No unit has it now.")
    if not any(verb.needs[0] in allowed[order.pk if order else None] for order in orders):
        return _("It lies outside your scope.")
    return str(verb.unless) or _("There is nothing of the kind to do now.")


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
        # Whoever opened it by key goes on writing at once. A set of buttons has no one place for the cursor: there the
        # title has it, so that Tab goes on to the buttons.
        first = next(iter(verb.fields), None)
        self.begins_with_buttons = first is not None and isinstance(
            self.fields[first].widget, forms.RadioSelect | forms.CheckboxSelectMultiple
        )
        if first and not self.begins_with_buttons:
            self.fields[first].widget.attrs["autofocus"] = True
        self.initial["seen"] = now.case.version


def do(verb: Verb, now: Situation, given: Mapping[str, Any]) -> object:
    """Do it. Raises Forbidden, StaleCase, NotAllowed."""
    return verb.call(Doing(now, given, given.get("seen")))


__all__ = [
    "BY_SLUG",
    "TABLE",
    "Doing",
    "Many",
    "Offer",
    "Verb",
    "VerbForm",
    "Withheld",
    "arranged",
    "do",
    "for_several",
    "offer_of",
    "offers",
    "withheld",
]
