"""The agent's form: refusals, doubles, what stands beside it, its receipt."""

import pytest

from tests.city import City
from tests.faces.desk import FORM, filed
from tests.faces.test_desk_matrix import enter
from wasl.core.cases.models import Case

pytestmark = pytest.mark.django_db


def test_the_form_refuses_what_is_wrong_and_keeps_the_words(city: City) -> None:
    agent = enter(city.agent)
    for wrong in (
        {"phone": "12"},
        {"body": ""},
        {"lat": "95"},
        {"category": "nonsense"},
        {"area": "x"},
        {"do": "send", "category": ""},
        {"do": "answer", "answer": " "},
        {"body": "a" * 20_000},
    ):
        before = Case.objects.count()
        response = agent.post("/desk/report/", {**FORM, **wrong})
        assert response.status_code == 422, wrong
        assert "Maryam Al Balushi" in response.content.decode()
        assert Case.objects.count() == before


def test_a_form_sent_twice_makes_one_case(city: City) -> None:
    agent = enter(city.agent)
    assert filed(agent).pk == filed(agent).pk
    assert filed(enter(city.one("agent", number=1))).pk != filed(agent).pk, "another agent's key is another key"


def test_answered_at_once_and_only_registered(city: City) -> None:
    agent = enter(city.agent)
    assert filed(agent, do="answer", answer="The office opens at 7:30.", key="a").state == "closed"
    assert filed(agent, do="register", key="b").state == "registered"
    assert filed(agent, do="register", category="", key="c").state == "received"


def test_the_side_of_the_form_while_typing(city: City) -> None:
    first = filed(enter(city.agent))
    agent = enter(city.agent)
    side = agent.post("/desk/report/beside/", {**FORM, "body": "burst pipe water leak"}).content.decode()
    assert first.requester is not None
    assert first.requester.pseudonym in side
    assert "Maryam" not in side, "the name is not shown before it is asked for"
    assert first.number[2:8] in side, "the same person's and the nearby request"
    assert "Water Supply Company" in side
    assert "Due" in side
    chosen = agent.post("/desk/report/class/", {"body": "x", "pick": "water-leak"})
    assert 'value="water-leak" selected' in chosen.content.decode()
    assert chosen.headers["HX-Trigger-After-Settle"] == "classed"
    for given in (
        {"lat": "x", "lon": "nan"},
        {"category": "nope", "area": "nope", "kind": "nope"},
        {"phone": "\x00" * 50},
        {"lat": "95", "lon": "999", "category": "water-leak"},
    ):
        assert agent.post("/desk/report/beside/", given).status_code == 200


def test_the_receipt_is_for_the_one_who_filed(city: City) -> None:
    case = filed(enter(city.agent))
    assert enter(city.one("agent", number=1)).get(f"/desk/report/{case.number}/").status_code == 404
