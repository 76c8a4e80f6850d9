"""Looks into the data base of a running hotline, in a process of its own with that hotline's settings and keys.

`python -m tests.real.inside QUESTION` prints the answer as JSON; tests ask with `ask(running, QUESTION)`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.real.hotline import Hotline, clean_environment
from wasl.site.installation import Installation


def ask(running: Hotline, question: str, *, of: str = "tests.real.inside", timeout_s: float = 120) -> Any:
    """The answer to one of the questions below, or of another module that has such."""
    its = Installation.at(running.data)
    # The test run's own server is named by WASL_DATABASE_URL in this process; the hotline has one of its own.
    settings = its.environment() | {"WASL_DATABASE_URL": its.cluster.url()}
    done = subprocess.run(
        [sys.executable, "-P", "-m", of, question],
        env=clean_environment() | settings,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


def folds() -> list[str]:
    """Cases whose columns or orders are not what their entries make of them; empty when all is well."""
    from tests.core.test_journal import assert_is_the_fold
    from wasl.core.cases.models import Case

    wrong = []
    for case in Case.objects.order_by("pk").iterator():
        try:
            assert_is_the_fold(case)
        except AssertionError as error:
            wrong.append(f"{case.number}: {str(error).splitlines()[0]}")
    return wrong


def cases() -> list[dict[str, Any]]:
    """Every case with the words of its first contact, the hash of its first entry and the orders made."""
    from wasl.core.cases.models import Case
    from wasl.core.contacts.models import Contact

    words: dict[int, list[str]] = {}
    for pk, body in Contact.objects.order_by("pk").values_list("case_id", "body"):
        words.setdefault(pk, []).append(body)
    return [
        {
            "id": case.pk,
            "number": case.number,
            "state": case.state,
            "bodies": words.get(case.pk, []),
            "receipt": bytes(case.entries.get(seq=1).hash).hex(),
            "verbs": list(case.entries.order_by("seq").values_list("verb", flat=True)),
            "orders": list(case.orders.values_list("unit__code", flat=True)),
            "due": all((case.due_next, case.due_centre or case.due_result)),
        }
        for case in Case.objects.order_by("pk")
    ]


def messages() -> list[dict[str, Any]]:
    """Every message: what it tells, to whom, where it stands, and its Message-ID in a mail."""
    from wasl.channels.mail.outgoing import message_id
    from wasl.services.messages.models import Message

    return [
        {
            "id": message.pk,
            "case": message.case_id,
            "event": message.event,
            "citizen": message.person_id is not None,
            "lines": message.facts.get("count", 0),
            "state": message.state,
            "repeated": message.repeated,
            "attempts": message.attempts,
            "message_id": message_id(message.pk),
        }
        for message in Message.objects.order_by("pk")
    ]


def haste() -> int:
    """Not a question: from now on the mail of every unit leaves at once, not gathered for minutes. Gives the units."""
    from wasl.core.organisation.models import Staff, Unit
    from wasl.services.messages import notices

    by = Staff.objects.filter(posts__role="administrator").order_by("pk")[0]
    units = list(Unit.objects.order_by("pk"))
    for unit in units:
        notices.set_mailbox(unit, by=by, gather_min=0, language="ar")
    return len(units)


def stage() -> dict[str, str]:
    """Not a question: makes the week that `scene` tells, and gives numbers and PINs by how far a case came."""
    from tests.real import scene

    return scene.stage()


def carry_to_the_answer() -> str:
    """Not a question: the desk takes the latest report through to the answer; gives its number."""
    from tests.city import City, Told
    from wasl.core.cases.models import Case

    made = json.loads(Path(os.environ["WASL_DATA"], "city.json").read_text())
    case = Case.objects.latest("received_at")
    told = Told(City(made=made), case, "")
    told.registered("street-light-out").dispatched_to("bawshar-roads")
    told.signed().replied().reviewed().told()
    return str(case.number)


def queue_texts() -> int:
    """Not a question: hands the gateway two thousand texts, a number each; gives how many it took."""
    from wasl.services.texts import actions
    from wasl.services.texts.models import Client, Klass, Text

    begun = Text.objects.filter(ref__startswith="kill:").count()
    Client.objects.get_or_create(code="bulk", defaults={"name": "bulk", "sender": "1111", "best": Klass.URGENT})
    classes = (Klass.CASE, Klass.URGENT)
    news = [
        actions.New(f"kill:{n}", f"+9689{n:07d}", f"Text {n} of the test", classes[n % 2])
        for n in range(begun, begun + 2000)
    ]
    from wasl.services.texts import queries

    queries.forget()
    return sum(isinstance(one, actions.Taken) for one in actions.queue("bulk", news))


def texts() -> list[dict[str, Any]]:
    """Every text of the kill test: its name, where it stands, whether it was repeated."""
    from wasl.services.texts.models import Queued, Text

    waiting = set(Queued.objects.values_list("text_id", flat=True))
    return [
        {"ref": ref, "state": "waiting" if pk in waiting else state, "repeated": repeated}
        for pk, ref, state, repeated in Text.objects.filter(ref__startswith="kill:").values_list(
            "pk", "ref", "state", "repeated"
        )
    ]


QUESTIONS: dict[str, Callable[[], Any]] = {
    one.__name__: one for one in (folds, cases, messages, haste, stage, carry_to_the_answer, queue_texts, texts)
}


def main(questions: Mapping[str, Callable[[], Any]], question: str) -> None:
    """Print the answer."""
    import django

    django.setup()
    print(json.dumps(questions[question]()))


if __name__ == "__main__":
    main(QUESTIONS, sys.argv[1])
