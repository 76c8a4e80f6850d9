"""Fixtures that every test may use. The PostgreSQL of the run is started by `tests/server.py`."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/real is marked `real`: it drives real processes."""
    real = Path(__file__).parent / "real"
    for item in items:
        if item.path.is_relative_to(real):
            item.add_marker(pytest.mark.real)


@pytest.fixture(scope="session")
def database_url() -> str:
    """libpq URL of the run's server (its maintenance database `wasl`; Django's tests use `test_wasl*` beside it)."""
    return os.environ["WASL_DATABASE_URL"]
