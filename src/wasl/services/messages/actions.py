"""Sending what lies in the outbox: one message at a time, claimed before it leaves and settled after.

The claim is committed before a byte leaves. A sender that dies leaves at most the one message that it held; that one
becomes `in_doubt` when its lease is over and is sent once more, with the same Message-ID and marked `repeated`.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from wasl.core.cases import actions as cases
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case, State
from wasl.core.cases.transitions import BY_VERB, possible
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions import audit
from wasl.core.organisation.models import Staff, Unit
from wasl.core.organisation.queries import Kept
from wasl.core.people import actions as people
from wasl.core.people import proving
from wasl.core.people import queries as people_queries
from wasl.core.people.models import Address, Code, Person
from wasl.kernel import clock, names, phone, seal
from wasl.kernel.ids import new_id
from wasl.kernel.sms import text
from wasl.services.messages import notices, queries, render
from wasl.services.messages.delivery import Courier, InDoubt, Parcel, Permanent, Temporary, Unreachable
from wasl.services.messages.models import Channel, Message, Notice, QuietHours, Template

logger = logging.getLogger(__name__)
# How long a message waits after each failure that may pass; after the last one the channel is given up for it.
BACK_OFF = tuple(timedelta(seconds=s) for s in (60, 300, 900, 3600, 4 * 3600, 8 * 3600, 12 * 3600))
# What a person prefers, then these.
FALLBACK = (Channel.MAIL, Channel.SMS)
# By what people are told where no message reaches them.
BY_HAND_MEDIA = ("phone", "letter", "fax", "visit")
_MEDIUM = {Channel.MAIL: Address.Medium.MAIL, Channel.SMS: Address.Medium.PHONE}


@dataclass(frozen=True, slots=True)
class Way:
    """By what and where to a message leaves; `address` is the person's row, where it has one."""

    channel: str
    to: str
    address: Address | None = None


class Result(Enum):
    """What came of one attempt."""

    SENT = auto()
    WAITS = auto()
    ENDED = auto()
    TAKEN = auto()
    AWAY = auto()


def waiting(limit: int = 50) -> list[Message]:
    """Messages that may leave now, the longest due first; among them those in doubt that were not repeated yet.

    Notices to units and staff, of which there may be thousands at once, do not hold up what a citizen waits for; a
    fifth of the places is theirs all the same.
    """
    now = clock.now()
    rows = Message.objects.select_related(
        "case__unit", "case__requester", "person__merged_into", "unit", "staff"
    ).prefetch_related("person__addresses", "person__merged_into__addresses")
    queued = rows.filter(state=Message.State.QUEUED, due_at__lte=now).order_by("due_at", "pk")
    citizens = list(queued.filter(person__isnull=False)[: limit - limit // 5])
    others = list(queued.filter(person__isnull=True)[: limit - len(citizens)])
    doubtful = rows.filter(state=Message.State.IN_DOUBT, repeated=False, due_at__lte=now).order_by("due_at", "pk")
    return [*doubtful[:limit], *citizens, *others]


def send(message: Message, couriers: Mapping[str, Courier], *, resting: Collection[str] = ()) -> Result:
    """Carry one waiting message as far as it gets now.

    `resting` are channels that were found unreachable and are left alone for the moment.
    """
    way = way_of(message, {channel for channel, courier in couriers.items() if courier.serves()})
    if way is None:
        return _no_way(message)
    if way.channel in resting:
        return Result.AWAY
    if (wakes := quiet_until(message, way.channel)) is not None:
        _move(message, due_at=wakes)
        return Result.WAITS
    try:
        said = render.render(message, way.channel)
    except (render.NoTemplate, render.BadTemplate) as error:
        logger.error("message %s: %s", message.pk, error)  # noqa: TRY400 # the reason is in the words; no trace helps
        return _give_up(message, way, str(error))
    before = {"state": message.state, "repeated": message.repeated}
    if not _claim(message, way, said):
        return Result.TAKEN
    number = message.case.number if message.case is not None and message.person_id is not None else ""
    urgent = message.event == "link" or (message.case is not None and message.case.emergency)
    secret = said.kept != said.body
    parcel = Parcel(message.pk, way.to, said.language, said.subject, said.body, number, urgent=urgent, secret=secret)
    try:
        couriers[way.channel].hand_over(parcel)
    except Unreachable as error:
        logger.warning("%s is not reachable: %s", way.channel, error)
        # Not an attempt: nobody looked at the message. One in doubt stays so.
        _finish(message, attempts=F("attempts") - 1, error=str(error)[:300], **before)
        return Result.AWAY
    except Temporary as error:
        return _later(message, way, str(error))
    except InDoubt as error:
        # Repeated once and in doubt again: it is left so, and people see it.
        logger.warning("message %s is in doubt: %s", message.pk, error)
        _finish(message, state=Message.State.IN_DOUBT, error=str(error)[:300], due_at=clock.now() + BACK_OFF[0])
        return Result.WAITS
    except Permanent as error:
        if error.bad_address and way.address is not None:
            people.note_failure(way.address)
        return _give_up(message, way, str(error))
    _finish(message, state=Message.State.SENT, sent_at=clock.now(), error="")
    return Result.SENT


def _claim(message: Message, way: Way, said: render.Said) -> bool:
    """Take it for this sender, committed; False when another sender was faster."""
    doubtful = message.state == Message.State.IN_DOUBT
    now = clock.now()
    mine = Message.objects.filter(
        pk=message.pk, state=message.state, repeated=message.repeated, due_at=message.due_at
    ).update(
        state=Message.State.SENDING,
        claimed_at=now,
        channel=way.channel,
        address=way.address,
        subject=said.kept_subject,
        body=said.kept,
        language=said.language,
        attempts=F("attempts") + 1,
        repeated=message.repeated or doubtful,
    )
    if mine:
        message.state, message.claimed_at, message.repeated = Message.State.SENDING, now, message.repeated or doubtful
        message.attempts += 1
    return bool(mine)


def _finish(message: Message, **columns: object) -> None:
    """Settle what this sender claimed; nothing happens if its lease was over and somebody else took it."""
    Message.objects.filter(pk=message.pk, state=Message.State.SENDING, claimed_at=message.claimed_at).update(**columns)


def _move(message: Message, **columns: object) -> None:
    """Change a message that is still where it was read."""
    Message.objects.filter(pk=message.pk, state=message.state, due_at=message.due_at).update(**columns)


def _settle(message: Message, state: str, *, error: str = "") -> Result:
    _move(message, state=state, error=error)
    return Result.ENDED


def _no_way(message: Message) -> Result:
    person = _person(message)
    if message.tried:
        return _settle(message, Message.State.FAILED, error=message.tried[-1]["error"])
    if message.unit_id or message.staff_id:
        # The work list shows it; there is nothing else to send to.
        return _settle(message, Message.State.ON_PAGE)
    if person is not None and _wish(message, person) == Person.Channel.WEB:
        return _settle(message, Message.State.ON_PAGE)
    return _settle(message, Message.State.NO_WAY)


def _later(message: Message, way: Way, words: str) -> Result:
    if message.attempts > len(BACK_OFF):
        return _give_up(message, way, words)
    wait = BACK_OFF[message.attempts - 1]
    # It was refused, so it is no longer in doubt whether it arrived this time; the mark of the repetition stays.
    _finish(message, state=Message.State.QUEUED, due_at=clock.now() + wait, error=words[:300])
    return Result.WAITS


def _give_up(message: Message, way: Way, words: str) -> Result:
    """This channel will not carry it: the next one may (fallback), or it has failed and the centre sees it."""
    tried = [*message.tried, {"channel": way.channel, "error": words[:300], "at": clock.now().isoformat()}]
    # FAILED only when the next look finds no other way; until then it is queued again at once.
    held = Message.objects.filter(pk=message.pk, state=message.state)
    held.update(state=Message.State.QUEUED, tried=tried, attempts=0, error=words[:300], due_at=clock.now())
    return Result.WAITS


def recover() -> int:
    """Messages whose sender died with them: in doubt. Gives how many."""
    ended = clock.now() - timedelta(seconds=settings.WASL_SENDER_LEASE_S)
    found = Message.objects.filter(state=Message.State.SENDING, claimed_at__lt=ended).update(
        state=Message.State.IN_DOUBT,
        due_at=clock.now(),
        error=gettext_noop("the sender ended while it was sending this"),
    )
    if found:
        logger.warning("%s messages are in doubt: their sender ended while sending", found)
    return found


# --- the way ---------------------------------------------------------------------------------------------------------


def _person(message: Message) -> Person | None:
    person = message.person
    return person.merged_into or person if person is not None else None


def _wish(message: Message, person: Person) -> str:
    """How he wants to be told of this case: what he said last, with the report or on his page."""
    case = message.case
    if case is None or (person.wished_at is not None and person.wished_at > case.received_at):
        return person.channel
    return case.channel


def way_of(message: Message, served: Collection[str]) -> Way | None:
    """The way by which it leaves: preferred channel, then the others in order; only those served and not failed."""
    failed = {one["channel"] for one in message.tried}
    if "code" in message.facts:
        return _way_of_code(message, Code.objects.get(pk=message.facts["code"]), set(served) - failed)
    if message.unit is not None:
        mail = message.unit.mail
        return Way(Channel.MAIL, mail) if mail and Channel.MAIL in served and Channel.MAIL not in failed else None
    if message.staff is not None and message.facts.get("by") == Channel.SMS:
        return _way_of_staff(message.staff, set(served) - failed)
    if message.staff is not None:
        mail = message.staff.email
        return Way(Channel.MAIL, mail) if mail and Channel.MAIL in served and Channel.MAIL not in failed else None
    person = _person(message)
    if person is None or person.forgotten_at is not None:
        return None
    wish = _wish(message, person)
    order = [wish, *FALLBACK] if wish in FALLBACK else list(FALLBACK)
    for channel in dict.fromkeys(order):
        if channel in served and channel not in failed and (address := _address(person, Channel(channel))):
            return Way(channel, seal.unseal(bytes(address.value_sealed)), address)
    return None


def _way_of_code(message: Message, code: Code, served: Collection[str]) -> Way | None:
    """To the address that it was asked for, by no other way, while it is good; to one that nobody has it never goes."""
    channel = next(channel for channel, medium in _MEDIUM.items() if medium == code.medium)
    if channel not in served or not proving.is_good(code):
        return None
    if message.staff_id is None and proving.receiver(code) is None:
        return None
    return Way(channel, seal.unseal(bytes(code.value_sealed)))


def _way_of_staff(staff: Staff, served: Collection[str]) -> Way | None:
    """To his telephone, once a code has proved that it is his."""
    number = phone.normalise(staff.phone, organisation.the_city().region) if staff.phone else None
    if Channel.SMS not in served or number is None or staff.phone_proved_at is None or not staff.is_active:
        return None
    return Way(Channel.SMS, number)


def _address(person: Person, channel: Channel) -> Address | None:
    """His best address: the preferred, then proved before claimed, the latest first; none that failed since."""
    usable = [
        a
        for a in person.addresses.all()
        if a.medium == _MEDIUM[channel]
        and (a.failed_at is None or (a.verified_at is not None and a.verified_at > a.failed_at))
    ]
    usable.sort(key=lambda a: (a.preferred, a.verified_at is not None, a.created_at, a.pk), reverse=True)
    return usable[0] if usable else None


def forget() -> None:
    """Read quiet hours anew next time."""
    _quiet.forget()


_quiet: Kept[dict[str, QuietHours]] = Kept(
    lambda: {hours.channel: hours for hours in QuietHours.objects.all()},
    lambda: list(QuietHours.objects.values_list("channel", "first", "last")),
)


def quiet_until(message: Message, channel: str) -> datetime | None:
    """When the channel's quiet hours end, if they hold now.

    An emergency wakes people; units and staff by mail, and who has just asked for a code, are told at once.
    """
    emergency = message.case is not None and message.case.emergency
    at_once = message.person_id is None and channel != Channel.SMS
    if at_once or emergency or message.event == "link":
        return None
    hours = _quiet.get().get(channel)
    if hours is None or hours.first == hours.last:
        return None
    now = timezone.localtime(clock.now())
    at = now.time()
    overnight = hours.first > hours.last
    if not (at >= hours.first or at < hours.last if overnight else hours.first <= at < hours.last):
        return None
    end = now.replace(hour=hours.last.hour, minute=hours.last.minute, second=hours.last.second, microsecond=0)
    return end if end > now else end + timedelta(days=1)


def said_in_answer(case: Case, event: str, words: str, number: str) -> None:
    """What the requester was to be told, the answer to his own text has told him: it is kept as sent, in these words.

    In the transaction of the event. `words` are without PIN; `number` (E.164) is where he texted from.
    """
    index = people_queries.index_of(Address.Medium.PHONE, number)
    address = Address.objects.filter(person=case.requester, look_up=index).first()
    Message.objects.filter(case=case, event=event, state=Message.State.QUEUED, person=case.requester).update(
        state=Message.State.SENT, channel=Channel.SMS, body=words, sent_at=clock.now(), address=address
    )


# --- what comes back -------------------------------------------------------------------------------------------------


def bounced(message_id: int, *, words: str, bad_address: bool = True) -> bool:
    """A message that was handed over came back for good: the next channel is tried, a bad address not used again.

    The same report twice changes nothing more. False for a message that is not there or was not sent.
    """
    with transaction.atomic():
        message = Message.objects.select_for_update().filter(pk=message_id).first()
        if message is None or not (message.sent_at or message.state in (Message.State.SENDING, Message.State.IN_DOUBT)):
            return False
        if message.bounced_at is not None:
            return True
        message.bounced_at = clock.now()
        message.tried = [
            *message.tried,
            {"channel": message.channel, "error": words[:300], "at": message.bounced_at.isoformat()},
        ]
        message.state, message.attempts, message.due_at, message.error = (
            Message.State.QUEUED,
            0,
            message.bounced_at,
            words[:300],
        )
        message.save(update_fields=["bounced_at", "tried", "state", "attempts", "due_at", "error"])
        if bad_address and message.address is not None:
            people.note_failure(message.address)
    return True


def doubted(message_id: int, *, words: str) -> None:
    """Nobody knows whether the receiver has it: left so, and people see it."""
    Message.objects.filter(pk=message_id, state=Message.State.SENT).update(
        state=Message.State.IN_DOUBT, repeated=True, error=words[:300]
    )


def delayed(message_id: int, *, words: str) -> None:
    """The other side is still trying; noted with the message."""
    Message.objects.filter(pk=message_id, state=Message.State.SENT).update(error=words[:300])


# --- by people -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """A template with made-up facts; what it costs as SMS, None for other channels."""

    said: render.Said
    plan: text.Plan | None


def preview(event: str, channel: str, language: str, subject: str, body: str) -> Preview:
    """What a template would say. Raises render.BadTemplate with a sentence."""
    said = render.example(event, channel, language, subject, body)
    try:
        return Preview(said, text.plan(said.body) if channel == Channel.SMS else None)
    except text.TooLong as error:
        raise render.BadTemplate(_("This is too long for an SMS.")) from error


def told_by_hand(message: Message, *, by: Staff, medium: str, text: str) -> None:
    """He was reached by a call or a letter after all: an entry of his case, and the message is off the list.

    Raises Forbidden, NotAllowed for one that is not on the list of whoever says so.
    """
    held = queries.untold(by).filter(pk=message.pk).first()
    if held is None or held.case is None:
        raise NotAllowed(_("This message does not wait any more."))
    if medium not in BY_HAND_MEDIA:
        raise NotAllowed(_("Choose how he was reached."))
    with transaction.atomic():
        attempts = BY_VERB["case.contact_attempted"]
        if possible(attempts, State(held.case.state)):
            cases.record_attempt(held.case, by=by, medium=medium, reached=True, text=text)
        else:
            cases.note(held.case, by=by, text=text.strip() or _("Told by hand what no message could tell."))
        Message.objects.filter(pk=held.pk).update(state=Message.State.BY_HAND, sent_at=clock.now())


def invite(staff: Staff) -> Message:
    """Put the mail with which he sets his password into the outbox; the link is made when it leaves, and kept nowhere.

    Whoever sends it has asked `organisation.actions.hand_link`.
    """
    now = clock.now()
    return Message.objects.create(
        staff=staff, event="staff_invited", stage=f"staff_invited:{staff.pk}:{new_id()}", language=staff.language,
        due_at=now, made_at=now,
    )  # fmt: skip


def save_template(event: str, channel: str, language: str, *, subject: str, body: str, by: Staff) -> Template:
    """Write the words of an event on a channel in a language (I8). Raises Forbidden, render.BadTemplate."""
    rights.require(by, "templates.edit")
    if not body.strip():
        raise render.BadTemplate(_("A message needs words."))
    if channel == Channel.MAIL and not subject.strip():
        raise render.BadTemplate(_("A mail needs a subject."))
    preview(event, channel, language, subject, body)
    old = Template.objects.filter(event=event, channel=channel, language=names.code_of(language)).first()
    made, _new = Template.objects.update_or_create(
        event=event,
        channel=channel,
        language=names.code_of(language),
        defaults={"subject": subject.strip() if channel == Channel.MAIL else "", "body": body},
    )
    audit.note(by, "template.changed", made, audit.facts_of(old) if old else None)
    render.forget()
    return made


def send_again(message: Message, *, by: Staff) -> None:
    """Queue anew what failed, was in doubt or had no way: an address was mended in the meantime. Raises Forbidden."""
    rights.require(by, "messages.read")
    again = (Message.State.FAILED, Message.State.NO_WAY, Message.State.IN_DOUBT)
    Message.objects.filter(pk=message.pk, state__in=again).update(
        state=Message.State.QUEUED, due_at=clock.now(), attempts=0, tried=[], error="", bounced_at=None
    )


def notify(
    *,
    event: str,
    stage: str,
    unit: Unit | None = None,
    staff: Staff | None = None,
    case_id: int,
    facts: Mapping[str, object] | None = None,
) -> bool:
    """Tell a unit (by mail and its people in the page) or one of the staff, unless the same stage was told before.

    True if it is new.
    """
    now, known = clock.now(), facts or {}
    if Message.objects.filter(stage=stage).exists() or Notice.objects.filter(stage=stage).exists():
        return False
    case = Case.objects.get(pk=case_id)
    with transaction.atomic():
        if unit is not None:
            mail = notices.mail_to(unit.pk, case, event, stage, known, now)
            Message.objects.bulk_create([mail], ignore_conflicts=True)
        made = notices.notice(case, event, stage, known, now, unit=unit.pk if unit else None, staff=staff)
        Notice.objects.bulk_create([made], ignore_conflicts=True)
    return True


def send_code(code: Code, *, to: Staff | None = None) -> None:
    """Queue a one-time code; the same is written for an address that nobody has, and then it is not sent.

    `to` is one of the staff whose own number it is to prove.
    """
    now = clock.now()
    Message.objects.create(
        person=None if to else proving.receiver(code),
        staff=to,
        event="link",
        stage=f"code:{code.pk}",
        facts={"code": code.pk},
        language=code.language,
        due_at=now,
        made_at=now,
    )
