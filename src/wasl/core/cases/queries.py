"""Reads of cases: who may see which, what is due, what happened in words, the status line that every channel says."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext, pgettext_lazy

from wasl.core.cases.models import OPEN_STATES, Case, Entry, Opening, State, WorkOrder
from wasl.core.cases.transitions import STAFF, TABLE, possible
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import acceptance, clock

LABELS: dict[str, Promise] = {
    "case.received": pgettext_lazy("verb", "received"),
    "case.registered": pgettext_lazy("verb", "registered"),
    "case.asked": pgettext_lazy("verb", "asked the citizen"),
    "case.answered": pgettext_lazy("verb", "answered at once"),
    "case.refused": pgettext_lazy("verb", "not accepted"),
    "case.joined": pgettext_lazy("verb", "joined to another report"),
    "case.unjoined": pgettext_lazy("verb", "taken apart from the other report"),
    "case.dispatched": pgettext_lazy("verb", "dispatched"),
    "case.reclassified": pgettext_lazy("verb", "reclassified"),
    "order.signed": pgettext_lazy("verb", "signed for"),
    "order.started": pgettext_lazy("verb", "work begun"),
    "order.contacted": pgettext_lazy("verb", "citizen contacted"),
    "order.visited": pgettext_lazy("verb", "recorded on site"),
    "order.returned": pgettext_lazy("verb", "returned"),
    "order.objected": pgettext_lazy("verb", "objected to the dispatch"),
    "case.arbitrated": pgettext_lazy("verb", "competence decided"),
    "order.sub_dispatched": pgettext_lazy("verb", "passed on within the unit"),
    "order.withdrawn": pgettext_lazy("verb", "order withdrawn"),
    "order.extension_asked": pgettext_lazy("verb", "extension asked for"),
    "order.extension_granted": pgettext_lazy("verb", "extension granted"),
    "order.extension_denied": pgettext_lazy("verb", "extension denied"),
    "order.pause_asked": pgettext_lazy("verb", "suspension asked for"),
    "order.pause_denied": pgettext_lazy("verb", "suspension denied"),
    "case.suspended": pgettext_lazy("verb", "suspended"),
    "case.resumed": pgettext_lazy("verb", "resumed"),
    "case.interim_replied": pgettext_lazy("verb", "interim reply"),
    "order.replied": pgettext_lazy("verb", "replied"),
    "case.reviewed": pgettext_lazy("verb", "reply approved"),
    "case.redone": pgettext_lazy("verb", "sent to be done again"),
    "case.told": pgettext_lazy("verb", "citizen told and asked"),
    "case.contact_attempted": pgettext_lazy("verb", "tried to reach the citizen"),
    "case.confirmed": pgettext_lazy("verb", "the citizen confirms it is solved"),
    "case.contested": pgettext_lazy("verb", "the citizen says it is not solved"),
    "case.rated": pgettext_lazy("verb", "rated"),
    "case.closed": pgettext_lazy("verb", "closed"),
    "case.follower_closed": pgettext_lazy("verb", "closed with the report it was joined to"),
    "case.reopened": pgettext_lazy("verb", "reopened"),
    "case.escalated": pgettext_lazy("verb", "handed to the higher authority"),
    "case.linked": pgettext_lazy("verb", "linked to another request"),
    "case.part_opened": pgettext_lazy("verb", "part opened"),
    "case.flagged": pgettext_lazy("verb", "flagged"),
    "case.taken_over": pgettext_lazy("verb", "taken over"),
    "case.added": pgettext_lazy("verb", "added to"),
    "case.noted": pgettext_lazy("verb", "note"),
    "case.published": pgettext_lazy("verb", "public text written"),
    "case.pin_renewed": pgettext_lazy("verb", "new PIN issued"),
    "case.requester_set": pgettext_lazy("verb", "requester's record changed"),
    "case.recomputed": pgettext_lazy("verb", "deadlines computed anew"),
    "case.redacted": pgettext_lazy("verb", "personal data removed"),
    "case.identity_asked": pgettext_lazy("verb", "identity opened with a reason"),
    "case.identity_viewed": pgettext_lazy("verb", "identity viewed"),
}
_SEEING = frozenset(rights.RIGHTS) - {"administrator"}
_OVER_THE_CENTRE = ("supervisor", "leader")


def label(verb: str) -> Promise:
    """What a verb is called on screen."""
    return LABELS[verb]


def visible_to(staff: Staff) -> QuerySet[Case]:
    """Cases that this person may see: own unit's orders, own area, or the whole centre.

    Nobody sees, by a post in the unit complained of, the case against it (B22). Confidential cases are not seen by
    area. The administrator's post shows no case.
    """
    scope = rights.scopes(staff, roles=_SEEING)
    if rights.scopes(staff, roles=_OVER_THE_CENTRE).centre:
        return Case.objects.all()
    seen = Q(pk__in=[])
    against_own = Q(pk__in=[])
    if scope.centre:
        seen |= Q(against__isnull=True) | ~Q(against__kind="centre")
    if scope.areas:
        seen |= Q(area__in=scope.areas, confidential=False)
    if scope.unit_paths:
        under = Q(pk__in=[])
        for path in scope.unit_paths:
            under |= Q(unit__path__startswith=path)
            against_own |= Q(against__path__startswith=path)
        orders = WorkOrder.objects.filter(under, case=OuterRef("pk")).exclude(state__in=["returned", "withdrawn"])
        seen |= Q(Exists(orders))
    cases = Case.objects.filter(seen)
    return cases.exclude(pk__in=Case.objects.filter(against_own).values("pk")) if scope.unit_paths else cases


def _within_scope(staff: Staff, verb: str, case: Case, orders: Mapping[int, WorkOrder], order_id: int | None) -> bool:
    scope = rights.scopes(staff, verb)
    if scope.centre or (case.area_id in scope.areas and not case.confidential):
        return True
    if not scope.unit_paths:
        return False
    mine = [orders[order_id]] if order_id and order_id in orders else list(orders.values())
    mine = [o for o in mine if o.state in (*WorkOrder.LIVE, "replied") and (verb not in _LEADING or o.role == "lead")]
    return any(organisation.unit_of(o.unit_id).path.startswith(path) for o in mine for path in scope.unit_paths)


# What only the unit in the lead may do to the case as a whole.
_LEADING = frozenset({"case.suspended", "case.resumed", "case.escalated", "case.interim_replied"})


def check_scope(staff: Staff, verb: str, case: Case, orders: Mapping[int, WorkOrder], order_id: int | None) -> None:
    """Raise Forbidden unless this person may do `verb` to this case (and order) and may see it at all."""
    if not _within_scope(staff, verb, case, orders, order_id) or not visible_to(staff).filter(pk=case.pk).exists():
        raise rights.Forbidden(_("Your post does not include this, or this request is not within your scope."))


def verbs_for(staff: Staff, case: Case, order: WorkOrder | None = None) -> list[str]:
    """Verbs that this person may do now: table, right and scope agree. Guards of the verb itself may still refuse."""
    if not visible_to(staff).filter(pk=case.pk).exists():
        return []
    orders = {o.pk: o for o in case.orders.all()}
    lead = order is None or order.role == WorkOrder.Role.LEAD
    return [
        row.verb
        for row in TABLE
        if possible(row, State(case.state), lead=lead or not row.verb.startswith("order."))
        and STAFF in row.actors
        and rights.may(staff, row.verb)
        and _within_scope(staff, row.verb, case, orders, order.pk if order else None)
    ]


def by_number(text: str) -> Case | None:
    """The case of an acceptance number as people write it, or nothing."""
    number = acceptance.parse(text)
    return Case.objects.filter(number=number).select_related("unit", "area").first() if number else None


def open_cases(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those not closed."""
    return cases.filter(state__in=OPEN_STATES)


def overdue(cases: QuerySet[Case], at: datetime | None = None) -> QuerySet[Case]:
    """Open cases of which a clock has run out, right to the instant (H1)."""
    return open_cases(cases).filter(due_next__lt=at or clock.now()).order_by("due_next")


def due_within(cases: QuerySet[Case], hours: float, at: datetime | None = None) -> QuerySet[Case]:
    """Open cases of which a clock runs out within so many hours and has not yet (H1)."""
    now = at or clock.now()
    return open_cases(cases).filter(due_next__gte=now, due_next__lt=now + timedelta(hours=hours)).order_by("due_next")


def adrift(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Open cases for which nobody must do anything by any time: always empty (A5). Followers follow their head.

    The owner is the unit of the live order, else the centre; what is next follows from the state.
    """
    return open_cases(cases).exclude(state=State.JOINED).filter(due_next__isnull=True)


def data_of(entry: Entry) -> dict[str, Any]:
    """The references that an entry holds."""
    data: dict[str, Any] = json.loads(entry.data)
    return data


def may_see_identity(staff: Staff, case: Case) -> bool:
    """Whether the vault is open to this person for this case: the centre's people by right, others by an opening."""
    if rights.scopes(staff, "identity.read").centre:
        return True
    return Opening.objects.filter(case=case, staff=staff, until__gt=clock.now()).exists()


def status_sentence(case: Case) -> str:
    """The one honest line: what, who, by when (rules 5, complaint 3).

    Without personal data, in the language of the screen.
    """
    unit = str(case.unit) if case.unit else _("the centre")
    due = case.due_result or case.due_next
    when = date_format(timezone.localtime(due), pgettext("date format of Django", "j F Y, H:i")) if due else ""
    lines = {
        State.RECEIVED: _("We have it. The centre reads it by %(when)s.") % {"when": when},
        State.REGISTERED: _("It is registered. The centre sends it to the unit responsible by %(when)s.")
        % {"when": when},
        State.ANSWERED: _("It was answered at once."),
        State.REFUSED: _("It was not accepted; the reason and where else you can turn are below."),
        State.JOINED: _("Others have reported the same. You will be told together with them."),
        State.DISPATCHED: _("It was sent to %(unit)s. They must answer by %(when)s.") % {"unit": unit, "when": when},
        State.SIGNED: _("%(unit)s has it. They must answer by %(when)s.") % {"unit": unit, "when": when},
        State.IN_PROGRESS: _("%(unit)s is working on it. They must answer by %(when)s.") % {"unit": unit, "when": when},
        State.SUSPENDED: _("It waits for a reason given below; then %(unit)s must answer by %(when)s.")
        % {"unit": unit, "when": when},
        State.RETURNED: _("The unit says it is not responsible. The centre decides who is, by %(when)s.")
        % {"when": when},
        State.ARBITRATION: _("Units disagree who is responsible. The centre decides by %(when)s.") % {"when": when},
        State.REPLIED: _("%(unit)s has replied. The centre checks the reply by %(when)s.")
        % {"unit": unit, "when": when},
        State.REVIEWED: _("The reply is checked; you will be told by %(when)s.") % {"when": when},
        State.TOLD: _("Please tell us whether it is solved."),
        State.CONTESTED: _("You said it is not solved. The centre decides what happens next by %(when)s.")
        % {"when": when},
        State.CONFIRMED: _("You confirmed that it is solved."),
        State.CLOSED: _("Closed: %(outcome)s.") % {"outcome": case.get_outcome_display() or _("no outcome recorded")},
    }
    return str(lines[State(case.state)])


def story(case: Case) -> list[Entry]:
    """All entries in order."""
    return list(case.entries.order_by("seq"))


def public(cases: QuerySet[Case] | None = None) -> QuerySet[Case]:
    """Cases that may be shown to everybody: of public categories, not confidential, of nobody's conduct, registered."""
    shown = [
        c.code for c in catalogue.in_force().categories.values() if c.public and not c.confidential and not c.conduct
    ]
    base = Case.objects.all() if cases is None else cases
    return base.filter(category__in=shown, confidential=False, against__isnull=True, registered_at__isnull=False)
