"""What a machine can see of a unit's reply before the second line reads it: hints, never a verdict (Jinan 27)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _

from wasl.core.cases import queries
from wasl.core.cases.models import Case, Outcome, Remark
from wasl.core.organisation.models import Staff
from wasl.faces.desk.story import Teller
from wasl.kernel import clock
from wasl.kernel.terms import terms as terms_in

_SENTENCE = re.compile(r"[.!?؟؛;。！？\n]+")
_DATE = re.compile(
    r"\d{1,2}[/.\-]\d{1,2}|\d{4}-\d\d|\d{1,2}:\d\d|\d+\s?[月日号]"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|yesterday"
    r"|january|february|march|april|may \d|june|july|august|september|october|november|december"
    r"|الأحد|الاثنين|الإثنين|الثلاثاء|الأربعاء|الخميس|الجمعة|السبت|اليوم|أمس"
    r"|يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر"
    r"|今天|昨天|星期|周[一二三四五六日]",
    re.IGNORECASE,
)
MOST_POINTS = 6
# Two replies that share this much of their words are one text used twice.
ALIKE = 0.85
COPIES_FOR = timedelta(days=90)
_COPIES_AMONG = 200
_LEAST_TERMS = 5


@dataclass(frozen=True)
class Check:
    """One thing looked at: `good` is what was found, `None` for what only a person can tell; `case` is beside it."""

    good: bool | None
    words: str
    case: str = ""


@dataclass(frozen=True)
class Point:
    """A sentence of what was asked, and whether the reply takes up any of its words."""

    words: str
    taken_up: bool


def points(asked: Iterable[str], reply: str) -> list[Point]:
    """The sentences of what was asked, at most `MOST_POINTS`, beside the reply."""
    answered = _terms(reply)
    found = []
    for text in asked:
        for sentence in _SENTENCE.split(text):
            own = _terms(sentence)
            if len(own) > 1:
                found.append(Point(sentence.strip(), bool(own & answered)))
    return found[:MOST_POINTS]


def of_reply(teller: Teller, case: Case, staff: Staff) -> list[Check]:
    """What can be seen of the last reply of the unit in the lead."""
    entry = next((e for e in reversed(teller.entries) if e.verb == "order.replied"), None)
    if entry is None:
        return []
    line = teller.line(entry)
    reply = " ".join(remark.body for remark in line.words)
    made = [_dated(reply), *_proof(teller, case), _in_time(teller, case)]
    if (copy := _copied(case, line.words, reply, staff)) is not None:
        made.append(copy)
    refused = next((e for e in reversed(teller.entries) if e.verb in ("case.redone", "case.contested")), None)
    if refused is not None and refused.seq < entry.seq:
        earlier = [e for e in teller.entries if e.verb == "order.replied" and e.seq < refused.seq]
        if earlier and _alike(reply, " ".join(r.body for r in teller.line(earlier[-1]).words)):
            made.append(Check(False, _("It is the reply that was not accepted before.")))
    return made


def _dated(reply: str) -> Check:
    if _DATE.search(reply):
        return Check(True, _("It says when."))
    return Check(False, _("It does not say when it was done."))


def _proof(teller: Teller, case: Case) -> list[Check]:
    files, visits = teller.after(), teller.all_of("order.visited")
    made = []
    if files:
        made.append(Check(True, _("There is a photo or file as proof.")))
    elif case.outcome in (Outcome.FIXED, Outcome.PARTLY):
        made.append(Check(False, _("It says that it is fixed and shows nothing.")))
    if visits:
        made.append(Check(True, _("The place was visited.")))
    elif case.outcome == Outcome.NO_FAULT:
        made.append(Check(False, _("It says that there is no fault, and no visit is recorded.")))
    return made


def _in_time(teller: Teller, case: Case) -> Check:
    due = teller.due_before("order.replied")
    if due is None or case.replied_at is None:
        return Check(None, _("No deadline ran for it."))
    if case.replied_at <= due:
        return Check(True, _("It came in time."))
    return Check(False, _("It came after the deadline."))


def _copied(case: Case, words: Iterable[Remark], reply: str, staff: Staff) -> Check | None:
    """Whether the unit gave another case the same text; its number only to those who may see that case."""
    if case.unit_id is None or len(_terms(reply)) < _LEAST_TERMS:
        return None
    # By the index on unit and time of reply; of a unit's many replies the latest are compared.
    others = list(
        Case.objects.filter(unit=case.unit_id, replied_at__gte=clock.now() - COPIES_FOR)
        .exclude(pk=case.pk)
        .order_by("-replied_at")
        .values_list("pk", flat=True)[:_COPIES_AMONG]
    )
    for remark in Remark.objects.filter(case__in=others, role="reply", erased_at__isnull=True).select_related("case"):
        if _alike(reply, remark.body):
            seen = queries.visible_to(staff).filter(pk=remark.case_id).exists()
            return Check(False, _("The same words answered another request."), remark.case.number if seen else "")
    return Check(True, _("The words are its own."))


def _terms(text: str) -> set[str]:
    return {term for word in terms_in(text) for term in word.terms}


def _alike(one: str, other: str) -> bool:
    a, b = _terms(one), _terms(other)
    return bool(a and b) and len(a & b) / len(a | b) >= ALIKE
