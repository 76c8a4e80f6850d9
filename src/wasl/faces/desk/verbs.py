"""What the desk offers to do with a case: verb -> fields to fill in -> the call of the action. The one table.

Whether a verb is allowed is asked of `cases.queries.verbs_for`; a row here only says how it looks. A combined row needs
all of its verbs and does them in one transaction.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from wasl.core.cases import actions, queries, transitions
from wasl.core.cases.models import Case, Outcome, State, Verdict, WorkOrder
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.faces.desk import fields as ask
from wasl.faces.desk.fields import Ask, Situation
from wasl.kernel import clock

S = State


@dataclass(frozen=True)
class Doing:
    """A filled-in form on its way to an action."""

    now: Situation
    given: Mapping[str, Any]
    seen: int | None

    @property
    def case(self) -> Case:
        """The case."""
        return self.now.case

    @property
    def by(self) -> Staff:
        """Who does it."""
        return self.now.staff

    @property
    def order(self) -> WorkOrder:
        """The order of a verb on an order."""
        if self.now.order is None:
            raise actions.NotAllowed(_g("This order does not stand any more."))
        return self.now.order


def _always(now: Situation) -> bool:
    return True


@dataclass(frozen=True)
class Verb:
    """One row: `needs` are verbs of the core, all of them allowed; `usual` the states in which it is the button.

    `when` hides what a guard would surely refuse. `call` may give words to show in place of the form.
    """

    slug: str
    needs: tuple[str, ...]
    label: str | Promise
    icon: str
    call: Callable[[Doing], object]
    fields: Mapping[str, Ask] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    key: str = ""
    hint: str | Promise = ""
    when: Callable[[Situation], bool] = _always
    shows: bool = False

    @property
    def of_order(self) -> bool:
        """Whether it is done on an order."""
        return self.needs[0].startswith("order.")


def _states(*states: str) -> frozenset[str]:
    return frozenset(states)


def _register(d: Doing, seen: int | None) -> None:
    g = d.given
    actions.register(
        d.case,
        by=d.by,
        category=g["category"],
        kind=g["kind"],
        urgency=g["urgency"],
        against=g.get("against"),
        seen=seen,
    )


def _register_and_dispatch(d: Doing) -> None:
    with transaction.atomic():
        _register(d, d.seen)
        actions.dispatch(d.case, by=d.by, unit=d.given["unit"])


def _approve_and_tell(d: Doing) -> None:
    with transaction.atomic():
        actions.review(d.case, by=d.by, text=d.given["note"], seen=d.seen)
        actions.tell(d.case, by=d.by, text=d.given["text"])


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


def _renew_pin(d: Doing) -> str:
    pin = actions.renew_pin(d.case, by=d.by, seen=d.seen)
    return _g("The new PIN is %(pin)s. The old one is void. Say it to the citizen; it is not shown again.") % {
        "pin": pin
    }


def _open_part(d: Doing) -> str:
    made = actions.open_part(d.case, by=d.by, category=d.given["category"], text=d.given["text"], seen=d.seen)
    return _g("Part %(number)s was opened.") % {"number": made.case.number}


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


def _classified(now: Situation) -> bool:
    return bool(now.case.category)


def _told_long_enough(now: Situation) -> bool:
    case = now.case
    ripe = (case.due_centre is not None and case.due_centre <= clock.now()) or case.attempts >= 3
    return case.state != S.TOLD or ripe


RATINGS = [("", "—"), ("5", _("5 very satisfied")), ("4", "4"), ("3", "3"), ("2", "2"), ("1", _("1 very dissatisfied"))]
OUTCOMES = [(o.value, o.label) for o in Outcome if o not in (Outcome.REFUSED, Outcome.DUPLICATE)]
_TO_CITIZEN = _("The citizen reads this.")
_TO_UNIT = _("The unit reads this.")

TABLE: tuple[Verb, ...] = (
    Verb(
        "accept", ("case.registered", "case.dispatched"), pgettext_lazy("do", "Register and send"), "send", _register_and_dispatch,
        {"category": ask.category(), "kind": ask.kind, "urgency": ask.urgency, "unit": ask.unit(required=False, proposed=True, hint=_("Empty: as the catalogue decides."))},
        usual=_states(S.RECEIVED), key="d",
    ),
    Verb(
        "register", ("case.registered",), pgettext_lazy("do", "Register"), "clipboard-check", lambda d: _register(d, d.seen),
        {"category": ask.category(), "kind": ask.kind, "urgency": ask.urgency, "against": ask.against}, near=_states(S.RECEIVED), key="g",
    ),
    Verb(
        "dispatch", ("case.dispatched",), pgettext_lazy("do", "Send to the unit"), "send",
        lambda d: actions.dispatch(d.case, by=d.by, unit=d.given["unit"], assist=d.given["assist"], reason=d.given["text"], seen=d.seen),
        {"unit": ask.unit(proposed=True), "assist": ask.units(), "text": ask.text(_("Why, if not by the catalogue"), required=False, rows=2)},
        usual=_states(S.REGISTERED, S.RETURNED), key="d",
    ),
    Verb(
        "ask", ("case.asked",), pgettext_lazy("do", "Ask the citizen"), "question-mark",
        lambda d: actions.ask(d.case, by=d.by, question=d.given["text"], seen=d.seen),
        {"text": ask.text(_("Question"), hint=_TO_CITIZEN)}, near=_states(S.RECEIVED, S.REGISTERED), key="q",
    ),
    Verb(
        "answer", ("case.answered",), pgettext_lazy("do", "Answer at once"), "message-circle",
        lambda d: actions.answer(d.case, by=d.by, text=d.given["text"], seen=d.seen),
        {"text": ask.text(_("Answer"), hint=_TO_CITIZEN, rows=5)}, near=_states(S.RECEIVED, S.REGISTERED), key="a",
    ),
    Verb(
        "refuse", ("case.refused",), pgettext_lazy("do", "Do not accept"), "ban",
        lambda d: actions.refuse(d.case, by=d.by, ground=d.given["ground"], text=d.given["text"], seen=d.seen),
        {"ground": ask.reason("refuse", _("Ground")), "text": ask.text(_("More in words"), required=False, hint=_("The citizen reads this, with the ground and where else to turn."))},
        near=_states(S.RECEIVED),
    ),
    Verb(
        "join", ("case.joined",), pgettext_lazy("do", "Join to another request"), "arrows-join",
        lambda d: actions.join(d.case, by=d.by, head=d.given["other"], seen=d.seen),
        {"other": ask.other_case(_("Number of the other request"))}, near=_states(S.RECEIVED), key="j j",
    ),
    Verb(
        "unjoin", ("case.unjoined",), pgettext_lazy("do", "Take apart again"), "arrows-split",
        lambda d: actions.unjoin(d.case, by=d.by, reason=d.given["text"], seen=d.seen), {"text": ask.text(_("Reason"))}, usual=_states(S.JOINED),
    ),
    Verb(
        "reclassify", ("case.reclassified",), pgettext_lazy("do", "Change the class"), "tag",
        lambda d: actions.reclassify(
            d.case, by=d.by, category=d.given["category"], kind=d.given["kind"], urgency=d.given["urgency"], reason=d.given["text"], seen=d.seen
        ),
        {"category": ask.category(), "kind": ask.kind, "urgency": ask.urgency, "text": ask.text(_("Reason"), required=False, hint=_TO_CITIZEN, rows=2)},
        near=_states(S.REGISTERED, S.RETURNED), key="c", when=lambda now: now.case.state != S.RECEIVED,
    ),
    Verb(
        "arbitrate", ("case.arbitrated",), pgettext_lazy("do", "Decide who is responsible"), "gavel",
        lambda d: actions.arbitrate(d.case, by=d.by, unit=d.given["unit"], assist=d.given["assist"], reason=d.given["text"], seen=d.seen),
        {"unit": ask.unit(hint=_("It may not return it.")), "assist": ask.units(), "text": ask.text(_("Reason"), hint=_TO_UNIT)}, usual=_states(S.ARBITRATION), key="d",
    ),
    # --- the unit ---
    Verb(
        "sign", ("order.signed",), pgettext_lazy("do", "Sign for it"), "signature", lambda d: actions.sign_for(d.order, by=d.by, seen=d.seen),
        usual=_states(S.DISPATCHED), key="s", when=_unsigned, hint=_("Your unit accepts the order. The clock has been running since it was sent."),
    ),
    Verb(
        "reply", ("order.replied",), pgettext_lazy("do", "Reply"), "message-report",
        lambda d: actions.reply(d.order, by=d.by, outcome=d.given["outcome"], text=d.given["text"], attachments=d.given["files"], seen=d.seen),
        {"outcome": ask.choice(_("What came of it"), OUTCOMES), "text": ask.text(_("What was done"), rows=5, hint=_("The centre checks it, then the citizen reads it."), least=10), "files": ask.files(_("Photos as evidence"))},
        usual=_states(S.SIGNED, S.IN_PROGRESS), key="a", when=_signed,
    ),
    Verb(
        "begin", ("order.started",), pgettext_lazy("do", "Work has begun"), "tool", lambda d: actions.begin_work(d.order, by=d.by, seen=d.seen),
        near=_states(S.SIGNED), key="b", when=_not_begun, hint=_("The citizen's page says that work has begun."),
    ),
    Verb(
        "visit", ("order.visited",), pgettext_lazy("do", "Record on site"), "camera",
        lambda d: actions.record_visit(d.order, by=d.by, text=d.given["text"], attachments=d.given["files"], seen=d.seen),
        {"files": ask.files(_("Photos")), "text": ask.text(_("What was found"))}, near=_states(S.SIGNED, S.IN_PROGRESS), key="v", when=_signed,
    ),
    Verb(
        "contact", ("order.contacted",), pgettext_lazy("do", "Record a call"), "phone-call",
        lambda d: actions.record_contact(d.order, by=d.by, medium=d.given["medium"], reached=d.given["reached"], text=d.given["text"], seen=d.seen),
        {"medium": ask.medium, "reached": ask.reached, "text": ask.text(_("What was said"), required=False)}, near=_states(S.SIGNED, S.IN_PROGRESS), key="p",
    ),
    Verb(
        "extend", ("order.extension_asked",), pgettext_lazy("do", "Ask for more time"), "clock-plus",
        lambda d: actions.ask_extension(d.order, by=d.by, duration=d.given["duration"], reason=d.given["reason"], text=d.given["text"], seen=d.seen),
        {"duration": ask.duration(_("How much longer")), "reason": ask.reason("extend"), "text": ask.text(_("Why"), hint=_TO_CITIZEN)},
        key="e", when=lambda now: _is_lead(now) and not _asked_extension(now),
    ),
    Verb(
        "return", ("order.returned",), pgettext_lazy("do", "Return it"), "arrow-back-up",
        lambda d: actions.return_order(d.order, by=d.by, reason=d.given["reason"], text=d.given["text"], proposed=d.given["unit"], seen=d.seen),
        {"reason": ask.reason("return"), "unit": ask.unit(_("Whose is it?"), required=False), "text": ask.text(_("More in words"), required=False)},
        near=_states(S.DISPATCHED), key="r", when=_may_return,
    ),
    Verb(
        "object", ("order.objected",), pgettext_lazy("do", "Object to the dispatch"), "hand-stop",
        lambda d: actions.object_to(d.order, by=d.by, text=d.given["text"], proposed=d.given["unit"], seen=d.seen),
        {"text": ask.text(_("Reason"), hint=_("The centre decides between the units.")), "unit": ask.unit(_("Whose is it?"), required=False)},
        when=lambda now: _may_return(now) and _is_lead(now),
    ),
    Verb(
        "pass-on", ("order.sub_dispatched",), pgettext_lazy("do", "Pass on within the unit"), "corner-down-right",
        lambda d: actions.sub_dispatch(d.order, by=d.by, unit=d.given["unit"], text=d.given["text"], seen=d.seen),
        {"unit": ask.unit(below=True), "text": ask.text(_("Note"), required=False, rows=2)}, key="o",
        when=lambda now: now.order is not None and len(ask.unit_choices(under=now.order.unit, without=[now.order.unit_id], empty=False)) > 0,
    ),
    Verb(
        "ask-pause", ("order.pause_asked",), pgettext_lazy("do", "Ask to suspend it"), "player-pause",
        lambda d: actions.ask_pause(d.order, by=d.by, reason=d.given["reason"], until=d.given["until"], text=d.given["text"], seen=d.seen),
        {"reason": ask.reason("suspend"), "until": ask.until, "text": ask.text(_("More in words"), hint=_TO_CITIZEN)},
        when=lambda now: _is_lead(now) and not _asked_pause(now), hint=_("Somebody else decides; the clock runs on until then."),
    ),
    Verb(
        "deny-pause", ("order.pause_denied",), pgettext_lazy("do", "Deny the suspension"), "circle-x",
        lambda d: actions.deny_pause(d.order, by=d.by, text=d.given["text"], seen=d.seen), {"text": ask.text(_("Reason"), hint=_TO_UNIT)},
        near=frozenset(transitions.WITH_UNIT), when=_asked_pause,
    ),
    Verb(
        "suspend", ("case.suspended",), pgettext_lazy("do", "Suspend"), "player-pause",
        lambda d: actions.suspend(d.case, by=d.by, reason=d.given["reason"], until=d.given["until"], text=d.given["text"], seen=d.seen),
        {"reason": ask.reason("suspend"), "until": ask.until, "text": ask.text(_("More in words"), required=False, hint=_TO_CITIZEN)},
    ),
    Verb(
        "resume", ("case.resumed",), pgettext_lazy("do", "Go on"), "player-play", lambda d: actions.resume(d.case, by=d.by, seen=d.seen),
        usual=_states(S.SUSPENDED), hint=_("The clock runs on from now."),
    ),
    Verb(
        "interim", ("case.interim_replied",), pgettext_lazy("do", "Interim reply"), "message-2",
        lambda d: actions.interim_reply(d.case, by=d.by, text=d.given["text"], seen=d.seen),
        {"text": ask.text(_("How far it is and what comes next"), hint=_TO_CITIZEN)}, key="i",
    ),
    Verb(
        "withdraw", ("order.withdrawn",), pgettext_lazy("do", "Withdraw the order"), "x",
        lambda d: actions.withdraw(d.order, by=d.by, reason=d.given["text"], seen=d.seen), {"text": ask.text(_("Reason"))},
        when=lambda now: now.order is not None and not _is_lead(now) and now.order.state in WorkOrder.LIVE,
    ),
    Verb(
        "grant", ("order.extension_granted",), pgettext_lazy("do", "Grant more time"), "clock-plus",
        lambda d: actions.grant_extension(d.order, by=d.by, duration=d.given["duration"], seen=d.seen),
        {"duration": ask.duration(_("Granted"))}, near=frozenset(transitions.WITH_UNIT), key="y", when=_asked_extension, hint=_("The citizen is told the reason and the new date."),
    ),
    Verb(
        "deny", ("order.extension_denied",), pgettext_lazy("do", "Deny more time"), "circle-x",
        lambda d: actions.deny_extension(d.order, by=d.by, text=d.given["text"], seen=d.seen), {"text": ask.text(_("Reason"), hint=_TO_UNIT)},
        near=frozenset(transitions.WITH_UNIT), key="n", when=_asked_extension,
    ),
    # --- review, tell, close ---
    Verb(
        "approve", ("case.reviewed", "case.told"), pgettext_lazy("do", "Approve and tell"), "checks", _approve_and_tell,
        {"text": ask.text(_("What the citizen reads"), required=False, rows=4, hint=_("Empty: the unit's reply as it is.")), "note": ask.text(_("Note for colleagues"), required=False, rows=2)},
        usual=_states(S.REPLIED), key="a",
    ),
    Verb(
        "review", ("case.reviewed",), pgettext_lazy("do", "Approve only"), "check",
        lambda d: actions.review(d.case, by=d.by, text=d.given["text"], seen=d.seen), {"text": ask.text(_("Note for colleagues"), required=False, rows=2)},
    ),
    Verb(
        "redo", ("case.redone",), pgettext_lazy("do", "Send back to be done again"), "repeat",
        lambda d: actions.redo(d.case, by=d.by, text=d.given["text"], unit=d.given["unit"], seen=d.seen),
        {"text": ask.text(_("What is missing"), hint=_TO_UNIT), "unit": ask.unit(_("Another unit"), required=False, hint=_("Empty: the same unit, or the one above it after the citizen's no."))},
        usual=_states(S.CONTESTED), near=_states(S.REPLIED, S.REVIEWED), key="r",
    ),
    Verb(
        "tell", ("case.told",), pgettext_lazy("do", "Tell the citizen"), "speakerphone",
        lambda d: actions.tell(d.case, by=d.by, text=d.given["text"], seen=d.seen),
        {"text": ask.text(_("What the citizen reads"), required=False, rows=4, hint=_("Empty: the unit's reply as it is."))}, usual=_states(S.REVIEWED), key="t",
    ),
    Verb(
        "attempt", ("case.contact_attempted",), pgettext_lazy("do", "Record an attempt to reach him"), "phone-outgoing",
        lambda d: actions.record_attempt(d.case, by=d.by, medium=d.given["medium"], reached=d.given["reached"], text=d.given["text"], seen=d.seen),
        {"medium": ask.medium, "reached": ask.reached, "text": ask.text(_("Note"), required=False, rows=2)}, near=_states(S.TOLD, S.REVIEWED), key="p",
    ),
    Verb(
        "heard", ("case.confirmed", "case.contested", "case.rated"), pgettext_lazy("do", "Record the citizen's answer"), "circle-check", _answer_of_citizen,
        {"verdict": ask.choice(_("Is it solved?"), Verdict.choices), "text": ask.text(_("In his words"), required=False, rows=2), "rating": ask.choice(_("How satisfied"), RATINGS, radio=False)},
        usual=_states(S.TOLD), key="a",
    ),
    Verb(
        "close", ("case.closed",), pgettext_lazy("do", "Close"), "archive", lambda d: actions.close(d.case, by=d.by, text=d.given["text"], seen=d.seen),
        {"text": ask.text(_("Note for colleagues"), required=False, rows=2)}, usual=_states(S.CONFIRMED, S.ANSWERED, S.REFUSED), near=_states(S.TOLD), key="x", when=_told_long_enough,
    ),
    Verb(
        "reopen", ("case.reopened",), pgettext_lazy("do", "Open again"), "rotate-clockwise",
        lambda d: actions.reopen(d.case, by=d.by, text=d.given["text"], seen=d.seen), {"text": ask.text(_("Reason"))}, near=_states(S.CLOSED),
    ),
    Verb(
        "escalate", ("case.escalated",), pgettext_lazy("do", "Hand to the higher authority"), "trending-up",
        lambda d: actions.escalate(d.case, by=d.by, reason=d.given["text"], to=d.given["unit"], seen=d.seen),
        {"text": ask.text(_("Reason"), hint=_TO_UNIT), "unit": ask.unit(_("To"), required=False, hint=_("Empty: the unit above the one that has it."))},
    ),
    # --- besides the line ---
    Verb(
        "note", ("case.noted",), pgettext_lazy("do", "Note"), "notes", lambda d: actions.note(d.case, by=d.by, text=d.given["text"], seen=None),
        {"text": ask.text(_("Note for colleagues"))}, near=_states(S.CLOSED), key="m",
    ),
    Verb(
        "add", ("case.added",), pgettext_lazy("do", "Add what the citizen says"), "message-plus",
        lambda d: actions.add(d.case, by=d.by, text=d.given["text"], medium=d.given["medium"], attachments=d.given["files"], seen=None),
        {"medium": ask.medium, "text": ask.text(_("In his words")), "files": ask.files()}, near=_states(S.CLOSED),
    ),
    Verb(
        "link", ("case.linked",), pgettext_lazy("do", "Link to another request"), "link",
        lambda d: actions.link(d.case, by=d.by, other=d.given["other"], seen=None), {"other": ask.other_case(_("Number of the other request"))},
    ),
    Verb(
        "part", ("case.part_opened",), pgettext_lazy("do", "Open a part for another unit"), "git-merge", _open_part,
        {"category": ask.category(), "text": ask.text(_("What this part is about"))}, shows=True, when=_classified,
    ),
    Verb("flag", ("case.flagged",), pgettext_lazy("do", "Marks"), "flag", _flag, {"flags": ask.flags, "text": ask.text(_("Reason"), required=False, rows=2)}),
    Verb(
        "take-over", ("case.taken_over",), pgettext_lazy("do", "Take it over"), "user-check", lambda d: actions.take_over(d.case, by=d.by, seen=d.seen),
        hint=_("You answer for it from now on."), when=lambda now: now.case.owner_id != now.staff.pk,
    ),
    Verb(
        "publish", ("case.published",), pgettext_lazy("do", "Write the public text"), "world",
        lambda d: actions.publish(d.case, by=d.by, text=d.given["text"], seen=d.seen),
        {"text": ask.text(_("What everybody may read"), rows=4, hint=_("No names, no numbers, nothing that tells who reported it."))}, when=lambda now: not now.case.confidential,
    ),
    Verb(
        "pin", ("case.pin_renewed",), pgettext_lazy("do", "Issue a new PIN"), "key", _renew_pin, shows=True,
        hint=_("Only for the citizen himself, after you made sure that it is he. The old PIN is void then."),
    ),
    Verb(
        "identity", ("case.identity_asked",), pgettext_lazy("do", "Open the identity"), "lock-open",
        lambda d: actions.open_identity(d.case, by=d.by, reason=d.given["reason"], text=d.given["text"], seen=None),
        {"reason": ask.reason("identity"), "text": ask.text(_("Why you need it"), least=10, hint=_("It is open to you for 8 hours. This and every view are recorded."))},
        when=lambda now: not now.case.confidential and not queries.may_see_identity(now.staff, now.case),
    ),
)  # fmt: skip
BY_SLUG: dict[str, Verb] = {verb.slug: verb for verb in TABLE}


@dataclass(frozen=True)
class Offer:
    """A verb that may be done now, on this order where it is one of an order."""

    verb: Verb
    order: WorkOrder | None = None
    alone: bool = True

    @property
    def label(self) -> str:
        """What the button says; the unit is named where several orders stand."""
        return str(self.verb.label) if self.alone or self.order is None else f"{self.verb.label} · {self.order.unit}"


def offers(staff: Staff, case: Case) -> list[Offer]:
    """What this person may do with this case now, in the order of the table."""
    allowed = set(queries.verbs_for(staff, case))
    live = [o for o in case.orders.select_related("unit").order_by("pk") if o.state in WorkOrder.LIVE]
    of_order = {o.pk: set(queries.verbs_for(staff, case, o)) for o in live}
    found: list[Offer] = []
    for verb in TABLE:
        if verb.of_order:
            fit = [o for o in live if verb.needs[0] in of_order[o.pk] and verb.when(Situation(staff, case, o))]
            found += [Offer(verb, o, len(fit) == 1) for o in fit]
        elif (
            verb.needs[0] in allowed
            and all(rights.may(staff, v) for v in verb.needs)
            and verb.when(Situation(staff, case))
        ):
            found.append(Offer(verb))
    return found


def arranged(found: list[Offer], state: str) -> tuple[Offer | None, list[Offer], list[Offer]]:
    """The usual one, those near at hand, and the rest for the menu."""
    usual = next((o for o in found if state in o.verb.usual), None)
    near = [o for o in found if o is not usual and (state in o.verb.near or state in o.verb.usual)][:4]
    rest = [o for o in found if o is not usual and o not in near]
    return usual, near, rest


class VerbForm(forms.Form):
    """The form of one verb; its fields come from the table. `seen` is the version of the case on the screen."""

    seen = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    def __init__(self, verb: Verb, now: Situation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, auto_id=f"do-{verb.slug}-%s", **kwargs)
        for name, asking in verb.fields.items():
            self.fields[name] = asking(now)
        self.initial["seen"] = now.case.version


def do(verb: Verb, now: Situation, given: Mapping[str, Any]) -> object:
    """Do it. Raises Forbidden, StaleCase, NotAllowed."""
    return verb.call(Doing(now, given, given.get("seen")))
