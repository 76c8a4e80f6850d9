"""Places of the desk: what stands on the rail of each role, and what every page of the desk knows."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.faces.desk import lists
from wasl.faces.frame.rail import RailItem

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


def rail_for(staff: Staff, here: str = "") -> list[RailItem]:
    """The places of this person with live counts; `here` is the code of the one that is open."""
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
    for listing in lists.LISTINGS.values():
        if roles & listing.roles:
            count = lists.count_of(listing, staff) if listing.counted else None
            url = reverse("desk:list", args=[listing.code])
            items.append(
                RailItem(listing.icon, listing.label, url, here == listing.code, listing.key, count, listing.urgent)
            )
    if rights.may(staff, "organisation.edit"):
        items.append(RailItem("settings", pgettext("place", "Set-up"), reverse("desk:admin"), here == "admin", "g u"))
    if rights.may(staff, "messages.read"):
        items.append(
            RailItem("mail", pgettext("place", "Messages"), reverse("desk:messages"), here == "messages", "g m")
        )
    if rights.may(staff, "person.forget"):
        items.append(
            RailItem("shield-lock", pgettext("place", "Privacy"), reverse("desk:privacy"), here == "privacy", "g p")
        )
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
    """What the base template of the desk needs, and `more`."""
    topics = topics_of(staff)
    case_topic = more.pop("topic", "")
    sees = bool(rights.roles_of(staff) - {"administrator"})
    return {
        "rail": rail_for(staff, here),
        "here": here,
        "who": str(staff),
        "post": post_words(rights.posts_of(staff)),
        "profile_url": reverse("desk:me"),
        "search_url": reverse("desk:search") if sees else "",
        "body_live": " ".join([*topics, case_topic] if case_topic else topics),
        "rail_events": ", ".join(f"live:{topic.replace(':', '-')} from:body" for topic in topics),
        **more,
    }
