"""The SMPP side of the gateway for other systems: they bind to us, hand in texts, and get receipts and what came in.

A text is answered when it has committed; what a client is to get is kept until he took it. What texts cost and who may
send what is decided where it is for REST too (`services.texts.making`); SMPP itself is `smpp.server`.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, close_old_connections, connection
from psycopg import AsyncConnection

from wasl.channels.sms.carrier import address_of, number_of
from wasl.channels.sms.smpp import joining, pdu, receipt
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import MessageState, Status, is_temporary, name_of
from wasl.channels.sms.smpp.outcome import Event, EventKind, Limits, Outcome, OutcomeKind
from wasl.channels.sms.smpp.server import Client, Server, ServerSession
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.wire import PduError
from wasl.kernel import clock, phone, seal
from wasl.kernel.ids import AsyncIds
from wasl.kernel.sms import text as sms
from wasl.kernel.sms import udh
from wasl.services.exchange import actions as exchange
from wasl.services.exchange.calls import SMPP
from wasl.services.exchange.models import Login
from wasl.services.texts import actions, queries
from wasl.services.texts.making import Made, New, Refused, Taken, make, number_place, words_place
from wasl.services.texts.models import Client as Owner
from wasl.services.texts.models import Klass, Text
from wasl.services.texts.writer import Away, Full, Writer

log = logging.getLogger(__name__)

T = TypeVar("T")
_LOOK_S = 1.0
_TOGETHER_S = 1800.0
"""Parts of a text wait so long for each other; so long, too, a part that comes again is known."""
_AGAIN_S = 10.0
_HAND_AT_ONCE = 200
_LONG = sms.TextRules()

_STATUS: Final = {
    "sender": Status.RINVSRCADR,
    "number": Status.RINVDSTADR,
    "words": Status.RINVMSGLEN,
    "minute": Status.RTHROTTLED,
    "day": Status.RMSGQFUL,
    "again": Status.RSYSERR,
}
_STATES: Final = {
    "delivered": MessageState.DELIVERED,
    "failed": MessageState.UNDELIVERABLE,
    "expired": MessageState.EXPIRED,
    "cancelled": MessageState.DELETED,
    "in_doubt": MessageState.UNKNOWN,
    "accepted": MessageState.ACCEPTED,
    "queued": MessageState.ENROUTE,
}


class Bad(Exception):
    """A request that is answered with this status."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(slots=True)
class _Handing:
    """A row of exchange_handed on its way: whose it is, the PDUs that have not gone yet, how many have no answer."""

    id: int
    client: int
    login: int | None
    left: deque[pdu.DeliverSm]
    open: int = 0
    unknown: bool = False


class Front:
    """`listen`, then `run` until `stop`. `where` is libpq's words for the data base."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._writer = Writer(where)
        self._known: queries.Settings | None = None
        self._logins: dict[str, Login] = {}
        self._stopping = asyncio.Event()
        self._news = asyncio.Event()
        self._together = asyncio.Lock()
        self._connection: AsyncConnection[Any] | None = None
        self._connecting = asyncio.Lock()
        self._ids = AsyncIds()
        self._air: dict[int, _Handing] = {}
        self._resting: dict[int, float] = {}
        self._taken: list[int] = []
        self._references = sms.References()
        limits = Limits(window=50, inbound=200)
        self.server = Server(self._take, self._admit, limits=limits, on_event=self._happened)

    async def listen(self, host: str, port: int) -> int:
        """Begin to listen; gives the port. Raises OSError, or what Django says when the data base is away."""
        await self._look()
        return await self.server.listen(host, port)

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()
        self._news.set()

    async def run(self) -> None:
        """Hand over what there is, until `stop`."""
        try:
            while not self._stopping.is_set():
                try:
                    await self._look()
                    if await self._hand() < _HAND_AT_ONCE:
                        self._news.clear()
                        with suppress(TimeoutError):
                            await asyncio.wait_for(self._news.wait(), _LOOK_S)
                except (psycopg.Error, OperationalError, InterfaceError, OSError) as error:
                    log.warning("the data base is away: %s", "".join(str(error).strip().splitlines()[:1]))
                    if self._connection:
                        await self._connection.close()
                    await asyncio.sleep(0.5)
        finally:
            await self.server.close(2.0)
            await self._writer.close()
            if self._connection:
                with suppress(psycopg.Error, OSError):
                    await self._done()
                await self._connection.close()

    # --- who calls -------------------------------------------------------------------------------------------------

    async def _admit(self, request: pdu.BindRequest, caller: str) -> Client | int:
        found = await _in_thread(lambda: _login(request.system_id, request.password))
        if found is None:
            log.warning("a bind as %r from %s is refused", request.system_id[:16], caller)
            return Status.RBINDFAIL
        self._logins[str(found.pk)] = found
        return Client(str(found.pk), binds=found.binds, per_s=found.per_s, window=200)

    def _happened(self, _session: ServerSession, event: Event) -> None:
        if event.kind is EventKind.BOUND:
            self._news.set()

    async def _look(self) -> None:
        """Follow the settings; whoever may bind no more is sent away."""
        names = set(self._logins)
        self._known, alive = await _in_thread(lambda: _settings(names))
        for name in names - alive:
            self._logins.pop(name, None)
            for session in self.server.sessions:
                if session.client is not None and session.client.name == name:
                    session.close("the login is shut")

    # --- texts handed in -------------------------------------------------------------------------------------------

    async def _take(self, session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        """Answers to a batch, when all of it has committed."""
        assert isinstance(session, ServerSession)  # noqa: S101  # made by our server
        login = self._logins.get(session.client.name) if session.client else None
        owner = self._known.clients.get(login.client.code) if login and self._known else None
        if login is None or owner is None or self._known is None:
            return [one.answer(Status.RSYSERR) for one in batch]
        answers: list[Response | None] = [None] * len(batch)
        places: list[int] = []
        made: list[Made] = []
        identities: list[str] = []
        ported = await self._ported(batch, self._known)
        for place, one in enumerate(batch):
            try:
                if not isinstance(one, pdu.SubmitSm | pdu.DataSm):
                    answers[place] = await self._other(one, login)
                    continue
                text, identity = await self._text(one, login, owner, self._known, ported)
            except Bad as bad:
                answers[place] = one.answer(bad.status)
            except Refused as refused:
                answers[place] = one.answer(_STATUS.get(refused.why, Status.RSUBMITFAIL))
            else:
                answers[place] = one.answer(message_id=identity)
                if text is not None:
                    places.append(place)
                    made.append(text)
                    identities.append(identity)
        for place, identity, kept in zip(places, identities, await self._keep(made), strict=True):
            if not isinstance(kept, Taken):
                answers[place] = batch[place].answer(kept)
            elif "." in identity:
                await self._used(login, identity)
        return [one for one in answers if one is not None]

    async def _other(self, request: Request, login: Login) -> Response:
        if isinstance(request, pdu.QuerySm):
            return await self._query(request, login)
        if isinstance(request, pdu.CancelSm):
            return await self._cancel(request, login)
        return request.answer(Status.RREPLACEFAIL if isinstance(request, pdu.ReplaceSm) else Status.RINVCMDID)

    async def _keep(self, made: list[Made]) -> list[Taken | Status]:
        if not made:
            return []
        try:
            found = await self._writer.keep(made)
        except Full:
            return [Status.RMSGQFUL] * len(made)
        except Away:
            return [Status.RSYSERR] * len(made)
        return [one if isinstance(one, Taken) else _STATUS.get(one.why, Status.RSUBMITFAIL) for one in found]

    async def _ported(self, batch: Sequence[Request], known: queries.Settings) -> dict[str, int]:
        """As `texts.actions.ported_of`, one question for the numbers of a batch."""
        if not known.ported:
            return {}
        written = {
            number_of(one.destination, known.region) for one in batch if isinstance(one, pdu.SubmitSm | pdu.DataSm)
        }
        numbers = {phone.normalise(one, known.region) for one in written}
        by_index = {seal.index_of(number): number for number in numbers if number}
        rows = await (await self._wire()).execute(
            "SELECT look_up, operator_id FROM texts_ported WHERE look_up = ANY(%s)", [list(by_index)]
        )
        return {by_index[bytes(look_up)]: operator for look_up, operator in await rows.fetchall()}

    async def _text(
        self,
        message: pdu.SubmitSm | pdu.DataSm,
        login: Login,
        owner: Owner,
        known: queries.Settings,
        ported: dict[str, int],
    ) -> tuple[Made | None, str]:
        """The text to be kept and the id it is answered with; no text for a part that has to wait for others."""
        key, part = joining.part_of(message, str(login.pk))
        wants = bool(message.registered & 3)
        if key.total == 1:
            (base,) = await self._ids.draw(await self._wire())
            identity, parts = str(base), [part]
        else:
            async with self._together:
                base, parts = await self._put(login, key, part)
            identity = f"{base}.{part.number}.{key.total}"
        new = self._new(message, login, owner, known, f"{base}/{'r' if wants else 'q'}{key.total}")
        if len(parts) < key.total:
            # What is wrong with the sender or number is told with the first part.
            make(owner, New(**{**new, "words": "?"}), known, ported=ported.get(new["number"]))
            return None, identity
        joined = joining.read(key, parts)
        if joined.text is None:
            raise Bad(Status.RSUBMITFAIL)
        text = make(owner, New(**{**new, "words": joined.text}), known, ported=ported.get(new["number"]))
        return text, identity

    def _new(
        self, message: pdu.SubmitSm | pdu.DataSm, login: Login, owner: Owner, known: queries.Settings, ref: str
    ) -> dict[str, Any]:
        number = phone.normalise(number_of(message.destination, known.region), known.region)
        if number is None:
            raise Bad(Status.RINVDSTADR)
        sender = message.source.number.strip()
        if sender and sender not in owner.senders and f"+{sender}" in (owner.sender, *owner.senders):
            sender = f"+{sender}"
        now = clock.now()
        priority = message.priority if isinstance(message, pdu.SubmitSm) else 0
        schedule, validity = (message.schedule, message.validity) if isinstance(message, pdu.SubmitSm) else ("", "")
        return {
            "ref": f"{SMPP}{login.pk}/{ref}",
            "number": number,
            "klass": owner.best if priority >= 2 else max(owner.best, int(Klass.CASE)),
            "sender": sender,
            "due_at": instant(schedule, now, Status.RINVSCHED),
            "worth_until": instant(validity, now, Status.RINVEXPIRY),
        }

    # --- long texts ------------------------------------------------------------------------------------------------

    async def _put(self, login: Login, key: joining.Key, part: joining.Part) -> tuple[int, list[joining.Part]]:
        """Keep one part of a long text; its id, and the parts that are there now."""
        index = seal.index_of(json.dumps(key))
        wire = await self._wire()
        now = clock.now()
        rows = await (
            await wire.execute(
                "SELECT number, base, sealed, at, used, again_at FROM exchange_part"
                " WHERE login_id = %s AND look_up = %s",
                [login.pk, index],
            )
        ).fetchall()
        seen = {
            number: joining.Seen(_part(number, sealed), used, (now - again_at).total_seconds() if again_at else None)
            for number, _base, sealed, _at, used, again_at in rows
        }
        fresh = all(now - row[3] <= timedelta(seconds=_TOGETHER_S) for row in rows)
        found = joining.sort(seen, part, fresh=fresh)
        if found is None:
            await wire.execute(
                "UPDATE exchange_part SET again_at = %s WHERE login_id = %s AND look_up = %s AND number = %s AND used",
                [now, login.pk, index, part.number],
            )
            return rows[0][1], [one.part for one in seen.values()]
        parts, is_new = found
        added = [*parts.values(), part] if is_new else [part]
        base = rows[0][1] if rows and not is_new else (await self._ids.draw(wire))[0]
        if is_new:
            await wire.execute("DELETE FROM exchange_part WHERE login_id = %s AND look_up = %s", [login.pk, index])
        for one in added:
            words = json.dumps([one.octets.hex(), one.data_coding, one.header.encode().hex()])
            await wire.execute(
                "INSERT INTO exchange_part (login_id, look_up, number, base, sealed, at, used)"
                " VALUES (%s, %s, %s, %s, %s, %s, false)",
                [login.pk, index, one.number, base, seal.seal(words, place="exchange.part"), now],
            )
        return base, [*parts.values(), part]

    async def _used(self, login: Login, identity: str) -> None:
        """The text of these parts is kept."""
        with suppress(psycopg.Error, OSError):
            await (await self._wire()).execute(
                "UPDATE exchange_part SET used = true WHERE login_id = %s AND base = %s",
                [login.pk, int(identity.split(".")[0])],
            )

    async def _wire(self) -> AsyncConnection[Any]:
        # Two sessions may want it at once: the second waits for the first one's.
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await AsyncConnection.connect(
                    self._where, autocommit=True, connect_timeout=5, application_name="wasl smpp server"
                )
            return self._connection

    # --- questions -------------------------------------------------------------------------------------------------

    async def _query(self, asked: pdu.QuerySm, login: Login) -> Response:
        found = await _in_thread(lambda: Text.objects.filter(client=login.client, ref__in=_refs(login, asked)).first())
        if found is None:
            return asked.answer(Status.RQUERYFAIL)
        done = f"{found.ended_at.astimezone(UTC):%y%m%d%H%M%S}000+" if found.ended_at else ""
        state = _STATES[str(found.state)]
        return asked.answer(message_id=asked.message_id, final_date=done, state=int(state))

    async def _cancel(self, asked: pdu.CancelSm, login: Login) -> Response:
        refs = _refs(login, asked)
        done = await _in_thread(lambda: any(actions.cancel(login.client, ref) for ref in refs))
        return asked.answer(Status.ROK if done else Status.RCANCELFAIL)

    # --- what they get ---------------------------------------------------------------------------------------------

    async def _hand(self) -> int:
        """Send what waits to those who are bound, to each in its order; gives how much was begun.

        What a window has no room for goes on when there is some.
        """
        await self._done()
        takers: dict[int, list[str]] = {}
        for session in self.server.sessions:
            login = self._logins.get(session.client.name) if session.client else None
            if login is not None and session.room() > 0 and str(login.pk) not in takers.get(login.client_id, ()):
                takers.setdefault(login.client_id, []).append(str(login.pk))
        full = {name for one in list(self._air.values()) for name in self._push(one, takers)}
        takers = {client: left for client, some in takers.items() if (left := [one for one in some if one not in full])}
        if not takers:
            return 0
        loop = asyncio.get_running_loop()
        self._resting = {pk: until for pk, until in self._resting.items() if until > loop.time()}
        names = [int(name) for some in takers.values() for name in some]
        wire = await self._wire()
        rows = await (
            await wire.execute(
                _HANDED,
                {"clients": list(takers), "logins": names, "not": [*self._air, *self._resting], "most": _HAND_AT_ONCE},
            )
        ).fetchall()
        begun = 0
        for row in rows:
            pk, client, login = row[:3]
            if full.intersection(_names(client, login, takers)):
                continue
            try:
                messages = _receipts(row) if row[3] is not None else self._incoming(row)
            except (seal.SealBroken, PduError):
                log.exception("what a client is to get cannot be written")
                self._taken.append(pk)
                continue
            handing = _Handing(pk, client, login, deque(messages))
            full.update(self._push(handing, takers))
            if handing.open:
                self._air[pk] = handing
                begun += 1
        return begun

    def _push(self, handing: _Handing, takers: dict[int, list[str]]) -> list[str]:
        """Send what is left of it; gives the logins that had no room for all of it."""
        names = _names(handing.client, handing.login, takers)
        while handing.left:
            try:
                if not any(self.server.deliver(name, handing.left[0], self._outcome(handing)) for name in names):
                    return names
            except PduError:
                log.exception("what a client is to get cannot be written")
                handing.left.clear()
                if not handing.open:
                    self._over(handing)
                break
            handing.left.popleft()
            handing.open += 1
        return []

    def _outcome(self, handing: _Handing) -> Callable[[Outcome], None]:
        def told(outcome: Outcome) -> None:
            if outcome.late:
                return
            if outcome.kind is OutcomeKind.REJECTED and not is_temporary(outcome.status):
                log.warning("a client does not want what is his: %s", name_of(outcome.status))
            elif outcome.kind is not OutcomeKind.ACCEPTED:
                # All of it goes once more.
                handing.unknown = True
                handing.left.clear()
            handing.open -= 1
            self._over(handing)

        return told

    def _over(self, handing: _Handing) -> None:
        if handing.open or handing.left:
            # There may be room for what is left.
            self._news.set()
            return
        self._air.pop(handing.id, None)
        if handing.unknown:
            self._resting[handing.id] = asyncio.get_running_loop().time() + _AGAIN_S
        else:
            self._taken.append(handing.id)
            self._news.set()

    async def _done(self) -> None:
        """Forget what was taken. What a crash keeps from being forgotten is handed over once more."""
        taken = list(self._taken)
        if taken:
            await (await self._wire()).execute("DELETE FROM exchange_handed WHERE id = ANY(%s)", [taken])
            del self._taken[: len(taken)]

    def _incoming(self, row: Sequence[Any]) -> list[pdu.DeliverSm]:
        pk, code, number_sealed, words_sealed = row[10:14]
        number = seal.unseal(number_sealed, place=number_place(pk))
        words = seal.unseal(words_sealed, place=words_place(pk))
        reference = self._references.next(number, code)
        return [
            pdu.DeliverSm(
                source=address_of(number),
                destination=address_of(code),
                short_message=one.short_message,
                data_coding=one.data_coding,
                esm_class=one.esm_class,
                tlvs=one.tlvs,
            )
            for one in sms.segments(sms.plan(words, _LONG), reference)
        ]


_HANDED = """
SELECT h.id, h.client_id, h.login_id, h.text_id, h.state, t.ref, t.number_sealed, t.sender, t.made_at, h.at,
    i.id, i.code, i.number_sealed, i.words_sealed
FROM exchange_handed h LEFT JOIN texts_text t ON t.id = h.text_id LEFT JOIN texts_incoming i ON i.id = h.incoming_id
WHERE h.client_id = ANY(%(clients)s) AND (h.login_id IS NULL OR h.login_id = ANY(%(logins)s))
    AND h.id <> ALL(%(not)s::bigint[])
ORDER BY h.id LIMIT %(most)s
"""


def _names(client: int, login: int | None, takers: dict[int, list[str]]) -> list[str]:
    """The logins that have room and may get what is for this client, or for one login of it."""
    names = takers.get(client, [])
    return names if login is None else [one for one in names if one == str(login)]


def _receipts(row: Sequence[Any]) -> list[pdu.DeliverSm]:
    """One for each part that the client handed in, under the id that it was answered with."""
    text, state, ref, number_sealed, sender, made_at, ended_at = row[3:10]
    number = seal.unseal(number_sealed, place=number_place(text))
    base, total = ref.split("/")[2], int(ref.split("/")[3][1:])
    found = []
    for one in range(1, total + 1):
        told = receipt.Receipt(
            message_id=base if total == 1 else f"{base}.{one}.{total}",
            state=_STATES[state],
            submitted=made_at,
            done=ended_at,
        )
        short_message, esm_class, tlvs = receipt.write(told)
        found.append(
            pdu.DeliverSm(
                source=address_of(number),
                destination=address_of(sender),
                short_message=short_message,
                esm_class=esm_class,
                tlvs=tlvs,
            )
        )
    return found


def _part(number: int, sealed: bytes) -> joining.Part:
    octets, data_coding, header = json.loads(seal.unseal(sealed, place="exchange.part"))
    read = udh.split(bytes.fromhex(header))[0] if header else udh.NO_HEADER
    return joining.Part(number, bytes.fromhex(octets), data_coding, read)


def _refs(login: Login, asked: pdu.QuerySm | pdu.CancelSm) -> list[str]:
    base, _dot, rest = asked.message_id.partition(".")
    total = rest.rpartition(".")[2] or "1"
    if not (base.isascii() and base.isdigit() and total.isascii() and total.isdigit() and len(asked.message_id) < 40):
        return []
    return [f"{SMPP}{login.pk}/{base}/{flag}{total}" for flag in "rq"]


def instant(written: str, now: datetime, wrong: Status) -> datetime | None:
    """An SMPP time, absolute or relative (SMPP 3.4, 7.1.1); None for an empty one. Raises Bad with `wrong`."""
    if not written:
        return None
    if len(written) != 16 or not (written[:15].isascii() and written[:15].isdigit()) or written[15] not in "+-R":
        raise Bad(wrong)
    year, month, day, hour, minute, second = (int(written[at : at + 2]) for at in range(0, 12, 2))
    try:
        if written[15] == "R":
            days = 365 * year + 30 * month + day
            found = now + timedelta(days=days, hours=hour, minutes=minute, seconds=second)
        else:
            quarters = int(written[13:15])
            ahead = timedelta(minutes=15 * (quarters if written[15] == "+" else -quarters))
            found = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC) - ahead
    except (ValueError, OverflowError) as error:
        raise Bad(wrong) from error
    if found > now + timedelta(days=63):
        raise Bad(wrong)
    return found


# --- in a thread --------------------------------------------------------------------------------------------------


async def _in_thread(call: Callable[[], T]) -> T:
    def run() -> T:
        close_old_connections()
        try:
            return call()
        finally:
            connection.close()

    return await asyncio.to_thread(run)


def _login(system_id: str, password: str) -> Login | None:
    found = exchange.login_of(system_id, password)
    if found is not None:
        Login.objects.filter(pk=found.pk).update(last_bound=clock.now())
    return found


def _settings(names: set[str]) -> tuple[queries.Settings, set[str]]:
    pks = [int(name) for name in names]
    alive = Login.objects.filter(pk__in=pks, on=True, client__on=True).values_list("pk", flat=True)
    return queries.settings(), {str(pk) for pk in alive}
