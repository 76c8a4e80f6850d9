"""Texts that come in are answered, also while another system takes its time."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.channels.sms import came_in, until
from tests.city import City
from tests.services.elsewhere import system
from wasl.channels.sms import answering
from wasl.services.dialogue import queries as dialogue
from wasl.services.enquiries import definitions
from wasl.services.enquiries.models import Enquiry
from wasl.services.enquiries.sources import away
from wasl.services.texts import queries
from wasl.services.texts.models import Incoming, Operator, Route

HIS, HERS = "+96892345678", "+96899887766"


@pytest.fixture(autouse=True)
def operator(committed_city: City) -> Iterator[Operator]:
    made = Operator.objects.create(code="first", name="First")
    Route.objects.create(name="all", operators=[made.pk])
    for one in (queries, dialogue, definitions, away):
        one.forget()
    yield made
    for one in (queries, dialogue, definitions, away):
        one.forget()


@pytest.mark.slow
@pytest.mark.req("J2")
@pytest.mark.django_db(transaction=True)
def test_who_asks_another_system_holds_nobody_up_and_hears_in_his_order(operator: Operator, settings: Any) -> None:
    settings.WASL_OUTWARD_NETWORKS = ["127.0.0.1"]
    with system() as other:
        at = {"url": other.url + "/hang/", "rows": "data", "columns": {}, "timeout_s": 2}
        assert Enquiry.objects.filter(code="vehicle-fines").update(source="http", settings=at)
        definitions.forget()
        his = [came_in(operator, words, HIS) for words in ("VE 12345 BA", "HELP")]
        with answering.Elsewhere() as elsewhere:
            assert answering.answer_new(elsewhere=elsewhere) == 2
            hers = came_in(operator, "HELP", HERS)
            assert answering.answer_new(elsewhere=elsewhere) == 1, "his wait for his first one"
            assert [_state(one) for one in (*his, hers)] == ["new", "new", "done"]
            until(lambda: not elsewhere.numbers())
            assert [_state(one) for one in his] == ["done", "new"], "it is away, and he was told so"
            assert answering.answer_new(elsewhere=elsewhere) == 1
        assert _state(his[1]) == "done"
    assert not [one for one in threading.enumerate() if one.name.startswith("elsewhere")]


def _state(one: Incoming) -> str:
    return str(Incoming.objects.get(pk=one.pk).state)
