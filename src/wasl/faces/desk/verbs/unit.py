"""What is offered to a unit about its order, and to those who decide on more time."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases import actions, transitions
from wasl.core.cases.models import Outcome, State, WorkOrder
from wasl.faces.desk import fields as ask
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.verbs.row import TO_CITIZEN, TO_UNIT, Doing, Many, Verb, on_case, on_order, states

S = State  # short, for the table
OUTCOMES = [(o.value, o.label) for o in Outcome if o not in (Outcome.REFUSED, Outcome.DUPLICATE)]


def _asked_extension(now: Situation) -> bool:
    return now.order is not None and bool(now.order.extension_asked)


def _asked_pause(now: Situation) -> bool:
    return now.order is not None and bool(now.order.pause_asked)


def _is_lead(now: Situation) -> bool:
    return now.order is not None and now.order.role == WorkOrder.Role.LEAD


def _may_return(now: Situation) -> bool:
    return now.order is not None and not now.order.no_return and now.order.state in ("dispatched", "signed")


def _unsigned(now: Situation) -> bool:
    return now.order is not None and now.order.state == WorkOrder.State.DISPATCHED


def _signed(now: Situation) -> bool:
    return now.order is not None and now.order.state in (WorkOrder.State.SIGNED, WorkOrder.State.IN_PROGRESS)


def _not_begun(now: Situation) -> bool:
    return now.order is not None and now.order.state == WorkOrder.State.SIGNED


def _record_visit(d: Doing) -> None:
    """The place comes as the telephone gave it: latitude, longitude, accuracy in metres."""
    place: tuple[float, float, float] | None = d.given["place"]
    actions.record_visit(
        d.order,
        by=d.by,
        text=d.given["text"],
        attachments=d.given["files"],
        place=place[:2] if place else None,
        accuracy_m=place[2] if place else None,
        visited_at=d.given["visited_at"],
        seen=d.seen,
    )


ROWS: tuple[Verb, ...] = (
    Verb(
        "sign",
        ("order.signed",),
        pgettext_lazy("do", "Sign for it"),
        "signature",
        on_order(actions.sign_for),
        usual=states(S.DISPATCHED),
        key="s",
        when=_unsigned,
        hint=_("Your unit accepts the order. The clock has been running since it was sent."),
        many=Many(),
        unless=_("It is signed for already."),
    ),
    Verb(
        "reply",
        ("order.replied",),
        pgettext_lazy("do", "Reply"),
        "message-report",
        on_order(actions.reply, files="attachments"),
        {
            "outcome": ask.choice(_("What came of it"), OUTCOMES),
            "text": ask.text(
                _("What was done"), rows=5, hint=_("The centre checks it, then the citizen reads it."), least=10
            ),
            "files": ask.files(_("Photos as evidence")),
        },
        usual=states(S.SIGNED, S.IN_PROGRESS),
        key="a",
        when=_signed,
        unless=_("Sign for it first."),
    ),
    Verb(
        "visit",
        ("order.visited",),
        pgettext_lazy("do", "Record on site"),
        "camera",
        _record_visit,
        {
            "files": ask.files(_("Photos"), camera=True),
            "text": ask.text(_("What was found")),
            "place": ask.position,
            "visited_at": ask.visited_at,
        },
        near=states(S.SIGNED, S.IN_PROGRESS),
        key="v",
        when=_signed,
        unless=_("Sign for it first."),
    ),
    Verb(
        "begin",
        ("order.started",),
        pgettext_lazy("do", "Work has begun"),
        "tool",
        on_order(actions.begin_work),
        near=states(S.SIGNED),
        key="b",
        when=_not_begun,
        hint=_("The citizen's page says that work has begun."),
        many=Many(),
        unless=_("Sign for it first; work begins once."),
    ),
    Verb(
        "contact",
        ("order.contacted",),
        pgettext_lazy("do", "Record a call"),
        "phone-call",
        on_order(actions.record_contact),
        {"medium": ask.medium, "reached": ask.reached, "text": ask.text(_("What was said"), required=False)},
        near=states(S.SIGNED, S.IN_PROGRESS),
        key="p",
    ),
    Verb(
        "extend",
        ("order.extension_asked",),
        pgettext_lazy("do", "Ask for more time"),
        "clock-plus",
        on_order(actions.ask_extension),
        {
            "duration": ask.duration(_("How much longer")),
            "reason": ask.reason("extend"),
            "text": ask.text(_("Why"), hint=TO_CITIZEN),
        },
        key="e",
        when=lambda now: _is_lead(now) and not _asked_extension(now),
        unless=_("More time is asked for already, or another unit leads."),
    ),
    Verb(
        "return",
        ("order.returned",),
        pgettext_lazy("do", "Return it"),
        "arrow-back-up",
        on_order(actions.return_order, unit="proposed"),
        {
            "reason": ask.reason("return"),
            "unit": ask.unit(_("Whose is it?"), required=False),
            "text": ask.text(_("More in words"), required=False),
        },
        near=states(S.DISPATCHED),
        key="r",
        when=_may_return,
        unless=_("Your unit was designated for this, or work has begun."),
    ),
    Verb(
        "object",
        ("order.objected",),
        pgettext_lazy("do", "Object to the dispatch"),
        "hand-stop",
        on_order(actions.object_to, unit="proposed"),
        {
            "text": ask.text(_("Reason"), hint=_("The centre decides between the units.")),
            "unit": ask.unit(_("Whose is it?"), required=False),
        },
        when=lambda now: _may_return(now) and _is_lead(now),
        unless=_("Your unit was designated for this, or it does not lead."),
    ),
    Verb(
        "pass-on",
        ("order.sub_dispatched",),
        pgettext_lazy("do", "Pass on within the unit"),
        "corner-down-right",
        on_order(actions.sub_dispatch),
        {"unit": ask.unit(below=True), "text": ask.text(_("Note"), required=False, rows=2)},
        key="o",
        when=lambda now: (
            now.order is not None
            and len(ask.unit_choices(under=now.order.unit, without=[now.order.unit_id], empty=False)) > 0
        ),
        unless=_("There is no unit below yours."),
    ),
    Verb(
        "ask-pause",
        ("order.pause_asked",),
        pgettext_lazy("do", "Ask to suspend it"),
        "player-pause",
        on_order(actions.ask_pause),
        {"reason": ask.reason("suspend"), "until": ask.until, "text": ask.text(_("More in words"), hint=TO_CITIZEN)},
        when=lambda now: _is_lead(now) and not _asked_pause(now),
        hint=_("Somebody else decides; the clock runs on until then."),
        unless=_("A suspension is asked for already, or another unit leads."),
    ),
    Verb(
        "deny-pause",
        ("order.pause_denied",),
        pgettext_lazy("do", "Deny the suspension"),
        "circle-x",
        on_order(actions.deny_pause),
        {"text": ask.text(_("Reason"), hint=TO_UNIT)},
        near=frozenset(transitions.WITH_UNIT),
        when=_asked_pause,
        many=Many({"text": ask.text(_("Reason"), hint=TO_UNIT)}),
        unless=_("No suspension is asked for."),
    ),
    Verb(
        "suspend",
        ("case.suspended",),
        pgettext_lazy("do", "Suspend"),
        "player-pause",
        on_case(actions.suspend),
        {
            "reason": ask.reason("suspend"),
            "until": ask.until,
            "text": ask.text(_("More in words"), required=False, hint=TO_CITIZEN),
        },
    ),
    Verb(
        "resume",
        ("case.resumed",),
        pgettext_lazy("do", "Go on"),
        "player-play",
        on_case(actions.resume),
        usual=states(S.SUSPENDED),
        hint=_("The clock runs on from now."),
        many=Many(),
    ),
    Verb(
        "interim",
        ("case.interim_replied",),
        pgettext_lazy("do", "Interim reply"),
        "message-2",
        on_case(actions.interim_reply),
        {"text": ask.text(_("How far it is and what comes next"), hint=TO_CITIZEN)},
        key="i",
        many=Many({"text": ask.text(_("How far it is and what comes next"), hint=TO_CITIZEN)}),
    ),
    Verb(
        "withdraw",
        ("order.withdrawn",),
        pgettext_lazy("do", "Withdraw the order"),
        "x",
        on_order(actions.withdraw, text="reason"),
        {"text": ask.text(_("Reason"))},
        when=lambda now: now.order is not None and not _is_lead(now) and now.order.state in WorkOrder.LIVE,
        unless=_("The lead order is not withdrawn; send the request anew."),
    ),
    Verb(
        "grant",
        ("order.extension_granted",),
        pgettext_lazy("do", "Grant more time"),
        "clock-plus",
        on_order(actions.grant_extension),
        {"duration": ask.duration(_("Granted"))},
        near=frozenset(transitions.WITH_UNIT),
        key="y",
        when=_asked_extension,
        hint=_("The citizen is told the reason and the new date."),
        many=Many(call=on_order(actions.grant_extension), hint=_("Each gets as much as its unit asked for.")),
        unless=_("No more time is asked for."),
    ),
    Verb(
        "deny",
        ("order.extension_denied",),
        pgettext_lazy("do", "Deny more time"),
        "circle-x",
        on_order(actions.deny_extension),
        {"text": ask.text(_("Reason"), hint=TO_UNIT)},
        near=frozenset(transitions.WITH_UNIT),
        key="n",
        when=_asked_extension,
        many=Many({"text": ask.text(_("Reason"), hint=TO_UNIT)}),
        unless=_("No more time is asked for."),
    ),
)
