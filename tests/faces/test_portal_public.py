"""Public requests for everybody: what is listed and drawn, what never is, paging, filters, what search engines may."""

import json
from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from tests.city import POINTS, City
from tests.faces.citizen import HOSTILE, other, unlocked
from wasl.core.cases import actions
from wasl.core.cases.models import Case
from wasl.core.contacts import actions as contacts
from wasl.core.contacts.models import Attachment
from wasl.faces.portal import public
from wasl.kernel import acceptance, clock

pytestmark = pytest.mark.django_db
LIST = "/cases/"


def listing(query: str = "", browser: Client | None = None) -> str:
    page = (browser or other()).get(f"{LIST}{query}")
    assert page.status_code == 200
    return page.content.decode()


def address(case: Case) -> str:
    return reverse("portal:public_case", args=[case.number])


@pytest.mark.req("F11", "J12")
@pytest.mark.slow
def test_only_public_requests_are_listed_drawn_and_shown(city: City) -> None:
    told = city.report().dispatched_to()
    hidden = [
        city.report().case,  # nobody has read it yet
        city.report("conduct-integrity").registered().case,
        city.report(against=city.officer("water").posts.get().unit).registered().case,
    ]
    secret = city.report().registered()
    actions.flag(secret.fresh(), by=city.agent, flags={"confidential": True})
    hidden.append(secret.case)
    page = listing()
    drawn = other().get(reverse("portal:public_points")).content.decode()
    assert address(told.case) in page
    assert address(told.case) in drawn
    assert other().get(address(told.case)).status_code == 200
    for case in hidden:
        assert case.number not in page
        assert case.number not in drawn
        assert other().get(address(case)).status_code == 404
        assert unlocked(case).get(address(case)).status_code == 404


@pytest.mark.req("F11")
def test_nothing_personal_and_no_word_but_the_centre_s_is_public(city: City) -> None:
    told = city.report(body="My house, Way 33, call 92345678", address="Way 33, house 7").dispatched_to().signed()
    actions.note(told.fresh(), by=city.agent, text="INTERNAL WORD")
    actions.publish(told.fresh(), by=city.second_line, text=f"A leak in the street. {HOSTILE}")
    told.replied(text="REPLY WORD").told().contested()
    for page in (listing(), other().get(address(told.case)).content.decode()):
        assert "A leak in the street." in page
        assert "<script>alert" not in page
        for word in ("My house", "92345678", "house 7", "maryam", "مريم", "INTERNAL", "REPLY WORD", "still there"):
            assert word not in page
        assert "You said" not in page
    drawn = json.loads(other().get(reverse("portal:public_points")).content)
    assert set(drawn["features"][0]["properties"]) == {"url", "label", "done"}


def test_the_place_is_exact_to_the_street(city: City) -> None:
    told = city.report().registered()
    Case.objects.filter(pk=told.case.pk).update(lat=23.5876543, lon=58.4059876)
    drawn = other().get(reverse("portal:public_points")).json()
    assert drawn["features"][0]["geometry"]["coordinates"] == [58.406, 23.588]
    page = other().get(address(told.case)).content.decode()
    assert 'data-pin="23.588,58.406"' in page
    assert "23.58765" not in page


@pytest.mark.slow
def test_list_and_map_show_the_same_and_filters_narrow_both(city: City) -> None:
    leak = city.report().registered().case
    light = city.report("street-light-out", area="seeb").registered().case
    done = city.report().dispatched_to().replied().told().confirmed().case

    def found(query: str) -> set[str]:
        page = listing(query)
        drawn = other().get(f"{reverse('portal:public_points')}{query}").json()["features"]
        urls = {feature["properties"]["url"] for feature in drawn}
        assert all(url in page for url in urls)
        assert page.count("<h3>") == len(urls)
        return {case.number for case in (leak, light, done) if address(case) in urls}

    assert found("") == {leak.number, light.number, done.number}
    assert found("?category=water") == {leak.number, done.number}
    assert found("?area=seeb") == {light.number}
    assert found("?area=muscat") == {leak.number, light.number, done.number}
    assert found("?state=closed") == found("?state=confirmed") == {done.number}
    assert found("?state=open&category=water") == {leak.number}
    assert found("?category=no-such&area='--&state=x&period=9") == {leak.number, light.number, done.number}
    with clock.later(timedelta(days=8)):
        assert found("?period=7") == set()
        assert found("?period=30") == {leak.number, light.number, done.number}
    with clock.later(timedelta(days=91)):
        assert found("") == set()
        assert len(found("?period=all")) == 3


def test_paging_by_key_goes_there_and_back_and_loses_none(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "PAGE", 2)
    numbers = [city.report().registered().case.number for _ in range(5)]
    # Two came at the same instant.
    first = Case.objects.get(number=numbers[0])
    Case.objects.filter(number=numbers[1]).update(received_at=first.received_at)
    expected = list(Case.objects.order_by("-received_at", "-pk").values_list("number", flat=True))
    seen, after = [], ""
    pages = []
    while True:
        rows, newer, older = public.page_of(public.listed({}), after=after)
        pages.append([case.number for case in rows])
        seen += pages[-1]
        assert newer == (after != "")
        if not older:
            break
        after = public._key(rows[-1])
    assert seen == expected
    rows, newer, older = public.page_of(public.listed({}), before=public._key(Case.objects.get(number=pages[2][0])))
    assert ([case.number for case in rows], newer, older) == (pages[1], True, True)
    for key in ("x", "1-2-3", "9" * 40, "-", "١٢-٣", "1-" + "9" * 30):
        assert other().get(LIST, {"after": key}).status_code == 200


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (lambda t: t, "Registered"),
        (lambda t: t.dispatched_to(), "They must answer by"),
        (lambda t: t.dispatched_to().replied(), "the centre checks the reply"),
        (lambda t: t.dispatched_to().replied().told(), "is asked whether it is solved"),
        (lambda t: t.dispatched_to().replied().told().contested(), "Not solved, says who reported it"),
        (lambda t: t.dispatched_to().replied().told().confirmed(), "solved, says who reported it"),
    ],
)
@pytest.mark.slow
def test_each_state_is_said_to_bystanders(city: City, happens: object, said: str) -> None:
    told = happens(city.report().registered())  # type: ignore[operator]  # a step of the parameters
    page = other().get(address(told.fresh())).content.decode()
    assert said in page
    main = page.split("<main", 1)[1].split("</main", 1)[0]
    assert "ou said" not in main


def test_released_photos_only(city: City) -> None:
    from io import BytesIO

    from PIL import Image

    out = BytesIO()
    Image.new("RGB", (64, 48), "red").save(out, "JPEG")
    told = city.report(attachments=[contacts.keep(out.getvalue(), "photo.jpg")]).registered()
    file = Attachment.objects.get(contact__case=told.case)
    url = reverse("portal:public_photo", args=[told.case.number, file.pk, "thumb"])
    assert default_storage.exists(file.thumb)
    assert other().get(url).status_code == 404
    Attachment.objects.filter(pk=file.pk).update(public=True)
    assert url in other().get(address(told.case)).content.decode()
    shown = other().get(url)
    assert shown.status_code == 200
    assert b"".join(shown.streaming_content)  # type: ignore[attr-defined]  # a file response
    assert other().get(url.replace("thumb", "original")).status_code == 404
    elsewhere = city.report().registered().case.number
    assert other().get(reverse("portal:public_photo", args=[elsewhere, file.pk, "thumb"])).status_code == 404


def test_search_engines_and_caches_are_told(city: City) -> None:
    told = city.report().registered()
    page = other().get(address(told.case))
    assert page["X-Robots-Tag"] == "noindex"
    assert "private" in page["Cache-Control"]
    assert "noindex" in listing("?state=open")
    assert "noindex" not in listing()
    robots = other().get("/robots.txt")
    assert robots["Content-Type"].startswith("text/plain")
    assert "public" in robots["Cache-Control"]
    for path in ("/me/", "/track/", "/answer/", "/desk/", "/report/"):
        assert f"Disallow: {path}" in robots.content.decode()
    assert "Disallow: /cases/" not in robots.content.decode()


def test_a_number_as_people_write_it_leads_to_the_page(city: City) -> None:
    case = city.report().registered().case
    grouped = acceptance.grouped(case.number)
    assert other().get(reverse("portal:public_case", args=[grouped]))["Location"] == address(case)
    for strange in ("x", "%00", "0" * 400):
        assert other().get(f"{LIST}{strange}/").status_code == 404


def test_the_owner_is_led_to_his_own_page(city: City) -> None:
    case = city.report().registered().case
    assert "This is your report" in unlocked(case).get(address(case)).content.decode()
    assert "This is your report" not in other().get(address(case)).content.decode()


def test_points_lie_inside_the_city(city: City) -> None:
    city.report(area="qurayyat").registered()
    lon, lat = other().get(reverse("portal:public_points")).json()["features"][0]["geometry"]["coordinates"]
    assert (round(lat, 2), round(lon, 2)) == POINTS["qurayyat"]
