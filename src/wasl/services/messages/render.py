"""What a message says: from the facts of its event to words in the receiver's language. Sends and writes nothing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Count, Max
from django.template import Context, Engine, TemplateSyntaxError
from django.template import Template as Compiled
from django.template.base import Node, TextNode, VariableNode
from django.template.defaulttags import CommentNode, IfNode
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from wasl.core.cases import links, queries
from wasl.core.cases.models import Case, Entry, Remark, State, WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import signin
from wasl.core.organisation.models import Unit
from wasl.core.organisation.queries import Kept
from wasl.core.people import proving
from wasl.core.people.models import Code
from wasl.kernel import acceptance, names, seal
from wasl.services.messages import notices
from wasl.services.messages.models import Message, Template

# Words of the template language only; nothing can be loaded or included, and no object is ever in the context.
_engine = Engine(autoescape=False)
_DATES = {"ar": "j F Y، H:i", "en": "j F Y, H:i", "zh": "Y年n月j日 H:i"}
_REASONS = {
    "refused": "refuse",
    "suspended": "suspend",
    "extended": "extend",
    "staff_returned": "return",
}
_HIDDEN = "••••••"
# Joiners and direction marks are letters' servants in Arabic, and the tabulator is a blank.
_KEPT_INVISIBLE = frozenset("\t\u200c\u200d\u200e\u200f")
# Marks that keep a number in its order among Arabic words.
_ISOLATING = frozenset("\u2066\u2069")
_ASKS_ANSWER = frozenset({"told", "reminder", "answered"})
_TELLS_OUTCOME = frozenset({"told", "closed", "answered", "refused"})

PLACEHOLDERS: Mapping[str, str] = {
    "number": "acceptance number",
    "pin": "PIN; only in “received”, and never kept",
    "category": "name of the category",
    "unit": "name of the unit",
    "due": "when it is due",
    "status": "the one honest line, or the outcome",
    "reason": "the listed reason, with the words given",
    "result": "the words for the citizen",
    "recourse": "where else he can turn",
    "track_url": "page of the case",
    "answer_url": "page where he says whether it is solved; never kept",
    "link_url": "link asked for; never kept",
    "username": "user name of the member of staff",
    "code": "one-time code asked for; never kept",
    "receipt_hash": "hash of the first journal entry",
    "city": "name of the city",
    "hotline": "telephone number of the hotline",
    "case_url": "page of the case at the desk",
    "count": "how many notices a digest holds",
    "lines": "the notices of a digest, one a line",
    "list_url": "page of one's notices at the desk",
}
"""What a template may name."""
SECRET = frozenset({"pin", "answer_url", "link_url", "code"})
"""What opens a case to whoever reads it: sent, but not kept with what was said."""


class NoTemplate(LookupError):
    """Nobody has written words for this event on this channel."""


class BadTemplate(ValueError):
    """The template cannot be used; the words say why and are for people."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message in words. `kept` and `kept_subject` are the same without PIN and links that open the case."""

    language: str
    subject: str
    body: str
    kept_subject: str
    kept: str


@dataclass(frozen=True, slots=True)
class _Words:
    subject: Compiled
    body: Compiled


def _read() -> dict[tuple[str, str, str], _Words]:
    return {
        (t.event, t.channel, names.code_of(t.language)): _Words(compiled(t.subject), compiled(t.body))
        for t in Template.objects.all()
    }


_templates: Kept[dict[tuple[str, str, str], _Words]] = Kept(
    _read, lambda: tuple(Template.objects.aggregate(Count("pk"), Max("updated_at")).values())
)


def forget() -> None:
    """Read the templates anew next time."""
    _templates.forget()


@lru_cache(maxsize=1024)
def compiled(text: str) -> Compiled:
    """The text as a template. Raises BadTemplate."""
    try:
        return _engine.from_string(text)
    except TemplateSyntaxError as error:
        raise BadTemplate(str(error)) from error


def words_for(event: str, channel: str, language: str) -> tuple[str, _Words]:
    """The language and words to use: the receiver's language, or English, or any. Raises NoTemplate."""
    known = _templates.get()
    for code in (names.code_of(language), "en", "ar", "zh"):
        found = known.get((event, channel, code))
        if found is not None:
            return code, found
    raise NoTemplate(f"no words for {event} by {channel}")


def render(message: Message, channel: str) -> Said:
    """The message in words for this channel. Raises NoTemplate, BadTemplate."""
    language, words = words_for(message.event, channel, _language(message))
    facts = facts_of(message, language)
    return _say(words, facts, language)


def _language(message: Message) -> str:
    """The receiver's language: of his report, or the one that he chose on his page since."""
    person, case = message.person, message.case
    if person is None or person.wished_at is None or case is None or person.wished_at <= case.received_at:
        return message.language
    return person.language


def _say(words: _Words, facts: Mapping[str, str], language: str) -> Said:
    with translation.override(language):
        subject, body = _fill(words, facts)
        kept_subject, kept = subject, body
        if any(facts.get(name) for name in SECRET):
            kept_subject, kept = _fill(words, {**facts, **{name: _HIDDEN for name in SECRET if facts.get(name)}})
    return Said(language, subject, body, kept_subject, kept)


def _fill(words: _Words, facts: Mapping[str, object]) -> tuple[str, str]:
    context = Context(dict(facts), autoescape=False)
    kept = _ISOLATING if translation.get_language_bidi() else frozenset[str]()
    return one_line(words.subject.render(context), kept), _tidy(words.body.render(context), kept)


def one_line(text: str, kept: Collection[str] = ()) -> str:
    """A subject: blanks and controls of every kind become one blank, so that no header can be smuggled in."""
    if not text.isprintable():
        text = "".join(c if c.isprintable() or c in kept else "" if c in _ISOLATING else " " for c in text)
    return " ".join(text.split())[:200]


def _tidy(text: str, kept: Collection[str] = ()) -> str:
    """Without control characters, and with at most one empty line in a row, as conditions leave them."""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if not line.isprintable():
            line = "".join(c for c in line if c.isprintable() or c in _KEPT_INVISIBLE or c in kept)
        line = line.rstrip()
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).strip()


def said_at(at: datetime | None, language: str) -> str:
    """An instant as people of the city say it."""
    if at is None:
        return ""
    return str(date_format(timezone.localtime(at), _DATES[language]))


def facts_of(message: Message, language: str) -> dict[str, str]:
    """Everything that a template may name, as text in `language`; a message without case has few of them."""
    city = organisation.the_city()
    facts = dict.fromkeys(PLACEHOLDERS, "")
    facts.update(city=names.local(city.names, language), hotline=city.hotline)
    if message.event == "staff_invited" and message.staff is not None:
        facts["username"] = message.staff.username
        facts["link_url"] = f"{settings.WASL_BASE_URL}{signin.password_link(message.staff)}"
    if message.event == "staff_confirm" and message.staff is not None:
        facts["due"] = said_at(message.staff.confirmed_at + organisation.CONFIRM_EVERY, language)
        facts["list_url"] = _page("account")
    if listed := message.facts.get("lines"):
        with translation.override(language):
            facts.update(_digest_facts(listed, int(message.facts.get("count", len(listed))), language))
    if pk := message.facts.get("code"):
        facts.update(_code_facts(Code.objects.get(pk=pk)))
    if message.case is not None:
        with translation.override(language):
            facts.update(_case_facts(message, message.case, language))
    return facts


def _code_facts(code: Code) -> dict[str, str]:
    """The digits, and the link unless an address is to be added: that is for the one who asked, not for who reads."""
    link = "" if code.person_id else _page("code", token=proving.token_of(code))
    return {"code": proving.digits_of(code), "link_url": link}


def _page(name: str, **parts: str) -> str:
    return f"{settings.WASL_BASE_URL}{settings.WASL_PAGES[name].format(**parts)}"


def _digest_facts(listed: list[dict[str, Any]], count: int, language: str) -> dict[str, str]:
    """What staff are told together: each line says what happened, to which case, by when; no words of people."""
    found = Case.objects.in_bulk([one["case"] for one in listed])
    lines = []
    for one in listed:
        case = found.get(one["case"])
        if case is None:
            continue
        category = catalogue.of_number(case.edition).category(case.category)
        due = datetime.fromisoformat(one["due"]) if one.get("due") else case.due_next
        parts = [
            acceptance.in_text(case.number),
            notices.words_of(one["kind"], one.get("verb", "")),
            names.local(category.names, language) if category else "",
            _("due %(when)s") % {"when": said_at(due, language)} if due and case.state != State.CLOSED else "",
        ]
        lines += [" · ".join(filter(None, parts)), f"  {_page('case', number=case.number)}"]
    if more := max(0, count - len(listed)):
        lines.append(ngettext("and %(more)s more", "and %(more)s more", more) % {"more": more})
    return {"count": str(count), "lines": "\n".join(lines), "list_url": _page("notices")}


def _case_facts(message: Message, case: Case, language: str) -> dict[str, str]:
    to_citizen = message.person_id is not None
    reason, recourse = _reason(message, case, language)
    words = _words_of(message, case, to_citizen)
    unit = _unit(message, case)
    category = catalogue.of_number(case.edition).category(case.category)
    facts = {
        "number": acceptance.in_text(case.number) if to_citizen else case.number,
        "category": names.local(category.names, language) if category else "",
        "unit": names.local(unit.names, language) if unit else "",
        "due": said_at(_due(message, case), language),
        "recourse": recourse,
        "result": words,
        "reason": ". ".join(filter(None, (reason, words if message.event in _WITH_WORDS or not reason else ""))),
    }
    if message.event in _TELLS_OUTCOME:
        facts["status"] = str(case.get_outcome_display()) if case.outcome else ""
    else:
        facts["status"] = queries.status_sentence(case)
    if to_citizen:
        facts["track_url"] = _page("track", number=case.number)
        if message.event in _ASKS_ANSWER:
            facts["answer_url"] = _page("answer", token=links.make(case, links.ANSWER))
        if message.event == "received":
            facts["pin"] = seal.pin_of(case.number, case.pin_generation)
            first = Entry.objects.filter(case=case, seq=1).values_list("hash", flat=True).first()
            facts["receipt_hash"] = bytes(first).hex() if first else ""
    else:
        facts["case_url"] = _page("case", number=case.number)
    return facts


# Here the reason is told together with the words given for it; elsewhere the words have a place of their own.
_WITH_WORDS = frozenset({"extended", "suspended", "staff_returned"})


def _unit(message: Message, case: Case) -> Unit | None:
    """The unit that the message speaks of: of the order, or the receiver, or the one that has the case.

    A unit that is only proposed is not told: the case is not with it yet.
    """
    if message.event == "staff_returned" and (pk := message.facts.get("order")):
        return WorkOrder.objects.select_related("unit").get(pk=pk).unit
    if message.unit is not None and message.event != "staff_overdue":
        return message.unit
    return case.unit if case.dispatched_at is not None else message.unit


def _reason(message: Message, case: Case, language: str) -> tuple[str, str]:
    code, listed = message.facts.get("reason"), _REASONS.get(message.event)
    if not code or not listed:
        return "", ""
    found = catalogue.of_number(case.edition).reasons.get((listed, code)) or catalogue.in_force().reasons.get(
        (listed, code)
    )
    if found is None:
        return "", ""
    return names.local(found.names, language), names.local(found.recourse, language)


def _words_of(message: Message, case: Case, to_citizen: bool) -> str:
    """The remark of the event; to a citizen only what was written for him. A follower reads what its head was told."""
    pk = message.facts.get("remark")
    if pk is None and message.event == "closed" and case.head_id is not None:
        told = Entry.objects.filter(case_id=case.head_id, verb="case.told").order_by("-seq").first()
        pk = queries.data_of(told).get("remark") if told else None
    if pk is None:
        return ""
    remark = Remark.objects.filter(pk=pk).first()
    if remark is None or (to_citizen and remark.audience == Remark.Audience.INTERNAL):
        return ""
    return remark.body


def _due(message: Message, case: Case) -> datetime | None:
    if until := message.facts.get("due") or (message.facts.get("until") if message.event == "suspended" else None):
        return datetime.fromisoformat(until)
    return case.due_result or case.due_centre or case.due_next


def example(event: str, channel: str, language: str, subject: str, body: str) -> Said:
    """A template filled with made-up facts, for its preview. Raises BadTemplate also for names that do not exist."""
    code = names.code_of(language)
    words = _Words(compiled(subject), compiled(body))
    check(subject, body)
    return _say(words, _made_up(code), code)


def check(subject: str, body: str) -> None:
    """Raise BadTemplate for a template that names what there is not, or does more than choose and insert."""
    for text in (subject, body):
        for node in compiled(text).nodelist.get_nodes_by_type(Node):
            if isinstance(node, VariableNode):
                name = str(node.filter_expression.var)
                if name not in PLACEHOLDERS:
                    raise BadTemplate(f"unknown name: {name}")
            elif type(node) not in (TextNode, IfNode, CommentNode):
                raise BadTemplate("only {{ name }} and {% if name %} … {% endif %} may be used")
    if "\n" in subject.strip():
        raise BadTemplate("a subject is one line")


def _made_up(language: str) -> dict[str, str]:
    city = organisation.the_city()
    book = catalogue.in_force()
    category = next(iter(book.leaves), None)
    reason = next((r for (listed, _), r in book.reasons.items() if listed == "refuse"), None)
    number = acceptance.make(4217, 2026)
    with translation.override(language):
        due = said_at(datetime(2026, 11, 26, 10, 30, tzinfo=timezone.get_default_timezone()), language)
        status = str(State.IN_PROGRESS.label)
    return {
        "number": acceptance.in_text(number),
        "pin": "123456",
        "category": names.local(category.names, language) if category else "",
        "unit": names.local(organisation.centre().names, language),
        "due": due,
        "status": status,
        "reason": names.local(reason.names, language) if reason else "",
        "result": "…",
        "recourse": names.local(reason.recourse, language) if reason else "",
        "track_url": _page("track", number=number),
        "answer_url": _page("answer", token="…"),  # noqa: S106 # an example
        "link_url": _page("code", token="…"),  # noqa: S106 # an example
        "code": "123456",
        "receipt_hash": "9f2c" * 16,
        "username": "a.harthi",
        "city": names.local(city.names, language),
        "hotline": city.hotline,
        "case_url": _page("case", number=number),
        "count": "2",
        "lines": f"{acceptance.in_text(number)} · …",
        "list_url": _page("notices"),
    }


__all__ = [
    "PLACEHOLDERS",
    "SECRET",
    "BadTemplate",
    "NoTemplate",
    "Said",
    "check",
    "example",
    "facts_of",
    "forget",
    "one_line",
    "render",
    "said_at",
    "words_for",
]
