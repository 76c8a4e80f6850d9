"""Reads of the gateway: its settings as one value kept for a second, and the route of a text."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.db.models import Max
from django.utils import timezone

from wasl.core.organisation import queries as organisation
from wasl.core.organisation.queries import Kept
from wasl.services.texts.models import Bind, Client, Klass, KlassRule, Operator, Ported, Route


@dataclass(frozen=True, slots=True)
class Settings:
    """Operators by id, routes in order, clients by code, rules by class; what is off is not in it."""

    operators: dict[int, Operator]
    routes: tuple[Route, ...]
    clients: dict[str, Client]
    rules: dict[int, KlassRule]
    ported: bool
    region: str
    """Of numbers that operators write as in their own country."""

    def home(self, number: str, ported: int | None = None) -> int | None:
        """The operator of a number (E.164): where it was taken to, else the one with the longest prefix."""
        if ported is not None:
            return ported
        best: tuple[int, int | None] = (0, None)
        for operator in self.operators.values():
            for prefix in operator.prefixes:
                if number.startswith(prefix) and len(prefix) > best[0]:
                    best = len(prefix), operator.pk
        return best[1]

    def route(self, number: str, sender: str, klass: int, client: int, *, ported: int | None = None) -> Route | None:
        """The first route that fits and has an operator that is on; None when nobody carries such a text."""
        for route in self.routes:
            if (
                (route.home_id is None or route.home_id == self.home(number, ported))
                and (not route.prefixes or number.startswith(tuple(route.prefixes)))
                and (not route.klasses or klass in route.klasses)
                and (not route.senders or sender in route.senders)
                and (not route.clients or client in route.clients)
                and any(operator in self.operators for operator in route.operators)
            ):
                return route
        return None

    def may_go_at(self, klass: int, at: datetime) -> datetime:
        """`at`, or the end of the quiet hours of that class if it lies in them (city's time)."""
        rule = self.rules[klass]
        first, last = rule.quiet_from, rule.quiet_until
        if first is None or last is None or first == last:
            return at
        local = timezone.localtime(at)
        now = local.time()
        if not (now >= first or now < last if first > last else first <= now < last):
            return at
        end = local.replace(hour=last.hour, minute=last.minute, second=last.second, microsecond=0)
        return end if end > local else end + timedelta(days=1)


def usual_rules() -> list[KlassRule]:
    """The rules as long as nobody has changed them."""
    night = {"quiet_from": time(21), "quiet_until": time(8)}
    return [
        KlassRule(klass=Klass.URGENT, worth_min=10, repeat=False),
        KlassRule(klass=Klass.ANSWER, worth_min=10, repeat=True),
        KlassRule(klass=Klass.CASE, worth_min=24 * 60, repeat=True),
        KlassRule(klass=Klass.ALERT, worth_min=24 * 60, repeat=False, **night),
        KlassRule(klass=Klass.BULK, worth_min=24 * 60, repeat=True, **night),
    ]


def _read() -> Settings:
    operators = {one.pk: one for one in Operator.objects.filter(on=True)}
    return Settings(
        operators=operators,
        routes=tuple(Route.objects.filter(on=True)),
        clients={one.code: one for one in Client.objects.filter(on=True)},
        rules={one.klass: one for one in usual_rules()} | {one.klass: one for one in KlassRule.objects.all()},
        ported=Ported.objects.exists(),
        region=organisation.the_city().region,
    )


def _stamp() -> object:
    # Small tables, a few rows each: read whole, they are their own stamp.
    tables = (Operator, Route, Client, KlassRule)
    rows = [list(table.objects.order_by("pk").values_list()) for table in tables]
    return rows, Ported.objects.aggregate(Max("operator")), organisation.the_city().region


_settings: Kept[Settings] = Kept(_read, _stamp)


def settings() -> Settings:
    """The gateway's settings, at most a second old."""
    return _settings.get()


def forget() -> None:
    """Read the settings anew next time."""
    _settings.forget()


def can_send() -> bool:
    """Whether any text can leave at all: an operator is on and a route leads to him."""
    known = settings()
    return bool(known.routes) and Bind.objects.filter(on=True, operator__in=known.operators).exists()


LANES = """\
WITH RECURSIVE lane AS (
    (SELECT route_id, klass, client_id FROM texts_queued WHERE taken_by_id IS NULL
     ORDER BY route_id, klass, client_id LIMIT 1)
    UNION ALL
    SELECT n.route_id, n.klass, n.client_id FROM lane, LATERAL (
        SELECT route_id, klass, client_id FROM texts_queued q
        WHERE q.taken_by_id IS NULL
          AND (q.route_id, q.klass, q.client_id) > (lane.route_id, lane.klass, lane.client_id)
        ORDER BY route_id, klass, client_id LIMIT 1) n
)
"""
"""A lane is what one client waits with in one class on one route. The index is walked from lane to lane."""
