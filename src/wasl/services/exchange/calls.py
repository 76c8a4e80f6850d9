"""Telling other systems by webhook: what ended or came in becomes calls, which are signed, made, and tried again.

`Wasl-Signature: t=<seconds since 1970>,v1=<hex>`, the HMAC-SHA256 of `t.body` under the webhook's secret; whoever
checks it refuses a `t` that is old. A call is heard when the answer is 2xx. Who is told what is written in one
transaction with what takes it off its list, so nothing is lost; an event may come twice, and its `id` tells.
"""

import hmac
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.utils.translation import gettext as _

from wasl.kernel import clock, seal
from wasl.kernel.outward import PORTS, Away, request
from wasl.services.exchange.models import Call, Handed, Login, Part, Webhook
from wasl.services.texts.making import HOUSE, number_place, words_place
from wasl.services.texts.models import Client, Ended, Incoming

logger = logging.getLogger(__name__)

BACK_OFF_S = (5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
"""How long a call waits after each failure, give or take a fifth; a day and a little after the first it is given up."""
TIMEOUT_S = 10.0
AT_ONCE = 16
"""Calls in the air, over all webhooks; of one webhook at most `EACH`, so that a slow one leaves room to others."""
EACH = 2
MOST_EVENTS = 100
"""Events in one call: what happens at once is told at once."""
KEPT = timedelta(days=30)
SMPP = "smpp/"
"""How references begin that the SMPP side gives: `smpp/<login>/<drawn number>/r<parts>`; `q` for `r` when no receipt is
wanted."""


def wrong_with(url: str) -> str | None:
    """Why this is no address for a webhook, as a sentence; None for one that is fine. It is resolved at each call."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return _("This is no address.")
    plain = url.strip().isascii() and url.strip().isprintable() and " " not in url.strip()
    if parts.scheme not in PORTS or not parts.hostname or port == 0 or not plain or len(url) > 500:
        return _("An address looks like https://system.example/sms.")
    if parts.username is not None or "@" in parts.netloc:
        return _("An address holds no password: calls are signed.")
    return None


def secret_place(pk: int) -> str:
    """Where a webhook's secret is sealed for."""
    return f"webhook:{pk}"


def event_place(pk: int) -> str:
    """Where the events of a webhook are sealed for."""
    return f"webhook.event:{pk}"


# --- what has to be told ------------------------------------------------------------------------------------------


def gather(limit: int = 1000) -> int:
    """Turn endings and incoming texts of other systems into calls and what SMPP hands over; gives how many."""
    return _gather_ended(limit) + _gather_incoming(limit)


def _gather_ended(limit: int) -> int:
    with transaction.atomic():
        rows = list(
            Ended.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("text")
            .exclude(text__client__code=HOUSE)
            .order_by("pk")[:limit]
        )
        if not rows:
            return 0
        hooks = _webhooks({row.text.client_id for row in rows})
        # A reference is the client's own: what it says of logins counts for his only.
        logins = set(Login.objects.filter(on=True).values_list("pk", "client_id"))
        now = clock.now()
        calls: list[Call] = []
        handed: list[Handed] = []
        for row in rows:
            login = receipt_for(row.text.ref)
            if (login, row.text.client_id) in logins:
                handed.append(
                    Handed(client_id=row.text.client_id, login_id=login, text=row.text, state=row.state, at=row.at)
                )
        for pk, listening in hooks.items():
            calls += _calls(listening, [_ended(row) for row in rows if row.text.client_id == pk], now)
        Call.objects.bulk_create(calls)
        Handed.objects.bulk_create(handed)
        Ended.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return len(rows)


def _gather_incoming(limit: int) -> int:
    owners = {code: one for one in Client.objects.exclude(codes=[]).filter(on=True) for code in one.codes}
    if not owners:
        return 0
    with transaction.atomic():
        rows = list(
            Incoming.objects.select_for_update(skip_locked=True)
            .filter(state=Incoming.State.NEW, code__in=list(owners))
            .order_by("pk")[:limit]
        )
        if not rows:
            return 0
        hooks = _webhooks({one.pk for one in owners.values()})
        with_login = set(Login.objects.filter(on=True).values_list("client_id", flat=True))
        now = clock.now()
        calls: list[Call] = []
        for pk, listening in hooks.items():
            calls += _calls(listening, [_came_in(row) for row in rows if owners[row.code].pk == pk], now)
        handed = [
            Handed(client=owners[row.code], incoming=row, at=now) for row in rows if owners[row.code].pk in with_login
        ]
        Call.objects.bulk_create(calls)
        Handed.objects.bulk_create(handed)
        Incoming.objects.filter(pk__in=[row.pk for row in rows]).update(state=Incoming.State.DONE, done_at=now)
    return len(rows)


def receipt_for(ref: str) -> int | None:
    """The login that wants a receipt for the text of this reference, if any."""
    parts = ref.split("/")
    if not ref.startswith(SMPP) or len(parts) != 4 or parts[3][:1] != "r":
        return None
    numbers = (parts[1], parts[2], parts[3][1:])
    fine = all(one.isascii() and one.isdigit() and len(one) < 19 for one in numbers)
    return int(parts[1]) if fine and 1 <= int(numbers[2]) <= 255 else None


def _webhooks(clients: set[int]) -> dict[int, list[Webhook]]:
    found: dict[int, list[Webhook]] = {}
    for one in Webhook.objects.filter(client__in=clients, on=True):
        found.setdefault(one.client_id, []).append(one)
    return found


def _calls(hooks: Sequence[Webhook], events: Sequence[dict[str, Any]], now: datetime) -> list[Call]:
    made = []
    for begin in range(0, len(events), MOST_EVENTS):
        words = json.dumps({"events": events[begin : begin + MOST_EVENTS]}, ensure_ascii=False)
        for hook in hooks:
            sealed = seal.seal(words, place=event_place(hook.pk))
            made.append(Call(webhook=hook, event_sealed=sealed, made_at=now, due_at=now))
    return made


def _ended(row: Ended) -> dict[str, Any]:
    text = row.text
    return {
        "id": f"ended-{row.pk}",
        "event": "text.ended",
        "at": _at(row.at),
        "text": {
            "ref": text.ref,
            "id": str(text.pk),
            "state": str(row.state),
            "parts": text.parts,
            "accepted_at": _at(text.accepted_at),
            "error": text.error,
        },
    }


def _came_in(row: Incoming) -> dict[str, Any]:
    return {
        "id": f"incoming-{row.pk}",
        "event": "text.received",
        "at": _at(row.at),
        "text": {
            "id": str(row.pk),
            "from": seal.unseal(row.number_sealed, place=number_place(row.pk)),
            "to": row.code,
            "text": seal.unseal(row.words_sealed, place=words_place(row.pk)),
            "whole": row.whole,
        },
    }


def _at(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat(timespec="milliseconds")


# --- telling ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A call that is to be made now."""

    id: int
    webhook: int
    url: str
    secret: str
    body: bytes
    attempts: int


def due(air: Sequence[Due], room: int) -> list[Due]:
    """The oldest calls that are due beside those in the air, with them at most `EACH` for a webhook."""
    found: list[Due] = []
    there = [one.id for one in air]
    now = clock.now()
    for hook in Webhook.objects.filter(on=True, client__on=True):
        free = min(EACH - sum(one.webhook == hook.pk for one in air), room - len(found))
        if free < 1:
            continue
        waiting = hook.calls.filter(state=Call.State.WAITING, due_at__lte=now).exclude(pk__in=there)
        for call in waiting.order_by("due_at", "pk")[:free]:
            found.append(
                Due(
                    call.pk,
                    hook.pk,
                    hook.url,
                    seal.unseal(hook.secret_sealed, place=secret_place(hook.pk)),
                    seal.unseal(call.event_sealed, place=event_place(hook.pk)).encode(),
                    call.attempts,
                )
            )
    return found


def signature(secret: str, at: int, body: bytes) -> str:
    """The value of `Wasl-Signature`."""
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, sha256).hexdigest()
    return f"t={at},v1={mac}"


def make(one: Due) -> tuple[bool, str]:
    """Make a call: whether it was heard, and what was said. Asks no data base."""
    at = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "Wasl-Signature": signature(one.secret, at, one.body),
        "Wasl-Attempt": str(one.attempts + 1),
    }
    try:
        status, _where, _content = request("POST", one.url, one.body, headers, TIMEOUT_S, 65_536)
    except Away as error:
        return False, str(error)
    return 200 <= status < 300, f"HTTP {status}"


def settle(one: Due, heard: bool, said: str) -> None:
    """Note how a call went: gone when it was heard, else later again, or given up."""
    now = clock.now()
    said = said[:200]
    with transaction.atomic():
        hook = Webhook.objects.select_for_update().filter(pk=one.webhook).first()
        if hook is None:
            return
        hook.last_at, hook.last_said = now, said
        hook.failing_since = None if heard else hook.failing_since or now
        hook.save(update_fields=["last_at", "last_said", "failing_since"])
        call = Call.objects.filter(pk=one.id)
        if heard:
            call.delete()
        elif one.attempts >= len(BACK_OFF_S):
            call.update(state=Call.State.DEAD, said=said, attempts=one.attempts + 1)
        else:
            wait = BACK_OFF_S[one.attempts] * random.uniform(0.8, 1.2)  # noqa: S311  # only to spread the load
            call.update(due_at=now + timedelta(seconds=wait), said=said, attempts=one.attempts + 1)


def forget_old() -> int:
    """Calls that were given up, and what no SMPP client came for, after 30 and 7 days. A job of the night."""
    now = clock.now()
    gone, _kinds = Call.objects.filter(state=Call.State.DEAD, made_at__lt=now - KEPT).delete()
    left, _kinds = Handed.objects.filter(at__lt=now - timedelta(days=7)).delete()
    parts, _kinds = Part.objects.filter(at__lt=now - timedelta(days=1)).delete()
    return gone + left + parts


class Caller:
    """Makes the calls that are due, in threads; `step` often, from one thread."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhook")
        self._air: dict[Future[tuple[bool, str]], Due] = {}
        self._done = threading.Event()

    def step(self) -> int:
        """Settle what was answered and begin what is due; gives how many calls moved."""
        close_old_connections()
        self._done.clear()
        moved = gather()
        for future in [one for one in self._air if one.done()]:
            call = self._air.pop(future)
            try:
                heard, said = future.result()
            except Exception as error:
                logger.exception("a webhook could not be called")
                heard, said = False, type(error).__name__
            settle(call, heard, said)
            moved += 1
        room = AT_ONCE - len(self._air)
        if room > 0:
            for call in due(list(self._air.values()), room):
                future = self._threads.submit(make, call)
                self._air[future] = call
                future.add_done_callback(lambda _one: self._done.set())
                moved += 1
        return moved

    def rest(self, seconds: float) -> None:
        """Until an answer comes, or so long."""
        self._done.wait(seconds)

    def close(self) -> None:
        """Begin nothing more; what is in the air is told again later."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        connection.close()


def run(stopping: Callable[[], bool]) -> None:
    """Tell until `stopping` says so; outlives a data base that goes away."""
    caller = Caller()
    try:
        while not stopping():
            try:
                if not caller.step():
                    caller.rest(0.5)
            except (OperationalError, InterfaceError) as error:
                logger.warning("the data base is away: %s", "".join(str(error).splitlines()[:1]))
                connection.close()
                time.sleep(0.5)
    finally:
        caller.close()
