"""Who answers 1 to an emergency has understood; the conversation by SMS asks here first what a bare 1 means."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from wasl.kernel import clock, seal
from wasl.services.campaigns.models import Campaign, Receiver

OPEN = timedelta(days=1)
"""So long after it began an emergency takes answers."""


def waiting(numbers: Iterable[str]) -> dict[str, tuple[int, datetime]]:
    """Of these numbers (E.164) those that an emergency waits for: the receiver of the latest one, when that began."""
    by_index = {seal.index_of(number): number for number in numbers}
    if not by_index:
        return {}
    rows = Receiver.objects.filter(
        look_up__in=list(by_index),
        acknowledged_at__isnull=True,
        campaign__kind=Campaign.Kind.EMERGENCY,
        campaign__state__in=[Campaign.State.GOING, Campaign.State.DONE],
        campaign__started_at__gt=clock.now() - OPEN,
        state=Receiver.State.QUEUED,
    )
    found = rows.order_by("pk").values_list("look_up", "pk", "campaign__started_at")
    return {by_index[bytes(look_up)]: (pk, since) for look_up, pk, since in found if since is not None}


def acknowledge(receiver: int) -> None:
    """He has understood; what he says again changes nothing."""
    Receiver.objects.filter(pk=receiver, acknowledged_at__isnull=True).update(acknowledged_at=clock.now())
