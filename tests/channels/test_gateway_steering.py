"""What people decide about texts by hand, over real SMPP: held, switched off, sent again after a doubt."""

import pytest

from tests.channels import sms
from tests.channels.sms import running, send, state, until
from tests.city import City
from wasl.core.organisation.actions import Refused
from wasl.kernel import clock
from wasl.services.texts import steering
from wasl.services.texts.models import BindState, Queued, Text


@pytest.mark.req("J17", "J14")
@pytest.mark.slow
def test_what_is_held_waits_and_what_is_let_go_is_sent(committed_city: City) -> None:
    by = committed_city.one("supervisor")
    with running() as house:
        house.operator()
        held, _other = sms.client(), sms.client("other")
        steering.hold(held, by=by, held=True, reason="It floods")
        house.start()
        send("waits")
        send("goes", code="other")
        until(lambda: state("goes") == "delivered")
        assert (state("waits"), Queued.objects.get().taken_by_id) == ("queued", None)
        steering.hold(held, by=by, held=False, reason="Settled")
        until(lambda: state("waits") == "delivered")
        until(lambda: BindState.objects.filter(accepted=2, per_s__gt=0).exists())


@pytest.mark.slow
@pytest.mark.req("J17", "J10")
def test_an_operator_that_is_off_sends_nothing_until_it_is_on_again(committed_city: City) -> None:
    by = committed_city.one("supervisor")
    with running() as house:
        one = house.operator()
        sms.client()
        house.start()
        send("doubt")
        until(lambda: state("doubt") == "delivered")
        steering.switch(one, by=by, on=False, reason="Maintenance")
        simulator = house.simulators["first"]
        until(lambda: not simulator.server.sessions)
        Text.objects.filter(ref="doubt").update(state="in_doubt", ended_at=clock.now())
        with pytest.raises(Refused, match="No operator"):
            steering.send_again(Text.objects.get(ref="doubt"), by=by)
        steering.switch(one, by=by, on=True, reason="Done")
        steering.send_again(Text.objects.get(ref="doubt"), by=by)
        until(lambda: state("doubt") == "delivered")
        assert Text.objects.get(ref="doubt").repeated
