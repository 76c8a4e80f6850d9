"""The door of the practice and what goes through it. That nothing there touches the house is proved in tests/real."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.urls import reverse

from tests.city import City
from wasl.core.organisation.models import Post, Staff
from wasl.faces.practice import making
from wasl.services.learning import practice
from wasl.site import practice as process
from wasl.site.installation import Addresses, Installation

pytestmark = [pytest.mark.django_db, pytest.mark.req("A1")]


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Path]:
    """A practice's folder whose key is this process's own, so that one process can stand on both sides."""
    (tmp_path / "secrets.json").write_text(json.dumps({"django_key": settings.SECRET_KEY}))
    with override_settings(WASL_PRACTICE_DATA=tmp_path, WASL_PRACTICE_URL="http://127.0.0.1:9", WASL_IS_PRACTICE=True):
        yield tmp_path


def token(staff: Staff) -> str:
    return practice.door_url(staff).partition("?t=")[2]


def test_the_door_leads_in_once_with_the_own_posts(city: City, door: Path) -> None:
    officer, word = city.officer("water"), token(city.officer("water"))
    client = Client()
    assert client.get("/practice/enter/", {"t": word}).status_code == 302
    trainee = Staff.objects.get(username=f"trainee-{officer.pk}")
    assert not trainee.has_usable_password()
    assert trainee.email == ""
    held = Post.objects.filter(staff=trainee).values_list("role", "unit__code")
    assert set(held) == {(p.role, p.unit.code if p.unit else None) for p in Post.objects.filter(staff=officer)}
    assert client.get(reverse("desk:list", args=["work"])).status_code == 200
    assert Client().get("/practice/enter/", {"t": word}).status_code == 403


@pytest.mark.parametrize("wrong", ["", "x", "a:b:c", "eyJzdGFmZiI6MX0:1abc:zzz"])
def test_a_forged_word_opens_nothing(door: Path, wrong: str) -> None:
    assert Client().get("/practice/enter/", {"t": wrong}).status_code == 403
    assert not Staff.objects.filter(username__startswith="trainee-").exists()


def test_in_the_house_there_is_no_door(city: City) -> None:
    client = Client()
    client.force_login(city.supervisor)
    for name in ("enter", "mail", "anew"):
        assert client.get(reverse(f"practice:{name}")).status_code == 404
        assert client.post(reverse(f"practice:{name}")).status_code == 404
    with pytest.raises(CommandError, match="not a practice"):
        call_command("load_practice", "world.json")


def test_nobody_s_name_number_or_address_goes_through(city: City, door: Path) -> None:
    city.report("water-leak", body="My name is Zahra").dispatched_to("water")
    practice.want()
    world = (door / practice.WORLD).read_text()
    assert "Zahra" not in world
    for staff in Staff.objects.exclude(username=""):
        assert staff.username not in world
        assert not staff.email or staff.email not in world
    rows = json.loads(world)
    assert all(not row["fields"].get("mail") and not row["fields"].get("phone") for row in rows)
    assert not {row["model"] for row in rows} & {"organisation.staff", "organisation.post", "organisation.client"}


def test_beginning_anew_is_for_those_who_answer_for_all(city: City, door: Path) -> None:
    url = reverse("practice:anew")
    with override_settings(WASL_DATA=door):
        client = Client()
        client.force_login(city.agent)
        assert client.post(url).status_code == 403
        assert not (door / practice.ANEW).exists()
        client.force_login(city.supervisor)
        assert client.get(url).status_code == 403
        assert client.post(url).status_code == 302
        assert (door / practice.ANEW).exists()


def test_a_full_house_is_never_loaded_over(city: City, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="already"):
        making.load(tmp_path / "world.json")


def test_the_process_has_a_data_base_folder_and_keys_of_its_own(tmp_path: Path) -> None:
    house = Installation(tmp_path, Addresses(port=8000, practice_port=8001, base_url="https://city.example"))
    known = process.environment(house)
    assert known["WASL_DATABASE_URL"].endswith("_practice")
    assert known["WASL_DATA"] == str(tmp_path / "practice")
    assert known["WASL_HOUSE_URL"] == "https://city.example"
    assert known["WASL_DEMO"] == ""
    # Behind a proxy the practice is offered at an address that somebody has given it, or not at all.
    assert house.environment()["WASL_PRACTICE_URL"] == ""
