"""What a row of the table is, a filled-in form on its way to an action, and what rows of several parts share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from wasl.core.cases import actions
from wasl.core.cases.models import Case, WorkOrder
from wasl.core.organisation.models import Staff
from wasl.faces.desk.fields import Ask, Situation


@dataclass(frozen=True)
class Doing:
    """A filled-in form on its way to an action."""

    now: Situation
    given: Mapping[str, Any]
    seen: int | None

    @property
    def case(self) -> Case:
        """The case."""
        return self.now.case

    @property
    def by(self) -> Staff:
        """Who does it."""
        return self.now.staff

    @property
    def order(self) -> WorkOrder:
        """The order of a verb on an order."""
        if self.now.order is None:
            raise actions.NotAllowed(_g("This order does not stand any more."))
        return self.now.order


def _always(now: Situation) -> bool:
    return True


@dataclass(frozen=True)
class Many:
    """How a verb is asked for several cases at once: the same `fields` for all, done case by case.

    `call` where it differs from that of one case; `hint` says what happens to each.
    """

    fields: Mapping[str, Ask] = field(default_factory=dict)
    call: Callable[[Doing], object] | None = None
    hint: str | Promise = ""


@dataclass(frozen=True)
class Verb:
    """One row: `needs` are verbs of the core, all of them allowed; `usual` the states in which it is the button.

    `when` hides what a guard would surely refuse, and `unless` says why it is hidden. `call` may give words to show in
    place of the form. `many`: it may be done to several cases at once.
    """

    slug: str
    needs: tuple[str, ...]
    label: str | Promise
    icon: str
    call: Callable[[Doing], object]
    fields: Mapping[str, Ask] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    key: str = ""
    hint: str | Promise = ""
    when: Callable[[Situation], bool] = _always
    unless: str | Promise = ""
    shows: bool = False
    many: Many | None = None

    @property
    def of_order(self) -> bool:
        """Whether it is done on an order."""
        return self.needs[0].startswith("order.")


Call = Callable[[Doing], object]
TO_CITIZEN = _("The citizen reads this.")
TO_UNIT = _("The unit reads this.")


def _arguments(d: Doing, named: Mapping[str, str]) -> dict[str, Any]:
    return {named.get(name, name): value for name, value in d.given.items() if name != "seen"}


def on_case(verb: Callable[..., object], **named: str) -> Call:
    """Call a verb of the core on the case; fields are its arguments by name, or as `named` (field="argument")."""
    return lambda d: verb(d.case, by=d.by, seen=d.seen, **_arguments(d, named))


def on_order(verb: Callable[..., object], **named: str) -> Call:
    """As `on_case`, on the order."""
    return lambda d: verb(d.order, by=d.by, seen=d.seen, **_arguments(d, named))


def beside(verb: Callable[..., object], **named: str) -> Call:
    """As `on_case`, whatever happened since the screen was made: it decides nothing."""
    return lambda d: verb(d.case, by=d.by, seen=None, **_arguments(d, named))


def states(*named: str) -> frozenset[str]:
    """These states."""
    return frozenset(named)
