"""Requesters: known by their addresses, merged and split, sealed at rest."""

import pytest

from tests.city import City
from wasl.core.cases import actions, journal, persons
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case
from wasl.core.organisation.rights import Forbidden
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address, Person


def person_of(case: Case) -> Person:
    """Its requester."""
    assert case.requester is not None
    return case.requester


@pytest.mark.req("P4", "E6")
def test_the_same_number_is_the_same_person(city: City) -> None:
    one = city.report(reach=Reach(name="Ali", phone="9234 5678", channel="sms")).case
    two = city.report(reach=Reach(phone="+968-٩٢٣٤٥٦٧٨")).case
    assert one.requester_id == two.requester_id is not None


def test_who_knows_a_number_and_adds_his_own_address_is_not_taken_for_its_owner(city: City) -> None:
    one = city.report(reach=Reach(name="Ali", phone="92345678", channel="sms", language="ar")).case
    two = city.report(reach=Reach(name="Mallory", phone="92345678", mail="mallory@example.com", channel="mail")).case
    assert two.requester_id != one.requester_id
    owner = person_of(one)
    assert (owner.channel, owner.language, owner.addresses.count()) == ("sms", "ar", 1)
    assert actions.see_identity(one, by=city.agent, reason="contact-person")["name"] == "Ali"


def test_anonymous_is_nobody(city: City) -> None:
    assert city.report(reach=Reach()).case.requester is None


def test_nothing_of_a_person_lies_open_in_the_data_base(city: City) -> None:
    case = city.report(reach=Reach(name="Ali Unsealed", phone="92345678", mail="ali@example.com")).case
    person = person_of(case)
    for address in person.addresses.all():
        assert b"345" not in bytes(address.value_sealed)
        assert "2345" not in address.hint
        assert "ali@example" not in address.hint
    assert b"Ali" not in bytes(person.name_sealed or b"")


@pytest.mark.req("P4")
def test_merge_and_split_bring_everything_home(city: City) -> None:
    one = city.report(reach=Reach(name="Ali", phone="92345678")).case
    two = city.report(reach=Reach(name="Ali", mail="ali@example.com")).case
    first, second = person_of(one), person_of(two)
    with pytest.raises(Forbidden):
        persons.merge(first, second, by=city.agent)
    done = persons.merge(first, second, by=city.supervisor)
    two.refresh_from_db()
    assert two.requester_id == first.pk
    assert Address.objects.filter(person=first).count() == 2
    third = city.report(reach=Reach(mail="ali@example.com")).case
    assert third.requester_id == first.pk
    with pytest.raises(NotAllowed):
        persons.merge(first, second, by=city.supervisor)
    persons.split(done, by=city.supervisor)
    two.refresh_from_db()
    assert two.requester_id == second.pk
    assert Address.objects.filter(person=second).count() == 1
    with pytest.raises(NotAllowed):
        persons.split(done, by=city.supervisor)
    assert journal.verify().broken is None


@pytest.mark.req("P4")
def test_a_sensitive_record_makes_the_one_it_is_joined_to_sensitive(city: City) -> None:
    first = person_of(city.report(reach=Reach(name="Ali", phone="92345678")).case)
    second = person_of(city.report(reach=Reach(name="Ali", mail="ali@example.com")).case)
    persons.mark_sensitive(second, by=city.supervisor, sensitive=True)
    done = persons.merge(first, second, by=city.supervisor)
    first.refresh_from_db()
    assert first.sensitive
    persons.split(done, by=city.supervisor)
    first.refresh_from_db()
    assert not first.sensitive
