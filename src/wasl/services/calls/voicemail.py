"""Messages that callers speak: a complaint becomes a case at once, one for the mailbox a contact that is worked on.

Asterisk writes the file, whoever lives; here it is taken in once, sealed as every file of a contact is, and deleted
where it lay. Requirements B17, C3, C10.
"""

import io
import logging
import re
import secrets
import struct
import wave
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from wasl.core.cases import actions as cases
from wasl.core.cases.change import THE_CITIZEN, NotAllowed
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import note
from wasl.core.organisation.models import Area, Audit, Staff
from wasl.core.people import actions as people
from wasl.kernel import clock, ids, phone, throttle, worktime
from wasl.services.calls import actions
from wasl.services.calls.flow import LANGUAGES, LONGEST_MESSAGE_S
from wasl.services.calls.models import Call, Matter, VoiceMessage
from wasl.services.dialogue.words import DJANGO

log = logging.getLogger(__name__)

RIGHT: Final = "mailbox.work"
SHORTEST_S: Final = 2.0
"""Less is the click of who hangs up."""
CALL_BACK_WITHIN: Final = worktime.Duration(4, "wh")
MOST_CASES, CASES_PER_S = 10, 86_400
"""Complaints from one telephone in a day; what he says after that is a message for people."""
_NAME = re.compile(r"(complaint|mailbox)-(?:(\d{1,19})-\d{1,19}|c([\w.-]{1,70}))", re.ASCII)
"""As `new_name` gives, or as the dialplan does with the name of the caller's leg while nobody decides."""
_SETTLED_S = 20.0
_LONGEST_REASON = 200
_HEARD_FOR = timedelta(hours=2)
"""So long a message can be played again for the reason that was given."""


def folder() -> Path:
    """Where Asterisk writes them."""
    return settings.WASL_VOICE / "spool" / "recording"


def new_name(call: Call, keep: str) -> str:
    """A name for what this caller says now: whoever finds the file later knows whose it is."""
    return f"{keep}-{call.pk}-{ids.new_id()}"


def lying() -> list[str]:
    """Names of messages that lie there for longer than their caller's task would take to take them in."""
    now = clock.now().timestamp()
    there = folder().glob("*.wav") if folder().is_dir() else ()
    return sorted(one.stem for one in there if _NAME.fullmatch(one.stem) and now - one.stat().st_mtime > _SETTLED_S)


def take(name: str) -> dict[str, str] | None:
    """Take the message of this name in and delete the file; the facts that its caller is told, None if it was nothing.

    The same name is taken in once: a second time gives the same number. A file that cannot be read stays.
    """
    parsed, file = _NAME.fullmatch(name), _file(name)
    if parsed is None or not file.exists():
        return None
    data, seconds = _whole(file.read_bytes())
    if seconds < SHORTEST_S:
        file.unlink()
        return None
    keep, its = parsed[1], Q(pk=int(parsed[2])) if parsed[2] else Q(channel=parsed[3])
    call = Call.objects.filter(its).select_related("line", "area").first()
    if call is None and parsed[3] and (actions.degraded() / parsed[3]).exists():
        # Taken while the house was down, and not in the books yet.
        return None
    facts = _complaint(call, name, data, seconds) if keep == "complaint" and call and _may_file(call) else None
    if facts is None:
        _to_mailbox(call, name, data, seconds)
        facts = {"seconds": str(round(seconds))}
    file.unlink(missing_ok=True)
    return facts


def _file(name: str) -> Path:
    return folder() / f"{name}.wav"


def _whole(data: bytes) -> tuple[bytes, float]:
    """A wave file of 8 kHz and 16 bits with its lengths right, also where nobody closed it; and its seconds."""
    at = data.find(b"data", 12, 200)
    if at < 0:
        return data, 0.0
    samples = data[at + 8 :][: LONGEST_MESSAGE_S * 2 * 16_000 + 32_000]
    samples = samples[: len(samples) // 2 * 2]
    whole = (
        data[:4] + struct.pack("<I", at + len(samples)) + data[8 : at + 4] + struct.pack("<I", len(samples)) + samples
    )
    with wave.open(io.BytesIO(whole)) as sound:
        return whole, sound.getnframes() / sound.getframerate()


def _may_file(call: Call) -> bool:
    who = bytes(call.look_up).hex() if call.look_up else "hidden"
    try:
        throttle.hit(f"voice-case:{who}", limit=MOST_CASES, per_s=CASES_PER_S)
    except throttle.TooMany:
        log.warning("call %s: more complaints than one telephone makes in a day; it is for people", call.pk)
        return False
    return True


def _words(seconds: float, language: str) -> str:
    n = round(seconds)
    with translation.override(DJANGO[language]):
        return ngettext("Spoken message, %(n)s second.", "Spoken message, %(n)s seconds.", n) % {"n": n}


def _language(call: Call | None) -> str:
    return call.language if call and call.language in LANGUAGES else LANGUAGES[0]


def _reach(call: Call | None) -> people.Reach:
    """He can be told at the number he showed; whether it is his is not known before he proves it."""
    number = actions.number_of(call) if call else ""
    return people.Reach(phone=number, language=_language(call), channel="sms", source="phone")


def _complaint(call: Call, name: str, data: bytes, seconds: float) -> dict[str, str]:
    """A case of what he keyed and said; by SMS he gets number and PIN, and where there is no such way he hears both."""
    reach, given = _reach(call), call.keyed
    report = cases.Report(
        medium="phone",
        body=_words(seconds, reach.language),
        category=_category(given.get("category", "")),
        kind=given.get("kind", ""),
        urgency=given.get("urgency", ""),
        reach=reach,
        area=call.area,
        attachments=[contacts.keep(data, f"{name}.wav")],
        idempotency_key=f"voice:{name}",
        source=call.line.number if call.line else "",
    )
    receipt = cases.receive(report, by=THE_CITIZEN)
    Matter.objects.get_or_create(
        call=call, case=receipt.case, defaults={"contact": receipt.case.contacts.first(), "at": clock.now()}
    )
    facts = {"number": receipt.case.number}
    return facts if _can_be_texted(reach.phone) else {**facts, "pin": receipt.pin}


def _category(code: str) -> str:
    """The category that the flow sets, unless the rule book in force has it no more."""
    try:
        return code if code in catalogue.in_force().categories else ""
    except catalogue.NotSetUp:
        return ""


def _can_be_texted(number: str) -> bool:
    return bool(number) and not phone.is_short_code(number)


def _to_mailbox(call: Call | None, name: str, data: bytes, seconds: float) -> None:
    now, language = clock.now(), _language(call)
    person, rows = people.meet(_reach(call))
    calendar = organisation.calendar_of_unit(None)
    try:
        calendar = organisation.calendar_of_unit(organisation.centre())
    except LookupError:
        log.warning("there is no contact centre: messages are due by the office's hours")
    attachment = contacts.keep(data, f"{name}.wav")
    contact = Contact(
        person=person, medium=Contact.Medium.MAILBOX, at=now, language=language, body=_words(seconds, language),
        salt=secrets.token_bytes(16), source=call.line.number if call and call.line else "",
    )  # fmt: skip
    attachment.contact = contact
    message = VoiceMessage(
        name=name, call=call, contact=contact, seconds=round(seconds), at=now,
        due_at=worktime.add(calendar, now, CALL_BACK_WITHIN),
    )  # fmt: skip
    try:
        with transaction.atomic():
            for row in [*rows, contact, attachment, message]:
                row.save(force_insert=True)
            if call is not None:
                Call.objects.filter(pk=call.pk).update(outcome=Call.Outcome.MAILBOX)
    except IntegrityError:
        if not VoiceMessage.objects.filter(name=name).exists():
            raise


# --- the mailbox as it is worked on ---


def waiting() -> QuerySet[VoiceMessage]:
    """Messages that nobody has done yet, the first due first."""
    return VoiceMessage.objects.filter(done_at=None).select_related("assigned", "call", "contact").order_by("due_at")


def done() -> QuerySet[VoiceMessage]:
    """Those that were done, the latest first."""
    rows = VoiceMessage.objects.filter(done_at__isnull=False).select_related("done_by", "call", "case", "contact")
    return rows.order_by("-done_at")


def assign(message: VoiceMessage, *, by: Staff, to: Staff | None) -> None:
    """Somebody works on it from now, or nobody does any more. Raises Forbidden, NotAllowed when it is done."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        row = _open(message)
        row.assigned = to
        row.save(update_fields=["assigned"])
        note(by, "voicemessage.assigned", row, None)


def hear(message: VoiceMessage, *, by: Staff, reason: str) -> None:
    """Somebody says why he listens; that stands in the audit before he hears anything (P2).

    Raises Forbidden; NotAllowed without a reason, or when the sound was erased.
    """
    rights.require(by, RIGHT)
    why = " ".join(reason.split())[:_LONGEST_REASON]
    if not why:
        raise NotAllowed(_("Say why you listen to it."))
    if not _files(message).exists():
        raise NotAllowed(_("The recording was removed."))
    note(by, "voicemessage.heard", message, None, reason=why)


def has_said_why(message: VoiceMessage, *, by: Staff) -> bool:
    """Whether this person gave a reason lately (`hear`)."""
    since = clock.now() - _HEARD_FOR
    said = Audit.objects.filter(kind="voicemessage", row=message.pk, verb="voicemessage.heard", by=by, at__gte=since)
    return said.exists()


def sound_of(message: VoiceMessage, *, by: Staff) -> bytes:
    """The sound as a wave file. Raises Forbidden; NotAllowed for who has not said why, and when it was erased."""
    rights.require(by, RIGHT)
    if not has_said_why(message, by=by):
        raise NotAllowed(_("Say why you listen to it."))
    attachment = _files(message).first()
    if attachment is None:
        raise NotAllowed(_("The recording was removed."))
    return contacts.original_of(attachment).getvalue()


def _files(message: VoiceMessage) -> QuerySet[Attachment]:
    return message.contact.attachments.filter(erased_at=None).order_by("pk")


def see_number(message: VoiceMessage, *, by: Staff) -> str:
    """Whom to call back; each look is in the audit. Raises Forbidden."""
    rights.require(by, RIGHT)
    note(by, "voicemessage.number_seen", message, None)
    return actions.number_of(message.call) if message.call else ""


def finish(message: VoiceMessage, *, by: Staff, outcome: str) -> None:
    """Nothing more is to be done: he was called back, or there was nothing to do. Raises Forbidden, NotAllowed."""
    rights.require(by, RIGHT)
    if outcome not in (VoiceMessage.Outcome.CALLED, VoiceMessage.Outcome.NOTHING):
        raise NotAllowed(_("Choose what came of it."))
    with transaction.atomic():
        _end(_open(message), by, outcome)


def to_case(
    message: VoiceMessage, *, by: Staff, body: str, category: str = "", area: Area | None = None
) -> cases.Receipt:
    """A case of it, with what somebody heard in words and the recording beside. Raises Forbidden, NotAllowed."""
    rights.require(by, RIGHT)
    if not body.strip():
        raise NotAllowed(_("Write down what the message says."))
    with transaction.atomic():
        row = _open(message)
        before, files = row.contact, list(row.contact.attachments.all())
        # The recording moves from the contact that was nobody's case to the one that begins it.
        before.attachments.all().delete()
        report = cases.Report(
            medium="mailbox", body=body, category=category, reach=_reach(row.call),
            area=area or (row.call.area if row.call else None), attachments=files,
            idempotency_key=f"voice:{row.name}", source=before.source,
        )  # fmt: skip
        receipt = cases.receive(report, by=by)
        row.contact = receipt.case.contacts.get()
        row.case = receipt.case
        at = _end(row, by, VoiceMessage.Outcome.CASE)
        before.delete()
        if row.call is not None:
            Matter.objects.get_or_create(
                call=row.call, case=receipt.case, defaults={"contact": row.contact, "at": at, "by": by}
            )
    return receipt


def _open(message: VoiceMessage) -> VoiceMessage:
    row = VoiceMessage.objects.select_for_update(of=("self",)).select_related("contact", "call").get(pk=message.pk)
    if row.done_at is not None:
        raise NotAllowed(_("Somebody has done this message already."))
    return row


def _end(row: VoiceMessage, by: Staff, outcome: str) -> datetime:
    now = clock.now()
    row.outcome, row.done_at, row.done_by = outcome, now, by
    row.save()
    note(by, "voicemessage.done", row, None)
    return now
