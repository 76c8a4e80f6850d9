"""What each part of a case's page is drawn from: head, story, context, map, and who else is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Value
from django.utils.translation import get_language_info
from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.models import Case, Link, State
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk import checks, lists, presence, story, verbs
from wasl.faces.desk.fields import reason_choices
from wasl.kernel import clock
from wasl.kernel.names import local

FLAGS = ("emergency", "confidential", "supervised", "brief", "awaiting_citizen")
_ANSWERED = (State.REPLIED, State.REVIEWED, State.TOLD, State.CONTESTED)


def head(case: Case, staff: Staff) -> dict[str, Any]:
    """Number, state, clocks, and what can be done now or why not."""
    queries.at_hand(case)
    offered = verbs.offers(staff, case)
    usual, near, rest = verbs.arranged(offered, case.state)
    return {
        "case": case,
        "what": lists.category_name(case),
        "status": queries.status_sentence(case),
        "usual": usual,
        "near": near,
        "rest": rest,
        "withheld": verbs.withheld(staff, case, offered),
        "now": clock.now(),
        "flags": [story.FLAGS[name] for name in FLAGS if getattr(case, name)],
    }


@dataclass
class Side:
    """What one unit, or the centre, says in a dispute."""

    name: str
    lines: list[story.Line] = field(default_factory=list)


def _sides(teller: story.Teller) -> list[Side]:
    """The words of each unit that sent it back, in the order in which they spoke, then the centre's own (G2)."""
    sides: dict[str, Side] = {}
    for entry in teller.entries:
        if entry.verb in ("order.returned", "order.objected"):
            order = teller.orders.get(teller.data[entry.pk].get("order", 0))
            name = str(order.unit) if order else _("the unit")
            sides.setdefault(name, Side(name)).lines.append(teller.line(entry))
    centre = [line for line in teller.all_of("case.dispatched", "case.arbitrated") if line.words or line.facts]
    return [*sides.values(), *([Side(_("the centre"), centre)] if centre else [])]


@dataclass(frozen=True)
class Inquiry:
    """A leader's question that waits for an answer."""

    words: str
    who: str
    whom: str
    until: datetime


def _inquiries(case: Case, teller: story.Teller) -> list[Inquiry]:
    waiting = {one["id"]: one for one in case.inquiries}
    found = []
    for entry in teller.entries:
        asked = waiting.get(teller.data[entry.pk].get("inquiry"))
        if entry.verb == "case.inquired" and asked:
            words = " ".join(remark.body for remark in teller.line(entry).words)
            whom = story.unit_name(asked["unit"]) if asked["unit"] else _("the centre")
            found.append(Inquiry(words, teller.who(entry.actor), whom, datetime.fromisoformat(asked["until"])))
    return found


def told(case: Case, staff: Staff) -> dict[str, Any]:
    """What was asked and answered, what is to be checked, and everything that happened."""
    teller = story.Teller(case, staff)
    replied = teller.last("order.replied") if case.state in _ANSWERED else None
    asked = teller.asked()
    objections = teller.all_of("case.contested", "case.redone")[-2:]
    under_review = replied is not None and case.state == State.REPLIED
    said = [c.body for c in asked] + [remark.body for line in objections for remark in line.words]
    category = catalogue.of_number(case.edition).category(case.category) if case.category else None
    return {
        "case": case,
        "lines": teller.lines(),
        "asked": asked,
        "answers": story.answers_of(case),
        "replied": replied,
        "objections": objections,
        "checks": checks.of_reply(teller, case, staff) if under_review else [],
        "points": checks.points(said, " ".join(r.body for r in replied.words)) if under_review and replied else [],
        "sides": _sides(teller) if case.state == State.ARBITRATION else [],
        "before": teller.before(),
        "after": teller.after(),
        "inquiries": _inquiries(case, teller),
        "kinds": story.KINDS,
        "standard": local(category.standard) if category and case.state != State.CLOSED else "",
        "now": clock.now(),
    }


def context(case: Case, staff: Staff) -> dict[str, Any]:
    """Where, who, whose orders, what belongs together."""
    queries.at_hand(case)
    seen = queries.visible_to(staff)
    mine = seen.filter(requester=case.requester) if case.requester_id else seen.none()
    earlier = mine.exclude(pk=case.pk).order_by("-received_at")
    of_centre = rights.scopes(staff, "identity.read").centre
    return {
        "case": case,
        "orders": queries.orders_of(case),
        "related": _related(case, seen),
        "earlier": lists.rows_of(earlier.select_related("unit", "area")[:5]),
        "may_reveal": case.requester_id is not None and queries.may_see_identity(staff, case),
        "reveal_reasons": [] if queries.opened(staff, case) else reason_choices("identity", case.edition)[1:],
        "language": _language(case.language),
        "route": story.route_words(case.route),
        "analysis": story.analysis_facts(case, case.analysis),
        "hints": list(case.requester.addresses.order_by("pk")) if case.requester and of_centre else [],
        "now": clock.now(),
        **place(case, staff),
    }


# How many of each kind are named; a case can have thousands that follow it.
_NAMED = 20


def _related(case: Case, seen: QuerySet[Case]) -> list[tuple[str, Case]]:
    """What belongs together with it and this person may see, each with how, read in one statement."""
    kinds: list[tuple[str, QuerySet[Case]]] = [
        (_("joined to"), seen.filter(followers=case)),
        (_("part of"), seen.filter(parts=case)),
        (_("part"), seen.filter(parent=case)),
        (_("joined to this"), seen.filter(head=case)),
        (_("linked"), seen.filter(pk__in=Link.objects.filter(case=case).values("other"))),
        (_("linked"), seen.filter(pk__in=Link.objects.filter(other=case).values("case"))),
    ]
    first, *rest = (rows.annotate(how=Value(how)).order_by("pk")[:_NAMED] for how, (_words, rows) in enumerate(kinds))
    found = {(kinds[other.how][0], other.pk): other for other in first.union(*rest, all=True).order_by("how", "pk")}
    return [(label, other) for (label, _pk), other in found.items()]


def _language(code: str) -> str:
    try:
        return str(get_language_info({"zh": "zh-hans"}.get(code, code))["name_local"])
    except KeyError:
        return code


def place(case: Case, staff: Staff) -> dict[str, Any]:
    """The point on the map."""
    return {"pin": f"{case.lat:.6f},{case.lon:.6f}" if case.lat is not None and case.lon is not None else ""}


def others(case: Case, staff: Staff) -> dict[str, Any]:
    """Who else has it open now."""
    return {"others": presence.others(case, staff)}


PARTS: Mapping[str, Callable[[Case, Staff], dict[str, Any]]] = {
    "head": head,
    "story": told,
    "context": context,
    "map": place,
    "presence": others,
}
