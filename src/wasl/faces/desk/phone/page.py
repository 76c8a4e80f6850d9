"""What the pages of who runs the telephone share: who may open one, and their tabs."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff
from wasl.faces.desk import tabs
from wasl.faces.desk.access import View, desk
from wasl.services.quality import actions

ANSWER, SUPERVISE, LISTEN, EDIT = "phone.answer", "phone.supervise", "phone.listen", "phone.edit"
FORM = ("GET", "HEAD", "POST")

TABS = (
    tabs.Tab("phones", SUPERVISE, pgettext_lazy("telephone", "Now"), "bolt"),
    tabs.Tab("phone_calls", SUPERVISE, pgettext_lazy("telephone", "Calls"), "phone"),
    tabs.Tab("phone_figures", SUPERVISE, pgettext_lazy("telephone", "Figures"), "chart-bar"),
    tabs.Tab("phone_recordings", LISTEN, pgettext_lazy("telephone", "Recordings"), "volume"),
    tabs.Tab("phone_quality", actions.SCORE, pgettext_lazy("telephone", "Quality"), "checks"),
    tabs.Tab("phone_scores", ANSWER, pgettext_lazy("telephone", "My scores"), "star-filled"),
    tabs.Tab("phone_experts", ANSWER, pgettext_lazy("telephone", "Experts"), "star"),
    tabs.Tab("phone_queues", EDIT, pgettext_lazy("telephone", "Queues"), "users-group"),
    tabs.Tab("phone_profiles", EDIT, pgettext_lazy("telephone", "Agents"), "headset"),
    tabs.Tab("phone_criteria", actions.EDIT, pgettext_lazy("telephone", "Score form"), "list-check"),
    tabs.Tab("phone_carriers", EDIT, pgettext_lazy("telephone", "Carriers and breaks"), "route"),
)


def page(right: str, methods: tuple[str, ...] = ("GET", "HEAD")) -> Callable[[View], View]:
    """A page of the telephone; all but those of who answers it want the right over the whole centre."""
    return desk(right=right, methods=methods) if right == ANSWER else tabs.central(right, methods)


def draw(request: HttpRequest, staff: Staff, template: str, tab: str, status: int = 200, **more: Any) -> HttpResponse:
    """A page with the tabs that its reader has the right for."""
    address = f"desk/phone/{template}.html"
    return tabs.draw(request, staff, address, "phones", TABS, tab, status, anywhere=(ANSWER,), **more)
