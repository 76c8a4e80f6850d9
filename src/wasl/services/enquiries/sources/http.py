"""Answers of another system by HTTP: one request for a question, JSON in return, mapped to columns by simple paths."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from wasl.kernel.outward import PORTS, Away, request
from wasl.services.enquiries.replies import BadReply, compiled
from wasl.services.enquiries.sources.data import MOST_ROWS

LARGEST = 1_000_000
"""Octets of an answer; more is none."""
MOST_REDIRECTS = 3
LONGEST_CELL = 500
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}")
_PATH = re.compile(r"[^.\s]+(?:\.[^.\s]+)*")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where and how to ask. `url` and `body` name what was asked as replies do; `rows` and `columns` are paths.

    A path is names of members, or numbers of elements, with dots between: `data.fines`, `owner.phones.0`.
    """

    url: str
    method: str = "GET"
    body: str = ""
    header: str = "Authorization"
    rows: str = ""
    columns: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "HttpSettings":
        """As they are kept with an enquiry."""
        return cls(
            url=settings["url"],
            method=settings.get("method", "GET"),
            body=settings.get("body", ""),
            header=settings.get("header", "Authorization"),
            rows=settings.get("rows", ""),
            columns=tuple(settings.get("columns", {}).items()),
        )

    def names(self) -> frozenset[str]:
        """What URL and body name. Raises BadReply."""
        return compiled(self.url).names | compiled(self.body).names

    def check(self) -> str:
        """What is wrong with them, as one word for the form's field; empty for nothing."""
        try:
            self.names()
            parts = urlsplit(self.url)
            port = parts.port
        except (BadReply, ValueError):
            return "url"
        host = parts.hostname or ""
        if parts.scheme not in PORTS or not host or "{" in parts.netloc or "@" in parts.netloc or port == 0:
            return "url"
        if self.method not in ("GET", "POST"):
            return "method"
        if not _HEADER.fullmatch(self.header) or self.header.lower() in ("host", "content-length", "transfer-encoding"):
            return "header"
        if self.rows and not _PATH.fullmatch(self.rows):
            return "rows"
        if not self.columns or any(not name or not _PATH.fullmatch(path) for name, path in self.columns):
            return "columns"
        return ""


def look(wanted: HttpSettings, secret: str, asked: Mapping[str, str], timeout_s: float) -> list[dict[str, str]]:
    """The rows of the answer. Raises Away for everything but an answer as described.

    404 is an answer, there is none; so are 400 and 422: what was asked cannot be one of theirs.
    A redirect is followed on the same host only, as GET.
    """
    until = time.monotonic() + timeout_s
    url = compiled(wanted.url).fill({name: quote(text, safe="") for name, text in asked.items()})
    body = compiled(wanted.body).fill({name: json.dumps(text)[1:-1] for name, text in asked.items()})
    method = wanted.method
    first = urlsplit(url)
    for _hop in range(MOST_REDIRECTS + 1):
        status, where, content = _once(
            method, url, body if method == "POST" else "", {wanted.header: secret} if secret else {}, until
        )
        if status in (301, 302, 303, 307, 308) and where:
            try:
                url, method = urljoin(url, where), "GET"
                parts = urlsplit(url)
            except ValueError as error:
                raise Away("it sends us to no address") from error
            if (parts.scheme, parts.netloc) != (first.scheme, first.netloc):
                raise Away("it sends us to another host")
            continue
        if status in (400, 404, 422):
            return []
        if status != 200:
            raise Away(f"it answers with status {status}")
        return _rows(wanted, content)
    raise Away("it sends us round in circles")


def _once(method: str, url: str, body: str, headers: dict[str, str], until: float) -> tuple[int, str, bytes]:
    if body:
        headers = {"Content-Type": "application/json", **headers}
    headers = {"Accept": "application/json", **headers}
    return request(method, url, body.encode(), headers, until - time.monotonic(), LARGEST)


def _rows(wanted: HttpSettings, content: bytes) -> list[dict[str, str]]:
    try:
        found = json.loads(content, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise Away("its answer is no JSON") from error
    there, rows = _at(found, wanted.rows) if wanted.rows else (True, found)
    if not there:
        raise Away(f"its answer has no {wanted.rows}")
    if rows is None:
        return []
    listed = rows if isinstance(rows, list) else [rows]
    if any(not isinstance(row, dict) for row in listed):
        raise Away("its answer holds no rows")
    return [{name: _text(_at(row, path)[1]) for name, path in wanted.columns} for row in listed[:MOST_ROWS]]


def _at(found: Any, path: str) -> tuple[bool, Any]:
    """Whether there is something at the path, and what."""
    for step in path.split("."):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isascii() and step.isdecimal() and int(step[:6]) < len(found):
            found = found[int(step[:6])]
        else:
            return False, None
    return True, found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.strip()[:LONGEST_CELL] if isinstance(value, str) else ""
