"""What Prometheus reads of the house: queues, connections to operators, outbox, jobs; counts only, nothing of people.

Shut unless the asker has the token of `WASL_METRICS_TOKEN`, or, without one, asks from this machine an installation
that is told to nobody but this machine: behind a proxy every request seems to come from here.
"""

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from procrastinate.contrib.django.models import ProcrastinateJob
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from wasl.channels.sms.gateway import fresh
from wasl.services.messages import queries as outbox
from wasl.services.texts import watching

_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_COUNTERS = {
    "accepted": "Parts that the operator took, since its connection stands",
    "rejected": "Parts that the operator refused, since its connection stands",
    "throttled": "Times that the operator said not so fast, since its connection stands",
    "unknown": "Parts without an answer, since the connection stands",
    "received": "Requests that came from the operator, since its connection stands",
}


class House(Collector):
    """Everything as of now, read when it is asked for."""

    def collect(self) -> Iterable[Metric]:
        """The families of figures."""
        yield from _texts(watching.now())
        waiting = GaugeMetricFamily("wasl_messages", "Messages of the outbox by state", labels=["state"])
        for state, n in outbox.counts().items():
            waiting.add_metric([state], n)
        yield waiting
        jobs = GaugeMetricFamily("wasl_jobs", "Jobs by status", labels=["status"])
        for row in ProcrastinateJob.objects.values("status").annotate(n=Count("pk")).order_by():
            jobs.add_metric([row["status"]], row["n"])
        yield jobs


def _texts(seen: watching.Now) -> Iterable[Metric]:
    carries = seen.told_at is not None and fresh(seen.told_at)
    yield GaugeMetricFamily("wasl_sms_carrying", "1 while a gateway carries texts", value=float(carries))
    yield GaugeMetricFamily("wasl_sms_in_doubt", "Texts in doubt that nobody has decided about", value=seen.in_doubt)
    yield GaugeMetricFamily("wasl_sms_unanswered", "Texts that came in and wait for an answer", value=seen.unanswered)
    names = {
        "waiting": "Texts that could go now",
        "due_later": "Texts that wait for their time",
        "being_sent": "Texts in an operator's hand",
        "oldest_seconds": "How long the first that could go has waited",
    }
    lanes = {name: GaugeMetricFamily(f"wasl_sms_{name}", about, labels=["class"]) for name, about in names.items()}
    for klass in sorted({one.klass for one in seen.lanes}):
        mine = [one for one in seen.lanes if one.klass == klass]
        oldest = min((one.oldest for one in mine if one.oldest), default=None)
        label = [klass.name.lower()]
        lanes["waiting"].add_metric(label, sum(one.waiting for one in mine))
        lanes["due_later"].add_metric(label, sum(one.later for one in mine))
        lanes["being_sent"].add_metric(label, sum(one.going for one in mine))
        lanes["oldest_seconds"].add_metric(label, (seen.at - oldest).total_seconds() if oldest else 0.0)
    yield from lanes.values()
    binds = GaugeMetricFamily("wasl_sms_binds", "Connections by state", labels=["operator", "state"])
    flight = GaugeMetricFamily("wasl_sms_in_flight", "Parts without an answer yet", labels=["operator"])
    pace = GaugeMetricFamily("wasl_sms_parts_per_second", "Parts taken, over the last minute", labels=["operator"])
    counters = {name: CounterMetricFamily(f"wasl_sms_{name}", about, labels=["operator"])
                for name, about in _COUNTERS.items()}  # fmt: skip
    for line in seen.lines:
        label = [line.operator.code]
        states = [state for bind, state in line.binds if bind.on and line.operator.on and state is not None and carries]
        up = [state for state in states if state.bound_since is not None]
        bad = sum(state.degraded for state in up)
        wanted = sum(bind.on and line.operator.on for bind, _state in line.binds)
        for state, n in (("bound", len(up) - bad), ("degraded", bad), ("unbound", wanted - len(up))):
            binds.add_metric([*label, state], n)
        flight.add_metric(label, sum(state.in_flight for state in up))
        pace.add_metric(label, sum(state.per_s for state in up))
        for name, family in counters.items():
            family.add_metric(label, sum(getattr(state, name) for state in states))
    yield from (binds, flight, pace, *counters.values())


_registry = CollectorRegistry(auto_describe=False)
_registry.register(House())


def _may_read(request: HttpRequest) -> bool:
    token: str = settings.WASL_METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(errors="replace"), f"Bearer {token}".encode())
    alone = urlsplit(settings.WASL_BASE_URL).hostname in _HERE
    return alone and request.META.get("REMOTE_ADDR") in _HERE and "X-Forwarded-For" not in request.headers


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' own words; 404 for whoever may not read them."""
    if not _may_read(request):
        raise Http404
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
