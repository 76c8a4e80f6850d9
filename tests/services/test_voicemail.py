"""Messages that callers spoke: taken in once, whole or cut off, as a case or into the mailbox; versions of flows."""

import io
import os
import struct
import wave
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.city import City
from wasl.core.cases.change import NotAllowed
from wasl.core.cases.forgetting import forget as forget_person
from wasl.core.cases.models import Case
from wasl.core.contacts.actions import original_of
from wasl.core.contacts.models import Attachment, Contact
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Audit, Calendar
from wasl.core.organisation.queries import forget
from wasl.core.organisation.rights import Forbidden
from wasl.kernel import acceptance, clock, seal
from wasl.services.calls import actions, flows, forgetting, prompts, voicemail
from wasl.services.calls.checking import FlowError
from wasl.services.calls.models import Call, FlowVersion, Line, Matter, VoiceMessage

pytestmark = pytest.mark.django_db
CALLER = "+96892345678"


@pytest.fixture
def box(tmp_path: Path, settings: Any) -> Path:
    settings.WASL_VOICE = tmp_path
    (tmp_path / "spool/recording").mkdir(parents=True)
    return tmp_path / "spool/recording"


def sound(seconds: float) -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\1\2" * int(8000 * seconds))
    return made.getvalue()


def called(number: str = CALLER, **keyed: str) -> Call:
    flows.ship()
    call, walk = actions.came(f"leg-{Call.objects.count()}", "1111", number)
    assert walk is not None
    walk.language, walk.given = "en", dict(keyed)
    actions.noted(call, walk)
    return Call.objects.get(pk=call.pk)


def spoke(box: Path, call: Call, keep: str, data: bytes) -> str:
    name = voicemail.new_name(call, keep)
    (box / f"{name}.wav").write_bytes(data)
    return name


@pytest.mark.req("D11", "C10")
def test_a_message_that_asterisk_took_alone_comes_with_its_call(city: City, box: Path) -> None:
    flows.ship()
    leg = "wasl-1795365507.0"
    (box / f"mailbox-c{leg}.wav").write_bytes(sound(4))
    noted = box.parent / "degraded" / leg
    noted.parent.mkdir()
    noted.write_text(f"{clock.now().timestamp():.0f} 1111 {CALLER}\n")
    for file in (noted, box / f"mailbox-c{leg}.wav"):
        os.utime(file, (0, clock.now().timestamp() - 60))
    assert voicemail.lying() == [f"mailbox-c{leg}"]
    assert voicemail.take(f"mailbox-c{leg}") is None, "its call is not in the books yet"
    assert actions.meanwhile() == 1
    assert voicemail.take(f"mailbox-c{leg}") == {"seconds": "4"}
    message = VoiceMessage.objects.get()
    assert message.call
    assert (message.call.channel, message.call.outcome, message.call.hint[-3:]) == (leg, "mailbox", "678")
    assert voicemail.lying() == []
    assert not noted.exists()


@pytest.mark.req("C3")
def test_a_complaint_becomes_a_case_once(city: City, box: Path) -> None:
    call = called(kind="complaint", area="bawshar", category="water-leak")
    name = spoke(box, call, "complaint", sound(5))
    facts = voicemail.take(name)
    case = Case.objects.get()
    assert facts == {"number": case.number}, "the PIN goes by SMS and is not spoken"
    assert (case.category, case.kind) == ("water-leak", "complaint")
    assert case.area
    assert case.area.code == "bawshar"
    contact = case.contacts.get()
    assert (contact.medium, contact.body, contact.source) == ("phone", "Spoken message, 5 seconds.", "1111")
    assert original_of(contact.attachments.get()).getvalue() == sound(5)
    assert Matter.objects.get().call == call
    assert voicemail.take(name) is None, "the file is gone"
    (box / f"{name}.wav").write_bytes(sound(5))
    assert voicemail.take(name) == facts, "a controller that died in between finds the same case"
    assert Case.objects.count() == 1


def test_who_hides_his_number_hears_his_pin(city: City, box: Path) -> None:
    facts = voicemail.take(spoke(box, called(""), "complaint", sound(3)))
    case = Case.objects.get()
    assert facts == {"number": case.number, "pin": seal.pin_of(case.number, case.pin_generation)}


def test_one_telephone_makes_ten_complaints_a_day(city: City, box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voicemail, "MOST_CASES", 2)
    call = called()
    for _ in range(3):
        voicemail.take(spoke(box, call, "complaint", sound(3)))
    assert Case.objects.count() == 2
    assert VoiceMessage.objects.count() == 1, "nothing is lost: people look at the rest"


@pytest.mark.req("C10", "B17")
@pytest.mark.parametrize("said", ["whole", "cut"])
def test_a_message_waits_with_a_clock(city: City, box: Path, said: str) -> None:
    data = sound(4)
    if said == "cut":
        # Asterisk died: the lengths in the head were never written.
        data = data[:4] + struct.pack("<I", 0) + data[8:40] + struct.pack("<I", 0) + data[44:]
    voicemail.take(spoke(box, called(), "mailbox", data))
    message = voicemail.waiting().get()
    assert message.seconds == 4
    assert message.due_at > message.at
    assert message.contact.medium == "mailbox"
    assert message.call
    assert message.call.outcome == "mailbox"
    with wave.open(_heard(message, city)) as file:
        assert file.getnframes() == 32_000


def _heard(message: VoiceMessage, city: City) -> io.BytesIO:
    voicemail.hear(message, by=city.agent, reason="To call back")
    return io.BytesIO(voicemail.sound_of(message, by=city.agent))


@pytest.mark.parametrize("data", [sound(1), b"", b"RIFF", b"x" * 100_000])
def test_the_click_of_who_hangs_up_is_no_message(city: City, box: Path, data: bytes) -> None:
    assert voicemail.take(spoke(box, called(), "mailbox", data)) is None
    assert not VoiceMessage.objects.exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "mailbox-1", "mailbox-x-1", "mailbox-1-1.wav", ""])
def test_no_other_file_is_taken_for_a_message(city: City, box: Path, name: str) -> None:
    assert voicemail.take(name) is None


def test_a_message_of_a_call_that_nobody_knows_is_kept_too(city: City, box: Path) -> None:
    (box / "complaint-77-1.wav").write_bytes(sound(3))
    assert voicemail.lying() == [], "its caller may still be there"
    os.utime(box / "complaint-77-1.wav", (1, 1))
    assert voicemail.lying() == ["complaint-77-1"]
    voicemail.take("complaint-77-1")
    assert voicemail.waiting().get().call is None


@pytest.fixture
def message(city: City, box: Path) -> VoiceMessage:
    voicemail.take(spoke(box, called(), "mailbox", sound(4)))
    return VoiceMessage.objects.get()


def test_who_listens_says_why(city: City, message: VoiceMessage) -> None:
    with pytest.raises(NotAllowed, match="Say why"):
        voicemail.hear(message, by=city.agent, reason="  ")
    voicemail.hear(message, by=city.agent, reason="To call back")
    assert Audit.objects.get(verb="voicemessage.heard").after["reason"] == "To call back"
    assert voicemail.see_number(message, by=city.agent) == CALLER
    assert CALLER not in str(list(Audit.objects.values()))
    for stranger in (city.administrator, city.officer("bawshar-roads")):
        with pytest.raises(Forbidden):
            voicemail.hear(message, by=stranger, reason="x")
        with pytest.raises(Forbidden):
            voicemail.see_number(message, by=stranger)


@pytest.mark.req("C10")
def test_a_message_becomes_a_case_with_its_sound(city: City, message: VoiceMessage) -> None:
    receipt = voicemail.to_case(message, by=city.agent, body="The street is dark.", category="street-light-out")
    contact = receipt.case.contacts.get()
    assert (contact.medium, contact.body) == ("mailbox", "The street is dark.")
    assert original_of(contact.attachments.get()).getvalue() == sound(4)
    assert receipt.case.requester
    assert (Contact.objects.count(), Attachment.objects.count()) == (1, 1)
    message.refresh_from_db()
    assert (message.case, message.outcome, message.done_by) == (receipt.case, "case", city.agent)
    with pytest.raises(NotAllowed, match="already"):
        voicemail.finish(message, by=city.agent, outcome="called")


@pytest.mark.req("P2")
def test_a_reason_counts_for_a_while_and_for_one(city: City, message: VoiceMessage) -> None:
    with wave.open(_heard(message, city)) as file:
        assert file.getnframes() == 32_000
    with pytest.raises(NotAllowed, match="Say why"):
        voicemail.sound_of(message, by=city.dispatcher)
    with pytest.raises(Forbidden):
        voicemail.sound_of(message, by=city.administrator)
    with clock.held(clock.now() + timedelta(hours=3)), pytest.raises(NotAllowed, match="Say why"):
        voicemail.sound_of(message, by=city.agent)


def test_a_message_is_taken_and_done(city: City, message: VoiceMessage) -> None:
    voicemail.assign(message, by=city.agent, to=city.agent)
    assert voicemail.waiting().get().assigned == city.agent
    voicemail.finish(message, by=city.agent, outcome="called")
    assert not voicemail.waiting().exists()
    assert voicemail.done().get() == message


@pytest.mark.req("P2")
def test_messages_that_were_done_long_ago_are_emptied(city: City, message: VoiceMessage) -> None:
    assert forgetting.forget_old() == 0
    voicemail.finish(message, by=city.agent, outcome="called")
    VoiceMessage.objects.update(done_at=clock.now() - forgetting.KEPT - timedelta(hours=1))
    assert forgetting.forget_old() == 1
    message.refresh_from_db()
    assert not message.contact.body
    with pytest.raises(NotAllowed, match="removed"):
        voicemail.hear(message, by=city.agent, reason="To call back")
    assert forgetting.forget_old() == 0


@pytest.mark.req("P2")
def test_who_is_forgotten_leaves_no_message_and_no_number(city: City, message: VoiceMessage) -> None:
    person = message.contact.person
    assert person
    forget_person(person, by=city.administrator)
    message.refresh_from_db()
    assert message.call
    assert (bool(message.contact.body), message.call.hint, message.call.number_sealed) == (False, "", None)
    assert actions.number_of(message.call) == ""


# --- proving who calls ---


@pytest.mark.req("C8")
def test_hash_alone_is_the_latest_request_but_wants_its_pin(city: City, box: Path) -> None:
    call = called()
    voicemail.take(spoke(box, call, "complaint", sound(3)))
    case = Case.objects.get()
    right = seal.pin_of(case.number, case.pin_generation)
    again = called()
    assert actions.enquire(again, "case-status", ("", right), "en").right
    wrong = actions.enquire(again, "case-status", ("", "000000"), "en")
    of_nobody = actions.enquire(called("+96892000777"), "case-status", ("", "000000"), "en")
    assert not wrong.right
    assert wrong.text.replace(acceptance.grouped(case.number), "") == of_nobody.text.replace(
        acceptance.grouped(actions._NOBODYS), ""
    ), "nothing tells a telephone with requests from one without"


@pytest.mark.req("C8")
def test_guessing_from_many_numbers_ends_for_all(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "MOST_WRONG", 5)
    number = city.report("water-leak").case.number
    found = [actions.enquire(called(f"+9689234{n:04d}"), "case-status", (number, "000000"), "en") for n in range(7)]
    assert [one.over for one in found] == [False] * 5 + [True] * 2


# --- versions ---


def test_a_call_keeps_its_version(city: City) -> None:
    flows.ship()
    _call, walk = actions.came("a", "1111", CALLER)
    data = flows.shipped()
    data["nodes"]["done"]["text"]["en"] = "See you."
    flows.publish("main", data, by=city.administrator)
    _next, later = actions.came("b", "1111", CALLER)
    assert walk
    assert later
    assert walk.flow.nodes["done"]["text"]["en"] == "Goodbye."
    assert later.flow.nodes["done"]["text"]["en"] == "See you."


def test_a_draft_answers_nobody_and_may_be_wrong(city: City) -> None:
    flows.ship()
    first = flows.in_force("main")
    draft = flows.save("main", {"start": "x", "nodes": {}}, by=city.administrator, seen=None)
    assert flows.in_force("main") == first
    with pytest.raises(FlowError):
        flows.publish("main", draft.data, by=city.administrator)
    with pytest.raises(Refused, match="changes this flow"):
        flows.save("main", {}, by=city.administrator, seen=first.pk if first else 0)
    with pytest.raises(Refused, match="changes this flow"):
        flows.discard("main", by=city.administrator, draft="")
    flows.discard("main", by=city.administrator, draft=flows.stamp(draft))
    assert flows.draft_of("main") is None
    with pytest.raises(Forbidden):
        flows.publish("main", flows.shipped(), by=city.agent)


def test_what_somebody_went_on_drawing_is_neither_published_nor_dropped(city: City) -> None:
    flows.ship()
    data = flows.shipped()
    first = flows.save("main", data, by=city.administrator, seen=None)
    on_screen = flows.stamp(first)
    flows.save("main", {**data, "start": "main"}, by=city.administrator, seen=first.pk)
    with pytest.raises(Refused, match="changes this flow"):
        flows.publish("main", data, by=city.administrator, draft=on_screen)
    with pytest.raises(Refused, match="changes this flow"):
        flows.discard("main", by=city.administrator, draft=on_screen)
    # Going back to an old version leaves what is being drawn.
    flows.publish("main", data, by=city.administrator)
    draft = flows.draft_of("main")
    assert draft
    assert draft.data["start"] == "main"
    again = flows.save("main", {**data, "start": "kind"}, by=city.administrator, seen=draft.pk)
    assert again.pk == draft.pk
    flows.publish("main", again.data, by=city.administrator, draft=flows.stamp(again))
    assert flows.draft_of("main") is None


def test_the_shipped_flow_is_renewed_until_somebody_changes_it(city: City) -> None:
    flows.ship()
    FlowVersion.objects.update(data={"start": "old", "nodes": {}})
    flows.ship()
    assert FlowVersion.objects.count() == 2
    assert not flows.problems(flows.in_force("main").data)  # type: ignore[union-attr]  # it was just shipped
    flows.publish("main", flows.shipped(), by=city.administrator)
    FlowVersion.objects.filter(number=3).update(data={"start": "mine", "nodes": {}})
    flows.ship()
    assert FlowVersion.objects.count() == 3


@pytest.mark.parametrize(
    ("node", "says"),
    [
        ({"kind": "enquiry", "enquiry": "nothing", "next": "main"}, "no enquiry “nothing”"),
        ({"kind": "hours", "calendar": "moon", "open": "main", "closed": "main"}, "no calendar “moon”"),
        ({"kind": "transfer", "unit": "moon"}, "“moon” has no telephone"),
        ({"kind": "set", "values": {"category": "moon"}, "next": "main"}, "no category “moon”"),
    ],
)
def test_what_a_flow_names_must_be_there(city: City, node: dict[str, Any], says: str) -> None:
    data = flows.shipped()
    data["nodes"]["about"] = node
    assert says in " ".join(flows.problems(data))


def test_what_differs_is_told_step_by_step(city: City) -> None:
    old, new = flows.shipped(), flows.shipped()
    new["nodes"]["done"]["text"]["en"] = "See you."
    del new["nodes"]["scope"]
    found = flows.differences(old, new)
    assert (found[0].step, found[0].part, found[0].before, found[0].after) == (
        "done",
        "text en",
        "Goodbye.",
        "See you.",
    )
    assert {one.step for one in found} == {"done", "scope"}


def test_a_line_says_who_answers_it(city: City) -> None:
    flows.ship()
    facts = {
        "number": "٩٦٨٢٤", "name": "", "flow": "main", "languages": ["zh"], "straight": "always", "calendar": None,
    }  # fmt: skip
    line = flows.save_line(None, by=city.administrator, facts=facts)
    assert line.number == "96824"
    _call, walk = actions.came("a", "96824", "")
    assert walk
    assert (walk.language, walk.begin().queue) == ("zh", "person")
    for wrong in ({"number": "12; x"}, {"number": "1111"}, {"flow": "nothing"}):
        with pytest.raises(Refused):
            flows.save_line(None, by=city.administrator, facts={**facts, **wrong})
    assert Line.objects.count() == 2


@pytest.mark.parametrize("closed", [True, False])
def test_a_line_leads_straight_to_a_person_by_hours(city: City, closed: bool) -> None:
    flows.ship()
    Line.objects.update(straight="closed" if closed else "open")
    Calendar.objects.update(weekly={}, ramadan_weekly={}, exceptions={}, updated_at=clock.now())
    forget()
    _call, walk = actions.came("a", "1111", "")
    assert walk
    assert walk.around.straight is closed


def test_words_that_somebody_recorded(city: City) -> None:
    prompts.keep("en", "Goodbye.", sound(1), 1.0, by=city.administrator)
    prompts.keep("en", "Goodbye.", sound(2), 2.0, by=city.administrator)
    held = prompts.of("en", "Goodbye.")
    assert held
    assert held.milliseconds == 2000
    prompts.forget("en", "Goodbye.", by=city.administrator)
    assert prompts.of("en", "Goodbye.") is None
    with pytest.raises(Forbidden):
        prompts.keep("en", "Goodbye.", sound(1), 1.0, by=city.agent)
