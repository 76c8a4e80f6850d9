"""Reads of the outbox: what was sent, to whom, what became of it; what nobody could be told."""

from django.db.models import Q, QuerySet

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.services.messages.models import Message, Template

S = Message.State


def visible_to(staff: Staff) -> QuerySet[Message]:
    """Messages that this person may see, latest first: all by the right `messages.read`, else those of visible cases.

    Address rows carry only a masked form; the words kept are without PIN and links.
    """
    found = Message.objects.select_related("case", "person", "unit", "staff", "address").order_by("-made_at", "-pk")
    if rights.scopes(staff, "messages.read").centre:
        # The administrator sees that and how it was sent; the supervisor also sees the case behind it.
        return found
    return found.filter(Q(case__in=cases.visible_to(staff)) | Q(staff=staff))


def of_case(case: Case, staff: Staff) -> QuerySet[Message]:
    """What was said about one case, in order."""
    return visible_to(staff).filter(case=case).order_by("made_at", "pk")


def untold(staff: Staff) -> QuerySet[Message]:
    """The second line's task: people whom no message reached (no way, failed, in doubt twice) on cases still open.

    They are to be called or written to; the attempt is recorded on the case, which takes it off this list.
    """
    return (
        visible_to(staff)
        .filter(Q(state__in=[S.NO_WAY, S.FAILED]) | Q(state=S.IN_DOUBT, repeated=True), person__isnull=False)
        .exclude(case__state="closed")
        .exclude(case__entries__verb="case.contact_attempted", case__attempts__gt=0)
        .distinct()
    )


def counts() -> dict[str, int]:
    """How many messages wait, failed or are in doubt; for watching the house."""
    return {
        "queued": Message.objects.filter(state=S.QUEUED).count(),
        "sending": Message.objects.filter(state=S.SENDING).count(),
        "in_doubt": Message.objects.filter(state=S.IN_DOUBT).count(),
        "failed": Message.objects.filter(state__in=[S.FAILED, S.NO_WAY]).count(),
    }


def templates() -> QuerySet[Template]:
    """All templates by event, channel and language."""
    return Template.objects.order_by("event", "channel", "language")
