"""A whole hotline over SMS: a citizen texts through an operator's SMSC and is answered, to the closed case."""

import re

import pytest

from tests.real.hotline import Hotline, until
from tests.real.inside import ask
from tests.real.phone import Telephone, control
from wasl.kernel.sms import text

LONG = "الإنارة معطلة في شارع السلطان قابوس قرب مسجد الخوير منذ أسبوع والشارع مظلم تمامًا في الليل والأطفال يعبرونه"


@pytest.mark.req("B10", "I7", "J6", "L2")
def test_a_report_by_sms_goes_all_the_way_and_is_confirmed(house: Hotline) -> None:
    telephone = Telephone(house, "96892110001")
    assert len(text.plan("بلاغ " + LONG).parts) == 2
    told = telephone.asks("بلاغ " + LONG)
    found = re.search(r"\b(26[0-9]{8})\b", told)
    assert found, told
    number = found[1]
    assert len(text.plan(told).parts) <= 2
    told = telephone.asks(f"SR {number}")
    assert number in re.sub(r"[^0-9]", "", told)
    assert "\u2066" not in told
    assert ask(house, "carry_to_the_answer") == number
    answer = telephone.next(60)
    while "1" not in answer or "2" not in answer:
        # Registered, dispatched: each stage is told once.
        answer = telephone.next(60)
    assert len(text.plan(answer).parts) <= 3
    telephone.text("١")

    def closed() -> bool:
        (case,) = [one for one in ask(house, "cases") if one["number"] == number]
        return bool(case["state"] == "closed")

    until(closed, seconds=60, what="the case is closed")
    (case,) = [one for one in ask(house, "cases") if one["number"] == number]
    assert LONG in " ".join(case["bodies"])
    assert "case.confirmed" in case["verbs"]


@pytest.mark.req("J2", "J7", "J12", "L7")
def test_enquiries_are_answered_however_they_are_written(house: Hotline) -> None:
    telephone = Telephone(house, "96892110002")
    for words in ("VE 12345 BA", "ve12345ba", "VE ١٢٣٤٥ BA"):
        assert "12345 BA" in telephone.asks(words)
    assert "44123456" in telephone.asks("VI 44123456", code="90085")
    assert control(house, do="counts")["unanswered"] == 0
