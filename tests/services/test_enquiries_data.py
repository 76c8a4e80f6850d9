"""Defining enquiries and loading data sets: files with every fault, what a load would change, who may."""

import io
import zipfile
import zlib
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import xlsxwriter

from tests.city import City
from wasl.core.organisation import rights
from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Audit
from wasl.kernel import clock
from wasl.services.enquiries import definitions, editing, jobs, loading, queries, tables
from wasl.services.enquiries.actions import Answer, Asker, Question, ask
from wasl.services.enquiries.editing import DataSetFacts, EnquiryFacts
from wasl.services.enquiries.models import DataRow, DataSet, Enquiry, Upload

pytestmark = [pytest.mark.django_db, pytest.mark.req("J3", "J9")]

SET = DataSetFacts(
    code="permits",
    names={"en": "Permits"},
    columns=["status", "until"],
    key=[{"kind": "number", "columns": ["permit"]}, {"kind": "word", "columns": ["town"]}],
    owner_column="phone",
    pin_column="secret",
)
FIELDS = [
    {"kind": "number", "labels": {"en": "permit"}, "example": "1"},
    {"kind": "word", "labels": {}, "example": "X"},
]
REPLIES = {kind: {"en": kind} for kind in ("found", "several", "line", "nothing", "refused", "away")}
REPLIES["found"] = {"en": "{{ number }}/{{ word }}: {{ status }} {{ until }}"}
CSV = "permit;town;phone;secret;status;until;other\n17;Seeb;9200 0001;4711;open;2027-01-01;x\n١٨;السيب;;;shut;;y\n"


@pytest.fixture(autouse=True)
def _fresh(city: City) -> None:
    definitions.forget()


@pytest.fixture
def held(city: City) -> DataSet:
    return editing.save_data_set(None, by=city.administrator, facts=SET)


def load(city: City, held: DataSet, text: str, *, whole: bool = True) -> int:
    staged = editing.stage(held, by=city.administrator, name="p.csv", content=text.encode(), whole=whole)
    return editing.confirm(staged, by=city.administrator)


def facts(held: DataSet, **more: Any) -> EnquiryFacts:
    given: dict[str, Any] = {
        "code": "permit", "names": {"en": "Permit"}, "fields": FIELDS, "who": "anyone", "source": "data",
        "replies": REPLIES, "data_set": held, "active": True,
    }  # fmt: skip
    return EnquiryFacts(**{**given, **more})


def one(words: str, number: str | None = None) -> Answer:
    return ask([Question("permit", words, Asker("sms", number, "en"))])[0]


def test_from_a_file_to_an_answer_without_code(city: City, held: DataSet) -> None:
    assert load(city, held, CSV) == 2
    editing.save_enquiry(None, by=city.administrator, facts=facts(held))
    assert one("17 seeb").text == "17/seeb: open 2027-01-01"
    assert one("18 السيب").text == "18/السيب: shut"


def test_numbers_and_pins_lie_there_as_blind_indexes_only(city: City, held: DataSet) -> None:
    load(city, held, CSV)
    row = DataRow.objects.get(data_set=held, key="17|seeb")
    assert set(row.values) == {"status", "until"}
    for hidden in ("9200", "4711"):
        assert hidden not in str(vars(row))
    fields = [*FIELDS, {"kind": "pin", "labels": {}, "example": ""}]
    editing.save_enquiry(None, by=city.administrator, facts=facts(held, who="either", fields=fields))
    assert one("17 seeb", "+96892000001").kind == "found"
    assert one("17 seeb", "+96892000002").kind == "refused"
    assert one("17 seeb 4711", "+96892000002").kind == "found"
    assert one("18 السيب 0000", "+96892000002").kind == "refused", "a row without PIN is opened by none"


def test_a_preview_says_what_would_change(city: City, held: DataSet) -> None:
    load(city, held, CSV)
    text = CSV.replace("open", "closed").replace("١٨;السيب", "19;Bawshar") + "x;Ruwi;;;;;\n20;Ruwi;12;;;;\n"
    staged = editing.stage(held, by=city.administrator, name="p\n.csv", content=text.encode("utf-8-sig"), whole=True)
    seen = editing.preview(staged)
    assert (seen.difference.added, seen.difference.changed, seen.difference.gone, seen.difference.same) == (1, 1, 1, 0)
    assert [line for line, _why in seen.errors] == [4, 5]
    assert "telephone" in seen.errors[1][1]
    assert "phone" not in seen.columns
    assert "secret" not in seen.columns
    assert held.rows.count() == 2, "nothing is changed before somebody confirms"
    assert "closed" not in bytes(staged.content).decode("latin-1")
    editing.confirm(staged, by=city.administrator)
    assert sorted(held.rows.values_list("key", flat=True)) == ["17|seeb", "19|bawshar"]
    assert not Upload.objects.exists()


def test_rows_of_the_same_keys_are_replaced_and_the_others_stay(city: City, held: DataSet) -> None:
    load(city, held, CSV)
    head = CSV.partition("\n")[0]
    load(city, held, f"{head}\n17;Seeb;;;a;;\n17;Seeb;;;b;;\n", whole=False)
    assert [row.values["status"] for row in held.rows.order_by("key", "id")] == ["a", "b", "shut"]


def xlsx(rows: list[list[Any]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet()
        for n, row in enumerate(rows):
            sheet.write_row(n, 0, row)
    return out.getvalue()


def test_a_workbook_reads_as_people_see_it() -> None:
    made = tables.read(xlsx([["a", "b", "c"], [17, 2.5, date(2026, 11, 22)], [], ["١٢", True, None]]))
    assert made.columns == ("a", "b", "c")
    assert made.rows == [
        (2, {"a": "17", "b": "2.5", "c": "2026-11-22"}),
        (4, {"a": "١٢", "b": "True", "c": ""}),
    ]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b"0" * 250_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"a,a\n1,2\n", b"a,,b\n", b"\xff\xfe\x00a", b"PK\x03\x04 no zip", b'a,b\n"1,2\n',
        b"a,b\n1,\0\n", (",".join(map(str, range(70))) + "\n").encode(),
    ],
)  # fmt: skip
def test_files_that_are_none(content: bytes) -> None:
    with pytest.raises(tables.BadFile):
        tables.read(content)


@pytest.mark.slow
def test_a_file_that_unpacks_to_a_quarter_of_a_gigabyte() -> None:
    with pytest.raises(tables.BadFile):
        tables.read(bomb())
    with pytest.raises(tables.BadFile, match="larger"):
        tables.read(b"a" * (tables.LARGEST + 1))


def sheet(cells: str, *, lie: bool = False) -> bytes:
    """A workbook whose sheet holds this; with `lie` its directory tells of the first 60 octets only."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([["a"]]))) as good, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for one in good.namelist():
            body = good.read(one).decode()
            if one == "xl/worksheets/sheet1.xml":
                body = body[: body.index("<sheetData>")] + f"<sheetData>{cells}</sheetData></worksheet>"
                held = made.infolist()
                made.writestr(one, body)
                if lie:
                    held = [info for info in made.infolist() if info.filename == one]
                    held[0].file_size, held[0].CRC = 60, zlib.crc32(body[:60].encode())
            else:
                made.writestr(one, body)
    return out.getvalue()


FIRST = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'


@pytest.mark.parametrize(
    "cells",
    [
        FIRST + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        FIRST + "<row r=\"9000\"><c  r = 'ALL9000'><v>1</v></c></row>",
        FIRST + '<row a=">" r="2"><c b="&gt; >" r="ALM2"><v>1</v></c></row>',
        FIRST + "<row>" + "<c><v>1</v></c>" * 1001 + "</row>",
        FIRST + '<row r="2"><c r="ALL2"/></row>' + "<row/>" * 5001 + "<row><c><v>1</v></c></row>",
    ],
)
@pytest.mark.slow
def test_a_workbook_that_claims_a_huge_grid(cells: str) -> None:
    with pytest.raises(tables.BadFile, match="workbook"):
        tables.read(sheet(cells))


@pytest.mark.slow
def test_a_workbook_is_read_as_far_as_it_says() -> None:
    far = FIRST + '<row r="40000"><c r="A40000"><v>7</v></c></row>'
    assert tables.read(sheet(far)).rows == [(40000, {"a": "7"})]
    with pytest.raises(tables.BadFile, match="workbook"):
        tables.read(sheet(far + '<row r="9"><c r="ZZZ9"/></row>', lie=True))


def test_rows_of_a_csv_are_counted_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    assert len(tables.read(b"a,b\n1,2\n3,4\n5,6\n").rows) == 3
    with pytest.raises(tables.BadFile, match="at most 3 rows"):
        tables.read(b"a,b\n1,2\n3,4\n5,6\n7,8\n" + b'"not read any more' * 9)
    with pytest.raises(tables.BadFile, match="columns"):
        tables.read(b"a,b\n" + b"," * 100_001)


def test_a_column_that_is_missing_is_named(city: City, held: DataSet) -> None:
    with pytest.raises(Refused, match="“town”"):
        load(city, held, "permit,phone\n1,2\n")
    with pytest.raises(Refused, match="No row"):
        load(city, held, "permit,town,phone,secret,status,until\nx,y,,,,\n")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"code": "Vehicle Fines"}, "small letters"),
        ({"code": "vehicle-fines"}, "already"),
        ({"names": {}}, "name"),
        ({"fields": []}, "one to four"),
        ({"fields": [{"kind": "pin"}]}, "one to four"),
        ({"fields": [{"kind": "nonsense"}]}, "one to four"),
        ({"fields": [{"kind": "pin"}, *FIELDS]}, "last"),
        ({"fields": [*FIELDS, {"kind": "pin"}]}, "and only there"),
        ({"who": "pin"}, "Ask for a PIN"),
        ({"who": "everybody"}, "Choose"),
        ({"fields": FIELDS[:1]}, "asked by"),
        ({"source": "case"}, "acceptance number"),
        ({"source": "case", "fields": [{"kind": "acceptance"}]}, "Not everybody"),
        ({"source": "http", "settings": {}}, "address"),
        ({"source": "http", "settings": {"url": "http://x/{{ nose }}", "columns": {"a": "b"}}}, "“nose”"),
        ({"source": "http", "settings": {"url": "http://x/", "columns": {"a": "b"}}}, "what people give"),
        ({"source": "http", "settings": {"url": "http://x/{{ word }}", "columns": {}}}, "each line"),
        ({"source": "sql", "settings": {"url": "postgresql://u@h/d", "statement": "DROP TABLE x"}}, "one SELECT"),
        ({"replies": {**REPLIES, "found": {"en": "{{ colour }}"}}}, "“colour”"),
        ({"replies": {**REPLIES, "found": {"en": "{{ status"}}}, "two braces"),
        ({"replies": {**REPLIES, "away": {"en": " "}}}, "at least one language"),
        ({"replies": {**REPLIES, "line": {"en": "x" * 1001}}}, "at most"),
    ],
)
def test_a_definition_that_cannot_work_is_refused(city: City, held: DataSet, more: dict[str, Any], says: str) -> None:
    with pytest.raises(Refused, match=says):
        editing.save_enquiry(None, by=city.administrator, facts=facts(held, **more))


def test_who_changed_what_is_kept_and_no_secret(city: City, held: DataSet) -> None:
    by = city.administrator
    settings = {"url": "http://x.example/{{ word }}", "columns": {"status": "s", "until": "u"}, "timeout_s": 2}
    web = facts(held, source="http", settings=settings, secret="Bearer s3cret")
    made = editing.save_enquiry(None, by=by, facts=web)
    editing.save_enquiry(made, by=by, facts=replace(web, names={"en": "Permits!"}, secret=None))
    kept = Enquiry.objects.get(pk=made.pk)
    assert kept.secret_sealed is not None
    rows = Audit.objects.filter(kind="enquiry", row=made.pk).order_by("pk")
    assert [row.verb for row in rows] == ["enquiry.made", "enquiry.changed"]
    assert set(rows[1].after) == {"names"}
    assert "s3cret" not in str([(row.before, row.after) for row in rows])
    assert "secret_sealed" not in rows[0].after


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@db.example:5433/x", "postgresql://u@evil.example/x", "postgresql://v@db.example/x",
        "postgresql://u@db.example/y", "postgresql://u@db.example/x?sslmode=disable",
    ],
)  # fmt: skip
def test_a_password_does_not_follow_to_another_data_base(city: City, held: DataSet, url: str) -> None:
    settings = {"url": "postgresql://u@db.example/x?sslmode=require", "statement": "SELECT %(word)s AS status"}
    kept = facts(held, source="sql", settings=settings, secret="s3cret")
    made = editing.save_enquiry(None, by=city.administrator, facts=kept)
    again = replace(kept, secret=None, settings={**settings, "statement": "SELECT 1, %(word)s AS status"})
    made = editing.save_enquiry(made, by=city.administrator, facts=again)
    assert made.secret_sealed is not None
    moved = replace(again, settings={**settings, "url": url})
    assert editing.save_enquiry(made, by=city.administrator, facts=moved).secret_sealed is None


def test_how_a_row_is_found_stays_while_there_are_rows(city: City, held: DataSet) -> None:
    load(city, held, CSV)
    with pytest.raises(Refused, match="another data set"):
        editing.save_data_set(held, by=city.administrator, facts=replace(SET, pin_column=""))
    editing.save_data_set(held, by=city.administrator, facts=replace(SET, columns=["status"]))
    for wrong in (
        replace(SET, columns=[]), replace(SET, columns=["a b"]), replace(SET, columns=["phone"]), replace(SET, key=[]),
        replace(SET, key=[{"kind": "pin", "columns": ["x"]}]), replace(SET, key=[{"kind": "plate", "columns": []}]),
    ):  # fmt: skip
        with pytest.raises(Refused):
            editing.save_data_set(held, by=city.administrator, facts=wrong)


@pytest.mark.parametrize("role", sorted(set(rights.RIGHTS) - {"administrator", "officer"}))
def test_nobody_else_may(city: City, held: DataSet, role: str) -> None:
    by = city.one(role)
    enquiry = Enquiry.objects.get(code="vehicle-fines")
    staged = editing.stage(held, by=city.administrator, name="p.csv", content=CSV.encode(), whole=True)
    for do in (
        lambda: editing.save_data_set(held, by=by, facts=SET),
        lambda: editing.save_enquiry(enquiry, by=by, facts=facts(held)),
        lambda: editing.set_active(enquiry, by=by, active=False),
        lambda: editing.stage(held, by=by, name="x", content=CSV.encode(), whole=True),
        lambda: editing.confirm(staged, by=by),
        lambda: editing.discard(staged, by=by),
    ):
        with pytest.raises(rights.Forbidden):
            do()


@pytest.mark.req("A13")
def test_use_is_counted_by_channel_and_ends(city: City, held: DataSet) -> None:
    for channel in ("sms", "sms", "web", "test"):
        ask([Question("vehicle-fines", "777 AB", Asker(channel, None, "en"))])
    ask([Question("vehicle-fines", "?", Asker("sms", None, "en"))])
    fines = Enquiry.objects.get(code="vehicle-fines")
    assert queries.use()[fines.pk] == queries.Use(asked=4, answered=3, away=0)
    now = clock.now()
    assert queries.served(now - timedelta(days=1), now + timedelta(seconds=1)) == {
        ("vehicle-fines", "sms"): 2,
        ("vehicle-fines", "web"): 1,
    }
    editing.stage(held, by=city.administrator, name="p.csv", content=CSV.encode(), whole=True)
    assert jobs.purge_enquiries() == 0
    with clock.later(timedelta(days=2000)):
        assert jobs.purge_enquiries() == 6
    assert loading.missing_columns(held, ["permit"]) == ["town", "phone", "secret", "status", "until"]
