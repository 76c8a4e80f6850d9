"""What may happen beside the line of the life cycle: more words, notes, flags, links, a new PIN."""

import secrets
from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.actions.guards import listed_reason, must_say
from wasl.core.cases.change import THE_SYSTEM, By, NotAllowed, changing, digest
from wasl.core.cases.intake import scoped
from wasl.core.cases.models import Case, Entry, Link, Remark, Severity
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation.models import Client, Staff
from wasl.kernel import seal

LINK_REASONS = ("related", "same_place", "same_cause", "continues")


def add(
    case: Case,
    *,
    by: By,
    text: str,
    medium: str = "web",
    attachments: Sequence[Attachment] = (),
    language: str = "",
    idempotency_key: str | None = None,
    seen: int | None = None,
) -> Entry:
    """Another contact on the same case, in the person's own words; never made, never lost by the state it is in.

    The same idempotency key adds nothing the second time and gives the entry of the first.
    """
    # Of this case alone: `intake.of_key` gives the PIN of what was begun with a key.
    key = scoped(f"add {case.pk} {idempotency_key}", by) if idempotency_key else None
    with changing(case, by=by, seen=seen, verb="case.added") as change:
        held = change.case
        # The case is locked: who sends the same at the same time waits here and then finds it.
        if key and (known := Contact.objects.filter(idempotency_key=key).first()):
            return held.entries.get(verb="case.added", at=known.at)
        contact = Contact(
            case=held,
            person=held.requester,
            medium=medium,
            at=change.at,
            language=language or held.language,
            body=text.strip(),
            salt=secrets.token_bytes(16),
            staff=by if isinstance(by, Staff) else None,
            client=by if isinstance(by, Client) else None,
            idempotency_key=key,
        )
        for attachment in attachments:
            attachment.contact = contact
        change.add(contact, *attachments)
        return change.record(
            "case.added",
            contact=contact.pk,
            digest=digest(contact.salt, contact.body),
            files=[bytes(a.sha256).hex() for a in attachments] or None,
        )


def note(case: Case, *, by: By, text: str, seen: int | None = None) -> Entry:
    """A note for colleagues."""
    with changing(case, by=by, seen=seen, verb="case.noted") as change:
        return change.record("case.noted", **change.remark("note", must_say(text, 1)))


def publish(case: Case, *, by: Staff, text: str, seen: int | None = None) -> Entry:
    """Write what the public may read about it, without names and numbers (F11)."""
    with changing(case, by=by, seen=seen, verb="case.published") as change:
        change.case.public_text = text.strip()
        words = change.remark("public", text, audience=Remark.Audience.PUBLIC)
        return change.record("case.published", **words)


def flag(case: Case, *, by: By, flags: Mapping[str, bool], text: str = "", seen: int | None = None) -> Entry:
    """Set or clear emergency, confidential, supervised, brief."""
    with changing(case, by=by, seen=seen, verb="case.flagged") as change:
        if not flags or set(flags) - {"emergency", "confidential", "supervised", "brief"}:
            raise NotAllowed(_("There is no such flag."))
        return change.record("case.flagged", flags=dict(flags), **change.remark("note", text))


def note_print(case: Case, *, by: Staff, language: str) -> Entry:
    """Say that it was printed, and in which language, before the paper is made."""
    with changing(case, by=by, verb="case.printed") as change:
        return change.record("case.printed", language=language)


def note_recording(case: Case, *, sha256: bytes, milliseconds: int) -> Entry:
    """A call about it was recorded: the digest of the sound makes it provable, the sound is elsewhere (D2)."""
    with changing(case, by=THE_SYSTEM, verb="case.recorded") as change:
        return change.record("case.recorded", sha256=sha256.hex(), milliseconds=milliseconds)


def take_over(case: Case, *, by: Staff, seen: int | None = None) -> Entry:
    """A successor accepts responsibility from the first receiver (E7)."""
    with changing(case, by=by, seen=seen, verb="case.taken_over") as change:
        return change.record("case.taken_over", frm=change.case.owner_id)


def analyse(
    case: Case,
    *,
    by: Staff,
    cause: str = "",
    severity: str = "",
    repeat: bool = False,
    safety: bool = False,
    seen: int | None = None,
) -> Entry:
    """Say what lies behind it: a listed cause, how severe, whether it came before, whether it endangers people (E10).

    What is said replaces what was said before. Raises NotAllowed for an unlisted cause or severity.
    """
    with changing(case, by=by, seen=seen, verb="case.analysed") as change:
        if severity and severity not in Severity.values:
            raise NotAllowed(_("Choose one of the listed degrees."))
        code = listed_reason(change.case, "cause", cause).code if cause else None
        found: dict[str, object] = {"cause": code, "severity": severity or None, "repeat": repeat, "safety": safety}
        return change.record("case.analysed", **found)


def link(case: Case, *, by: By, other: Case, reason: str = "related", seen: int | None = None) -> Entry:
    """Say that two cases have to do with each other."""
    with changing(case, by=by, seen=seen, verb="case.linked") as change:
        if reason not in LINK_REASONS:
            raise NotAllowed(_("Choose one of the listed reasons."))
        if other.pk == case.pk or Link.objects.filter(case=case, other=other).exists():
            raise NotAllowed(_("These requests are linked already."))
        if isinstance(by, Staff) and not queries.visible_to(by).filter(pk=other.pk).exists():
            raise NotAllowed(_("There is no such request, or you may not see it."))
        change.add(Link(case=change.case, other=other, reason=reason, at=change.at))
        return change.record("case.linked", other=other.pk, reason=reason)


def renew_pin(case: Case, *, by: By, seen: int | None = None) -> str:
    """Issue a new PIN; the old one is void. Gives the new one."""
    with changing(case, by=by, seen=seen, verb="case.pin_renewed") as change:
        change.record("case.pin_renewed")
    return seal.pin_of(case.number, case.pin_generation)
