"""What time does to enquiries: the log, files that nobody confirmed and what sources said end."""

from datetime import timedelta

from django.conf import settings

from wasl.kernel import clock
from wasl.services.enquiries.models import Asked, Remembered, Upload
from wasl.services.enquiries.sources.away import KEEP_H


def purge_enquiries() -> int:
    """Delete log rows older than the house keeps things, files a day old, and what is too old to be said again."""
    now = clock.now()
    gone = Upload.objects.filter(at__lt=now - timedelta(days=1)).delete()[0]
    gone += Remembered.objects.filter(at__lt=now - timedelta(hours=KEEP_H)).delete()[0]
    return gone + Asked.objects.filter(at__lt=now - timedelta(days=settings.WASL_RETENTION_DAYS)).delete()[0]
