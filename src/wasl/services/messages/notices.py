"""Notices to staff: who gets which, how each person and each unit wants them, and what is gathered into one mail.

A reaction writes a notice in the transaction of what happened; `sort` gives it to its people, `gather` makes one mail
of what waits for the same receiver. Both are part of the sender's round, safe to run twice and by several senders. How
a notice looks is decided by the desk.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case, Urgency
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import facts_of, note
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.core.organisation.queries import Kept
from wasl.kernel import clock, names, rows
from wasl.services.messages.models import Channel, Mailbox, Message, Notice, Template

GATHER_MIN, MOST_GATHER_MIN = 10, 24 * 60
"""How long the mail of a unit is gathered where nobody has set it, and at most, in minutes."""
LANGUAGE = "ar"
DIGEST_HOUR = 7
"""When a daily digest leaves, in the city's time."""
LINES = 50
"""What one mail lists at most; the rest is counted in it and stands in the page."""
KEPT_FOR = timedelta(days=90)
WAYS: Mapping[str, str | Promise] = {
    "none": pgettext_lazy("notice", "not at all"),
    "page": pgettext_lazy("notice", "in the page"),
    "mail": pgettext_lazy("notice", "in the page, and by mail at once"),
    "digest": pgettext_lazy("notice", "in the page, and by mail once a day"),
    "sms": pgettext_lazy("notice", "in the page, and by SMS at once"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One kind of notice that a person may choose the way of: `roles` get it, `usual` is the way until they choose."""

    code: str
    label: str | Promise
    kinds: tuple[str, ...]
    roles: frozenset[str]
    usual: str = "page"


_OFFICER = frozenset({"officer"})
_WATCHES = frozenset({"supervisor"})
_OWNS = frozenset({"agent", "dispatcher", "second_line", "supervisor"})
_ASKED = frozenset({"officer", "dispatcher", "leader"})
CHOICES: tuple[Choice, ...] = (
    Choice("order", _("A new order for my unit"), ("staff_order",), _OFFICER),
    Choice("redone", _("A reply of my unit was sent back"), ("staff_redone",), _OFFICER),
    Choice("due_soon", _("An order of my unit is due soon"), ("staff_due_soon",), _OFFICER),
    Choice("overdue", _("Something is overdue"), ("staff_overdue",), _OFFICER | _WATCHES, "mail"),
    Choice(
        "decided",
        _("An extension or a suspension was decided"),
        ("staff_extension", "staff_extension_denied", "staff_pause", "staff_pause_denied"),
        _OFFICER,
    ),
    Choice("returned", _("A unit returned an order or objected to it"), ("staff_returned",), frozenset({"dispatcher"})),
    Choice("own", _("There is news of a request that I answer for"), ("staff_own",), _OWNS),
    Choice("question", _("A question was asked of us, or answered"), ("staff_question", "staff_answer"), _ASKED),
    # By subscription: nobody gets these who has not asked for them (H8).
    Choice(
        "happening",
        _("An emergency came in, or a request was escalated"),
        ("staff_emergency", "staff_escalated"),
        frozenset({"leader", "supervisor"}),
        "none",
    ),
    Choice("urged", _("The centre urges my unit"), ("staff_urged",), _OFFICER),
)
_CHOICE_OF = {kind: choice for choice in CHOICES for kind in choice.kinds}
LABELS: Mapping[str, str | Promise] = {
    "staff_order": pgettext_lazy("notice", "New order"),
    "staff_redone": pgettext_lazy("notice", "Sent back: to be done again"),
    "staff_due_soon": pgettext_lazy("notice", "Due soon"),
    "staff_overdue": pgettext_lazy("notice", "Overdue"),
    "staff_extension": pgettext_lazy("notice", "More time granted"),
    "staff_extension_denied": pgettext_lazy("notice", "More time refused"),
    "staff_pause": pgettext_lazy("notice", "Suspended"),
    "staff_pause_denied": pgettext_lazy("notice", "Suspension refused"),
    "staff_returned": pgettext_lazy("notice", "Returned by the unit"),
    "staff_own": pgettext_lazy("notice", "News of a request of yours"),
    "staff_question": pgettext_lazy("notice", "A question to answer"),
    "staff_answer": pgettext_lazy("notice", "Your question was answered"),
    "staff_urged": pgettext_lazy("notice", "The centre urges"),
    "staff_emergency": pgettext_lazy("notice", "An emergency"),
    "staff_escalated": pgettext_lazy("notice", "Escalated"),
}


def choices_of(roles: Iterable[str]) -> list[Choice]:
    """The kinds of notices that people with these roles can get."""
    held = frozenset(roles)
    return [choice for choice in CHOICES if held & choice.roles]


def way_of(staff: Staff, kind: str) -> str:
    """How this person wants to be told of `kind`: one of `WAYS`."""
    choice = _CHOICE_OF.get(kind)
    if choice is None:
        return "page"
    wished = staff.wishes.get(choice.code)
    return wished if wished in WAYS else choice.usual


def wish(staff: Staff, wishes: Mapping[str, str]) -> None:
    """Keep how this person wants to be told, by code of `CHOICES`. Raises ValueError for what cannot be chosen."""
    codes = {choice.code for choice in CHOICES}
    if not wishes.keys() <= codes or not set(wishes.values()) <= WAYS.keys():
        raise ValueError("no such notice, or no such way")
    with transaction.atomic():
        held = Staff.objects.select_for_update().get(pk=staff.pk)
        held.wishes = {**held.wishes, **wishes}
        held.save(update_fields=["wishes"])
    staff.wishes = held.wishes


def words_of(kind: str, verb: str = "") -> str:
    """What a notice says, in the language of the screen; of a case of one's own, what happened to it."""
    if kind == "staff_own" and verb in cases.LABELS:
        return f"{LABELS[kind]}: {cases.LABELS[verb]}"
    return str(LABELS.get(kind, LABELS["staff_own"]))


# --- the mailboxes of units -----------------------------------------------------------------------------------------

_mailboxes: Kept[dict[int, Mailbox]] = Kept(
    lambda: {box.unit_id: box for box in Mailbox.objects.all()},
    lambda: list(Mailbox.objects.order_by("pk").values_list("pk", "language", "gather_min")),
)


def forget() -> None:
    """Read the mailboxes anew next time."""
    _mailboxes.forget()
    _mailboxes._looked = 0.0


def mailbox_of(unit: int) -> Mailbox:
    """How that unit is written to."""
    return _mailboxes.get().get(unit) or Mailbox(unit_id=unit, language=LANGUAGE, gather_min=GATHER_MIN)


def leaves_at(box: Mailbox, case: Case, now: datetime) -> datetime:
    """When the unit's mail about this case leaves: at once where it is urgent, else at the next full `gather_min`."""
    if case.emergency or case.urgency != Urgency.NORMAL or not box.gather_min:
        return now
    step = timedelta(minutes=box.gather_min)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + step * (-((midnight - now) // step))


def set_mailbox(unit: Unit, *, by: Staff, language: str, gather_min: int) -> Mailbox:
    """How a unit is written to from now on. Raises Forbidden beyond one's units, ValueError for what cannot be."""
    rights.require_over(by, unit)
    if not 0 <= gather_min <= MOST_GATHER_MIN or language not in names.LANGUAGES:
        raise ValueError(f"0 to {MOST_GATHER_MIN} minutes, in one of {', '.join(names.LANGUAGES)}")
    with transaction.atomic():
        box, new = Mailbox.objects.select_for_update().get_or_create(unit=unit, defaults={"gather_min": GATHER_MIN})
        before = None if new else facts_of(box)
        box.language, box.gather_min = language, gather_min
        box.save()
        note(by, "mailbox.changed", box, before)
    forget()
    return box


# --- what a reaction or a job writes --------------------------------------------------------------------------------


def mail_to(unit: int, case: Case, event: str, stage: str, facts: Mapping[str, object], now: datetime) -> Message:
    """The unit's mail about one happening, not yet written: in its language, leaving when its mailbox says."""
    box = mailbox_of(unit)
    return Message(
        case=case,
        unit_id=unit,
        event=event,
        stage=stage,
        facts=dict(facts),
        language=box.language,
        due_at=leaves_at(box, case, now),
        made_at=now,
    )


def notice(
    case: Case,
    kind: str,
    stage: str,
    facts: Mapping[str, object],
    now: datetime,
    *,
    unit: int | None = None,
    staff: Staff | int | None = None,
) -> Notice:
    """A notice for the people of a unit, for one person, or for whoever watches (neither), not yet written."""
    kept = {key: facts[key] for key in ("due", "verb", "actor", "reason", "order") if key in facts}
    person = staff.pk if isinstance(staff, Staff) else staff
    return Notice(case=case, unit_id=unit, staff_id=person, kind=kind, stage=stage, facts=kept, at=now)


# --- the page -------------------------------------------------------------------------------------------------------


def of(staff: Staff) -> QuerySet[Notice]:
    """What this person was told, latest first; never of a case that he may not see any more."""
    found = Notice.objects.filter(staff=staff, sorted_at__isnull=False, case__in=cases.visible_to(staff))
    return found.select_related("case__unit", "case__area").order_by("-at", "-id")


def unread(staff: Staff, most: int = 100) -> int:
    """How many he has not read; counted up to `most`."""
    return of(staff).filter(read_at__isnull=True).order_by()[:most].count()


def read(staff: Staff, *, notice: int | None = None, case: int | None = None) -> int:
    """Note that he has read one notice, those about one case, or all. Gives how many that were new to him."""
    found = Notice.objects.filter(staff=staff, read_at__isnull=True)
    if notice is not None:
        found = found.filter(pk=notice)
    if case is not None:
        found = found.filter(case=case)
    return found.update(read_at=clock.now())


def forget_old() -> int:
    """Take away what is older than `KEPT_FOR`; nobody looks for it here, the journal of the case has it."""
    return Notice.objects.filter(at__lt=clock.now() - KEPT_FOR).delete()[0]


# --- sorting --------------------------------------------------------------------------------------------------------


def sort(most: int = 500) -> int:
    """Give what happened to the people whom it concerns, as each wishes, and wake their pages. Gives how many."""
    now = clock.now()
    with transaction.atomic():
        fresh = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(sorted_at__isnull=True)
            .select_related("staff")
            .order_by("at")[:most]
        )
        if not fresh:
            return 0
        told: list[Notice] = []
        readers = _Readers(now)
        for notice in fresh:
            if notice.staff is not None:
                people = [notice.staff]
            elif notice.unit_id is not None:
                people = readers.of_unit(notice.unit_id)
            else:
                people = readers.watching(notice)
            told += [made for who in people if (made := _for(notice, who, now))]
        # What was for a unit gives way to those for its people.
        Notice.objects.filter(pk__in=[notice.pk for notice in fresh]).delete()
        Notice.objects.bulk_create(told, ignore_conflicts=True)
        texts = [_text(one, now) for one in told if one.staff is not None and way_of(one.staff, one.kind) == "sms"]
        Message.objects.bulk_create(texts, ignore_conflicts=True)
        waking = sorted({notice.staff_id for notice in told if notice.staff_id})
        rows.write([], (), [_news([f"staff:{pk}" for pk in waking[n : n + 50]]) for n in range(0, len(waking), 50)])
    return len(told)


def _news(topics: list[str]) -> str:
    return json.dumps({"topics": topics, "verb": "notice"}, separators=(",", ":"))


def _for(notice: Notice, who: Staff, now: datetime) -> Notice | None:
    """The notice as this person gets it; nothing for what he did himself or does not want."""
    way = way_of(who, notice.kind)
    if not who.is_active or way == "none" or notice.facts.get("actor") == f"staff:{who.pk}":
        return None
    mail_at = None
    if who.email and way in ("mail", "digest"):
        mail_at = now if way == "mail" else _next_digest(now)
    return Notice(
        staff=who,
        case_id=notice.case_id,
        kind=notice.kind,
        stage=notice.stage if notice.staff_id is not None else f"{notice.stage}:s{who.pk}",
        facts=notice.facts,
        at=notice.at,
        sorted_at=now,
        mail_at=mail_at,
    )


def _text(notice: Notice, now: datetime) -> Message:
    """The notice as a text to his telephone, where the events have words for SMS; else only that there is one (I5).

    Its stage is the notice's, so it goes once. Where his number is not proved it stays in the page.
    """
    facts: dict[str, object] = {**notice.facts, "by": Channel.SMS.value}
    event = notice.kind
    if not Template.objects.filter(event=event, channel=Channel.SMS).exists():
        event, facts = "staff_digest", {**facts, "lines": [_line(notice.case_id, notice.kind, notice.facts)]}
    return Message(
        case_id=notice.case_id,
        staff=notice.staff,
        event=event,
        stage=f"sms:{notice.stage}",
        facts=facts,
        language=notice.staff.language if notice.staff is not None else LANGUAGE,
        due_at=now,
        made_at=now,
    )


def _next_digest(now: datetime) -> datetime:
    local = timezone.localtime(now)
    at = local.replace(hour=DIGEST_HOUR, minute=0, second=0, microsecond=0)
    return at if at > local else at + timedelta(days=1)


class _Readers:
    """Who reads what is for a unit: its own officers, or those of the nearest unit above; the centre's dispatchers."""

    def __init__(self, now: datetime) -> None:
        held = Post.objects.filter(
            Q(until__isnull=True) | Q(until__gt=now), since__lte=now, staff__is_active=True
        ).select_related("staff")
        self._held = held
        self._officers: dict[int, list[Staff]] = defaultdict(list)
        for post in held.filter(role="officer", unit__isnull=False).order_by("pk"):
            if post.unit_id and post.staff not in self._officers[post.unit_id]:
                self._officers[post.unit_id].append(post.staff)
        whole = held.filter(role="dispatcher", unit__isnull=True, area__isnull=True).order_by("pk")
        self._dispatchers = list({post.staff_id: post.staff for post in whole}.values())

    def watching(self, notice: Notice) -> list[Staff]:
        """Who of the ranks that may watch this kind has asked for it and may see the case (H8)."""
        choice = _CHOICE_OF.get(notice.kind)
        if choice is None:
            return []
        held = self._held.filter(role__in=choice.roles).order_by("pk")
        people = {post.staff_id: post.staff for post in held}.values()
        return [
            who
            for who in people
            if way_of(who, notice.kind) != "none" and cases.visible_to(who).filter(pk=notice.case_id).exists()
        ]

    def of_unit(self, pk: int | None) -> list[Staff]:
        if pk is None:
            return []
        unit = organisation.unit_of(pk)
        if unit.kind == Unit.Kind.CENTRE:
            return self._dispatchers
        return next((people for up in reversed(unit.chain) if (people := self._officers.get(up))), [])


# --- mail -----------------------------------------------------------------------------------------------------------


def gather() -> int:
    """One mail of all that waits for the same receiver: a person's notices, and a unit's messages. Gives the mails."""
    now = clock.now()
    return _gather_for_people(now) + _gather_for_units(now)


def _gather_for_people(now: datetime) -> int:
    made = 0
    with transaction.atomic():
        waiting = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(mail_at__lte=now, staff__isnull=False)
            .select_related("staff")
            .order_by("at", "id")[:2000]
        )
        by_person: dict[int, list[Notice]] = defaultdict(list)
        for notice in waiting:
            by_person[notice.staff_id or 0].append(notice)
        for own in by_person.values():
            staff = own[0].staff
            if staff is None or not staff.is_active or not staff.email:
                continue
            wanted = [notice for notice in own if notice.read_at is None]
            seen = set(cases.visible_to(staff).filter(pk__in=[n.case_id for n in wanted]).values_list("pk", flat=True))
            wanted = [notice for notice in wanted if notice.case_id in seen]
            if wanted:
                lines = [_line(n.case_id, n.kind, n.facts) for n in wanted]
                _digest(lines, f"digest:s{staff.pk}:{wanted[0].pk}", now, staff=staff, language=staff.language)
                made += 1
        Notice.objects.filter(pk__in=[notice.pk for notice in waiting]).update(mail_at=None)
    return made


def _gather_for_units(now: datetime) -> int:
    made = 0
    with transaction.atomic():
        waiting = list(
            Message.objects.select_for_update(skip_locked=True)
            .filter(state=Message.State.QUEUED, due_at__lte=now, unit__isnull=False, case__isnull=False)
            .filter(attempts=0, tried=[])
            .order_by("made_at", "pk")[:2000]
        )
        by_unit: dict[int, list[Message]] = defaultdict(list)
        for message in waiting:
            by_unit[message.unit_id or 0].append(message)
        for pk, own in by_unit.items():
            # One by itself says more than a line of a list.
            if len(own) < 2 or not (unit := organisation.unit_of(pk)).mail:
                continue
            lines = [_line(m.case_id or 0, m.event, m.facts) for m in own]
            language = mailbox_of(pk).language
            _digest(lines, f"digest:u{pk}:{own[0].pk}", now, unit=unit, language=language)
            Message.objects.filter(pk__in=[message.pk for message in own]).update(state=Message.State.GATHERED)
            made += 1
    return made


def _line(case: int, kind: str, facts: Mapping[str, object]) -> dict[str, object]:
    return {"case": case, "kind": kind, **{key: facts[key] for key in ("due", "verb") if key in facts}}


def _digest(
    lines: list[dict[str, object]],
    stage: str,
    now: datetime,
    *,
    language: str,
    unit: Unit | None = None,
    staff: Staff | None = None,
) -> None:
    Message.objects.create(
        unit=unit,
        staff=staff,
        event="staff_digest",
        stage=stage,
        facts={"lines": lines[:LINES], "count": len(lines)},
        language=language,
        due_at=now,
        made_at=now,
    )


__all__ = [
    "CHOICES",
    "LABELS",
    "WAYS",
    "Choice",
    "choices_of",
    "forget",
    "forget_old",
    "gather",
    "leaves_at",
    "mail_to",
    "mailbox_of",
    "notice",
    "of",
    "read",
    "set_mailbox",
    "sort",
    "unread",
    "way_of",
    "wish",
    "words_of",
]
