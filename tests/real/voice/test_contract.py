"""What we send to Asterisk, and what we read of what it says, is what the running Asterisk describes itself.

What is sent is what the client's own methods send, each called once against a server that writes it down; what is read
is what its readers look for in an object that knows which fields the description gives it.
"""

import ast
import asyncio
import inspect
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote

import pytest
from aiohttp import web

from tests.real.voice.carrier import Carrier
from wasl.channels import voice
from wasl.channels.voice import ari, carriers, configuration, phones
from wasl.channels.voice.ari import Ari, Channel, Event
from wasl.channels.voice.controller import Controller, _leg

pytestmark = [pytest.mark.timeout(120), pytest.mark.req("D11")]

T = TypeVar("T")
USER = "user"
# What stands for a parameter of our methods; of the others their own name, or a number, does.
GIVEN: Mapping[str, Any] = {"whisper": "out", "app": USER, "sounds": ["a", "b"], "variables": {"A": "b"},
                            "fields": {"context": "agents"}, "kind": "endpoint"}  # fmt: skip
# Asterisk's words for the types of JSON.
PLAIN = {"string": str, "int": int, "long": int, "double": float, "boolean": bool, "Date": str, "object": dict}
SAMPLES: Mapping[str, Any] = {
    "string": "said", "int": 7, "long": 7, "double": 7.0, "boolean": True, "Date": "2026-11-22T08:00:00.000+0400",
    "object": {"WASL_CALL": "said"}, "containers": {}, "binary": "",
}  # fmt: skip


class Described:
    """The interface as the running server describes it."""

    def __init__(self, line: Carrier) -> None:
        self.models: dict[str, Any] = {}
        self.operations: list[tuple[str, list[str], Any]] = []
        for one in line.house.get("/api-docs/resources.json").raise_for_status().json()["apis"]:
            path = one["path"].replace("{format}", "json")
            told = line.house.get(path).raise_for_status().json()
            self.models |= told["models"]
            self.operations += [
                (operation["httpMethod"], api["path"].split("/"), operation)
                for api in told["apis"]
                for operation in api["operations"]
            ]

    def operation(self, method: str, path: str) -> Any:
        """The operation that this request is."""
        parts = path.split("/")
        fits = [
            operation
            for kind, template, operation in self.operations
            if kind == method and len(template) == len(parts)
            and all(a == b or a.startswith("{") for a, b in zip(template, parts, strict=True))
        ]  # fmt: skip
        # One whose path is written out comes before one with a name in its place.
        return min(fits, key=lambda one: len(_named(one)), default=None)

    def properties(self, model: str) -> Mapping[str, Any]:
        """The fields of a model, with those of what it is a kind of."""
        found = dict(self.models[model]["properties"])
        for name, parent in self.models.items():
            if model in parent.get("subTypes", ()):
                found = {**self.properties(name), **found}
        return found

    def kinds(self) -> set[str]:
        """The kinds of events."""
        found, left = set(), ["Event"]
        while left:
            under = self.models[left.pop()].get("subTypes", [])
            found |= set(under)
            left += under
        return found

    def sample(self, kind: str) -> Any:
        """Something of this type, with every field."""
        if kind.startswith("List["):
            return [self.sample(kind[5:-1])]
        if kind in SAMPLES:
            return SAMPLES[kind]
        return {name: self.sample(one["type"]) for name, one in self.properties(kind).items()}


def _named(operation: Any) -> list[Any]:
    return [one for one in operation.get("parameters", []) if one["paramType"] == "path"]


class Seen(Mapping[str, Any]):
    """An object of a model. Whoever reads a field that the model has not, in an inner object too, is told so."""

    def __init__(self, described: Described, model: str, absent: "set[str] | None" = None) -> None:
        self._described, self._model, self._absent = described, model, absent
        self._fields = described.properties(model)

    def __getitem__(self, name: str) -> Any:
        known = self._fields.get(name)
        if known is None:
            if self._absent is None:
                raise AssertionError(f"{self._model} has no {name}")
            # Of events, of which each kind has some of all fields.
            self._absent.add(name)
            raise KeyError(name)
        if name == "type" and self._absent is not None:
            return self._model
        kind = known["type"]
        return Seen(self._described, kind) if kind in self._described.models else self._described.sample(kind)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


class Sent:
    """A server that writes down what it is sent, and answers as described."""

    def __init__(self, described: Described) -> None:
        self.wrong: list[str] = []
        self.requests: set[tuple[str, str]] = set()
        self._described = described

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        method, path = request.method, unquote(request.path).removeprefix("/ari")
        operation = self._described.operation(method, path)
        if operation is None:
            self.wrong.append(f"{method} {path} does not exist")
            return web.json_response({"message": "no such thing"}, status=404)
        self.requests.add((method, operation["nickname"]))
        body = await request.json() if request.can_read_body else {}
        self.wrong += [f"{method} {path}: {words}" for words in _unfit(operation, request.query, body)]
        if operation.get("upgrade") == "websocket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.close()
            return socket
        kind = operation["responseClass"]
        return web.json_response(self._described.sample(kind) if kind != "void" else None)


def _unfit(operation: Any, query: Mapping[str, str], body: Mapping[str, Any]) -> Iterator[str]:
    """What the operation does not take, or wants and does not get."""
    known = {one["name"]: one for one in operation.get("parameters", ()) if one["paramType"] in ("query", "body")}
    raw = [one for one in known.values() if one["paramType"] == "body" and one["name"] not in body]
    for name, value in query.items():
        if name not in known:
            yield f"no parameter {name}"
            continue
        many = known[name].get("allowMultiple") and name != "media"
        for one in value.split(",") if many else [value]:
            yield from (f"{name}={one}: {words}" for words in _unlike(known[name], one))
    for name, value in body.items():
        # `variables` stand beside the parameters; a filter is the whole body.
        if name not in known and not raw:
            yield f"no field {name} in its body"
        elif name in known and not isinstance(value, dict | list):
            yield f"{name} is {value!r}"
    for name, one in known.items():
        if one.get("required") and name not in query and name not in body and one["paramType"] == "query":
            yield f"{name} is wanted"


def _unlike(known: Mapping[str, Any], value: str) -> Iterator[str]:
    kind, allowed = known["dataType"], known.get("allowableValues", {})
    if kind in ("int", "long") and not value.lstrip("-").isdigit():
        yield f"is no {kind}"
    elif kind == "boolean" and value not in ("true", "false"):
        yield "is neither true nor false"
    elif allowed.get("valueType") == "LIST" and value not in allowed["values"]:
        yield f"is none of {allowed['values']}"
    elif allowed.get("valueType") == "RANGE" and int(value) < int(allowed.get("min", value)):
        yield f"is less than {allowed['min']}"


@pytest.fixture(scope="module")
def described(line: Carrier) -> Described:
    return Described(line)


def arguments(method: Any) -> tuple[list[Any], dict[str, Any]]:
    """Something for each parameter."""
    these: list[Any] = []
    named: dict[str, Any] = {}
    for name, one in inspect.signature(method).parameters.items():
        value = GIVEN.get(name, 9 if one.annotation in (int, "int") else name)
        if one.kind is one.KEYWORD_ONLY:
            named[name] = value
        else:
            these.append(value)
    return these, named


def commands() -> list[str]:
    """What the client can do."""
    return [name for name, one in inspect.getmembers(Ari, inspect.isfunction) if not name.startswith("_")]


def _aside(work: Coroutine[Any, Any, T]) -> T:
    """In a thread of its own: a browser of an earlier test keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _all_sent(described: Described, client: type[Ari] = Ari) -> Sent:
    sent = Sent(described)
    app = web.Application()
    app.router.add_route("*", "/ari/{path:.*}", sent.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with client(port, USER, "x") as one:
            for name in commands():
                method = getattr(one, name)
                these, named = arguments(method)
                if inspect.isasyncgenfunction(getattr(Ari, name)):
                    async for event in method(*these, **named):
                        assert event.kind == "Connected"
                else:
                    await method(*these, **named)
    finally:
        await runner.cleanup()
    return sent


def test_every_command_is_one_that_asterisk_describes(described: Described) -> None:
    sent = _aside(_all_sent(described))
    assert sent.wrong == []
    # Each says something of its own, and the events' reader two things.
    assert len(sent.requests) >= len(commands()) - 1


def test_a_command_that_asterisk_would_refuse_is_found_out(described: Described) -> None:
    class Wrong(Ari):
        async def music(self, channel: str) -> None:
            await self._do("POST", f"/channels/{channel}/moh", {"mohclass": "x"})

        async def hang_up(self, channel: str) -> None:
            await self._do("DELETE", f"/channels/{channel}", {"reason": "boredom"})

        async def dial(self, channel: str, seconds: int, caller: str) -> None:
            await self._do("POST", f"/channels/{channel}/dial", {"timeout": "soon", "caller": caller})

        async def destroy(self, bridge: str) -> None:
            # Asterisk knows no such thing.
            try:
                await self._do("POST", f"/bridges/{bridge}/destroy")
            except ari.Gone:
                return

        async def bridge(self, bridge: str) -> None:
            await self._do("POST", f"/channels/{bridge}/snoop/x", {"spy": "both"})

    wrong = _aside(_all_sent(described, Wrong)).wrong
    assert len(wrong) == 5
    for words in ("no parameter mohclass", "boredom", "timeout=soon", "destroy does not exist", "app is wanted"):
        assert any(words in one for one in wrong), wrong


def trees() -> Iterator[ast.Module]:
    """Our own sources of the telephone."""
    for file in Path(voice.__file__).parent.glob("*.py"):
        yield ast.parse(file.read_text())


def _words(node: ast.AST) -> Iterator[str]:
    return (one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str))


def _has_kind(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "kind" and getattr(node.value, "id", "") == "event"


def kinds_read() -> set[str]:
    """Kinds of events that any of our code asks for, but for those that it makes itself."""
    asked, ours = set(), set()
    for tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                if any(_has_kind(inner) for side in sides for inner in ast.walk(side)):
                    asked |= {word for side in sides for word in _words(side) if word[:1].isupper()}
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Event" and node.args:
                ours |= set(_words(node.args[0]))
    # These are made by us for who missed them, and come from Asterisk as well.
    return asked - (ours - {"ChannelDestroyed", "ChannelStateChange"})


def test_every_event_that_is_read_exists_with_what_is_read_of_it(described: Described) -> None:
    kinds = kinds_read()
    assert {"StasisStart", "ChannelDtmfReceived", "ContactStatusChange", "ApplicationReplaced"} <= kinds
    assert kinds <= described.kinds()
    assert set(ari._UNHEARD) <= described.kinds()
    lacking: Sequence[set[str]] = [set() for _kind in kinds]
    for kind, absent in zip(sorted(kinds), lacking, strict=True):
        event = Event.of(Seen(described, kind, absent))
        assert event.kind == kind
        assert event.channel is None or event.channel.id
        # Where its readers look on in it.
        _leg(event)
        if kind == "ContactStatusChange":
            Controller._contact(object.__new__(Controller), event)
    # What one kind has not, another has: else it is a field that nothing has.
    assert set.intersection(*lacking) == set()


def test_what_an_event_is_read_for_is_in_it(described: Described) -> None:
    def read(kind: str) -> Event:
        return Event.of(Seen(described, kind, set()))

    assert read("ChannelDtmfReceived").digit
    assert read("ChannelDestroyed").cause
    assert read("PlaybackFinished").playback
    assert read("RecordingFinished").recording
    assert read("RecordingFailed").recording
    assert read("StasisStart").args
    for kind in ("StasisStart", "StasisEnd", "ChannelStateChange", "ChannelDestroyed", "ChannelDtmfReceived"):
        channel = read(kind).channel
        assert channel is not None
        assert all((channel.id, channel.name, channel.state, channel.caller, channel.dialled, channel.call)), kind


def test_a_field_that_is_not_described_is_found_out(described: Described) -> None:
    with pytest.raises(AssertionError, match="Channel has no colour"):
        Seen(described, "Channel")["colour"]
    channel = described.models["Channel"]["properties"]
    kept = channel.pop("state")
    try:
        with pytest.raises(AssertionError, match="Channel has no state"):
            Channel.of(Seen(described, "Channel"))
    finally:
        channel["state"] = kept


def actions() -> Iterator[tuple[str, set[str]]]:
    """What our code asks of the manager interface: actions, with the fields they are given."""
    for tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or getattr(node.func, "attr", "") not in ("do", "_ask"):
                continue
            fields = {one.arg for one in node.keywords if one.arg}
            if len(node.args) > 1:
                fields |= {str(key.value) for key in getattr(node.args[1], "keys", ()) if isinstance(key, ast.Constant)}
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield str(first.value), fields
            elif isinstance(first, ast.Name) and first.id == "action" and fields:
                # One of several, written out where the loop begins.
                yield "QueueAdd", fields
                yield "QueueRemove", fields


def test_every_action_of_the_manager_interface_exists_with_its_fields(line: Carrier) -> None:
    asked = list(actions())
    names = {action for action, _fields in asked}
    assert {"Login", "Getvar", "Redirect", "Command", "MixMonitor", "MixMonitorMute", "QueueAdd"} <= names
    for action, fields in asked:
        told = line.of_house(f"manager show command {action}")
        assert "[Syntax]" in told, f"there is no action {action}"
        syntax = told.partition("[Syntax]")[2].partition("[Synopsis]")[0].partition("[Description]")[0]
        known = {one.strip(" []\x1b").partition(":")[0].strip("[ ") for one in syntax.splitlines()}
        assert fields <= known, f"{action} has no {fields - known}"


OF_TYPE = {
    "identify": "res_pjsip_endpoint_identifier_ip",
    "registration": "res_pjsip_outbound_registration",
}
"""Which part knows a type of object; the others are of res_pjsip."""


def written() -> Iterator[tuple[str, str]]:
    """Types of objects with the options that seats are given, and carriers are written down with."""
    for kind, fields in (("aor", phones._AOR), ("endpoint", phones._ENDPOINT)):
        yield from ((kind, name) for name in fields)
    yield from (("auth", name) for name in ("auth_type", "username", "password"))
    whole = configuration.Trunk(
        "c", "sip.example", 5061, ("203.0.113.7",), "tls", encrypted=True, username="u", password="p", contact="1"
    )
    for part in configuration._carrier(whole).split("\n[")[1:]:
        fields = dict(line.split(" = ", 1) for line in part.splitlines() if " = " in line)
        yield from ((fields["type"], name) for name in fields if name != "type")


def test_every_option_of_telephones_and_carriers_exists(line: Carrier) -> None:
    asked = sorted(set(written()))
    assert {("registration", "line"), ("identify", "match"), ("endpoint", "webrtc"), ("endpoint", "identify_by")} <= {
        *asked
    }
    for kind, name in asked:
        told = line.of_house(f"config show help {OF_TYPE.get(kind, 'res_pjsip')} {kind} {name}")
        assert "Synopsis" in told, f"{kind} has no {name}: {told}"


def test_every_word_to_the_console_is_one_it_knows(line: Carrier) -> None:
    asked = {
        str(node.args[0].value)
        for tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)
        and ast.unparse(node.func).endswith("ami.command")
    }  # fmt: skip
    assert {"ari shutdown websocket sessions", "pjsip show registrations"} <= asked
    for words in asked:
        assert "Usage:" in line.of_house(f"core show help {words.removesuffix(' *all')}"), words
    for module in carriers.RELOADED:
        assert module in line.of_house(f"module show like {module}.so"), module
