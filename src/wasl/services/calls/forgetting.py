"""Taking callers out of calls and messages: of who is forgotten, and of messages that were done long ago (P2)."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Final

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet

from wasl.core.contacts.models import Attachment, Contact
from wasl.core.people.models import Person
from wasl.kernel import clock, seal
from wasl.services.calls import recordings
from wasl.services.calls.models import Call, VoiceMessage

KEPT: Final = timedelta(days=90)
"""How long a message is kept after somebody was done with it; one that became a case goes with its case."""


def forget(records: Sequence[Person], numbers: Iterable[str]) -> int:
    """Empty messages, calls and recordings of these people and numbers (E.164), proved theirs; how many messages.

    Call it in the transaction that forgets them. What became of a call stays, as a figure.
    """
    look_ups = [seal.index_of(number) for number in numbers]
    messages = VoiceMessage.objects.filter(Q(contact__person__in=records) | Q(call__look_up__in=look_ups))
    calls = Q(person__in=records) | Q(look_up__in=look_ups) | Q(pk__in=list(messages.values_list("call", flat=True)))
    gone = _empty(messages)
    # By their ids: the next line takes away what they are found by.
    found = Call.objects.filter(pk__in=list(Call.objects.filter(calls).values_list("pk", flat=True)))
    recordings.forget(found)
    found.update(number_sealed=None, look_up=None, hint="", keyed={}, person=None)
    return gone


def forget_old() -> int:
    """Empty messages that were done long ago; how many. A daily job."""
    with transaction.atomic():
        return _empty(VoiceMessage.objects.filter(done_at__lt=clock.now() - KEPT))


def _empty(messages: QuerySet[VoiceMessage]) -> int:
    now = clock.now()
    contacts = Contact.objects.filter(
        voice_message__in=messages.filter(contact__case=None), case=None, erased_at__isnull=True
    )
    held = list(contacts.values_list("pk", flat=True))
    files = Attachment.objects.filter(contact__in=held, erased_at__isnull=True)
    names = [name for file in files for name in (file.original, file.shown, file.thumb) if name]
    files.update(original="", shown="", thumb="", name="", erased_at=now)
    Contact.objects.filter(pk__in=held).update(body="", salt=b"", source="", erased_at=now, person=None)
    transaction.on_commit(lambda: _delete(names))
    return len(held)


def _delete(names: Iterable[str]) -> None:
    for name in names:
        default_storage.delete(name)
