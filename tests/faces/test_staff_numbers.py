"""How staff are reached: their own number, confirmed twice a year; notices as texts to it; ranks who watch."""

from datetime import timedelta

import pytest
from django.urls import reverse

from tests.city import City
from tests.faces.test_desk_matrix import enter
from tests.faces.test_notices import Box, kinds
from wasl.core.cases import actions as verbs
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Post, Staff
from wasl.core.people import proving
from wasl.core.people.models import Code
from wasl.kernel import clock
from wasl.services.messages import actions, jobs, notices
from wasl.services.messages.models import Message, Notice, QuietHours
from wasl.services.messages.sender import Sender

pytestmark = pytest.mark.django_db
MINE = "+96892000005"
PASSWORD = "a long password of no word list"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    notices.forget()
    monkeypatch.setattr("wasl.services.messages.numbers.served", lambda: frozenset({"mail", "sms"}))


def _send() -> tuple[Box, Box]:
    """What left by mail and by SMS."""
    mail, sms = Box(), Box()
    sender = Sender({"mail": mail, "sms": sms})
    while sender.round():
        pass
    return mail, sms


def _proved(staff: Staff) -> Staff:
    Staff.objects.filter(pk=staff.pk).update(phone=MINE, phone_proved_at=clock.now())
    staff.refresh_from_db()
    return staff


@pytest.mark.req("Q3")
def test_somebody_proves_his_own_number(city: City) -> None:
    staff = city.one("agent")
    Staff.objects.filter(pk=staff.pk).update(phone="92000005", confirmed_at=clock.now() - timedelta(days=170))
    browser = enter(staff)
    url = reverse("desk:account")
    assert "Please confirm by" in browser.get(url).content.decode()
    assert "A code went to" in browser.post(url, {"do": "ask"}).content.decode()
    code = Code.objects.get()
    _mail, sms = _send()
    assert [one.to for one in sms.kept] == [MINE]
    assert proving.digits_of(code) in sms.kept[0].body
    assert browser.post(url, {"do": "code", "asked": code.pk, "code": "000000"}).status_code == 422
    other = enter(city.one("dispatcher"))
    other.post(url, {"do": "code", "asked": code.pk, "code": proving.digits_of(code)})
    proved = Staff.objects.filter(pk=staff.pk, phone_proved_at__isnull=False)
    assert not proved.exists()
    browser.post(url, {"do": "code", "asked": code.pk, "code": proving.digits_of(code)})
    staff.refresh_from_db()
    assert proved.exists()
    assert organisation.confirm_by(staff) is None
    # Another number is not proved.
    staff.set_password(PASSWORD)
    staff.save()
    browser = enter(staff)
    given = {"do": "save", "email": "a@example.com", "phone": "92000006", "language": "en", "password": PASSWORD}
    assert browser.post(url, given).status_code == 302
    assert not proved.exists()


@pytest.mark.req("Q3")
def test_reminders_come_at_150_165_and_180_days_once_each(city: City) -> None:
    staff = _proved(city.one("agent"))
    Staff.objects.filter(pk=staff.pk).update(email="agent@example.com")
    Staff.objects.exclude(pk=staff.pk).update(confirmed_at=clock.now() + timedelta(days=900))
    told = {}
    for days in (149, 150, 151, 165, 179, 180, 181):
        with clock.held(staff.confirmed_at + timedelta(days=days, hours=1)):
            told[days] = jobs.remind_staff()
    # By mail and to the telephone.
    assert told == {149: 0, 150: 2, 151: 0, 165: 2, 179: 0, 180: 2, 181: 0}
    with clock.held(staff.confirmed_at + timedelta(days=181)):
        mail, sms = _send()
    assert len(mail.kept) == len(sms.kept) == 3
    assert "/desk/me/account/" in mail.kept[0].body
    # Whoever has confirmed is left alone.
    Staff.objects.filter(pk=staff.pk).update(confirmed_at=staff.confirmed_at + timedelta(days=181))
    with clock.held(staff.confirmed_at + timedelta(days=182)):
        assert jobs.remind_staff() == 0


@pytest.mark.req("Q3")
def test_what_is_optional_waits_for_who_has_not_confirmed(city: City) -> None:
    staff = city.one("supervisor")
    browser = enter(staff)
    names = [("extract", ["all"]), ("counts_csv", []), ("counts_pdf", []), ("new_view", [])]
    urls = [reverse(f"desk:{name}", args=args) for name, args in names]
    Staff.objects.filter(pk=staff.pk).update(confirmed_at=clock.now() - timedelta(days=181))
    assert {browser.get(url).status_code for url in urls} == {403}
    page = browser.get(reverse("desk:board"))
    assert page.status_code == 200, "work goes on"
    assert "extracts, files" in page.content.decode()
    Staff.objects.filter(pk=staff.pk).update(confirmed_at=clock.now() - timedelta(days=179))
    assert {browser.get(url).status_code for url in urls} == {200}


@pytest.mark.req("Q3")
def test_the_share_of_current_numbers_is_told_by_unit(city: City) -> None:
    water = organisation.unit("water")
    officer, other = city.officer_of(water), city.new_officer(water)
    _proved(officer)
    of = {one.unit.code: one for one in organisation.currency() if one.unit}
    people = Post.objects.filter(unit=water, staff__is_active=True).values("staff").distinct().count()
    held = Staff.objects.filter(posts__unit=water).exclude(phone="").distinct().count()
    assert (of["water"].people, of["water"].current) == (people, held)
    assert of["water"].percent == 100 * held // people
    Staff.objects.filter(pk=officer.pk).update(confirmed_at=clock.now() - timedelta(days=181))
    again = {one.unit.code: one for one in organisation.currency() if one.unit}
    assert again["water"].current == held - 1
    assert other.phone == ""
    assert "Own numbers of the staff" in enter(city.administrator).get(reverse("desk:care")).content.decode()


@pytest.mark.req("I5")
def test_a_new_order_a_reminder_and_an_urge_go_to_the_telephone_once(city: City) -> None:
    officer = _proved(city.officer("water"))
    notices.wish(officer, {"order": "sms", "urged": "sms", "due_soon": "sms", "redone": "sms"})
    told = city.report("water-pressure").dispatched_to("water")
    _mail, sms = _send()
    assert [one.to for one in sms.kept] == [MINE]
    assert told.case.number in sms.kept[0].body
    assert _send()[1].kept == [], "once for each event"
    for kind in ("staff_urged", "staff_due_soon", "staff_redone"):
        stage = f"{told.case.pk}:{kind}:test"
        Notice.objects.create(case=told.case, unit=told.order.unit, kind=kind, stage=stage, at=clock.now())
        (one,) = _send()[1].kept
        assert told.case.number in one.body or "Notices about your work" in one.body or "إشعارات" in one.body
    # What has no words for SMS is not told in words of something else.
    assert Message.objects.filter(staff=officer, facts__by="sms").count() == 4


@pytest.mark.req("I5")
def test_nothing_is_texted_to_a_number_that_is_not_proved_nor_at_night(city: City) -> None:
    officer = _proved(city.officer("water"))
    notices.wish(officer, {"order": "sms"})
    Staff.objects.filter(pk=officer.pk).update(phone_proved_at=None)
    city.report("water-pressure").dispatched_to("water")
    assert _send()[1].kept == []
    assert Message.objects.get(staff=officer, facts__by="sms").state == Message.State.ON_PAGE
    _proved(officer)
    now = clock.now()
    QuietHours.objects.update_or_create(channel="sms", defaults={"first": "00:00", "last": "23:59:59"})
    actions.forget()
    city.report("water-pressure").dispatched_to("water")
    assert _send()[1].kept == []
    assert Message.objects.filter(staff=officer, facts__by="sms", state="queued", due_at__gt=now).count() == 1
    QuietHours.objects.all().delete()
    actions.forget()


@pytest.mark.req("H8")
def test_higher_ranks_hear_of_what_they_asked_for_and_may_see(city: City) -> None:
    leader, supervisor = _proved(city.one("leader")), city.one("supervisor")
    assert [choice.code for choice in notices.choices_of(["leader"])] == ["question", "happening"]
    assert "happening" not in [choice.code for choice in notices.choices_of(["agent", "officer", "dispatcher"])]
    code = next(leaf.code for leaf in catalogue.in_force().leaves if leaf.emergency)
    city.report(code).registered()
    notices.sort()
    assert "staff_emergency" not in kinds(leader), "nobody gets it who has not asked for it"
    notices.wish(leader, {"happening": "sms"})
    notices.wish(supervisor, {"happening": "page"})
    told = city.report(code).registered()
    _mail, sms = _send()
    assert [one.to for one in sms.kept] == [MINE]
    assert told.case.number in sms.kept[0].body
    assert kinds(supervisor).count("staff_emergency") == 1
    calm = city.report("water-leak").registered().case
    assert _send()[1].kept == []
    verbs.flag(calm, by=city.agent, flags={"emergency": True})
    assert len(_send()[1].kept) == 1
    verbs.flag(calm, by=city.agent, flags={"supervised": True})
    assert _send()[1].kept == []
    # What is against a unit of his he neither sees nor hears of; nor what lies beyond his scope.
    Post.objects.filter(staff=leader).update(unit=organisation.unit("audit"))
    city.report(code).registered()
    assert _send()[1].kept == []
    assert kinds(supervisor).count("staff_emergency") == 3
