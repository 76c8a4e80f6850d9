"""Callers whom we owe a call: who is among them, and how they are worked on."""

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from tests.city import City
from tests.faces.test_voice_pages import enter, page
from wasl.core.cases.change import NotAllowed
from wasl.core.organisation.models import Audit
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock, seal
from wasl.services.calls import owed, seats
from wasl.services.calls.actions import number_place
from wasl.services.calls.models import Call, Leg, Owed, Queue, Waiting

pytestmark = [pytest.mark.django_db, pytest.mark.req("D11")]
NUMBER = "+96892345678"
DAY = timedelta(days=1)


def call(name: str, minutes: int = 5, **more: Any) -> Call:
    """One that came so many minutes ago."""
    one = Call(channel=name, arrived_at=clock.now() - timedelta(minutes=minutes), hint="+968 •••• 678", **more)
    one.number_sealed = seal.seal(NUMBER, place=number_place(one.pk))
    one.look_up = seal.index_of(NUMBER)
    one.save(force_insert=True)
    return one


def wait(of: Call, state: str = "waiting", **more: Any) -> None:
    now = clock.now()
    Waiting.objects.create(call=of, queue=Queue.objects.get(), entered_at=now, rank=now, state=state, **more)


def test_who_talked_or_waited_is_listed_once_and_nobody_else(city: City) -> None:
    now = clock.now()
    talked, waited, back, on_back = call("1"), call("2"), call("5"), call("6")
    Call.objects.filter(pk__in=[talked.pk, on_back.pk]).update(answered_at=now)
    call("3")  # in the menu
    call("4", ended_at=now, answered_at=now)  # over before
    wait(waited, "offered")
    wait(back, "answered", callback=True)  # he is called back by itself
    wait(on_back, "answered", callback=True)
    began = now - timedelta(minutes=1)
    Leg.objects.create(call=on_back, channel="back", kind="citizen", dialled_at=began - DAY, answered_at=began - DAY)
    wait(call("7", minutes=0))  # in the Asterisk that runs
    on_now = call("8")  # called back by it
    wait(on_now, "answered", callback=True)
    Leg.objects.create(call=on_now, channel="now", kind="citizen", dialled_at=now, answered_at=now)
    assert owed.of_fallen(began) == 3
    assert {(one.call.channel, one.why) for one in owed.waiting()} == {
        ("1", "talking"), ("2", "waiting"), ("6", "talking"),
    }  # fmt: skip
    owed.of_fallen(began)
    assert Owed.objects.count() == 3


def test_somebody_calls_him_back_and_is_done(city: City) -> None:
    talked = call("1", answered_at=clock.now())
    owed.of_fallen(clock.now() - timedelta(minutes=1))
    row = owed.waiting().get()
    assert owed.see_number(row, by=city.agent) == NUMBER
    with pytest.raises(Forbidden):
        owed.see_number(row, by=city.officer("bus"))
    with pytest.raises(Forbidden):
        owed.finish(row, by=city.officer("bus"), outcome="called")
    with pytest.raises(NotAllowed):
        owed.finish(row, by=city.agent, outcome="anything")
    owed.finish(row, by=city.agent, outcome="called")
    with pytest.raises(NotAllowed):
        owed.finish(row, by=city.agent, outcome="nothing")
    assert not owed.waiting()
    assert owed.done().get().done_by == city.agent
    assert list(Audit.objects.filter(row=talked.pk).order_by("at").values_list("verb", flat=True)) == [
        "owed.number_seen", "owed.done",
    ]  # fmt: skip


def test_who_has_spoken_with_somebody_since_is_marked(city: City) -> None:
    call("1", answered_at=clock.now())
    owed.of_fallen(clock.now() - timedelta(minutes=1))
    assert not vars(owed.waiting().get())["again"]
    Owed.objects.update(at=clock.now() - timedelta(minutes=2))
    call("2", minutes=1, answered_at=clock.now())
    assert vars(owed.waiting().get())["again"]


def test_it_is_worked_on_in_the_mailbox_and_the_number_is_shown_to_who_asks(city: City) -> None:
    talked = call("1", answered_at=clock.now())
    owed.of_fallen(clock.now() - timedelta(minutes=1))
    client, here = enter(city.agent), reverse("desk:owed", args=[talked.pk])
    listed = page(client, "mailbox")
    assert "Calls that we owe" in listed
    assert here in listed
    assert NUMBER not in page(client, "owed", talked.pk)
    assert NUMBER in client.post(here, {"do": "number"}).content.decode()
    # He has not taken his seat: he is told so, and nobody is rung.
    assert client.post(here, {"do": "ring"})["Location"] == here
    assert Call.objects.count() == 1
    seats.sign_in(by=city.agent)
    seats.ready(by=city.agent)
    assert client.post(here, {"do": "ring"}).status_code == 302
    assert Call.objects.get(back_of=talked).agent == city.agent
    assert client.post(here, {"do": "case"}).status_code == 302
    assert Owed.objects.get().done_at is None
    assert client.post(here, {"do": "called"}).status_code == 302
    assert "Calls that we owe" not in page(client, "mailbox")
    assert "Owed, and done lately" in page(client, "mailbox")
    assert "Show the number" in page(client, "owed", talked.pk)
