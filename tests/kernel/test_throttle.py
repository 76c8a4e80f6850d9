import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django.fixtures import DjangoAssertNumQueries

from wasl.kernel import clock
from wasl.kernel.models import Throttle
from wasl.kernel.throttle import TooMany, clear, hit, purge

pytestmark = pytest.mark.req("C8")

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def passes(key: str, *, limit: int = 3, per_s: int = 60) -> bool:
    try:
        hit(key, limit=limit, per_s=per_s)
    except TooMany:
        return False
    return True


@pytest.mark.django_db
def test_the_limit_passes_and_the_next_is_refused() -> None:
    with clock.held(NOON):
        assert [passes("pin:1") for _ in range(5)] == [True, True, True, False, False]
        assert passes("pin:2")
        assert passes("report:1")


@pytest.mark.django_db
def test_a_window_begins_with_its_first_hit_and_ends_after_its_seconds() -> None:
    with clock.held(NOON):
        assert all(passes("a:b") for _ in range(3))
    with clock.held(NOON + timedelta(seconds=59)):
        with pytest.raises(TooMany) as refusal:
            hit("a:b", limit=3, per_s=60)
        assert refusal.value.retry_after_s == 1
    with clock.held(NOON + timedelta(seconds=60)):
        assert [passes("a:b") for _ in range(4)] == [True, True, True, False]


@pytest.mark.django_db
def test_a_refused_hit_does_not_lengthen_the_wait() -> None:
    waits = []
    for second in (0, 10, 20.5, 30):
        with clock.held(NOON + timedelta(seconds=second)):
            try:
                hit("a:b", limit=1, per_s=60)
            except TooMany as refusal:
                waits.append(refusal.retry_after_s)
    assert waits == [50, 40, 30]


@pytest.mark.django_db
def test_a_raised_limit_counts_at_once() -> None:
    with clock.held(NOON):
        assert [passes("a:b", limit=1) for _ in range(50)].count(True) == 1
        assert [passes("a:b", limit=10) for _ in range(50)].count(True) == 8


@pytest.mark.django_db
def test_a_clock_set_back_locks_nobody_out() -> None:
    with clock.held(NOON + timedelta(days=400)):
        assert not all(passes("a:b", limit=1) for _ in range(2))
    with clock.held(NOON):
        assert passes("a:b", limit=1)


@pytest.mark.django_db
def test_a_hit_that_read_the_clock_before_the_window_began_is_counted_in_it() -> None:
    with clock.held(NOON):
        assert all(passes("a:b") for _ in range(2))
    with clock.held(NOON - timedelta(milliseconds=5)):
        assert [passes("a:b") for _ in range(2)] == [True, False]


@pytest.mark.django_db
def test_no_address_lies_in_the_table() -> None:
    hit("report:203.0.113.7", limit=1, per_s=60)
    hit("odd:\x00" + "9" * 100_000, limit=1, per_s=60)
    keys = sorted(Throttle.objects.values_list("key", flat=True))
    assert [key.partition(":")[0] for key in keys] == ["odd", "report"]
    assert all(len(key) < 80 and "203" not in key.partition(":")[0] for key in keys)


@pytest.mark.django_db
def test_old_windows_are_forgotten() -> None:
    with clock.held(NOON):
        hit("old:1", limit=1, per_s=60)
    with clock.held(NOON + timedelta(hours=23)):
        hit("new:1", limit=1, per_s=60)
    with clock.held(NOON + timedelta(hours=25)):
        assert purge() == 1
        assert not passes("new:1", limit=1, per_s=86_400)


@pytest.mark.django_db
@pytest.mark.parametrize(("limit", "per_s"), [(0, 60), (1, 0), (1, 86_401)])
def test_no_limit_is_named(limit: int, per_s: int) -> None:
    with pytest.raises(ValueError, match="is none"):
        hit("a:b", limit=limit, per_s=per_s)


@pytest.mark.django_db
def test_it_is_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        hit("a:b", limit=1, per_s=60)


@pytest.mark.django_db(transaction=True)
def test_inside_a_transaction_it_is_refused() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="roll-back"):
        hit("a:b", limit=1, per_s=60)
    hit("a:b", limit=1, per_s=60)
    assert not passes("a:b", limit=1)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_never_pass_more_than_the_limit() -> None:
    passed: list[bool] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait(10)
        try:
            for _ in range(25):
                passed.append(passes("crowd:1", limit=40))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(passed) == 200
    assert passed.count(True) == 40


@pytest.mark.django_db
def test_the_table_costs_no_write_ahead_log() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'kernel_throttle'")
        assert cursor.fetchone() == ("u",)


@pytest.mark.django_db
def test_the_right_answer_forgets_the_tries_of_its_key_only() -> None:
    with clock.held(NOON):
        assert not all(passes(key, limit=1) for key in ("pin:1", "pin:2", "pin:1", "pin:2"))
        clear("pin:1")
        assert passes("pin:1", limit=1)
        assert not passes("pin:2", limit=1)
