"""The telephones of the demo: texts go through the demo's operator and the real gateway, there and back."""

import json
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

NUMBERS = ("+96892000001", "+96892000002", "+96892000003")
"""Telephones that are there from the beginning; any other number can be typed."""
LONGEST = 1000


class OperatorAway(Exception):
    """The demo's operator does not answer."""


@dataclass(frozen=True, slots=True)
class Bubble:
    """One text as the telephone shows it."""

    words: str
    code: str
    sent: bool
    at: datetime


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    """One line to the operator's control, one line back. Raises OperatorAway."""
    try:
        with socket.create_connection(("127.0.0.1", settings.WASL_DEMO_SMSC_CONTROL_PORT), timeout=3) as line:
            line.sendall(json.dumps(question).encode() + b"\n")
            with line.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline() or b"{}")
    except (OSError, ValueError) as error:
        raise OperatorAway from error
    if "error" in answer:
        raise OperatorAway(answer["error"])
    return answer


def talk(number: str) -> list[Bubble]:
    """What the telephone of this number (E.164) shows, the oldest first. Raises OperatorAway."""
    return [
        Bubble(one["text"], one["code"], one["sent"], datetime.fromisoformat(one["at"]))
        for one in _ask({"do": "talk", "number": number.lstrip("+")})["talk"]
    ]


def text(number: str, code: str, words: str) -> None:
    """Text from a telephone. Raises OperatorAway."""
    _ask({"do": "mo", "source": number.lstrip("+"), "destination": code, "text": words})
