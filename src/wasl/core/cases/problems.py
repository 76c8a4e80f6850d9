"""A problem: one cause behind many cases, with an owner; its cases are answered together (A5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from wasl.core.cases import actions, queries
from wasl.core.cases.change import NotAllowed, StaleCase
from wasl.core.cases.models import Case, Problem, State
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock


@dataclass(frozen=True)
class Row:
    """What became of one case of a problem: `done`, or the sentence why not."""

    case: Case
    done: bool
    sentence: str = ""


def open_problem(*, by: Staff, title: str, cases: Sequence[Case], cause: str = "") -> Problem:
    """Name a problem and gather its cases; each gets a note with the problem's id.

    Raises Forbidden without the right and for a case not seen.
    """
    rights.require(by, "problem.edit")
    if not title.strip():
        raise NotAllowed(_("Give the problem a name."))
    with transaction.atomic():
        made = Problem.objects.create(title=title.strip()[:200], cause=cause, owner=by, opened_at=clock.now())
        gather(made, cases, by=by)
    return made


def gather(problem: Problem, cases: Iterable[Case], *, by: Staff) -> None:
    """Put more cases under the problem. Raises Forbidden, NotAllowed when the problem has ended."""
    rights.require(by, "problem.edit")
    _must_be_open(problem)
    for case in cases:
        if not queries.visible_to(by).filter(pk=case.pk).exists():
            raise Forbidden(_("There is no such request, or you may not see it."))
        if not problem.cases.filter(pk=case.pk).exists():
            actions.note(case, by=by, text=_("Gathered under the problem “%(title)s”.") % {"title": problem.title})
            problem.cases.add(case)


def remove(problem: Problem, case: Case, *, by: Staff) -> None:
    """Take a case out again; it gets a note. Raises Forbidden, NotAllowed when the problem has ended."""
    rights.require(by, "problem.edit")
    _must_be_open(problem)
    with transaction.atomic():
        if problem.cases.filter(pk=case.pk).exists():
            actions.note(case, by=by, text=_("Taken out of the problem “%(title)s”.") % {"title": problem.title})
            problem.cases.remove(case)


def rename(problem: Problem, *, by: Staff, title: str, cause: str) -> None:
    """Say anew what it is called and what lies behind it."""
    rights.require(by, "problem.edit")
    _must_be_open(problem)
    if not title.strip():
        raise NotAllowed(_("Give the problem a name."))
    problem.title, problem.cause = title.strip()[:200], cause.strip()
    problem.save(update_fields=["title", "cause"])


def take_over(problem: Problem, *, by: Staff) -> None:
    """Whoever takes it over answers for it from now."""
    rights.require(by, "problem.edit")
    _must_be_open(problem)
    problem.owner = by
    problem.save(update_fields=["owner"])


def _must_be_open(problem: Problem) -> None:
    if problem.ended_at:
        raise NotAllowed(_("This problem has ended; open a new one."))


def end(problem: Problem, *, by: Staff, text: str) -> list[Row]:
    """Answer all its open cases with one text: those at the centre are answered, those replied or reviewed are told.

    A case that a unit still works on stays; each case is reported. The problem ends when none is left open at the
    centre or with a unit.
    """
    rights.require(by, "problem.edit")
    _must_be_open(problem)
    if not text.strip():
        raise NotAllowed(_("Write what all of them are told."))
    rows = [_answer(case, by=by, text=text) for case in problem.cases.exclude(state=State.CLOSED).order_by("pk")]
    if all(row.done for row in rows):
        problem.ended_at = clock.now()
        problem.save(update_fields=["ended_at"])
    return rows


def _answer(case: Case, *, by: Staff, text: str) -> Row:
    try:
        with transaction.atomic():
            if case.state == State.REPLIED:
                actions.review(case, by=by, seen=case.version)
            if case.state == State.REVIEWED:
                actions.tell(case, by=by, text=text, seen=case.version)
            elif case.state not in (State.TOLD, State.ANSWERED, State.REFUSED, State.CONFIRMED, State.JOINED):
                actions.answer(case, by=by, text=text, seen=case.version)
    except (NotAllowed, Forbidden, StaleCase) as error:
        return Row(case, False, str(error))
    return Row(case, True)
