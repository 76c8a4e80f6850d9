"""The desk at work: the whole loop through its pages, stale screens, guards at the form."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.city import City
from tests.faces.desk import do, filed, photo
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import actions as cases
from wasl.core.cases.models import Case
from wasl.core.organisation.models import Post
from wasl.kernel import clock

pytestmark = pytest.mark.django_db


def test_the_whole_loop_by_five_people(city: City) -> None:
    agent, second = enter(city.agent), enter(city.second_line)
    case = filed(agent)
    assert case.state == "dispatched"
    told = agent.get(f"/desk/report/{case.number}/").content.decode()
    assert re.search(r"\d{6}", told)
    order = case.orders.get(role="lead")
    officer = enter(city.officer_of(order.unit))
    assert case.number in officer.get("/desk/list/work/").content.decode().replace(" ", "")
    assert do(officer, case, "sign", order.pk).status_code == 302
    assert do(officer, case, "visit", order.pk, text="A joint has broken.", files=photo()).status_code == 302
    replied = do(
        officer, case, "reply", order.pk, outcome="fixed", text="The joint was replaced and tested.", files=photo()
    )
    assert replied.status_code == 302
    page = second.get(f"/desk/case/{case.number}/?from=replies").content.decode()
    assert "The joint was replaced and tested." in page
    assert "water runs down the street" in page
    assert do(second, case, "approve", text="", note="").status_code == 302
    assert Case.objects.get(pk=case.pk).state == "told"
    heard = do(enter(city.agent), case, "heard", verdict="solved", text="", rating="5")
    assert heard.status_code == 302
    case.refresh_from_db()
    assert (case.state, case.verdict, case.rating, case.unconfirmed) == ("closed", "solved", 5, False)
    story = second.get(f"/desk/case/{case.number}/part/story/").content.decode()
    for words in (
        "received",
        "signed for",
        "recorded on site",
        "reply approved",
        "the citizen confirms it is solved",
        "closed",
    ):
        assert words in story


@pytest.mark.slow
def test_return_object_arbitrate_and_extend(city: City) -> None:
    told = city.report().dispatched_to()
    case, officer, dispatcher = told.case, enter(city.officer_of(told.order.unit)), enter(city.dispatcher)
    left = do(officer, case, "return", told.order.pk, reason="not-our-duty", text="", unit="roads")
    assert left.status_code == 302
    assert left.headers["Location"] == "/desk/list/work/", (
        "after returning it the case is out of sight; the list is shown"
    )
    assert do(dispatcher, case, "dispatch", unit=told.order.unit.code, text="It is yours.").status_code == 302
    order = told.order
    assert do(officer, case, "object", order.pk, text="It lies inside a plot.", unit="").status_code == 302
    assert "It lies inside a plot." in dispatcher.get(f"/desk/case/{case.number}/").content.decode()
    assert do(dispatcher, case, "arbitrate", unit=order.unit.code, text="The main is theirs.").status_code == 302
    order = told.order
    do(officer, case, "sign", order.pk)
    assert (
        do(
            officer, case, "extend", order.pk, duration="4wh", reason="contractor", text="The crew comes on Sunday."
        ).status_code
        == 302
    )
    supervisor = enter(city.supervisor)
    assert case.number in supervisor.get("/desk/list/extensions/").content.decode().replace(" ", "")
    before = Case.objects.get(pk=case.pk).due_result
    assert do(supervisor, case, "grant", order.pk, duration="4wh").status_code == 302
    after = Case.objects.get(pk=case.pk).due_result
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.slow
def test_a_stale_screen_shows_what_happened_and_keeps_the_words(city: City) -> None:
    told = city.report().registered()
    case = told.fresh()
    seen = case.version
    cases.flag(case, by=city.supervisor, flags={"supervised": True}, text="The press asks.")
    client = enter(city.dispatcher)
    url = f"/desk/case/{case.number}/do/dispatch/"
    given = {"seen": seen, "unit": "roads", "text": "My own words <b>"}
    part = client.post(url, given, headers={"HX-Request": "true"})
    page = part.content.decode()
    assert part.status_code == 409
    assert part.headers["HX-Retarget"] == "#verb"
    assert "flagged" in page
    assert "The press asks." in page
    assert "My own words &lt;b&gt;" in page
    assert Case.objects.get(pk=case.pk).state == "registered"
    whole = client.post(url, given)
    assert whole.status_code == 409
    assert "<html" in whole.content.decode()
    again = re.search(r'name="seen" value="(\d+)"', page)
    assert again
    assert client.post(url, {**given, "seen": again[1]}).status_code == 302


@pytest.mark.slow
def test_a_guard_speaks_at_the_form(city: City) -> None:
    told = city.report().dispatched_to().replied()
    answer = do(enter(city.second_line), told.case, "close", text="")
    assert answer.status_code in (409, 422)
    author = city.officer_of(told.order.unit)
    Post.objects.create(staff=author, role="second_line", since=clock.now())
    refused = do(enter(author), told.fresh(), "review", text="")
    assert refused.status_code == 422
    assert "Somebody else than the author" in refused.content.decode()


def test_a_bad_file_is_a_sentence_and_nothing_is_lost(city: City) -> None:
    told = city.report().dispatched_to().signed()
    client = enter(city.officer_of(told.order.unit))
    evil = SimpleUploadedFile(
        "x.jpg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", content_type="image/jpeg"
    )
    answer = do(
        client, told.case, "reply", told.order.pk, outcome="fixed", text="The words that I wrote stay.", files=evil
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "x.jpg" in page
    assert "The words that I wrote stay." in page
