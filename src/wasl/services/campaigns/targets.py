"""Whom a campaign goes to: the numbers of its groups, each once. Worked out when it is sent, not before."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.kernel import clock, phone, seal
from wasl.kernel.names import LANGUAGES
from wasl.services.campaigns.models import Group, Member
from wasl.services.campaigns.people import name_of, number_place
from wasl.services.subscriptions import actions as subscriptions
from wasl.services.subscriptions.models import Subscription

USUAL = "ar"
"""The language of whoever has none."""


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody to be written to."""

    number: str
    name: str
    language: str


def staff_under(unit: Unit) -> list[Staff]:
    """Who works there: whoever holds a post in the unit or below it now, or has his account kept there."""
    now = clock.now()
    posts = Post.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now), since__lte=now, unit__path__startswith=unit.path
    )
    mine = Q(pk__in=posts.values("staff")) | Q(unit__path__startswith=unit.path)
    return list(Staff.objects.filter(mine, is_active=True).order_by("pk"))


def number_of(staff: Staff) -> str | None:
    """His number in E.164, where he gave one that is valid."""
    number = phone.normalise(staff.phone, organisation.the_city().region) if staff.phone else None
    return None if number is None or phone.is_short_code(number) else number


def everybody(groups: Iterable[Group]) -> Iterator[Target]:
    """Each number of these groups once, as its first group has it; what is switched off is left out."""
    seen: set[str] = set()
    for group in groups:
        for one in _of(group) if group.on else ():
            if one.number not in seen:
                seen.add(one.number)
                yield one


def _of(group: Group) -> Iterator[Target]:
    if group.kind == Group.Kind.LIST:
        for row in Member.objects.filter(group=group).order_by("pk").iterator(2000):
            number = seal.unseal(bytes(row.number_sealed), place=number_place(row.pk))
            yield Target(number, name_of(row), row.language or USUAL)
    elif group.kind == Group.Kind.STAFF:
        for staff in staff_under(group.unit):
            if written := number_of(staff):
                yield Target(written, str(staff), staff.language)
    else:
        for subscription in _subscriptions(group).order_by("pk").iterator(2000):
            yield Target(subscriptions.number_of(subscription), "", subscription.language or USUAL)


def _subscriptions(group: Group) -> QuerySet[Subscription]:
    return Subscription.objects.filter(topic=group.topic, stopped_at__isnull=True)


def counted(groups: Iterable[Group]) -> Counter[str]:
    """How many of each language `everybody` would give; nothing is unsealed for it."""
    found: dict[bytes, str] = {}
    for group in groups:
        for look_up, language in _indexes(group) if group.on else ():
            found.setdefault(look_up, language[:2] if language[:2] in LANGUAGES else USUAL)
    return Counter(found.values())


def _indexes(group: Group) -> Iterator[tuple[bytes, str]]:
    if group.kind == Group.Kind.STAFF:
        for staff in staff_under(group.unit):
            if number := number_of(staff):
                yield seal.index_of(number), staff.language
        return
    rows: QuerySet[Any] = Member.objects.filter(group=group)
    if group.kind == Group.Kind.SUBSCRIBERS:
        rows = _subscriptions(group)
    for look_up, language in rows.order_by("pk").values_list("look_up", "language").iterator(5000):
        yield bytes(look_up), language
