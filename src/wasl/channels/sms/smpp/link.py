"""Staying bound to one operator: several sessions kept alive, messages shared out among them, the backlog given back.

Which operator gets a message, and what becomes of it afterwards, is decided by whoever holds the link.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from random import uniform
from typing import Final

from wasl.channels.sms.smpp.client import Account, BindRefused, connect
from wasl.channels.sms.smpp.codec import Request
from wasl.channels.sms.smpp.codes import Status
from wasl.channels.sms.smpp.outcome import LIMITS, Event, EventKind, Limits, Outcome, OutcomeKind, WindowFull
from wasl.channels.sms.smpp.rate import TokenBucket
from wasl.channels.sms.smpp.session import Handler, Session
from wasl.channels.sms.smpp.wire import PduError

__all__ = ["Link", "Patience", "Submission"]

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Submission:
    """A message to send; `tag` is the owner's, to know it by. Each is one PDU; `parts` is what the operator counts.

    `until`: by the loop's clock, when it is not worth sending any more. `throttled`: how often it was, so far.
    """

    message: Request
    tag: object
    parts: int = 1
    until: float = float("inf")
    throttled: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """Times of a link in seconds.

    `first` and `longest`: between two tries to bind, doubling, each drawn between half and the whole so that not all
    call at once; a refusal that asking again will not mend waits `longest` at once. `steady`: bound for so long, the
    next loss starts again at `first`. `backlog`: no session usable for so long, what waits is given back.
    """

    first: float = 1.0
    longest: float = 60.0
    steady: float = 30.0
    backlog: float = 5.0


PATIENCE: Final = Patience()
MOST_THROTTLED: Final = 8
"""So often one message may be throttled; then it is not the rate but the message, such as one to a telephone that is
full, and the others do not wait for it."""


class Link:
    """One operator. Everything happens in the loop that called `start`; not safe for threads.

    `on_outcome` is told what became of each submission: accepted, rejected, or unknown, and later perhaps the truth
    about an unknown. A throttled one goes back to the head of the queue and is told only after `MOST_THROTTLED` times,
    or when it is not worth sending any more. `on_backlog` gets what nobody has tried to send yet when no session has
    been usable for `Patience.backlog` seconds: it may go to another operator.
    `on_room` is called when `room` has grown: the time to offer more.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        handler: Handler,
        *,
        on_outcome: Callable[[Submission, Outcome], None],
        on_backlog: Callable[[Sequence[Submission]], None],
        on_room: Callable[[], None] = lambda: None,
        on_event: Callable[[Account, Event], None] = lambda _account, _event: None,
        limits: Limits = LIMITS,
        patience: Patience = Patience(),  # frozen
        bucket: TokenBucket | None = None,
        backlog: int = 100,
    ) -> None:
        self._accounts = tuple(accounts)
        self._handler = handler
        self._on_outcome = on_outcome
        self._on_backlog = on_backlog
        self._on_room = on_room
        self._on_event = on_event
        self._limits = limits
        self._patience = patience
        self._bucket = bucket
        self._most = backlog
        # By the order in which they were offered: what was throttled comes back into its place.
        self._queue: list[tuple[int, Submission]] = []
        self._offered = 0
        self._sessions: dict[int, Session] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._turn = 0
        self._giving_back: asyncio.TimerHandle | None = None
        self._stopped = False
        self._pumping = False

    @property
    def usable(self) -> bool:
        """Whether any session could take a message, now or when there is room again."""
        return any(session.sends and not session.degraded for session in self._sessions.values())

    @property
    def room(self) -> int:
        """How many more submissions are taken; 0 while no session is usable."""
        return max(0, self._most - len(self._queue)) if self.usable else 0

    @property
    def waiting(self) -> int:
        """Submissions that no session has taken yet."""
        return len(self._queue)

    def bound(self) -> list[tuple[Account, Session]]:
        """Which account holds which session now."""
        return [(self._accounts[number], session) for number, session in self._sessions.items()]

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those bound now, for their counters."""
        return tuple(self._sessions.values())

    def start(self) -> None:
        """Begin to bind; there is no end but `stop`."""
        loop = asyncio.get_running_loop()
        self._keepers = [loop.create_task(self._keep(number, one)) for number, one in enumerate(self._accounts)]

    async def stop(self, patience: float = 5.0) -> None:
        """Unbind everywhere; what was not sent is given back, what stays unanswered so long is unknown."""
        self._stopped = True
        self._give_back()
        await asyncio.gather(*(session.unbind(patience) for session in self.sessions))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def offer(self, submissions: Iterable[Submission]) -> None:
        """Take these; more than `room` are taken, too, but the owner should not make a habit of it.

        After `stop` they are given back at once.
        """
        if self._stopped:
            self._on_backlog(list(submissions))
            return
        for one in submissions:
            self._offered += 1
            heappush(self._queue, (self._offered, one))
        self._pump()
        self._watch_backlog()

    # --- sharing out -----------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Give what waits to the sessions in turn, each as much as it has room for."""
        if self._pumping:
            return
        self._pumping = True
        try:
            before = self.room
            sessions = list(self._sessions.values())
            self._turn += 1
            idle = 0
            while self._queue and sessions and idle < len(sessions):
                session = sessions[self._turn % len(sessions)]
                if session.room() < 1 or not self._give(session):
                    idle += 1
                    self._turn += 1
                else:
                    idle = 0
            for session in sessions:
                session.rest()
        finally:
            self._pumping = False
        # The rate may have been all that stood in the way: then nothing waited here, and there is room again.
        if self.room > before or (not self._queue and any(one.room() > 0 for one in self._sessions.values())):
            self._on_room()

    def _give(self, session: Session) -> bool:
        place, one = self._queue[0]
        if asyncio.get_running_loop().time() >= one.until:
            late = Outcome(OutcomeKind.THROTTLED, Status.RTHROTTLED)
            asyncio.get_running_loop().call_soon(self._on_outcome, one, late)
            heappop(self._queue)
            return True
        try:
            session.submit(one.message, partial(self._outcome, place, one), one.parts)
        except WindowFull:
            return False
        except PduError as error:
            # It can never be sent. Told in the next turn, as answers are.
            asyncio.get_running_loop().call_soon(self._on_outcome, one, Outcome(OutcomeKind.REJECTED, error.status))
        heappop(self._queue)
        return True

    def _outcome(self, place: int, one: Submission, outcome: Outcome) -> None:
        if outcome.kind is OutcomeKind.THROTTLED and not outcome.late:
            if self._stopped:
                self._on_backlog([one])
                return
            one.throttled += 1
            if one.throttled >= MOST_THROTTLED:
                self._on_outcome(one, outcome)
                return
            heappush(self._queue, (place, one))
            self._watch_backlog()
            return
        self._on_outcome(one, outcome)

    def _watch_backlog(self) -> None:
        """Start, or stop, the clock after which what waits is given back."""
        if self.usable or not self._queue:
            if self._giving_back:
                self._giving_back.cancel()
                self._giving_back = None
        elif self._giving_back is None and not self._stopped:
            loop = asyncio.get_running_loop()
            self._giving_back = loop.call_later(self._patience.backlog, self._give_back)

    def _give_back(self) -> None:
        if self._giving_back:
            self._giving_back.cancel()
            self._giving_back = None
        if self._queue:
            backlog, self._queue = sorted(self._queue), []
            self._on_backlog([one for _place, one in backlog])

    # --- staying bound ---------------------------------------------------------------------------------------------

    def _happened(self, account: Account, _session: Session, event: Event) -> None:
        self._on_event(account, event)
        if event.kind in (EventKind.DEGRADED, EventKind.CLOSED):
            self._pump()
            self._watch_backlog()
        elif event.kind is EventKind.RECOVERED:
            self._watch_backlog()
            self._on_room()

    async def _keep(self, number: int, account: Account) -> None:
        wait = self._patience.first
        loop = asyncio.get_running_loop()
        while not self._stopped:
            try:
                session = await connect(
                    account,
                    self._handler,
                    limits=self._limits,
                    bucket=self._bucket,
                    on_event=partial(self._happened, account),
                )
            except (OSError, TimeoutError, PduError) as error:
                log.warning("%s:%d: %s", account.host, account.port, str(error) or "no answer")
                if isinstance(error, PduError) or (isinstance(error, BindRefused) and error.for_good):
                    wait = self._patience.longest
            else:
                since = loop.time()
                try:
                    await self._hold(number, session)
                except Exception:
                    log.exception("%s:%d: the owner of the link failed", account.host, account.port)
                if loop.time() - since >= self._patience.steady:
                    wait = self._patience.first
            await asyncio.sleep(uniform(wait / 2, wait))  # noqa: S311  # no secret
            wait = min(2 * wait, self._patience.longest)

    async def _hold(self, number: int, session: Session) -> None:
        self._sessions[number] = session
        session.on_room = self._pump
        if self._giving_back:
            self._watch_backlog()
        self._pump()
        self._on_room()
        try:
            await asyncio.shield(session.closed)
        finally:
            session.on_room = None
            del self._sessions[number]
            session.abort("the link was stopped")
            self._watch_backlog()
