"""Keeping requesters: knowing who writes, his addresses, merge and split.

Forgetting a person is a verb of cases (it touches the journal).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

from wasl.core.organisation import queries as organisation
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

    Who knows one address of somebody and adds one of his own is not taken for that person: else notices and links to
    his cases would go to a stranger. Two records of one person are joined by the centre (`cases.persons.merge`).
    """
    if not addresses:
        return None
    indexes = [seal.index_of(f"{medium}:{value}") for medium, value, _ in addresses]
    # Most who write are new: one bare look-up tells it before the ORM is asked who an address belongs to.
    if not read("SELECT 1 FROM people_address WHERE look_up = ANY($1) LIMIT 1", [indexes]):
        return None
    looked = Address.objects.filter(look_up__in=indexes)
    owned: dict[Person, set[bytes]] = {}
    for row in looked.select_related("person__merged_into"):
        owned.setdefault(row.person.merged_into or row.person, set()).add(bytes(row.look_up))
    whole = [person for person, has in owned.items() if len(has) == len(addresses) and not person.forgotten_at]
    return max(whole, key=lambda person: person.pk, default=None)


def meet(reach: Reach) -> tuple[Person | None, list[models.Model]]:
    """The person behind a contact, and the rows to write with it where he is new.

    Nothing is written here and a known person's record is not changed. Anonymous (no name, no usable address) is
    nobody.
    """
    addresses = reach.addresses()
    if not addresses and not reach.name.strip():
        return None, []
    if person := known(addresses):
        return person, []
    now = clock.now()
    person = Person(
        kind=reach.kind,
        name_sealed=seal.seal(reach.name.strip()) if reach.name.strip() else None,
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
                look_up=seal.index_of(f"{medium}:{value}"),
                hint=hint,
                source=reach.source,
                created_at=now,
            )
        )
    return person, rows


def verify(address: Address) -> None:
    """Note that the person proved the address to be his (a code or link that only he could answer)."""
    address.verified_at = clock.now()
    address.failed_at = None
    address.save(update_fields=["verified_at", "failed_at"])


def note_failure(address: Address) -> None:
    """Note that a message bounced for good; the address is not used until it is verified again (Q1)."""
    address.failed_at = clock.now()
    address.save(update_fields=["failed_at"])
