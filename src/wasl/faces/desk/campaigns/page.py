"""What all pages of campaigns share: the right, the tabs, the thing at an address."""

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff
from wasl.faces.desk import tabs
from wasl.services.campaigns import queries
from wasl.services.enquiries import ideas

FORM = ("GET", "HEAD", "POST")
TABS = (
    tabs.Tab("campaigns", queries.RIGHT, pgettext_lazy("campaigns", "Messages to many"), "speakerphone"),
    tabs.Tab("groups", queries.RIGHT, pgettext_lazy("campaigns", "Groups"), "users-group"),
    tabs.Tab("ideas", ideas.HANDS_IN, pgettext_lazy("campaigns", "Ideas"), "bulb"),
)
T = TypeVar("T", bound=Model)


def draw(request: HttpRequest, staff: Staff, template: str, tab: str, status: int = 200, **more: Any) -> HttpResponse:
    """A page with its tabs."""
    address, anywhere = f"desk/campaigns/{template}.html", {queries.RIGHT, ideas.HANDS_IN}
    return tabs.draw(request, staff, address, "campaigns", TABS, tab, status, anywhere=anywhere, **more)


def found(rows: QuerySet[T], pk: int) -> T:
    """The row among those that its reader may see. Raises Http404, whether there is one or not."""
    row = rows.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row
