"""The register of ideas for services: a unit hands one in, who keeps the enquiries says what becomes of it (J18)."""

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff, Unit
from wasl.kernel import clock
from wasl.services.enquiries.models import Idea

HANDS_IN, DECIDES = "campaigns.edit", "enquiries.edit"


def visible_to(staff: Staff) -> QuerySet[Idea]:
    """Ideas of the units that somebody writes for, the latest first; all of them to who decides."""
    scope = rights.scopes(staff, HANDS_IN)
    mine = Q(pk__in=[])
    for path in scope.unit_paths:
        mine |= Q(unit__path__startswith=path)
    everything = scope.centre or rights.scopes(staff, DECIDES).centre
    rows = Idea.objects.all() if everything else Idea.objects.filter(mine)
    return rows.select_related("unit", "by", "decided_by").order_by("-at", "-pk")


def hand_in(unit: Unit, *, by: Staff, title: str, body: str, per_month: int | None = None) -> Idea:
    """A new idea in the name of a unit; `per_month` are the texts that it may bring. Raises Forbidden, Refused."""
    scope = rights.scopes(by, HANDS_IN)
    if not scope.centre and not unit.path.startswith(tuple(scope.unit_paths)):
        raise rights.Forbidden(_("This lies outside the units that you write for."))
    if not title.strip() or not body.strip():
        raise Refused(_("Say what it is and whom it helps."))
    made = Idea(
        unit=unit, title=title.strip()[:120], body=body.strip()[:2000], per_month=per_month, by=by, at=clock.now()
    )
    with transaction.atomic():
        made.save(force_insert=True)
        note(by, "idea.made", made, None)
    return made


def decide(idea: Idea, *, by: Staff, state: str, answer: str) -> Idea:
    """What becomes of it, with a sentence to who handed it in. Raises Forbidden, Refused."""
    rights.require(by, DECIDES)
    if state not in Idea.State.values:
        raise Refused(_("Choose what becomes of it."))
    if not answer.strip():
        raise Refused(_("Say why, or what comes next."))
    with transaction.atomic():
        held = Idea.objects.select_for_update().get(pk=idea.pk)
        before = facts_of(held)
        held.state, held.answer = state, answer.strip()[:1000]
        held.decided_by, held.decided_at = by, clock.now()
        held.save(update_fields=["state", "answer", "decided_by", "decided_at"])
        note(by, "idea.changed", held, before)
    return held
