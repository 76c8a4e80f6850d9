"""Asking: from the words somebody writes to the words he gets, by every kind of source that is ours."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.city import City, Told
from wasl.core.people import actions as people
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address
from wasl.kernel import acceptance, clock, seal
from wasl.kernel.sms import text as sms
from wasl.services.enquiries import definitions, reading
from wasl.services.enquiries.actions import Answer, Asker, Question, ask, further
from wasl.services.enquiries.models import Asked, Enquiry
from wasl.services.enquiries.sources import case as source
from wasl.services.messages.models import Message

pytestmark = [pytest.mark.django_db, pytest.mark.req("J2", "J3", "J12", "L7")]

OWNER = "+96892000001"
STRANGER = "+96899999999"


@pytest.fixture(autouse=True)
def _fresh(city: City) -> None:
    definitions.forget()


def one(enquiry: str, words: str | Sequence[str], *, number: str | None = OWNER, language: str = "en") -> Answer:
    said = words if isinstance(words, str) else tuple(words)
    return ask([Question(enquiry, said, Asker("sms", number, language))])[0]


def proved(told: Told) -> Told:
    """The case, after its requester has shown that the number is his."""
    people.verify(Address.objects.get(person=told.case.requester))
    return told


@pytest.mark.parametrize(
    "words",
    ["12345 BA", "12345ba", "ba 12345", "١٢٣٤٥ ب أ", "۱۲۳۴۵ با", " 12345-B.A ", "１２３４５ＢＡ", "B A 12345"],
)
def test_a_plate_is_understood_in_any_writing(words: str) -> None:
    answer = one("vehicle-fines", words)
    assert answer.kind == "several"
    assert answer.text.startswith("12345 BA: 3 fines, ")
    assert [choice.number for choice in answer.choices] == [1, 2, 3]


def test_choosing_one_is_a_further_question() -> None:
    asked = Question("vehicle-fines", "12345 BA", Asker("sms", OWNER, "en"))
    several = ask([asked])[0]
    chosen = ask([further(asked, several.choices[1])])[0]
    assert chosen.kind == "found"
    assert several.choices[1].text.split()[0] in chosen.text
    gone = ask([replace(asked, row="0123456789abcdef")])[0]
    assert gone.kind == "several", "a row that was taken away meanwhile: the choice anew"


@pytest.mark.parametrize(("language", "says"), [("en", "1 fine."), ("ar", "مخالفة واحدة"), ("zh", "1张罚单")])
def test_one_fine_in_each_language(language: str, says: str) -> None:
    answer = one("vehicle-fines", "777 AB", language=language)
    assert (answer.kind, answer.language) == ("found", language)
    assert says in answer.text


def test_no_fine_and_no_plate() -> None:
    assert one("vehicle-fines", "99999 ZZ").text == "99999 ZZ: no fines."
    answer = one("vehicle-fines", "my car please")
    assert answer.kind == "malformed"
    assert answer.text == "Vehicle fines: please give the plate number with its letters, such as 12345 BA"


def test_a_registration_is_told_to_its_owner_only() -> None:
    assert "registered until" in one("vehicle-registration", "12345 BA").text
    other, unknown = (one("vehicle-registration", p, number=STRANGER) for p in ("12345 BA", "88888 QQ"))
    assert other.kind == unknown.kind == "refused"
    assert other.text.replace("12345 BA", "") == unknown.text.replace("88888 QQ", "")
    assert one("vehicle-registration", "12345 BA", number=None).kind == "refused"


def test_a_case_by_the_number_it_was_filed_from_or_by_pin(city: City) -> None:
    told = proved(city.report("water-leak", reach=Reach(phone="92000001", channel="sms")))
    number = told.case.number
    assert "The centre reads it by" in one("case-status", number).text
    assert one("case-status", number, number=STRANGER).kind == "refused"
    assert one("case-status", f"{acceptance.grouped(number)} {told.pin}", number=STRANGER).kind == "found"
    assert one("case-status", (number, told.pin), number=None).kind == "found"
    assert one("case-status", f"{number} 000000", number=STRANGER).kind == "refused"


@pytest.mark.req("L2", "C8")
def test_a_number_that_was_only_typed_opens_nothing(city: City) -> None:
    case = city.report("water-leak", reach=Reach(phone="92000001", channel="sms")).case
    assert one("case-status", case.number).kind == "refused"
    address = Address.objects.get(person=case.requester)
    about: dict[str, Any] = {"case": case, "person": case.requester, "address": address, "event": "received"}
    at = {"due_at": clock.now(), "made_at": clock.now()}
    Message.objects.create(stage="by mail", channel="mail", state=Message.State.SENT, **about, **at)
    assert one("case-status", case.number).kind == "refused"
    Message.objects.create(stage="by sms", channel="sms", state=Message.State.SENT, **about, **at)
    assert one("case-status", case.number).kind == "found", "we told it there ourselves"
    people.note_wrong_person(address)
    assert one("case-status", case.number).kind == "refused", "who reads there says that he is somebody else"
    people.verify(address)
    assert source.find([case.number])[case.number][0].belongs_to(OWNER), "(three tries are over)"


@pytest.mark.req("L2")
@pytest.mark.parametrize("language", ["ar", "en", "zh"])
def test_a_status_takes_two_parts_at_most(city: City, language: str) -> None:
    told = proved(city.report("water-leak", reach=Reach(phone="92000001", channel="sms")))
    for _step in (told.registered, told.dispatched_to, told.signed, told.replied, told.told):
        _step()
        unit = told.fresh().unit
        if unit is not None:
            unit.names = {code: name * 6 for code, name in unit.names.items()}
            unit.save()
        answer = one("case-status", told.case.number, language=language)
        assert answer.kind == "found"
        assert len(sms.plan(answer.text).parts) <= 2, answer.text


@pytest.mark.req("C8")
def test_three_wrong_pins_and_no_more(city: City) -> None:
    told = proved(city.report("water-leak", reach=Reach(phone="92000001", channel="sms")))
    number, pin = told.case.number, told.pin
    wrong = f"{int(pin) ^ 1:06d}"
    for _ in range(2):
        assert "add the PIN" in one("case-status", f"{number} {wrong}", number=STRANGER).text
    assert one("case-status", f"{number} {pin}", number=STRANGER).kind == "found", "a right one counts for nothing"
    batch = [Question("case-status", f"{number} {p}", Asker("sms", STRANGER, "en")) for p in (wrong, wrong, pin)]
    third, *after = ask(batch)
    assert "add the PIN" in third.text
    assert [a.kind for a in after] == ["refused", "refused"]
    assert all("Too many tries" in a.text for a in after)
    assert one("case-status", number).kind == "found", "who guesses shuts only himself out"


@pytest.mark.req("C8")
@pytest.mark.parametrize(("enquiry", "limit"), [("case-status", 20), ("vehicle-fines", 60)])
def test_a_visitor_does_not_try_number_after_number(city: City, enquiry: str, limit: int) -> None:
    asker = Asker("web", None, "en", visitor="203.0.113.7")
    words: list[tuple[str, ...]]
    if enquiry == "case-status":
        numbers = [acceptance.make(n, 2026) for n in range(9000, 9000 + limit + 1)]
        words = [(number, "123456") for number in numbers]
    else:
        words = [(f"{n} ZZ",) for n in range(1, limit + 2)]
    *tried, over = ask([Question(enquiry, said, asker) for said in words])
    assert all("Too many" not in answer.text for answer in tried)
    assert "Too many" in over.text
    (other,) = ask([Question(enquiry, words[-1], replace(asker, visitor="203.0.113.8"))])
    assert "Too many" not in other.text


def test_nothing_of_who_asked_is_kept(city: City) -> None:
    one("vehicle-fines", "12345 BA")
    one("nobody-defined-it", "1")
    row = Asked.objects.get()
    assert (row.enquiry.code, row.channel, row.kind) == ("vehicle-fines", "sms", "several")
    assert bytes(row.asker or b"") == seal.index_of(f"enquiry-asker:{OWNER}")


def test_an_enquiry_changed_at_the_desk_is_live(city: City) -> None:
    row = Enquiry.objects.get(code="visa-status")
    row.active = False
    row.save()
    definitions.forget()
    assert one("visa-status", "44123456").kind == "away"


def test_a_batch_costs_a_few_statements(city: City) -> None:
    case = proved(city.report("water-leak", reach=Reach(phone="92000001", channel="sms"))).case
    batch = [Question("vehicle-fines", f"{n} BA", Asker("sms", f"+9689{n:07d}", "en")) for n in range(1, 500)]
    batch += [Question("case-status", case.number, Asker("sms", OWNER, "ar"))] * 50
    ask(batch[:1])
    with CaptureQueriesContext(connection) as few:
        ask(batch[:10] + batch[-2:])
    with CaptureQueriesContext(connection) as many:
        found = ask(batch)
    assert len(many) == len(few) <= 8
    assert {a.kind for a in found} == {"nothing", "found"}


@pytest.mark.parametrize(
    ("kinds", "words", "given"),
    [
        (["number", "pin"], "4412345 1234", ("4412345", "1234")),
        (["acceptance", "pin"], "26 000001 26 123456", ("2600000126", "123456")),
        (["acceptance", "pin"], "٢٦٠٠٠٠٠١٢٦", ("2600000126", "")),
        (["plate", "pin"], "12345 b a 9911", ("12345 BA", "9911")),
        (["word", "number"], "Al Amerat 17", ("al amerat", "17")),
        (["word", "pin"], "al amerat", None),
        (["word", "pin"], "al amerat 4711", ("al amerat", "4711")),
        (["number"], "44 12-345", ("4412345",)),
        (["number"], "x" * 500, None),
        (["number"], "9" * 21, None),
        (["pin"], "1", None),
        (["number", "number"], "1 2 3", ("1", "23")),
    ],
)
def test_words_are_cut_into_their_fields(kinds: list[str], words: str, given: Any) -> None:
    assert reading.fields(kinds, words, optional_pin="acceptance" in kinds) == given


@pytest.mark.slow
def test_five_thousand_in_one_burst(city: City) -> None:
    batch = [
        Question("vehicle-fines", "12345 BA" if n % 2 else f"{n} ZZ", Asker("sms", f"+9689{n:07d}", "en"))
        for n in range(5000)
    ]
    began = time.process_time()
    found = ask(batch)
    # What this process worked, not how long it waited for a machine that does much else.
    assert time.process_time() - began < 2
    assert len(found) == 5000
