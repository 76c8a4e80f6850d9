"""A text that came in and what is answered to it: the two shapes of the interface."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Said:
    """One incoming text, whole: from `number` (E.164) to our short code; `id` is its own for ever."""

    id: int
    number: str
    code: str
    words: str
    at: datetime
    masked: bool = False
    """Whether `words` are no more what came: a PIN is masked in them (`masking`)."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What is texted back. `secret`: a PIN stands in it, so that nobody else reads it and it is not kept.

    Always of the class of answers, which nobody has stopped: it answers what somebody asked himself.
    """

    words: str
    language: str
    secret: bool = False
