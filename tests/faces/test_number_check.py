"""A telephone number asked about and proved at the desk, while its owner is with us."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.city import City
from tests.faces.desk import FORM
from tests.faces.test_alerts import person_of
from tests.faces.test_desk_matrix import enter
from wasl.core.organisation.models import Audit
from wasl.core.people import actions as people
from wasl.core.people import proving, queries
from wasl.core.people.models import Address, Code, Person
from wasl.kernel import clock
from wasl.services.messages.models import Message
from wasl.services.messages.render import render

pytestmark = [pytest.mark.django_db, pytest.mark.req("Q2"), pytest.mark.usefixtures("_operators")]
MINE, NEW = "+96892000001", "+96892000009"


@pytest.fixture
def _operators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wasl.services.messages.numbers.served", lambda: frozenset({"mail", "sms"}))


def _url(person: Person) -> str:
    return reverse("desk:number", args=[person.pk])


def test_a_number_is_asked_about_when_it_is_poor_unproved_or_old(city: City) -> None:
    row = person_of(city, MINE, proved=False)
    assert queries.doubt(None) == "none"
    assert queries.doubt(row) == "unproved"
    people.verify(row)
    assert queries.doubt(row) == ""
    row.verified_at = clock.now() - queries.VERIFY_EVERY - timedelta(days=1)
    assert queries.doubt(row) == "old"
    people.note_wrong_person(row)
    assert queries.doubt(row) == "poor"


def test_the_agent_is_prompted_and_confirms_it(city: City) -> None:
    row = person_of(city, MINE, proved=False)
    agent = enter(city.one("agent"))
    side = agent.post(reverse("desk:beside"), {**FORM, "phone": MINE}).content.decode()
    assert "Nobody has confirmed yet" in side
    assert MINE not in side
    page = agent.post(_url(row.person), {"do": "send", "address": row.pk}).content.decode()
    assert "A code went to" in page
    code = Code.objects.get()
    message = Message.objects.get(stage=f"code:{code.pk}")
    assert proving.digits_of(code) in render(message, "sms").body
    assert proving.digits_of(code) not in page
    wrong = agent.post(_url(row.person), {"do": "confirm", "asked": code.pk, "code": "000000"}).content.decode()
    assert "not the code" in wrong
    said = proving.digits_of(code).translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    right = agent.post(_url(row.person), {"do": "confirm", "asked": code.pk, "code": said}).content.decode()
    assert "Confirmed" in right
    row.refresh_from_db()
    assert row.verified_at
    assert row.confidence == 100
    assert [a.verb for a in Audit.objects.filter(kind="person").order_by("pk")] == [
        "person.number_asked", "person.number_confirmed",
    ]  # fmt: skip
    assert MINE not in str(list(Audit.objects.values_list("before", "after")))
    assert "Nobody has" not in agent.post(reverse("desk:beside"), {**FORM, "phone": MINE}).content.decode()


def test_a_new_number_comes_after_a_proved_one_only(city: City) -> None:
    row = person_of(city, MINE)
    Address.objects.filter(pk=row.pk).update(verified_at=clock.now() - timedelta(days=2))
    agent = enter(city.one("agent"))
    assert agent.post(_url(row.person), {"do": "send", "number": NEW}).status_code == 409
    assert not Code.objects.exists()
    people.verify(row)
    assert agent.post(_url(row.person), {"do": "send", "number": NEW}).status_code == 200
    code = Code.objects.get()
    given = {"do": "confirm", "asked": code.pk, "code": proving.digits_of(code)}
    assert "Confirmed" in agent.post(_url(row.person), given).content.decode()
    added = Address.objects.get(look_up=queries.index_of("phone", NEW))
    assert (added.person_id, added.source, added.confidence, added.preferred) == (row.person_id, "desk", 100, True)


def test_the_second_line_adds_one_for_who_has_lost_his(city: City) -> None:
    row = person_of(city, MINE)
    Address.objects.filter(pk=row.pk).update(verified_at=clock.now() - timedelta(days=2))
    assert enter(city.one("second_line")).post(_url(row.person), {"do": "send", "number": NEW}).status_code == 200


def test_nobody_uses_the_code_of_somebody_else(city: City) -> None:
    row, other = person_of(city, MINE, proved=False), person_of(city, "+96892000002", proved=False)
    agent = enter(city.one("agent"))
    agent.post(_url(row.person), {"do": "send", "address": row.pk})
    code = Code.objects.get()
    given = {"do": "confirm", "asked": code.pk, "code": proving.digits_of(code)}
    assert enter(city.one("dispatcher")).post(_url(row.person), given).status_code == 403
    assert agent.post(_url(other.person), given).status_code == 409
    assert agent.post(_url(other.person), {"do": "send", "address": row.pk}).status_code == 409
    for bad in ("", "x", "١", "12", "1" * 400):
        assert agent.post(_url(row.person), {"do": "send", "number": bad}).status_code == 409
    row.refresh_from_db()
    assert row.verified_at is None


def test_codes_to_one_number_are_few(city: City) -> None:
    row = person_of(city, MINE, proved=False)
    agent = enter(city.one("agent"))
    answers = [agent.post(_url(row.person), {"do": "send", "address": row.pk}).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
