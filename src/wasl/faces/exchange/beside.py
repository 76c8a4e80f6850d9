"""What other systems may do besides sending: have numbers checked, and replace rows of their data sets. With Django.

`ROUTES` is the table that `api` goes by.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.actions.audit import Refused as NotKept
from wasl.faces.exchange.asking import decoded
from wasl.faces.exchange.problems import Problem
from wasl.kernel import phone, throttle
from wasl.kernel.names import LANGUAGES
from wasl.services.enquiries import editing, tables
from wasl.services.enquiries.models import DataSet
from wasl.services.exchange import checks
from wasl.services.exchange.models import Check
from wasl.services.texts.models import Client

Answer = tuple[int, bytes, list[tuple[bytes, bytes]]]
_JSON = (b"content-type", b"application/json")
CSV = (b"text/csv", b"application/csv")


@dataclass(frozen=True, slots=True)
class Route:
    """An address, what opens it and who answers: `call(client, body, kind of the body, *parts of the address)`."""

    path: re.Pattern[str]
    method: str
    scope: str
    call: Callable[..., Answer]
    largest: int = 0
    kinds: tuple[bytes, ...] = ()


def _answer(status: int, said: Any) -> Answer:
    return status, json.dumps(said).encode(), [_JSON]


def answer(route: Route, client: Client, body: bytes, kind: bytes, parts: tuple[str, ...]) -> Answer:
    """Do it; a bound that is reached is a Problem like all others."""
    try:
        return route.call(client, body, kind, *parts)
    except throttle.TooMany as many:
        raise Problem(429, "numbers", "Too many codes were sent.", retry_s=many.retry_after_s) from many


# --- numbers ----------------------------------------------------------------------------------------------------------


def _object(body: bytes, needed: Mapping[str, int], more: Mapping[str, int]) -> dict[str, str]:
    """Its texts by name, each at most so long. Raises Problem."""
    said = decoded(body)
    if not isinstance(said, dict) or not said.keys() <= needed.keys() | more.keys():
        raise Problem(422, "invalid", f"It is a JSON object of {', '.join([*needed, *more])}.")
    for name, most in {**needed, **more}.items():
        value = said.get(name, "" if name in more else None)
        if not isinstance(value, str) or len(value) > most or (name in needed and not value.strip()):
            raise Problem(422, "invalid", f"“{name}” is a text of at most {most} characters.", name)
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise Problem(422, "invalid", f"“{name}” holds half a character.", name) from error
    return {name: said.get(name, "") for name in (*needed, *more)}


def _checked(check: Check) -> dict[str, Any]:
    return {
        "id": str(check.pk),
        "person": checks.person_of(check),
        "number": check.hint,
        "state": checks.state_of(check),
        "code_until": checks.void_at(check).isoformat(timespec="seconds"),
        "verified_at": check.verified_at and check.verified_at.isoformat(timespec="seconds"),
    }


def _ask(client: Client, body: bytes, _kind: bytes) -> Answer:
    said = _object(body, {"number": 60, "person": 100}, {"language": 7})
    number = phone.normalise(said["number"], organisation.the_city().region)
    if number is None or phone.is_short_code(number):
        raise Problem(422, "number", "This is no telephone number: write it as +96892345678.", "number")
    language = said["language"] or "ar"
    if language not in LANGUAGES:
        raise Problem(422, "invalid", f"A language is one of {', '.join(LANGUAGES)}.", "language")
    return _answer(202, _checked(checks.ask(client, number=number, person=said["person"], language=language)))


def _held(client: Client, pk: str) -> Check:
    found = Check.objects.filter(pk=int(pk), client=client).first()
    if found is None:
        raise Problem(404, "check", "You have asked for no such check.")
    return found


def _state(client: Client, _body: bytes, _kind: bytes, pk: str) -> Answer:
    return _answer(200, _checked(_held(client, pk)))


def _confirm(client: Client, body: bytes, _kind: bytes, pk: str) -> Answer:
    said = _object(body, {"code": 40}, {})
    held = _held(client, pk)
    try:
        right = checks.confirm(client, held.pk, said["code"])
    except checks.Void as error:
        raise Problem(409, "void", "This code does not count any more. Ask for a new check.") from error
    if not right:
        raise Problem(422, "code", "This is not the code that was sent.", "code")
    return _state(client, b"", b"", pk)


# --- data sets --------------------------------------------------------------------------------------------------------


def _rows(whole: bool, client: Client, body: bytes, kind: bytes, code: str) -> Answer:
    # Which data sets there are is nobody's business whose they are not.
    held = DataSet.objects.filter(code=code, system=client).first()
    if held is None:
        raise Problem(404, "data", "Your system keeps no data set of this code.")
    try:
        table = tables.read(body) if kind in CSV else _table(body)
        kept, changed = editing.push(held, client=client, table=table, whole=whole)
    except editing.WrongRows as wrong:
        said = Problem(422, "rows", str(wrong)).body()
        said["wrong"] = wrong.made.wrong
        said["rows"] = [{"row": row, "why": why} for row, why in wrong.made.errors]
        return 422, json.dumps(said).encode(), [(b"content-type", b"application/problem+json")]
    except (tables.BadFile, NotKept) as refused:
        raise Problem(422, "rows", str(refused)) from refused
    counts = {"added": changed.added, "changed": changed.changed, "gone": changed.gone, "same": changed.same}
    return _answer(200, {"rows": kept, **counts})


def _table(body: bytes) -> tables.Table:
    said = decoded(body)
    rows = said.get("rows") if isinstance(said, dict) and set(said) == {"rows"} else None
    if not isinstance(rows, list) or len(rows) > tables.MOST_ROWS:
        raise Problem(422, "invalid", f"The body is {{'rows': […]}} with at most {tables.MOST_ROWS:,} objects.", "rows")
    columns: dict[str, None] = {}
    found: list[tuple[int, Mapping[str, str]]] = []
    for place, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not all(isinstance(one, str | int | float | None) for one in row.values()):
            raise Problem(422, "invalid", f"Row {place} is no object of texts and numbers.", "rows")
        try:
            plain = {name: "" if one is None else str(one).strip() for name, one in row.items()}
            "".join([*plain, *plain.values()]).encode()
        except UnicodeEncodeError as error:
            raise Problem(422, "invalid", f"Row {place} holds half a character.", "rows") from error
        if any("\0" in one for one in plain.values()):
            raise Problem(422, "invalid", f"Row {place} holds a NUL character.", "rows")
        columns |= dict.fromkeys(plain)
        found.append((place, plain))
    return tables.Table(tuple(columns), found)


ROUTES = (
    Route(re.compile(r"/numbers"), "POST", "numbers", _ask, 2_000),
    Route(re.compile(r"/numbers/([0-9]{1,18})"), "GET", "numbers", _state),
    Route(re.compile(r"/numbers/([0-9]{1,18})/code"), "POST", "numbers", _confirm, 2_000),
    Route(re.compile(r"/data/([a-z0-9-]{1,50})"), "PUT", "data", partial(_rows, True), tables.LARGEST, CSV),
    Route(re.compile(r"/data/([a-z0-9-]{1,50})/rows"), "POST", "data", partial(_rows, False), tables.LARGEST, CSV),
)


def find(path: str) -> tuple[Route, tuple[str, ...]] | None:
    """Who answers at this address, with the parts of it."""
    for route in ROUTES:
        if (match := route.path.fullmatch(path)) is not None:
            return route, match.groups()
    return None
