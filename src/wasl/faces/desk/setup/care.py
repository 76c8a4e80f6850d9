"""What is missing or no longer true in the house's own data, unit by unit, each with the way to mend it (M7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries, rights
from wasl.core.organisation.models import Calendar, Client, Post, Proposal, Staff, Unit
from wasl.faces.desk.access import desk
from wasl.faces.desk.setup.page import RIGHT, draw, units_in_scope
from wasl.kernel import clock, worktime
from wasl.kernel.names import LANGUAGES
from wasl.services.messages import queries as sent_messages

IDLE = timedelta(days=90)
SOON = timedelta(days=14)


@dataclass(frozen=True)
class Lack:
    """One thing to mend: what it is about, what is wrong, where it is mended."""

    what: str
    wrong: str
    url: str
    unit: Unit | None = None


@dataclass(frozen=True)
class Group:
    """Lacks of one kind; `why` says what goes wrong because of them."""

    title: str | Promise
    why: str | Promise
    icon: str
    rows: list[Lack]


@desk(right=RIGHT)
def care(request: HttpRequest, staff: Staff) -> HttpResponse:
    """All of it; those of the house as a whole only for whoever keeps that."""
    units = units_in_scope(staff)
    groups = [
        Group(
            gettext_lazy("Units"),
            gettext_lazy("Orders sent there may lie unread, or run on the wrong hours."),
            "sitemap",
            list(_units(units)),
        ),
        Group(
            gettext_lazy("Staff"),
            gettext_lazy("They cannot work, cannot be reached, or hold what nobody uses."),
            "users",
            list(_staff(staff)),
        ),
    ]
    if rights.may(staff, "house.edit"):
        groups += [
            Group(
                gettext_lazy("Hours"),
                gettext_lazy("Due dates next year would run over days off."),
                "calendar",
                list(_calendars()),
            ),
            Group(
                gettext_lazy("Catalogue"),
                gettext_lazy("Requests of these categories wait for somebody to choose, or say nothing in a language."),
                "book",
                list(_catalogue()),
            ),
            Group(
                gettext_lazy("Words and systems"),
                gettext_lazy("Somebody would get a message in a language that is not his."),
                "template",
                [*_words(), *_clients()],
            ),
        ]
    mine = None if rights.scopes(staff, RIGHT).centre else [unit.pk for unit in units]
    return draw(
        request, staff, "care", "care", groups=groups, total=sum(len(g.rows) for g in groups),
        currency=queries.currency(mine),
    )  # fmt: skip


def _units(units: list[Unit]) -> Iterator[Lack]:
    officers = set(
        rights.current_posts()
        .filter(role=Post.Role.OFFICER, staff__is_active=True)
        .values_list("unit__path", flat=True)
    )
    led = _leading()
    for unit in units:
        url = reverse("desk:unit", args=[unit.pk])
        name = str(unit)
        if unit.code in led and not any(unit.path.startswith(path) for path in officers):
            yield Lack(name, _("gets orders, and nobody holds an officer's post over it"), url, unit)
        if unit.delivery == Unit.Delivery.MAIL and not unit.mail:
            yield Lack(name, _("gets its orders by mail, and has no mail address"), url, unit)
        if unit.delivery == Unit.Delivery.PHONE and not unit.phone:
            yield Lack(name, _("gets its orders by telephone, and has no number"), url, unit)
        if not unit.mail and not unit.phone:
            yield Lack(name, _("has neither mail address nor telephone"), url, unit)
        if unit.calendar_id is None and unit.code in led:
            yield Lack(name, _("has no working hours of its own; those of the office count"), url, unit)
        if missing := _missing(unit.names):
            yield Lack(name, _("has no name in %(languages)s") % {"languages": missing}, url, unit)


def _leading() -> set[str]:
    try:
        book = catalogue.in_force()
    except catalogue.NotSetUp:
        return set()
    return {code for rule in book.dispatch for code in (rule.lead, *rule.assist)}


_SAYS = {"ar": gettext_lazy("Arabic"), "en": gettext_lazy("English"), "zh": gettext_lazy("Chinese")}


def _missing(names: Any) -> str:
    return ", ".join(str(_SAYS[code]) for code in LANGUAGES if not names.get(code))


def _staff(by: Staff) -> Iterator[Lack]:
    now = clock.now()
    centre = rights.scopes(by, RIGHT).centre
    posts: dict[int, list[Post]] = {}
    for post in rights.current_posts().select_related("unit", "area"):
        posts.setdefault(post.staff_id, []).append(post)
    for one in Staff.objects.filter(is_active=True).select_related("unit").order_by("username"):
        wrong = list(_of_one(one, posts.get(one.pk, []), now))
        if not wrong or not (centre or rights.keeps(by, one)):
            continue
        url = reverse("desk:person", args=[one.pk])
        yield from (Lack(str(one), words, url, one.unit) for words in wrong)
    late = Proposal.objects.filter(agreed__isnull=True, asked_at__lt=now - timedelta(days=7)).select_related("staff")
    for proposal in late:
        if centre or rights.keeps(by, proposal.staff):
            yield Lack(str(proposal.staff), _("waits a week for a second administrator"), reverse("desk:proposals"))


def _of_one(one: Staff, posts: list[Post], now: Any) -> Iterator[str]:
    if not one.email and not one.phone:
        yield _("has neither mail address nor telephone")
    elif not one.email:
        yield _("has no mail address: no notice and no new password reaches him")
    if not posts:
        yield _("has an open account and holds no post")
    elif one.last_login is None:
        yield _("has never signed in")
    elif one.last_login < now - IDLE:
        yield _("has not signed in for 90 days")
    for post in posts:
        if post.until is not None and post.until < now + SOON:
            yield _("holds a post as %(role)s that ends within two weeks") % {"role": post.get_role_display()}
        if post.unit is not None and not post.unit.active:
            yield _("holds a post over %(unit)s, which is shut") % {"unit": post.unit}


def _calendars() -> Iterator[Lack]:
    year = clock.now().year + 1
    for calendar in Calendar.objects.order_by("code"):
        url = reverse("desk:calendar", args=[calendar.pk])
        if not calendar.weekly:
            yield Lack(str(calendar), _("has no hours at all"), url)
        known = worktime.holidays_of(calendar.country, [year]) if calendar.country else ()
        if not known and not any(str(day).startswith(str(year)) for day in calendar.exceptions):
            yield Lack(str(calendar), _("knows no day off in %(year)s") % {"year": year}, url)


def _catalogue() -> Iterator[Lack]:
    try:
        book = catalogue.in_force()
    except catalogue.NotSetUp:
        yield Lack(_("Catalogue"), _("no edition is in force"), reverse("desk:catalogue"))
        return
    url = reverse("desk:edition", args=[book.number])
    for category in book.leaves:
        if not book.dispatch_rules(category.code):
            yield Lack(category.name, _("no rule says which unit it goes to"), f"{url}?sheet=dispatch")
        if missing := _missing(category.names):
            yield Lack(
                category.code, _("has no name in %(languages)s") % {"languages": missing}, f"{url}?sheet=categories"
            )
    for rule in book.dispatch:
        for code in (rule.lead, *rule.assist):
            try:
                unit = queries.unit(code)
            except LookupError:
                yield Lack(
                    rule.rule,
                    _("names the unit %(code)s, which there is not") % {"code": code},
                    f"{url}?sheet=dispatch",
                )
                continue
            if not unit.active:
                words = (
                    _("names %(unit)s, which was merged into %(goal)s") % {"unit": unit, "goal": queries.standing(unit)}
                    if unit.merged_into_id
                    else _("names %(unit)s, which is shut") % {"unit": unit}
                )
                yield Lack(rule.rule, words, f"{url}?sheet=dispatch&q={rule.rule}")


def _words() -> Iterator[Lack]:
    said: dict[tuple[str, str], set[str]] = {}
    for template in sent_messages.templates():
        said.setdefault((template.event, template.channel), set()).add(template.language)
    for (event, channel), languages in said.items():
        if missing := ", ".join(str(_SAYS[code]) for code in LANGUAGES if code not in languages):
            yield Lack(
                f"{event} · {channel}",
                _("says nothing in %(languages)s") % {"languages": missing},
                reverse("desk:template", args=[event, channel]),
            )


def _clients() -> Iterator[Lack]:
    for client in Client.objects.filter(Q(unit__active=False), active=True).select_related("unit"):
        yield Lack(
            client.name, _("belongs to %(unit)s, which is shut") % {"unit": client.unit}, reverse("desk:clients")
        )
