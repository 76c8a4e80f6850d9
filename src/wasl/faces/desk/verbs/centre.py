"""What is offered at the centre: classify, answer, send, decide who is responsible."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases import actions
from wasl.core.cases.models import State
from wasl.faces.desk import fields as ask
from wasl.faces.desk.verbs.row import TO_CITIZEN, TO_UNIT, Doing, Many, Verb, on_case, states

S = State  # short, for the table


def _register_and_dispatch(d: Doing) -> None:
    with transaction.atomic():
        g = d.given
        actions.register(d.case, by=d.by, category=g["category"], kind=g["kind"], urgency=g["urgency"], seen=d.seen)
        actions.dispatch(d.case, by=d.by, unit=g["unit"])


ROWS: tuple[Verb, ...] = (
    Verb(
        "accept",
        ("case.registered", "case.dispatched"),
        pgettext_lazy("do", "Register and send"),
        "send",
        _register_and_dispatch,
        {
            "category": ask.category(),
            "kind": ask.kind,
            "urgency": ask.urgency,
            "unit": ask.unit(required=False, proposed=True, hint=_("Empty: as the catalogue decides.")),
        },
        usual=states(S.RECEIVED),
        key="d",
    ),
    Verb(
        "register",
        ("case.registered",),
        pgettext_lazy("do", "Register"),
        "clipboard-check",
        on_case(actions.register),
        {"category": ask.category(), "kind": ask.kind, "urgency": ask.urgency, "against": ask.against},
        key="g",
    ),
    Verb(
        "dispatch",
        ("case.dispatched",),
        pgettext_lazy("do", "Send to the unit"),
        "send",
        on_case(actions.dispatch, text="reason"),
        {
            "unit": ask.unit(proposed=True),
            "assist": ask.units(),
            "text": ask.text(_("Why, if not by the catalogue"), required=False, rows=2),
        },
        usual=states(S.REGISTERED, S.RETURNED),
        key="d",
        many=Many(
            {
                "unit": ask.unit(
                    required=False, hint=_("Empty: each goes to the unit that the catalogue gives for it.")
                ),
                "text": ask.text(_("Why, if not by the catalogue"), required=False, rows=2),
            }
        ),
    ),
    Verb(
        "ask",
        ("case.asked",),
        pgettext_lazy("do", "Ask the citizen"),
        "question-mark",
        on_case(actions.ask, text="question"),
        {"text": ask.text(_("Question"), hint=TO_CITIZEN)},
        near=states(S.RECEIVED, S.REGISTERED),
        key="q",
    ),
    Verb(
        "answer",
        ("case.answered",),
        pgettext_lazy("do", "Answer at once"),
        "message-circle",
        on_case(actions.answer),
        {"text": ask.text(_("Answer"), hint=TO_CITIZEN, rows=5)},
        near=states(S.RECEIVED, S.REGISTERED),
        key="a",
    ),
    Verb(
        "refuse",
        ("case.refused",),
        pgettext_lazy("do", "Do not accept"),
        "ban",
        on_case(actions.refuse),
        {
            "ground": ask.reason("refuse", _("Ground")),
            "text": ask.text(
                _("More in words"),
                required=False,
                hint=_("The citizen reads this, with the ground and where else to turn."),
            ),
        },
        near=states(S.RECEIVED),
        key="x",
    ),
    Verb(
        "join",
        ("case.joined",),
        pgettext_lazy("do", "Join to another request"),
        "arrows-join",
        on_case(actions.join, other="head"),
        {"other": ask.other_case(_("Number of the other request"))},
        near=states(S.RECEIVED),
        key="j j",
    ),
    Verb(
        "unjoin",
        ("case.unjoined",),
        pgettext_lazy("do", "Take apart again"),
        "arrows-split",
        on_case(actions.unjoin, text="reason"),
        {"text": ask.text(_("Reason"))},
        usual=states(S.JOINED),
    ),
    Verb(
        "reclassify",
        ("case.reclassified",),
        pgettext_lazy("do", "Change the class"),
        "tag",
        on_case(actions.reclassify, text="reason"),
        {
            "category": ask.category(),
            "kind": ask.kind,
            "urgency": ask.urgency,
            "text": ask.text(_("Reason"), required=False, hint=TO_CITIZEN, rows=2),
        },
        near=states(S.REGISTERED, S.RETURNED),
        key="c",
        when=lambda now: now.case.state != S.RECEIVED,
        unless=_("Register it first."),
    ),
    Verb(
        "arbitrate",
        ("case.arbitrated",),
        pgettext_lazy("do", "Decide who is responsible"),
        "gavel",
        on_case(actions.arbitrate, text="reason"),
        {
            "unit": ask.unit(hint=_("It may not return it.")),
            "assist": ask.units(),
            "text": ask.text(_("Reason"), hint=TO_UNIT),
        },
        usual=states(S.ARBITRATION),
        key="d",
    ),
)
