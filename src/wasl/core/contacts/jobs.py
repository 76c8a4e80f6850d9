"""Sweeping up files that were stored for a contact that then was never written."""

import logging
from datetime import timedelta

from django.core.files.storage import default_storage

from wasl.core.contacts.models import Attachment
from wasl.kernel import clock

logger = logging.getLogger(__name__)
# Stored yesterday or today may still be on its way into a row; older days were swept before.
_FROM_DAYS, _TO_DAYS = 2, 14


def sweep() -> int:
    """Delete stored files without a row, of the days before yesterday; gives how many."""
    gone = 0
    for ago in range(_FROM_DAYS, _TO_DAYS):
        day = f"{clock.now() - timedelta(days=ago):%Y/%m/%d}"
        try:
            folders, _ = default_storage.listdir(day)
        except (FileNotFoundError, NotADirectoryError):
            continue
        stored = {int(name) for name in folders if name.isdigit()}
        known = set(Attachment.objects.filter(pk__in=stored).values_list("pk", flat=True))
        for pk in stored - known:
            _, files = default_storage.listdir(f"{day}/{pk}")
            for name in files:
                default_storage.delete(f"{day}/{pk}/{name}")
                gone += 1
            default_storage.delete(f"{day}/{pk}")
    if gone:
        logger.info("swept %s files that belong to nothing", gone)
    return gone
