"""Many hands at once, over real connections: guesses are counted, a load is seen whole or not at all."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from tests.city import City
from wasl.core.people.actions import Reach
from wasl.kernel import throttle
from wasl.services.enquiries import definitions, loading
from wasl.services.enquiries.actions import Answer, Asker, Question, ask
from wasl.services.enquiries.models import DataSet

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

STRANGER = Asker("sms", "+96899999999", "en")


def together(hands: list[Callable[[], Any]]) -> list[Any]:
    """What each of them gives, begun at the same moment."""
    gate, found = threading.Barrier(len(hands)), [None] * len(hands)

    def work(place: int) -> None:
        try:
            gate.wait(20)
            found[place] = hands[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(hands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


@pytest.mark.req("C8")
def test_guessers_at_the_same_moment_have_three_tries_together(committed_city: City) -> None:
    definitions.forget()
    told = committed_city.report("water-leak", reach=Reach(phone="92000001", channel="sms"))
    wrong = Question("case-status", f"{told.case.number} {int(told.pin) ^ 1:06d}", STRANGER)
    found: list[list[Answer]] = together([lambda: ask([wrong] * 3)] * 6)
    looked = [a for answers in found for a in answers if "Too many" not in a.text]
    assert len(looked) <= 3
    right = ask([Question("case-status", f"{told.case.number} {told.pin}", STRANGER)])[0]
    assert right.kind == "refused"


@pytest.mark.req("J2", "J7")
def test_batches_of_the_same_askers_do_not_lock_each_other(committed_city: City) -> None:
    definitions.forget()
    askers = [Asker("sms", f"+9689{n:07d}", "en") for n in range(300)]
    one = [Question("vehicle-fines", "777 AB", asker) for asker in askers]
    found = together([lambda: ask(one), lambda: ask(one[::-1])] * 3)
    assert all(answers is not None and {a.kind for a in answers} == {"found"} for answers in found)


@pytest.mark.req("J9")
def test_while_a_load_runs_the_rows_before_answer(committed_city: City) -> None:
    definitions.forget()
    held = DataSet.objects.get(code="visas")
    row = {"application": "1", "status_en": "new", "status_ar": "", "status_zh": "", "date": ""}
    made = loading.prepare(held, [(n, {**row, "application": str(n)}) for n in range(2000)])
    asked = [Question("visa-status", "44123456", Asker("web", None, "en"))]
    with transaction.atomic():
        loading.load(held, made.rows, whole=True)
        (before,) = together([lambda: ask(asked)])
    assert before[0].kind == "found"
    definitions.forget()
    assert ask(asked)[0].kind == "nothing"


def test_asking_within_a_transaction_is_refused(committed_city: City) -> None:
    definitions.forget()
    with pytest.raises(RuntimeError, match="forgotten"), transaction.atomic():
        ask([Question("vehicle-fines", "777 AB", STRANGER)])


def test_what_is_given_back_is_never_more_than_was_taken(committed_city: City) -> None:
    throttle.reserve({"a:1": 3, "b:1": 1}, per_s=60)
    throttle.give_back({"a:1": 5, "c:1": 2})
    assert throttle.reserve({"a:1": 1, "b:1": 1}, per_s=60) == {"a:1": 0, "b:1": 1}
