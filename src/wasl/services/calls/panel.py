"""What the pages of seats and calls show: whose call it is, how it stands, who calls, whom one can ask. Reads only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from wasl.core.cases.models import OPEN_STATES, Case
from wasl.core.cases.queries import visible_to
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people import queries as people
from wasl.core.people.models import Person
from wasl.kernel import clock
from wasl.services.calls.actions import number_of
from wasl.services.calls.line import AGAIN_WITHIN
from wasl.services.calls.models import Call, Command, Leg, Profile, Queue, Seat

_Fits = Callable[..., bool]
Verb = Command.Verb
MOST = 12
"""Targets that are listed for one search."""


def visible_calls(staff: Staff) -> QuerySet[Call]:
    """Calls that this person may open: those of his own; a supervisor: all."""
    return Call.objects.all() if rights.scopes(staff, "phone.supervise").centre else own_calls(staff)


def own_calls(staff: Staff) -> QuerySet[Call]:
    """Calls that he answers for, is asked to take, is on or was on: what they are about is for him to say."""
    own = (
        Q(agent=staff) | Q(successor=staff) | Q(seats__staff=staff) | Q(waits__seat__staff=staff) | Q(legs__staff=staff)
    )
    return Call.objects.filter(pk__in=Call.objects.filter(own).values("pk"))


def seat_of(staff: Staff) -> tuple[Profile, Seat | None] | None:
    """His profile and seat, with the call that is at it; None for who is no agent of the telephone."""
    if not rights.may(staff, "phone.answer"):
        return None
    profile = Profile.objects.filter(staff=staff).select_related("staff__seat__call").first()
    if profile is None:
        return None
    return profile, getattr(profile.staff, "seat", None)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a call stands for the people on it. `second` is the party beside agent and citizen, `three`: all hear all."""

    held: bool
    paused: bool
    second: Leg | None
    three: bool
    pending: Command | None
    failed: Command | None


def standing(call: Call, staff: Staff) -> Standing:
    """As the commands that were done left it; `pending` is what this person waits for, `failed` his last failure."""
    held = paused = three = False
    last: Command | None = None
    pending: Command | None = None
    for one in call.commands.order_by("made_at", "pk"):
        if one.by_id == staff.pk:
            last = one
        if one.done_at is None:
            pending = pending or (one if one.by_id == staff.pk else None)
            continue
        if one.wrong:
            continue
        match one.verb:
            case Verb.HOLD:
                held = True
            case Verb.RESUME:
                held = False
            case Verb.JOIN:
                three, held = True, False
            case Verb.CONSULT | Verb.CANCEL | Verb.HAND_OVER | Verb.TRANSFER:
                three, held = False, False
            case Verb.PAUSE:
                paused = True
            case Verb.GO_ON:
                paused = False
    second = (
        call.legs.filter(ended_at__isnull=True)
        .exclude(kind__in=[Leg.Kind.SUPERVISOR, Leg.Kind.CITIZEN])
        .exclude(staff=staff)
        .select_related("staff", "unit")
        .order_by("-dialled_at")
        .first()
    )
    failed = last if last and last.done_at and last.wrong else None
    return Standing(held, paused, second, three and second is not None, pending, failed)


def person_of(call: Call) -> Person | None:
    """Who calls: whose request was filed from this call, else the only one who has his number. None for all others."""
    if call.person is not None:
        known = call.person.merged_into or call.person
        return None if known.forgotten_at else known
    number = number_of(call)
    found = people.with_address(number) if number else None
    those = list(found.filter(merged_into__isnull=True, forgotten_at__isnull=True)[:2]) if found is not None else []
    return those[0] if len(those) == 1 else None


def calls_before(call: Call) -> QuerySet[Call]:
    """Earlier calls of this number, the latest first."""
    if not call.look_up:
        return Call.objects.none()
    same = Call.objects.filter(look_up=call.look_up, arrived_at__lt=call.arrived_at).exclude(pk=call.pk)
    return same.select_related("agent").order_by("-arrived_at")


def repeats(call: Call) -> int:
    """How often this number called within the last days before this call (E6)."""
    came = calls_before(call).filter(back_of__isnull=True)
    return came.filter(arrived_at__gte=call.arrived_at - AGAIN_WITHIN).count()


def open_cases(person: Person | None, staff: Staff) -> QuerySet[Case]:
    """Of this person, as far as this agent may see."""
    if person is None:
        return Case.objects.none()
    mine = visible_to(staff).filter(requester=person, state__in=OPEN_STATES)
    return mine.select_related("unit", "area").order_by("-received_at")


@dataclass(frozen=True, slots=True)
class Whom:
    """Somebody to ask or to give a call to: `target` as commands take it. `free`: he can answer now."""

    target: str
    name: str
    about: str
    kind: str
    free: bool
    state: str = ""


def colleagues(call: Call, staff: Staff) -> list[Staff]:
    """To whom this person can hand the responsibility for this call: whoever is at the telephone and may file (E7)."""
    if call.agent_id != staff.pk:
        return []
    here = Seat.objects.exclude(state=Seat.State.OUT).exclude(staff=staff).select_related("staff")
    return [seat.staff for seat in here.order_by("pk") if rights.may(seat.staff, "case.received")]


def whom(words: str, *, but: Staff | None = None) -> list[Whom]:
    """Queues, seats that are taken, experts by topic, units with a telephone; those who can answer now first.

    Source: requirements D5, D6, E8.
    """
    wanted = words.casefold().split()

    def fits(*texts: str) -> bool:
        all_words = " ".join(texts).casefold()
        return all(one in all_words for one in wanted)

    found = [*_queues(fits), *_seats(fits, but)]
    found.sort(key=lambda one: (not one.free, one.kind != "expert", one.name))
    if wanted:
        found += _units(fits)
    return found[:MOST]


def _queues(fits: _Fits) -> list[Whom]:
    return [
        Whom(f"queue:{one.code}", str(one), "", "queue", True)
        for one in Queue.objects.order_by("pk")
        if fits(one.code, *one.names.values())
    ]


def _seats(fits: _Fits, but: Staff | None) -> list[Whom]:
    here = Seat.objects.exclude(state=Seat.State.OUT).exclude(staff=but).select_related("staff__phone_profile")
    made = []
    for seat in here:
        topics = seat.staff.phone_profile.topics
        if fits(*seat.staff.names.values(), seat.staff.username, topics):
            free = seat.state in (Seat.State.READY, Seat.State.BREAK, Seat.State.WRAP_UP)
            kind = "expert" if topics else "staff"
            made.append(Whom(f"staff:{seat.staff_id}", str(seat.staff), topics, kind, free, seat.get_state_display()))
    return made


def _units(fits: _Fits) -> list[Whom]:
    return [
        Whom(f"unit:{one.pk}", str(one), "", "unit", True)
        for one in organisation.units_with_phone()
        if fits(one.code, *one.names.values())
    ]


def experts() -> list[tuple[Profile, Seat | None]]:
    """Who can be asked about what, and whether he is there (E8)."""
    known = Profile.objects.exclude(topics="").select_related("staff__seat").order_by("topics", "pk")
    return [(one, getattr(one.staff, "seat", None)) for one in known if one.staff.is_active]


def dropped() -> Sequence[Call]:
    """Answered calls that nobody is responsible for: always empty, a hand-over counts once it is accepted (E7)."""
    return list(Call.objects.filter(answered_at__isnull=False, agent__isnull=True).order_by("-arrived_at")[:100])


def waited_s(call: Call) -> int | None:
    """How long he waited for a person until the answer, or until now; None where he never asked for one."""
    if call.queued_at is None:
        return None
    return max(0, round(((call.answered_at or call.ended_at or clock.now()) - call.queued_at).total_seconds()))
