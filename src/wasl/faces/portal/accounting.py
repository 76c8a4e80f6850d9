"""What the city's texts came to and cost, month by month, for everybody (R8): counts, never of single people."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from wasl.core.organisation import queries as organisation
from wasl.faces.frame import dates
from wasl.kernel import clock
from wasl.services.texts import tally
from wasl.services.texts.models import Client
from wasl.services.texts.tally import Figures

FEWEST = 10
"""Who sent fewer texts than that is counted among the others."""


@require_GET
def sms(request: HttpRequest) -> HttpResponse:
    """The last twelve months, and the year to date by whom texts are for and who had them sent."""
    today = timezone.localdate(clock.now())
    first = (today.replace(day=1) - timedelta(days=335)).replace(day=1)
    months = [(dates.month(one.when), _line(one)) for one in tally.figures(first, today, period="month") if one.when]
    audiences = dict(Client.Audience.choices)
    context = {
        "months": list(reversed(months)),
        "audiences": _merged(tally.figures(first, today, by="audience"), lambda key: str(audiences.get(key, key))),
        "units": _merged(tally.figures(first, today, by="unit"), _unit),
        "since": dates.month(first),
    }
    response = render(request, "portal/sms_accounting.html", context)
    patch_cache_control(response, private=True, max_age=60)
    return response


def _unit(key: str) -> str:
    return str(organisation.unit_of(int(key))) if key else _("The city")


def _merged(found: list[Figures], name: Any) -> list[tuple[str, dict[str, Any]]]:
    """A line for each that sent enough, the largest first; one for all others together."""
    shown = [(name(one.of or ""), _line(one)) for one in found if one.made >= FEWEST]
    rest = [one for one in found if one.made < FEWEST]
    if rest and len(shown) + len(rest) > 1:
        parts, cost = sum(one.parts for one in rest), sum((one.cost for one in rest), Decimal())
        made = sum(one.made for one in rest)
        shown.append((_("the others"), {"made": made, "parts": parts, "cost": f"{cost:.3f}", "share": None}))
    return sorted(shown, key=lambda line: -line[1]["made"])


def _line(one: Figures) -> dict[str, Any]:
    share = None if one.share is None else int(one.share * 100)
    return {"made": one.made, "parts": one.parts, "cost": f"{one.cost:.3f}", "share": share}
