"""The pages of seats and calls: the bar, the call before the agent, its case, recordings, the board, set-up."""

import io
import wave
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from tests.city import City
from wasl.core.cases.models import Case
from wasl.core.catalogue import queries as catalogue
from wasl.core.organisation.models import Audit, Post, Staff
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import clock, seal
from wasl.services.calls import commands, flows, identity, keyed, panel, recordings, seats
from wasl.services.calls.actions import number_place
from wasl.services.calls.models import Call, Command, Leg, Listening, Matter, Profile, Queue, Recording, Seat
from wasl.services.calls.seats import Unfit

pytestmark = pytest.mark.django_db
NUMBER = "+96892345678"


def enter(staff: Staff) -> Client:
    client = Client()
    client.force_login(staff)
    client.cookies["django_language"] = "en"
    return client


def called(agent: Staff | None = None, **more: Any) -> Call:
    """A call of a number that shows itself, at the agent's seat and talking."""
    now = clock.now()
    call = Call(channel=f"c{Call.objects.count()}", arrived_at=now, queued_at=now, hint="+968 •••• 678", **more)
    call.number_sealed = seal.seal(NUMBER, place=number_place(call.pk))
    call.look_up = seal.index_of(NUMBER)
    if agent:
        call.agent, call.answered_at = agent, now
    call.save(force_insert=True)
    if agent:
        facts = {"state": Seat.State.BUSY, "since": now, "idle_since": now, "call": call}
        Seat.objects.update_or_create(staff=agent, defaults=facts)
    return call


def page(client: Client, address: str, *args: Any, **query: str) -> str:
    response = client.get(reverse(f"desk:{address}", args=args), query)
    assert response.status_code == 200, response.status_code
    return str(response.content.decode())


def post(client: Client, address: str, *args: Any, **given: str) -> Any:
    return client.post(reverse(f"desk:{address}", args=args), given)


@pytest.mark.req("D8")
def test_a_seat_from_signing_in_to_leaving(city: City) -> None:
    client = enter(city.agent)
    assert "Take my seat" in page(client, "report")
    post(client, "phone_seat", do="sign_in")
    assert "not ready yet" in page(client, "phone_bar").lower()
    post(client, "phone_seat", do="ready")
    assert 'data-seat="ready"' in page(client, "phone_bar")
    post(client, "phone_seat", reason="prayer")
    bar = page(client, "phone_bar")
    assert 'data-seat="break"' in bar
    assert "Prayer" in bar
    post(client, "phone_seat", do="sign_out")
    assert 'data-seat="out"' in page(client, "phone_bar")


def test_the_secret_is_of_this_sign_in_and_of_nobody_else(city: City) -> None:
    client = enter(city.agent)
    assert post(client, "phone_secret").status_code == 404
    post(client, "phone_seat", do="sign_in")
    first = post(client, "phone_secret").json()
    assert first["user"] == f"seat{city.agent.pk}"
    assert first["password"] == seats.secret_of(Seat.objects.get(staff=city.agent))
    post(client, "phone_seat", do="sign_in")
    assert post(client, "phone_secret").json()["password"] != first["password"]
    assert client.get(reverse("desk:phone_secret")).status_code == 405


def test_wrap_up_can_be_made_longer(city: City) -> None:
    call = called(city.agent)
    Seat.objects.filter(staff=city.agent).update(state="wrap_up", until=clock.now() + timedelta(seconds=5))
    post(enter(city.agent), "phone_seat", do="more")
    until = Seat.objects.get(staff=city.agent, call=call).until
    assert until
    assert until > clock.now() + timedelta(seconds=60)


@pytest.mark.req("E1", "L8")
def test_the_call_shows_who_calls_and_no_number(city: City) -> None:
    told = city.report()
    call = called(city.agent, keyed={"district": "05"}, language="ar", person=told.case.requester)
    shown = page(enter(city.agent), "phone_call", call.pk)
    assert NUMBER not in shown
    assert "92345678" not in shown
    assert told.case.requester is not None
    assert told.case.requester.pseudonym in shown
    assert told.case.number in shown.replace(" ", "") or told.case.number in shown
    assert "district" in shown


@pytest.mark.req("E1")
def test_what_was_keyed_is_told_in_words(city: City) -> None:
    flows.ship()
    number = city.report().case.number
    given = {"number": number, "kind": "complaint", "urgency": "urgent", "category": "street-light-out", "gone": "7"}
    call = called(city.agent, keyed=given, flow=flows.in_force("main"))
    shown = page(enter(city.agent), "phone_call", call.pk)
    assert '<dt dir="auto">Enter the number of your request, then press hash.' in shown
    assert f'<dd dir="auto">{number}</dd>' in shown
    said = dict(keyed.told(call))
    assert (said["Kind"], said["Urgency"], said["gone"]) == ("complaint", "urgent", "7")
    assert said["Category"] == catalogue.in_force().categories["street-light-out"].name
    with translation.override("ar"):
        (question, _answer), *_more = keyed.told(call)
        assert question.startswith(flows.shipped()["nodes"]["number"]["text"]["ar"][:20])
        assert len(question) <= keyed.LONGEST
    call.keyed = {"number": ""}
    assert next(iter(keyed.told(call)))[1] == "the latest one of this telephone"


def test_each_look_at_the_number_is_kept(city: City) -> None:
    call = called(city.agent)
    assert NUMBER in post(enter(city.agent), "phone_number", call.pk).content.decode()
    assert Audit.objects.filter(verb="call.number_seen", row=call.pk, by=city.agent).count() == 1


@pytest.mark.req("P2")
def test_the_number_is_shown_to_who_may_open_the_call_and_see_identities(city: City) -> None:
    call, other = called(city.agent), city.one("agent", number=1)
    assert identity.see_number(call, by=city.agent) == NUMBER
    for who in (other, city.officer("water"), city.administrator):
        with pytest.raises(Forbidden):
            identity.see_number(call, by=who)
    assert [one.by for one in Audit.objects.filter(verb="call.number_seen")] == [city.agent]


@pytest.mark.req("E6")
def test_a_repeated_call_is_said(city: City) -> None:
    called()
    call = called(city.agent)
    assert "called 1 time before within 7 days" in page(enter(city.agent), "phone_call", call.pk)


def test_the_call_of_another_agent_is_not_there(city: City) -> None:
    call, other = called(city.agent), city.one("agent", number=1)
    client = enter(other)
    for name in ("phone_call", "phone_whom"):
        assert client.get(reverse(f"desk:{name}", args=[call.pk])).status_code == 404
    for name in ("phone_do", "phone_about", "phone_responsible", "phone_number"):
        assert post(client, name, call.pk, verb="hang_up").status_code == 404
    assert not Command.objects.exists()


@pytest.mark.req("E5", "B12")
def test_a_request_filed_from_a_call_belongs_to_it(city: City) -> None:
    call, client = called(city.agent, language="ar"), enter(city.agent)
    form = page(client, "report", call=str(call.pk))
    assert NUMBER in form
    given = {"key": "k", "call": str(call.pk), "medium": "phone", "phone": NUMBER, "person_kind": "citizen",
             "language": "ar", "channel": "phone", "body": "Water runs over the street.", "do": "register"}  # fmt: skip
    assert post(client, "report", **given).status_code == 302
    matter = Matter.objects.get(call=call)
    assert matter.contact is not None
    assert matter.case == Case.objects.latest("pk")
    call.refresh_from_db()
    assert call.person == matter.case.requester
    assert "Telephone call" in page(client, "case", matter.case.number)


@pytest.mark.req("E5", "E7")
def test_who_got_the_call_files_its_request_in_wrap_up(city: City) -> None:
    call, second = called(city.agent), city.one("agent", number=1)
    Call.objects.filter(pk=call.pk).update(ended_at=clock.now(), successor=second)
    now = clock.now()
    Leg.objects.create(call=call, channel="leg", kind="agent", staff=second, dialled_at=now, ended_at=now)
    given = {"key": "k", "call": str(call.pk), "medium": "phone", "phone": NUMBER, "person_kind": "citizen",
             "language": "ar", "channel": "phone", "body": "Water runs over the street.", "do": "register"}  # fmt: skip
    assert post(enter(second), "report", **given).status_code == 302
    assert Matter.objects.get(call=call).by == second


def test_a_supervisor_of_a_call_has_no_request_to_file_from_it(city: City) -> None:
    call, other = called(city.agent), city.one("agent", number=1)
    Post.objects.create(staff=other, role="supervisor", since=clock.now() - timedelta(days=1))
    shown = page(enter(other), "phone_call", call.pk)
    assert "New request from this call" not in shown
    assert "It is about this one" not in shown
    given = {"key": "k", "call": str(call.pk), "medium": "phone", "phone": NUMBER, "person_kind": "citizen",
             "language": "ar", "channel": "phone", "body": "Water runs over the street.", "do": "register"}  # fmt: skip
    assert post(enter(other), "report", **given).status_code == 302, "what he wrote is not lost"
    assert not Matter.objects.exists()


def test_who_asks_about_a_request_is_not_who_made_it(city: City) -> None:
    told, call = city.report(), called(city.agent)
    post(enter(city.agent), "phone_about", call.pk, number=told.case.number)
    assert Matter.objects.get(call=call).case == told.case
    assert panel.person_of(Call.objects.get(pk=call.pk)) is None


def test_another_agents_call_is_not_taken_over_by_a_form(city: City) -> None:
    call, other = called(city.agent), city.one("agent", number=1)
    assert NUMBER not in page(enter(other), "report", call=str(call.pk))


@pytest.mark.req("E7")
def test_the_first_agent_answers_until_the_second_accepts(city: City) -> None:
    second = city.one("agent", number=1)
    seats.sign_in(by=second)
    call = called(city.agent)
    post(enter(city.agent), "phone_responsible", call.pk, to=str(second.pk))
    assert Call.objects.get(pk=call.pk).agent == city.agent
    assert "asks you to be responsible" in page(enter(second), "phone_call", call.pk)
    post(enter(second), "phone_responsible", call.pk, do="accept")
    assert Call.objects.get(pk=call.pk).agent == second


@pytest.mark.req("E7")
@pytest.mark.parametrize("whom", ["nobody", "himself", "who is not there", "who may not file"])
def test_responsibility_goes_to_nobody_who_cannot_take_it(city: City, whom: str) -> None:
    call, second = called(city.agent), city.one("agent", number=1)
    seats.sign_in(by=second)
    if whom == "who is not there":
        seats.sign_out(by=second)
    elif whom == "who may not file":
        Post.objects.filter(staff=second).update(until=clock.now())
    to = {"nobody": None, "himself": city.agent}.get(whom, Staff.objects.get(pk=second.pk))
    with pytest.raises(Unfit, match="Choose a colleague"):
        commands.hand_responsibility(call, to, by=city.agent)
    with pytest.raises(Forbidden):
        commands.hand_responsibility(call, to, by=second)
    post(enter(city.agent), "phone_responsible", call.pk, to=str(to.pk) if to else "x")
    assert Call.objects.get(pk=call.pk).successor is None


@pytest.mark.req("D5", "D7", "E8")
def test_an_expert_is_found_by_his_topic_and_asked(city: City) -> None:
    expert = city.one("agent", number=1)
    Profile.objects.filter(staff=expert).update(topics="building permits, noise")
    call, client = called(city.agent), enter(city.agent)
    assert str(expert) not in page(client, "phone_whom", call.pk, q="noise")
    seats.sign_in(by=expert)
    found = page(client, "phone_whom", call.pk, q="noise")
    assert f"staff:{expert.pk}" in found
    post(client, "phone_do", call.pk, verb="consult", target=f"staff:{expert.pk}")
    assert Command.objects.get().verb == "consult"
    assert "building permits" in page(client, "phone_experts")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [("unreachable", "this telephone cannot be reached now"), ("busy", "somebody is being asked already"),
     ("over", "the call is over"), ("anything", "the telephone did not take it")],
)  # fmt: skip
def test_what_could_not_be_done_is_told_in_words(city: City, wrong: str, told: str) -> None:
    call, client = called(city.agent), enter(city.agent)
    post(client, "phone_do", call.pk, verb="hold")
    assert "Being done" in page(client, "phone_call", call.pk)
    commands.done(Command.objects.get(), wrong)
    assert f"It could not be done: {told}" in page(client, "phone_call", call.pk)


def test_who_is_forgotten_does_not_call_any_more(city: City) -> None:
    person = city.report().case.requester
    assert person
    call = called(city.agent, person=person)
    assert panel.person_of(call) == person
    person.forgotten_at = clock.now()
    assert panel.person_of(call) is None


@pytest.mark.parametrize("verb", ["listen", "take_over", "barge", "whisper", "", "drop table"])
def test_an_agent_orders_nothing_that_is_a_supervisors(city: City, verb: str) -> None:
    call = called(city.agent)
    post(enter(city.agent), "phone_do", call.pk, verb=verb)
    assert not Command.objects.exists()


@pytest.mark.req("D8", "D1")
def test_a_supervisor_sees_and_forces_a_seat(city: City) -> None:
    client = enter(city.supervisor)
    called(city.agent)
    board = page(client, "phones")
    assert str(city.agent) in board
    assert NUMBER not in board
    other = city.one("agent", number=1)
    seat = seats.sign_in(by=other)
    post(client, "phone_force", seat.pk, state="out")
    assert Seat.objects.get(staff=other).state == "out"
    busy = Seat.objects.get(staff=city.agent)
    post(client, "phone_force", busy.pk, state="out")
    assert Seat.objects.get(pk=busy.pk).state == "busy", "a call was cut"


def kept(city: City, settings: Any, tmp_path: Any) -> Recording:
    """A recording of two seconds of a call that is over."""
    settings.WASL_VOICE = tmp_path
    call = called(city.agent)
    Call.objects.filter(pk=call.pk).update(ended_at=clock.now() - timedelta(minutes=3))
    raw = tmp_path / "spool" / "recordings" / f"{call.channel}.raw"
    raw.parent.mkdir(parents=True)
    raw.write_bytes(bytes(range(256)) * 250)
    with clock.later(timedelta(minutes=1)):
        assert recordings.keep() == 1
    return Recording.objects.get(call=call)


@pytest.mark.req("D2", "P2")
def test_a_recording_is_heard_after_the_reason(city: City, settings: Any, tmp_path: Any) -> None:
    row, client = kept(city, settings, tmp_path), enter(city.supervisor)
    sound = reverse("desk:phone_sound", args=[row.pk])
    assert client.get(sound).status_code == 404
    assert post(client, "phone_recording", row.pk, reason="  ").status_code == 422
    assert post(client, "phone_recording", row.pk, reason="A complaint about the tone").status_code == 302
    assert Listening.objects.get().by == city.supervisor
    whole = client.get(sound)
    with wave.open(io.BytesIO(whole.content)) as read:
        assert (read.getnchannels(), read.getframerate()) == (2, 8000)
    part = client.get(sound, headers={"range": "bytes=0-99"})
    assert (part.status_code, part.content) == (206, whole.content[:100])
    assert part["Content-Range"] == f"bytes 0-99/{len(whole.content)}"
    tail = client.get(sound, headers={"range": "bytes=-10"})
    assert tail.content == whole.content[-10:]
    assert client.get(sound, headers={"range": "bytes=999999999-"}).status_code == 416
    # Another supervisor has his own reason to give.
    assert enter(city.one("agent")).get(sound).status_code == 403
    assert "A complaint about the tone" in page(client, "phone_recording", row.pk)


@pytest.mark.req("D2", "P2")
def test_a_recording_is_heard_again_for_a_while_and_by_nobody_else(city: City, settings: Any, tmp_path: Any) -> None:
    row, other = kept(city, settings, tmp_path), city.dispatcher
    Post.objects.create(staff=other, role="supervisor", since=clock.now())
    heard = recordings.listen(row, by=city.supervisor, reason="A complaint")
    assert recordings.again(row, by=city.supervisor) == heard
    with pytest.raises(Unfit):
        recordings.again(row, by=other)
    with pytest.raises(Forbidden):
        recordings.again(row, by=city.agent)
    Listening.objects.update(at=clock.now() - timedelta(hours=3))
    with pytest.raises(Unfit):
        recordings.again(row, by=city.supervisor)


@pytest.mark.req("D2")
def test_a_gap_is_said(city: City, settings: Any, tmp_path: Any) -> None:
    settings.WASL_VOICE = tmp_path
    call, client = called(city.agent), enter(city.supervisor)
    assert "has its whole recording" in page(client, "phone_calls")
    Call.objects.filter(pk=call.pk).update(ended_at=clock.now() - timedelta(minutes=3))
    assert "has no recording" in page(client, "phone_calls")


@pytest.mark.req("D3", "D4")
def test_an_administrator_gives_queues_languages_and_areas(city: City) -> None:
    client, person = enter(city.administrator), city.one("agent", number=1)
    Profile.objects.filter(staff=person).delete()
    queue = {"code": "fines", "name_en": "Fines", "target_s": "20", "ring_s": "15", "wrap_up_s": "30",
             "head_start_s": "0", "area_s": "20", "language_s": "60", "longest_s": "300", "most": "50"}  # fmt: skip
    assert post(client, "phone_new", "queue", **queue).status_code == 302
    assert Queue.objects.get(code="fines").target_s == 20
    given = {"staff": str(person.pk), "languages": "ar", "queues": "fines", "topics": "", "phone": ""}
    assert post(client, "phone_new", "agent", **given).status_code == 302
    made = Profile.objects.get(staff=person)
    assert (made.languages, made.queues, made.areas) == (["ar"], ["fines"], [])
    assert Audit.objects.filter(verb="profile.made").exists()
    assert "Fines" in page(client, "phone_profiles")
    for number, status, kept in (
        ("90012345", 422, ""), ("+8613800138000", 422, ""), ("92345678", 302, "+96892345678"), ("1234", 302, "1234"),
    ):  # fmt: skip
        assert post(client, "phone_edit", "agent", made.pk, **{**given, "phone": number}).status_code == status, number
        made.refresh_from_db()
        assert made.phone == kept


def test_a_code_is_given_once(city: City) -> None:
    client, queue = enter(city.administrator), Queue.objects.get()
    assert queue.code in Profile.objects.get(staff=city.agent).queues
    given = {"code": "renamed", "name_en": "Anybody", "target_s": "20", "ring_s": "15", "wrap_up_s": "30",
             "head_start_s": "0", "area_s": "20", "language_s": "60", "longest_s": "300", "most": "50"}  # fmt: skip
    assert post(client, "phone_edit", "queue", queue.pk, **given).status_code == 302
    kept = Queue.objects.get()
    assert (kept.code, kept.names["en"]) == (queue.code, "Anybody"), "else nobody served it any more"


def test_figures_as_a_table_and_as_csv(city: City) -> None:
    called(city.agent)
    client, today = enter(city.supervisor), clock.now().date()
    days = {"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1))}
    assert "SL2" in page(client, "phone_figures", by="agent", every="hour", **days)
    text = page(client, "phone_figures_csv")
    assert "SL3" in text
    assert NUMBER not in text
    assert page(client, "phone_figures", by="'; --", every="x", since="x", until="x")
