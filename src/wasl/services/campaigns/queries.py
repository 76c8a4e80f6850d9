"""Reads of campaigns: who sees which, what one will cost, how it went."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff, Unit
from wasl.kernel import clock, seal
from wasl.kernel.names import LANGUAGES
from wasl.kernel.sms import text as sms
from wasl.services.campaigns import clients, people, targets
from wasl.services.campaigns.models import Campaign, Group, Receiver
from wasl.services.texts.models import Operator, Text, Used

RIGHT = "campaigns.edit"
State = Campaign.State


def covers(staff: Staff, unit: Unit) -> bool:
    """Whether this person writes in the name of the unit."""
    scope = rights.scopes(staff, RIGHT)
    return scope.centre or unit.path.startswith(tuple(scope.unit_paths))


def require_over(staff: Staff, unit: Unit) -> None:
    """Raise Forbidden unless `covers`."""
    if not covers(staff, unit):
        raise rights.Forbidden(_("This lies outside the units that you write for."))


def _in_scope(staff: Staff) -> Q:
    scope = rights.scopes(staff, RIGHT)
    if scope.centre:
        return Q()
    found = Q(pk__in=[])
    for path in scope.unit_paths:
        found |= Q(unit__path__startswith=path)
    return found


def visible_to(staff: Staff) -> QuerySet[Campaign]:
    """Campaigns of the units that this person writes for."""
    return Campaign.objects.filter(_in_scope(staff)).select_related("unit", "made_by", "asked_by", "approved_by")


def groups_of(staff: Staff) -> QuerySet[Group]:
    """Groups of those units."""
    return Group.objects.filter(_in_scope(staff)).select_related("unit", "topic")


def units_of(staff: Staff) -> list[Unit]:
    """Units in whose name he may write, those that still work."""
    scope = rights.scopes(staff, RIGHT)
    rows = Unit.objects.filter(active=True).order_by("path")
    return [one for one in rows if scope.centre or one.path.startswith(tuple(scope.unit_paths))]


def to_approve(staff: Staff) -> QuerySet[Campaign]:
    """Campaigns that wait, and that this person could approve."""
    asked = Campaign.objects.filter(_in_scope(staff), state=State.ASKED)
    return asked.exclude(made_by=staff).exclude(asked_by=staff)


def words_of(campaign: Campaign) -> dict[str, str]:
    """Its words by language; nothing for a campaign with words per person."""
    if campaign.words_sealed is None:
        return dict.fromkeys(LANGUAGES, "")
    kept: dict[str, str] = json.loads(seal.unseal(bytes(campaign.words_sealed), place=people.words_place(campaign.pk)))
    return {language: kept.get(language, "") for language in LANGUAGES}


def said_in(words: Mapping[str, str], language: str) -> str:
    """The words for somebody of this language: in it, or in the first one that there are any in."""
    return words.get(language[:2], "") or next((words[one] for one in LANGUAGES if words.get(one)), "")


def sent_alone(staff: Staff, *, but: Campaign | None = None) -> int:
    """To how many people this person's messages went, or go, without anybody's approval since yesterday.

    What was handed in before and begun since counts too. `but`: a campaign that is left out.
    """
    since = clock.now() - timedelta(days=1)
    begun = Q(state__in=[State.GOING, State.DONE, State.STOPPED], started_at__isnull=False)
    mine = Campaign.objects.filter(
        Q(state=State.READY) | begun,
        Q(asked_at__gt=since) | Q(started_at__gt=since),
        asked_by=staff,
        approved_by__isnull=True,
    )
    if but is not None:
        mine = mine.exclude(pk=but.pk)
    return int(mine.aggregate(n=Sum("people"))["n"] or 0)


# --- before it goes ---


@dataclass(frozen=True, slots=True)
class Line:
    """One language: how many get it, what is written, its parts."""

    language: str
    people: int
    words: str
    parts: int
    encoding: str
    left: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What sending would be: people, parts of all texts, cost from the cheapest operator to the dearest.

    `left_today`: parts that the unit may still send today; None: no bound.
    """

    people: int
    parts: int
    lines: list[Line]
    least: Decimal
    most: Decimal
    left_today: int | None
    without_words: bool


def plan_of(campaign: Campaign) -> Plan:
    """The plan of a campaign as it is now."""
    if campaign.kind == Campaign.Kind.SALARY:
        rows = campaign.receivers.exclude(words_sealed=None).only("pk", "words_sealed")
        parts = [
            people.parts_of(seal.unseal(bytes(row.words_sealed or b""), place=people.words_place(row.pk)))
            for row in rows.iterator(2000)
        ]
        return _plan(len(parts), sum(parts), [], campaign.unit, campaign.kind, without_words=False)
    return plan(words_of(campaign), targets.counted(campaign.groups.all()), campaign.unit, campaign.kind)


def plan(words: Mapping[str, str], counted: Counter[str], unit: Unit | None, kind: str) -> Plan:
    """The plan for these words and so many people of each language."""
    by_words: Counter[str] = Counter()
    for language, n in counted.items():
        by_words[next((one for one in (language, *LANGUAGES) if words.get(one)), "")] += n
    lines = []
    for language in LANGUAGES:
        said = words.get(language, "")
        if said or by_words[language]:
            made = sms.plan(said or " ")
            lines.append(
                Line(language, by_words[language], said, len(made.parts) if said else 0, made.encoding, made.left)
            )
    total = sum(line.people * line.parts for line in lines)
    missing = not any(words.values())
    return _plan(sum(counted.values()), total, lines, unit, kind, without_words=missing)


def _plan(n: int, parts: int, lines: list[Line], unit: Unit | None, kind: str, *, without_words: bool) -> Plan:
    cost = Operator.objects.filter(on=True).aggregate(least=Min("cost"), most=Max("cost"))
    return Plan(
        people=n,
        parts=parts,
        lines=lines,
        least=(cost["least"] or Decimal(0)) * parts,
        most=(cost["most"] or Decimal(0)) * parts,
        left_today=left_today(unit, kind) if unit is not None else None,
        without_words=without_words,
    )


def left_today(unit: Unit, kind: str) -> int | None:
    """Parts that a unit may still send today (UTC) by campaigns of this kind; None: no bound."""
    client = clients.existing(unit, kind)
    if client is None:
        return clients.per_day(kind)
    if client.per_day is None:
        return None
    used = Used.objects.filter(client=client, day=clock.now().date()).first()
    return max(0, client.per_day - (used.parts if used else 0))


# --- how it went ---


@dataclass(frozen=True, slots=True)
class Result:
    """Counts of a campaign, of those it was for first; `cost`: of what operators took, in the city's currency."""

    targeted: int = 0
    waiting: int = 0
    sent: int = 0
    delivered: int = 0
    failed: int = 0
    in_doubt: int = 0
    cancelled: int = 0
    left_out: int = 0
    refused: int = 0
    acknowledged: int = 0
    told_above: int = 0
    cost: str = "0"

    @property
    def reached(self) -> float | None:
        """The share of delivered ones of all that it was for (Q4); None for nobody."""
        return self.delivered / self.targeted if self.targeted else None


_FAILED = (Text.State.FAILED, Text.State.EXPIRED)


def result_of(campaign: Campaign) -> Result:
    """How it went, as of now; as it was kept when who got it is forgotten."""
    if campaign.result:
        return Result(**campaign.result)
    first, took = Q(level=1), Q(text__accepted_at__isnull=False)
    queued = Q(state=Receiver.State.QUEUED)
    found = campaign.receivers.aggregate(
        targeted=Count("pk", filter=first),
        waiting=Count(
            "pk", filter=first & (Q(state=Receiver.State.WAITING) | queued & Q(text__state=Text.State.QUEUED))
        ),
        sent=Count("pk", filter=first & took),
        delivered=Count("pk", filter=first & Q(text__state=Text.State.DELIVERED)),
        failed=Count("pk", filter=first & Q(text__state__in=_FAILED)),
        in_doubt=Count("pk", filter=first & Q(text__state=Text.State.IN_DOUBT)),
        cancelled=Count("pk", filter=first & Q(text__state=Text.State.CANCELLED)),
        left_out=Count("pk", filter=first & Q(state=Receiver.State.LEFT_OUT)),
        refused=Count("pk", filter=first & Q(state=Receiver.State.REFUSED)),
        acknowledged=Count("pk", filter=first & Q(acknowledged_at__isnull=False)),
        told_above=Count("pk", filter=Q(level=2)),
        cost=Sum(F("text__parts") * F("text__operator__cost"), filter=took),
    )
    found["cost"] = str(found["cost"] or 0)
    return Result(**found)


@dataclass(frozen=True, slots=True)
class Reach:
    """How many people a unit wrote to and how many texts arrived (Q4)."""

    unit: str
    targeted: int
    delivered: int

    @property
    def percent(self) -> int:
        """Delivered of all that it was for."""
        return round(100 * self.delivered / self.targeted)


def reach_of(staff: Staff) -> list[Reach]:
    """Of the units that this person writes for, over the last 90 days; units that wrote to nobody are left out."""
    since = clock.now() - timedelta(days=90)
    shown = Campaign.objects.filter(_in_scope(staff), started_at__gt=since)
    rows = (
        Receiver.objects.filter(campaign__in=shown, level=1).values("campaign__unit").order_by("campaign__unit__path")
    )
    counts = rows.annotate(n=Count("pk"), got=Count("pk", filter=Q(text__state=Text.State.DELIVERED)))
    names = {unit.pk: str(unit) for unit in organisation.units().values()}
    return [Reach(names[one["campaign__unit"]], one["n"], one["got"]) for one in counts]


def state_words(receiver: Receiver) -> str:
    """Where one person's text stands, in words."""
    if receiver.state == Receiver.State.QUEUED and receiver.text is not None:
        return str(receiver.text.get_state_display())
    return str(receiver.get_state_display())


def receivers_of(campaign: Campaign, *, silent: bool = False) -> QuerySet[Receiver]:
    """Its people in the order of sending; `silent`: those who have not acknowledged."""
    rows = Receiver.objects.filter(campaign=campaign).select_related("text", "text__operator").order_by("level", "pk")
    return rows.filter(level=1, acknowledged_at__isnull=True) if silent else rows


def rows_of(campaign: Campaign) -> Iterator[dict[str, Any]]:
    """The report per person, as a table: numbers are masked, words are in it for nobody."""
    for row in receivers_of(campaign).iterator(2000):
        yield {
            "name": people.name_of(row),
            "number": row.hint,
            "level": row.level,
            "state": state_words(row),
            "error": row.error or (row.text.error if row.text else ""),
            "at": row.text.ended_at or row.text.accepted_at if row.text else None,
            "acknowledged": row.acknowledged_at,
        }
