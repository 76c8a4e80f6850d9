"""One request to another machine is over when its time is, however slowly the other side goes on."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from wasl.kernel import outward
from wasl.kernel.outward import Away, request

pytestmark = pytest.mark.req("J9")
Serve = Callable[[Callable[[socket.socket], None]], int]
TIMEOUT_S = 0.5


@pytest.fixture(autouse=True)
def _here(settings: Any) -> None:
    settings.WASL_OUTWARD_NETWORKS = ["127.0.0.1"]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that treats each caller so; gives its port."""
    listeners: list[socket.socket] = []

    def start(treat: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            with suppress(OSError):
                caller, _address = listener.accept()
                with caller, suppress(OSError):
                    treat(caller)

        threading.Thread(target=run, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for one in listeners:
        one.close()


def drip(caller: socket.socket, first: bytes, rest: bytes) -> None:
    """An octet every twentieth of a second, for four seconds."""
    caller.sendall(first)
    for n in range(80):
        caller.sendall(rest[n % len(rest) : n % len(rest) + 1])
        time.sleep(0.05)


def took(url: str) -> float:
    """Seconds until it gave up."""
    began = time.monotonic()
    with pytest.raises(Away):
        request("GET", url, b"", {}, TIMEOUT_S, 1000)
    return time.monotonic() - began


@pytest.mark.slow
def test_a_handshake_that_drips_is_over_in_time(serve: Serve) -> None:
    # A record of the handshake that says it is 16,000 octets long.
    port = serve(lambda caller: drip(caller, b"\x16\x03\x03\x3e\x80\x02\x00\x3e\x7c\x03\x03", b"\x00"))
    assert took(f"https://127.0.0.1:{port}/") < TIMEOUT_S + 0.5


@pytest.mark.parametrize(
    ("first", "rest"),
    [
        (b"", b"HTTP/1.1 200 OK\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        (b"HTTP/1.1 200 OK\r\nX-A: ", b"b"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", b" "),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
@pytest.mark.slow
def test_an_answer_that_drips_is_over_in_time(serve: Serve, first: bytes, rest: bytes) -> None:
    port = serve(lambda caller: drip(caller, first, rest))
    assert took(f"http://127.0.0.1:{port}/") < TIMEOUT_S + 0.5


@pytest.mark.slow
def test_a_name_that_nobody_tells_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_args: Any, **_more: Any) -> list[Any]:
        time.sleep(3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", late)
    assert took("http://slow.example/") < TIMEOUT_S + 0.5


def test_an_answer_in_time_is_whole(serve: Serve) -> None:
    def answer(octets: bytes) -> Callable[[socket.socket], None]:
        def treat(caller: socket.socket) -> None:
            # Closing on a question that was not read throws away the answer, too.
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + octets)

        return treat

    port = serve(answer(b"x" * 900))
    assert request("GET", f"http://127.0.0.1:{port}/", b"", {}, 5, 1000) == (200, "", b"x" * 900)
    port = serve(answer(b"x" * 1001))
    with pytest.raises(Away, match="too large"):
        request("GET", f"http://127.0.0.1:{port}/", b"", {}, 5, 1000)
    assert threading.active_count() < 50


def test_the_address_that_was_checked_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.WASL_OUTWARD_NETWORKS = []
    with pytest.raises(outward.NotAllowed):
        request("GET", "http://127.0.0.1:1/", b"", {}, 1, 1000)
    with pytest.raises(Away):
        request("GET", "http://127.0.0.1:1/", b"", {}, 0, 1000)
