"""What a leader asks about a case, and the answer: a question to the unit or to the centre, with a date (H6)."""

from datetime import datetime

from django.utils.translation import gettext as _

from wasl.core.cases import fold
from wasl.core.cases.actions.guards import must_say
from wasl.core.cases.change import NotAllowed, changing
from wasl.core.cases.models import Case, Entry
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.kernel import ids


def inquire(
    case: Case, *, by: Staff, text: str, until: datetime, unit: Unit | None = None, seen: int | None = None
) -> Entry:
    """Ask the unit that has the case, or without `unit` the centre, for an answer by `until`.

    It moves neither the case nor its clocks. Raises NotAllowed for a date gone by and a unit that does not have it.
    """
    with changing(case, by=by, seen=seen, verb="case.inquired") as change:
        if until <= change.at:
            raise NotAllowed(_("Choose a time to come."))
        standing = fold.lead(change.orders)
        if unit is not None and (standing is None or standing.unit_id != unit.pk):
            raise NotAllowed(_("That unit does not have this request; ask the centre."))
        words = change.remark("inquiry", must_say(text))
        return change.record(
            "case.inquired", inquiry=ids.new_id(), unit=unit.pk if unit else None, until=until.isoformat(), **words
        )


def answer_inquiry(case: Case, *, by: Staff, inquiry: int, text: str, seen: int | None = None) -> Entry:
    """Answer a leader's question; what the centre was asked only the centre answers.

    Raises NotAllowed when it was answered already, or was asked of somebody else.
    """
    with changing(case, by=by, seen=seen, verb="case.inquiry_answered") as change:
        asked = next((one for one in change.case.inquiries if one["id"] == inquiry), None)
        if asked is None:
            raise NotAllowed(_("This question was answered already."))
        scope = rights.scopes(by, "case.inquiry_answered")
        at_centre = scope.centre or change.case.area_id in scope.areas
        if not at_centre and not _of_unit(asked["unit"], scope):
            raise NotAllowed(_("Another unit, or the centre, was asked this."))
        return change.record("case.inquiry_answered", inquiry=inquiry, **change.remark("answer", must_say(text)))


def _of_unit(asked: int | None, scope: rights.Scopes) -> bool:
    if asked is None:
        return False
    path = organisation.unit_of(asked).path
    return any(path.startswith(own) for own in scope.unit_paths)
