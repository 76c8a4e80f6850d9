"""A carrier with whom we sign in by password, over TLS with encrypted speech; and who only says that he is one."""

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import PASSWORD, SIGNED_IN, Carrier
from tests.real.voice.inside import Inside
from tests.real.voice.people import AGENT, CALLER, hears, in_menu, person
from tests.real.voice.test_hostile import answers, invite
from wasl.site.demo import carrier as demo
from wasl.site.installation import Installation

pytestmark = [pytest.mark.timeout(240), pytest.mark.req("C12")]


@pytest.fixture
def secure(line: Carrier, desk: Inside) -> Iterator[None]:
    """The house signs in with the carrier."""
    given = {
        "host": demo.HOST, "port": line.tls_port, "transport": "tls", "encrypted": True, "on": True, "register": True,
        "certificate": line.certificate.read_text(), "username": SIGNED_IN,
    }  # fmt: skip
    desk.trunk(password=PASSWORD, **given)
    yield
    desk.trunk(on=False)
    desk.trunk(code="demo", on=True)
    until(lambda: "secure/" not in line.of_house("pjsip show registrations"), seconds=20, what="it is taken away")


def stands(desk: Inside, state: str, *, code: str = "secure") -> None:
    """Wait until the desk shows it so."""
    until(lambda: desk.trunk_states()[code] == state, seconds=40, what=f"the carrier is {state}")


@pytest.mark.usefixtures("secure")
def test_a_call_over_tls_with_encrypted_speech_is_heard_both_ways(house: Hotline, line: Carrier, desk: Inside) -> None:
    stands(desk, "signed_in")
    # The agent's telephone too is called over TLS, with our password: there is no other carrier.
    desk.trunk(code="demo", on=False)
    until(lambda: "Endpoint:  demo" not in line.of_house("pjsip show endpoints"), seconds=20, what="there is no other")
    agent = line.phone(AGENT)
    desk.agent(name="anna", phone=agent.number)
    call = in_menu(house, line, by=SIGNED_IN)
    # The house says that the way is encrypted, and that the sound is.
    assert (asked(line, call.leg, "pjsip,secure"), asked(line, call.leg, "rtp,secure")) == ("1", "1")
    call.key("0")
    call.tone(CALLER)
    until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="the agent has the call")
    assert hears(call) == {AGENT}
    assert hears(agent) == {CALLER}
    outside = [one for one in line.house.get("/channels").json() if one["dialplan"]["context"] != "citizen"]
    assert {one["name"].partition("-0")[0] for one in outside} == {"PJSIP/secure"}
    line.hang_up(call.name)
    call.end(20)


def asked(line: Carrier, leg: str, what: str) -> str:
    """What the house knows of a leg."""
    answer = line.house.get(f"/channels/{leg}/variable", params={"variable": f"CHANNEL({what})"})
    return str(answer.raise_for_status().json()["value"])


@pytest.mark.usefixtures("secure")
def test_where_the_first_carrier_is_silent_calls_of_ours_go_by_the_next(
    house: Hotline, line: Carrier, desk: Inside
) -> None:
    stands(desk, "signed_in")
    agent = line.phone(AGENT)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as nobody:
        nobody.bind((demo.HOST, 0))
        desk.trunk(code="demo", port=nobody.getsockname()[1])
        try:
            stands(desk, "silent", code="demo")
            # Each change signs in anew.
            stands(desk, "signed_in")
            desk.agent(name="anna", phone=agent.number)
            # His calls come in still: they are known by their address.
            call = person(house, line)
            until(lambda: desk.state(name="anna")[0] == "busy", seconds=30, what="the agent has the call")
            assert hears(agent) == {CALLER}
        finally:
            desk.trunk(code="demo", port=demo.PORT)
    line.hang_up(call.name)
    call.end(20)
    stands(desk, "answers", code="demo")


@pytest.mark.usefixtures("secure")
def test_a_wrong_password_is_shown_as_one(line: Carrier, desk: Inside) -> None:
    stands(desk, "signed_in")
    desk.trunk(password="another")
    stands(desk, "refused")
    desk.trunk(password=PASSWORD)
    stands(desk, "signed_in")


@pytest.mark.usefixtures("secure")
def test_a_carrier_with_a_certificate_that_nobody_signed_is_not_signed_in_with(line: Carrier, desk: Inside) -> None:
    stands(desk, "signed_in")
    desk.trunk(on=False)
    desk.trunk(on=True, certificate="")
    stands(desk, "silent")


@pytest.mark.usefixtures("secure")
def test_the_password_is_nowhere_in_the_logs(house: Hotline, desk: Inside) -> None:
    stands(desk, "signed_in")
    for log in (house.data / "log").glob("*.log"):
        assert PASSWORD[:9] not in log.read_text(errors="replace"), log.name


def test_who_only_says_that_he_is_the_carrier_is_refused(house: Hotline, desk: Inside) -> None:
    """From another address than the carrier's, with his name (`demo`) as that of who calls."""
    calls, port = desk.calls(), Installation.at(house.data).addresses.sip_port
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as stranger:
        stranger.bind(("127.0.0.99", 0))
        stranger.settimeout(5)
        own = stranger.getsockname()[1]
        stranger.sendto(invite(own, "1111", From="<sip:demo@127.0.0.99>;tag=1"), ("127.0.0.1", port))
        heard = answers(stranger)
    assert heard[-1].startswith("SIP/2.0 401"), heard
    assert desk.calls() == calls
