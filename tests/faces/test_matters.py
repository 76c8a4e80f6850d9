"""Problems over many requests, people whom no message reached, records of people: through the desk's pages."""

import pytest
from django.urls import reverse

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import actions, journal, persons, queries
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case, Problem
from wasl.core.organisation.models import Audit
from wasl.core.people.actions import Reach
from wasl.core.people.models import Merge, Person
from wasl.kernel import clock
from wasl.services.messages.models import Message

pytestmark = pytest.mark.django_db


@pytest.mark.req("A5")
@pytest.mark.slow
def test_a_problem_from_opening_to_one_answer_for_all(city: City) -> None:
    one, two = city.report(), city.report(place=None).dispatched_to("water").signed()
    desk = enter(city.second_line)
    bad = desk.post(reverse("desk:problems"), {"title": "Main burst", "numbers": f"{one.case.number}, 99999999"})
    assert bad.status_code == 422
    assert "99999999" in bad.content.decode()
    numbers = f"{one.case.number[:2]} {one.case.number[2:]}\n{two.case.number}"
    made = desk.post(reverse("desk:problems"), {"title": "<b>Main burst</b>", "numbers": numbers})
    assert made.status_code == 302
    page = desk.get(made.headers["Location"]).content.decode()
    assert "<b>Main" not in page
    assert Problem.objects.get().cases.count() == 2
    told = desk.post(made.headers["Location"], {"do": "end", "text": "The main is repaired."}).content.decode()
    assert "What became of each" in told
    assert "not answered" in told, "a unit still works on the second one"
    assert one.fresh().state == "answered"
    assert desk.post(made.headers["Location"], {"do": "remove", "case": two.case.pk}).status_code == 302
    assert Problem.objects.get().cases.count() == 1
    assert desk.post(made.headers["Location"], {"do": "remove", "case": "7"}).status_code == 404
    assert journal.verify().broken is None


def failed(city: City) -> tuple[Case, Message]:
    """Somebody who has a result, and whom no message reached."""
    told = city.report(reach=Reach(name="Ali", phone="92345678", channel="sms")).dispatched_to().replied().told()
    now = clock.now()
    assert told.case.requester is not None
    made = Message.objects.create(
        case=told.case, person=told.case.requester, event="told", stage=f"test:{told.case.pk}", state="no_way",
        due_at=now, made_at=now,
    )  # fmt: skip
    return told.fresh(), made


@pytest.mark.req("A5")
@pytest.mark.slow
def test_who_was_not_told_is_told_by_hand(city: City) -> None:
    case, message = failed(city)
    desk = enter(city.second_line)
    page = desk.get(reverse("desk:untold")).content.decode()
    assert case.number in page.replace(" ", "")
    assert "92345678" not in page.replace(" ", ""), "the number is masked here"
    url = reverse("desk:untold")
    wrong = desk.post(url, {"message": message.pk, "medium": "pigeon", "text": "x"}, follow=True).content.decode()
    assert "Choose how he was reached" in wrong
    assert desk.post(url, {"message": message.pk, "medium": "phone", "text": "He knows it now."}).status_code == 302
    message.refresh_from_db()
    assert message.state == "by_hand"
    assert case.entries.order_by("-seq")[0].verb == "case.contact_attempted"
    assert desk.post(url, {"message": message.pk, "medium": "phone", "text": "x"}).status_code == 404
    assert enter(city.agent).get(url).status_code == 403


@pytest.mark.req("P4")
def test_a_record_shows_nobody_until_it_is_asked_and_each_look_is_an_entry(city: City) -> None:
    case = city.report(reach=Reach(name="Zayd Unseen", phone="92345678")).case
    person = case.requester
    assert person is not None
    url = reverse("desk:people_record", args=[person.pk])
    desk = enter(city.agent)
    assert "Zayd" not in desk.get(url).content.decode()
    assert "Zayd" in desk.post(url, {"do": "see", "reason": "contact-person"}).content.decode()
    last = case.entries.order_by("-seq")[0]
    assert (last.verb, last.actor) == ("case.identity_viewed", f"staff:{city.agent.pk}")
    found = desk.get(reverse("desk:people"), {"q": "٩٢٣٤٥٦٧٨"}).content.decode()
    assert person.pseudonym in found
    assert desk.post(url, {"do": "save", "kind": "business", "language": "zh", "channel": "sms"}).status_code == 302
    person.refresh_from_db()
    assert (person.kind, person.language, person.channel) == ("business", "zh", "sms")
    assert Audit.objects.filter(verb="person.changed", row=person.pk, by=city.agent).exists()
    assert "Zayd" not in str(list(Audit.objects.values_list("before", "after")))


@pytest.mark.req("P4")
def test_a_sensitive_person_is_seen_by_those_who_keep_such(city: City) -> None:
    told = city.report(reach=Reach(name="Zayd Unseen", phone="92345678")).dispatched_to()
    person = told.case.requester
    assert person is not None
    url = reverse("desk:people_record", args=[person.pk])
    assert enter(city.agent).post(url, {"do": "mark"}).status_code == 403
    assert enter(city.second_line).post(url, {"do": "mark"}).status_code == 302
    assert enter(city.agent).post(url, {"do": "see", "reason": "contact-person"}).status_code == 403
    assert "Zayd" in enter(city.supervisor).post(url, {"do": "see", "reason": "contact-person"}).content.decode()
    case, officer = told.fresh(), city.officer_of(told.order.unit)
    assert not queries.may_see_identity(city.agent, case)
    with pytest.raises(NotAllowed):
        actions.open_identity(case, by=officer, reason="visit", text="I must ring at his door.")


@pytest.mark.req("P4")
def test_by_number_or_name_nobody_else_learns_the_pseudonym_of_a_sensitive_person(city: City) -> None:
    hidden = city.report(reach=Reach(name="Zayd Unseen", phone="92345678")).case.requester
    twin = city.report(reach=Reach(name="Ali", phone="92345678", mail="ali@example.com")).case.requester
    assert hidden is not None
    assert twin is not None
    persons.mark_sensitive(hidden, by=city.second_line, sensitive=True)
    looked = [(reverse("desk:people"), {"q": text}) for text in ("92345678", "Unseen")]
    looked.append((reverse("desk:people_record", args=[twin.pk]), {}))
    for who, told in ((city.agent, False), (city.dispatcher, False), (city.second_line, True)):
        desk = enter(who)
        for url, asked in looked:
            assert (hidden.pseudonym in desk.get(url, asked).content.decode()) == told, (who, asked)
        by_pseudonym = desk.get(reverse("desk:people"), {"q": hidden.pseudonym}).content.decode()
        assert reverse("desk:people_record", args=[hidden.pk]) in by_pseudonym
    persons.merge(hidden, twin, by=city.second_line)
    by_mail = enter(city.agent).get(reverse("desk:people"), {"q": "ali@example.com"}).content.decode()
    assert not any(one.pseudonym in by_mail for one in (hidden, twin))


@pytest.mark.req("P4")
def test_records_are_joined_and_taken_apart(city: City) -> None:
    one = city.report(reach=Reach(name="Ali", phone="92345678")).case.requester
    two = city.report(reach=Reach(name="Ali", phone="92345678", mail="ali@example.com")).case.requester
    assert one is not None
    assert two is not None
    url = reverse("desk:people_record", args=[one.pk])
    desk = enter(city.supervisor)
    assert two.pseudonym in desk.get(url).content.decode(), "it shares a number"
    assert enter(city.agent).post(url, {"do": "merge", "other": two.pseudonym}).status_code == 403
    desk.post(url, {"do": "merge", "other": two.pseudonym})
    assert Person.objects.get(pk=two.pk).merged_into == one
    desk.post(url, {"do": "split", "merge": Merge.objects.get().pk})
    assert Person.objects.get(pk=two.pk).merged_into is None
