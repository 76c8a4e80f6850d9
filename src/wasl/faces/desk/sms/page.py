"""What all pages of the gateway share: who may open one, and its tabs. It is the whole government's."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import pgettext_lazy

from wasl.core.organisation.models import Staff
from wasl.faces.desk import tabs

READ, STEER, EDIT, IDENTITY = "sms.read", "sms.steer", "sms.edit", "sms.identity"
FORM = ("GET", "HEAD", "POST")
page = tabs.central

TABS = (
    tabs.Tab("sms", READ, pgettext_lazy("sms", "Live"), "bolt"),
    tabs.Tab("sms_texts", READ, pgettext_lazy("sms", "Sent"), "send"),
    tabs.Tab("sms_incoming", READ, pgettext_lazy("sms", "Came in"), "message"),
    tabs.Tab("sms_figures", READ, pgettext_lazy("sms", "Figures"), "chart-bar"),
    tabs.Tab("sms_reviews", READ, pgettext_lazy("sms", "Reviews"), "signature"),
    tabs.Tab("sms_clients", EDIT, pgettext_lazy("sms", "Systems"), "key"),
    tabs.Tab("sms_operators", EDIT, pgettext_lazy("sms", "Operators and routes"), "route"),
)


def draw(request: HttpRequest, staff: Staff, template: str, tab: str, status: int = 200, **more: Any) -> HttpResponse:
    """A page with the tabs that its reader has the right for."""
    return tabs.draw(request, staff, f"desk/sms/{template}.html", "sms", TABS, tab, status, **more)
