"""Asterisk's manager interface, as far as ARI lacks something: recordings' pauses, and the rescue of callers.

Source: Asterisk 22, `manager show commands`. One action at a time is enough for what it is used for.
"""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import Final, Self

_PATIENCE_S: Final = 5.0


class Away(Exception):
    """The manager interface does not answer."""


class Refused(Exception):
    """It answered that it will not."""


class Ami:
    """One connection. Use as a context manager; raises Away when it cannot be had or is lost."""

    def __init__(self, port: int, user: str, secret: str) -> None:
        self._port, self._user, self._secret = port, user, secret
        self._numbers = count(1)
        self._turn = asyncio.Lock()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_wrong: object) -> None:
        self._drop()

    async def command(self, line: str) -> str:
        """What the console says to this line."""
        return (await self.do("Command", Command=line)).get("Output", "")

    async def do(self, action: str, **fields: str) -> Mapping[str, str]:
        """Do an action; its answer. Connects when that is needed. Raises Away, Refused."""
        async with self._turn:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    if self._writer is None:
                        await self._connect()
                    return await self._ask(action, fields)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                self._drop()
                raise Away(f"{action}: {type(error).__name__}") from error

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._reader.readline()
        await self._ask("Login", {"Username": self._user, "Secret": self._secret, "Events": "off"})

    async def _ask(self, action: str, fields: Mapping[str, str]) -> Mapping[str, str]:
        assert self._reader is not None and self._writer is not None  # noqa: S101, PT018  # by do
        name = str(next(self._numbers))
        lines = [f"Action: {action}", f"ActionID: {name}"]
        # A line break in a value would be a second action.
        lines += [f"{field}: {' '.join(value.splitlines())}" for field, value in fields.items()]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()
        while True:
            answer: dict[str, str] = {}
            while (line := (await self._reader.readuntil(b"\n")).decode(errors="replace").strip()) != "":
                field, _colon, value = line.partition(": ")
                answer[field] = f"{answer[field]}\n{value}" if field in answer else value
            if answer.get("ActionID") == name and "Response" in answer:
                if answer["Response"] not in ("Success", "Follows", "Goodbye"):
                    raise Refused(f"{action}: {answer.get('Message', '')}")
                return answer

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None
