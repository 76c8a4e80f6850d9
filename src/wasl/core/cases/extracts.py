"""Lists taken out of the house: which cases may be, and the record of each extract; how its file looks is not here.

An extract is one row that is only ever added to (`organisation.Audit`), found by the serial number in its file.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case, WorkOrder
from wasl.core.organisation import rights
from wasl.core.organisation.models import Audit, Staff
from wasl.kernel import clock

RIGHT = "cases.extract"
KIND = "extract"
MOST = 100_000
"""Rows of one extract."""
MOST_IDENTITIES = 200
"""Cases of one extract with names: each look is an entry in its journal."""
LEAST_PURPOSE = 10


def within(staff: Staff, cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those of `cases` that the right to extract reaches: seeing a case by another post does not open it.

    Raises Forbidden without the right (F12).
    """
    scope = rights.scopes(staff, RIGHT)
    if not scope:
        raise rights.Forbidden(_("Your post does not include this."))
    if scope.centre:
        return cases
    reach = Q(area__in=scope.areas, confidential=False)
    for path in scope.unit_paths:
        reach |= Q(Exists(WorkOrder.objects.filter(case=OuterRef("pk"), unit__path__startswith=path)))
    return cases.filter(reach)


def check(purpose: str, *, rows: int, identities: bool) -> None:
    """Raise NotAllowed with the sentence unless the purpose is said and the extract is not too large."""
    if len(purpose.strip()) < LEAST_PURPOSE:
        raise NotAllowed(_("Say what the extract is for; it stands in the file and in the record."))
    if rows > MOST:
        raise NotAllowed(_("At most %(most)s rows are taken out at once. Filter the list first.") % {"most": MOST})
    if identities and rows > MOST_IDENTITIES:
        raise NotAllowed(
            _("With names and numbers at most %(most)s rows, since each look is recorded at its request.")
            % {"most": MOST_IDENTITIES}
        )


def record(serial: int, *, by: Staff, purpose: str, facts: Mapping[str, Any]) -> Audit:
    """Record an extract before its file leaves: who, when, why, of what, how many rows, and the file's SHA-256.

    Raises Forbidden without the right.
    """
    if not rights.may(by, RIGHT):
        raise rights.Forbidden(_("Your post does not include this."))
    after = {"purpose": purpose.strip(), **facts}
    return Audit.objects.create(at=clock.now(), by=by, verb="cases.extracted", kind=KIND, row=serial, after=after)


def recorded(staff: Staff) -> QuerySet[Audit]:
    """Extracts that this person may look up: all with the right over the whole centre, else his own."""
    found = Audit.objects.filter(kind=KIND).select_related("by").order_by("-at", "-pk")
    return found if rights.scopes(staff, RIGHT).centre else found.filter(by=staff)
