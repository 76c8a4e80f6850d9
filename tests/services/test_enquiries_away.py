"""Sources that are other systems: what they say, what becomes of it when they are slow, dead or hostile."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.city import City
from tests.services.elsewhere import Elsewhere, by_tcp, system
from wasl.kernel import clock, outward, seal
from wasl.services.enquiries import actions, definitions
from wasl.services.enquiries.actions import Answer, Asker, Question, answers, ask
from wasl.services.enquiries.models import Asked, Enquiry, Remembered
from wasl.services.enquiries.sources import away, http, sql

pytestmark = [pytest.mark.django_db, pytest.mark.req("J9")]

FINES = {"data": {"fines": [{"amount": 12.5, "why": {"en": "parking"}, "phone": "9200 0001", "paid": False}]}}
COLUMNS = {"amount": "amount", "why": "why.en", "phone": "phone", "paid": "paid"}
REPLIES = {
    "found": {"en": "{{ plate }}: {{ amount }} for {{ why }}"},
    "several": {"en": "{{ count }}, {{ sum_amount }}\n{{ lines }}"},
    "line": {"en": "{{ why }}"},
    "nothing": {"en": "none"},
    "refused": {"en": "not you"},
    "away": {"en": "away"},
}


@pytest.fixture(autouse=True)
def _fresh(city: City, settings: Any) -> Iterator[None]:
    settings.WASL_OUTWARD_NETWORKS = ["127.0.0.1"]
    definitions.forget()
    away.forget()
    yield
    away.forget()


@pytest.fixture
def other() -> Iterator[Elsewhere]:
    with system() as server:
        server.answer = FINES
        yield server


def define(code: str = "fines", source: str = "http", **given: Any) -> Enquiry:
    fields = given.pop("fields", [{"kind": "plate", "labels": {}, "example": ""}])
    who, secret = given.pop("who", "anyone"), given.pop("secret", "")
    made = Enquiry(
        code=code, names={"en": "Fines"}, fields=fields, who=who, source=source, settings=given, replies=REPLIES,
        active=True,
    )  # fmt: skip
    made.secret_sealed = seal.seal(secret, place=f"enquiry:{made.pk}") if secret else None
    made.save(force_insert=True)
    definitions.forget()
    return made


def by_http(other: Elsewhere, path: str = "/ok/{{ plate_number }}?code={{ plate_letters }}", **more: Any) -> Enquiry:
    given: dict[str, Any] = {"url": other.url + path, "rows": "data.fines", "columns": COLUMNS, "timeout_s": 0.6}
    return define(**{**given, **more})


def one(words: str = "12345 BA", *, enquiry: str = "fines", number: str | None = None) -> Answer:
    return ask([Question(enquiry, words, Asker("sms", number, "en"))])[0]


def test_json_is_mapped_to_columns(other: Elsewhere) -> None:
    by_http(other, secret="Bearer s3cret")
    assert one("١٢٣٤٥ ب أ").text == "12345 BA: 12.5 for parking"
    assert other.asked == ["/ok/12345?code=BA"]
    assert other.keys == ["Bearer s3cret"]


def test_a_body_is_posted_as_json(other: Elsewhere) -> None:
    by_http(
        other, "/ok", method="POST", body='{"word": "{{ word }}"}',
        fields=[{"kind": "word", "labels": {}, "example": ""}],
    )  # fmt: skip
    assert one('a "quoted\\" word').kind == "found"
    assert other.bodies == [{"word": "a quoted word"}]


def test_several_rows_and_their_sum(other: Elsewhere) -> None:
    by_http(other)
    row = FINES["data"]["fines"][0]
    other.answer = {"data": {"fines": [row, {**row, "amount": "7.250", "why": {"en": "speed"}}]}}
    assert one().text == "2, 19.750\n1. parking\n2. speed"


def test_only_the_owner_is_told(other: Elsewhere) -> None:
    by_http(other, who="owner", owner_column="phone")
    assert one(number="+96892000001").kind == "found"
    assert one(number="+96899999999").text == "not you"
    other.answer = {"data": {"fines": []}}
    assert one("99 Z", number="+96892000001").text == "not you"


def test_a_pin_of_the_source(other: Elsewhere) -> None:
    fields = [{"kind": "plate", "labels": {}, "example": ""}, {"kind": "pin", "labels": {}, "example": ""}]
    by_http(other, who="pin", pin_column="phone", fields=fields)
    other.answer = {"data": {"fines": [{"amount": 1, "why": {"en": "x"}, "phone": "4711"}]}}
    assert one("12345 BA 4711").kind == "found"
    assert one("12345 BA 4712").kind == "refused"


@pytest.mark.parametrize("habit", ["broken", "rubbish", "deep", "shape", "huge", "hang", "drip", "elsewhere", "round"])
@pytest.mark.slow
def test_whatever_it_does_the_answer_comes_and_says_so(other: Elsewhere, habit: str) -> None:
    by_http(other, f"/{habit}/")
    began = time.monotonic()
    assert one().text == "away"
    assert time.monotonic() - began < 2.5
    if habit == "elsewhere":
        assert len(other.asked) == 1


def test_redirects_on_the_same_host_and_nothing_found(other: Elsewhere) -> None:
    by_http(other, "/moved/")
    assert one().kind == "found"
    by_http(other, "/none/", code="none")
    assert one(enquiry="none").text == "none"
    by_http(other, "/unfit/", code="unfit")
    assert [one(enquiry="unfit").text for _ in range(5)] == ["none"] * 5, "what people typed is no failure of theirs"


@pytest.mark.slow
def test_what_it_said_is_kept_sealed_and_told_with_its_age(other: Elsewhere) -> None:
    by_http(other)
    assert one().as_of is None
    kept = Remembered.objects.get()
    assert b"parking" not in bytes(kept.rows_sealed)
    other.habit = "hang"
    answer = one()
    assert answer.kind == "found"
    assert answer.as_of == kept.at
    assert "\nAs of " in answer.text
    assert one("1 A").text == "away", "never asked before"
    with clock.later(timedelta(hours=25)):
        assert one().text == "away", "too old to be said"


def test_a_dead_source_is_left_alone_until_somebody_mends_it(other: Elsewhere) -> None:
    row = by_http(other, "/broken/")
    for plate in ("1 A", "2 A", "3 A"):
        assert one(plate).kind == "away"
    asked = len(other.asked)
    assert [one(f"{n} B").kind for n in range(1, 5)] == ["away"] * 4
    assert len(other.asked) == asked
    row.settings = {**row.settings, "url": other.url + "/ok"}
    row.save()
    definitions.forget()
    assert one().kind == "found"


@pytest.mark.slow
def test_one_slow_source_does_not_delay_the_others(other: Elsewhere) -> None:
    by_http(other, "/hang/", code="slow", timeout_s=1.5)
    by_http(other)
    asker = Asker("sms", None, "en")
    batch = [
        *(Question("slow", f"{n} A", asker) for n in range(1, 60)),
        *(Question("fines", f"{n} A", asker) for n in range(1, 60)),
        Question("vehicle-fines", "12345 BA", asker),
    ]
    began = time.monotonic()
    came: dict[int, float] = {}
    for place, _answer in answers(batch):
        came[place] = time.monotonic() - began
    assert came[118] < 0.5, "what we hold ourselves comes at once"
    assert max(came[place] for place in range(59, 118)) < 1.4, "before the slow one gives up"
    assert max(came.values()) < 5
    assert len(came) == 119
    assert Asked.objects.count() == 119


@pytest.mark.slow
def test_a_crowd_before_a_slow_source_is_bounded(other: Elsewhere) -> None:
    by_http(other, "/hang/")
    found = ask([Question("fines", f"{n} A", Asker("sms", None, "en")) for n in range(1, 2000)])
    assert {a.kind for a in found} == {"away"}
    # The source has threads of its own in this process; ours bear the enquiry's name.
    ours = [one for one in threading.enumerate() if one.name.startswith("enquiry-fines")]
    assert len(ours) <= 2 * away.AT_ONCE


# --- where a connector may go ---


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",  # noqa: S104
        "::1", "fe80::1", "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "fd00::1", "255.255.255.255", "::",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(settings: Any, address: str) -> None:
    settings.WASL_OUTWARD_NETWORKS = []
    assert not outward.allowed(ip_address(address))
    settings.WASL_OUTWARD_NETWORKS = ["0.0.0.0/0", "::/0"]
    assert outward.allowed(ip_address(address))


def test_public_ones_are_allowed(settings: Any) -> None:
    settings.WASL_OUTWARD_NETWORKS = []
    assert outward.allowed(ip_address("8.8.8.8"))
    assert outward.allowed(ip_address("2001:4860:4860::8888"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "0"])
def test_our_own_machine_is_not_reached_by_any_name(settings: Any, other: Elsewhere, host: str) -> None:
    settings.WASL_OUTWARD_NETWORKS = []
    define(url=f"http://{host}:{other.server_port}/ok", rows="", columns=COLUMNS, timeout_s=0.6)
    assert one().text == "away"
    assert other.asked == []
    assert f":{other.server_port}" not in one().text


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"url": "ftp://example.org/"}, "url"),
        ({"url": "http://{{ plate }}/"}, "url"),
        ({"url": "http://user:pw@example.org/"}, "url"),
        ({"url": "http://example.org:99999/"}, "url"),
        ({"url": "http://example.org/{{ plate"}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"method": "DELETE"}, "method"),
        ({"header": "X\r\nHost"}, "header"),
        ({"header": "Host"}, "header"),
        ({"rows": "a..b"}, "rows"),
        ({"columns": {}}, "columns"),
        ({}, ""),
    ],
)
def test_settings_of_http(given: dict[str, Any], wrong: str) -> None:
    good: dict[str, Any] = {"url": "https://example.org/{{ plate }}", "columns": {"a": "b.0"}}
    assert http.HttpSettings.of({**good, **given}).check() == wrong


# --- another data base ---


@pytest.fixture(scope="module")
def data_base(database_url: str) -> Iterator[str]:
    """A second data base, reached by TCP, as its own role would be."""
    said = conninfo_to_dict(database_url)
    with psycopg.connect(database_url, autocommit=True) as root:
        root.execute("DROP DATABASE IF EXISTS elsewhere WITH (FORCE)")
        root.execute("CREATE DATABASE elsewhere")
    with psycopg.connect(database_url, dbname="elsewhere", autocommit=True) as made:
        made.execute("CREATE TABLE fines (plate text, amount numeric(9,3), why text, phone text)")
        made.execute("INSERT INTO fines VALUES ('12345 BA', 12.500, 'parking', '92000001'), ('7 A', 1, 'x%y', null)")
    host, port = str(said["host"]), int(str(said["port"]))
    with by_tcp(host, port) as tcp:
        yield f"postgresql://{said['user']}@127.0.0.1:{tcp}/elsewhere?sslmode=disable"
    away.forget()
    with psycopg.connect(database_url, autocommit=True) as root:
        root.execute("DROP DATABASE IF EXISTS elsewhere WITH (FORCE)")


STATEMENT = "SELECT amount, why, phone FROM fines WHERE plate = %(plate)s"


def test_a_select_with_bound_parameters(data_base: str) -> None:
    define(source="sql", url=data_base, statement=STATEMENT, timeout_s=2, owner_column="phone", who="owner")
    assert one("١٢٣٤٥ ب أ", number="+96892000001").text == "12345 BA: 12.500 for parking"
    assert one("7 A", number="+96892000001").text == "not you"


def test_what_cannot_be_in_the_column_is_not_found_and_not_logged(
    data_base: str, caplog: pytest.LogCaptureFixture
) -> None:
    fields = [{"kind": "word", "labels": {}, "example": ""}]
    define(
        source="sql", url=data_base, timeout_s=2, fields=fields,
        statement="SELECT amount, why FROM fines WHERE amount = (%(word)s::text)::numeric",
    )  # fmt: skip
    assert [one("sesame").text for _ in range(5)] == ["none"] * 5
    define("worse", source="sql", url=data_base, timeout_s=2, fields=fields,
           statement="SELECT query_to_xml(%(word)s, true, true, '')::text AS why")  # fmt: skip
    assert one("sesame", enquiry="worse").text == "away"
    assert "42601" in caplog.text
    assert "sesame" not in caplog.text


def test_words_never_become_sql(data_base: str) -> None:
    define(
        source="sql", url=data_base, timeout_s=2, fields=[{"kind": "word", "labels": {}, "example": ""}],
        statement="SELECT 1 AS amount, %(word)s::text AS why WHERE 'a%%b' LIKE 'a%%' -- the end",
    )  # fmt: skip
    assert one("x'; DROP TABLE fines; --").text.endswith("1 for x drop table fines")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_sleep(30)::text AS why",
        "WITH gone AS (DELETE FROM fines RETURNING *) SELECT * FROM gone",
        "SELECT nextval('pg_toast.nowhere') AS why",
        "SELECT set_config('transaction_read_only', 'off', true), count(*) FROM nowhere",
        "SELECT repeat('x', 50000) AS why",
        "SELECT 1/0 AS why",
    ],
)
@pytest.mark.slow
def test_a_slow_or_writing_statement_is_away(data_base: str, statement: str) -> None:
    define(source="sql", url=data_base, statement=statement, timeout_s=0.6)
    began = time.monotonic()
    assert one().text == "away"
    assert time.monotonic() - began < 3
    with psycopg.connect(data_base) as look:
        assert look.execute("SELECT count(*) FROM fines").fetchone() == (2,)


@pytest.mark.slow
def test_a_data_base_that_does_not_answer(other: Elsewhere) -> None:
    other.habit = "hang"
    define(source="sql", url=f"postgresql://x@127.0.0.1:{other.server_port}/x", statement=STATEMENT, timeout_s=0.6)
    began = time.monotonic()
    assert one().text == "away"
    assert time.monotonic() - began < 4


def test_a_million_rows_are_fifty(data_base: str) -> None:
    define(source="sql", url=data_base, statement="SELECT n AS why, 1 AS amount FROM generate_series(1, 1000000) n", timeout_s=3)  # fmt: skip  # noqa: E501
    answer = one()
    assert answer.kind == "several"
    assert len(answer.choices) == actions.MOST_CHOICES
    assert answer.text.startswith("50, ")


@pytest.mark.parametrize(
    ("url", "statement", "wrong"),
    [
        ("postgresql://u@db.example/x", STATEMENT, ""),
        ("postgresql:///x", STATEMENT, "url"),
        (f"postgresql://u@{quote('/var/run', safe='')}/x", STATEMENT, "url"),
        ("postgresql://u@a,b/x", STATEMENT, "url"),
        ("postgresql://u:secret@db.example/x", STATEMENT, "url"),
        ("postgresql://u@db.example/x?options=-c%20x", STATEMENT, "url"),
        ("postgresql://u@db.example/x?hostaddr=127.0.0.1", STATEMENT, "url"),
        ("postgresql://u@db.example/x?host=evil.example", STATEMENT, "url"),
        ("postgresql://u@db.example/x?p%6Frt=5433", STATEMENT, "url"),
        ("postgresql://u@db.example/x?sslmode=require", STATEMENT, ""),
        ("postgres://u@db.example/x", STATEMENT, "url"),
        ("host=db.example dbname=x user=u", STATEMENT, "url"),
        ("rubbish", STATEMENT, "url"),
        ("postgresql://u@db.example/x", "DELETE FROM fines", "statement"),
        ("postgresql://u@db.example/x", "SELECT 1; DROP TABLE fines", "statement"),
        ("postgresql://u@db.example/x", "SELECT 'a%b'", "statement"),
    ],
)
def test_settings_of_sql(url: str, statement: str, wrong: str) -> None:
    assert sql.SqlSettings(url, statement).check() == wrong


def test_our_own_data_base_is_not_reached(settings: Any, data_base: str) -> None:
    settings.WASL_OUTWARD_NETWORKS = []
    define(source="sql", url=data_base, statement=STATEMENT)
    assert one().text == "away"
