"""The roster: who is on duty by the hours of the shifts, who is there by signing in and working, days away (P3)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from tests.city import City
from tests.faces.test_desk_matrix import enter
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.actions import Refused
from wasl.core.organisation.models import Audit, Calendar, Post, Staff, Unit
from wasl.core.roster import actions, attendance, queries
from wasl.core.roster.models import Absence, Attendance, Shift
from wasl.kernel import clock

pytestmark = [pytest.mark.django_db, pytest.mark.req("P3")]
MONDAY = date(2026, 11, 23)
# Muscat is four hours ahead of UTC.
EVENING = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
HOURS = {"mon": [["22:00", "24:00"]], "tue": [["00:00", "06:00"]]}


def hours(weekly: dict[str, list[list[str]]], code: str = "night", **more: object) -> Calendar:
    made = Calendar.objects.create(code=code, names={"en": code}, weekly=weekly, **more)
    organisation.forget()
    return made


def shift(city: City, *people: Staff, calendar: Calendar | None = None) -> Shift:
    by = city.supervisor
    made = actions.save_shift(
        None, by=by, names={"en": "Night"}, unit=organisation.centre(), calendar=calendar or hours(HOURS)
    )
    for one in people:
        actions.put_into(made, one, by=by)
    return made


def test_a_shift_over_midnight_is_one(city: City) -> None:
    made = shift(city, city.agent)
    (found,) = queries.on_duty(EVENING)
    assert (found.staff, found.shift, found.there) == (city.agent, made, None)
    assert (found.since, found.until - found.since) == (EVENING - timedelta(hours=1), timedelta(hours=8))
    assert queries.on_duty(EVENING + timedelta(hours=6, minutes=59))
    assert not queries.on_duty(EVENING + timedelta(hours=7))
    assert not queries.on_duty(EVENING - timedelta(hours=1, seconds=1))


def test_days_away_and_exceptional_days_are_not_duty(city: City) -> None:
    made = shift(city, city.agent, city.one("agent", number=1))
    away = actions.plan_away(city.agent, by=city.supervisor, first=MONDAY, last=MONDAY)
    assert [one.staff for one in queries.on_duty(EVENING)] == [city.one("agent", number=1)]
    actions.expect_again(away, by=city.supervisor)
    assert len(queries.on_duty(EVENING)) == 2
    made.calendar.exceptions = {MONDAY.isoformat(): []}
    made.calendar.save()
    organisation.forget()
    assert not queries.on_duty(EVENING)
    assert [one["verb"] for one in Audit.objects.filter(kind="absence").order_by("at").values("verb")] == [
        "absence.made",
        "absence.ended",
    ]


def test_who_left_the_house_or_a_shift_not_worked_has_nobody_on_duty(city: City) -> None:
    made = shift(city, city.agent)
    Staff.objects.filter(pk=city.agent.pk).update(is_active=False)
    assert not queries.on_duty(EVENING)
    Staff.objects.update(is_active=True)
    actions.save_shift(made, by=city.supervisor, names=made.names, unit=made.unit, calendar=made.calendar, active=False)
    assert not queries.on_duty(EVENING)


def test_signing_in_working_and_signing_out_make_attendance(city: City) -> None:
    agent, client = city.agent, Client()
    with clock.held(EVENING):
        client.post("/account/login/", {"login": agent.username, "password": city.password})
    held = Attendance.objects.get()
    assert (held.staff, held.began_at, held.ended_at) == (agent, EVENING, None)
    with clock.held(EVENING + timedelta(minutes=20)):
        assert client.get("/desk/list/review/").status_code == 200
    held.refresh_from_db()
    assert held.seen_at == EVENING + timedelta(minutes=20)
    with clock.held(EVENING + timedelta(minutes=45)):
        # A part that fetches itself says nothing about who sits there.
        client.get("/desk/rail/", headers={"HX-Request": "true"})
    held.refresh_from_db()
    assert held.seen_at == EVENING + timedelta(minutes=20)
    with clock.held(EVENING + timedelta(minutes=46)):
        client.post("/account/logout/")
    held.refresh_from_db()
    assert held.ended_at == EVENING + timedelta(minutes=46)


def test_whoever_goes_without_signing_out_was_there_until_the_last_thing_he_did(city: City) -> None:
    agent = city.agent
    with clock.held(EVENING):
        attendance.at_work(agent)
        assert Attendance.objects.get(staff=agent).ended_at is None
    with clock.held(EVENING + attendance.GAP + timedelta(seconds=1)):
        assert attendance.end_stale() == 1
    assert Attendance.objects.get().ended_at == EVENING
    with clock.held(EVENING + timedelta(hours=1)):
        attendance.at_work(agent)
    assert Attendance.objects.filter(ended_at__isnull=True).get().began_at == EVENING + timedelta(hours=1)
    with clock.held(EVENING + timedelta(hours=3)):
        # The old stretch ends by itself when the next begins.
        attendance.at_work(agent)
    assert Attendance.objects.filter(ended_at__isnull=True).count() == 1
    with pytest.raises(IntegrityError), transaction.atomic():
        Attendance.objects.create(staff=agent, began_at=EVENING, seen_at=EVENING)
    with clock.held(EVENING + attendance.KEPT + timedelta(days=1)):
        assert attendance.forget_old() == 3


def test_a_day_as_planned_and_as_it_was(city: City) -> None:
    day = hours({"mon": [["08:00", "12:00"], ["13:00", "16:00"]]}, "day")
    agents = [city.one("agent", number=n) for n in range(4)]
    made = shift(city, *agents, calendar=day)
    eight = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    for agent, late in ((agents[0], 4), (agents[1], 25)):
        began = eight + timedelta(minutes=late)
        Attendance.objects.create(staff=agent, began_at=began, seen_at=eight + timedelta(hours=8))
    Absence.objects.create(staff=agents[3], first=MONDAY, last=MONDAY)
    with clock.held(eight + timedelta(hours=9)):
        lines = {line.staff: line for line in queries.day_of(MONDAY, [made])}
        assert [(lines[a].late_min, lines[a].missed, lines[a].away) for a in agents] == [
            (0, False, False),
            (25, False, False),
            (0, True, False),
            (0, False, True),
        ]
    assert len(lines[agents[0]].planned) == 2
    with clock.held(eight):
        assert not queries.day_of(MONDAY, [made])[2].missed


def test_only_who_plans_for_a_unit_touches_its_shifts(city: City) -> None:
    made, roads = shift(city, city.agent), organisation.unit("seeb-roads")
    for nobody in (city.agent, city.dispatcher, city.officer("seeb-roads"), city.leader):
        with pytest.raises(rights.Forbidden):
            actions.put_into(made, city.agent, by=nobody)
    chief = Staff.objects.create(username="chief", names={"en": "Chief"}, language="en")
    Post.objects.create(
        staff=chief, role="administrator", unit=Unit.objects.get(code="seeb"), since=clock.now() - timedelta(days=1)
    )
    with pytest.raises(rights.Forbidden):
        actions.save_shift(made, by=chief, names={"en": "x"}, unit=roads, calendar=made.calendar)
    own = actions.save_shift(None, by=chief, names={"en": "Roads"}, unit=roads, calendar=made.calendar)
    assert list(queries.shifts_of(chief)) == [own]
    with pytest.raises(rights.Forbidden):
        actions.plan_away(city.agent, by=chief, first=MONDAY, last=MONDAY)
    with pytest.raises(Refused, match="no post"):
        actions.put_into(own, city.officer("water"), by=chief)
    client = enter(chief)
    assert client.get(f"/desk/setup/roster/{made.pk}/").status_code == 404
    assert client.post(f"/desk/setup/roster/{made.pk}/", {"do": "leave", "person": city.agent.pk}).status_code == 404
    shown = client.get("/desk/setup/roster/").content.decode()
    assert "Roads" in shown
    assert "Night" not in shown


def test_what_makes_no_sense_is_refused(city: City) -> None:
    made = shift(city, city.agent)
    by = city.supervisor
    with pytest.raises(Refused, match="name"):
        actions.save_shift(None, by=by, names={"en": " "}, unit=made.unit, calendar=made.calendar)
    with pytest.raises(Refused, match="before"):
        actions.plan_away(city.agent, by=by, first=MONDAY, last=MONDAY - timedelta(days=1))
    with pytest.raises(Refused, match="year"):
        actions.plan_away(city.agent, by=by, first=MONDAY, last=MONDAY + timedelta(days=400))


def test_the_pages(city: City) -> None:
    night, client = hours(HOURS), enter(city.supervisor)
    facts = {"do": "save", "name_ar": "ليل", "name_en": "<b>Night</b>", "calendar": night.pk, "active": "on"}
    answer = client.post("/desk/setup/roster/new/", {**facts, "unit": organisation.centre().pk})
    made = Shift.objects.get()
    assert answer.headers["Location"] == f"/desk/setup/roster/{made.pk}/"
    client.post(f"/desk/setup/roster/{made.pk}/", {"do": "join", "person": city.agent.pk})
    with clock.held(EVENING):
        attendance.at_work(city.agent)
        page = enter(city.supervisor).get("/desk/setup/roster/").content.decode()
        assert str(city.agent) in page
        assert "&lt;b&gt;Night" in page
        assert "<b>Night" not in page
        assert "1 person is planned." in page
    client.post(
        "/desk/setup/roster/", {"do": "away", "staff": city.agent.pk, "first": "2030-01-01", "last": "2030-01-02"}
    )
    away = Absence.objects.get()
    day = client.get("/desk/setup/roster/attendance/?day=2026-11-22").content.decode()
    assert str(city.agent) in day
    assert client.get("/desk/setup/roster/attendance/?day=%00x").status_code == 200
    client.post("/desk/setup/roster/", {"do": "back", "absence": away.pk})
    assert not Absence.objects.exists()
    client.post(f"/desk/setup/roster/{made.pk}/", {"do": "leave", "person": city.agent.pk})
    assert not made.people.exists()
