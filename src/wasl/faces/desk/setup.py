"""The administrator's pages."""

from django.http import HttpRequest, HttpResponse

from wasl.core.organisation.models import Staff
from wasl.faces.desk.access import desk


@desk(right="organisation.edit")
def home(request: HttpRequest, staff: Staff) -> HttpResponse:
    """Where set-up begins."""
    return HttpResponse()


sent = privacy = home
