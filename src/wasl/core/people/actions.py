"""Keeping requesters: knowing who writes, his addresses, merge and split.

Forgetting a person is a verb of cases (it touches the journal); one-time codes are in `proving`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction

from wasl.core.organisation import queries as organisation
from wasl.core.people import queries
from wasl.core.people.models import Address, Person
from wasl.kernel import clock, mailaddress, phone, seal
from wasl.kernel.rows import read


@dataclass(frozen=True)
class Reach:
    """How somebody says he can be reached, as it came in; empty strings are unknown."""

    name: str = ""
    phone: str = ""
    mail: str = ""
    kind: str = Person.Kind.CITIZEN
    language: str = "ar"
    channel: str = Person.Channel.WEB
    source: str = "web"

    def addresses(self) -> list[tuple[str, str, str]]:
        """(medium, normalised value, masked form) of what can be used; what cannot be read is left out."""
        found = []
        if number := phone.normalise(self.phone, organisation.the_city().region) if self.phone else None:
            found.append((Address.Medium.PHONE.value, number, phone.masked(number)))
        if mail := mailaddress.normalise(self.mail) if self.mail else None:
            found.append((Address.Medium.MAIL.value, mail, mailaddress.masked(mail)))
        return found


def known(addresses: Sequence[tuple[str, str, str]]) -> Person | None:
    """The person to whom all of these addresses belong, the latest record of several; follows merges.

    For staff, who look at a record before they take it for somebody's.
    """
    return _latest(_with_all(addresses))


def owner(addresses: Sequence[tuple[str, str, str]]) -> Person | None:
    """The person whom a report with these addresses may be put down to, the latest record of several.

    All must be on his record, and one of them was proved to be his, or he has no others, or the centre put the record
    together (`cases.persons.merge`). So who knows an address of somebody can neither add one of his own and be taken
    for that person, nor have written down both together before and then be told of the other's reports.
    """
    given = {queries.index_of(medium, value) for medium, value, _ in addresses}
    safe = []
    for person in _with_all(addresses):
        rows = [(bytes(row.look_up), row.verified_at) for row in person.addresses.all()]
        if (
            any(proved and index in given for index, proved in rows)
            or {index for index, _ in rows} <= given
            or person.merged.exists()
        ):
            safe.append(person)
    return _latest(safe)


def _latest(persons: Sequence[Person]) -> Person | None:
    return max(persons, key=lambda person: person.pk, default=None)


def _with_all(addresses: Sequence[tuple[str, str, str]]) -> list[Person]:
    if not addresses:
        return []
    indexes = [queries.index_of(medium, value) for medium, value, _ in addresses]
    # Most who write are new: one bare look-up tells it before the ORM is asked who an address belongs to.
    if not read("SELECT 1 FROM people_address WHERE look_up = ANY($1) LIMIT 1", [indexes]):
        return []
    looked = Address.objects.filter(look_up__in=indexes)
    owned: dict[Person, set[bytes]] = {}
    for row in looked.select_related("person__merged_into"):
        owned.setdefault(row.person.merged_into or row.person, set()).add(bytes(row.look_up))
    return [person for person, has in owned.items() if len(has) == len(addresses) and not person.forgotten_at]


def named(name: str) -> dict[str, Any]:
    """The columns of a person of this name: sealed, and found by its words. Empty for an empty name."""
    name = name.strip()
    if not name:
        return {"name_sealed": None, "name_words": None}
    return {"name_sealed": seal.seal(name), "name_words": queries.name_index(name) or None}


def meet(reach: Reach) -> tuple[Person | None, list[models.Model]]:
    """The person behind a contact, and the rows to write with it where he is new.

    Nothing is written here and a known person's record is not changed. Anonymous (no name, no usable address) is
    nobody.
    """
    addresses = reach.addresses()
    if not addresses and not reach.name.strip():
        return None, []
    if person := owner(addresses):
        return person, []
    now = clock.now()
    person = Person(
        kind=reach.kind,
        **named(reach.name),
        language=reach.language,
        channel=reach.channel,
        created_at=now,
    )
    rows: list[models.Model] = [person]
    for medium, value, hint in addresses:
        rows.append(
            Address(
                person=person,
                medium=medium,
                value_sealed=seal.seal(value),
                look_up=queries.index_of(medium, value),
                hint=hint,
                source=reach.source,
                created_at=now,
            )
        )
    return person, rows


def verify(address: Address) -> None:
    """Note that the person proved the address to be his (a code or link that only he could answer)."""
    address.verified_at = clock.now()
    address.failed_at, address.confidence = None, _PROVED
    address.save(update_fields=["verified_at", "failed_at", "confidence"])


def add_address(person: Person, *, medium: str, value: str, hint: str, source: str) -> Address:
    """Write a normalised address into a person's record, as claimed; the row that is there if he has it already."""
    made, _new = Address.objects.get_or_create(
        person=person,
        medium=medium,
        look_up=queries.index_of(medium, value),
        defaults={"value_sealed": seal.seal(value), "hint": hint, "source": source, "created_at": clock.now()},
    )
    return made


@transaction.atomic
def prefer(address: Address) -> None:
    """Reach the person at this address before his others."""
    Address.objects.filter(person_id=address.person_id, preferred=True).exclude(pk=address.pk).update(preferred=False)
    address.preferred = True
    address.save(update_fields=["preferred"])


def wish(persons: Iterable[Person], *, language: str, channel: str) -> None:
    """Keep how somebody, in person, wants to be told; from now on it counts for his earlier reports too."""
    for person in persons:
        person.language, person.channel, person.wished_at = language, channel, clock.now()
        person.save(update_fields=["language", "channel", "wished_at"])


def ask_to_be_forgotten(persons: Iterable[Person], *, asked: bool) -> None:
    """Note that somebody wants to be forgotten, or no longer; doing it is a verb of cases (`forgetting.forget`)."""
    for person in persons:
        if asked and person.forget_asked_at is not None:
            continue
        person.forget_asked_at = clock.now() if asked else None
        person.save(update_fields=["forget_asked_at"])


def is_usable(address: Address) -> bool:
    """Whether messages may go there: it never failed for good, or was proved since."""
    return address.failed_at is None or (address.verified_at is not None and address.verified_at > address.failed_at)


# What is known of an address, in per cent (Q1). A claimed one begins at 50.
_PROVED, _DELIVERED, _FAILED, _STRANGER = 100, 80, 30, 0


def note_failure(address: Address) -> None:
    """Note that a message bounced for good; the address is not used until it is verified again (Q1)."""
    address.failed_at, address.confidence = clock.now(), min(address.confidence, _FAILED)
    address.save(update_fields=["failed_at", "confidence"])


def note_delivery(address: Address, at: datetime) -> None:
    """Note that a message certainly reached it: it works, whosever it is (Q1)."""
    address.delivered_at, address.confidence = at, max(address.confidence, _DELIVERED)
    address.save(update_fields=["delivered_at", "confidence"])


def note_wrong_person(address: Address) -> None:
    """Note that whoever reads there says he is somebody else; it is not used until it is proved again (Q1)."""
    address.failed_at, address.confidence = clock.now(), _STRANGER
    address.save(update_fields=["failed_at", "confidence"])
