"""The verbs on shifts and days away. Each writes who changed what.

All raise Forbidden without the right or beyond its scope, and Refused with a sentence for what makes no sense.
"""

from collections.abc import Mapping
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Calendar, Staff, Unit
from wasl.core.roster import queries
from wasl.core.roster.models import Absence, Shift

RIGHT = "roster.edit"
LONGEST_DAYS = 366


def require_over(by: Staff, unit: Unit) -> None:
    """Raise Forbidden unless this person plans for the unit."""
    if not queries.plans_for(by, unit):
        raise rights.Forbidden(_("This lies outside the units that you plan for."))


def save_shift(
    shift: Shift | None, *, by: Staff, names: Mapping[str, str], unit: Unit, calendar: Calendar, active: bool = True
) -> Shift:
    """Make or change a shift of a unit (P3)."""
    require_over(by, unit)
    if shift is not None:
        require_over(by, shift.unit)
    if not any(name.strip() for name in names.values()):
        raise Refused(_("Give it a name in one language at least."))
    with transaction.atomic():
        held = Shift.objects.select_for_update().get(pk=shift.pk) if shift else Shift()
        before = facts_of(held) if shift else None
        held.names = {language: name.strip() for language, name in names.items() if name.strip()}
        held.unit, held.calendar, held.active = unit, calendar, active
        held.save(force_insert=shift is None)
        note(by, "shift.changed" if shift else "shift.made", held, before)
    return held


def put_into(shift: Shift, staff: Staff, *, by: Staff) -> None:
    """From now on this person is planned in the shift."""
    require_over(by, shift.unit)
    if not queries.candidates(shift.unit).filter(pk=staff.pk).exists():
        raise Refused(_("This person holds no post in the unit of the shift, nor over the whole centre."))
    with transaction.atomic():
        shift.people.add(staff)
        note(by, "shift.joined", shift, None, staff=staff.pk)


def take_out(shift: Shift, staff: Staff, *, by: Staff) -> None:
    """From now on this person is planned in it no longer."""
    require_over(by, shift.unit)
    with transaction.atomic():
        shift.people.remove(staff)
        note(by, "shift.left", shift, None, staff=staff.pk)


def plan_away(staff: Staff, *, by: Staff, first: date, last: date) -> Absence:
    """This person is not expected on these days, both included."""
    _require_over_person(by, staff)
    if last < first:
        raise Refused(_("The last day lies before the first."))
    if (last - first).days >= LONGEST_DAYS:
        raise Refused(_("Longer than a year: end the post instead."))
    with transaction.atomic():
        made = Absence.objects.create(staff=staff, first=first, last=last)
        note(by, "absence.made", made, None)
    return made


def expect_again(absence: Absence, *, by: Staff) -> None:
    """Take days away back."""
    _require_over_person(by, absence.staff)
    with transaction.atomic():
        note(by, "absence.ended", absence, None)
        absence.delete()


def _require_over_person(by: Staff, staff: Staff) -> None:
    """Whoever plans one of his shifts plans his days away."""
    if not queries.planned_by(by).filter(pk=staff.pk).exists():
        raise rights.Forbidden(_("This person is in no shift that you plan."))
