"""One operator as the gateway holds him: what the queue lets go becomes SMPP, what he says becomes rows.

Outgoing texts are taken from the queue only as the operators' windows have room, so that what is in doubt after a crash
is one window at most. Two texts to one number are never on their way at once: they arrive in their order.
"""

import asyncio
import logging
import ssl
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from random import getrandbits
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.utils.translation import gettext_noop
from psycopg import AsyncConnection

from wasl.channels.sms.smpp import joining
from wasl.channels.sms.smpp import receipt as receipts
from wasl.channels.sms.smpp.client import Account, Way
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import MessageState, Status, is_temporary, name_of
from wasl.channels.sms.smpp.link import Link, Submission
from wasl.channels.sms.smpp.outcome import Event, EventKind, Limits, Outcome, OutcomeKind
from wasl.channels.sms.smpp.pdu import DataSm, DeliverSm, SubmitSm
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.session import Session
from wasl.channels.sms.smpp.wire import Address
from wasl.channels.sms.store import Store
from wasl.kernel import clock, phone, seal
from wasl.kernel.ids import AsyncIds
from wasl.kernel.sms import text as sms
from wasl.services.texts.actions import number_place, words_place
from wasl.services.texts.models import Bind, BindState, Operator
from wasl.services.texts.queries import Settings
from wasl.services.texts.spool import Arrived, Claimed, Kind, Settled, Spool, Told

log = logging.getLogger(__name__)

_UNREADABLE, _NO_ANSWER = gettext_noop("its number cannot be read"), gettext_noop("the operator did not answer")
_IDLE_S = 1.0
_UNREACHABLE_S = 5.0
_RELEASE_S = 60.0
_LATE_KEPT = 10_000
_PACE_S = 60.0
_GATHER_S, _GATHER_PER_TEXT_S = 0.01, 0.0001
"""Turns are so far apart, that many texts may share one commit; less where the windows hold few. Who comes alone does
not wait."""
_FINAL = frozenset({MessageState.DELIVERED, MessageState.EXPIRED, MessageState.DELETED, MessageState.UNDELIVERABLE,
                    MessageState.REJECTED})  # fmt: skip
_INTERNATIONAL, _NETWORK, _ALPHANUMERIC, _ISDN = 1, 3, 5, 1


@dataclass(slots=True)
class _Going:
    """A text on its way: what its parts came to so far."""

    claimed: Claimed
    number: str
    open: int = 0
    keys: list[str] = field(default_factory=list)
    refused: Outcome | None = None
    missing: int = 0
    returned: bool = False


class Carrier:
    """`start`, then `wake` whenever something may wait; `known` is kept up to date by the owner."""

    def __init__(
        self, operator: Operator, binds: Sequence[Bind], where: str, routes: Callable[[Settings], list[int]]
    ) -> None:
        self.operator = operator
        self.known: Settings
        self._where, self._routes = where, routes
        self._binds = {_account(bind): bind for bind in binds}
        rules = sms.TextRules(sms.Alphabet(operator.alphabet), sms.LongWay(operator.long_way))
        self._rules = rules
        self._link = Link(
            list(self._binds),
            self._take,
            on_outcome=self._outcome,
            on_backlog=self._given_back,
            on_room=self.wake,
            on_event=self._happened,
            limits=Limits(window=operator.window, inbound=1000),
            bucket=TokenBucket(operator.per_s) if operator.per_s else None,
        )
        self._references = sms.References()
        self._awake = asyncio.Event()
        self._settled: list[Settled] = []
        self._told: list[tuple[Sequence[Told], asyncio.Future[None]]] = []
        self._turned_at = 0.0
        self._numbers: dict[tuple[bytes, str], deque[_Going]] = {}
        self._held = 0
        self._doubtful: OrderedDict[int, _Going] = OrderedDict()
        self._unusable_since: float | None = 0.0
        self._said: dict[Account, str] = {}
        self._since: dict[Account, datetime] = {}
        self._paces: dict[Account, deque[tuple[float, int]]] = {}
        # Which connection a text came by: a session has the same number as long as it lives, and no other ever has it.
        self._sessions: WeakKeyDictionary[Session, int] = WeakKeyDictionary()
        self._session_ids = count(getrandbits(48))
        self._spool: Spool | None = None
        self._inward: Spool | None = None
        self._inward_turn = asyncio.Lock()
        self._ids = AsyncIds()
        self._pump: asyncio.Task[None] | None = None
        self._stopping = False
        self._left = False
        self._ended = False

    async def start(self, known: Settings) -> None:
        """Settle what an earlier process left, and begin to bind. Raises psycopg.Error when the data base is away."""
        self.known = known
        self._spool = Spool(await self._connect(), self.operator.pk)
        try:
            found = await self._spool.recover(known)
        except BaseException:
            await self._spool.connection.close()
            raise
        if found:
            log.warning("%s: %d texts are in doubt: the gateway ended while sending them", self.operator.code, found)
        self._link.start()
        self._pump = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Unbind; what is answered in the next moments is settled, the rest is in doubt. Can be called again."""
        self._stopping = True
        await self._link.stop()
        self._left = True
        self.wake()
        if self._pump:
            # Whoever waits for this may be sent away; the pump ends all the same, and is waited for once more.
            await asyncio.wait([self._pump])
            self._pump.result()
        # A batch that came in last is kept first; what comes after is asked for again when somebody is bound.
        async with self._inward_turn:
            self._ended = True
            for spool in (self._spool, self._inward):
                if spool:
                    await spool.connection.close()

    def wake(self) -> None:
        """Look at the queue again."""
        self._awake.set()

    @property
    def reachable(self) -> bool:
        """False once no connection has been usable for some seconds: the next operator takes over."""
        loop = asyncio.get_running_loop()
        if self._link.usable:
            self._unusable_since = None
        elif self._unusable_since is None:
            self._unusable_since = loop.time()
        return self._unusable_since is None or loop.time() - self._unusable_since < _UNREACHABLE_S

    async def _connect(self) -> AsyncConnection[Any]:
        return await AsyncConnection.connect(self._where, autocommit=True, prepare_threshold=1)

    # --- out -------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while not (self._left and not self._settled and not self._told and not self._open):
            try:
                await self._once()
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                log.warning("%s: the data base is away: %s", self.operator.code, "".join(str(error).splitlines()[:1]))
                await asyncio.sleep(0.5)
                if self._stopping:
                    return
                with suppress(psycopg.Error, OSError):
                    spool = Spool(await self._connect(), self.operator.pk)
                    if self._spool:
                        await self._spool.connection.close()
                    self._spool = spool
                    await self._release(spool)

    async def _release(self, spool: Spool, older_s: float = 0.0) -> None:
        """Texts taken by a commit whose answer was lost are in nobody's hands: they go back."""
        mine = [going.claimed.id for line in self._numbers.values() for going in line]
        await spool.release([*mine, *(one.text for one in self._settled)], older_s)

    @property
    def _open(self) -> int:
        return sum(len(waiting) for waiting in self._numbers.values()) if self._stopping else 0

    async def _once(self) -> None:
        assert self._spool is not None  # noqa: S101  # made by start
        loop = asyncio.get_running_loop()
        gather = min(_GATHER_S, _GATHER_PER_TEXT_S * self.operator.window * len(self._link.sessions))
        if (rest := self._turned_at + gather - loop.time()) > 0:
            await asyncio.sleep(rest)
        self._awake.clear()
        settled, told = list(self._settled), self._told
        room = 0
        if not self._stopping:
            room = sum(session.room() for session in self._link.sessions) - self._link.waiting - self._held
        routes = self._routes(self.known) if room > 0 else []
        claimed: list[Claimed] = []
        late = 0
        if settled or told or (room > 0 and routes):
            self._told = []
            try:
                claimed, late = await self._spool.turn(
                    settled, [one for lot, _kept in told for one in lot], routes, room, self.known
                )
            except Exception as error:
                # Their operator sends them again; what is wrong with them alone does not keep the others from going.
                for _lot, kept in told:
                    kept.set_exception(error)
                away = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | OSError)
                if not told or away or not isinstance(error, psycopg.Error):
                    raise
                return
            # Only now that it is committed; what came meanwhile stays for the next turn.
            del self._settled[: len(settled)]
            for _lot, kept in told:
                kept.set_result(None)
            for one in claimed:
                self._go(one)
            self._turned_at = loop.time()
        if not claimed and not late and not self._awake.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), _IDLE_S)
        else:
            # The sockets have their turn too.
            await asyncio.sleep(0)

    def _go(self, claimed: Claimed) -> None:
        try:
            number = seal.unseal(claimed.number_sealed, place=number_place(claimed.id))
        except seal.SealBroken:
            self._settled.append(Settled(claimed.id, Kind.REFUSED, error=_UNREADABLE))
            self.wake()
            return
        going = _Going(claimed, number)
        waiting = self._numbers.setdefault((claimed.look_up, claimed.sender), deque())
        waiting.append(going)
        if len(waiting) == 1:
            self._offer(going)
        else:
            self._held += 1

    def _offer(self, going: _Going) -> None:
        claimed = going.claimed
        try:
            words = seal.unseal(claimed.words_sealed, place=words_place(claimed.id))
            if (one := sms.short(words, self._rules)) is not None:
                segments = [one]
            else:
                plan = sms.plan(words, self._rules)
                segments = sms.segments(plan, self._references.next(claimed.sender, going.number))
        except (seal.SealBroken, sms.TooLong, ValueError) as error:
            going.refused = Outcome(OutcomeKind.REJECTED, Status.RINVMSGLEN)
            log.warning("text %d cannot be written: %s", claimed.id, error)
            self._finish(going)
            return
        going.open = len(segments)
        source, destination = address_of(claimed.sender), address_of(going.number)
        validity = _relative(claimed.worth_until)
        worth_s = (claimed.worth_until - clock.now()).total_seconds()
        until = asyncio.get_running_loop().time() + worth_s
        self._link.offer(
            Submission(
                SubmitSm(
                    source=source,
                    destination=destination,
                    esm_class=one.esm_class,
                    data_coding=one.data_coding,
                    short_message=one.short_message,
                    tlvs=one.tlvs,
                    registered=1,
                    validity=validity,
                ),
                going,
                one.parts,
                until,
            )
            for one in segments
        )

    def _outcome(self, submission: Submission, outcome: Outcome) -> None:
        going = submission.tag
        assert isinstance(going, _Going)  # noqa: S101  # by _offer
        if outcome.late:
            self._late(going, outcome)
            return
        going.open -= 1
        if outcome.kind is OutcomeKind.ACCEPTED:
            going.keys.append(receipts.key(outcome.message_id, receipts.IdForm(self.operator.response_ids)))
        elif outcome.kind is OutcomeKind.UNKNOWN:
            going.missing += 1
        else:
            going.refused = outcome
        if not going.open:
            self._finish(going)

    def _given_back(self, submissions: Sequence[Submission]) -> None:
        for one in submissions:
            going = one.tag
            assert isinstance(going, _Going)  # noqa: S101  # by _offer
            going.open -= 1
            going.returned = True
            if not going.open:
                self._finish(going)

    def _finish(self, going: _Going) -> None:
        """All parts have come to something."""
        pk, keys = going.claimed.id, tuple(going.keys)
        later = going.refused is not None and is_temporary(going.refused.status)
        if going.missing or (keys and (going.returned or later)):
            # Some of it is with him, the rest nowhere: nobody knows what the telephone shows.
            self._doubtful[pk] = going
            while len(self._doubtful) > _LATE_KEPT:
                self._doubtful.popitem(last=False)
            error = name_of(going.refused.status) if going.refused is not None else _NO_ANSWER
            self._settled.append(Settled(pk, Kind.UNKNOWN, error=error))
        elif going.returned:
            self._settled.append(Settled(pk, Kind.RETURNED))
        elif going.refused is not None:
            kind = Kind.LATER if later else Kind.REFUSED
            self._settled.append(Settled(pk, kind, error=name_of(going.refused.status)))
        else:
            self._settled.append(Settled(pk, Kind.ACCEPTED, keys))
        self._next(going)
        self.wake()

    def _next(self, going: _Going) -> None:
        pair = going.claimed.look_up, going.claimed.sender
        waiting = self._numbers[pair]
        waiting.popleft()
        if waiting:
            self._held -= 1
            self._offer(waiting[0])
        else:
            del self._numbers[pair]

    def _late(self, going: _Going, outcome: Outcome) -> None:
        """The truth about one that was in doubt; only when all of it turns out to be with the operator."""
        if outcome.kind is not OutcomeKind.ACCEPTED:
            return
        going.keys.append(receipts.key(outcome.message_id, receipts.IdForm(self.operator.response_ids)))
        going.missing -= 1
        if going.open or going.missing or going.returned or going.refused is not None:
            return
        if going.claimed.id not in self._doubtful:
            return
        del self._doubtful[going.claimed.id]
        self._settled.append(Settled(going.claimed.id, Kind.ACCEPTED, tuple(going.keys), late=True))
        self.wake()

    # --- in --------------------------------------------------------------------------------------------------------

    async def _take(self, session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        """Receipts in the next turn, texts in a transaction of their own; what raises is asked for again."""
        told: list[Told] = []
        texts: list[DeliverSm | DataSm] = []
        answers: list[Response] = []
        for one in batch:
            if not isinstance(one, DeliverSm | DataSm):
                answers.append(one.answer(Status.RINVCMDID))
                continue
            answers.append(one.answer())
            found = receipts.read(one, zone=None, trust_text=self.operator.trust_text)
            if found is None and receipts.is_receipt(one):
                log.warning("%s: a receipt names no message", self.operator.code)
            elif found is None:
                texts.append(one)
            elif found.state in _FINAL:
                told.append(self._told_of(found, one))
        if told:
            await self._note(told)
        if not texts:
            return answers
        async with self._inward_turn:
            try:
                await self._keep(await self._inward_spool(), session, texts)
            except (psycopg.Error, OSError):
                # It may have been kept all the same: what comes again counts as come by another connection.
                self._sessions.pop(session, None)
                if self._inward:
                    await self._inward.connection.close()
                self._inward = None
                raise
        return answers

    async def _note(self, told: Sequence[Told]) -> None:
        """Returns when the turn that noted them has committed, after what was answered to their submits."""
        if self._pump is None or self._pump.done():
            raise ConnectionAbortedError("the operator is not held any more")
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._told.append((told, kept))
        self.wake()
        await kept

    def _told_of(self, found: receipts.Receipt, message: DeliverSm | DataSm) -> Told:
        form = receipts.IdForm(self.operator.receipt_ids)
        keys = (
            receipts.keys(found.message_id)
            if form is receipts.IdForm.PLAIN
            else (receipts.key(found.message_id, form),)
        )
        number = number_of(message.source, self.known.region)
        words = found.error if found.error not in ("", "0", "00", "000") else ""
        return Told(keys, seal.index_of(number), found.state.name, words)

    async def _inward_spool(self) -> Spool:
        if self._ended:
            raise ConnectionAbortedError("the operator is not held any more")
        if self._inward is None or self._inward.connection.closed:
            self._inward = Spool(await self._connect(), self.operator.pk)
        return self._inward

    async def _keep(self, spool: Spool, session: Session, texts: Sequence[DeliverSm | DataSm]) -> None:
        here = self._sessions.setdefault(session, next(self._session_ids))
        live = {self._sessions[one] for one in self._link.sessions if one in self._sessions} | {here}
        async with spool.connection.transaction():
            store = Store(spool.connection, self.operator.pk)
            arrived = []
            for one in texts:
                whole = await joining.join(
                    one, self.operator.code, store, now=0, default_alphabet=self._rules.default_alphabet
                )
                if whole is not None:
                    arrived.append(await self._arrived(spool, whole, one, here))
            if arrived:
                await spool.arrived(arrived, live)

    async def _arrived(
        self, spool: Spool, joined: joining.Joined, message: DeliverSm | DataSm, session: int
    ) -> Arrived:
        (pk,) = await self._ids.draw(spool.connection)
        number = number_of(message.source, self.known.region)
        code = number_of(message.destination, self.known.region, code=True)
        words = joined.text if joined.text is not None else "\ufffd"
        return Arrived(
            id=pk,
            code=code[:20],
            number_sealed=seal.seal(number, place=number_place(pk)),
            look_up=seal.index_of(number),
            hint=phone.masked(number)[:30],
            words_sealed=seal.seal(words.replace("\0", ""), place=words_place(pk)),
            mark=seal.index_of(f"{number}\0{code}\0{words}"),
            session=session,
            whole=joined.whole and joined.text is not None,
        )

    async def sweep(self) -> None:
        """Match receipts that were here before the answer to their submit."""
        async with self._inward_turn:
            await (await self._inward_spool()).sweep()

    async def forget(self) -> None:
        """Give up what waited too long for its other parts: people see what came. Forget old receipts of nothing."""
        async with self._inward_turn:
            spool = await self._inward_spool()
            async with spool.connection.transaction():
                store = Store(spool.connection, self.operator.pk)
                arrived = []
                for key, parts in await store.expired(0):
                    made = joining.read(key, parts, self._rules.default_alphabet)
                    message = DeliverSm(
                        source=Address(key.source, _INTERNATIONAL, _ISDN), destination=Address(key.destination)
                    )
                    arrived.append(await self._arrived(spool, made, message, 0))
                if arrived:
                    await spool.arrived(arrived, ())
                await spool.forget()
            # The server may have finished that commit after we looked.
            await self._release(spool, _RELEASE_S)

    # --- what is seen ----------------------------------------------------------------------------------------------

    def _happened(self, account: Account, event: Event) -> None:
        self._said[account] = f"{event.kind.value}: {event.reason}"[:200]
        if event.kind is EventKind.BOUND:
            self._since[account] = clock.now()
            self._paces[account] = deque([(asyncio.get_running_loop().time(), 0)])
        elif event.kind is EventKind.CLOSED:
            self._since.pop(account, None)
        level = logging.INFO if event.kind in (EventKind.BOUND, EventKind.RECOVERED) else logging.WARNING
        if event.kind is not EventKind.THROTTLED:
            log.log(level, "%s: %s", self.operator.code, self._said[account])

    def states(self) -> list[BindState]:
        """Each bind as it is now."""
        now = clock.now()
        found = []
        sessions = dict(self._link.bound())
        for account, bind in self._binds.items():
            session = sessions.get(account)
            state = BindState(bind=bind, at=now, said=self._said.get(account, ""))
            if session is not None:
                counters = session.counters
                state.bound_since = self._since.get(account)
                state.degraded = bool(session.degraded)
                state.in_flight = session.unanswered
                state.per_s = self._pace(account, counters.accepted)
                for name in ("sent", "accepted", "rejected", "throttled", "unknown", "received", "malformed"):
                    setattr(state, name, getattr(counters, name))
            found.append(state)
        return found

    def _pace(self, account: Account, accepted: int) -> float:
        """Parts a second over the last minute; a new session counts from nothing."""
        now = asyncio.get_running_loop().time()
        seen = self._paces[account]
        seen.append((now, accepted))
        while now - seen[0][0] > _PACE_S:
            seen.popleft()
        since, before = seen[0]
        return (accepted - before) / (now - since) if now > since else 0.0


def _account(bind: Bind) -> Account:
    password = seal.unseal(bytes(bind.password_sealed), place="bind") if bind.password_sealed else ""
    return Account(
        bind.host,
        bind.port,
        bind.system_id,
        password,
        bind.system_type,
        Way(bind.way),
        tls=ssl.create_default_context() if bind.tls else None,
    )


def address_of(number: str) -> Address:
    """A number or name as SMPP wants it: E.164 without the plus, a short code, or a name of letters."""
    if number.startswith("+"):
        return Address(number[1:], _INTERNATIONAL, _ISDN)
    if number.isdigit():
        return Address(number, _NETWORK if phone.is_short_code(number) else 0, 0)
    return Address(number[:11], _ALPHANUMERIC, 0)


def number_of(address: Address, region: str, *, code: bool = False) -> str:
    """A telephone number in E.164, or what the operator wrote when it is none (a short code, a name).

    Where he does not say that it is written for the whole world it may be written as in this region.
    """
    written = address.number.strip().lstrip("+")
    if code or address.ton == _ALPHANUMERIC or not written.isdigit():
        return written[:20] or "?"
    if address.ton == _INTERNATIONAL and 7 <= len(written) <= 15:
        return f"+{written}"
    return phone.normalise(written, region) or phone.normalise(f"+{written}", region) or written[:20]


def _relative(until: datetime) -> str:
    """What is left until then as SMPP's relative time (7.1.1.2), at least a minute; at most 63 days."""
    seconds = max(60, min(63 * 86_400, int((until - datetime.now(UTC)).total_seconds())))
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"00{days // 30:02d}{days % 30:02d}{hours:02d}{minutes:02d}{seconds:02d}000R"
