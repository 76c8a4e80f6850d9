"""What follows from what: the one table. Entry verb -> reactions, run in order inside the transaction of the entry;
and what else is done when a person is forgotten, in that transaction too.

A reaction that leaves the data base only inserts a row or a job. Live screens need no line here: each change notifies
them.
"""

from collections.abc import Callable, Mapping, Sequence

from wasl.core.cases.forgetting import Numbers
from wasl.core.cases.reactions import close_followers, close_when_confirmed, resume_when_answered
from wasl.core.people.models import Person
from wasl.services.calls import forgetting as calls
from wasl.services.campaigns import people as campaigns
from wasl.services.dialogue import actions as dialogue
from wasl.services.exchange import checks
from wasl.services.messages.reactions import (
    Reaction,
    blank,
    citizen,
    notice_asked,
    notice_asker,
    notice_owner,
    notice_unit,
    notice_watchers,
    to_centre,
    unit,
)
from wasl.services.subscriptions import actions as subscriptions
from wasl.services.texts import forgetting as texts

REACTIONS: Mapping[str, list[Reaction]] = {
    "case.received": [citizen("received")],
    "case.registered": [citizen("registered", unless_new=True), notice_watchers("staff_emergency", emergencies=True)],
    "case.asked": [citizen("asked")],
    "case.added": [resume_when_answered, notice_owner],
    "case.answered": [citizen("answered")],
    "case.refused": [citizen("refused")],
    "case.joined": [citizen("joined")],
    "case.dispatched": [unit("staff_order"), citizen("dispatched", unless_new=True)],
    "case.reclassified": [citizen("reclassified")],
    "case.arbitrated": [unit("staff_order")],
    "case.flagged": [notice_watchers("staff_emergency", emergencies=True)],
    "case.escalated": [unit("staff_order"), citizen("dispatched"), notice_watchers("staff_escalated")],
    "case.redone": [unit("staff_order", kind="staff_redone"), citizen("redone")],
    "order.returned": [to_centre("staff_returned")],
    "order.objected": [to_centre("staff_returned")],
    "order.sub_dispatched": [unit("staff_order")],
    "order.extension_granted": [citizen("extended"), unit("staff_extension")],
    "order.extension_denied": [unit("staff_extension_denied")],
    "order.pause_denied": [notice_unit("staff_pause_denied")],
    "case.suspended": [citizen("suspended"), notice_unit("staff_pause")],
    "case.resumed": [citizen("resumed")],
    "case.interim_replied": [citizen("interim")],
    "order.replied": [notice_owner],
    "case.told": [citizen("told")],
    "case.confirmed": [notice_owner, close_when_confirmed],
    "case.contested": [notice_owner],
    "case.closed": [close_followers, citizen("closed")],
    "case.follower_closed": [citizen("closed")],
    "case.reopened": [notice_owner, citizen("reopened")],
    "case.inquired": [notice_asked],
    "case.inquiry_answered": [notice_asker],
    "case.redacted": [blank],
}


def _forget_texts(_persons: Sequence[Person], numbers: Numbers) -> None:
    texts.forget(numbers.all)


def _forget_checks(_persons: Sequence[Person], numbers: Numbers) -> None:
    checks.forget(list(numbers.all))


def _forget_talks(_persons: Sequence[Person], numbers: Numbers) -> None:
    dialogue.forget(numbers.proved)


def _forget_subscriptions(persons: Sequence[Person], numbers: Numbers) -> None:
    # What anybody typed into a report as his number is not his to unsubscribe.
    subscriptions.forget([person.pk for person in persons], numbers.proved)


def _forget_lists(_persons: Sequence[Person], numbers: Numbers) -> None:
    # As above: nobody takes a number off an emergency's list by typing it into a report.
    campaigns.forget(numbers.proved)


def _forget_calls(persons: Sequence[Person], numbers: Numbers) -> None:
    calls.forget(persons, numbers.proved)


FORGETTING: Sequence[Callable[[Sequence[Person], Numbers], None]] = (
    _forget_texts,
    _forget_checks,
    _forget_talks,
    _forget_subscriptions,
    _forget_lists,
    _forget_calls,
)
