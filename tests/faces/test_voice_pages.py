"""The voice menu and the mailbox at the desk: drawn, changed, heard, recorded, published; messages worked on."""

import io
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.services import test_voicemail as told
from wasl.channels.voice import recorded, sound
from wasl.channels.voice.speech import Speech
from wasl.core.cases.models import Case
from wasl.core.organisation.models import Staff
from wasl.faces.desk.voice import drawing
from wasl.faces.desk.voice.forms import StepForm
from wasl.services.calls import flows, voicemail
from wasl.services.calls.models import FlowVersion, Line, Prompt, VoiceMessage

pytestmark = pytest.mark.django_db
HOSTILE = '"><script>alert(1)</script>'


def enter(staff: Staff) -> Client:
    client = Client()
    client.cookies["django_language"] = "en"
    client.force_login(staff)
    return client


@pytest.fixture
def message(city: City, tmp_path: Path, settings: Any) -> VoiceMessage:
    settings.WASL_VOICE = tmp_path
    (tmp_path / "spool/recording").mkdir(parents=True)
    voicemail.take(told.spoke(tmp_path / "spool/recording", told.called(), "mailbox", told.sound(4)))
    return VoiceMessage.objects.get()


@pytest.fixture
def desk(city: City, tmp_path: Path, settings: Any) -> Client:
    settings.WASL_VOICE = tmp_path
    flows.ship()
    return enter(city.administrator)


def url(name: str, *args: Any) -> str:
    return reverse(f"desk:{name}", args=args)


def page(client: Client, *where: Any) -> str:
    response = client.get(url(*where))
    assert response.status_code == 200
    return response.content.decode()


def save(client: Client, name: str, **fields: str) -> Any:
    """Post the form of a step as it is shown, with these fields changed."""
    shown = page(client, "flow_step", "main", name)
    version = flows.draft_of("main") or flows.in_force("main")
    assert version
    nodes = version.data["nodes"]
    form = StepForm(node=nodes[name], name=name, steps=list(nodes))
    given = {field: value for field, value in form.initial.items() if field in form.fields and value not in (None, "")}
    seen = re.search(r'name="seen" value="(\d+)"', shown)
    assert seen
    return client.post(url("flow_step", "main", name), {**given, "seen": seen[1], "do": "save", **fields})


def do_as_shown(client: Client, do: str) -> Any:
    """Publish or discard the draft as it stands on the page."""
    draft = re.search(r'name="draft" value="([0-9.]+)"', page(client, "flow", "main"))
    assert draft
    return client.post(url("flow", "main"), {"do": do, "draft": draft[1]})


@pytest.mark.req("C2", "C15")
def test_the_picture_and_the_list_are_of_one_definition(desk: Client) -> None:
    shown, data = page(desk, "flow", "main"), flows.shipped()
    for name in data["nodes"]:
        assert shown.count(f">{name}</text>") == 1
        assert f'id="step-{name}"' in shown
    assert "stand in the way" not in shown
    boxes = {one.name: one for one in drawing.draw(data).boxes}
    assert boxes["language"].y < boxes["main"].y < boxes["number"].y < boxes["pin"].y
    assert all(one.reached for one in boxes.values())
    places = [(one.x, one.y) for one in boxes.values()]
    assert len(set(places)) == len(places)


@pytest.mark.req("C15")
def test_a_step_is_changed_drafted_published_and_taken_back(desk: Client, city: City) -> None:
    assert save(desk, "done", text_en="See you {hotline}.").status_code == 302
    before = flows.in_force("main")
    assert before
    assert "draft" in page(desk, "flow", "main")
    assert "See you {hotline}." in page(desk, "flow", "main"), "the change is told"
    draft = flows.draft_of("main")
    assert draft
    assert {**draft.data["nodes"], "done": 0} == {**before.data["nodes"], "done": 0}, "nothing else changed"
    desk.post(url("flow", "main"), {"do": "publish", "draft": "1.1"})
    assert flows.in_force("main") == before, "not what is on the screen"
    assert do_as_shown(desk, "publish").status_code == 302
    now = flows.in_force("main")
    assert now
    assert (now.number, now.made_by) == (before.number + 1, city.administrator)
    assert now.data["nodes"]["done"]["text"]["en"] == "See you {hotline}."
    assert "Go back to this version" in page(desk, "flow_version", "main", before.number)
    desk.post(url("flow_version", "main", before.number))
    latest = flows.in_force("main")
    assert latest
    assert latest.data == before.data
    assert latest.number == before.number + 2


@pytest.mark.parametrize(
    "name",
    ["language", "main", "number", "answer", "kind", "message", "person", "agents", "complaint"],
)
def test_a_form_that_is_saved_unchanged_changes_nothing(desk: Client, name: str) -> None:
    before = flows.in_force("main")
    assert save(desk, name).status_code == 302
    draft = flows.draft_of("main")
    assert before
    assert draft
    assert flows.differences(before.data, draft.data) == []


def test_what_is_wrong_is_said_and_cannot_be_published(desk: Client) -> None:
    seen = {"do": "step", "name": "lost", "kind": "menu"}
    assert desk.post(url("flow", "main"), seen).status_code == 302
    shown = page(desk, "flow", "main")
    assert "lost: nothing is said in ar, en, zh" in shown
    assert "lost: nothing comes after it" in shown
    do_as_shown(desk, "publish")
    assert flows.draft_of("main"), "still a draft"
    assert "d-flow-alone" in shown, "nothing leads to it"
    desk.post(url("flow_step", "main", "lost"), {"do": "remove"})
    assert "stand in the way" not in page(desk, "flow", "main")
    do_as_shown(desk, "discard")
    assert flows.draft_of("main") is None


def test_two_who_draw_at_once_do_not_overwrite_each_other(desk: Client, city: City) -> None:
    first = flows.in_force("main")
    assert first
    save(desk, "done", text_en="Mine.")
    response = desk.post(url("flow_step", "main", "done"), {"do": "save", "seen": first.pk, "text_en": "Yours."})
    assert response.status_code == 422
    assert "changes this flow at the moment" in response.content.decode()


@pytest.mark.parametrize("name", ["Main", "x y", "../x", "main", HOSTILE])
def test_a_name_of_a_step(desk: Client, name: str) -> None:
    response = desk.post(url("flow", "main"), {"do": "step", "name": name, "kind": "go"})
    # Capitals are written small, and that name is taken.
    assert response.status_code == 422
    assert HOSTILE not in response.content.decode()


def test_words_are_shown_as_words(desk: Client) -> None:
    save(desk, "done", text_en=HOSTILE)
    for where in (("flow", "main"), ("flow_step", "main", "done")):
        assert HOSTILE not in page(desk, *where)


@pytest.mark.slow
def test_what_callers_hear_is_heard_at_the_desk(desk: Client) -> None:
    response = desk.get(url("flow_sound", "main", "done", "text", "en"))
    assert response["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(response.content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (8000, 1)
        assert file.getnframes() > 3000
    for wrong in (("main", "nothing", "text", "en"), ("main", "done", "secret", "en"), ("main", "done", "text", "fr")):
        assert desk.get(url("flow_sound", *wrong)).status_code == 404


def tone(rate: int, width: int, channels: int, seconds: float = 1.0) -> bytes:
    """A wave file of 440 Hz."""
    times = np.arange(int(rate * seconds)) / rate
    wide = np.repeat(0.5 * np.sin(2 * np.pi * 440 * times), channels)
    made = io.BytesIO()
    with wave.open(made, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        if width == 1:
            file.writeframes((wide * 127 + 128).astype(np.uint8).tobytes())
        else:
            whole = (wide * (2 ** (8 * width - 1) - 1)).astype("<i8").view(np.uint8).reshape(-1, 8)[:, :width]
            file.writeframes(whole.tobytes())
    return made.getvalue()


@pytest.mark.req("C6")
@pytest.mark.parametrize(
    ("rate", "width", "channels"), [(8000, 2, 1), (44100, 2, 2), (48000, 3, 1), (16000, 4, 1), (22050, 1, 1)]
)
def test_a_recording_is_made_fit_for_the_telephone(rate: int, width: int, channels: int) -> None:
    made, seconds = sound.telephone(tone(rate, width, channels))
    assert abs(seconds - 1) < 0.01
    with wave.open(io.BytesIO(made)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    strength = np.abs(np.fft.rfft(samples[:8000]))
    assert int(strength.argmax()) == 440
    assert 0.4 < samples.max() / 32768 < 0.6


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"x" * 1000, tone(8000, 2, 1)[:30], b"RIFF\xff\xff\xff\xffWAVEfmt " + b"\0" * 40]
)
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(sound.BadSound):
        sound.telephone(data)


@pytest.mark.req("C6")
def test_a_recorded_prompt_is_played_instead_of_the_machine(desk: Client, tmp_path: Path) -> None:
    speech = Speech(tmp_path / "speech")
    text = flows.shipped()["nodes"]["done"]["text"]["en"]
    machine = speech.place("en", text)
    file = SimpleUploadedFile("hello.wav", tone(44100, 2, 2))
    given = {"do": "record", "part": "text", "language": "en", "file": file}
    assert desk.post(url("flow_step", "main", "done"), given).status_code == 302
    assert speech.place("en", text) != machine
    assert speech.place("en", text).read_bytes() == bytes(Prompt.objects.get().sound)
    assert speech.place("ar", text) == speech.machine_place("ar", text), "of this language only"
    assert "recorded" in page(desk, "flow_step", "main", "done")
    speech.place("en", text).unlink()
    assert recorded.materialise(tmp_path / "speech") == 1, "a data base that was restored brings it back"
    desk.post(url("flow_step", "main", "done"), {"do": "machine", "part": "text", "language": "en"})
    assert speech.place("en", text) == machine


@pytest.mark.parametrize(("data", "part"), [(b"no sound", "text"), (tone(8000, 2, 1, 61), "text")])
def test_a_file_that_is_no_prompt_is_refused(desk: Client, data: bytes, part: str) -> None:
    given = {"do": "record", "part": part, "language": "en", "file": SimpleUploadedFile("x.wav", data)}
    assert desk.post(url("flow_step", "main", "done"), given).status_code == 422
    assert not Prompt.objects.exists()


def test_what_changes_from_call_to_call_is_not_recorded(desk: Client) -> None:
    given = {"do": "record", "part": "thanks", "language": "en", "file": SimpleUploadedFile("x.wav", tone(8000, 2, 1))}
    assert desk.post(url("flow_step", "main", "message"), given).status_code == 404


def test_a_number_is_made_and_changed(desk: Client) -> None:
    given = {"number": "+96824000111", "name": "Night", "flow": "main", "languages": ["zh"], "straight": "closed"}
    assert desk.post(url("new_phone_line"), given).status_code == 302
    line = Line.objects.get(number="+96824000111")
    assert (line.languages, line.straight) == (["zh"], "closed")
    assert "+96824000111" in page(desk, "flows")
    assert desk.post(url("phone_line", line.pk), {**given, "number": "1111"}).status_code == 422


def test_a_new_flow_is_a_copy_and_answers_nobody(desk: Client) -> None:
    assert desk.post(url("flows"), {"code": "night", "like": "main"}).status_code == 302
    assert FlowVersion.objects.get(code="night").published_at is None
    assert "never published" in page(desk, "flows")
    response = desk.post(url("new_phone_line"), {"number": "1113", "flow": "night", "straight": "never"})
    assert response.status_code == 422


# --- the mailbox ---


@pytest.mark.req("C10")
def test_a_message_is_heard_with_a_reason_and_done(city: City, message: VoiceMessage) -> None:
    client, here = enter(city.agent), url("voice_message", message.pk)
    assert "+968 •••• 678" in page(client, "mailbox")
    assert "<bdi>English</bdi>" in page(client, "mailbox")
    assert client.get(url("voice_sound", message.pk)).status_code == 404, "nobody has said why"
    client.post(here, {"do": "hear", "reason": ""})
    assert client.get(url("voice_sound", message.pk)).status_code == 404
    client.post(here, {"do": "hear", "reason": "To call back"})
    response = client.get(url("voice_sound", message.pk))
    assert response["Content-Type"] == "audio/wav"
    assert response["Cache-Control"].startswith("max-age=0")
    assert enter(city.dispatcher).get(url("voice_sound", message.pk)).status_code == 404, "his reason is his own"
    assert "92345678" not in page(client, "voice_message", message.pk)
    assert "+96892345678" in client.post(here, {"do": "number"}).content.decode()
    client.post(here, {"do": "mine"})
    message.refresh_from_db()
    assert message.assigned == city.agent
    client.post(here, {"do": "called"})
    message.refresh_from_db()
    assert message.outcome == "called"
    assert "called back" in page(client, "mailbox")


@pytest.mark.req("B17", "C3")
def test_a_spoken_complaint_is_played_on_the_page_of_its_case(city: City, message: VoiceMessage) -> None:
    folder = voicemail.folder()
    voicemail.take(told.spoke(folder, told.called(), "complaint", told.sound(3)))
    case = Case.objects.get()
    shown, client = case.contacts.get().attachments.get(), enter(city.dispatcher)
    address = url("file", shown.pk, "shown")
    found = re.search(r"<audio[^>]*>", page(client, "case", case.number))
    assert found
    assert f'src="{address}"' in found[0]
    assert "aria-label=" in found[0]
    response = client.get(address)
    assert response["Content-Type"] == "audio/wav"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["X-Content-Type-Options"] == "nosniff"
    with wave.open(io.BytesIO(response.content)) as file:
        assert file.getnframes() == 3 * 8000
    part = client.get(address, headers={"range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, response.content[:2])
    whole = client.get(url("file", shown.pk, "original"))
    assert whole["Content-Disposition"].startswith("attachment")
    assert enter(city.officer("water")).get(address).status_code == 404, "a case that is not before his unit"


def test_a_message_becomes_a_request_at_the_desk(city: City, message: VoiceMessage) -> None:
    client, here = enter(city.agent), url("voice_message", message.pk)
    assert client.post(here, {"do": "case", "body": ""}).status_code == 422
    response = client.post(here, {"do": "case", "body": "The street is dark.", "category": "street-light-out"})
    assert response.url == url("case", Case.objects.get().number)  # type: ignore[attr-defined]  # a redirect
    assert client.post(here, {"do": "nothing"}).status_code == 302, "done already: told, not done twice"
    message.refresh_from_db()
    assert message.outcome == "case"
