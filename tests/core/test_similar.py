"""Similar open requests close by, and who may join his own to one of them."""

import pytest

from tests.city import POINTS, City
from wasl.core.cases import actions, similar
from wasl.core.cases.actions import NotAllowed
from wasl.core.cases.change import THE_CITIZEN

pytestmark = pytest.mark.django_db
LAT, LON = POINTS["bawshar"]


def numbers(**more: float) -> list[str]:
    found = similar.near((LAT, LON), categories=["water-leak"], within_m=more.get("within_m", 200.0))
    return [one.case.number for one in found]


@pytest.mark.req("B6")
def test_only_what_is_public_open_of_the_matter_and_near(city: City) -> None:
    close = city.report().registered()
    far = city.report(place=(LAT + 0.001, LON)).registered()
    city.report(place=(LAT + 0.01, LON)).registered()
    city.report()  # not read by the centre yet
    city.report("street-light-out").registered()
    city.report("conduct-integrity").registered()
    city.report().dispatched_to().replied()
    assert numbers() == [close.case.number, far.case.number]
    measured = similar.near((LAT, LON), categories=["water-leak"], within_m=200.0)
    assert measured[0].metres < 1
    assert 105 < measured[1].metres < 117
    assert numbers(within_m=50.0) == [close.case.number]
    assert similar.near((LAT, LON), categories=[], within_m=200.0) == []
    with pytest.raises(ValueError, match="longitude"):
        similar.near((123.0, LON), categories=["water-leak"], within_m=200.0)


def test_what_was_joined_is_not_offered_itself(city: City) -> None:
    head, follower = city.report().registered(), city.report()
    actions.join(follower.case, by=THE_CITIZEN, head=head.case)
    assert follower.fresh().state == "joined"
    assert follower.case.entries.get(verb="case.joined").actor == "citizen"
    assert numbers() == [head.case.number]


@pytest.mark.req("B6", "B22")
@pytest.mark.slow
def test_a_citizen_joins_to_nothing_that_he_could_not_have_seen(city: City) -> None:
    hidden = [
        city.report("conduct-integrity").registered(),
        city.report(),
        city.report().dispatched_to().replied(),
        city.report().dispatched_to().replied().told().confirmed(),
    ]
    for head in hidden:
        with pytest.raises(NotAllowed, match=r"not open|Choose an open"):
            actions.join(city.report().case, by=THE_CITIZEN, head=head.fresh())


@pytest.mark.parametrize("category", ["gas-leak", "conduct-integrity"])
def test_what_the_centre_must_read_is_never_joined_by_a_citizen(city: City, category: str) -> None:
    head, own = city.report().registered(), city.report(category)
    with pytest.raises(NotAllowed, match="by itself"):
        actions.join(own.case, by=THE_CITIZEN, head=head.case)
    assert own.fresh().state == "received"
