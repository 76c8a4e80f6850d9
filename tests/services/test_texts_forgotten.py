"""What becomes of texts when a person is forgotten, and when they are old."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from tests.channels.sms import came_in
from tests.city import City
from wasl.core.cases import forgetting as cases
from wasl.core.organisation.models import Unit
from wasl.core.people import actions as people
from wasl.core.people.actions import Reach
from wasl.kernel import clock, seal
from wasl.kernel.ids import new_id
from wasl.services.campaigns.models import Campaign, Group, Member, Receiver
from wasl.services.texts import actions, finding, forgetting, queries, steering, tally
from wasl.services.texts.actions import New
from wasl.services.texts.models import DayTally, Emptied, Incoming, Klass, Operator, Queued, Route, Text

pytestmark = pytest.mark.django_db
HIS, HERS = "+96892000001", "+96899887766"
WORDS = "the light is out"


@pytest.fixture(autouse=True)
def operator(city: City) -> Iterator[Operator]:
    made = Operator.objects.create(code="first", name="First")
    Route.objects.create(name="all", operators=[made.pk])
    queries.forget()
    yield made
    queries.forget()


def text(number: str = HIS, state: str = Text.State.DELIVERED) -> Text:
    """A text of the house that has ended, or waits."""
    new = New(ref=f"t{new_id()}", number=number, words="Your case is closed.", klass=Klass.CASE)
    (taken,) = actions.queue(actions.house().code, [new])
    if isinstance(taken, actions.Refused):
        raise taken
    if state != Text.State.QUEUED:
        Queued.objects.filter(text=taken.id).delete()
        Text.objects.filter(pk=taken.id).update(state=state, ended_at=clock.now())
    return Text.objects.get(pk=taken.id)


def is_empty(row: Text | Incoming) -> bool:
    """Whether nothing personal is left in it."""
    row.refresh_from_db()
    left = [row.words_sealed or b"", row.number_sealed, row.look_up, row.mark or b""]
    return not any(map(bytes, left)) and row.hint == forgetting.GONE


def is_whole(row: Text | Incoming) -> bool:
    """Whether words and number can still be read."""
    row.refresh_from_db()
    return bool(row.words_sealed) and bool(row.number_sealed)


@pytest.mark.req("C8")
def test_words_and_numbers_of_who_is_forgotten_go(city: City, operator: Operator) -> None:
    told = city.report(reach=Reach(phone=HIS, language="en")).registered().dispatched_to().replied().told()
    person = told.confirmed().case.requester
    assert person is not None
    ended, waiting, hers = text(), text(state=Text.State.QUEUED), text(HERS)
    taken = text(state=Text.State.QUEUED)
    Queued.objects.filter(text=taken).update(taken_by=operator)
    done = Incoming.State.DONE
    answered, also_hers = (came_in(operator, WORDS, number, done) for number in (HIS, HERS))
    fresh = came_in(operator, WORDS, HIS)
    cases.forget(person, by=city.administrator)
    assert is_empty(ended)
    assert is_empty(waiting)
    assert waiting.state == Text.State.CANCELLED
    assert is_whole(taken), "an operator gets it this moment"
    assert taken.secret, "its words go when it has ended"
    assert is_empty(answered)
    assert is_whole(fresh), "it is to be answered yet"
    assert is_whole(hers)
    assert is_whole(also_hers)
    assert len(finding.of_number(HIS)) == 2
    seen = steering.read(answered, by=city.supervisor, reason="a complaint")
    assert (seen.number, seen.words) == ("", "")


def test_a_number_that_somebody_else_has_proved_keeps_its_texts(city: City, operator: Operator) -> None:
    hers = city.report(reach=Reach(phone=HIS, name="Maryam", language="en")).case.requester
    assert hers is not None
    people.verify(hers.addresses.get())
    told = city.report(reach=Reach(phone=HIS, mail="x@example.com")).registered().dispatched_to().replied().told()
    person = told.confirmed().case.requester
    assert person is not None
    assert person != hers
    kept = text()
    cases.forget(person, by=city.administrator)
    assert is_whole(kept)


def test_what_is_old_loses_words_and_number_and_keeps_its_figures(operator: Operator, settings: Any) -> None:
    settings.WASL_TEXTS_DAYS = 100
    old, came, waiting = text(), came_in(operator, WORDS, HIS, Incoming.State.DONE), text(state=Text.State.QUEUED)
    tally.count_today()
    figures = list(DayTally.objects.values_list("made", "delivered"))
    with clock.later(timedelta(days=99)):
        assert forgetting.forget_old() == 0
        young = text()
    with clock.later(timedelta(days=101)):
        settings.WASL_TEXTS_DAYS = 0
        assert forgetting.forget_old() == 0
        settings.WASL_TEXTS_DAYS = 100
        assert forgetting.forget_old() == 2
        assert forgetting.forget_old() == 0
        tally.count_lately()
    assert is_empty(old)
    assert is_empty(came)
    assert is_whole(young)
    assert is_whole(waiting)
    that_day = DayTally.objects.filter(day=timezone.localdate(old.made_at))
    assert list(that_day.values_list("made", "delivered")) == figures


def test_old_texts_are_found_page_by_page(operator: Operator, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WASL_TEXTS_DAYS = 100
    monkeypatch.setattr(forgetting, "_PAGE", 2)
    rows = [text() for _ in range(5)]
    with clock.later(timedelta(days=101)):
        assert forgetting.forget_old() == 5
    assert all(is_empty(row) for row in rows)


def test_what_is_empty_is_not_read_again_but_what_waited_is(
    operator: Operator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WASL_TEXTS_DAYS = 100
    monkeypatch.setattr(forgetting, "_PAGE", 2)
    first = [text() for _ in range(2)]
    waits = text(state=Text.State.QUEUED)
    after = [text() for _ in range(3)]
    with clock.held(datetime(2027, 5, 10, tzinfo=UTC)):
        assert forgetting.forget_old() == 5
        assert Emptied.objects.get(table="texts_text").up_to == first[1].pk
        Queued.objects.filter(text=waits).delete()
        assert forgetting.forget_old() == 1
        assert Emptied.objects.get(table="texts_text").up_to == after[-1].pk
    # An id that a process had kept for long: it is found at the beginning of a month.
    Text.objects.filter(pk=first[0].pk).update(number_sealed=b"x")
    with clock.held(datetime(2027, 5, 31, tzinfo=UTC)):
        assert forgetting.forget_old() == 0
    with clock.held(datetime(2027, 6, 1, 12, tzinfo=UTC)):
        assert forgetting.forget_old() == 1


def test_who_is_forgotten_leaves_the_lists_of_units_if_the_number_was_his(city: City) -> None:
    roads = Unit.objects.get(code="roads")
    group = Group.objects.create(unit=roads, name="Crew", made_at=clock.now())
    sent = Campaign.objects.create(unit=roads, kind="citizens", name="x", made_at=clock.now(), made_by=city.supervisor)
    for number in (HIS, HERS):
        facts = {"look_up": seal.index_of(number), "number_sealed": b"x", "hint": "x", "name_sealed": b"x"}
        Member.objects.create(group=group, **facts)
        for level, state in ((1, "queued"), (2, "waiting")):
            Receiver.objects.create(campaign=sent, level=level, state=state, **facts)
    case = city.report(reach=Reach(phone=HIS, language="en")).registered().dispatched_to().replied().told()
    case.confirmed()
    his = case.fresh().requester
    assert his is not None
    with transaction.atomic():
        # What somebody only typed into a report takes nobody off a list.
        cases.forget(his, by=city.administrator)
        assert Member.objects.count() == 2
        transaction.set_rollback(True)
    people.verify(his.addresses.get())
    cases.forget(his, by=city.administrator)
    assert [bytes(one.look_up) for one in Member.objects.all()] == [seal.index_of(HERS)]
    assert Receiver.objects.filter(look_up=seal.index_of(HIS)).count() == 0
    emptied = Receiver.objects.exclude(look_up=seal.index_of(HERS)).get()
    assert (emptied.state, bytes(emptied.number_sealed), emptied.name_sealed) == ("queued", b"", None)
