"""The administrator's verb on topics of alerts. Raises Forbidden, and Refused with a sentence (J1, J3)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel.plain import line
from wasl.kernel.text import fold
from wasl.services.dialogue import subscribing
from wasl.services.dialogue.editing import keywords_of
from wasl.services.dialogue.models import ShortCode
from wasl.services.enquiries import reading
from wasl.services.enquiries.models import DataSet
from wasl.services.subscriptions.models import Topic

RIGHT = "enquiries.edit"
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What an administrator writes down of a topic. `data_set` and `date_column` are empty for news by hand."""

    code: str
    names: Mapping[str, str]
    keywords: Mapping[str, Sequence[str]]
    sender: str
    data_set: DataSet | None = None
    date_column: str = ""
    example: str = ""
    premium: bool = False
    on: bool = True


def save_topic(held: Topic | None, *, by: Staff, facts: TopicFacts) -> Topic:
    """Make a topic or change it; it counts at once.

    One that is off is retired: nobody subscribes to it any more and its alerts stop, who had it is kept.
    """
    rights.require(by, RIGHT)
    keywords = keywords_of(facts.keywords)
    kind = _kind(facts)
    with transaction.atomic():
        row = Topic() if held is None else Topic.objects.select_for_update().get(pk=held.pk)
        before = None if held is None else facts_of(row)
        if not _CODE.fullmatch(facts.code):
            raise Refused(_("A code has small letters a to z, digits and dashes."))
        if Topic.objects.filter(code=facts.code).exclude(pk=row.pk).exists():
            raise Refused(_("There is one of this code already."))
        _check_free(row, keywords)
        others = row.subscriptions.filter(stopped_at__isnull=True)
        about = facts.data_set.pk if facts.data_set else None
        if held is not None and (about, kind) != (row.data_set_id, row.key_kind) and others.exists():
            raise Refused(_("People have subscribed to what stands here now. Retire it and make another topic."))
        if held is not None and facts.premium and not row.premium and others.exists():
            raise Refused(_("People have agreed to alerts that cost nothing. Retire it and make another topic."))
        row.code, row.names, row.keywords = facts.code, names_of(facts.names), keywords
        row.data_set, row.date_column, row.key_kind = facts.data_set, facts.date_column, kind
        row.example, row.sender = line(facts.example)[:40], facts.sender
        row.premium, row.on = facts.premium, facts.on
        row.save(force_insert=held is None)
        note(by, "topic.made" if held is None else "topic.changed", row, before)
    subscribing.forget()
    return row


def _kind(facts: TopicFacts) -> str:
    """What the key of a subscription is. Raises Refused for what does not go together."""
    if not ShortCode.objects.filter(number=facts.sender).exists():
        raise Refused(_("Choose the short code that alerts come from."))
    if facts.data_set is None:
        if facts.date_column:
            raise Refused(_("Without a data set there is no column with a date."))
        return ""
    if facts.date_column not in facts.data_set.columns:
        raise Refused(_("Choose the column with the date from those that the data set has."))
    if len(facts.data_set.key) != 1:
        raise Refused(_("A row of this data set is found by several things; alerts need one."))
    kind = str(facts.data_set.key[0]["kind"])
    if facts.example and reading.normal(kind, facts.example) is None:
        raise Refused(_("The example is none that could be read."))
    return kind


def _check_free(row: Topic, keywords: Mapping[str, Sequence[str]]) -> None:
    mine = {fold(word) for words in keywords.values() for word in words}
    for other in Topic.objects.exclude(pk=row.pk):
        for words in other.keywords.values():
            for word in words:
                if fold(word) in mine:
                    raise Refused(
                        _("“%(word)s” is a keyword of “%(command)s” already.") % {"word": word, "command": other}
                    )
