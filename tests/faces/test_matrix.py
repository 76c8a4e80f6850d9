"""Every address of the house is in a table; and every address of the desk is tried by every role in every scope."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.city import City
from tests.faces.test_desk_matrix import RULES, Rule, World, enter, jpeg
from wasl.core.contacts import actions as contacts
from wasl.core.organisation import rights
from wasl.core.organisation.models import Area, Post, Staff, Unit
from wasl.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.req("P1")]

# Who answers for the addresses below, and where their rules stand.
RULED_ELSEWHERE = {
    "desk": "tests/faces/test_desk_matrix.py",
    "practice": "tests/faces/test_practice.py",
    "metrics": "tests/faces/test_metrics.py",
    "account": "allauth, by its own tests; ours are in tests/faces/test_desk_*.py",
}
# Open to everybody, or to whoever holds a key, PIN, code or link that the page itself asks for.
OPEN = {"demo", "i18n", "look", "open311", "portal"}
SCOPES = ("centre", "own unit", "unit above", "other unit", "own area", "other area")
HELD = [(role, scope) for role in sorted(rights.RIGHTS) for scope in SCOPES if role != "officer" or "unit" in scope]
OF_A_CASE = {"case", "part", "do", "reveal", "file", "filed", "print"}
SEES_CASES = {role for role in rights.RIGHTS if role != "administrator"}


def addresses(patterns: list[URLPattern | URLResolver], before: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """(space, address) of every pattern of the house."""
    for one in patterns:
        where = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, where, one.namespace or space)
        else:
            yield space or where.split("/")[0], where


def test_no_address_is_without_a_table() -> None:
    known = OPEN | set(RULED_ELSEWHERE)
    strange = [where for space, where in addresses(get_resolver().url_patterns) if space not in known]
    assert strange == [], "addresses in no table: say who may open them"


def _post(role: str, scope: str, case_unit: Unit, case_area: Area) -> Staff:
    staff = Staff.objects.create(username=f"by-{role}-{scope}".replace(" ", "-"), names={"en": f"{role}, {scope}"})
    other_unit = next(unit for unit in Unit.objects.order_by("pk") if not case_unit.path.startswith(unit.path))
    other_area = next(
        area
        for area in Area.objects.order_by("pk")
        if case_area.pk not in (area.pk, area.parent_id) and case_area.parent_id != area.pk
    )
    Post.objects.create(
        staff=staff,
        role=role,
        unit={"own unit": case_unit, "unit above": case_unit.parent, "other unit": other_unit}.get(scope),
        area={"own area": case_area, "other area": other_area}.get(scope),
        since=clock.now(),
    )
    return staff


OF_A_PERSON = frozenset(
    {
        "phone_call",
        "phone_do",
        "phone_back",
        "phone_whom",
        "phone_about",
        "phone_responsible",
        "phone_number",
        "phone_score",
    }
)
"""Addresses of a call and its score: whose call it was may open it, and who supervises; not all of his role."""
OF_A_UNIT = frozenset({"campaign", "campaign_csv", "group"})
"""Addresses of what belongs to the unit of the world's order, and to nobody by area."""


def _reaches(scope: str) -> bool:
    return scope in ("centre", "own unit", "unit above", "own area")


@pytest.fixture
def world(city: City) -> World:
    told = city.report("pothole", attachments=[contacts.keep(jpeg(), "a.jpg")]).dispatched_to()
    return World(city, told, {role: city.one(role) for role in rights.RIGHTS if role != "officer"})


@pytest.mark.slow
@pytest.mark.parametrize(("role", "scope"), HELD)
def test_role_and_scope_at_every_address_of_the_desk(world: World, role: str, scope: str) -> None:
    case, unit = world.told.fresh(), world.told.order.unit
    assert case.area is not None
    assert unit.parent is not None
    client = enter(_post(role, scope, unit, case.area))
    wrong = []
    for name, rule in RULES.items():
        url = reverse(f"desk:{name}", args=rule.args(world))
        response = client.post(url, rule.given) if rule.post else client.get(url)
        shown = b"".join(response) if response.streaming else response.content
        if not _is_right(name, rule, role, scope, response.status_code):
            wrong.append(f"{name} {url}: {response.status_code}")
        if name in OF_A_CASE and role in SEES_CASES and not _reaches(scope):
            assert b"The water runs" not in shown, url
    assert wrong == []


def _is_right(name: str, rule: Rule, role: str, scope: str, status: int) -> bool:
    if status >= 500:
        return False
    if role not in rule.roles:
        return status in (302, 403, 404) if role == "administrator" else status in (403, 404)
    if name in OF_A_CASE and not _reaches(scope):
        return status == 404
    if name in OF_A_PERSON and (role == "agent" or scope != "centre"):
        return status == 404
    if name in OF_A_UNIT and scope not in ("centre", "own unit", "unit above"):
        return status in (403, 404)
    if name == "shift" and scope != "centre":
        # Of a unit: those below and above it have others.
        return status in (200, 403, 404)
    if name in ("reveal", "filed"):
        return status in (200, 302, 403, 404, 409)
    return status in (200, 302) or (scope != "centre" and status == 403)


@pytest.mark.parametrize("role", sorted(SEES_CASES - {"officer"}))
def test_a_confidential_case_is_not_seen_by_area(city: City, role: str) -> None:
    told = city.report("conduct-integrity").registered()
    case = told.fresh()
    assert case.confidential
    assert case.area is not None
    staff = _post(role, "own area", Unit.objects.get(code="audit"), case.area)
    number = case.number
    client: Client = enter(staff)
    for url in (f"/desk/case/{number}/", f"/desk/case/{number}/part/story/", f"/desk/case/{number}/do/note/"):
        assert client.get(url).status_code == 404
    assert number not in client.get("/desk/list/all/").content.decode()
