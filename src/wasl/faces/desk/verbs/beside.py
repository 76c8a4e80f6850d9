"""What is offered at any time: notes, links, parts, marks, a PIN, the identity."""

from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases import actions, queries
from wasl.core.cases.models import State
from wasl.faces.desk import fields as ask
from wasl.faces.desk.fields import Situation
from wasl.faces.desk.verbs.row import Doing, Many, Verb, beside, on_case, states

S = State  # short, for the table


def _flag(d: Doing) -> None:
    wanted = set(d.given["flags"])
    changed = {
        n: n in wanted
        for n in ("emergency", "confidential", "supervised", "brief")
        if (n in wanted) != getattr(d.case, n)
    }
    if not changed:
        raise actions.NotAllowed(_g("Nothing was changed."))
    actions.flag(d.case, by=d.by, flags=changed, text=d.given["text"], seen=d.seen)


def _flag_many(d: Doing) -> None:
    on, off = set(d.given["set"]), set(d.given["clear"])
    if on & off:
        raise actions.NotAllowed(_g("A mark cannot be put on and taken off at once."))
    changed = {n: n in on for n in sorted(on | off) if getattr(d.case, n) != (n in on)}
    if not changed:
        raise actions.NotAllowed(_g("Nothing was changed."))
    actions.flag(d.case, by=d.by, flags=changed, text=d.given["text"], seen=d.seen)


def _renew_pin(d: Doing) -> str:
    pin = actions.renew_pin(d.case, by=d.by, seen=d.seen)
    return _g("The new PIN is %(pin)s. The old one is void. Say it to the citizen; it is not shown again.") % {
        "pin": pin
    }


def _open_part(d: Doing) -> str:
    made = actions.open_part(d.case, by=d.by, category=d.given["category"], text=d.given["text"], seen=d.seen)
    return _g("Part %(number)s was opened.") % {"number": made.case.number}


def _classified(now: Situation) -> bool:
    return bool(now.case.category)


ROWS: tuple[Verb, ...] = (
    Verb(
        "note",
        ("case.noted",),
        pgettext_lazy("do", "Note"),
        "notes",
        beside(actions.note),
        {"text": ask.text(_("Note for colleagues"))},
        near=states(S.CLOSED),
        key="m",
        many=Many({"text": ask.text(_("Note for colleagues"))}),
    ),
    Verb(
        "add",
        ("case.added",),
        pgettext_lazy("do", "Add what the citizen says"),
        "message-plus",
        beside(actions.add, files="attachments"),
        {"medium": ask.medium, "text": ask.text(_("In his words")), "files": ask.files()},
        near=states(S.CLOSED),
    ),
    Verb(
        "link",
        ("case.linked",),
        pgettext_lazy("do", "Link to another request"),
        "link",
        beside(actions.link),
        {"other": ask.other_case(_("Number of the other request"))},
    ),
    Verb(
        "part",
        ("case.part_opened",),
        pgettext_lazy("do", "Open a part for another unit"),
        "git-merge",
        _open_part,
        {"category": ask.category(), "text": ask.text(_("What this part is about"))},
        shows=True,
        when=_classified,
        unless=_("Choose a category first."),
    ),
    Verb(
        "flag",
        ("case.flagged",),
        pgettext_lazy("do", "Marks"),
        "flag",
        _flag,
        {"flags": ask.flags, "text": ask.text(_("Reason"), required=False, rows=2)},
        many=Many(
            {
                "set": ask.marks(_("Put on")),
                "clear": ask.marks(_("Take off")),
                "text": ask.text(_("Reason"), required=False, rows=2),
            },
            _flag_many,
        ),
    ),
    Verb(
        "analyse",
        ("case.analysed",),
        pgettext_lazy("do", "Analyse"),
        "list-search",
        beside(actions.analyse),
        {
            "cause": ask.reason("cause", _("Cause"), required=False),
            "severity": ask.severity,
            "repeat": ask.found("repeat", _("It came before")),
            "safety": ask.found("safety", _("It endangers people")),
        },
    ),
    Verb(
        "inquire",
        ("case.inquired",),
        pgettext_lazy("do", "Ask about it"),
        "message-question",
        beside(actions.inquire),
        {
            "text": ask.text(_("Question"), hint=_("It is answered here, on the request.")),
            "unit": ask.whom,
            "until": ask.until,
        },
        usual=states(*S),
        key="q",
    ),
    Verb(
        "answer-inquiry",
        ("case.inquiry_answered",),
        pgettext_lazy("do", "Answer the leader's question"),
        "message-reply",
        beside(actions.answer_inquiry),
        {"inquiry": ask.inquiry, "text": ask.text(_("Answer"))},
        near=states(*S),
        when=lambda now: bool(now.case.inquiries),
        unless=_("No leader has asked anything."),
    ),
    Verb(
        "take-over",
        ("case.taken_over",),
        pgettext_lazy("do", "Take it over"),
        "user-check",
        on_case(actions.take_over),
        hint=_("You answer for it from now on."),
        when=lambda now: now.case.owner_id != now.staff.pk,
        many=Many(),
        unless=_("You answer for it already."),
    ),
    Verb(
        "publish",
        ("case.published",),
        pgettext_lazy("do", "Write the public text"),
        "world",
        on_case(actions.publish),
        {
            "text": ask.text(
                _("What everybody may read"),
                rows=4,
                hint=_("No names, no numbers, nothing that tells who reported it."),
            )
        },
        when=lambda now: not now.case.confidential,
        unless=_("Nothing of a confidential request is published."),
    ),
    Verb(
        "pin",
        ("case.pin_renewed",),
        pgettext_lazy("do", "Issue a new PIN"),
        "key",
        _renew_pin,
        shows=True,
        hint=_("Only for the citizen himself, after you made sure that it is he. The old PIN is void then."),
    ),
    Verb(
        "identity",
        ("case.identity_asked",),
        pgettext_lazy("do", "Open the identity"),
        "lock-open",
        beside(actions.open_identity),
        {
            "reason": ask.reason("identity"),
            "text": ask.text(
                _("Why you need it"),
                least=10,
                hint=_("It is open to you for 8 hours. This and every view are recorded."),
            ),
        },
        when=lambda now: not now.case.confidential and not queries.may_see_identity(now.staff, now.case),
        unless=_("It is open to you already, or the request is confidential."),
    ),
)
