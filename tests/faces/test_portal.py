"""The portal without a script: all that a citizen with an old telephone can do, and all that a stranger cannot."""

import re
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from tests.city import POINTS, City
from wasl.core.cases import links
from wasl.core.cases.models import Case
from wasl.core.contacts.models import Attachment, Contact
from wasl.faces.portal import drafts
from wasl.faces.portal.models import Draft
from wasl.kernel import acceptance, clock, seal

pytestmark = pytest.mark.django_db
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"


@pytest.fixture
def browser(city: City, client: Client) -> Client:
    """A browser in Arabic without JavaScript, in the demo city."""
    del city
    client.cookies["django_language"] = "ar"
    return client


def photo(colour: str = "red") -> SimpleUploadedFile:
    out = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "SECRET-EXIF"
    Image.new("RGB", (64, 48), colour).save(out, "JPEG", exif=exif)
    return SimpleUploadedFile("صورة.jpg", out.getvalue(), content_type="image/jpeg")


def post(browser: Client, url: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
    """Send a form and go where it leads."""
    return browser.post(url, data or {}, follow=True, **more)


def begun(browser: Client, text: str = "تسريب ماء قوي في الشارع أمام بيتي", start: str = "portal:begin") -> str:
    """The token of a new draft."""
    page = post(browser, reverse(start), {"text": text})
    assert page.resolver_match.view_name == "portal:what"
    return str(page.resolver_match.kwargs["token"])


def filled(browser: Client, *, until: str = "check", category: str = "water-leak", **more: Any) -> str:
    """A draft filled in up to the page `until`."""
    token = begun(browser, more.pop("text", "تسريب ماء قوي في الشارع أمام بيتي"))
    lat, lon = POINTS["bawshar"]
    pages = {
        "what": {"category": category, "text": "تسريب ماء قوي في الشارع أمام بيتي"},
        "danger": {},
        "where": {"address": "الخوير، شارع ٣٣", "lat": str(lat), "lon": str(lon)},
        "details": {"text": "الماء يجري منذ الصباح", "q0": "burst"},
        "you": {
            "how": "named",
            "name": "مريم",
            "mail": "maryam@example.com",
            "phone": "٩٢٣٤٥٦٧٨",
            "channel": "mail",
            "language": "ar",
        },
        "check": {},
    }
    for name, data in pages.items():
        if name == until:
            break
        if name == "danger":
            continue
        page = post(browser, reverse(f"portal:{name}", args=[token]), {**data, **more.get(name, {})})
        assert page.status_code == 200, (name, page.content.decode())
        assert page.resolver_match.view_name != f"portal:{name}", page.content.decode()
    return token


def sent(browser: Client, **more: Any) -> Case:
    """A case that went the whole way through the pages."""
    token = filled(browser, **more)
    page = post(browser, reverse("portal:check", args=[token]))
    assert page.resolver_match.view_name == "portal:receipt"
    case = Draft.objects.get(token=token).case
    assert case is not None
    return case


def pin(case: Case) -> str:
    return seal.pin_of(case.number, case.pin_generation)


def other(language: str = "en") -> Client:
    """Somebody else's browser."""
    made = Client()
    made.cookies["django_language"] = language
    return made


@pytest.mark.req("B6", "B14", "F3", "F4", "M7")
def test_a_report_in_arabic_from_the_first_word_to_the_receipt(browser: Client) -> None:
    home = browser.get("/")
    assert 'lang="ar" dir="rtl"' in home.content.decode()
    token = begun(browser)
    what = browser.get(reverse("portal:what", args=[token])).content.decode()
    assert 'value="water-leak"' in what[: what.index("w-tree")]
    token = filled(browser, until="details")
    details = post(
        browser,
        reverse("portal:details", args=[token]),
        {"text": "الماء يجري", "do": "attach", "added": [photo(), photo("blue")]},
    )
    assert details.resolver_match.view_name == "portal:details"
    assert details.content.decode().count("/photo/") == 2
    post(browser, reverse("portal:details", args=[token]), {"text": "الماء يجري منذ الصباح", "q0": "burst"})
    check = post(
        browser,
        reverse("portal:you", args=[token]),
        {"how": "named", "name": "مريم", "phone": "٩٢٣٤٥٦٧٨", "channel": "phone", "language": "ar"},
    )
    assert check.resolver_match.view_name == "portal:check"
    for said in ("الماء يجري منذ الصباح", "الخوير", "مريم", "اندفاع قوي"):
        assert said in check.content.decode()
    receipt = post(browser, reverse("portal:check", args=[token]))
    words = receipt.content.decode()
    case = Case.objects.get(number=acceptance.parse(re.search(r'class="w-number">([\d ]+)<', words)[1]))  # type: ignore[index]  # fails the test as it should
    assert case.state == "received"
    assert case.category == "water-leak"
    assert case.answers == {"amount": "burst"}
    assert case.channel == "phone"
    assert case.area is not None
    assert pin(case) in words
    assert bytes(case.entries.get(seq=1).hash).hex() in words
    assert "<svg" in words
    assert "w-qr" in words
    contact = Contact.objects.get(case=case)
    assert contact.medium == "web"
    assert contact.attachments.count() == 2
    assert case.requester is not None
    assert {a.medium for a in case.requester.addresses.all()} == {"phone"}
    assert Draft.objects.get(token=token).data == {"language": "ar"}


@pytest.mark.req("F3")
def test_pressing_twice_makes_one_case(browser: Client) -> None:
    token = filled(browser)
    before = Case.objects.count()
    first = post(browser, reverse("portal:check", args=[token]))
    second = post(browser, reverse("portal:check", args=[token]))
    assert first.content.decode().split("w-big-number")[1][:90] == second.content.decode().split("w-big-number")[1][:90]
    assert Case.objects.count() == before + 1
    draft = Draft.objects.get(token=token)
    assert drafts.send(draft).case_id == draft.case_id


def test_back_never_loses(browser: Client) -> None:
    token = filled(browser)
    for name, said in {
        "what": "الماء يجري",
        "where": "الخوير",
        "details": "الماء يجري منذ الصباح",
        "you": "maryam@example.com",
    }.items():
        assert said in browser.get(reverse(f"portal:{name}", args=[token])).content.decode()
    page = post(browser, reverse("portal:where", args=[token]), {"address": "القرم", "then": "check"})
    assert page.resolver_match.view_name == "portal:check"
    assert "القرم" in page.content.decode()


def test_a_step_ahead_leads_to_the_one_that_is_missing(browser: Client) -> None:
    token = begun(browser)
    page = browser.get(reverse("portal:check", args=[token]), follow=True)
    assert page.resolver_match.view_name == "portal:what"
    page = post(browser, reverse("portal:check", args=[token]))
    assert page.resolver_match.view_name == "portal:what"
    assert not Case.objects.exists()


def test_changing_the_category_asks_its_questions(browser: Client) -> None:
    token = filled(browser)
    page = post(
        browser, reverse("portal:what", args=[token]), {"category": "water-quality", "text": "ماء", "then": "check"}
    )
    assert page.resolver_match.view_name == "portal:where"
    assert drafts.first_missing(Draft.objects.get(token=token).data) == "details"


@pytest.mark.req("B22")
def test_an_anonymous_report_keeps_nobody(browser: Client) -> None:
    case = sent(browser, you={"how": "anonymous"})
    assert case.requester is None
    assert case.channel == "web"


def test_danger_is_shown_before_anything_else(browser: Client) -> None:
    token = begun(browser, "تسرب غاز")
    page = post(browser, reverse("portal:what", args=[token]), {"category": "gas-leak", "text": "تسرب غاز"})
    assert page.resolver_match.view_name == "portal:danger"
    assert "غادروا المبنى" in page.content.decode()
    assert "tel:1111" in page.content.decode()
    page = post(browser, reverse("portal:danger", args=[token]))
    assert page.resolver_match.view_name == "portal:where"


def test_a_confidential_report_says_how_identity_is_protected(browser: Client) -> None:
    token = filled(browser, until="you", category="conduct-integrity")
    page = browser.get(reverse("portal:you", args=[token]))
    assert "w-sealed" in page.content.decode()
    case = sent(browser, category="conduct-integrity")
    assert case.confidential


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ({}, "non-field"),
        ({"lat": "51.5", "lon": "-0.1"}, "outside"),
        ({"address": "x" * 301}, "long"),
        ({"lat": "nan", "lon": "58.4"}, "nan"),
        ({"lat": "1e400", "lon": "58.4"}, "inf"),
        ({"address": "a\0b"}, "nul"),
        ({"area": "atlantis"}, "unknown"),
    ],
)
def test_a_place_that_is_none_is_a_sentence(browser: Client, where: dict[str, str], said: str) -> None:
    del said
    token = filled(browser, until="where")
    page = browser.post(reverse("portal:where", args=[token]), where)
    assert page.status_code == 422
    assert "w-summary" in page.content.decode()


def test_not_about_a_place_and_only_a_part_of_the_city(browser: Client) -> None:
    assert sent(browser, where={"address": "", "lat": "", "lon": "", "area": drafts.NO_PLACE}).area is None
    case = sent(browser, where={"address": "", "lat": "", "lon": "", "area": "seeb"})
    assert case.area is not None
    assert case.area.code == "seeb"


@pytest.mark.parametrize(
    ("you", "field"),
    [
        ({}, "how"),
        ({"how": "named"}, "name"),
        ({"how": "named", "name": "x", "channel": "mail"}, "mail"),
        ({"how": "named", "mail": "not a mail", "channel": "web"}, "mail"),
        ({"how": "named", "phone": "12", "channel": "phone"}, "phone"),
        ({"how": "named", "name": "x", "channel": "pigeon"}, "channel"),
        ({"how": "named", "name": "x\0", "channel": "web"}, "name"),
    ],
)
def test_a_way_of_reply_that_is_none_is_a_sentence(browser: Client, you: dict[str, str], field: str) -> None:
    token = filled(browser, until="you")
    page = browser.post(reverse("portal:you", args=[token]), {"language": "ar", **you})
    assert page.status_code == 422
    assert page.context["form"].errors[field]


@pytest.mark.req("B9")
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jpg", b"MZ\x90 not a picture"),
        ("a.svg", b"<svg onload='alert(1)'/>"),
        ("a.zip", b"PK\x03\x04" + b"0" * 40),
        ("a.jpg", b""),
    ],
)
def test_a_hostile_file_is_refused_and_the_words_stay(browser: Client, name: str, data: bytes) -> None:
    token = filled(browser, until="details")
    page = browser.post(
        reverse("portal:details", args=[token]),
        {"text": "الماء يجري منذ الصباح", "added": SimpleUploadedFile(name, data)},
    )
    assert page.status_code == 422
    assert "الماء يجري منذ الصباح" in page.content.decode()
    assert not Draft.objects.get(token=token).data.get("photos")


def test_photos_come_off_again_and_are_not_too_many(browser: Client) -> None:
    token = filled(browser, until="details")
    url = reverse("portal:details", args=[token])
    colours = ["red", "blue", "green", "white", "black", "yellow", "pink"]
    page = browser.post(url, {"text": "كلمات", "added": [photo(c) for c in colours]})
    assert page.status_code == 422
    kept = Draft.objects.get(token=token).data["photos"]
    assert len(kept) == drafts.MOST_PHOTOS
    post(browser, url, {"text": "كلمات", "remove": str(kept[0]["id"])})
    assert len(Draft.objects.get(token=token).data["photos"]) == drafts.MOST_PHOTOS - 1
    thumb = browser.get(reverse("portal:draft_photo", args=[token, kept[1]["id"]]))
    assert thumb["Content-Type"] == "image/jpeg"
    assert b"SECRET-EXIF" not in b"".join(thumb.streaming_content)  # type: ignore[attr-defined]  # a file response


def test_nobody_reaches_anothers_draft(browser: Client) -> None:
    token = filled(browser)
    stranger = other()
    for name in ("what", "where", "details", "you", "check", "receipt", "danger"):
        assert stranger.get(reverse(f"portal:{name}", args=[token])).status_code == 404
        assert stranger.post(reverse(f"portal:{name}", args=[token])).status_code in (404, 405)
    assert stranger.post(reverse("portal:discard", args=[token])).status_code == 404
    assert stranger.post(reverse("portal:suggestions", args=[token])).status_code == 404
    assert Draft.objects.filter(token=token).exists()


def test_a_draft_is_sealed_and_goes_after_a_day(browser: Client) -> None:
    token = filled(browser)
    assert b"maryam" not in bytes(Draft.objects.get(token=token).sealed)
    with clock.later(timedelta(days=1)):
        assert browser.get(reverse("portal:check", args=[token])).status_code == 410
        assert drafts.purge() == 1


def test_leaving_forgets_the_receipt_too(browser: Client) -> None:
    token = filled(browser)
    post(browser, reverse("portal:check", args=[token]))
    case = Draft.objects.get(token=token).case
    assert case is not None
    assert pin(case) in browser.get(reverse("portal:receipt", args=[token])).content.decode()
    post(browser, reverse("portal:case_leave", args=[case.number]))
    assert browser.get(reverse("portal:receipt", args=[token])).status_code == 410


def test_a_draft_can_be_thrown_away(browser: Client) -> None:
    token = filled(browser)
    assert post(browser, reverse("portal:discard", args=[token])).resolver_match.view_name == "portal:home"
    assert not Draft.objects.filter(token=token).exists()


def test_every_form_wants_its_token(city: City) -> None:
    told = city.report()
    strict = Client(enforce_csrf_checks=True)
    for url in (
        reverse("portal:begin"),
        reverse("portal:track"),
        reverse("portal:verify"),
        reverse("portal:case", args=[told.case.number]),
        reverse("portal:case_answer", args=[told.case.number]),
        reverse("portal:answer", args=[links.make(told.case)]),
        reverse("portal:case_add", args=[told.case.number]),
        reverse("portal:case_pin", args=[told.case.number]),
    ):
        assert strict.post(url, {"text": "x", "verdict": "solved"}).status_code == 403, url


def test_words_are_never_taken_for_markup(browser: Client) -> None:
    case = sent(
        browser,
        text=HOSTILE,
        what={"text": HOSTILE},
        where={"address": HOSTILE},
        details={"text": HOSTILE},
        you={"name": HOSTILE},
    )
    post(browser, reverse("portal:case_add", args=[case.number]), {"text": HOSTILE})
    page = browser.get(reverse("portal:case", args=[case.number])).content.decode()
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    token = filled(browser, text=HOSTILE, details={"text": HOSTILE}, where={"address": HOSTILE})
    for name in ("what", "where", "details", "you", "check"):
        page = browser.get(reverse(f"portal:{name}", args=[token])).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x" not in page


# --- track ---


def unlocked(case: Case, client: Client | None = None) -> Client:
    """A browser that entered number and PIN."""
    found = client or other()
    page = post(found, reverse("portal:track"), {"number": acceptance.grouped(case.number), "pin": pin(case)})
    assert page.resolver_match.view_name == "portal:case"
    return found


@pytest.mark.req("C8", "J12")
def test_number_and_pin_in_arabic_digits_open_the_case(city: City, browser: Client) -> None:
    told = city.report()
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    page = post(
        browser,
        reverse("portal:track"),
        {"number": acceptance.grouped(told.case.number).translate(arabic), "pin": told.pin.translate(arabic)},
    )
    assert "The water runs down the street." in page.content.decode()


def test_the_link_in_a_message_brings_the_number(city: City) -> None:
    told = city.report()
    page = other().get(reverse("portal:track"), {"number": told.case.number}, follow=True)
    assert page.resolver_match.view_name == "portal:case"
    assert acceptance.grouped(told.case.number) in page.content.decode()
    assert other().get(reverse("portal:track"), {"number": "12\0"}).status_code == 200


@pytest.mark.req("C8")
def test_a_wrong_pin_and_an_unknown_number_get_the_same_answer(city: City) -> None:
    told = city.report()
    unknown = acceptance.make(999_999, 2026)
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"

    def answer(number: str) -> str:
        page = other().post(reverse("portal:track"), {"number": number, "pin": wrong})
        assert page.status_code == 422
        return re.sub(
            r'(csrfmiddlewaretoken" value="[^"]*|X-CSRFToken": "[^"]*|value="\d+")', "", page.content.decode()
        )

    assert answer(told.case.number) == answer(unknown)


@pytest.mark.req("C8")
@pytest.mark.parametrize("exists", [True, False])
def test_five_wrong_pins_lock_the_number_for_everybody(city: City, exists: bool) -> None:
    told = city.report()
    number = told.case.number if exists else acceptance.make(999_998, 2026)
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"
    for _ in range(5):
        assert other().post(reverse("portal:track"), {"number": number, "pin": wrong}).status_code == 422
    page = other().post(reverse("portal:track"), {"number": number, "pin": told.pin})
    assert page.status_code == 429
    assert int(page["Retry-After"]) > 3000
    if exists:
        with clock.later(timedelta(hours=1, seconds=1)):
            assert other().post(reverse("portal:track"), {"number": number, "pin": told.pin}).status_code == 302


def test_the_right_pin_forgets_the_wrong_ones(city: City) -> None:
    told = city.report()
    wrong = f"{(int(told.pin) + 1) % 10**6:06d}"
    for _ in range(4):
        other().post(reverse("portal:track"), {"number": told.case.number, "pin": wrong})
    unlocked(told.case)
    for _ in range(4):
        other().post(reverse("portal:track"), {"number": told.case.number, "pin": wrong})
    unlocked(told.case)


def test_the_number_alone_tells_only_what_is_public(city: City) -> None:
    waiting = city.report()
    unknown = other().get(reverse("portal:case", args=[acceptance.make(999_997, 2026)])).content.decode()
    page = other().get(reverse("portal:case", args=[waiting.case.number])).content.decode()
    assert "w-status" not in page
    assert "w-status" not in unknown
    public = city.report().registered()
    page = other().get(reverse("portal:case", args=[public.case.number])).content.decode()
    assert "w-status" in page
    assert "The water runs" not in page
    assert "maryam" not in page
    secret = city.report("conduct-integrity").registered()
    assert "w-status" not in other().get(reverse("portal:case", args=[secret.case.number])).content.decode()


def test_the_door_shuts_after_a_while_with_a_new_pin_and_on_leaving(city: City) -> None:
    told = city.report()
    url = reverse("portal:case", args=[told.case.number])
    mine = unlocked(told.case)
    with clock.later(timedelta(hours=3)):
        assert "The water runs" not in mine.get(url).content.decode()
    fresh = mine.post(reverse("portal:case_pin", args=[told.case.number])).content.decode()
    told.fresh()
    assert told.case.pin_generation == 1
    assert pin(told.case) in fresh
    assert "The water runs" in mine.get(url).content.decode()
    second = unlocked(told.case)
    mine.post(reverse("portal:case_pin", args=[told.case.number]))
    assert "The water runs" not in second.get(url).content.decode()
    post(mine, reverse("portal:case_leave", args=[told.case.number]))
    assert "The water runs" not in mine.get(url).content.decode()


def test_nothing_can_be_done_to_a_case_that_is_not_open_here(city: City) -> None:
    told = city.report()
    for name in ("case_answer", "case_add", "case_reopen", "case_pin"):
        assert other().post(reverse(f"portal:{name}", args=[told.case.number]), {"text": "xyz"}).status_code == 404
    assert told.verbs() == ["case.received"]


def test_the_story_shows_no_internal_word_and_no_reply_before_it_is_told(city: City) -> None:
    from wasl.core.cases import actions

    told = city.report().dispatched_to()
    actions.note(told.fresh(), by=city.agent, text="INTERNAL NOTE")
    told.replied(text="REPLY WORDS of the unit")
    mine = unlocked(told.case)
    url = reverse("portal:case", args=[told.case.number])
    page = mine.get(url).content.decode()
    assert "INTERNAL NOTE" not in page
    assert "REPLY WORDS" not in page
    told.told()
    page = mine.get(url).content.decode()
    assert "REPLY WORDS" in page
    assert "INTERNAL NOTE" not in page


def test_words_and_photos_are_added_once(city: City) -> None:
    told = city.report()
    mine = unlocked(told.case)
    url = reverse("portal:case_add", args=[told.case.number])
    for _ in range(2):
        post(mine, url, {"text": "It is worse today.", "added": photo()})
    assert told.verbs() == ["case.received", "case.added"]
    files = Attachment.objects.filter(contact__case=told.case)
    assert files.count() == 1
    page = mine.get(reverse("portal:case", args=[told.case.number])).content.decode()
    assert "It is worse today." in page
    shown = mine.get(reverse("portal:case_file", args=[told.case.number, files[0].pk, "shown"]))
    assert shown.status_code == 200
    assert b"SECRET-EXIF" not in b"".join(shown.streaming_content)  # type: ignore[attr-defined]  # a file response
    assert other().get(reverse("portal:case_file", args=[told.case.number, files[0].pk, "shown"])).status_code == 404
    foreign = city.report()
    assert (
        unlocked(foreign.case)
        .get(reverse("portal:case_file", args=[foreign.case.number, files[0].pk, "shown"]))
        .status_code
        == 404
    )
    assert mine.post(url, {"text": ""}).status_code == 422
    assert mine.post(url, {"text": "a\0b"}).status_code == 422


# --- the answer ---


@pytest.fixture
def told(city: City) -> Any:
    """A case that the citizen was told of and asked about."""
    return city.report().dispatched_to().replied().told()


@pytest.mark.req("I1", "F1")
def test_the_answer_link_says_solved_and_the_case_closes(told: Any) -> None:
    url = reverse("portal:answer", args=[links.make(told.case)])
    page = other().get(url)
    assert page.status_code == 200
    assert "We repaired it on Thursday" in page.content.decode()
    assert told.fresh().state == "told"
    done = post(other(), url, {"verdict": "solved", "rating": "5", "comment": "شكرا", "seen": str(told.case.version)})
    assert done.status_code == 200
    case = told.fresh()
    assert (case.state, case.verdict, case.rating) == ("closed", "solved", 5)
    again = other().post(url, {"verdict": "not_solved", "seen": str(case.version)})
    assert again.status_code == 409
    assert told.fresh().verdict == "solved"


def test_looking_changes_nothing(told: Any) -> None:
    before = told.verbs()
    url = reverse("portal:answer", args=[links.make(told.case)])
    for _ in range(3):
        assert other().get(url, {"verdict": "solved", "rating": "5"}).status_code == 200
        assert other().head(url).status_code == 200
    assert told.verbs() == before


@pytest.mark.parametrize("verdict", ["partly", "not_solved", "nobody_came"])
def test_a_no_goes_back_to_the_centre_with_rating_and_pressure(told: Any, verdict: str) -> None:
    mine = unlocked(told.case)
    post(
        mine,
        reverse("portal:case_answer", args=[told.case.number]),
        {"verdict": verdict, "rating": "1", "comment": "Still wet.", "pressured": "on", "seen": str(told.case.version)},
    )
    case = told.fresh()
    assert (case.state, case.verdict, case.rating, case.pressured) == ("contested", verdict, 1, True)
    assert "Still wet." in mine.get(reverse("portal:case", args=[case.number])).content.decode()


def test_an_answer_to_an_old_screen_is_not_taken(told: Any) -> None:
    url = reverse("portal:answer", args=[links.make(told.case)])
    page = other().post(url, {"verdict": "solved", "comment": "my words", "seen": str(told.case.version - 1)})
    assert page.status_code == 409
    assert "my words" in page.content.decode()
    assert told.fresh().state == "told"


@pytest.mark.parametrize(
    "data", [{}, {"verdict": "maybe"}, {"verdict": "solved", "rating": "9"}, {"verdict": "solved", "pressured": "on"}]
)
def test_an_answer_that_is_none_is_a_sentence(told: Any, data: dict[str, str]) -> None:
    page = other().post(reverse("portal:answer", args=[links.make(told.case)]), data)
    assert page.status_code == 422
    assert told.fresh().state == "told"


def test_a_forged_an_old_and_a_void_link_do_nothing(told: Any) -> None:
    good = links.make(told.case)
    wrong_purpose = links.make(told.case, links.TRACK)
    for token in (good[:-1] + ("A" if good[-1] != "A" else "B"), wrong_purpose, "x", "a:b", good.split(":")[0]):
        assert other().post(reverse("portal:answer", args=[token]), {"verdict": "solved"}).status_code == 404
    with clock.later(timedelta(days=61)):
        assert other().post(reverse("portal:answer", args=[good]), {"verdict": "solved"}).status_code == 404
    unlocked(told.case).post(reverse("portal:case_pin", args=[told.case.number]))
    assert other().post(reverse("portal:answer", args=[good]), {"verdict": "solved"}).status_code == 404
    assert told.fresh().state == "told"


def test_the_link_speaks_the_language_of_the_report(told: Any) -> None:
    page = Client(headers={"accept-language": "en"}).get(reverse("portal:answer", args=[links.make(told.case)]))
    assert 'lang="ar"' in page.content.decode()


def test_a_closed_case_is_opened_again_in_time_only(told: Any) -> None:
    told.confirmed()
    url = reverse("portal:answer", args=[links.make(told.case)])
    assert other().post(url, {"do": "reopen", "text": ""}).status_code == 422
    with clock.later(timedelta(days=40)):
        assert other().post(url, {"do": "reopen", "text": "Broken again."}).status_code == 409
    post(other(), url, {"do": "reopen", "text": "Broken again.", "seen": str(told.fresh().version)})
    assert told.fresh().state == "contested"


# --- the rest ---


@pytest.mark.parametrize("language", ["ar", "en", "zh-hans"])
@pytest.mark.parametrize(
    "name", ["home", "reach", "begin", "complaint", "suggestion", "feedback", "track", "status", "verify"]
)
def test_the_pages_stand_in_three_languages(city: City, language: str, name: str) -> None:
    browser = other(language)
    page = browser.get(reverse(f"portal:{name}"))
    assert page.status_code == 200
    assert page.headers["Content-Security-Policy"]
    assert " style=" not in page.content.decode().split("<body")[1]


def test_a_suggestion_has_its_kind(browser: Client) -> None:
    token = begun(browser, "أقترح حديقة", "portal:suggestion")
    assert Draft.objects.get(token=token).data["kind"] == "suggestion"
    page = post(browser, reverse("portal:what", args=[token]), {"category": "playground", "text": "أقترح حديقة"})
    assert page.status_code == 200
    assert Draft.objects.get(token=token).data["kind"] == "suggestion"


def test_the_areas_are_served_as_shapes(city: City) -> None:
    page = Client().get("/areas.geojson")
    assert page["Content-Type"] == "application/geo+json"
    assert "max-age" in page["Cache-Control"]
    features = page.json()["features"]
    assert {f["properties"]["code"] for f in features} >= set(POINTS)
    assert {f["properties"]["parent"] for f in features} == {"", "muscat"}


@pytest.mark.req("P6")
def test_a_receipt_is_verified_and_a_false_one_is_not(city: City) -> None:
    from wasl.core.cases import journal

    told = city.report()
    receipt = bytes(told.case.entries.get(seq=1).hash).hex()
    url = reverse("portal:verify")
    good = other().post(url, {"number": told.case.number, "receipt": receipt}).content.decode()
    assert "w-status-good" in good
    for number, given in (
        (told.case.number, "0" * 64),
        (acceptance.make(999_996, 2026), receipt),
        (told.case.number, "zz"),
        ("x", receipt),
    ):
        page = other().post(url, {"number": number, "receipt": given}).content.decode()
        assert "w-status-good" not in page
    with clock.later(timedelta(days=1, hours=1)):
        roots = journal.take_roots()
        page = other().post(url, {"number": told.case.number, "receipt": receipt}).content.decode()
    assert bytes(roots[-1].hash).hex() in page


def test_the_honesty_line_counts_what_citizens_confirmed(city: City) -> None:
    from django.core.cache import cache

    from wasl.faces.portal.queries import honesty

    cache.delete("portal-honesty")
    city.report().dispatched_to().replied().told().confirmed()
    city.report().dispatched_to().replied().told().contested()
    city.report()
    found = honesty()
    assert (found.this_week, found.confirmed) == (3, 50)
    assert found.median_days == 0.0
    assert Client().get("/").status_code == 200
    cache.delete("portal-honesty")


def test_too_many_of_one_visitor_wait(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    from wasl.faces.portal import access

    monkeypatch.setitem(access.LIMITS, "portal-report", (2, 3600))
    browser = other()
    for _ in range(2):
        assert browser.post(reverse("portal:begin"), {"text": "x"}).status_code == 302
    page = browser.post(reverse("portal:begin"), {"text": "x"})
    assert page.status_code == 429
    assert page["Retry-After"]


@pytest.mark.parametrize(
    "url",
    ["/report/%00/what/", "/track/%00/", "/answer/%00/", "/track/12345/", "/track/٢٦/", "/answer/" + "A" * 5000 + "/"],
)
def test_strange_addresses_are_not_found(city: City, url: str) -> None:
    assert Client().get(url).status_code == 404


def test_a_text_of_ten_megabytes_and_nul_bytes_are_refused(browser: Client) -> None:
    assert browser.post(reverse("portal:begin"), {"text": "x" * 10_000_000}).status_code == 413
    assert browser.post(reverse("portal:begin"), {"text": "x" * 5001}).status_code == 422
    assert browser.post(reverse("portal:begin"), {"text": "a\0b"}).status_code == 422
    token = begun(browser)
    assert (
        browser.post(reverse("portal:what", args=[token]), {"text": "a\0", "category": "water-leak"}).status_code == 422
    )
    assert browser.post(reverse("portal:what", args=[token]), {"text": "a", "category": "no-such\0"}).status_code == 422
    assert browser.post(reverse("portal:what", args=[token]), {"text": "a", "category": "water"}).status_code == 422
