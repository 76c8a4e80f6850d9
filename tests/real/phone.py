"""A citizen's telephone at the demo's mobile operator, for tests that text with a running hotline."""

import json
import socket
from dataclasses import dataclass, field
from typing import Any

from tests.real.hotline import Hotline, until


def control(running: Hotline, **question: Any) -> dict[str, Any]:
    """Ask the simulator, or tell it something."""
    with socket.create_connection(("127.0.0.1", running.demo["sms"]["control_port"]), timeout=5) as line:
        line.sendall(json.dumps(question).encode() + b"\n")
        with line.makefile("rb") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
    assert "error" not in answer, answer
    return answer


@dataclass
class Telephone:
    """One number. `seen` counts what it has got and the test has read, or what was there before."""

    running: Hotline
    number: str
    seen: int = field(init=False)

    def __post_init__(self) -> None:
        self.seen = len(self.got())

    def got(self) -> list[str]:
        """All texts that it got, the oldest first."""
        talk = control(self.running, do="talk", number=self.number)["talk"]
        return [one["text"] for one in talk if not one["sent"]]

    def text(self, words: str, code: str = "90888") -> None:
        """Text a short code."""
        control(self.running, do="mo", source=self.number, destination=code, text=words)

    def next(self, seconds: float = 20) -> str:
        """The next text that it gets."""
        until(lambda: len(self.got()) > self.seen, seconds=seconds, what=f"a text to {self.number}")
        self.seen += 1
        return self.got()[self.seen - 1]

    def asks(self, words: str, code: str = "90888", seconds: float = 20) -> str:
        """Text, and give the answer."""
        self.text(words, code)
        return self.next(seconds)
