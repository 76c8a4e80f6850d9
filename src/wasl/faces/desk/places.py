"""Places of the desk: what stands on the rail of each role, and what every page of the desk knows."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from wasl.core.cases import search
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.faces.desk import lists
from wasl.faces.desk.lists import views
from wasl.faces.desk.phone.bar import bar_of
from wasl.faces.frame.rail import RailItem
from wasl.kernel.counting import counts
from wasl.services.calls import owed, voicemail
from wasl.services.campaigns import queries as campaigns
from wasl.services.messages import notices
from wasl.services.messages import queries as outbox_queries

# The first place of each role, by precedence for who holds several posts.
FIRST: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "agent": ("desk:report", ()),
    "officer": ("desk:list", ("work",)),
    "second_line": ("desk:list", ("replies",)),
    "dispatcher": ("desk:list", ("dispatch",)),
    "supervisor": ("desk:board", ()),
    "leader": ("desk:board", ()),
    "administrator": ("desk:admin", ()),
}


def first_place(staff: Staff) -> str:
    """Where this person begins. Raises Forbidden without a post."""
    roles = rights.roles_of(staff)
    for role, (name, args) in FIRST.items():
        if role in roles:
            return reverse(name, args=args)
    raise rights.Forbidden(_("You hold no post at present, so there is no work to show."))


def counted(staff: Staff) -> dict[str, QuerySet[Any]]:
    """What the rail of this person counts, by the code of the place."""
    found: dict[str, QuerySet[Any]] = {
        listing.code: listing.choose(staff) for listing in lists.on_rail(staff) if listing.counted
    }
    if rights.may(staff, "campaigns.edit"):
        found["campaigns"] = campaigns.to_approve(staff)
    if rights.scopes(staff, "case.told").centre:
        found["untold"] = outbox_queries.untold(staff)
    if rights.scopes(staff, "mailbox.work").centre:
        # Who left a message, and whom we owe a call: both are to be called back.
        found["mailbox"] = voicemail.waiting().values("pk").order_by().union(owed.open_ones().values("pk"))
    return found


def rail_for(staff: Staff, here: str = "", known: Mapping[str, int] | None = None) -> list[RailItem]:
    """The places of this person with live counts, `known` or counted now; `here` is the code of the open one."""
    numbers = counts(counted(staff), lists.COUNTED) if known is None else known
    roles = rights.roles_of(staff)
    items: list[RailItem] = []
    if rights.may(staff, "case.received"):
        items.append(
            RailItem("phone-incoming", pgettext("place", "New call"), reverse("desk:report"), here == "report", "g f")
        )
    if roles & {"dispatcher", "supervisor", "leader"}:
        items.append(
            RailItem("layout-kanban", pgettext("place", "Board"), reverse("desk:board"), here == "board", "g b")
        )
    if roles & {"dispatcher", "second_line", "supervisor", "leader"}:
        items.append(RailItem("chart-bar", pgettext("place", "Figures"), reverse("desk:counts"), here == "counts"))
    for listing in lists.on_rail(staff):
        url, count = reverse("desk:list", args=[listing.code]), numbers.get(listing.code)
        items.append(
            RailItem(listing.icon, listing.label, url, here == listing.code, listing.key, count, listing.urgent)
        )
    for view in views.seen_by(staff)[: views.ON_THE_RAIL]:
        items.append(RailItem("filter", view.name, views.url_of(view), here == f"view:{view.pk}"))
    items += _matters(staff, here, numbers)
    if rights.may(staff, "campaigns.edit"):
        url, waits = reverse("desk:campaigns"), numbers["campaigns"]
        items.append(RailItem("send", pgettext("place", "Messages to many"), url, here == "campaigns", "", waits))
    if rights.may(staff, "organisation.edit"):
        items.append(RailItem("settings", pgettext("place", "Set-up"), reverse("desk:admin"), here == "admin", "g u"))
    elif rights.may(staff, "roster.edit"):
        items.append(RailItem("clock", pgettext("place", "Roster"), reverse("desk:roster"), here == "roster"))
    if rights.scopes(staff, "articles.edit").centre and not rights.may(staff, "organisation.edit"):
        items.append(RailItem("book-2", pgettext("place", "Articles"), reverse("desk:articles"), here == "articles"))
    if rights.may(staff, "messages.read"):
        items.append(
            RailItem("mail", pgettext("place", "Messages"), reverse("desk:messages"), here == "messages", "g m")
        )
    items += _channels(staff, here)
    if rights.may(staff, "person.forget"):
        items.append(
            RailItem("shield-lock", pgettext("place", "Privacy"), reverse("desk:privacy"), here == "privacy", "g p")
        )
    return items


def _channels(staff: Staff, here: str) -> list[RailItem]:
    """What is watched and set of the ways to people."""
    items: list[RailItem] = []
    if rights.scopes(staff, "sms.read").centre:
        items.append(RailItem("device-mobile", pgettext("place", "SMS"), reverse("desk:sms"), here == "sms"))
    if rights.scopes(staff, "phone.supervise").centre:
        items.append(RailItem("headset", pgettext("place", "Telephone"), reverse("desk:phones"), here == "phones"))
    elif rights.scopes(staff, "phone.edit").centre:
        url = reverse("desk:phone_queues")
        items.append(RailItem("headset", pgettext("place", "Telephone"), url, here == "phones"))
    return items


def _matters(staff: Staff, here: str, numbers: Mapping[str, int]) -> list[RailItem]:
    """What the centre does beside single requests."""
    items: list[RailItem] = []
    if rights.scopes(staff, "case.told").centre:
        count, url = numbers["untold"], reverse("desk:untold")
        items.append(RailItem("speakerphone", pgettext("place", "Not told"), url, here == "untold", "", count, True))
    if rights.scopes(staff, "mailbox.work").centre:
        count, url = numbers["mailbox"], reverse("desk:mailbox")
        items.append(RailItem("microphone", pgettext("place", "Voice mailbox"), url, here == "mailbox", "", count))
    if rights.scopes(staff, "problem.edit").centre:
        items.append(RailItem("focus-2", pgettext("place", "Problems"), reverse("desk:problems"), here == "problems"))
    if rights.may(staff, "case.inquired"):
        url = reverse("desk:questions")
        items.append(RailItem("message-question", pgettext("place", "Questions"), url, here == "questions"))
    if rights.scopes(staff, "person.edit").centre:
        items.append(RailItem("user-circle", pgettext("place", "People"), reverse("desk:people"), here == "people"))
    return items


def topics_of(staff: Staff) -> list[str]:
    """Topics of the live updates that move this person's counts."""
    scope = rights.scopes(staff)
    units = [f"unit:{post.unit_id}" for post in rights.posts_of(staff) if post.unit_id]
    return (["centre"] if scope.centre or scope.areas else []) + units[:20]


def post_words(posts: list[Post]) -> str:
    """Role and scope of the posts in words."""
    return ", ".join(f"{post.get_role_display()} · {post.unit or post.area or _('whole centre')}" for post in posts[:3])


def desk_context(request: HttpRequest, staff: Staff, here: str = "", /, **more: Any) -> dict[str, Any]:
    """What the base template of the desk needs, and `more`; `numbers` are the rail's counts where they are known."""
    topics = topics_of(staff)
    own_topic = f"staff:{staff.pk}"
    case_topic = more.pop("topic", "")
    if case_topic.startswith("case:"):
        # Whoever opens the case has seen what the bell told of it.
        notices.read(staff, case=int(case_topic.removeprefix("case:")))
    sees = bool(rights.roles_of(staff) - {"administrator"})
    return {
        "rail": rail_for(staff, here, more.pop("numbers", None)),
        "here": here,
        "who": str(staff),
        "post": post_words(rights.posts_of(staff)),
        "profile_url": reverse("desk:me"),
        "bulletins": organisation.bulletins_for(staff),
        "confirm_by": organisation.confirm_by(staff),
        "confirm_late": not organisation.is_current(staff),
        "search_url": reverse("desk:search") if sees else "",
        "search_hint": _("Number, words, name or phone") if search.may_ask_who(staff) else _("Number or words"),
        "body_live": " ".join([*topics, own_topic, *([case_topic] if case_topic else [])]),
        "phone": bar_of(staff),
        "bell": notices.unread(staff),
        "bell_event": f"live:{own_topic.replace(':', '-')} from:body",
        "rail_events": ", ".join(f"live:{topic.replace(':', '-')} from:body" for topic in topics),
        **more,
    }
