"""Keeping requesters: knowing who writes, his addresses, merge and split. Forgetting a person is a verb of cases (it touches the journal)."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

from wasl.core.organisation import queries as organisation
from wasl.core.people.models import Address, Person
from wasl.kernel import clock, mailaddress, phone, seal


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
    """The person who has one of these addresses, the latest written first; follows merges."""
    if not addresses:
        return None
    looked = Address.objects.filter(look_up__in=[seal.index_of(f"{medium}:{value}") for medium, value, _ in addresses])
    found = looked.select_related("person", "person__merged_into").order_by("-created_at").first()
    if found is None or found.person.forgotten_at:
        return None
    return found.person.merged_into or found.person


def meet(reach: Reach) -> tuple[Person | None, list[models.Model]]:
    """The person behind a contact, and the rows to write with it: himself if new, addresses not yet known.

    Nothing is written here and a known person's own settings are not changed: somebody who only claims an address must not
    be able to. Anonymous (no name and no usable address) gives nobody.
    """
    addresses = reach.addresses()
    if not addresses and not reach.name.strip():
        return None, []
    now = clock.now()
    person = known(addresses)
    rows: list[models.Model] = []
    if person is None:
        person = Person(
            kind=reach.kind,
            name_sealed=seal.seal(reach.name.strip()) if reach.name.strip() else None,
            language=reach.language,
            channel=reach.channel,
            created_at=now,
        )
        rows.append(person)
        have: set[bytes] = set()
    else:
        have = {bytes(x) for x in person.addresses.values_list("look_up", flat=True)}
    for medium, value, hint in addresses:
        look_up = seal.index_of(f"{medium}:{value}")
        if look_up not in have:
            rows.append(
                Address(
                    person=person,
                    medium=medium,
                    value_sealed=seal.seal(value),
                    look_up=look_up,
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
