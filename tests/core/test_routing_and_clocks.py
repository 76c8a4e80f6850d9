"""Where a case goes and when it is due."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.city import POINTS, City
from wasl.core.cases import clocks, routing
from wasl.core.catalogue import actions as catalogue_actions
from wasl.core.catalogue import book as books
from wasl.core.catalogue import queries as catalogue
from wasl.core.catalogue.models import Edition
from wasl.core.organisation import queries as organisation
from wasl.core.organisation.models import Area, Calendar
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock
from wasl.kernel.worktime import add

NOON = datetime(2027, 3, 3, 8, 0, tzinfo=UTC)


def decide(category: str, area: str, **more: object) -> routing.Decision:
    lat, lon = POINTS[area]
    return routing.route(catalogue.in_force(), category, routing.locate(lon, lat), NOON, **more)  # type: ignore[arg-type]  # kwargs of tests


@pytest.mark.req("G2", "A8", "B19", "B20", "B21")
def test_every_leaf_in_every_wilayat_is_decided_or_goes_to_a_person(city: City) -> None:
    for category in catalogue.in_force().leaves:
        for area in POINTS:
            decision = decide(category.code, area)
            assert decision.unit is not None, (category.code, area)
            assert decision.why in ("rule", "tie"), (category.code, area, decision)
            assert decision.rule


@pytest.mark.req("G2")
def test_a_tie_goes_to_a_person(city: City) -> None:
    decision = decide("road-sand", "qurayyat")
    assert decision.why == "tie"
    assert not decision.automatic
    assert decision.others


@pytest.mark.req("G3")
def test_a_point_near_a_border_asks_a_person(city: City) -> None:
    seeb = Area.objects.get(code="seeb")
    ring = seeb.geometry["coordinates"][0]
    (x1, y1), (x2, y2) = ring[4], ring[5]
    lon, lat = (x1 + x2) / 2, (y1 + y2) / 2
    place = routing.locate(lon - 0.0004, lat)
    assert place.near
    local = next(
        c.code for c in catalogue.in_force().leaves if decide(c.code, "seeb").unit != decide(c.code, "bawshar").unit
    )
    assert routing.route(catalogue.in_force(), local, place, NOON).why == "near_border"
    assert routing.route(catalogue.in_force(), "water-leak", place, NOON).why == "rule"


def test_outside_the_city_nobody_is_guessed(city: City) -> None:
    place = routing.locate(0.0, 0.0)
    assert place.area is None


@pytest.mark.req("B22")
def test_the_catalogue_never_names_the_unit_complained_of(city: City) -> None:
    decision = decide("water-leak", "seeb", against=organisation.unit("water"))
    assert decision.unit is None
    assert decision.why == "recusal"


def test_the_clock_starts_at_dispatch_and_sign_for_does_not_move_it(city: City) -> None:
    told = city.report().dispatched_to()
    due = told.case.due_result
    with clock.later(timedelta(minutes=40)):
        told.signed()
    assert told.case.due_result == due
    assert told.case.due_sign is None
    rule = catalogue.of_number(told.case.edition).deadline(told.case.category, told.case.kind, told.case.urgency)
    assert rule.result is not None
    assert told.case.dispatched_at is not None
    assert due == add(organisation.calendar_of("always"), told.case.dispatched_at, rule.result)


@pytest.mark.req("R2")
def test_holidays_ramadan_and_exceptional_days_move_due_dates(city: City) -> None:
    office = organisation.calendar_of("office")
    rule = catalogue.in_force().deadline("", "complaint", "normal")
    facts = {"start": datetime(2027, 3, 3, 8, 0, tzinfo=UTC).isoformat()}
    before = clocks.compute(facts, rule, office)
    calendar = Calendar.objects.get(code="office")
    calendar.exceptions = {**calendar.exceptions, "2027-03-04": []}
    calendar.save()
    organisation.forget()
    after = clocks.compute(facts, rule, organisation.calendar_of("office"))
    assert before.result is not None
    assert after.result is not None
    assert after.result > before.result


@pytest.mark.req("P9")
def test_a_new_edition_rules_from_its_date_and_old_cases_keep_theirs(city: City) -> None:
    old = city.report()
    author, other = city.administrator, city.one("administrator")
    draft = catalogue_actions.draft(by=author, note="Two hours for everything")
    rows = [dict(row) for row in draft.sheets["deadlines"]]
    for row in rows:
        row["result"] = "1h"
    catalogue_actions.replace_sheet(draft, by=author, sheet="deadlines", rows=rows)
    draft.refresh_from_db()
    current = catalogue.in_force()
    published = Edition.objects.get(number=current.number)
    assert len(catalogue_actions.differences(published.sheets, draft.sheets)) == sum(
        1 for a, b in zip(published.sheets["deadlines"], rows, strict=True) if a != b
    )
    with pytest.raises(Forbidden):
        catalogue_actions.publish(draft, by=city.agent)
    start = clock.now() + timedelta(days=1)
    catalogue_actions.publish(draft, by=other, effective_from=start)
    assert catalogue.in_force().number == current.number
    with clock.held(start + timedelta(minutes=1)):
        new = city.report().dispatched_to()
        assert new.case.edition == draft.number
        assert new.case.due_result is not None
        assert new.case.due_result <= clock.now() + timedelta(hours=1)
    assert old.fresh().edition == current.number


@pytest.mark.req("M7")
def test_sheets_go_out_and_come_back_as_csv(city: City) -> None:
    edition = Edition.objects.get(number=catalogue.in_force().number)
    for sheet, rows in edition.sheets.items():
        again = books.from_csv(sheet, books.to_csv(sheet, rows))
        assert again == [{c: row.get(c, "") for c in books.COLUMNS[sheet]} for row in rows]


def test_bad_sheets_are_named_row_by_row(city: City) -> None:
    draft = catalogue_actions.draft(by=city.administrator)
    rows = [dict(row) for row in draft.sheets["dispatch"]]
    rows[0]["lead"] = "nobody"
    rows[1]["category"] = "nothing"
    catalogue_actions.replace_sheet(draft, by=city.administrator, sheet="dispatch", rows=rows)
    draft.refresh_from_db()
    with pytest.raises(books.BadSheet) as caught:
        catalogue_actions.check(draft.sheets, number=draft.number)
    assert any("row 2" in p and "nobody" in p for p in caught.value.problems)
    assert any("row 3" in p and "nothing" in p for p in caught.value.problems)
