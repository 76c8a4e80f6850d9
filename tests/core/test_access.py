"""Who may see and do what: every role and scope against every kind of case, from one table; the vault."""

import pytest
from django.db.models import QuerySet

from tests.city import City, Told
from wasl.core.cases import actions, handover, queries
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.models import Case, Entry, WorkOrder
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions import merge_unit
from wasl.core.organisation.models import Post, Staff
from wasl.core.organisation.rights import RIGHTS, Forbidden
from wasl.kernel import clock


def holder(role: str, *, unit: str = "", area: str = "") -> Staff:
    """Somebody who holds just this post."""
    staff = Staff.objects.create(username=f"{role}-{unit}-{area}-{Staff.objects.count()}", language="en")
    Post.objects.create(
        staff=staff,
        role=role,
        unit=organisation.unit(unit) if unit else None,
        area=organisation.areas()[1][area] if area else None,
        since=clock.now(),
    )
    return staff


@pytest.fixture
def cases(city: City) -> dict[str, Told]:
    """One case of each kind that access depends on."""
    return {
        "received in bawshar": city.report(area="bawshar"),
        "at water": city.report(area="bawshar").dispatched_to("water"),
        "at seeb-cleaning": city.report(area="seeb").dispatched_to("seeb-cleaning"),
        "assisted by roads": city.report(area="seeb").dispatched_to("water", "roads-maintenance"),
        "returned by roads": city.report(area="seeb").dispatched_to("roads").returned(),
        "against seeb": city.report(area="seeb", against=organisation.unit("seeb")).dispatched_to("audit"),
        "against the centre": city.report(area="muttrah", against=organisation.unit("centre")).dispatched_to("audit"),
        "confidential in seeb": _confidential(city),
    }


def _confidential(city: City) -> Told:
    told = city.report(area="seeb").dispatched_to("water")
    actions.flag(told.case, by=city.agent, flags={"confidential": True})
    return told


ALL = {
    "received in bawshar", "at water", "at seeb-cleaning", "assisted by roads", "returned by roads", "against seeb",
    "against the centre", "confidential in seeb",
}  # fmt: skip
BUT_CENTRE = ALL - {"against the centre"}
WATER = {"at water", "assisted by roads", "confidential in seeb"}
IN_SEEB = {"at seeb-cleaning", "assisted by roads", "returned by roads", "against seeb"}

SEES = [
    ("agent", "", "", BUT_CENTRE),
    ("dispatcher", "", "", BUT_CENTRE),
    ("second_line", "", "", BUT_CENTRE),
    ("supervisor", "", "", ALL),
    ("leader", "", "", ALL),
    ("administrator", "", "", set()),
    ("officer", "water", "", WATER),
    ("officer", "roads", "", {"assisted by roads"}),
    ("officer", "roads-maintenance", "", {"assisted by roads"}),
    ("officer", "seeb", "", {"at seeb-cleaning"}),
    ("officer", "seeb-cleaning", "", {"at seeb-cleaning"}),
    ("officer", "bawshar-cleaning", "", set()),
    ("officer", "audit", "", {"against seeb", "against the centre"}),
    ("supervisor", "seeb", "", {"at seeb-cleaning"}),
    ("leader", "seeb", "", {"at seeb-cleaning"}),
    ("leader", "", "seeb", IN_SEEB),
    ("dispatcher", "", "seeb", IN_SEEB),
    ("leader", "", "muscat", ALL - {"confidential in seeb"}),
    ("agent", "", "qurayyat", set()),
]


@pytest.mark.req("P1", "B22")
@pytest.mark.slow
def test_each_role_and_scope_sees_only_its_rows(cases: dict[str, Told]) -> None:
    names = {told.case.pk: name for name, told in cases.items()}
    for role, unit, area, expected in SEES:
        seen: QuerySet[Case] = queries.visible_to(holder(role, unit=unit, area=area))
        found = {names[pk] for pk in seen.values_list("pk", flat=True) if pk in names}
        assert found == expected, (role, unit, area)


@pytest.mark.req("P1", "B22")
@pytest.mark.slow
def test_what_somebody_works_on_he_sees(cases: dict[str, Told]) -> None:
    people = [holder(role, unit=unit, area=area) for role, unit, area, _expected in SEES]
    # Of both posts: what the unit of one must not see he does not see by the other either.
    for role, unit in (("supervisor", "seeb"), ("supervisor", ""), ("agent", "")):
        both = holder("officer", unit="audit")
        Post.objects.create(staff=both, role=role, unit=organisation.unit(unit) if unit else None, since=clock.now())
        people.append(both)
    worked = 0
    for staff in people:
        for states in (WorkOrder.LIVE, ("dispatched",), ("signed",)):
            own = organisation.under(rights.scopes(staff, "order.signed").unit_paths)
            orders = WorkOrder.objects.filter(unit__in=own, state__in=states)
            wanted = set(queries.visible_to(staff).filter(pk__in=orders.values("case")).values_list("pk", flat=True))
            assert set(queries.worked_on(staff, states).values_list("pk", flat=True)) == wanted, (staff, states)
            worked += len(wanted)
    assert worked > 10


@pytest.mark.req("P1", "B22")
def test_a_complaint_stays_hidden_from_those_into_whom_the_unit_was_merged(city: City) -> None:
    accused, goal, last = (organisation.unit(f"{area}-cleaning") for area in ("seeb", "bawshar", "muttrah"))
    told = city.report(area="seeb", against=accused).dispatched_to("audit")
    waits = city.report(area="seeb", against=accused).registered()
    merge_unit(accused, into=goal, by=city.administrator)
    organisation.forget()

    def seen(unit: str) -> bool:
        # Also by a post over the area of the case: what the unit must not see is hidden from it there too.
        both = holder("officer", unit=unit)
        Post.objects.create(staff=both, role="leader", area=organisation.areas()[1]["seeb"], since=clock.now())
        found = queries.visible_to(both).filter(pk=told.case.pk).exists()
        assert found or not queries.verbs_for(both, told.case)
        return found

    assert (seen("audit"), seen("bawshar-cleaning"), seen("muttrah-cleaning")) == (True, False, True)
    with pytest.raises(NotAllowed, match="about that unit"):
        waits.dispatched_to("bawshar-cleaning")
    merge_unit(goal, into=last, by=city.administrator)
    organisation.forget()
    assert (seen("audit"), seen("muttrah-cleaning")) == (True, False)
    with pytest.raises(NotAllowed, match="about that unit"):
        waits.dispatched_to("muttrah-cleaning")


@pytest.mark.req("B22")
@pytest.mark.parametrize(("accused", "having"), [("seeb-roads", "seeb-cleaning"), ("seeb-cleaning", "seeb-roads")])
def test_no_merger_leaves_a_unit_with_the_complaint_against_itself(city: City, accused: str, having: str) -> None:
    told = city.report(against=organisation.unit(accused)).dispatched_to(having)
    gone, goal = organisation.unit("seeb-roads"), organisation.unit("seeb-cleaning")
    with pytest.raises(NotAllowed, match="with the other"):
        merge_unit(gone, into=goal, by=city.administrator, move_orders=handover.move_orders)
    organisation.forget()
    told.returned().dispatched_to("audit")
    merge_unit(gone, into=goal, by=city.administrator, move_orders=handover.move_orders)


@pytest.mark.slow
def test_a_post_that_ended_or_an_inactive_person_sees_nothing(cases: dict[str, Told]) -> None:
    staff = holder("supervisor")
    staff.posts.update(until=clock.now())
    assert not queries.visible_to(Staff.objects.get(pk=staff.pk)).exists()
    other = holder("supervisor")
    other.is_active = False
    assert not queries.visible_to(other).exists()


@pytest.mark.req("P1")
def test_no_verb_without_right_and_scope(city: City) -> None:
    told = city.report().dispatched_to("water")
    order = told.order
    for wrong in (city.agent, city.officer("gas"), city.leader, city.administrator, city.officer("seeb-cleaning")):
        with pytest.raises(Forbidden):
            actions.sign_for(order, by=wrong)
    with pytest.raises(Forbidden):
        actions.close(told.case, by=city.officer("water"))
    with pytest.raises(Forbidden):
        actions.review(told.case, by=city.agent)
    actions.sign_for(order, by=city.officer("water"))


def test_an_assisting_unit_does_not_act_on_the_lead_order(city: City) -> None:
    told = city.report().dispatched_to("water", "roads-maintenance")
    with pytest.raises(Forbidden):
        actions.sign_for(told.order, by=city.officer("roads-maintenance"))
    helper = told.case.orders.get(role="assist")
    actions.sign_for(helper, by=city.officer("roads-maintenance"))
    assert told.fresh().state == "dispatched"


@pytest.mark.req("P1")
def test_all_verbs_of_all_roles_exist() -> None:
    from wasl.core.cases.transitions import BY_VERB

    other = {
        "identity.read", "person.edit", "person.merge", "person.forget", "messages.read", "templates.edit",
        "catalogue.edit", "catalogue.publish", "organisation.edit", "retention.run", "clients.edit", "case.spoken_for",
        "cases.extract", "views.share", "problem.edit", "person.sensitive", "house.edit", "campaigns.edit",
        "sms.read", "sms.steer", "sms.identity", "sms.edit", "enquiries.edit", "phone.answer", "phone.supervise",
        "phone.listen", "phone.edit", "mailbox.work", "roster.edit", "articles.edit", "quality.score", "quality.edit",
    }  # fmt: skip
    for role, verbs in RIGHTS.items():
        assert verbs <= set(BY_VERB) | other, role


def test_the_vault_opens_only_with_a_reason_and_says_who_looked(city: City) -> None:
    told = city.report().dispatched_to("water")
    officer = city.officer("water")
    with pytest.raises(Forbidden, match="sealed"):
        actions.see_identity(told.case, by=officer)
    with pytest.raises(NotAllowed, match="listed"):
        actions.open_identity(told.case, by=officer, reason="curious", text="I would like to know.")
    actions.open_identity(told.case, by=officer, reason="contact-person", text="He must open the gate for us.")
    seen = actions.see_identity(told.case, by=officer)
    assert seen["name"] == "مريم"
    views = Entry.objects.filter(case=told.case, verb="case.identity_viewed")
    assert [e.actor for e in views] == [f"staff:{officer.pk}"]
    with pytest.raises(Forbidden):
        actions.see_identity(told.case, by=city.officer("gas"))


def test_the_vault_of_a_confidential_case_stays_shut_to_units(cases: dict[str, Told], city: City) -> None:
    told = cases["confidential in seeb"]
    with pytest.raises(NotAllowed, match="confidential"):
        actions.open_identity(
            told.fresh(), by=city.officer("water"), reason="contact-person", text="He must open the gate."
        )


@pytest.mark.req("P4")
def test_an_opening_ends_when_the_case_becomes_confidential(city: City) -> None:
    told = city.report().dispatched_to()
    officer = city.officer_of(told.order.unit)
    actions.open_identity(told.case, by=officer, reason="contact-person", text="I must ring at his door.")
    assert queries.may_see_identity(officer, told.fresh())
    actions.flag(told.case, by=city.agent, flags={"confidential": True})
    assert not queries.may_see_identity(officer, told.fresh())
