"""Alerts before a date: sixty, thirty and seven days before, once each, and no more once the date has moved (J13)."""

import json
import logging
from collections.abc import Mapping
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from wasl.kernel import clock
from wasl.kernel.ids import new_id
from wasl.kernel.names import code_of
from wasl.kernel.rows import read
from wasl.services.subscriptions import actions, queries
from wasl.services.subscriptions.models import Alert, Subscription, Topic
from wasl.services.texts import actions as texts
from wasl.services.texts.models import Klass

logger = logging.getLogger(__name__)
STEPS = (60, 30, 7)
_AT_ONCE = 500
_DJANGO = {"ar": "ar", "en": "en", "zh": "zh-hans"}
# Dates of the next two months, with the last step that was told of each, page by page: one ends also among the rows of
# one subscription. A date that has moved is another date: its steps begin anew, and those of the old one never come. A
# column may hold what only looks like a date.
_NEAR = """
SELECT s.id, d.id, d.values->>$3::text,
    (SELECT min(a.step) FROM subscriptions_alert a WHERE a.subscription_id = s.id AND a.due::text = d.values->>$3::text)
FROM subscriptions_subscription s
JOIN enquiries_datarow d ON d.data_set_id = $2 AND d.key = s.key AND (d.owner IS NULL OR d.owner = s.owner)
WHERE s.topic_id = $1 AND s.stopped_at IS NULL AND (s.id, d.id) > ($6, $7)
    AND d.values->>$3::text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
    AND d.values->>$3::text BETWEEN $4::date::text AND $5::date::text
ORDER BY s.id, d.id LIMIT $8
"""
_TAKE = """
INSERT INTO subscriptions_alert (id, subscription_id, due, step, premium, at)
SELECT id, subscription, due, step, $2, $3
FROM jsonb_to_recordset($1::jsonb) n(id bigint, subscription bigint, due date, step int)
ORDER BY subscription ON CONFLICT DO NOTHING RETURNING id
"""


def send_alerts() -> int:
    """Alert everybody to whom a step has come; gives how many. An hourly job: twice or late does no harm."""
    return sum(_of_topic(topic) for topic in queries.topics() if topic.data_set is not None and topic.date_column)


def _of_topic(topic: Topic) -> int:
    sent, last = 0, (0, 0)
    while True:
        told, last, more = _page(topic, last)
        sent += told
        if not more:
            return sent


@transaction.atomic
def _page(topic: Topic, after: tuple[int, int]) -> tuple[int, tuple[int, int], bool]:
    """Queue and note what is due of some, together or not at all: (how many, the last, whether more)."""
    today = timezone.localtime(clock.now()).date()
    until = today + timedelta(days=max(STEPS))
    found = read(_NEAR, [topic.pk, topic.data_set_id, topic.date_column, today, until, *after, _AT_ONCE])
    due: dict[int, tuple[int, date, int]] = {}
    for pk, _row, written, told in found:
        try:
            on = date.fromisoformat(written)
        except ValueError:
            continue
        step = min(step for step in STEPS if (on - today).days <= step)
        if told is None or told > step:
            due[new_id()] = pk, on, step
    sent = _send(topic, due, today) if due else 0
    return sent, (found[-1][0], found[-1][1]) if found else after, len(found) == _AT_ONCE


def _send(topic: Topic, due: Mapping[int, tuple[int, date, int]], today: date) -> int:
    """Queue an alert for each (id: subscription, date, step) that nobody else took; gives how many are queued."""
    rows = [{"id": pk, "subscription": of, "due": str(on), "step": step} for pk, (of, on, step) in due.items()]
    taken = {row[0] for row in read(_TAKE, [json.dumps(rows), topic.premium, clock.now()])}
    held = Subscription.objects.in_bulk([due[pk][0] for pk in taken])
    news = []
    for pk in sorted(taken):
        of, on, _step = due[pk]
        said = words(topic, held[of], on, today)
        number = actions.number_of(held[of])
        news.append(
            texts.New(ref=f"{actions.ALERT}{pk}", number=number, words=said, klass=Klass.ALERT, sender=topic.sender)
        )
    answers = texts.queue(texts.house().code, news) if news else []
    refused = [one for one in answers if isinstance(one, texts.Refused)]
    # Who stopped alerts has had his say; what could not be taken for another reason comes again with the next run.
    again = [
        pk
        for pk, one in zip(sorted(taken), answers, strict=True)
        if isinstance(one, texts.Refused) and one.why != "stopped"
    ]
    Alert.objects.filter(pk__in=again).delete()
    if again:
        logger.warning("%s alerts of topic=%s were not taken: %s", len(again), topic.code, refused[0])
    return len(answers) - len(refused)


def words(topic: Topic, subscription: Subscription, due: date, today: date) -> str:
    """What the alert says, in the subscriber's language."""
    language = code_of(subscription.language)
    days = (due - today).days
    with translation.override(_DJANGO[language]):
        when = date_format(due, pgettext("date format of Django", "j F Y"))
        facts = {
            "topic": topic.name(language),
            "key": subscription.key,
            "when": when,
            "days": days,
            "stop": topic.stop_words(),
        }
        if days == 0:
            return _("%(topic)s, %(key)s: ends today, %(when)s. %(stop)s ends these alerts.") % facts
        return (
            ngettext(
                "%(topic)s, %(key)s: ends on %(when)s, in %(days)s day. %(stop)s ends these alerts.",
                "%(topic)s, %(key)s: ends on %(when)s, in %(days)s days. %(stop)s ends these alerts.",
                days,
            )
            % facts
        )
