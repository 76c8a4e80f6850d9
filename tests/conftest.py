"""Fixtures that every test may use. The PostgreSQL of the run is started by `tests/server.py`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.city import City

_loaded: "list[City]" = []
_swept: list[str] = []
_kept: list[Any] = []


def pytest_configure() -> None:
    """Passwords in tests guard nothing: hashing them well would cost seconds."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/real is marked `real`: it drives real processes."""
    real = Path(__file__).parent / "real"
    for item in items:
        if item.path.is_relative_to(real):
            item.add_marker(pytest.mark.real)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test that really commits ends with empty tables; the city stands again before the next one begins."""
    if _swept:
        from pytest_django.plugin import blocking_manager_key

        from tests.city import City

        with item.config.stash[blocking_manager_key].unblock():
            _loaded[0].made = City.load().made
            _remember()
        _swept.clear()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Remember that Django wiped the tables after this test."""
    mark = item.get_closest_marker("django_db")
    commits = {"transactional_db", "live_server"} & set(getattr(item, "fixturenames", ()))
    if _loaded and (commits or (mark is not None and mark.kwargs.get("transaction"))):
        _swept.append(item.nodeid)


@pytest.fixture(scope="session")
def database_url() -> str:
    """libpq URL of the run's server (its maintenance database `wasl`; Django's tests use `test_wasl*` beside it)."""
    return os.environ["WASL_DATABASE_URL"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> "Iterator[None]":
    """Beside Django's own: the demo city stands before the first test; who still holds on at the end is sent away.

    A browser that keeps its connection keeps a live server's thread, and that its session with PostgreSQL.
    """
    from tests.city import City

    with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django ships no public type for it
        _loaded.append(City.load())
        _remember()
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]  # as above
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def _remember() -> None:
    """Keep what is read of the organisation as it is now: reading it anew takes longer than most tests."""
    from wasl.core.organisation import queries

    _kept.clear()
    for kept in queries.KEPT:
        kept.get()
        _kept.append(kept.kept)


def _recall() -> None:
    """What was read then counts again, if the data base still says the same: what a test changed was rolled back."""
    from wasl.core.catalogue import queries as catalogue
    from wasl.core.organisation import queries

    catalogue.forget()
    queries.forget()
    for kept, value in zip(queries.KEPT, _kept, strict=True):
        kept.kept = value


@pytest.fixture
def city(db: None) -> "City":
    """The demo city, as loaded; what a test changes is rolled back."""
    _recall()
    return _loaded[0]


@pytest.fixture
def committed_city(transactional_db: None) -> "City":
    """The demo city for tests that really commit, from several connections; all is wiped afterwards."""
    _recall()
    return _loaded[0]


@pytest.fixture(autouse=True)
def _in_english() -> "Iterator[None]":
    """Sentences are compared in the language of the source; a test of another language activates it itself."""
    from django.utils import translation

    with translation.override("en"):
        yield
