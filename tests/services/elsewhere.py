"""Other systems, for tests: an HTTP server with bad habits, and a way into the run's PostgreSQL by TCP."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers by the first part of the path."""

    server: "Elsewhere"
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  its name there
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.bodies.append(json.loads(body))
        self.do_GET()

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.keys.append(self.headers.get("Authorization", ""))
        habit = self.server.habit or self.path.strip("/").split("/")[0]
        with contextlib.suppress(OSError):
            getattr(self, f"_{habit}", self._ok)()

    def _send(self, content: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def _ok(self) -> None:
        self._send(json.dumps(self.server.answer).encode())

    def _none(self) -> None:
        self._send(b"{}", 404)

    def _unfit(self) -> None:
        self._send(b"{}", 422)

    def _broken(self) -> None:
        self._send(b"{}", 500)

    def _rubbish(self) -> None:
        self._send(b"<html>\xff\x00 not json")

    def _deep(self) -> None:
        self._send(b"[" * 500_000)

    def _shape(self) -> None:
        self._send(b'{"data": {"fines": [1, "two", null]}}')

    def _huge(self) -> None:
        self._send(b'{"data": "' + b"x" * 10_000_000 + b'"}')

    def _hang(self) -> None:
        self.server.let_go.wait(8)

    def _drip(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        for _ in range(100):
            self.wfile.write(b"X-A: b\r\n")
            if self.server.let_go.wait(0.1):
                return

    def _elsewhere(self) -> None:
        self._send(b"", 302, Location=f"http://127.0.0.2:{self.server.server_port}/ok")

    def _round(self) -> None:
        self._send(b"", 302, Location="/round")

    def _moved(self) -> None:
        self._send(b"", 302, Location="/ok/moved")


class Elsewhere(ThreadingHTTPServer):
    """Another system; `habit` overrides what the path says."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.habit = ""
        self.answer: Any = {}
        self.asked: list[str] = []
        self.keys: list[str] = []
        self.bodies: list[Any] = []
        self.let_go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextlib.contextmanager
def system() -> Iterator[Elsewhere]:
    """It runs inside the block."""
    server = Elsewhere()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextlib.contextmanager
def by_tcp(folder: str, port: int) -> Iterator[int]:
    """The port on loopback behind which a PostgreSQL stands that listens on a Unix socket only."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = [listener]

    def pump(source: socket.socket, goal: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while octets := source.recv(65_536):
                goal.sendall(octets)
        for end in (source, goal):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _address = listener.accept()
                behind = socket.socket(socket.AF_UNIX)
                behind.connect(f"{folder}/.s.PGSQL.{port}")
                held.extend((caller, behind))
                for pair in ((caller, behind), (behind, caller)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        for one in held:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        time.sleep(0.02)
