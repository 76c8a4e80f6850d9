"""Tours: offered once, only for a role that one holds, kept how far one came, seen by those who answer for people."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from wasl.core.organisation.models import Staff
from wasl.faces.desk.tours import EDITION, TOURS
from wasl.services.learning import actions, queries
from wasl.services.learning.models import Tour

pytestmark = [pytest.mark.django_db, pytest.mark.req("A1")]


def enter(staff: Staff) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(staff)
    return client


def test_it_is_offered_at_the_first_sign_in_and_never_again(city: City) -> None:
    client = enter(city.agent)
    assert "Show me round" in client.get(reverse("desk:home"), follow=True).content.decode()
    assert "Show me round" not in client.get(reverse("desk:home"), follow=True).content.decode()
    assert Tour.objects.get().state == "offered"


@pytest.mark.parametrize("role", list(TOURS))
@pytest.mark.slow
def test_every_page_of_a_tour_opens_for_its_role(city: City, role: str) -> None:
    staff = city.officer("water") if role == "officer" else city.one(role)
    client = enter(staff)
    told = client.get(reverse("desk:tour", args=[role])).json()
    assert len(told["steps"]) == len(TOURS[role])
    for url in {step["url"] for step in told["steps"] if step["url"]}:
        assert client.get(url).status_code == 200, url
    assert all(step["title"] and step["text"] for step in told["steps"])
    page = client.get(reverse("desk:learn")).content.decode()
    assert f'data-tour="{reverse("desk:tour", args=[role])}"' in page


def test_a_tour_of_another_role_is_not_there(city: City) -> None:
    client = enter(city.agent)
    assert client.get(reverse("desk:tour", args=["administrator"])).status_code == 404
    assert client.post(reverse("desk:tour", args=["administrator"]), {"reached": 1}).status_code == 404


def test_left_and_taken_to_the_end_are_kept_and_the_end_stands(city: City) -> None:
    client, url = enter(city.agent), reverse("desk:tour", args=["agent"])
    steps = len(TOURS["agent"])
    assert client.post(url, {"reached": 2}).status_code == 204
    assert (Tour.objects.get().state, Tour.objects.get().reached) == ("left", 2)
    assert client.post(url, {"reached": steps}).status_code == 204
    ended = Tour.objects.get()
    assert (ended.state, ended.edition) == ("done", EDITION)
    assert client.post(url, {"reached": 1}).status_code == 204
    assert Tour.objects.get().at == ended.at
    for wrong in ("", "0", "-1", "x", "٢x", str(steps + 1)):
        assert client.post(url, {"reached": wrong}).status_code == 422, wrong


def test_who_answers_for_people_sees_who_has_taken_it(city: City) -> None:
    actions.take(city.agent, "agent", edition=EDITION, reached=len(TOURS["agent"]), steps=len(TOURS["agent"]))
    page = enter(city.supervisor).get(reverse("desk:learners")).content.decode()
    assert "taken to the end" in page
    assert enter(city.agent).get(reverse("desk:learners")).status_code == 403
    rows = queries.learners(city.administrator)
    assert rows[-1].staff == city.agent
    assert rows[0].tour is None
