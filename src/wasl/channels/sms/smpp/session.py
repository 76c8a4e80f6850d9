"""One SMPP connection, the same for both ends: window, time-outs, watching the peer, and answers after the commit.

Who calls and binds is in `client`, who is called in `server`; keeping several connections alive is in `link`.

Three rules keep messages from being lost or sent twice in silence:

* A request whose answer does not come is *unknown*, never failed: the operator may have it. An answer that comes later
  is told as well (`Outcome.late`).
* What the peer sends is answered when the handler has returned, which is when it has committed. Until then it counts
  against `Limits.inbound`, and beyond that the connection is not read: TCP holds the peer back.
* A peer that has fallen silent is called degraded long before the connection ends, so that others take over.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.codec import BY_COMMAND, Pdu, Request, Response
from wasl.channels.sms.smpp.codes import RESPONSE, THROTTLES, Command, Status, name_of
from wasl.channels.sms.smpp.inbox import Inbox
from wasl.channels.sms.smpp.outcome import (
    LIMITS,
    Closed,
    Counters,
    Done,
    Event,
    EventKind,
    Limits,
    Outcome,
    OutcomeKind,
    WindowFull,
)
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.wire import HEADER, Frame, Framer, PduError, UnknownCommand

__all__ = ["Handler", "Session"]

log = logging.getLogger(__name__)

_UNREAD_OCTETS: Final = 4 * 1024 * 1024
"""What may wait for a peer that does not read, before we hang up."""
_LATE_KEPT: Final = 10_000
_MALFORMED_IN_A_ROW: Final = 20


class _Pending(NamedTuple):
    since: float
    answer: int
    done: Done


@dataclass(slots=True)
class _Question:
    """A request of the session's own whose answer is waited for as a whole."""

    since: float
    answer: type[Response]
    future: "asyncio.Future[Response]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


Handler = Callable[["Session", Sequence[Request]], Awaitable[Sequence[Response]]]
"""Takes what the peer sent, in order, up to 500 at a time, and gives the answer to each, in the same order.

It is called again when it has returned, so that a conversation keeps its order, and what arrives meanwhile makes the
next, larger batch: one commit for all of it. When it raises, all are answered as a temporary failure and come again.
"""


class Session(asyncio.Protocol):
    """See the module. Not safe for threads: everything happens in the loop of the connection."""

    def __init__(
        self,
        handler: Handler,
        *,
        limits: Limits = LIMITS,
        bucket: TokenBucket | None = None,
        on_event: Callable[["Session", Event], None] | None = None,
    ) -> None:
        self.limits = limits
        self.counters = Counters()
        self.name = "unbound"
        """For the log: whose connection this is."""
        self.on_room: Callable[[], None] | None = None
        self.sends = False
        """Whether requests may go to the peer: bound that way, and not closing."""
        self.takes: tuple[type[Request], ...] = ()
        """What the peer may send, as it is bound."""
        self.degraded = ""
        """Why the peer is not to be relied on now; empty when all is well."""
        self.loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = self.loop.create_future()
        """Done, with the reason, when the connection has ended."""
        self._handler = handler
        self._bucket = bucket
        self._on_event = on_event
        self._framer = Framer(limits.longest)
        self._transport: asyncio.Transport | None = None
        self._out: list[bytes] = []
        self._sequence = 0
        self._pending: dict[int, _Pending] = {}
        self._questions: dict[int, _Question] = {}
        self._late: OrderedDict[int, Done] = OrderedDict()
        self._waiters: list[asyncio.Future[None]] = []
        self._once_bound: tuple[bool, tuple[type[Request], ...]] = (False, ())
        self._inbox = Inbox(self._take, self._answer, self._taken)
        self._tasks: set[asyncio.Task[None]] = set()
        self._reading_paused = False
        self._writing_paused = False
        self._heard = self.loop.time()
        self._enquiry: _Question | None = None
        self._request_answered_at = self._heard
        self._probing = False
        self._paused_until = 0.0
        self._pause = limits.pause
        self._wake_at = float("inf")
        self._wake_timer: asyncio.TimerHandle | None = None
        self._malformed = 0
        self._reason = ""
        self._tick_every = max(0.02, min(1.0, limits.enquire_answer / 4, limits.slow / 4, limits.response / 4))
        self._ticker: asyncio.TimerHandle | None = None

    # --- sending ---------------------------------------------------------------------------------------------------

    @property
    def unanswered(self) -> int:
        """Requests of ours whose answer is still waited for."""
        return len(self._pending)

    def room(self) -> int:
        """How many messages may be submitted now; 0 while closed, degraded, throttled, over the rate, or held back."""
        if not self.sends or self.degraded or self._writing_paused:
            return 0
        now = self.loop.time()
        if now < self._paused_until or (self._bucket and self._bucket.wait(now)):
            return 0
        return (1 if self._probing else self.limits.window) - len(self._pending)

    def submit(self, message: Request, done: Done, parts: int = 1) -> int:
        """Send the message and give its sequence number; `done` is told the outcome, never before this returns.

        `parts` is what the operator will count. Raises WindowFull when there is no room, PduError when the message
        cannot be written.
        """
        return self.submit_octets(message.command, message.body(), done, parts)

    def submit_octets(self, command: int, body: bytes, done: Done, parts: int = 1) -> int:
        """As `submit`, with a body that is encoded already: for one text to many, or many a second."""
        now = self.loop.time()
        if self.room() < 1:
            self.rest()
            raise WindowFull
        if self._bucket:
            self._bucket.take(parts, now)
            self.rest()
        sequence = self._next_sequence()
        self._pending[sequence] = _Pending(now, command | RESPONSE, done)
        self.counters.sent += 1
        self._send(HEADER.pack(len(body) + 16, command, 0, sequence) + body)
        return sequence

    def rest(self) -> None:
        """Ask to be woken when only the rate stands in the way of sending more."""
        if self._bucket and self.sends:
            wait = self._bucket.wait(self.loop.time())
            if wait:
                self._wake_in(wait)

    async def send(self, message: Request, parts: int = 1) -> Outcome:
        """Wait for room, send, and wait for the (first) outcome. Raises Closed when it could not be sent any more."""
        future: asyncio.Future[Outcome] = self.loop.create_future()

        def done(outcome: Outcome) -> None:
            if not future.done():
                future.set_result(outcome)

        body = message.body()
        while True:
            await self.ready()
            try:
                self.submit_octets(message.command, body, done, parts)
            except WindowFull:
                continue
            return await future

    async def ready(self) -> None:
        """Wait until there is room. Raises Closed when there will be none any more."""
        while self.room() < 1:
            if self.closed.done() or self._reason:
                raise Closed(self._reason or "the connection has ended")
            self.rest()
            await self._change()

    async def _while(self, so: Callable[[], bool]) -> None:
        while so() and not self.closed.done():
            await self._change()

    async def _change(self) -> None:
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._waiters.append(waiter)
        await waiter

    async def ask(self, request: Request, timeout: float | None = None) -> Response:  # noqa: ASYNC109
        """Send a request outside the window (bind, query, cancel, replace, unbind) and give its whole answer.

        A generic_nack is an answer. Raises TimeoutError after `timeout` seconds (`Limits.response`), or Closed.
        """
        question = self._ask(request)
        return await asyncio.wait_for(question.future, timeout or self.limits.response)

    async def bind(self, request: pdu.BindRequest, *, sends: bool, takes: tuple[type[Request], ...]) -> Response:
        """Ask to be bound; from the answer on, not a moment later, the session sends and takes.

        Operators send the first texts together with the answer. Raises TimeoutError after `Limits.bind`, or Closed.
        """
        self._once_bound = sends, takes
        return await self.ask(request, self.limits.bind)

    def _ask(self, request: Request) -> _Question:
        if self._transport is None or self.closed.done():
            raise Closed(self._reason or "not connected")
        sequence = self._next_sequence()
        question = _Question(self.loop.time(), request.response)
        self._questions[sequence] = question
        request.sequence = sequence
        question.future.add_done_callback(lambda _future: self._questions.pop(sequence, None))
        self._send(request.encode())
        return question

    def _next_sequence(self) -> int:
        self._sequence = self._sequence + 1 if self._sequence < 0x7FFFFFFF else 1
        return self._sequence

    def _send(self, octets: bytes) -> None:
        """Everything that is sent in one turn of the loop goes out in one write."""
        if not self._out:
            self.loop.call_soon(self._flush)
        self._out.append(octets)

    def _flush(self) -> None:
        out, self._out = self._out, []
        transport = self._transport
        if transport is None or transport.is_closing() or not out:
            return
        transport.write(b"".join(out))
        if transport.get_write_buffer_size() > _UNREAD_OCTETS:
            self.abort("the peer does not read")

    def _wake_in(self, seconds: float) -> None:
        at = self.loop.time() + seconds
        if at >= self._wake_at:
            return
        if self._wake_timer:
            self._wake_timer.cancel()
        self._wake_at = at
        self._wake_timer = self.loop.call_later(seconds, self._timed_wake)

    def _timed_wake(self) -> None:
        self._wake_at, self._wake_timer = float("inf"), None
        self._wake()

    def _wake(self) -> None:
        """There may be room again: tell who waits."""
        if self._waiters:
            waiters, self._waiters = self._waiters, []
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_result(None)
        if self.on_room:
            try:
                self.on_room()
            except Exception:
                log.exception("%s: room was not taken", self.name)

    # --- the connection --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop. asyncio and uvloop set TCP_NODELAY by themselves."""
        # What create_connection and create_server give; uvloop's is no subclass.
        self._transport = cast("asyncio.Transport", transport)
        self._heard = self.loop.time()
        self._ticker = self.loop.call_later(self._tick_every, self._tick)

    def connection_lost(self, error: Exception | None) -> None:
        """Called by the loop: whatever has no answer is unknown now."""
        self.sends = False
        for timer in (self._ticker, self._wake_timer):
            if timer:
                timer.cancel()
        self._reason = self._reason or (f"connection lost: {error}" if error else "the peer hung up")
        pending, self._pending = self._pending, {}
        self.counters.unknown += len(pending)
        for one in pending.values():
            self._tell(one.done, Outcome(OutcomeKind.UNKNOWN))
        for question in list(self._questions.values()):
            if not question.future.done():
                question.future.set_exception(Closed(self._reason))
                question.future.exception()  # whether anybody waits for it or not
        self._late.clear()
        for task in self._tasks:
            task.cancel()  # a handler at work is not among them: what it commits, it commits
        if not self.closed.done():
            self.closed.set_result(self._reason)
        self._wake()
        self.event(EventKind.CLOSED, self._reason)

    def pause_writing(self) -> None:
        """Called by the loop: the peer reads more slowly than we write."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Called by the loop."""
        self._writing_paused = False
        self._wake()

    def abort(self, reason: str) -> None:
        """End the connection at once; what has no answer becomes unknown."""
        self._reason = self._reason or reason
        self.sends = False
        if self._transport:
            self._transport.abort()

    def close(self, reason: str) -> None:
        """End the connection when what was written is out."""
        self._reason = self._reason or reason
        self.sends = False
        if self._transport:
            self._flush()
            self._transport.close()

    async def unbind(self, patience: float = 5.0) -> None:
        """Leave in order: no new messages, wait for answers (`patience` seconds at most), unbind, hang up."""
        if self.closed.done():
            return
        self._reason = self._reason or "unbound by us"
        self.sends = False
        with suppress(TimeoutError, Closed):
            await asyncio.wait_for(self._while(lambda: bool(self._pending or self._inbox.busy)), patience)
            await self.ask(pdu.Unbind(), max(0.1, min(patience, 5.0)))
        self.close("unbound by us")
        try:
            await asyncio.wait_for(asyncio.shield(self.closed), 2.0)
        except TimeoutError:
            self.abort("unbound by us")
            await asyncio.shield(self.closed)

    def event(self, kind: EventKind, reason: str = "", about: Pdu | None = None) -> None:
        """Tell whoever watches; what he does wrong does not reach the session."""
        log.info("%s: %s %s", self.name, kind.value, reason)
        if self._on_event:
            try:
                self._on_event(self, Event(kind, reason, about))
            except Exception:
                log.exception("an event was not taken")

    def start(self, work: Awaitable[None]) -> None:
        """Run beside the session, until done or until the connection ends."""

        async def run() -> None:
            await work

        task = self.loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- receiving -------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Called by the loop with whatever the network gave."""
        self._heard = self.loop.time()
        frames, error = self._framer.feed(data)
        answered = False
        for frame in frames:
            if frame.command & RESPONSE:
                answered = True
                self._answered(frame)
            elif frame.command == Command.ENQUIRE_LINK:
                self._send(HEADER.pack(16, Command.ENQUIRE_LINK | RESPONSE, 0, frame.sequence))
            else:
                self._asked(frame)
        if error:
            self.counters.malformed += 1
            self.event(EventKind.GARBAGE, str(error))
            self._send(pdu.GenericNack(status=error.status).encode())
            self.close("what the peer sends cannot be read")
        elif answered:
            self._wake()

    def _answered(self, frame: Frame) -> None:
        sequence = frame.sequence
        pending = self._pending.get(sequence)
        if pending is None:
            self._answered_otherwise(frame)
            return
        if frame.command not in (pending.answer, Command.GENERIC_NACK):
            self.counters.strays += 1
            return
        del self._pending[sequence]
        self._request_answered_at = self._heard
        self._tell(pending.done, self._outcome(frame, late=False))

    def _outcome(self, frame: Frame, *, late: bool) -> Outcome:
        if not frame.status and frame.command != Command.GENERIC_NACK:
            self.counters.accepted += 1
            self._pause = self.limits.pause
            self._probing = False
            body = frame.body
            end = body.find(0)
            message_id = (body if end < 0 else body[:end]).decode("latin-1")
            return Outcome(OutcomeKind.ACCEPTED, 0, message_id, late)
        if frame.status in THROTTLES:
            self.counters.throttled += 1
            self._throttle(frame.status)
            return Outcome(OutcomeKind.THROTTLED, frame.status, "", late)
        self.counters.rejected += 1
        return Outcome(OutcomeKind.REJECTED, frame.status or Status.RUNKNOWNERR, "", late)

    def _throttle(self, status: int) -> None:
        """Stop for a while. What was in flight is throttled as well, which is one occasion and not many."""
        now = self.loop.time()
        if now < self._paused_until:
            return
        self._paused_until = now + self._pause
        self._wake_in(self._pause)
        self.event(EventKind.THROTTLED, f"{name_of(status)}: pausing {self._pause:g} s")
        self._pause = min(2 * self._pause, 4 * self.limits.pause)

    def _answered_otherwise(self, frame: Frame) -> None:
        question = self._questions.get(frame.sequence)
        if question is not None and frame.command in (question.answer.command, Command.GENERIC_NACK):
            try:
                answer = pdu.read(frame)
            except PduError as error:
                self.counters.malformed += 1
                answer = pdu.GenericNack(sequence=frame.sequence, status=error.status)
            assert isinstance(answer, Response)  # noqa: S101  # by its command
            if isinstance(answer, pdu.BindResponse) and not answer.status:
                self.sends, self.takes = self._once_bound
            if not question.future.done():
                question.future.set_result(answer)
            return
        done = self._late.pop(frame.sequence, None)
        if done is None or frame.command not in (Command.SUBMIT_SM | RESPONSE, Command.DATA_SM | RESPONSE,
                                                 Command.DELIVER_SM | RESPONSE, Command.GENERIC_NACK):  # fmt: skip
            self.counters.strays += 1
            return
        self.counters.late += 1
        self._tell(done, self._outcome(frame, late=True))

    def _tell(self, done: Done, outcome: Outcome) -> None:
        try:
            done(outcome)
        except Exception:
            log.exception("an outcome was not taken")

    def _asked(self, frame: Frame) -> None:
        try:
            request = pdu.read(frame)
        except PduError as error:
            self._unreadable(frame, error)
            return
        self._malformed = 0
        if isinstance(request, self.takes):
            if not self.admits(request):
                return
            self.counters.received += 1
            self._inbox.put(request)
            if not self._reading_paused and len(self._inbox) >= self.limits.inbound:
                self._reading_paused = True
                if self._transport:
                    self._transport.pause_reading()
        elif isinstance(request, pdu.Unbind):
            self.start(self._unbound(request))
        elif isinstance(request, pdu.BindRequest):
            self.bind_asked(request)
        elif isinstance(request, Request):
            self._send(request.answer(Status.RINVBNDSTS).encode())
        elif isinstance(request, pdu.AlertNotification):
            self.event(EventKind.ALERT, about=request)

    def admits(self, request: Request) -> bool:
        """Whether the request is taken now; who says no has answered it."""
        return True

    def bind_asked(self, request: pdu.BindRequest) -> None:
        """The peer wants to bind; only a server takes that."""
        self._send(request.answer(Status.RINVBNDSTS).encode())

    def _unreadable(self, frame: Frame, error: PduError) -> None:
        """Answer what cannot be read, and go on: the frame was whole. After too many in a row hang up."""
        self.counters.malformed += 1
        self._malformed += 1
        known = BY_COMMAND.get(frame.command)
        if isinstance(error, UnknownCommand) or known is None or not issubclass(known, Request):
            answer: Response = pdu.GenericNack(sequence=frame.sequence, status=error.status)
        else:
            answer = known.response(sequence=frame.sequence, status=error.status)
        self._send(answer.encode())
        if self._malformed >= _MALFORMED_IN_A_ROW:
            self.event(EventKind.GARBAGE, str(error))
            self.close("too much of what the peer sends cannot be read")

    async def _take(self, batch: Sequence[Request]) -> Sequence[Response]:
        return await self._handler(self, batch)

    async def _answer(self, octets: bytes) -> bool:
        if self.closed.done():
            return False
        self._send(octets)
        await self._while(lambda: self._writing_paused)
        return True

    def _taken(self) -> None:
        """The inbox holds less: read on when it is half empty."""
        if self._reading_paused and len(self._inbox) <= self.limits.inbound // 2:
            self._reading_paused = False
            self._heard = self.loop.time()
            if self._transport and not self._transport.is_closing():
                self._transport.resume_reading()
        self._wake()

    async def _unbound(self, request: pdu.Unbind) -> None:
        """The peer leaves: what it sent is still handled and answered, then it may go."""
        self.sends = False
        self.takes = ()
        self._reason = self._reason or "unbound by the peer"
        with suppress(TimeoutError):
            await asyncio.wait_for(self._while(lambda: self._inbox.busy), 5.0)
        self._send(request.answer().encode())
        self.close("unbound by the peer")

    # --- watching the peer -----------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self._ticker = self.loop.call_later(self._tick_every, self._tick)
        if self._reading_paused:
            return  # we do not listen: the silence is ours
        now = self.loop.time()
        self._expire(now)
        enquiry = self._enquiry
        if enquiry and enquiry.future.done():
            self._enquiry = enquiry = None
        if enquiry is None:
            if now - self._heard >= self.limits.enquire_every and (self.sends or self.takes):
                self._enquiry = self._ask(pdu.EnquireLink())
        elif now - enquiry.since > self.limits.dead:
            self.abort(f"no answer to enquire_link for {self.limits.dead:g} s")
            return
        self._judge(now)

    def _judge(self, now: float) -> None:
        why = ""
        if self._enquiry and now - self._enquiry.since > self.limits.enquire_answer:
            why = f"no answer to enquire_link for {self.limits.enquire_answer:g} s"
        oldest = next(iter(self._pending.values()), None)
        if oldest and now - max(oldest.since, self._request_answered_at) > self.limits.slow:
            self._probing = True  # when it comes back, one request first
            why = f"no answer to a request for {self.limits.slow:g} s"
            if self._enquiry is None:
                self._enquiry = self._ask(pdu.EnquireLink())
        if why and not self.degraded:
            self.degraded = why
            self.event(EventKind.DEGRADED, why)
        elif self.degraded and not why:
            self.degraded = ""
            self.event(EventKind.RECOVERED)
            self._wake()

    def _expire(self, now: float) -> None:
        """Requests without an answer for too long are unknown. They were sent in the order of the table."""
        expired = []
        for sequence, pending in self._pending.items():
            if now - pending.since < self.limits.response:
                break
            expired.append(sequence)
        for sequence in expired:
            done = self._pending.pop(sequence).done
            self.counters.unknown += 1
            self._late[sequence] = done
            if len(self._late) > _LATE_KEPT:
                self._late.popitem(last=False)
            self._tell(done, Outcome(OutcomeKind.UNKNOWN))
        if expired:
            self._wake()
