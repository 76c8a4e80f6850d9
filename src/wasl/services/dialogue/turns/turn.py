"""A text in its place, and what every kind of turn needs: where it goes on, and what is said to words of no command."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from wasl.core.cases.models import Case
from wasl.core.organisation import queries as organisation
from wasl.kernel import plain
from wasl.kernel.names import code_of
from wasl.services.dialogue import commands, landing, masking, words
from wasl.services.dialogue.commands import LONGEST, Read
from wasl.services.dialogue.keeping import Batch, Known, Talk
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.queries import Code
from wasl.services.dialogue.said import Reply, Said
from wasl.services.enquiries import actions as enquiries
from wasl.services.messages.queries import Waiting

HELP_AGAIN_AFTER = timedelta(minutes=10)
"""What looks like the answer of a machine is told what it can text once in this time."""
SHORT, LONG = timedelta(minutes=10), timedelta(minutes=30)
"""How long a conversation waits: for a choice or a plate, and for who writes a report."""
MOST_MISSES = 2
LONG_TEXT_SIGNS = 12
_LONG_TEXT_WORDS = 4


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

    def missed(self, text: str, *, secret: bool = False) -> Reply | None:
        """He was to choose and did not: told once more, then the conversation ends and his text is read by itself."""
        misses = int(self.talk.data.get("misses", 0)) + 1
        if misses >= MOST_MISSES:
            self.end()
            return self.without_command()
        self.talk.data["misses"], self.talk.moved = misses, True
        return self.reply(text, secret=secret)

    # --- words of no command ---

    def without_command(self) -> Reply | None:
        """Words of no command: the answer to a question of ours, a report to be offered, or help."""
        chatter = not self.text or commands.looks_like_a_machine(self.read.folded)
        asked = [w for w in self.batch.waiting(self.said.number) if not w.told]
        if asked and not chatter:
            return self.add_to(asked[-1].case)
        if not chatter and self._is_long():
            self.go("offer", LONG, text=self.free_words())
            return self.reply(words.offer(organisation.the_city().hotline))
        helped = self.known.helped_at
        quiet = chatter or len(self.text) < 2
        if quiet and helped is not None and self.said.at - helped < HELP_AGAIN_AFTER:
            return None
        return self.help()

    def _is_long(self) -> bool:
        return len(self.text) >= LONG_TEXT_SIGNS and (
            len(self.text.split()) >= _LONG_TEXT_WORDS or commands.script_of(self.read.folded) == "zh"
        )

    def help(self) -> Reply:
        """What can be texted to this code."""
        self.known.helped_at = self.said.at
        return self.reply(words.help_with(self.code.commands.values(), self.language))

    def add_to(self, case: int) -> Reply:
        """What he texts is added to that case of his."""
        found: Case = landing.add(self.said, case, self.language, self.free_words())
        return self.reply(words.added(found.number))

    def told(self) -> list[Waiting]:
        """His cases that wait for a verdict."""
        return [w for w in self.batch.waiting(self.said.number) if w.told]
