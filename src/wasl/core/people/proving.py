"""Proving that an address is somebody's own by a one-time code, and which records that opens.

How a code reaches the address is the outbox's, how long somebody stays signed in the portal's.
"""

import hmac
from datetime import timedelta

from django.core import signing
from django.db import transaction

from wasl.core.organisation.models import Staff
from wasl.core.people import actions as people
from wasl.core.people import queries
from wasl.core.people.models import Address, Code, Person
from wasl.kernel import clock, seal
from wasl.kernel.digits import to_ascii_digits

GOOD_FOR = timedelta(minutes=10)
MOST_TRIES = 5
STILL_THERE = timedelta(minutes=30)
"""How long after proving an address its owner counts as still with us."""
_SALT = "wasl.people.code"
_KEPT_FOR = timedelta(days=1)


class CodeRefused(Exception):
    """The code is used, too old, or was guessed at too often; which of these is not told."""


def ask(
    *, medium: str, value: str, hint: str, language: str, person: Person | None = None, by: Staff | None = None
) -> Code:
    """A new code for a normalised address, whether anybody has it or not; with `person`, to add it to his record.

    `by` is who asked for it at the desk, for the person before him.
    """
    return Code.objects.create(
        medium=medium,
        value_sealed=seal.seal(value),
        look_up=queries.index_of(medium, value),
        hint=hint,
        person=person,
        asked_by=by,
        language=language,
        made_at=clock.now(),
    )


def digits_of(code: Code) -> str:
    """The six digits, derived and never kept."""
    return seal.pin_of(f"code {code.pk}", 0)


def token_of(code: Code) -> str:
    """The token of the link that does the same as the digits, fit for a URL path."""
    return signing.Signer(salt=_SALT).sign_object(code.pk)


def of_token(token: str) -> Code | None:
    """The code of a link, if the link is ours."""
    try:
        pk = signing.Signer(salt=_SALT).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Code.objects.filter(pk=pk).first()


def is_good(code: Code) -> bool:
    """Whether it may still be used."""
    return code.used_at is None and code.tries < MOST_TRIES and clock.now() - code.made_at <= GOOD_FOR


def receiver(code: Code) -> Person | None:
    """To whom it may be sent: somebody who has this address, or who wants to add it; for all others it stays unsent."""
    if code.person is not None:
        return None if code.person.forgotten_at else code.person
    rows = Address.objects.filter(look_up=code.look_up, medium=code.medium).select_related("person__merged_into")
    return next((_root(row) for row in rows.order_by("pk") if not _root(row).forgotten_at), None)


@transaction.atomic
def use(code: Code, typed: str | None = None) -> bool:
    """Use it up and prove its address; `typed` are digits of any script, None where the link itself was followed.

    False for wrong digits, of which five make it void. Raises CodeRefused. What is proved then stands in `opened`.
    """
    held = Code.objects.select_for_update().get(pk=code.pk)
    if not is_good(held):
        raise CodeRefused
    if typed is not None:
        plain = "".join(to_ascii_digits(typed[:40]).split())
        if not hmac.compare_digest(digits_of(held).encode(), plain.encode(errors="replace")):
            held.tries += 1
            held.save(update_fields=["tries"])
            return False
    held.used_at = clock.now()
    held.save(update_fields=["used_at"])
    _prove(held)
    return True


def _prove(code: Code) -> None:
    if code.person is not None:
        value = seal.unseal(bytes(code.value_sealed))
        person = code.person.merged_into or code.person
        row = people.add_address(
            person, medium=code.medium, value=value, hint=code.hint, source="desk" if code.asked_by_id else "web"
        )
        people.verify(row)
        return
    answered(code.medium, bytes(code.look_up))


def answered(medium: str, look_up: bytes) -> None:
    """Note that whoever reads at this address answered a code: on the records where that proves it to be his."""
    rows = Address.objects.select_for_update(of=("self",)).filter(look_up=look_up, medium=medium)
    for row in rows.select_related("person__merged_into"):
        if row.verified_at is not None or unclaimed(_root(row)):
            people.verify(row)


def wrote_from(person: Person, *, medium: str, value: str) -> None:
    """Note that the person has written to us from this normalised address: it is his, as if he had answered a code.

    Only where a code would prove it too: on a record of which nobody proved another address. Networks vouch for the
    number that a text comes from; see the decision on texts as proof.
    """
    row = Address.objects.filter(person=person, medium=medium, look_up=queries.index_of(medium, value)).first()
    if row is not None and (row.verified_at is not None or unclaimed(person)):
        people.verify(row)


def unclaimed(person: Person) -> bool:
    """Whether nobody has proved an address of this record, nor the centre put it together from several.

    Each report on such a record was given with all of its addresses (`actions.owner`), so whoever reads what is sent
    to one of them may see them. Once somebody has proved an address, what else was typed opens nothing.
    """
    return not (
        person.forgotten_at
        or person.merged.exists()
        or Address.objects.filter(person=person, verified_at__isnull=False).exists()
    )


def _root(row: Address) -> Person:
    return row.person.merged_into or row.person


def opened(look_up: bytes) -> list[Person]:
    """The records that an address opens to whoever proved it: those on which it is proved, the latest first."""
    rows = Address.objects.filter(look_up=look_up, verified_at__isnull=False).select_related("person__merged_into")
    found = {person.pk: person for person in map(_root, rows) if person.forgotten_at is None}
    return sorted(found.values(), key=lambda person: person.pk, reverse=True)


def purge_codes() -> int:
    """Delete codes that were made more than a day ago; how many they were."""
    return Code.objects.filter(made_at__lt=clock.now() - _KEPT_FOR).delete()[0]
