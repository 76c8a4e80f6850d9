"""Debian's Kannel as a system that hands its texts to us over SMPP, and gets its receipts and what came in."""

from pathlib import Path

import pytest

from tests.channels import sms
from tests.channels.sms import running, until
from tests.channels.test_front import fronted, login
from tests.real.smpp.test_peers import kannel, send_by_kannel
from wasl.services.exchange import calls
from wasl.services.exchange.models import Handed
from wasl.services.texts.models import Incoming, Text

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "تم استلام بلاغكم وسيصلكم الرد خلال ثلاثة أيام عمل. " * 4


@pytest.mark.req("J5", "J8")
def test_kannel_hands_in_short_and_long_texts_and_hears_what_became_of_them(tmp_path: Path) -> None:
    with running() as house:
        house.operator()
        login(sms.client("customs", codes=["90999"], senders=["90999"]), "kannel")
        house.start()
        with fronted(house) as port, kannel(tmp_path, port) as http:
            for words in ("Your parcel is free.", LONG.strip()):
                assert "Accepted" in send_by_kannel(http, words, "96892000001")
            until(lambda: Text.objects.filter(state="delivered").count() == 2)
            sent = house.simulators["first"].obey('{"do": "sent"}')["sent"]
            assert sorted(one["text"] for one in sent) == sorted(["Your parcel is free.", LONG.strip()])
            # Kannel asks for the receipt of one part of each message; it takes all that it is given.
            assert calls.gather() == 2
            assert Handed.objects.exists()
            until(lambda: not Handed.objects.exists())
            simulator = house.simulators["first"]

            async def mo() -> int:
                return simulator.mo("96892000001", "90999", "SR 12")

            house.do(mo())
            until(lambda: Incoming.objects.filter(code="90999").exists())
            calls.gather()
            # Its keyword answers, and the answer goes the same way out.
            until(lambda: not Handed.objects.exists())
            until(lambda: Text.objects.filter(sender="90999", state="delivered").exists())
            sent = house.simulators["first"].obey('{"do": "sent"}')["sent"]
            assert "Your case 12 is open" in [one["text"] for one in sent]
