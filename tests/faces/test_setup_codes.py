"""The administrator keeps short codes and commands, and tries them out."""

from collections.abc import Iterator

import pytest
from django.test import Client

from tests.city import City
from wasl.core.cases.models import Case
from wasl.core.organisation import rights
from wasl.core.organisation.actions.audit import Refused
from wasl.core.organisation.models import Audit
from wasl.kernel import clock
from wasl.services.dialogue import actions, editing, queries
from wasl.services.dialogue.actions import Said
from wasl.services.dialogue.editing import CommandFacts
from wasl.services.dialogue.models import Command, Sender, ShortCode

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(city: City) -> Iterator[None]:
    queries.forget()
    yield
    queries.forget()


@pytest.fixture
def admin(city: City) -> Client:
    client = Client(headers={"accept-language": "en"})
    staff = city.administrator
    staff.language = "en"
    staff.save()
    client.force_login(staff)
    return client


def facts(**more: object) -> CommandFacts:
    given: dict[str, object] = {
        "code": ShortCode.objects.get(number="90888"),
        "kind": "enquiry",
        "keywords": {"": ["PF"], "ar": ["غرامات"]},
        "names": {"en": "parking fines"},
        "example": "PF 12345 BA",
        "target": "vehicle-fines",
        **more,
    }
    return CommandFacts(**given)  # type: ignore[arg-type]  # the fields by name


def said(words: str) -> str:
    (reply,) = actions.answer([Said(1, "+96892345678", "90888", words, clock.now())])
    return reply.words if reply else ""


@pytest.mark.req("J3")
def test_a_new_command_is_live_at_once(city: City, admin: Client) -> None:
    assert "85 " not in said("PF 12345 BA")
    page = admin.post(
        "/desk/setup/commands/new/",
        {
            "kind": "enquiry", "target": "vehicle-fines", "code": ShortCode.objects.get(number="90888").pk,
            "keywords_": "PF", "keywords_ar": "غرامات، غرامة", "keywords_en": "", "keywords_zh": "",
            "name_en": "parking fines", "name_ar": "", "name_zh": "",
            "example": "PF 12345 BA", "place": "3", "on": "on",
        },
    )  # fmt: skip
    assert page.status_code == 302
    assert "85 " in said("PF 12345 BA")
    assert "85 " in said("غرامة 12345 BA")
    made = Command.objects.get(example="PF 12345 BA")
    assert Audit.objects.filter(kind="command", row=made.pk, verb="command.made", by=city.administrator).exists()
    admin.post("/desk/setup/codes/", {"do": "off", "command": made.pk})
    assert "85 " not in said("PF 12345 BA")
    assert "PF 12345 BA" in admin.get("/desk/setup/codes/").content.decode()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"keywords": {"": []}}, "at least one"),
        ({"keywords": {"": ["?!", "\u200b"]}}, "at least one"),
        ({"keywords": {"": ["x" * 31]}}, "at most 30"),
        ({"keywords": {"": ["ve"]}}, "already"),
        ({"keywords": {"ar": ["مخالفاتٍ"]}}, "already"),
        ({"keywords": {"xx": ["PF"]}}, "languages"),
        ({"target": "no-such"}, "enquiry"),
        ({"kind": "verdict", "target": "sold"}, "request"),
        ({"kind": "dance"}, "does"),
        ({"names": {}}, "name"),
    ],
)
def test_what_makes_no_command_is_refused(city: City, more: dict[str, object], why: str) -> None:
    with pytest.raises(Refused, match=why):
        editing.save_command(None, by=city.administrator, facts=facts(**more))


@pytest.mark.req("J1")
@pytest.mark.parametrize("kind", ["stop", "start", "help"])
def test_stop_start_and_help_cannot_be_taken_off(city: City, kind: str) -> None:
    held = list(Command.objects.filter(kind=kind))
    for one in held[1:]:
        editing.set_on(one, by=city.administrator, on=False)
    with pytest.raises(Refused, match="always"):
        editing.set_on(held[0], by=city.administrator, on=False)


def test_only_the_administrator_may(city: City) -> None:
    for staff in (city.agent, city.supervisor, city.leader, city.officer("water")):
        with pytest.raises(rights.Forbidden):
            editing.save_command(None, by=staff, facts=facts())
        with pytest.raises(rights.Forbidden):
            editing.set_on(Command.objects.all()[0], by=staff, on=False)
        with pytest.raises(rights.Forbidden):
            editing.save_code(None, by=staff, number="90999", names={"en": "x"}, language="en", on=True)


def test_short_codes_are_digits_and_once(city: City) -> None:
    made = editing.save_code(None, by=city.administrator, number="٩٠٩٩٩", names={"en": "x"}, language="en", on=True)
    assert made.number == "90999"
    for number in ("90999", "12", "abc", "1" * 16):
        with pytest.raises(Refused):
            editing.save_code(None, by=city.administrator, number=number, names={"en": "x"}, language="en", on=True)


@pytest.mark.req("J3", "J6")
def test_the_box_shows_a_whole_talk_and_keeps_nothing(admin: Client) -> None:
    given = {"do": "try", "code": "90888", "number": "+968 9200 0001", "words": "fines", "before": ""}
    page = admin.post("/desk/setup/codes/", given).content.decode()
    assert "12345 BA" in page
    page = admin.post("/desk/setup/codes/", {**given, "words": "12345 BA", "before": '["fines"]'}).content.decode()
    assert "85 OMR" in page
    page = admin.post(
        "/desk/setup/codes/", {**given, "words": "REPORT water runs <b>down</b>", "before": "not json"}
    ).content.decode()
    assert "PIN" in page
    assert "&lt;b&gt;" in page
    assert "<b>down" not in page
    assert not Case.objects.exists()
    assert not Sender.objects.exists()


@pytest.mark.slow
def test_the_box_tells_nothing_of_people(city: City, admin: Client) -> None:
    at = clock.now()
    actions.answer([Said(1, "+96892345678", "90888", "REPORT water runs down the street", at)])
    case = Case.objects.get()
    given = {"do": "try", "code": "90888", "number": "+96892345678", "before": ""}
    for words in (f"SR {case.number}", f"SR {case.number} more words", "1", "WRONG"):
        page = admin.post("/desk/setup/codes/", {**given, "words": words}).content.decode()
        assert "We have it" not in page
        assert "Added" not in page
    assert case.contacts.count() == 1
    for number in ("1111", "x", ""):
        assert admin.post("/desk/setup/codes/", {**given, "number": number, "words": "HELP"}).status_code == 422
    assert admin.post("/desk/setup/codes/", {**given, "code": "1", "words": "HELP"}).status_code == 422
    assert admin.post("/desk/setup/codes/", {**given, "words": "HELP", "before": "[1, {}, null]"}).status_code == 200
    assert admin.post("/desk/setup/codes/", {**given, "words": "x" * 501}).status_code == 422
    assert admin.post("/desk/setup/codes/", {"do": "off", "command": "99999999999999999999"}).status_code == 404
