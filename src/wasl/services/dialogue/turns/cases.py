"""A case of his: whether it is solved, and more words on it."""

from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Verdict
from wasl.kernel import acceptance
from wasl.services.dialogue import commands, landing, words
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.said import Reply
from wasl.services.dialogue.turns.turn import LONG, SHORT, Turn


def verdict(turn: Turn, command: Command) -> Reply | None:
    """Solved or not: of the one case that waits for it, or of which."""
    if len(turn.read.rest.split()) > 3:
        # "Done with waiting, nobody has come yet" says more than a verdict.
        return turn.without_command()
    told = turn.told()
    if len(told) > 1 and (number := acceptance.parse(turn.read.rest)):
        told = [w for w in told if w.number == number]
    if not told:
        # A bare digit asks for nothing that help would not say better.
        return turn.help() if turn.text.isascii() and len(turn.text) < 2 else turn.reply(words.nothing_waits())
    if len(told) == 1:
        return _say_verdict(turn, told[0].case, command.target)
    turn.go("verdict", SHORT, cases=[w.case for w in told], verdict=command.target)
    return turn.reply(words.which_case([w.number for w in told]))


def verdict_of(turn: Turn) -> Reply | None:
    """A number of the list of cases."""
    cases, verdict = turn.talk.data["cases"], turn.talk.data["verdict"]
    number = commands.number_in(turn.text, len(cases))
    if number is None:
        return turn.missed(words.choose(len(cases)))
    turn.end()
    return _say_verdict(turn, cases[number - 1], verdict)


def _say_verdict(turn: Turn, case: int, verdict: str) -> Reply:
    try:
        found = landing.verdict(turn.said, case, verdict)
    except NotAllowed:
        return turn.reply(words.nothing_waits())
    if verdict != Verdict.SOLVED:
        turn.go("case.words", LONG, case=case)
    return turn.reply(words.thanks_for(verdict, found.number))


def case_words(turn: Turn) -> Reply | None:
    """What is still to be done, after he said that it is not solved."""
    case = turn.talk.data["case"]
    turn.end()
    return turn.add_to(case)


def add_by_number(turn: Turn, number: str, text: str) -> Reply:
    """Words with the number of a case: added where it is his."""
    found = landing.addable(turn.known.address, number)
    if found is None:
        return turn.reply(words.not_yours())
    landing.add(turn.said, found.pk, turn.language, text)
    return turn.reply(words.added(number))
