"""Reads of subscriptions: the topics there are, what a number has subscribed to."""

from collections.abc import Iterable

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from wasl.kernel import seal
from wasl.services.enquiries import reading
from wasl.services.enquiries.sources import data, owner_index
from wasl.services.subscriptions.models import Subscription, Topic


def topics() -> QuerySet[Topic]:
    """Those that are on."""
    return Topic.objects.filter(on=True).select_related("data_set")


def live(numbers: Iterable[str]) -> QuerySet[Subscription]:
    """What these numbers (E.164) have subscribed to and not stopped."""
    look_ups = [seal.index_of(number) for number in numbers]
    return (
        Subscription.objects.filter(look_up__in=look_ups, stopped_at__isnull=True)
        .select_related("topic")
        .order_by("topic__code", "key", "pk")
    )


def consent(topic: Topic, key: str, language: str) -> str:
    """What somebody agrees to, in words that are read to him or shown, and kept as proof; the language is active."""
    words = _("Alerts by SMS: %(topic)s %(key)s.") % {"topic": topic.name(language), "key": key}
    return words + (" " + _("Each alert is put on your telephone bill.") if topic.premium else "")


def key_of(topic: Topic, text: str) -> str | None:
    """The key in its one form, as `12345 BA`; empty for a topic that has none, None where it cannot be read."""
    return reading.normal(topic.key_kind, text) if topic.key_kind else ""


def may_have(topic: Topic, key: str, number: str) -> bool:
    """Whether this number may be told of this key: there is such a row, and it is this number's where rows have owners.

    Rows that only a PIN opens are nobody's to subscribe to: a text proves a number and no PIN.
    Who is refused does not learn whether there is such a key.
    """
    if topic.data_set is None:
        return True
    rows = data.find(topic.data_set.pk, [key]).get(key, [])
    if topic.data_set.owner_column:
        return any(row.owner == owner_index(number) for row in rows)
    return bool(rows) and not topic.data_set.pin_column
