"""Looks into the data base of a running hotline, in a process of its own with that hotline's settings and keys.

`python -m tests.real.inside QUESTION` prints the answer as JSON; tests ask with `ask(running, QUESTION)`.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from tests.real.hotline import Hotline, clean_environment
from wasl.site.installation import Installation


def ask(running: Hotline, question: str, *, timeout_s: float = 120) -> Any:
    """The answer to one of the questions below."""
    its = Installation.at(running.data)
    # The test run's own server is named by WASL_DATABASE_URL in this process; the hotline has one of its own.
    settings = its.environment() | {"WASL_DATABASE_URL": its.cluster.url()}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "tests.real.inside", question],
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
            "state": message.state,
            "repeated": message.repeated,
            "attempts": message.attempts,
            "message_id": message_id(message.pk),
        }
        for message in Message.objects.order_by("pk")
    ]


QUESTIONS: dict[str, Callable[[], Any]] = {question.__name__: question for question in (folds, cases, messages)}


def _main(question: str) -> None:
    import django

    django.setup()
    print(json.dumps(QUESTIONS[question]()))


if __name__ == "__main__":
    _main(sys.argv[1])
