"""Talking by SMS: what a text means, what is answered, what it does to a case."""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from tests.city import City, Told
from tests.services.elsewhere import system
from wasl.core.cases import actions as cases
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Contact
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address
from wasl.core.people.queries import to_repair
from wasl.kernel import clock, seal
from wasl.kernel.sms import text as sms
from wasl.services.dialogue import actions, queries
from wasl.services.dialogue.actions import Reply, Said
from wasl.services.dialogue.models import Conversation, OptOut, Sender, ShortCode
from wasl.services.dialogue.places import area_in
from wasl.services.enquiries import definitions
from wasl.services.enquiries.models import Enquiry
from wasl.services.enquiries.sources import away
from wasl.services.messages.models import Message

pytestmark = pytest.mark.django_db
_ids = count(1)
HIS, HERS = "+96892345678", "+96899887766"


@pytest.fixture(autouse=True)
def _fresh(city: City) -> Iterator[None]:
    queries.forget()
    yield
    queries.forget()


def text(words: str, number: str = HIS, code: str = "90888", after: timedelta = timedelta()) -> Reply | None:
    """What is answered to one text."""
    (reply,) = actions.answer([Said(next(_ids), number, code, words, clock.now() + after)])
    return reply


def said(words: str, number: str = HIS, code: str = "90888", after: timedelta = timedelta()) -> str:
    """The words that are answered."""
    reply = text(words, number, code, after)
    assert reply is not None
    return reply.words


@pytest.mark.req("J2", "J19")
def test_help_says_what_can_be_texted_in_the_senders_language() -> None:
    assert "VE 12345 BA: fines of a vehicle" in said("HELP")
    assert "VE 12345 BA: مخالفات المركبة" in said("مساعدة")
    assert "车辆罚款" in said("帮助")
    reply = text("xyz")
    assert reply is not None
    assert reply.language == "zh"
    assert "http" not in said("help")


@pytest.mark.req("J12")
def test_a_complaint_in_one_text_waits_in_the_review_queue(city: City) -> None:
    reply = text("شكوى تسرب مياه في الخوير بجانب المسجد منذ يومين")
    assert reply is not None
    case = Case.objects.get(medium="sms")
    assert case.state == "received"
    assert case.number in reply.words
    assert seal.pin_of(case.number, 0) in reply.words
    assert reply.secret
    assert reply.language == case.language == "ar"
    contact = Contact.objects.get(case=case)
    assert contact.body == "تسرب مياه في الخوير بجانب المسجد منذ يومين"
    assert contact.source == "90888"
    address = Address.objects.get(person=case.requester)
    assert (address.medium, address.source, address.confidence) == ("phone", "sms", 100)
    assert address.verified_at is not None
    message = Message.objects.get(case=case, event="received")
    assert message.state == Message.State.SENT
    assert message.address == address
    assert seal.pin_of(case.number, 0) not in message.body


def test_texts_of_machines_get_help_once_in_ten_minutes_and_loops_end() -> None:
    auto = "I am driving and will call you back later. This is an automatic reply."
    assert text(auto) is not None
    assert text(auto) is None
    assert text(auto, after=timedelta(minutes=11)) is not None
    assert text("") is None, "nothing but blanks is chatter too"
    assert text("xyz 12") is not None, "who tries is told each time"
    replies = [text("xyz 12", HERS) for _ in range(40)]
    assert sum(reply is not None for reply in replies) == 30
    assert text("STOP", HERS) is not None, "whoever wants to stop is always heard"
    assert text("xyz 12", HERS, after=timedelta(hours=2)) is not None


@pytest.mark.parametrize("number", ["BankMuscat", "90085", "+90085", "90888", "1111", "", "MM.GOV", "968"])
def test_names_and_codes_are_never_answered(number: str) -> None:
    assert text("VE 12345 BA", number) is None


def test_a_code_that_is_off_says_nothing() -> None:
    assert text("HELP", code="12345") is None
    ShortCode.objects.filter(number="90888").update(on=False)
    queries.forget()
    assert text("HELP") is None


# --- enquiries -------------------------------------------------------------------------------------------------------


@pytest.mark.req("J12", "J2")
@pytest.mark.parametrize("words", ["VE 12345 BA", "ve12345ba", "VE:12345BA", "مخالفات ١٢٣٤٥ ب أ", "罚款12345BA"])
def test_fines_by_plate(words: str) -> None:
    assert "85" in said(words)


@pytest.mark.req("J6", "J12")
def test_several_hits_are_a_numbered_choice() -> None:
    first = said("fines 12345 BA")
    assert "1. " in first
    assert "3. " in first
    assert "Al Ghubrah" in said("٢")
    assert "fines of a vehicle" in said("xyz"), "the conversation is over when it was answered"


@pytest.mark.req("J6")
def test_a_command_alone_asks_for_what_is_missing() -> None:
    said("help")
    assert "12345 BA" in said("VE")
    assert "85 OMR" in said("12345 BA")
    said("VE")
    said("nonsense")
    assert "85 OMR" in said("١٢٣٤٥ BA"), "who is not understood is asked once more"
    said("VE")
    assert "visa" in said("VI 44123456", code="90085").lower(), "each code has its own conversation"
    assert "85 OMR" in said("12345 BA")


@pytest.mark.req("J6")
def test_what_takes_too_long_is_dropped_and_begins_again() -> None:
    said("fines")
    assert "VE 12345 BA" in said("12345 BA", after=timedelta(minutes=11))
    assert "85 OMR" in said("VE 12345 BA", after=timedelta(minutes=12))
    assert "number from 1 to 3" in said("nine", after=timedelta(minutes=13))
    assert "Muttrah" in said("1", after=timedelta(minutes=14))
    said("VE 12345 BA")
    assert "VI 44123456" in said("HELP", code="90085")
    said("VE 777 AB")
    assert "15 OMR" in said("VE 777 AB"), "another command begins anew"


@pytest.mark.req("J2")
def test_who_may_ask_is_decided_by_the_number() -> None:
    assert "2027" in said("RE 12345 BA", "+96892000001", "90085")
    assert "2027" not in said("RE 12345 BA", HERS, "90085")


# --- reports ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("J6", "J12")
def test_a_report_step_by_step() -> None:
    assert "about" in said("REPORT")
    which = said("water leak in the road")
    assert "1 " in which
    assert "0 something else" in which
    assert "Where" in said("1")
    assert "What happened" in said("Bawshar, street 22, behind the school")
    confirm = said("Help! Water runs since Friday and stops nobody")
    assert "street 22" in confirm
    assert not Case.objects.filter(medium="sms").exists()
    reply = text("yes")
    case = Case.objects.get(medium="sms")
    assert reply is not None
    assert case.number in reply.words
    assert case.category
    assert case.address == "Bawshar, street 22, behind the school"
    assert case.area is not None
    assert case.area.code == "bawshar"
    assert Contact.objects.get(case=case).body == "Help! Water runs since Friday and stops nobody"


@pytest.mark.parametrize(
    ("words", "area"),
    [
        ("Bawshar, near the mosque", "bawshar"),
        ("in seeb market", "seeb"),
        ("في السيب شارع 3", "seeb"),
        ("بولاية بوشر", "bawshar"),
        ("锡卜市场旁", "seeb"),
        ("Muscat", ""),
        ("behind the seebx", ""),
    ],
)
def test_areas_are_known_by_name(words: str, area: str) -> None:
    found = area_in(words)
    assert (found.code if found else "") == area


def test_a_report_can_be_dropped_and_words_of_commands_are_words_in_it() -> None:
    said("REPORT")
    said("xyzzy")
    said("Stop the bus station")
    said("Start of the road")
    assert "Dropped" in said("no")
    assert not Case.objects.filter(medium="sms").exists()
    said("REPORT")
    assert "no more alerts" in said("STOP").lower()
    assert "You can text" in said("xyz")


def test_a_long_text_without_command_is_offered_as_a_report() -> None:
    assert "YES" in said("There is a dead dog on the road near the market")
    case_of = text("yes please")
    assert case_of is not None, "not understood: help"
    said("There is a dead dog on the road near the market")
    assert "PIN" in said("YES")
    assert Contact.objects.get(medium="sms").body == "There is a dead dog on the road near the market"


@pytest.mark.slow
def test_the_same_text_files_once_and_nobody_floods() -> None:
    one = Said(next(_ids), HIS, "90888", "REPORT water runs down the street", clock.now())
    actions.answer([one])
    actions.answer([one])
    assert Case.objects.filter(medium="sms").count() == 1
    for n in range(15):
        text(f"REPORT water runs down street {n}", HERS)
    assert Case.objects.filter(medium="sms").count() == 11
    assert "call" in said("REPORT water runs down street 99", HERS)


@pytest.mark.parametrize(
    "words",
    [
        "REPORT <script>alert(1)</script> & <b>water</b>",
        "REPORT water\x00 runs \ud800 down",
        "REPORT " + "water runs " * 1000,
        "REPORT \u202ewater runs\u2066 here",
        "REPORT {{ pin }} {% load x %} %(number)s %s",
    ],
)
def test_hostile_words_are_only_words(words: str) -> None:
    reply = text(words)
    case = Case.objects.get(medium="sms")
    assert reply is not None
    assert case.number in reply.words
    body = Contact.objects.get(case=case).body
    assert len(body) <= 2000
    assert "\x00" not in body


# --- cases -----------------------------------------------------------------------------------------------------------


def reported(city: City, number: str = HIS, words: str = "REPORT water runs down the street") -> Told:
    """A case that somebody reported by SMS."""
    text(words, number)
    case = Case.objects.filter(medium="sms").latest("received_at")
    return Told(city, case, "")


@pytest.mark.req("L2", "J12")
def test_status_and_more_words_by_number(city: City) -> None:
    case = reported(city).case
    assert "We have it" in said(f"SR {case.number}")
    assert "We have it" not in said(f"SR {case.number}", HERS)
    assert "Added" in said(f"SR {case.number} it is getting worse")
    assert Contact.objects.filter(case=case).latest("at").body == "it is getting worse"
    nothing = said(f"SR {case.number} it is getting worse", HERS)
    assert nothing == said("SR 2600421785 it is getting worse", HERS), "nobody learns whether it exists"
    assert "We have it" in said(f"SR {case.number} {seal.pin_of(case.number, 0)}", HERS)


@pytest.mark.req("J6")
@pytest.mark.parametrize("words", ["1", "١", "solved", "تم", "已解决", "Solved, thank you"])
def test_one_closes_the_case(city: City, words: str) -> None:
    told = reported(city).registered("water-leak").dispatched_to().replied().told()
    reply = text(words)
    assert told.fresh().state == "closed"
    assert told.case.verdict == "solved"
    assert reply is not None
    assert not Message.objects.filter(case=told.case, event="closed", state="queued").exists()


@pytest.mark.req("J6")
def test_three_goes_one_level_up_and_the_next_words_are_added(city: City) -> None:
    told = reported(city).registered("water-leak").dispatched_to().replied().told()
    assert "still wrong" in said("3")
    assert told.fresh().state == "contested"
    assert told.case.verdict == "not_solved"
    assert "Added" in said("The water is back since this morning")
    assert Contact.objects.filter(case=told.case).latest("at").body == "The water is back since this morning"
    assert "You can text" in said("1"), "nothing waits any more"


def test_of_several_cases_he_says_which(city: City) -> None:
    one = reported(city).registered("water-leak").dispatched_to().replied().told()
    other = (
        reported(city, words="REPORT rubbish in the street").registered("water-leak").dispatched_to().replied().told()
    )
    ask = said("1")
    assert one.case.number in ask
    assert other.case.number in ask
    said("2")
    assert (one.fresh().state, other.fresh().state) == ("told", "closed")
    said(f"1 {one.case.number}")
    assert one.fresh().state == "closed"


def test_a_stranger_answers_nothing(city: City) -> None:
    told = reported(city).registered("water-leak").dispatched_to().replied().told()
    said("1", HERS)
    assert told.fresh().state == "told"
    claimed = city.report(reach=Reach(phone=HERS, mail="maryam@example.com", channel="mail"))
    claimed.registered().dispatched_to().replied().told()
    said("1", HERS)
    assert claimed.fresh().state == "told", "a number that somebody typed opens nothing"


@pytest.mark.req("J6")
def test_a_question_of_the_centre_is_answered_by_the_next_text(city: City) -> None:
    told = reported(city)
    cases.ask(told.fresh(), by=city.agent, question="Which street?", seen=told.case.version)
    assert "Added" in said("Street 22 behind the school")
    assert not told.fresh().awaiting_citizen


@pytest.mark.req("Q1")
def test_a_wrong_person_is_not_written_to_any_more(city: City) -> None:
    told = reported(city)
    said("رقم خاطئ")
    row = Address.objects.get(person=told.case.requester)
    assert row.confidence == 0
    assert row.failed_at is not None
    assert list(to_repair()) == [row]
    assert told.verbs()[-1] == "case.noted"
    told.fresh()
    told.registered("water-leak").dispatched_to().replied().told()
    said("1")
    assert told.fresh().state == "told", "he is a stranger now"


# --- stop and start --------------------------------------------------------------------------------------------------


@pytest.mark.req("J1")
@pytest.mark.parametrize(
    ("stop", "start"), [("STOP", "START"), ("إيقاف", "ابدأ"), ("退订", "恢复"), ("stop please", "unstop")]
)
def test_stop_and_start(stop: str, start: str) -> None:
    assert queries.may_send(HIS, "alert", "registration")
    assert text(stop) is not None
    assert not queries.may_send(HIS, "alert", "registration")
    assert not queries.may_send(HIS, "bulk")
    assert queries.may_send(HIS, "case")
    assert queries.may_send(HIS, "answer")
    assert "85" in said("VE 12345 BA"), "who asks is answered"
    said(stop)
    asked = said(start)
    assert not queries.may_send(HIS, "alert", "registration"), "anybody can write his number on a text as its sender"
    said(f"{start} {code_in(asked)}")
    assert queries.may_send(HIS, "alert", "registration")
    assert OptOut.objects.filter(look_up=seal.index_of(HIS), ended_at__isnull=False).count() == 1


def code_in(words: str) -> str:
    """The code that is to be texted back."""
    (code,) = re.findall(r"\b[0-9]{4}\b", words)
    return str(code)


@pytest.mark.req("J1")
def test_a_forged_start_brings_nothing_back() -> None:
    said("STOP ALL")
    code = code_in(said("START"))
    assert code_in(said("START")) == code, "who texts it again is told the same"
    for answer in ("YES", "START", "START 1"):
        said(answer)
        assert not queries.may_send(HIS, "case")
    tries = 0
    while "wrong codes" not in (asked := said("START")):
        assert "START" in asked
        said(f"START {int(code_in(asked)) ^ 1}")
        tries += 1
    assert tries <= 5
    assert not queries.may_send(HIS, "case")
    later = timedelta(days=1, minutes=1)
    assert "again" in said(code_in(said("START", after=later)), after=later)
    assert queries.may_send(HIS, "case")


@pytest.mark.req("J1")
def test_a_code_is_heard_when_nothing_else_is_and_forged_texts_flood_nobody() -> None:
    said("STOP ALL")
    code = code_in(said("START"))
    replies = [text("START") for _ in range(40)]
    assert sum(reply is not None for reply in replies) == 28
    assert text(code) is not None
    assert queries.may_send(HIS, "case")


def test_who_tries_commands_out_reads_no_code_of_somebody_else() -> None:
    said("STOP ALL")
    code = code_in(said("START"))
    (reply,) = actions.rehearse([Said(-1, HIS, "90888", "START", clock.now())])
    assert reply is not None
    assert "STOP ends them" in reply.words, "nor whether he stopped anything"
    replies = actions.rehearse([Said(-1, HIS, "90888", "hm", clock.now())])
    assert replies[0] is None or code not in replies[0].words


def test_who_has_stopped_nothing_starts_with_a_word() -> None:
    assert "STOP ends them" in said("START")


@pytest.mark.req("J1")
def test_stop_all_ends_news_of_cases_too() -> None:
    said("STOP ALL")
    assert [queries.may_send(HIS, klass) for klass in ("bulk", "alert", "case")] == [False, False, False]
    assert [queries.may_send(HIS, klass) for klass in ("code", "emergency", "answer")] == [True, True, True]


def test_a_complaint_about_noise_is_no_stop() -> None:
    assert "YES" in said("Stop the noise in our street please")
    assert queries.may_send(HIS, "alert")


# --- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("J12")
def test_two_texts_of_one_number_in_one_batch_are_answered_in_order() -> None:
    at = clock.now()
    texts = [
        Said(next(_ids), HIS, "90888", "fines", at),
        Said(next(_ids), HERS, "90888", "fines 777 AB", at),
        Said(next(_ids), HIS, "90888", "12345 BA", at),
        Said(next(_ids), HIS, "90888", "2", at),
    ]
    one, other, two, three = (reply or Reply("", "") for reply in actions.answer(texts))
    assert "plate" in one.words
    assert "15 OMR" in other.words
    assert "85 OMR" in two.words
    assert "Ghubrah" in three.words


def test_what_is_delivered_is_undone_with_what_it_did() -> None:
    def broken(done: Sequence[tuple[Said, Reply | None]]) -> None:
        if any(said.number == HERS for said, _reply in done):
            raise ValueError("the queue is full")
        kept.extend(said.id for said, _reply in done)

    kept: list[int] = []
    at = clock.now()
    texts = [
        Said(next(_ids), HERS, "90888", "REPORT water runs down the street", at),
        Said(next(_ids), HIS, "90888", "HELP", at),
        Said(next(_ids), HERS, "90888", "VE 12345 BA", at),
    ]
    failed = actions.converse(texts, deliver=broken)
    assert sorted(failed) == [texts[0].id, texts[2].id]
    assert kept == [texts[1].id]
    assert not Case.objects.filter(medium="sms").exists()


def test_a_rehearsal_leaves_nothing_behind(city: City) -> None:
    at = clock.now()
    words = ["fines", "12345 BA", "2", "REPORT water runs down the street", "STOP"]
    replies = actions.rehearse([Said(-n, HIS, "90888", one, at) for n, one in enumerate(words, 1)])
    assert [reply is not None for reply in replies] == [True] * 5
    assert "Ghubrah" in (replies[2].words if replies[2] else "")
    assert not Case.objects.filter(medium="sms").exists()
    assert not OptOut.objects.exists()
    assert not Sender.objects.exists()


def test_what_is_old_is_forgotten() -> None:
    said("VE")
    with clock.later(timedelta(days=200)):
        assert actions.forget_old() == 2
    assert not Conversation.objects.exists()


@pytest.mark.req("J12")
@pytest.mark.parametrize(
    "words", ["REPORT water runs down the street", "بلاغ تسرب مياه في الشارع", "投诉路灯坏了，晚上很黑，请尽快修理"]
)
def test_a_receipt_fits_two_parts(words: str) -> None:
    assert len(sms.plan(said(words)).parts) <= 2
    assert len(sms.plan(said("help")).parts) <= 3


@pytest.mark.slow
def test_two_who_answer_at_once_close_a_case_once(committed_city: City) -> None:
    told = reported(committed_city).registered("water-leak").dispatched_to().replied().told()
    heard: list[str] = []

    def one() -> None:
        try:
            with translation.override("en"):
                heard.append(said("solved"))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert told.fresh().state == "closed"
    assert sorted("closed as solved" in words for words in heard) == [False, True]
    assert Sender.objects.get().answered == 3


@pytest.mark.slow
@pytest.mark.req("J2", "J9")
def test_one_telephone_and_a_slow_source_do_not_hold_up_the_others(settings: Any) -> None:
    settings.WASL_OUTWARD_NETWORKS = ["127.0.0.1"]
    away.forget()
    with system() as other:
        at = {"url": other.url + "/hang/", "rows": "data", "columns": {}, "timeout_s": 0.5}
        assert Enquiry.objects.filter(code="vehicle-fines").update(source="http", settings=at)
        definitions.forget()
        his = [Said(next(_ids), HIS, "90888", f"VE {n} BA", clock.now()) for n in range(1, 10)]
        hers = Said(next(_ids), HERS, "90888", "VE 12345 BA", clock.now())
        done: list[int] = []
        began = time.monotonic()
        assert actions.converse([*his, hers], deliver=lambda some: done.extend(said.id for said, _reply in some)) == []
        assert time.monotonic() - began < 2
        assert sorted(done) == [his[0].id, hers.id], "his others come again"
        assert all(reply is not None for reply in actions.answer(his[1:4]))
    away.forget()
    definitions.forget()


@pytest.mark.slow
@pytest.mark.req("J2")
def test_a_burst_of_five_thousand_is_answered_at_once() -> None:
    at = clock.now()
    texts = [Said(next(_ids), f"+9689{n:07d}", "90888", "VE 12345 BA", at) for n in range(5000)]
    began = time.process_time()
    replies = actions.answer(texts)
    seconds = time.process_time() - began
    assert all(reply is not None and "85" in reply.words for reply in replies)
    assert seconds < 8, "of the processor; about two on an idle machine"
