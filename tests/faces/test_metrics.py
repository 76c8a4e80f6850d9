"""What Prometheus reads: who may, and that it is what the gateway and the outbox say."""

from typing import Any

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.city import City
from tests.faces.test_sms_pages import NUMBER, hand_in, in_doubt, operator, sender
from wasl.kernel import clock
from wasl.services.texts.models import BindState

pytestmark = pytest.mark.django_db


@pytest.mark.req("J17")
def test_queues_connections_outbox_and_jobs_are_told_as_counts(city: City, settings: Any) -> None:
    settings.WASL_BASE_URL = "http://127.0.0.1:8000"
    one = operator()
    sender()
    hand_in()
    in_doubt("b")
    BindState.objects.create(
        bind=one.binds.get(), bound_since=clock.now(), at=clock.now(), in_flight=2, per_s=7.5, accepted=9
    )
    body = Client().get("/metrics").content.decode()
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }
    assert told["wasl_sms_carrying",] == 1
    assert told["wasl_sms_waiting", "case"] == 1
    assert told["wasl_sms_in_doubt",] == 1
    assert told["wasl_sms_binds", "first", "bound"] == 1
    assert told["wasl_sms_in_flight", "first"] == 2
    assert told["wasl_sms_parts_per_second", "first"] == 7.5
    assert told["wasl_sms_accepted_total", "first"] == 9
    assert ("wasl_messages", "queued") in told
    assert NUMBER not in body
    assert "hello" not in body


@pytest.mark.req("J17", "R5")
@pytest.mark.parametrize(
    ("settings_are", "asks", "status"),
    [
        ({}, {}, 200),
        ({}, {"REMOTE_ADDR": "192.0.2.1"}, 404),
        ({}, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 404),
        ({"WASL_BASE_URL": "https://hotline.example"}, {}, 404),
        ({"WASL_METRICS_TOKEN": "secret"}, {}, 404),
        ({"WASL_METRICS_TOKEN": "secret"}, {"HTTP_AUTHORIZATION": "Bearer no"}, 404),
        ({"WASL_METRICS_TOKEN": "secret"}, {"HTTP_AUTHORIZATION": "Bearer sécret"}, 404),
        ({"WASL_METRICS_TOKEN": "secret"}, {"HTTP_AUTHORIZATION": "Bearer secret", "REMOTE_ADDR": "192.0.2.1"}, 200),
    ],
)
def test_only_this_machine_or_who_has_the_token_reads_them(
    city: City, settings: Any, settings_are: dict[str, str], asks: dict[str, str], status: int
) -> None:
    for name, value in {"WASL_BASE_URL": "http://127.0.0.1:8000", **settings_are}.items():
        setattr(settings, name, value)
    response = Client().get("/metrics", **asks)  # type: ignore[arg-type]  # names of WSGI
    assert response.status_code == status
    assert Client().post("/metrics", **asks).status_code in (403, 404, 405)  # type: ignore[arg-type]  # as above
