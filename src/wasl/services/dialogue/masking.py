"""What may be kept of a text once it was answered: all but a PIN, which opens what it is about to whoever reads it."""

from collections.abc import Sequence

from wasl.kernel import acceptance
from wasl.kernel.digits import to_ascii_digits
from wasl.services.dialogue import commands, queries
from wasl.services.dialogue.models import Command
from wasl.services.enquiries import definitions, reading
from wasl.services.enquiries.models import Enquiry

MASK = "••••"
_PIN_DIGITS = 6
_MOST_WORDS = 4
"""An acceptance number is written in so many words at most: 26 004217 85."""


def of_text(words: str, code: str) -> str:
    """A whole text to a short code as it may be shown, answered or not; what an earlier text asked for is not known."""
    text = commands.clean(words)
    known = queries.codes().get(code)
    read = known.keywords.read(text) if known is not None else None
    command = known.commands[read.keyword.pk] if known is not None and read is not None and read.keyword else None
    kept = of_command(command, text, read.rest) if command is not None and read is not None else text
    kept = beside_numbers(kept)
    return words if kept == text else kept


def of_command(command: Command, text: str, rest: str) -> str:
    """A text that ends with what followed its command."""
    if command.kind != Command.Kind.ENQUIRY:
        return text
    before = len(text) - len(rest)
    return text[:before] + of_enquiry(command.target, text[before:])


def of_enquiry(enquiry: str, words: str) -> str:
    """What followed the command of this enquiry, its PIN masked; what cannot be read as asked keeps no PIN either."""
    one = definitions.in_force().get(enquiry)
    if one is None or reading.Kind.PIN not in one.kinds:
        return words
    tokens = words.split()
    places = reading.pins_in(one.kinds, words, optional_pin=one.who == Enquiry.Who.EITHER)
    if places is None:
        # One word alone is the number mistyped, unless it is as long as the PIN of a receipt.
        fits = reading.pin if len(tokens) > 1 else _looks_like_a_pin
        places = {place for place, token in enumerate(tokens) if fits(token)} - _number_places(tokens)
    return _without(tokens, places) if places else words


def beside_numbers(words: str) -> str:
    """Words in which six digits stand beside the number of a request, as on a receipt: those are masked."""
    if sum(map(str.isdecimal, words)) < _PIN_DIGITS + 8:
        return words
    tokens = words.split()
    numbers = _number_places(tokens)
    if not numbers:
        return words
    pins = {place for place, token in enumerate(tokens) if _looks_like_a_pin(token)} - numbers
    return _without(tokens, pins) if pins else words


def _looks_like_a_pin(token: str) -> bool:
    digits = [sign for sign in to_ascii_digits(token) if sign.isdecimal()]
    return len(digits) == _PIN_DIGITS


def _number_places(tokens: Sequence[str]) -> set[int]:
    """Where the words of acceptance numbers stand."""
    found: set[int] = set()
    for first in range(len(tokens)):
        for last in range(first + 1, min(first + _MOST_WORDS, len(tokens)) + 1):
            if acceptance.parse(" ".join(tokens[first:last])):
                found.update(range(first, last))
                break
    return found


def _without(tokens: Sequence[str], places: set[int]) -> str:
    return " ".join(MASK if place in places else token for place, token in enumerate(tokens))
