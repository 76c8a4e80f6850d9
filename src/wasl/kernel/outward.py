"""Speaking to other machines at addresses that people typed in: which may be spoken to, and one HTTP request to them.

Whoever may define an enquiry or a webhook must not thereby reach what only this machine reaches (server-side request
forgery, CWE-918): names are resolved here, every address must be a public one or named in
`WASL_OUTWARD_NETWORKS`, and the connection goes to the address that was checked, not to the name again.
"""

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address
PORTS = {"http": 80, "https": 443}


class Away(Exception):
    """The other side did not answer, or not as it should; the words are for the log and the administrator."""


class NotAllowed(Away):
    """This address is none that we may speak to."""


def allowed(address: Address) -> bool:
    """Whether we may speak to it: public, or within a network that the installation names."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in ip_network("64:ff9b::/96"):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return allowed(inner)
    if any(address in ip_network(network, strict=False) for network in settings.WASL_OUTWARD_NETWORKS):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve(host: str, port: int, timeout_s: float) -> str:
    """The address to connect to. Raises NotAllowed where any address of the name is none.

    Raises Away for no such name, and when nobody could tell in time.
    """
    found = _looked_up(host, port, timeout_s)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    for address in addresses:
        if not allowed(address):
            raise NotAllowed(f"{host} is at {address}, which is not among the networks allowed")
    if not addresses:
        raise Away(f"no address for {host}")
    return str(addresses[0])


def _looked_up(host: str, port: int, timeout_s: float) -> list[Any]:
    found: list[Any] = []
    failed: list[Exception] = []

    def look() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            failed.append(error)

    # The system's resolver takes no time-out, and who owns the name decides how slowly he answers for it.
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive() or failed:
        raise Away(f"no address for {host}") from (failed[0] if failed else None)
    return found


@contextmanager
def cut_after(seconds: float, fileno: int) -> Iterator[None]:
    """Shut the socket down when the block takes longer, whatever it waits for; its reads then end."""
    own = socket.socket(fileno=os.dup(fileno))

    def cut() -> None:
        with suppress(OSError):
            own.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        own.close()


class _Connection(http.client.HTTPConnection):
    """A connection to an address that was checked; it ends at one moment, whatever of it is not done by then."""

    def __init__(self, host: str, port: int, *, secure: bool, until: float) -> None:
        super().__init__(host, port)
        self.default_port = PORTS["https" if secure else "http"]
        self._secure, self._until = secure, until
        self.bound = ExitStack()
        """To be closed when all was read: an answer may be read after its connection was closed."""

    def connect(self) -> None:
        address = resolve(self.host, self.port, _left(self._until))
        self.sock = socket.create_connection((address, self.port), _left(self._until))
        # A time-out of the socket is one of each read: who sends an octet a second would never reach it.
        self.bound.enter_context(cut_after(_left(self._until), self.sock.fileno()))
        if self._secure:
            # The certificate must be for the host's name.
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise Away("it takes too long")
    return left


def request(
    method: str, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, largest: int
) -> tuple[int, str, bytes]:
    """One request to an http or https URL: status, where it redirects to (which is not followed), and the answer.

    Raises NotAllowed, or Away when the whole answer was not there in time, or is more than `largest` octets. One time
    bounds it all: finding the address, connecting, TLS, sending, and reading however slowly it drips.
    """
    parts = urlsplit(url)
    until = time.monotonic() + timeout_s
    secure = parts.scheme == "https"
    try:
        connection = _Connection(parts.hostname or "", parts.port or PORTS[parts.scheme], secure=secure, until=until)
    except (ValueError, http.client.HTTPException) as error:
        raise Away("it sends us to no address") from error
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        usual = {"Accept-Encoding": "identity", "User-Agent": "Wasl"}
        connection.request(method, path, body or None, {**usual, **headers})
        response = connection.getresponse()
        content = response.read(largest + 1)
        # An answer that goes on until the connection ends ends with it, too soon.
        _left(until)
    except Away:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Away(f"it does not answer: {type(error).__name__}") from error
    finally:
        connection.close()
        connection.bound.close()
    if len(content) > largest:
        raise Away("its answer is too large")
    return response.status, response.headers.get("Location", ""), content
