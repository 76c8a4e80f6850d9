"""Which errors of PostgreSQL say that the connection is lost."""

from contextlib import closing

import pytest
from django.db import Error, IntegrityError, InterfaceError, OperationalError, connection, connections

from wasl.kernel.links import is_lost


def error_of(sql: str) -> Error:
    """What a statement comes to on a connection of its own."""
    other = connections.create_connection("default")
    other.settings_dict = {**connection.settings_dict}
    with closing(other), other.cursor() as cursor, pytest.raises(Error) as caught:
        cursor.execute(sql)
    return caught.value


@pytest.mark.django_db
def test_a_session_that_is_ended_is_lost() -> None:
    assert is_lost(error_of("SELECT pg_terminate_backend(pg_backend_pid())"))


@pytest.mark.django_db
@pytest.mark.parametrize("sql", ["SELECT 1 / 0", "SELECT nothing", "SELECT pg_cancel_backend(pg_backend_pid())"])
def test_what_was_asked_is_wrong_and_the_connection_is_not(sql: str) -> None:
    assert not is_lost(error_of(sql))


def test_what_says_nothing_of_the_connection() -> None:
    assert is_lost(OperationalError("consuming input failed"))
    assert is_lost(InterfaceError("the connection is closed"))
    assert not is_lost(IntegrityError("twice"))
