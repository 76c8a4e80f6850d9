"""What one text means where its conversation stands, and what is answered. Reads and changes what is held of a batch;
what a text does to a case is in `landing`, asking is left to whoever drives the turns (`actions`)."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.utils import translation

from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case, Verdict
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.suggest import suggest
from wasl.core.organisation import queries as organisation
from wasl.kernel import acceptance, phone, plain
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import code_of
from wasl.services.articles import queries as articles
from wasl.services.articles.models import ArticleVersion
from wasl.services.campaigns import acknowledging
from wasl.services.dialogue import commands, landing, masking, opting, subscribing, words
from wasl.services.dialogue.commands import LONGEST, Read
from wasl.services.dialogue.keeping import Batch, Known, Talk, side
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.queries import Code
from wasl.services.dialogue.said import Reply, Said
from wasl.services.enquiries import actions as enquiries
from wasl.services.enquiries import definitions
from wasl.services.enquiries.models import Enquiry
from wasl.services.messages.queries import Waiting
from wasl.services.subscriptions import actions as subscriptions
from wasl.services.subscriptions import queries as subscription_queries

Kind = Command.Kind
MOST_REPLIES, REPLIES_WITHIN = 30, timedelta(hours=1)
"""To one number; two machines that answer each other end here."""
MOST_REPORTS, REPORTS_WITHIN = 10, timedelta(days=1)
MOST_WRONG_CODES, WRONG_CODES_WITHIN = 5, timedelta(days=1)
"""From one number; a code has four digits."""
HELP_AGAIN_AFTER = timedelta(minutes=10)
"""What looks like the answer of a machine is told what it can text once in this time."""
SHORT, LONG = timedelta(minutes=10), timedelta(minutes=30)
"""How long a conversation waits: for a choice or a plate, and for who writes a report."""
_MOST_MISSES = 2
_FREE = frozenset({"report.matter", "report.place", "report.text", "case.words"})
_LONG_TEXT_WORDS, _LONG_TEXT_SIGNS = 4, 12
_MOST_MATTERS = 4
_NEVER_MUTE = frozenset({Kind.STOP, Kind.WRONG_PERSON, Kind.VERDICT})


@dataclass(slots=True)
class Asking:
    """A turn that waits for an enquiry: the question, its command, and how often he was not understood before."""

    said: Said
    kept: Said
    question: enquiries.Question
    language: str
    command: int
    misses: int = 0
    answer: enquiries.Answer | None = None


class Turn:
    """One text in its place."""

    def __init__(self, batch: Batch, said: Said, code: Code, *, channel: str) -> None:
        self.batch, self.said, self.code, self.channel = batch, said, code, channel
        self.known: Known = batch.known(said.number)
        self.talk: Talk = batch.talk(said.number, said.code)
        self.text = commands.clean(said.words)
        self.read: Read = code.keywords.read(self.text)
        self._began = self.talk.state, self.talk.data, self.read
        shown = self.read.keyword.language if self.read.keyword else ""
        shown = shown or commands.script_of(self.read.folded)
        if shown and self.talk.state != "choice":
            self.known.language = shown
        self.language = code_of(shown or self.known.language or self.known.persons_language or code.row.language)

    @property
    def command(self) -> Command | None:
        """The command that the text begins with."""
        return self.code.commands[self.read.keyword.pk] if self.read.keyword else None

    def free_words(self) -> str:
        """The text as its writer wrote it, fit to be kept."""
        return plain.line(self.said.words[:LONGEST])

    def kept(self) -> Said:
        """The text as it may be kept once it is answered: without a PIN."""
        state, data, read = self._began
        command = self.code.commands[read.keyword.pk] if read.keyword else None
        if command is None and state == "fields":
            command = self.code.commands.get(data["command"])
        kept = masking.of_command(command, self.text, read.rest) if command is not None else self.text
        kept = masking.beside_numbers(kept)
        return self.said if kept == self.text else replace(self.said, words=kept, masked=True)

    # --- where the conversation goes ---

    def go(self, state: str, wait: timedelta, **data: Any) -> None:
        """The conversation stands there now."""
        talk = self.talk
        talk.state, talk.data, talk.moved = state, {"l": self.language, **data}, True
        talk.at, talk.expires_at = self.said.at, self.said.at + wait

    def end(self) -> None:
        """The conversation is over."""
        if self.talk.state:
            self.talk.state, self.talk.data, self.talk.moved = "", {}, True

    def reply(self, text: str, *, secret: bool = False) -> Reply:
        """The reply in the turn's language."""
        return Reply(text, self.language, secret=secret)

    # --- what the text means ---

    def take(self) -> Reply | Asking | None:
        """What is answered; changes where the conversation stands. Asking: the answer of an enquiry is waited for."""
        talk, left = self.talk, None
        if talk.state and (talk.expires_at is None or talk.expires_at <= self.said.at):
            left = str(talk.data.get("example", ""))
            self.end()
        command = self._command()
        if self._mute(command):
            return None
        if (talk.state and self.read.keyword is None) or talk.state in _FREE:
            # Who began in one language goes on in it, whatever script his street is written in.
            self.language = code_of(str(talk.data.get("l", self.language)))
        with translation.override(words.DJANGO[self.language]):
            if self._acknowledges():
                return self.reply(words.acknowledged())
            if command is not None and command.kind in _ANY_TIME and self._is_meant(command):
                return _ANY_TIME[Kind(command.kind)](self, command)
            waiting = self._asked_since()
            if talk.state and not waiting and not (command and self._interrupts(command)):
                return _STATES[talk.state](self)
            if command is not None:
                return _COMMANDS[Kind(command.kind)](self, command)
            if left is not None and len(self.text) <= 20 and not commands.script_of(self.read.folded):
                return self.reply(words.began_anew(left))
            return self._without_command()

    def _acknowledges(self) -> bool:
        """Whether this 1 answers an emergency: it came after whatever else 1 could mean in this conversation."""
        if to_ascii_digits(self.text) != "1":
            return False
        found = self.batch.emergency(self.said.number)
        if found is None or (self.talk.state and self.talk.at is not None and self.talk.at > found[1]):
            return False
        acknowledging.acknowledge(found[0])
        return True

    def _command(self) -> Command | None:
        """The command of the text; within free words only one that is the whole text."""
        if self.talk.state in _FREE:
            whole = self.code.keywords.whole(self.text)
            return self.code.commands[whole.pk] if whole else None
        return self.command

    def _is_meant(self, command: Command) -> bool:
        """ "Stop the noise in our street" is no STOP; STOP RE 12345 BA is one."""
        if self.talk.state in _FREE or len(self.read.rest.split()) <= 2:
            return True
        topic = subscribing.topic_in(self.read.rest) if command.kind == Kind.STOP else None
        return topic is not None and bool(subscription_queries.key_of(*topic))

    def _interrupts(self, command: Command) -> bool:
        if command.kind == Kind.VERDICT:
            # A bare digit belongs to the list that was just shown.
            return self.talk.state not in ("choice", "report.which", "verdict", "fields", "article")
        return not (self.talk.state == "fields" and self.read.glued)

    def _mute(self, command: Command | None) -> bool:
        if command is not None and command.kind in _NEVER_MUTE:
            return False
        if self.talk.state in ("start", "subscribe") and commands.code_in(self.text):
            # What he was asked to text back; wrong ones have a bound of their own.
            return False
        since = self.known.answered_since
        return since is not None and self.said.at - since < REPLIES_WITHIN and self.known.answered >= MOST_REPLIES

    def _asked_since(self) -> list[Waiting]:
        """The cases that asked him after the conversation's last text, where he answers with a verdict."""
        command, talk = self.command, self.talk
        if command is None or command.kind != Kind.VERDICT or talk.state != "choice":
            return []
        return [w for w in self._told() if w.asked_at and talk.at and w.asked_at > talk.at]

    def _told(self) -> list[Waiting]:
        return [w for w in self.batch.waiting(self.said.number) if w.told]

    def _without_command(self) -> Reply | None:
        """Words of no command: the answer to a question of ours, a report to be offered, or help."""
        chatter = not self.text or commands.looks_like_a_machine(self.read.folded)
        asked = [w for w in self.batch.waiting(self.said.number) if not w.told]
        if asked and not chatter:
            return self._add_to(asked[-1].case)
        if not chatter and self._is_long():
            self.go("offer", LONG, text=self.free_words())
            return self.reply(words.offer(organisation.the_city().hotline))
        helped = self.known.helped_at
        quiet = chatter or len(self.text) < 2
        if quiet and helped is not None and self.said.at - helped < HELP_AGAIN_AFTER:
            return None
        return self._help()

    def _is_long(self) -> bool:
        return len(self.text) >= _LONG_TEXT_SIGNS and (
            len(self.text.split()) >= _LONG_TEXT_WORDS or commands.script_of(self.read.folded) == "zh"
        )

    def _help(self) -> Reply:
        self.known.helped_at = self.said.at
        return self.reply(words.help_with(self.code.commands.values(), self.language))

    # --- enquiries ---

    def _enquiry(self, command: Command) -> Reply | Asking | None:
        if _about_cases(command.target):
            number, more = _number_and_words(self.read.rest)
            if number and more:
                # A PIN among the words is for nobody who reads them.
                shown = masking.beside_numbers(f"{number} {more}")
                return self._add_by_number(number, shown.removeprefix(number).strip())
        return self._ask(command.target, self.read.rest, command.pk)

    def _ask(self, enquiry: str, text: str, command: int, *, row: str = "", misses: int = 0) -> Asking:
        # Who tries a command out is told of nobody's case, whatever number he tries it with.
        nobody = self.channel == enquiries.TEST and _about_cases(enquiry)
        asker = enquiries.Asker(self.channel, None if nobody else self.said.number, self.language)
        return Asking(
            self.said, self.kept(), enquiries.Question(enquiry, text, asker, row=row), self.language, command, misses
        )

    def _fields(self) -> Reply | Asking | None:
        command = self.code.commands.get(self.talk.data["command"])
        if command is None or commands.is_no(self.text):
            self.end()
            return self._help()
        misses = int(self.talk.data.get("misses", 0))
        return self._ask(command.target, self.text, command.pk, misses=misses)

    def _choice(self) -> Reply | Asking | None:
        rows, data = self.talk.data["rows"], self.talk.data
        number = commands.number_in(self.text, len(rows))
        if number is None:
            return self._missed(words.choose(len(rows)))
        return self._ask(data["enquiry"], data["words"], data["command"], row=rows[number - 1])

    def _missed(self, text: str, *, secret: bool = False) -> Reply | None:
        """He was to choose and did not: told once more, then the conversation ends and his text is read by itself."""
        misses = int(self.talk.data.get("misses", 0)) + 1
        if misses >= _MOST_MISSES:
            self.end()
            return self._without_command()
        self.talk.data["misses"], self.talk.moved = misses, True
        return self.reply(text, secret=secret)

    # --- information ---

    def _article(self, command: Command) -> Reply | None:
        """INFO 3 or INFO and words; alone, or for words that may mean several, what there is."""
        self.end()
        if (found := self._article_numbered(self.read.rest)) is not None:
            return self._give(found)
        known = self.batch.articles()
        meant = articles.suggest(self.read.rest, among=known) if self.read.rest else []
        if meant and (len(meant) == 1 or meant[0].score >= 2 * meant[1].score):
            return self._give(meant[0].version)
        offered = [one.version for one in meant] or known
        if not offered:
            return self._help()
        self.go("article", SHORT, example=command.example)
        return self.reply(words.which_article(offered, command.word(self.language), self.language))

    def _article_of(self) -> Reply | None:
        """A bare number after the list."""
        found = self._article_numbered(self.text)
        self.end()
        return self._give(found) if found is not None else self._without_command()

    def _article_numbered(self, text: str) -> ArticleVersion | None:
        # Who copies what an answer cites, 3.2, wants number 3 as it is now.
        typed = to_ascii_digits(text).strip().partition(".")[0]
        if not (typed.isascii() and typed.isdecimal() and len(typed) < 4):
            return None
        return next((one for one in self.batch.articles() if one.article.number == int(typed)), None)

    def _give(self, version: ArticleVersion) -> Reply:
        self.batch.given.append(version.mark)
        return self.reply(articles.texted(version, self.language))

    # --- reports ---

    def _complaint(self, command: Command) -> Reply | None:
        text = self.read.rest
        if len(text) >= _LONG_TEXT_SIGNS and (len(text.split()) >= 2 or not text.isascii()):
            return self._file(text)
        if text:
            self.read = Read(None, text, text)
            self.go("report.matter", LONG, example=command.example)
            return self._matter_of(text)
        self.go("report.matter", LONG, example=command.example)
        return self.reply(words.ask_matter())

    def _matter(self) -> Reply | None:
        return self._matter_of(self.text)

    def _matter_of(self, text: str) -> Reply | None:
        found = suggest(catalogue.in_force(), text, limit=_MOST_MATTERS)
        example = self.talk.data.get("example", "")
        if len(found) > 1 and found[0].score < 2 * found[1].score:
            names = [one.category.name for one in found]
            self.go("report.which", LONG, codes=[one.category.code for one in found], said=text, example=example)
            return self.reply(words.numbered(words.which_matter(), names, words.something_else()))
        self.go("report.place", LONG, category=found[0].category.code if found else "", said=text, example=example)
        return self.reply(words.ask_place())

    def _which(self) -> Reply | None:
        codes, data = self.talk.data["codes"], dict(self.talk.data)
        number = commands.number_in(self.text, len(codes))
        none_of_them = to_ascii_digits(self.text) == "0"
        if number is None and not none_of_them:
            return self._missed(words.choose(len(codes)))
        category = codes[number - 1] if number else ""
        self.go("report.place", LONG, category=category, said=data["said"], example=data.get("example", ""))
        return self.reply(words.ask_place())

    def _place(self) -> Reply | None:
        data = self.talk.data
        self.go("report.text", LONG, **_kept(data, "category", "said", "example"), place=self.free_words()[:200])
        return self.reply(words.ask_text())

    def _text(self) -> Reply | None:
        data = self.talk.data
        self.go("report.confirm", LONG, **_kept(data, "category", "said", "place", "example"), text=self.free_words())
        category = catalogue.in_force().category(data.get("category", ""))
        return self.reply(words.ask_confirm(category.name if category else "", data["place"]))

    def _confirm(self) -> Reply | None:
        data = dict(self.talk.data)
        if commands.is_yes(self.text):
            self.end()
            body = data["text"] if data.get("category") else f"{data['said']}. {data['text']}"
            return self._file(body, category=data.get("category", ""), address=data["place"])
        if commands.is_no(self.text):
            self.end()
            return self.reply(words.dropped())
        return self._missed(words.yes_or_no())

    def _offer(self) -> Reply | None:
        text = self.talk.data["text"]
        if commands.is_yes(self.text):
            self.end()
            return self._file(text)
        if commands.is_no(self.text):
            self.end()
            return self.reply(words.dropped())
        self.end()
        return self._without_command()

    def _file(self, body: str, *, category: str = "", address: str = "") -> Reply:
        known, now = self.known, self.said.at
        if known.filed_since is None or now - known.filed_since >= REPORTS_WITHIN:
            known.filed_since, known.filed = now, 0
        if known.filed >= MOST_REPORTS:
            return self.reply(words.too_many_reports(organisation.the_city().hotline))
        known.filed += 1
        receipt = landing.file(self.said, self.language, body, category=category, address=address)
        return self.reply(words.received(receipt.case.number, receipt.pin), secret=True)

    # --- a case of his ---

    def _verdict(self, command: Command) -> Reply | None:
        if len(self.read.rest.split()) > 3:
            # "Done with waiting, nobody has come yet" says more than a verdict.
            return self._without_command()
        told = self._told()
        if len(told) > 1 and (number := acceptance.parse(self.read.rest)):
            told = [w for w in told if w.number == number]
        if not told:
            # A bare digit asks for nothing that help would not say better.
            return self._help() if self.text.isascii() and len(self.text) < 2 else self.reply(words.nothing_waits())
        if len(told) == 1:
            return self._say_verdict(told[0].case, command.target)
        self.go("verdict", SHORT, cases=[w.case for w in told], verdict=command.target)
        return self.reply(words.which_case([w.number for w in told]))

    def _verdict_of(self) -> Reply | None:
        cases, verdict = self.talk.data["cases"], self.talk.data["verdict"]
        number = commands.number_in(self.text, len(cases))
        if number is None:
            return self._missed(words.choose(len(cases)))
        self.end()
        return self._say_verdict(cases[number - 1], verdict)

    def _say_verdict(self, case: int, verdict: str) -> Reply:
        try:
            found = landing.verdict(self.said, case, verdict)
        except NotAllowed:
            return self.reply(words.nothing_waits())
        if verdict != Verdict.SOLVED:
            self.go("case.words", LONG, case=case)
        return self.reply(words.thanks_for(verdict, found.number))

    def _case_words(self) -> Reply | None:
        case = self.talk.data["case"]
        self.end()
        return self._add_to(case)

    def _add_to(self, case: int) -> Reply:
        found: Case = landing.add(self.said, case, self.language, self.free_words())
        return self.reply(words.added(found.number))

    def _add_by_number(self, number: str, text: str) -> Reply:
        found = landing.addable(self.known.address, number)
        if found is None:
            return self.reply(words.not_yours())
        landing.add(self.said, found.pk, self.language, text)
        return self.reply(words.added(number))

    # --- wanting messages or not ---

    def _stop(self, command: Command) -> Reply | None:
        self.end()
        topic = subscribing.topic_in(self.read.rest)
        if topic is not None:
            key = subscription_queries.key_of(topic[0], topic[1]) or ""
            by = subscriptions.By.SMS
            subscriptions.stop_topic(topic[0], number=self.said.number, by=by, key=key)
            if not key:
                opting.stop(self.known.look_up, "topic", topic=topic[0].code, by_text=self.said.id, at=self.said.at)
            return self.reply(words.stopped("topic", topic[0].name(self.language)))
        what = opting.meant(command.target or self.read.rest)
        opting.stop(self.known.look_up, what, by_text=self.said.id, at=self.said.at)
        return self.reply(words.stopped(what))

    def _start(self, command: Command) -> Reply | None:
        if self.talk.state == "start":
            return self._start_by_code() if commands.code_in(self.read.rest) else self._ask_start()
        self.end()
        if self.channel != enquiries.TEST and opting.has_stopped(self.known.look_up):
            return self._ask_start(command.example)
        return self.reply(words.started())

    def _ask_start(self, example: str = "") -> Reply:
        if self._used_up():
            return self._no_more_codes()
        code = str(self.talk.data.get("code") or _new_code())
        self.go("start", SHORT, code=code, example=example)
        return self.reply(words.ask_start(code), secret=True)

    def _start_by_code(self) -> Reply | None:
        if not self._says_code():
            return self._not_the_code(words.ask_start(self.talk.data["code"]))
        self.end()
        opting.start(self.known.look_up, by_text=self.said.id, at=self.said.at)
        return self.reply(words.started())

    # --- codes: whoever writes a number on a text as its sender does not read what is texted there ---

    def _says_code(self) -> bool:
        return not self._used_up() and commands.code_in(self.text) == self.talk.data["code"]

    def _not_the_code(self, again: str) -> Reply | None:
        if commands.is_no(self.text):
            self.end()
            return self.reply(words.dropped())
        if commands.code_in(self.text):
            known, now = self.known, self.said.at
            if known.wrong_since is None or now - known.wrong_since >= WRONG_CODES_WITHIN:
                known.wrong_since, known.wrong = now, 0
            known.wrong += 1
        return self._no_more_codes() if self._used_up() else self._missed(again, secret=True)

    def _used_up(self) -> bool:
        since = self.known.wrong_since
        recent = since is not None and self.said.at - since < WRONG_CODES_WITHIN
        return recent and self.known.wrong >= MOST_WRONG_CODES

    def _no_more_codes(self) -> Reply:
        self.end()
        return self.reply(words.no_more_codes(organisation.the_city().hotline))

    # --- subscriptions ---

    def _subscribe(self, command: Command) -> Reply | None:
        found = subscribing.topic_in(self.read.rest)
        if found is None:
            return self.reply(words.topics(subscribing.topics(), command.word(self.language), self.language))
        topic, rest = found
        # Who tries a command out does not learn what is whose: he is told what a stranger is.
        number = self.said.number if self.channel != enquiries.TEST else ""
        try:
            key = subscriptions.check(topic, rest, number=number)
        except subscriptions.Refused as error:
            return self.reply(str(error))
        if self._used_up():
            return self._no_more_codes()
        code = _new_code()
        shown = words.ask_consent(subscription_queries.consent(topic, key, self.language), code)
        self.go("subscribe", SHORT, topic=topic.code, key=key, shown=shown, code=code, example=command.example)
        return self.reply(shown, secret=True)

    def _consent(self) -> Reply | None:
        data = dict(self.talk.data)
        if not self._says_code():
            return self._not_the_code(data["shown"])
        self.end()
        topic = subscribing.topics().get(data["topic"])
        if topic is None:
            return self._help()
        subscriptions.subscribe(
            topic,
            data["key"],
            number=self.said.number,
            language=self.language,
            by=subscriptions.By.SMS,
            proof={"words": data["shown"], "text": self.said.id},
        )
        # Who asks for alerts wants alerts, whatever he stopped before.
        opting.start(self.known.look_up, by_text=self.said.id, at=self.said.at)
        return self.reply(words.subscribed(topic.name(self.language), data["key"], topic.stop_words()))

    def _list(self, command: Command) -> Reply | None:
        if self.channel == enquiries.TEST:
            return self.reply(words.listed([]))
        mine = [(one.topic.name(self.language), one.key) for one in subscription_queries.live([self.said.number])]
        return self.reply(words.listed(mine))

    def _wrong_person(self, command: Command) -> Reply | None:
        self.end()
        landing.wrong_person(self.known.address)
        return self.reply(words.wrong_person())

    def _help_command(self, command: Command) -> Reply | None:
        self.end()
        return self._help()


Handler = Callable[[Turn, Command], Reply | Asking | None]
_ANY_TIME: Mapping[str, Handler] = {
    Kind.STOP: Turn._stop,
    Kind.START: Turn._start,
    Kind.HELP: Turn._help_command,
    Kind.WRONG_PERSON: Turn._wrong_person,
}
_COMMANDS: Mapping[str, Handler] = {
    Kind.ENQUIRY: Turn._enquiry,
    Kind.ARTICLE: Turn._article,
    Kind.COMPLAINT: Turn._complaint,
    Kind.VERDICT: Turn._verdict,
    Kind.SUBSCRIBE: Turn._subscribe,
    Kind.LIST: Turn._list,
    **{kind: lambda turn, _command: turn._without_command() for kind in _ANY_TIME},
}
_STATES: Mapping[str, Callable[[Turn], Reply | Asking | None]] = {
    "fields": Turn._fields,
    "choice": Turn._choice,
    "article": Turn._article_of,
    "report.matter": Turn._matter,
    "report.which": Turn._which,
    "report.place": Turn._place,
    "report.text": Turn._text,
    "report.confirm": Turn._confirm,
    "offer": Turn._offer,
    "verdict": Turn._verdict_of,
    "case.words": Turn._case_words,
    "subscribe": Turn._consent,
    "start": Turn._start_by_code,
}


def _new_code() -> str:
    return str(1000 + secrets.randbelow(9000))


def _kept(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}


def _number_and_words(text: str) -> tuple[str, str]:
    """An acceptance number at the beginning and the words after it; empty where there are none, or only a PIN."""
    parts = text.split()
    for count in range(1, min(4, len(parts)) + 1):
        if number := acceptance.parse(" ".join(parts[:count])):
            rest = " ".join(parts[count:])
            return number, rest if any(sign.isalpha() for sign in rest) else ""
    return "", ""


def _about_cases(enquiry: str) -> bool:
    """Whether this enquiry tells how a case stands."""
    one = definitions.in_force().get(enquiry)
    return one is not None and one.source == Enquiry.Source.CASE


def answered(asking: Asking, code: Code) -> tuple[Reply, Talk]:
    """What is said when the enquiry has answered, and where the conversation stands then. ValueError: it has not."""
    answer, said = asking.answer, asking.said
    if answer is None:
        raise ValueError(f"text {said.id} has no answer")
    command = code.commands.get(asking.command)
    held = {"l": asking.language, "command": asking.command, "example": command.example if command else ""}
    talk = Talk(side(said.number, said.code), at=said.at, expires_at=said.at + SHORT, moved=True)
    if answer.kind == enquiries.MALFORMED and asking.misses < _MOST_MISSES:
        talk.state, talk.data = "fields", {**held, "misses": asking.misses + 1}
    elif answer.kind == enquiries.SEVERAL and answer.choices:
        rows = [choice.row for choice in answer.choices]
        asked = {"enquiry": asking.question.enquiry, "words": asking.question.words, "rows": rows}
        talk.state, talk.data = "choice", {**held, **asked}
    return Reply(answer.text, answer.language), talk


def answerable(said: Said, own: Mapping[str, Code]) -> bool:
    """Whether anything is ever answered to this sender: a telephone, and none of our own codes."""
    return said.number.startswith("+") and not phone.is_short_code(said.number) and said.number.lstrip("+") not in own
