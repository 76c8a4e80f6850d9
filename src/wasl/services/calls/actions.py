"""What happens to a call, kept before the telephone is told: it comes, it is served, it ends."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction
from psycopg.types.numeric import Int8

from wasl.core.cases.models import Case
from wasl.core.organisation import queries as organisation
from wasl.core.people import queries as people
from wasl.core.people.models import Address
from wasl.kernel import acceptance, clock, phone, rows, seal, throttle
from wasl.services.articles import actions as articles
from wasl.services.calls import flows
from wasl.services.calls.flow import Walk
from wasl.services.calls.models import Call, Line, Trunk
from wasl.services.enquiries import actions as enquiries
from wasl.services.enquiries import definitions, reading
from wasl.services.enquiries.models import Enquiry

log = logging.getLogger(__name__)

CHANNEL = "voice"
"""What the enquiries call the telephone."""
MOST_WRONG, WRONG_PER_S = 300, 3600
"""Wrong answers to all callers together within an hour; then whoever asks is given a person."""
_NOBODYS = acceptance.make(1, 0)
"""A number that no request ever has: who is asked for the PIN of nothing is not told that it is nothing."""
_RIGHT = frozenset({enquiries.FOUND, enquiries.SEVERAL, enquiries.AWAY})


@dataclass(frozen=True, slots=True)
class Answered:
    """What is said to who asked. `right`: he was told; `over`: he may not try again."""

    text: str
    right: bool
    over: bool


def came(channel: str, dialled: str, caller: str) -> tuple[Call, Walk | None]:
    """A call arrived; his walk through what answers the number that was dialled, or nothing where no number has one.

    A number that no line has is answered by the first line: a caller never hears nothing.
    """
    line = next(iter(rows.load(Line, "ORDER BY (number = $1) DESC, id LIMIT 1", [dialled])), None)
    version = flows.answers(line.flow) if line else None
    number = phone.normalise(caller, organisation.the_city().region) or ""
    call = Call(channel=channel, line=line, flow=version, arrived_at=clock.now(), hint=phone.masked(number)[:30])
    if number:
        call.number_sealed = seal.seal(number, place=number_place(call.pk))
        call.look_up = seal.index_of(number)
    rows.write([call])
    return call, walk_of(call)


def walk_of(call: Call) -> Walk | None:
    """A new walk through the flow that answered this call, in the language it has; None where none did."""
    if call.flow is None or call.line is None:
        return None
    flow = flows.to_walk(call.flow)
    walk = Walk(flow, flows.around(call.line, flow))
    walk.language = call.language or walk.language
    return walk


def meanwhile() -> int:
    """Put calls into the books that Asterisk took alone; how many. A job of every minute, safe to run twice.

    The dialplan left a line for each: when, which number was called, who called.
    """
    taken = 0
    place = degraded()
    for file in sorted(place.iterdir())[:_MANY] if place.is_dir() else ():
        recording = Path(recording_name(file.name))
        last = max(file.stat().st_mtime, recording.stat().st_mtime if recording.exists() else 0)
        if clock.now().timestamp() - last < _STILL_S:
            continue
        began, dialled, caller, *_more = [*file.read_text().split(), "", "", ""]
        if not Call.objects.filter(channel=file.name).exists():
            # At once: who takes in his message meanwhile would find a call that is on.
            with transaction.atomic():
                call, _walk = came(file.name, dialled, caller)
                at = datetime.fromtimestamp(int(began), UTC) if began.isdigit() else call.arrived_at
                Call.objects.filter(pk=call.pk).update(
                    arrived_at=at, ended_at=datetime.fromtimestamp(last, UTC), outcome=Call.Outcome.ALONE
                )
            taken += 1
        file.unlink()
    return taken


_MANY, _STILL_S = 1000, 30


def degraded() -> Path:
    """Where the dialplan notes the calls that it took alone, each by the name of its leg."""
    return settings.WASL_VOICE / "spool" / "degraded"


def number_place(call: int) -> str:
    """Where the number of a call lies, for its seal."""
    return f"call:{call}"


def number_of(call: Call) -> str:
    """Who called (E.164), or nothing where he hides it. Whoever shows it to people asks for their right first."""
    return seal.unseal(call.number_sealed, place=number_place(call.pk)) if call.number_sealed else ""


def noted(call: Call, walk: Walk) -> None:
    """Keep where the caller's walk has come to, for whoever serves him next: the machine, an agent, the mailbox."""
    code = walk.given.get("area", "")
    area = organisation.areas()[1].get(code)
    call.language, call.keyed, call.area_id = walk.language, walk.keyed_so_far(), area.pk if area else None
    rows.write((), [(call, ("language", "keyed", "area"))])


def told(walk: Walk) -> None:
    """Count the articles that he has just been told; nothing of him is kept."""
    articles.used(articles.VOICE, walk.told)
    walk.told = []


def enquire(call: Call, enquiry: str, given: Sequence[str], language: str) -> Answered:
    """Ask the house what the caller keyed. His number opens nothing: anybody can show any (C8).

    It only saves him the acceptance number: nothing keyed stands for the latest request of this telephone, and the PIN
    is asked for all the same, also where there is none. Wrong answers are counted for each caller, for each request and
    for all callers together.
    """
    who = f"call:{bytes(call.look_up).hex()}" if call.look_up else "call"
    asker = enquiries.Asker(CHANNEL, None, language, visitor=who)
    before = throttle.reserve({"voice:wrong": 1}, per_s=WRONG_PER_S)["voice:wrong"]
    if before >= MOST_WRONG:
        log.warning("too many wrong answers by telephone: callers are given a person")
        return Answered("", right=False, over=True)
    (answer,) = enquiries.ask([enquiries.Question(enquiry, _given(call, enquiry, given), asker)])
    right = answer.kind in _RIGHT
    if right:
        throttle.give_back({"voice:wrong": 1})
    return Answered(answer.text, right, over=False)


def _given(call: Call, enquiry: str, given: Sequence[str]) -> tuple[str, ...]:
    one = definitions.in_force().get(enquiry)
    if one is None or one.source != Enquiry.Source.CASE:
        return tuple(given)
    kinds = zip(given, one.kinds, strict=False)
    return tuple(text or (_latest_of(call) if kind == reading.Kind.ACCEPTANCE else "") for text, kind in kinds)


def _latest_of(call: Call) -> str:
    number = number_of(call)
    if not number:
        return _NOBODYS
    index = people.index_of(Address.Medium.PHONE, number)
    persons = Address.objects.filter(look_up=index, medium=Address.Medium.PHONE).values("person")
    found = Case.objects.filter(requester__in=persons, redacted_at__isnull=True).order_by("-pk")
    return found.values_list("number", flat=True).first() or _NOBODYS


def ended(call: Call, outcome: str, language: str) -> None:
    """The call is over, with all its legs, and nothing more of what was wanted can be done.

    Who left a message and then hung up has left a message; who had been answered, was.
    """
    rows.read(_ENDED, [Int8(call.pk), outcome, language, clock.now()])


_ENDED = """
WITH over AS (
  UPDATE calls_command SET done_at = $4, wrong = 'over' WHERE call_id = $1 AND done_at IS NULL
), gone AS (
  UPDATE calls_leg SET ended_at = $4 WHERE call_id = $1 AND ended_at IS NULL
)
UPDATE calls_call SET ended_at = $4, language = CASE $3::text WHEN '' THEN language ELSE $3 END, outcome = CASE
    WHEN outcome = 'mailbox' THEN outcome
    WHEN $2 IN ('left', 'abandoned') AND answered_at IS NOT NULL THEN 'answered'
    ELSE $2 END
 WHERE id = $1 AND ended_at IS NULL
"""


def to_call_back(call: int) -> tuple[Call, Walk]:
    """What is known of somebody who is to be called back; he is on again from now. Raises Call.DoesNotExist."""
    with transaction.atomic():
        one = Call.objects.select_for_update(of=("self",)).select_related("flow", "line").get(pk=call)
        Call.objects.filter(pk=call).update(ended_at=None, outcome="")
    walk = walk_of(one)
    assert walk is not None  # noqa: S101  # he was in the line of a flow
    return one, walk


def answered(call: Call) -> None:
    """He speaks with somebody who was not given out by the line, or he was called back and is on the line."""
    Call.objects.filter(pk=call.pk, answered_at__isnull=True).update(answered_at=clock.now())


def may_be_called(call: Call) -> bool:
    """Whether he can be called back. Anybody can show any number: none abroad, none that costs (toll fraud)."""
    number = number_of(call)
    return bool(number) and phone.is_ordinary(number, organisation.the_city().region)


def recording_name(channel: str) -> str:
    """The file that a call is recorded into; the dialplan names it the same way."""
    return f"{settings.WASL_VOICE}/spool/recordings/{channel}.raw"


def first_number() -> str:
    """What those whom we ring outside see."""
    return Line.objects.order_by("pk").values_list("number", flat=True).first() or ""


def trunks() -> list[Trunk]:
    """Those that calls come from."""
    return list(Trunk.objects.filter(on=True).order_by("pk"))
