"""Problems: many cases, one cause, answered together."""

import pytest

from tests.city import City
from wasl.core.cases import problems
from wasl.core.organisation.rights import Forbidden


@pytest.mark.req("A5")
def test_one_answer_for_all_and_a_row_for_each(city: City) -> None:
    waiting, replied, working = (
        city.report(),
        city.report().dispatched_to().replied(),
        city.report().dispatched_to().signed(),
    )
    problem = problems.open_problem(
        by=city.second_line, title="Main burst in Al Khuwair", cases=[waiting.case, replied.case, working.case]
    )
    rows = problems.end(problem, by=city.second_line, text="The main is repaired since 14:00.")
    assert [row.done for row in rows] == [True, True, False]
    assert waiting.fresh().state == "answered"
    assert replied.fresh().state == "told"
    assert rows[2].sentence
    assert problem.ended_at is None
    working.replied()
    assert all(row.done for row in problems.end(problem, by=city.second_line, text="The main is repaired."))
    assert problem.ended_at is not None


def test_nobody_gathers_what_he_may_not_see(city: City) -> None:
    with pytest.raises(Forbidden):
        problems.open_problem(by=city.officer("gas"), title="Mine", cases=[city.report().case])
