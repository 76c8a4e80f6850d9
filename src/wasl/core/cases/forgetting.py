"""Taking personal data away, by a person's wish or by a retention rule, with every chain still whole.

Preview first, then the verb.

The journal holds only salted digests; when words and salt go, the digest tells nothing and still verifies (PDPL;
requirement "retention and deletion").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from wasl.core.cases import search
from wasl.core.cases.change import THE_SYSTEM, By, NotAllowed, changing
from wasl.core.cases.models import Case, Remark, State
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people.models import Address, Person
from wasl.kernel import clock, seal


@dataclass(frozen=True)
class Preview:
    """What would go: numbers of cases, contacts with words, remarks of the citizen, files, addresses."""

    cases: int
    contacts: int
    remarks: int
    files: int
    addresses: int


def _words(cases: QuerySet[Case]) -> tuple[QuerySet[Contact], QuerySet[Remark], QuerySet[Attachment]]:
    contacts = Contact.objects.filter(case__in=cases, erased_at__isnull=True)
    remarks = Remark.objects.filter(case__in=cases, erased_at__isnull=True).exclude(audience=Remark.Audience.PUBLIC)
    files = Attachment.objects.filter(contact__case__in=cases, erased_at__isnull=True)
    return contacts, remarks, files


def _cases_of(person: Person) -> QuerySet[Case]:
    return Case.objects.filter(Q(requester=person) | Q(requester__merged_into=person))


@dataclass(frozen=True)
class Numbers:
    """Telephone numbers (E.164) of who is forgotten, none that a living record has proved to be its own.

    `proved` are those that were proved to be his; of the others he only said so.
    """

    all: tuple[str, ...]
    proved: tuple[str, ...]


def _numbers(records: Sequence[Person]) -> Numbers:
    rows = list(Address.objects.filter(person__in=records, medium=Address.Medium.PHONE))
    others = Address.objects.filter(
        look_up__in=[row.look_up for row in rows], verified_at__isnull=False, person__forgotten_at__isnull=True
    ).exclude(person__in=records)
    theirs = {bytes(look_up) for look_up in others.values_list("look_up", flat=True)}
    his = [(seal.unseal(bytes(row.value_sealed)), row.verified_at) for row in rows if bytes(row.look_up) not in theirs]
    return Numbers(
        tuple(sorted({number for number, _at in his})), tuple(sorted({number for number, at in his if at is not None}))
    )


def preview_forget(person: Person) -> Preview:
    """What `forget` would take away."""
    contacts, remarks, files = _words(_cases_of(person))
    return Preview(
        _cases_of(person).count(), contacts.count(), remarks.count(), files.count(), person.addresses.count()
    )


def forget(person: Person, *, by: Staff) -> Preview:
    """Forget a person: name, addresses, his words and files on all his cases. His cases stay, without him.

    What else goes with him, such as texts and subscriptions, is wired (`FORGETTING`).
    Raises Forbidden; NotAllowed while a case of his is open, because he could not be told its outcome.
    """
    rights.require(by, "person.forget")
    with transaction.atomic():
        held = Person.objects.select_for_update().get(pk=person.pk)
        gone = preview_forget(held)
        if _cases_of(held).exclude(state=State.CLOSED).exists():
            raise NotAllowed(
                _("A request of this person is still open; he could not be told its outcome. Close it first.")
            )
        for case in _cases_of(held):
            _redact(case, by=by, person=True)
        records = [held, *held.merged.all()]
        numbers = _numbers(records)
        for then in import_module(settings.WASL_WIRING).FORGETTING:
            then(records, numbers)
        for record in records:
            record.addresses.all().delete()
            Contact.objects.filter(person=record).update(person=None)
            record.name_sealed = record.name_words = None
            record.forgotten_at = clock.now()
            record.save(update_fields=["name_sealed", "name_words", "forgotten_at"])
    return gone


def due_for_retention(before: datetime) -> QuerySet[Case]:
    """Closed cases whose personal data is older than the rule allows and still there."""
    return Case.objects.filter(state=State.CLOSED, closed_at__lt=before, redacted_at__isnull=True)


def preview_retention(before: datetime) -> Preview:
    """What `retain` would take away."""
    cases = due_for_retention(before)
    contacts, remarks, files = _words(cases)
    return Preview(cases.count(), contacts.count(), remarks.count(), files.count(), 0)


def retain(before: datetime, *, by: Staff | None = None, limit: int = 500) -> Preview:
    """Apply the retention rule to cases closed before `before`, at most `limit` at a time. Raises Forbidden."""
    if by is not None:
        rights.require(by, "retention.run")
    cases = due_for_retention(before).order_by("closed_at")[:limit]
    chosen = Case.objects.filter(pk__in=[c.pk for c in cases])
    contacts, remarks, files = _words(chosen)
    gone = Preview(chosen.count(), contacts.count(), remarks.count(), files.count(), 0)
    for case in cases:
        _redact(case, by=THE_SYSTEM, person=True)
    return gone


def _redact(case: Case, *, by: By, person: bool) -> None:
    now = clock.now()
    acting = THE_SYSTEM if isinstance(by, Staff) else by
    with changing(case, by=acting, verb="case.redacted") as change:
        held = change.case
        contacts, remarks, files = _words(Case.objects.filter(pk=held.pk))
        names = [name for f in files for name in (f.original, f.shown, f.thumb) if name]
        change.record(
            "case.redacted",
            asked_by=by.pk if isinstance(by, Staff) else None,
            contacts=[c.pk for c in contacts] or None,
            remarks=[r.pk for r in remarks] or None,
            files=[f.pk for f in files] or None,
            requester_forgotten=person or None,
        )
        search.forget([*(c.pk for c in contacts), *(r.pk for r in remarks)])
        contacts.update(body="", salt=b"", source="", erased_at=now, person=None)
        remarks.update(body="", salt=b"", erased_at=now)
        files.update(original="", shown="", thumb="", name="", position_sealed=None, erased_at=now)
        held.lat = held.lon = held.accuracy_m = None
        held.address, held.answers = "", {}
        transaction.on_commit(lambda: _delete(names))


def _delete(names: list[str]) -> None:
    for name in names:
        default_storage.delete(name)
