"""What an entry does to a case and its orders. The columns are the fold of the entries: nothing else writes them.

`apply` is used by `changing` for the entry just made and by the test (and repair) that folds a whole journal from
nothing. It knows no data base and decides nothing; what may happen stands in `transitions` and `actions`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from wasl.core.cases.models import Case, State, WorkOrder

REVIEW_WITHIN = "1wd"
TELL_WITHIN = "1wd"
ARBITRATE_WITHIN = "1wd"
WAITING_CITIZEN = "waiting-citizen"


@dataclass(frozen=True, slots=True)
class Happening:
    """An entry before it is linked into the chain; `data` holds references only."""

    verb: str
    at: datetime
    actor: str
    data: Mapping[str, Any]

    @property
    def staff_id(self) -> int | None:
        """The staff member who did it, if one did."""
        kind, _, pk = self.actor.partition(":")
        return int(pk) if kind == "staff" else None


Orders = dict[int, WorkOrder]
Effect = Callable[[Case, Orders, Happening], None]


def lead(orders: Orders) -> WorkOrder | None:
    """The lead order that stands: live or replied."""
    return next(
        (o for o in orders.values() if o.role == WorkOrder.Role.LEAD and o.state in (*WorkOrder.LIVE, "replied")), None
    )


def _at_centre(case: Case, at: datetime, allowed: str | None = None, *, running: bool = False) -> None:
    """The centre's clock begins.

    `running`: the result's goes on beside it, since the case was not done but handed back.
    """
    kept = {"rule": case.clock.get("rule")}
    if running and (since := case.clock.get("since") or case.clock.get("start")):
        kept |= {k: case.clock[k] for k in ("pauses", "extensions") if k in case.clock} | {"since": since}
    case.clock = {**kept, "centre": at.isoformat(), **({"allowed": allowed} if allowed else {})}


def _end(orders: Orders, at: datetime, state: str, only: Iterable[WorkOrder] | None = None) -> None:
    for order in orders.values() if only is None else only:
        if order.state in (*WorkOrder.LIVE, "replied"):
            order.state, order.ended_at = state, at


def _received(case: Case, orders: Orders, e: Happening) -> None:
    d = e.data
    case.number, case.medium, case.edition = d["number"], d["medium"], d["edition"]
    case.requester_id, case.client_id = d.get("requester"), d.get("client")
    case.language, case.channel = d["language"], d["channel"]
    case.received_at = e.at
    case.parent_id = d.get("parent")
    case.owner_id = e.staff_id
    _class(case, d)
    _at_centre(case, e.at)


def _class(case: Case, d: Mapping[str, Any]) -> None:
    for key in ("category", "kind", "urgency", "confidential", "emergency", "edition", "route"):
        if key in d:
            setattr(case, key, d[key])
    for key in ("area", "against", "unit"):
        if key in d:
            setattr(case, f"{key}_id", d[key])
    if "rule" in d:
        case.clock = {**case.clock, "rule": d["rule"]}


def _registered(case: Case, orders: Orders, e: Happening) -> None:
    case.registered_at, case.awaiting_citizen = e.at, False
    if case.owner_id is None:
        case.owner_id = e.staff_id
    _class(case, e.data)


def _reclassified(case: Case, orders: Orders, e: Happening) -> None:
    _class(case, e.data)
    if e.data.get("reroute"):
        _end(orders, e.at, WorkOrder.State.WITHDRAWN)
        case.state = State.REGISTERED
        _at_centre(case, e.at)


def _asked(case: Case, orders: Orders, e: Happening) -> None:
    case.awaiting_citizen = True


def _added(case: Case, orders: Orders, e: Happening) -> None:
    # What another system adds to somebody's request does not answer what he was asked.
    foreign = e.actor.startswith("client:") and e.actor != f"client:{case.client_id}"
    if case.state != State.SUSPENDED and not foreign:
        case.awaiting_citizen = False


def _settled(outcome: str | None) -> Effect:
    def effect(case: Case, orders: Orders, e: Happening) -> None:
        case.outcome = outcome or e.data["outcome"]
        case.told_at = e.at
        _at_centre(case, e.at, TELL_WITHIN)

    return effect


def _joined(case: Case, orders: Orders, e: Happening) -> None:
    case.head_id, case.outcome = e.data["head"], "duplicate"
    case.clock = {"rule": case.clock.get("rule")}


def _unjoined(case: Case, orders: Orders, e: Happening) -> None:
    case.head_id, case.outcome = None, ""
    _at_centre(case, e.at)


def _open_orders(case: Case, orders: Orders, e: Happening) -> None:
    for spec in e.data["orders"]:
        orders[spec["id"]] = WorkOrder(
            id=spec["id"],
            case_id=case.pk,
            unit_id=spec["unit"],
            role=spec["role"],
            parent_id=spec.get("parent"),
            no_return=spec.get("no_return", False),
            dispatched_at=e.at,
        )


def _dispatched(case: Case, orders: Orders, e: Happening) -> None:
    _end(orders, e.at, WorkOrder.State.WITHDRAWN)
    _open_orders(case, orders, e)
    case.unit_id = next(o["unit"] for o in e.data["orders"] if o["role"] == "lead")
    if "route" in e.data:
        case.route = e.data["route"]
    case.dispatched_at = case.dispatched_at or e.at
    case.outcome, case.verdict, case.before_suspension = "", "", ""
    case.replied_by_id = case.reviewed_by_id = None
    case.attempts = 0
    running = {k: case.clock[k] for k in ("since", "pauses", "extensions") if "since" in case.clock and k in case.clock}
    case.clock = {"rule": case.clock.get("rule"), "start": e.at.isoformat(), **running}
    if e.verb == "case.redone":
        case.redos += 1
    if e.verb == "case.escalated":
        case.escalations += 1


def _order(case: Case, orders: Orders, e: Happening) -> WorkOrder:
    return orders[e.data["order"]]


def _signed(case: Case, orders: Orders, e: Happening) -> None:
    order = _order(case, orders, e)
    order.state, order.signed_at, order.signed_by_id = WorkOrder.State.SIGNED, e.at, e.staff_id
    if order.role == WorkOrder.Role.LEAD:
        case.clock = {**case.clock, "signed": e.at.isoformat()}


def _started(case: Case, orders: Orders, e: Happening) -> None:
    _order(case, orders, e).state = WorkOrder.State.IN_PROGRESS


def _contacted(case: Case, orders: Orders, e: Happening) -> None:
    if e.data.get("reached"):
        case.contacted_at = case.contacted_at or e.at
        case.clock = {"contacted": e.at.isoformat(), **case.clock}


def _returned(case: Case, orders: Orders, e: Happening) -> None:
    order = _order(case, orders, e)
    if order.role != WorkOrder.Role.LEAD:
        order.state, order.ended_at = WorkOrder.State.RETURNED, e.at
        return
    _end(orders, e.at, WorkOrder.State.WITHDRAWN, [o for o in orders.values() if o is not order])
    order.state, order.ended_at = WorkOrder.State.RETURNED, e.at
    case.returns += 1
    if case.returns > 1:
        case.state = State.ARBITRATION
        _at_centre(case, e.at, ARBITRATE_WITHIN, running=True)
    else:
        _at_centre(case, e.at, running=True)


def _objected(case: Case, orders: Orders, e: Happening) -> None:
    _end(orders, e.at, WorkOrder.State.RETURNED)
    _at_centre(case, e.at, ARBITRATE_WITHIN, running=True)


def _withdrawn(case: Case, orders: Orders, e: Happening) -> None:
    _end(orders, e.at, WorkOrder.State.WITHDRAWN, [_order(case, orders, e)])


def _extension_asked(case: Case, orders: Orders, e: Happening) -> None:
    _order(case, orders, e).extension_asked = e.data["duration"]


def _extension_granted(case: Case, orders: Orders, e: Happening) -> None:
    order = _order(case, orders, e)
    order.extension_asked = ""
    case.clock = {**case.clock, "extensions": [*case.clock.get("extensions", ()), e.data["duration"]]}


def _pause_asked(case: Case, orders: Orders, e: Happening) -> None:
    _order(case, orders, e).pause_asked = {k: e.data[k] for k in ("reason", "until")}


def _pause_denied(case: Case, orders: Orders, e: Happening) -> None:
    _order(case, orders, e).pause_asked = {}


def _extension_denied(case: Case, orders: Orders, e: Happening) -> None:
    _order(case, orders, e).extension_asked = ""


def _suspended(case: Case, orders: Orders, e: Happening) -> None:
    case.before_suspension = e.data["before"]
    case.awaiting_citizen = e.data["reason"] == WAITING_CITIZEN
    for order in orders.values():
        order.pause_asked = {}
    case.clock = {**case.clock, "pauses": [*case.clock.get("pauses", ()), [e.at.isoformat(), e.data["until"]]]}


def _resumed(case: Case, orders: Orders, e: Happening) -> None:
    case.state, case.before_suspension, case.awaiting_citizen = case.before_suspension, "", False
    *before, (begin, until) = case.clock["pauses"]
    end = min(e.at, datetime.fromisoformat(until))
    case.clock = {**case.clock, "pauses": [*before, [begin, end.isoformat()]]}


def _replied(case: Case, orders: Orders, e: Happening) -> None:
    order = _order(case, orders, e)
    order.outcome = e.data["outcome"]
    if order.role != WorkOrder.Role.LEAD:
        order.state, order.ended_at = WorkOrder.State.DONE, e.at
        return
    order.state = WorkOrder.State.REPLIED
    case.outcome, case.replied_at, case.replied_by_id = e.data["outcome"], e.at, e.staff_id
    _at_centre(case, e.at, REVIEW_WITHIN)


def _reviewed(case: Case, orders: Orders, e: Happening) -> None:
    case.reviewed_by_id, case.attempts = e.staff_id, 0
    _at_centre(case, e.at, TELL_WITHIN)


def _told(case: Case, orders: Orders, e: Happening) -> None:
    case.told_at = e.at
    _at_centre(case, e.at, e.data["answer_within"])


def _attempted(case: Case, orders: Orders, e: Happening) -> None:
    if case.state == State.TOLD and not e.data.get("reached"):
        case.attempts += 1


def _confirmed(case: Case, orders: Orders, e: Happening) -> None:
    case.verdict, case.answered_at = e.data["verdict"], e.at
    _end(orders, e.at, WorkOrder.State.DONE)
    _at_centre(case, e.at, TELL_WITHIN)


def _contested(case: Case, orders: Orders, e: Happening) -> None:
    case.verdict, case.answered_at = e.data["verdict"], e.at
    _end(orders, e.at, WorkOrder.State.DONE)
    _at_centre(case, e.at)


def _rated(case: Case, orders: Orders, e: Happening) -> None:
    case.rating, case.pressured = e.data["rating"], e.data.get("pressured", False)


def _closed(case: Case, orders: Orders, e: Happening) -> None:
    _end(orders, e.at, WorkOrder.State.DONE)
    case.closed_at, case.unconfirmed = e.at, e.data.get("unconfirmed", False)
    if "outcome" in e.data:
        case.outcome = e.data["outcome"]
    case.clock = {"rule": case.clock.get("rule")}


def _reopened(case: Case, orders: Orders, e: Happening) -> None:
    case.closed_at, case.unconfirmed, case.told_at = None, False, None
    case.head_id = None
    _at_centre(case, e.at)


def _flagged(case: Case, orders: Orders, e: Happening) -> None:
    for flag, on in e.data["flags"].items():
        setattr(case, flag, on)


def _analysed(case: Case, orders: Orders, e: Happening) -> None:
    case.analysis = {key: e.data[key] for key in ("cause", "severity", "repeat", "safety") if key in e.data}


def _inquired(case: Case, orders: Orders, e: Happening) -> None:
    asked = {"id": e.data["inquiry"], "unit": e.data.get("unit"), "until": e.data["until"]}
    case.inquiries = [*case.inquiries, asked]


def _inquiry_answered(case: Case, orders: Orders, e: Happening) -> None:
    case.inquiries = [asked for asked in case.inquiries if asked["id"] != e.data["inquiry"]]


def _taken_over(case: Case, orders: Orders, e: Happening) -> None:
    case.owner_id = e.staff_id


def _handed_over(case: Case, orders: Orders, e: Happening) -> None:
    case.owner_id = e.data.get("owner")


def _moved(case: Case, orders: Orders, e: Happening) -> None:
    order = _order(case, orders, e)
    order.unit_id = e.data["unit"]
    if order is lead(orders):
        case.unit_id = e.data["unit"]


def _pin_renewed(case: Case, orders: Orders, e: Happening) -> None:
    case.pin_generation += 1


def _requester_set(case: Case, orders: Orders, e: Happening) -> None:
    case.requester_id = e.data["requester"]


def _redacted(case: Case, orders: Orders, e: Happening) -> None:
    case.redacted_at = e.at
    if e.data.get("requester_forgotten"):
        case.requester_id = None


def _nothing(case: Case, orders: Orders, e: Happening) -> None:
    """The entry is told by the journal alone."""


EFFECTS: dict[str, Effect] = {
    "case.received": _received,
    "case.registered": _registered,
    "case.reclassified": _reclassified,
    "case.asked": _asked,
    "case.added": _added,
    "case.answered": _settled("answered"),
    "case.refused": _settled("refused"),
    "case.joined": _joined,
    "case.unjoined": _unjoined,
    "case.dispatched": _dispatched,
    "case.arbitrated": _dispatched,
    "case.redone": _dispatched,
    "case.escalated": _dispatched,
    "order.sub_dispatched": _open_orders,
    "order.signed": _signed,
    "order.started": _started,
    "order.visited": _started,
    "order.contacted": _contacted,
    "order.returned": _returned,
    "order.objected": _objected,
    "order.withdrawn": _withdrawn,
    "order.extension_asked": _extension_asked,
    "order.extension_granted": _extension_granted,
    "order.extension_denied": _extension_denied,
    "order.pause_asked": _pause_asked,
    "order.pause_denied": _pause_denied,
    "case.suspended": _suspended,
    "case.resumed": _resumed,
    "case.interim_replied": _nothing,
    "order.replied": _replied,
    "case.reviewed": _reviewed,
    "case.told": _told,
    "case.contact_attempted": _attempted,
    "case.confirmed": _confirmed,
    "case.contested": _contested,
    "case.rated": _rated,
    "case.closed": _closed,
    "case.follower_closed": _closed,
    "case.reopened": _reopened,
    "case.linked": _nothing,
    "case.part_opened": _nothing,
    "case.flagged": _flagged,
    "case.analysed": _analysed,
    "case.inquired": _inquired,
    "case.inquiry_answered": _inquiry_answered,
    "case.taken_over": _taken_over,
    "case.handed_over": _handed_over,
    "order.moved": _moved,
    "case.noted": _nothing,
    "case.published": _nothing,
    "case.pin_renewed": _pin_renewed,
    "case.requester_set": _requester_set,
    "case.recomputed": _nothing,
    "case.redacted": _redacted,
    "case.identity_asked": _nothing,
    "case.identity_viewed": _nothing,
    "case.recorded": _nothing,
    "case.printed": _nothing,
}


def apply(case: Case, orders: Orders, e: Happening, to: State | None) -> None:
    """Carry out what `e` means; `to` is the state that the transition table gives, `None` to keep it.

    A verb on an assisting or sub-order never moves the case.
    """
    order = orders.get(e.data.get("order", 0))
    if to is not None and (order is None or order.role == WorkOrder.Role.LEAD):
        case.state = to
    EFFECTS[e.verb](case, orders, e)
    case.updated_at = e.at


# Columns that no entry tells, because they hold words or exact places of people; the journal has their digests.
OWN_WORDS = frozenset({"lat", "lon", "accuracy_m", "address", "answers", "public_text"})
