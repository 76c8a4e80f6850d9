"""Refusals of the interface for other systems, as problem details (RFC 9457) with a sentence each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Headers = Sequence[tuple[bytes, bytes]]

STATUS = {
    "invalid": 422,
    "sender": 403,
    "class": 403,
    "stopped": 422,
    "conflict": 409,
    "day": 429,
    "minute": 429,
    "again": 503,
}
"""HTTP status of each reason why a text is not taken; all others are 422."""

TITLES = {
    400: "Not readable",
    401: "No key",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    409: "Conflict",
    413: "Too large",
    415: "Not JSON",
    422: "Not taken",
    429: "Too much",
    500: "Broken",
    503: "Not now",
}


@dataclass
class Problem(Exception):
    """Why a request is not done. `kind` is for programs, `detail` for people."""

    status: int
    kind: str
    detail: str
    field: str = ""
    retry_s: int = 0

    def body(self) -> dict[str, Any]:
        """The members of problem details."""
        found: dict[str, Any] = {
            "type": f"urn:wasl:problem:{self.kind}",
            "title": TITLES[self.status],
            "status": self.status,
            "detail": self.detail,
        }
        if self.field:
            found["field"] = self.field
        return found

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Those that belong to the status."""
        found = []
        if self.retry_s:
            found.append((b"retry-after", str(self.retry_s).encode()))
        if self.status == 401:
            found.append((b"www-authenticate", b'Bearer realm="sms"'))
        return found

    def encoded(self) -> bytes:
        """As it is sent."""
        return json.dumps(self.body()).encode()
