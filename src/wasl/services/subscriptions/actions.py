"""Subscribing and stopping, with proof; alerts before a date are sent by `jobs`."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from wasl.core.people.models import Person
from wasl.kernel import clock, phone, seal
from wasl.kernel.ids import new_id
from wasl.services.enquiries.sources import owner_index
from wasl.services.subscriptions import queries
from wasl.services.subscriptions.models import Alert, Subscription, Topic
from wasl.services.texts import actions as texts
from wasl.services.texts.models import Queued

By = Subscription.By
MOST = 20
"""Subscriptions of one number."""
ALERT = "alert:"
"""The texts of alerts are named by it and the alert's id."""


class Refused(ValueError):
    """It cannot be subscribed to; the sentence says why."""


def check(topic: Topic, text: str, *, number: str) -> str:
    """The key that `text` means. Raises Refused where it is none, or may not be told to this number."""
    if not topic.on:
        raise Refused(_("This cannot be subscribed to at present."))
    key = queries.key_of(topic, text)
    if key is None:
        raise Refused(_("Please add the number it is about, such as %(example)s.") % {"example": topic.example})
    if not queries.may_have(topic, key, number):
        raise Refused(_("Nothing of this number is registered with your telephone."))
    if queries.live([number]).count() >= MOST:
        raise Refused(_("This number has many subscriptions; please stop one first."))
    return key


@transaction.atomic
def subscribe(
    topic: Topic,
    key: str,
    *,
    number: str,
    language: str,
    by: By,
    proof: Mapping[str, Any],
    person: Person | None = None,
) -> Subscription:
    """Subscribe a number (E.164) that has just said yes; the subscription there is, if it is there already.

    `proof`: `words` that he was shown or read, and `text` (id of the incoming text), `sign_in` or `staff`. What `check`
    refuses is checked by the caller before he asks for the yes. Source: requirement J1.
    """
    pk = new_id()
    made, _new = Subscription.objects.get_or_create(
        look_up=seal.index_of(number),
        topic=topic,
        key=key,
        stopped_at=None,
        defaults={
            "id": pk,
            "owner": owner_index(number),
            "number_sealed": seal.seal(number, place=f"subscription {pk}"),
            "hint": phone.masked(number),
            "person": person,
            "language": language,
            "by": by,
            "proof": dict(proof),
            "confirmed_at": clock.now(),
        },
    )
    return made


def stop(subscription: Subscription, *, by: By) -> None:
    """End it; what is over stays so."""
    _end(Subscription.objects.filter(pk=subscription.pk, stopped_at__isnull=True), by)


def stop_topic(topic: Topic, *, number: str, by: By, key: str = "") -> int:
    """End what a number has of a topic, or of one key; how many."""
    mine = queries.live([number]).filter(topic=topic)
    return _end(mine.filter(key=key) if key else mine, by)


@transaction.atomic
def _end(some: QuerySet[Subscription], by: By) -> int:
    """End these, and take back the alerts of them that wait."""
    ended = list(some.select_for_update().values_list("pk", flat=True))
    refs = [f"{ALERT}{pk}" for pk in Alert.objects.filter(subscription__in=ended).values_list("pk", flat=True)]
    if refs:
        house = texts.house()
        waiting = Queued.objects.filter(text__client=house, text__ref__in=refs)
        texts.cancel_many(house, list(waiting.values_list("pk", flat=True)))
    return Subscription.objects.filter(pk__in=ended).update(stopped_at=clock.now(), stopped_by=by)


def forget(persons: Iterable[int], numbers: Iterable[str]) -> int:
    """Delete what these people subscribed to, and these numbers (E.164) that were theirs; how many rows."""
    look_ups = [seal.index_of(number) for number in numbers]
    return Subscription.objects.filter(Q(person__in=list(persons)) | Q(look_up__in=look_ups)).delete()[0]


def number_of(subscription: Subscription) -> str:
    """The telephone number. Raises seal.SealBroken."""
    return seal.unseal(bytes(subscription.number_sealed), place=f"subscription {subscription.pk}")
