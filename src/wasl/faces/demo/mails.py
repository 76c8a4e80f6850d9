"""The mails that the demo's catcher took, read from its folder."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from django.conf import settings

_NAME = re.compile(r"[0-9]{20}-[0-9]+-[0-9]+\.eml")
_URL = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail as it was taken; `name` is its file, sorted by time."""

    name: str
    at: datetime
    to: str
    frm: str
    subject: str
    language: str
    message_id: str
    auto: str
    body: str

    @property
    def links(self) -> list[str]:
        """Addresses of pages in it, in order."""
        return _URL.findall(self.body)

    @property
    def lines(self) -> list[list[tuple[bool, str]]]:
        """The body line by line, each as pieces; True marks a link."""
        return [
            [(bool(_URL.fullmatch(piece)), piece) for piece in _pieces(line) if piece]
            for line in self.body.splitlines()
        ]

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "name": self.name,
            "at": self.at.isoformat(),
            "to": self.to,
            "from": self.frm,
            "subject": self.subject,
            "language": self.language,
            "message_id": self.message_id,
            "body": self.body,
            "links": self.links,
        }


def _pieces(line: str) -> Iterator[str]:
    last = 0
    for found in _URL.finditer(line):
        yield line[last : found.start()]
        yield found[0]
        last = found.end()
    yield line[last:]


def folder() -> Path:
    """Where the catcher keeps them."""
    return settings.WASL_DATA / "mail"


def caught(*, to: str = "", limit: int = 200) -> list[Caught]:
    """The latest mails, newest first; only those to an address that contains `to`."""
    found: list[Caught] = []
    for file in sorted(folder().glob("*.eml"), reverse=True):
        one = read(file.name)
        if one is not None and to.lower() in one.to.lower():
            found.append(one)
            if len(found) == limit:
                break
    return found


def read(name: str) -> Caught | None:
    """One mail by its file's name; None if there is none of that name."""
    if not _NAME.fullmatch(name):
        return None
    try:
        data = (folder() / name).read_bytes()
    except OSError:
        return None
    mail = message_from_bytes(data, policy=default)
    part = mail.get_body(("plain", "html"))
    body = part.get_content() if part is not None else ""
    return Caught(
        name=name,
        at=datetime.fromtimestamp(int(name[:20]) / 1e9, UTC),
        to=str(mail.get("X-Envelope-To") or mail.get("To", "")),
        frm=_name_of(mail),
        subject=str(mail.get("Subject", "")),
        language=str(mail.get("Content-Language", "")),
        message_id=str(mail.get("Message-ID", "")),
        auto=str(mail.get("Auto-Submitted", "")),
        body=body if isinstance(body, str) else "",
    )


def _name_of(mail: EmailMessage) -> str:
    header = mail.get("From")
    addresses: tuple[Address, ...] = getattr(header, "addresses", ())
    return str(addresses[0]) if addresses else str(header or "")
