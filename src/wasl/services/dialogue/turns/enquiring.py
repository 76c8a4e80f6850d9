"""Commands that ask: the question that is put, what is asked back, and what is said when the answer is there."""

from wasl.kernel import acceptance
from wasl.services.dialogue import commands, masking, words
from wasl.services.dialogue.keeping import Talk, side
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.queries import Code
from wasl.services.dialogue.said import Reply
from wasl.services.dialogue.turns import cases
from wasl.services.dialogue.turns.turn import MOST_MISSES, SHORT, Asking, Turn
from wasl.services.enquiries import actions as enquiries
from wasl.services.enquiries import definitions
from wasl.services.enquiries.models import Enquiry


def enquiry(turn: Turn, command: Command) -> Reply | Asking | None:
    """A command with all that its enquiry needs, or with less: then it is asked for."""
    if _about_cases(command.target):
        number, more = _number_and_words(turn.read.rest)
        if number and more:
            # A PIN among the words is for nobody who reads them.
            shown = masking.beside_numbers(f"{number} {more}")
            return cases.add_by_number(turn, number, shown.removeprefix(number).strip())
    return _ask(turn, command.target, turn.read.rest, command.pk)


def _ask(turn: Turn, enquiry: str, text: str, command: int, *, row: str = "", misses: int = 0) -> Asking:
    # Who tries a command out is told of nobody's case, whatever number he tries it with.
    nobody = turn.channel == enquiries.TEST and _about_cases(enquiry)
    asker = enquiries.Asker(turn.channel, None if nobody else turn.said.number, turn.language)
    return Asking(
        turn.said, turn.kept(), enquiries.Question(enquiry, text, asker, row=row), turn.language, command, misses
    )


def fields(turn: Turn) -> Reply | Asking | None:
    """What the enquiry lacked."""
    command = turn.code.commands.get(turn.talk.data["command"])
    if command is None or commands.is_no(turn.text):
        turn.end()
        return turn.help()
    misses = int(turn.talk.data.get("misses", 0))
    return _ask(turn, command.target, turn.text, command.pk, misses=misses)


def choice(turn: Turn) -> Reply | Asking | None:
    """A number of the list that the enquiry gave."""
    rows, data = turn.talk.data["rows"], turn.talk.data
    number = commands.number_in(turn.text, len(rows))
    if number is None:
        return turn.missed(words.choose(len(rows)))
    return _ask(turn, data["enquiry"], data["words"], data["command"], row=rows[number - 1])


def answered(asking: Asking, code: Code) -> tuple[Reply, Talk]:
    """What is said when the enquiry has answered, and where the conversation stands then. ValueError: it has not."""
    answer, said = asking.answer, asking.said
    if answer is None:
        raise ValueError(f"text {said.id} has no answer")
    command = code.commands.get(asking.command)
    held = {"l": asking.language, "command": asking.command, "example": command.example if command else ""}
    talk = Talk(side(said.number, said.code), at=said.at, expires_at=said.at + SHORT, moved=True)
    if answer.kind == enquiries.MALFORMED and asking.misses < MOST_MISSES:
        talk.state, talk.data = "fields", {**held, "misses": asking.misses + 1}
    elif answer.kind == enquiries.SEVERAL and answer.choices:
        rows = [choice.row for choice in answer.choices]
        asked = {"enquiry": asking.question.enquiry, "words": asking.question.words, "rows": rows}
        talk.state, talk.data = "choice", {**held, **asked}
    return Reply(answer.text, answer.language), talk


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
