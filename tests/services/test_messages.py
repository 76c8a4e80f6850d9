"""What messages say, by which way they leave, and what becomes of them. The couriers here are real objects of our own,
not mocks: they keep or refuse what they are handed."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction

from tests.city import City
from wasl.channels.sms.outgoing import SmsCourier, message_of
from wasl.core.cases import actions as verbs
from wasl.core.cases import forgetting, links
from wasl.core.cases.change import THE_CITIZEN
from wasl.core.organisation.rights import Forbidden
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address
from wasl.kernel import acceptance, clock, seal
from wasl.services.messages import actions, notices, queries, render
from wasl.services.messages.actions import Result
from wasl.services.messages.delivery import InDoubt, Parcel, Permanent, Temporary, Unreachable
from wasl.services.messages.models import Channel, Message, QuietHours, Template
from wasl.services.messages.sender import Sender
from wasl.services.texts import queries as texts
from wasl.services.texts.models import Bind, Operator, Queued, Route, Text
from wasl.site import wiring

S = Message.State


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """What the process keeps for a second is of another test."""
    actions.forget()
    render.forget()
    notices.forget()


class Desk:
    """A courier that keeps what it is handed, after `first` has had its say."""

    def __init__(self, first: Callable[[Parcel], None] = lambda parcel: None) -> None:
        self.first = first
        self.kept: list[Parcel] = []

    @staticmethod
    def serves() -> bool:
        return True

    def hand_over(self, parcel: Parcel) -> None:
        self.first(parcel)
        self.kept.append(parcel)

    def close(self) -> None:
        """Nothing is open."""


def fails(error: Exception) -> Desk:
    """A courier that always fails so."""

    def first(parcel: Parcel) -> None:
        raise error

    return Desk(first)


def send_all(mail: Desk, sms: Desk | None = None) -> None:
    sender = Sender({"mail": mail} if sms is None else {"mail": mail, "sms": sms})
    for _ in range(20):
        if not sender.round():
            return
    raise AssertionError("the outbox never empties")


def quiet(channel: str, first: time, last: time) -> None:
    QuietHours.objects.create(channel=channel, first=first, last=last)
    actions.forget()


def the(event: str) -> Message:
    return Message.objects.get(event=event)


@pytest.mark.req("I1", "I3")
@pytest.mark.parametrize("language", ["ar", "en", "zh"])
def test_the_citizen_hears_each_stage_once_in_his_language(city: City, language: str) -> None:
    reach = Reach(name="Maryam", mail="maryam@example.com", channel="mail", language=language)
    told = city.report(reach=reach).dispatched_to().replied(text="The pipe was mended on Thursday.").told()
    mail = Desk()
    send_all(mail)
    mine = [p for p in mail.kept if p.to == "maryam@example.com"]
    assert [Message.objects.get(pk=p.message_id).event for p in mine] == [
        "received",
        "registered",
        "dispatched",
        "told",
    ]
    first, last = mine[0], mine[-1]
    assert all(p.language == language for p in mine)
    assert told.pin in first.body
    assert "The pipe was mended on Thursday." in last.body
    link = re.search(r"/answer/([^/\s]+)/", last.body)
    assert link is not None
    assert links.read(link[1], links.ANSWER) == told.case
    assert str(told.case.entries.get(seq=1).hash.hex()) in first.body
    for parcel in mine:
        assert "{" not in parcel.body + parcel.subject
        assert "None" not in parcel.body
    send_all(mail)
    assert len([p for p in mail.kept if p.to == "maryam@example.com"]) == 4


@pytest.mark.req("I3")
def test_a_stage_is_told_exactly_once(city: City) -> None:
    city.report()
    again = the("received")
    again.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        Message(case=again.case, event="received", stage=again.stage, due_at=clock.now(), made_at=clock.now()).save()


@pytest.mark.slow
def test_pin_and_answer_link_are_sent_but_not_kept(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    mail = Desk()
    send_all(mail)
    assert any(told.pin in p.body for p in mail.kept)
    for message in Message.objects.all():
        assert told.pin not in message.body + message.subject
        assert not re.search(r"/answer/\w", message.body)
    kept = the("told").body
    assert the("told").state == S.SENT
    assert "We repaired it on Thursday" in kept


def test_a_unit_reads_no_personal_data(city: City) -> None:
    city.report().dispatched_to("water")
    mail = Desk()
    send_all(mail)
    order = next(p for p in mail.kept if p.to != "maryam@example.com")
    assert order.to == "requests@water.example"
    for secret in ("مريم", "maryam", "The water runs"):
        assert secret not in order.body + order.subject


def test_what_staff_write_among_themselves_is_not_told(city: City) -> None:
    told = city.report().registered()
    verbs.dispatch(told.case, by=city.dispatcher, reason="He complains every week.", seen=told.case.version)
    mail = Desk()
    send_all(mail)
    assert mail.kept
    assert not [p for p in mail.kept if "every week" in p.body]


def test_every_wired_event_has_words_in_every_language_and_channel(city: City) -> None:
    events = {
        name.split("_", 2)[2]
        for reactions in wiring.REACTIONS.values()
        for reaction in reactions
        if (name := reaction.__name__).startswith("tell_")
    }
    assert {"asked", "redone", "staff_extension_denied", "received"} <= events
    for event in events | {"reminder", "staff_due_soon", "staff_overdue"}:
        for language in ("ar", "en", "zh"):
            for channel in ("mail", "sms"):
                assert render.words_for(event, channel, language)[0] == language


@pytest.mark.parametrize(("language", "shown"), [("ar", acceptance.in_text), ("en", acceptance.grouped)])
def test_the_number_keeps_its_order_among_arabic_words(city: City, language: str, shown: Callable[[str], str]) -> None:
    told = city.report(reach=Reach(name="مريم", mail="maryam@example.com", channel="mail", language=language))
    mail = Desk()
    send_all(mail)
    parcel = next(p for p in mail.kept if p.to == "maryam@example.com")
    number = shown(told.case.number)
    assert number in parcel.subject
    assert number in parcel.body
    assert ("\u2066" in parcel.subject + parcel.body) == (language == "ar")
    assert render.one_line("of \u206626 004217 85\u2069: solved") == "of 26 004217 85: solved"


def test_another_language_stands_in_for_a_missing_one(city: City) -> None:
    Template.objects.filter(event="received", channel="mail", language="zh").delete()
    render.forget()
    assert render.words_for("received", "mail", "zh-hans")[0] == "en"
    Template.objects.filter(event="received", channel="mail").delete()
    render.forget()
    with pytest.raises(render.NoTemplate):
        render.words_for("received", "mail", "ar")
    render.forget()


def test_hostile_words_stay_words(city: City) -> None:
    """No header, no template tag, no direction trick comes out of what people write."""
    told = (
        city.report()
        .dispatched_to()
        .replied(text="{{ pin }} {% debug %}\r\nBcc: all@example.com\x07 <b>x</b> & y")
        .told()
    )
    said = render.render(Message.objects.select_related("case", "person").get(event="told"), "mail")
    assert "{{ pin }} {% debug %}\nBcc: all@example.com <b>x</b> & y" in said.body
    assert told.pin not in said.body
    assert "\n" not in said.subject
    assert render.one_line("a\r\nBcc: b\u2028c\x00d") == "a Bcc: b c d"


# --- the way ----------------------------------------------------------------------------------------------------------


@pytest.mark.req("I1")
def test_preferred_channel_first_then_the_others(city: City) -> None:
    city.report(reach=Reach(mail="a@example.com", phone="92345678", channel="sms", language="en"))
    mail, sms = Desk(), Desk()
    send_all(mail, sms)
    assert [p.to for p in sms.kept] == ["+96892345678"]
    assert not mail.kept
    assert the("received").channel == "sms"


def test_a_channel_that_is_not_served_falls_back_to_mail(city: City) -> None:
    city.report(reach=Reach(mail="a@example.com", phone="92345678", channel="sms", language="en"))
    mail = Desk()
    send_all(mail)
    assert [p.to for p in mail.kept] == ["a@example.com"]


def test_no_way_is_said_and_shown_to_the_second_line(city: City) -> None:
    city.report(reach=Reach(phone="92345678", channel="sms", language="en"))
    send_all(Desk())
    assert the("received").state == S.NO_WAY
    assert list(queries.untold(city.second_line)) == [the("received")]


def test_who_looks_on_the_page_is_not_written_to(city: City) -> None:
    city.report(reach=Reach(name="Maryam", channel="web"))
    send_all(Desk())
    assert the("received").state == S.ON_PAGE
    assert not queries.untold(city.second_line).exists()


def test_a_permanent_failure_takes_the_next_channel_and_remembers_the_address(city: City) -> None:
    city.report(reach=Reach(mail="a@example.com", phone="92345678", channel="mail", language="en"))
    mail, sms = fails(Permanent("550 5.1.1 no such person", bad_address=True)), Desk()
    send_all(mail, sms)
    message = the("received")
    assert (message.state, message.channel) == (S.SENT, "sms")
    assert message.tried[0]["error"] == "550 5.1.1 no such person"
    assert Address.objects.get(medium="mail").failed_at is not None
    assert len(sms.kept) == 1


@pytest.mark.slow
def test_when_every_way_failed_it_says_so(city: City) -> None:
    city.report()
    send_all(fails(Permanent("552 too large")))
    message = the("received")
    assert (message.state, message.error) == (S.FAILED, "552 too large")
    assert Address.objects.get(medium="mail").failed_at is None
    actions.send_again(message, by=city.supervisor)
    mail = Desk()
    send_all(mail)
    assert len(mail.kept) == 1


@pytest.mark.parametrize(
    ("ended", "number"), [("failed", "92345678"), ("in_doubt", "92345678"), ("failed", "92345679")]
)
def test_what_is_sent_again_as_sms_is_a_text_of_its_own(city: City, ended: str, number: str) -> None:
    operator = Operator.objects.create(code="first", name="first")
    Bind.objects.create(operator=operator, host="127.0.0.1", system_id="wasl")
    Route.objects.create(name="all", operators=[operator.pk])
    texts.forget()
    city.report(reach=Reach(phone="92345678", channel="sms", language="en"))
    sender = Sender({"sms": SmsCourier()})
    sender.round()
    message = the("received")
    assert message.state == S.SENT
    first = Text.objects.get(ref=f"message:{message.pk}")
    Queued.objects.filter(text=first).delete()
    Text.objects.filter(pk=first.pk).update(state=ended, words_sealed=None)
    Message.objects.filter(pk=message.pk).update(state=S.FAILED)
    phone = Address.objects.get(medium="phone")
    phone.value_sealed = seal.seal(f"+968{number}")
    phone.save()
    actions.send_again(message, by=city.supervisor)
    sender.round()
    again = Text.objects.get(ref=f"message:{message.pk}.1")
    assert bytes(again.look_up) == seal.index_of(f"+968{number}")
    assert the("received").state == S.SENT
    assert message_of(again.ref) == message_of(first.ref) == message.pk
    assert message_of("reply:7") is None
    # Handed over once more while that one waits, it is the same text.
    Message.objects.filter(pk=message.pk).update(state=S.IN_DOUBT, due_at=clock.now())
    sender.round()
    assert (the("received").state, Text.objects.count()) == (S.SENT, 2)


def test_a_proved_address_goes_before_a_claimed_one_and_a_dead_one_is_not_used(city: City) -> None:
    told = city.report()
    person = told.case.requester
    assert person is not None
    old = Address.objects.get(person=person)
    new = Address.objects.create(
        person=person, medium="mail", value_sealed=seal.seal("new@example.com"), look_up=b"x", hint="n", source="web",
        created_at=clock.now() + timedelta(seconds=1),
    )  # fmt: skip
    served = {"mail"}
    message = Message.objects.select_related("person", "case").get()
    assert actions.way_of(message, served) == actions.Way("mail", "new@example.com", new)
    Address.objects.filter(pk=old.pk).update(verified_at=clock.now())
    way = actions.way_of(Message.objects.get(), served)
    assert way is not None
    assert way.address == old
    Address.objects.filter(pk=old.pk).update(failed_at=clock.now() + timedelta(seconds=1))
    way = actions.way_of(Message.objects.get(), served)
    assert way is not None
    assert way.address == new


# --- failures that may pass -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_temporary_failure_is_tried_again_with_growing_waits_then_given_up(city: City) -> None:
    city.report()
    desk = fails(Temporary("451 greylisted"))
    waits = []
    message = the("received")
    for _ in range(len(actions.BACK_OFF) + 1):
        with clock.held(message.due_at + timedelta(seconds=1)):
            at = clock.now()
            Sender({"mail": desk}).round()
            message = the("received")
            waits.append(message.due_at - at)
    assert waits[:-1] == list(actions.BACK_OFF)
    with clock.held(message.due_at + timedelta(seconds=1)):
        Sender({"mail": desk}).round()
    assert the("received").state == S.FAILED


def test_an_unreachable_server_costs_no_message_an_attempt(city: City) -> None:
    for _ in range(3):
        city.report()
    down = fails(Unreachable("connection refused"))
    sender = Sender({"mail": down})
    sender.round()
    assert sender.resting() == {"mail"}
    assert set(Message.objects.values_list("state", "attempts")) == {(S.QUEUED, 0)}
    up = Desk()
    send_all(up)
    assert len(up.kept) == 3


def test_in_doubt_is_sent_once_more_and_never_a_third_time(city: City) -> None:
    city.report()
    desk = fails(InDoubt("the connection broke after the data"))
    sender = Sender({"mail": desk})
    sender.round()
    message = the("received")
    assert (message.state, message.repeated) == (S.IN_DOUBT, False)
    with clock.later(timedelta(minutes=2)):
        sender.round()
        message = the("received")
        assert (message.state, message.repeated, message.attempts) == (S.IN_DOUBT, True, 2)
    with clock.later(timedelta(days=2)):
        assert sender.round() == 0
    assert list(queries.untold(city.second_line)) == [message]


def test_in_doubt_and_then_taken_is_sent_and_marked(city: City) -> None:
    city.report()
    Sender({"mail": fails(InDoubt("?"))}).round()
    desk = Desk()
    with clock.later(timedelta(minutes=2)):
        Sender({"mail": fails(Unreachable("down"))}).round()
        assert the("received").state == S.IN_DOUBT
        send_all(desk)
    message = the("received")
    assert (message.state, message.repeated, len(desk.kept)) == (S.SENT, True, 1)


def test_what_a_dead_sender_held_is_in_doubt_when_its_lease_is_over(city: City) -> None:
    city.report()
    Message.objects.update(state=S.SENDING, claimed_at=clock.now())
    assert actions.recover() == 0
    with clock.later(timedelta(seconds=settings.WASL_SENDER_LEASE_S + 1)):
        assert actions.recover() == 1
        desk = Desk()
        send_all(desk)
    assert the("received").repeated
    assert len(desk.kept) == 1


def test_thousands_of_notices_to_units_do_not_hold_up_a_citizen(city: City) -> None:
    told = city.report().dispatched_to()
    notice = told.case.messages.filter(unit__isnull=False)[0]
    earlier = clock.now() - timedelta(hours=1)
    Message.objects.bulk_create(
        Message(unit=notice.unit, case=told.case, event=notice.event, stage=f"{n}", due_at=earlier, made_at=earlier)
        for n in range(100)
    )
    first = actions.waiting(limit=50)
    citizens = [message for message in first if message.person_id]
    assert len(first) == 50
    assert first[: len(citizens)] == citizens
    assert len(citizens) == told.case.messages.filter(person__isnull=False).count()


def test_two_senders_do_not_send_the_same_message(city: City) -> None:
    city.report()
    mine, other = actions.waiting()[0], actions.waiting()[0]
    desk = Desk()
    assert actions.send(mine, {"mail": desk}) is Result.SENT
    assert actions.send(other, {"mail": desk}) is Result.TAKEN
    assert len(desk.kept) == 1


def test_a_bounce_is_noted_once_and_the_next_channel_tried(city: City) -> None:
    city.report(reach=Reach(mail="a@example.com", phone="92345678", channel="mail", language="en"))
    mail, sms = Desk(), Desk()
    send_all(mail, sms)
    message = the("received")
    assert actions.bounced(message.pk, words="smtp; 550 no such person")
    assert actions.bounced(message.pk, words="smtp; 550 no such person")
    message = the("received")
    assert message.bounced_at is not None
    assert len(message.tried) == 1
    assert Address.objects.get(medium="mail").failed_at is not None
    send_all(mail, sms)
    assert (len(mail.kept), len(sms.kept)) == (1, 1)
    assert not actions.bounced(987654321, words="x")


def test_a_bounce_of_what_was_not_sent_changes_nothing(city: City) -> None:
    city.report()
    assert not actions.bounced(the("received").pk, words="x")
    assert the("received").state == S.QUEUED


# --- quiet hours, wishes, forgetting ----------------------------------------------------------------------------------


@pytest.mark.req("I3")
@pytest.mark.parametrize(
    ("hour", "until"),
    [(23, 24 + 7), (5, 7), (12, None), (7, None)],
)
def test_quiet_hours_wait_for_the_morning(city: City, hour: int, until: int | None) -> None:
    quiet(Channel.SMS, time(21), time(7))
    # Muscat is four hours ahead of UTC the whole year. Tomorrow, because the catalogue is in force since today.
    day = datetime.combine(clock.now().date() + timedelta(days=2), time(0), tzinfo=UTC) - timedelta(hours=4)
    at = day + timedelta(hours=hour, minutes=0 if hour == 7 else 30)
    with clock.held(at):
        city.report(reach=Reach(phone="92345678", channel="sms", language="en"))
        sms = Desk()
        send_all(Desk(), sms)
        if until is None:
            assert len(sms.kept) == 1
            return
        assert not sms.kept
        due = the("received").due_at
    assert due == day + timedelta(hours=until)
    with clock.held(due):
        send_all(Desk(), sms)
    assert len(sms.kept) == 1


def test_an_emergency_wakes_people(city: City) -> None:
    quiet(Channel.MAIL, time(0), time(23, 59))
    told = city.report()
    type(told.case).objects.update(emergency=True)
    mail = Desk()
    send_all(mail)
    assert len(mail.kept) == 1


def test_staff_are_not_told_what_they_do_not_want(city: City) -> None:
    told = city.report()
    supervisor = city.supervisor
    supervisor.wishes = {"overdue": "page", "urged": "mail"}
    supervisor.save()
    for event in ("staff_overdue", "staff_urged"):
        assert actions.notify(event=event, stage=event, staff=supervisor, case_id=told.case.pk)
        assert not actions.notify(event=event, stage=event, staff=supervisor, case_id=told.case.pk)
    mail = Desk()
    send_all(mail)
    (digest,) = [p.body for p in mail.kept if p.to == supervisor.email]
    assert told.case.number in digest.replace(" ", "")
    assert notices.unread(supervisor) == 2
    assert the("staff_digest").facts["lines"][0]["kind"] == "staff_urged"


@pytest.mark.slow
def test_forgetting_takes_what_was_said(city: City) -> None:
    told = city.report().dispatched_to().replied().told().confirmed()
    person = told.case.requester
    assert person is not None
    send_all(Desk())
    assert Message.objects.exclude(body="").filter(person=person).exists()
    forgetting.forget(person, by=city.supervisor)
    assert not Message.objects.exclude(body="", subject="", unit__isnull=True).filter(unit__isnull=True).exists()
    assert not Message.objects.filter(person=person).exists()
    assert not Message.objects.filter(address__isnull=False).exists()


# --- seeing and editing -----------------------------------------------------------------------------------------------


def test_who_sees_what_was_sent(city: City) -> None:
    told = city.report().dispatched_to("water")
    officer, stranger = city.officer("water"), city.officer("food-control")
    everything = Message.objects.count()
    assert queries.visible_to(city.supervisor).count() == everything
    assert queries.visible_to(city.administrator).count() == everything
    assert queries.of_case(told.case, officer).count() == everything
    assert queries.visible_to(stranger).count() == 0


@pytest.mark.req("I8")
def test_templates_are_edited_by_right_and_checked(city: City) -> None:
    edit = {"subject": "New {{ number }}", "body": "Number {{ number }}{% if due %}, {{ due }}{% endif %}"}
    with pytest.raises(Forbidden):
        actions.save_template("received", "mail", "en", by=city.supervisor, **edit)
    actions.save_template("received", "mail", "en", by=city.administrator, **edit)
    city.report(reach=Reach(mail="a@example.com", channel="mail", language="en"))
    mail = Desk()
    send_all(mail)
    assert mail.kept[0].subject.startswith("New 26 ")
    assert ", " in mail.kept[0].body


@pytest.mark.parametrize(
    "body",
    [
        "{{ nobody }}",
        "{% if due %}",
        "{% include 'x' %}",
        "{% debug %}",
        "{% load i18n %}",
        "{{ number",
        "",
        "  ",
        "{% now 'Y' %}",
    ],
)
def test_a_bad_template_is_refused_with_a_sentence(city: City, body: str) -> None:
    before = Template.objects.get(event="received", channel="mail", language="en").body
    if body == "{{ number":
        actions.preview("received", "mail", "en", "s", body)  # Django reads it as plain words
        return
    with pytest.raises(render.BadTemplate) as refused:
        actions.save_template("received", "mail", "en", subject="s", body=body, by=city.administrator)
    assert str(refused.value)
    assert Template.objects.get(event="received", channel="mail", language="en").body == before


def test_every_template_of_the_city_passes_the_check(city: City) -> None:
    for template in Template.objects.all():
        shown = actions.preview(template.event, template.channel, template.language, template.subject, template.body)
        assert shown.said.body
        if template.channel == "sms":
            assert shown.plan is not None
            assert len(shown.plan.parts) <= 3


def test_a_citizens_answer_by_the_link_works_while_the_case_waits_for_it(city: City) -> None:
    told = city.report().dispatched_to().replied().told()
    mail = Desk()
    send_all(mail)
    link = re.search(r"/answer/([^/\s]+)/", "".join(parcel.body for parcel in mail.kept))
    assert link is not None
    verbs.confirm(links.read(link[1], links.ANSWER), by=THE_CITIZEN)
    assert told.fresh().state == "closed"


def test_links_in_messages_lead_to_pages_that_exist() -> None:
    from django.urls import resolve

    for path in settings.WASL_PAGES.values():
        assert resolve(path.format(number="2600421785", token="x:y").partition("?")[0]).namespaces


def test_this_file_is_the_only_place_of_the_outbox_s_words() -> None:
    """The sender's package holds no sentence for citizens: they are all templates."""
    package = Path(render.__file__).parent
    for file in package.glob("*.py"):
        assert not re.search("[\u0600-\u06ff]{4,}|[\u4e00-\u9fff]{3,}", file.read_text()), file
