"""What a request says, as texts to be judged; nothing here knows who asks."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from wasl.faces.exchange.problems import Problem
from wasl.kernel import phone
from wasl.services.exchange.calls import SMPP
from wasl.services.texts.making import New
from wasl.services.texts.models import Client, Klass

CLASSES = {"urgent": Klass.URGENT, "answer": Klass.ANSWER, "case": Klass.CASE, "alert": Klass.ALERT, "bulk": Klass.BULK}
MOST_ROWS = 1000
FURTHEST = timedelta(days=31)
_FIELDS = frozenset(("to", "text", "from", "class", "ref", "not_before", "not_after", "secret"))
_INTS = {name: int(value) for name, value in CLASSES.items()}


def decoded(body: bytes) -> Any:
    """The JSON of a body. Raises Problem 400."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "json", "The body is not JSON in UTF-8.") from error


def rows_of(body: bytes) -> list[Any]:
    """The members of a bulk request. Raises Problem."""
    found = decoded(body)
    rows = found.get("texts") if isinstance(found, dict) and set(found) == {"texts"} else None
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise Problem(422, "invalid", f"A bulk request is {{'texts': […]}} with 1 to {MOST_ROWS} texts.", "texts")
    return rows


def text_of(said: Any, client: Client, region: str, key: str = "") -> New:
    """One text as it was asked for. `key`: the reference where the body names none. Raises Problem 422."""
    if not isinstance(said, dict):
        raise Problem(422, "invalid", "A text is a JSON object.")
    if not said.keys() <= _FIELDS:
        unknown = min(said.keys() - _FIELDS)[:40]
        raise Problem(422, "invalid", f"There is no field “{unknown}”.", unknown)
    number = phone.normalise(_string(said, "to", 60, required=True), region)
    if number is None:
        raise Problem(422, "number", "This is no telephone number: write it as +96892345678.", "to")
    klass = said.get("class")
    if klass is None:
        code = max(client.best, int(Klass.CASE))
    elif isinstance(klass, str) and klass in _INTS:
        code = _INTS[klass]
    else:
        raise Problem(422, "invalid", f"A class is one of {', '.join(CLASSES)}.", "class")
    secret = said.get("secret", False)
    if not isinstance(secret, bool):
        raise Problem(422, "invalid", "“secret” is true or false.", "secret")
    ref = _string(said, "ref", 100) or key
    if ref.startswith(SMPP):
        raise Problem(422, "ref", f"References that begin with {SMPP} are given over SMPP.", "ref")
    return New(
        ref=ref,
        number=number,
        words=_string(said, "text", 40_000, required=True),
        klass=code,
        sender=_string(said, "from", 20),
        secret=secret,
        due_at=_instant(said, "not_before"),
        worth_until=_instant(said, "not_after"),
    )


def _string(said: Mapping[str, Any], name: str, most: int, *, required: bool = False) -> str:
    value = said.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise Problem(422, "invalid", f"“{name}” is a text" + (" that is needed." if required else "."), name)
    if len(value) > most:
        raise Problem(422, "invalid", f"“{name}” has at most {most} characters.", name)
    return value


def _instant(said: Mapping[str, Any], name: str) -> datetime | None:
    value = said.get(name)
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            raise ValueError("no zone")  # the one sentence below is for both
        found = found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise Problem(
            422, "invalid", f"“{name}” is an instant with its zone: 2026-11-22T08:00:00+04:00.", name
        ) from error
    if found > datetime.now(UTC) + FURTHEST:
        raise Problem(422, "invalid", f"“{name}” lies at most {FURTHEST.days} days ahead.", name)
    return found
