"""Where set-up begins."""

from django.http import HttpRequest, HttpResponse

from wasl.core.organisation.models import Proposal, Staff
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.page import RIGHT, draw


@desk(right=RIGHT)
def home(request: HttpRequest, staff: Staff) -> HttpResponse:
    """The matters of set-up, with what waits."""
    return draw(request, staff, "home", "", waiting=Proposal.objects.filter(agreed__isnull=True).count())
