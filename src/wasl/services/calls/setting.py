"""What administrators set of the telephone: queues, agents' profiles, reasons of breaks, carriers; who changed what.

Lines and flows are set in `flows`.
"""

from typing import TypeAlias

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import seal
from wasl.services.calls import news, trunks
from wasl.services.calls.line import FIRST
from wasl.services.calls.models import BreakReason, Profile, Queue, Seat, Trunk

EDIT = "phone.edit"
Setting: TypeAlias = Queue | Profile | BreakReason | Trunk

_QUEUE = {"ar": "التحدث مع موظف", "en": "A person", "zh": "人工服务"}
_BREAKS = (
    ("rest", 15, {"ar": "راحة", "en": "Rest", "zh": "休息"}),
    ("prayer", 20, {"ar": "صلاة", "en": "Prayer", "zh": "礼拜"}),
    ("meal", 45, {"ar": "وجبة", "en": "Meal", "zh": "用餐"}),
    ("training", 120, {"ar": "تدريب", "en": "Training", "zh": "培训"}),
    ("task", 60, {"ar": "عمل آخر", "en": "Other work", "zh": "其他工作"}),
)


def begin() -> None:
    """What a telephone cannot be without: a queue, and reasons for breaks. What is there stays as it is."""
    if not Queue.objects.exists():
        Queue.objects.create(code=FIRST, names=_QUEUE)
    if not BreakReason.objects.exists():
        BreakReason.objects.bulk_create(
            BreakReason(code=code, names=names, longest_min=minutes) for code, minutes, names in _BREAKS
        )


def save(row: Setting, *, by: Staff, password: str = "") -> None:
    """Keep a row as it was filled in and checked by its form; it counts for the next caller.

    `password`: of a carrier, empty leaves it. It is sealed and never shown again.

    Raises Forbidden; Refused for a profile of somebody who may not answer the telephone.
    """
    rights.require(by, EDIT)
    if isinstance(row, Profile) and not rights.may(row.staff, "phone.answer"):
        raise Refused(_("%(who)s holds no post that answers the telephone.") % {"who": row.staff})
    if password and isinstance(row, Trunk):
        row.password_sealed = seal.seal(password, place=trunks.PLACE)
    with transaction.atomic():
        before = type(row)._default_manager.select_for_update().filter(pk=row.pk).first()
        row.save()
        verb = f"{row._meta.model_name}.{'changed' if before else 'made'}"
        note(by, verb, row, facts_of(before) if before else None, **({"password": "new"} if password else {}))
        # The controller reads queues, carriers and seats anew.
        news.wake("seats")


def remove_profile(profile: Profile, *, by: Staff) -> None:
    """He is no agent of the telephone any more. Raises Refused while he sits there."""
    rights.require(by, EDIT)
    with transaction.atomic():
        if Seat.objects.select_for_update().filter(staff=profile.staff_id).exclude(state=Seat.State.OUT).exists():
            raise Refused(_("He has taken his seat. Sign it out on the board first."))
        note(by, "profile.removed", profile, facts_of(profile))
        profile.delete()
