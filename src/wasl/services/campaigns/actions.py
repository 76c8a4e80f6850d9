"""What people do with groups and campaigns: write, hand in, approve, send back, stop; `sending` is what sends."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, note
from wasl.core.organisation.models import Staff, Unit
from wasl.kernel import clock, phone, plain, seal
from wasl.kernel.ids import new_id
from wasl.kernel.names import LANGUAGES
from wasl.services.campaigns import clients, people, queries
from wasl.services.campaigns.models import Campaign, Group, Receiver, Upload
from wasl.services.campaigns.queries import RIGHT
from wasl.services.subscriptions.models import Topic
from wasl.services.texts import actions as texts
from wasl.services.texts.models import Klass, Text

__all__ = ["CampaignFacts", "Preview", "Refused"]

Kind, State = Campaign.Kind, Campaign.State
LONGEST_WORDS = 1000
TASK = "wasl.send_campaigns"
_FOR: Mapping[str, frozenset[str]] = {
    Kind.CITIZENS: frozenset({Group.Kind.LIST, Group.Kind.SUBSCRIBERS}),
    Kind.STAFF: frozenset({Group.Kind.LIST, Group.Kind.STAFF}),
    Kind.SALARY: frozenset(),
    Kind.EMERGENCY: frozenset({Group.Kind.LIST, Group.Kind.STAFF}),
}
"""What groups each kind of campaign may go to."""


# --- groups ---


def save_group(
    held: Group | None, *, by: Staff, unit: Unit, name: str, kind: str, topic: Topic | None = None, on: bool = True
) -> Group:
    """Make a group or change its name; what it is and whose stays. Raises Forbidden and Refused.

    Who subscribed to a topic of the house is written to by the centre only.
    """
    queries.require_over(by, held.unit if held else unit)
    if not name.strip():
        raise Refused(_("Give it a name."))
    if kind == Group.Kind.SUBSCRIBERS and held is None:
        rights.require(by, RIGHT)
        if topic is None:
            raise Refused(_("Choose the topic."))
    with transaction.atomic():
        if held is None:
            row = Group(unit=unit, kind=kind, made_at=clock.now())
            row.topic = topic if kind == Group.Kind.SUBSCRIBERS else None
        else:
            row = Group.objects.select_for_update(of=("self",)).get(pk=held.pk)
        before = facts_of(row) if held else None
        row.name, row.on = plain.line(name)[:80], on
        if Group.objects.filter(unit=row.unit, name=row.name).exclude(pk=row.pk).exists():
            raise Refused(_("The unit has a group of this name already."))
        row.save()
        note(by, "group.changed" if held else "group.made", row, before)
        if before is not None and before["on"] != row.on:
            _ask_again(row, by=by)
    return row


def _ask_again(group: Group, *, by: Staff) -> None:
    """Who is in the group was changed: what was approved for it, or is looked at for that, has to be looked at again.

    What goes without approval is counted anew when it begins.
    """
    names_it = Q(above=group) | Q(pk__in=Campaign.groups.through.objects.filter(group=group).values("campaign"))
    looked_at = Q(state=State.ASKED) | Q(state=State.READY, approved_by__isnull=False)
    for row in Campaign.objects.select_for_update(of=("self",)).filter(names_it, looked_at).order_by("pk"):
        before = facts_of(row)
        row.state, row.approved_by, row.approved_at = State.ASKED, None, None
        row.people = queries.plan_of(row).people
        _bump(row)
        note(by, "campaign.asked", row, before)


# --- files of people ---


def stage(of: Group | Campaign, *, by: Staff, name: str, content: bytes, whole: bool = False) -> Upload:
    """Keep a file for somebody to look at what it would change. Raises Forbidden and Refused."""
    queries.require_over(by, of.unit)
    if isinstance(of, Group) and of.kind != Group.Kind.LIST:
        raise Refused(_("This group is worked out by itself; it has no list."))
    if isinstance(of, Campaign) and (of.kind != Kind.SALARY or of.state != State.DRAFT):
        raise Refused(_("A file with words belongs to a draft with secret words for each person."))
    people.read(content, with_words=isinstance(of, Campaign))
    pk = new_id()
    with transaction.atomic():
        of.uploads.all().delete()
        return Upload.objects.create(
            id=pk,
            group=of if isinstance(of, Group) else None,
            campaign=of if isinstance(of, Campaign) else None,
            name=plain.line(name)[:200],
            whole=whole,
            content=seal.seal_bytes(content, place=f"people:{pk}"),
            by=by,
            at=clock.now(),
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file holds and, for a list, what it would change; `parts`: of all words together."""

    listed: people.Listed
    difference: people.Difference | None
    parts: int = 0


def preview(upload: Upload) -> Preview:
    """What taking it over would do now."""
    listed = _listed(upload)
    if upload.group is None:
        return Preview(listed, None, sum(people.parts_of(one.words) for one in listed.people))
    return Preview(listed, people.difference(upload.group, listed.people, whole=upload.whole))


def _listed(upload: Upload) -> people.Listed:
    content = seal.unseal_bytes(bytes(upload.content), place=f"people:{upload.pk}")
    return people.read(content, with_words=upload.campaign_id is not None)


def confirm(upload: Upload, *, by: Staff) -> int:
    """Let the file count; gives how many people it has. Raises Refused."""
    of = upload.group or upload.campaign
    if of is None:
        raise Refused(_("This file waits no more; upload it again."))
    queries.require_over(by, of.unit)
    with transaction.atomic():
        # Its draft is locked before the file, as `save` does.
        campaign = _locked(of, State.DRAFT) if isinstance(of, Campaign) else None
        held = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk).first()
        if held is None:
            raise Refused(_("This file waits no more; upload it again."))
        if campaign is not None and campaign.kind != Kind.SALARY:
            raise Refused(_("A file with words belongs to a draft with secret words for each person."))
        listed = _listed(upload)
        if not listed.people:
            raise Refused(_("No line of it can be taken."))
        if campaign is not None:
            campaign.receivers.all().delete()
            _keep_receivers(campaign, listed.people)
            _bump(campaign)
            note(by, "campaign.loaded", campaign, facts_of(campaign), receivers=len(listed.people))
        elif isinstance(of, Group):
            Group.objects.select_for_update(of=("self",)).get(pk=of.pk)
            done = people.take(of, listed.people, whole=upload.whole)
            counts = {"added": done.added, "altered": done.changed, "removed": done.gone}
            note(by, "group.loaded", of, facts_of(of), **counts)
            _ask_again(of, by=by)
        held.delete()
    return len(listed.people)


def _keep_receivers(campaign: Campaign, listed: Sequence[people.Person]) -> None:
    rows = []
    for person in listed:
        pk = new_id()
        rows.append(
            Receiver(
                id=pk,
                campaign=campaign,
                look_up=person.look_up,
                number_sealed=seal.seal(person.number, place=people.number_place(pk)),
                hint=phone.masked(person.number),
                name_sealed=seal.seal(person.name, place=people.name_place(pk)) if person.name else None,
                language=person.language,
                words_sealed=seal.seal(person.words, place=people.words_place(pk)),
            )
        )
    Receiver.objects.bulk_create(rows, batch_size=1000)


def discard(upload: Upload, *, by: Staff) -> None:
    """Forget the file."""
    of = upload.group or upload.campaign
    if of is not None:
        queries.require_over(by, of.unit)
    upload.delete()


# --- campaigns ---


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What is written down of a campaign; `words` by language."""

    unit: Unit
    kind: str
    name: str
    words: Mapping[str, str]
    groups: Sequence[Group] = ()
    klass: int = Klass.BULK
    not_before: datetime | None = None
    ask_again_min: int = 15
    above: Group | None = None


def save(held: Campaign | None, *, by: Staff, facts: CampaignFacts, seen: int = 0) -> Campaign:
    """Make a draft or change one. `seen`: the version on the screen. Raises Forbidden and Refused.

    Source: requirements J4, J14, J15, I4.
    """
    queries.require_over(by, facts.unit)
    if not facts.name.strip():
        raise Refused(_("Give it a name."))
    if facts.kind not in Kind.values:
        raise Refused(_("Choose what it is."))
    for group in [*facts.groups, *([facts.above] if facts.above else [])]:
        queries.require_over(by, group.unit)
    for group in facts.groups:
        if group.kind not in _FOR[facts.kind]:
            raise Refused(_("“%(group)s” is no group for this kind of message.") % {"group": group})
    words = {language: plain.block(facts.words.get(language, "")) for language in LANGUAGES}
    if any(len(one) > LONGEST_WORDS for one in words.values()):
        raise Refused(_("The text is too long."))
    with transaction.atomic():
        if held is None:
            row = Campaign(made_by=by, made_at=clock.now(), kind=facts.kind)
            before = None
        else:
            queries.require_over(by, held.unit)
            row = _locked(held, State.DRAFT, seen=seen)
            before = facts_of(row)
            if row.kind != facts.kind:
                row.receivers.all().delete()
                row.uploads.all().delete()
            row.kind = facts.kind
            row.version += 1
        row.unit, row.name = facts.unit, plain.line(facts.name)[:80]
        row.klass = Klass.URGENT if facts.kind == Kind.EMERGENCY else facts.klass
        row.not_before, row.ask_again_min = facts.not_before, facts.ask_again_min
        row.above = facts.above if facts.kind == Kind.EMERGENCY else None
        row.words_sealed = None
        if facts.kind != Kind.SALARY and any(words.values()):
            row.words_sealed = seal.seal(json.dumps(words), place=people.words_place(row.pk))
        row.save(force_insert=held is None)
        row.groups.set(facts.groups)
        note(by, "campaign.changed" if held else "campaign.made", row, before)
    return row


def hand_in(campaign: Campaign, *, by: Staff, seen: int) -> Campaign:
    """Send a draft on its way: to whoever approves, or at once where it is for few. Raises Forbidden and Refused.

    Few is so many people a day as the house allows (`House.alone`), all messages together that this person sent without
    anybody's approval. An emergency that names a list, even as the one above, is never for few: it goes before
    everything else and without bound.
    """
    queries.require_over(by, campaign.unit)
    with transaction.atomic():
        row = _locked(campaign, State.DRAFT, seen=seen)
        before = facts_of(row)
        plan = queries.plan_of(row)
        if not plan.people:
            raise Refused(_("Nobody is in the groups that it goes to."))
        if plan.without_words:
            raise Refused(_("It has no words."))
        if row.not_before is not None and row.not_before < clock.now() - timedelta(minutes=10):
            raise Refused(_("Its time is over; give it another one."))
        clients.client_of(row.unit, row.kind)
        row.people, row.asked_by, row.asked_at, row.remark = plan.people, by, clock.now(), ""
        # Two messages handed in by one person at the same time are counted one after the other.
        Staff.objects.select_for_update().get(pk=by.pk)
        many = queries.sent_alone(by) + plan.people > organisation.the_house().alone
        row.state = State.ASKED if many or _alarms_a_list(row) else State.READY
        _bump(row)
        note(by, "campaign.asked" if row.state == State.ASKED else "campaign.sent", row, before)
    if row.state == State.READY:
        wake()
    return row


def _alarms_a_list(row: Campaign) -> bool:
    if row.kind != Kind.EMERGENCY:
        return False
    return any(one.kind == Group.Kind.LIST for one in [*row.groups.all(), *([row.above] if row.above else [])])


def approve(campaign: Campaign, *, by: Staff, seen: int) -> Campaign:
    """Let it go: somebody else than its author, who has seen it as it is. Raises Forbidden and Refused."""
    queries.require_over(by, campaign.unit)
    with transaction.atomic():
        row = _locked(campaign, State.ASKED, seen=seen)
        if by.pk in (row.made_by_id, row.asked_by_id):
            raise rights.Forbidden(_("Somebody else has to approve what you wrote."))
        before = facts_of(row)
        row.state, row.approved_by, row.approved_at, row.people = (
            State.READY,
            by,
            clock.now(),
            queries.plan_of(row).people,
        )
        _bump(row)
        note(by, "campaign.approved", row, before)
    wake()
    return row


def send_back(campaign: Campaign, *, by: Staff, remark: str) -> Campaign:
    """Make a draft of it again, with a word why; its author takes it back by the same. Raises Forbidden and Refused."""
    queries.require_over(by, campaign.unit)
    own = by.pk in (campaign.made_by_id, campaign.asked_by_id)
    if not own and not remark.strip():
        raise Refused(_("Write why; its author reads it."))
    with transaction.atomic():
        row = _locked(campaign, State.ASKED, State.READY)
        before = facts_of(row)
        row.state, row.approved_by, row.approved_at = State.DRAFT, None, None
        row.remark = plain.line(remark)[:300]
        _bump(row)
        note(by, "campaign.sent_back", row, before)
    return row


def stop(campaign: Campaign, *, by: Staff, remark: str) -> int:
    """Stop it: nobody more is written to, and what no operator has in hand is taken back. Gives how many texts."""
    queries.require_over(by, campaign.unit)
    if not remark.strip():
        raise Refused(_("Write why; it is kept with your name."))
    with transaction.atomic():
        row = _locked(campaign, State.DRAFT, State.ASKED, State.READY, State.GOING)
        before = facts_of(row)
        client = clients.existing(row.unit, row.kind)
        mine = row.receivers.filter(state=Receiver.State.QUEUED, text__state=Text.State.QUEUED)
        taken = texts.cancel_many(client, list(mine.values_list("text_id", flat=True))) if client is not None else 0
        row.receivers.filter(words_sealed__isnull=False).update(words_sealed=None)
        row.state, row.ended_at, row.remark = State.STOPPED, clock.now(), plain.line(remark)[:300]
        _bump(row)
        note(by, "campaign.stopped", row, before, texts=taken)
    return taken


def exported(campaign: Campaign, *, by: Staff) -> None:
    """Keep that somebody took the report per person away as a file. Raises Forbidden."""
    queries.require_over(by, campaign.unit)
    note(by, "campaign.exported", campaign, facts_of(campaign))


def _locked(campaign: Campaign, *states: str, seen: int = 0) -> Campaign:
    """The row as it is, locked. Raises Refused when it is in another state, or of another version than was seen."""
    row = Campaign.objects.select_for_update(of=("self",)).get(pk=campaign.pk)
    if row.state not in states:
        state = row.get_state_display()
        raise Refused(_("Somebody was faster: the message is now in the state “%(state)s”.") % {"state": state})
    if seen and row.version != seen:
        raise Refused(_("Somebody changed the message meanwhile. Look at it again."))
    return row


def _bump(row: Campaign) -> None:
    row.version += 1
    row.save()


def wake() -> None:
    """Let the worker send now rather than with the next minute."""
    try:
        with transaction.atomic():
            app.configure_task(TASK, queueing_lock=TASK, lock=TASK).defer(timestamp=int(clock.now().timestamp()))
    except AlreadyEnqueued:
        pass
