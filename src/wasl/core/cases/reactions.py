"""What a case does of itself when something happened to it; listed in the wiring."""

from wasl.core.cases import fold
from wasl.core.cases.change import THE_SYSTEM, Change, changing
from wasl.core.cases.models import Case, State


def close_when_confirmed(change: Change, happened: fold.Happening) -> None:
    """The citizen said that it is solved: nothing is left to do, unless a part is open."""
    if Case.objects.filter(parent_id=change.case.pk).exclude(state=State.CLOSED).exists():
        return
    asked, change.by = change.by, THE_SYSTEM
    change.record("case.closed")
    change.by = asked


def close_followers(change: Change, happened: fold.Happening) -> None:
    """Those joined to this case are told and closed with it; each keeps its own number and may be reopened."""
    for follower in Case.objects.filter(head_id=change.case.pk, state=State.JOINED).order_by("pk"):
        with changing(follower, by=THE_SYSTEM, verb="case.follower_closed") as other:
            other.record("case.follower_closed", head=change.case.pk, outcome=change.case.outcome or "duplicate")


def resume_when_answered(change: Change, happened: fold.Happening) -> None:
    """What the case was waiting for has come: the citizen added to it."""
    if change.case.state == State.SUSPENDED and change.case.awaiting_citizen and happened.actor == "citizen":
        change.record("case.resumed")
