"""Finding people by what they are called and how they are reached, without opening what is sealed.

Who may ask is not decided here.
"""

from datetime import timedelta

from django.db.models import QuerySet

from wasl.core.organisation import queries as organisation
from wasl.core.people.models import Address, Person
from wasl.kernel import clock, mailaddress, phone, seal, terms

__all__ = [
    "Person",
    "asked_to_be_forgotten",
    "best_number",
    "doubt",
    "index_of",
    "name_index",
    "to_repair",
    "with_address",
    "with_name",
]

VERIFY_EVERY = timedelta(days=365)
"""A number that was last proved longer ago is asked about when its owner speaks with us (Q2)."""
POOR = 40
"""Addresses of less confidence, in per cent, are to be repaired (Q1)."""


def index_of(medium: str, value: str) -> bytes:
    """The blind index of an address in its normalised form, by which it is found."""
    return seal.index_of(f"{medium}:{value}")


def name_index(name: str) -> list[int]:
    """A keyed 64-bit number for each word of a name, whatever its spelling (see `terms.name_words`).

    It tells nothing without the key but how often a word is borne.
    """
    return [int.from_bytes(seal.index_of(f"name:{word}")[:8], signed=True) for word in terms.name_words(name)]


def with_address(text: str) -> QuerySet[Person] | None:
    """People who are reached at this telephone number or mail address; None where `text` is neither."""
    if called := phone.normalise(text, organisation.the_city().region):
        index = index_of(Address.Medium.PHONE, called)
    elif mail := mailaddress.normalise(text):
        index = index_of(Address.Medium.MAIL, mail)
    else:
        return None
    return Person.objects.filter(pk__in=Address.objects.filter(look_up=index).values("person"))


def with_name(text: str) -> QuerySet[Person] | None:
    """People in whose name all the words of `text` stand; None where it holds no word that names somebody."""
    words = name_index(text)
    return Person.objects.filter(name_words__contains=words) if words else None


def to_repair() -> QuerySet[Address]:
    """Addresses that no longer work or are somebody else's, the worst first; better ones are to be asked for (Q1)."""
    return (
        Address.objects.filter(confidence__lt=POOR, person__forgotten_at__isnull=True)
        .select_related("person")
        .order_by("confidence", "pk")
    )


def best_number(person: Person) -> Address | None:
    """The telephone number that is likeliest his and works; None where none is kept. Its confidence tells the rest."""
    numbers = [row for row in person.addresses.all() if row.medium == Address.Medium.PHONE]
    return max(numbers, key=lambda row: (row.preferred, row.confidence, row.created_at, row.pk), default=None)


def doubt(number: Address | None) -> str:
    """Why a person is to be asked for his number: "none", "poor", "unproved" or "old"; empty when it is good (Q2)."""
    if number is None:
        return "none"
    if number.confidence < POOR:
        return "poor"
    if number.verified_at is None:
        return "unproved"
    return "old" if clock.now() - number.verified_at > VERIFY_EVERY else ""


def asked_to_be_forgotten() -> QuerySet[Person]:
    """Who asked to be forgotten and is not yet, the longest waiting first."""
    return Person.objects.filter(
        forget_asked_at__isnull=False, forgotten_at__isnull=True, merged_into__isnull=True
    ).order_by("forget_asked_at", "pk")
