"""How it stands with the carriers, and what signs us in with them; who sets them is in `setting`."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from wasl.kernel import clock, seal
from wasl.services.calls.models import Trunk, TrunkState

log = logging.getLogger(__name__)

PLACE: Final = "trunk"
"""Where their passwords lie, for their seal."""
FRESH: Final = timedelta(seconds=45)
"""What was heard longer ago says nothing: the telephone may stand still since."""


def password_of(trunk: Trunk) -> str:
    """What signs us in; empty where there is none, or none that can be opened."""
    if not trunk.password_sealed:
        return ""
    try:
        return seal.unseal(trunk.password_sealed, place=PLACE)
    except seal.SealBroken:
        log.error("the password of carrier %s cannot be opened", trunk.code)  # noqa: TRY400  # no trace is needed
        return ""


def heard(states: Mapping[int, str]) -> None:
    """What Asterisk says of each, by primary key: one of `TrunkState.State`."""
    now = clock.now()
    rows = [TrunkState(trunk_id=pk, state=state, at=now) for pk, state in states.items()]
    TrunkState.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["trunk"], update_fields=["state", "at"]
    )  # fmt: skip


def way_out() -> Trunk | None:
    """The carrier that takes calls of ours: the first one that is well, or else the first one; None where none is on.

    Of whom nothing is known yet is well: he is tried.
    """
    on = [(one, known.state if known else "") for one, known in with_states() if one.on]
    well = (one for one, state in on if state not in (TrunkState.State.SILENT, TrunkState.State.REFUSED))
    return next(well, on[0][0] if on else None)


def with_states() -> list[tuple[Trunk, TrunkState | None]]:
    """All carriers, each with how it stands with him; None where that is not known."""
    states = TrunkState.objects.filter(at__gte=clock.now() - FRESH, trunk__on=True).in_bulk()
    return [(one, states.get(one.pk)) for one in Trunk.objects.order_by("pk")]
