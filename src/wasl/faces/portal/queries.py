"""What the portal reads: the honesty line, the story of a case as its requester may read it, the proof of a receipt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case, DailyRoot, Entry, Remark, State, Verdict, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.book import Reason
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Unit
from wasl.faces.frame import dates
from wasl.kernel import chain, clock
from wasl.kernel.names import local

_HONESTY_FOR_S = 300


@dataclass(frozen=True)
class Honesty:
    """How the hotline does. Shares are whole per cent; None where there is nothing to count."""

    this_week: int
    median_days: float | None
    confirmed: int | None


# One range scan over the reports of a quarter by their index; run at most once in five minutes.
_HONESTY = """
SELECT count(*) FILTER (WHERE received_at >= %(week)s),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM told_at - received_at) / 86400.0)
           FILTER (WHERE outcome = 'fixed' AND told_at IS NOT NULL),
       count(*) FILTER (WHERE verdict <> '' OR unconfirmed),
       count(*) FILTER (WHERE verdict = 'solved')
FROM cases_case WHERE received_at >= %(quarter)s
"""


def honesty() -> Honesty:
    """Reports of this week; median days from report to a result called fixed, and the share that citizens confirmed.

    The latter two over what came in during 90 days. Silence counts as not confirmed.
    """
    found = cache.get("portal-honesty")
    if not isinstance(found, Honesty):
        now = clock.now()
        with connection.cursor() as cursor:
            cursor.execute(_HONESTY, {"week": now - timedelta(days=7), "quarter": now - timedelta(days=90)})
            week, median, asked, solved = cursor.fetchone()
        found = Honesty(
            week, None if median is None else round(float(median), 1), round(100 * solved / asked) if asked else None
        )
        cache.set("portal-honesty", found, _HONESTY_FOR_S)
    return found


# --- the story as the requester reads it ---


@dataclass(frozen=True)
class Told:
    """One line of the story: when, a plain sentence, words said to (or by) the requester, files he may see."""

    at: datetime
    sentence: str
    words: str = ""
    own: bool = False
    files: tuple[Attachment, ...] = field(default=())


_SENTENCES: Mapping[str, Promise] = {
    "case.received": gettext_lazy("We received your report."),
    "case.registered": gettext_lazy("The centre read it and registered it."),
    "case.asked": gettext_lazy("The centre has a question to you."),
    "case.answered": gettext_lazy("The centre answered."),
    "case.refused": gettext_lazy("It was not accepted: %(reason)s."),
    "case.joined": gettext_lazy("Others had reported the same. It is dealt with together with theirs."),
    "case.unjoined": gettext_lazy("It was taken apart from the other report again."),
    "case.dispatched": gettext_lazy("It was sent to %(unit)s."),
    "case.reclassified": gettext_lazy("The centre corrected what it is about."),
    "order.signed": gettext_lazy("%(unit)s accepted it."),
    "order.started": gettext_lazy("%(unit)s began to work on it."),
    "order.contacted": gettext_lazy("%(unit)s contacted you, or tried to."),
    "order.visited": gettext_lazy("%(unit)s was on the spot."),
    "order.returned": gettext_lazy("%(unit)s says that it is not responsible. The centre decides who is."),
    "order.objected": gettext_lazy("%(unit)s says that it is not responsible. The centre decides who is."),
    "case.arbitrated": gettext_lazy("The centre decided: %(unit)s is responsible."),
    "order.extension_granted": gettext_lazy("%(unit)s was given more time."),
    "case.suspended": gettext_lazy("It has to wait: %(reason)s."),
    "case.resumed": gettext_lazy("It goes on."),
    "case.interim_replied": gettext_lazy("%(unit)s tells you how it stands."),
    "order.replied": gettext_lazy("%(unit)s replied. The centre checks the reply."),
    "case.reviewed": gettext_lazy("The centre checked the reply."),
    "case.redone": gettext_lazy("It was sent to %(unit)s to be done again."),
    "case.told": gettext_lazy("We told you the result and asked whether it is true."),
    "case.contact_attempted": gettext_lazy("We tried to reach you."),
    "case.confirmed": gettext_lazy("You said that it is solved."),
    "case.contested": gettext_lazy("You said: %(verdict)s"),
    "case.rated": gettext_lazy("You rated it. Thank you."),
    "case.closed": gettext_lazy("It was closed."),
    "case.follower_closed": gettext_lazy("It was closed with the report that it was joined to."),
    "case.reopened": gettext_lazy("It was opened again."),
    "case.escalated": gettext_lazy("It was handed to the higher authority: %(unit)s."),
    "case.added": gettext_lazy("You added to it."),
    "case.pin_renewed": gettext_lazy("A new PIN was made."),
}
# Entries whose words were said to the citizen at that moment. A unit's reply is not: it goes to the centre, which says
# it (or better words) when it tells.
_SAID_TO_HIM = frozenset(
    {
        "case.asked",
        "case.answered",
        "case.refused",
        "case.reclassified",
        "case.interim_replied",
        "case.told",
        "case.suspended",
    }
)
_HIS_OWN = frozenset({"case.contested", "case.rated", "case.reopened"})
_LISTS = {"case.refused": "refuse", "case.suspended": "suspend"}


def story(case: Case) -> list[Told]:
    """What happened, the latest first, in plain words for the requester: no internal note, no name of staff."""
    entries = cases.story(case)
    data = {entry.seq: cases.data_of(entry) for entry in entries}
    remarks = {r.pk: r for r in Remark.objects.filter(case=case, erased_at__isnull=True)}
    contacts = {
        c.pk: c for c in Contact.objects.filter(case=case, erased_at__isnull=True).prefetch_related("attachments")
    }
    units = {order.pk: order.unit_id for order in WorkOrder.objects.filter(case=case)}
    told_at = max((entry.seq for entry in entries if entry.verb == "case.told"), default=0)
    lead = None
    lines = []
    for entry in entries:
        facts = data[entry.seq]
        lead = next((o["unit"] for o in facts.get("orders", ()) if o["role"] == "lead"), lead)
        if not _is_his(entry, facts):
            continue
        unit_id = units.get(facts.get("order", 0), lead)
        lines.append(
            _told(case, entry, facts, organisation.unit_of(unit_id) if unit_id else None, remarks, contacts, told_at)
        )
    return lines[::-1]


_NEXT: Mapping[str, Promise] = {
    State.RECEIVED: gettext_lazy("Next, a person reads it and sends it to the unit responsible. You need do nothing."),
    State.REGISTERED: gettext_lazy("Next, the unit responsible gets it with a date. You need do nothing."),
    State.ANSWERED: gettext_lazy("If the answer does not help, write so below; a person reads it."),
    State.REFUSED: gettext_lazy("If you think that we are mistaken, write so below; a second person looks at it."),
    State.JOINED: gettext_lazy("Next, you are told the result together with the others and say whether it is true."),
    State.SUSPENDED: gettext_lazy("Next, it goes on by itself. You need do nothing."),
    State.RETURNED: gettext_lazy("Next, it goes to the unit that is responsible. The date promised to you stays."),
    State.ARBITRATION: gettext_lazy("Next, it goes to the unit that is responsible. The date promised to you stays."),
    State.REPLIED: gettext_lazy("Next, we tell you the result and you say whether it is true."),
    State.REVIEWED: gettext_lazy("Next, we tell you the result and you say whether it is true."),
    State.CONTESTED: gettext_lazy("Next, somebody above those who replied looks at it. You need do nothing."),
}
_WITH_UNIT = gettext_lazy("Next, the unit replies, we check the reply, and you say whether it is true.")


def next_step(case: Case) -> str:
    """What happens next and whether it is his turn; nothing where all is done."""
    if case.awaiting_citizen:
        return _("It is your turn: answer our question below, then it goes on.")
    if case.state == State.TOLD:
        day = _day(case.due_centre or case.due_next)
        return (
            _("It is your turn. If we hear nothing by %(day)s, we close it as not confirmed.") % {"day": day}
            if day
            else _("It is your turn.")
        )
    until = reopen_until(case)
    if case.state == State.CLOSED and until is not None and until > clock.now():
        return _("If it is not as it should be, you can open it again until %(day)s.") % {"day": _day(until)}
    if case.state in (State.DISPATCHED, State.SIGNED, State.IN_PROGRESS):
        return str(_WITH_UNIT)
    return str(_NEXT.get(case.state, ""))


def late(case: Case) -> bool:
    """Whether the date that everybody is told has passed."""
    due = case.due_result or case.due_next
    return case.state != State.CLOSED and due is not None and due < clock.now()


def _day(at: datetime | None) -> str:
    return dates.calendar_day(timezone.localtime(at)) if at else ""


def reopen_until(case: Case) -> datetime | None:
    """Until when its requester may open a closed case again."""
    return case.closed_at + timedelta(days=settings.WASL_REOPEN_DAYS) if case.closed_at else None


def _is_his(entry: Entry, facts: Mapping[str, Any]) -> bool:
    if entry.verb == "order.contacted" and not facts.get("reached"):
        return False
    if entry.verb == "case.added":
        return entry.actor == "citizen"
    return entry.verb in _SENTENCES


def _told(
    case: Case,
    entry: Entry,
    facts: Mapping[str, Any],
    unit: Unit | None,
    remarks: Mapping[int, Remark],
    contacts: Mapping[int, Contact],
    told_at: int,
) -> Told:
    reason = reason_of(case, _LISTS.get(entry.verb, ""), facts.get("reason", ""))
    verdict = facts.get("verdict", "")
    sentence = str(_SENTENCES[entry.verb]) % {
        "unit": unit or _("the unit"),
        "reason": reason.name if reason else _("see below"),
        "verdict": Verdict(verdict).label if verdict in Verdict.values else "",
    }
    words, own = "", False
    files: tuple[Attachment, ...] = ()
    remark = remarks.get(facts.get("remark", 0))
    contact = contacts.get(facts.get("contact", 0))
    if remark and (
        (entry.verb in _SAID_TO_HIM and remark.audience != Remark.Audience.INTERNAL)
        or (entry.verb in _HIS_OWN and remark.role == "citizen" and entry.actor == "citizen")
    ):
        words, own = remark.body, entry.verb in _HIS_OWN
    if contact and entry.verb in ("case.received", "case.added"):
        words, own, files = contact.body, True, _files(contact)
    elif contact and entry.verb == "order.replied" and entry.seq < told_at:
        files = _files(contact)
    if reason and reason.recourse:
        words = "\n\n".join(part for part in (words, local(reason.recourse)) if part)
    return Told(entry.at, sentence, words, own, files)


def _files(contact: Contact) -> tuple[Attachment, ...]:
    return tuple(a for a in contact.attachments.all() if a.erased_at is None)


def reason_of(case: Case, listed: str, code: str) -> Reason | None:
    """A listed reason in the edition of the case, or in the one in force."""
    if not listed or not code:
        return None
    return catalogue.of_number(case.edition).reasons.get((listed, code)) or catalogue.in_force().reasons.get(
        (listed, code)
    )


def photos(lines: Iterable[Told]) -> tuple[list[Attachment], list[Attachment]]:
    """Pictures before (his own) and after (the unit's proof), oldest first."""
    before: list[Attachment] = []
    after: list[Attachment] = []
    for line in reversed(list(lines)):
        (before if line.own else after).extend(f for f in line.files if f.thumb)
    return before, after


def file_of(case: Case, number: int) -> Attachment | None:
    """A file of the case that its requester may see, or nothing."""
    return next((f for line in story(case) for f in line.files if f.pk == number), None)


def result_words(case: Case) -> str:
    """What he was told as the result the last time, or nothing."""
    entry = case.entries.filter(verb__in=("case.told", "case.answered", "case.refused")).order_by("-seq").first()
    number = cases.data_of(entry).get("remark") if entry else None
    remark = Remark.objects.filter(pk=number, case=case, erased_at__isnull=True).first() if number else None
    return remark.body if remark and remark.audience != Remark.Audience.INTERNAL else ""


def open_question(case: Case) -> str:
    """What the centre asks him and waits for, or nothing."""
    if not case.awaiting_citizen:
        return ""
    entry = case.entries.filter(verb="case.asked").order_by("-seq").first()
    remark = Remark.objects.filter(pk=cases.data_of(entry).get("remark", 0)).first() if entry else None
    return remark.body if remark else ""


# --- the proof of a receipt ---


@dataclass(frozen=True)
class Proof:
    """That an entry stands in the journal: `root` is the daily root that seals it, None until its day is over."""

    entry: Entry
    unbroken: bool
    root: DailyRoot | None

    @property
    def root_hash(self) -> str:
        """The seal of the day, as hexadecimal digits."""
        return bytes(self.root.hash).hex() if self.root else ""


def proof(case: Case | None, receipt: str) -> Proof | None:
    """The entry of `case` that has this hash (64 hexadecimal digits); its whole chain is proved."""
    try:
        wanted = bytes.fromhex("".join(receipt.split()))
    except ValueError:
        return None
    if case is None or len(wanted) != 32:
        return None
    found, prev, unbroken = None, chain.GENESIS, True
    for entry in cases.story(case):
        made = chain.link(
            prev, chain=case.pk, seq=entry.seq, at=entry.at, actor=entry.actor, verb=entry.verb, data=entry.data
        )
        unbroken = unbroken and made == bytes(entry.hash)
        prev = bytes(entry.hash)
        found = entry if prev == wanted else found
    if found is None:
        return None
    day = found.at.astimezone(ZoneInfo(settings.TIME_ZONE)).date()
    return Proof(found, unbroken and prev == bytes(case.head_hash), DailyRoot.objects.filter(day=day).first())
