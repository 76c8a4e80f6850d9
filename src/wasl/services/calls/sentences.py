"""What a caller is told while no flow speaks to him: his place in line, and what has gone wrong."""

from wasl.services.calls.flow import LANGUAGES, SENTENCES, Said
from wasl.services.calls.line import Place

_MINUTE_S = 60

AGENT_LOST, COMES_BACK, CALLED_BACK = "agent_lost", "comes_back", "called_back"
CANNOT_CALL, FULL, TECHNICAL, NOBODY = "cannot_call", "full", "technical", "nobody"
FIXED = (AGENT_LOST, COMES_BACK, CALLED_BACK, CANNOT_CALL, FULL, TECHNICAL, NOBODY, "choose", "minute")
"""Those that are the same for everybody: they are spoken ahead."""


def place(where: Place, language: str, lowest: int | None) -> list[Said]:
    """His place and how long it may take: whole minutes, never more than `lowest`, which was told last."""
    says = [_said("place", language, number=where.before + 1)]
    minutes = minutes_of(where, lowest)
    if minutes is not None:
        says.append(_said("minute" if minutes == 1 else "minutes", language, minutes=minutes))
    return [*says, said("choose", language)]


def minutes_of(where: Place, lowest: int | None) -> int | None:
    """What is told of the time, rounded up; never more than was told before. None where nobody knows."""
    if where.seconds is None:
        return None
    minutes = max(1, -(-where.seconds // _MINUTE_S))
    return minutes if lowest is None else min(minutes, lowest)


def said(sentence: str, language: str) -> Said:
    """A sentence that is the same for everybody."""
    return _said(sentence, language)


def all_of(sentence: str) -> list[Said]:
    """The sentence in every language."""
    return [said(sentence, language) for language in LANGUAGES]


def _said(sentence: str, language: str, **values: int) -> Said:
    return Said(SENTENCES[sentence][language].format(**values), language)
