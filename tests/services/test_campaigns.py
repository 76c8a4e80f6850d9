"""Campaigns: lists from files, approval by two, sending in steps that survive anything, salaries, emergencies."""

from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from threading import Barrier, Thread

import pytest
from django.apps import apps
from django.db import connection, transaction

from tests.city import City
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.actions import house
from wasl.core.organisation.models import Post, Staff, Unit
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock, seal
from wasl.services.campaigns import acknowledging, actions, clients, people, queries, sending, targets
from wasl.services.campaigns.actions import CampaignFacts, Refused
from wasl.services.campaigns.models import Campaign, Group, Member, Receiver
from wasl.services.dialogue import actions as dialogue
from wasl.services.dialogue import opting
from wasl.services.dialogue import queries as codes
from wasl.services.dialogue.actions import Said
from wasl.services.texts import actions as texts
from wasl.services.texts import queries as gateway
from wasl.services.texts.actions import words_place
from wasl.services.texts.making import STOPPED
from wasl.services.texts.models import Client, Klass, Operator, Queued, Route, Text

pytestmark = pytest.mark.django_db
Kind, State = Campaign.Kind, Campaign.State


def carried() -> None:
    """An operator that carries everything."""
    operator = Operator.objects.create(code="first", name="First", cost="0.0050")
    Route.objects.create(name="all", operators=[operator.pk])
    gateway.forget()


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    if "committed_city" not in request.fixturenames:
        request.getfixturevalue("city")
    carried()
    codes.forget()
    yield
    gateway.forget()


@pytest.fixture
def author(city: City) -> Staff:
    """Somebody who writes for roads."""
    return city.officer_of(organisation.unit("roads"))


@pytest.fixture
def second(city: City) -> Staff:
    """Somebody else of the same unit."""
    return city.new_officer(organisation.unit("roads"))


def number(n: int) -> str:
    return f"+968{92000000 + n}"


def csv(n: int, *, first: int = 1) -> bytes:
    lines = [f"{number(k)},Name {k},{'ar' if k % 2 else 'en'}" for k in range(first, first + n)]
    return "\n".join(["number,name,language", *lines]).encode()


def a_list(by: Staff, n: int = 3, name: str = "Crew", first: int = 1) -> Group:
    """A list of n people."""
    group = actions.save_group(None, by=by, unit=organisation.unit("roads"), name=name, kind=Group.Kind.LIST)
    actions.confirm(actions.stage(group, by=by, name="a.csv", content=csv(n, first=first)), by=by)
    return group


def facts(*groups: Group, **more: object) -> CampaignFacts:
    given: dict[str, object] = {
        "unit": organisation.unit("roads"),
        "kind": Kind.CITIZENS,
        "name": "Road closed",
        "words": {"en": "The coast road is closed on Friday.", "ar": "الطريق الساحلي مغلق يوم الجمعة."},
        "groups": groups,
        **more,
    }
    return CampaignFacts(**given)  # type: ignore[arg-type]  # the fields by name


def handed_in(by: Staff, *groups: Group, **more: object) -> Campaign:
    made = actions.save(None, by=by, facts=facts(*groups, **more))
    return actions.hand_in(made, by=by, seen=made.version)


def said(text: Text) -> str:
    return seal.unseal(bytes(text.words_sealed or b""), place=words_place(text.pk))


# --- lists ---


def test_a_file_shows_what_it_would_change_and_then_changes_it(author: Staff) -> None:
    group = a_list(author)
    content = (
        "الرقم;الاسم;اللغة\n٩٢٠٠٠٠٠١;Name 1;ar\n92000002;Another;en\n92000009;Nine;xx\n92000009;Again;\nabc;;\n1111;;"
    )
    upload = actions.stage(group, by=author, name="b.csv", content=content.encode(), whole=True)
    seen = actions.preview(upload)
    assert seen.difference == people.Difference(added=1, changed=1, gone=1, same=1)
    assert (seen.listed.twice, seen.listed.wrong) == (1, 2)
    assert [line for line, _why in seen.listed.errors] == [6, 7]
    assert Member.objects.filter(group=group).count() == 3, "nothing is changed by looking"
    assert actions.confirm(upload, by=author) == 3
    assert sorted(people.name_of(one) for one in group.members.all()) == ["Another", "Name 1", "Nine"]
    with pytest.raises(Refused):
        actions.confirm(upload, by=author)
    raw = b"".join(bytes(one.number_sealed) + bytes(one.name_sealed or b"") for one in group.members.all())
    assert b"9200000" not in raw
    assert b"Nine" not in raw


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2", b"\xff\xfe\x00", b"number\n"])
def test_a_file_that_is_none_is_refused(author: Staff, content: bytes) -> None:
    group = a_list(author)
    with pytest.raises(Refused):
        actions.confirm(actions.stage(group, by=author, name="x.csv", content=content), by=author)
    assert group.members.count() == 3


def test_a_unit_has_its_own_groups_only(city: City, author: Staff) -> None:
    other = city.officer("audit")
    group = a_list(author)
    assert group not in queries.groups_of(other)
    for verb in (
        lambda: actions.save_group(group, by=other, unit=group.unit, name="Mine", kind=group.kind),
        lambda: actions.stage(group, by=other, name="x", content=csv(1)),
        lambda: actions.save(None, by=other, facts=facts(unit=organisation.unit("audit"), groups=[group])),
        lambda: actions.save(None, by=other, facts=facts()),
        lambda: handed_in(city.agent, group),
    ):
        with pytest.raises(Forbidden):
            verb()
    topic_kind = Group.Kind.SUBSCRIBERS
    with pytest.raises(Forbidden):
        actions.save_group(None, by=author, unit=group.unit, name="All", kind=topic_kind)


# --- few people, many people ---


@pytest.mark.req("J4", "I4", "J14", "Q4")
def test_an_announcement_to_few_goes_at_once(author: Staff) -> None:
    campaign = handed_in(author, a_list(author))
    assert campaign.state == State.READY
    assert sending.send_campaigns() == 3
    texts = list(Text.objects.order_by("pk"))
    arabic, english = facts().words["ar"], facts().words["en"]
    assert [said(one) for one in texts] == [arabic, english, arabic]
    assert {(one.client.code, one.klass) for one in texts} == {("unit-roads", Klass.BULK)}
    assert Client.objects.get(code="unit-roads").unit == organisation.unit("roads")
    assert sending.send_campaigns() == 0, "once is enough"
    done = queries.result_of(campaign)
    assert (done.targeted, done.waiting, done.delivered) == (3, 3, 0)
    Queued.objects.all().delete()
    operator = Operator.objects.get()
    now = clock.now()
    Text.objects.all().update(state="delivered", operator=operator, accepted_at=now, ended_at=now)
    sending.send_campaigns()
    campaign.refresh_from_db()
    done = queries.result_of(campaign)
    assert (campaign.state, done.sent, done.delivered, done.reached) == (State.DONE, 3, 3, 1.0)
    assert done.cost == "0.0150"
    assert [(one.targeted, one.delivered, one.percent) for one in queries.reach_of(author)] == [(3, 3, 100)]
    assert [row["name"] for row in queries.rows_of(campaign)] == ["Name 1", "Name 2", "Name 3"]


@pytest.mark.req("J4")
def test_for_how_many_people_somebody_approves_is_a_rule_of_the_house(author: Staff, city: City, second: Staff) -> None:
    house.save_house(by=city.administrator, alone=3)
    group = a_list(author, 3)
    assert handed_in(author, group).state == State.READY
    assert handed_in(author, group).state == State.ASKED, "with what he sent today already"
    assert handed_in(second, group).state == State.READY
    house.save_house(by=city.administrator, alone=2)
    assert handed_in(second, group).state == State.ASKED


@pytest.mark.req("J4")
def test_for_many_somebody_else_approves(author: Staff, second: Staff) -> None:
    campaign = handed_in(author, a_list(author, 101))
    assert campaign.state == State.ASKED
    assert sending.send_campaigns() == 0
    with pytest.raises(Forbidden):
        actions.approve(campaign, by=author, seen=campaign.version)
    with pytest.raises(Refused):
        actions.approve(campaign, by=second, seen=campaign.version - 1)
    actions.approve(campaign, by=second, seen=campaign.version)
    assert sending.send_campaigns() == 101
    assert Text.objects.count() == 101


def test_who_hands_in_what_another_wrote_may_not_approve_it(author: Staff, second: Staff) -> None:
    made = actions.save(None, by=author, facts=facts(a_list(author, 101)))
    asked = actions.hand_in(made, by=second, seen=made.version)
    for one in (author, second):
        with pytest.raises(Forbidden):
            actions.approve(asked, by=one, seen=asked.version)


def test_many_small_ones_are_one_large_one(author: Staff) -> None:
    assert handed_in(author, a_list(author, 60)).state == State.READY
    assert handed_in(author, a_list(author, 40, "B", 200)).state == State.READY
    assert handed_in(author, a_list(author, 1, "C", 300)).state == State.ASKED


@pytest.mark.slow
def test_what_grew_after_it_was_handed_in_is_asked_about_again(author: Staff, second: Staff) -> None:
    group = a_list(author, 5)
    campaign = handed_in(author, group, not_before=clock.now() + timedelta(hours=1))
    actions.confirm(actions.stage(group, by=author, name="b.csv", content=csv(200)), by=author)
    with clock.held(clock.now() + timedelta(hours=2)):
        assert sending.send_campaigns() == 0
        campaign.refresh_from_db()
        assert (campaign.state, campaign.people) == (State.ASKED, 200)
        actions.approve(campaign, by=second, seen=campaign.version)
        assert sending.send_campaigns() == 200


@pytest.mark.slow
def test_what_grows_counts_with_all_that_one_person_sends(author: Staff) -> None:
    later = clock.now() + timedelta(hours=1)
    lists = [a_list(author, 30, name, first) for name, first in (("A", 100), ("B", 200))]
    campaigns = [handed_in(author, one, not_before=later) for one in lists]
    for group, first in zip(lists, (300, 400), strict=True):
        actions.confirm(actions.stage(group, by=author, name="b.csv", content=csv(40, first=first)), by=author)
    # Handed in long ago or not: what begins in one day is counted together.
    for days in (0, 3):
        with transaction.atomic(), clock.held(later + timedelta(days=days)):
            assert sending.send_campaigns() == 70
            states = [Campaign.objects.get(pk=one.pk).state for one in campaigns]
            assert states == [State.GOING, State.ASKED]
            transaction.set_rollback(True)


def test_what_was_approved_may_grow_by_a_tenth(author: Staff, second: Staff) -> None:
    group = a_list(author, 101)
    campaign = handed_in(author, group, not_before=clock.now() + timedelta(hours=1))
    campaign = actions.approve(campaign, by=second, seen=campaign.version)
    for n, state in ((111, State.GOING), (112, State.ASKED)):
        with transaction.atomic(), clock.held(clock.now() + timedelta(hours=2)):
            people.take(group, people.read(csv(n)).people, whole=True)
            sending.send_campaigns()
            assert Campaign.objects.get(pk=campaign.pk).state == state
            transaction.set_rollback(True)


def test_what_was_approved_goes_to_those_it_was_approved_for(author: Staff, second: Staff) -> None:
    group = a_list(author, 101)
    campaign = handed_in(author, group, not_before=clock.now() + timedelta(hours=1))
    seen = campaign.version
    actions.confirm(actions.stage(group, by=author, name="b.csv", content=csv(101, first=500), whole=True), by=author)
    with pytest.raises(Refused, match="changed"):
        actions.approve(campaign, by=second, seen=seen)
    campaign.refresh_from_db()
    actions.approve(campaign, by=second, seen=campaign.version)
    actions.confirm(actions.stage(group, by=author, name="c.csv", content=csv(101), whole=True), by=author)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.approved_by, campaign.people) == (State.ASKED, None, 101)
    campaign = actions.approve(campaign, by=second, seen=campaign.version)
    actions.save_group(group, by=author, unit=group.unit, name="Renamed", kind=group.kind)
    campaign.refresh_from_db()
    assert campaign.state == State.READY, "a name changes nobody"
    actions.save_group(group, by=author, unit=group.unit, name="Renamed", kind=group.kind, on=False)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.people) == (State.ASKED, 0)
    with clock.held(clock.now() + timedelta(hours=2)):
        assert sending.send_campaigns() == 0


def test_it_goes_at_its_time_and_is_sent_back_with_a_word(author: Staff, second: Staff) -> None:
    campaign = handed_in(author, a_list(author), not_before=clock.now() + timedelta(hours=1))
    assert sending.send_campaigns() == 0
    with pytest.raises(Refused):
        actions.send_back(campaign, by=second, remark=" ")
    assert actions.send_back(campaign, by=second, remark="Say which road.").state == State.DRAFT
    with clock.held(clock.now() + timedelta(hours=2)):
        assert sending.send_campaigns() == 0


def test_changed_while_approved(author: Staff, second: Staff) -> None:
    campaign = handed_in(author, a_list(author, 101))
    seen = campaign.version
    draft = actions.send_back(campaign, by=author, remark="")
    draft = actions.save(draft, by=author, facts=facts(*draft.groups.all(), name="Other"), seen=draft.version)
    actions.hand_in(draft, by=author, seen=draft.version)
    with pytest.raises(Refused, match="changed"):
        actions.approve(campaign, by=second, seen=seen)


# --- nothing twice, nothing lost ---


class Killed(BaseException):
    """The worker dies."""


@pytest.mark.slow
def test_a_killed_job_goes_on_and_nobody_gets_it_twice(
    author: Staff, second: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = handed_in(author, a_list(author, 1200))
    actions.approve(campaign, by=second, seen=campaign.version)
    write = Receiver.objects.bulk_update
    calls = []

    def dies(*args: object, **kwargs: object) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return write(*args, **kwargs)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(type(Receiver.objects), "bulk_update", lambda _self, *a, **k: dies(*a, **k))
    with pytest.raises(Killed):
        sending.send_campaigns()
    assert Text.objects.count() == 500, "the step that was begun did nothing"
    monkeypatch.undo()
    assert sending.send_campaigns() == 700
    assert Text.objects.count() == 1200
    assert Text.objects.values("look_up").distinct().count() == 1200


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_approvers_and_two_workers_at_once(committed_city: City) -> None:
    author = committed_city.officer_of(organisation.unit("roads"))
    others = [committed_city.new_officer(organisation.unit("roads")) for _n in range(2)]
    campaign = handed_in(author, a_list(author, 600))
    came: list[object] = []
    start = Barrier(2)

    def approve(by: Staff) -> None:
        start.wait()
        try:
            came.append(actions.approve(campaign, by=by, seen=campaign.version))
        except Refused as refused:
            came.append(refused)
        finally:
            connection.close()

    def send() -> None:
        start.wait()
        came.append(sending.send_campaigns())
        connection.close()

    for threads in ([Thread(target=approve, args=[one]) for one in others], [Thread(target=send) for _n in range(2)]):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(type(one).__name__ for one in came[:2]) == ["Campaign", "Refused"]
    sending.send_campaigns()
    assert Text.objects.count() == 600


def test_it_can_be_stopped(author: Staff) -> None:
    campaign = handed_in(author, a_list(author, 5))
    sending.send_campaigns()
    taken = Queued.objects.order_by("pk")[0]
    Queued.objects.filter(pk=taken.pk).update(taken_by=Operator.objects.get())
    assert actions.stop(campaign, by=author, remark="Wrong road") == 4
    assert Text.objects.filter(state="cancelled").count() == 4
    assert queries.result_of(campaign).cancelled == 4
    with pytest.raises(Refused):
        actions.stop(campaign, by=author, remark="Again")
    assert sending.send_campaigns() == 0


# --- who does not want it, how much is allowed ---


@pytest.mark.req("J14")
def test_who_said_stop_is_left_out_and_counted(author: Staff) -> None:
    opting.stop(seal.index_of(number(2)), "alerts", by_text=None, at=clock.now())
    campaign = handed_in(author, a_list(author))
    assert sending.send_campaigns() == 3
    assert Text.objects.count() == 2
    assert queries.result_of(campaign).left_out == 1


@pytest.mark.req("J14")
@pytest.mark.parametrize(("said", "left"), [("STOP", {"a3", "b4"}), ("STOP ALL", {"b4"})])
def test_who_says_stop_does_not_get_what_waits_either(author: Staff, said: str, left: set[str]) -> None:
    campaign = handed_in(author, a_list(author))
    sending.send_campaigns()
    client = Client.objects.create(code="evisa", name="evisa", sender="1111", best=Klass.URGENT, told=True)
    gateway.forget()
    news = [("a1", 1, Klass.ALERT), ("a2", 1, Klass.BULK), ("a3", 1, Klass.CASE), ("b4", 2, Klass.BULK)]
    texts.queue("evisa", [texts.New(ref, number(n), "x", klass) for ref, n, klass in news])
    on_its_way = Text.objects.get(ref="a2")
    Queued.objects.filter(text=on_its_way).update(taken_by=Operator.objects.get())
    (reply,) = dialogue.answer([Said(1, number(1), "90888", said, clock.now())])
    assert reply is not None
    waiting = Queued.objects.filter(client=client, taken_by=None)
    assert set(waiting.values_list("text__ref", flat=True)) == left
    assert Queued.objects.filter(text=on_its_way).exists(), "what an operator has in hand is his"
    back = Text.objects.get(ref="a1")
    assert (back.state, back.error) == ("cancelled", STOPPED)
    assert {one.text.ref: one.state for one in texts.take_ended(client)}["a1"] == "cancelled"
    assert queries.result_of(campaign).cancelled == 1


def test_no_two_units_share_a_client_whatever_they_are_called() -> None:
    codes = ["x", "x-emergency", "x-staff", "emergency-x", "id-7", "7", "x" * 45, "y" * 45]
    units = [Unit(pk=pk, code=code) for pk, code in enumerate(codes, 1)]
    ways = (Kind.CITIZENS, Kind.STAFF, Kind.EMERGENCY)
    given = [clients.code_of(unit, kind) for unit in units for kind in ways]
    assert len(set(given)) == len(given)
    assert all(clients.is_of_units(code) and len(code) <= 40 for code in given)
    assert not clients.is_of_units("evisa")
    assert clients.code_of(units[0], Kind.SALARY) == clients.code_of(units[0], Kind.STAFF), "one for both"


def test_clients_made_under_the_old_codes_keep_their_bounds(city: City) -> None:
    roads = organisation.unit("roads")
    for code in ("unit-roads", "unit-roads-staff", f"unit-{roads.pk}-emergency", "unit-other"):
        Client.objects.create(code=code, name=code, unit=roads, sender="1111", per_day=7)
    for _twice in range(2):
        import_module("wasl.services.campaigns.migrations.0003_codes_of_clients").rename(apps, None)
    assert set(Client.objects.filter(unit=roads).values_list("code", flat=True)) == {
        "unit-roads", "staff-roads", "emergency-roads", "unit-other",
    }  # fmt: skip
    assert clients.client_of(roads, Kind.STAFF).per_day == 7


@pytest.mark.req("J4")
def test_the_bound_of_a_day_holds_and_the_rest_goes_the_next_day(author: Staff) -> None:
    client = clients.client_of(organisation.unit("roads"), Kind.CITIZENS)
    Client.objects.filter(pk=client.pk).update(per_day=4)
    gateway.forget()
    campaign = handed_in(author, a_list(author, 6))
    assert queries.left_today(campaign.unit, campaign.kind) == 4
    assert sending.send_campaigns() == 4
    assert sending.send_campaigns() == 0
    assert queries.left_today(campaign.unit, campaign.kind) == 0
    campaign.refresh_from_db()
    assert campaign.state == State.GOING
    with clock.held(clock.now() + timedelta(days=1)):
        assert sending.send_campaigns() == 2


def test_what_it_will_cost_is_known_before(author: Staff) -> None:
    made = actions.save(None, by=author, facts=facts(a_list(author), words={"en": "x" * 200, "ar": "م" * 80}))
    plan = queries.plan_of(made)
    assert (plan.people, plan.parts) == (3, 6)
    assert str(plan.most) == "0.0300"
    made = actions.save(made, by=author, facts=facts(*made.groups.all(), words={}), seen=made.version)
    with pytest.raises(Refused, match="no words"):
        actions.hand_in(made, by=author, seen=made.version)


# --- salaries ---


@pytest.mark.req("J15")
def test_the_words_of_a_salary_are_nowhere_afterwards(author: Staff) -> None:
    made = actions.save(None, by=author, facts=facts(kind=Kind.SALARY, words={"en": "ignored"}))
    content = (
        f"number,name,words\n{number(1)},A,Salary 812.500\n{number(2)},B,Salary 933.100\n{number(3)},C,\n".encode()
    )
    upload = actions.stage(made, by=author, name="pay.csv", content=content)
    seen = actions.preview(upload)
    assert (len(seen.listed.people), seen.listed.wrong, seen.parts) == (2, 1, 2)
    actions.confirm(upload, by=author)
    made.refresh_from_db()
    actions.hand_in(made, by=author, seen=made.version)
    assert sending.send_campaigns() == 2
    assert set(Text.objects.values_list("secret", "client__code")) == {(True, "staff-roads")}
    assert said(Text.objects.order_by("pk")[0]) == "Salary 812.500"
    assert not Receiver.objects.filter(words_sealed__isnull=False).exists()
    assert not made.uploads.exists()
    taken = actions.stop(made, by=author, remark="Wrong month")
    assert taken == 2
    assert not Text.objects.filter(words_sealed__isnull=False).exists()


def test_words_for_each_person_leave_with_the_kind(author: Staff) -> None:
    group = a_list(author)
    content = f"number,name,words\n{number(50)},A,Salary 812.500\n".encode()
    made = actions.save(None, by=author, facts=facts(kind=Kind.SALARY, words={}))
    actions.confirm(actions.stage(made, by=author, name="pay.csv", content=content), by=author)
    waiting = actions.stage(made, by=author, name="pay.csv", content=content)
    made = actions.save(made, by=author, facts=facts(group))
    assert not made.receivers.exists()
    with pytest.raises(Refused, match="waits no more"):
        actions.confirm(waiting, by=author)
    # A file staged while the kind was being changed.
    Campaign.objects.filter(pk=made.pk).update(kind=Kind.SALARY)
    late = actions.stage(Campaign.objects.get(pk=made.pk), by=author, name="pay.csv", content=content)
    Campaign.objects.filter(pk=made.pk).update(kind=Kind.CITIZENS)
    with pytest.raises(Refused, match="A file with words belongs"):
        actions.confirm(late, by=author)
    assert not made.receivers.exists()


def test_whoever_hangs_on_an_announcement_already_is_not_written_to(author: Staff) -> None:
    campaign = handed_in(author, a_list(author))
    actions._keep_receivers(campaign, [people.Person(number(50), words="Salary 812.500")])
    assert sending.send_campaigns() == 3
    assert not campaign.receivers.filter(look_up=seal.index_of(number(50))).exists()


# --- emergencies ---


def emergency(author: Staff, second: Staff, n: int = 3) -> Campaign:
    above = a_list(author, 1, "Above", 900)
    campaign = handed_in(
        author, a_list(author, n), kind=Kind.EMERGENCY, above=above, words={"en": "Wadi floods. Answer 1."}
    )
    campaign = actions.approve(campaign, by=second, seen=campaign.version)
    sending.send_campaigns()
    return campaign


@pytest.mark.req("J4")
def test_who_does_not_answer_an_emergency_is_named_above(author: Staff, second: Staff) -> None:
    campaign = emergency(author, second)
    assert set(Text.objects.values_list("klass", "client__code")) == {(Klass.URGENT, "emergency-roads")}
    assert set(acknowledging.waiting([number(1), number(7)])) == {number(1)}
    (reply,) = dialogue.answer([Said(1, number(1), "90888", " \u0661", clock.now())])
    assert reply is not None
    assert reply.words == "شكرًا لكم. سُجّلت إجابتكم."
    (reply,) = dialogue.answer([Said(2, number(7), "90888", "1", clock.now())])
    assert reply is None or "سُجّلت إجابتكم" not in reply.words, "nobody asked him"
    assert acknowledging.waiting([number(1)]) == {}
    with clock.held(clock.now() + timedelta(minutes=14)):
        assert sending.send_campaigns() == 0
    with clock.held(clock.now() + timedelta(minutes=16)):
        assert sending.send_campaigns() == 1
        assert sending.send_campaigns() == 0, "once"
    text = Text.objects.latest("pk")
    assert said(text) == "2 people have not answered: Name 2, Name 3. Wadi floods. Answer 1."
    done = queries.result_of(campaign)
    assert (done.targeted, done.acknowledged, done.told_above) == (3, 1, 1)


@pytest.mark.req("J4")
def test_an_emergency_for_a_list_always_has_to_be_approved(author: Staff) -> None:
    unit = organisation.unit("roads")
    Staff.objects.filter(pk=author.pk).update(phone="92 000 777")
    ours = actions.save_group(None, by=author, unit=unit, name="All of us", kind=Group.Kind.STAFF)
    one = a_list(author, 1)
    assert handed_in(author, one, kind=Kind.EMERGENCY).state == State.ASKED
    assert handed_in(author, ours, one, kind=Kind.EMERGENCY).state == State.ASKED
    assert handed_in(author, ours, kind=Kind.EMERGENCY, above=one).state == State.ASKED
    assert handed_in(author, ours, kind=Kind.EMERGENCY, above=ours).state == State.READY


def test_staff_of_the_unit_and_below_are_worked_out_when_it_is_sent(city: City, author: Staff) -> None:
    unit = organisation.unit("roads")
    group = actions.save_group(None, by=author, unit=unit, name="All of us", kind=Group.Kind.STAFF)
    there = {one.pk for one in targets.staff_under(unit)}
    assert author.pk in there
    Staff.objects.filter(pk__in=there).update(phone="")
    Staff.objects.filter(pk=author.pk).update(phone="92 000 777")
    assert sum(targets.counted([group]).values()) == 1
    campaign = handed_in(author, group, kind=Kind.STAFF)
    Post.objects.filter(staff=author).update(until=clock.now() - timedelta(seconds=1))
    Staff.objects.filter(pk=author.pk).update(unit=None)
    sending.send_campaigns()
    assert queries.result_of(campaign).targeted == 0


def test_what_is_old_is_forgotten_and_its_counts_are_kept(author: Staff, second: Staff) -> None:
    campaign = emergency(author, second)
    before = queries.result_of(campaign)
    with clock.held(clock.now() + timedelta(days=4)):
        sending.send_campaigns()
    with clock.held(clock.now() + timedelta(days=200)):
        assert sending.forget_receivers() > 0
    campaign.refresh_from_db()
    assert not campaign.receivers.exists()
    assert queries.result_of(campaign).targeted == before.targeted == 3
