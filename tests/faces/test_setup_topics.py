"""Set-up of alerts, the number of people that needs approval, the register of ideas, the list of what to repair."""

from collections.abc import Iterator

import pytest
from django.urls import reverse

from tests.city import City
from tests.faces.desk import HOSTILE
from tests.faces.test_alerts import OWNER, person_of, subscribed
from tests.faces.test_desk_matrix import enter
from wasl.core.organisation import actions, rights
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Audit, House, Unit
from wasl.core.people import actions as requesters
from wasl.services.dialogue import queries as dialogue
from wasl.services.dialogue import subscribing
from wasl.services.enquiries import ideas
from wasl.services.enquiries.models import DataSet, Idea
from wasl.services.subscriptions import editing
from wasl.services.subscriptions.models import Subscription, Topic

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(city: City) -> Iterator[None]:
    dialogue.forget()
    subscribing.forget()
    yield
    dialogue.forget()
    subscribing.forget()


def _given(**more: str) -> dict[str, str]:
    return {
        "code": "visas", "name_ar": "التأشيرة", "name_en": "Visa", "name_zh": "签证", "keywords_en": "VISA, VISAS",
        "keywords_ar": "تأشيرة", "keywords_": "", "keywords_zh": "", "sender": "90888", "data_set": "",
        "date_column": "", "example": "", "on": "on", **more,
    }  # fmt: skip


@pytest.mark.req("J1", "J3")
def test_a_topic_is_made_changed_and_retired_at_the_desk(city: City) -> None:
    admin = enter(city.administrator)
    assert admin.post(reverse("desk:new_topic"), _given(premium="on")).status_code == 302
    made = Topic.objects.get(code="visas")
    assert (made.premium, made.on, made.data_set, made.name("zh")) == (True, True, None, "签证")
    assert subscribing.topic_in("VISA") is not None, "it counts at once"
    assert subscribing.topic_in("تاشيره") is not None
    page = admin.get(reverse("desk:topics")).content.decode()
    assert "premium" in page
    url = reverse("desk:topic", args=[made.pk])
    assert admin.post(url, _given(name_en=HOSTILE, on="")).status_code == 302
    assert subscribing.topic_in("VISA") is None, "retired"
    assert HOSTILE not in admin.get(reverse("desk:topics")).content.decode()
    assert list(Audit.objects.filter(kind="topic").order_by("pk").values_list("verb", flat=True)) == [
        "topic.made", "topic.changed",
    ]  # fmt: skip


@pytest.mark.req("J1")
def test_what_does_not_go_together_is_refused(city: City) -> None:
    admin = enter(city.administrator)
    registration = Topic.objects.get(code="registration")
    word = next(words[0] for words in registration.keywords.values() if words)
    wrong = [
        {"code": "registration"}, {"code": "A B"}, {"keywords_en": "", "keywords_ar": ""}, {"keywords_en": word},
        {"sender": "12"}, {"date_column": "x"}, {"data_set": str(registration.data_set_id), "date_column": "nothing"},
        {"name_ar": "", "name_en": "", "name_zh": ""}, {"example": "x" * 41},
    ]  # fmt: skip
    for one in wrong:
        assert admin.post(reverse("desk:new_topic"), _given(**one)).status_code == 422, one
    assert not Topic.objects.filter(code="visas").exists()


@pytest.mark.req("J1")
def test_what_somebody_agreed_to_is_not_changed_under_him(city: City) -> None:
    subscribed(OWNER)
    held = Topic.objects.get(code="registration")
    facts = editing.TopicFacts(
        code=held.code, names=held.names, keywords=held.keywords, sender=held.sender, data_set=held.data_set,
        date_column=held.date_column, example=held.example,
    )  # fmt: skip
    assert editing.save_topic(held, by=city.administrator, facts=facts).key_kind == held.key_kind
    other = DataSet.objects.exclude(pk=held.data_set_id or 0)[0]
    for change in ({"premium": True}, {"data_set": None, "date_column": ""}, {"data_set": other}):
        changed = editing.TopicFacts(**{**{f: getattr(facts, f) for f in facts.__slots__}, **change})
        with pytest.raises(actions.Refused):
            editing.save_topic(held, by=city.administrator, facts=changed)
    assert Subscription.objects.get().topic.premium is False
    for role in sorted(set(rights.RIGHTS) - {"administrator", "officer"}):
        with pytest.raises(rights.Forbidden):
            editing.save_topic(held, by=city.one(role), facts=facts)


@pytest.mark.req("J4", "J11")
def test_the_number_of_people_that_needs_approval_is_a_rule_of_the_house(city: City) -> None:
    admin = enter(city.administrator)
    for bad in ("-1", "10001", "x", ""):
        assert admin.post(reverse("desk:house"), {"do": "alone", "alone": bad}).status_code == 422
    assert organisation.the_house().alone == 100
    assert admin.post(reverse("desk:house"), {"do": "alone", "alone": "٣"}).status_code == 302
    assert House.objects.get().alone == 3
    assert organisation.the_house().alone == 3


@pytest.mark.req("J18")
def test_a_unit_hands_in_an_idea_and_hears_what_becomes_of_it(city: City) -> None:
    water = Unit.objects.get(code="water")
    officer = enter(city.officer("water"))
    url = reverse("desk:ideas")
    given = {"do": "make", "unit": str(water.pk), "title": f"Water bill {HOSTILE}", "body": "Ask by meter number.",
             "per_month": "4000"}  # fmt: skip
    assert officer.post(url, given).status_code == 302
    held = Idea.objects.get()
    page = officer.get(url).content.decode()
    assert "Ask by meter number." in page
    assert HOSTILE not in page
    assert "What becomes of it" not in page
    other = enter(city.officer("audit"))
    assert "meter number" not in other.get(url).content.decode()
    assert other.post(url, given).status_code == 422, "in the name of a unit that is not his"
    decided = {"do": "decide", "idea": str(held.pk), "state": "planned", "answer": "In spring."}
    assert other.post(url, decided).status_code == 404
    assert officer.post(url, decided).status_code == 403
    admin = enter(city.administrator)
    assert admin.post(url, {**decided, "answer": " "}).status_code == 302
    assert admin.post(url, {**decided, "state": "x"}).status_code == 302
    assert Idea.objects.get().state == "new"
    assert admin.post(url, decided).status_code == 302
    page = officer.get(url).content.decode()
    assert "In spring." in page
    assert "planned" in page
    with pytest.raises(rights.Forbidden):
        ideas.hand_in(water, by=city.agent, title="x", body="y")


@pytest.mark.req("Q1")
def test_what_does_not_work_is_listed_to_be_repaired_without_the_number(city: City) -> None:
    row = person_of(city, OWNER)
    agent = enter(city.agent)
    url = reverse("desk:repair")
    assert "Nothing to repair" in agent.get(url).content.decode()
    requesters.note_wrong_person(row)
    page = agent.get(url).content.decode()
    assert row.person.pseudonym in page
    assert "somebody else reads there" in page
    assert OWNER not in page
    assert reverse("desk:number", args=[row.person_id]) in page
    requesters.verify(row)
    assert row.person.pseudonym not in agent.get(url).content.decode()
