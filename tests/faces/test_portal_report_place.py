"""Where it is: the place of a photo, how exact a position is, and the similar reports around it."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import ExifTags, Image

from tests.city import POINTS, City
from tests.faces.citizen import HOSTILE, filled, other, post, sent, wrong
from wasl.core.cases import actions
from wasl.core.cases.models import Case
from wasl.faces.portal.models import Draft

pytestmark = pytest.mark.django_db
LAT, LON = POINTS["bawshar"]
LONDON = (51.5, -0.1)


def degrees(value: float) -> tuple[float, float, float]:
    whole = int(abs(value))
    minutes = (abs(value) - whole) * 60
    return float(whole), float(int(minutes)), round((minutes - int(minutes)) * 60, 4)


def photo_at(lat: float, lon: float, colour: str = "red") -> SimpleUploadedFile:
    """A photo whose camera wrote down where it stood."""
    exif, out = Image.Exif(), BytesIO()
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef.value] = "N" if lat >= 0 else "S"
    place[ExifTags.GPS.GPSLatitude.value] = degrees(lat)
    place[ExifTags.GPS.GPSLongitudeRef.value] = "E" if lon >= 0 else "W"
    place[ExifTags.GPS.GPSLongitude.value] = degrees(lon)
    Image.new("RGB", (64, 48), colour).save(out, "JPEG", exif=exif)
    return SimpleUploadedFile("leak.jpg", out.getvalue(), content_type="image/jpeg")


def at_where(browser: Client) -> tuple[str, str]:
    token = filled(browser, until="where")
    return token, reverse("portal:where", args=[token])


@pytest.mark.req("B9", "P4")
def test_a_photo_gives_its_place_when_it_is_asked_to_and_not_before(browser: Client) -> None:
    token, url = at_where(browser)
    page = post(browser, url, {"address": "الخوير", "do": "photo", "added": photo_at(LAT, LON)})
    draft = Draft.objects.get(token=token)
    assert page.resolver_match.view_name == "portal:where"
    assert draft.data["address"] == "الخوير"
    assert draft.data.get("lat") is None
    photo = draft.data["photos"][0]
    assert f'name="photo_place" value="{photo["id"]}"' in page.content.decode()
    page = post(browser, url, {"address": "الخوير", "photo_place": str(photo["id"])})
    data = Draft.objects.get(token=token).data
    assert (data["lat"], data["lon"]) == pytest.approx((LAT, LON), abs=1e-5)
    assert data["accuracy"] is None
    page = post(browser, url, {"address": "الخوير", "lat": str(data["lat"]), "lon": str(data["lon"])})
    assert page.resolver_match.view_name == "portal:details"
    assert "/photo/" in page.content.decode()


@pytest.mark.req("B9")
def test_a_camera_that_lies_is_not_believed(browser: Client) -> None:
    token, url = at_where(browser)
    page = post(browser, url, {"do": "photo", "added": photo_at(*LONDON)})
    assert 'name="photo_place"' not in page.content.decode()
    photo = Draft.objects.get(token=token).data["photos"][0]
    post(browser, url, {"photo_place": str(photo["id"])})
    assert Draft.objects.get(token=token).data.get("lat") is None


@pytest.mark.parametrize("wanted", ["1", "-1", "x", "9" * 40, "\0"])
@pytest.mark.slow
def test_a_photo_that_is_not_his_gives_no_place(browser: Client, wanted: str) -> None:
    token, url = at_where(browser)
    stranger = other()
    theirs = filled(stranger, until="where")
    post(stranger, reverse("portal:where", args=[theirs]), {"do": "photo", "added": photo_at(LAT, LON)})
    foreign = str(Draft.objects.get(token=theirs).data["photos"][0]["id"])
    for number in (wanted, foreign):
        assert post(browser, url, {"photo_place": number}).status_code == 200
        assert Draft.objects.get(token=token).data.get("lat") is None


def test_what_is_no_photo_is_a_sentence_and_the_address_stays(browser: Client) -> None:
    _, url = at_where(browser)
    page = browser.post(
        url, {"address": "الخوير", "do": "photo", "added": SimpleUploadedFile("a.jpg", b"MZ\x90 not one")}
    )
    assert page.status_code == 422
    assert "الخوير" in page.content.decode()
    assert wrong(page) == ["added"]


@pytest.mark.req("B9")
def test_how_exact_a_position_is_goes_with_it_to_the_case(browser: Client) -> None:
    exact = {"address": "", "lat": str(LAT), "lon": str(LON), "accuracy": "١٨"}
    token = filled(browser, where=exact)
    page = browser.get(reverse("portal:where", args=[token])).content.decode()
    assert "18 م" in page
    post(browser, reverse("portal:check", args=[token]))
    case = Draft.objects.get(token=token).case
    assert case is not None
    assert case.accuracy_m == 18


@pytest.mark.parametrize("accuracy", ["-1", "nan", "1e400", "<b>"])
def test_an_accuracy_that_is_none_is_refused(browser: Client, accuracy: str) -> None:
    _, url = at_where(browser)
    assert browser.post(url, {"lat": str(LAT), "lon": str(LON), "accuracy": accuracy}).status_code == 422


# --- similar reports ---


def known(city: City, category: str = "water-leak", **more: Any) -> Case:
    return city.report(category, **more).registered().case


@pytest.mark.req("B6")
def test_the_same_report_close_by_is_joined_in_one_go(city: City, browser: Client) -> None:
    head = known(city, body="SECRET-WORDS of somebody else", address="SECRET-ADDRESS")
    actions.publish(head, by=city.supervisor, text="Water on the street. " + HOSTILE)
    token, url = at_where(browser)
    page = post(browser, url, {"address": "الخوير", "lat": str(LAT + 0.0005), "lon": str(LON)})
    words = page.content.decode()
    assert page.resolver_match.view_name == "portal:similar"
    assert "60 م" in words
    assert "Water on the street." in words
    assert "<script>alert" not in words
    assert "SECRET" not in words
    assert "مريم" not in words
    page = post(browser, reverse("portal:similar", args=[token]), {"same": head.number})
    # The head has told the questions of its category; his own words are there from the first page.
    assert page.resolver_match.view_name == "portal:you"
    page = post(browser, reverse("portal:you", args=[token]), {"how": "anonymous", "language": "ar"})
    assert page.resolver_match.view_name == "portal:check"
    assert page.content.decode().count("60 م") == 1
    receipt = post(browser, reverse("portal:check", args=[token]))
    case = Draft.objects.get(token=token).case
    assert case is not None
    assert (case.state, case.head_id) == ("joined", head.pk)
    assert case.number != head.number
    assert receipt.status_code == 200
    assert [e.verb for e in case.entries.order_by("seq")] == ["case.received", "case.joined"]


def test_mine_is_another_one_and_is_not_asked_twice(city: City, browser: Client) -> None:
    known(city)
    token, url = at_where(browser)
    where = {"lat": str(LAT), "lon": str(LON)}
    assert post(browser, url, where).resolver_match.view_name == "portal:similar"
    page = post(browser, reverse("portal:similar", args=[token]), {"same": ""})
    assert page.resolver_match.view_name == "portal:details"
    assert post(browser, url, where).resolver_match.view_name == "portal:details"
    assert post(browser, url, {**where, "lat": str(LAT + 0.0004)}).resolver_match.view_name == "portal:similar"


def test_who_fits_none_takes_the_category_of_the_same(city: City, browser: Client) -> None:
    head = known(city)
    token, url = at_where(browser)
    post(browser, reverse("portal:what", args=[token]), {"category": "-", "text": "تسريب ماء في الشارع"})
    assert post(browser, url, {"lat": str(LAT), "lon": str(LON)}).resolver_match.view_name == "portal:similar"
    post(browser, reverse("portal:similar", args=[token]), {"same": head.number})
    assert Draft.objects.get(token=token).data["category"] == "water-leak"


@pytest.mark.req("B22")
@pytest.mark.parametrize("category", ["conduct-integrity", "gas-leak"])
def test_what_the_centre_must_read_is_never_compared(city: City, browser: Client, category: str) -> None:
    known(city)
    token = filled(browser, until="where", category=category)
    page = post(browser, reverse("portal:where", args=[token]), {"lat": str(LAT), "lon": str(LON)})
    assert page.resolver_match.view_name == "portal:details"


@pytest.mark.req("B22")
def test_a_guessed_number_joins_nothing(city: City, browser: Client) -> None:
    shown = known(city)
    hidden = known(city, "conduct-integrity")
    far = known(city, place=POINTS["seeb"])
    token, url = at_where(browser)
    post(browser, url, {"lat": str(LAT), "lon": str(LON)})
    for number in (hidden.number, far.number, "26 000000 00", HOSTILE, "9" * 400):
        page = browser.post(reverse("portal:similar", args=[token]), {"same": number})
        assert page.status_code == 422
        assert hidden.number not in page.content.decode()
        assert shown.number in page.content.decode()
    assert not Draft.objects.get(token=token).data.get("same_as")


def test_a_head_that_was_done_in_the_meantime_leaves_the_report_by_itself(city: City, browser: Client) -> None:
    told = city.report().registered()
    token = filled(browser, until="where")
    post(browser, reverse("portal:where", args=[token]), {"lat": str(LAT), "lon": str(LON)})
    post(browser, reverse("portal:similar", args=[token]), {"same": told.case.number})
    post(browser, reverse("portal:you", args=[token]), {"how": "anonymous", "language": "ar"})
    told.dispatched_to().replied()
    page = post(browser, reverse("portal:check", args=[token]))
    assert page.resolver_match.view_name == "portal:receipt"
    case = Draft.objects.get(token=token).case
    assert case is not None
    assert (case.state, case.head_id) == ("received", None)


def test_another_category_or_place_forgets_the_same(city: City, browser: Client) -> None:
    head = known(city)
    token, url = at_where(browser)
    post(browser, url, {"lat": str(LAT), "lon": str(LON)})
    post(browser, reverse("portal:similar", args=[token]), {"same": head.number})
    post(browser, url, {"lat": str(POINTS["seeb"][0]), "lon": str(POINTS["seeb"][1])})
    assert not Draft.objects.get(token=token).data["same_as"]


def test_nobody_sees_what_is_similar_to_anothers_draft(city: City, browser: Client) -> None:
    known(city)
    token, url = at_where(browser)
    post(browser, url, {"lat": str(LAT), "lon": str(LON)})
    assert other().get(reverse("portal:similar", args=[token])).status_code == 404
    assert other().post(reverse("portal:similar", args=[token]), {"same": ""}).status_code == 404


# --- what was begun ---


@pytest.mark.slow
def test_drafts_are_listed_where_a_report_begins(browser: Client) -> None:
    first, second = filled(browser, until="where"), filled(browser)
    page = browser.get(reverse("portal:begin")).content.decode()
    assert reverse("portal:where", args=[first]) in page
    assert reverse("portal:check", args=[second]) in page
    assert first not in other().get(reverse("portal:begin")).content.decode()
    gone = post(browser, reverse("portal:discard", args=[first]), {"then": "begin"})
    assert gone.resolver_match.view_name == "portal:begin"
    assert first not in gone.content.decode()
    sent(browser)
    assert browser.get(reverse("portal:begin")).content.decode().count("w-kept-title") == 1
