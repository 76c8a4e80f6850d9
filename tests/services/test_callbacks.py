"""Somebody is called back because an agent wants so: his seat is rung, once, and the first call stays as it was."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.city import City
from wasl.core.cases.change import NotAllowed
from wasl.core.contacts.models import Contact
from wasl.core.organisation.models import Audit, Staff
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock, seal
from wasl.services.calls import callbacks, flows, line
from wasl.services.calls.actions import number_of, number_place, to_call_back
from wasl.services.calls.figures import figures
from wasl.services.calls.models import Call, Leg, Line, Seat, VoiceMessage, Waiting
from wasl.services.calls.seats import Unfit

pytestmark = [pytest.mark.django_db, pytest.mark.req("C10", "D3")]


def called(number: str = "+96892345678", agent: Staff | None = None) -> Call:
    """A call that is over, of somebody whom `agent` spoke with."""
    flows.ship()
    now = clock.now() - timedelta(hours=1)
    found = Line.objects.get()
    call = Call(
        channel=f"c{Call.objects.count()}", line=found, flow=flows.in_force("main"), arrived_at=now, ended_at=now,
        outcome="mailbox", agent=agent, language="ar",
    )  # fmt: skip
    if number:
        call.number_sealed = seal.seal(number, place=number_place(call.pk))
        call.look_up = seal.index_of(number)
    call.save(force_insert=True)
    return call


def ready(*staff: Staff) -> list[Seat]:
    now = clock.now()
    facts: dict[str, Any] = {"state": Seat.State.READY, "since": now, "idle_since": now - timedelta(hours=1)}
    return [Seat.objects.update_or_create(staff=one, defaults=facts)[0] for one in staff]


def message(call: Call) -> VoiceMessage:
    now = clock.now()
    contact = Contact.objects.create(medium="mailbox", at=now, salt=b"")
    return VoiceMessage.objects.create(name="m", call=call, contact=contact, seconds=9, at=now, due_at=now)


def test_his_seat_alone_is_rung_and_the_first_call_stays(city: City) -> None:
    other, own = ready(city.second_line, city.agent)
    first = called(agent=city.agent)
    waits = called("+96899999999")
    Seat.objects.update(state=Seat.State.WRAP_UP)
    assert line.enter(waits, "person", "")[1] is None
    Seat.objects.update(state=Seat.State.READY)
    made = callbacks.order(first, by=city.agent)
    offer = line.assign()
    assert offer
    assert (offer.call, offer.seat, offer.callback) == (made.pk, own.pk, True), "before everybody, and at his seat"
    call, walk = to_call_back(offer.call)
    assert number_of(call) == "+96892345678"
    assert walk.language == "ar"
    following = line.assign()
    assert following
    assert (following.call, following.seat) == (waits.pk, other.pk)
    first.refresh_from_db()
    assert (first.outcome, first.ended_at is not None, first.answered_at) == ("mailbox", True, None)
    assert Audit.objects.get(verb="call.called_back").by == city.agent
    (counted,) = figures(clock.now() - timedelta(days=1), clock.now() + timedelta(days=1))
    assert counted.received == 2, "what we call is none that was received"


def test_another_seat_is_never_rung_and_it_lapses(city: City) -> None:
    ready(city.second_line, city.agent)
    made = callbacks.order(called(agent=city.agent), by=city.agent)
    Seat.objects.filter(staff=city.agent).update(state=Seat.State.BUSY)
    assert line.assign() is None
    assert callbacks.lapse() == 0
    Waiting.objects.filter(call=made).update(entered_at=clock.now() - callbacks.LAPSES - timedelta(seconds=1))
    assert callbacks.lapse() == 1
    assert callbacks.lapse() == 0
    Seat.objects.filter(staff=city.agent).update(state=Seat.State.READY)
    assert line.assign() is None


def test_once_and_not_by_itself_again(city: City) -> None:
    ready(city.agent)
    first = called(agent=city.agent)
    made = callbacks.order(first, by=city.agent)
    with pytest.raises(Unfit, match="already"):
        callbacks.order(first, by=city.agent)
    offer = line.assign()
    assert offer
    assert line.answered(offer)
    Leg.objects.create(call=made, channel=made.channel, kind=Leg.Kind.CITIZEN, dialled_at=clock.now())
    assert line.not_reached(made.pk)
    assert made.waits.count() == 1, "nobody is rung again by itself"


@pytest.mark.parametrize("number", ["", "1234", "+4930123456", "+8835100123456"])
def test_what_may_not_be_rung_is_refused(city: City, number: str) -> None:
    ready(city.agent)
    with pytest.raises(Unfit):
        callbacks.order(called(number, agent=city.agent), by=city.agent)
    assert not Waiting.objects.exists()


def test_only_who_is_ready_and_only_his_own_calls(city: City) -> None:
    first = called(agent=city.second_line)
    ready(city.agent)
    with pytest.raises(Forbidden):
        callbacks.order(first, by=city.agent)
    with pytest.raises(Unfit, match="Take your seat"):
        callbacks.order(first, by=city.second_line)
    with pytest.raises(Forbidden):
        callbacks.order_for_message(message(first), by=city.leader)


def test_from_the_mailbox_and_from_the_page_of_a_call(city: City) -> None:
    ready(city.agent)
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(city.agent)
    held = message(called())
    shown = client.get(reverse("desk:voice_message", args=[held.pk])).content.decode()
    assert "Ring me, then him" in shown
    response = client.post(reverse("desk:voice_message", args=[held.pk]), {"do": "ring"})
    made = Call.objects.get(back_of=held.call)
    assert response.headers["Location"] == reverse("desk:phone_call", args=[made.pk])
    assert client.get(response.headers["Location"]).status_code == 200
    held.refresh_from_db()
    assert held.assigned == city.agent
    again = client.post(reverse("desk:voice_message", args=[held.pk]), {"do": "ring"}, follow=True)
    assert "being called back already" in again.content.decode()
    own = called(agent=city.agent)
    assert "Ring me, then him" in client.get(reverse("desk:phone_call", args=[own.pk])).content.decode()
    client.post(reverse("desk:phone_back", args=[own.pk]))
    assert Call.objects.filter(back_of=own).count() == 1
    held.done_at = clock.now()
    held.save()
    with pytest.raises(NotAllowed):
        callbacks.order_for_message(held, by=city.agent)
