"""The administrator's verbs on short codes and commands. Each raises Forbidden, and Refused with a sentence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.cases.models import Verdict
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused, facts_of, names_of, note
from wasl.core.organisation.models import Staff
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import LANGUAGES
from wasl.kernel.plain import line
from wasl.kernel.text import fold
from wasl.services.dialogue import queries
from wasl.services.dialogue.commands import clean
from wasl.services.dialogue.models import Command, ShortCode
from wasl.services.enquiries.models import Enquiry

RIGHT = "enquiries.edit"
MOST_KEYWORDS, LONGEST_KEYWORD = 12, 30
_NUMBER = re.compile(r"[0-9]{3,15}")
Kind = Command.Kind
ALWAYS = frozenset({Kind.HELP, Kind.STOP, Kind.START})
"""What every code must understand: one of each stays on."""


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What an administrator writes down of a command. `keywords` by language, "" for those of none."""

    code: ShortCode | None
    kind: str
    keywords: Mapping[str, Sequence[str]]
    names: Mapping[str, str]
    example: str = ""
    target: str = ""
    place: int = 0
    on: bool = True


def save_code(
    held: ShortCode | None, *, by: Staff, number: str, names: Mapping[str, str], language: str, on: bool
) -> ShortCode:
    """Make a short code or change it; it counts at once."""
    rights.require(by, RIGHT)
    digits = to_ascii_digits(number).strip()
    if not _NUMBER.fullmatch(digits):
        raise Refused(_("A short code is three to fifteen digits."))
    if language not in LANGUAGES:
        raise Refused(_("Choose one of the languages."))
    with transaction.atomic():
        row = ShortCode() if held is None else ShortCode.objects.select_for_update().get(pk=held.pk)
        if ShortCode.objects.filter(number=digits).exclude(pk=row.pk).exists():
            raise Refused(_("There is such a short code already."))
        before = None if held is None else facts_of(row)
        row.number, row.names, row.language, row.on = digits, names_of(names), language, on
        row.save(force_insert=held is None)
        note(by, "shortcode.made" if held is None else "shortcode.changed", row, before)
    queries.forget()
    return row


def save_command(held: Command | None, *, by: Staff, facts: CommandFacts) -> Command:
    """Make a command or change it; the next text is answered by it (J3)."""
    rights.require(by, RIGHT)
    keywords = keywords_of(facts.keywords)
    _check_target(facts)
    with transaction.atomic():
        row = Command() if held is None else Command.objects.select_for_update().get(pk=held.pk)
        _check_free(row, facts.code, keywords)
        before = None if held is None else facts_of(row)
        if held is not None and row.on and (not facts.on or facts.kind != row.kind or facts.code is not None):
            _check_not_last(row)
        row.code, row.kind, row.keywords, row.names = facts.code, facts.kind, keywords, names_of(facts.names)
        row.example, row.target = line(facts.example)[:40], facts.target
        row.place, row.on = facts.place, facts.on
        row.save(force_insert=held is None)
        note(by, "command.made" if held is None else "command.changed", row, before)
    queries.forget()
    return row


def set_on(held: Command, *, by: Staff, on: bool) -> None:
    """Switch a command on or off."""
    rights.require(by, RIGHT)
    with transaction.atomic():
        row = Command.objects.select_for_update().get(pk=held.pk)
        if not on:
            _check_not_last(row)
        before = facts_of(row)
        row.on = on
        row.save(update_fields=["on", "changed_at"])
        note(by, "command.changed", row, before)
    queries.forget()


def keywords_of(keywords: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Keywords by language as they are kept, each once. Raises Refused without any, or where they are too many."""
    kept: dict[str, list[str]] = {}
    seen: set[str] = set()
    for language, words in keywords.items():
        if language and language not in LANGUAGES:
            raise Refused(_("Choose one of the languages."))
        for word in words:
            plain = clean(word)
            folded = fold(plain)
            if not folded or folded in seen:
                continue
            if len(plain) > LONGEST_KEYWORD:
                raise Refused(_("A keyword has at most %(most)s characters.") % {"most": LONGEST_KEYWORD})
            seen.add(folded)
            kept.setdefault(language, []).append(plain)
    if not seen:
        raise Refused(_("A command needs at least one keyword."))
    if len(seen) > MOST_KEYWORDS:
        raise Refused(_("A command has at most %(most)s keywords.") % {"most": MOST_KEYWORDS})
    return kept


def _check_target(facts: CommandFacts) -> None:
    if facts.kind not in Kind.values:
        raise Refused(_("Choose what the command does."))
    if facts.kind == Kind.ENQUIRY and not Enquiry.objects.filter(code=facts.target).exists():
        raise Refused(_("Choose the enquiry that it answers."))
    if facts.kind == Kind.VERDICT and facts.target not in Verdict.values:
        raise Refused(_("Choose what it says about the request."))
    if facts.kind == Kind.STOP and facts.target not in ("", "all"):
        raise Refused(_("It stops alerts or everything."))


def _check_free(row: Command, code: ShortCode | None, keywords: Mapping[str, Sequence[str]]) -> None:
    """No other command of the same code has one of these keywords; those of all codes are beside those of each."""
    mine = {fold(word) for words in keywords.values() for word in words}
    for other in Command.objects.exclude(pk=row.pk).filter(code=code):
        for words in other.keywords.values():
            for word in words:
                if fold(word) in mine:
                    raise Refused(
                        _("“%(word)s” is a keyword of “%(command)s” already.") % {"word": word, "command": other}
                    )


def _check_not_last(row: Command) -> None:
    if row.kind not in ALWAYS or row.code_id is not None:
        return
    if not Command.objects.filter(kind=row.kind, on=True, code__isnull=True).exclude(pk=row.pk).exists():
        raise Refused(_("People must always be able to text this on every code; it stays on."))
