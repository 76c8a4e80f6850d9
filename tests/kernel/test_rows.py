"""Many rows in one statement: what is written reads back, errors write nothing, a dead connection is replaced."""

import json
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import DataError, IntegrityError, connection, transaction
from psycopg.types.numeric import Int8

from wasl.core.organisation.models import Client, Unit
from wasl.core.people.models import Address, Person
from wasl.kernel import clock, rows

pytestmark = pytest.mark.django_db


def person(**more: object) -> Person:
    return Person(created_at=clock.now(), **more)


def test_what_is_written_reads_back_the_same() -> None:
    at = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)
    known = Person(created_at=at, name_sealed=b"\x00\xff", language="zh", channel=Person.Channel.SMS, sensitive=True)
    plain = Person(created_at=at)
    address = Address(
        person=known, medium="mail", value_sealed=b"v", look_up=b"l", hint="ع…", source="web", created_at=at
    )
    rows.write([address, known, plain])
    assert not known._state.adding
    assert bytes(Person.objects.get(pk=known.pk).name_sealed or b"") == b"\x00\xff"
    for row in (known, plain, address):
        again = type(row).objects.get(pk=row.pk)
        for field in row._meta.local_concrete_fields:
            kept, sent = getattr(again, field.attname), getattr(row, field.attname)
            assert (bytes(kept) if isinstance(kept, memoryview) else kept) == sent, field.name


def test_json_and_what_django_fills_in() -> None:
    made = Unit(code="a-unit", kind="section", names={"ar": "وحدة", "en": 'A "unit"', "n": [1, None, True]}, path="/1/")
    rows.write([made])
    again = Unit.objects.get(code="a-unit")
    assert again.names == {"ar": "وحدة", "en": 'A "unit"', "n": [1, None, True]}
    assert again.updated_at is not None
    made.names, made.active = {}, False
    rows.write([], [(made, ["names", "active"]), (made, [])])
    again.refresh_from_db()
    assert (again.names, again.active) == ({}, False)


def test_an_update_may_empty_a_column() -> None:
    one = person(name_sealed=b"x")
    rows.write([one])
    one.name_sealed = None
    rows.write([], [(one, ["name_sealed"])])
    assert Person.objects.get(pk=one.pk).name_sealed is None


def test_one_wrong_row_and_nothing_is_written() -> None:
    good, bad = person(), Address(person_id=1, medium="mail", value_sealed=b"", look_up=b"", hint="", source="")
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.write([good, bad])
    with pytest.raises(DataError), transaction.atomic():
        rows.write([good, person(language="x" * 50)])
    assert not Person.objects.filter(pk=good.pk).exists()
    assert good._state.adding


def test_a_naive_instant_and_a_sign_that_no_text_may_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        rows.write([Person(created_at=datetime(2026, 1, 1))])  # noqa: DTZ001
    with pytest.raises(DataError), transaction.atomic():
        rows.write([Client(name="a\x00b", key_digest=b"k")])


def test_nothing_is_no_statement() -> None:
    rows.write([])


def test_values_are_never_read_as_sql() -> None:
    words = "'); DROP TABLE people_person; -- $1 %s \\"
    rows.write([Client(name=words, key_digest=b"k")])
    assert rows.read("SELECT name FROM organisation_client WHERE name = $1", [words]) == [(words,)]


@pytest.mark.django_db(transaction=True)
def test_a_notice_is_heard_when_it_commits() -> None:
    connection.ensure_connection()
    info = connection.connection.info
    with psycopg.connect(info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {rows.LIVE_CHANNEL}")
        rows.write([person()], notices=["one", "two"])
        heard = [notice.payload for notice in listener.notifies(timeout=5, stop_after=2)]
    assert heard == ["one", "two"]


@pytest.mark.django_db(transaction=True)
def test_a_notice_alone_is_told_with_the_commit_and_is_one_of_its_own() -> None:
    connection.ensure_connection()
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as listener:
        listener.execute(f"LISTEN {rows.LIVE_CHANNEL}")
        with transaction.atomic():
            rows.tell([rows.notice(["staff:7", "phones"], "phone"), rows.notice(["case:3"], "x", case=3, seq=9)])
            assert not list(listener.notifies(timeout=0.2))
        heard = [json.loads(notice.payload) for notice in listener.notifies(timeout=5, stop_after=2)]
    assert heard[1] == {"topics": ["case:3"], "case": 3, "seq": 9, "verb": "x"}
    assert (heard[0]["topics"], heard[0]["case"]) == (["staff:7", "phones"], 0)
    assert heard[0]["seq"] > 10**15
    rows.tell([])


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_is_replaced_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)
    connection.close()
    (backend,) = rows.read("SELECT pg_backend_pid()")[0]
    with psycopg.connect(connection.connection.info.dsn, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])
    monkeypatch.setattr(rows, "TRUSTED_S", -1.0)
    connection.close_if_unusable_or_obsolete()  # as when a request begins: what was asked before does not count
    assert rows.read("SELECT 1") == [(1,)]
    assert rows.read("SELECT pg_backend_pid()") != [(backend,)]
    connection.close()


@pytest.mark.django_db(transaction=True)
def test_what_follows_a_write_sees_it_and_is_one_with_it() -> None:
    """Often enough for both to be prepared, also while one of them fails."""
    many = "SELECT count(*) / $2::int FROM people_person WHERE id = $1"
    there = person()
    assert rows.write([there], then=(many, [Int8(there.pk), 1])) == [(1,)]
    for _ in range(12):
        lost = person()
        with pytest.raises(DataError, match="division by zero"):
            rows.write([lost], then=(many, [Int8(lost.pk), 0]))
        with pytest.raises(IntegrityError):
            rows.write([Person(pk=there.pk, created_at=there.created_at)], then=(many, [Int8(there.pk), 1]))
        kept = person()
        assert rows.write([kept], then=(many, [Int8(kept.pk), 1])) == [(1,)]
        assert set(Person.objects.filter(pk__in=[lost.pk, kept.pk])) == {kept}
