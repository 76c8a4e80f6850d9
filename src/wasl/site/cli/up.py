"""`./wasl up`: bring an installation to life, keep it alive, and take everything down again at the end."""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import xmlrpc.client
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from wasl.kernel import postgres
from wasl.site import catalogues, frontend
from wasl.site.cli.console import Refusal, last_words, parser, run, say, step
from wasl.site.installation import PACKAGE, ROOT, Addresses, Installation
from wasl.site.processes import configuration, control_socket

MARK = "WASL_SUPERVISED"
"""Stands in the environment of all that we started, so that what a killed `up` left can be found."""

READY_S = 150


class Stopped(BaseException):
    """Ctrl-C, or the signal to end."""


def main(arguments: list[str]) -> int:
    """Run until Ctrl-C, SIGTERM or SIGHUP, then stop everything and return 0. Raises Refusal, PostgresError."""
    installation = _installation(_options(arguments))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    _adopt_orphans()
    installation.make()
    began = time.monotonic()
    try:
        with _alone(installation) as lock:
            _sweep_leftovers(installation)
            installation = _choose_ports(installation)
            _prepare(installation)
            supervisor = _supervise(installation, lock)
            _wait_until_ready(installation, supervisor)
            _tell(installation, time.monotonic() - began)
            while True:
                supervisor.wait()
                # Killed, or out of memory: its children are ours now. Begin again with a clean table.
                say("wasl: the supervisor ended; starting everything again")
                _end_descendants()
                supervisor = _supervise(installation, lock)
    except Stopped:
        say("\nwasl: stopping ...")
        return 0
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _end_descendants()


def _options(arguments: list[str]) -> Namespace:
    options = parser("Start everything; Ctrl-C stops it.")
    options.add_argument("--data", help="data folder (default: WASL_DATA or ./data)")
    options.add_argument("--port", type=int, help="port of the pages and interfaces (default: as last time, or 8000)")
    options.add_argument("--host", help="address to listen on (default: as last time, or 127.0.0.1)")
    options.add_argument("--demo", metavar="CITY|none", help="demo city to load once (default: muscat)")
    return options.parse_args(arguments)


def _installation(given: Namespace) -> Installation:
    installation = Installation.at(given.data)
    named: dict[str, Any] = {
        name: value
        for name, value in (
            ("port", given.port),
            ("host", given.host),
            ("demo", given.demo),
            ("base_url", os.environ.get("WASL_BASE_URL")),
            ("practice_url", os.environ.get("WASL_PRACTICE_URL")),
        )
        if value is not None
    }
    addresses = replace(installation.addresses, **named)
    if not 0 < addresses.port < 65536:
        raise Refusal(f"{addresses.port} is not a port; choose one from 1024 to 65535.")
    cities = sorted(place.name for place in (PACKAGE / "site" / "demo").iterdir() if (place / "city.json").exists())
    if addresses.demo not in (*cities, "none"):
        raise Refusal(f"there is no demo city {addresses.demo!r}; there are: {', '.join(cities)}, none.")
    return replace(installation, addresses=addresses)


@contextlib.contextmanager
def _alone(installation: Installation) -> Iterator[int]:
    """Hold the data folder's lock. The supervisor inherits it, so that it is held as long as anything runs."""
    file = installation.run / "up.lock"
    with os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o600), "r+") as lock:
        until = time.monotonic() + 20
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                lock.seek(0)
                number = lock.read().strip()
                if number.isdigit() and psutil.pid_exists(int(number)):
                    raise Refusal(
                        f"Wasl already runs on {installation.data}, at {installation.addresses.public_url}"
                        f" (process {number}); stop that one first, or name another folder with --data."
                    ) from None
                if time.monotonic() > until:
                    raise Refusal(f"what was started last on {installation.data} does not end.") from None
                # Its `up` was killed; the supervisor is stopping the rest.
                time.sleep(0.2)
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def _choose_ports(installation: Installation) -> Installation:
    known = installation.addresses
    if not _is_free(known.host, known.port):
        raise Refusal(f"port {known.port} of {known.host} is taken; choose another with --port.")
    ports: dict[str, int] = {}
    for name in (
        "smtp_port",
        "mail_in_port",
        "practice_port",
        "smpp_port",
        "smsc_port",
        "smsc_control_port",
        "sip_port",
        "sip_tls_port",
        "ari_port",
        "ami_port",
    ):
        host = known.host if name == "practice_port" else "127.0.0.1"
        port = getattr(known, name)
        while not port or port in ports.values() or not _is_free(host, port):
            port = _free_port()
        ports[name] = port
    chosen = replace(installation, addresses=Addresses(**(asdict(known) | ports)))
    chosen.keep()
    return chosen


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise Refusal(f"port {port} may be used by root only; choose one from 1024 with --port.") from None
        except socket.gaierror:
            raise Refusal(f"{host} is not an address of this machine.") from None
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _prepare(installation: Installation) -> None:
    """Front end beside data base: the one waits for the network, the other for the disk."""
    log = installation.log / "prepare.log"
    with ThreadPoolExecutor(2) as both:
        if not frontend.is_fresh():
            built = both.submit(_build_front_end, log)
        else:
            built = None
        try:
            catalogues.compile_catalogues()
            _prepare_database(installation, log)
            if built:
                built.result()
        except BaseException:
            # The other half must not keep the pool, and so us, waiting.
            _end_descendants()
            raise


def _build_front_end(log: Path) -> None:
    with step("building the front end", "front end built"):
        frontend.build(log.with_name("frontend.log"))


def _prepare_database(installation: Installation, log: Path) -> None:
    """Make, migrate and fill the data base; does nothing when the last start did it and nothing has changed since."""
    city = installation.addresses.demo
    to_load = city != "none" and not (installation.data / "city.json").exists()
    done = installation.data / "migrated"
    wanted = frontend.digest([ROOT / "requirements.lock", *PACKAGE.rglob("migrations/*.py")])
    if installation.external_url:
        postgres.check(installation.external_url)
    elif not postgres.exists(installation.cluster):
        done.unlink(missing_ok=True)
        with step("making the data base", "data base made"):
            postgres.create(installation.cluster)
    elif not to_load and done.exists() and done.read_text() == wanted:
        return
    django = [sys.executable, "-P", "-m", "django"]
    with installation.database():
        environment = installation.environment()
        with step("bringing the tables up to date", "tables up to date"):
            run([*django, "migrate", "--no-input"], "Making the tables", env=environment, log=log)
        done.write_text(wanted)
        if to_load:
            with step(f"loading the demo city {city}", "demo city loaded"):
                run([*django, "load_city", city], "Loading the demo city", env=environment, log=log)


def _supervise(installation: Installation, lock: int) -> "subprocess.Popen[bytes]":
    file = installation.run / "supervisord.conf"
    file.write_text(configuration(installation))
    control = control_socket(installation)
    control.parent.mkdir(mode=0o700, exist_ok=True)
    control.unlink(missing_ok=True)
    environment = dict(os.environ) | installation.environment() | {MARK: str(installation.data)}
    with (installation.log / "supervisor-said.log").open("ab") as out:
        return subprocess.Popen(
            # supervisord warns that it runs as root; who runs ./wasl as root was told so by the handbook.
            [sys.executable, "-P", "-W", "ignore", "-m", "supervisor.supervisord", "-c", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            pass_fds=[lock],
            # Away from the terminal's Ctrl-C: it is we who stop it.
            start_new_session=True,
            preexec_fn=_end_with_us,
        )


def _end_with_us() -> None:
    postgres.end_with_parent(signal.SIGTERM)


def _wait_until_ready(installation: Installation, supervisor: "subprocess.Popen[bytes]") -> None:
    """Return when every process stays up and the pages answer. Raises Refusal with the last words of what does not."""
    until = time.monotonic() + READY_S
    answered = False
    while True:
        if supervisor.poll() is not None:
            raise Refusal(f"the supervisor did not start: {_last_line(installation.log / 'supervisor-said.log')}")
        down = _down(installation)
        if not down:
            answered = answered or _answers(installation)
            if answered:
                return
        if time.monotonic() > until:
            name = down[0] if down else "web"
            raise Refusal(f"{name} does not start: {_last_line(installation.log / f'{name}.log')}")
        time.sleep(0.1)


def processes(installation: Installation) -> list[dict[str, Any]]:
    """What supervisord says of its processes (name, statename, pid, ...). Raises OSError when it does not answer."""
    from supervisor.xmlrpc import SupervisorTransport

    transport = SupervisorTransport(None, None, serverurl=f"unix://{control_socket(installation)}")
    with contextlib.closing(transport):
        found = xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor.getAllProcessInfo()
    if not isinstance(found, list):
        raise OSError("supervisord answered something else")
    return found


def _down(installation: Installation) -> list[str]:
    try:
        return [one["name"] for one in processes(installation) if one["statename"] != "RUNNING"]
    except (OSError, xmlrpc.client.Error):
        return ["supervisor"]


def _answers(installation: Installation) -> bool:
    known = installation.addresses
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(known.host, known.host)  # noqa: S104 - compared, not bound
    request = urllib.request.Request(f"http://{host}:{known.port}/", headers={"Host": _host_of(known.public_url)})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere())
    try:
        with opener.open(request, timeout=10) as answer:
            return bool(answer.status < 500)
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _host_of(url: str) -> str:
    return url.split("://", 1)[-1].split("/", 1)[0]


def _last_line(file: Path) -> str:
    try:
        return f"{last_words(file.read_text(errors='replace'))} (all of it in {file})"
    except OSError:
        return f"it left no log ({file})"


def _tell(installation: Installation, seconds: float) -> None:
    """Write demo.json and say that all is ready."""
    base = installation.addresses.public_url
    city = installation.data / "city.json"
    known: dict[str, Any] = json.loads(city.read_text()) if city.exists() else {}
    demo: dict[str, Any] = {"base_url": base, "open311": {"endpoint": f"{base}/open311/v2"}}
    if known:
        demo["open311"]["key"] = known["open311_key"]
        demo["sign_ins"] = known["sign_ins"]
    if installation.addresses.demo != "none":
        demo["mail"] = {
            "url": f"{base}/demo/mail/",
            "dir": str(installation.mail),
            "smtp_port": installation.addresses.smtp_port,
        }
        demo["sms"] = {
            "url": f"{base}/demo/phones/",
            "smsc_port": installation.addresses.smsc_port,
            "control_port": installation.addresses.smsc_control_port,
        }
    demo["data"] = str(installation.data)
    file = installation.data / "demo.json"
    part = file.with_suffix(".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(demo, out, indent=1, ensure_ascii=False)
    part.replace(file)
    say(f"\nready ({seconds:.1f} s)\n")
    say(f"  the public      {base}/")
    say(f"  the centre      {base}/desk/")
    say(f"  Open311         {demo['open311']['endpoint']}")
    if "mail" in demo:
        say(f"  mail it sent    {demo['mail']['url']}")
        say(f"  telephones      {demo['sms']['url']}")
    if known:
        say("  sign in as")
        # The first of each role; all of them are in the file.
        first = {one["role"]: one for one in reversed(known["sign_ins"])}
        for one in reversed(first.values()):
            say(f"    {one['role']:<14}{one['username']:<24}{one['password']}")
    else:
        say("  No city is loaded; ./wasl manage createsuperuser makes the first administrator.")
    say(f"\n  all of this in  {file}\n  logs in         {installation.log}\n\nCtrl-C stops everything.")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _adopt_orphans() -> None:
    """Become the parent of what our children leave behind, so that nothing can slip away (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def _end_descendants() -> None:
    """Stop everything below us: the supervisor first, which stops its own in order; then whatever is left."""
    ours = psutil.Process()
    for one in ours.children():
        _signal(one, signal.SIGTERM)
    psutil.wait_procs(ours.children(), timeout=75)
    _end(ours.children(recursive=True))


def _sweep_leftovers(installation: Installation) -> None:
    """End what an `up` and a supervisor that were both killed left running on this data folder."""
    left = []
    for one in psutil.process_iter():
        try:
            if one.environ().get(MARK) == str(installation.data) and one.pid != os.getpid():
                left.append(one)
        except (psutil.Error, OSError):
            continue
    if left:
        say("  ending what was left of the last run ...")
        _end(left)


def _end(left: list[psutil.Process]) -> None:
    """PostgreSQL is told first and kindly (SIGINT: fast shutdown), all others by SIGTERM; SIGKILL after ten seconds."""
    for one in left:
        with contextlib.suppress(psutil.Error):
            _signal(one, signal.SIGINT if one.name() == "postgres" else signal.SIGTERM)
    _, alive = psutil.wait_procs(left, timeout=10)
    for one in alive:
        _signal(one, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=5)


def _signal(one: psutil.Process, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.Error):
        one.send_signal(number)
