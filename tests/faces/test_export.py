"""Lists taken out of the house: own right, second secret, purpose, watermark, record; nothing in the file runs."""

import csv
import hashlib
import io
import re
import time
import tracemalloc
import zipfile
from typing import Any
from xml.etree import ElementTree

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import extracts
from wasl.core.cases.models import Entry
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Audit, Post, Staff
from wasl.core.people.actions import Reach
from wasl.faces.desk import sheets
from wasl.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.req("F12")]
SECRET = "JBSWY3DPEHPK3PXP"
PURPOSE = "Monthly report to the council"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


def code_of(staff: Staff, *, step: int = 0) -> str:
    """The code that the person's authenticator shows; the authenticator is made where there is none."""
    if not Authenticator.objects.filter(user=staff, type=Authenticator.Type.TOTP).exists():
        totp.TOTP.activate(staff, SECRET)
    return str(totp.format_hotp_value(totp.hotp_value(SECRET, int(time.time()) // 30 + step)))


def take(client: Client, staff: Staff, query: str = "", **given: Any) -> HttpResponse:
    """Fill in the form and send it."""
    filled = {"kind": "csv", "purpose": PURPOSE, "code": code_of(staff), **given}
    return client.post(f"/desk/list/all/extract/?{query}", filled)  # type: ignore[return-value]  # the test client's response


def body(response: Any) -> bytes:
    """The whole file."""
    assert response.status_code == 200, response.content.decode()[:4000]
    return b"".join(response.streaming_content)


def rows_of(data: bytes) -> list[list[str]]:
    """The rows of a CSV."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_exactly_what_is_shown_marked_and_recorded(city: City) -> None:
    leak = city.report("water-leak", area="seeb").case
    city.report("water-leak", area="bawshar")
    staff = city.supervisor
    data = body(take(enter(staff), staff, "area=seeb&cols=number,what,state,received"))
    rows = rows_of(data)
    mark, heads, case, last = rows
    assert heads == ["Number", "Category", "Marks", "First words", "State", "Received"]
    assert case[0] == leak.number
    assert case[3] == "The water runs down the street."
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", case[5])
    assert mark == last
    assert str(staff) in mark[0]
    assert PURPOSE in mark[0]
    audit = Audit.objects.get(kind="extract")
    assert f"Extract {audit.row} " in mark[0]
    assert audit.by == staff
    assert audit.after["rows"] == 1
    assert audit.after["filters"] == {"area": ["seeb"]}
    assert audit.after["sha256"] == hashlib.sha256(data).hexdigest()
    page = enter(city.leader).get(f"/desk/extracts/?serial={audit.row}").content.decode()
    assert PURPOSE in page
    assert "مريم" not in data.decode()
    assert not Entry.objects.filter(verb="case.identity_viewed").exists()


def test_the_second_secret_is_asked_each_time_and_is_good_once(city: City) -> None:
    city.report()
    staff = city.supervisor
    client = enter(staff)
    page = client.get("/desk/list/all/extract/").content.decode()
    assert "Set up the second factor" in page
    assert 'name="code"' not in page
    assert (
        client.post("/desk/list/all/extract/", {"kind": "csv", "purpose": PURPOSE, "code": "123456"}).status_code == 422
    )
    code = code_of(staff)
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    body(take(client, staff, code=arabic))
    assert take(client, staff, code=code).status_code == 422, "a code is good once"
    assert Audit.objects.filter(kind="extract").count() == 1
    assert take(client, staff, code=code_of(staff, step=1), purpose="x").status_code == 422
    assert take(client, staff, code=code_of(staff, step=1), purpose=" " * 40).status_code == 422


def test_wrong_codes_shut_the_door_for_a_while(city: City) -> None:
    staff = city.supervisor
    client = enter(staff)
    right = code_of(staff)
    wrong = f"{(int(right) + 7) % 1_000_000:06d}"
    for _try in range(5):
        assert take(client, staff, code=wrong).status_code == 422
    shut = take(client, staff, code=right)
    assert shut.status_code == 422
    assert "Too many wrong codes" in shut.content.decode()
    assert not Audit.objects.filter(kind="extract").exists()


@pytest.mark.slow
def test_only_who_has_the_right_and_only_what_it_reaches(city: City) -> None:
    for staff in (city.agent, city.dispatcher, city.second_line, city.officer("water"), city.administrator):
        assert take(enter(staff), staff).status_code == 403
    seeb, other = city.report(area="seeb").case, city.report(area="bawshar").dispatched_to()
    half = Staff.objects.create(username="half", names={"en": "Half"}, language="en")
    Post.objects.create(staff=half, role="officer", unit=other.order.unit, since=clock.now())
    Post.objects.create(staff=half, role="leader", area=Area.objects.get(code="seeb"), since=clock.now())
    page = enter(half).get("/desk/list/all/").content.decode()
    assert other.case.number in page
    told = body(take(enter(half), half)).decode()
    assert seeb.number in told
    assert other.case.number not in told, "seen as an officer, whose post takes nothing out"
    with pytest.raises(Exception, match="does not include"):
        extracts.record(1, by=city.agent, purpose=PURPOSE, facts={})


def test_names_only_by_right_for_a_reason_and_each_look_is_an_entry(city: City) -> None:
    case = city.report().case
    staff, leader = city.supervisor, city.leader
    named = body(take(enter(staff), staff, "cols=number", reason="contact-person")).decode()
    assert "مريم" in named
    assert "maryam@example.com" in named
    assert Entry.objects.filter(case=case, verb="case.identity_viewed", actor=f"staff:{staff.pk}").count() == 1
    assert Audit.objects.get(kind="extract").after["identities"] == "contact-person"
    assert 'name="reason"' not in enter(leader).get("/desk/list/all/extract/").content.decode()
    assert "مريم" not in body(take(enter(leader), leader, reason="contact-person")).decode()
    assert Entry.objects.filter(verb="case.identity_viewed").count() == 1
    assert take(enter(staff), staff, reason="curiosity", code=code_of(staff, step=1)).status_code == 422


def test_limits_are_said(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    staff = city.supervisor
    for _ in range(3):
        city.report()
    monkeypatch.setattr(extracts, "MOST_IDENTITIES", 2)
    refused = take(enter(staff), staff, reason="contact-person")
    assert refused.status_code == 422
    assert "at most 2 rows" in refused.content.decode()
    monkeypatch.setattr(extracts, "MOST", 2)
    assert "At most 2 rows are taken out at once" in enter(staff).get("/desk/list/all/extract/").content.decode()
    assert take(enter(staff), staff).status_code == 422
    assert not Audit.objects.filter(kind="extract").exists()


@pytest.mark.parametrize(
    "evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", '=HYPERLINK("http://x","y")', "|cmd", "%0a"]
)
@pytest.mark.slow
def test_no_cell_is_a_formula(city: City, evil: str) -> None:
    assert sheets.harmless(evil).startswith("'")
    city.report(body=evil + " what runs down the street", reach=Reach(name=evil, mail="a@example.com", channel="mail"))
    staff = city.supervisor
    rows = rows_of(body(take(enter(staff), staff, purpose="=cmd() and ten more", reason="contact-person")))
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "＝", "|", "%"))]
    for harmless in ("normal", "26004217", "", "a=b", "5 - 3"):
        assert sheets.harmless(harmless) == harmless


def test_xlsx_in_arabic_runs_right_to_left_and_carries_its_mark(city: City) -> None:
    city.report(body="=1+1 runs down the street")
    staff = city.supervisor
    client = enter(staff)
    client.cookies["django_language"] = "ar"
    book = zipfile.ZipFile(io.BytesIO(body(take(client, staff, kind="xlsx"))))
    sheet = book.read("xl/worksheets/sheet1.xml").decode()
    ElementTree.fromstring(sheet)
    assert 'rightToLeft="1"' in sheet
    assert "<f>" not in sheet
    serial = str(Audit.objects.get(kind="extract").row)
    footer = re.search("<oddFooter>(.*?)</oddFooter>", sheet)
    assert footer
    assert serial in footer[1]
    assert serial in book.read("docProps/core.xml").decode()
    everything = b"".join(book.read(name) for name in book.namelist()).decode(errors="replace")
    assert PURPOSE in everything


@pytest.mark.slow
def test_a_hundred_thousand_rows_in_bounded_memory() -> None:
    heads = [sheets.Heading(f"h{i}") for i in range(10)]
    mark = sheets.Mark("mark", [("a", "b")], "title", "author")
    row: list[sheets.Cell] = [
        "26004217",
        "water",
        "",
        "The water runs down the street. " * 5,
        "Way 3312",
        "Seeb",
        5,
        clock.now(),
        None,
        "x",
    ]

    class Sink(io.RawIOBase):
        size = 0

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.size += len(data)
            return len(data)

    tracemalloc.start()
    text = io.TextIOWrapper(io.BufferedWriter(Sink()), "utf-8", newline="")
    assert sheets.write_csv(text, heads, (row for _ in range(100_000)), mark) == 100_000
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_units_of_the_tests_stand() -> None:
    assert "water" in organisation.units()
