"""The server: who is let in, how much of what he sends is taken, and who gets what is for him."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.sms.peers import HELLO, Peer, account, bound, eventually, run, take_all
from wasl.channels.sms.smpp import pdu
from wasl.channels.sms.smpp.client import BindRefused, Way, connect
from wasl.channels.sms.smpp.codec import Request, Response
from wasl.channels.sms.smpp.codes import Status
from wasl.channels.sms.smpp.outcome import LIMITS, Limits, Outcome, OutcomeKind
from wasl.channels.sms.smpp.server import Admit, Client, Server, ServerSession
from wasl.channels.sms.smpp.session import Session

TEXT = pdu.DeliverSm(short_message=b"hello")


async def admit(request: pdu.BindRequest, _caller: str) -> Client | int:
    if request.password != "secret":
        return Status.RINVPASWD
    return Client(request.system_id, binds=2)


async def accept(_session: Session, batch: Sequence[Request]) -> Sequence[Response]:
    return [one.answer(message_id="1") for one in batch]


@asynccontextmanager
async def server(
    handler: Callable[[Session, Sequence[Request]], object] = accept,
    admits: Admit = admit,
    *,
    limits: Limits = LIMITS,
    connections: int = 200,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[Server, int]]:
    made = Server(handler, admits, limits=limits, connections=connections)  # type: ignore[arg-type]  # all are handlers
    port = await made.listen("127.0.0.1", 0, tls)
    try:
        yield made, port
    finally:
        await made.close(0.3)


@asynccontextmanager
async def caller(port: int) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


@pytest.mark.slow
@pytest.mark.req("J5")
def test_only_who_knows_the_password_is_let_in_and_guessing_is_slow() -> None:
    async def test() -> None:
        async with server() as (_made, port):
            began = asyncio.get_running_loop().time()
            with pytest.raises(BindRefused):
                await connect(replace(account(port), password="guess"), take_all)
            assert asyncio.get_running_loop().time() - began > 0.9
            async with caller(port) as peer:
                peer.send(HELLO, pdu.QuerySm(sequence=2), pdu.DeliverSmResp(sequence=1))
                assert [(await peer.next()).status for _time in range(2)] == [Status.RINVBNDSTS] * 2
                # A second bind while the first is looked at is none.
                peer.send(pdu.BindTransceiver(sequence=3), pdu.BindTransceiver(sequence=4, password="secret"))
                assert [((await peer.next()).sequence) for _time in range(2)] == [4, 3]
                await peer.hung_up()

    run(test())


def test_who_does_not_bind_is_sent_away() -> None:
    async def test() -> None:
        async with server(limits=Limits(bind=0.1)) as (made, port), caller(port) as peer:
            await eventually(lambda: made.sessions)
            await peer.hung_up()
            await eventually(lambda: not made.sessions)

    run(test())


def test_callers_and_binds_are_bounded() -> None:
    async def test() -> None:
        async with server(connections=3) as (made, port), AsyncExitStack() as stack:
            first = await stack.enter_async_context(bound(port))
            await stack.enter_async_context(bound(port))
            with pytest.raises(BindRefused) as raised:
                await connect(account(port), take_all)
            assert raised.value.status == Status.RALYBND
            await eventually(lambda: len(made.sessions) == 2)
            await stack.enter_async_context(bound_as(port, "other"))
            async with caller(port) as peer:
                await peer.hung_up()
            # Who leaves makes room.
            await first.unbind()
            await eventually(lambda: len(made.sessions) == 2)
            await stack.enter_async_context(bound(port))

    run(test())


@asynccontextmanager
async def bound_as(port: int, system_id: str) -> AsyncIterator[Session]:
    session = await connect(account(port, system_id=system_id), take_all, limits=Limits(window=200))
    try:
        yield session
    finally:
        session.abort("the test ends")
        await session.closed


@pytest.mark.req("J5")
def test_over_his_rate_a_client_is_told_to_wait_and_nobody_else() -> None:
    async def limited(request: pdu.BindRequest, _caller: str) -> Client | int:
        return Client(request.system_id, per_s=20 if request.system_id == "flood" else None)

    async def test() -> None:
        async with (
            server(admits=limited) as (_made, port),
            bound_as(port, "flood") as flood,
            bound_as(port, "flood") as again,
            bound_as(port, "calm") as calm,
        ):
            outcomes: list[Outcome] = []
            for session in (flood, again):
                for _time in range(50):
                    session.submit(HELLO, outcomes.append)
            for _time in range(50):
                assert (await calm.send(HELLO)).kind is OutcomeKind.ACCEPTED
            await eventually(lambda: len(outcomes) == 100)
            accepted = [one for one in outcomes if one.kind is OutcomeKind.ACCEPTED]
            # The rate is his over all his connections.
            assert 20 <= len(accepted) <= 30
            assert {one.status for one in outcomes} == {0, Status.RTHROTTLED}

    run(test())


@pytest.mark.slow
@pytest.mark.req("J5")
def test_a_client_beyond_his_window_is_held_back_and_delays_nobody() -> None:
    waiting = asyncio.Event()
    in_hand: dict[str, int] = {}

    async def slowly(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
        assert isinstance(session, ServerSession)
        assert session.client
        name = session.client.name
        in_hand[name] = in_hand.get(name, 0) + len(batch)
        if name == "flood":
            await waiting.wait()
        return await accept(session, batch)

    async def small(request: pdu.BindRequest, _caller: str) -> Client | int:
        return Client(request.system_id, window=10)

    async def test() -> None:
        async with server(slowly, small) as (made, port), caller(port) as peer, bound_as(port, "calm") as calm:
            peer.send(pdu.BindTransmitter(sequence=1, system_id="flood"))
            await peer.next()
            octets = b"".join(replace(HELLO, sequence=number).encode() for number in range(2, 20_002))
            peer.writer.write(octets)
            for _time in range(50):
                assert (await calm.send(HELLO)).kind is OutcomeKind.ACCEPTED
            flooding = next(one for one in made.sessions if one.client and one.client.name == "flood")
            # One read of the network at most on top of the window.
            assert len(flooding._inbox) < 6_000
            waiting.set()
            answers = 0
            while answers < 20_000:
                answers += isinstance(await peer.next(), pdu.SubmitSmResp)

    run(test(), 60)


def test_messages_for_a_client_go_to_those_of_his_binds_that_take_them() -> None:
    async def test() -> None:
        async with server() as (made, port):
            received: list[int] = [0, 0]

            def counting(place: int) -> Callable[[Session, Sequence[Request]], object]:
                async def take(session: Session, batch: Sequence[Request]) -> Sequence[Response]:
                    received[place] += len(batch)
                    return await take_all(session, batch)

                return take

            outcomes: list[Outcome] = []
            assert not made.deliver("wasl", TEXT, outcomes.append)
            async with bound(port, way=Way.TRANSMITTER):
                assert not made.deliver("wasl", TEXT, outcomes.append)
                async with bound(port, counting(0), way=Way.RECEIVER):  # type: ignore[arg-type]  # a handler
                    assert made.deliver("wasl", TEXT, outcomes.append)
                    await eventually(lambda: outcomes)
            await eventually(lambda: not made.sessions)
            async with bound(port, counting(0), way=Way.RECEIVER), bound(port, counting(1)):  # type: ignore[arg-type]  # handlers
                assert not made.deliver("other", TEXT, outcomes.append)
                for _time in range(10):
                    assert made.deliver("wasl", TEXT, outcomes.append)
                await eventually(lambda: len(outcomes) == 11)
                assert received == [6, 5]
                assert {one.kind for one in outcomes} == {OutcomeKind.ACCEPTED}

    run(test())


def test_a_client_that_does_not_answer_fills_only_his_own_window() -> None:
    async def test() -> None:
        async with server(limits=Limits(window=5)) as (made, port), caller(port) as peer:
            peer.send(pdu.BindReceiver(sequence=1, system_id="wasl", password="secret"))
            await peer.next()
            outcomes: list[Outcome] = []
            assert [made.deliver("wasl", TEXT, outcomes.append) for _time in range(8)] == [True] * 5 + [False] * 3
            peer.writer.close()
            await eventually(lambda: len(outcomes) == 5)
            assert {one.kind for one in outcomes} == {OutcomeKind.UNKNOWN}

    run(test())


@pytest.mark.slow
def test_when_nobody_can_say_who_calls_he_is_asked_to_come_again() -> None:
    async def fail(_request: pdu.BindRequest, _caller: str) -> Client | int:
        raise RuntimeError("the data base is gone")

    async def test() -> None:
        async with server(admits=fail) as (_made, port):
            with pytest.raises(BindRefused) as raised:
                await connect(account(port), take_all)
            assert raised.value.status == Status.RSYSERR
            assert not raised.value.for_good

    run(test())


def test_over_tls(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "both.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(file)
    theirs = ssl.create_default_context(cafile=str(file))

    async def test() -> None:
        async with server(tls=ours) as (_made, port):
            session = await connect(replace(account(port), host="localhost", tls=theirs), take_all)
            assert (await session.send(HELLO)).kind is OutcomeKind.ACCEPTED
            await session.unbind()
            with pytest.raises(ssl.SSLError):
                await connect(replace(account(port), host="localhost", tls=ssl.create_default_context()), take_all)

    run(test())
