"""The page frame: tags and filters, dates in three languages, forms, headers, error pages, the look."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django import forms
from django.http import HttpRequest, HttpResponse
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone, translation

from wasl.faces.frame import dates, errors, security
from wasl.faces.frame.look import COOKIE, Look
from wasl.kernel import acceptance, clock

ROOT = Path(__file__).resolve().parents[2]
# Saturday, 21 November 2026, 12:00 in Muscat (UTC+4).
NOON = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_muscat() -> object:
    with timezone.override("Asia/Muscat"), clock.held(NOON):
        yield


def draw(text: str, **context: object) -> str:
    return Template("{% load frame_tags %}" + text).render(Context(context))


# Dates


@pytest.mark.parametrize(
    ("hours", "en", "ar", "zh"),
    [
        (0, "today 12:00", "اليوم 12:00", "今天 12:00"),
        (11.9, "today 23:54", "اليوم 23:54", "今天 23:54"),
        (12, "tomorrow 00:00", "غدًا 00:00", "明天 00:00"),
        (-13, "yesterday 23:00", "أمس 23:00", "昨天 23:00"),
        (24 * 5, "Thursday 12:00", "الخميس 12:00", "星期四 12:00"),
        (-24 * 3, "18 November 12:00", "18 نوفمبر 12:00", "11月18日 12:00"),
        (24 * 7, "28 November", "28 نوفمبر", "11月28日"),
        (24 * 60, "20 January 2027", "20 يناير 2027", "2027年1月20日"),
    ],
)
@pytest.mark.req("M7")
def test_dates_are_said_in_words_near_by(hours: float, en: str, ar: str, zh: str) -> None:
    when = NOON + timedelta(hours=hours)
    assert [dates.near(when, NOON, language=code) for code in ("en", "ar", "zh-hans")] == [en, ar, zh]


def test_the_exact_time_names_day_and_offset() -> None:
    assert dates.exact(NOON, "en") == "Saturday, 21 November 2026, 12:00 UTC+04:00"
    assert dates.exact(NOON, "ar") == "السبت، 21 نوفمبر 2026، 12:00 UTC+04:00"
    assert dates.exact(NOON, "zh") == "星期六 2026年11月21日 12:00 UTC+04:00"


def test_near_date_carries_the_exact_time_on_hover() -> None:
    with translation.override("ar"):
        drawn = draw("{{ when|near_date }}", when=NOON)
    assert 'title="السبت، 21 نوفمبر 2026، 12:00 UTC+04:00"' in drawn
    assert ">اليوم 12:00</time>" in drawn
    assert draw("{{ when|near_date }}", when=None) == "–"


# Numbers, deadlines, icons, codes


@pytest.mark.req("F3")
def test_acceptance_numbers_are_grouped_and_kept_left_to_right() -> None:
    number = acceptance.make(4217, 2026)
    assert draw("{{ n|acceptance }}", n=number) == '<bdi dir="ltr" class="w-number">26 004217 85</bdi>'
    assert "&lt;b&gt;" in draw("{{ n|acceptance }}", n="<b>")


@pytest.mark.parametrize(
    ("hours", "state", "word"),
    [
        (72, "running", "Due Tuesday"),
        (5, "soon", "Due soon: today 17:00"),
        (-2, "overdue", "Overdue since today 10:00"),
    ],
)
@pytest.mark.req("H1")
def test_a_deadline_never_speaks_by_colour_alone(hours: int, state: str, word: str) -> None:
    with translation.override("en"):
        drawn = draw("{% due_badge due %}", due=NOON + timedelta(hours=hours))
    assert f"w-due-{state}" in drawn
    assert word in drawn
    assert "<svg" in drawn


def test_the_bar_of_time_used_is_clamped_and_needs_no_inline_style() -> None:
    hour = timedelta(hours=1)
    drawn = draw("{% due_bar a b %}", a=NOON - 3 * hour, b=NOON + hour)
    assert 'width="75"' in drawn
    assert "style=" not in drawn
    assert 'width="100" height="4"></rect></svg>' in draw("{% due_bar a b %}", a=NOON - 3 * hour, b=NOON - hour)
    assert draw("{% due_bar a b %}", a=None, b=NOON) == ""


def test_an_icon_is_decoration_unless_it_is_named() -> None:
    assert 'aria-hidden="true"' in draw('{% icon "phone" %}')
    assert 'role="img" aria-label="Call"' in draw('{% icon "phone" "Call" %}')
    assert "w-turn" in draw('{% icon "arrow-right" %}')
    assert "w-turn" not in draw('{% icon "phone" %}')


def test_a_qr_code_is_inline_and_without_style() -> None:
    drawn = draw("{% qr url title %}", url="https://example.org/t/2600421785", title="<Track>")
    assert drawn.startswith("<svg")
    assert "&lt;Track&gt;" in drawn
    assert "style=" not in drawn


def test_every_icon_that_a_template_names_is_in_the_sprite() -> None:
    known = set((ROOT / "frontend/icons.txt").read_text().split("\n"))
    used = set()
    for file in (ROOT / "src/wasl").rglob("*.html"):
        used |= set(re.findall(r"""{% icon ["']([a-z0-9-]+)["']""", file.read_text()))
        used |= set(re.findall(r"""with [^%]*\b(?:icon|sign)=["']([a-z0-9-]+)["']""", file.read_text()))
    for file in (ROOT / "src/wasl/faces").rglob("*.py"):
        used |= set(re.findall(r"""RailItem\(\s*["']([a-z0-9-]+)["']""", file.read_text()))
    assert used - known == set()
    assert {trouble.sign for trouble in errors.TROUBLES.values()} - known == set()


def test_no_page_carries_scripts_or_styles_of_its_own() -> None:
    for file in (ROOT / "src/wasl").rglob("*.html"):
        text = file.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=.application/(?:ld\+)?json)", text), file
        assert not re.search(r"""\son[a-z]+=["']|\sstyle=["']|<style|hx-on|javascript:""", text), file


# Forms


class Report(forms.Form):
    """A form with one field of each shape."""

    name = forms.CharField(label="Name", help_text="As on your card")
    mail = forms.EmailField(label="Mail", required=False)
    text = forms.CharField(label="Text", widget=forms.Textarea)
    kind = forms.ChoiceField(label="Kind", choices=[("a", "One"), ("b", "Two")], widget=forms.RadioSelect)
    agree = forms.BooleanField(label="Agree")


@pytest.mark.req("M7")
def test_label_hint_and_error_belong_to_their_field() -> None:
    with translation.override("en"):
        drawn = str(Report({"mail": "nonsense"}))
    name = re.search(r'<input[^>]*name="name"[^>]*>', drawn)
    assert name is not None
    described = re.search(r'aria-describedby="([^"]*)"', name[0])
    assert described is not None
    for identity in described[1].split():
        assert f'id="{identity}"' in drawn
    assert 'aria-invalid="true"' in name[0]
    assert 'class="form-control is-invalid"' in name[0]
    assert 'dir="auto"' in name[0]
    assert '<label class="form-label" for="id_name">Name</label>' in drawn
    assert re.search(r'<input[^>]*type="email"[^>]*dir="ltr"', drawn)
    assert "(optional)" in drawn
    assert '<legend class="form-label">Kind' in drawn
    assert drawn.count('class="w-choice"') == 3
    assert 'href="#id_name"' in drawn
    assert 'role="alert"' in drawn


# Headers


def _headers(secure: bool = False) -> dict[str, str]:
    answer = security.SecurityHeaders(lambda _request: HttpResponse("x"))(RequestFactory().get("/", secure=secure))
    return dict(answer.headers)


@pytest.mark.req("P4")
def test_every_answer_forbids_foreign_and_inline_code() -> None:
    headers = _headers()
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["script-src"] == policy["style-src"] == policy["default-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert policy["img-src"] == "'self' data: blob:"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "geolocation=(self)" in headers["Permissions-Policy"]
    assert "upgrade-insecure-requests" in _headers(secure=True)["Content-Security-Policy"]


@override_settings(WASL_MAP_TILES="https://{s}.tiles.example/{z}/{x}/{y}.png")
def test_a_tile_server_is_the_only_foreign_host() -> None:
    assert "img-src 'self' data: blob: https://*.tiles.example;" in _headers()["Content-Security-Policy"]


def test_a_view_may_set_its_own_policy() -> None:
    def view(_request: HttpRequest) -> HttpResponse:
        return HttpResponse("x", headers={"Content-Security-Policy": "sandbox"})

    answer = security.SecurityHeaders(view)(RequestFactory().get("/"))
    assert answer.headers["Content-Security-Policy"] == "sandbox"


# Error pages


@pytest.mark.parametrize(
    ("code", "tag", "direction"), [("ar", "ar", "rtl"), ("en", "en", "ltr"), ("zh-hans", "zh-Hans", "ltr")]
)
@pytest.mark.parametrize("status", sorted(errors.TROUBLES))
@override_settings(WASL_CITY={"name": {"en": "Test City"}, "hotline": "1111"})
def test_error_pages_say_what_happened_what_was_kept_and_what_to_do(
    rf: RequestFactory, status: int, code: str, tag: str, direction: str
) -> None:
    with translation.override(code):
        answer = errors.error_page(rf.get("/nowhere"), status, retry_after_s=30)
        text = answer.content.decode()
        trouble = errors.TROUBLES[status]
        assert answer.status_code == status
        assert answer.headers["Retry-After"] == "30"
        assert f'<html lang="{tag}" dir="{direction}"' in text
        for sentence in (trouble.title, trouble.happened, trouble.kept, trouble.do):
            assert str(sentence) in text


def test_htmx_gets_the_message_without_a_page(rf: RequestFactory) -> None:
    with translation.override("en"):
        answer = errors.error_page(rf.get("/x", headers={"HX-Request": "true"}), 409)
    text = answer.content.decode()
    assert answer.status_code == 409
    assert "<html" not in text
    assert 'role="alert"' in text


def test_the_page_for_our_own_fault_needs_no_data_base(rf: RequestFactory) -> None:
    # pytest-django forbids the data base here: a query would fail this test.
    with override_settings(WASL_CITY={"name": {"en": "Test City"}, "hotline": ""}):
        assert errors.server_error(rf.get("/")).status_code == 500


@pytest.mark.django_db
def test_an_unknown_address_answers_404_with_the_page(client: Client) -> None:
    answer = client.get("/no/such/page/", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert b"w-trouble" in answer.content
    assert "Content-Security-Policy" in answer.headers


# The look


def test_a_look_survives_its_cookie_and_unknown_words_do_not() -> None:
    look = Look().with_choice("theme:dark").with_choice("text:large")
    assert Look.read(look.write()) == look
    assert Look.read('dark"><script>.more') == Look(contrast="more")
    assert Look.read("") == Look.read("......") == Look()
    with pytest.raises(ValueError, match="no such choice"):
        look.with_choice("theme:pink")


@pytest.mark.req("M7")
def test_the_look_is_drawn_by_the_server_and_set_without_a_script(client: Client) -> None:
    answer = client.post("/look/", {"set": "theme:dark", "next": "/desk/?q=1"})
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/desk/?q=1"
    assert answer.cookies[COOKIE].value == "dark.."
    assert client.post("/look/", {"set": "theme:dark", "next": "//evil.example/"}).headers["Location"] == "/"
    assert client.post("/look/", {"set": "theme:dark", "next": "https://evil.example/"}).headers["Location"] == "/"
    assert client.post("/look/", {"set": "pink"}).status_code == 400
    assert client.get("/look/").status_code == 405


def test_the_first_byte_knows_the_look(rf: RequestFactory) -> None:
    request = rf.get("/")
    request.COOKIES[COOKIE] = "dark.more.large"
    with override_settings(WASL_CITY={"name": {"en": "Test City"}, "hotline": ""}):
        text = errors.error_page(request, 404).content.decode()
    assert 'data-theme="dark" data-contrast="more" data-text="large"' in text
