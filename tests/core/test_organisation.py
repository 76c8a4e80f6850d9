"""Who administers whom: scope of administrators, two pairs of eyes for posts, accounts, merging units."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from tests.city import City
from wasl.core.cases import handover, journal
from wasl.core.organisation import actions, queries, rights, signin
from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Audit, Post, Proposal, Staff, Unit
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock

NAMES = {"en": "Somebody"}


def account(city: City, name: str, *posts: tuple[str, str]) -> Staff:
    """Somebody new with these posts, as if given long ago."""
    made = Staff.objects.create(username=name, names=NAMES, email=f"{name}@muscat.example", last_login=clock.now())
    for role, unit in posts:
        Post.objects.create(staff=made, role=role, unit=queries.unit(unit) if unit else None, since=clock.now())
    return made


@pytest.fixture
def second(city: City) -> Staff:
    """A second administrator of the centre."""
    return account(city, "admin2", ("administrator", ""))


@pytest.fixture
def of_seeb(city: City) -> Staff:
    """The administrator of one municipality."""
    return account(city, "admin-seeb", ("administrator", "seeb"))


def asked(given: Post | Proposal | None) -> Proposal:
    assert isinstance(given, Proposal)
    return given


@pytest.mark.req("P1")
def test_the_first_administrator_gives_posts_alone_until_there_is_a_second(city: City) -> None:
    admin, agent = city.administrator, city.agent
    given = actions.give_post(agent, by=admin, role="dispatcher")
    assert isinstance(given, Post)
    assert (given.given_by, given.agreed_by) == (admin, None)
    other = actions.give_post(agent, by=admin, role="administrator")
    assert isinstance(other, Post)
    assert isinstance(actions.give_post(agent, by=admin, role="supervisor"), Proposal)


@pytest.mark.req("P1")
def test_whoever_shuts_the_other_pair_of_eyes_is_not_alone_again(city: City, second: Staff) -> None:
    actions.set_staff_active(second, by=city.administrator, active=False)
    actions.end_post(second.posts.get(), by=city.administrator)
    assert isinstance(actions.give_post(city.agent, by=city.administrator, role="supervisor"), Proposal)


@pytest.mark.req("P1")
def test_a_post_counts_when_a_second_administrator_agrees(city: City, second: Staff) -> None:
    admin, agent = city.administrator, city.agent
    wanted = asked(actions.give_post(agent, by=admin, role="supervisor"))
    assert "supervisor" not in rights.roles_of(Staff.objects.get(pk=agent.pk))
    with pytest.raises(Refused, match="waits for a second"):
        actions.give_post(agent, by=second, role="supervisor")
    for nobody in (admin, agent, city.supervisor):
        with pytest.raises(Forbidden):
            actions.agree(wanted, by=nobody)
    actions.agree(wanted, by=second)
    post = agent.posts.get(role="supervisor")
    assert (post.given_by, post.agreed_by) == (admin, second)
    assert "supervisor" in rights.roles_of(Staff.objects.get(pk=agent.pk))
    for again in (actions.agree, lambda p, by: actions.refuse(p, by=by, reason="No.")):
        with pytest.raises(Refused, match="decided already"):
            again(wanted, by=second)
    assert [a.verb for a in Audit.objects.filter(kind="proposal", row=wanted.pk).order_by("pk")] == [
        "post.asked",
        "proposal.agreed",
    ]


@pytest.mark.req("P1")
def test_an_administrator_never_agrees_to_a_post_of_his_own(city: City, second: Staff) -> None:
    wanted = asked(actions.give_post(second, by=city.administrator, role="supervisor"))
    with pytest.raises(Forbidden):
        actions.agree(wanted, by=second)
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=wanted.pk).update(agreed=True, decided_by=city.administrator)


@pytest.mark.req("P1")
def test_a_refusal_says_why_and_an_asker_takes_it_back(city: City, second: Staff) -> None:
    wanted = asked(actions.give_post(city.agent, by=city.administrator, role="supervisor"))
    with pytest.raises(Refused, match="Say why"):
        actions.refuse(wanted, by=second, reason=" ")
    actions.refuse(wanted, by=second, reason="He is not trained yet.")
    back = asked(actions.give_post(city.agent, by=city.administrator, role="supervisor"))
    actions.refuse(back, by=city.administrator, reason="A mistake.")
    assert not city.agent.posts.filter(role="supervisor").exists()


@pytest.mark.req("P1")
def test_nothing_is_agreed_to_that_is_gone_in_the_meantime(city: City, second: Staff) -> None:
    admin = city.administrator
    until = asked(actions.give_post(city.agent, by=admin, role="leader", until=clock.now() + timedelta(seconds=30)))
    Proposal.objects.filter(pk=until.pk).update(until=clock.now() - timedelta(seconds=1))
    with pytest.raises(Refused, match="future"):
        actions.agree(until, by=second)
    shut = asked(actions.give_post(city.agent, by=admin, role="supervisor"))
    actions.set_staff_active(city.agent, by=admin, active=False)
    with pytest.raises(Refused, match="shut"):
        actions.agree(shut, by=second)


# --- the administrator of a unit ---


@pytest.mark.req("R7")
@pytest.mark.parametrize(
    ("role", "unit", "may"),
    [
        ("officer", "seeb", True),
        ("officer", "seeb-roads", True),
        ("leader", "seeb", True),
        ("administrator", "seeb-roads", True),
        ("administrator", "seeb", False),
        ("administrator", "", False),
        ("officer", "bawshar", False),
        ("leader", "", False),
        ("supervisor", "seeb", False),
        ("agent", "seeb", False),
        ("dispatcher", "", False),
        ("second_line", "seeb-roads", False),
    ],
)
def test_what_an_administrator_of_a_unit_may_give(city: City, of_seeb: Staff, role: str, unit: str, may: bool) -> None:
    holder = actions.make_staff(by=of_seeb, username="new", names=NAMES, unit=queries.unit("seeb-roads"))
    scope = queries.unit(unit) if unit else None
    if may:
        wanted = asked(actions.give_post(holder, by=of_seeb, role=role, unit=scope))
        actions.agree(wanted, by=city.administrator)
        assert holder.posts.get().unit == scope
    else:
        with pytest.raises(Forbidden):
            actions.give_post(holder, by=of_seeb, role=role, unit=scope)
        assert not Proposal.objects.exists()


@pytest.mark.req("R7")
def test_an_administrator_of_a_unit_agrees_within_it_only(city: City, of_seeb: Staff) -> None:
    account(city, "admin3", ("administrator", ""))
    inside = asked(
        actions.give_post(city.officer("seeb-roads"), by=city.administrator, role="leader", unit=queries.unit("seeb"))
    )
    actions.agree(inside, by=of_seeb)
    beyond = asked(
        actions.give_post(city.officer("bawshar"), by=city.administrator, role="leader", unit=queries.unit("bawshar"))
    )
    with pytest.raises(Forbidden):
        actions.agree(beyond, by=of_seeb)


@pytest.mark.req("R7")
def test_central_matters_stay_central(city: City, of_seeb: Staff) -> None:
    for verb in rights.RIGHTS["administrator"] - {"organisation.edit", "roster.edit"}:
        assert not rights.may(of_seeb, verb), verb
        with pytest.raises(Forbidden):
            rights.require(of_seeb, verb)
    with pytest.raises(Forbidden):
        actions.make_client(by=of_seeb, name="x", unit=queries.unit("seeb"))
    with pytest.raises(Forbidden):
        actions.save_house(by=of_seeb, second_factor=["agent"])


@pytest.mark.req("R7")
def test_accounts_beyond_the_scope_are_not_touched(city: City, of_seeb: Staff) -> None:
    own = city.officer("seeb-roads")
    both = account(city, "both", ("officer", "seeb-roads"), ("supervisor", ""))
    peer = account(city, "peer", ("administrator", "seeb"))
    nobody = account(city, "nobody")
    for other in (city.administrator, city.agent, city.officer("bawshar"), both, peer, nobody, of_seeb):
        with pytest.raises(Forbidden):
            actions.change_staff(other, by=of_seeb, names=NAMES, email="x@evil.example", phone="", language="en")
        for verb in (actions.hand_link, actions.unlock, actions.ask_factor_reset):
            with pytest.raises(Forbidden):
                verb(other, by=of_seeb)
        if other != of_seeb:
            with pytest.raises(Forbidden):
                actions.set_staff_active(other, by=of_seeb, active=False)
            with pytest.raises(Forbidden):
                actions.end_sessions(other, by=of_seeb)
    seeb = queries.unit("seeb")
    actions.change_staff(own, by=of_seeb, names=NAMES, email="o@seeb.example", phone="", language="en", unit=seeb)
    with pytest.raises(Forbidden):
        actions.change_staff(own, by=of_seeb, names=NAMES, email="o@seeb.example", phone="", language="en", unit=None)
    with pytest.raises(Forbidden):
        actions.make_staff(by=of_seeb, username="free", names=NAMES)
    actions.set_staff_active(own, by=of_seeb, active=False)


@pytest.mark.req("R7")
def test_a_post_that_waits_beyond_the_scope_takes_the_account_along(city: City, of_seeb: Staff) -> None:
    own = city.officer("seeb-roads")
    actions.give_post(own, by=of_seeb, role="leader", unit=queries.unit("seeb"))
    assert rights.keeps(of_seeb, own)
    account(city, "admin3", ("administrator", ""))
    actions.give_post(own, by=city.administrator, role="supervisor")
    assert not rights.keeps(of_seeb, own)


@pytest.mark.req("R7")
def test_units_beyond_the_scope_are_not_touched(city: City, of_seeb: Staff) -> None:
    seeb, roads, bawshar = queries.unit("seeb"), queries.unit("seeb-roads"), queries.unit("bawshar")
    facts = actions.UnitFacts(code="seeb-lamps", kind="section", names=NAMES, parent=seeb)
    made = actions.save_unit(facts, by=of_seeb)
    actions.move_unit(made, by=of_seeb, parent=roads)
    assert Unit.objects.get(pk=made.pk).lies_under(roads)
    wrong: list[Callable[[], object]] = [
        lambda: actions.move_unit(made, by=of_seeb, parent=bawshar),
        lambda: actions.move_unit(made, by=of_seeb, parent=None),
        lambda: actions.move_unit(seeb, by=of_seeb, parent=None),
        lambda: actions.move_unit(bawshar, by=of_seeb, parent=seeb),
        lambda: actions.set_unit_active(seeb, by=of_seeb, active=False),
        lambda: actions.merge_unit(seeb, into=roads, by=of_seeb),
        lambda: actions.merge_unit(roads, into=bawshar, by=of_seeb),
        lambda: actions.save_unit(actions.UnitFacts(code="x", kind="section", names=NAMES), by=of_seeb),
        lambda: actions.save_unit(
            actions.UnitFacts(code="seeb-c", kind="centre", names=NAMES, parent=seeb), by=of_seeb
        ),
        lambda: actions.save_unit(
            actions.UnitFacts(code="bawshar", kind=bawshar.kind, names=NAMES, parent=bawshar.parent),
            by=of_seeb,
            unit=bawshar,
        ),
        lambda: actions.tell_staff(by=of_seeb, body="To all"),
    ]
    for one in wrong:
        with pytest.raises(Forbidden):
            one()
    own = actions.UnitFacts(code="seeb", kind=seeb.kind, names=seeb.names, parent=seeb.parent, mail="new@seeb.example")
    actions.save_unit(own, by=of_seeb, unit=seeb)
    assert Unit.objects.get(pk=seeb.pk).mail == "new@seeb.example"


def test_units_are_put_in_order_and_in_a_ring_never(city: City) -> None:
    admin, seeb = city.administrator, queries.unit("seeb")
    first, *rest = Unit.objects.filter(parent=seeb).order_by("place", "pk")
    actions.move_unit(rest[-1], by=admin, parent=seeb, before=first)
    assert [u.pk for u in Unit.objects.filter(parent=seeb).order_by("place", "pk")][:2] == [rest[-1].pk, first.pk]
    with pytest.raises(Refused, match="below itself"):
        actions.move_unit(seeb, by=admin, parent=first)


# --- accounts ---


@pytest.mark.req("P5", "P1")
def test_nobody_comes_by_the_account_of_another_administrator(city: City, second: Staff) -> None:
    with pytest.raises(Refused, match="himself"):
        actions.hand_link(second, by=city.administrator)
    with pytest.raises(Refused, match="himself"):
        actions.change_staff(
            second, by=city.administrator, names=NAMES, email="mine@evil.example", phone="", language="en"
        )
    Staff.objects.filter(pk=second.pk).update(last_login=None)
    second.refresh_from_db()
    actions.hand_link(second, by=city.administrator)


@pytest.mark.req("P5")
def test_ten_wrong_passwords_lock_for_a_while_and_no_longer(city: City) -> None:
    agent = city.agent
    for _n in range(signin.WRONG_UNTIL_LOCKED):
        signin.note_failure(agent.username.upper())
    agent.refresh_from_db()
    assert signin.is_locked(agent)
    until = agent.locked_until
    signin.note_failure(agent.username)
    signin.note_failure("nobody-of-this-name")
    agent.refresh_from_db()
    assert agent.locked_until == until, "hammering at it does not make it longer"
    actions.unlock(agent, by=city.administrator)
    agent.refresh_from_db()
    assert not signin.is_locked(agent)
    assert Audit.objects.filter(verb="staff.unlocked", row=agent.pk).exists()


@pytest.mark.req("P5")
def test_what_a_leaver_has_open_is_passed_on(city: City) -> None:
    told = city.report().registered()
    owner = told.fresh().owner
    assert owner == city.agent
    assert handover.open_with(city.agent).cases >= 1
    actions.set_staff_active(
        city.agent,
        by=city.administrator,
        active=False,
        hand_over=lambda leaver, by: handover.hand_over(leaver, to=city.dispatcher, by=by),
    )
    assert told.fresh().owner == city.dispatcher
    handover.hand_over(city.dispatcher, to=city.officer("audit"), by=city.administrator)
    assert told.fresh().owner is None, "a colleague who may not see it does not get it"
    assert journal.verify().broken is None


@pytest.mark.slow
def test_a_unit_is_merged_with_all_that_was_its_own(city: City) -> None:
    told = city.report().dispatched_to("seeb-roads").signed()
    gone, goal = queries.unit("seeb-roads"), queries.unit("seeb-cleaning")
    with pytest.raises(Refused, match="Orders are still"):
        actions.merge_unit(gone, into=goal, by=city.administrator)
    officer = city.officer("seeb-roads")
    actions.merge_unit(gone, into=goal, by=city.administrator, move_orders=handover.move_orders)
    assert told.fresh().unit_id == goal.pk
    assert told.order.unit_id == goal.pk
    assert told.order.state == "signed"
    assert told.case.due_next is not None
    assert [p.unit_id for p in rights.current_posts().filter(staff=officer)] == [goal.pk]
    gone.refresh_from_db()
    assert (gone.active, gone.merged_into) == (False, goal)
    queries.forget()
    assert queries.standing(queries.unit("seeb-roads")).pk == goal.pk
    told.replied()
    assert journal.verify().broken is None
