"""Who changed what of the organisation, in words; the proof that the journal was not altered."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse

from wasl.core.cases import journal
from wasl.core.cases.models import DailyRoot, Entry
from wasl.core.organisation.models import Audit, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.page import FORM, HOUSE, draw, number
from wasl.faces.desk.setup.told import KIND_WORDS, told
from wasl.kernel import clock

PAGE = 100


@desk(right=HOUSE)
def audit(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Who changed what, the latest first; of one kind of thing, or by one person, where asked."""
    rows = Audit.objects.select_related("by").order_by("-at", "-pk")
    kind, by = request.GET.get("kind", ""), number(request.GET.get("by", ""))
    if kind in KIND_WORDS:
        rows = rows.filter(kind=kind)
    if by:
        rows = rows.filter(by=by)
    if before := number(request.GET.get("before", "")):
        rows = rows.filter(pk__lt=before)
    page = list(rows[: PAGE + 1])
    older = f"?kind={kind}&by={by or ''}&before={page[PAGE - 1].pk}" if len(page) > PAGE else ""
    return draw(
        request, staff, "audit", "audit", rows=told(page[:PAGE]), older=older, kind=kind, kinds=KIND_WORDS.items(),
        by=by, people=Staff.objects.filter(pk__in=Audit.objects.values("by")).order_by("username"),
    )  # fmt: skip


@desk(right=HOUSE, methods=FORM)
def proof(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Daily roots, and proving the whole journal now."""
    proved = journal.verify() if request.method == "POST" else None
    day = clock.now() - timedelta(days=1)
    context: dict[str, Any] = {
        "proved": proved,
        "roots": DailyRoot.objects.order_by("-day")[:60],
        "lately": Entry.objects.filter(at__gte=day).count(),
    }
    return draw(request, staff, "journal", "journal", **context)
