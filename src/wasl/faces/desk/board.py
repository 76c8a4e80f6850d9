"""The board: how many wait where, by clock and by unit, and the list behind each figure (G11, H1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from wasl.core.cases import queries
from wasl.core.cases.models import OPEN_STATES, Case, State
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Staff
from wasl.faces.desk import lists, places
from wasl.faces.desk.access import desk, is_part
from wasl.kernel import clock
from wasl.kernel.counting import counts

HOURS = (4, 24, 72)
_UNITS = 200


@dataclass(frozen=True)
class Tile:
    """A figure and the list that it opens."""

    label: str | Promise
    icon: str
    count: int
    url: str
    urgent: bool = False


@desk(roles=("dispatcher", "supervisor", "leader"))
def board(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Everything by clock and by unit; `within` is the number of hours that "due" looks ahead."""
    asked = request.GET.get("within", "")
    within = int(asked) if asked in map(str, HOURS) else 24
    part = is_part(request)
    numbers = counts({**figures(staff), **({} if part else places.counted(staff))}, lists.COUNTED)
    context = {
        "tiles": tiles(numbers),
        "units": by_unit(staff, within),
        "centre": of_centre(staff, within),
        "within": within,
        "hours": HOURS,
        "now": clock.now(),
    }
    if part:
        return render(request, "desk/_board.html", context)
    return render(request, "desk/board.html", places.desk_context(request, staff, "board", numbers=numbers, **context))


_LISTED = ("review", "dispatch", "unsigned", "arbitration", "extensions", "replies", "overdue")


def figures(staff: Staff) -> dict[str, QuerySet[Case]]:
    """What is counted for the tiles, by code."""
    seen = queries.visible_to(staff)
    return {
        **{code: lists.LISTINGS[code].choose(staff) for code in _LISTED},
        "returned": seen.filter(state=State.RETURNED),
        "today": queries.due_within(seen, _hours_left()),
    }


def tiles(numbers: Mapping[str, int]) -> list[Tile]:
    """Unsent, unsigned, returned, disputed, due today, overdue, and what else waits for the centre (G11)."""
    listed, back = reverse("desk:list", args=["all"]), reverse("desk:list", args=["dispatch"])
    return [
        _of_list("review", numbers),
        _of_list("dispatch", numbers),
        _of_list("unsigned", numbers),
        Tile(_("Returned"), "arrow-back-up", numbers["returned"], f"{back}?state=returned"),
        _of_list("arbitration", numbers),
        _of_list("extensions", numbers),
        _of_list("replies", numbers),
        Tile(_("Due today"), "calendar-due", numbers["today"], f"{listed}?state=open&due={_hours_left()}"),
        _of_list("overdue", numbers),
    ]


def _of_list(code: str, numbers: Mapping[str, int]) -> Tile:
    listing = lists.LISTINGS[code]
    return Tile(listing.label, listing.icon, numbers[code], reverse("desk:list", args=[code]), listing.urgent)


def _hours_left() -> int:
    """Whole hours that reach to the end of this local day."""
    now = timezone.localtime(clock.now())
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return max(1, ceil((midnight - now).total_seconds() / 3600))


def by_unit(staff: Staff, within: int) -> list[dict[str, Any]]:
    """Open cases of each unit by the clock that ran out or will, the worst first (H1)."""
    now = clock.now()
    mine = queries.visible_to(staff).filter(state__in=OPEN_STATES, unit__isnull=False)
    rows = (
        mine.order_by()
        .values("unit")
        .annotate(
            open=Count("pk"),
            unsigned=Count("pk", filter=Q(state=State.DISPATCHED)),
            replied=Count("pk", filter=Q(state=State.REPLIED)),
            sign=Count("pk", filter=Q(due_sign__lt=now)),
            contact=Count("pk", filter=Q(due_contact__lt=now)),
            result=Count("pk", filter=Q(due_result__lt=now)),
            overdue=Count("pk", filter=Q(due_next__lt=now)),
            soon=Count("pk", filter=Q(due_next__gte=now, due_next__lt=now + timedelta(hours=within))),
        )
        .order_by("-overdue", "-soon", "-open")[:_UNITS]
    )
    return [{**row, "unit": organisation.unit_of(row["unit"])} for row in rows]


def of_centre(staff: Staff, within: int) -> dict[str, Any]:
    """What waits at the centre itself: open, its clock run out, due within so many hours."""
    now = clock.now()
    waiting = queries.visible_to(staff).filter(state__in=OPEN_STATES, due_centre__isnull=False)
    figures: dict[str, Any] = waiting.aggregate(
        open=Count("pk"),
        overdue=Count("pk", filter=Q(due_centre__lt=now)),
        soon=Count("pk", filter=Q(due_centre__gte=now, due_centre__lt=now + timedelta(hours=within))),
    )
    return {**figures, "name": pgettext("board", "The centre")}
