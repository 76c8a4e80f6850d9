"""What all pages of set-up share: their tabs by right, how one is drawn, how a refusal is shown."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy, pgettext_lazy

from wasl.core.organisation import actions, queries, rights
from wasl.core.organisation.models import Staff, Unit
from wasl.faces.desk import tabs
from wasl.faces.desk.tabs import Tab

# The right of whoever administers anything, and the one of whoever administers the house as a whole.
RIGHT, HOUSE = "organisation.edit", "house.edit"
FORM = ("GET", "HEAD", "POST")

TABS = (
    Tab(
        "units",
        RIGHT,
        pgettext_lazy("set-up", "Units"),
        "sitemap",
        gettext_lazy("The tree of units, their hours and how they get orders."),
    ),
    Tab(
        "staff",
        RIGHT,
        pgettext_lazy("set-up", "Staff"),
        "users",
        gettext_lazy("People, their posts, their accounts and sessions."),
    ),
    Tab(
        "roster",
        "roster.edit",
        pgettext_lazy("set-up", "Roster"),
        "clock",
        gettext_lazy("Shifts, who is on duty now, and who was there."),
    ),
    Tab(
        "proposals",
        RIGHT,
        pgettext_lazy("set-up", "To agree"),
        "checks",
        gettext_lazy("Posts that wait for a second administrator."),
    ),
    Tab(
        "care",
        RIGHT,
        pgettext_lazy("set-up", "Out of date"),
        "stethoscope",
        gettext_lazy("What is missing or no longer true, unit by unit."),
    ),
    Tab(
        "mailboxes",
        RIGHT,
        pgettext_lazy("set-up", "Mail to units"),
        "mail-forward",
        gettext_lazy("In which language, and how long notices are gathered."),
    ),
    Tab(
        "bulletins",
        RIGHT,
        pgettext_lazy("set-up", "Notices"),
        "notes",
        gettext_lazy("Short texts that staff see until they have read them."),
    ),
    Tab("areas", HOUSE, pgettext_lazy("set-up", "Areas"), "map-2", gettext_lazy("Areas of the city as shapes.")),
    Tab(
        "calendars",
        HOUSE,
        pgettext_lazy("set-up", "Hours"),
        "calendar",
        gettext_lazy("Working calendars: week, Ramadan, holidays."),
    ),
    Tab(
        "catalogue",
        "catalogue.edit",
        pgettext_lazy("set-up", "Catalogue"),
        "book",
        gettext_lazy("Categories, questions, routes, deadlines, reasons."),
    ),
    Tab(
        "templates",
        "templates.edit",
        pgettext_lazy("set-up", "Words"),
        "template",
        gettext_lazy("What messages say, in three languages."),
    ),
    Tab(
        "enquiries",
        "enquiries.edit",
        pgettext_lazy("set-up", "Enquiries"),
        "message-question",
        gettext_lazy("What people may ask by SMS, web and telephone, and where the answers come from."),
    ),
    Tab(
        "codes",
        "enquiries.edit",
        pgettext_lazy("set-up", "Short codes"),
        "device-mobile",
        gettext_lazy("What can be texted to which number, tried out here."),
    ),
    Tab(
        "topics",
        "enquiries.edit",
        pgettext_lazy("set-up", "Alerts"),
        "bell",
        gettext_lazy("What people can subscribe to by SMS, and what brings it about."),
    ),
    Tab(
        "articles",
        "articles.edit",
        pgettext_lazy("set-up", "Articles"),
        "book-2",
        gettext_lazy("What every channel says on a topic: web, SMS, telephone and desk."),
    ),
    Tab(
        "flows",
        "phone.edit",
        pgettext_lazy("set-up", "Voice menu"),
        "dialpad",
        gettext_lazy("What the telephone says and asks, and the numbers that people call."),
    ),
    Tab(
        "house",
        HOUSE,
        pgettext_lazy("set-up", "House rules"),
        "adjustments-horizontal",
        gettext_lazy("What files are taken; who signs in with a second factor; what needs approval."),
    ),
    Tab(
        "roles",
        RIGHT,
        pgettext_lazy("set-up", "Roles"),
        "shield",
        gettext_lazy("What each role may do and see, as the system enforces it."),
    ),
    Tab(
        "clients",
        "clients.edit",
        pgettext_lazy("set-up", "Systems"),
        "key",
        gettext_lazy("Other systems and their keys (Open311)."),
    ),
    Tab("audit", HOUSE, pgettext_lazy("set-up", "Changes"), "history", gettext_lazy("Who changed what of all this.")),
    Tab(
        "journal",
        HOUSE,
        pgettext_lazy("set-up", "Journal"),
        "shield-check",
        gettext_lazy("The proof that nothing was altered."),
    ),
)


def draw(request: HttpRequest, staff: Staff, template: str, tab: str, status: int = 200, **more: Any) -> HttpResponse:
    """A page of set-up with the tabs that its reader has the right for."""
    here = tab if more.get("alone") else "admin"
    address, anywhere = f"desk/setup/{template}.html", (RIGHT, "roster.edit")
    return tabs.draw(request, staff, address, here, TABS, tab, status, anywhere=anywhere, **more)


def tried(request: HttpRequest, form: Any, do: Callable[[], object], done: str) -> bool:
    """Do it; a refusal goes to the form (or the notices without one). True when it went well."""
    try:
        do()
    except actions.Refused as refused:
        if form is not None:
            form.add_error(None, str(refused))
        else:
            messages.error(request, str(refused))
        return False
    if done:
        messages.success(request, done)
    return True


def found(model: Any, pk: int) -> Any:
    """The row. Raises Http404."""
    row = model.objects.filter(pk=pk).first()
    if row is None:
        raise Http404
    return row


def number(text: str) -> int:
    """An id as a form posts it; 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def unit_by_code(code: str) -> Unit | None:
    """The unit of a code that was typed or posted, or nothing."""
    try:
        return queries.unit(code) if code else None
    except LookupError:
        return None


def units_in_scope(staff: Staff, *, active: bool = True) -> list[Unit]:
    """Units that this administrator has, as a tree: each below its parent, in its place."""
    units = list(Unit.objects.select_related("calendar", "parent", "merged_into").order_by("place", "pk"))
    below: dict[int | None, list[Unit]] = {}
    for unit in units:
        below.setdefault(unit.parent_id, []).append(unit)
    made: list[Unit] = []

    def walk(parent: int | None) -> None:
        for unit in below.get(parent, ()):
            if rights.covers(staff, unit) and (unit.active or not active):
                made.append(unit)
            walk(unit.pk)

    walk(None)
    return made


def choices_in_scope(staff: Staff, *, without: "Unit | None" = None, empty: str = "") -> list[tuple[str, str]]:
    """The same by code, for a field; without a unit and all below it. `empty`: what no unit means, where it may be."""
    units = [u for u in units_in_scope(staff) if without is None or not u.lies_under(without)]
    top = min((unit.path.count("/") for unit in units), default=0)
    made = [(u.code, "\u2003" * (u.path.count("/") - top) + str(u)) for u in units]
    return [("", empty), *made] if empty else made
