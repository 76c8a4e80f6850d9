"""What the house says by SMS, in the language that is active; short, plain, without links (J19)."""

from collections.abc import Iterable, Mapping, Sequence

from django.utils.translation import gettext as _

from wasl.core.cases.models import Verdict
from wasl.core.organisation import queries as organisation
from wasl.kernel.names import local
from wasl.services.articles.models import ArticleVersion
from wasl.services.dialogue.models import Command
from wasl.services.subscriptions.models import Topic

DJANGO = {"ar": "ar", "en": "en", "zh": "zh-hans"}
"""Codes of the languages as Django calls them."""
_HELP_SIGNS = {"en": 300}
_HELP_SIGNS_ELSE = 195
_HELPED = frozenset(
    {Command.Kind.ENQUIRY, Command.Kind.ARTICLE, Command.Kind.COMPLAINT, Command.Kind.SUBSCRIBE, Command.Kind.STOP}
)


def help_with(commands: Iterable[Command], language: str) -> str:
    """What can be texted: as many commands, in order, as two or three parts hold."""
    lines = [_("You can text:")]
    left = _HELP_SIGNS.get(language, _HELP_SIGNS_ELSE) - len(lines[0])
    for command in commands:
        name = local(command.names, language)
        if command.kind not in _HELPED or command.target == "all" or not name:
            continue
        line = f"{command.written(language)}: {name}"
        if (left := left - len(line) - 1) < 0:
            break
        lines.append(line)
    if (hotline := organisation.the_city().hotline) and left > len(hotline) + 10:
        lines.append(_("Or call %(number)s.") % {"number": hotline})
    return "\n".join(lines)


def which_article(articles: Iterable[ArticleVersion], word: str, language: str) -> str:
    """The articles by number, as many as two or three parts hold."""
    lines = [_("Text %(word)s and a number:") % {"word": word}]
    left = _HELP_SIGNS.get(language, _HELP_SIGNS_ELSE) - len(lines[0])
    for one in articles:
        line = f"{one.article.number} {local(one.titles, language)}"
        if (left := left - len(line) - 1) < 0:
            break
        lines.append(line)
    return "\n".join(lines)


def numbered(lead: str, choices: Sequence[str], other: str = "") -> str:
    """A question with numbered choices; `other` is offered under 0."""
    lines = [lead, *(f"{n} {choice}" for n, choice in enumerate(choices, 1))]
    return "\n".join([*lines, f"0 {other}"] if other else lines)


def choose(most: int) -> str:
    """Said to who was to choose and said something else."""
    return _("Please answer with a number from 1 to %(most)s, or text HELP.") % {"most": most}


def began_anew(example: str) -> str:
    """Said to who goes on with what has timed out."""
    return _("That took too long and was dropped. Please begin again: %(example)s") % {"example": example or "HELP"}


def offer(number: str) -> str:
    """Said to who texts something long without a command."""
    return _(
        "Shall we pass this on to the hotline as your report? Answer YES or NO. For danger to life call %(number)s."
    ) % {"number": number}


def received(number: str, pin: str) -> str:
    """The receipt of a report."""
    return _(
        "We have your report. Number %(number)s, PIN %(pin)s. Text SR %(number)s at any time to hear how it stands."
    ) % {"number": number, "pin": pin}


def ask_matter() -> str:
    """First step of a report."""
    return _("What is it about? Answer in a word or two, such as: water, rubbish, street light.")


def which_matter() -> str:
    """Several matters may be meant."""
    return _("Which of these?")


def something_else() -> str:
    """None of what was listed."""
    return _("something else")


def yes_or_no() -> str:
    """Said to who was to answer yes or no."""
    return _("Please answer YES or NO.")


def ask_place() -> str:
    """Second step."""
    return _("Where is it? Name the district and street, or a building beside it.")


def ask_text() -> str:
    """Third step."""
    return _("What happened? Describe it in one message.")


def ask_confirm(matter: str, place: str) -> str:
    """Last step."""
    about = (
        _("%(matter)s, at: %(place)s.") % {"matter": matter, "place": place}
        if matter
        else _("At: %(place)s.") % {"place": place}
    )
    return about + " " + _("Answer YES to send it, NO to drop it.")


def dropped() -> str:
    """A report that was not sent."""
    return _("Dropped. Nothing was sent.")


def too_many_reports(hotline: str) -> str:
    """Said to who files one after the other."""
    return _("We have many reports from this number today. Please call %(number)s.") % {"number": hotline}


def thanks_for(verdict: str, number: str) -> str:
    """The citizen said how it is."""
    if verdict == Verdict.SOLVED:
        return _("Thank you. Your request %(number)s is closed as solved.") % {"number": number}
    return _(
        "Thank you for telling us. The centre takes request %(number)s up again, one level higher. "
        "Text now what is still wrong, if you like."
    ) % {"number": number}


def acknowledged() -> str:
    """He has understood an emergency."""
    return _("Thank you. Your answer is noted.")


def which_case(numbers: Sequence[str]) -> str:
    """He answered and several of his requests wait."""
    return numbered(_("Which request do you mean?"), numbers)


def nothing_waits() -> str:
    """He answered and none waits."""
    return _("No request of this number waits for your answer. Text SR and its number to hear how it stands.")


def added(number: str) -> str:
    """His words are with his case."""
    return _("Added to your request %(number)s.") % {"number": number}


def not_yours() -> str:
    """He wanted to add to a case that is not open to him; the same whether it exists or not."""
    return _("There is no request with this number that you can add to from this telephone.")


def topics(known: Mapping[str, Topic], command: str, language: str) -> str:
    """What one can subscribe to."""
    lines = [f"{command} {topic.written()}: {topic.name(language)}" for topic in known.values()]
    return "\n".join([_("You can subscribe to:"), *lines]) if lines else _("There is nothing to subscribe to now.")


def ask_consent(consent: str, code: str) -> str:
    """Asked before somebody is subscribed; kept as the proof of what he agreed to."""
    return consent + " " + _("Answer YES %(code)s to get them.") % {"code": code}


def ask_start(code: str) -> str:
    """Asked before what was stopped comes again."""
    return _("Answer START %(code)s to get our messages again.") % {"code": code}


def no_more_codes(hotline: str) -> str:
    """Said to who texted too many wrong codes."""
    return _("There were too many wrong codes from this number today. Please call %(number)s.") % {"number": hotline}


def subscribed(topic: str, key: str, stop: str) -> str:
    """He is subscribed."""
    return _("You get alerts: %(topic)s %(key)s. %(stop)s ends them.") % {"topic": topic, "key": key, "stop": stop}


def listed(mine: Sequence[tuple[str, str]]) -> str:
    """His subscriptions."""
    if not mine:
        return _("You have no subscriptions.")
    return "\n".join([_("You get alerts:"), *(f"{topic} {key}".strip() for topic, key in mine)])


def stopped(what: str, topic: str = "") -> str:
    """He wants no more."""
    if what == "all":
        return _("You get no more messages from us, only answers to what you text. START brings them back.")
    if what == "topic":
        return _("You get no more messages about %(topic)s. START brings them back.") % {"topic": topic}
    return _("You get no more alerts and news. Answers and news of your requests still come. START brings all back.")


def started() -> str:
    """He wants them again."""
    return _("You get our messages again. STOP ends them.")


def wrong_person() -> str:
    """The number is somebody else's than we thought."""
    return _("Thank you, and sorry. We do not write to this number about that request any more.")
