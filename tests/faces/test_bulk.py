"""Verbs for several cases: each by itself, the outcome row by row, nothing done twice, nothing beyond a right."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tests.city import City, Told
from tests.faces.test_desk_matrix import enter
from wasl.core.cases.models import Case
from wasl.core.organisation import queries as organisation
from wasl.faces.desk import bulk, verbs

pytestmark = pytest.mark.django_db


def tick(*told: Told) -> list[str]:
    """The ticks of these cases as a list gives them now."""
    return [f"{one.fresh().number}:{one.case.version}" for one in told]


def several(client: Client, verb: str, ticks: list[str], **given: Any) -> HttpResponse:
    """Send the form of a verb for these."""
    return client.post("/desk/several/", {"verb": verb, "case": ticks, "listing": "all", **given})  # type: ignore[return-value]  # the test client's response


def outcomes(response: HttpResponse) -> list[str]:
    """done or not done, row by row."""
    return re.findall(r"</svg>(done|not done)</span>", response.content.decode())


def test_ticks_and_verbs_stand_on_the_list(city: City) -> None:
    told = city.report("water-leak").registered()
    page = enter(city.dispatcher).get("/desk/list/dispatch/").content.decode()
    assert f'value="{told.case.number}:{told.case.version}"' in page
    assert 'name="verb" value="dispatch"' in page
    assert 'value="grant"' not in page, "a dispatcher grants nothing"


@pytest.mark.slow
def test_some_are_done_and_each_other_says_why_not(city: City) -> None:
    ready, again = city.report("water-leak").registered(), city.report("water-leak", area="seeb").registered()
    received, stale = city.report("water-leak"), city.report("water-leak").registered()
    ticks = tick(ready, received, stale, again)
    stale.dispatched_to()
    client = enter(city.dispatcher)
    asked = several(client, "dispatch", ticks)
    assert asked.status_code == 200
    assert "It can be done to 2 of 4 ticked." in asked.content.decode()
    assert ready.fresh().state == "registered", "nothing is done by looking"
    before = stale.fresh().version
    done = several(client, "dispatch", ticks, go="1", unit="", text="Before the storm")
    assert outcomes(done) == ["done", "not done", "not done", "done"]
    page = done.content.decode()
    assert "2 requests were done." in page
    assert "“Send to the unit” is not possible while the request is “received”." in page
    assert "Somebody changed this request after you ticked it." in page
    assert [t.fresh().state for t in (ready, received, stale, again)] == [
        "dispatched", "received", "dispatched", "dispatched",
    ]  # fmt: skip
    assert stale.fresh().version == before
    assert ready.case.remarks.filter(body="Before the storm").exists()
    retry = re.search(r"<form[^>]*>(.*?Try 2 again.*?)</form>", page, re.DOTALL)
    assert retry
    assert f'value="{stale.case.number}:{before}"' in retry[1], "another try takes the case as it is now"
    assert 'value="Before the storm"' in retry[1]
    twice = several(client, "dispatch", ticks, go="1", unit="", text="Before the storm")
    assert outcomes(twice) == ["not done"] * 4, "sent twice it is done once"


def test_notes_are_not_written_twice(city: City) -> None:
    told = [city.report("water-leak") for _ in range(2)]
    ticks = tick(*told)
    client = enter(city.agent)
    assert outcomes(several(client, "note", ticks, go="1", text="Seen in the news")) == ["done", "done"]
    assert outcomes(several(client, "note", ticks, go="1", text="Seen in the news")) == ["not done", "not done"]
    assert told[0].case.remarks.filter(body="Seen in the news").count() == 1
    empty = several(client, "note", tick(*told), go="1", text="")
    assert empty.status_code == 422


@pytest.mark.slow
def test_sign_extend_flag_and_close_several(city: City) -> None:
    told = [city.report("water-leak").dispatched_to() for _ in range(2)]
    officer = enter(city.officer_of(told[0].order.unit))
    assert outcomes(several(officer, "sign", tick(*told), go="1")) == ["done", "done"]
    for one in told:
        officer.post(
            f"/desk/case/{one.case.number}/do/extend/?order={one.order.pk}",
            {"seen": one.fresh().version, "duration": "4wh", "reason": "contractor", "text": "The crew is busy."},
        )
    supervisor = enter(city.supervisor)
    before = told[0].fresh().due_result
    assert outcomes(several(supervisor, "grant", tick(*told), go="1")) == ["done", "done"]
    after = told[0].fresh().due_result
    assert before is not None
    assert after is not None
    assert after > before
    marked = several(supervisor, "flag", tick(*told), go="1", set=["supervised"], text="")
    assert outcomes(marked) == ["done", "done"]
    assert told[1].fresh().supervised
    both = several(supervisor, "flag", tick(*told), go="1", set=["brief"], clear=["brief"], text="")
    assert outcomes(both) == ["not done", "not done"]
    for one in told:
        one.replied().told()
    early = several(supervisor, "close", tick(*told), go="1", text="")
    assert outcomes(early) == ["not done", "not done"], "he was only just asked"


@pytest.mark.slow
def test_nothing_beyond_right_and_scope(city: City) -> None:
    told = city.report("water-leak").dispatched_to()
    stranger = enter(city.officer("audit"))
    ticks = tick(told)
    done = several(stranger, "sign", ticks, go="1")
    assert outcomes(done) == ["not done"]
    page = done.content.decode()
    assert "There is no such request, or you may not see it." in page
    assert "water runs down" not in page
    assert told.fresh().state == "dispatched"
    assert several(enter(city.agent), "sign", ticks, go="1").status_code == 404
    assert several(enter(city.supervisor), "identity", ticks, go="1").status_code == 404, "not one of several"
    assert several(enter(city.supervisor), "nonsense", ticks).status_code == 404
    for bad in ("", ":", "x:1", f"{told.case.number}", f"{told.case.number}:x", "1" * 40 + ":1", "٢٦:1"):
        assert several(enter(city.supervisor), "note", [bad], go="1", text="x").status_code in (200, 302)
    assert not told.case.remarks.filter(body="x").exists()


def test_no_more_than_the_limit(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST", 2)
    told = [city.report("water-leak") for _ in range(3)]
    done = several(enter(city.agent), "note", tick(*told), go="1", text="Seen in the news")
    assert outcomes(done) == ["done", "done", "not done"]
    assert "At most 2 requests are done at once." in done.content.decode()


def test_a_case_twice_ticked_is_done_once(city: City) -> None:
    told = city.report("water-leak")
    assert outcomes(several(enter(city.agent), "note", tick(told) * 3, go="1", text="Seen")) == ["done"]


@pytest.mark.slow
def test_each_verb_for_several_has_its_form(city: City) -> None:
    told = city.report("water-leak").dispatched_to()
    for role in ("agent", "dispatcher", "second_line", "supervisor", "leader"):
        staff = city.one(role)
        for verb in verbs.for_several(staff):
            assert several(enter(staff), verb.slug, tick(told)).status_code == 200, verb.slug


def test_a_fault_at_one_is_told_and_the_others_are_done(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    told = [city.report("water-leak") for _ in range(3)]
    broken = told[1].case.pk
    honest = verbs.offer_of

    def fails(staff: Any, case: Case, verb: Any) -> Any:
        if case.pk == broken:
            raise OperationalError("lock timeout")
        return honest(staff, case, verb)

    ticks = tick(*told)
    monkeypatch.setattr(verbs, "offer_of", fails)
    done = several(enter(city.agent), "note", ticks, go="1", text="Seen")
    assert outcomes(done) == ["done", "not done", "done"]
    assert "The fault is ours" in done.content.decode()


def test_units_of_the_tests_stand() -> None:
    assert {"water", "roads", "audit"} <= set(organisation.units())
