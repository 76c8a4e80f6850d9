"""The answer link and reopening: four answers, five levels, once, and only to whom it was sent."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.faces.citizen import other, post, unlocked
from wasl.core.cases import links
from wasl.kernel import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(city: City) -> Any:
    """A case that the citizen was told of and asked about."""
    return city.report().dispatched_to().replied().told()


@pytest.mark.req("I1", "F1")
def test_the_answer_link_says_solved_and_the_case_closes(told: Any) -> None:
    url = reverse("portal:answer", args=[links.make(told.case)])
    page = other().get(url)
    assert page.status_code == 200
    assert "We repaired it on Thursday" in page.content.decode()
    assert told.fresh().state == "told"
    done = post(other(), url, {"verdict": "solved", "rating": "5", "comment": "شكرا", "seen": str(told.case.version)})
    assert done.status_code == 200
    case = told.fresh()
    assert (case.state, case.verdict, case.rating) == ("closed", "solved", 5)
    again = other().post(url, {"verdict": "not_solved", "seen": str(case.version)})
    assert again.status_code == 409
    assert told.fresh().verdict == "solved"


def test_looking_changes_nothing(told: Any) -> None:
    before = told.verbs()
    url = reverse("portal:answer", args=[links.make(told.case)])
    for _ in range(3):
        assert other().get(url, {"verdict": "solved", "rating": "5"}).status_code == 200
        assert other().head(url).status_code == 200
    assert told.verbs() == before


@pytest.mark.parametrize("verdict", ["partly", "not_solved", "nobody_came"])
@pytest.mark.slow
def test_a_no_goes_back_to_the_centre_with_rating_and_pressure(told: Any, verdict: str) -> None:
    mine = unlocked(told.case)
    post(
        mine,
        reverse("portal:case_answer", args=[told.case.number]),
        {"verdict": verdict, "rating": "1", "comment": "Still wet.", "pressured": "on", "seen": str(told.case.version)},
    )
    case = told.fresh()
    assert (case.state, case.verdict, case.rating, case.pressured) == ("contested", verdict, 1, True)
    assert "Still wet." in mine.get(reverse("portal:case", args=[case.number])).content.decode()


def test_an_answer_to_an_old_screen_is_not_taken(told: Any) -> None:
    url = reverse("portal:answer", args=[links.make(told.case)])
    page = other().post(url, {"verdict": "solved", "comment": "my words", "seen": str(told.case.version - 1)})
    assert page.status_code == 409
    assert "my words" in page.content.decode()
    assert told.fresh().state == "told"


@pytest.mark.parametrize(
    "data", [{}, {"verdict": "maybe"}, {"verdict": "solved", "rating": "9"}, {"verdict": "solved", "pressured": "on"}]
)
@pytest.mark.slow
def test_an_answer_that_is_none_is_a_sentence(told: Any, data: dict[str, str]) -> None:
    page = other().post(reverse("portal:answer", args=[links.make(told.case)]), data)
    assert page.status_code == 422
    assert told.fresh().state == "told"


def test_a_forged_an_old_and_a_void_link_do_nothing(told: Any) -> None:
    good = links.make(told.case)
    wrong_purpose = links.make(told.case, links.TRACK)
    for token in (good[:-1] + ("A" if good[-1] != "A" else "B"), wrong_purpose, "x", "a:b", good.split(":")[0]):
        assert other().post(reverse("portal:answer", args=[token]), {"verdict": "solved"}).status_code == 404
    with clock.later(timedelta(days=61)):
        assert other().post(reverse("portal:answer", args=[good]), {"verdict": "solved"}).status_code == 404
    unlocked(told.case).post(reverse("portal:case_pin", args=[told.case.number]))
    assert other().post(reverse("portal:answer", args=[good]), {"verdict": "solved"}).status_code == 404
    assert told.fresh().state == "told"


def test_the_link_speaks_the_language_of_the_report(told: Any) -> None:
    page = Client(headers={"accept-language": "en"}).get(reverse("portal:answer", args=[links.make(told.case)]))
    assert 'lang="ar"' in page.content.decode()


def test_a_closed_case_is_opened_again_in_time_only(told: Any) -> None:
    told.confirmed()
    url = reverse("portal:answer", args=[links.make(told.case)])
    assert other().post(url, {"do": "reopen", "text": ""}).status_code == 422
    with clock.later(timedelta(days=40)):
        assert other().post(url, {"do": "reopen", "text": "Broken again."}).status_code == 409
    post(other(), url, {"do": "reopen", "text": "Broken again.", "seen": str(told.fresh().version)})
    assert told.fresh().state == "contested"
