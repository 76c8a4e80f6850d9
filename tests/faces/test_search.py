"""The search page: what each box text leads to, what is shown of it, and what nobody may learn from it."""

import re

import pytest

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import actions, persons, search
from wasl.core.people.actions import Reach
from wasl.kernel import acceptance

pytestmark = pytest.mark.django_db


def asked(client: object, **query: str) -> str:
    """The page's words between the top bar and the end, without the box itself."""
    response = client.get("/desk/search/", query)  # type: ignore[attr-defined]  # a test client or a fixture of it
    assert response.status_code == 200
    found = re.search(r"<main.*</main>", response.content.decode(), re.DOTALL)
    assert found
    return found[0]


@pytest.mark.req("E6")
def test_words_are_found_marked_and_said(city: City) -> None:
    told = city.report(body="Behind the mosque a <b>zebra</b> stands", address="Zebra Street 5")
    page = asked(enter(city.agent), q="zebras")
    assert f"/desk/case/{told.case.number}/" in page
    assert "&lt;b&gt;<mark>zebra</mark>&lt;/b&gt;" in page
    assert "<mark>Zebra</mark> Street 5" in page
    assert "1 request, the best first." in page
    assert 'role="status"' in page


@pytest.mark.req("E6")
def test_filters_narrow_a_search_and_stay(city: City) -> None:
    one = city.report(body="A zebra").case.number
    two = city.report("water-outage", body="A zebra", area="seeb").case.number
    page = asked(enter(city.agent), q="zebra", area="seeb")
    assert one not in page
    assert two in page
    assert '<input type="hidden" name="q" value="zebra">' in page
    page = asked(enter(city.agent), q="zebra", state="closed")
    assert "Only what fits the filters above was looked through." in page
    assert 'href="?q=zebra"' in page


@pytest.mark.req("P4")
@pytest.mark.slow
def test_people_of_the_name_stand_above_for_those_who_may(city: City) -> None:
    told = city.report(body="A zebra", reach=Reach(name="Salim Al Harthy")).dispatched_to("water")
    number = told.case.number
    page = asked(enter(city.agent), q="harthy salim")
    assert "Requests of people of this name" in page
    assert number in page
    assert "Salim" not in page.replace("harthy salim", "")
    assert number in asked(enter(city.agent), q="harthy", by="name")
    officer = enter(city.officer("water"))
    for more in ({}, {"by": "name"}):
        assert number not in asked(officer, q="harthy", **more)
    assert number in asked(officer, q="zebra")


def test_more_of_a_name_than_is_shown_is_one_step_away(city: City) -> None:
    for n in range(7):
        city.report(reach=Reach(name="Salim", phone=f"9234567{n}"))
    page = asked(enter(city.agent), q="salim")
    assert page.count("/desk/case/") == 5
    assert "?q=salim&amp;by=name" in page
    assert asked(enter(city.agent), q="salim", by="name").count('class="d-row-link"') == 7


@pytest.mark.req("P1")
@pytest.mark.slow
def test_a_hidden_case_leaves_no_trace(city: City) -> None:
    told = city.report(body="A zebra")
    city.report(body="A quagga", reach=Reach(name="Salim", phone="92345678"))
    officer = enter(city.officer("water"))

    def said(text: str) -> str:
        return asked(officer, q=text).replace(text, "")

    search.learn_words()
    assert said("zebra") == said("okapi")
    assert said("zebrra") == said("okapii")
    assert said("92345678") == said("92345679")
    assert said(told.case.number) == said(acceptance.make(98_765_432, 2026))
    assert said(f"R-{told.case.requester_id:06d}") == said("R-000001")


@pytest.mark.slow
def test_what_was_looked_for_is_said_when_nothing_is_found(city: City) -> None:
    agent, officer = enter(city.agent), enter(city.officer("water"))
    assert "names of people" in asked(agent, q="okapi")
    assert "names of people" not in asked(officer, q="okapi")
    assert "its check digits do not fit" in asked(agent, q="26 0000 0198")
    assert "by the centre only" in asked(officer, q="92345678")
    assert "What are you looking for?" in asked(agent)
    assert "None has exactly these words" not in asked(agent, q="okapi")


def test_words_alike_are_said_to_be_so(city: City) -> None:
    number = city.report(body="Wastewater overflows").case.number
    page = asked(enter(city.agent), q="wastew")
    assert number in page
    assert "None has exactly these words; these have words like them." in page
    assert "<mark>Wastewater</mark>" in page


@pytest.mark.slow
def test_many_are_turned_page_by_page(city: City) -> None:
    numbers = {city.report(body=f"zebra {n}", reach=Reach()).case.number for n in range(53)}
    agent = enter(city.agent)
    first, second = asked(agent, q="zebra"), asked(agent, q="zebra", after="50")
    assert 'rel="next"' in first
    assert 'rel="prev"' in second
    shown = [set(re.findall(r'd-row-link" href="/desk/case/(\d+)/', page)) for page in (first, second)]
    assert len(shown[0]) == 50
    assert shown[0] | shown[1] == numbers
    for wrong in ("-1", "x", "99999999999999999999", "٣"):
        asked(agent, q="zebra", after=wrong)


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "' OR 1=1 --", "\x00", "%", "\\", "a" * 9999, "‮ب", "🦓"])
def test_hostile_texts_are_words(city: City, text: str) -> None:
    city.report(body=f"zebra {text[:100]}".replace("\x00", ""))
    page = asked(enter(city.agent), q=text)
    assert "<script>alert" not in page
    assert "<script>alert" not in asked(enter(city.agent), q="zebra")


def test_notes_for_colleagues_are_found_where_they_are_read(city: City) -> None:
    told = city.report().dispatched_to("water")
    actions.note(told.fresh(), by=city.agent, text="The caretaker is called Hamood")
    for staff in (city.agent, city.officer("water")):
        page = asked(enter(staff), q="caretaker")
        assert told.case.number in page
        assert "The <mark>caretaker</mark> is called" in page


@pytest.mark.req("P4")
def test_that_a_sensitive_person_has_asked_is_found_by_those_who_keep_such(city: City) -> None:
    told = city.report(reach=Reach(name="Salim Unseen", phone="92345678"))
    assert told.case.requester is not None
    persons.mark_sensitive(told.case.requester, by=city.supervisor, sensitive=True)
    for query in ({"q": "unseen", "by": "name"}, {"q": "92345678"}):
        assert told.case.number not in asked(enter(city.agent), **query)
        assert told.case.number in asked(enter(city.second_line), **query)
