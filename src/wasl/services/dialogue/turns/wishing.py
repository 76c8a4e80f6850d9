"""Wanting messages or not: STOP, START, subscriptions, and the codes that prove who texts.

Whoever writes a number on a text as its sender does not read what is texted there.
"""

import secrets
from datetime import timedelta

from wasl.core.organisation import queries as organisation
from wasl.services.dialogue import commands, landing, opting, subscribing, words
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.said import Reply
from wasl.services.dialogue.turns.turn import SHORT, Turn
from wasl.services.enquiries import actions as enquiries
from wasl.services.subscriptions import actions as subscriptions
from wasl.services.subscriptions import queries as subscription_queries

MOST_WRONG_CODES, WRONG_CODES_WITHIN = 5, timedelta(days=1)
"""From one number; a code has four digits."""


def stop(turn: Turn, command: Command) -> Reply | None:
    """STOP: a topic that he names, else alerts, or all."""
    turn.end()
    topic = subscribing.topic_in(turn.read.rest)
    if topic is not None:
        key = subscription_queries.key_of(topic[0], topic[1]) or ""
        by = subscriptions.By.SMS
        subscriptions.stop_topic(topic[0], number=turn.said.number, by=by, key=key)
        if not key:
            opting.stop(turn.known.look_up, "topic", topic=topic[0].code, by_text=turn.said.id, at=turn.said.at)
        return turn.reply(words.stopped("topic", topic[0].name(turn.language)))
    what = opting.meant(command.target or turn.read.rest)
    opting.stop(turn.known.look_up, what, by_text=turn.said.id, at=turn.said.at)
    return turn.reply(words.stopped(what))


def start(turn: Turn, command: Command) -> Reply | None:
    """START: at once where nothing was stopped, else by a code."""
    if turn.talk.state == "start":
        return start_by_code(turn) if commands.code_in(turn.read.rest) else _ask_start(turn)
    turn.end()
    if turn.channel != enquiries.TEST and opting.has_stopped(turn.known.look_up):
        return _ask_start(turn, command.example)
    return turn.reply(words.started())


def _ask_start(turn: Turn, example: str = "") -> Reply:
    if _used_up(turn):
        return _no_more_codes(turn)
    code = str(turn.talk.data.get("code") or _new_code())
    turn.go("start", SHORT, code=code, example=example)
    return turn.reply(words.ask_start(code), secret=True)


def start_by_code(turn: Turn) -> Reply | None:
    """The code after START."""
    if not _says_code(turn):
        return _not_the_code(turn, words.ask_start(turn.talk.data["code"]))
    turn.end()
    opting.start(turn.known.look_up, by_text=turn.said.id, at=turn.said.at)
    return turn.reply(words.started())


def subscribe(turn: Turn, command: Command) -> Reply | None:
    """SUBSCRIBE: he is shown what he agrees to, and a code."""
    found = subscribing.topic_in(turn.read.rest)
    if found is None:
        return turn.reply(words.topics(subscribing.topics(), command.word(turn.language), turn.language))
    topic, rest = found
    # Who tries a command out does not learn what is whose: he is told what a stranger is.
    number = turn.said.number if turn.channel != enquiries.TEST else ""
    try:
        key = subscriptions.check(topic, rest, number=number)
    except subscriptions.Refused as error:
        return turn.reply(str(error))
    if _used_up(turn):
        return _no_more_codes(turn)
    code = _new_code()
    shown = words.ask_consent(subscription_queries.consent(topic, key, turn.language), code)
    turn.go("subscribe", SHORT, topic=topic.code, key=key, shown=shown, code=code, example=command.example)
    return turn.reply(shown, secret=True)


def consent(turn: Turn) -> Reply | None:
    """The code after SUBSCRIBE."""
    data = dict(turn.talk.data)
    if not _says_code(turn):
        return _not_the_code(turn, data["shown"])
    turn.end()
    topic = subscribing.topics().get(data["topic"])
    if topic is None:
        return turn.help()
    subscriptions.subscribe(
        topic,
        data["key"],
        number=turn.said.number,
        language=turn.language,
        by=subscriptions.By.SMS,
        proof={"words": data["shown"], "text": turn.said.id},
    )
    # Who asks for alerts wants alerts, whatever he stopped before.
    opting.start(turn.known.look_up, by_text=turn.said.id, at=turn.said.at)
    return turn.reply(words.subscribed(topic.name(turn.language), data["key"], topic.stop_words()))


def _says_code(turn: Turn) -> bool:
    return not _used_up(turn) and commands.code_in(turn.text) == turn.talk.data["code"]


def _not_the_code(turn: Turn, again: str) -> Reply | None:
    if commands.is_no(turn.text):
        turn.end()
        return turn.reply(words.dropped())
    if commands.code_in(turn.text):
        known, now = turn.known, turn.said.at
        if known.wrong_since is None or now - known.wrong_since >= WRONG_CODES_WITHIN:
            known.wrong_since, known.wrong = now, 0
        known.wrong += 1
    return _no_more_codes(turn) if _used_up(turn) else turn.missed(again, secret=True)


def _used_up(turn: Turn) -> bool:
    since = turn.known.wrong_since
    recent = since is not None and turn.said.at - since < WRONG_CODES_WITHIN
    return recent and turn.known.wrong >= MOST_WRONG_CODES


def _no_more_codes(turn: Turn) -> Reply:
    turn.end()
    return turn.reply(words.no_more_codes(organisation.the_city().hotline))


def listed(turn: Turn, command: Command) -> Reply | None:
    """LIST: what his number is subscribed to."""
    if turn.channel == enquiries.TEST:
        return turn.reply(words.listed([]))
    mine = [(one.topic.name(turn.language), one.key) for one in subscription_queries.live([turn.said.number])]
    return turn.reply(words.listed(mine))


def wrong_person(turn: Turn, command: Command) -> Reply | None:
    """The number is somebody else's."""
    turn.end()
    landing.wrong_person(turn.known.address)
    return turn.reply(words.wrong_person())


def _new_code() -> str:
    return str(1000 + secrets.randbelow(9000))
