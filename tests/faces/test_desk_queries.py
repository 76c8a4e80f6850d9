"""How often a page of the desk asks the data base: the case, the rail and the board, for each role."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff
from wasl.kernel.counting import counts

pytestmark = pytest.mark.django_db
CASE, RAIL, BOARD = 27, 6, 10


@pytest.fixture(autouse=True)
def _nothing_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of the organisation and the catalogue is looked at again after seconds, whoever asks then."""
    for place in ("organisation", "catalogue"):
        monkeypatch.setattr(f"wasl.core.{place}.queries._FRESH_S", 3600.0)


def asked(staff: Staff, url: str) -> list[str]:
    """What a second visit asks, when what is kept is known."""
    client = enter(staff)
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in queries.captured_queries]


@pytest.fixture
def staff_of(city: City) -> dict[str, Staff]:
    """Somebody of each role that opens cases, beside the officers."""
    return {
        "agent": city.agent,
        "dispatcher": city.dispatcher,
        "second_line": city.second_line,
        "supervisor": city.supervisor,
        "leader": city.leader,
    }


@pytest.mark.slow
@pytest.mark.req("E2")
def test_a_case_is_read_with_few_questions_whatever_its_state(city: City, staff_of: dict[str, Staff]) -> None:
    other = city.report().case
    for told in (
        city.report(),
        city.report().registered(),
        city.report().dispatched_to(),
        city.report().dispatched_to().signed(),
        city.report().dispatched_to().signed().replied(),
    ):
        Case.objects.filter(pk=other.pk).update(parent=told.case)
        officers = {"officer": city.officer_of(told.order.unit)} if told.case.orders.exists() else {}
        for role, staff in {**staff_of, **officers}.items():
            found = asked(staff, f"/desk/case/{told.case.number}/")
            assert len(found) <= CASE, f"{role}, {told.fresh().state}: {len(found)}\n" + "\n".join(found)


@pytest.mark.req("E2")
@pytest.mark.slow
def test_a_part_of_the_case_asks_for_its_own_alone(city: City) -> None:
    told = city.report().dispatched_to().signed()
    most = {"head": 9, "story": 12, "context": 11, "map": 4, "presence": 5}
    for staff in (city.supervisor, city.officer_of(told.order.unit)):
        found = {part: len(asked(staff, f"/desk/case/{told.case.number}/part/{part}/")) for part in most}
        assert all(found[part] <= most[part] for part in most), found


@pytest.mark.req("G11", "H1")
@pytest.mark.slow
def test_the_rail_and_the_board_count_in_one_statement(city: City, staff_of: dict[str, Staff]) -> None:
    told = city.report().dispatched_to()
    for role, staff in {**staff_of, "officer": city.officer_of(told.order.unit)}.items():
        found = asked(staff, "/desk/rail/")
        assert len(found) <= RAIL, f"{role}: {len(found)}\n" + "\n".join(found)
    for role in ("dispatcher", "supervisor", "leader"):
        found = asked(staff_of[role], "/desk/board/")
        assert len(found) <= BOARD, f"{role}: {len(found)}\n" + "\n".join(found)
        assert sum(sql.count("LIMIT 999") > 1 for sql in found) == 1


def test_counts_stop_at_the_most_and_know_of_nothing(city: City, django_assert_num_queries: object) -> None:
    for _ in range(3):
        city.report()
    everything, none = Case.objects.order_by("number"), Case.objects.filter(pk__in=[])
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's fixture
        found = counts({"all": everything, "none": none, "nobody": Case.objects.none()}, 2)
    assert found == {"all": 2, "none": 0, "nobody": 0}
    with django_assert_num_queries(0):  # type: ignore[operator]  # pytest-django's fixture
        assert counts({"none": none}, 2) == {"none": 0}
