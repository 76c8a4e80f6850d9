"""Who may open what on the desk: every address x every role, from one table; an address without a rule fails."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.city import City, Told
from wasl.core.cases import queries, transitions
from wasl.core.cases.models import Case
from wasl.core.contacts import actions as contacts
from wasl.core.organisation import rights
from wasl.core.organisation.models import Calendar, Post, Staff, Unit
from wasl.faces.desk import lists, urls, verbs
from wasl.kernel import clock

pytestmark = pytest.mark.django_db

EVERY = frozenset(rights.RIGHTS)
CASES = EVERY - {"administrator"}
CENTRE = frozenset({"agent", "dispatcher", "second_line", "supervisor"})
ADMIN = frozenset({"administrator"})
READS = ADMIN | {"supervisor"}


@dataclass
class World:
    """One case with an officer's unit, and somebody for every role."""

    city: City
    told: Told
    staff: dict[str, Staff]


@dataclass(frozen=True)
class Rule:
    """`roles` may open it; `args` make its address; `post` says that it is only posted to."""

    roles: frozenset[str]
    args: Callable[[World], list[Any]] = field(default=lambda world: [])
    post: bool = False


def _number(world: World) -> list[Any]:
    return [world.told.case.number]


def _file(world: World) -> list[Any]:
    return [world.told.case.contacts.get().attachments.get().pk, "thumb"]


RULES: dict[str, Rule] = {
    "home": Rule(EVERY),
    "rail": Rule(EVERY),
    "me": Rule(EVERY),
    "search": Rule(CASES),
    "board": Rule(frozenset({"dispatcher", "supervisor", "leader"})),
    "list": Rule(CASES, lambda w: ["all"]),
    "side": Rule(CASES, lambda w: ["all"]),
    "report": Rule(CENTRE),
    "beside": Rule(CENTRE, post=True),
    "class": Rule(CENTRE, post=True),
    "map": Rule(CENTRE),
    "filed": Rule(CENTRE, _number),
    "case": Rule(CASES, _number),
    "part": Rule(CASES, lambda w: [w.told.case.number, "story"]),
    "do": Rule(CASES, lambda w: [w.told.case.number, "note"]),
    # A leader and an officer are let in and told that the vault is shut.
    "reveal": Rule(CENTRE, _number, post=True),
    "file": Rule(CASES, _file),
    "admin": Rule(ADMIN),
    "units": Rule(ADMIN),
    "new_unit": Rule(ADMIN),
    "unit": Rule(ADMIN, lambda w: [Unit.objects.get(code="audit").pk]),
    "staff": Rule(ADMIN),
    "new_person": Rule(ADMIN),
    "person": Rule(ADMIN, lambda w: [w.staff["agent"].pk]),
    "areas": Rule(ADMIN),
    "calendars": Rule(ADMIN),
    "new_calendar": Rule(ADMIN),
    "calendar": Rule(ADMIN, lambda w: [Calendar.objects.order_by("pk")[0].pk]),
    "catalogue": Rule(ADMIN),
    "edition": Rule(ADMIN, lambda w: [1]),
    "sheet": Rule(ADMIN, lambda w: [1, "reasons"]),
    "templates": Rule(ADMIN),
    "template": Rule(ADMIN, lambda w: ["told", "mail"]),
    "clients": Rule(ADMIN),
    "audit": Rule(ADMIN),
    "journal": Rule(ADMIN),
    "messages": Rule(READS),
    "privacy": Rule(READS),
}
NAMES = [pattern.name for pattern in urls.urlpatterns]


def jpeg() -> bytes:
    """A small photo."""
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (40, 30), "navy").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def world(city: City) -> World:
    told = city.report("water-leak", attachments=[contacts.keep(jpeg(), "a.jpg")]).dispatched_to()
    staff = {role: city.one(role) for role in EVERY - {"officer"}}
    staff["officer"] = city.officer_of(told.order.unit)
    return World(city, told, staff)


def enter(staff: Staff | None) -> Client:
    """A browser of this person."""
    client = Client()
    client.cookies["django_language"] = "en"
    if staff is not None:
        client.force_login(staff)
    return client


def test_every_address_has_a_rule() -> None:
    assert set(NAMES) == set(RULES), "an address of the desk without a rule, or a rule without an address"
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_roles_at_this_address(world: World, name: str) -> None:
    rule = RULES[name]
    url = reverse(f"desk:{name}", args=rule.args(world))
    for role, staff in world.staff.items():
        client = enter(staff)
        response = client.post(url) if rule.post else client.get(url)
        if role in rule.roles:
            assert response.status_code in (200, 302, 404 if name == "filed" else 200), (
                name,
                role,
                response.status_code,
            )
        else:
            assert response.status_code in (403, 404), (name, role, response.status_code)
        assert "no-store" in response.headers.get("Cache-Control", ""), name
        if response.streaming:
            b"".join(response)
    stranger = enter(None).post(url) if rule.post else enter(None).get(url)
    assert stranger.status_code == 302
    assert stranger.headers["Location"].startswith("/account/login/")


@pytest.mark.parametrize("name", NAMES)
def test_a_post_without_token_is_refused(world: World, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.staff["supervisor"])
    assert client.post(reverse(f"desk:{name}", args=RULES[name].args(world))).status_code == 403


@pytest.mark.parametrize("state", ["shut account", "ended post", "no post", "post to come"])
def test_whoever_holds_nothing_sees_nothing(world: World, state: str) -> None:
    staff = world.staff["supervisor"]
    client = enter(staff)
    now = clock.now()
    if state == "shut account":
        Staff.objects.filter(pk=staff.pk).update(is_active=False)
    elif state == "ended post":
        Post.objects.filter(staff=staff).update(until=now - timedelta(seconds=1))
    elif state == "post to come":
        Post.objects.filter(staff=staff).update(since=now + timedelta(hours=1))
    else:
        Post.objects.filter(staff=staff).delete()
    for name, rule in RULES.items():
        url = reverse(f"desk:{name}", args=rule.args(world))
        response = client.post(url) if rule.post else client.get(url)
        assert response.status_code == (302 if state == "shut account" else 403), name
        if state == "shut account":
            assert response.headers["Location"].startswith("/account/login/")


# --- verbs ---


def test_every_verb_of_staff_is_on_the_desk() -> None:
    offered = {need for verb in verbs.TABLE for need in verb.needs}
    held = {v for role in rights.RIGHTS.values() for v in role}
    by_staff = {row.verb for row in transitions.TABLE if "staff" in row.actors} & held
    # Received by the agent's form; the record of a person is a page of its own.
    assert by_staff - offered - {"case.received", "case.requester_set"} == set()


GIVEN: dict[str, Any] = {
    "text": "A sentence that is long enough.",
    "note": "x",
    "category": "water-leak",
    "kind": "",
    "urgency": "",
    "unit": "roads",
    "ground": "court",
    "reason": "not-our-duty",
    "outcome": "fixed",
    "medium": "phone",
    "reached": "yes",
    "verdict": "solved",
    "rating": "5",
    "duration": "4wh",
    "until": "2030-01-01T10:00",
    "flags": "supervised",
}


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(CASES))
def test_what_is_not_offered_is_not_done(world: World, role: str) -> None:
    staff, case, order = world.staff[role], world.told.fresh(), world.told.order
    offered = {(offer.verb.slug) for offer in verbs.offers(staff, case)}
    other = world.city.report("water-outage").case
    client = enter(staff)
    refused = 0
    for verb in verbs.TABLE:
        allowed = set(queries.verbs_for(staff, case, order if verb.of_order else None))
        if verb.slug in offered or set(verb.needs) <= allowed:
            continue
        url = reverse("desk:do", args=[case.number, verb.slug]) + f"?order={order.pk}"
        with transaction.atomic():
            response = client.post(url, {**GIVEN, "other": other.number, "seen": case.version})
            changed = Case.objects.get(pk=case.pk).version != case.version
            transaction.set_rollback(True)
        assert response.status_code in (403, 404, 409, 422), (verb.slug, response.status_code)
        assert not changed, verb.slug
        refused += 1
    assert refused > 5


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(CASES))
def test_what_is_offered_has_a_form(world: World, role: str) -> None:
    staff, case = world.staff[role], world.told.fresh()
    client = enter(staff)
    for offer in verbs.offers(staff, case):
        url = reverse("desk:do", args=[case.number, offer.verb.slug]) + (
            f"?order={offer.order.pk}" if offer.order else ""
        )
        part = client.get(url, headers={"HX-Request": "true"})
        assert part.status_code == 200
        assert 'name="seen"' in part.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("code", list(lists.LISTINGS))
def test_each_list_opens_for_each_role(world: World, code: str) -> None:
    for role in CASES:
        assert enter(world.staff[role]).get(reverse("desk:list", args=[code])).status_code == 200


def test_an_officer_of_another_unit_finds_no_case(world: World) -> None:
    stranger = enter(world.city.officer("audit"))
    case, order = world.told.fresh(), world.told.order
    number, file = case.number, _file(world)[0]
    gets = [f"/desk/case/{number}/", *(f"/desk/case/{number}/part/{p}/" for p in ("head", "story", "context", "map"))]
    gets += [f"/desk/file/{file}/{form}/" for form in ("shown", "thumb", "original")]
    for url in [*gets, f"/desk/case/{number}/do/reply/?order={order.pk}"]:
        assert stranger.get(url).status_code == 404, url
    assert stranger.post(f"/desk/case/{number}/identity/").status_code == 404
    assert stranger.post(f"/desk/case/{number}/do/sign/?order={order.pk}", {"seen": case.version}).status_code == 404
    assert f"/desk/case/{number}" not in stranger.get(f"/desk/search/?q={number}").content.decode()
    assert Case.objects.get(pk=case.pk).version == case.version


def test_orders_of_other_cases_and_guessed_ids_are_not_found(world: World) -> None:
    mine = world.told.fresh()
    theirs = world.city.report("water-outage").dispatched_to()
    client = enter(world.staff["officer"])
    for order in (theirs.order.pk, 1, "0", "", "x", "9" * 30):
        response = client.post(f"/desk/case/{mine.number}/do/sign/?order={order}", {"seen": mine.version})
        assert response.status_code == 404, order
    for number in ("1", "0000000000", "x", "26000000", mine.number + "0", "%00"):
        assert client.get(f"/desk/case/{number}/").status_code == 404
    assert client.get(f"/desk/case/{mine.number}/part/nonsense/").status_code == 404
    assert client.get(f"/desk/case/{mine.number}/do/nonsense/").status_code == 404
    assert client.get("/desk/list/nonsense/").status_code == 404
    assert client.get("/desk/file/1/shown/").status_code == 404


def test_nobody_sees_the_case_against_his_own_unit(world: World) -> None:
    unit = Unit.objects.get(code="audit")
    told = world.city.report("water-leak", against=unit)
    told.dispatched_to()
    assert enter(world.city.officer("audit")).get(f"/desk/case/{told.case.number}/").status_code == 404
