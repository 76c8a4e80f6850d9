"""The HTTP client for Asterisk's commands, against a server that answers as it is told to."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from wasl.channels.voice.wire import Answer, Wires

_ASKED = b"GET /ari/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
_OK = b"HTTP/1.1 200 OK\r\nContent-type: application/json\r\nContent-Length: 4\r\n\r\n"


class Server:
    """Answers each request with the next of `answers`: pieces, with a moment between; None hangs up."""

    def __init__(self, *answers: list[bytes | None]) -> None:
        self.answers = list(answers)
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while self.answers and await reader.readuntil(b"\r\n\r\n"):
                for piece in self.answers.pop(0):
                    if piece is None:
                        return
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.01)
            await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def run(server: Server, do: Callable[[Wires], Awaitable[None]], most: int = 5) -> None:
    """`do` with connections to this server."""

    async def all_of_it() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        wires = Wires(listening.sockets[0].getsockname()[1], most)
        try:
            await asyncio.wait_for(do(wires), 10)
        finally:
            wires.close()
            listening.close()

    asyncio.run(all_of_it())


def test_answers_in_pieces_over_one_connection() -> None:
    server = Server(
        [_OK[:20], _OK[20:], b"tr", b"ue"],
        [b"HTTP/1.1 204 No Content\r\nServer: Wasl\r\n\r\n"],
        [b"HTTP/1.1 404 Not Found\r\ncontent-length:2\r\n\r\n{}"],
    )

    async def do(wires: Wires) -> None:
        assert await wires.ask(_ASKED, 5) == Answer(200, b"true")
        assert await wires.ask(_ASKED, 5) == Answer(204, b"")
        assert await wires.ask(_ASKED, 5) == Answer(404, b"{}")

    run(server, do)
    assert server.connections == 1


def test_a_connection_that_is_ended_is_replaced() -> None:
    server = Server(
        [_OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"true", None],
        [_OK, b"true", None],
        [_OK, b"true"],
    )

    async def do(wires: Wires) -> None:
        for _ in range(3):
            assert (await wires.ask(_ASKED, 5)).body == b"true"
            await asyncio.sleep(0.05)

    run(server, do)
    assert server.connections == 3


@pytest.mark.parametrize("answer", [[None], [_OK, b"tr", None], [b"HTTP/1.1 what\r\n\r\n"]])
def test_half_an_answer_or_none_is_an_error_and_the_next_is_right(answer: list[bytes | None]) -> None:
    server = Server(answer, [_OK, b"true"])

    async def do(wires: Wires) -> None:
        with pytest.raises(OSError, match="hung up"):
            await wires.ask(_ASKED, 5)
        assert (await wires.ask(_ASKED, 5)).body == b"true"

    run(server, do)


def test_an_answer_that_comes_too_late_is_nobody_elses() -> None:
    server = Server([b"HTTP/1.1 200 OK\r\n"], [_OK, b"true"])

    async def do(wires: Wires) -> None:
        with pytest.raises(TimeoutError):
            await wires.ask(_ASKED, 0.1)
        waiting = asyncio.create_task(wires.ask(_ASKED, 5))
        assert (await waiting).body == b"true"

    run(server, do)
    assert server.connections == 2


def test_who_finds_no_connection_free_waits_for_his_turn() -> None:
    answers: list[list[bytes | None]] = [[_OK, b"true"] for _ in range(20)]
    server = Server(*answers)

    async def do(wires: Wires) -> None:
        found = await asyncio.gather(*(wires.ask(_ASKED, 5) for _ in range(20)))
        assert [one.status for one in found] == [200] * 20

    run(server, do, most=2)
    assert server.connections == 2


def test_where_nobody_listens_each_is_told_so_and_none_hangs() -> None:
    async def do() -> None:
        wires = Wires(1, 2)
        found = await asyncio.gather(*(wires.ask(_ASKED, 5) for _ in range(6)), return_exceptions=True)
        assert all(isinstance(one, ConnectionRefusedError) for one in found), found

    asyncio.run(do())
