"""Reads of the outbox: what was sent, to whom, what became of it; what nobody could be told."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from wasl.core.cases import queries as cases
from wasl.core.cases.models import Case
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.people.models import Address, Person
from wasl.kernel.rows import read
from wasl.services.messages.models import Channel, Message, Template

S = Message.State


def visible_to(staff: Staff) -> QuerySet[Message]:
    """Messages that this person may see, latest first: all by the right `messages.read`, else those of visible cases.

    Address rows carry only a masked form; the words kept are without PIN and links.
    """
    found = Message.objects.select_related("case", "person", "unit", "staff", "address").order_by("-made_at", "-pk")
    if rights.scopes(staff, "messages.read").centre:
        # The administrator sees that and how it was sent; the supervisor also sees the case behind it.
        return found
    # Asked of each message that is left, not once of all cases: beside an OR there is no join of the two.
    seen = Exists(cases.visible_to(staff).filter(pk=OuterRef("case_id")))
    return found.filter(Q(seen) | Q(staff=staff))


def of_case(case: Case, staff: Staff) -> QuerySet[Message]:
    """What was said about one case, in order."""
    return visible_to(staff).filter(case=case).order_by("made_at", "pk")


def of_persons(persons: Collection[Person]) -> QuerySet[Message]:
    """What was said to somebody who has proved who he is, the latest first; without one-time codes."""
    return (
        Message.objects.filter(Q(person__in=persons) | Q(person__merged_into__in=persons))
        .exclude(event="link")
        .select_related("case", "address")
        .order_by("-made_at", "-pk")
    )


def untold(staff: Staff) -> QuerySet[Message]:
    """The second line's task: people whom no message reached (no way, failed, in doubt twice) on cases still open.

    They are to be called or written to; the attempt is recorded on the case, which takes it off this list.
    """
    return (
        visible_to(staff)
        .filter(Q(state__in=[S.NO_WAY, S.FAILED]) | Q(state=S.IN_DOUBT, repeated=True), person__isnull=False)
        .exclude(case__state="closed")
        .exclude(event="link")
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


# --- what was said by SMS, and may be answered by SMS ----------------------------------------------------------------

_LEFT = (S.SENT, S.SENDING, S.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A case that waits for a word of its requester: whether it is solved (`told`), else an answer to a question."""

    case: int
    number: str
    told: bool
    asked_at: datetime | None


# Who was asked by SMS at this number may answer from it; else the number must have been proved to be the requester's.
_WAITING = """
SELECT a.look_up, c.id, c.number, c.state = 'told', greatest(c.told_at, said.at)
FROM people_address a
JOIN people_person p ON p.id = a.person_id AND p.forgotten_at IS NULL
JOIN cases_case c ON c.requester_id = p.id AND c.redacted_at IS NULL
    AND (c.state = 'told' OR c.awaiting_citizen AND c.state <> 'closed')
LEFT JOIN LATERAL (
    SELECT max(m.sent_at) AS at FROM outbox_message m
    WHERE m.case_id = c.id AND m.address_id = a.id AND m.channel = 'sms' AND m.event IN ('told', 'reminder', 'asked')
) said ON true
WHERE a.look_up = ANY($1) AND a.medium = 'phone' AND (a.failed_at IS NULL OR a.verified_at > a.failed_at)
    AND (a.verified_at IS NOT NULL OR said.at IS NOT NULL)
ORDER BY c.id
"""


def waiting(look_ups: Iterable[bytes]) -> dict[bytes, list[Waiting]]:
    """The cases that wait for a word from each of these telephone numbers, given by their blind indexes."""
    found: dict[bytes, list[Waiting]] = {}
    for look_up, case, number, told, asked_at in read(_WAITING, [list(look_ups)]):
        found.setdefault(bytes(look_up), []).append(Waiting(case, number, told, asked_at))
    return found


def told_by_sms(case: Case, addresses: Collection[Address]) -> bool:
    """Whether something about the case left by SMS to one of these addresses."""
    return Message.objects.filter(case=case, address__in=addresses, channel=Channel.SMS, state__in=_LEFT).exists()


def told_addresses(cases: Collection[int]) -> set[tuple[int, int]]:
    """Case and address of whatever left by SMS about one of these cases: one query for all."""
    left = Message.objects.filter(case__in=cases, channel=Channel.SMS, state__in=_LEFT, address__isnull=False)
    return {(case, address) for case, address in left.values_list("case", "address") if case and address}


def open_cases_told_at(addresses: Collection[Address]) -> list[Case]:
    """Open cases of which something left by SMS to one of these addresses."""
    about = Message.objects.filter(address__in=addresses, channel=Channel.SMS, state__in=_LEFT, case__isnull=False)
    return list(Case.objects.filter(pk__in=about.values("case")).exclude(state="closed").order_by("pk"))
