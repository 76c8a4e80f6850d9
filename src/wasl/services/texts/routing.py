"""Where a text would go and why, for people who keep the routes; `queries.Settings.route` is what decides."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from wasl.kernel import clock
from wasl.services.texts import queries
from wasl.services.texts.actions import ported_of
from wasl.services.texts.models import Client, Operator, Route
from wasl.services.texts.queries import Settings


@dataclass(frozen=True, slots=True)
class Verdict:
    """One route and why it does not fit; fits without a reason."""

    route: Route
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """`home`: whose number it is and how that is known. `verdicts`: the routes looked at, the one taken last."""

    home: Operator | None
    home_by: str
    verdicts: list[Verdict]
    route: Route | None
    operators: list[Operator]
    due_at: datetime


def trial(number: str, sender: str, klass: int, client: Client) -> Trial:
    """What `queue` would do with such a text now. `number` in E.164."""
    known = queries.settings()
    ported = ported_of([number]).get(number)
    home = known.operators.get(known.home(number, ported) or 0)
    route = known.route(number, sender, klass, client.pk, ported=ported)
    verdicts = []
    for one in known.routes:
        if one == route:
            verdicts.append(Verdict(one))
            break
        verdicts.append(Verdict(one, _against(one, known, number, home, sender, klass, client)))
    return Trial(
        home=home,
        home_by=_home_by(number, home, ported),
        verdicts=verdicts,
        route=route,
        operators=[known.operators[pk] for pk in route.operators if pk in known.operators] if route else [],
        due_at=known.may_go_at(klass, clock.now()),
    )


def _home_by(number: str, home: Operator | None, ported: int | None) -> str:
    if ported is not None:
        return _("it stands in the list of ported numbers")
    if home is None:
        return ""
    prefix = max((p for p in home.prefixes if number.startswith(p)), key=len)
    return _("it begins with %(prefix)s") % {"prefix": prefix}


def _against(
    route: Route, known: Settings, number: str, home: Operator | None, sender: str, klass: int, client: Client
) -> str:
    """The first condition of a route that such a text does not meet."""
    if route.home_id is not None and (home is None or route.home_id != home.pk):
        return _("only for numbers of %(operator)s") % {"operator": route.home}
    if route.prefixes and not number.startswith(tuple(route.prefixes)):
        return _("only for numbers that begin with %(prefixes)s") % {"prefixes": ", ".join(route.prefixes)}
    if route.klasses and klass not in route.klasses:
        return _("not for this class")
    if route.senders and sender not in route.senders:
        return _("not for this sender")
    if route.clients and client.pk not in route.clients:
        return _("not for this client")
    return _("none of its operators is on")
