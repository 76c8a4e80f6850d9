"""Subscribing by SMS, proof of consent, alerts before a date."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from tests.city import City
from wasl.core.cases import forgetting
from wasl.core.people import actions as people
from wasl.core.people.actions import Reach
from wasl.kernel import clock, seal
from wasl.services.dialogue import actions as dialogue
from wasl.services.dialogue import queries, subscribing
from wasl.services.dialogue.actions import Said
from wasl.services.dialogue.models import Conversation, OptOut, Sender
from wasl.services.enquiries.models import DataRow
from wasl.services.subscriptions import actions, jobs
from wasl.services.subscriptions.models import Alert, Subscription, Topic
from wasl.services.texts import queries as gateway
from wasl.services.texts.actions import words_place
from wasl.services.texts.models import Klass, Operator, Route, Text

pytestmark = pytest.mark.django_db
_ids = count(1)
OWNER, OTHER = "+96892000001", "+96899887766"
# In the demo 12345 BA is registered until 2027-01-19 with this number, 50001 HM with another's.
EXPIRES = datetime(2027, 1, 19, 9, tzinfo=ZoneInfo("Asia/Muscat"))


@pytest.fixture(autouse=True)
def _fresh(city: City) -> Iterator[None]:
    queries.forget()
    subscribing.forget()
    operator = Operator.objects.create(code="first", name="First")
    Route.objects.create(name="all", operators=[operator.pk])
    gateway.forget()
    yield
    gateway.forget()
    queries.forget()
    subscribing.forget()


def said(words: str, number: str = OWNER) -> str:
    """The words that are answered on 90085."""
    (reply,) = dialogue.answer([Said(next(_ids), number, "90085", words, clock.now())])
    assert reply is not None
    return reply.words


def code_in(words: str) -> str:
    """The code that is to be texted back."""
    (found,) = re.findall(r"\b[0-9]{4}\b", words)
    return str(found)


def agree(words: str, yes: str = "yes") -> str:
    """Ask for a subscription and text the code back; what is answered then."""
    return said(f"{yes} {code_in(said(words))}")


def subscribed(words: str = "subscribe RE 12345 BA") -> Subscription:
    """The owner's subscription."""
    agree(words)
    return Subscription.objects.latest("confirmed_at")


def on(days_before: int) -> int:
    """How many alerts go out so many days before the registration ends."""
    with clock.held(EXPIRES - timedelta(days=days_before)):
        return jobs.send_alerts()


def texts() -> list[str]:
    """The words of alerts that wait in the gateway's queue."""
    rows = Text.objects.filter(klass=Klass.ALERT).order_by("pk")
    return [seal.unseal(bytes(row.words_sealed or b""), place=words_place(row.pk)) for row in rows]


@pytest.mark.req("J1")
def test_one_subscribes_by_sms_and_the_consent_is_kept() -> None:
    asked = said("subscribe RE ١٢٣٤٥ BA")
    assert "YES" in asked
    assert not Subscription.objects.exists()
    assert "STOP RE" in said(f"yes {code_in(asked)}")
    made = Subscription.objects.get()
    assert (made.topic.code, made.key, made.by) == ("registration", "12345 BA", "sms")
    assert made.proof == {"words": asked, "text": made.proof["text"]}
    assert made.proof["text"] > 0
    assert OWNER[4:].encode() not in bytes(made.number_sealed)
    assert "12345 BA" in said("LIST")
    subscribed()
    assert Subscription.objects.count() == 1, "once is enough"


@pytest.mark.req("J1", "J13")
def test_who_stops_a_subscription_does_not_get_its_alert_that_waits() -> None:
    subscribed()
    assert on(60) == 1
    with clock.held(EXPIRES - timedelta(days=60)):
        said("STOP RE 12345 BA")
    assert Text.objects.get(klass=Klass.ALERT).state == "cancelled"
    assert not Subscription.objects.filter(stopped_at=None).exists()


@pytest.mark.req("J1")
def test_who_does_not_say_yes_is_not_subscribed() -> None:
    said("subscribe RE 12345 BA")
    said("no")
    assert "You have no subscriptions" in said("LIST")
    said("subscribe RE 12345 BA")
    said("perhaps")
    said("perhaps")
    assert not Subscription.objects.exists()


@pytest.mark.req("J1")
def test_who_does_not_read_what_is_texted_there_subscribes_nobody() -> None:
    """Anybody can write somebody else's number on a text as its sender."""
    asked = said("subscribe RE 12345 BA")
    code = code_in(asked)
    assert code in said("YES"), "told once more what to text"
    assert not Subscription.objects.exists()
    said("YES")
    said(f"YES {code}")
    assert not Subscription.objects.exists(), "that question is over"
    tries = 0
    while "wrong codes" not in (answer := said("subscribe RE 12345 BA")):
        said(f"YES {int(code_in(answer)) ^ 1}")
        tries += 1
    assert tries <= 5
    with clock.later(timedelta(days=1, minutes=1)):
        asked = said("subscribe RE 12345 BA")
        assert "STOP RE" in said(f"yes {code_in(asked)}")


@pytest.mark.req("J1")
@pytest.mark.parametrize(
    "answer", ["{}", "YES {}", "yes,{}!", "نعم {ar}", "{ar}", "是{}", "确认 {}", "y {}", "Yes {} please"]
)
def test_the_code_is_understood_as_people_write_it(answer: str) -> None:
    code = code_in(said("subscribe RE 12345 BA"))
    arabic = code.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    said(answer.format(code, ar=arabic))
    assert Subscription.objects.count() == 1


def test_the_code_is_read_by_nobody_but_its_receiver() -> None:
    (reply,) = dialogue.answer([Said(next(_ids), OWNER, "90085", "subscribe RE 12345 BA", clock.now())])
    assert reply is not None
    assert reply.secret


def test_only_the_owners_number_may_subscribe_and_nobody_learns_more() -> None:
    said("help", OTHER)
    assert "registered with your telephone" in said("SUB RE 12345 BA", OTHER)
    assert said("SUB RE 12345 BA", OTHER) == said("SUB RE 99999 ZZ", OTHER)
    assert "12345 BA" in said("SUB RE", OTHER)
    listed = said("subscribe")
    assert "SUB RE 12345 BA: Vehicle registration" in listed
    assert "Vehicle insurance" in listed


def test_what_only_a_pin_opens_is_nobodys_to_subscribe_to() -> None:
    held = Topic.objects.get(code="registration").data_set
    assert held is not None
    held.owner_column, held.pin_column = "", "pin"
    held.save()
    subscribing.forget()
    said("help")
    assert "registered with your telephone" in said("SUB RE 12345 BA")
    held.pin_column = ""
    held.save()
    subscribing.forget()
    assert "YES" in said("SUB RE 12345 BA")


def test_who_tries_it_out_learns_of_no_subscription_and_no_owner() -> None:
    subscribed()

    def tried(words: str) -> str:
        (reply,) = dialogue.rehearse([Said(next(_ids), OWNER, "90085", words, clock.now())])
        assert reply is not None
        return reply.words

    assert "12345 BA" in said("LIST")
    assert "You have no subscriptions" in tried("LIST")
    assert tried("SUB RE 12345 BA") == tried("SUB RE 99999 ZZ")


@pytest.mark.req("J13")
def test_alerts_at_sixty_thirty_and_seven_days_once_each() -> None:
    subscribed()
    assert [on(days) for days in (61, 60, 60, 59, 31, 30, 29, 8, 7, 6, 1, 0)] == [0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0]
    assert list(Alert.objects.order_by("pk").values_list("step", flat=True)) == [60, 30, 7]
    assert "19 January 2027" in texts()[0]
    assert "in 60 days" in texts()[0]
    assert "STOP RE" in texts()[0]
    assert Text.objects.filter(klass=Klass.ALERT, sender="90085").count() == 3


@pytest.mark.req("J13")
def test_who_comes_late_gets_the_step_that_has_come() -> None:
    subscribed()
    assert [on(25), on(20), on(7)] == [1, 0, 1]
    assert list(Alert.objects.order_by("pk").values_list("step", flat=True)) == [30, 7]


@pytest.mark.req("J13")
def test_renewal_ends_them_and_the_next_year_begins_anew() -> None:
    subscribed()
    assert on(60) == 1
    row = DataRow.objects.get(data_set__code="vehicles", key="12345 BA")
    row.values["expires"] = "2028-01-19"
    row.save()
    assert on(30) == 0
    with clock.held(EXPIRES + timedelta(days=365 - 60)):
        assert jobs.send_alerts() == 1


@pytest.mark.req("J13")
def test_a_vehicle_that_was_sold_alerts_its_old_owner_no_more() -> None:
    subscribed()
    DataRow.objects.filter(data_set__code="vehicles", key="12345 BA").update(owner=b"somebody else's")
    assert on(60) == 0


@pytest.mark.req("J13")
def test_no_alert_is_lost_where_a_page_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    subscribed()
    row = DataRow.objects.get(data_set__code="vehicles", key="12345 BA")
    for days in (1, 2):
        later = {**row.values, "expires": str((EXPIRES + timedelta(days=days)).date())}
        DataRow.objects.create(data_set=row.data_set, key=row.key, owner=row.owner, values=later)
    monkeypatch.setattr(jobs, "_AT_ONCE", 2)
    assert on(58) == 3


@pytest.mark.parametrize("date", ["", "soon", "19/01/2027", "2027-13-45", "2027-02-31"])
def test_a_date_that_is_none_alerts_nobody_and_stops_nothing(date: str) -> None:
    subscribed()
    row = DataRow.objects.get(data_set__code="vehicles", key="12345 BA")
    row.values["expires"] = date
    row.save()
    assert on(1) == 0


@pytest.mark.req("J1")
def test_stop_ends_them_as_far_as_it_says() -> None:
    one = subscribed()
    agree("subscribe IN 12345 BA")
    said("STOP RE")
    assert [s.topic.code for s in Subscription.objects.filter(stopped_at__isnull=True)] == ["insurance"]
    one.refresh_from_db()
    assert one.stopped_by == "sms"
    assert on(60) == 0
    said("STOP")
    with clock.held(EXPIRES - timedelta(days=30)):
        jobs.send_alerts()
    assert texts() == [], "the gateway holds what was stopped"
    said(f"START {code_in(said('START'))}")
    assert OptOut.objects.filter(ended_at__isnull=True).count() == 0
    subscribed()
    assert on(7) == 1


def test_premium_is_said_and_noted() -> None:
    Topic.objects.filter(code="registration").update(premium=True, changed_at=clock.now())
    subscribing.forget()
    asked = said("subscribe RE 12345 BA")
    assert "telephone bill" in asked
    said(f"yes {code_in(asked)}")
    on(60)
    assert Alert.objects.get().premium


def test_one_number_has_not_more_than_twenty() -> None:
    topic = Topic.objects.get(code="registration")
    for n in range(actions.MOST):
        actions.subscribe(topic, f"{n} BA", number=OWNER, language="en", by=actions.By.DESK, proof={})
    assert "stop one first" in said("subscribe RE 12345 BA")


def test_alerts_are_in_the_language_of_the_subscriber() -> None:
    agree("اشتراك ملكية 12345 BA", "نعم")
    on(60)
    assert "تسجيل المركبة" in texts()[0]


def test_what_no_operator_takes_comes_again() -> None:
    subscribed()
    Route.objects.update(on=False)
    gateway.forget()
    assert on(60) == 0
    assert not Alert.objects.exists()
    Route.objects.update(on=True)
    gateway.forget()
    assert on(60) == 1


def test_who_is_forgotten_has_no_subscriptions_left(city: City) -> None:
    told = city.report(reach=Reach(phone=OWNER, language="en")).registered().dispatched_to().replied().told()
    person = told.confirmed().case.requester
    assert person is not None
    topic = Topic.objects.get(code="registration")
    subscribed()
    said("STOP IN")
    by = actions.By.DESK
    actions.subscribe(topic, "50001 HM", number=OTHER, language="en", by=by, proof={}, person=person)
    actions.subscribe(topic, "777 AB", number=OTHER, language="en", by=by, proof={})
    forgetting.forget(person, by=city.administrator)
    assert {one.key for one in Subscription.objects.all()} == {"12345 BA", "777 AB"}, "he only said it was his number"


def test_a_number_that_was_proved_takes_its_subscriptions_and_talks_along(city: City) -> None:
    told = city.report(reach=Reach(phone=OWNER, language="en")).registered().dispatched_to().replied().told()
    person = told.confirmed().case.requester
    assert person is not None
    people.verify(person.addresses.get())
    subscribed()
    said("STOP IN")
    said("subscribe RE 12345 BA")
    forgetting.forget(person, by=city.administrator)
    assert not Subscription.objects.exists()
    assert not Sender.objects.exists()
    assert not Conversation.objects.exists()
    assert OptOut.objects.filter(topic="insurance", ended_at=None).count() == 1, "what he stopped stays stopped"
