"""The agent's form: what is known while he types, drafts, repeat callers and matters, joining, answering at once."""

from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.city import POINTS, City
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import queries
from wasl.core.cases.models import Case
from wasl.core.people.actions import Reach
from wasl.faces.desk.models import Draft
from wasl.faces.desk.report import drafts
from wasl.faces.desk.report.form import area_in
from wasl.kernel import clock

pytestmark = pytest.mark.django_db

CALL = {
    "key": "call-1",
    "medium": "phone",
    "phone": "٩٢٣٤٥٦٧٨",
    "name": "Salim",
    "person_kind": "citizen",
    "language": "en",
    "channel": "phone",
    "body": "A water pipe has burst, water leak in the street",
    "category": "water-leak",
    "address": "Al Khuwair, Bawshar, way 3519",
}


def send(client: Client, **more: Any) -> HttpResponse:
    response: HttpResponse = client.post("/desk/report/", {**CALL, **more})  # type: ignore[assignment]  # as the client gives
    return response


def made(client: Client, **more: Any) -> Case:
    response = send(client, **more)
    assert response.status_code == 302, response.content.decode()[:3000]
    return Case.objects.get(number=response.headers["Location"].split("/")[3])


def side(client: Client, **more: Any) -> str:
    return client.post("/desk/report/beside/", {**CALL, **more}).content.decode()


@pytest.mark.req("E11")
@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("Al Khuwair, Bawshar, way 3519", "bawshar"),
        ("بيت ١٢، السيب", "seeb"),
        ("ولاية مطرح", "muttrah"),
        ("Seeb", "seeb"),
        ("Muscat", None),
        ("مسقط", None),
        ("between Seeb and Bawshar", None),
        ("الولاية", None),
        ("", None),
    ],
)
def test_an_address_names_its_area(city: City, address: str, code: str | None) -> None:
    found = area_in(address)
    assert (found.code if found else None) == code


@pytest.mark.req("E2", "E11")
def test_the_area_of_the_address_is_not_chosen_again(city: City) -> None:
    agent = enter(city.agent)
    assert "Bawshar, by the address" in side(agent)
    case = made(agent)
    assert case.area is not None
    assert case.area.code == "bawshar"
    assert made(agent, key="call-2", area="seeb").area.code == "seeb"  # type: ignore[union-attr]  # it was chosen
    lat, lon = POINTS["amrat"]
    assert made(agent, key="call-3", lat=lat, lon=lon).area.code == "amrat"  # type: ignore[union-attr]  # a point says more


@pytest.mark.req("E6")
def test_repeat_caller_and_repeat_matter_are_told_apart(city: City) -> None:
    agent = enter(city.agent)
    first = side(agent)
    assert "Repeat caller" not in first
    assert "Repeat matter" not in first
    made(agent, body="Street light is out", category="street-light-new", address="")
    caller = side(agent, address="")
    assert "Repeat caller" in caller
    assert "Other matters" in caller
    assert "Repeat matter" not in caller
    pipe = made(agent, key="call-2", address="")
    matter = side(agent, address="")
    assert "Repeat matter" in matter
    assert pipe.number[-6:-2] in matter.replace(" ", "")
    # Somebody else at the same place: the matter repeats, the caller does not.
    near = made(agent, key="call-3", phone="93334444")
    other = side(agent, phone="95556666")
    assert "Repeat caller" not in other
    assert "Repeat matter" in other
    assert near.number in other
    assert near.analysis.get("repeat") is None or near.analysis["repeat"] is False


@pytest.mark.req("E6", "E10")
@pytest.mark.slow
def test_what_repeats_and_what_the_agent_found_are_facts_of_the_case(city: City) -> None:
    agent = enter(city.agent)
    assert made(agent).analysis == {}
    again = made(agent, key="call-2", cause="wear", severity="serious", safety="on")
    assert again.analysis == {"cause": "wear", "severity": "serious", "repeat": True, "safety": True}
    page = agent.get(f"/desk/case/{again.number}/").content.decode()
    assert "Age or wear" in page
    assert "serious" in page
    assert send(agent, key="call-3", cause="witchcraft").status_code == 422


@pytest.mark.req("E2")
def test_the_form_joins_to_what_is_open_nearby(city: City) -> None:
    agent = enter(city.agent)
    head = made(agent)
    assert f'name="join" value="{head.number}"' in side(agent, phone="93334444")
    follower = made(agent, key="call-2", phone="93334444", join=head.number)
    assert follower.state == "joined"
    assert follower.head == head


@pytest.mark.req("E5")
def test_answered_at_once_is_closed_in_one_step(city: City) -> None:
    agent = enter(city.agent)
    heard = made(agent, do="answer", answer="The office opens at eight.")
    assert (heard.state, heard.outcome) == ("closed", "answered")
    # A letter has still to be answered by letter.
    written = made(agent, key="call-2", medium="letter", do="answer", answer="The office opens at eight.")
    assert written.state == "answered"
    assert send(agent, key="call-3", do="answer", answer=" ").status_code == 422


@pytest.mark.req("E2")
def test_the_side_guesses_before_a_class_is_chosen(city: City) -> None:
    told = side(enter(city.agent), category="")
    assert "If it is “" in told
    assert "it would go to" in told
    assert 'data-key="Alt+1"' in told


# --- drafts ---


@pytest.mark.req("E2")
def test_a_draft_survives_the_call_and_goes_on_elsewhere(city: City) -> None:
    here, elsewhere = enter(city.agent), enter(city.agent)
    assert "Draft saved" in here.post("/desk/report/draft/", CALL).content.decode()
    listed = elsewhere.get("/desk/report/").content.decode()
    assert "Salim" in listed
    assert "?draft=call-1" in listed
    page = elsewhere.get("/desk/report/?draft=call-1").content.decode()
    assert "A water pipe has burst" in page
    assert 'value="call-1"' in page
    assert "This field is required" not in page
    case = made(elsewhere)
    assert not Draft.objects.exists()
    # The page left open at the first computer saves once more, after it was sent.
    here.post("/desk/report/draft/", CALL)
    assert not Draft.objects.exists()
    assert made(here) == case


@pytest.mark.req("E2")
def test_a_discard_can_be_undone(city: City) -> None:
    agent = enter(city.agent)
    agent.post("/desk/report/draft/", CALL)
    gone = agent.post("/desk/report/draft/call-1/discard/", headers={"HX-Request": "true"}).content.decode()
    assert "Undo" in gone
    assert agent.get("/desk/report/?draft=call-1").status_code == 302
    back = agent.post("/desk/report/draft/call-1/restore/", headers={"HX-Request": "true"}).content.decode()
    assert "Undo" not in back
    assert agent.get("/desk/report/?draft=call-1").status_code == 200
    agent.post("/desk/report/draft/call-1/discard/")
    with clock.later(2 * drafts.TAKEN_BACK_FOR):
        assert "Undo" not in agent.get("/desk/report/").content.decode()
        assert drafts.sweep_drafts() == 1
    assert agent.post("/desk/report/draft/call-1/explode/").status_code == 404


@pytest.mark.req("E2", "P4")
def test_a_draft_is_sealed_and_nobody_elses(city: City) -> None:
    agent, other = enter(city.agent), enter(city.one("agent", number=1))
    agent.post("/desk/report/draft/", CALL)
    sealed = bytes(Draft.objects.get().sealed)
    assert b"Salim" not in sealed
    assert "٩٢".encode() not in sealed
    assert other.get("/desk/report/?draft=call-1").status_code == 302
    assert "Salim" not in other.get("/desk/report/").content.decode()
    other.post("/desk/report/draft/call-1/discard/")
    assert Draft.objects.get().discarded_at is None
    # The same key of somebody else is another draft.
    other.post("/desk/report/draft/", {**CALL, "name": "Eve"})
    assert Draft.objects.count() == 2
    assert "Salim" in agent.get("/desk/report/?draft=call-1").content.decode()


@pytest.mark.req("E2")
def test_what_is_no_draft_is_not_kept(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = enter(city.agent)
    for given in ({}, {"key": "k"}, {"key": "k", "language": "en", "medium": "phone"}, {**CALL, "key": ""}):
        assert agent.post("/desk/report/draft/", given).status_code == 200
    agent.post("/desk/report/draft/", {**CALL, "body": "x" * (drafts.MOST_LETTERS + 1)})
    agent.post("/desk/report/draft/", {**CALL, "key": "k" * 41})
    assert not Draft.objects.exists()
    monkeypatch.setattr(drafts, "MOST", 3)
    for n in range(5):
        agent.post("/desk/report/draft/", {**CALL, "key": f"k{n}"})
    assert set(Draft.objects.values_list("key", flat=True)) == {"k2", "k3", "k4"}


def test_words_of_a_draft_are_never_markup(city: City) -> None:
    agent = enter(city.agent)
    evil = "<script>alert(1)</script>"
    agent.post("/desk/report/draft/", {**CALL, "key": 'x"><b>', "name": evil, "body": evil})
    agent.post("/desk/report/draft/", {**CALL, "name": evil, "body": evil})
    for url in ("/desk/report/", "/desk/report/?draft=call-1"):
        page = agent.get(url).content.decode()
        assert "<script>alert" not in page


def test_a_case_that_may_not_be_seen_is_not_joined(city: City) -> None:
    told = city.report(reach=Reach(phone="91112222"))
    agent = city.agent
    assert queries.visible_to(agent).filter(pk=told.case.pk).exists()
    case = made(enter(agent), join="2600000000000000")
    assert case.state == "registered"
