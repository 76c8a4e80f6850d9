"""`./wasl replay FILE --map MAP`: play a file of real requests through a running Open311 interface."""

import csv
import hashlib
import http.client
import json
import os
import queue
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from wasl.site.cli.console import Refusal, django, parser, say
from wasl.site.installation import Installation
from wasl.site.replay import maps

TRIES = 4
TIMEOUT_S = 60
LONGEST_DESCRIPTION = 4000
LONGEST_ADDRESS = 300


@dataclass(frozen=True)
class Target:
    """The interface that is played to: its address below the scheme, and the client's key."""

    secure: bool
    host: str
    path: str
    key: str

    def connect(self) -> http.client.HTTPConnection:
        """A connection, not yet opened."""
        kind = http.client.HTTPSConnection if self.secure else http.client.HTTPConnection
        return kind(self.host, timeout=TIMEOUT_S)


@dataclass(frozen=True, slots=True)
class Job:
    """One row, ready to be sent. `line` counts the rows of the file from 1."""

    line: int
    category: str
    form: Mapping[str, str]
    key: str


@dataclass
class Tally:
    """What came of it. Latencies in seconds, of accepted rows only; `receipts` are line, number and category."""

    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    receipts: list[tuple[int, str, str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def done(self) -> int:
        """Rows that were dealt with."""
        return len(self.latencies) + self.refused.total() + self.unanswered.total()


def main(arguments: list[str]) -> int:
    """0 when every row was answered, refusals included; 1 when some got no answer; 130 after Ctrl-C. Raises Refusal.

    With --check nothing is sent: 0 when what became of the rows is what file, map and catalogue say, 1 otherwise.
    """
    given = _options(arguments).parse_args(arguments)
    if (
        given.workers < 1
        or (given.rate is not None and given.rate <= 0)
        or (given.limit is not None and given.limit < 1)
    ):
        raise Refusal("--workers, --rate and --limit are numbers above 0.")
    if given.check:
        return _check(given)
    target = _target(given.base_url, given.key, given.data)
    rules = _map(given.map)
    rows = _count(given.file, rules)
    total = min(rows, given.limit or rows)
    jobs = _jobs(given.file, rules, _required(target, rules), total)
    stop = threading.Event()
    tally = Tally()
    began = time.monotonic()
    with _asked_to_stop(stop), _told(tally, total, began, stop):
        _play(target, jobs, tally, given.workers, given.rate, stop)
    _sum_up(tally, total, time.monotonic() - began)
    if given.receipts:
        with given.receipts.open("w", newline="", encoding="utf-8") as out:
            csv.writer(out).writerows([("row", "service_request_id", "service_code"), *sorted(tally.receipts)])
    if stop.is_set():
        say("stopped; a second run goes on where this one ended, without doubles.")
        return 130
    return 1 if tally.unanswered else 0


def _options(arguments: list[str]) -> Any:
    options = parser(
        "Play a CSV file of real requests through a running Open311 interface. Each row has a key of its own, so that "
        "a second run adds nothing. A question that must be answered is answered from the row."
    )
    options.add_argument("file", type=Path, help="the CSV file")
    options.add_argument("--map", required=True, help="a map file, or one that is shipped: new_haven, baltimore")
    options.add_argument("--data", help="data folder of the running hotline (default: WASL_DATA or ./data)")
    options.add_argument(
        "--base-url", help="another hotline instead, such as https://hotline.city.example; needs a key"
    )
    options.add_argument(
        "--key", default=os.environ.get("WASL_OPEN311_KEY"), help="its key (default: WASL_OPEN311_KEY)"
    )
    options.add_argument("--rate", type=float, help="requests in a second (default: as fast as they are answered)")
    options.add_argument("--limit", type=int, help="only so many rows from the beginning")
    options.add_argument("--workers", type=int, default=8, help="requests under way at once (default: 8)")
    options.add_argument(
        "--check", action="store_true", help="send nothing; compare the cases with file, map and catalogue"
    )
    options.add_argument("--receipts", type=Path, help="write row, number and category of what was accepted here")
    return options


def _check(given: Any) -> int:
    if given.base_url:
        raise Refusal("--check reads the data base of the hotline: name its data folder by --data.")
    installation = Installation.at(given.data)
    key = _target(None, given.key, given.data).key
    rules = _map(given.map)
    total = given.limit or _count(given.file, rules)
    with django(installation):
        from wasl.core.organisation.queries import client_of_key
        from wasl.site.replay import check

        client = client_of_key(key)
        if client is None:
            raise Refusal("this hotline does not know this key.")

        def played() -> Iterator[check.Played]:
            for line, row in enumerate(_rows(given.file, rules), 1):
                if line > total:
                    return
                request = rules.request(row)
                # Six decimals are what is sent.
                yield check.Played(line, _key(line, row), request, round(request.lat, 6), round(request.lon, 6))

        found = check.check(played(), client)
        for sentence in check.told(found):
            say(sentence)
    return 0 if found.good and found.cases else 1


def _target(base_url: str | None, key: str | None, data: str | None) -> Target:
    endpoint = f"{base_url.rstrip('/')}/open311/v2" if base_url else ""
    if not base_url:
        demo = Installation.at(data).data / "demo.json"
        try:
            known = json.loads(demo.read_text())["open311"]
        except (OSError, ValueError, KeyError):
            raise Refusal(
                f"{demo} is not there; start the hotline with ./wasl up, or name one by --base-url."
            ) from None
        endpoint, key = known["endpoint"], key or known.get("key")
    if not key:
        raise Refusal("a key is needed: --key or WASL_OPEN311_KEY.")
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refusal(f"{base_url} is not an address that begins with http:// or https://.")
    return Target(parts.scheme == "https", parts.netloc, parts.path, key)


def _map(name: str) -> maps.RequestMap:
    path = Path(name) if Path(name).exists() else maps.shipped(name)
    try:
        return maps.read(path)
    except OSError as error:
        raise Refusal(f"the map {name} cannot be read: {error.strerror or error}.") from None
    except maps.BadMap as error:
        raise Refusal(f"{error}.") from None


def _rows(file: Path, rules: maps.RequestMap) -> Iterator[dict[str, str]]:
    try:
        with file.open(encoding=rules.encoding, errors="replace", newline="") as text:
            reader = csv.DictReader(text)
            missing = {
                c for c in (*rules.columns.values(), *rules.key, *rules.near) if c not in (reader.fieldnames or ())
            }
            if missing:
                raise Refusal(f"{file} lacks the columns {', '.join(sorted(missing))} that the map names.")
            for row in reader:
                yield {
                    name: value or "" for name, value in row.items() if name is not None and not isinstance(value, list)
                }
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror or error}.") from None
    except csv.Error as error:
        raise Refusal(f"{file} is not a CSV file: {error}.") from None


def _count(file: Path, rules: maps.RequestMap) -> int:
    return sum(1 for _row in _rows(file, rules))


def _jobs(
    file: Path, rules: maps.RequestMap, required: Mapping[str, list[dict[str, Any]]], total: int
) -> Iterator[Job]:
    for line, row in enumerate(_rows(file, rules), 1):
        if line > total:
            return
        request = rules.request(row)
        form = {
            "service_code": request.category,
            "lat": f"{request.lat:.6f}",
            "long": f"{request.lon:.6f}",
            "description": request.description[:LONGEST_DESCRIPTION],
            "address_string": request.address[:LONGEST_ADDRESS],
            "lang": "en",
        }
        for attribute in required.get(request.category, ()):
            form[f"attribute[{attribute['code']}]"] = _answer(attribute, request)
        yield Job(line, request.category, {k: v for k, v in form.items() if v}, _key(line, row))


def _key(line: int, row: Mapping[str, str]) -> str:
    """The row's own key: a second run of the same file adds nothing."""
    digest = hashlib.sha256(json.dumps([line, row], sort_keys=True).encode()).hexdigest()
    return f"replay-{digest[:48]}"


def _answer(attribute: Mapping[str, Any], request: maps.Request) -> str:
    """What the row says to a question that the source city never asked."""
    match attribute["datatype"]:
        case "datetime":
            return request.created_at.isoformat() if request.created_at else "2000-01-01T00:00:00Z"
        case "number":
            return "0"
        case "singlevaluelist" | "multivaluelist":
            return str(attribute["values"][0]["key"])
    return request.description[:200] or request.service[:200] or "—"


def _required(target: Target, rules: maps.RequestMap) -> dict[str, list[dict[str, Any]]]:
    """Questions that must be answered, by category, as the interface itself says."""
    made: dict[str, list[dict[str, Any]]] = {}
    connection = target.connect()
    headers = {"X-API-Key": target.key}
    for code in sorted(rules.categories):
        try:
            connection.request("GET", f"{target.path}/services/{quote(code, safe='')}.json", headers=headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refusal(f"nothing answers at {target.host}: {error}.") from None
        if response.status == 403:
            raise Refusal(f"{target.host} does not know this key.")
        if response.status == 200:
            made[code] = [one for one in json.loads(body)["attributes"] if one["required"]]
    connection.close()
    return made


def _play(
    target: Target, jobs: Iterator[Job], tally: Tally, workers: int, rate: float | None, stop: threading.Event
) -> None:
    """Send all jobs; `rate` is kept by when each is due, so that a slow answer does not slow the next one down."""
    waiting: queue.Queue[Job | None] = queue.Queue(maxsize=workers * 2)
    threads = [threading.Thread(target=_work, args=(target, waiting, tally, stop), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    for number, job in enumerate(jobs):
        if rate is not None:
            stop.wait(max(0.0, began + number / rate - time.monotonic()))
        while not stop.is_set():
            try:
                waiting.put(job, timeout=0.2)
                break
            except queue.Full:
                continue
        if stop.is_set():
            break
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()


def _work(target: Target, waiting: "queue.Queue[Job | None]", tally: Tally, stop: threading.Event) -> None:
    connection = target.connect()
    while (job := waiting.get()) is not None:
        if stop.is_set():
            continue
        began = time.monotonic()
        try:
            status, content = _send(target, connection, job, stop)
        except (OSError, http.client.HTTPException) as error:
            with tally.lock:
                tally.unanswered[f"{type(error).__name__}: {error}".strip(": ")] += 1
            continue
        seconds = time.monotonic() - began
        with tally.lock:
            if status in (200, 201):
                tally.accepted[job.category] += 1
                tally.latencies.append(seconds)
                tally.receipts.append((job.line, str(content[0]["service_request_id"]), job.category))
            else:
                tally.refused[f"{status}: {'; '.join(str(one['description']) for one in content)}"] += 1
    connection.close()


def _send(target: Target, connection: http.client.HTTPConnection, job: Job, stop: threading.Event) -> tuple[int, Any]:
    """Send one row and give status and content. Sent again with the same key while the answer is lost or "later"."""
    body = urlencode(job.form)
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-API-Key": target.key,
        "Idempotency-Key": job.key,
        "Accept-Language": "en",
    }
    for left in reversed(range(TRIES)):
        pause = 0.5
        try:
            connection.request("POST", f"{target.path}/requests.json", body, headers)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            if not left or stop.is_set():
                raise
        else:
            if response.status not in (429, 502, 503) or not left:
                try:
                    return response.status, json.loads(answer)
                except ValueError:
                    return response.status, [{"description": response.reason or "no words"}]
            pause = min(float(response.headers.get("Retry-After") or 1), 60)
        stop.wait(pause)
    raise http.client.HTTPException("no answer")


@contextmanager
def _asked_to_stop(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C lets what is under way be answered; a second one ends at once."""

    def asked(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _told(tally: Tally, total: int, began: float, stop: threading.Event) -> Iterator[None]:
    """A progress bar on standard error while the block runs; a line every ten seconds where that is no terminal."""
    over = threading.Event()
    bar = sys.stderr.isatty()

    def tell() -> None:
        while not over.wait(0.2 if bar else 10):
            _progress(tally.done, total, time.monotonic() - began, bar=bar)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
        _progress(tally.done, total, time.monotonic() - began, bar=bar)
        if bar:
            print(file=sys.stderr)


def _progress(done: int, total: int, seconds: float, *, bar: bool) -> None:
    share = done / total if total else 1.0
    rate = done / seconds if seconds else 0.0
    left = f"{(total - done) / rate:.0f} s left" if rate and done < total else ""
    drawn = f"[{'#' * int(30 * share):<30}] " if bar else ""
    line = f"{drawn}{done:,} of {total:,}  {share:.0%}  {rate:.0f}/s  {left}"
    print(f"\r{line:<79}" if bar else line.rstrip(), end="" if bar else "\n", file=sys.stderr, flush=True)


def _sum_up(tally: Tally, total: int, seconds: float) -> None:
    accepted = len(tally.latencies)
    say(f"accepted {accepted:,} of {total:,}")
    for title, counted in (("refused", tally.refused), ("no answer", tally.unanswered)):
        say(f"{title} {counted.total():,}")
        for reason, count in counted.most_common(20):
            say(f"  {count:>7,}  {reason}")
    if not accepted:
        return
    ordered = sorted(tally.latencies)
    p50, p95, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.95, 0.99))
    say(f"rate {accepted / seconds:.1f}/s; latency p50 {p50:.1f} ms, p95 {p95:.1f} ms, p99 {p99:.1f} ms")
    say(f"categories {len(tally.accepted):,}; the most frequent:")
    for category, count in tally.accepted.most_common(10):
        say(f"  {count:>7,}  {category}")
