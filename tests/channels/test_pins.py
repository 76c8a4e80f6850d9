"""A PIN that somebody texts opens what it is about; nobody reads it in the texts that came in."""

from collections.abc import Iterator

import pytest
from django.urls import reverse

from tests.channels.sms import came_in
from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.channels.sms import answering
from wasl.core.contacts.models import Contact
from wasl.kernel import clock, seal
from wasl.services.dialogue import actions as dialogue_actions
from wasl.services.dialogue import masking
from wasl.services.dialogue import queries as dialogue
from wasl.services.enquiries import definitions, reading
from wasl.services.enquiries.models import Enquiry
from wasl.services.texts import queries, steering
from wasl.services.texts.actions import words_place
from wasl.services.texts.models import Incoming, Operator, Route, Text

pytestmark = [pytest.mark.django_db, pytest.mark.req("C8")]
HIS = "+96892000001"


@pytest.fixture(autouse=True)
def operator(city: City) -> Iterator[Operator]:
    made = Operator.objects.create(code="first", name="First")
    Route.objects.create(name="all", operators=[made.pk])
    for one in (queries, dialogue, definitions):
        one.forget()
    yield made
    for one in (queries, dialogue, definitions):
        one.forget()


def _page(city: City, one: Incoming) -> str:
    browser = enter(city.supervisor)
    return browser.post(
        reverse("desk:sms_came", args=[one.pk]), {"do": "read", "reason": "a complaint"}
    ).content.decode()


def kept(operator: Operator, words: str, city: City) -> str:
    """What the desk reads of a text after it was answered, and the data base holds."""
    one = came_in(operator, words)
    answering.answer_new()
    one.refresh_from_db()
    assert one.state in ("done", "silent")
    held = seal.unseal(bytes(one.words_sealed), place=words_place(one.pk))
    assert steering.read(one, by=city.supervisor, reason="a complaint").words == held
    return held


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("SR {number} {pin}", "SR {number} ••••"),
        ("sr{number} {pin}", "sr{number} ••••"),
        ("SR {grouped} {pin}", "SR {grouped} ••••"),
        ("SR {number} ٤٤٥٥٦٦", "SR {number} ••••"),
        ("SR {number}", "SR {number}"),
        ("SR 2611", "SR 2611"),
        ("SR {pin}", "SR ••••"),
        ("SR {number} wrong {pin} it is worse", "SR {number} wrong •••• it is worse"),
        ("{number} {pin}", "{number} ••••"),
        ("my PIN is {pin}, the number {number}", "my PIN is •••• the number {number}"),
        ("VE 12345 BA", "VE 12345 BA"),
        ("call 24123456 about 123456", "call 24123456 about 123456"),
    ],
)
@pytest.mark.slow
def test_a_pin_is_masked_once_it_was_answered(city: City, operator: Operator, words: str, shown: str) -> None:
    told = city.report()
    number, pin = told.case.number, told.pin
    grouped = f"{number[:2]} {number[2:-2]} {number[-2:]}"
    facts = {"number": number, "pin": pin, "grouped": grouped}
    assert kept(operator, words.format(**facts), city) == shown.format(**facts)


def test_a_pin_that_answers_a_question_of_ours_is_masked(city: City, operator: Operator) -> None:
    Enquiry.objects.filter(code="vehicle-fines").update(
        fields=[{"kind": "plate"}, {"kind": "pin"}], who=Enquiry.Who.PIN, updated_at=clock.now()
    )
    definitions.forget()
    assert kept(operator, "VE", city) == "VE"
    assert kept(operator, "12345 BA 9876", city) == "12345 BA ••••"
    assert kept(operator, "VE 12345 BA 9876", city) == "VE 12345 BA ••••"
    assert "9876" not in kept(operator, "VE 9876 what 12345 BA", city), "what cannot be read keeps no PIN either"


def test_a_pin_among_words_for_a_case_stays_out_of_the_case(city: City, operator: Operator) -> None:
    kept(operator, "REPORT water runs down the street", city)
    contact = Contact.objects.get(medium="sms")
    case = contact.case
    assert case is not None
    pin = seal.pin_of(case.number, 0)
    kept(operator, f"SR {case.number} {pin} it is getting worse", city)
    added = Contact.objects.filter(case=case).latest("at")
    assert pin not in added.body
    assert "it is getting worse" in added.body
    assert Text.objects.filter(look_up=seal.index_of(HIS)).count() == 2


def test_what_cannot_be_answered_keeps_no_pin_either(
    city: City, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person is to look at it."""
    monkeypatch.setattr(dialogue_actions, "begin", lambda said, **_more: ([one.id for one in said], []))
    one = came_in(operator, f"SR {city.report().case.number} 123456")
    for _ in range(5):
        answering.answer_new()
    one.refresh_from_db()
    assert one.state == "broken"
    assert seal.unseal(bytes(one.words_sealed), place=words_place(one.pk)).endswith(" ••••")


@pytest.mark.slow
def test_the_page_masks_what_is_not_answered_yet(city: City, operator: Operator) -> None:
    one = came_in(operator, f"SR {city.report().case.number} 123456")
    seen = _page(city, one)
    assert "••••<" in seen
    assert "123456" not in seen


def test_words_of_numbers_are_found_however_they_are_written() -> None:
    number = "2600421785"
    assert masking.beside_numbers(f"26 004217 85 123456 {number}") == f"26 004217 85 •••• {number}"
    assert masking.beside_numbers("1 " * 900) == "1 " * 900
    assert reading.pins_in(("acceptance", "pin"), f"{number} 1234") == {1}
    assert reading.pins_in(("acceptance", "pin"), number, optional_pin=True) == set()
    assert reading.pins_in(("acceptance", "pin"), "x" * 500) is None
