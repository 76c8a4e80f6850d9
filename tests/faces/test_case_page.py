"""The case's page: before and after, verbs with reasons, checks of a reply, disputes, presence, leaders' questions."""

from datetime import timedelta

import pytest

from tests.city import POINTS, City
from tests.faces.desk import HOSTILE
from tests.faces.test_desk_matrix import enter, jpeg
from wasl.core.cases import actions, queries
from wasl.core.cases.actions import NotAllowed
from wasl.core.cases.models import Remark
from wasl.core.organisation import queries as organisation
from wasl.core.organisation import rights
from wasl.core.organisation.models import Post, Staff
from wasl.faces.desk import board, case_parts, checks, lists, presence, story, verbs
from wasl.faces.frame.live import Visitor
from wasl.kernel import clock
from wasl.kernel.counting import counts
from wasl.site.hearing import may_hear

pytestmark = pytest.mark.django_db


def text_of(city: City, staff: Staff, number: str, query: str = "") -> str:
    return enter(staff).get(f"/desk/case/{number}/{query}").content.decode()


@pytest.mark.req("F3", "A1")
@pytest.mark.slow
def test_the_story_tells_before_and_after_in_words(city: City) -> None:
    told = city.report().registered()
    actions.reclassify(told.fresh(), by=city.agent, category="sewage-overflow", urgency="critical", reason="It smells.")
    told.dispatched_to("roads").signed()
    teller = story.Teller(told.fresh(), city.agent)
    changed = {line.label: line.changed for line in teller.lines() if line.changed}
    assert ("state", "received", "registered") in changed["registered"]
    assert ("state", "dispatched", "signed for") in changed["signed for"]
    again = {name: (was, now) for name, was, now in changed["reclassified"]}
    assert again["urgency"][1] == "critical"
    assert again["category"][0] != again["category"][1]
    page = text_of(city, city.agent, told.case.number)
    for raw in ("case.reclassified", "sewage-overflow", "in_progress", ">portal<", ">ar<"):
        assert raw not in page, raw
    assert "العربية" in page


@pytest.mark.req("F3")
def test_an_extension_says_the_old_and_the_new_date(city: City) -> None:
    told = city.report().dispatched_to().signed()
    officer = city.officer_of(told.order.unit)
    actions.ask_extension(told.order, by=officer, duration="1wd", reason="complex", text="The pipe is deep.")
    actions.grant_extension(told.order, by=city.supervisor)
    line = story.Teller(told.fresh(), city.agent).last("order.extension_granted")
    assert line is not None
    assert any(name == "result due" and was != now for name, was, now in line.changed)


@pytest.mark.req("G8")
@pytest.mark.slow
def test_a_verb_that_is_not_possible_says_why(city: City) -> None:
    told = city.report().dispatched_to()
    officer = city.officer_of(told.order.unit)
    why = {one.verb.slug: one.why for one in verbs.withheld(officer, told.fresh(), verbs.offers(officer, told.case))}
    assert why["reply"].startswith("Possible while it is: ") or "Sign" in why["reply"]
    offered = {offer.verb.slug for offer in verbs.offers(officer, told.case)}
    assert not offered & set(why)
    # Nothing is named that is not this person's at all.
    assert "approve" not in why
    assert "close" not in why
    page = text_of(city, officer, told.case.number)
    assert "Not possible now" in page
    told.replied()
    reply_by = told.fresh().replied_by
    assert reply_by is not None
    Post.objects.create(staff=reply_by, role="second_line", since=clock.now() - timedelta(hours=1))
    fresh = Staff.objects.get(pk=reply_by.pk)
    mine = {one.verb.slug: one.why for one in verbs.withheld(fresh, told.case, verbs.offers(fresh, told.case))}
    assert mine["approve"] == "Somebody else than the author must review a reply."


# --- second line ---


@pytest.mark.req("E3", "F10")
@pytest.mark.slow
def test_a_reply_is_checked_beside_what_was_asked(city: City) -> None:
    told = city.report(body="The water runs down the street. When will the lamp be repaired?")
    told.dispatched_to().replied(text="We repaired the water pipe on Thursday.")
    drawn = case_parts.told(told.fresh(), city.second_line)
    words = {one.words: one.good for one in drawn["checks"]}
    assert words["It says when."] is True
    assert words["It says that it is fixed and shows nothing."] is False
    assert words["It came in time."] is True
    assert [p.taken_up for p in drawn["points"]] == [True, True]
    page = text_of(city, city.second_line, told.case.number)
    assert "Is it an answer?" in page
    # Nobody is told what to think once it was decided.
    told.reviewed()
    assert "Is it an answer?" not in text_of(city, city.second_line, told.case.number)


@pytest.mark.req("E3")
@pytest.mark.parametrize(
    ("reply", "dated"),
    [
        ("Done on 12/3.", True),
        ("أصلحناه يوم الخميس", True),
        ("已于3月12日修复", True),
        ("We did it.", False),
        ("", False),
    ],
)
def test_a_date_is_seen_in_three_languages(reply: str, dated: bool) -> None:
    assert checks._dated(reply).good is dated


@pytest.mark.req("E3")
@pytest.mark.slow
def test_a_reply_used_twice_is_seen_and_gives_nothing_away(city: City) -> None:
    text = "Our team visited the place, repaired the broken pipe and tested the pressure."
    first = city.report().dispatched_to().replied(text=text)
    second = city.report().dispatched_to().replied(text=text.upper())
    found = {c.words: c for c in case_parts.told(second.fresh(), city.second_line)["checks"]}
    copy = found["The same words answered another request."]
    assert copy.good is False
    assert copy.case == first.case.number
    # An officer may not see the other case: its number is not his.
    one, other = organisation.unit("gas"), city.new_officer(organisation.unit("gas"))
    assert one.pk
    teller = story.Teller(second.case, other)
    assert next(c for c in checks.of_reply(teller, second.case, other) if "same words" in c.words).case == ""
    third = city.report().dispatched_to().replied(text="The lamp was changed today, a photo shows the light at night.")
    assert not any("same words" in c.words for c in case_parts.told(third.fresh(), city.second_line)["checks"])


@pytest.mark.req("E3")
def test_the_same_reply_after_a_redo_is_seen(city: City) -> None:
    told = city.report().dispatched_to().replied(text="We repaired it and all is well with the pipe.")
    actions.redo(told.fresh(), by=city.second_line, text="Say when.")
    told.signed().replied(text="We repaired it, and all is well with the pipe!")
    words = [one.words for one in case_parts.told(told.fresh(), city.second_line)["checks"]]
    assert "It is the reply that was not accepted before." in words


@pytest.mark.req("G2", "G11")
def test_both_sides_of_a_dispute_stand_side_by_side(city: City) -> None:
    told = city.report().dispatched_to("water").returned(proposed="roads").dispatched_to("roads").returned()
    assert told.fresh().state == "arbitration"
    sides = case_parts.told(told.case, city.dispatcher)["sides"]
    assert len(sides) == 3
    assert [len(side.lines) for side in sides[:2]] == [1, 1]
    page = text_of(city, city.dispatcher, told.case.number)
    assert "What each side says" in page
    for side in sides:
        assert side.name in page


# --- the officer ---


@pytest.mark.req("F8")
@pytest.mark.slow
def test_a_visit_keeps_time_place_and_photo(city: City) -> None:
    told = city.report().dispatched_to().signed()
    officer = city.officer_of(told.order.unit)
    client = enter(officer)
    url = f"/desk/case/{told.case.number}/do/visit/?order={told.order.pk}"
    form = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert 'capture="environment"' in form
    lat, lon = POINTS["bawshar"]
    from django.core.files.uploadedfile import SimpleUploadedFile

    given = {
        "text": "The pipe is broken.",
        "place": f"{lat + 0.0003:.6f},{lon:.6f},12",
        "visited_at": "",
        "files": SimpleUploadedFile("a.jpg", jpeg(), "image/jpeg"),
        "seen": told.fresh().version,
    }
    assert client.post(url, given).status_code == 302
    entry = told.case.entries.get(verb="order.visited")
    data = queries.data_of(entry)
    assert data["accuracy_m"] == 12
    assert 25 <= data["distance_m"] <= 40
    # The place itself lies beside the journal, and goes with the words.
    assert f"{lat:.2f}" not in entry.data
    assert Remark.objects.get(pk=data["place"]["remark"]).body.startswith(f"{lat:.2f}")
    page = text_of(city, officer, told.case.number)
    assert "from the place reported" in page
    assert "What must be done:" in page


@pytest.mark.req("F8")
@pytest.mark.parametrize("place", ["91,0,5", "1,2", "a,b,c", "nan,0,1", "1,2,-5", "1,2,inf", "<b>"])
@pytest.mark.slow
def test_a_place_that_is_none_is_refused(city: City, place: str) -> None:
    told = city.report().dispatched_to().signed()
    client = enter(city.officer_of(told.order.unit))
    url = f"/desk/case/{told.case.number}/do/visit/?order={told.order.pk}"
    given = {"text": "The pipe is broken.", "place": place, "seen": told.fresh().version}
    assert client.post(url, given).status_code == 422


def test_a_visit_lies_between_the_order_and_now(city: City) -> None:
    told = city.report().dispatched_to().signed()
    officer = city.officer_of(told.order.unit)
    for at in (clock.now() + timedelta(hours=1), clock.now() - timedelta(days=1)):
        with pytest.raises(NotAllowed, match="between"):
            actions.record_visit(told.order, by=officer, text="Seen.", visited_at=at)


# --- the queue ---


@pytest.mark.req("F7")
def test_the_next_of_the_queue_opens_by_itself(city: City) -> None:
    made = [city.report(area=area).case for area in ("bawshar", "seeb", "muttrah")]
    waiting = queries.visible_to(city.agent).filter(state="received").order_by("due_next", "pk")
    numbers = list(waiting.values_list("number", flat=True))
    assert {case.number for case in made} <= set(numbers)
    agent = enter(city.agent)
    seen = []
    here, there = numbers[0], ""
    doing: tuple[tuple[str, dict[str, str]], ...] = (
        ("refuse", {"ground": "court"}),
        ("ask", {"text": "Where is it?"}),
        ("register", {}),
    )
    for n in range(len(numbers)):
        case = queries.by_number(here)
        assert case is not None
        slug, given = doing[n % 3]
        url = f"/desk/case/{here}/do/{slug}/?from=review"
        response = agent.post(
            url, {"seen": case.version, "category": case.category, "kind": "", "urgency": "", **given}
        )
        assert response.status_code == 302, response.content.decode()[-3000:]
        seen.append(here)
        there = response.headers["Location"]
        if "/list/" in there:
            break
        here = there.split("/")[3]
    assert seen == numbers
    assert there == "/desk/list/review/"
    assert "Nothing is left here." in agent.get(there).content.decode()


# --- leaders ---


@pytest.mark.req("H6")
@pytest.mark.slow
def test_a_leader_asks_and_is_answered_on_the_case(city: City) -> None:
    told = city.report().dispatched_to().signed()
    leader, officer = city.leader, city.officer_of(told.order.unit)
    page = enter(leader)
    url = f"/desk/case/{told.case.number}/do/inquire/"
    asked = page.post(
        url, {"text": "Why so long?", "unit": told.order.unit.code, "until": "2030-01-01T10:00", "seen": 0}
    )
    assert asked.status_code == 302, asked.content.decode()[-2000:]
    case = told.fresh()
    assert [one["unit"] for one in case.inquiries] == [told.order.unit_id]
    assert "Why so long?" in text_of(city, officer, case.number)
    assert "Why so long?" not in case.entries.get(verb="case.inquired").data
    with pytest.raises(rights.Forbidden):
        actions.answer_inquiry(case, by=leader, inquiry=case.inquiries[0]["id"], text="Because.")
    answer = enter(officer).post(
        f"/desk/case/{case.number}/do/answer-inquiry/",
        {"inquiry": case.inquiries[0]["id"], "text": "A part is missing.", "seen": 0},
    )
    assert answer.status_code == 302
    assert told.fresh().inquiries == []
    assert "A part is missing." in text_of(city, leader, case.number)
    with pytest.raises(NotAllowed, match="already"):
        actions.answer_inquiry(told.case, by=officer, inquiry=1, text="Twice.")


@pytest.mark.req("H6")
@pytest.mark.slow
def test_a_leader_finds_his_questions_and_their_answers(city: City) -> None:
    told = city.report().dispatched_to().signed()
    leader, later = city.leader, clock.now() + timedelta(days=1)
    assert "You have asked nothing yet" in enter(leader).get("/desk/questions/").content.decode()
    actions.inquire(told.case, by=leader, text=f"Why? {HOSTILE}", until=later, unit=told.order.unit)
    actions.inquire(told.case, by=leader, text="Is it safe?", until=later)
    (first, second) = told.fresh().inquiries
    actions.answer_inquiry(told.case, by=city.agent, inquiry=second["id"], text="Nobody is in danger.")
    page = enter(leader).get("/desk/questions/").content.decode()
    waiting, _heading, answered = page.partition("Answered")
    assert "Why? &lt;script&gt;" in waiting
    assert "<script>alert" not in page
    assert str(told.order.unit) in waiting
    assert "Is it safe?" in answered
    assert "Nobody is in danger." in answered
    assert str(city.agent) in answered
    assert "/desk/questions/" in enter(leader).get("/desk/rail/").content.decode()
    assert "/desk/questions/" not in enter(city.supervisor).get("/desk/rail/").content.decode()
    # Another leader has asked nothing, and what was taken out of the case is gone here too.
    other = city.new_officer(told.order.unit)
    other.posts.update(role="leader", unit=None)
    assert "You have asked nothing yet" in enter(other).get("/desk/questions/").content.decode()
    told.case.remarks.update(body="", erased_at=clock.now())
    assert "Nobody is in danger." not in enter(leader).get("/desk/questions/").content.decode()
    assert first["unit"] == told.order.unit_id


@pytest.mark.req("H6", "P1")
def test_questions_outside_a_leaders_scope_are_not_told(city: City) -> None:
    told, leader = city.report().dispatched_to().signed(), city.leader
    actions.inquire(told.case, by=leader, text="Why so long?", until=clock.now() + timedelta(days=1))
    assert len(queries.questions_of(leader, 10)) == 1
    leader.posts.update(unit=organisation.unit("audit"))
    assert queries.questions_of(Staff.objects.get(pk=leader.pk), 10) == []
    assert queries.questions_of(city.agent, 10) == []


@pytest.mark.req("H6")
def test_what_the_centre_was_asked_no_unit_answers(city: City) -> None:
    told = city.report().dispatched_to().signed()
    later = clock.now() + timedelta(days=1)
    actions.inquire(told.case, by=city.leader, text="Is it safe?", until=later)
    with pytest.raises(NotAllowed, match="centre"):
        actions.answer_inquiry(
            told.case, by=city.officer_of(told.order.unit), inquiry=told.case.inquiries[0]["id"], text="Yes."
        )
    actions.answer_inquiry(told.case, by=city.agent, inquiry=told.case.inquiries[0]["id"], text="Yes.")
    with pytest.raises(NotAllowed, match="to come"):
        actions.inquire(told.case, by=city.leader, text="Is it?", until=clock.now())
    with pytest.raises(NotAllowed, match="does not have"):
        actions.inquire(told.case, by=city.leader, text="Is it?", until=later, unit=organisation.unit("audit"))
    with pytest.raises(rights.Forbidden):
        actions.inquire(told.case, by=city.agent, text="Is it?", until=later)


# --- presence ---


@pytest.mark.req("F3")
def test_who_else_has_it_open(city: City) -> None:
    case = city.report().case
    topics = [f"here:{case.pk}", "centre"]
    presence.came(city.agent.pk, topics)
    presence.came(city.dispatcher.pk, topics)
    assert presence.others(case, city.agent) == [city.dispatcher]
    assert str(city.dispatcher) in text_of(city, city.agent, case.number)
    assert str(city.dispatcher) not in text_of(city, city.agent, city.report().case.number)
    with clock.later(timedelta(seconds=30)):
        presence.still([(city.agent.pk, topics)])
    with clock.later(timedelta(seconds=60)):
        presence.still([])
        assert presence.others(case, city.dispatcher) == [city.agent]
        assert presence.others(case, city.agent) == []


@pytest.mark.req("N4")
def test_who_has_it_open_is_for_those_who_may_see_it(city: City) -> None:
    told = city.report().dispatched_to()

    class Session(dict[str, object]):
        pass

    def hears(staff: Staff | None, opened: list[int]) -> bool:
        session = Session(opened_cases=opened)
        return may_hear(Visitor(staff, session), f"here:{told.case.pk}")  # type: ignore[arg-type]  # only read as a dict

    assert hears(city.agent, [])
    assert hears(city.officer_of(told.order.unit), [])
    assert not hears(city.officer("audit"), [])
    assert not hears(None, [told.case.pk])


# --- the board ---


@pytest.mark.req("G11", "H1")
@pytest.mark.slow
def test_the_board_counts_what_its_lists_show(city: City) -> None:
    told = city.report().dispatched_to()
    city.report().dispatched_to("water").returned(proposed="roads")
    supervisor = enter(city.supervisor)
    page = supervisor.get("/desk/board/").content.decode()
    for words in ("Returned", "Due today", "By unit and clock", "The centre", str(told.order.unit)):
        assert words in page, words
    for tile in board.tiles(counts(board.figures(city.supervisor), lists.COUNTED)):
        listed = supervisor.get(tile.url).content.decode()
        assert listed.count('class="d-row"') == min(tile.count, 50), tile.label
    with clock.later(timedelta(days=60)):
        late = {row["unit"].code: row for row in board.by_unit(city.supervisor, 24)}[told.order.unit.code]
        assert late["sign"] >= 1
        assert late["result"] >= 1
        assert late["overdue"] >= 1
    assert supervisor.get("/desk/board/?within=nonsense").status_code == 200
    assert "Due in 4 hours" in supervisor.get("/desk/board/?within=4").content.decode()
