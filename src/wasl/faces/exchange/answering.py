"""What is read for other systems: the life of a text, taking one back, what is left of its bounds. With Django."""

import json
from datetime import UTC, datetime
from typing import Any

from wasl.faces.exchange.problems import Problem
from wasl.kernel import clock
from wasl.services.exchange import queries
from wasl.services.texts import actions
from wasl.services.texts.models import Client, Text

Answer = tuple[int, bytes, list[tuple[bytes, bytes]]]
_JSON = (b"content-type", b"application/json")


def seconds_of_today() -> int:
    """Until bounds of the day begin anew (UTC)."""
    now = clock.now().astimezone(UTC)
    return 86_400 - (now.hour * 3600 + now.minute * 60 + now.second)


def _answer(status: int, said: Any) -> Answer:
    return status, json.dumps(said).encode(), [_JSON]


def _at(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds")


def life_of(text: Text, due_at: datetime | None = None, taken_at: datetime | None = None) -> dict[str, Any]:
    """A text as its client sees it; "submitted" is one that is with the operator, who has not answered yet."""
    state = "submitted" if text.state == Text.State.QUEUED and taken_at else text.state
    return {
        "ref": text.ref,
        "id": str(text.pk),
        "to": text.hint,
        "from": text.sender,
        "parts": text.parts,
        "state": str(state),
        "made_at": _at(text.made_at),
        "due_at": _at(due_at),
        "submitted_at": _at(taken_at or text.accepted_at),
        "accepted_at": _at(text.accepted_at),
        "ended_at": _at(text.ended_at),
        "repeated": text.repeated,
        "error": text.error,
    }


def life(client: Client, ref: str) -> Answer:
    """GET /texts/{ref}. Raises Problem 404."""
    found = queries.life(client, ref) if _possible(ref) else None
    if found is None:
        raise Problem(404, "text", "You have handed in no text of this reference.")
    return _answer(200, life_of(found.text, found.due_at, found.taken_at))


def cancel(client: Client, ref: str) -> Answer:
    """DELETE /texts/{ref}: taken back, if no operator has been offered it. Raises Problem 404 or 409."""
    if not _possible(ref) or not Text.objects.filter(client=client, ref=ref).exists():
        raise Problem(404, "text", "You have handed in no text of this reference.")
    if not actions.cancel(client, ref) and not Text.objects.filter(client=client, ref=ref, state="cancelled").exists():
        raise Problem(409, "late", "It is too late: the text has gone to the operator or has ended.")
    return life(client, ref)


def balance(client: Client) -> Answer:
    """GET /balance."""
    found = queries.balance(client)
    return _answer(
        200,
        {
            "per_day": found.per_day,
            "used_today": found.used_today if found.per_day is not None else None,
            "left_today": None if found.per_day is None else max(0, found.per_day - found.used_today),
            "day_ends_in_s": seconds_of_today(),
            "per_minute": found.per_min,
            "left_this_minute": None if found.per_min is None else max(0, found.per_min - found.used_this_minute),
            "waiting": found.waiting,
        },
    )


def _possible(ref: str) -> bool:
    return 1 <= len(ref) <= 100 and ref.isprintable()
