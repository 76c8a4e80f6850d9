"""Enquiries at the desk: defined on one page without code, tried out, fed by files, looked back upon."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests.city import City
from tests.faces.desk import HOSTILE
from tests.faces.test_desk_matrix import enter
from wasl.core.people import actions as people
from wasl.core.people.actions import Reach
from wasl.core.people.models import Address
from wasl.services.enquiries import definitions, replies
from wasl.services.enquiries.actions import Asker, Question, ask
from wasl.services.enquiries.models import Asked, DataSet, Enquiry, Upload

pytestmark = [pytest.mark.django_db, pytest.mark.req("J3", "J9")]

CSV = "permit,phone,state\n17,92000001,open\n18,,shut\n"
SET = {
    "do": "save", "code": "permits", "name_en": "Permits", "columns": "state", "kind_1": "number",
    "columns_1": "permit", "owner_column": "phone",
}  # fmt: skip


@pytest.fixture
def admin(city: City) -> Client:
    definitions.forget()
    return enter(city.administrator)


class _Fields(HTMLParser):
    """What a browser would send of the last form of a page that is posted, as the page gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name, kind = given.get("name", ""), given.get("type", "text")
        if tag == "form" and given.get("method") == "post":
            self.sent = {}
        elif tag in ("select", "textarea"):
            self._within = name
            self.sent[name] = ""
        elif tag == "option" and "selected" in given:
            self.sent[self._within] = given["value"]
        elif tag == "input" and name and (kind not in ("checkbox", "radio") or "checked" in given):
            self.sent[name] = given.get("value", "on" if kind == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within and data.strip() and self.lasttag == "textarea":
            self.sent[self._within] += data.removeprefix("\n")


def form_of(admin: Client, url: str) -> dict[str, Any]:
    """The editor's form as a browser would send it."""
    reader = _Fields()
    reader.feed(admin.get(url).content.decode())
    return dict(reader.sent)


def made_set(admin: Client) -> DataSet:
    response = admin.post(reverse("desk:new_data_set"), SET)
    held = DataSet.objects.get(code="permits")
    assert response.headers["Location"] == reverse("desk:data_set", args=[held.pk])
    return held


def upload(admin: Client, held: DataSet, content: str | bytes, whole: str = "all") -> Any:
    octets = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("p.csv", octets)
    url = reverse("desk:data_set", args=[held.pk])
    return admin.post(url, {"do": "upload", "up-file": file, "up-whole": whole}, follow=True)


def test_from_nothing_to_an_answer_in_the_browser(admin: Client) -> None:
    held = made_set(admin)
    page = upload(admin, held, CSV).content.decode()
    assert "New: 2. Changed: 0. Gone: 0." in page
    assert "92000001" not in page
    url = reverse("desk:data_set", args=[held.pk])
    admin.post(url, {"do": "confirm", "upload": Upload.objects.get().pk})
    assert DataSet.objects.get(pk=held.pk).rows_count == 2

    given = form_of(admin, reverse("desk:new_enquiry"))
    assert given["away_ar"] == replies.STARTING["away"]["ar"]
    given |= {
        "do": "save", "code": "permit", "name_en": "Permit", "who": "anyone", "source": "data", "data_set": held.pk,
        "kind_1": "number", "label_1_en": "the number", "example_1": "17", "found_en": "{{ number }}: {{ state }}",
        "line_en": "{{ state }}", "active": "on",
    }  # fmt: skip
    response = admin.post(reverse("desk:new_enquiry"), given)
    row = Enquiry.objects.get(code="permit")
    assert response.headers["Location"] == reverse("desk:enquiry", args=[row.pk])
    assert ask([Question("permit", "١٧", Asker("sms", None, "en"))])[0].text == "17: open"

    again = form_of(admin, reverse("desk:enquiry", args=[row.pk]))
    assert admin.post(reverse("desk:enquiry", args=[row.pk]), {**again, "do": "save"}).status_code == 302
    kept = Enquiry.objects.get(pk=row.pk)
    assert (kept.fields, kept.replies, kept.settings, kept.active) == (row.fields, row.replies, row.settings, True)


@pytest.mark.slow
def test_the_test_box_asks_as_anybody_and_counts_nothing(admin: Client, city: City) -> None:
    row = Enquiry.objects.get(code="vehicle-registration")
    url = reverse("desk:enquiry", args=[row.pk])
    given = {"do": "try", "try-words": "١٢٣٤٥ ب أ", "try-number": "٩٢٠٠ ٠٠٠١", "try-language": "ar"}
    page = admin.post(url, given).content.decode()
    assert "التسجيل سارٍ حتى" in page
    assert "2 SMS" in page or "1 SMS" in page
    other = {**given, "try-number": "92000002", "try-language": "en"}
    pages = [admin.post(url, other).content.decode() for _ in range(7)]
    assert "Too many tries" in pages[-1]
    assert ask([Question(row.code, "12345 BA", Asker("sms", "+96892000001", "en"))])[0].kind == "found"
    assert ask([Question(row.code, "1 BA", Asker("sms", "+96892000002", "en"))])[0].text.startswith("1 BA: no vehicle")
    assert admin.post(url, {**given, "try-number": "x"}).status_code == 422
    assert Asked.objects.filter(channel="test").count() == 8


@pytest.mark.slow
def test_the_test_box_tells_nobodys_case_and_shuts_nobody_out(admin: Client, city: City) -> None:
    told = city.report("water-leak", reach=Reach(phone="92000001", channel="sms"))
    people.verify(Address.objects.get(person=told.case.requester))
    number = told.case.number
    url = reverse("desk:enquiry", args=[Enquiry.objects.get(code="case-status").pk])
    given = {"do": "try", "try-words": number, "try-number": "92000001", "try-language": "en"}
    assert "The centre reads it by" not in admin.post(url, given).content.decode()
    wrong = {**given, "try-words": f"{number} {int(told.pin) ^ 1:06d}"}
    pages = [admin.post(url, wrong).content.decode() for _try in range(30)]
    assert "Too many tries" in pages[-1]
    asked = Question("case-status", f"{number} {told.pin}", Asker("sms", "+96892000002", "en"))
    assert ask([asked])[0].kind == "found"


def test_the_list_shows_use_and_switches(admin: Client) -> None:
    ask([Question("vehicle-fines", "777 AB", Asker("sms", None, "en"))] * 3)
    page = admin.get(reverse("desk:enquiries")).content.decode()
    assert '<td class="d-num">3</td>' in page
    row = Enquiry.objects.get(code="vehicle-fines")
    admin.post(reverse("desk:enquiries"), {"do": "off", "enquiry": row.pk})
    assert ask([Question("vehicle-fines", "777 AB", Asker("sms", None, "en"))])[0].kind == "away"
    assert admin.post(reverse("desk:enquiries"), {"do": "on", "enquiry": "9" * 30}).status_code == 404
    log = admin.get(reverse("desk:asked"), {"enquiry": str(row.pk), "kind": "found"}).content.decode()
    assert log.count("<tr>") == 4
    assert "777" not in log
    assert admin.get(reverse("desk:asked"), {"enquiry": "x", "kind": "'", "before": "-1"}).status_code == 200


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"PK\x03\x04", b"a,b\n1,2\n", b"permit,phone,state\n,,\n"])
def test_a_file_that_will_not_do_is_told_so(admin: Client, content: bytes) -> None:
    held = made_set(admin)
    response = upload(admin, held, content or b"\n")
    assert response.status_code in (200, 422)
    assert DataSet.objects.get(pk=held.pk).rows_count == 0
    waiting = Upload.objects.first()
    if waiting is not None:
        page = admin.post(
            reverse("desk:data_set", args=[held.pk]), {"do": "confirm", "upload": waiting.pk}, follow=True
        ).content.decode()
        assert "No row of it can be kept" in page


def test_errors_are_told_by_line_and_hostile_words_stay_words(admin: Client) -> None:
    held = made_set(admin)
    cell = '"' + HOSTILE.replace('"', '""') + '"'
    page = upload(admin, held, f"permit,phone,state,{'x' * 20}\n{cell},,s\n5,{cell},s\n7,,{cell}\n").content.decode()
    assert "Line 2:" in page
    assert "Line 3:" in page
    assert "2 lines are left out" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    admin.post(reverse("desk:data_set", args=[held.pk]), {"do": "discard", "upload": Upload.objects.get().pk})
    assert not Upload.objects.exists()
    gone = admin.post(reverse("desk:data_set", args=[held.pk]), {"do": "confirm", "upload": 1}, follow=True)
    assert "does not wait any more" in gone.content.decode()


def test_a_secret_is_never_shown_and_does_not_follow_a_new_address(admin: Client) -> None:
    given = form_of(admin, reverse("desk:new_enquiry"))
    given |= {
        "do": "save", "code": "fees", "name_en": HOSTILE, "who": "anyone", "source": "http", "kind_1": "word",
        "http_url": "https://fees.example/{{ word }}", "http_columns": "fee = data.fee", "secret": "Bearer s3cret",
        "found_en": "{{ fee }}", "line_en": "{{ fee }}", "timeout_s": "2",
    }  # fmt: skip
    assert admin.post(reverse("desk:new_enquiry"), given).status_code == 302
    row = Enquiry.objects.get(code="fees")
    url = reverse("desk:enquiry", args=[row.pk])
    page = admin.get(url).content.decode()
    assert "s3cret" not in page
    assert "<script>alert" not in page
    again = {**form_of(admin, url), "do": "save", "name_en": "Fees"}
    assert admin.post(url, again).status_code == 302
    assert Enquiry.objects.get(pk=row.pk).secret_sealed is not None
    assert admin.post(url, {**again, "http_url": "https://mine.example/{{ word }}"}).status_code == 302
    assert Enquiry.objects.get(pk=row.pk).secret_sealed is None


def test_what_cannot_work_comes_back_with_its_sentence(admin: Client) -> None:
    row = Enquiry.objects.get(code="case-status")
    url = reverse("desk:enquiry", args=[row.pk])
    given = {**form_of(admin, url), "do": "save"}
    for change, says in (
        ({"who": "anyone"}, "Ask for a PIN"),
        ({"kind_2": "", "who": "anyone"}, "Not everybody may know"),
        ({"found_ar": "{{ secret }}"}, "There is no “secret”"),
        ({"source": "data"}, "Choose the data set"),
        ({"name_ar": "", "name_en": "", "name_zh": ""}, "A name is needed"),
    ):
        response = admin.post(url, {**given, **change})
        assert response.status_code == 422
        assert says in response.content.decode()
