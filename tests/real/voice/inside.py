"""Looks into and steers the telephone of a running house, from one process of its own with that house's settings.

Reads `[number, "function", {arguments}]` by line and answers `{"of": number, "is": value}` or `{..., "wrong": words}`.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.real.hotline import Hotline, clean_environment
from wasl.site.installation import Installation


class Inside:
    """`inside.seats()` asks `seats` below in the house."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._asked = 0

    def __getattr__(self, name: str) -> Any:
        def do(**arguments: Any) -> Any:
            assert self._process.stdin
            assert self._process.stdout
            self._asked += 1
            self._process.stdin.write(json.dumps([self._asked, name, arguments]) + "\n")
            self._process.stdin.flush()
            # A test that was cut off has left its answer there.
            while (answer := json.loads(self._process.stdout.readline()))["of"] < self._asked:
                pass
            assert "wrong" not in answer, answer["wrong"]
            return answer["is"]

        return do


@contextmanager
def inside(house: Hotline) -> Iterator[Inside]:
    """Open while it lasts."""
    its = Installation.at(house.data)
    settings = its.environment() | {"WASL_DATABASE_URL": its.cluster.url()}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.real.voice.inside"],
        env=clean_environment() | settings, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Inside(process)
    finally:
        # Its pipes are closed, which ends it.
        process.communicate(timeout=20)


def agent(name: str, *, phone: str = "", languages: str = "ar,en,zh", queues: str = "person", areas: str = "") -> int:
    """Somebody of the staff with a seat that is ready; his id."""
    from django.utils import timezone

    from wasl.core.organisation.models import Post, Staff
    from wasl.services.calls import seats
    from wasl.services.calls.models import Profile

    staff, new = Staff.objects.get_or_create(username=name, defaults={"names": {"en": name}})
    if new:
        role = "supervisor" if name.startswith("supervisor") else "agent"
        Post.objects.create(staff=staff, role=role, since=timezone.now())
    Profile.objects.update_or_create(
        staff=staff,
        defaults={
            "phone": phone, "languages": languages.split(","), "queues": queues.split(","),
            "areas": [int(one) for one in areas.split(",") if one],
        },
    )  # fmt: skip
    seats.sign_in(by=staff)
    seats.ready(by=staff)
    return staff.pk


def state(name: str) -> list[str]:
    """State and reason of somebody's seat."""
    from wasl.services.calls.models import Seat

    seat = Seat.objects.get(staff__username=name)
    return [seat.state, seat.reason]


def leave(name: str) -> None:
    """Sign somebody out."""
    from wasl.services.calls.models import Seat

    Seat.objects.filter(staff__username=name).update(state="out", call=None, until=None)


def nobody() -> None:
    """All seats are empty."""
    from wasl.services.calls import news
    from wasl.services.calls.models import Seat

    Seat.objects.update(state="out", call=None, until=None)
    news.wake("seats")


def forget_waits() -> None:
    """Nobody waits."""
    from wasl.services.calls.models import Waiting

    Waiting.objects.filter(state__in=["waiting", "offered"]).update(state="lost")


def queue(**fields: Any) -> None:
    """Change the queue `person`; it is made when there is none."""
    from wasl.services.calls.models import Queue

    Queue.objects.update_or_create(code="person", defaults={"names": {"en": "Main"}, **fields})


def order(verb: str, by: str, target: str = "") -> int:
    """Somebody wants this done with the call he has."""
    from wasl.core.organisation.models import Staff
    from wasl.services.calls import commands
    from wasl.services.calls.models import Call

    call = Call.objects.filter(ended_at__isnull=True).latest("arrived_at")
    return commands.order(call, verb, target, by=Staff.objects.get(username=by)).pk


def done(command: int) -> str | None:
    """How it went: nothing is well, null is not yet."""
    from wasl.services.calls.models import Command

    one = Command.objects.get(pk=command)
    return one.wrong if one.done_at else None


def staff_id(name: str) -> int:
    """Of this user name."""
    from wasl.core.organisation.models import Staff

    return Staff.objects.get(username=name).pk


def call(back: int = 0) -> dict[str, Any]:
    """The last call, or one before it: its stamps, outcome, waits and parties."""
    from wasl.services.calls.models import Call

    one = Call.objects.order_by("-arrived_at")[back]
    return {
        "id": one.pk, "channel": one.channel, "hint": one.hint, "language": one.language, "outcome": one.outcome,
        "keyed": one.keyed, "version": one.flow.number if one.flow else 0,
        "ended": one.ended_at is not None, "agent": one.agent.username if one.agent else "",
        "successor": one.successor.username if one.successor else "",
        "stamps": [stamp.timestamp() if stamp else None for stamp in (
            one.arrived_at, one.queued_at, one.rang_at, one.answered_at, one.ended_at)],
        "waits": [[wait.state, wait.callback, len(wait.tried)] for wait in one.waits.order_by("pk")],
        "legs": [[leg.kind, leg.staff.username if leg.staff else "", leg.cause, leg.answered_at is not None,
                  leg.ended_at is not None] for leg in one.legs.order_by("pk")],
    }  # fmt: skip


def newest() -> list[str]:
    """Number and PIN of the newest case."""
    from wasl.core.cases.models import Case
    from wasl.kernel import seal

    case = Case.objects.latest("received_at")
    return [case.number, seal.pin_of(case.number, case.pin_generation)]


def asked() -> list[str]:
    """Channel of the newest enquiry, and what it came to."""
    from wasl.services.enquiries.models import Asked

    one = Asked.objects.latest("at")
    return [one.channel, one.kind]


def answer(number: str, pin: str, language: str) -> list[list[str]]:
    """What is said to who asks for the state of this case: language and words of each file."""
    from wasl.channels.voice.speech import pieces
    from wasl.services.calls.flow import words
    from wasl.services.enquiries.actions import Asker, Question, ask

    (found,) = ask([Question("case-status", (number, pin), Asker("voice", None, language, visitor="test"))])
    return [list(piece) for said in words(found.text, language) for piece in pieces(said)]


def complaint() -> dict[str, Any]:
    """The newest case: what was keyed and said, and whether a text about it waits or went."""
    from wasl.core.cases.models import Case
    from wasl.core.contacts.actions import original_of
    from wasl.kernel import seal
    from wasl.services.calls.models import Matter
    from wasl.services.messages.models import Message

    case = Case.objects.latest("received_at")
    contact = case.contacts.get()
    files = list(contact.attachments.all())
    return {
        "number": case.number, "kind": case.kind, "medium": contact.medium, "language": contact.language,
        "body": contact.body, "area": case.area.code if case.area else "",
        "sound": [original_of(one).getvalue().hex() for one in files],
        "call": Matter.objects.filter(case=case).values_list("call__hint", flat=True).first(),
        "told": list(Message.objects.filter(case=case).values_list("event", flat=True)),
        "pin": seal.pin_of(case.number, case.pin_generation), "entries": case.entries.count(),
    }  # fmt: skip


def hold_books() -> None:
    """No call can be put into the books until `free_books`, as if that took long."""
    import psycopg

    from wasl.kernel.links import conninfo

    _held.append(psycopg.connect(conninfo()))
    _held[0].execute("LOCK TABLE calls_call IN SHARE MODE")


def free_books() -> int:
    """Go on; who was about to write there is cut off before. How many were."""
    with _held.pop() as link:
        return int(
            link.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE relation = 'calls_call'::regclass AND NOT granted"
            ).rowcount
        )


_held: "list[Any]" = []


def messages() -> list[dict[str, Any]]:
    """What lies in the mailbox, the newest first."""
    from wasl.services.calls.models import VoiceMessage

    return [
        {
            "seconds": one.seconds, "medium": one.contact.medium, "body": one.contact.body, "done": bool(one.done_at),
            "language": one.contact.language, "due": one.due_at > one.at, "files": one.contact.attachments.count(),
            "outcome": one.call.outcome if one.call else "",
        }
        for one in VoiceMessage.objects.order_by("-at")
    ]  # fmt: skip


def _by() -> Any:
    from wasl.core.organisation.models import Staff

    return Staff.objects.filter(posts__role="administrator", posts__unit=None).order_by("pk")[0]


def _line(number: str, **nodes: Any) -> str:
    """A number that is answered by the shipped flow with these nodes."""
    from wasl.services.calls import flows
    from wasl.services.calls.models import Line

    data = flows.shipped()
    data["nodes"].update(nodes)
    flows.publish(f"line-{number}", data, by=_by())
    Line.objects.update_or_create(number=number, defaults={"name": number, "flow": f"line-{number}"})
    return number


def night() -> str:
    """A number whose people are never there; it is said in English and begins with the main menu."""
    from wasl.core.organisation.models import Calendar
    from wasl.services.calls.models import Line

    Calendar.objects.update_or_create(code="never", defaults={"names": {"en": "Never"}, "weekly": {}})
    number = _line("1112", person={"kind": "hours", "calendar": "never", "open": "agents", "closed": "mailbox"})
    Line.objects.filter(number=number).update(languages=["en"])
    return number


def first_version() -> str:
    """A number whose menu says at key 3 which version it is."""
    return _version("first")


def second_version() -> str:
    """The same with other words, which somebody recorded: a tone of 700 Hz and one of 900."""
    import numpy as np
    from django.conf import settings

    from wasl.channels.voice import recorded, sound
    from wasl.services.calls import prompts

    times = np.arange(sound.RATE) / sound.RATE
    tones = np.concatenate([np.sin(2 * np.pi * hertz * times) for hertz in (700, 900)])
    prompts.keep("en", "This is the second version.", sound.written(tones * 9000), 2.0, by=_by())
    recorded.materialise(settings.WASL_VOICE / "speech")
    return _version("second")


def _version(which: str) -> str:
    from wasl.services.calls.models import Line

    text = dict.fromkeys(("ar", "en", "zh"), f"This is the {which} version.")
    number = _line("1113", topics={"kind": "say", "text": text, "next": "done"})
    Line.objects.filter(number=number).update(languages=["en"])
    return number


def ring_back(name: str) -> None:
    """This agent spoke with who called last, and wants him rung."""
    from wasl.core.organisation.models import Staff
    from wasl.services.calls import callbacks
    from wasl.services.calls.models import Call

    staff = Staff.objects.get(pk=staff_id(name))
    last = Call.objects.latest("arrived_at")
    Call.objects.filter(pk=last.pk).update(agent=staff)
    callbacks.order(last, by=staff)


def article(code: str, words: str = "") -> list[str]:
    """Mark and voice form (English) of the article in force, rewritten with these words first where some are given."""
    from dataclasses import replace

    from wasl.faces.desk.setup.articles import measure
    from wasl.services.articles import actions, queries

    version = queries.one(code)
    assert version
    if words:
        row, by = version.article, _by()
        content = replace(actions.content_of(version), voice=dict.fromkeys(("ar", "en", "zh"), words))
        held = actions.save(row, content, by=by, seen=actions.stamp(actions.draft_of(row) or version))
        version = actions.publish(row, by=by, seen=actions.stamp(held), measure=measure)
    return [version.mark, version.voice["en"]]


def article_uses(mark: str) -> int:
    """How often this version was told by telephone."""
    from wasl.services.articles.models import ArticleUse

    number, version = mark.split(".")
    rows = ArticleUse.objects.filter(version__article__number=number, version__number=version, channel="voice")
    return sum(rows.values_list("count", flat=True))


def every_kind() -> str:
    """A number with the steps that the shipped flow lacks: digits, set, go to, words with a datum."""
    from wasl.services.calls.models import Line

    def said(words: str) -> dict[str, str]:
        return dict.fromkeys(("ar", "en", "zh"), words)

    number = _line(
        "1114",
        main={"kind": "go", "next": "code"},
        code={"kind": "ask", "of": "digits", "least": 3, "most": 6, "text": said("Key a code."), "next": "urgent"},
        urgent={"kind": "set", "values": {"urgency": "urgent"}, "next": "told"},
        told={"kind": "say", "text": said("You keyed {code}"), "next": "agents"},
    )
    Line.objects.filter(number=number).update(languages=["en"])
    return number


def trunk(code: str = "secure", password: str = "", **fields: Any) -> None:
    """A carrier is set so, as at the desk, or made; with another password where one is given."""
    from wasl.services.calls import setting
    from wasl.services.calls.models import Trunk

    known = Trunk.objects.filter(code=code).first() or Trunk(code=code, name=code, match=[])
    for name, value in fields.items():
        setattr(known, name, value)
    setting.save(known, by=_by(), password=password)


def trunk_states() -> dict[str, str]:
    """How it stands with each carrier, as the desk shows it."""
    from wasl.services.calls import trunks

    return {one.code: known.state if known else "" for one, known in trunks.with_states()}


def districts() -> list[list[Any]]:
    """What is keyed for an area in the shipped flow, and that area's id."""
    from wasl.core.organisation.models import Area
    from wasl.services.calls import flows

    keys = flows.shipped()["nodes"]["district"]["areas"]
    known = dict(Area.objects.values_list("code", "pk"))
    return [[key, known[code]] for key, code in sorted(keys.items())]


def owed() -> list[list[str]]:
    """Who is to be called back because Asterisk fell: the name of his leg, and what he did."""
    from wasl.services.calls import owed

    return [[one.call.channel, one.why] for one in owed.waiting()]


def forget_owed() -> None:
    """All were called back."""
    from wasl.services.calls.models import Owed

    Owed.objects.all().delete()


def short_recordings() -> list[str]:
    """Calls whose recording is shorter than they were."""
    from wasl.services.calls import recordings

    return [one.channel for one in recordings.short()]


def recorded(channel: str) -> int:
    """How long the recording of this leg is, in milliseconds; 0 while there is none."""
    from wasl.services.calls.models import Recording

    return Recording.objects.filter(channel=channel).values_list("milliseconds", flat=True).first() or 0


def to_unit(phone: str) -> str:
    """A number that rings a unit, which has this telephone."""
    from wasl.core.organisation.models import Unit
    from wasl.services.calls.models import Line

    Unit.objects.filter(code="parking").update(phone=phone)
    number = _line("1115", language={"kind": "transfer", "unit": "parking"})
    Line.objects.filter(number=number).update(languages=["en"])
    return number


def decides() -> int:
    """The process that decides now, as it says itself."""
    from wasl.services.calls.models import Heart

    return int(Heart.objects.get().holder.rpartition(":")[2])


def calls() -> int:
    """How many there have been."""
    from wasl.services.calls.models import Call

    return Call.objects.count()


def channels() -> list[str]:
    """Asterisk's names of the legs that all calls in the books came by."""
    from wasl.services.calls.models import Call

    return list(Call.objects.values_list("channel", flat=True))


def open_things() -> list[str]:
    """What is not ended: nothing of it may be left after a test."""
    from wasl.services.calls.models import Call, Command, Leg, Seat, Waiting

    return [
        *(f"call {one}" for one in Call.objects.filter(ended_at__isnull=True)),
        *(f"leg {one}" for one in Leg.objects.filter(ended_at__isnull=True)),
        *(f"waiting {one}" for one in Waiting.objects.filter(state__in=["waiting", "offered"])),
        *(f"seat {one}" for one in Seat.objects.filter(state__in=["busy", "offered"])),
        *(f"command {one}" for one in Command.objects.filter(done_at=None)),
    ]


if __name__ == "__main__":
    from django import setup

    setup()
    # After Django's own set-up, as it is of its parts.
    from django.db import close_old_connections, connection

    for order_line in sys.stdin:
        order_number, function, arguments = json.loads(order_line)
        try:
            # PostgreSQL may be another one than before.
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            close_old_connections()
            said = {"is": globals()[function](**arguments)}
        except Exception as error:  # noqa: BLE001  # it is told to who asked
            said = {"wrong": f"{type(error).__name__}: {error}"}
        print(json.dumps({"of": order_number, **said}), flush=True)
