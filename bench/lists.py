"""Lists, search and pages at a million cases: each must answer in under 200 ms in 95 of 100 calls, and no statement of
theirs may read a big table from end to end.

Calls go through Django's test client: addresses, middleware, rights, statements and templates, but no socket to a
browser. The cases are made up by `bench.making`. Each page is asked for in turn, so that none has the cache to itself.
"""

import html
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import psutil
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse

from bench.making.cases import RARE, Made, make
from wasl.core.cases import search
from wasl.core.cases.models import WorkOrder
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.faces.desk import lists
from wasl.kernel import clock, collector

LIMIT_MS = 200.0
FULL, QUICK = 1_000_000, 100_000
CALLS, QUICK_CALLS = 20, 8
# A table is big from so many rows on.
BIG = 20_000
DEEP = 5


@dataclass
class Probe:
    """One page that is asked for: as whom (nobody: the public), and where; several addresses take turns."""

    name: str
    who: Staff | None
    urls: Sequence[str]
    took_ms: list[float] = field(default_factory=list)
    used_ms: list[float] = field(default_factory=list)
    scans: set[str] = field(default_factory=set)

    @property
    def p95(self) -> float:
        """Milliseconds that 95 of 100 calls need at most."""
        return statistics.quantiles(self.took_ms, n=20, method="inclusive")[18]


def main(quick: bool) -> None:
    """Print what each page takes and, last, `lists ratio R`: 200 ms to the slowest p95."""
    # As the web process does.
    collector.settle()
    began = time.monotonic()
    made = make(QUICK if quick else FULL)
    print(f"{made.cases:,} cases made in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    print(f"{search.learn_words():,} words learned in {time.monotonic() - began:.1f} s")
    probes = measure(made, QUICK_CALLS if quick else CALLS)
    print(f"{'ms: p50':>8}{'p95':>8}{'most':>8}{'used':>8}  page (used: time of the processor, here and in PostgreSQL)")
    for probe in sorted(probes, key=lambda probe: probe.p95):
        print(
            f"{statistics.median(probe.took_ms):8.0f}{probe.p95:8.0f}{max(probe.took_ms):8.0f}"
            f"{statistics.mean(probe.used_ms):8.0f}  {probe.name}"
            f"{'  READS ALL OF ' + ', '.join(sorted(probe.scans)) if probe.scans else ''}"
        )
    if scanned := [probe for probe in probes if probe.scans]:
        print(f"{len(scanned)} pages read a big table from end to end")
    print(f"lists ratio {LIMIT_MS / max(probe.p95 for probe in probes):.2f}")


def measure(made: Made, calls: int) -> list[Probe]:
    """All pages, each asked for `calls` times after two that warm it up and are looked at for what they read."""
    clients: dict[int, Client] = {}
    probes = list(_probes(made, lambda probe: _client(clients, probe)))
    for turn in range(calls + 2):
        for probe in probes:
            client, url = _client(clients, probe), probe.urls[turn % len(probe.urls)]
            if turn < 2:
                with _watched(probe):
                    _get(client, url)
                continue
            used, at = _used_s(), time.perf_counter()
            _get(client, url)
            probe.took_ms.append(1000 * (time.perf_counter() - at))
            probe.used_ms.append(1000 * (_used_s() - used))
    return probes


def _used_s() -> float:
    """Seconds of processor that this process and its connection's server process have used; others do not add to it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        times = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return float(time.process_time() + times.user + times.system)


def _client(clients: dict[int, Client], probe: Probe) -> Client:
    pk = probe.who.pk if probe.who else 0
    if pk not in clients:
        clients[pk] = Client(SERVER_NAME="127.0.0.1")
        if probe.who:
            clients[pk].force_login(probe.who)
    return clients[pk]


def _get(client: Client, url: str) -> Any:
    response = client.get(url)
    to = response.headers.get("Location", "")
    # A search for a number leads to its case.
    if response.status_code != 200 and not (response.status_code == 302 and "/case/" in to):
        raise RuntimeError(f"{url}: {response.status_code} {to}")
    return response


# --- what is asked for ---


def _somebody(role: str) -> Staff:
    post = Post.objects.filter(role=role, unit__isnull=True, area__isnull=True).select_related("staff").first()
    if post is None:
        raise LookupError(f"nobody is {role} over the whole centre")
    return post.staff


def _officers() -> dict[str, Staff]:
    """The officers of the unit with the most cases, and of one with few."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT unit_id FROM cases_workorder GROUP BY unit_id ORDER BY count(*) DESC")
        busy = [unit for (unit,) in cursor.fetchall()]
    found = {}
    for name, pk in (("busy", busy[0]), ("quiet", busy[len(busy) * 3 // 4])):
        unit = Unit.objects.get(pk=pk)
        still = unit.orders.filter(state__in=WorkOrder.LIVE).count()
        print(f"the {name} unit is {unit.code}: {unit.orders.count():,} orders, {still:,} open")
        staff = Staff.objects.create(username=f"bench-{name}", names={"en": name}, language="en")
        Post.objects.create(staff=staff, role="officer", unit=unit, since=clock.now())
        found[f"officer of the {name} unit"] = staff
    return found


def _probes(made: Made, client_of: Callable[[Probe], Client]) -> Iterator[Probe]:
    roles = ("agent", "dispatcher", "second_line", "supervisor", "leader")
    staff = {role: _somebody(role) for role in roles}
    officers = _officers()
    for listing in lists.LISTINGS.values():
        here = sorted(listing.roles & set(roles)) or ([] if "officer" in listing.roles else ["supervisor"])
        people = {role: staff[role] for role in here} | (officers if "officer" in listing.roles else {})
        for name, who in people.items():
            url = reverse("desk:list", args=[listing.code])
            probe = Probe(f"list {listing.code}, {name}", who, [url])
            yield probe
            if deep := _deep(client_of(probe), url):
                yield Probe(f"list {listing.code}, page {DEEP}, {name}", who, [deep])
    yield from _filtered(staff["supervisor"], "supervisor")
    for name, who in officers.items():
        yield from _filtered(who, name)
    yield Probe("rail, supervisor", staff["supervisor"], [reverse("desk:rail")])
    yield Probe("board, supervisor", staff["supervisor"], [reverse("desk:board")])
    yield Probe("board, leader", staff["leader"], [reverse("desk:board")])
    numbers = list(made.numbers)[-200:]
    yield Probe("case, agent", staff["agent"], [reverse("desk:case", args=[n]) for n in numbers])
    yield Probe("case, supervisor", staff["supervisor"], [reverse("desk:case", args=[n]) for n in numbers])
    for name, who in (("agent", staff["agent"]), ("leader", staff["leader"]), *officers.items()):
        yield from _searches(made, name, who)
    yield from _public(made)


def _deep(client: Client, url: str) -> str:
    """The address of the list's page `DEEP`, by its own links; nothing for a shorter list."""
    here = url
    for _ in range(DEEP - 1):
        found = re.search(r'href="([^"]*)" rel="next"', _get(client, here).content.decode())
        if found is None:
            return ""
        here = url + html.unescape(found[1])
    return here


def _filtered(who: Staff, name: str) -> Iterator[Probe]:
    """The list of all, narrowed by each filter alone and by several."""
    url = reverse("desk:list", args=["all"])
    book = catalogue.in_force()
    common, rare = book.leaves[0].code, book.leaves[-1].code
    unit = Unit.objects.filter(cases__isnull=False).distinct().order_by("pk").first()
    area = max(organisation.areas()[1])
    for words, query in (
        ("open", "state=open"),
        ("closed", "state=closed"),
        ("in arbitration", "state=arbitration"),
        ("a common category", f"category={common}"),
        ("a rare category", f"category={rare}"),
        ("a unit", f"unit={unit.code if unit else ''}"),
        ("an area", f"area={area}"),
        ("a kind", "kind=repair"),
        ("a rare kind", "kind=praise"),
        ("open, a rare category, an area", f"state=open&category={rare}&area={area}"),
    ):
        yield Probe(f"list all, {words}, {name}", who, [f"{url}?{query}"])
    yield Probe(f"list overdue, an area, {name}", who, [f"{reverse('desk:list', args=['overdue'])}?area={area}"])


def _searches(made: Made, name: str, who: Staff) -> Iterator[Probe]:
    def probe(words: str, *texts: str, more: str = "") -> Probe:
        url = reverse("desk:search")
        return Probe(f"search {words}, {name}", who, [f"{url}?q={quote(text)}{more}" for text in texts])

    yield probe("by number", *made.numbers[:50])
    yield probe("by phone", *made.phones[:50])
    yield probe("by name", *made.names[:50])
    yield probe("for a common word", "street", "شارع", "小区", "المياه", "water")
    yield probe("for common words", "street light", "شارع مياه", "小区路灯", "water street night")
    yield probe("for a rare word", *RARE.values())
    yield probe("for a house", *(f"{n} way" for n in range(300, 400)))
    yield probe("for nothing", "xylophonist", "qqqq wwww", "زخرفتتتت", "犇骉")
    yield probe("with a slip", "stret", "watre", "شرع", "ligth")
    yield probe("open, common", "street", "شارع", more="&state=open")
    yield probe("closed, an area", "water", "مياه", more=f"&state=closed&area={max(organisation.areas()[1])}")


def _public(made: Made) -> Iterator[Probe]:
    code = catalogue.in_force().leaves[0].code
    since = (clock.now().replace(year=clock.now().year - 1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for words, query in (
        ("latest", ""),
        ("open", "status=open"),
        ("closed", "status=closed"),
        ("of a service", f"service_code={code}"),
        ("of a year ago", f"start_date={since}"),
    ):
        yield Probe(f"Open311 requests, {words}", None, [f"/open311/v2/requests.json?{query}"])
    for name in ("home", "public", "map", "cases"):
        try:
            yield Probe(f"portal {name}", None, [reverse(f"portal:{name}")])
        except NoReverseMatch:
            continue


# --- what the statements read ---


@contextmanager
def _watched(probe: Probe) -> Iterator[None]:
    """Note the big tables that a statement of the block reads from end to end."""
    seen: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().startswith("SELECT") and not many and "FOR UPDATE" not in sql:
            seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield
    with connection.cursor() as cursor:
        big = _big(cursor)
        for sql, params in seen:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0]
            for node in _nodes(json.loads(plan) if isinstance(plan, str) else plan):
                if node.get("Node Type") == "Seq Scan" and node.get("Relation Name") in big:
                    probe.scans.add(str(node["Relation Name"]))


def _big(cursor: Any) -> set[str]:
    cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [BIG])
    return {name for (name,) in cursor.fetchall()}


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, list):
        for one in plan:
            yield from _nodes(one)
    elif isinstance(plan, dict):
        if "Node Type" in plan:
            yield plan
        for value in plan.values():
            if isinstance(value, dict | list):
                yield from _nodes(value)
