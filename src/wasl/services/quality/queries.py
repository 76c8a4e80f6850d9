"""Reads of quality: the checks of a month, what two thought of one call, an agent's own scores, figures of agents."""

from dataclasses import dataclass
from datetime import date
from statistics import mean
from typing import Any

from django.db.models import Prefetch, QuerySet

from wasl.core.organisation.models import Staff
from wasl.services.quality.models import Check, Score


def checks(month: date) -> QuerySet[Check]:
    """Those of a month, with their scores, agent by agent."""
    scores = Prefetch("scores", Score.objects.select_related("by", "decided_by").order_by("at"))
    rows = Check.objects.filter(month=month.replace(day=1)).select_related("agent", "recording__call")
    return rows.prefetch_related(scores).order_by("agent", "pk")


def of(pk: int) -> Check | None:
    """One, with all that its page shows."""
    scores = Prefetch("scores", Score.objects.select_related("by", "decided_by").order_by("at"))
    return Check.objects.filter(pk=pk).select_related("agent", "recording__call").prefetch_related(scores).first()


def shown_to(check: Check, staff: Staff) -> list[Score]:
    """The scores of a call that this person may see: before he has scored it, nobody's, so that he judges alone.

    What was appealed against is open to whoever may have to decide. Source: requirement P2, calibration.
    """
    scores = list(check.scores.all())
    done = any(one.by_id == staff.pk for one in scores)
    return scores if done else [one for one in scores if one.appealed_at is not None]


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the form on which two do not agree; their marks in the order of the scores."""

    names: dict[str, str]
    marks: tuple[int | None, ...]


def differences(scores: list[Score]) -> list[Difference]:
    """Where they do not agree, line by line."""
    lines: dict[int, tuple[dict[str, str], list[int | None]]] = {}
    for one in scores:
        for line in one.marks:
            lines.setdefault(line["criterion"], (line["names"], []))[1].append(line["mark"])
    return [Difference(names, tuple(marks)) for names, marks in lines.values() if len(set(marks)) > 1]


def own(staff: Staff) -> QuerySet[Score]:
    """What was thought of this agent's calls, the latest first."""
    return Score.objects.filter(check_of__agent=staff).select_related("check_of__recording__call").order_by("-at")


@dataclass(frozen=True, slots=True)
class Figure:
    """An agent's month. `score` is the mean over calls, each the mean of the scores of it that count; None: none yet.

    `apart` is the mean difference between two who scored the same call: how well the scorers agree.
    """

    agent: Staff
    drawn: int
    scored: int
    score: float | None
    critical: int
    appeals: int
    apart: float | None


def figures(rows: list[Check]) -> list[Figure]:
    """Of each agent among these checks."""
    by_agent: dict[int, list[Check]] = {}
    for row in rows:
        by_agent.setdefault(row.agent_id, []).append(row)
    return [_figure(own) for own in by_agent.values()]


def _figure(own: list[Check]) -> Figure:
    counted: list[list[Any]] = [[one for one in row.scores.all() if one.counts] for row in own]
    held = [scores for scores in counted if scores]
    totals = [[one.total for one in scores] for scores in held]
    apart = [max(some) - min(some) for some in totals if len(some) > 1]
    return Figure(
        agent=own[0].agent,
        drawn=len(own),
        scored=len(held),
        score=mean(mean(some) for some in totals) if totals else None,
        critical=sum(any(one.critical for one in scores) for scores in held),
        appeals=sum(one.appealed_at is not None for row in own for one in row.scores.all()),
        apart=mean(apart) if apart else None,
    )
