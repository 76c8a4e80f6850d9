"""What time does to cases and what people are told of it; the clock is held, the jobs are run again and again."""

import io
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from tests.city import City, Told
from wasl.core.cases import actions as verbs
from wasl.core.cases import jobs, journal
from wasl.core.cases.models import Case, DailyRoot
from wasl.core.catalogue import queries as catalogue
from wasl.core.contacts import jobs as contact_jobs
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Calendar, Staff
from wasl.core.people.actions import Reach
from wasl.kernel import clock, worktime
from wasl.services.messages import jobs as message_jobs
from wasl.services.messages.models import Message, Notice
from wasl.site import schedule

MINUTE = timedelta(minutes=1)


def tick(at: datetime) -> None:
    """One minute's run, twice, as a worker that was killed and taken up again would."""
    with clock.held(at):
        for _ in range(2):
            assert schedule.run(schedule.SCHEDULE["* * * * *"]) == []


def events(told: Told) -> list[str]:
    return sorted(told.case.messages.exclude(stage__endswith=":p").values_list("event", flat=True))


@pytest.fixture
def told(city: City) -> Told:
    """A case with the unit for water pressure, three working days for the result."""
    return city.report("water-pressure").dispatched_to("water")


# --- suspensions ------------------------------------------------------------------------------------------------------


@pytest.mark.req("H1")
def test_a_suspension_goes_on_when_its_end_has_come(told: Told) -> None:
    told.signed()
    until = clock.now() + timedelta(days=2)
    verbs.suspend(told.case, by=told.city.supervisor, reason="parts", until=until)
    tick(until - MINUTE)
    assert told.fresh().state == "suspended"
    tick(until)
    assert told.fresh().state == "signed"
    assert told.verbs().count("case.resumed") == 1
    assert told.case.entries.get(verb="case.resumed").actor == "system"


# --- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("H1")
@pytest.mark.slow
def test_unit_and_supervisor_are_warned_once_at_each_mark(told: Told) -> None:
    case = told.signed().fresh()
    assert case.due_result is not None
    rule_marks = {"80%": "staff_due_soon", "100%": "staff_overdue"}
    begun = datetime.fromisoformat(case.clock["start"])
    water = organisation.unit("water")
    assert water.calendar is not None
    calendar = organisation.calendar_of(water.calendar.code)
    soon = message_jobs.moment("80%", begun, case.due_result, calendar, working=True)
    assert soon is not None
    assert soon < case.due_result
    tick(soon - MINUTE)
    assert "staff_due_soon" not in events(told)
    tick(soon + MINUTE)
    assert events(told).count("staff_due_soon") == 1
    tick(case.due_result - MINUTE)
    assert "staff_overdue" not in events(told)
    tick(case.due_result)
    overdue = Message.objects.filter(case=case, event="staff_overdue")
    assert overdue.filter(unit=case.unit).count() == 1
    centre_supervisors = {s.pk for s in message_jobs._supervisors()}
    found = Notice.objects.filter(case=case, kind="staff_overdue", staff__isnull=False)
    assert set(found.values_list("staff", flat=True)) == centre_supervisors
    assert centre_supervisors
    tick(case.due_result + MINUTE)
    assert (overdue.count(), found.count()) == (1, len(centre_supervisors))
    assert set(rule_marks.values()) <= set(events(told))


def test_who_does_not_want_it_is_not_told(told: Told) -> None:
    told.signed()
    Staff.objects.update(wishes={"overdue": "none"})
    case = told.fresh()
    assert case.due_result is not None
    tick(case.due_result + MINUTE)
    assert not Notice.objects.filter(staff__isnull=False).exists()
    assert Message.objects.filter(event="staff_overdue", unit=case.unit).exists()


def test_a_date_that_moved_is_warned_of_anew(told: Told) -> None:
    case = told.signed().fresh()
    due = case.due_result
    assert due is not None
    tick(due)
    officer = told.city.officer("water")
    with clock.held(due + MINUTE):
        verbs.ask_extension(told.order, by=officer, duration="2wd", reason="contractor", text="The part is late.")
        verbs.grant_extension(told.order, by=told.city.supervisor)
    later = told.fresh().due_result
    assert later is not None
    assert later > due
    tick(later)
    assert Message.objects.filter(event="staff_overdue", unit=case.unit, stage__contains=":100%:").count() == 2


def test_the_centre_is_warned_of_its_own_clock(city: City) -> None:
    told = city.report()
    due = told.case.due_centre
    assert due is not None
    tick(due - MINUTE)
    assert events(told) == []
    tick(due)
    assert Message.objects.filter(event="staff_overdue", unit=organisation.centre()).count() == 1


def test_what_is_long_past_is_not_told_after_an_outage(told: Told) -> None:
    case = told.signed().fresh()
    assert case.due_result is not None
    tick(case.due_result + timedelta(days=20))
    assert "staff_due_soon" not in events(told)
    assert not Message.objects.filter(event="staff_overdue").exists()


def test_marks_of_the_deadline_table() -> None:
    always = worktime.ALWAYS
    start = datetime(2026, 11, 22, 8, tzinfo=clock.now().tzinfo)
    due = start + timedelta(hours=10)

    def at(mark: str, *, working: bool = False) -> datetime | None:
        return message_jobs.moment(mark, start, due, always, working=working)

    assert at("50%") == start + timedelta(hours=5)
    assert at("80%", working=True) == start + timedelta(hours=8)
    assert at("33%", working=True) == start + timedelta(minutes=198)
    assert at("100%") == due
    assert at("+24h") == due + timedelta(days=1)
    assert at("nonsense") is None
    assert at("x%") is None


# --- the higher authority ---------------------------------------------------------------------------------------------


@pytest.mark.req("F14")
def test_overdue_by_the_rule_goes_up_once(city: City) -> None:
    told = city.report("street-light-out", area="seeb")
    told.dispatched_to("seeb-cleaning").signed()
    case = told.fresh()
    up = jobs.supervised_from(case)
    assert case.due_result is not None
    assert up is not None
    assert up > case.due_result
    tick(up - MINUTE)
    assert told.fresh().escalations == 0
    tick(up)
    case = told.fresh()
    assert case.escalations == 1
    assert case.unit == organisation.unit("seeb")
    entry = case.entries.get(verb="case.escalated")
    assert entry.actor == "system"
    assert '"rule_code":"overdue"' in entry.data


@pytest.mark.req("F14")
def test_where_nobody_is_above_it_is_flagged_once(told: Told) -> None:
    told.signed()
    up = jobs.supervised_from(told.fresh())
    assert up is not None
    tick(up)
    assert told.fresh().supervised
    tick(up + timedelta(days=3))
    assert told.verbs().count("case.flagged") == 1


@pytest.mark.req("F14")
def test_two_redos_go_up(city: City) -> None:
    told = city.report("street-light-out", area="seeb").dispatched_to("seeb-cleaning")
    for _ in range(2):
        told.replied()
        verbs.redo(told.case, by=city.second_line, text="Nothing was done there.", seen=told.fresh().version)
    tick(clock.now() + MINUTE)
    case = told.fresh()
    assert (case.escalations, case.unit) == (1, organisation.unit("seeb"))


@pytest.mark.parametrize("text", ["0min", "-", "", "24h", "+24h"])
def test_times_of_supervision(told: Told, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    case = told.signed().fresh()
    assert case.due_result is not None
    book = catalogue.of_number(case.edition)
    rules = tuple(replace(rule, supervision=text) for rule in book.deadlines)
    other = replace(book, deadlines=rules, _deadline_memo={})
    monkeypatch.setattr(catalogue, "of_number", lambda number: other)
    found = jobs.supervised_from(case)
    wanted = {
        "0min": case.due_result,
        "24h": case.due_result + timedelta(days=1),
        "+24h": case.due_result + timedelta(days=1),
    }
    assert found == wanted.get(text)


# --- the citizen's time -----------------------------------------------------------------------------------------------


def reached() -> None:
    """As if the sender had handed everything over."""
    Message.objects.update(state=Message.State.SENT)


@pytest.mark.req("F1")
def test_silence_is_reminded_of_once_and_then_closes_unconfirmed(told: Told) -> None:
    told.replied().told()
    reached()
    case = told.fresh()
    assert case.told_at is not None
    assert case.due_centre is not None
    half = case.told_at + (case.due_centre - case.told_at) / 2
    tick(half - MINUTE)
    assert not Message.objects.filter(event="reminder").exists()
    tick(half)
    assert Message.objects.filter(event="reminder").count() == 1
    tick(case.due_centre - MINUTE)
    assert told.fresh().state == "told"
    reached()
    tick(case.due_centre)
    case = told.fresh()
    assert (case.state, case.unconfirmed, case.rating) == ("closed", True, None)
    assert Message.objects.filter(event="reminder").count() == 1


@pytest.mark.req("F1", "I2")
@pytest.mark.parametrize("state", ["queued", "failed", "no_way", "in_doubt"])
@pytest.mark.slow
def test_who_was_not_reached_is_not_closed_over(told: Told, state: str) -> None:
    told.replied().told()
    reached()
    Message.objects.filter(event="told").update(state=state)
    due = told.fresh().due_centre
    assert due is not None
    tick(due + MINUTE)
    assert told.fresh().state == "told"
    for _ in range(3):
        verbs.record_attempt(told.case, by=told.city.agent, medium="phone")
    tick(due + 2 * MINUTE)
    assert told.fresh().state == "closed"


def test_what_was_answered_or_refused_closes_when_its_time_is_over(city: City) -> None:
    answered, refused = city.report(), city.report()
    verbs.answer(answered.case, by=city.agent, text="The bill is right.")
    verbs.refuse(refused.case, by=city.agent, ground="court")
    reached()
    due = max(c.due_centre for c in (answered.fresh(), refused.fresh()) if c.due_centre)
    tick(due + MINUTE)
    assert (answered.fresh().state, refused.fresh().state) == ("closed", "closed")
    assert not answered.case.unconfirmed


def test_an_anonymous_case_closes_too(city: City) -> None:
    told = city.report(reach=Reach()).dispatched_to().replied().told()
    due = told.fresh().due_centre
    assert due is not None
    tick(due + MINUTE)
    assert told.fresh().unconfirmed


def test_a_case_with_an_open_part_waits(told: Told) -> None:
    verbs.open_part(told.case, by=told.city.agent, category="water-leak", text="A leak beside it.")
    told.replied().told()
    reached()
    due = told.fresh().due_centre
    assert due is not None
    tick(due + MINUTE)
    assert told.fresh().state == "told"


# --- one bad case, calendars, roots, files ----------------------------------------------------------------------------


def test_a_case_that_fails_does_not_stop_the_others(city: City, caplog: pytest.LogCaptureFixture) -> None:
    bad, good = city.report().dispatched_to().replied().told(), city.report().dispatched_to().replied().told()
    reached()
    Case.objects.filter(pk=bad.case.pk).update(edition=9999)
    due = good.fresh().due_centre
    assert due is not None
    with clock.held(due + MINUTE):
        assert jobs.close_unanswered() == 1
    assert good.fresh().state == "closed"
    assert f"case {bad.case.pk} failed" in caplog.text


def test_a_job_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[int] = []

    def breaks() -> None:
        raise RuntimeError("broken")

    assert schedule.run([breaks, lambda: ran.append(1)]) == ["breaks"]
    assert ran == [1]
    assert "job=breaks failed" in caplog.text


@pytest.mark.req("H1")
def test_a_changed_calendar_moves_due_dates_with_an_entry_each(told: Told) -> None:
    case = told.signed().fresh()
    assert case.due_result is not None
    unit = case.unit
    assert unit is not None
    assert unit.calendar is not None
    assert jobs.recompute_all() == 0
    calendar = Calendar.objects.get(pk=unit.calendar.pk)
    calendar.exceptions = {**calendar.exceptions, case.due_result.astimezone(_zone()).date().isoformat(): []}
    calendar.weekly = {day: [["08:00", "12:00"]] for day in ("sun", "mon", "tue", "wed", "thu")}
    calendar.save()
    organisation.forget()
    assert jobs.recompute_changed() >= 1
    moved = told.fresh()
    assert moved.due_result is not None
    assert moved.due_result != case.due_result
    assert told.verbs().count("case.recomputed") == 1
    assert jobs.recompute_all() == 0
    assert journal.verify().broken is None


def _zone() -> Any:
    from django.utils import timezone

    return timezone.get_default_timezone()


def test_the_daily_root_is_taken_after_midnight_once(told: Told) -> None:
    with clock.later(timedelta(days=1)):
        assert schedule.take_roots() >= 1
        count = DailyRoot.objects.count()
        assert schedule.take_roots() == 0
        assert DailyRoot.objects.count() == count


def test_retention_takes_what_is_too_old(told: Told, settings: Any) -> None:
    told.replied().told().confirmed()
    settings.WASL_RETENTION_DAYS = 100
    assert jobs.retain() == 0
    with clock.later(timedelta(days=101)):
        assert jobs.retain() == 1
        assert jobs.retain() == 0
    assert told.fresh().redacted_at is not None
    settings.WASL_RETENTION_DAYS = 0
    assert jobs.retain() == 0


@pytest.fixture
def storage(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.mark.slow
def test_files_that_belong_to_nothing_are_swept_after_two_days(city: City, storage: Path) -> None:
    from PIL import Image

    from wasl.core.contacts import actions as contacts

    png = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(png, "PNG")
    kept = contacts.keep(png.getvalue(), "a.png")
    contacts.keep(png.getvalue(), "b.png")
    city.report(attachments=[kept])
    default_storage.save("other/notes.txt", ContentFile(b"not ours"))
    assert contact_jobs.sweep() == 0
    with clock.later(timedelta(days=3)):
        assert contact_jobs.sweep() >= 1
        assert contact_jobs.sweep() == 0
    assert default_storage.exists(kept.original)
    assert default_storage.exists("other/notes.txt")
    assert not [p for p in storage.rglob("original") if str(kept.pk) not in str(p)]


def test_the_schedule_names_every_job_once() -> None:
    named = [(job.__module__, job.__name__) for found in schedule.SCHEDULE.values() for job in found]
    assert len(named) == len(set(named))
    from procrastinate.contrib.django import app

    tasks = {task.name for task in app.tasks.values()}
    assert {f"wasl.{found[0].__name__}" for found in schedule.SCHEDULE.values()} <= tasks
