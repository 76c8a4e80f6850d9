"""What a requester does to his case through a page: his answer, an addition. Each ends in the core's verbs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from wasl.core.cases import actions as cases
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.cases.models import Case, Verdict
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment, Contact
from wasl.kernel import clock

SAME_AGAIN_WITHIN = timedelta(minutes=10)


@transaction.atomic
def answer(
    case: Case, *, verdict: str, rating: str = "", comment: str = "", pressured: bool = False, seen: int | None
) -> None:
    """Record whether it is solved and, once a matter, the level; both or nothing. Raises StaleCase, NotAllowed."""
    if verdict == Verdict.SOLVED:
        cases.confirm(case, by=THE_CITIZEN, seen=seen)
        if comment.strip() and not rating:
            cases.add(case, by=THE_CITIZEN, text=comment)
    else:
        cases.contest(case, verdict=verdict, by=THE_CITIZEN, text=comment, seen=seen)
    if rating and case.rating is None:
        words = comment if verdict == Verdict.SOLVED else ""
        cases.rate(case, rating=int(rating), text=words, pressured=pressured, by=THE_CITIZEN)


def keep_all(files: Sequence[UploadedFile[Any]]) -> list[Attachment]:
    """Take the files in. Raises media.MediaRefused for the first that is not taken."""
    return [contacts.keep(file.read(), file.name or "") for file in files]


def add(case: Case, *, text: str, files: Sequence[UploadedFile[Any]] = ()) -> bool:
    """Add words and files; False when the same came a moment ago, because a button was pressed twice.

    Raises media.MediaRefused, NotAllowed.
    """
    made = keep_all(files)
    if _came_already(case, text.strip(), made):
        return False
    # Pressed twice at once: the second waits for the first, and then adds nothing.
    when = int(clock.now().timestamp() // SAME_AGAIN_WITHIN.total_seconds())
    same = "|".join([str(case.pk), str(when), text.strip(), *sorted(bytes(one.sha256).hex() for one in made)])
    cases.add(case, by=THE_CITIZEN, text=text, attachments=made, idempotency_key=same)
    return True


def _came_already(case: Case, text: str, made: Sequence[Attachment]) -> bool:
    last: Any = (
        Contact.objects.filter(
            case=case, direction=Contact.Direction.IN, staff__isnull=True, at__gt=clock.now() - SAME_AGAIN_WITHIN
        )
        .order_by("-at")
        .first()
    )
    if last is None or last.body != text:
        return False
    return {bytes(a.sha256) for a in last.attachments.all()} == {bytes(a.sha256) for a in made}
