"""The lists that there are: which cases each has, and whose rail it stands on. How one is drawn is not here."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.cases import queries
from wasl.core.cases.models import OPEN_STATES, Case, State, WorkOrder
from wasl.core.organisation import rights
from wasl.core.organisation.models import Staff
from wasl.kernel import clock

COUNTED = 999
SOON = timedelta(hours=24)
HOURS = (4, 24, 72)
_DUE_LABELS = {
    4: pgettext_lazy("list", "Due in 4 hours"),
    24: pgettext_lazy("list", "Due in 24 hours"),
    72: pgettext_lazy("list", "Due in 72 hours"),
}
S = State


@dataclass(frozen=True)
class Listing:
    """One list: `choose` gives the cases of a person; `roles` have it on their rail.

    `newest` orders by receipt, not by deadline.
    """

    code: str
    label: str | Promise
    icon: str
    choose: Callable[[Staff], QuerySet[Case]]
    roles: frozenset[str] = frozenset()
    key: str = ""
    empty: str | Promise = ""
    newest: bool = False
    urgent: bool = False
    counted: bool = True


def _in(*states: str) -> Callable[[Staff], QuerySet[Case]]:
    return lambda staff: queries.visible_to(staff).filter(state__in=states)


def _to_close(staff: Staff) -> QuerySet[Case]:
    ripe = Q(state=S.TOLD) & (Q(due_centre__lte=clock.now()) | Q(attempts__gte=3))
    return queries.visible_to(staff).filter(Q(state__in=[S.CONFIRMED, S.ANSWERED, S.REFUSED]) | ripe)


def _waiting(staff: Staff) -> QuerySet[Case]:
    return queries.visible_to(staff).filter(Q(state=S.TOLD) | Q(awaiting_citizen=True, state__in=OPEN_STATES))


def _extensions(staff: Staff) -> QuerySet[Case]:
    asked = WorkOrder.objects.filter(case=OuterRef("pk"), state__in=WorkOrder.LIVE).exclude(
        extension_asked="", pause_asked={}
    )
    return queries.visible_to(staff).filter(Exists(asked))


def _unsigned(staff: Staff) -> QuerySet[Case]:
    return queries.visible_to(staff).filter(state=S.DISPATCHED)


def _due(hours: int) -> Callable[[Staff], QuerySet[Case]]:
    return lambda staff: queries.due_within(queries.visible_to(staff), hours)


def _overdue(staff: Staff) -> QuerySet[Case]:
    return queries.overdue(queries.visible_to(staff))


def _roles(text: str) -> frozenset[str]:
    return frozenset(text.split())


LISTINGS: dict[str, Listing] = {
    listing.code: listing
    for listing in (
        Listing(
            "work",
            pgettext_lazy("list", "Work list"),
            "list-check",
            queries.worked_on,
            _roles("officer"),
            "g w",
            gettext_lazy("Requests that were sent to your unit appear here, the most urgent first."),
        ),
        Listing(
            "sign",
            pgettext_lazy("list", "To sign for"),
            "signature",
            lambda staff: queries.worked_on(staff, ["dispatched"]),
            _roles("officer"),
            "g s",
            gettext_lazy("New orders that nobody of your unit has signed for appear here."),
            urgent=True,
        ),
        Listing(
            "review",
            pgettext_lazy("list", "New"),
            "inbox",
            _in(S.RECEIVED),
            _roles("agent dispatcher supervisor"),
            "g n",
            gettext_lazy("Reports of the web, Open311 and mail that nobody has read yet appear here."),
        ),
        Listing(
            "dispatch",
            pgettext_lazy("list", "To dispatch"),
            "send",
            _in(S.REGISTERED, S.RETURNED, S.CONTESTED),
            _roles("agent dispatcher supervisor"),
            "g d",
            gettext_lazy("Registered, returned and contested requests that need a unit appear here."),
        ),
        Listing(
            "arbitration",
            pgettext_lazy("list", "Disputed"),
            "scale",
            _in(S.ARBITRATION),
            _roles("dispatcher supervisor"),
            "g a",
            gettext_lazy("Requests that no unit takes appear here, with the words of both sides."),
            urgent=True,
        ),
        Listing(
            "replies",
            pgettext_lazy("list", "To review"),
            "clipboard-check",
            _in(S.REPLIED),
            _roles("second_line supervisor"),
            "g r",
            gettext_lazy("Replies of units appear here before the citizen is told."),
        ),
        Listing(
            "tell",
            pgettext_lazy("list", "To tell"),
            "speakerphone",
            _in(S.REVIEWED),
            _roles("second_line"),
            "g t",
            gettext_lazy("Approved replies that the citizen does not know yet appear here."),
        ),
        Listing(
            "close",
            pgettext_lazy("list", "To close"),
            "archive",
            _to_close,
            _roles("second_line"),
            "g c",
            gettext_lazy(
                "Requests that were answered, refused or confirmed, or whose time to answer is over, appear here."
            ),
        ),
        Listing(
            "waiting",
            pgettext_lazy("list", "Waiting"),
            "clock-pause",
            _waiting,
            _roles("second_line"),
            "g e",
            gettext_lazy("Requests that wait for the citizen's word appear here."),
            counted=False,
        ),
        Listing(
            "extensions",
            pgettext_lazy("list", "Extensions"),
            "clock-plus",
            _extensions,
            _roles("supervisor"),
            "g x",
            gettext_lazy("Units that ask for more time or for a pause appear here."),
        ),
        Listing(
            "overdue",
            pgettext_lazy("list", "Overdue"),
            "clock-exclamation",
            _overdue,
            _roles("dispatcher supervisor leader second_line"),
            "g o",
            gettext_lazy("Nothing is overdue. Requests of which a clock has run out appear here."),
            urgent=True,
        ),
        Listing(
            "unsigned",
            pgettext_lazy("list", "Unsigned"),
            "signature",
            _unsigned,
            frozenset(),
            "",
            gettext_lazy("Orders that no unit has signed for appear here."),
        ),
        *(
            Listing(
                f"due{hours}",
                _DUE_LABELS[hours],
                "calendar-due",
                _due(hours),
                _roles("leader") if hours == 24 else frozenset(),
                "",
                gettext_lazy("No clock runs out in this time."),
            )
            for hours in HOURS
        ),
        Listing(
            "all",
            pgettext_lazy("list", "All"),
            "list-details",
            queries.visible_to,
            _roles("agent dispatcher officer second_line supervisor leader"),
            "g l",
            gettext_lazy("Every request that you may see appears here."),
            newest=True,
            counted=False,
        ),
    )
}


def on_rail(staff: Staff) -> list[Listing]:
    """The lists of this person's roles."""
    roles = rights.roles_of(staff)
    return [listing for listing in LISTINGS.values() if roles & listing.roles]
