"""Reads of enquiries: what there is for everybody, how they are used, the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from wasl.kernel import clock
from wasl.services.enquiries import definitions
from wasl.services.enquiries.actions import AWAY, FOUND, NOTHING, SEVERAL, TEST
from wasl.services.enquiries.definitions import Definition, in_force
from wasl.services.enquiries.models import Asked, Enquiry

__all__ = ["Use", "example", "forget", "in_force", "log", "open_to_strangers", "served", "use"]


@dataclass(frozen=True, slots=True)
class Use:
    """How often an enquiry was asked, answered (also with "nothing"), and how often its source was away."""

    asked: int = 0
    answered: int = 0
    away: int = 0


def use(days: int = 7) -> Mapping[int, Use]:
    """The use of each enquiry that was used lately, the desk's own tries left out."""
    since = clock.now() - timedelta(days=days)
    rows = (
        Asked.objects.filter(at__gte=since)
        .exclude(channel=TEST)
        .values("enquiry")
        .annotate(
            asked=Count("pk"),
            answered=Count("pk", filter=Q(kind__in=[FOUND, SEVERAL, NOTHING])),
            away=Count("pk", filter=Q(kind=AWAY)),
        )
    )
    return {row["enquiry"]: Use(row["asked"], row["answered"], row["away"]) for row in rows}


def served(since: datetime, until: datetime) -> Mapping[tuple[str, str], int]:
    """How many questions were answered without an agent, by enquiry (code) and channel (A13)."""
    rows = (
        Asked.objects.filter(at__gte=since, at__lt=until, kind__in=[FOUND, SEVERAL, NOTHING])
        .exclude(channel=TEST)
        .values_list("enquiry__code", "channel")
        .annotate(Count("pk"))
    )
    return {(code, channel): count for code, channel, count in rows}


def log(enquiry: Enquiry | None = None) -> QuerySet[Asked]:
    """What was asked, the latest first."""
    rows = Asked.objects.select_related("enquiry").order_by("-at", "-pk")
    return rows.filter(enquiry=enquiry) if enquiry is not None else rows


def open_to_strangers() -> list[Definition]:
    """Enquiries in force that somebody may ask of whom no telephone number is known, by name of their code."""
    return [one for _code, one in sorted(in_force().items()) if one.who != Enquiry.Who.OWNER]


def example(code: str) -> str:
    """What somebody might write after the command of an enquiry; empty for one that is off."""
    one = in_force().get(code)
    return one.example() if one is not None else ""


def forget() -> None:
    """Read the definitions anew next time."""
    definitions.forget()
