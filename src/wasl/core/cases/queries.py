"""Reads of cases: who may see which, what is due, what happened in words, the status line that every channel says."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from wasl.core.cases.models import OPEN_STATES, Case, Entry, Remark, State, WorkOrder
from wasl.core.cases.transitions import STAFF, TABLE, possible
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
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
    "case.analysed": pgettext_lazy("verb", "analysed"),
    "case.inquired": pgettext_lazy("verb", "asked by a leader"),
    "case.inquiry_answered": pgettext_lazy("verb", "leader's question answered"),
    "case.taken_over": pgettext_lazy("verb", "taken over"),
    "case.handed_over": pgettext_lazy("verb", "passed on by a colleague who leaves"),
    "order.moved": pgettext_lazy("verb", "moved to the unit's successor"),
    "case.added": pgettext_lazy("verb", "added to"),
    "case.noted": pgettext_lazy("verb", "note"),
    "case.published": pgettext_lazy("verb", "public text written"),
    "case.pin_renewed": pgettext_lazy("verb", "new PIN issued"),
    "case.requester_set": pgettext_lazy("verb", "requester's record changed"),
    "case.recomputed": pgettext_lazy("verb", "deadlines computed anew"),
    "case.redacted": pgettext_lazy("verb", "personal data removed"),
    "case.identity_asked": pgettext_lazy("verb", "identity opened with a reason"),
    "case.identity_viewed": pgettext_lazy("verb", "identity viewed"),
    "case.recorded": pgettext_lazy("verb", "call recorded"),
    "case.printed": pgettext_lazy("verb", "printed"),
}
_SEEING = frozenset(rights.RIGHTS) - {"administrator"}
_OVER_THE_CENTRE = ("supervisor", "leader")


def label(verb: str) -> Promise:
    """What a verb is called on screen."""
    return LABELS[verb]


def visible_to(staff: Staff) -> QuerySet[Case]:
    """Cases that this person may see: own unit's orders, own area, or the whole centre.

    Nobody sees, by a post in the unit complained of or in the one that it was merged into, the case against it (B22).
    Confidential cases are not seen by area. The administrator's post shows no case.
    """
    scope = rights.scopes(staff, roles=_SEEING)
    if rights.scopes(staff, roles=_OVER_THE_CENTRE).centre:
        return Case.objects.all()
    seen = Q(pk__in=[])
    if scope.centre:
        units = organisation.units().values()
        centres = [unit.pk for unit in units if organisation.standing(unit).kind == Unit.Kind.CENTRE]
        seen |= ~Q(against__in=centres)
    if scope.areas:
        seen |= Q(area__in=scope.areas, confidential=False)
    if not scope.unit_paths:
        return Case.objects.filter(seen)
    own = organisation.under(scope.unit_paths)
    orders = WorkOrder.objects.filter(unit__in=own, case=OuterRef("pk")).exclude(state__in=["returned", "withdrawn"])
    accused = organisation.answering_under(scope.unit_paths)
    return Case.objects.filter(seen | Q(Exists(orders))).exclude(against__in=accused)


def worked_on(staff: Staff, states: Collection[str] = WorkOrder.LIVE) -> QuerySet[Case]:
    """Open cases for which a unit of this person has an order in one of these states (live ones); all visible to him.

    Orders stand in one condition: beside that of `visible_to` PostgreSQL would take both to be rare, and sort all the
    work of a unit for one page. Open is said as well, so that the cases due first can be walked instead.
    """
    own = organisation.under(rights.scopes(staff, "order.signed").unit_paths)
    live = WorkOrder.objects.filter(unit__in=own, case=OuterRef("pk"), state__in=states)
    found = Case.objects.filter(Exists(live), state__in=OPEN_STATES)
    if rights.scopes(staff, roles=_OVER_THE_CENTRE).centre:
        return found
    return found.exclude(against__in=organisation.answering_under(rights.scopes(staff, roles=_SEEING).unit_paths))


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
    return _possible(staff, case, order) if visible_to(staff).filter(pk=case.pk).exists() else []


def verbs_by_order(staff: Staff, case: Case, live: Collection[WorkOrder]) -> dict[int | None, frozenset[str]]:
    """As `verbs_for`, of the case itself (None) and of each of these orders, asked at once."""
    if not visible_to(staff).filter(pk=case.pk).exists():
        return dict.fromkeys([None, *(order.pk for order in live)], frozenset())
    found: dict[int | None, frozenset[str]] = {None: frozenset(_possible(staff, case, None))}
    for order in live:
        found[order.pk] = frozenset(_possible(staff, case, order))
    return found


def _possible(staff: Staff, case: Case, order: WorkOrder | None) -> list[str]:
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


def orders_of(case: Case) -> list[WorkOrder]:
    """All orders in the order in which they were sent, with unit and who signed; as `at_hand` has brought them."""
    if "orders" in getattr(case, "_prefetched_objects_cache", {}):
        return list(case.orders.all())
    return list(case.orders.select_related("unit", "signed_by").order_by("pk"))


def at_hand(case: Case) -> None:
    """Read orders and openings of the case once, for what asks for them often and writes nothing after."""
    orders = WorkOrder.objects.select_related("unit", "signed_by").order_by("pk")
    prefetch_related_objects([case], Prefetch("orders", orders), "openings")


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


_STREET = 3
"""Decimals of a degree: a hundred metres, a street and not a house."""


def public_place(case: Case) -> tuple[float, float] | None:
    """(lat, lon) of a request as everybody may know it, or nothing."""
    if case.lat is None or case.lon is None:
        return None
    return round(case.lat, _STREET), round(case.lon, _STREET)


def public_remarks() -> QuerySet[Remark]:
    """Words that everybody may read; a public text that was corrected since is not among them (F11)."""
    current = Q(body=F("case__public_text")) | ~Q(role="public")
    return Remark.objects.filter(current, audience=Remark.Audience.PUBLIC, erased_at__isnull=True)


def may_see_identity(staff: Staff, case: Case) -> bool:
    """Whether the vault is open to this person for this case: the centre's people by right, others by an opening.

    That of somebody marked as sensitive is open only to those who keep such records (P4). An opening ends when the case
    is marked as confidential.
    """
    if case.requester is not None and case.requester.sensitive:
        return rights.scopes(staff, "person.sensitive").centre
    if rights.scopes(staff, "identity.read").centre:
        return True
    return not case.confidential and opened(staff, case)


def opened(staff: Staff, case: Case) -> bool:
    """Whether this person opened the identity of this case with a reason, not long ago."""
    now = clock.now()
    return any(opening.staff_id == staff.pk and opening.until > now for opening in case.openings.all())


_STATUS: Mapping[str, Promise] = {
    State.RECEIVED: gettext_lazy("We have it. The centre reads it by %(when)s."),
    State.REGISTERED: gettext_lazy("It is registered. The centre sends it to the unit responsible by %(when)s."),
    State.ANSWERED: gettext_lazy("It was answered at once."),
    State.REFUSED: gettext_lazy("It was not accepted; the reason and where else you can turn are below."),
    State.JOINED: gettext_lazy("Others have reported the same. You will be told together with them."),
    State.DISPATCHED: gettext_lazy("It was sent to %(unit)s. They must answer by %(when)s."),
    State.SIGNED: gettext_lazy("%(unit)s has it. They must answer by %(when)s."),
    State.IN_PROGRESS: gettext_lazy("%(unit)s is working on it. They must answer by %(when)s."),
    State.SUSPENDED: gettext_lazy("It waits for a reason given below; then %(unit)s must answer by %(when)s."),
    State.RETURNED: gettext_lazy("The unit says it is not responsible. The centre decides who is, by %(when)s."),
    State.ARBITRATION: gettext_lazy("Units disagree who is responsible. The centre decides by %(when)s."),
    State.REPLIED: gettext_lazy("%(unit)s has replied. The centre checks the reply by %(when)s."),
    State.REVIEWED: gettext_lazy("The reply is checked; you will be told by %(when)s."),
    State.TOLD: gettext_lazy("Please tell us whether it is solved."),
    State.CONTESTED: gettext_lazy("You said it is not solved. The centre decides what happens next by %(when)s."),
    State.CONFIRMED: gettext_lazy("You confirmed that it is solved."),
    State.CLOSED: gettext_lazy("Closed: %(outcome)s."),
}


def status_sentence(case: Case) -> str:
    """The one honest line: what, who, by when (rules 5, complaint 3).

    Without personal data, in the language of the screen.
    """
    due = case.due_result or case.due_next
    closed = case.state == State.CLOSED
    return str(_STATUS[case.state]) % {
        "unit": str(case.unit) if case.unit else _("the centre"),
        "when": date_format(timezone.localtime(due), pgettext("date format of Django", "j F Y, H:i")) if due else "",
        "outcome": (case.get_outcome_display() or _("no outcome recorded")) if closed else "",
    }


@dataclass(frozen=True)
class Question:
    """What somebody asked about a case: of its unit, or of the centre (None); `answer` once there is one."""

    case: Case
    words: Remark | None
    unit_id: int | None
    at: datetime
    until: datetime
    answer: Remark | None = None
    answered_at: datetime | None = None
    answered_by: str = ""


def questions_of(staff: Staff, most: int) -> list[Question]:
    """The questions that this person asked about cases that he may see now, the latest first (H6)."""
    asked = Entry.objects.filter(verb="case.inquired", actor=f"staff:{staff.pk}", case__in=visible_to(staff))
    mine = list(asked.select_related("case").order_by("-at", "-pk")[:most])
    answers = Entry.objects.filter(verb="case.inquiry_answered", case__in={entry.case_id for entry in mine})
    answered = {data_of(entry)["inquiry"]: entry for entry in answers}
    data = {entry.pk: data_of(entry) for entry in (*mine, *answered.values())}
    words = Remark.objects.in_bulk([one["remark"] for one in data.values() if one.get("remark")])
    found = []
    for entry in mine:
        facts, answer = data[entry.pk], answered.get(data[entry.pk]["inquiry"])
        found.append(
            Question(
                case=entry.case,
                words=words.get(facts.get("remark", 0)),
                unit_id=facts.get("unit"),
                at=entry.at,
                until=datetime.fromisoformat(facts["until"]),
                answer=words.get(data[answer.pk].get("remark", 0)) if answer else None,
                answered_at=answer.at if answer else None,
                answered_by=answer.actor if answer else "",
            )
        )
    return found


def story(case: Case) -> list[Entry]:
    """All entries in order."""
    return list(case.entries.order_by("seq"))


def public_categories() -> frozenset[str]:
    """Categories whose cases everybody may know of. Raises catalogue.NotSetUp without an edition in force."""
    return frozenset(
        c.code for c in catalogue.in_force().categories.values() if c.public and not c.confidential and not c.conduct
    )


def public(cases: QuerySet[Case] | None = None) -> QuerySet[Case]:
    """Cases that may be shown to everybody: of public categories, not confidential, of nobody's conduct, registered."""
    base = Case.objects.all() if cases is None else cases
    return base.filter(
        category__in=public_categories(), confidential=False, against__isnull=True, registered_at__isnull=False
    )
