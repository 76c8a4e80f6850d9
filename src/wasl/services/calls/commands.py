"""What people at the desk want done with a call: written here, done once by the controller, which says how it went."""

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.cases.models import Case
from wasl.core.cases.queries import visible_to
from wasl.core.contacts.models import Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock
from wasl.services.calls import news, panel, recordings
from wasl.services.calls.models import Call, Command, Matter, Queue, Seat
from wasl.services.calls.seats import Unfit

Verb = Command.Verb

SUPERVISING = frozenset({Verb.LISTEN, Verb.WHISPER, Verb.BARGE, Verb.TAKE_OVER})
WITH_TARGET = frozenset({Verb.TRANSFER, Verb.CONSULT})


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ring: a colleague or expert, a unit's telephone, or whoever of a queue is next."""

    staff: Staff | None = None
    unit: Unit | None = None
    queue: Queue | None = None


def target_of(text: str) -> Target | None:
    """`staff:7`, `unit:12`, `queue:main` if it can be rung: only telephones that the house knows (no toll fraud)."""
    kind, _colon, key = text.partition(":")
    number = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0
    if kind == "staff" and number:
        seat = Seat.objects.filter(staff=number).exclude(state=Seat.State.OUT).select_related("staff").first()
        return Target(staff=seat.staff) if seat else None
    if kind == "unit" and number:
        unit = organisation.units_with_phone().filter(pk=number).first()
        return Target(unit=unit) if unit else None
    if kind == "queue":
        queue = Queue.objects.filter(code=key).first()
        return Target(queue=queue) if queue else None
    return None


def unit_of(code: str) -> Unit | None:
    """The unit of this code, if it has a telephone."""
    return organisation.units_with_phone().filter(code=code).first()


def order(call: Call, verb: str, target: str = "", *, by: Staff) -> Command:
    """Ask the controller to do this. Raises Forbidden, and Unfit where it makes no sense now."""
    if verb not in Verb.values:
        raise Unfit(_("There is no such thing to do with a call."))
    if verb in SUPERVISING:
        rights.require(by, "phone.supervise")
    elif not is_on(call, by):
        raise Forbidden(_("You are not on this call."))
    if call.ended_at is not None:
        raise Unfit(_("The call is over."))
    if (verb in SUPERVISING and call.answered_at is None) or (verb in WITH_TARGET and target_of(target) is None):
        raise Unfit(_("This telephone cannot be reached now."))
    with transaction.atomic():
        command = Command.objects.create(call=call, by=by, verb=verb, target=target, made_at=clock.now())
        news.wake("command")
    return command


def is_on(call: Call, staff: Staff) -> bool:
    """Whether this person has the call at his seat, or listens to it."""
    if Seat.objects.filter(staff=staff, call=call, state__in=[Seat.State.BUSY, Seat.State.OFFERED]).exists():
        return True
    return call.legs.filter(staff=staff, ended_at__isnull=True).exists()


def waiting_commands() -> list[Command]:
    """Not done yet, the oldest first."""
    return list(Command.objects.filter(done_at=None).select_related("by").order_by("made_at", "pk")[:200])


def done(command: Command, wrong: str = "") -> None:
    """How it went; the page of who asked is told."""
    with transaction.atomic():
        Command.objects.filter(pk=command.pk).update(done_at=clock.now(), wrong=wrong[:200])
        news.tell([command.by_id])


def about(call: Call, case: Case, contact: Contact | None = None, *, by: Staff) -> Matter:
    """The call is about this case; with `contact` it is the call that the case began with, so its person has called.

    Raises Forbidden for who has nothing to do with the call or may not see the case.
    """
    if not panel.own_calls(by).filter(pk=call.pk).exists():
        raise Forbidden(_("You are not on this call."))
    if not visible_to(by).filter(pk=case.pk).exists():
        raise Forbidden(_("You may not see this case."))
    with transaction.atomic():
        Call.objects.select_for_update().get(pk=call.pk)
        matter, new = Matter.objects.get_or_create(
            call=call, case=case, defaults={"contact": contact, "by": by, "at": clock.now()}
        )
        if contact is not None and contact.person_id:
            Call.objects.filter(pk=call.pk, person__isnull=True).update(person=contact.person_id)
        if new:
            for recording in call.recordings.all():
                recordings.enter(recording, case)
            news.tell([by.pk])
    return matter


def hand_responsibility(call: Call, to: Staff | None, *, by: Staff) -> None:
    """Ask a colleague to be responsible for this call's matter; who is now stays so until the other accepts (E7).

    Raises Forbidden, and Unfit for nobody and for whoever is not one of `panel.colleagues`.
    """
    if call.agent_id != by.pk:
        raise Forbidden(_("Only who is responsible for this call can hand it on."))
    if to is None or to not in panel.colleagues(call, by):
        raise Unfit(_("Choose a colleague who is at the telephone."))
    with transaction.atomic():
        Call.objects.filter(pk=call.pk).update(successor=to)
        news.tell([to.pk, by.pk])


def ask_successor(call: int, staff: int) -> None:
    """Who got the call by transfer is asked whether he takes it over."""
    Call.objects.filter(pk=call).exclude(agent=staff).update(successor=staff)
    news.tell([staff])


def accept_responsibility(call: Call, *, by: Staff) -> None:
    """Be responsible from now."""
    with transaction.atomic():
        if not Call.objects.filter(pk=call.pk, successor=by).update(agent=by, successor=None):
            raise Unfit(_("You were not asked to take this call over."))
        news.tell([by.pk, call.agent_id])
