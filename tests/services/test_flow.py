"""What the machine says and asks on the telephone: the walk of one caller, and flows that lead nowhere."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasl.kernel import acceptance
from wasl.services import calls
from wasl.services.calls.checking import FlowError, problems, read
from wasl.services.calls.flow import LANGUAGES, MAILBOX, SENTENCES, TRIES, Act, Around, Said, Walk, sentence, words

SHIPPED: dict[str, Any] = json.loads((Path(calls.__file__).parent / "default.json").read_text())
SHIPPED["nodes"]["district"]["areas"] = {"01": "seeb", "02": "bawshar"}
AREAS = {
    "seeb": {"ar": "السيب", "en": "As Seeb", "zh": "锡卜"},
    "bawshar": {"ar": "بوشر", "en": "Bawshar", "zh": "布沙尔"},
}
NUMBER = acceptance.make(35, 2026)
pytestmark = pytest.mark.req("C1", "C5", "C8", "C13")


def walk(**around: Any) -> Walk:
    return Walk(read(SHIPPED), Around(areas=AREAS, **around))


def walked(*steps: str, **around: Any) -> tuple[Walk, Act]:
    one = walk(**around)
    act = one.begin()
    for keys in steps:
        act = one.keyed(keys)
    return one, act


def said(act: Act) -> list[str]:
    return [one.text for one in act.says]


def text(node: str, language: str = "en") -> str:
    words_of: str = SHIPPED["nodes"][node]["text"][language]
    return words_of


def test_each_language_is_offered_in_itself_and_kept() -> None:
    one = walk()
    begin = one.begin()
    assert [said.language for said in begin.says] == list(LANGUAGES)
    menu = one.keyed("3")
    assert one.language == "zh"
    assert menu.says == (Said(text("main", "zh"), "zh"),)


def test_a_line_of_one_language_does_not_ask_for_it() -> None:
    one, act = walked(languages=("zh",))
    assert (one.language, one.at, said(act)) == ("zh", "main", [text("main", "zh")])
    one, act = walked(languages=("en", "ar"))
    assert act.collect
    assert act.collect.keys == "120"


def test_the_state_of_a_request_by_number_and_pin() -> None:
    one, act = walked("2", "1", NUMBER)
    assert said(act) == [text("pin")]
    act = one.keyed("123456")
    assert act.enquire == ("case-status", (NUMBER, "123456"))
    after = one.answered(f"Request {NUMBER[:2]} {NUMBER[2:-2]} {NUMBER[-2:]} is with Water until 24 November 2026.")
    assert after.says[:3] == (
        Said("Request", "en"), Said(NUMBER, "en", spelled=True), Said("is with Water until 24 November 2026.", "en")
    )  # fmt: skip
    assert after.collect is not None, "and he may go on"
    assert "pin" not in one.keyed_so_far()


def test_hash_alone_is_the_latest_request_of_this_telephone() -> None:
    one, act = walked("2", "1", "#")
    assert said(act) == [text("pin")]
    assert one.keyed("123456").enquire == ("case-status", ("", "123456"))


def test_a_number_with_wrong_check_digits_is_asked_for_again() -> None:
    one, act = walked("2", "1", NUMBER[:-1] + str((int(NUMBER[-1]) + 1) % 10))
    assert said(act) == [SENTENCES["wrong"]["en"], text("number")]
    assert one.at == "number"


@pytest.mark.parametrize("over", [False, True])
def test_three_wrong_answers_lead_to_a_person(over: bool) -> None:
    one, act = walked("2", "1")
    for n in range(TRIES):
        one.keyed(NUMBER)
        one.keyed("000000")
        act = one.answered("That is not right.", right=False, over=over)
        if over or n == TRIES - 1:
            break
        assert act.collect, "he is asked for the number again"
    assert act.queue
    assert said(act)[-1] == SENTENCES["tries"]["en"]


def test_arabic_digits_are_digits() -> None:
    assert walked("١")[0].language == "ar"


@pytest.mark.parametrize("steps", [[], ["2"], ["2", "1"], ["2", "1", NUMBER], ["2", "2"], ["2", "2", "1"]])
def test_nought_leads_to_a_person_from_everywhere(steps: list[str]) -> None:
    assert walked(*steps, "0")[1].queue == "person"


@pytest.mark.parametrize("steps", [[], ["2"], ["2", "1"], ["2", "2", "1"]])
def test_who_keys_nothing_is_asked_again_and_then_speaks_to_a_person(steps: list[str]) -> None:
    one, act = walked(*steps)
    for _ in range(TRIES - 1):
        assert one.keyed("").says == act.says
    assert one.keyed("").queue


@pytest.mark.req("C10", "C11", "B17")
def test_at_night_nought_leads_to_the_mailbox() -> None:
    one, act = walked("2", "0", opened=lambda code: code != "centre")
    assert one.at == MAILBOX
    assert act.record
    assert act.record.keep == "mailbox"
    assert one.recorded(None).record, "nothing was heard: once more"
    assert one.recorded({"seconds": "12"}).end


def test_a_mailbox_that_hears_nothing_ends() -> None:
    one, _act = walked("2", "0", opened=lambda _code: False)
    acts = [one.recorded(None) for _ in range(TRIES)]
    assert acts[-1].end
    assert not acts[-1].queue


def test_a_line_may_lead_straight_to_a_person() -> None:
    assert walked(straight=True)[1].queue == "person"


@pytest.mark.req("C3")
def test_a_complaint_by_kind_district_and_message() -> None:
    one, act = walked("2", "2", "1", "2")
    assert said(act)[0] == SENTENCES["wrong"]["en"], "2 is not 02"
    act = one.keyed("02")
    assert "Bawshar" in said(act)
    act = one.keyed("2")
    assert said(act) == [text("district")]
    one.keyed("01")
    act = one.keyed("1")
    assert act.record
    assert act.record.keep == "complaint"
    assert one.keyed_so_far() == {"kind": "complaint", "area": "seeb"}
    act = one.recorded({"number": NUMBER})
    assert act.end
    assert act.says.count(Said(NUMBER, "en", spelled=True)) == 2


def test_a_pin_is_told_only_to_who_cannot_be_texted() -> None:
    one, _act = walked("2", "2", "1", "01", "1")
    act = one.recorded({"number": NUMBER, "pin": "123456"})
    assert act.says.count(Said("123456", "en", spelled=True)) == 2


def test_a_city_without_areas_is_asked_for_none() -> None:
    one = Walk(read(SHIPPED))
    act = one.begin()
    for keys in ("2", "2", "1"):
        act = one.keyed(keys)
    assert one.at == "right", "the shipped flow leaves the question out where there are no areas"
    assert act.collect


def test_an_article_is_said_in_his_language() -> None:
    one = Walk(read(SHIPPED), Around(articles={"scope": {"en": "What {we} take: 24000102."}}, marks={"scope": "2.7"}))
    one.begin()
    one.keyed("2")
    act = one.keyed("3")
    assert said(act) == [text("topics")]
    act = one.keyed("2")
    assert act.says[:2] == (Said("What {we} take:", "en"), Said("24000102", "en", spelled=True))
    assert (said(act)[-1], one.told, one.keyed_so_far()) == (text("topics"), ["2.7"], {"scope": "2.7"})
    assert one.keyed("0").queue == "person", "a person is at the same step (C13)"


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("26 004217 85", [("2600421785", True)]),
        ("\u2066٢٦ ٠٠٤٢١٧ ٨٥\u2069.", [("2600421785", True)]),
        ("Open until 14:30 on 24 November 2026", [("Open until 14:30 on 24 November 2026", False)]),
        ("See https://wasl.example/t/1 or call 24000102", [("See  or call", False), ("24000102", True)]),
    ],
)
def test_long_numbers_are_said_digit_by_digit(written: str, heard: list[tuple[str, bool]]) -> None:
    assert [(one.text, one.spelled) for one in words(written, "en")] == heard


@given(st.lists(st.text("0123456789#*", max_size=14), max_size=30), st.booleans())
def test_whatever_is_keyed_something_comes(keys: list[str], is_open: bool) -> None:
    one = walk(opened=lambda _code: is_open)
    act = one.begin()
    for pressed in keys:
        if act.queue or act.end:
            return
        assert act.says
        if act.enquire:
            act = one.answered("something", right=len(pressed) % 2 == 0)
        elif act.record:
            act = one.recorded({"number": NUMBER} if pressed else None)
        else:
            assert act.collect
            act = one.keyed(pressed)


def broken(**changes: Any) -> dict[str, Any]:
    made = deepcopy(SHIPPED)
    for name, node in changes.items():
        made["nodes"][name] = node
    return made


TEXT = {"ar": "نص", "en": "words", "zh": "话"}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "no beginning"),
        ({**SHIPPED, "start": "nowhere"}, "no beginning"),
        (broken(person={"kind": "end", "text": TEXT}), "must be a queue"),
        (broken(mailbox={"kind": "end", "text": TEXT}), "must record a message"),
        (broken(main={"kind": "dance"}), "no kind"),
        (broken(main={"kind": "menu", "keys": {"1": "number"}, "text": {"en": "words"}}), "nothing is said in ar, zh"),
        (broken(main={"kind": "menu", "keys": {}, "text": TEXT}), "nothing comes after"),
        (broken(main={"kind": "menu", "keys": {"1": "nowhere"}, "text": TEXT}), "“nowhere” does not exist"),
        (broken(main={"kind": "menu", "keys": {"0": "number"}, "text": TEXT}), "always leads to a person"),
        (broken(main={"kind": "menu", "keys": {"12": "number"}, "text": TEXT}), "a key is one of"),
        (broken(main={"kind": "say", "next": "main", "text": TEXT}), "comes back to itself"),
        (broken(main={"kind": "go", "next": "about"}, about={"kind": "go", "next": "main"}), "comes back to itself"),
        (broken(done={"kind": "end", "text": {**TEXT, "en": "Goodbye {name}"}}), "nothing is known as “name”"),
        (broken(done={"kind": "end", "text": {**TEXT, "en": "Goodbye {pin}"}}), "nothing is known as “pin”"),
        (broken(answer={"kind": "enquiry", "enquiry": "x", "asks": ["main"], "next": "main"}), "asks for nothing"),
        (broken(message={**SHIPPED["nodes"]["message"], "longest_s": 999}), "from 5 to 180 seconds"),
        (broken(number={**SHIPPED["nodes"]["number"], "most": 99}), "from 1 to 30 digits"),
    ],
)
def test_a_flow_that_leads_nowhere_is_not_published(data: dict[str, Any], says: str) -> None:
    with pytest.raises(FlowError, match=says):
        read(data)


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(list(problems(broken(main={"kind": "dance"}, done={"kind": "set", "next": "nowhere"})))) == 3


def test_a_sentence_has_its_facts() -> None:
    assert Said("123456", "zh", spelled=True) in sentence("pin", "zh", {"pin": "123456"})
