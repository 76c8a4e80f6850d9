"""Which verb may follow which state: the one table of the life cycle.

`docs/case-life-cycle.md` is drawn from it by a test.

A row without `to` leaves the state as it is. Rights stand in `organisation.rights`; guards that need more than the
state stand in the verb itself, in `actions`.
"""

from dataclasses import dataclass

from wasl.core.cases.models import State

S = State  # short, for the table
CITIZEN, STAFF, CLIENT, SYSTEM = "citizen", "staff", "client", "system"


@dataclass(frozen=True, slots=True)
class Transition:
    """`verb` is allowed in `frm` to `actors` and leads to `to`; `law` is where the rule comes from."""

    verb: str
    frm: frozenset[S]
    to: S | None
    actors: frozenset[str]
    law: str = ""


WITH_UNIT = frozenset({S.DISPATCHED, S.SIGNED, S.IN_PROGRESS})
AT_CENTRE = frozenset({S.RECEIVED, S.REGISTERED, S.RETURNED, S.CONTESTED})
UNDECIDED = frozenset({S.RECEIVED, S.REGISTERED})
OPEN = frozenset(S) - {S.CLOSED}
ANY = frozenset(S)


def _row(verb: str, frm: frozenset[S] | set[S], to: S | None, actors: str, law: str = "") -> Transition:
    return Transition(verb, frozenset(frm), to, frozenset(actors.split()), law)


TABLE: tuple[Transition, ...] = (
    _row("case.received", set(), S.RECEIVED, "citizen staff client system", "F3"),
    _row("case.registered", {S.RECEIVED}, S.REGISTERED, "staff system", "F7; GB/T 33358"),
    _row("case.asked", {S.RECEIVED, S.REGISTERED}, None, "staff", "F7"),
    _row("case.answered", AT_CENTRE, S.ANSWERED, "staff system", "Beijing 11: answer at once if possible"),
    _row(
        "case.refused", AT_CENTRE, S.REFUSED, "staff", "Beijing 11, Weifang 19: with ground; ISO 10002: other ways told"
    ),
    _row("case.joined", UNDECIDED, S.JOINED, "staff citizen", "duplicates are joined, never closed"),
    _row("case.unjoined", {S.JOINED}, S.REGISTERED, "staff"),
    _row("case.dispatched", {S.REGISTERED, S.RETURNED, S.CONTESTED}, S.DISPATCHED, "staff system", "G2; Beijing 11"),
    _row("case.reclassified", OPEN - {S.JOINED, S.ANSWERED, S.REFUSED, S.TOLD, S.CONFIRMED}, None, "staff", "F5"),
    _row("order.signed", {S.DISPATCHED}, S.SIGNED, "staff", "G8"),
    _row("order.started", {S.SIGNED}, S.IN_PROGRESS, "staff", "F8"),
    _row("order.contacted", WITH_UNIT, None, "staff", "G12; Beijing 15"),
    _row("order.visited", {S.SIGNED, S.IN_PROGRESS}, S.IN_PROGRESS, "staff", "F8"),
    _row(
        "order.returned", {S.DISPATCHED, S.SIGNED}, S.RETURNED, "staff", "Weifang 22; second return goes to arbitration"
    ),
    _row("order.objected", {S.DISPATCHED, S.SIGNED}, S.ARBITRATION, "staff", "Beijing 12; Weifang 22"),
    _row("case.arbitrated", {S.ARBITRATION}, S.DISPATCHED, "staff", "Weifang 22: the designated unit may not return"),
    _row("order.sub_dispatched", WITH_UNIT, None, "staff", "G5: the parent keeps the clock"),
    _row("order.withdrawn", OPEN - {S.JOINED}, None, "staff system", "an assisting order is no longer needed"),
    _row("order.extension_asked", WITH_UNIT, None, "staff", "Beijing 15: reasons to requester and hotline"),
    _row("order.extension_granted", WITH_UNIT, None, "staff system", "Shandong: at most 10 working days"),
    _row("order.extension_denied", WITH_UNIT, None, "staff", ""),
    _row("order.pause_asked", WITH_UNIT, None, "staff", "a pause is approved, not taken"),
    _row("order.pause_denied", WITH_UNIT, None, "staff", ""),
    _row("case.suspended", WITH_UNIT, S.SUSPENDED, "staff", "listed reason, with an end"),
    _row("case.resumed", {S.SUSPENDED}, None, "staff system citizen", "back to where it stood"),
    _row("case.interim_replied", WITH_UNIT | {S.SUSPENDED}, None, "staff", "I10; Jinan 24"),
    _row("order.replied", {S.SIGNED, S.IN_PROGRESS}, S.REPLIED, "staff", "F10: the reply goes to the centre"),
    _row("case.reviewed", {S.REPLIED}, S.REVIEWED, "staff", "Jinan 27: each reply is reviewed"),
    _row(
        "case.redone",
        {S.REPLIED, S.REVIEWED, S.CONTESTED},
        S.DISPATCHED,
        "staff system",
        "Jinan 27; a no goes one level up",
    ),
    _row("case.told", {S.REVIEWED}, S.TOLD, "staff system", "F1"),
    _row(
        "case.contact_attempted",
        {S.REVIEWED, S.TOLD, S.ANSWERED, S.REFUSED},
        None,
        "staff system",
        "F1: attempts are recorded",
    ),
    _row("case.confirmed", {S.TOLD}, S.CONFIRMED, "citizen staff", "GB/T 39734; the citizen says it is solved"),
    _row("case.contested", {S.TOLD}, S.CONTESTED, "citizen staff", "GHMC: no closing without the citizen"),
    _row(
        "case.rated",
        {S.TOLD, S.CONFIRMED, S.CONTESTED, S.CLOSED},
        None,
        "citizen staff",
        "GB/T 39735: five levels, once",
    ),
    _row(
        "case.closed",
        {S.TOLD, S.CONFIRMED, S.ANSWERED, S.REFUSED},
        S.CLOSED,
        "staff system",
        "told and asked, or attempts exhausted",
    ),
    _row("case.follower_closed", {S.JOINED}, S.CLOSED, "system", "follows its head"),
    _row("case.reopened", {S.CLOSED}, S.CONTESTED, "citizen staff", "CPGRAMS: appeal"),
    _row(
        "case.escalated",
        WITH_UNIT | {S.RETURNED, S.ARBITRATION, S.SUSPENDED, S.CONTESTED},
        S.DISPATCHED,
        "staff system",
        "F14",
    ),
    _row("case.linked", ANY, None, "staff system"),
    _row("case.part_opened", OPEN, None, "staff", "a parent does not close over an open part"),
    _row("case.flagged", OPEN, None, "staff system", "H4"),
    _row("case.taken_over", OPEN, None, "staff", "E7: a successor accepts"),
    _row("case.analysed", ANY, None, "staff", "E10: cause, severity, repeat, safety"),
    _row("case.inquired", ANY, None, "staff", "H6: a leader asks, with a date"),
    _row("case.inquiry_answered", ANY, None, "staff", "H6"),
    _row("case.handed_over", OPEN, None, "system", "E7: whoever leaves passes on what he has taken"),
    _row("order.moved", OPEN - {S.JOINED}, None, "system", "a unit was merged: its successor has the order"),
    _row("case.added", ANY, None, "citizen staff client system", "one case, many contacts"),
    _row("case.noted", ANY, None, "staff system"),
    _row("case.published", ANY, None, "staff", "F11: the public text apart from internal notes"),
    _row("case.pin_renewed", ANY, None, "staff citizen"),
    _row("case.requester_set", ANY, None, "staff system", "P4: merge and split"),
    _row("case.recomputed", OPEN, None, "system", "a calendar changed"),
    _row("case.redacted", ANY, None, "staff system", "retention; the right to be forgotten"),
    _row("case.identity_asked", ANY, None, "staff", "identity vault"),
    _row("case.identity_viewed", ANY, None, "staff", "each view is an entry"),
    _row("case.recorded", ANY, None, "system", "D2: what was said on a call about it can be proved"),
    _row("case.printed", ANY, None, "staff", "what leaves on paper is on record"),
)
BY_VERB: dict[str, Transition] = {row.verb: row for row in TABLE}

# What an assisting unit or a sub-unit does with its own order never moves the case, so it may while the unit has the
# case.
BESIDE = WITH_UNIT | {S.SUSPENDED, S.REPLIED, S.REVIEWED}


def possible(row: Transition, state: S, *, lead: bool = True) -> bool:
    """Whether the table has `row` for a case in `state`; `lead`: it is about the case or its lead order."""
    return state in (row.frm if lead else BESIDE)


# Entries that change nothing a screen shows as the case's own: they do not make a screen stale.
QUIET = frozenset({"case.identity_viewed", "case.identity_asked", "case.printed", "case.recorded"})


def diagram() -> str:
    """The table as a Mermaid state diagram and a list, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> received"]
    for row in TABLE:
        if row.to and row.verb != "case.received":
            lines += [f"    {state.value} --> {row.to.value}: {row.verb}" for state in sorted(row.frm)]
    lines += ["    suspended --> dispatched: case.resumed", "    suspended --> signed: case.resumed"]
    lines += [
        "    suspended --> in_progress: case.resumed",
        "    returned --> arbitration: order.returned (second time)",
    ]
    table = ["", "| verb | from | to | by | source |", "|---|---|---|---|---|"]
    for row in TABLE:
        frm = "any" if row.frm == ANY else "any open" if row.frm == OPEN else ", ".join(sorted(row.frm)) or "—"
        to, actors = row.to.value if row.to else "as it is", ", ".join(sorted(row.actors))
        table.append(f"| `{row.verb}` | {frm} | {to} | {actors} | {row.law} |")
    return "\n".join(["```mermaid", *lines, "```", *table, ""])
