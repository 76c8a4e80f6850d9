"""The record of a requester: seen, marked, joined with another and taken apart again; his cases get entries (P4)."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from wasl.core.cases import actions, queries
from wasl.core.cases.change import NotAllowed, changing
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import facts_of, note
from wasl.core.organisation.models import Staff
from wasl.core.people import queries as people
from wasl.core.people.models import Address, Merge, Person
from wasl.kernel import clock
from wasl.kernel.names import LANGUAGES


def merge(keep: Person, other: Person, *, by: Staff) -> Merge:
    """Join `other` to `keep`: addresses, contacts and cases move; what moved is kept so that `split` can put it back.

    Raises Forbidden; NotAllowed for the same, a forgotten or an already joined record.
    """
    rights.require(by, "person.merge")
    with transaction.atomic():
        held = {p.pk: p for p in Person.objects.select_for_update().filter(pk__in=[keep.pk, other.pk]).order_by("pk")}
        kept, joined = held[keep.pk], held[other.pk]
        if kept.pk == joined.pk:
            raise NotAllowed(_("Choose two different records."))
        if any(p.merged_into_id or p.forgotten_at for p in (kept, joined)):
            raise NotAllowed(_("One of these records was joined or forgotten already."))
        have = {(a.medium, bytes(a.look_up)) for a in kept.addresses.all()}
        addresses = [a.pk for a in joined.addresses.all() if (a.medium, bytes(a.look_up)) not in have]
        contacts = list(joined.contacts.values_list("pk", flat=True))
        cases = list(Case.objects.filter(requester=joined).order_by("pk"))
        Address.objects.filter(pk__in=addresses).update(person=kept)
        Contact.objects.filter(pk__in=contacts).update(person=kept)
        for case in cases:
            _hand_over(case, kept, by=by)
        joined.merged_into = kept
        joined.save(update_fields=["merged_into"])
        moved: dict[str, object] = {"addresses": addresses, "contacts": contacts, "cases": [case.pk for case in cases]}
        if joined.sensitive and not kept.sensitive:
            kept.sensitive = moved["sensitive"] = True
            kept.save(update_fields=["sensitive"])
        return Merge.objects.create(kept=kept, joined=joined, moved=moved, by=by, at=clock.now())


def split(done: Merge, *, by: Staff) -> None:
    """Take a merge back: what had moved goes home, what came since stays.

    Raises Forbidden, NotAllowed when split before.
    """
    rights.require(by, "person.merge")
    with transaction.atomic():
        held = Merge.objects.select_for_update().get(pk=done.pk)
        joined = Person.objects.select_for_update().get(pk=held.joined_id)
        if held.split_at or joined.merged_into_id != held.kept_id or joined.forgotten_at:
            raise NotAllowed(_("These records were taken apart already."))
        Address.objects.filter(pk__in=held.moved["addresses"], person=held.kept_id).update(person=joined)
        Contact.objects.filter(pk__in=held.moved["contacts"], person=held.kept_id).update(person=joined)
        for case in Case.objects.filter(pk__in=held.moved["cases"], requester=held.kept_id).order_by("pk"):
            _hand_over(case, joined, by=by)
        joined.merged_into = None
        joined.save(update_fields=["merged_into"])
        if held.moved.get("sensitive"):
            Person.objects.filter(pk=held.kept_id).update(sensitive=False)
        held.split_at, held.split_by = clock.now(), by
        held.save(update_fields=["split_at", "split_by"])


def cases_of(person: Person, staff: Staff) -> list[Case]:
    """His requests that this member of staff may see, the latest first."""
    found = queries.visible_to(staff).filter(requester=person).select_related("unit", "area")
    return list(found.order_by("-received_at")[:200])


def found_by(text: str, staff: Staff) -> QuerySet[Person]:
    """Who is reached at this telephone number or mail address, or called so, as far as this member of staff may know.

    That somebody marked as sensitive is known here is as sealed as who he is.
    """
    found = people.with_address(text)
    if found is None:
        found = people.with_name(text)
    return _but_sensitive(found if found is not None else Person.objects.none(), staff)


def twins_of(person: Person, staff: Staff) -> QuerySet[Person]:
    """Other records with an address of his, perhaps the same person, as far as this member of staff may know."""
    marks = list(person.addresses.values_list("look_up", flat=True))
    found = Person.objects.filter(addresses__look_up__in=marks, merged_into__isnull=True, forgotten_at__isnull=True)
    return _but_sensitive(found.exclude(pk=person.pk).distinct(), staff)


def _but_sensitive(found: QuerySet[Person], staff: Staff) -> QuerySet[Person]:
    if rights.scopes(staff, "person.sensitive").centre:
        return found
    return found.exclude(sensitive=True).exclude(merged_into__sensitive=True)


def see(person: Person, *, by: Staff, reason: str) -> Mapping[str, object]:
    """Name and addresses for the screen; the view, with its listed reason, is an entry of his latest request seen.

    Raises Forbidden where there is none, or the record is sensitive and `by` does not keep such.
    """
    rights.require(by, "identity.read")
    case = next(iter(cases_of(person, by)), None)
    if case is None:
        raise rights.Forbidden(_("You may see none of this person's requests, so the identity stays sealed."))
    return actions.see_identity(case, by=by, reason=reason)


def change(person: Person, *, by: Staff, kind: str, language: str, channel: str) -> None:
    """What he said of himself by telephone: who he is to the city, language, and how he wants to be told."""
    rights.require(by, "person.edit")
    if kind not in Person.Kind.values or channel not in Person.Channel.values or language not in LANGUAGES:
        raise NotAllowed(_("Choose one of what is offered."))
    with transaction.atomic():
        held = _living(person)
        before = facts_of(held)
        held.kind, held.language, held.channel, held.wished_at = kind, language, channel, clock.now()
        held.save(update_fields=["kind", "language", "channel", "wished_at"])
        note(by, "person.changed", held, before)


def mark_sensitive(person: Person, *, by: Staff, sensitive: bool) -> None:
    """Keep the identity from all but those who keep sensitive records, or open it to the centre again."""
    rights.require(by, "person.sensitive")
    with transaction.atomic():
        held = _living(person)
        before = facts_of(held)
        held.sensitive = sensitive
        held.save(update_fields=["sensitive"])
        note(by, "person.changed", held, before)


def _living(person: Person) -> Person:
    held = Person.objects.select_for_update().get(pk=person.pk)
    if held.merged_into_id or held.forgotten_at:
        raise NotAllowed(_("This record was joined to another or forgotten."))
    return held


def _hand_over(case: Case, to: Person, *, by: Staff) -> None:
    with changing(case, by=by, verb="case.requester_set") as change:
        change.record("case.requester_set", requester=to.pk, before=case.requester_id)
