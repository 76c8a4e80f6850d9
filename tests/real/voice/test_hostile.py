"""Callers and strangers who mean no good: what they send is answered or dropped, and the next caller is served."""

import random
import socket
import string
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import in_menu, spoken
from wasl.site.installation import Installation

pytestmark = [pytest.mark.timeout(300), pytest.mark.req("C12")]
_SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"


@pytest.fixture(autouse=True)
def _the_next_caller_is_served(house: Hotline, line: Carrier) -> Iterator[None]:
    before = house.processes()
    yield
    in_menu(house, line)
    after = house.processes()
    assert {name: after[name] for name in ("asterisk", "voice", "voice-guard")} == {
        name: before[name] for name in ("asterisk", "voice", "voice-guard")
    }, "a process had to be started anew"


@pytest.mark.parametrize(
    "caller",
    [
        "<script>alert(1)</script>",
        "${SHELL(touch {place})}",
        '"; DROP TABLE calls_call; --',
        "+968" + "9" * 60,
        "../../etc/passwd",
        "\u202e+96892345678",
    ],
)
def test_a_caller_shows_any_number(house: Hotline, line: Carrier, desk: Inside, tmp_path: Path, caller: str) -> None:
    place = tmp_path / "was-here"
    call = in_menu(house, line, caller=caller.replace("{place}", str(place)))
    assert not place.exists(), "what a caller shows was carried out"
    kept = desk.call()
    assert kept["channel"] == call.leg
    assert not set(kept["hint"]) & set("<>${}\"';/\\\u202e"), kept["hint"]
    assert len(kept["hint"]) <= 30


def test_a_number_that_nobody_has_is_answered(house: Hotline, line: Carrier, desk: Inside) -> None:
    call = line.call("4711")
    call.told(spoken(house, "language", "ar"))


def test_keys_without_end(house: Hotline, line: Carrier, desk: Inside) -> None:
    call = in_menu(house, line)
    # They may lead anywhere, also to the end of the call.
    call.key("".join(random.choices("123456789*#", k=120)))
    line.hang_up(call.name)
    call.end(20)
    until(lambda: desk.call()["ended"], seconds=30, what="the end in the books")
    # He may have come to where he is called back.
    desk.forget_waits()


def invite(port: int, to: str, *, length: int | None = None, **more: str) -> bytes:
    """An INVITE of a stranger; header fields are replaced by `more`."""
    fields = {
        "Via": f"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{random.randrange(10**9)};rport",
        "Max-Forwards": "70",
        "From": "<sip:+96892345678@127.0.0.1>;tag=1",
        "To": f"<sip:{to}@127.0.0.1>",
        "Call-ID": f"{random.randrange(10**9)}@stranger",
        "CSeq": "1 INVITE",
        "Contact": f"<sip:a@127.0.0.1:{port}>",
        "Content-Type": "application/sdp",
        "Content-Length": str(len(_SDP) if length is None else length),
    } | {name.replace("_", "-"): value for name, value in more.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"INVITE sip:{to}@127.0.0.1 SIP/2.0\r\n{head}\r\n{_SDP}".encode("utf-8", "surrogateescape")


def torture(port: int) -> list[bytes]:
    """Messages that are wrong, each in its own way. Source: the kinds of RFC 4475."""
    good = invite(port, "1111")
    return [
        b"", b"\0" * 600, b"INVITE", b"\r\n\r\n" * 200, good[:60], good[:-30], good * 3,
        random.Random(1).randbytes(1400),
        good.replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1),
        good.replace(b"\r\n", b"\n"),
        good.replace(b"INVITE sip:", b"INVITE  sip:  ", 1),
        good.replace(b"Content-Length", b"l", 1),
        invite(port, "1111", length=-1),
        invite(port, "1111", length=10**9),
        invite(port, "1111", CSeq="4294967296 INVITE"),
        invite(port, "1111", CSeq="1 BYE"),
        invite(port, "1111", Via="SIP/2.0/UDP"),
        invite(port, "1111", To="<sip:1111@127.0.0.1", From="<sip:;;;>"),
        invite(port, "1111", Max_Forwards="0"),
        invite(port, "1111", Max_Forwards="99999999999999999999"),
        invite(port, "1111", Call_ID="x" * 60_000)[:60_000],
        invite(port, "1111", From="\"" + "\\" * 500 + "\" <sip:a@b>;tag=" + "t" * 2000),
        invite(port, "1111", Contact="*"),
        invite(port, "%00%ff" * 50),
        invite(port, "1111", Authorization="Digest username=\"" + "a" * 3000 + "\""),
        invite(port, "1111", Content_Type="multipart/mixed;boundary="),
        good.replace(b"INVITE", b"REGISTER"),
        good.replace(b"INVITE", b"X" * 300),
        good.replace(b"INVITE", b"REFER").replace(b"Max-Forwards", b"Refer-To: <sip:+1900555@x>\r\nMax-Forwards"),
    ]  # fmt: skip


def answers(link: socket.socket) -> list[str]:
    """First lines of what has been answered."""
    lines = []
    while True:
        try:
            lines.append(link.recv(65_535).split(b"\r\n", 1)[0].decode(errors="replace"))
        except TimeoutError:
            return lines


@pytest.mark.req("D9")
def test_malformed_messages_and_strangers(house: Hotline, desk: Inside) -> None:
    calls = desk.calls()
    sip = Installation.at(house.data).addresses.sip_port
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as link:
        link.bind(("127.0.0.1", 0))
        link.connect(("127.0.0.1", sip))
        link.settimeout(1.5)
        port = link.getsockname()[1]
        for message in torture(port):
            link.send(message)
        for _time in range(300):
            letters = "".join(random.choices(string.ascii_letters, k=8))
            link.send(invite(port, f"+1900{random.randrange(10**7)}", From=f"<sip:{letters}@127.0.0.1>;tag=2"))
        lines = answers(link)
    assert [line for line in lines if line.startswith("SIP/2.0 4")], "nobody was told what was wrong"
    assert not [line for line in lines if line.startswith("SIP/2.0 2")], "a stranger was let in"
    assert desk.calls() == calls, "a stranger is no caller"
