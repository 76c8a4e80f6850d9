"""Asking on the portal: the same answers as by SMS, for strangers, and no more than they may know."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.faces.citizen import HOSTILE, other
from wasl.core.people.actions import Reach
from wasl.services.enquiries import definitions
from wasl.services.enquiries.models import Asked

pytestmark = [pytest.mark.django_db, pytest.mark.req("L7", "L2")]


@pytest.fixture
def stranger(city: City) -> Client:
    definitions.forget()
    return other("en")


def test_only_what_strangers_may_ask_is_there(stranger: Client) -> None:
    page = stranger.get(reverse("portal:ask")).content.decode()
    assert reverse("portal:ask_one", args=["vehicle-fines"]) in page
    assert "vehicle-registration" not in page
    assert stranger.get(reverse("portal:ask_one", args=["vehicle-registration"])).status_code == 404
    assert stranger.get(reverse("portal:ask_one", args=["nothing"])).status_code == 404
    assert reverse("portal:ask") in stranger.get(reverse("portal:services")).content.decode()


def test_several_then_one(stranger: Client) -> None:
    url = reverse("portal:ask_one", args=["vehicle-fines"])
    response = stranger.post(url, {"plate": "١٢٣٤٥ ب أ"})
    assert "3 fines" in response.content.decode()
    assert "no-store" in response.headers["Cache-Control"]
    rows = re.findall(r'name="row" value="([0-9a-f]{16})"', response.content.decode())
    assert len(set(rows)) == 3
    page = stranger.post(url, {"plate": "12345 BA", "row": rows[2]}).content.decode()
    assert "12345 BA: 1 fine." in page
    assert set(Asked.objects.values_list("channel", flat=True)) == {"web"}


@pytest.mark.parametrize("plate", ["", "not a plate", HOSTILE, "x" * 500, "\0"])
def test_what_is_no_plate_is_told_how(stranger: Client, plate: str) -> None:
    response = stranger.post(reverse("portal:ask_one", args=["vehicle-fines"]), {"plate": plate})
    assert response.status_code == 422
    assert "<script>alert" not in response.content.decode()


@pytest.mark.req("C8")
def test_a_case_opens_by_its_pin_and_guessing_ends(stranger: Client, city: City) -> None:
    told = city.report("water-leak", reach=Reach(phone="92000001", channel="sms"))
    url = reverse("portal:ask_one", args=["case-status"])
    given = {"acceptance": told.case.number, "pin": told.pin}
    assert "The centre reads it by" in stranger.post(url, given).content.decode()
    assert "add the PIN" in stranger.post(url, {**given, "pin": ""}).content.decode()
    for _ in range(3):
        stranger.post(url, {**given, "pin": "000000"})
    assert "Too many tries" in stranger.post(url, given).content.decode()
    elsewhere = other("en")
    assert "The centre reads it by" in elsewhere.post(url, given, REMOTE_ADDR="203.0.113.9").content.decode()


@pytest.mark.slow
def test_a_flood_is_held_back(stranger: Client) -> None:
    url = reverse("portal:ask_one", args=["visa-status"])
    codes = [stranger.post(url, {"number": str(n)}).status_code for n in range(1, 125)]
    assert codes[0] == 200
    assert codes[-1] == 429
