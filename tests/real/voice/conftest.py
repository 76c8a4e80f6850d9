"""One carrier and one look into the house for all tests of the telephone."""

from collections.abc import Iterator

import pytest

from tests.real.hotline import Hotline, until
from tests.real.voice.carrier import Carrier, carrier
from tests.real.voice.inside import Inside, inside


@pytest.fixture(scope="session")
def line(house: Hotline) -> Iterator[Carrier]:
    with carrier(house) as running:
        yield running


@pytest.fixture(scope="session")
def desk(house: Hotline) -> Iterator[Inside]:
    with inside(house) as looking:
        yield looking


@pytest.fixture(autouse=True)
def _nothing_is_left(line: Carrier, desk: Inside) -> Iterator[None]:
    """Before, nobody sits anywhere; afterwards no leg, call, seat or place in line is left over."""
    desk.nobody()
    desk.queue(ring_s=15, wrap_up_s=1)
    yield
    for one in line.ari.get("/channels").json():
        line.ari.delete(f"/channels/{one['id']}")
    until(lambda: not desk.open_things(), seconds=20, what="the end of all in the books")
    desk.nobody()
