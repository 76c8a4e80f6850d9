"""The story of a case for the screen: entries in words, with actors, facts, remarks, contacts, files and messages.

Names of requesters are never here; they come only through `see_identity`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import fold, queries
from wasl.core.cases.change import set_clocks
from wasl.core.cases.models import Case, Entry, Kind, Outcome, Remark, Severity, Urgency, Verdict, WorkOrder
from wasl.core.cases.transitions import BY_VERB, QUIET
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Client, Staff, Unit
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.kernel.names import local
from wasl.kernel.worktime import Duration
from wasl.services.calls.models import Matter
from wasl.services.messages.models import Message

ICONS: Mapping[str, str] = {
    "case.received": "inbox",
    "case.registered": "clipboard-check",
    "case.asked": "question-mark",
    "case.answered": "message-circle",
    "case.refused": "ban",
    "case.joined": "arrows-join",
    "case.unjoined": "arrows-split",
    "case.dispatched": "send",
    "case.reclassified": "tag",
    "order.signed": "signature",
    "order.started": "tool",
    "order.contacted": "phone-call",
    "order.visited": "map-pin-check",
    "order.returned": "arrow-back-up",
    "order.objected": "hand-stop",
    "case.arbitrated": "gavel",
    "order.sub_dispatched": "corner-down-right",
    "order.withdrawn": "x",
    "order.extension_asked": "clock-plus",
    "order.extension_granted": "clock-plus",
    "order.extension_denied": "circle-x",
    "case.suspended": "player-pause",
    "order.pause_asked": "player-pause",
    "order.pause_denied": "circle-x",
    "case.resumed": "player-play",
    "case.interim_replied": "message-2",
    "order.replied": "message-report",
    "case.reviewed": "check",
    "case.redone": "repeat",
    "case.told": "speakerphone",
    "case.contact_attempted": "phone-outgoing",
    "case.confirmed": "circle-check",
    "case.contested": "thumb-down",
    "case.rated": "star",
    "case.closed": "archive",
    "case.follower_closed": "archive",
    "case.reopened": "rotate-clockwise",
    "case.escalated": "trending-up",
    "case.linked": "link",
    "case.part_opened": "git-merge",
    "case.flagged": "flag",
    "case.analysed": "list-search",
    "case.inquired": "message-question",
    "case.inquiry_answered": "message-reply",
    "case.taken_over": "user-check",
    "case.added": "message-plus",
    "case.noted": "notes",
    "case.published": "world",
    "case.pin_renewed": "key",
    "case.requester_set": "user",
    "case.recomputed": "clock",
    "case.redacted": "eye-off",
    "case.identity_asked": "lock-open",
    "case.identity_viewed": "eye",
    "case.printed": "printer",
    "case.recorded": "player-record",
}
REASONS_OF: Mapping[str, str] = {
    "order.returned": "return",
    "case.refused": "refuse",
    "case.suspended": "suspend",
    "order.pause_asked": "suspend",
    "order.extension_asked": "extend",
    "order.extension_granted": "extend",
    "case.identity_asked": "identity",
    "case.identity_viewed": "identity",
}
# What the story is filtered by; whatever is not here is an act.
_KINDS: Mapping[str, str] = {
    "case.received": "words",
    "case.added": "words",
    "case.asked": "words",
    "case.interim_replied": "words",
    "case.told": "words",
    "case.confirmed": "words",
    "case.contested": "words",
    "case.rated": "words",
    "case.contact_attempted": "words",
    "order.contacted": "words",
    "case.noted": "note",
    "case.inquired": "note",
    "case.inquiry_answered": "note",
    "case.identity_asked": "look",
    "case.identity_viewed": "look",
    "case.printed": "look",
}
# What the story of a case is narrowed to, by the reader's browser; see `Line.kind`.
KINDS: tuple[tuple[str, str | Promise], ...] = (
    ("", gettext_lazy("Everything")),
    ("act", gettext_lazy("What was done")),
    ("words", gettext_lazy("With the citizen")),
    ("message", pgettext_lazy("story", "Messages")),
    ("note", gettext_lazy("Notes and questions")),
    ("file", pgettext_lazy("story", "Files")),
    ("look", gettext_lazy("Who looked")),
)
TONES: Mapping[str, str] = {
    "case.confirmed": "good",
    "case.contested": "over",
    "case.escalated": "over",
    "order.returned": "soon",
}
WHY: Mapping[str, str | Promise] = {
    "rule": gettext_lazy("by a rule of the catalogue"),
    "tie": gettext_lazy("two rules name different units; a person must decide"),
    "near_border": gettext_lazy("near the border of another area; a person must decide"),
    "no_rule": gettext_lazy("no rule of the catalogue fits"),
    "no_place": gettext_lazy("no rule fits while the place is not known"),
    "outside": gettext_lazy("outside the city"),
    "recusal": gettext_lazy("the unit responsible is the one complained of"),
    "chosen": gettext_lazy("chosen by a person"),
    "no_category": gettext_lazy("not yet classified"),
}
FLAGS: Mapping[str, str | Promise] = {
    "emergency": gettext_lazy("emergency"),
    "confidential": gettext_lazy("confidential"),
    "supervised": gettext_lazy("under supervision"),
    "brief": gettext_lazy("to be reported to the leaders"),
    "awaiting_citizen": gettext_lazy("waiting for the citizen"),
    "urgent": gettext_lazy("urgent"),
    "critical": gettext_lazy("critical"),
    "redone": gettext_lazy("done again"),
}


@dataclass
class Line:
    """One line of the story. `tone` is "", good, soon or over; `facts` are pairs of name and value.

    `changed` says name, before and after of what the entry changed; `kind` is what the story is filtered by: act,
    words (of the citizen, and to him), note, message or look (into what is sealed). `recordings` can be listened to.
    """

    at: datetime
    icon: str
    label: str
    who: str
    tone: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)
    words: list[Remark] = field(default_factory=list)
    contact: Contact | None = None
    files: Sequence[Attachment] = ()
    numbers: list[str] = field(default_factory=list)
    quiet: bool = False
    changed: list[tuple[str, str, str]] = field(default_factory=list)
    kind: str = "act"
    recordings: Sequence[int] = ()


def route_words(route: Mapping[str, Any]) -> str:
    """Why a case goes where it goes, in words."""
    if not route:
        return ""
    words = str(WHY.get(str(route.get("why")), ""))
    return f"{words} (\u2066{route['rule']}\u2069)" if route.get("rule") else words


def unit_name(pk: object) -> str:
    """The unit's name, or its id where it is gone."""
    try:
        return str(organisation.unit_of(int(str(pk))))
    except (Unit.DoesNotExist, ValueError):
        return str(pk)


class Teller:
    """Reads everything that belongs to a case at once and tells it line by line."""

    def __init__(self, case: Case, staff: Staff) -> None:
        self.case, self.staff = case, staff
        self.entries = queries.story(case)
        self.data = {e.pk: queries.data_of(e) for e in self.entries}
        self.remarks = {r.pk: r for r in case.remarks.all()}
        self.contacts = {c.pk: c for c in case.contacts.order_by("at", "pk").prefetch_related("attachments")}
        self.orders = {o.pk: o for o in queries.orders_of(case)}
        ids = {int(e.actor.partition(":")[2]) for e in self.entries if e.actor.startswith("staff:")}
        self.people = {s.pk: str(s) for s in Staff.objects.filter(pk__in=ids)}
        clients = {int(e.actor.partition(":")[2]) for e in self.entries if e.actor.startswith("client:")}
        self.clients = {c.pk: c.name for c in Client.objects.filter(pk__in=clients)} if clients else {}
        others = {d[k] for d in self.data.values() for k in ("head", "other", "part", "parent") if d.get(k)} - {case.pk}
        seen = queries.visible_to(staff).filter(pk__in=others) if others else Case.objects.none()
        self.numbers: dict[int, str] = dict(seen.values_list("pk", "number"))
        self._changes, self._due = self._unfold()

    def _unfold(self) -> tuple[dict[int, list[tuple[str, str, str]]], dict[int, datetime | None]]:
        """What each entry changed, in words, and the result's due date before it: the journal folded step by step."""
        then, orders = Case(id=self.case.pk, edition=self.case.edition), dict[int, WorkOrder]()
        changes: dict[int, list[tuple[str, str, str]]] = {}
        dues: dict[int, datetime | None] = {}
        before: dict[str, str] = {}
        for entry in self.entries:
            dues[entry.pk] = then.due_result
            happening = fold.Happening(entry.verb, entry.at, entry.actor, self.data[entry.pk])
            fold.apply(then, orders, happening, BY_VERB[entry.verb].to)
            if entry.verb not in QUIET:
                set_clocks(then, orders)
            after = self._facts_of(then)
            # How it began is told by its own facts.
            if entry.seq > 1:
                names = [name for name in after if after[name] != before[name] and (before[name] or after[name])]
                changes[entry.pk] = [(name, before[name] or "–", after[name] or "–") for name in names]
            before = after
        return changes, dues

    def _facts_of(self, case: Case) -> dict[str, str]:
        yes, no = _("yes"), _("no")
        flags = ("emergency", "confidential", "supervised", "brief")
        return {
            _("state"): str(case.get_state_display()),
            _("category"): self._category(case.category, case.edition) if case.category else "",
            _("kind"): str(case.get_kind_display()),
            _("urgency"): str(case.get_urgency_display()),
            _("unit"): unit_name(case.unit_id) if case.unit_id else "",
            **{str(FLAGS[name]): yes if getattr(case, name) else no for name in flags},
            _("result due"): dates.near(case.due_result, clock.now()) if case.due_result else "",
        }

    def due_before(self, verb: str) -> datetime | None:
        """When the result was due as the last entry of this verb was made."""
        entry = next((e for e in reversed(self.entries) if e.verb == verb), None)
        return self._due.get(entry.pk) if entry else None

    def who(self, actor: str) -> str:
        """Who did it, by name for staff."""
        kind, _sep, pk = actor.partition(":")
        match kind:
            case "staff":
                return self.people.get(int(pk), _("staff"))
            case "client":
                return self.clients.get(int(pk), _("another system"))
            case "citizen":
                return _("the citizen")
        return _("the system")

    def lines(self) -> list[Line]:
        """The whole story, the latest first."""
        told = [self.line(e) for e in self.entries]
        listens = rights.scopes(self.staff, "phone.listen").centre
        told += [
            self._message(m)
            for m in Message.objects.filter(case=self.case).select_related("unit").order_by("made_at", "pk")
        ]
        matters = Matter.objects.filter(case=self.case).select_related("call__agent")
        told += [self._call(matter, listens=listens) for matter in matters.prefetch_related("call__recordings")]
        # Of one instant, what was entered last comes first.
        return sorted(told, key=lambda line: line.at)[::-1]

    def _call(self, matter: Matter, *, listens: bool) -> Line:
        """A telephone call that was about this case; its recordings for who may listen to it."""
        call = matter.call
        facts = []
        if call.answered_at and call.ended_at:
            minutes, seconds = divmod(round((call.ended_at - call.answered_at).total_seconds()), 60)
            facts.append((_("on the line"), f"{minutes}:{seconds:02d}"))
        return Line(
            at=call.answered_at or call.arrived_at,
            icon="phone-call",
            label=_("Telephone call"),
            who=str(call.agent) if call.agent else _("the system"),
            facts=facts,
            kind="words",
            recordings=[one.pk for one in call.recordings.all() if one.erased_at is None] if listens else (),
        )

    def line(self, entry: Entry) -> Line:
        d = self.data[entry.pk]
        contact = self.contacts.get(d.get("contact", 0))
        return Line(
            at=entry.at,
            icon=ICONS.get(entry.verb, "circle-dot"),
            label=str(queries.label(entry.verb)),
            who=self.who(entry.actor),
            tone=TONES.get(entry.verb, ""),
            facts=self._facts(entry.verb, d),
            words=[self.remarks[d["remark"]]] if d.get("remark") in self.remarks else [],
            # The first words and files stand above the story already.
            contact=contact if contact and contact.body and entry.seq > 1 else None,
            files=list(contact.attachments.all()) if contact and entry.seq > 1 else (),
            numbers=[self.numbers[d[k]] for k in ("head", "other", "part", "parent") if d.get(k) in self.numbers],
            quiet=entry.verb in ("case.identity_viewed", "case.printed", "case.recomputed", "case.recorded"),
            changed=self._changes.get(entry.pk, []),
            kind=_KINDS.get(entry.verb, "act"),
        )

    def _facts(self, verb: str, d: Mapping[str, Any]) -> list[tuple[str, str]]:
        facts = [*self._class_facts(verb, d), *self._order_facts(verb, d), *_answer_facts(d)]
        if d.get("medium") and verb != "case.received":
            facts.append((_("by"), str(dict(Contact.Medium.choices).get(d["medium"], d["medium"]))))
        if verb == "case.received":
            facts.append((_("by"), str(dict(Contact.Medium.choices).get(d["medium"], d["medium"]))))
        return facts

    def _class_facts(self, verb: str, d: Mapping[str, Any]) -> list[tuple[str, str]]:
        facts: list[tuple[str, str]] = []
        if verb in ("case.registered", "case.reclassified", "case.received") and d.get("category"):
            facts.append((_("category"), self._category(d["category"], d.get("edition"))))
            if d.get("kind") in Kind.values:
                facts.append((_("kind"), str(Kind(d["kind"]).label)))
            if d.get("urgency") in Urgency.values and d["urgency"] != "normal":
                facts.append((_("urgency"), str(Urgency(d["urgency"]).label)))
        if d.get("flags"):
            facts += [(str(FLAGS.get(name, name)), _("yes") if on else _("no")) for name, on in d["flags"].items()]
        if verb == "case.analysed":
            facts += analysis_facts(self.case, d)
        if verb in REASONS_OF and isinstance(d.get("reason"), str):
            facts.append((_("reason"), self.reason(REASONS_OF[verb], d["reason"])))
        return facts

    def _order_facts(self, verb: str, d: Mapping[str, Any]) -> list[tuple[str, str]]:
        facts: list[tuple[str, str]] = []
        roles = dict(WorkOrder.Role.choices)
        for spec in d.get("orders", ()):
            facts.append((str(roles.get(spec["role"], spec["role"])), unit_name(spec["unit"])))
        order = self.orders.get(d.get("order", 0))
        if order is not None:
            facts.append((_("unit"), str(order.unit)))
        if verb == "case.escalated" and d.get("frm"):
            facts.append((_("from"), unit_name(d["frm"])))
        if d.get("proposed"):
            facts.append((_("proposed"), unit_name(d["proposed"])))
        if verb in ("case.dispatched", "case.registered") and d.get("route"):
            facts.append((_("why"), route_words(d["route"])))
        if d.get("visited_at"):
            facts.append((_("visited"), dates.near(datetime.fromisoformat(d["visited_at"]), clock.now())))
        if (place := self.remarks.get(d.get("place", {}).get("remark", 0))) and not place.erased_at:
            facts.append((_("position"), f"\u2066{place.body}\u2069"))
        if d.get("distance_m") is not None:
            facts.append((_("from the place reported"), _("%(m)s m") % {"m": d["distance_m"]}))
        if d.get("accuracy_m") is not None:
            facts.append((_("accuracy of the position"), _("±%(m)s m") % {"m": d["accuracy_m"]}))
        if d.get("duration"):
            facts.append((_("duration"), duration_words(d["duration"])))
        if d.get("until"):
            facts.append((_("until"), dates.near(datetime.fromisoformat(d["until"]), clock.now())))
        return facts

    def _category(self, code: str, edition: int | None) -> str:
        book = catalogue.of_number(edition or self.case.edition)
        found = book.category(code)
        return found.name if found else code

    def reason(self, listed: str, code: str) -> str:
        """The name of a listed reason."""
        found = catalogue.of_number(self.case.edition).reasons.get((listed, code)) or catalogue.in_force().reasons.get(
            (listed, code)
        )
        return found.name if found else code

    def _message(self, message: Message) -> Line:
        to = str(message.unit) if message.unit else _("the citizen") if message.person_id else _("staff")
        facts = [(_("to"), to), (_("state"), str(message.get_state_display()))]
        if message.channel:
            facts.insert(1, (_("by"), str(message.get_channel_display())))
        tone = "over" if message.state in (Message.State.FAILED, Message.State.NO_WAY) else ""
        return Line(
            message.sent_at or message.made_at,
            "mail-forward",
            _("message"),
            _("the system"),
            tone,
            facts,
            quiet=not tone,
            kind="message",
        )

    # --- what the second line lays side by side ---

    def asked(self) -> list[Contact]:
        """Everything that came in from the person, in order."""
        return [
            c for c in self.contacts.values() if c.medium != Contact.Medium.UNIT and (c.body or c.attachments.all())
        ]

    def before(self) -> list[Attachment]:
        """Files that came in with the request."""
        return [
            a for c in self.contacts.values() if c.source != "evidence" for a in c.attachments.all() if not a.erased_at
        ]

    def after(self) -> list[Attachment]:
        """Files that units gave as evidence."""
        return [
            a for c in self.contacts.values() if c.source == "evidence" for a in c.attachments.all() if not a.erased_at
        ]

    def last(self, *verbs: str) -> Line | None:
        """The last line of one of these verbs."""
        entry = next((e for e in reversed(self.entries) if e.verb in verbs), None)
        return self.line(entry) if entry else None

    def all_of(self, *verbs: str) -> list[Line]:
        """All lines of these verbs, in order."""
        return [self.line(e) for e in self.entries if e.verb in verbs]


def analysis_facts(case: Case, found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was found of a case, in words: cause, severity, whether it came before, whether it endangers people."""
    facts = []
    if cause := found.get("cause"):
        listed = ("cause", str(cause))
        reason = catalogue.of_number(case.edition).reasons.get(listed) or catalogue.in_force().reasons.get(listed)
        facts.append((_("cause"), reason.name if reason else str(cause)))
    if found.get("severity") in Severity.values:
        facts.append((_("severity"), str(Severity(found["severity"]).label)))
    if found.get("repeat"):
        facts.append((_("came before"), _("yes")))
    if found.get("safety"):
        facts.append((_("endangers people"), _("yes")))
    return facts


def _answer_facts(d: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts: list[tuple[str, str]] = []
    if d.get("outcome") in Outcome.values:
        facts.append((_("outcome"), str(Outcome(d["outcome"]).label)))
    if d.get("verdict") in Verdict.values:
        facts.append((_("answer"), str(Verdict(d["verdict"]).label)))
    if d.get("rating"):
        facts.append((_("rating"), _("%(rating)s of 5") % {"rating": d["rating"]}))
    if d.get("pressured"):
        facts.append((_("note"), _("he was asked to change his answer")))
    if d.get("reached") is not None:
        facts.append((_("reached"), _("yes") if d["reached"] else _("no")))
    if d.get("unconfirmed"):
        facts.append((_("confirmed"), _("no answer came")))
    return facts


def duration_words(text: str) -> str:
    """`5wd` as "5 working days"."""
    try:
        duration = Duration.parse(text)
    except ValueError:
        return text
    if duration is None:
        return "–"
    words = {
        "wd": _("%(n)s working days"),
        "wh": _("%(n)s working hours"),
        "h": _("%(n)s hours"),
        "min": _("%(n)s minutes"),
    }
    return words[duration.unit] % {"n": duration.value}


def answers_of(case: Case) -> list[tuple[str, str]]:
    """Questions of the category with the answers given, in words."""
    book = catalogue.of_number(case.edition)
    if not case.answers or case.category not in book.categories:
        return []
    told = []
    for question in book.form_of(case.category):
        given = case.answers.get(question.code)
        if given in (None, "", []):
            continue
        named = {key: local(names) for key, names in question.values}
        values: Iterable[object] = given if isinstance(given, list) else [given]
        told.append((local(question.ask), ", ".join(named.get(str(v), str(v)) for v in values)))
    return told
