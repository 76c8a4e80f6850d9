"""The life cycle of a case, verb by verb, and its guards."""

from datetime import timedelta

import pytest

from tests.city import City
from wasl.core.cases import actions, queries
from wasl.core.cases.change import THE_CITIZEN, THE_SYSTEM, NotAllowed, StaleCase
from wasl.core.cases.models import Case
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Post
from wasl.core.organisation.rights import Forbidden
from wasl.core.people.actions import Reach
from wasl.kernel import acceptance, clock


@pytest.mark.req("F1", "F9", "A2", "G1")
def test_the_whole_way_from_report_to_confirmed(city: City) -> None:
    told = city.report().dispatched_to().signed().replied().told().confirmed()
    assert told.case.state == "closed"
    assert told.case.outcome == "fixed"
    assert not told.case.unconfirmed
    assert told.verbs() == [
        "case.received", "case.registered", "case.dispatched", "order.signed", "order.replied", "case.reviewed",
        "case.told", "case.confirmed", "case.closed",
    ]  # fmt: skip


@pytest.mark.req("F3", "F4")
def test_a_report_gets_a_number_a_unit_and_a_due_date(city: City) -> None:
    case = city.report().case
    assert acceptance.parse(case.number) == case.number
    assert case.unit == organisation.unit("water")
    assert case.due_centre is not None
    assert case.due_next == case.due_centre


@pytest.mark.req("F1")
def test_nobody_closes_before_the_citizen_was_told_and_asked(city: City) -> None:
    told = city.report().dispatched_to().replied().reviewed()
    with pytest.raises(NotAllowed):
        actions.close(told.case, by=city.supervisor)
    told.told()
    with pytest.raises(NotAllowed, match="asked and has not answered"):
        actions.close(told.case, by=city.supervisor)


@pytest.mark.req("F1")
def test_silence_closes_as_unconfirmed_when_his_time_is_over(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    with clock.later(timedelta(days=12)):
        actions.close(told.case, by=THE_SYSTEM)
    assert told.fresh().unconfirmed


@pytest.mark.req("F1", "I2")
def test_three_attempts_exhaust_the_duty_to_ask(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    for _ in range(3):
        actions.record_attempt(told.case, by=city.agent, medium="phone")
    actions.close(told.case, by=city.supervisor)
    assert told.fresh().unconfirmed


def test_the_closer_is_never_the_only_reviewer(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    with clock.later(timedelta(days=12)), pytest.raises(NotAllowed, match="reviewer"):
        actions.close(told.case, by=city.second_line)


def test_nobody_reviews_his_own_reply(city: City) -> None:
    told = city.report().dispatched_to().signed()
    order = told.order
    officer = city.officer_of(order.unit)
    officer.posts.create(role="second_line", since=clock.now() - timedelta(days=1))
    officer = city.staff(officer.username)
    actions.reply(order, by=officer, outcome="fixed", text="We repaired it on Thursday.")
    with pytest.raises(NotAllowed, match="author"):
        actions.review(told.fresh(), by=officer)


@pytest.mark.req("G2")
def test_a_designated_unit_may_not_return(city: City) -> None:
    told = (
        city.report()
        .dispatched_to("water")
        .returned(proposed="roads")
        .dispatched_to("roads")
        .returned()
        .arbitrated(to="water")
    )
    order = told.order
    with pytest.raises(NotAllowed, match="designated"):
        actions.return_order(order, by=city.officer("water"), reason="not-our-duty", seen=told.case.version)
    with pytest.raises(NotAllowed, match="designated"):
        actions.object_to(order, by=city.officer("water"), text="It is not ours at all.")


def test_the_second_return_opens_arbitration(city: City) -> None:
    told = city.report().dispatched_to("water").returned()
    assert told.case.state == "returned"
    told.dispatched_to("roads").returned()
    assert told.case.state == "arbitration"
    assert told.case.due_centre is not None


def test_a_return_after_its_time_is_refused(city: City) -> None:
    told = city.report().dispatched_to("water")
    with clock.later(timedelta(days=9)), pytest.raises(NotAllowed, match="time for returning"):
        told.returned()


@pytest.mark.req("B22")
def test_never_to_the_unit_complained_of_nor_below_it(city: City) -> None:
    seeb = organisation.unit("seeb")
    told = city.report("water-leak", against=seeb)
    with pytest.raises(NotAllowed, match="about that unit"):
        told.registered().dispatched_to("seeb-cleaning")
    told.dispatched_to("audit")
    assert not queries.visible_to(city.officer("seeb-cleaning")).filter(pk=told.case.pk).exists()
    assert queries.visible_to(city.officer("audit")).filter(pk=told.case.pk).exists()


@pytest.mark.req("B22")
def test_conduct_goes_to_audit_and_is_confidential(city: City) -> None:
    from wasl.core.catalogue import queries as catalogue

    conduct = next(c for c in catalogue.in_force().leaves if c.conduct)
    case = city.report(conduct.code, against=organisation.unit("seeb-cleaning")).case
    assert case.confidential
    assert case.unit == organisation.unit("audit")
    assert not queries.public().filter(pk=case.pk).exists()


def test_a_stale_screen_gets_the_difference(city: City) -> None:
    told = city.report().registered()
    seen = told.case.version
    actions.note(told.case, by=city.agent, text="The pipe is large.")
    with pytest.raises(StaleCase) as caught:
        actions.dispatch(Case.objects.get(pk=told.case.pk), by=city.dispatcher, seen=seen)
    assert [e.verb for e in caught.value.since] == ["case.noted"]


def test_a_look_at_the_identity_makes_no_screen_stale(city: City) -> None:
    told = city.report().registered()
    seen = told.case.version
    actions.see_identity(told.case, by=city.agent, reason="contact-person")
    actions.dispatch(told.case, by=city.dispatcher, seen=seen)


def test_the_no_goes_one_level_up(city: City) -> None:
    told = city.report("water-leak").dispatched_to("seeb-cleaning").replied().told().contested()
    assert told.case.state == "contested"
    with pytest.raises(NotAllowed, match="again"):
        actions.dispatch(told.case, by=city.dispatcher, unit=organisation.unit("seeb-cleaning"))
    actions.redo(told.case, by=city.second_line, text="He says the water is still there.")
    assert told.fresh().unit == organisation.unit("seeb")
    assert told.case.redos == 1


def test_refused_by_review_goes_back_to_the_unit(city: City) -> None:
    told = city.report().dispatched_to("seeb-cleaning").replied()
    actions.redo(told.case, by=city.second_line, text="No date, no proof.")
    assert told.fresh().unit == organisation.unit("seeb-cleaning")


@pytest.mark.req("G5")
def test_a_sub_order_stays_below_and_the_parent_keeps_the_clock(city: City) -> None:
    told = city.report().dispatched_to("seeb").signed()
    due = told.case.due_result
    order = told.order
    officer = city.officer("seeb")
    with pytest.raises(NotAllowed, match="below your own"):
        actions.sub_dispatch(order, by=officer, unit=organisation.unit("water"))
    actions.sub_dispatch(order, by=officer, unit=organisation.unit("seeb-cleaning"))
    sub = told.case.orders.get(role="sub")
    assert told.fresh().due_result == due
    with pytest.raises(NotAllowed, match="sub-order"):
        actions.reply(order, by=officer, outcome="fixed", text="We repaired it on Thursday.")
    cleaner = city.officer("seeb-cleaning")
    actions.sign_for(sub, by=cleaner)
    assert told.fresh().state == "signed"
    actions.reply(sub, by=cleaner, outcome="fixed", text="Our part is done since noon.")
    actions.reply(order, by=officer, outcome="fixed", text="We repaired it on Thursday.")
    assert told.fresh().state == "replied"


@pytest.mark.req("F14")
def test_the_higher_authority_gets_the_file(city: City) -> None:
    told = city.report().dispatched_to("seeb-cleaning").signed()
    actions.escalate(told.case, by=city.officer("seeb-cleaning"), reason="It needs a decision of the directorate.")
    assert told.fresh().unit == organisation.unit("seeb")
    assert told.order.no_return


def test_a_pause_has_a_listed_reason_and_an_end_and_is_approved(city: City) -> None:
    told = city.report().dispatched_to().signed()
    order = told.order
    officer = city.officer_of(order.unit)
    now = clock.now()
    until = now + timedelta(days=2)
    with pytest.raises(Forbidden):
        actions.suspend(told.case, by=officer, reason="waiting-citizen", until=until)
    with pytest.raises(NotAllowed, match="listed"):
        actions.ask_pause(order, by=officer, reason="because", until=until)
    with pytest.raises(NotAllowed, match="future"):
        actions.ask_pause(order, by=officer, reason="waiting-citizen", until=now)
    with pytest.raises(NotAllowed, match="longest"):
        actions.ask_pause(order, by=officer, reason="waiting-citizen", until=now + timedelta(days=900))
    due = told.case.due_result
    actions.ask_pause(order, by=officer, reason="waiting-citizen", until=until, text="We need the meter's number.")
    assert told.fresh().due_result == due
    actions.suspend(told.case, by=city.supervisor, reason="waiting-citizen", until=until)
    assert told.case.state == "suspended"
    assert told.case.due_result is not None
    assert due is not None
    assert told.case.due_result > due
    actions.add(told.case, by=THE_CITIZEN, text="Here is what you asked for.")
    assert told.fresh().state == "signed"


def test_only_a_wait_for_the_citizen_ends_when_he_writes(city: City) -> None:
    told = city.report().dispatched_to().signed()
    actions.suspend(told.case, by=city.supervisor, reason="weather", until=clock.now() + timedelta(days=1))
    actions.add(told.case, by=THE_CITIZEN, text="Hello?")
    assert told.fresh().state == "suspended"


def test_pauses_do_not_add_up_beyond_their_cap(city: City) -> None:
    told = city.report().dispatched_to().signed()
    longest = timedelta(days=1)
    at = clock.now()
    for _ in range(60):
        with clock.held(at):
            try:
                actions.suspend(told.fresh(), by=city.supervisor, reason="weather", until=at + longest)
            except NotAllowed:
                break
        at += longest
        with clock.held(at):
            actions.resume(told.fresh(), by=THE_SYSTEM)
    else:
        pytest.fail("a case can be suspended for ever, a day at a time")


@pytest.mark.req("I10")
def test_an_extension_needs_a_reason_and_has_a_cap(city: City) -> None:
    told = city.report("water-leak", kind="suggestion", urgency="normal").dispatched_to().signed()
    order, officer = told.order, city.officer_of(told.order.unit)
    before = told.case.due_result
    with pytest.raises(NotAllowed):
        actions.ask_extension(order, by=officer, duration="400wd", reason="complex", text="It is a large pipe.")
    actions.ask_extension(order, by=officer, duration="5wd", reason="complex", text="It is a large pipe.")
    with pytest.raises(Forbidden):
        actions.grant_extension(order, by=officer)
    actions.grant_extension(order, by=city.supervisor)
    after = told.fresh().due_result
    assert before is not None
    assert after is not None
    assert after > before


def test_reclassifying_moves_it_to_the_unit_responsible(city: City) -> None:
    told = city.report("water-leak").dispatched_to()
    actions.reclassify(told.case, by=city.agent, category="gas-leak", reason="It smells of gas.")
    assert told.fresh().category == "gas-leak"
    assert told.case.unit == organisation.unit("gas")
    assert told.case.urgency == "critical"
    live = told.case.orders.filter(role="lead", state="dispatched")
    assert [o.unit for o in live] == [organisation.unit("gas")]


def test_followers_keep_their_number_and_end_with_their_head(city: City) -> None:
    head, follower = (
        city.report(),
        city.report(reach=Reach(name="Ali", mail="ali@example.com", channel="mail")),
    )
    actions.join(follower.case, by=city.agent, head=head.case)
    assert follower.fresh().state == "joined"
    head.dispatched_to().replied().told().confirmed()
    assert follower.fresh().state == "closed"
    assert follower.case.outcome == "fixed"
    with pytest.raises(NotAllowed):
        actions.join(city.report().case, by=city.agent, head=follower.case)


def test_a_parent_does_not_close_over_an_open_part(city: City) -> None:
    told = city.report().dispatched_to()
    part = actions.open_part(told.case, by=city.dispatcher, category="gas-leak", text="The pit must be filled.")
    told.replied().told().confirmed()
    assert told.case.state == "confirmed"
    with pytest.raises(NotAllowed, match="part"):
        actions.close(told.case, by=city.supervisor)
    assert part.case.parent_id == told.case.pk


def test_rating_once_and_within_five_levels(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    with pytest.raises(NotAllowed):
        actions.rate(told.case, rating=6)
    actions.rate(told.case, rating=4, pressured=True)
    assert told.fresh().pressured
    with pytest.raises(NotAllowed, match="already"):
        actions.rate(told.case, rating=1)


def test_reopening_within_the_time_for_it(city: City) -> None:
    told = city.report().dispatched_to().replied().told().confirmed()
    with clock.later(timedelta(days=40)), pytest.raises(NotAllowed, match="time to reopen"):
        actions.reopen(told.case, by=THE_CITIZEN, text="It leaks again.")
    actions.reopen(told.case, by=THE_CITIZEN, text="It leaks again.")
    assert told.fresh().state == "contested"
    assert told.case.due_next is not None


def test_refusing_names_a_ground(city: City) -> None:
    told = city.report()
    with pytest.raises(NotAllowed, match="listed"):
        actions.refuse(told.case, by=city.agent, ground="we-do-not-like-it")
    actions.refuse(told.case, by=city.agent, ground="court")
    assert told.case.outcome == "refused"


@pytest.mark.req("E5")
def test_answering_at_once_closes_without_a_unit(city: City) -> None:
    told = city.report(kind="enquiry")
    actions.answer(told.case, by=city.agent, text="The office is open from 07:30 to 14:30.")
    actions.close(told.case, by=city.supervisor)
    assert told.fresh().outcome == "answered"


@pytest.mark.req("A5")
@pytest.mark.slow
def test_no_open_case_is_adrift(city: City) -> None:
    city.report()
    city.report().dispatched_to()
    city.report().dispatched_to().returned()
    city.report().dispatched_to().replied()
    city.report().dispatched_to().replied().told()
    city.report().dispatched_to().replied().told().contested()
    assert not queries.adrift(Case.objects.all()).exists()


@pytest.mark.req("H1")
def test_due_soon_and_overdue_are_right_to_the_instant(city: City) -> None:
    case = city.report().dispatched_to().case
    due = case.due_next
    assert due is not None
    mine = Case.objects.filter(pk=case.pk)
    second = timedelta(seconds=1)
    assert queries.due_within(mine, 1, at=due - timedelta(hours=1) + second).exists()
    assert not queries.due_within(mine, 1, at=due - timedelta(hours=1) - second).exists()
    assert not queries.overdue(mine, at=due).exists()
    assert queries.overdue(mine, at=due + second).exists()


def test_the_same_key_gives_the_same_case(city: City) -> None:
    one = city.report(idempotency_key="abc").case
    two = city.report(idempotency_key="abc").case
    assert one.pk == two.pk


def test_an_unknown_category_is_an_error_and_leaves_nothing(city: City) -> None:
    before = Case.objects.count()
    with pytest.raises(LookupError):
        city.report("no-such-thing")
    assert Case.objects.count() == before


def test_the_clock_runs_on_while_units_hand_a_case_around(city: City) -> None:
    told = city.report("water-leak").dispatched_to("water")
    due = told.case.due_result
    with clock.later(timedelta(minutes=30)):
        told.returned(proposed="roads")
        assert told.case.due_result is not None
        with pytest.raises(NotAllowed, match="returned it"):
            actions.dispatch(told.case, by=city.dispatcher)
        told.dispatched_to("water")
    assert told.case.due_result == due


def test_three_attempts_count_only_after_he_was_asked(city: City) -> None:
    told = city.report().dispatched_to().replied().reviewed()
    for _ in range(3):
        actions.record_attempt(told.case, by=city.agent, medium="phone", reached=True)
    told.told()
    with pytest.raises(NotAllowed, match="asked and has not answered"):
        actions.close(told.case, by=city.supervisor)


def test_a_redo_has_its_own_first_contact(city: City) -> None:
    told = city.report().dispatched_to("water").signed()
    officer = city.officer("water")
    actions.record_contact(told.order, by=officer, medium="phone", reached=True)
    told.replied().told().contested()
    actions.redo(told.case, by=city.second_line, text="Again, please.")
    told.signed()
    assert told.case.due_contact is not None
    actions.record_contact(told.order, by=city.officer_of(told.order.unit), medium="phone", reached=True)
    assert told.fresh().due_contact is None


def test_a_new_class_never_takes_off_confidence(city: City) -> None:
    told = city.report().registered()
    actions.flag(told.case, by=city.agent, flags={"confidential": True})
    actions.reclassify(told.fresh(), by=city.agent, category="gas-leak", reason="It is gas.")
    assert told.fresh().confidential


def test_only_the_lead_may_hand_a_case_up_and_only_to_its_own_parent(city: City) -> None:
    told = city.report().dispatched_to("seeb-cleaning", "roads-maintenance").signed()
    with pytest.raises(Forbidden):
        actions.escalate(told.case, by=city.officer("roads-maintenance"), reason="It is too much.")
    with pytest.raises(NotAllowed, match="unit above"):
        actions.escalate(told.case, by=city.officer("seeb-cleaning"), reason="Too much.", to=organisation.unit("gas"))


def test_what_the_citizen_reads_is_the_lead_units_reply(city: City) -> None:
    told = city.report().dispatched_to("water", "roads-maintenance").signed()
    helper = told.case.orders.get(role="assist")
    road_worker = city.officer("roads-maintenance")
    actions.sign_for(helper, by=road_worker)
    told.replied(text="The pipe is repaired and tested.")
    actions.reply(helper, by=road_worker, outcome="fixed", text="The asphalt is closed again.")
    told.told()
    from wasl.core.cases.models import Remark

    last = told.case.entries.get(verb="case.told")
    assert Remark.objects.get(pk=queries.data_of(last)["remark"]).body == "The pipe is repaired and tested."


def test_somebody_elses_key_gives_nothing_away(city: City) -> None:
    one = city.report(idempotency_key="k" * 200)
    two = city.report(idempotency_key="k" * 201)
    assert one.case.pk != two.case.pk


def test_an_inactive_unit_gets_nothing_by_itself(city: City) -> None:
    from wasl.core.organisation.models import Unit

    Unit.objects.filter(code="water").update(active=False)
    organisation.forget()
    case = city.report(trusted=True).case
    assert case.state == "received"
    assert case.route["why"] == "inactive"


@pytest.mark.req("B22")
def test_a_part_of_a_confidential_case_is_confidential(city: City) -> None:
    told = city.report().dispatched_to()
    actions.flag(told.case, by=city.agent, flags={"confidential": True})
    part = actions.open_part(told.fresh(), by=city.dispatcher, category="street-light-out", text="The light as well.")
    assert Case.objects.get(pk=part.case.pk).confidential
    assert not queries.public().filter(pk=part.case.pk).exists()


@pytest.mark.req("N4")
def test_nobody_of_the_handling_unit_answers_for_the_citizen(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    colleague = city.new_officer(told.order.unit)
    Post.objects.create(staff=colleague, role="agent", since=clock.now())
    with pytest.raises(NotAllowed, match="handled"):
        actions.confirm(told.case, by=colleague)
    actions.confirm(told.case, by=city.agent)
