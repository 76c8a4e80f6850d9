"""The seat bar: what every page of the desk shows to who has a telephone profile. It reads; `seat` changes."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from wasl.core.organisation.models import Staff
from wasl.kernel import clock
from wasl.kernel.names import local
from wasl.services.calls import panel
from wasl.services.calls.models import BreakReason, Call, Profile, Seat

ICONS = {
    "out": "logout", "ready": "check", "offered": "phone-incoming", "busy": "phone-call", "wrap_up": "notes",
    "break": "player-pause", "aside": "alert-triangle",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """The template's `phone`."""

    profile: Profile
    seat: Seat | None

    @property
    def state(self) -> str:
        """Code of the seat's state."""
        return self.seat.state if self.seat else Seat.State.OUT

    @property
    def label(self) -> str:
        """The state in words."""
        if self.starting:
            return _("not ready yet")
        return str(Seat.State(self.state).label)

    @property
    def starting(self) -> bool:
        """Whether the seat was just taken."""
        return self.seat is not None and self.seat.state == Seat.State.BREAK and self.seat.reason == "starting"

    @property
    def icon(self) -> str:
        """Beside the words."""
        return ICONS[self.state]

    @property
    def call(self) -> Call | None:
        """What is at the seat."""
        return self.seat.call if self.seat and self.state in ("offered", "busy", "wrap_up") else None

    @property
    def why(self) -> str:
        """Of a break its reason, of a seat set aside what happened, in words."""
        if self.seat is None or not self.seat.reason:
            return ""
        if self.state == Seat.State.ASIDE:
            return aside_words(self.seat.reason)
        found = BreakReason.objects.filter(code=self.seat.reason).first()
        return local(found.names) if found else ""

    @property
    def elapsed_s(self) -> int:
        """How long it has been in this state."""
        return _seconds(clock.now(), self.seat.since) if self.seat else 0

    @property
    def left_s(self) -> int | None:
        """How long wrap-up or break still last; below zero: over."""
        if self.seat is None or self.seat.until is None or self.state not in ("wrap_up", "break"):
            return None
        return _seconds(self.seat.until, clock.now())

    @property
    def reasons(self) -> list[BreakReason]:
        """Of a break."""
        return list(BreakReason.objects.filter(on=True).order_by("pk"))

    @property
    def window(self) -> bool:
        """Whether his telephone is the browser's."""
        return not self.profile.phone


def aside_words(reason: str) -> str:
    """Why a seat was set aside."""
    return {
        "lease": _("It rang and nobody confirmed the call."),
        "silent": _("Its telephone was not heard of."),
        "unanswered": _("A call was not answered."),
        "refused": _("A call was refused."),
        "lost": _("Its telephone was lost."),
    }.get(reason, _("A call could not be given to it."))


def _seconds(later: datetime, earlier: datetime) -> int:
    return round((later - earlier).total_seconds())


def bar_of(staff: Staff) -> Bar | None:
    """For who has a telephone profile; None for all others."""
    known = panel.seat_of(staff)
    return Bar(*known) if known else None
