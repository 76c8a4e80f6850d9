"""What the guided tours show: for each role a few steps on its own pages.

A step points at an element by a CSS selector; where that is not on the page, its words stand in the middle. Whoever
changes what a tour says raises `EDITION`. How far each person came is kept by `services.learning`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

EDITION = 1


@dataclass(frozen=True, slots=True)
class Step:
    """One thing shown: `page` is the name of a page of the desk with its `args`; empty, wherever one is."""

    title: str | Promise
    text: str | Promise
    anchor: str = ""
    page: str = ""
    args: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address of its page, or nothing."""
        return reverse(f"desk:{self.page}", args=self.args) if self.page else ""


def _rail(page: str, *args: str) -> Step:
    return Step(
        _("Your places"),
        _("Everything you can open stands in this bar. A number says how much waits there; it changes by itself."),
        ".w-rail",
        page,
        args,
    )


_SEARCH = Step(
    _("Find a request"),
    _("Press / anywhere and type a number or a telephone number as you hear it, in digits of any script."),
    ".w-search",
)
_BELL = Step(
    _("What concerns you"),
    _("The bell counts what happened since you looked. You choose what you are told, and whether by mail as well."),
    "#bell",
)
_END = Step(
    _("Your own page"),
    _(
        "Behind your name you find this tour again, a place to practise, and your password. "
        "Press ? on any page to see its keys."
    ),
    ".w-me",
)
_CASE_RULE = Step(
    _("One request, one story"),
    _(
        "Open a request: its page tells what happened in order, who has it and until when, and offers only what you "
        "may do now. Nothing that was done is ever taken out of it."
    ),
)

TOURS: Mapping[str, tuple[Step, ...]] = {
    "agent": (
        _rail("report"),
        Step(
            _("One form for the whole call"),
            _("Write what the person says, in their own words and language. Nothing is asked twice."),
            "[name=body]",
            "report",
        ),
        Step(
            _("What the system knows already"),
            _(
                "While you type, this side shows categories that fit, earlier requests of the caller, the same matter "
                "close by, the unit that would get it and the date."
            ),
            ".w-pane-context",
            "report",
        ),
        Step(
            _("Register, send, or answer"),
            _("Send it to the unit when the rule is clear, answer at once when you can. Number and PIN follow."),
            "[name=do]",
            "report",
        ),
        _SEARCH,
        _BELL,
        _END,
    ),
    "officer": (
        _rail("list", "work"),
        Step(
            _("Your work, the most urgent first"),
            _("Each row is an order of your unit. The bar shows how much of its time is used; red is overdue."),
            "#content",
            "list",
            ("work",),
        ),
        Step(
            _("Sign for it, or return it"),
            _(
                "Sign for an order when it is yours: the clock runs from its dispatch. If it is not yours, return it "
                "soon and name the unit that is responsible."
            ),
            "",
            "list",
            ("work",),
        ),
        Step(
            _("When you need more time"),
            _("Ask for an extension before the date, with the reason. The citizen is told of it."),
        ),
        Step(
            _("Reply with what was really done"),
            _("Your reply goes to the centre first, then to the citizen, who says whether it is true. Add a photo."),
        ),
        _BELL,
        _END,
    ),
    "second_line": (
        _rail("list", "replies"),
        Step(
            _("Replies to check"),
            _("Read what was asked beside what was replied: is it an answer to each point, is it clear, is it shown?"),
            "#content",
            "list",
            ("replies",),
        ),
        Step(
            _("Approve it, or send it back"),
            _(
                "What you approve is told to the citizen in the words meant for them. Sent back, it says what is "
                "missing."
            ),
        ),
        _CASE_RULE,
        _SEARCH,
        _BELL,
        _END,
    ),
    "dispatcher": (
        _rail("list", "dispatch"),
        Step(
            _("What waits to be sent"),
            _("Here is what no rule could send by itself. Each row says why a person must decide."),
            "#content",
            "list",
            ("dispatch",),
        ),
        Step(
            _("The board"),
            _("Everything by clock and by unit. A number opens its list."),
            "#content",
            "board",
        ),
        Step(
            _("When units disagree"),
            _("You read the words of both and decide. The unit that you name may not return it."),
        ),
        _BELL,
        _END,
    ),
    "supervisor": (
        _rail("board"),
        Step(
            _("The board"),
            _("Everything open by clock and by unit: what waits, what is due, what is late. A number opens its list."),
            "#content",
            "board",
        ),
        _CASE_RULE,
        Step(
            _("Who has learned what"),
            _("Behind your name, under Learning, you see who has taken the tour of his role."),
            ".w-me",
        ),
        _SEARCH,
        _BELL,
        _END,
    ),
    "leader": (
        _rail("board"),
        Step(
            _("The board"),
            _("Everything within your scope, by clock and by unit. A number opens its list."),
            "#content",
            "board",
        ),
        Step(
            _("Ask about a request"),
            _(
                "On the page of a request you ask the unit or the centre, with a date. The bell tells you of the "
                "answer."
            ),
        ),
        _SEARCH,
        _BELL,
        _END,
    ),
    "administrator": (
        _rail("admin"),
        Step(
            _("Everything that can be set"),
            _("Units, people, hours, the catalogue with its rules, and the words of messages."),
            "#content",
            "admin",
        ),
        Step(
            _("The catalogue is published in editions"),
            _(
                "Change a draft, look at what would change, then publish it. A request keeps the edition under which "
                "it was filed."
            ),
            "#content",
            "catalogue",
        ),
        Step(
            _("Who changed what"),
            _("Each change of all this is kept with its author and with what stood there before."),
            "#content",
            "audit",
        ),
        _END,
    ),
}
