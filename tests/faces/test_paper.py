"""Cases on paper: in three languages, with what the screen shows and no more, each print recorded."""

import re
import zlib

import pytest

from tests.city import City
from tests.faces.desk import HOSTILE
from tests.faces.test_desk_matrix import enter
from wasl.core.cases import actions as cases
from wasl.core.cases.models import Case, Entry
from wasl.core.organisation.models import Staff
from wasl.core.people.actions import Reach
from wasl.faces.desk import paper
from wasl.faces.desk.paper import pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What was handed to the setter of pages, which still makes them."""
    seen: list[dict[str, object]] = []
    honest = paper.pdf

    def watch(template: str, data: dict[str, object], *, by: Staff) -> bytes:
        seen.append(data)
        return honest(template, data, by=by)

    monkeypatch.setattr(paper, "pdf", watch)
    return seen


@pytest.mark.parametrize("language", ["ar", "en", "zh"])
@pytest.mark.slow
def test_a_case_in_each_language(city: City, language: str) -> None:
    told = city.report("water-leak").dispatched_to().replied()
    staff = city.second_line
    seen = told.fresh().version
    response = enter(staff).post(f"/desk/case/{told.case.number}/print/", {"language": language})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/pdf"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{told.case.number}-{language}.pdf"'
    made = response.content
    assert made.startswith(b"%PDF-")
    assert len(made) < 400_000, "only the letters used are in it"
    entry = Entry.objects.get(case=told.case, verb="case.printed")
    assert entry.actor == f"staff:{staff.pk}"
    assert told.fresh().version == seen, "a print makes no screen stale"
    assert re.search(rf"/Lang ?\({language}", _objects(made))


def _objects(made: bytes) -> str:
    """The document's dictionaries, unpacked."""
    found = [made.decode("latin-1")]
    for packed in re.findall(rb"stream\r?\n(.*?)endstream", made, re.DOTALL):
        try:
            found.append(zlib.decompress(packed.strip(b"\r\n")).decode("latin-1"))
        except zlib.error:
            continue
    return "\n".join(found)


@pytest.mark.slow
def test_names_stand_on_it_only_for_a_reason(city: City, printed: list[dict[str, object]]) -> None:
    told = city.report().dispatched_to()
    url = f"/desk/case/{told.case.number}/print/"
    enter(city.agent).post(url, {"language": "en"})
    assert "مريم" not in str(printed[-1])
    assert "maryam" not in str(printed[-1])
    assert enter(city.agent).post(url, {"language": "en", "reason": "curiosity"}).status_code == 422
    enter(city.agent).post(url, {"language": "en", "reason": "contact-person"})
    assert "مريم" in str(printed[-1])
    assert Entry.objects.filter(case=told.case, verb="case.identity_viewed").count() == 1
    officer = enter(city.officer_of(told.order.unit))
    assert 'name="reason"' not in officer.get(url).content.decode()
    officer.post(url, {"language": "en", "reason": "contact-person"})
    assert "مريم" not in str(printed[-1]), "the vault is shut to him"
    assert Entry.objects.filter(case=told.case, verb="case.identity_viewed").count() == 1


def test_who_does_not_see_a_case_does_not_print_it(city: City) -> None:
    told = city.report().dispatched_to()
    stranger = enter(city.officer("audit"))
    url = f"/desk/case/{told.case.number}/print/"
    assert stranger.get(url).status_code == 404
    assert stranger.post(url, {"language": "en"}).status_code == 404
    assert enter(city.administrator).post(url, {"language": "en"}).status_code == 403
    assert not Entry.objects.filter(verb="case.printed").exists()


def test_words_are_never_markup(city: City, printed: list[dict[str, object]]) -> None:
    evil = '#panic("x") #read("/etc/passwd") $ x $ *b* = h\n#import "x" \\u{41} </script> ' + HOSTILE
    told = city.report(body=evil, address='#read("page.typ")')
    cases.note(told.case, by=city.agent, text=evil)
    made = enter(city.agent).post(f"/desk/case/{told.case.number}/print/", {"language": "en"})
    assert made.status_code == 200
    assert evil.strip() in str(next(one["words"]["text"] for one in printed[-1]["asked"]))  # type: ignore[attr-defined]  # JSON


def test_a_reply_that_was_erased_is_not_printed(city: City, printed: list[dict[str, object]]) -> None:
    told = city.report("water-leak")
    cases.note(told.case, by=city.agent, text="Call him at home")
    told.case.remarks.update(body="", erased_at=told.case.received_at)
    enter(city.agent).post(f"/desk/case/{told.case.number}/print/", {"language": "en"})
    assert "The words were removed." in str(printed[-1])


def test_the_direction_of_words() -> None:
    assert paper.text("مريم called")["rtl"] is True
    assert paper.text("Maryam مريم")["rtl"] is False
    assert paper.text("3312 مريم")["rtl"] is True
    assert paper.text("水管爆裂")["rtl"] is False


def test_a_case_without_anything_is_printed(city: City) -> None:
    told = city.report(reach=Reach(), body="x")
    assert pages.case_pdf(Case.objects.get(pk=told.case.pk), city.supervisor).startswith(b"%PDF-")
