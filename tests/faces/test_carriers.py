"""Carriers as they are set at the desk: how they know us, what Asterisk is told of them, how it stands with them."""

import asyncio
import stat
from datetime import timedelta
from pathlib import Path

import pytest

from tests.city import City
from tests.faces.test_desk_phone import enter, page, post
from wasl.channels.voice import carriers, certificate, configuration
from wasl.channels.voice.ami import Ami, Away
from wasl.core.organisation.models import Audit
from wasl.kernel import clock
from wasl.services.calls import trunks
from wasl.services.calls.models import Trunk, TrunkState

pytestmark = [pytest.mark.django_db, pytest.mark.req("C12")]
CARRIER = {
    "code": "c", "name": "C", "host": "sip.example", "port": "5061", "transport": "tls", "match": "203.0.113.7",
    "username": "hotline", "password": "se;cret", "on": "on",
}  # fmt: skip


@pytest.mark.parametrize(
    "match",
    ["0.0.0.0/0", "10.0.0.0/8", "not an address", "", "203.0.113.7\nexten", "127.0.0.1", "127.0.0.0/16",
     "::ffff:127.0.0.1", "fe80::1%a;[b]"],
)  # fmt: skip
def test_a_carrier_is_not_everybody(city: City, match: str) -> None:
    trunks = Trunk.objects.count()
    given = {**CARRIER, "match": match}
    assert post(enter(city.administrator), "phone_new", "carrier", **given).status_code == 422
    assert Trunk.objects.count() == trunks


def test_a_carrier_is_signed_in_with_by_a_password_that_nobody_sees(city: City, tmp_path: Path) -> None:
    client = enter(city.administrator)
    given = {**CARRIER, "match": "", "register": "on", "encrypted": "on"}
    assert post(client, "phone_new", "carrier", **given).status_code == 302
    made = Trunk.objects.get(code="c")
    assert b"se;cret" not in bytes(made.password_sealed or b"")
    assert trunks.password_of(made) == "se;cret"
    edit = page(client, "phone_edit", "carrier", made.pk)
    assert "se;cret" not in edit
    assert "A password is set." in edit
    assert "se;cret" not in str(list(Audit.objects.values_list("before", "after")))
    # Left empty, it stays; and it is what Asterisk is told.
    assert post(client, "phone_edit", "carrier", made.pk, **{**given, "password": "", "name": "D"}).status_code == 302
    made.refresh_from_db()
    assert (made.name, trunks.password_of(made)) == ("D", "se;cret")
    digest = configuration.rewrite(_voice(tmp_path), carriers.known())
    text = (tmp_path / "etc" / configuration.CARRIERS).read_text()
    assert "password = se\\;cret\n" in text
    assert "server_uri = sip:sip.example:5061\\;transport=tls\n" in text
    assert "media_encryption = sdes\n" in text
    assert configuration.rewrite(tmp_path, carriers.known()) == digest
    assert "se;cret" not in digest


class Manager(Ami):
    """Asterisk's console, which fails from a command on; `heard` is what came before."""

    def __init__(self) -> None:
        super().__init__(0, "", "")
        self.heard: list[str] = []
        self.fails_at = 99

    async def command(self, line: str) -> str:
        if len(self.heard) >= self.fails_at:
            raise Away("Command: TimeoutError")
        self.heard.append(line)
        return ""


def test_what_asterisk_was_not_told_to_its_end_is_told_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carriers, "_SETTLES_S", 0)
    folder = _voice(tmp_path)
    made = configuration.Trunk(
        code="c", host="sip.example", port=5060, match=(), transport="udp", encrypted=False, certificate="",
        username="hotline", password="secret", contact="",
    )  # fmt: skip
    cut = Manager()
    cut.fails_at = 2
    with pytest.raises(Away):
        asyncio.run(carriers.tell(cut, folder, [made]))
    after = Manager()
    for _time in range(2):
        asyncio.run(carriers.tell(after, folder, [made]))
    assert len(after.heard) == len(carriers.RELOADED) + 1, "by another controller all of it, once"
    asyncio.run(carriers.tell(after, folder, []))
    assert len(after.heard) == 2 * (len(carriers.RELOADED) + 1)


def _voice(folder: Path) -> Path:
    for name in ("etc", "tls"):
        (folder / name).mkdir()
    return folder


@pytest.mark.parametrize(
    "wrong",
    [
        {"register": "on", "username": ""},
        {"register": "on", "password": ""},
        {"encrypted": "on", "transport": "udp"},
        {"password": "a\nmatch = 0.0.0.0/0"},
        {"username": "a;b"},
        {"username": "a@b"},
        {"certificate": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"},
        {"certificate": "x"},
        {"code": "seat5"},
        {"code": "tls"},
        {"host": "a\nb"},
    ],
)
def test_a_carrier_that_cannot_be_is_refused(city: City, wrong: dict[str, str]) -> None:
    known = Trunk.objects.count()
    assert post(enter(city.administrator), "phone_new", "carrier", **{**CARRIER, **wrong}).status_code == 422
    assert Trunk.objects.count() == known


def test_how_it_stands_with_a_carrier_is_shown_while_that_is_fresh(city: City) -> None:
    client = enter(city.administrator)
    assert post(client, "phone_new", "carrier", **CARRIER).status_code == 302
    made = Trunk.objects.get(code="c")
    assert "not known yet" in page(client, "phone_carriers")
    trunks.heard({made.pk: "refused"})
    assert "check user name and password" in page(client, "phone_carriers")
    TrunkState.objects.update(at=clock.now() - timedelta(minutes=5))
    assert "check user name and password" not in page(client, "phone_carriers")


def test_what_the_console_says_of_registrations() -> None:
    table = """
 <Registration/ServerURI..............................>  <Auth....................>  <Status.......>
==========================================================================================

 one/sip:127.0.0.12:5070                                 one                         Registered        (exp. 283s)
 the-other/sip:sip.example:5061;transport=tls            the-other                   Rejected          (exp. 7s)
 third/sips:[2001:db8::1]:5061                           n/a                         Unregistered

Objects found: 3
"""
    assert carriers.registrations(table) == {"one": "Registered", "the-other": "Rejected", "third": "Unregistered"}


def test_our_certificate_is_made_once_and_anew_for_another_name(tmp_path: Path) -> None:
    files = certificate.make(tmp_path, "hotline.example", "127.0.0.1")
    before = files[0].read_bytes()
    assert certificate.make(tmp_path, "hotline.example", "127.0.0.1")[0].read_bytes() == before
    assert certificate.make(tmp_path, "1111.example", "127.0.0.1")[0].read_bytes() != before
    assert [stat.S_IMODE(one.stat().st_mode) for one in files] == [0o600, 0o600]
    assert certificate.are_certificates(files[0].read_text())
    assert not certificate.are_certificates(files[0].read_text() + files[1].read_text())


@pytest.mark.usefixtures("city")
def test_calls_of_ours_go_by_the_first_carrier_that_is_well() -> None:
    Trunk.objects.all().delete()
    assert trunks.way_out() is None
    state = TrunkState.State
    first, second, off = (Trunk.objects.create(code=code, name=code, host="sip.example", match=[]) for code in "abc")
    Trunk.objects.filter(pk=off.pk).update(on=False)
    assert trunks.way_out() == first, "of whom nothing is known yet is tried"
    for said, way in (
        ({first.pk: state.SILENT}, second), ({first.pk: state.REFUSED, second.pk: state.SIGNED_IN}, second),
        ({second.pk: state.SILENT}, first), ({first.pk: state.ANSWERS}, first),
    ):  # fmt: skip
        trunks.heard(said)
        assert trunks.way_out() == way, said
    trunks.heard({first.pk: state.SILENT, second.pk: state.SILENT})
    assert trunks.way_out() == first, "with all of them silent one is tried all the same"
    TrunkState.objects.filter(trunk=first).update(at=clock.now() - 2 * trunks.FRESH)
    assert trunks.way_out() == first
