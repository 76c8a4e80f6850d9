"""What a text means where its conversation stands, and which function answers it."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from django.utils import translation

from wasl.kernel import phone
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import code_of
from wasl.services.campaigns import acknowledging
from wasl.services.dialogue import commands, subscribing, words
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.queries import Code
from wasl.services.dialogue.said import Reply, Said
from wasl.services.dialogue.turns import cases, enquiring, informing, reporting, wishing
from wasl.services.dialogue.turns.turn import Asking, Turn
from wasl.services.messages.queries import Waiting
from wasl.services.subscriptions import queries as subscription_queries

Kind = Command.Kind
MOST_REPLIES, REPLIES_WITHIN = 30, timedelta(hours=1)
"""To one number; two machines that answer each other end here."""
_FREE = frozenset({"report.matter", "report.place", "report.text", "case.words"})
_NEVER_MUTE = frozenset({Kind.STOP, Kind.WRONG_PERSON, Kind.VERDICT})


def _help(turn: Turn, _command: Command) -> Reply:
    turn.end()
    return turn.help()


Handler = Callable[[Turn, Command], Reply | Asking | None]
_ANY_TIME: Mapping[str, Handler] = {
    Kind.STOP: wishing.stop,
    Kind.START: wishing.start,
    Kind.HELP: _help,
    Kind.WRONG_PERSON: wishing.wrong_person,
}
_COMMANDS: Mapping[str, Handler] = {
    Kind.ENQUIRY: enquiring.enquiry,
    Kind.ARTICLE: informing.article,
    Kind.COMPLAINT: reporting.complaint,
    Kind.VERDICT: cases.verdict,
    Kind.SUBSCRIBE: wishing.subscribe,
    Kind.LIST: wishing.listed,
    **{kind: lambda turn, _command: turn.without_command() for kind in _ANY_TIME},
}
_STATES: Mapping[str, Callable[[Turn], Reply | Asking | None]] = {
    "fields": enquiring.fields,
    "choice": enquiring.choice,
    "article": informing.article_of,
    "report.matter": reporting.matter,
    "report.which": reporting.which,
    "report.place": reporting.place,
    "report.text": reporting.text,
    "report.confirm": reporting.confirm,
    "offer": reporting.offer,
    "verdict": cases.verdict_of,
    "case.words": cases.case_words,
    "subscribe": wishing.consent,
    "start": wishing.start_by_code,
}


def answerable(said: Said, own: Mapping[str, Code]) -> bool:
    """Whether anything is ever answered to this sender: a telephone, and none of our own codes."""
    return said.number.startswith("+") and not phone.is_short_code(said.number) and said.number.lstrip("+") not in own


def take(turn: Turn) -> Reply | Asking | None:
    """What is answered; changes where the conversation stands. Asking: the answer of an enquiry is waited for."""
    talk, left = turn.talk, None
    if talk.state and (talk.expires_at is None or talk.expires_at <= turn.said.at):
        left = str(talk.data.get("example", ""))
        turn.end()
    command = _command(turn)
    if _mute(turn, command):
        return None
    if (talk.state and turn.read.keyword is None) or talk.state in _FREE:
        # Who began in one language goes on in it, whatever script his street is written in.
        turn.language = code_of(str(talk.data.get("l", turn.language)))
    with translation.override(words.DJANGO[turn.language]):
        if _acknowledges(turn):
            return turn.reply(words.acknowledged())
        if command is not None and command.kind in _ANY_TIME and _is_meant(turn, command):
            return _ANY_TIME[Kind(command.kind)](turn, command)
        waiting = _asked_since(turn)
        if talk.state and not waiting and not (command and _interrupts(turn, command)):
            return _STATES[talk.state](turn)
        if command is not None:
            return _COMMANDS[Kind(command.kind)](turn, command)
        if left is not None and len(turn.text) <= 20 and not commands.script_of(turn.read.folded):
            return turn.reply(words.began_anew(left))
        return turn.without_command()


def _acknowledges(turn: Turn) -> bool:
    """Whether this 1 answers an emergency: it came after whatever else 1 could mean in this conversation."""
    if to_ascii_digits(turn.text) != "1":
        return False
    found = turn.batch.emergency(turn.said.number)
    if found is None or (turn.talk.state and turn.talk.at is not None and turn.talk.at > found[1]):
        return False
    acknowledging.acknowledge(found[0])
    return True


def _command(turn: Turn) -> Command | None:
    """The command of the text; within free words only one that is the whole text."""
    if turn.talk.state in _FREE:
        whole = turn.code.keywords.whole(turn.text)
        return turn.code.commands[whole.pk] if whole else None
    return turn.command


def _is_meant(turn: Turn, command: Command) -> bool:
    """ "Stop the noise in our street" is no STOP; STOP RE 12345 BA is one."""
    if turn.talk.state in _FREE or len(turn.read.rest.split()) <= 2:
        return True
    topic = subscribing.topic_in(turn.read.rest) if command.kind == Kind.STOP else None
    return topic is not None and bool(subscription_queries.key_of(*topic))


def _interrupts(turn: Turn, command: Command) -> bool:
    if command.kind == Kind.VERDICT:
        # A bare digit belongs to the list that was just shown.
        return turn.talk.state not in ("choice", "report.which", "verdict", "fields", "article")
    return not (turn.talk.state == "fields" and turn.read.glued)


def _mute(turn: Turn, command: Command | None) -> bool:
    if command is not None and command.kind in _NEVER_MUTE:
        return False
    if turn.talk.state in ("start", "subscribe") and commands.code_in(turn.text):
        # What he was asked to text back; wrong ones have a bound of their own.
        return False
    since = turn.known.answered_since
    return since is not None and turn.said.at - since < REPLIES_WITHIN and turn.known.answered >= MOST_REPLIES


def _asked_since(turn: Turn) -> list[Waiting]:
    """The cases that asked him after the conversation's last text, where he answers with a verdict."""
    command, talk = turn.command, turn.talk
    if command is None or command.kind != Kind.VERDICT or talk.state != "choice":
        return []
    return [w for w in turn.told() if w.asked_at and talk.at and w.asked_at > talk.at]
