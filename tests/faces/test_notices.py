"""Notices to staff: who is told what, under the bell and by mail, as each wishes; nothing twice."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse

from tests.city import City, Told
from wasl.core.cases import actions as verbs
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Post, Staff
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock
from wasl.services.messages import notices
from wasl.services.messages.delivery import Parcel
from wasl.services.messages.models import Message, Notice
from wasl.services.messages.sender import Sender
from wasl.site.hearing import may_hear

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    notices.forget()


class Box:
    """A courier that keeps what it is handed."""

    def __init__(self) -> None:
        self.kept: list[Parcel] = []

    @staticmethod
    def serves() -> bool:
        """Always."""
        return True

    def hand_over(self, parcel: Parcel) -> None:
        self.kept.append(parcel)

    def close(self) -> None:
        """Nothing is open."""


def post(box: Box) -> list[Parcel]:
    """What left in one round of the sender."""
    before = len(box.kept)
    sender = Sender({"mail": box})
    while sender.round():
        pass
    return box.kept[before:]


def enter(staff: Staff) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(staff)
    return client


def kinds(staff: Staff) -> list[str]:
    return sorted(notices.of(staff).values_list("kind", flat=True))


@pytest.fixture
def told(city: City) -> Told:
    return city.report("water-pressure").dispatched_to("water")


def test_an_order_is_told_to_the_people_of_its_unit_and_to_nobody_else(told: Told) -> None:
    water = organisation.unit("water")
    officer = told.city.officer_of(water)
    assert notices.unread(officer) == 0
    assert notices.sort() > 0
    assert kinds(officer) == ["staff_order"]
    own = {post.staff_id for post in Post.objects.filter(role="officer", unit=water)}
    assert set(Notice.objects.values_list("staff", flat=True)) == own
    assert notices.sort() == 0


def test_it_is_written_in_the_transaction_of_what_it_tells(city: City) -> None:
    case = city.report("water-pressure").registered().case
    before = Notice.objects.count()

    def fails() -> None:
        with transaction.atomic():
            verbs.dispatch(case, by=city.dispatcher, unit=organisation.unit("water"))
            assert Notice.objects.count() == before + 1
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert Notice.objects.count() == before


def test_who_did_it_is_not_told_of_it(told: Told) -> None:
    Notice.objects.all().delete()
    officer = told.city.officer_of(told.order.unit)
    other = told.city.new_officer(told.order.unit)
    told.signed()
    verbs.suspend(told.case, by=told.city.supervisor, reason="parts", until=clock.now() + timedelta(days=2))
    Notice.objects.update(facts={"actor": f"staff:{officer.pk}"})
    notices.sort()
    assert notices.unread(officer) == 0
    assert kinds(other) == ["staff_pause"]


def test_the_owner_hears_of_the_reply_and_the_leader_of_his_answer(told: Told) -> None:
    owner = told.city.supervisor
    verbs.take_over(told.case, by=owner)
    told.replied()
    notices.sort()
    assert "staff_own" in kinds(owner)
    leader = told.city.leader
    verbs.inquire(told.fresh(), by=leader, text="Why does it take so long?", until=clock.now() + timedelta(days=1))
    notices.sort()
    assert "staff_question" in kinds(told.city.dispatcher)
    (asked,) = told.fresh().inquiries
    verbs.answer_inquiry(told.case, by=told.city.supervisor, inquiry=asked["id"], text="The part is late.")
    notices.sort()
    assert kinds(leader) == ["staff_answer"]


def test_what_comes_back_is_told_to_the_dispatchers(told: Told) -> None:
    told.returned()
    notices.sort()
    assert "staff_returned" in kinds(told.city.dispatcher)


@pytest.mark.parametrize(
    ("way", "in_page", "mailed"), [("none", 0, 0), ("page", 1, 0), ("mail", 1, 1), ("digest", 1, 0)]
)
@pytest.mark.slow
def test_each_way_of_being_told(told: Told, way: str, in_page: int, mailed: int) -> None:
    officer = told.city.officer_of(told.order.unit)
    officer.email = "officer@muscat.example"
    officer.save()
    notices.wish(officer, {"order": way})
    box = Box()
    own = [parcel for parcel in post(box) if parcel.to == officer.email]
    assert (notices.unread(officer), len(own)) == (in_page, mailed)
    with clock.later(timedelta(days=1)):
        own = [parcel for parcel in post(box) if parcel.to == officer.email]
    assert len(own) == (1 if way == "digest" else 0)


def test_a_digest_leaves_out_what_was_read_and_holds_no_personal_data(city: City) -> None:
    officer = city.officer("water")
    officer.email, officer.language = "officer@muscat.example", "en"
    officer.save()
    notices.wish(officer, {"order": "digest"})
    cases = [city.report("water-pressure", body=f"My name is Zahra {n}").dispatched_to("water") for n in range(3)]
    notices.sort()
    notices.read(officer, case=cases[0].case.pk)
    box = Box()
    with clock.later(timedelta(days=1)):
        (digest,) = [parcel for parcel in post(box) if parcel.to == officer.email]
    numbers = digest.body.replace(" ", "")
    assert [told.case.number in numbers for told in cases] == [False, True, True]
    assert "Zahra" not in digest.body
    assert "2" in digest.subject


@pytest.mark.slow
def test_the_mail_of_a_unit_is_gathered_and_nothing_is_lost(city: City) -> None:
    water = organisation.unit("water")
    notices.set_mailbox(water, by=city.administrator, language="en", gather_min=10)
    for _ in range(3):
        city.report("water-pressure").dispatched_to("water")
    box = Box()
    now = clock.now()
    post(box)
    assert not [p for p in box.kept if p.to == water.mail]
    with clock.held(now + timedelta(minutes=11)):
        (one,) = [p for p in post(box) if p.to == water.mail]
        assert post(box) == []
    assert one.language == "en"
    assert one.body.count("/desk/case/") == 3
    told = Message.objects.filter(unit=water, event="staff_order")
    assert set(told.values_list("state", flat=True)) == {"gathered"}


def test_one_alone_is_told_in_full_and_the_urgent_at_once(city: City) -> None:
    water = organisation.unit("water")
    notices.set_mailbox(water, by=city.administrator, language="en", gather_min=60)
    quiet = city.report("water-pressure").dispatched_to("water")
    urgent = city.report("water-pressure", urgency="critical").dispatched_to("water")
    box = Box()
    (first,) = [p for p in post(box) if p.to == water.mail]
    assert urgent.case.number in first.subject
    with clock.later(timedelta(minutes=61)):
        (second,) = [p for p in post(box) if p.to == water.mail]
    assert quiet.case.number in second.subject
    assert second.body.count("/desk/case/") == 1


def test_nothing_is_told_of_a_case_that_one_may_not_see_any_more(told: Told) -> None:
    officer = told.city.officer_of(told.order.unit)
    notices.sort()
    assert notices.unread(officer) == 1
    told.returned()
    told.dispatched_to("roads") if told.fresh().state == "returned" else None
    assert notices.unread(officer) == 0
    assert not list(notices.of(officer))


def test_the_bell_the_list_and_the_way_to_the_case(told: Told) -> None:
    notices.sort()
    officer = told.city.officer_of(told.order.unit)
    client = enter(officer)
    assert "1 not read" in client.get(reverse("desk:bell")).content.decode()
    page = client.get(reverse("desk:notices")).content.decode()
    assert "New order" in page
    mine = notices.of(officer).get()
    response = client.get(reverse("desk:follow", args=[mine.pk]))
    assert response.headers["Location"] == reverse("desk:case", args=[told.case.number])
    assert notices.unread(officer) == 0
    other = enter(told.city.agent)
    assert other.get(reverse("desk:follow", args=[mine.pk])).status_code == 404
    assert "nothing new" in client.get(reverse("desk:bell")).content.decode()


def test_opening_the_case_reads_what_was_told_of_it(told: Told) -> None:
    notices.sort()
    officer = told.city.officer_of(told.order.unit)
    enter(officer).get(reverse("desk:case", args=[told.case.number]))
    assert notices.unread(officer) == 0


def test_wishes_are_kept_and_others_are_refused(told: Told) -> None:
    officer = told.city.officer_of(told.order.unit)
    client = enter(officer)
    offered = re.findall(r'<select name="(\w+)"', client.get(reverse("desk:wishes")).content.decode())
    chosen: dict[str, Any] = dict.fromkeys(offered, "page")
    assert len(chosen) > 3
    assert client.post(reverse("desk:wishes"), {**chosen, "order": "digest", "returned": "mail"}).status_code == 302
    officer.refresh_from_db()
    assert officer.wishes["order"] == "digest"
    assert "returned" not in officer.wishes
    assert client.post(reverse("desk:wishes"), {**chosen, "order": "fax"}).status_code == 422
    with pytest.raises(ValueError, match="no such"):
        notices.wish(officer, {"everything": "mail"})


def test_only_the_administrator_sets_a_mailbox_in_digits_of_any_script(city: City) -> None:
    water = organisation.unit("water")
    url = reverse("desk:mailboxes")
    given = {"unit": water.pk, "language": "en", "gather_min": "٣٠"}
    assert enter(city.administrator).post(url, given).status_code == 302
    assert (notices.mailbox_of(water.pk).language, notices.mailbox_of(water.pk).gather_min) == ("en", 30)
    assert enter(city.administrator).post(url, {**given, "gather_min": "99999"}).status_code == 422
    assert enter(city.supervisor).post(url, given).status_code == 403
    with pytest.raises(Forbidden):
        notices.set_mailbox(water, by=city.supervisor, language="en", gather_min=0)


def test_nobody_hears_another_one_s_bell(city: City) -> None:
    class Visitor:
        def __init__(self, user: Staff) -> None:
            self.user = user
            self.session: dict[str, Any] = {}

    assert may_hear(Visitor(city.agent), f"staff:{city.agent.pk}")  # type: ignore[arg-type]  # as much as is asked of it
    assert not may_hear(Visitor(city.agent), f"staff:{city.leader.pk}")  # type: ignore[arg-type]  # as above


def test_old_notices_go(told: Told) -> None:
    notices.sort()
    assert Notice.objects.exists()
    with clock.later(notices.KEPT_FOR + timedelta(days=1)):
        notices.forget_old()
    assert not Notice.objects.exists()
