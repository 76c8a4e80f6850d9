"""Sending campaigns: begun, handed to the gateway step by step, brought before those above, ended. Jobs for the worker.

Each step is one transaction: who was killed in the middle of it did nothing, and the next run goes on from there.
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import ngettext

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, phone, seal
from wasl.kernel.ids import new_id
from wasl.kernel.names import code_of
from wasl.services.campaigns import clients, people, queries, targets
from wasl.services.campaigns.models import Campaign, Group, Receiver, Upload
from wasl.services.texts import actions as texts
from wasl.services.texts.models import Klass, Text

logger = logging.getLogger(__name__)
Kind, State = Campaign.Kind, Campaign.State
STEP = 500
RUN_S = 20.0
"""The worker does one thing at a time: after so long others have their turn, and the next minute goes on."""
GROWS = 1.1
"""What was approved may grow by a tenth till it is sent; when it has grown more, it is asked about again."""
OVER = timedelta(days=3)
"""What has no end then is counted as it is."""
KEPT = timedelta(days=180)
_DJANGO = {"ar": "ar", "en": "en", "zh": "zh-hans"}
_MOST_NAMES = 10


def send_campaigns() -> int:
    """Send what is due; gives how many people were handled. Run each minute; twice at once does no harm."""
    until = time.monotonic() + RUN_S
    now = clock.now()
    due = Campaign.objects.filter(Q(not_before__isnull=True) | Q(not_before__lte=now), state=State.READY)
    for campaign in due.order_by("klass", "pk"):
        _begin(campaign.pk)
    for campaign in Campaign.objects.filter(state=State.GOING, kind=Kind.EMERGENCY, escalated_at__isnull=True):
        _escalate(campaign.pk)
    going = list(Campaign.objects.filter(state=State.GOING).order_by("klass", "pk").values_list("pk", flat=True))
    done = 0
    while going and time.monotonic() < until:
        # In turn, so that a long one does not hold up the others.
        left = []
        for pk in going:
            n = _step(pk)
            done += n
            if n == STEP:
                left.append(pk)
        going = left
    for pk in Campaign.objects.filter(state=State.GOING).values_list("pk", flat=True):
        _end(pk)
    return done


def _held(pk: int, state: str) -> Campaign | None:
    """The campaign in that state, locked; None when it is elsewhere or somebody else has it in hand."""
    rows = Campaign.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk, state=state)
    return rows.select_related("unit", "above", "asked_by").first()


@transaction.atomic
def _begin(pk: int) -> None:
    """Work out who gets it. What is for many more than was approved goes back to be asked about."""
    campaign = _held(pk, State.READY)
    if campaign is None:
        return
    # Who gets words of his own was written down with them; for the others rows are made here only.
    groups = list(campaign.groups.select_related("unit", "topic").order_by("pk"))
    found = list(targets.everybody(groups)) if campaign.kind != Kind.SALARY else []
    if campaign.kind != Kind.SALARY:
        campaign.receivers.all().delete()
    n = len(found) or campaign.receivers.count()
    if _too_many(campaign, n):
        campaign.state, campaign.approved_by, campaign.approved_at = State.ASKED, None, None
        campaign.people, campaign.version = n, campaign.version + 1
        campaign.save()
        logger.warning("campaign=%s is for %s people now, more than was approved", campaign.pk, n)
        return
    _write(campaign, found)
    campaign.state, campaign.started_at, campaign.people = State.GOING, clock.now(), n
    campaign.save(update_fields=["state", "started_at", "people"])


def _too_many(campaign: Campaign, n: int) -> bool:
    """Whether it is for so many more than when it was handed in that somebody has to approve it, or has to again."""
    by = campaign.asked_by
    if campaign.approved_by_id is not None or by is None:
        return n > campaign.people * GROWS
    if n <= campaign.people:
        return False
    # Counted one after the other with what he hands in meanwhile.
    Staff.objects.select_for_update().get(pk=by.pk)
    return queries.sent_alone(by, but=campaign) + n > organisation.the_house().alone


def _write(campaign: Campaign, found: Sequence[targets.Target], *, level: int = 1, words: str = "") -> None:
    rows = []
    for target in found:
        pk = new_id()
        rows.append(
            Receiver(
                id=pk,
                campaign=campaign,
                level=level,
                look_up=seal.index_of(target.number),
                number_sealed=seal.seal(target.number, place=people.number_place(pk)),
                hint=phone.masked(target.number),
                name_sealed=seal.seal(target.name, place=people.name_place(pk)) if target.name else None,
                language=target.language,
                words_sealed=seal.seal(words, place=people.words_place(pk)) if words else None,
            )
        )
    Receiver.objects.bulk_create(rows, batch_size=1000)


@transaction.atomic
def _step(pk: int) -> int:
    """Hand some to the gateway; gives how many were handled: fewer than a step when it is through or has to wait."""
    campaign = _held(pk, State.GOING)
    if campaign is None:
        return 0
    rows = list(campaign.receivers.filter(state=Receiver.State.WAITING).order_by("pk")[:STEP])
    if not rows:
        return 0
    client = clients.client_of(campaign.unit, campaign.kind)
    words = queries.words_of(campaign)
    news = [
        texts.New(
            ref=f"campaign:{campaign.pk}:{row.pk}",
            number=seal.unseal(bytes(row.number_sealed), place=people.number_place(row.pk)),
            words=_words(row, words),
            klass=Klass(campaign.klass),
            secret=campaign.kind == Kind.SALARY,
        )
        for row in rows
    ]
    try:
        answers = texts.queue(client.code, news)
    except texts.Refused:
        # The client is switched off: what waits goes on when it is on again.
        return 0
    handled = []
    for row, answer in zip(rows, answers, strict=True):
        if isinstance(answer, texts.Taken):
            row.state, row.text_id, row.words_sealed = Receiver.State.QUEUED, answer.id, None
        elif answer.why in ("day", "minute", "again"):
            continue
        elif answer.why == "stopped":
            row.state, row.words_sealed = Receiver.State.LEFT_OUT, None
        else:
            row.state, row.error, row.words_sealed = Receiver.State.REFUSED, str(answer)[:120], None
        handled.append(row)
    Receiver.objects.bulk_update(handled, ["state", "text", "words_sealed", "error"], batch_size=STEP)
    return len(handled)


def _words(row: Receiver, words: dict[str, str]) -> str:
    if row.words_sealed is not None:
        return seal.unseal(bytes(row.words_sealed), place=people.words_place(row.pk))
    return queries.said_in(words, row.language)


@transaction.atomic
def _escalate(pk: int) -> None:
    """Tell those above who has not answered, once, when the time for it is over (rule: one level)."""
    campaign = _held(pk, State.GOING)
    if campaign is None or campaign.started_at is None or campaign.escalated_at is not None:
        return
    if clock.now() < campaign.started_at + timedelta(minutes=campaign.ask_again_min):
        return
    silent = list(queries.receivers_of(campaign, silent=True))
    campaign.escalated_at = clock.now()
    campaign.save(update_fields=["escalated_at"])
    if not silent or campaign.above is None:
        return
    words = queries.words_of(campaign)
    names = [people.name_of(row) or row.hint for row in silent[:_MOST_NAMES]]
    more = len(silent) - len(names)
    group: Group = campaign.above
    by_language: dict[str, list[targets.Target]] = {}
    for target in targets.everybody([group]):
        by_language.setdefault(code_of(target.language), []).append(target)
    for language, found in by_language.items():
        with translation.override(_DJANGO[language]):
            head = ngettext(
                "%(n)s person has not answered: %(names)s.", "%(n)s people have not answered: %(names)s.", len(silent)
            ) % {"n": len(silent), "names": ", ".join([*names, *([f"+{more}"] if more else [])])}
        _write(campaign, found, level=2, words=f"{head} {queries.said_in(words, language)}")


@transaction.atomic
def _end(pk: int) -> None:
    """Close a campaign of which every text has come to an end; an emergency not before those above were told."""
    campaign = _held(pk, State.GOING)
    if campaign is None or campaign.started_at is None:
        return
    late = clock.now() > campaign.started_at + OVER
    if not late:
        if campaign.kind == Kind.EMERGENCY and campaign.escalated_at is None:
            return
        open_ones = Q(state=Receiver.State.WAITING) | Q(
            state=Receiver.State.QUEUED, text__state__in=[Text.State.QUEUED, Text.State.ACCEPTED]
        )
        if campaign.receivers.filter(open_ones).exists():
            return
    campaign.receivers.filter(state=Receiver.State.WAITING).update(
        state=Receiver.State.REFUSED, words_sealed=None, error="not within three days"
    )
    campaign.state, campaign.ended_at = State.DONE, clock.now()
    campaign.save(update_fields=["state", "ended_at"])


def forget_receivers() -> int:
    """Delete files that nobody confirmed, and who got what after half a year; its counts stay. A daily job."""
    now = clock.now()
    gone = Upload.objects.filter(at__lt=now - timedelta(days=1)).delete()[0]
    over = Campaign.objects.filter(state__in=[State.DONE, State.STOPPED], ended_at__lt=now - KEPT, result={})
    for campaign in over:
        with transaction.atomic():
            campaign.result = asdict(queries.result_of(campaign))
            campaign.save(update_fields=["result"])
            gone += campaign.receivers.all().delete()[0]
    return gone
