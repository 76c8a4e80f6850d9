"""What is offered from the reply to the end: review, tell, record the answer, close, open again."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases import actions
from wasl.core.cases.models import State, Verdict
from wasl.faces.desk import fields as ask
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.verbs.row import TO_UNIT, Doing, Many, Verb, on_case, states
from wasl.kernel import clock

S = State  # short, for the table
RATINGS: list[tuple[str, ask.Words]] = [
    ("", "—"),
    ("5", _("5 very satisfied")),
    ("4", "4"),
    ("3", "3"),
    ("2", "2"),
    ("1", _("1 very dissatisfied")),
]


def _approve_and_tell(d: Doing) -> None:
    with transaction.atomic():
        actions.review(d.case, by=d.by, text=d.given["note"], seen=d.seen)
        actions.tell(d.case, by=d.by, text=d.given["text"])


def _answer_of_citizen(d: Doing) -> None:
    verdict, g = d.given["verdict"], d.given
    with transaction.atomic():
        if g["rating"]:
            actions.rate(d.case, by=d.by, rating=int(g["rating"]), text="", seen=d.seen)
            seen = None
        else:
            seen = d.seen
        if verdict == Verdict.SOLVED:
            actions.confirm(d.case, by=d.by, medium="phone", seen=seen)
        else:
            actions.contest(d.case, by=d.by, verdict=verdict, text=g["text"], medium="phone", seen=seen)


def _by_somebody_else(now: Situation) -> bool:
    return now.case.replied_by_id != now.staff.pk


def _told_long_enough(now: Situation) -> bool:
    case = now.case
    ripe = (case.due_centre is not None and case.due_centre <= clock.now()) or case.attempts >= 3
    return case.state != S.TOLD or ripe


ROWS: tuple[Verb, ...] = (
    Verb(
        "approve",
        ("case.reviewed", "case.told"),
        pgettext_lazy("do", "Approve and tell"),
        "checks",
        _approve_and_tell,
        {
            "text": ask.text(
                _("What the citizen reads"), required=False, rows=4, hint=_("Empty: the unit's reply as it is.")
            ),
            "note": ask.text(_("Note for colleagues"), required=False, rows=2),
        },
        usual=states(S.REPLIED),
        key="a",
        when=_by_somebody_else,
        unless=_("Somebody else than the author must review a reply."),
    ),
    Verb(
        "review",
        ("case.reviewed",),
        pgettext_lazy("do", "Approve only"),
        "check",
        on_case(actions.review),
        {"text": ask.text(_("Note for colleagues"), required=False, rows=2)},
        when=_by_somebody_else,
        unless=_("Somebody else than the author must review a reply."),
    ),
    Verb(
        "redo",
        ("case.redone",),
        pgettext_lazy("do", "Send back to be done again"),
        "repeat",
        on_case(actions.redo),
        {
            "text": ask.text(_("What is missing"), hint=TO_UNIT),
            "unit": ask.unit(
                _("Another unit"),
                required=False,
                hint=_("Empty: the same unit, or the one above it after the citizen's no."),
            ),
        },
        usual=states(S.CONTESTED),
        near=states(S.REPLIED, S.REVIEWED),
        key="r",
    ),
    Verb(
        "tell",
        ("case.told",),
        pgettext_lazy("do", "Tell the citizen"),
        "speakerphone",
        on_case(actions.tell),
        {
            "text": ask.text(
                _("What the citizen reads"), required=False, rows=4, hint=_("Empty: the unit's reply as it is.")
            )
        },
        usual=states(S.REVIEWED),
        key="t",
        many=Many(hint=_("Each citizen reads the reply of the unit as it is.")),
    ),
    Verb(
        "attempt",
        ("case.contact_attempted",),
        pgettext_lazy("do", "Record an attempt to reach him"),
        "phone-outgoing",
        on_case(actions.record_attempt),
        {"medium": ask.medium, "reached": ask.reached, "text": ask.text(_("Note"), required=False, rows=2)},
        near=states(S.TOLD, S.REVIEWED),
        key="p",
    ),
    Verb(
        "heard",
        ("case.confirmed", "case.contested", "case.rated"),
        pgettext_lazy("do", "Record the citizen's answer"),
        "circle-check",
        _answer_of_citizen,
        {
            "verdict": ask.choice(_("Is it solved?"), Verdict.choices),
            "text": ask.text(_("In his words"), required=False, rows=2),
            "rating": ask.choice(_("How satisfied"), RATINGS, radio=False),
        },
        usual=states(S.TOLD),
        key="a",
    ),
    Verb(
        "close",
        ("case.closed",),
        pgettext_lazy("do", "Close"),
        "archive",
        on_case(actions.close),
        {"text": ask.text(_("Note for colleagues"), required=False, rows=2)},
        usual=states(S.CONFIRMED, S.ANSWERED, S.REFUSED),
        near=states(S.TOLD),
        key="x",
        when=_told_long_enough,
        many=Many({"text": ask.text(_("Note for colleagues"), required=False, rows=2)}),
        unless=_("He was asked and still has time to answer."),
    ),
    Verb(
        "reopen",
        ("case.reopened",),
        pgettext_lazy("do", "Open again"),
        "rotate-clockwise",
        on_case(actions.reopen),
        {"text": ask.text(_("Reason"))},
        near=states(S.CLOSED),
    ),
    Verb(
        "escalate",
        ("case.escalated",),
        pgettext_lazy("do", "Hand to the higher authority"),
        "trending-up",
        on_case(actions.escalate, text="reason", unit="to"),
        {
            "text": ask.text(_("Reason"), hint=TO_UNIT),
            "unit": ask.unit(_("To"), required=False, hint=_("Empty: the unit above the one that has it.")),
        },
    ),
)
