"""Fixtures of the tests of the faces."""

import pytest
from django.test import Client

from tests.city import City


@pytest.fixture
def browser(city: City, client: Client) -> Client:
    """A browser in Arabic without JavaScript, in the demo city."""
    del city
    client.cookies["django_language"] = "ar"
    return client
