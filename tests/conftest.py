"""Fixtures that every test may use. The PostgreSQL of the run is started by `tests/server.py`."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.city import City

_loaded: "list[City]" = []
_kept: list[Any] = []
_keep: "list[Callable[[], None]]" = []


def pytest_configure() -> None:
    """Passwords in tests guard nothing: hashing them well would cost seconds.

    Every client of a test makes the middleware anew; it looks for a static file when one is asked for, not for all of
    them each time. And each has been here before: else the portal's pages hold all its styles, and every class's name.
    """
    from django.conf import settings
    from django.test import Client

    from wasl.faces.frame import assets
    from wasl.faces.frame.security import STYLES

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True
    made = Client.__init__

    def made_with_styles(client: Client, *args: Any, **more: Any) -> None:
        made(client, *args, **more)
        known = assets.manifest()
        client.cookies[STYLES] = ":".join(known[name] for name in ("portal.css", "portal.rtl.css") if name in known)

    Client.__init__ = made_with_styles  # type: ignore[method-assign, assignment]  # for all tests, in one place


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/real is marked `real`: it drives real processes."""
    real = Path(__file__).parent / "real"
    for item in items:
        if item.path.is_relative_to(real):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session", autouse=True)
def _without_witness(django_test_environment: None) -> None:
    """Django keeps a copy of every context of every template for `response.context`; no test asks for one."""
    from django.template.base import Template
    from django.test.utils import _TestState

    Template._render = _TestState.saved_data.template_render  # type: ignore[attr-defined]  # private to Django


@pytest.fixture(scope="session")
def database_url() -> str:
    """libpq URL of the run's server (its maintenance database `wasl`; Django's tests use `test_wasl*` beside it)."""
    return os.environ["WASL_DATABASE_URL"]


@pytest.fixture(scope="session")
def django_db_keepdb(django_db_modify_db_settings: None, django_db_blocker: object) -> "Iterator[bool]":
    """Django finds its data base with the tables that were kept, if they were; the server is thrown away as a whole."""
    from tests import schema

    with ExitStack() as stack:
        with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django ships no public type for it
            _keep.append(schema.prepare(stack))
        yield True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: object) -> "Iterator[None]":
    """Beside Django's own: the demo city stands before the first test; who still holds on at the end is sent away.

    A browser that keeps its connection keeps a live server's thread, and that its session with PostgreSQL.
    """
    from django.test import TransactionTestCase

    from tests.city import City
    from tests.snapshot import Snapshot

    with django_db_blocker.unblock():  # type: ignore[attr-defined]  # pytest-django ships no public type for it
        _keep.pop()()
        _loaded.append(City.load())
        _remember()
        # A test that really commits ends with the city as it was, not with empty tables.
        snapshot = Snapshot()
        snapshot.take()
        # Private to Django, hence not by its name.
        setattr(TransactionTestCase, "_fixture_teardown", lambda _self: snapshot.restore())  # noqa: B010
    yield
    from django.db import connection

    with django_db_blocker.unblock(), connection.cursor() as cursor:  # type: ignore[attr-defined]  # as above
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
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
    """The demo city for tests that really commit, from several connections; it is put back afterwards."""
    _recall()
    return _loaded[0]


@pytest.fixture(autouse=True)
def _in_english() -> "Iterator[None]":
    """Sentences are compared in the language of the source; a test of another language activates it itself."""
    from django.utils import translation

    with translation.override("en"):
        yield
