"""The page of one report: who may open it, what it tells, what is added."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City, Told
from tests.faces.citizen import other, photo, pin, post, unlocked
from wasl.core.cases import actions
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment
from wasl.kernel import acceptance, clock

pytestmark = pytest.mark.django_db


@pytest.mark.req("C8", "J12")
def test_number_and_pin_in_arabic_digits_open_the_case(city: City, browser: Client) -> None:
    told = city.report()
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    page = post(
        browser,
        reverse("portal:track"),
        {"number": acceptance.grouped(told.case.number).translate(arabic), "pin": told.pin.translate(arabic)},
    )
    assert "The water runs down the street." in page.content.decode()


def test_the_link_in_a_message_brings_the_number(city: City) -> None:
    told = city.report()
    page = other().get(reverse("portal:track"), {"number": told.case.number}, follow=True)
    assert page.resolver_match.view_name == "portal:case"
    assert acceptance.grouped(told.case.number) in page.content.decode()
    assert other().get(reverse("portal:track"), {"number": "12\0"}).status_code == 200


@pytest.mark.req("C8")
def test_a_wrong_pin_and_an_unknown_number_get_the_same_answer(city: City) -> None:
    told = city.report()
    unknown = acceptance.make(999_999, 2026)
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"

    def answer(number: str) -> str:
        page = other().post(reverse("portal:track"), {"number": number, "pin": wrong})
        assert page.status_code == 422
        return re.sub(
            r'(csrfmiddlewaretoken" value="[^"]*|X-CSRFToken": "[^"]*|value="\d+")', "", page.content.decode()
        )

    assert answer(told.case.number) == answer(unknown)


def tried(number: str, pin: str, address: str = "192.0.2.1") -> Any:
    return other().post(reverse("portal:track"), {"number": number, "pin": pin}, REMOTE_ADDR=address)


@pytest.mark.req("C8")
@pytest.mark.parametrize("exists", [True, False])
def test_who_guesses_pins_shuts_himself_out_and_not_the_owner(city: City, exists: bool) -> None:
    told = city.report()
    number = told.case.number if exists else acceptance.make(999_998, 2026)
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"
    for _ in range(5):
        assert tried(number, wrong).status_code == 422
    page = tried(number, told.pin)
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 3000
    assert tried(number, told.pin, "192.0.2.2").status_code == (302 if exists else 422)
    if exists:
        with clock.later(timedelta(hours=1, seconds=1)):
            assert tried(number, told.pin).status_code == 302


@pytest.mark.req("C8")
@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.slow
def test_who_guesses_from_many_places_locks_the_number(city: City, exists: bool) -> None:
    told = city.report()
    number = told.case.number if exists else acceptance.make(999_998, 2026)
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"
    for place in range(25):
        assert tried(number, wrong, f"198.51.100.{place}").status_code == 422
    assert tried(number, told.pin, "192.0.2.3").status_code == 429


def test_the_right_pin_forgets_the_wrong_ones(city: City) -> None:
    told = city.report()
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"
    for _ in range(4):
        other().post(reverse("portal:track"), {"number": told.case.number, "pin": wrong})
    unlocked(told.case)
    for _ in range(4):
        other().post(reverse("portal:track"), {"number": told.case.number, "pin": wrong})
    unlocked(told.case)


def test_the_number_alone_tells_only_what_is_public(city: City) -> None:
    waiting = city.report()
    unknown = other().get(reverse("portal:case", args=[acceptance.make(999_997, 2026)])).content.decode()
    page = other().get(reverse("portal:case", args=[waiting.case.number])).content.decode()
    assert "w-status" not in page
    assert "w-status" not in unknown
    public = city.report().registered()
    page = other().get(reverse("portal:case", args=[public.case.number])).content.decode()
    assert "w-status" in page
    assert "The water runs" not in page
    assert "maryam" not in page
    secret = city.report("conduct-integrity").registered()
    assert "w-status" not in other().get(reverse("portal:case", args=[secret.case.number])).content.decode()


def test_the_door_shuts_after_a_while_with_a_new_pin_and_on_leaving(city: City) -> None:
    told = city.report()
    url = reverse("portal:case", args=[told.case.number])
    mine = unlocked(told.case)
    with clock.later(timedelta(hours=3)):
        assert "The water runs" not in mine.get(url).content.decode()
    fresh = mine.post(reverse("portal:case_pin", args=[told.case.number])).content.decode()
    told.fresh()
    assert told.case.pin_generation == 1
    assert pin(told.case) in fresh
    assert "The water runs" in mine.get(url).content.decode()
    second = unlocked(told.case)
    mine.post(reverse("portal:case_pin", args=[told.case.number]))
    assert "The water runs" not in second.get(url).content.decode()
    post(mine, reverse("portal:case_leave", args=[told.case.number]))
    assert "The water runs" not in mine.get(url).content.decode()


def test_nothing_can_be_done_to_a_case_that_is_not_open_here(city: City) -> None:
    told = city.report()
    for name in ("case_answer", "case_add", "case_reopen", "case_pin"):
        assert other().post(reverse(f"portal:{name}", args=[told.case.number]), {"text": "xyz"}).status_code == 404
    assert told.verbs() == ["case.received"]


def test_the_story_shows_no_internal_word_and_no_reply_before_it_is_told(city: City) -> None:
    told = city.report().dispatched_to()
    actions.note(told.fresh(), by=city.agent, text="INTERNAL NOTE")
    told.replied(text="REPLY WORDS of the unit")
    mine = unlocked(told.case)
    url = reverse("portal:case", args=[told.case.number])
    page = mine.get(url).content.decode()
    assert "INTERNAL NOTE" not in page
    assert "REPLY WORDS" not in page
    told.told()
    page = mine.get(url).content.decode()
    assert "REPLY WORDS" in page
    assert "INTERNAL NOTE" not in page


def test_words_and_photos_are_added_once(city: City) -> None:
    told = city.report()
    mine = unlocked(told.case)
    url = reverse("portal:case_add", args=[told.case.number])
    for _ in range(2):
        post(mine, url, {"text": "It is worse today.", "added": photo()})
    assert told.verbs() == ["case.received", "case.added"]
    files = Attachment.objects.filter(contact__case=told.case)
    assert files.count() == 1
    page = mine.get(reverse("portal:case", args=[told.case.number])).content.decode()
    assert "It is worse today." in page
    shown = mine.get(reverse("portal:case_file", args=[told.case.number, files[0].pk, "shown"]))
    assert shown.status_code == 200
    assert b"SECRET-EXIF" not in b"".join(shown.streaming_content)  # type: ignore[attr-defined]  # a file response
    assert other().get(reverse("portal:case_file", args=[told.case.number, files[0].pk, "shown"])).status_code == 404
    foreign = city.report()
    assert (
        unlocked(foreign.case)
        .get(reverse("portal:case_file", args=[foreign.case.number, files[0].pk, "shown"]))
        .status_code
        == 404
    )
    assert mine.post(url, {"text": ""}).status_code == 422
    assert mine.post(url, {"text": "a\0b"}).status_code == 422


def test_what_the_unit_sends_is_his_only_as_it_was_made_anew(city: City) -> None:
    told = city.report().dispatched_to().signed()
    proof = contacts.keep(photo().read(), "proof.jpg")
    actions.reply(
        told.order, by=city.officer_of(told.order.unit), outcome="fixed", text="We repaired it on Thursday.",
        attachments=[proof], seen=told.fresh().version,
    )  # fmt: skip
    told.told()
    mine = unlocked(told.case)
    shown, original = (
        mine.get(reverse("portal:case_file", args=[told.case.number, proof.pk, form])) for form in ("shown", "original")
    )
    assert b"".join(shown.streaming_content)  # type: ignore[attr-defined]  # a file response
    assert original.status_code == 404


def _asked(told: Told) -> Told:
    actions.ask(told.fresh(), by=told.city.agent, question="Which lamp?", seen=told.case.version)
    return told


@pytest.mark.req("L4", "K3")
@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda t: t, "a person reads it"),
        (_asked, "It is your turn: answer our question"),
        (lambda t: t.registered(), "the unit responsible gets it"),
        (lambda t: t.dispatched_to(), "you say whether it is true"),
        (lambda t: t.dispatched_to().returned(), "The date promised to you stays"),
        (lambda t: t.dispatched_to().replied(), "we tell you the result"),
        (lambda t: t.dispatched_to().replied().told(), "If we hear nothing by"),
        (lambda t: t.dispatched_to().replied().told().contested(), "somebody above those who replied"),
        (lambda t: t.dispatched_to().replied().told().confirmed(), "you can open it again until"),
    ],
)
def test_each_state_says_what_comes_next_and_whose_turn_it_is(
    city: City, happens: Callable[[Told], Told], said: str
) -> None:
    told = happens(city.report())
    page = unlocked(told.fresh()).get(reverse("portal:case", args=[told.case.number])).content.decode()
    assert said in page[page.index("w-status") : page.index("w-story")]


def test_a_date_that_passed_is_called_late(city: City) -> None:
    told = city.report().dispatched_to()
    url = reverse("portal:case", args=[told.case.number])
    assert "Late." not in unlocked(told.case).get(url).content.decode()
    with clock.later(timedelta(days=30)):
        assert "Late." in unlocked(told.case).get(url).content.decode()
