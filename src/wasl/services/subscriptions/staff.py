"""Alerts that an agent keeps for a caller: he reads the words out, the caller says yes or wants no more (J1)."""

from django.db import transaction
from django.utils import translation

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import facts_of, note
from wasl.core.organisation.models import Staff
from wasl.services.dialogue import opting
from wasl.services.dialogue.words import DJANGO
from wasl.services.subscriptions import actions, queries
from wasl.services.subscriptions.models import Subscription, Topic

RIGHT = "person.edit"


def words_for(topic: Topic, text: str, *, number: str, language: str) -> tuple[str, str]:
    """The key that the caller means, and what is read out to him. Raises actions.Refused."""
    key = actions.check(topic, text, number=number)
    with translation.override(DJANGO[language]):
        return key, queries.consent(topic, key, language)


@transaction.atomic
def agree(topic: Topic, text: str, *, number: str, language: str, by: Staff) -> Subscription:
    """The caller said yes: the words are kept as what he agreed to, and that he wants texts again.

    Raises Forbidden, actions.Refused.
    """
    rights.require(by, RIGHT)
    key, words = words_for(topic, text, number=number, language=language)
    proof = {"words": words, "staff": by.pk}
    made = actions.subscribe(topic, key, number=number, language=language, by=Subscription.By.DESK, proof=proof)
    opting.want_again(number)
    note(by, "subscription.wanted_again", made, facts_of(made), wanted_again=True)
    return made


@transaction.atomic
def stop(subscription: Subscription, *, by: Staff) -> None:
    """The caller wants it no more. Raises Forbidden."""
    rights.require(by, RIGHT)
    before = facts_of(subscription)
    actions.stop(subscription, by=Subscription.By.DESK)
    # Only what was changed is read anew, and only that is noted: no key, no index of the number.
    subscription.refresh_from_db(fields=["stopped_at", "stopped_by"])
    note(by, "subscription.stopped", subscription, before)
