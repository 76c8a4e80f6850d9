"""A relay between two ends of a connection that writes down what passes, as a capture file that tshark reads."""

import asyncio
import json
import struct
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

__all__ = ["Tap", "dissect", "tap"]

SMSC_PORT = 2775
"""The port under which the server's end is written down: tshark knows it as SMPP's."""


class Tap:
    """What passed: for each piece its caller's port, whether it came from the server, and its octets."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.pieces: list[tuple[int, bool, bytes]] = []
        self.port = 0

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either end hangs up."""
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        port = writer.get_extra_info("peername")[1]
        ways = (self._pass(port, False, reader, back), self._pass(port, True, there, writer))
        await asyncio.gather(*ways, return_exceptions=True)

    async def _pass(self, port: int, served: bool, here: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
        try:
            while data := await here.read(16_384):
                self.pieces.append((port, served, data))
                there.write(data)
                await there.drain()
        finally:
            there.close()

    def write(self, file: Path) -> None:
        """All pieces as a capture of raw IPv4 (link type 101)."""
        sent: Counter[tuple[int, bool]] = Counter()
        with file.open("wb") as out:
            out.write(struct.pack(">IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101))
            for number, (port, served, data) in enumerate(self.pieces):
                source, destination = (SMSC_PORT, port) if served else (port, SMSC_PORT)
                seq, ack = 1 + sent[port, served], 1 + sent[port, not served]
                sent[port, served] += len(data)
                tcp = struct.pack(">HHIIBBHHH", source, destination, seq, ack, 0x50, 0x18, 65_535, 0, 0)
                length = 20 + len(tcp) + len(data)
                ip = struct.pack(">BBHHHBBH", 0x45, 0, length, number & 0xFFFF, 0, 64, 6, 0) + b"\x7f\0\0\1" * 2
                whole = ip + tcp + data
                out.write(struct.pack(">IIII", 1_800_000_000 + number, 0, len(whole), len(whole)) + whole)


@asynccontextmanager
async def tap(target: int) -> AsyncIterator[Tap]:
    """A relay to a port of this machine; `port` is where to call it."""
    made = Tap(target)
    listener = await asyncio.start_server(made.relay, "127.0.0.1", 0)
    made.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield made


def dissect(file: Path) -> list[dict[str, Any]]:
    """The SMPP fields of every packet as tshark reads them; packets with several PDUs have lists."""
    command = ["tshark", "-r", str(file), "-2", "-T", "json", "--no-duplicate-keys", "-J", "smpp _ws.malformed"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]
