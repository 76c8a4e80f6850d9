"""A report, in one text or asked for step by step: matter, place, words, confirmed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.suggest import suggest
from wasl.core.organisation import queries as organisation
from wasl.kernel.digits import to_ascii_digits
from wasl.services.dialogue import commands, landing, words
from wasl.services.dialogue.commands import Read
from wasl.services.dialogue.models import Command
from wasl.services.dialogue.said import Reply
from wasl.services.dialogue.turns.turn import LONG, LONG_TEXT_SIGNS, Turn

MOST_REPORTS, REPORTS_WITHIN = 10, timedelta(days=1)
_MOST_MATTERS = 4


def complaint(turn: Turn, command: Command) -> Reply | None:
    """REPORT: filed where it says enough, else asked for step by step."""
    text = turn.read.rest
    if len(text) >= LONG_TEXT_SIGNS and (len(text.split()) >= 2 or not text.isascii()):
        return _file(turn, text)
    if text:
        turn.read = Read(None, text, text)
        turn.go("report.matter", LONG, example=command.example)
        return _matter_of(turn, text)
    turn.go("report.matter", LONG, example=command.example)
    return turn.reply(words.ask_matter())


def matter(turn: Turn) -> Reply | None:
    """What it is about."""
    return _matter_of(turn, turn.text)


def _matter_of(turn: Turn, text: str) -> Reply | None:
    found = suggest(catalogue.in_force(), text, limit=_MOST_MATTERS)
    example = turn.talk.data.get("example", "")
    if len(found) > 1 and found[0].score < 2 * found[1].score:
        names = [one.category.name for one in found]
        turn.go("report.which", LONG, codes=[one.category.code for one in found], said=text, example=example)
        return turn.reply(words.numbered(words.which_matter(), names, words.something_else()))
    turn.go("report.place", LONG, category=found[0].category.code if found else "", said=text, example=example)
    return turn.reply(words.ask_place())


def which(turn: Turn) -> Reply | None:
    """A number of the list of matters."""
    codes, data = turn.talk.data["codes"], dict(turn.talk.data)
    number = commands.number_in(turn.text, len(codes))
    none_of_them = to_ascii_digits(turn.text) == "0"
    if number is None and not none_of_them:
        return turn.missed(words.choose(len(codes)))
    category = codes[number - 1] if number else ""
    turn.go("report.place", LONG, category=category, said=data["said"], example=data.get("example", ""))
    return turn.reply(words.ask_place())


def place(turn: Turn) -> Reply | None:
    """Where it is."""
    data = turn.talk.data
    turn.go("report.text", LONG, **_kept(data, "category", "said", "example"), place=turn.free_words()[:200])
    return turn.reply(words.ask_text())


def text(turn: Turn) -> Reply | None:
    """What has happened."""
    data = turn.talk.data
    turn.go("report.confirm", LONG, **_kept(data, "category", "said", "place", "example"), text=turn.free_words())
    category = catalogue.in_force().category(data.get("category", ""))
    return turn.reply(words.ask_confirm(category.name if category else "", data["place"]))


def confirm(turn: Turn) -> Reply | None:
    """Whether all this is to be filed."""
    data = dict(turn.talk.data)
    if commands.is_yes(turn.text):
        turn.end()
        body = data["text"] if data.get("category") else f"{data['said']}. {data['text']}"
        return _file(turn, body, category=data.get("category", ""), address=data["place"])
    if commands.is_no(turn.text):
        turn.end()
        return turn.reply(words.dropped())
    return turn.missed(words.yes_or_no())


def offer(turn: Turn) -> Reply | None:
    """Whether his long text is meant as a report."""
    text = turn.talk.data["text"]
    if commands.is_yes(turn.text):
        turn.end()
        return _file(turn, text)
    if commands.is_no(turn.text):
        turn.end()
        return turn.reply(words.dropped())
    turn.end()
    return turn.without_command()


def _file(turn: Turn, body: str, *, category: str = "", address: str = "") -> Reply:
    known, now = turn.known, turn.said.at
    if known.filed_since is None or now - known.filed_since >= REPORTS_WITHIN:
        known.filed_since, known.filed = now, 0
    if known.filed >= MOST_REPORTS:
        return turn.reply(words.too_many_reports(organisation.the_city().hotline))
    known.filed += 1
    receipt = landing.file(turn.said, turn.language, body, category=category, address=address)
    return turn.reply(words.received(receipt.case.number, receipt.pin), secret=True)


def _kept(data: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: data[name] for name in names if name in data}
