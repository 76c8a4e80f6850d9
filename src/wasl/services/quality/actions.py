"""The verbs of quality: the draw, a score, an appeal and its decision, the score form. Sound is given out elsewhere."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel import clock, seal
from wasl.kernel.plain import block
from wasl.services.calls.models import Recording
from wasl.services.quality.models import Check, Criterion, Score

SCORE, EDIT, ANSWER = "quality.score", "quality.edit", "phone.answer"
EACH: Final = 5
"""Recordings that a draw takes of each agent."""
SHORTEST_MS: Final = 20_000
"""Less is no conversation."""
MARKS: Final = (100, 50, 0, None)
MOST_CRITERIA: Final = 30
_SHIPPED: Final = (
    ({"en": "Greeting and name", "ar": "التحية والاسم", "zh": "问候与自报身份"}, 10, False),
    ({"en": "Listened and asked what was needed", "ar": "الإصغاء والسؤال عما يلزم", "zh": "倾听并问清所需"}, 25, False),
    ({"en": "The answer or the category was right", "ar": "صحة الجواب أو الفئة", "zh": "答复或分类正确"}, 30, False),
    ({"en": "Told the number and what comes next", "ar": "ذكر الرقم وما يلي", "zh": "告知编号和下一步"}, 15, False),
    ({"en": "Tone and clear words", "ar": "الأسلوب ووضوح الكلام", "zh": "语气和表达"}, 20, False),
    ({"en": "Gave away nothing personal of others", "ar": "عدم كشف بيانات الآخرين", "zh": "未泄露他人信息"}, 0, True),
    (
        {"en": "Danger to life was passed on at once", "ar": "إحالة الخطر على الحياة فورًا", "zh": "危及生命立即转报"},
        0,
        True,
    ),
)


def begin() -> None:
    """A score form, where there is none."""
    if not Criterion.objects.exists():
        Criterion.objects.bulk_create(
            Criterion(names=names, weight=weight, critical=critical, place=place)
            for place, (names, weight, critical) in enumerate(_SHIPPED, 1)
        )


def save_criterion(held: Criterion | None, *, by: Staff, facts: Mapping[str, Any]) -> Criterion:
    """Keep a line of the form (names, weight, critical, place, on); scores that were given keep theirs.

    Raises Forbidden, Refused.
    """
    rights.require(by, EDIT)
    with transaction.atomic():
        row = Criterion() if held is None else Criterion.objects.select_for_update().get(pk=held.pk)
        before = None if held is None else facts_of(row)
        row.names = names_of(facts["names"])
        row.weight, row.critical, row.place, row.on = facts["weight"], facts["critical"], facts["place"], facts["on"]
        if not row.weight and not row.critical:
            raise Refused(_("A line weighs something, or is critical."))
        row.save()
        if Criterion.objects.filter(on=True).count() > MOST_CRITERIA:
            raise Refused(_("A form has at most %(most)s lines.") % {"most": MOST_CRITERIA})
        note(by, "criterion.made" if held is None else "criterion.changed", row, before)
    return row


def draw(month: date, *, by: Staff) -> int:
    """Take recordings of each agent by lot, for a month that is over; how many are new.

    The lot is a keyed digest of month and recording: nobody chooses, nobody knows before, and to draw again takes
    the same. Raises Forbidden; Refused for a month that is not over.
    """
    rights.require(by, SCORE)
    begin_at, end = _span(month)
    if end > clock.now():
        raise Refused(_("Draw when the month is over: then every call of it has the same chance."))
    rows = Recording.objects.filter(
        call__answered_at__gte=begin_at, call__answered_at__lt=end, call__agent__isnull=False,
        milliseconds__gte=SHORTEST_MS,
    )  # fmt: skip
    lots: dict[int, list[tuple[bytes, int]]] = {}
    for pk, agent in rows.values_list("pk", "call__agent"):
        lots.setdefault(agent, []).append((seal.index_of(f"quality:{month:%Y-%m}:{pk}"), pk))
    chosen = {pk: agent for agent, own in lots.items() for _lot, pk in sorted(own)[:EACH]}
    # What was erased before it could be drawn loses its place to nobody.
    there = set(Recording.objects.filter(pk__in=chosen, erased_at__isnull=True).values_list("pk", flat=True))
    known = set(Check.objects.filter(recording__in=there).values_list("recording", flat=True))
    first, now = month.replace(day=1), clock.now()
    made = [
        Check(recording_id=pk, agent_id=chosen[pk], month=first, drawn_at=now, drawn_by=by)
        for pk in sorted(there - known)
    ]
    Check.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _span(month: date) -> tuple[datetime, datetime]:
    zone = timezone.get_current_timezone()
    first = month.replace(day=1)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return datetime.combine(first, datetime.min.time(), zone), datetime.combine(after, datetime.min.time(), zone)


def score(check: Check, *, by: Staff, marks: Mapping[int, int | None], note: str = "") -> Score:
    """What `by` thinks of the call: a mark for each line, by its id. Two may score one, unseen by each other.

    Raises Forbidden; Refused for his own call, a second score, and marks that the form does not have.
    """
    rights.require(by, SCORE)
    if check.agent_id == by.pk:
        raise Refused(_("This is your own call; somebody else looks at it."))
    lines = list(Criterion.objects.filter(on=True))
    if not lines:
        raise Refused(_("The score form has no lines yet."))
    if set(marks) != {line.pk for line in lines} or not set(marks.values()) <= set(MARKS):
        raise Refused(_("The form has changed meanwhile. Fill it in again."))
    kept = [
        {"criterion": one.pk, "names": one.names, "weight": one.weight, "critical": one.critical, "mark": marks[one.pk]}
        for one in lines
    ]
    total, critical = totalled(kept)
    try:
        with transaction.atomic():
            return Score.objects.create(
                check_of=check, by=by, at=clock.now(), marks=kept, total=total, critical=critical,
                note=block(note)[:1000],
            )  # fmt: skip
    except IntegrityError as error:
        raise Refused(_("You have scored this call already.")) from error


def totalled(marks: list[dict[str, Any]]) -> tuple[int, bool]:
    """The score, 0 to 100, and whether a critical line was not met, which makes it 0. Lines not asked do not count."""
    if any(one["critical"] and one["mark"] == 0 for one in marks):
        return 0, True
    asked = [(one["weight"], one["mark"]) for one in marks if one["mark"] is not None]
    whole = sum(weight for weight, _mark in asked)
    return (round(sum(weight * mark for weight, mark in asked) / whole) if whole else 100), False


def appeal(one: Score, *, by: Staff, words: str) -> None:
    """The agent does not agree. Raises Forbidden for anybody else's score; Refused without words, or a second time."""
    if one.check_of.agent_id != by.pk:
        raise rights.Forbidden(_("Only the agent of the call may appeal."))
    said = block(words)[:1000]
    if not said:
        raise Refused(_("Say what is not right."))
    rows = Score.objects.filter(pk=one.pk, appealed_at__isnull=True)
    if not rows.update(appealed_at=clock.now(), appeal=said):
        raise Refused(_("You have appealed already."))


def decide(one: Score, *, by: Staff, decision: str, reason: str) -> None:
    """Whether the score counts: another pair of eyes than those that scored decides.

    Raises Forbidden; Refused for his own score or call, without an appeal or a reason, or a second time.
    """
    rights.require(by, SCORE)
    if by.pk in (one.by_id, one.check_of.agent_id):
        raise Refused(_("Somebody else decides about this score."))
    said = block(reason)[:1000]
    if not said or decision not in Score.Decision.values:
        raise Refused(_("Say how you decide, and why."))
    rows = Score.objects.filter(pk=one.pk, appealed_at__isnull=False, decided_at__isnull=True)
    if not rows.update(decision=decision, reason=said, decided_at=clock.now(), decided_by=by):
        raise Refused(_("There is nothing to decide."))
