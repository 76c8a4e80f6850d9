"""Asking: many questions at once, each answered from its source; every channel comes through here.

How enquiries are defined is in `editing`, how data sets are loaded in `loading`.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from wasl.core.organisation import queries as organisation
from wasl.kernel import clock, seal, throttle
from wasl.kernel.names import code_of
from wasl.services.enquiries import definitions, log, reading
from wasl.services.enquiries.definitions import Definition
from wasl.services.enquiries.models import Enquiry
from wasl.services.enquiries.sources import Row, away, case, data

FOUND, SEVERAL, NOTHING, REFUSED, MALFORMED, AWAY = "found", "several", "nothing", "refused", "malformed", "away"
KINDS = (FOUND, SEVERAL, NOTHING, REFUSED, MALFORMED, AWAY)
MOST_CHOICES = 9
"""As many as one digit names."""
WRONG_PER_S = 3600
WRONG = {Enquiry.Who.ANYONE: 20, Enquiry.Who.OWNER: 5, Enquiry.Who.PIN: 3, Enquiry.Who.EITHER: 3}
"""Questions to which the answer was no, by one asker to one enquiry within an hour (C8); then he waits."""
TEST = "test"
"""The channel of the desk's test box: its tries lock nobody out."""
TRIES_OF_ALL = 25
"""Wrong PINs for one thing from everywhere within an hour, shared with the portal for cases."""
TRIES_OF_VISITOR, TRIES_OF_VISITOR_WITH_PIN = 60, 20
"""Wrong questions of a stranger's network address to one enquiry within an hour, whatever thing they are about."""
_DJANGO = {"ar": "ar", "en": "en", "zh": "zh-hans"}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. `number` (E.164) is one that the channel vouches for, else None; `person` is one who signed in.

    A stranger is counted by `visitor`, his network address, for each thing that he asks about, because whole villages
    stand behind one, and with more room for all things together.
    """

    channel: str
    number: str | None
    language: str
    person: int | None = None
    visitor: str = ""

    @property
    def known_as(self) -> str:
        """What he is counted by; empty for a stranger."""
        return self.number or (f"person:{self.person}" if self.person else "")


@dataclass(frozen=True, slots=True)
class Question:
    """`words` as somebody wrote them after the command, or one text for each field; `row`: of a choice before."""

    enquiry: str
    words: str | tuple[str, ...]
    asker: Asker
    row: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several: its number from 1, its line, and the row that `further` asks for."""

    number: int
    text: str
    row: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say, ready to be sent. `as_of`: when the facts were read, if that was not now."""

    kind: str
    text: str
    choices: tuple[Choice, ...] = ()
    language: str = "en"
    as_of: datetime | None = None


@dataclass(slots=True)
class _Asked:
    """A question on its way; `rows` is None while nobody knows.

    Its tries are counted by `own` (this asker), `all` (this thing, by everybody) and, for a stranger, `every` (whatever
    he asks about).
    """

    place: int
    question: Question
    one: Definition
    language: str
    given: tuple[str, ...]
    key: str
    pin: str
    own: str = ""
    all: str = ""
    every: str = ""
    rows: Sequence[Row] | None = None
    as_of: datetime | None = None
    stale: bool = False

    @property
    def counted(self) -> list[str]:
        """What its tries are counted by."""
        return [key for key in (self.own, self.all, self.every) if key]


@dataclass(slots=True)
class _Tries:
    """What was counted before anything is told: of each key how many tries went before, and which were right."""

    before: dict[str, int] = field(default_factory=dict)
    reserved: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def left(self, key: str, limit: int) -> bool:
        return not key or self.before.get(key, 0) + self.wrong[key] < limit

    def settle(self) -> None:
        throttle.give_back({key: count - self.wrong[key] for key, count in self.reserved.items()})


def ask(questions: Sequence[Question], known: Mapping[str, Definition] | None = None) -> list[Answer]:
    """The answers, in the order of the questions; nothing is raised for what people ask.

    Thousands in one call cost a few statements. It waits for the slowest source among them, at most as long as that
    may take; `answers` does not. `known`: what is asked about, instead of what is in force. Call it outside a
    transaction: tries are counted and must stay so (RuntimeError).
    Source: requirements J2, J3, J9, J12, L2, L7, C8.
    """
    found: dict[int, Answer] = dict(answers(questions, known))
    return [found[place] for place in range(len(questions))]


def try_out(enquiry: Enquiry, words: str, asker: Asker) -> Answer:
    """What it would answer, also while it is off. Raises replies.BadReply for one that cannot be used."""
    return ask([Question(enquiry.code, words, asker)], {enquiry.code: definitions.of(enquiry)})[0]


def further(question: Question, choice: Choice) -> Question:
    """The question for one of several that the answer to `question` offered."""
    return replace(question, row=choice.row)


def answers(
    questions: Sequence[Question], known: Mapping[str, Definition] | None = None
) -> Iterator[tuple[int, Answer]]:
    """Each answer with the place of its question, as soon as there is one: what we hold ourselves comes first."""
    began = time.monotonic()
    known = definitions.in_force() if known is None else known
    waiting: list[_Asked] = []
    lines: list[log.Line] = []
    for place, question in enumerate(questions):
        one, language = known.get(question.enquiry), code_of(question.asker.language)
        if one is None:
            with _speaking(language):
                yield place, Answer(AWAY, _("This service is not available at present."), language=language)
            continue
        asked = _read(place, question, one, language)
        if asked is not None:
            waiting.append(asked)
            continue
        with _speaking(language):
            yield place, Answer(MALFORMED, definitions.how_to_ask(one, language), language=language)
        lines.append(_line(one, question.asker, MALFORMED, began))
    log.write(lines, clock.now())
    near = [asked for asked in waiting if not asked.one.is_slow]
    tries = _reserve(near)
    try:
        _look_up(near)
        told = _told(near, tries, began)
    finally:
        tries.settle()
    yield from told
    yield from _far([asked for asked in waiting if asked.one.is_slow], began)


def _far(waiting: Sequence[_Asked], began: float) -> Iterator[tuple[int, Answer]]:
    """Those that other systems answer, as they do; the same question is asked there once."""
    by_key: dict[away.Key, list[_Asked]] = {}
    for asked in waiting:
        by_key.setdefault((asked.one.pk, asked.given), []).append(asked)
    tries = _reserve(waiting)
    try:
        for ready in away.each_when_ready({key: group[0].one for key, group in by_key.items()}):
            group = [asked for key in ready for asked in by_key[key]]
            for key, (rows, since) in ready.items():
                for asked in by_key[key]:
                    asked.rows, asked.as_of, asked.stale = rows, since, since is not None
            yield from _told(group, tries, began)
    finally:
        tries.settle()


def _told(asked: Sequence[_Asked], tries: _Tries, began: float) -> list[tuple[int, Answer]]:
    told = [(one.place, _answer(one, tries)) for one in asked]
    log.write([_line(a.one, a.question.asker, t[1].kind, began) for a, t in zip(asked, told, strict=True)], clock.now())
    return told


def _line(one: Definition, asker: Asker, kind: str, began: float) -> log.Line:
    who = asker.known_as
    index = seal.index_of(f"enquiry-asker:{who}") if who else None
    return one.pk, asker.channel, kind, int((time.monotonic() - began) * 1000), index


def _speaking(language: str) -> AbstractContextManager[None]:
    wanted = _DJANGO[language]
    return nullcontext() if translation.get_language() == wanted else translation.override(wanted)


def _read(place: int, question: Question, one: Definition, language: str) -> _Asked | None:
    """The question with what was given in its one form; None where it cannot be read."""
    optional = one.who == Enquiry.Who.EITHER
    given = reading.fields(one.kinds, question.words, optional_pin=optional)
    if given is None:
        return None
    key, pin = "", ""
    for kind, text in zip(one.kinds, given, strict=True):
        if kind == reading.Kind.PIN:
            pin = text
        else:
            key = f"{key}|{text}" if key else text
    asker = question.asker
    made = _Asked(place, question, one, language, given, key, pin)
    if who := asker.known_as:
        made.own = f"enquiry:{one.code} {who}" if asker.channel != TEST else f"enquiry-test:{one.code} {who}"
    elif asker.visitor:
        made.own = f"enquiry:{one.code} {asker.visitor} {key}"
        made.every = f"enquiry-visitor:{one.code} {asker.visitor}"
    if pin and asker.channel == TEST:
        made.all = f"enquiry-test-pin:{one.code} {key}"
    elif pin:
        made.all = f"pin-all:{key}" if one.source == Enquiry.Source.CASE else f"enquiry-pin:{one.code} {key}"
    return made


def _reserve(waiting: Sequence[_Asked]) -> _Tries:
    """Count every try before it is looked at; the right ones are given back."""
    reserved = Counter(key for asked in waiting for key in asked.counted)
    return _Tries(throttle.reserve(reserved, per_s=WRONG_PER_S), reserved)


def _look_up(waiting: Sequence[_Asked]) -> None:
    """Put the rows to each question: one look-up for each source."""
    groups: dict[tuple[str, int], list[_Asked]] = {}
    for asked in waiting:
        groups.setdefault((asked.one.source, asked.one.data_set.pk if asked.one.data_set else 0), []).append(asked)
    for (source, data_set), group in groups.items():
        keys = {asked.key for asked in group}
        found: Mapping[str, Sequence[Row]]
        found = case.find(keys) if source == Enquiry.Source.CASE else data.find(data_set, keys)
        for asked in group:
            asked.rows = found.get(asked.key, ())
            asked.as_of = asked.one.data_set.loaded_at if asked.one.data_set else None


def _opened(asked: _Asked) -> list[Row]:
    """The rows that this asker may know."""
    who, number = asked.one.who, asked.question.asker.number
    by_number = number is not None and who in (Enquiry.Who.OWNER, Enquiry.Who.EITHER)
    by_pin = bool(asked.pin) and who in (Enquiry.Who.PIN, Enquiry.Who.EITHER)
    return [
        row
        for row in asked.rows or ()
        if who == Enquiry.Who.ANYONE
        or row.is_public
        or (by_number and row.belongs_to(number or ""))
        or (by_pin and row.opens_with(asked.pin))
    ]


def _answer(asked: _Asked, tries: _Tries) -> Answer:
    one, language = asked.one, asked.language
    with _speaking(language):
        limits = (
            (asked.own, WRONG[Enquiry.Who(one.who)]),
            (asked.all, TRIES_OF_ALL),
            (asked.every, TRIES_OF_VISITOR_WITH_PIN if reading.Kind.PIN in one.kinds else TRIES_OF_VISITOR),
        )
        if not all(tries.left(key, limit) for key, limit in limits):
            hotline = organisation.the_city().hotline
            words = _("Too many tries. Please wait an hour, or call %(hotline)s.") % {"hotline": hotline}
            return Answer(REFUSED, words, language=language)
        if asked.rows is None:
            return _say(asked, AWAY, {})
        rows = _opened(asked)
        if not rows:
            # Where not everybody may know, nobody learns whether there is such a number.
            tries.wrong.update(asked.counted)
            return _say(asked, NOTHING if one.who == Enquiry.Who.ANYONE else REFUSED, {})
        if asked.question.row and len(rows) > 1:
            rows = [row for row in rows if row.mark == asked.question.row][:1] or rows
        if len(rows) == 1:
            return _say(asked, FOUND, {**rows[0].said(language), "count": "1"})
        return _several(asked, rows)


def _several(asked: _Asked, rows: Sequence[Row]) -> Answer:
    """A numbered line for each; what replies may say of all: their count, the sum of a column."""
    line = asked.one.replies["line", asked.language]
    base = _base(asked)
    said = [row.said(asked.language) for row in rows]
    choices = tuple(
        Choice(number, line.fill({**base, **values}), row.mark)
        for number, (row, values) in enumerate(zip(rows[:MOST_CHOICES], said, strict=False), 1)
    )
    lines = [f"{choice.number}. {choice.text}" for choice in choices]
    if more := len(rows) - len(choices):
        lines.append(ngettext("and %(more)s more", "and %(more)s more", more) % {"more": more})
    facts = {"count": str(len(rows)), "lines": "\n".join(lines)}
    for name in asked.one.replies["several", asked.language].names:
        if name.startswith("sum_"):
            facts[name] = _sum(values.get(name[4:], "") for values in said)
    return _say(asked, SEVERAL, facts, choices)


def _sum(texts: Iterable[str]) -> str:
    total = Decimal(0)
    for text in texts:
        try:
            value = Decimal(text.strip())
        except InvalidOperation:
            continue
        total += value if value.is_finite() else 0
    return f"{total:f}"


def _base(asked: _Asked) -> dict[str, str]:
    facts = {
        # A plate keeps its order within Arabic words. In English the marks would halve the room and are not needed.
        one.name: f"\u2066{text}\u2069" if one.kind == reading.Kind.PLATE and asked.language == "ar" else text
        for one, text in zip(asked.one.fields, asked.given, strict=True)
    }
    facts["name"], facts["hotline"] = asked.one.name(asked.language), organisation.the_city().hotline
    facts["as_of"] = _when(asked.as_of) if asked.as_of else ""
    return facts


def _say(asked: _Asked, kind: str, facts: Mapping[str, str], choices: tuple[Choice, ...] = ()) -> Answer:
    reply = asked.one.replies[kind, asked.language]
    text = reply.fill({**_base(asked), **facts})
    if asked.stale and asked.as_of and kind in (FOUND, SEVERAL) and "as_of" not in reply.names:
        text = f"{text}\n" + _("As of %(when)s.") % {"when": _when(asked.as_of)}
    return Answer(kind, text, choices, asked.language, asked.as_of)


def _when(at: datetime) -> str:
    local = timezone.localtime(at)
    if local.date() == timezone.localtime(clock.now()).date():
        return f"{local:%H:%M}"
    return str(date_format(local, pgettext("date format of Django", "j F Y, H:i")))
