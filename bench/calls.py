"""Calls: from joining the line to an agent's telephone ringing, beside plain `Queue()` of the same Asterisk; and how
many calls one machine carries.

sipp calls, and answers as the agents, over real SIP. Numbers that lead to our line, and others that lead to Asterisk's
own queue, take turns; both ring the same telephones, and both record every call. Both are timed in the same way: from
joining (the row of the data base for ours, Asterisk's event for its own) to Asterisk's event that the leg rings.

`calls ratio R`: the least of limit over our 99th percentile (10 ms up to 40 calls a second, 50 ms at 80), over all
numbers of seats; 0 where a call was lost. Agents have no pages open here.
"""

import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db import connection
from django.db.models import Count

from bench.making import telephone
from bench.making.telephone import MENU, PEER_MENU, PEER_STRAIGHT, STRAIGHT, Ears, Exchange, exchange, joined, rang
from wasl.kernel import clock
from wasl.services.calls import line
from wasl.services.calls.models import Call, Leg, Queue, Seat, Spell, Waiting

LIMIT_MS = {5: 10.0, 40: 10.0, 80: 50.0}
# Seats, calls a second, seconds that each talks.
LOADS = ((10, 5, 1.0), (100, 40, 1.0), (500, 40, 1.0), (500, 80, 1.0))
STORM_RATE = 33
_PATIENCE_S = 8
"""Who is not answered within this is lost, where there are enough seats for all."""


@dataclass(frozen=True)
class Taken:
    """What one load came to: milliseconds from joining to ringing, and processor seconds by program."""

    waits_ms: list[float]
    lost: int
    calls: int
    cpu_s: dict[str, float]

    @property
    def p50(self) -> float:
        return statistics.median(self.waits_ms)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.waits_ms, n=100)[98]

    @property
    def per_k(self) -> float:
        """Processor seconds for 1,000 calls."""
        return sum(self.cpu_s.values()) * 1000 / self.calls


def main(quick: bool, *, long: bool = False) -> None:
    """Prints the tables, then `calls ratio R`."""
    telephone.prepare()
    _decision(100 if quick else 300)
    with tempfile.TemporaryDirectory(prefix="wasl-calls-") as place, exchange(Path(place)) as running:
        began = running.memory_mb()
        ratio = _waits(running, LOADS[:2] if quick else LOADS, 5 if quick else 10)
        _through_the_menu(running, (20,) if quick else (40, 60, 80, 100, 120), 5)
        _at_the_same_time(running, 20 if quick else 60, 12)
        faults = _storm(running, 600 if long else 15 if quick else 60)
        _memory(running, began)
    for fault in faults:
        print(fault)
    print(f"calls ratio {0.0 if faults else ratio:.2f}")


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


# --- from joining to ringing --------------------------------------------------------------------------------------


def _waits(running: Exchange, loads: tuple[tuple[int, int, float], ...], seconds: int) -> float:
    """The table; gives the least ratio to a limit."""
    print(f"\n{'seats':>5}{'calls/s':>9}{'':>10}{'joined to ringing p50':>24}{'p99':>10}{'lost':>6}{'CPU s/1k':>10}")
    ratios: list[float] = []
    _warm(running)
    for seats, rate, talk_s in loads:
        if ratios and not ratios[-1]:
            print(f"{seats:>5}{rate:>9}   not tried: less was too much already")
            ratios.append(0.0)
            continue
        running.take_seats(seats)
        theirs = _measured(running, PEER_STRAIGHT, rate, rate * seconds, talk_s)
        ours = _measured(running, STRAIGHT, rate, rate * seconds, talk_s)
        for name, one in (("Queue()", theirs), ("Wasl", ours)):
            print(
                f"{seats:>5}{rate:>9}{name:>10}{one.p50:>21.1f} ms{one.p99:>7.1f} ms{one.lost:>6}{one.per_k:>10.1f}"
                f"   {_parts(one)}; {_load()}",
                flush=True,
            )
        ratios.append(0.0 if ours.lost else LIMIT_MS[rate] / ours.p99)
        print(
            f"{'':>24}limit {LIMIT_MS[rate]:.0f} ms: ratio {ratios[-1]:.2f};"
            f" to Queue(): {theirs.p99 / ours.p99:.2f} in time, {theirs.per_k / ours.per_k:.2f} in processor time"
        )
    return min(ratios)


def _warm(running: Exchange) -> None:
    """Both ways once, that nothing is made for the first time in what is measured."""
    running.take_seats(10)
    _measured(running, PEER_MENU, 5, 5, 0.1, keys="20")
    _measured(running, MENU, 5, 5, 0.1, keys="20")


def _parts(one: Taken) -> str:
    return ", ".join(f"{name} {used * 1000 / one.calls:.1f}" for name, used in one.cpu_s.items() if used)


def _measured(running: Exchange, number: str, rate: int, count: int, talk_s: float, *, keys: str = "") -> Taken:
    """One load on one number."""
    ours = number in (STRAIGHT, MENU)
    if not ours:
        running.members(there=True)
    try:
        with running.phones(talk_s), Ears(running.installation.addresses.ami_port) as ears:
            before, began = running.cpu_s(), clock.now()
            with running.callers(number, rate, count, keys=keys, patience_s=_PATIENCE_S + talk_s) as callers:
                went, _failed = callers.done()
            after = running.cpu_s()
            time.sleep(0.5)
            events = ears.events()
    finally:
        if not ours:
            running.members(there=False)
    waits = _ours(events, began) if ours else _theirs(events)
    if not waits:
        raise SystemExit(f"nobody was rung: {went} calls of {count} went well; see {running.installation.log}")
    cpu = {name: after[name] - before[name] for name in after}
    return Taken([one * 1000 for one in waits], count - min(went, len(waits)), count, cpu)


def _ours(events: list[dict[str, str]], since: datetime) -> list[float]:
    first: dict[int, float] = {}
    for name, at in rang(events).items():
        call, dot, _leg = name.partition(".l")
        if dot and call.isdigit():
            first[int(call)] = min(at, first.get(int(call), at))
    entered = Waiting.objects.filter(entered_at__gte=since).values_list("call", "entered_at")
    return [first[call] - at.timestamp() for call, at in entered if call in first]


def _theirs(events: list[dict[str, str]]) -> list[float]:
    rings = rang(events)
    when, legs = joined(events)
    found = []
    for caller, at in when.items():
        times = [rings[leg] for leg in legs.get(caller, ()) if leg in rings]
        if times:
            found.append(min(times) - at)
    return found


# --- the decision alone -------------------------------------------------------------------------------------------


def _decision(times: int) -> None:
    """The one statement that gives callers to seats, alone: no Asterisk, no calls."""
    print(f"the decision alone (SQL){'':>4}seats  waiting{'p50':>11}{'p99':>11}")
    callers = _waiting_rows(1000)
    firsts = []
    for seats, waiting in ((10, 1), (500, 1), (10, 1000), (500, 1000)):
        took = _decided(seats, callers[:waiting], times)
        firsts.append(took[1])
        print(f"{'':>28}{seats:>5}{waiting:>9}{took[0]:>8.2f} ms{took[1]:>8.2f} ms   {_load()}", flush=True)
    Queue.objects.create(code="other", names={"en": "Other"})
    Waiting.objects.update(queue=Queue.objects.get(code="other"))
    took = _decided(500, callers, times // 10)
    print(f"{'none fits':>28}{500:>5}{1000:>9}{took[0]:>8.2f} ms{took[1]:>8.2f} ms   {_load()}")
    print(f"{'':>28}most for 1,000 and 500, to one and ten: {firsts[-1] / firsts[0]:.1f} times")
    for model in (Waiting, Spell, Call):
        model._default_manager.all().delete()
    Queue.objects.filter(code="other").delete()


def _waiting_rows(count: int) -> list[int]:
    now = clock.now()
    calls = Call.objects.bulk_create(Call(channel=f"sql{n}", arrived_at=now) for n in range(count))
    queue = Queue.objects.get(code="person")
    rows = Waiting.objects.bulk_create(
        Waiting(
            call=one, queue=queue, language="ar", entered_at=now, rank=now + timedelta(microseconds=n), state="left"
        )
        for n, one in enumerate(calls)
    )
    return [one.pk for one in rows]


def _decided(seats: int, waiting: list[int], times: int) -> tuple[float, float]:
    """Median and 99th percentile, in ms."""
    telephone.make_seats(seats)
    Waiting.objects.update(state="left", seat=None, tried=[])
    Waiting.objects.filter(pk__in=waiting).update(state="waiting")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE calls_waiting, calls_seat, calls_profile, calls_queue")
    took = []
    for _ in range(times):
        began = time.perf_counter()
        offer = line.assign()
        took.append((time.perf_counter() - began) * 1000)
        if offer is not None:
            Waiting.objects.filter(pk=offer.waiting).update(state="waiting", seat=None, tried=[])
            Seat.objects.filter(pk=offer.seat).update(state="ready", call=None, until=None)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


# --- through the menu ---------------------------------------------------------------------------------------------


def _through_the_menu(running: Exchange, rates: tuple[int, ...], seconds: int) -> None:
    """How many calls a second go through answer, two menus, queue and agent, until some are lost or wait a second."""
    print("\nanswer, two menus, queue, agent: calls a second that all come through, ringing within 1 s (p99)")
    best: dict[str, int] = {}
    running.take_seats(300)
    for name, number in (("Queue()", PEER_MENU), ("Wasl", MENU)):
        for rate in rates:
            one = _measured(running, number, rate, rate * seconds, 1.0, keys="20")
            print(
                f"{name:>10}{rate:>5}/s: p99 {one.p99:.1f} ms, {one.lost} lost, {one.per_k:.1f} CPU s/1k calls"
                f" ({_parts(one)}); {_load()}",
                flush=True,
            )
            if one.lost or one.p99 > 1000:
                break
            best[name] = rate
        running.take_seats(300)
    print(
        f"{'':>10}Wasl {best.get('Wasl', 0)}/s, Queue() {best.get('Queue()', 0)}/s:"
        f" ratio {best.get('Wasl', 0) / max(1, best.get('Queue()', 0)):.2f}"
    )


# --- at the same time ---------------------------------------------------------------------------------------------


def _at_the_same_time(running: Exchange, count: int, hold_s: int) -> None:
    """Recorded calls with sound both ways, and what they cost while they last."""
    print(f"\n{count} recorded conversations at once, sound both ways (calls per core is worked out from the cost)")
    per_core = {}
    for name, number in (("Queue()", PEER_STRAIGHT), ("Wasl", STRAIGHT)):
        running.take_seats(count + 5)
        ours = number == STRAIGHT
        if not ours:
            running.members(there=True)
        folder = running.installation.voice / "spool" / "recordings"
        known = set(folder.iterdir())
        ramp_s = count / 15
        talk_s = ramp_s + hold_s + 4
        with running.phones(talk_s), running.callers(number, 15, count, patience_s=talk_s + 30, sound=True) as callers:
            time.sleep(ramp_s + 2)
            before = running.cpu_s()
            time.sleep(hold_s)
            after = running.cpu_s()
            went, _failed = callers.done()
        if not ours:
            running.members(there=False)
        used = {who: (after[who] - before[who]) / hold_s for who in after}
        per_core[name] = count / sum(used.values())
        whole = [one.stat().st_size / 32000 for one in set(folder.iterdir()) - known]
        shares = ", ".join(f"{who} {share:.2f}" for who, share in used.items() if share > 0.005)
        print(
            f"{name:>10}: {went} of {count} whole; {sum(used.values()):.2f} cores ({shares});"
            f" {per_core[name]:.0f} calls per core; recordings {len(whole)}, the shortest {min(whole, default=0):.1f} s"
            f" of {talk_s:.1f} s; {_load()}",
            flush=True,
        )
    print(f"{'':>10}  ratio to Queue(): {per_core['Wasl'] / per_core['Queue()']:.2f}")


# --- more than can be served --------------------------------------------------------------------------------------


def _storm(running: Exchange, seconds: int) -> list[str]:
    """More calls than the seats can take; some seats refuse. Gives what went wrong."""
    seats, refusing, talk_s, patience_s = 63, 3, 2.0, 20.0
    Queue.objects.update(most=60)
    running.take_seats(seats, refusing=refusing)
    began, count = clock.now(), STORM_RATE * seconds
    with running.phones(talk_s), running.callers(STRAIGHT, STORM_RATE, count, patience_s=patience_s) as callers:
        went, failed = callers.done()
        _until_all_ended(began)
    Queue.objects.update(most=200)
    calls = Call.objects.filter(arrived_at__gte=began)
    came = calls.count()
    answered = list(calls.filter(answered_at__isnull=False).values_list("arrived_at", "answered_at", "ended_at"))
    # Who has no patience any more hangs up in a conversation too: that is not ours.
    whole = [
        (end - start).total_seconds() >= talk_s - 0.2 or (end - came_at).total_seconds() >= patience_s - 0.5
        for came_at, start, end in answered
        if start and end
    ]
    cut = len(answered) - sum(whole)
    full = calls.filter(waits__state="full").count()
    waited = calls.filter(answered_at=None, waits__state="left").count()
    without = came - calls.filter(waits__isnull=False).distinct().count()
    lost = calls.filter(outcome="lost").count() + calls.filter(waits__state="lost").count()
    refusers = list(Seat.objects.filter(state="aside").values_list("staff", "reason"))
    tries = dict(
        Leg.objects.filter(staff__in=[one for one, _why in refusers], dialled_at__gte=began)
        .values_list("staff").annotate(Count("pk"))
    )  # fmt: skip
    print(
        f"\n{STORM_RATE} calls a second for {seconds} s on {seats - refusing} seats: {count} called, {came} came in,"
        f" {len(answered)} spoke with an agent ({cut} of them cut short), {waited} hung up in line after"
        f" {patience_s:.0f} s, {full} were offered the mailbox at once; {_load()}\n"
        f"{refusing} telephones refuse: {len(refusers)} seats set aside, rung {sorted(tries.values())} times",
        flush=True,
    )
    wrong = {
        f"{count - came} calls did not come in": came != count,
        f"{failed} calls failed for the caller, {went} went well": went != count,
        f"{cut} conversations were cut short": bool(cut),
        f"{without} callers were neither given an agent nor a place nor the mailbox": bool(without),
        f"{lost} calls are in the books as lost": bool(lost),
        f"seats set aside: {refusers}, of {refusing} that refuse": len(refusers) != refusing,
    }
    return [f"wrong: {words}" for words, so in wrong.items() if so]


def _until_all_ended(since: datetime) -> None:
    end = time.monotonic() + 30
    while Call.objects.filter(arrived_at__gte=since, ended_at=None).exists() and time.monotonic() < end:
        time.sleep(0.2)


# --- memory -------------------------------------------------------------------------------------------------------


def _memory(running: Exchange, began: dict[str, float]) -> None:
    time.sleep(2)
    now = running.memory_mb()
    running.console("malloc trim")
    time.sleep(1)
    trimmed = running.memory_mb()
    print(f"\nresident memory after {running.calls:,} calls (until {datetime.now(UTC):%H:%M} UTC):")
    for name, mb in now.items():
        print(f"{name:>12}: {began[name]:.0f} MB at first, {mb:.0f} MB now, {trimmed[name]:.0f} MB after a trim")
