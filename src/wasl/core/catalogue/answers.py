"""Answers to the questions of a category: read from what somebody typed, by the question's datatype."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from wasl.core.catalogue.book import Question
from wasl.kernel import plain
from wasl.kernel.digits import to_ascii_digits
from wasl.kernel.names import local

LONGEST_STRING = 500
LONGEST_TEXT = 4000
_SIGNS = str.maketrans({"٫": ".", "٬": "", "−": "-", " ": "", "\u00a0": ""})

Answer = str | int | float | list[str]


def read(questions: Sequence[Question], given: Mapping[str, Sequence[str]]) -> tuple[dict[str, Answer], dict[str, str]]:
    """The answers by question code, fit for JSON, and a sentence for each question whose answer cannot be used.

    `given` holds the values typed, several for a `multivaluelist`; empty ones count as none. Numbers and dates are read
    in digits of any script; a date-time without zone is the city's. A code that is no question of the form has its
    sentence too. Source: requirements B19, F2; GeoReport v2, attributes.
    """
    answers: dict[str, Answer] = {}
    problems: dict[str, str] = {}
    for question in questions:
        values = [value for value in given.get(question.code, ()) if value.strip()]
        ask = local(question.ask) or question.code
        if not values:
            if question.required:
                problems[question.code] = _("“%(question)s” must be answered.") % {"question": ask}
            continue
        try:
            answers[question.code] = _READERS[question.datatype](question, values)
        except ValueError as error:
            problems[question.code] = f"{ask} {error}"
    known = {question.code for question in questions}
    for code in given:
        if code not in known:
            problems[code] = _("There is no question “%(code)s” in this category.") % {"code": plain.line(code)[:60]}
    return answers, problems


def _one(values: Sequence[str]) -> str:
    if len(values) > 1:
        raise ValueError(_("This takes one answer only."))
    return values[0]


def _string(question: Question, values: Sequence[str]) -> str:
    text = plain.line(_one(values))
    if len(text) > LONGEST_STRING:
        raise ValueError(_("At most %(count)s characters.") % {"count": LONGEST_STRING})
    return text


def _text(question: Question, values: Sequence[str]) -> str:
    text = plain.block(_one(values))
    if len(text) > LONGEST_TEXT:
        raise ValueError(_("At most %(count)s characters.") % {"count": LONGEST_TEXT})
    return text


def _number(question: Question, values: Sequence[str]) -> int | float:
    typed = to_ascii_digits(_one(values)[:64]).translate(_SIGNS).strip()
    try:
        number = float(typed) if "_" not in typed else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > 1e15:
        raise ValueError(_("This must be a number."))
    return int(number) if number.is_integer() else number


def _moment(question: Question, values: Sequence[str]) -> str:
    typed = to_ascii_digits(_one(values)[:64]).strip()
    try:
        moment = datetime.fromisoformat(typed)
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
        # A zone may push the first and last hours of the calendar over its edge.
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(_("This must be a date and time, as in 2026-11-21T14:30.")) from None
    return moment.isoformat()


def _single(question: Question, values: Sequence[str]) -> str:
    return _many(question, [_one(values)])[0]


def _many(question: Question, values: Sequence[str]) -> list[str]:
    keys = [key for key, _names in question.values]
    chosen = list(dict.fromkeys(value.strip() for value in values))
    if any(value not in keys for value in chosen):
        raise ValueError(_("Choose from: %(keys)s.") % {"keys": ", ".join(keys)})
    return chosen


_READERS = {
    "string": _string,
    "text": _text,
    "number": _number,
    "datetime": _moment,
    "singlevaluelist": _single,
    "multivaluelist": _many,
}
