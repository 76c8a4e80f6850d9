"""Alerts by SMS on one's own page and at the desk; what can be texted, on the web."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Audit, Post, Staff
from wasl.core.people import actions as people
from wasl.core.people import proving
from wasl.core.people.models import Address
from wasl.core.people.queries import index_of
from wasl.faces.portal.models import SignIn
from wasl.kernel import clock, phone, seal
from wasl.services.dialogue import opting
from wasl.services.dialogue import queries as dialogue
from wasl.services.dialogue.models import Command
from wasl.services.subscriptions import actions
from wasl.services.subscriptions.models import Subscription, Topic

pytestmark = pytest.mark.django_db
OWNER, OTHER = "+96892000001", "+96899887766"


@pytest.fixture(autouse=True)
def _fresh(city: City) -> Iterator[None]:
    dialogue.forget()
    yield
    dialogue.forget()


def person_of(city: City, number: str, *, proved: bool = True) -> Address:
    """Somebody who reported with this number."""
    case = city.report(reach=people.Reach(phone=number, language="en", channel="sms")).case
    assert case.requester is not None
    if proved:
        proving.wrote_from(case.requester, medium="phone", value=number)
    return Address.objects.get(person=case.requester)


def signed_in(number: str) -> Client:
    """A browser that is signed in with this number."""
    client = Client(headers={"accept-language": "en"})
    now = clock.now()
    made = SignIn.objects.create(look_up=index_of("phone", number), hint=phone.masked(number), since=now, seen_at=now)
    session = client.session
    session["portal_me"] = made.pk
    session.save()
    return client


def subscribed(number: str = OWNER, **more: object) -> Subscription:
    """A subscription of this number."""
    topic = Topic.objects.get(code="registration")
    return actions.subscribe(topic, "12345 BA", number=number, language="en", by=actions.By.SMS, proof={})


@pytest.mark.req("J1")
def test_one_adds_and_stops_alerts_on_ones_own_page(city: City) -> None:
    person_of(city, OWNER)
    client, url = signed_in(OWNER), reverse("portal:me_alerts")
    opting.stop(seal.index_of(OWNER), "alerts", by_text=1, at=clock.now())
    given = {"topic": "registration", "key": "١٢٣٤٥ ba", "number": OWNER}
    page = client.post(url, {**given, "do": "add"}).content.decode()
    assert "Alerts by SMS: Vehicle registration 12345 BA." in page
    assert not Subscription.objects.exists(), "only asked"
    assert client.post(url, {**given, "do": "agree"}).status_code == 302
    made = Subscription.objects.get()
    assert made.by == "portal"
    assert made.proof["words"] == "Alerts by SMS: Vehicle registration 12345 BA."
    assert made.proof["sign_in"]
    assert made.person is not None
    assert dialogue.may_send(OWNER, "alert")
    assert "12345 BA" in client.get(url).content.decode()
    assert client.post(url, {"do": "stop", "subscription": made.pk}).status_code == 302
    made.refresh_from_db()
    assert made.stopped_by == "portal"


def test_a_page_alerts_only_proved_numbers_of_its_own(city: City) -> None:
    client, url = signed_in(OTHER), reverse("portal:me_alerts")
    person_of(city, OTHER, proved=False)
    assert "prove a telephone number first" in client.get(url).content.decode()
    Address.objects.update(verified_at=clock.now())
    given = {"topic": "registration", "key": "12345 BA", "number": OWNER, "do": "agree"}
    assert client.post(url, given).status_code == 422, "somebody else's number"
    assert client.post(url, {**given, "number": OTHER}).status_code == 422, "somebody else's vehicle"
    assert client.post(url, {**given, "number": OTHER, "topic": "x"}).status_code == 422
    assert not Subscription.objects.exists()
    others = subscribed()
    for pk in (others.pk, "x", "9" * 30, ""):
        assert client.post(url, {"do": "stop", "subscription": pk}).status_code == 404
    others.refresh_from_db()
    assert others.stopped_at is None
    assert Client().get(url).status_code == 302, "nobody is signed in"


@pytest.mark.req("J1")
@pytest.mark.slow
def test_an_agent_adds_what_the_caller_agrees_to(city: City) -> None:
    agent, url = Client(headers={"accept-language": "en"}), reverse("desk:alerts")
    agent.force_login(city.agent)
    assert agent.get(url).status_code == 200
    given = {"number": "92000001", "topic": "registration", "key": "12345ba", "language": "ar"}
    page = agent.post(url, {**given, "do": "ask"}).content.decode()
    assert "تسجيل المركبة 12345 BA" in page
    assert not Subscription.objects.exists()
    agent.post(url, {**given, "do": "agree"})
    made = Subscription.objects.get()
    assert (made.by, made.proof["staff"], made.language) == ("desk", city.agent.pk, "ar")
    assert agent.post(url, {**given, "number": OTHER, "do": "agree"}).status_code == 422
    assert agent.post(url, {"number": "1111", "do": "find"}).status_code == 422
    other = subscribed(OTHER)
    agent.post(url, {"number": OWNER, "do": "stop", "subscription": other.pk})
    other.refresh_from_db()
    assert other.stopped_at is None, "not this caller's"
    agent.post(url, {"number": OWNER, "do": "stop", "subscription": made.pk})
    made.refresh_from_db()
    assert made.stopped_by == "desk"
    again, stopped = Audit.objects.filter(kind="subscription", by=city.agent).order_by("pk")
    assert (again.verb, again.row, again.after) == ("subscription.wanted_again", made.pk, {"wanted_again": True})
    assert (stopped.verb, stopped.row, stopped.after["stopped_by"]) == ("subscription.stopped", made.pk, "desk")
    assert set(stopped.after) == {"stopped_at", "stopped_by"}, "whose they are is in no change"
    admin = Client(headers={"accept-language": "en"})
    admin.force_login(city.one("administrator"))
    assert "subscription." not in admin.get(reverse("desk:audit")).content.decode()


def test_alerts_are_kept_by_the_whole_centre_only(city: City) -> None:
    made, url = subscribed(), reverse("desk:alerts")
    below = Staff.objects.create(username="agent-of-a-unit", names={"en": "Agent"}, language="en")
    unit = organisation.unit("roads")
    Post.objects.create(staff=below, role="agent", unit=unit, since=clock.now() - timedelta(days=1))
    client = Client(headers={"accept-language": "en"})
    client.force_login(below)
    assert client.get(url).status_code == 403
    assert client.post(url, {"number": OWNER, "do": "stop", "subscription": made.pk}).status_code == 403
    made.refresh_from_db()
    assert made.stopped_at is None


@pytest.mark.req("B10")
def test_the_web_lists_every_live_command(client: Client) -> None:
    page = client.get(reverse("portal:by_sms"), headers={"accept-language": "en"}).content.decode()
    for command in Command.objects.exclude(kind="verdict"):
        assert command.written("en") in page
    assert 'href="sms:90888?body=VE%2012345%20BA"' in page
    Command.objects.filter(target="visa-status").update(on=False, changed_at=clock.now())
    dialogue.forget()
    assert "VI 44123456" not in client.get(reverse("portal:by_sms")).content.decode()
    assert reverse("portal:by_sms") in client.get(reverse("portal:reach")).content.decode()
