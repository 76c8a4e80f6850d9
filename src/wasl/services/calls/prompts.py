"""Somebody's own recordings of what the machine says; how sound is made fit and where it is played from is not here."""

from hashlib import sha256
from typing import Final

from django.db import transaction

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.services.calls.flows import RIGHT
from wasl.services.calls.models import Prompt

LONGEST_S: Final = 60.0


def digest_of(text: str) -> bytes:
    """What a recording of these words is found by."""
    return sha256(text.encode()).digest()


def of(language: str, text: str) -> Prompt | None:
    """The recording of these words, without its sound."""
    return Prompt.objects.defer("sound").filter(language=language, digest=digest_of(text)).first()


def keep(language: str, text: str, sound: bytes, seconds: float, *, by: Staff) -> Prompt:
    """This sound (as the telephone has it) is what is heard for these words from now. Raises Forbidden."""
    rights.require(by, RIGHT)
    facts = {
        "text": text, "sound": sound, "milliseconds": round(seconds * 1000), "made_at": clock.now(), "made_by": by,
    }  # fmt: skip
    with transaction.atomic():
        row, _new = Prompt.objects.update_or_create(language=language, digest=digest_of(text), defaults=facts)
        _note(by, "prompt.recorded", row)
    return row


def forget(language: str, text: str, *, by: Staff) -> None:
    """The machine speaks these words itself again. Raises Forbidden."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        row = of(language, text)
        if row is not None:
            _note(by, "prompt.removed", row)
            row.delete()


def _note(by: Staff, verb: str, row: Prompt) -> None:
    # The sound itself is nothing for the audit.
    plain = Prompt(pk=row.pk, language=row.language, text=row.text, milliseconds=row.milliseconds, made_by=row.made_by)
    note(by, verb, plain, None)
