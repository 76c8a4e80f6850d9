"""Addresses that were typed and addresses that were proved: whose record a report and a one-time code belong to."""

from datetime import timedelta

import pytest

from tests.city import City
from wasl.core.cases import persons
from wasl.core.people import actions as people
from wasl.core.people import proving, queries
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address, Code, Person
from wasl.kernel import clock

pytestmark = pytest.mark.django_db
MINE, HIS, PHONE = "maryam@example.com", "mallory@example.com", "92345678"


def asked(mail: str = MINE, person: Person | None = None) -> Code:
    return proving.ask(medium="mail", value=mail, hint="m••••@example.com", language="ar", person=person)


def opened(mail: str = MINE) -> set[int]:
    return {person.pk for person in proving.opened(queries.index_of("mail", mail))}


def signed_in(mail: str = MINE) -> set[int]:
    code = asked(mail)
    assert proving.use(code, proving.digits_of(code))
    return opened(mail)


@pytest.mark.req("P4", "K7")
def test_a_used_code_proves_the_address_and_opens_the_record(city: City) -> None:
    mine = city.report(reach=Reach(name="Maryam", mail=MINE, phone=PHONE)).case.requester
    assert mine is not None
    assert opened() == set()
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    code = asked()
    assert proving.use(code, proving.digits_of(code).translate(arabic))
    assert opened() == {mine.pk}
    assert set(mine.addresses.filter(verified_at__isnull=False).values_list("medium", flat=True)) == {"mail"}


def test_a_code_works_once_for_ten_minutes_and_not_for_who_guesses(city: City) -> None:
    used = asked()
    assert proving.use(used, proving.digits_of(used))
    with pytest.raises(proving.CodeRefused):
        proving.use(used, proving.digits_of(used))
    old = asked()
    with clock.later(timedelta(minutes=10, seconds=1)), pytest.raises(proving.CodeRefused):
        proving.use(old, proving.digits_of(old))
    guessed = asked()
    wrong = f"{(int(proving.digits_of(guessed)) + 1) % 10**6:06d}"
    assert not any(proving.use(guessed, wrong) for _ in range(5))
    with pytest.raises(proving.CodeRefused):
        proving.use(guessed, proving.digits_of(guessed))
    assert proving.digits_of(used) != proving.digits_of(old)
    assert proving.of_token(proving.token_of(old)) == old
    assert proving.of_token(proving.token_of(old)[:-2] + "xx") is None


def test_nobody_is_told_of_anothers_reports_by_writing_down_his_number_first(city: City) -> None:
    """Mallory reports with Ali's number and her own address, before or after Ali does; neither opens his reports."""
    trap = city.report(reach=Reach(name="Mallory", phone=PHONE, mail=HIS)).case.requester
    ali = city.report(reach=Reach(name="Ali", phone=PHONE)).case.requester
    assert trap is not None
    assert ali is not None
    assert trap != ali
    assert signed_in(HIS) == {trap.pk}
    again = city.report(reach=Reach(phone=PHONE)).case.requester
    assert again == ali
    assert opened(HIS) == {trap.pk}


@pytest.mark.req("P4")
def test_what_was_only_typed_opens_nothing_once_somebody_proved_an_address(city: City) -> None:
    record = city.report(reach=Reach(name="Maryam", mail=MINE, phone=PHONE)).case.requester
    assert record is not None
    assert signed_in() == {record.pk}
    people.add_address(record, medium="mail", value=HIS, hint="m••••", source="web")
    assert signed_in(HIS) == set()
    assert opened() == {record.pk}


def test_two_reports_with_the_proved_address_are_one_persons(city: City) -> None:
    first = city.report(reach=Reach(name="Maryam", mail=MINE, phone=PHONE)).case.requester
    assert first is not None
    signed_in()
    assert city.report(reach=Reach(mail=MINE)).case.requester == first
    assert city.report(reach=Reach(phone=PHONE)).case.requester != first


def test_a_record_that_the_centre_put_together_opens_by_what_was_proved_only(city: City) -> None:
    one = city.report(reach=Reach(name="Ali", phone=PHONE)).case.requester
    two = city.report(reach=Reach(name="Ali", mail=HIS)).case.requester
    assert one is not None
    assert two is not None
    persons.merge(one, two, by=city.supervisor)
    assert signed_in(HIS) == set()
    Address.objects.filter(person=one, medium="mail").update(verified_at=clock.now())
    assert signed_in(HIS) == {one.pk}


def test_an_address_is_added_by_its_code_and_forgotten_people_are_not_opened(city: City) -> None:
    record = city.report(reach=Reach(name="Maryam", mail=MINE)).case.requester
    assert record is not None
    signed_in()
    code = asked(HIS, record)
    assert proving.receiver(code) == record
    assert proving.use(code, proving.digits_of(code))
    assert opened(HIS) == {record.pk}
    record.forgotten_at = clock.now()
    record.save()
    assert opened(HIS) == opened() == set()
    assert proving.receiver(asked()) is None
    with clock.later(timedelta(days=2)):
        assert proving.purge_codes() == 3


def test_a_code_for_an_address_that_nobody_has_is_written_and_not_sent(city: City) -> None:
    from wasl.services.messages import actions as messages
    from wasl.services.messages.models import Message

    city.report(reach=Reach(name="Maryam", mail=MINE))
    for mail in (MINE, "nobody@example.com"):
        messages.send_code(asked(mail))
    ways = [messages.way_of(m, {"mail"}) for m in Message.objects.filter(event="link").order_by("pk")]
    assert [way and way.to for way in ways] == [MINE, None]
    with clock.later(timedelta(minutes=11)):
        assert messages.way_of(Message.objects.filter(event="link").order_by("pk")[0], {"mail"}) is None
