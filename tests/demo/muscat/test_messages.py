"""What the demo city says to people: words for each event, channel and language, short and with the right links."""

import re
from itertools import product

import pytest
from django.template import Context, Engine

from tests.demo.muscat.sheets import LANGUAGES, TEMPLATES

CITIZEN_EVENTS = [
    "received",
    "registered",
    "refused",
    "asked",
    "answered",
    "joined",
    "dispatched",
    "interim",
    "extended",
    "suspended",
    "resumed",
    "reclassified",
    "told",
    "reminder",
    "closed",
    "redone",
    "reopened",
    "link",
]

INVITATION = "staff_invited"

HEARD_BY_RANK = ["staff_emergency", "staff_escalated"]

WITHOUT_CASE = ("link", "staff_digest", "staff_confirm", INVITATION)

STAFF_EVENTS = [
    "staff_order",
    "staff_returned",
    "staff_extension",
    "staff_extension_denied",
    "staff_due_soon",
    "staff_overdue",
    "staff_urged",
    "staff_digest",
    "staff_confirm",
]

PLACEHOLDERS = {
    "number",
    "pin",
    "category",
    "unit",
    "due",
    "status",
    "reason",
    "result",
    "recourse",
    "track_url",
    "answer_url",
    "link_url",
    "code",
    "city",
    "hotline",
    "receipt_hash",
    "case_url",
    "count",
    "lines",
    "list_url",
    "username",
}


@pytest.mark.req("I3")
def test_every_event_has_words_on_each_channel_in_each_language() -> None:
    wanted = set(product((*CITIZEN_EVENTS, *STAFF_EVENTS), ("mail", "sms"), LANGUAGES))
    # An invitation leads to a page where a password is chosen, and goes to the mailbox of the account only.
    wanted |= set(product([INVITATION], ("mail",), LANGUAGES))
    # What ranks have asked to hear of is in the page, and mailed together with the rest.
    wanted |= set(product(HEARD_BY_RANK, ("sms",), LANGUAGES))
    assert {(row["event"], row["channel"], row["language"]) for row in TEMPLATES} == wanted


def used_in(text: str) -> set[str]:
    named = set(re.findall(r"{{\s*(\w+)\s*}}", text))
    for test in re.findall(r"{%\s*if\s+(.*?)\s*%}", text):
        named |= set(test.split()) - {"and", "or", "not"}
    return named


FACTS: dict[str, dict[str, str]] = {
    "en": {
        "category": "Overflowing bin",
        "unit": "Cleaning, As Seeb",
        "due": "24 Nov 14:30",
        "status": "fixed",
        "reason": "Waiting for parts or material",
    },
    "ar": {
        "category": "حاوية قمامة ممتلئة",
        "unit": "دائرة النظافة - السيب",
        "due": "24/11 14:30",
        "status": "أُصلح العطل",
        "reason": "بانتظار قطع الغيار أو المواد",
    },
    "zh": {
        "category": "垃圾桶满溢",
        "unit": "锡卜环卫处",
        "due": "11月24日14:30",
        "status": "已解决",
        "reason": "等待配件或材料",
    },
}

SAME = {
    "number": "4821 0937 15",
    "pin": "739204",
    "result": "R",
    "recourse": "W",
    "city": "M",
    "hotline": "1111",
    "receipt_hash": "ab12",
    "track_url": "https://1111.example/t/4821093715",
    "answer_url": "https://1111.example/a/k3J9xQ2mVb7T",
    "link_url": "https://1111.example/l/k3J9xQ2mVb7T",
    "code": "739204",
    "case_url": "https://1111.example/c/4821093715",
    "username": "agent7",
}

SEGMENT = {"en": 160, "ar": 67 * 2, "zh": 67 * 2}


def test_templates_use_known_names_and_render_to_short_messages() -> None:
    engine = Engine(autoescape=False)
    for row in TEMPLATES:
        where = f"{row['event']}/{row['channel']}/{row['language']}"
        assert used_in(row["body"]) | used_in(row["subject"]) <= PLACEHOLDERS, where
        template, facts = engine.from_string(row["body"]), {**SAME, **FACTS[row["language"]]}
        said = template.render(Context(facts))
        few = {
            name: fact
            for name, fact in facts.items()
            if name not in ("pin", "due", "unit", "status", "reason", "recourse")
        }
        for one in (said, template.render(Context(few))):
            assert "{" not in one, where
            assert "\n\n\n" not in one, f"{where} has a hole: {one}"
        if row["channel"] == "sms":
            assert not row["subject"], where
            assert len(said) <= SEGMENT[row["language"]], f"{where} has {len(said)} characters: {said}"
            assert "\n" not in said, where
        else:
            assert row["subject"], where
            assert "\n" not in row["subject"], where
        assert row["event"] in WITHOUT_CASE or "{{ number }}" in row["body"], where


def test_the_right_links_are_in_the_right_messages() -> None:
    for row in TEMPLATES:
        names, event = used_in(row["body"]), row["event"]
        assert ("code" in names) == (event == "link"), event
        assert ("link_url" in names) <= (event in ("link", INVITATION)), event
        assert ("case_url" in names) == (event in (*STAFF_EVENTS, *HEARD_BY_RANK) and event not in WITHOUT_CASE), event
        assert ("list_url" in names) == (event in ("staff_digest", "staff_confirm")), event
        assert not ("answer_url" in names and event not in ("told", "reminder", "answered")), event
        # An SMS is answered by SMS.
        assert "answer_url" in names or event not in ("told", "reminder") or row["channel"] == "sms", event
        assert not ("pin" in names and event != "received"), f"{event} would repeat the PIN"
        if row["channel"] == "mail":
            assert "receipt_hash" in names or event != "received", event
            assert {"reason", "recourse"} <= names or event != "refused", event
            assert {"reason", "due"} <= names or event != "extended", event


def test_the_languages_of_a_message_say_the_same() -> None:
    for event, channel in {(row["event"], row["channel"]) for row in TEMPLATES}:
        named = [
            used_in(row["body"]) - {"hotline", "city"}
            for row in TEMPLATES
            if (row["event"], row["channel"]) == (event, channel)
        ]
        assert named[0] == named[1] == named[2], f"{event}/{channel}"
